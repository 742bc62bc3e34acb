"""A process of our own that is given one task and tells its results piece by piece: work that would hold a region's loop.

Task and pieces are structures, packed, each after its length. The process ends when its stdin does, so it does not outlive the region.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, TypeVar

import msgspec

from kumoniwa.engines.child import child

_LENGTH = struct.Struct(">I")
P = TypeVar("P", bound=msgspec.Struct)
Pieces = AbstractAsyncContextManager[AsyncIterator[P]]


class WorkFailed(Exception):
    """The text says why."""


class WorkTimedOut(Exception): ...


def pieces(module: str, task: msgspec.Struct, kind: type[P], within_s: float) -> Pieces[P]:
    """What ``python -m module`` says of a task, until it ends: ``async with pieces(…) as said``. Whoever has heard enough waits there until the
    process has ended. Raises WorkFailed or WorkTimedOut."""
    return aclosing(_pieces(module, task, kind, within_s))


async def _pieces(module: str, task: msgspec.Struct, kind: type[P], within_s: float) -> AsyncGenerator[P, None]:
    packed = msgspec.msgpack.encode(task)
    async with child(sys.executable, "-m", module) as worker:
        try:
            async with asyncio.timeout(within_s):
                worker.stdin.write(_LENGTH.pack(len(packed)) + packed)  # type: ignore[union-attr]
                while (piece := await _heard(worker, kind)) is not None:
                    yield piece
        except TimeoutError:
            raise WorkTimedOut from None


async def _heard(worker: asyncio.subprocess.Process, kind: type[P]) -> P | None:
    try:
        (length,) = _LENGTH.unpack(await worker.stdout.readexactly(_LENGTH.size))  # type: ignore[union-attr]
        return msgspec.msgpack.decode(await worker.stdout.readexactly(length), type=kind) if length else None  # type: ignore[union-attr]
    except asyncio.IncompleteReadError:
        said = await worker.stderr.read()  # type: ignore[union-attr]
        raise WorkFailed(said.decode("utf-8", "replace").strip()[-500:] or "the process ended") from None


# In the process of its own -------------------------------------------------------------------------


def _end_with_the_region() -> None:
    sys.stdin.buffer.read(1)
    os._exit(0)


def work(kind: type[Any], act: Callable[[Any], Iterable[msgspec.Struct]]) -> None:
    """Do the one task that stdin brings; never returns."""
    (length,) = _LENGTH.unpack(sys.stdin.buffer.read(_LENGTH.size))
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(length), type=kind)
    threading.Thread(target=_end_with_the_region, daemon=True).start()
    for piece in act(task):
        _say(msgspec.msgpack.encode(piece))
    _say(b"")
    # Whoever opened files that are not its own shall not tidy them up.
    os._exit(0)


def _say(packed: bytes) -> None:
    sys.stdout.buffer.write(_LENGTH.pack(len(packed)) + packed)
    sys.stdout.buffer.flush()
