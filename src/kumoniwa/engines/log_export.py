"""Writes the events of log streams as compressed files, in a process of its own that reads a region's store beside the region.

A line is the time, a blank and the message; a file is one stretch of one stream. How it can read what nobody else may open: ``store.steady``.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from kumoniwa.engines import log_scan, worker
from kumoniwa.store import steady

WITHIN_S = 86_400.0
FILE_BYTES = 16 << 20
"""Of text in one file; AWS does not say how much it takes."""


class Task(msgspec.Struct):
    path: str
    table: str
    streams: list[int]
    start_ms: int
    end_ms: int
    """Both are within."""
    secrets: dict[str, bytes] = {}
    """What opens messages that are sealed, by their links."""


class Written(msgspec.Struct):
    """One file."""

    stream: int
    number: int
    body: bytes
    count: int


def files(task: Task) -> worker.Pieces[Written]:
    """Raises worker.WorkFailed or worker.WorkTimedOut."""
    return worker.pieces("kumoniwa.engines.log_export", task, Written, WITHIN_S)


# In the process of its own -------------------------------------------------------------------------


def _line(at_ms: int, message: str) -> bytes:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z {message}\n".encode()


def run(task: Task) -> Iterator[Written]:
    connection = steady.opened(task.path)
    message = log_scan.readable_in(connection, task.secrets)("message")
    for stream in task.streams:
        rows = connection.execute(
            f"select at, {message} from {task.table} where stream = ? and at >= ? and at <= ? order by at, seq", (stream, task.start_ms, task.end_ms)
        )
        number = size = 0
        lines: list[bytes] = []
        for at_ms, text in rows:
            lines.append(_line(at_ms, text))
            size += len(lines[-1])
            if size >= FILE_BYTES:
                yield _packed(stream, number, lines)
                number, size, lines = number + 1, 0, []
        if lines:
            yield _packed(stream, number, lines)


def _packed(stream: int, number: int, lines: list[bytes]) -> Written:
    return Written(stream, number, gzip.compress(b"".join(lines), 6, mtime=0), len(lines))


if __name__ == "__main__":
    worker.work(Task, run)
