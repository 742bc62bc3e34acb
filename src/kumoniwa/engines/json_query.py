"""Queries in the language of jq, asked of many records in a process of its own: a query may never end.

The bindings are those of jq itself, an extra. Firehose speaks of JQ 1.6; what later versions can do besides is not refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from kumoniwa.engines import worker
from kumoniwa.kernel.errors import NotImplementedHere

WITHIN_S = 60.0


class NoQuery(ValueError):
    """A text that is none."""


class Task(msgspec.Struct):
    query: str
    records: list[bytes]


class Found(msgspec.Struct):
    """What the query made of each record: names and texts, or nothing where it fails or makes no object of values."""

    objects: list[dict[str, str] | None]


def _compiled(query: str) -> Any:
    try:
        import jq  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("queries of jq without the extra kumoniwa[jq]")
    return jq.compile(query)


def check(query: str) -> None:
    """Raises NoQuery."""
    try:
        _compiled(query)
    except ValueError as error:
        raise NoQuery(str(error)) from None


async def objects(query: str, records: list[bytes]) -> list[dict[str, str] | None]:
    """Raises worker.WorkFailed or worker.WorkTimedOut."""
    async with worker.pieces("kumoniwa.engines.json_query", Task(query, records), Found, WITHIN_S) as said:
        return [each async for found in said for each in found.objects]


# In the process of its own -------------------------------------------------------------------------


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (list, dict)):
        raise ValueError
    return orjson.dumps(value).decode()


def _object(program: Any, record: bytes) -> dict[str, str] | None:
    try:
        made = program.input_text(record.decode()).first()
        return {name: _text(value) for name, value in made.items()}
    except (ValueError, AttributeError, StopIteration):
        return None


def run(task: Task) -> Iterator[Found]:
    program = _compiled(task.query)
    yield Found([_object(program, record) for record in task.records])


if __name__ == "__main__":
    worker.work(Task, run)
