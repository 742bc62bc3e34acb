"""Runs a query over the events of logs, in a process of its own that reads a region's store beside the region.

``python -m kumoniwa.engines.log_scan`` reads a ``Task`` and writes ``Said``s, each after its length. It ends when its stdin does, so it
does not outlive the region. How it can read a file that nobody else may open: ``store.steady``.
"""

from __future__ import annotations

import asyncio
import gc
import os
import struct
import sys
import threading
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from kumoniwa.engines import cipher
from kumoniwa.kernel.clock import outside
from kumoniwa.languages.insights import plan, reader
from kumoniwa.languages.insights.expression import Place, Row
from kumoniwa.store import steady

WITHIN_S = 3_600.0
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html"""
PORTION = 4_096
TOLD_EVERY = 16
"""Portions of rows."""
PAGE_ROWS = 1_000
_LENGTH = struct.Struct(">I")


class Task(msgspec.Struct):
    path: str
    text: str
    now_s: float
    limit: int | None
    places: dict[int, Place]
    """Streams by number."""
    table: str
    start_ms: int
    end_ms: int
    """Both are within."""
    secrets: dict[str, bytes] = {}
    """What opens messages that are sealed, by their links."""


class Said(msgspec.Struct):
    """What the process tells: how far it is, or, with ``is_done``, all there is to know. A page is rows of names and values, packed."""

    scanned: int = 0
    scanned_bytes: int = 0
    matched: int = 0
    page: bytes | None = None
    count: int = 0
    is_done: bool = False


class ScanFailed(Exception):
    """The text says why."""


class ScanTimedOut(Exception): ...


async def scan(task: Task):
    """What the process says, one after the other. Ends it if it is not waited for. Raises ScanFailed or ScanTimedOut."""
    pipe = asyncio.subprocess.PIPE
    with outside():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kumoniwa.engines.log_scan", stdin=pipe, stdout=pipe, stderr=pipe
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                packed = msgspec.msgpack.encode(task)
                child.stdin.write(_LENGTH.pack(len(packed)) + packed)  # type: ignore[union-attr]
                async for said in _heard(child):
                    yield said
                    if said.is_done:
                        return
        except TimeoutError:
            raise ScanTimedOut from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


async def _heard(child: asyncio.subprocess.Process):
    while True:
        try:
            (length,) = _LENGTH.unpack(await child.stdout.readexactly(_LENGTH.size))  # type: ignore[union-attr]
            yield msgspec.msgpack.decode(await child.stdout.readexactly(length), type=Said)  # type: ignore[union-attr]
        except asyncio.IncompleteReadError:
            said = await child.stderr.read()  # type: ignore[union-attr]
            raise ScanFailed(said.decode("utf-8", "replace").strip()[-500:] or "the process that scans ended") from None


# In the process of its own -------------------------------------------------------------------------


def _portions(cursor: Iterator[tuple]) -> Iterator[list[Row]]:
    while rows := list(map(list, islice(cursor, PORTION))):
        yield rows


def _readable(secrets: dict[str, bytes], message: str | bytes, link: str | None) -> str:
    return message if link is None else cipher.unseal(secrets[link], message, link.encode()).decode()


def run(task: Task):
    """What there is to say, one after the other."""
    made = plan.planned(reader.read(task.text), task.places, task.now_s, task.limit)
    connection = steady.opened(task.path)
    within = f"from {task.table} where stream in ({','.join(map(str, task.places))}) and at >= ? and at <= ?"
    bounds: tuple[Any, ...] = (task.start_ms, task.end_ms)
    running = made.start()
    message = "message"
    if task.secrets:
        connection.create_scalar_function("readable", partial(_readable, task.secrets), 2, deterministic=True)
        message = "readable(message, link)"
    needed = "".join(
        f" and (instr({message}, ?) or instr({message}, '\\'))" if needle.may_be_escaped else f" and instr({message}, ?)"
        for needle in made.needles
    )
    said = Said()
    cursor = connection.execute(
        f"select at, stream, seq, ingested, {message}, null, null {within}{needed}", (*bounds, *(needle.text for needle in made.needles))
    )
    for number, rows in enumerate(_portions(cursor), 1):
        said.scanned += len(rows)
        if made.any_most is not None:
            said.scanned_bytes += sum(len(row[4].encode()) for row in rows)
        running.take(rows)
        said.matched = running.matched
        if running.is_enough:
            break
        if number % TOLD_EVERY == 0:
            yield said
    if not running.is_enough:
        said.scanned, said.scanned_bytes = connection.execute(f"select count(*), coalesce(sum(octet_length(message)), 0) {within}", bounds).get
    rows = running.rows()
    for start in range(0, len(rows), PAGE_ROWS):
        page = made.answer(rows[start : start + PAGE_ROWS])
        yield Said(said.scanned, said.scanned_bytes, said.matched, msgspec.msgpack.encode(page), len(page))
    yield Said(said.scanned, said.scanned_bytes, running.matched, count=len(rows), is_done=True)


def _end_with_the_region() -> None:
    sys.stdin.buffer.read(1)
    os._exit(0)


def main() -> None:
    (length,) = _LENGTH.unpack(sys.stdin.buffer.read(_LENGTH.size))
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(length), type=Task)
    # Rows are many and never refer to each other in a circle: looking for circles would take longer than reading them.
    gc.disable()
    threading.Thread(target=_end_with_the_region, daemon=True).start()
    for said in run(task):
        packed = msgspec.msgpack.encode(said)
        sys.stdout.buffer.write(_LENGTH.pack(len(packed)) + packed)
        sys.stdout.buffer.flush()
    # The region has asked for nothing else, and SQLite shall not tidy up a file that is not ours.
    os._exit(0)


if __name__ == "__main__":
    main()
