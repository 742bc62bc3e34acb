"""Queries over files, in a process of its own: DuckDB, asked in Trino's words.

The process has no way to S3 or to a catalogue. It says what it wants (a table, its partitions, the objects under a prefix, their content),
and whoever runs it looks in the name of who asked and tells it, the content as files in a folder that both know. So it can see nothing that
its asker may not. It dies with the region, or when the block ends that began it; what memory and time it may take, the task says.
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

from kumoniwa.engines.child import child

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

    async def hear(self) -> Said:
        """Raises Ended."""
        try:
            (length,) = _LENGTH.unpack(await self._process.stdout.readexactly(_LENGTH.size))  # type: ignore[union-attr]
            return msgspec.msgpack.decode(await self._process.stdout.readexactly(length), type=Said)  # type: ignore[union-attr]
        except asyncio.IncompleteReadError:
            said = await self._process.stderr.read()  # type: ignore[union-attr]
            raise Ended(said.decode("utf-8", "replace").strip()[-2000:] or "the process ended") from None

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


@asynccontextmanager
async def asking(task: Task) -> AsyncIterator[Conversation]:
    """The process that runs one query. It ends with the block."""
    async with child(sys.executable, "-m", "kumoniwa.engines.lake_query") as process:
        conversation = Conversation(process)
        await conversation.tell(task)
        yield conversation
