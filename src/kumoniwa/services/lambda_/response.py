"""A response on its way: what a function streams, from its process to whoever asked, no faster than he reads.

The function goes on when he leaves, as on AWS; nobody keeps what it says then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from kumoniwa.engines.lambda_runtime.environment import PRELUDE_END, Outcome
from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_ import sandbox
from kumoniwa.services.lambda_.function import Version
from kumoniwa.wire.message import Stream

PRELUDE_BYTES_MAX = 1 << 16
DEFAULT_TYPE = "application/octet-stream"


class Cut(ConnectionAbortedError):
    """The response broke off when its status had long left: all that is left to break is the connection."""


class Streaming:
    """One request whose response is passed on as it comes: an engine's ``Receiver``."""

    def __init__(self, call: Call, version: Version, payload: bytes, **more: Any) -> None:
        self.content_type: str | None = None
        """None until the function has said anything, or for one that does not stream."""
        self.stream = Stream(None, lambda: None, lambda: None)
        self.has_begun = asyncio.Event()
        self.is_abandoned = False
        invoked = sandbox.of(call.home).invoke(call, version, call.request_id, payload, receiver=self, **more)
        self.task: asyncio.Task[Outcome] = call.home.spawn(invoked)
        self.task.add_done_callback(self._ended)

    def begin(self, content_type: str, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.content_type = content_type or DEFAULT_TYPE
        self.stream.pause, self.stream.resume = pause, resume
        self.has_begun.set()

    def feed(self, piece: bytes) -> None:
        if not self.is_abandoned:
            self.stream.feed(piece)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if not failed and self.content_type is None and task.result().function_error is None:
            self.stream.feed(task.result().payload)
        self.stream.end(is_broken=failed)
        self.has_begun.set()

    async def begun(self) -> None:
        """Wait until there is something to pass on. Raises what refused the request."""
        await self.has_begun.wait()
        if self.task.done() and self.content_type is None:
            self.task.result()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The response, piece by piece; whoever stops in the middle is not waited for."""
        try:
            async for piece in self.stream:
                yield piece
        finally:
            if not self.task.done():
                self.is_abandoned = True
                self.stream.pieces.clear()
                self.stream.resume()

    async def head(self) -> tuple[dict[str, Any], bytes]:
        """The HTTP head that the response begins with, and what of its body came along. Raises ValueError."""
        held = b""
        async for piece in self.stream:
            held += piece
            head, end, rest = held.partition(PRELUDE_END)
            if end:
                said = orjson.loads(head)
                if not isinstance(said, dict):
                    raise ValueError
                return said, rest
            if len(held) > PRELUDE_BYTES_MAX:
                break
        raise ValueError

    def check(self) -> None:
        """After the last piece. Raises Cut if the function did not come to its end."""
        if self.task.done() and (self.task.cancelled() or self.task.exception() or self.task.result().function_error):
            raise Cut
