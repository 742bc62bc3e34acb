"""The log streams of functions: what environments say, written to CloudWatch Logs by their role.

Nothing is written while somebody waits for an answer: what was said is gathered, and one task at a time puts it into the
streams a moment later. A role that may not write logs has none, as on AWS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError

if TYPE_CHECKING:
    from kumoniwa.engines.lambda_runtime.environment import Environment

GATHER_S = 0.1
EVENT_BYTES_MAX = 262_118
BATCH_BYTES_MAX = 1_048_576
BATCH_EVENTS_MAX = 10_000
EVENT_OVERHEAD_BYTES = 26
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html


class Stream:
    """One environment's log stream, and what is not in it yet."""

    __slots__ = ("role", "group", "name", "events", "is_made", "is_over")

    def __init__(self, role: Call, group: str, name: str) -> None:
        self.role, self.group, self.name = role, group, name
        self.events: list[tuple[float, str]] = []
        self.is_made = self.is_over = False


class Streams:
    """The streams of a region's environments."""

    def __init__(self, home) -> None:
        self.home = home
        self.streams: dict[str, Stream] = {}
        self.task: asyncio.Task | None = None
        self.is_closing = False

    def open(self, role: Call, group: str, name: str) -> None:
        """Before the environment starts: the role that will write its stream."""
        self.streams[name] = Stream(role, group, name)

    def end(self, name: str) -> None:
        """The environment is gone; what it said is still written."""
        stream = self.streams.get(name)
        if stream is not None:
            stream.is_over = True
            self._soon()

    def add(self, environment: Environment, events: list[tuple[float, str]]) -> None:
        self.streams[environment.spec.log_stream].events += events
        self._soon()

    def _soon(self) -> None:
        if self.task is None and not self.is_closing:
            self.task = self.home.spawn(self._write_later())

    async def _write_later(self) -> None:
        try:
            await asyncio.sleep(GATHER_S)
            await self.write()
        finally:
            self.task = None

    async def close(self) -> None:
        """Write what the last environments said, now."""
        self.is_closing = True
        await self.write()

    async def write(self) -> None:
        """Put everything said so far into its streams."""
        while said := [stream for stream in self.streams.values() if stream.events]:
            for stream in said:
                events, stream.events = stream.events, []
                try:
                    await _put(stream, events)
                except BaseException:
                    # The region closes in the middle: rather twice than never.
                    stream.events = events + stream.events
                    raise
        self.streams = {name: stream for name, stream in self.streams.items() if not stream.is_over or stream.events}


async def _put(stream: Stream, events: list[tuple[float, str]]) -> None:
    try:
        if not stream.is_made:
            await _make(stream)
        for batch in _batches(events):
            place = {"logGroupName": stream.group, "logStreamName": stream.name, "logEvents": batch}
            try:
                await stream.role.ask("logs:PutLogEvents", **place)
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                # Somebody deleted the group or the stream meanwhile.
                await _make(stream)
                await stream.role.ask("logs:PutLogEvents", **place)
    except AwsError:
        stream.is_made = False


async def _make(stream: Stream) -> None:
    place = {"logGroupName": stream.group, "logStreamName": stream.name}
    try:
        await stream.role.ask("logs:CreateLogStream", **place)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            await stream.role.ask("logs:CreateLogGroup", logGroupName=stream.group)
            await stream.role.ask("logs:CreateLogStream", **place)
        elif error.code != "ResourceAlreadyExistsException":
            raise
    stream.is_made = True


def _batches(events: list[tuple[float, str]]) -> Iterator[list[dict]]:
    batch, size = [], 0
    for at, text in events:
        for piece in _pieces(text):
            length = len(piece) + EVENT_OVERHEAD_BYTES if piece.isascii() else len(piece.encode()) + EVENT_OVERHEAD_BYTES
            if batch and (size + length > BATCH_BYTES_MAX or len(batch) == BATCH_EVENTS_MAX):
                yield batch
                batch, size = [], 0
            batch.append({"timestamp": milliseconds(at), "message": piece})
            size += length
    if batch:
        yield batch


def _pieces(text: str) -> list[str]:
    if len(text) * 4 <= EVENT_BYTES_MAX:
        return [text] if text else []
    step = EVENT_BYTES_MAX // 4
    return [text[at : at + step] for at in range(0, len(text), step)]
