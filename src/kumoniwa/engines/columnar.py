"""Writes rows of JSON as files of columns, Parquet or ORC, in a process of its own: Arrow is an extra, and its work would hold a region's loop.

Timestamps are written into Parquet as Hive's ParquetSerDe writes them, as INT96.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from kumoniwa.engines import json_rows, worker
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.types import Type

WITHIN_S = 600.0


class Parquet(msgspec.Struct, tag=True):
    compression: str = "SNAPPY"
    page_bytes: int = 1 << 20
    block_bytes: int = 256 << 20
    has_dictionary: bool = False
    page_version: str = "1.0"


class Orc(msgspec.Struct, tag=True):
    compression: str = "SNAPPY"
    stripe_bytes: int = 64 << 20
    row_index_stride: int = 10_000
    dictionary_threshold: float = 0.0
    version: str = "0.12"


class Reading(msgspec.Struct):
    """How JSON is read: ``json_rows.Rules``."""

    is_openx: bool
    is_case_insensitive: bool = True
    has_dots: bool = False
    keys: dict[str, str] = {}
    formats: tuple[str, ...] = ()


class Task(msgspec.Struct):
    columns: list[tuple[str, str]]
    """Names and Hive's types."""
    reading: Reading
    writing: Parquet | Orc
    groups: list[list[bytes]]
    """Records of JSON; each group becomes a file."""


class Written(msgspec.Struct):
    """A group: its file, empty if it has no row, and the records that are in none, each with its place, a code and why."""

    body: bytes
    failed: list[tuple[int, str, str]]


def check_installed() -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise NotImplementedHere("files of columns without the extra kumoniwa[lake]")


def schema_of(columns: list[tuple[str, str]]) -> Type:
    """Raises ValueError."""
    try:
        return types.row(*((name, types.read(type_)) for name, type_ in columns))
    except RecursionError:
        raise ValueError("types nested too deeply") from None


async def files(task: Task) -> list[Written]:
    """Raises worker.WorkFailed or worker.WorkTimedOut."""
    async with worker.pieces("kumoniwa.engines.columnar", task, Written, WITHIN_S) as said:
        return [each async for each in said]


# In the process of its own -------------------------------------------------------------------------


def _arrow(type_: Type) -> Any:
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    kind, args = type_.kind, type_.args
    if kind == "array":
        return pa.list_(_arrow(args[0]))
    if kind == "map":
        return pa.map_(_arrow(args[0]), _arrow(args[1]))
    if kind == "row":
        return pa.struct([pa.field(name, _arrow(each)) for name, each in zip(type_.names, args)])
    if kind == "decimal":
        return pa.decimal128(*args)
    plain = {
        "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(), "real": pa.float32(),
        "double": pa.float64(), "date": pa.date32(), "timestamp": pa.timestamp("ns"),
    }  # fmt: skip
    return plain.get(kind, pa.string())


def _written(table: Any, size: int, said: Parquet | Orc) -> bytes:
    from pyarrow import orc, parquet  # noqa: PLC0415 (an extra)

    held = io.BytesIO()
    if isinstance(said, Parquet):
        parquet.write_table(
            table, held, compression="NONE" if said.compression == "UNCOMPRESSED" else said.compression, use_dictionary=said.has_dictionary,
            data_page_size=said.page_bytes, data_page_version=said.page_version, use_deprecated_int96_timestamps=True,
            row_group_size=max(1, table.num_rows * said.block_bytes // max(size, said.block_bytes)), store_schema=False,
        )  # fmt: skip
    else:
        orc.write_table(
            table, held, file_version=said.version, stripe_size=said.stripe_bytes, row_index_stride=said.row_index_stride,
            compression="UNCOMPRESSED" if said.compression == "NONE" else said.compression, dictionary_key_size_threshold=said.dictionary_threshold,
        )  # fmt: skip
    return held.getvalue()


def run(task: Task) -> Iterator[Written]:
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    schema, rules = schema_of(task.columns), json_rows.Rules(**msgspec.structs.asdict(task.reading))
    arrow = pa.schema([pa.field(name, _arrow(type_)) for name, type_ in zip(schema.names, schema.args)])
    for records in task.groups:
        rows: list[dict[str, Any]] = []
        failed, size = [], 0
        for place, record in enumerate(records):
            try:
                rows += json_rows.rows(record, schema, rules)
                size += len(record)
            except json_rows.Unreadable as why:
                failed.append((place, why.code, why.text))
        columns = [pa.array([row[name] for row in rows], arrow.field(number).type) for number, name in enumerate(schema.names)]
        yield Written(_written(pa.Table.from_arrays(columns, schema=arrow), size, task.writing) if rows else b"", failed)


if __name__ == "__main__":
    worker.work(Task, run)
