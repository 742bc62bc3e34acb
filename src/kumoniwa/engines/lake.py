"""Queries over files, each alone in a process: DuckDB, asked in Trino's words.

The process has no way to S3 or to a catalogue. It says what it wants (a table, its partitions, the objects under a prefix, their content),
and whoever runs it looks in the name of who asked and tells it, the content as files in a folder that both know. So it can see nothing that
its asker may not. It dies with the region, and when its query is broken off; what memory and time it may take, the task says. To begin one takes
longer than most queries do: one that has come to the end of its query waits a while for another.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

import msgspec

from kumoniwa.engines.child import ended
from kumoniwa.kernel.clock import outside

ENGINE = "lake"
REST_S = 60.0
RESTING_MAX = 2
_LENGTH = struct.Struct(">I")


class Missing(RuntimeError):
    """The extra is not installed."""


class Ended(Exception):
    """The process ended before it was done; the text says what it said last."""


class Task(msgspec.Struct):
    text: str
    """A query of Trino's."""
    database: str
    now_s: float
    folder: str
    """Where files are that it is told of, and where it writes."""
    values: list[str] = []
    """What stands for its parameters, as literals."""
    memory_mb: int = 2_048
    most_bytes: int | None = None
    """How much it may scan."""
    write: dict[str, Any] | None = None
    """How rows are to be written where they are no result: see ``lake_writing``."""


class Said(msgspec.Struct):
    """``table``, ``partitions``, ``objects`` and ``fetch`` want an answer; ``planned``, ``done``, ``failed`` want none."""

    kind: str
    body: dict[str, Any] = {}


class Told(msgspec.Struct):
    body: Any


class Conversation:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.is_over = False
        """Whether the query has come to its end."""

    async def hear(self) -> Said:
        """Raises Ended."""
        try:
            (length,) = _LENGTH.unpack(await self._process.stdout.readexactly(_LENGTH.size))  # type: ignore[union-attr]
            said = msgspec.msgpack.decode(await self._process.stdout.readexactly(length), type=Said)  # type: ignore[union-attr]
        except asyncio.IncompleteReadError:
            said = await self._process.stderr.read()  # type: ignore[union-attr]
            raise Ended(said.decode("utf-8", "replace").strip()[-2000:] or "the process ended") from None
        self.is_over = said.kind in ("done", "failed")
        return said

    async def tell(self, what: msgspec.Struct) -> None:
        packed = msgspec.msgpack.encode(what)
        self._process.stdin.write(_LENGTH.pack(len(packed)) + packed)  # type: ignore[union-attr]
        try:
            await self._process.stdin.drain()  # type: ignore[union-attr]
        except ConnectionError:
            # It has ended; what it said last is heard next.
            pass


def check_installed() -> None:
    """Raises Missing."""
    if not all(map(find_spec, ("duckdb", "pyarrow", "sqlglot"))):
        raise Missing


class Processes:
    """Those of a region."""

    def __init__(self) -> None:
        self._resting: dict[asyncio.subprocess.Process, asyncio.TimerHandle] = {}
        self._leaving: set[asyncio.Task] = set()

    @asynccontextmanager
    async def asking(self, task: Task) -> AsyncIterator[Conversation]:
        """A process that runs one query. It ends with the block, unless the query has come to its end. Virtual time is held meanwhile."""
        with outside():
            process = self._rested() or await _begun()
            conversation = Conversation(process)
            try:
                await conversation.tell(task)
                yield conversation
            finally:
                if conversation.is_over and len(self._resting) < RESTING_MAX:
                    self._resting[process] = asyncio.get_running_loop().call_later(REST_S, self._send_away, process)
                else:
                    await ended(process)

    def _rested(self) -> asyncio.subprocess.Process | None:
        while self._resting:
            process, timer = self._resting.popitem()
            timer.cancel()
            if process.returncode is None:
                return process
        return None

    def _send_away(self, process: asyncio.subprocess.Process) -> None:
        del self._resting[process]
        leaving = asyncio.ensure_future(ended(process))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        while self._resting:
            process, timer = self._resting.popitem()
            timer.cancel()
            await ended(process)
        await asyncio.gather(*self._leaving)


def processes(home: Any) -> Processes:
    found = home.engines.get(ENGINE)
    if found is None:
        found = home.engines[ENGINE] = Processes()
    return found


async def _begun() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "kumoniwa.engines.lake_query", stdin=pipe, stdout=pipe, stderr=pipe)
