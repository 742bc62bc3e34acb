"""Reads the rows of a Parquet file as JSON, in a process of its own: Arrow is an extra, and its work would hold a region's loop."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from kumoniwa.engines import worker
from kumoniwa.kernel.errors import NotImplementedHere

WITHIN_S = 120.0
AT_ONCE = 1_000


class Task(msgspec.Struct):
    body: bytes
    most: int
    """How many rows are wanted at most; 0 for all."""


class Rows(msgspec.Struct):
    rows: list[bytes]
    """Objects of JSON."""


def check_installed() -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise NotImplementedHere("Parquet files without the extra kumoniwa[lake]")


async def read(body: bytes, most: int = 0) -> list[dict[str, Any]]:
    """Raises worker.WorkFailed or worker.WorkTimedOut."""
    async with worker.pieces("kumoniwa.engines.parquet_rows", Task(body, most), Rows, WITHIN_S) as said:
        return [orjson.loads(row) for piece in [each async for each in said] for row in piece.rows]


# In the process of its own -------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Moments are texts already, in ISO 8601; what JSON has no word for is a text, bytes in base 64."""
    return base64.b64encode(value).decode() if isinstance(value, (bytes, bytearray)) else str(value)


def run(task: Task) -> Iterator[Rows]:
    import pyarrow as pa  # noqa: PLC0415 (an extra)
    from pyarrow import parquet  # noqa: PLC0415 (an extra)

    try:
        file = parquet.ParquetFile(pa.BufferReader(task.body))
        left = task.most or file.metadata.num_rows
        for batch in file.iter_batches(AT_ONCE):
            rows = batch.slice(0, left).to_pylist(maps_as_pydicts="strict")
            left -= len(rows)
            yield Rows([orjson.dumps(row, default=_plain, option=orjson.OPT_NON_STR_KEYS) for row in rows])
            if not left:
                return
    except (pa.ArrowInvalid, OSError) as error:
        raise SystemExit(f"no Parquet file: {error}") from None


if __name__ == "__main__":
    worker.work(Task, run)
