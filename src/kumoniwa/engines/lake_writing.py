"""Rows of a query as files of a table: what CREATE TABLE AS, INSERT INTO and UNLOAD write.

https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html, …/insert-into.html, …/unload.html
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import orjson
import pyarrow as pa
from pyarrow import orc

from kumoniwa.engines.lake import Task
from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.cast import guarded
from kumoniwa.languages.athena.cells import text_of as text_of_type
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.relations import Output
from kumoniwa.languages.athena.signature import Typed, coerced
from kumoniwa.languages.athena.types import Type, quoted

PARTITIONS_MAX = 100
"""https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html"""
PORTION = 10_000
_PARQUET = {"GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "LZ4": "lz4_raw", "NONE": "uncompressed", "UNCOMPRESSED": "uncompressed"}
_ORC = {"ZLIB": "zlib", "SNAPPY": "snappy", "ZSTD": "zstd", "LZ4": "lz4", "NONE": "uncompressed", "GZIP": "zlib"}


def written(connection: duckdb.DuckDBPyConnection, task: Task, output: Output) -> dict[str, Any]:
    """Raises QueryFailure, Unbuilt. Answers the files with their partitions' values, the columns, and how many rows."""
    asked = task.write or {}
    columns = _columns(asked, output)
    keys: list[str] = [each.lower() for each in asked.get("partitioned_by") or ()]
    names = [name for name, _, _ in columns]
    if keys and names[-len(keys) :] != keys:
        raise QueryFailure("HIVE_COLUMN_ORDER_MISMATCH", f"Partition keys must be the last columns in the table and in the same order as the table properties: [{', '.join(keys)}]")
    if keys and len(keys) == len(names):
        raise QueryFailure("INVALID_TABLE_PROPERTY", "Table contains only partition columns")
    listed = ", ".join(f"{_spelled(sql, type_)} AS {quoted(name)}" for name, type_, sql in columns)
    connection.execute(f"CREATE TABLE written AS SELECT {listed} FROM ({output.sql}) AS q" + ("" if asked.get("with_data", True) else " WHERE false"))
    count = connection.execute("SELECT count(*) FROM written").fetchone()[0]
    data = [(name, type_) for name, type_, _ in columns if name not in keys]
    kinds = {name: type_ for name, type_, _ in columns}
    parts: list[tuple[Any, ...]] = [()] if not keys else connection.execute(f"SELECT DISTINCT {', '.join(map(quoted, keys))} FROM written").fetchall()
    if len(parts) > PARTITIONS_MAX:
        raise QueryFailure("HIVE_TOO_MANY_OPEN_PARTITIONS", f"Exceeded limit of {PARTITIONS_MAX} open writers for partitions/buckets")
    files = []
    stamp = datetime.fromtimestamp(task.now_s, UTC).strftime("%Y%m%d_%H%M%S")
    for n, part in enumerate(parts if count else ()):
        where = " AND ".join(f"{quoted(key)} IS NOT DISTINCT FROM ?" for key in keys) or "true"
        query = f"SELECT {', '.join(quoted(name) for name, _ in data)} FROM written WHERE {where}"
        path = os.path.join(task.folder, f"written-{n}")
        end = _writer(asked)(connection, query, list(part), path, data, asked)
        values = [None if value is None else text_of_type(kinds[key])(value) for key, value in zip(keys, part)]
        files.append({"path": path, "name": f"{stamp}_{n:05d}_{asked.get('id', '')}{end}", "values": values})
    told = [{"Name": name, "Type": types.hive(type_), "trino": types.shown(type_)} for name, type_, _ in columns]
    return {"files": files, "columns": told, "count": count}


def _columns(asked: dict[str, Any], output: Output) -> list[tuple[str, Type, str]]:
    """Names and types to be written, with what is written."""
    given = [Typed(f"q.c{n}", field.type) for n, field in enumerate(output.fields)]
    if asked.get("columns") is None:
        for n, field in enumerate(output.fields):
            if field.name is None:
                raise QueryFailure("MISSING_COLUMN_NAME", f"Column name not specified at position {n + 1}", (1, 1))
            if field.type.kind in ("unknown", "timestamptz", "json") or field.type.kind.startswith("interval"):
                raise QueryFailure("NOT_SUPPORTED" if field.type.kind != "unknown" else "COLUMN_TYPE_UNKNOWN", f"Unsupported Hive type: {field.type}")
        names = [field.name or "" for field in output.fields]
        if len(set(names)) < len(names):
            raise QueryFailure("DUPLICATE_COLUMN_NAME", f"Column name '{next(each for each in names if names.count(each) > 1)}' specified more than once", (1, 1))
        return [(name, each.type, each.sql) for name, each in zip(names, given)]
    table = [(name, types.read(text)) for name, text in asked["columns"]]
    chosen = asked.get("into") or [name for name, _ in table]
    wanted = dict(table)
    for name in chosen:
        if name not in wanted:
            raise QueryFailure("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {name}", (1, 1))
    if len(chosen) != len(given) or not all(types.becomes(each.type, wanted[name]) or _narrows(each.type, wanted[name]) for name, each in zip(chosen, given)):
        kinds, found = ", ".join(str(wanted[name]) for name in chosen), ", ".join(str(each.type) for each in given)
        raise QueryFailure("TYPE_MISMATCH", f"Insert query has mismatched column types: Table: [{kinds}], Query: [{found}]", (1, 1))
    by_name = {name: _fitted(each, wanted[name]) for name, each in zip(chosen, given)}
    return [(name, type_, by_name.get(name, f"CAST(NULL AS {types.duck(type_)})")) for name, type_ in table]


def _fitted(each: Typed, to: Type) -> str:
    """A text that is too long is no text of the column: Trino cuts nothing but blanks when it inserts."""
    sql = coerced(each, to).sql
    if to.kind != "varchar" or not to.args:
        return sql
    text = types.text_of(f"Cannot truncate non-space characters when casting from {each.type} to {to} on INSERT")
    return guarded(f"length(rtrim({each.sql}, ' ')) > {to.args[0]}", sql, "INVALID_CAST_ARGUMENT", text)


def _narrows(a: Type, b: Type) -> bool:
    """varchar(n) columns take what is no longer."""
    return a.kind == b.kind == "varchar"


def _spelled(sql: str, type_: Type) -> str:
    """Rows with the names that files give their fields."""
    if type_.kind == "row":
        fields = ", ".join(
            f"{quoted(name or f'field{n}')} := {_spelled(f'struct_extract_at({sql}, {n + 1})', each)}" for n, (name, each) in enumerate(zip(type_.names, type_.args))
        )
        return f"(CASE WHEN {sql} IS NOT NULL THEN struct_pack({fields}) END)"
    if type_.kind == "array" and _has_rows(type_):
        return f"list_transform({sql}, lambda x: {_spelled('x', type_.args[0])})"
    if type_.kind == "map" and _has_rows(type_):
        raise Unbuilt("maps of rows in files that are written")
    return sql


def _has_rows(type_: Type) -> bool:
    return type_.kind == "row" or any(_has_rows(each) for each in type_.args if isinstance(each, Type))


Writer = Callable[[duckdb.DuckDBPyConnection, str, list[Any], str, list[tuple[str, Type]], dict[str, Any]], str]


def _writer(asked: dict[str, Any]) -> Writer:
    format_ = str(asked.get("format") or "PARQUET").upper()
    found = {"PARQUET": _parquet, "ORC": _orc, "JSON": _json, "TEXTFILE": _text, "CSV": _text}.get(format_)
    if found is None:
        raise Unbuilt(f"files written as {format_}")
    return found


def _packing(asked: dict[str, Any], known: dict[str, str], default: str) -> str:
    named = str(asked.get("compression") or default).upper()
    if named not in known:
        raise QueryFailure("INVALID_TABLE_PROPERTY", f"Unable to set table property 'write_compression' to [{named}]")
    return known[named]


def _parquet(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any], path: str, data: list[tuple[str, Type]], asked: dict[str, Any]) -> str:
    packing = _packing(asked, _PARQUET, "GZIP")
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION {packing})", values)
    return ""


def _orc(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any], path: str, data: list[tuple[str, Type]], asked: dict[str, Any]) -> str:
    packing = _packing(asked, _ORC, "ZLIB")
    found = connection.execute(query, values)
    with orc.ORCWriter(path, compression=packing) as writer:
        while rows := found.fetchmany(PORTION):
            writer.write(pa.table([pa.array(list(column), _arrow(type_)) for column, (_, type_) in zip(zip(*rows), data)], names=[name for name, _ in data]))
    return ""


def _arrow(type_: Type) -> pa.DataType:
    """With the names that files give."""
    kind, args = type_.kind, type_.args
    if kind == "row":
        return pa.struct([(name or f"field{n}", _arrow(each)) for n, (name, each) in enumerate(zip(type_.names, args))])
    if kind == "array":
        return pa.list_(_arrow(args[0]))
    if kind == "map":
        return pa.map_(_arrow(args[0]), _arrow(args[1]))
    if kind == "decimal":
        return pa.decimal128(*args)
    return {
        "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(), "real": pa.float32(),
        "double": pa.float64(), "varchar": pa.string(), "varbinary": pa.binary(), "date": pa.date32(), "timestamp": pa.timestamp("ns"),
    }[kind]  # fmt: skip


def _portions(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any], path: str, asked: dict[str, Any], line: Callable[[tuple[Any, ...]], bytes]) -> str:
    packing = _packing(asked, {"GZIP": "gz", "NONE": "", "UNCOMPRESSED": ""}, "GZIP")
    found = connection.execute(query, values)
    with gzip.open(path, "wb", compresslevel=6) if packing else open(path, "wb") as file:
        while rows := found.fetchmany(PORTION):
            file.write(b"".join(map(line, rows)))
    return ".gz" if packing else ""


def _json(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any], path: str, data: list[tuple[str, Type]], asked: dict[str, Any]) -> str:
    names = [name for name, _ in data]
    kinds = [type_ for _, type_ in data]

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return float(value) if value != value.to_integral_value() else int(value)
        return str(value)

    def line(row: tuple[Any, ...]) -> bytes:
        told = {
            name: text_of_type(type_)(value) if type_.kind in ("timestamp", "date") and value is not None else value
            for name, type_, value in zip(names, kinds, row)
        }  # fmt: skip
        return orjson.dumps(told, default=plain, option=orjson.OPT_NON_STR_KEYS) + b"\n"

    return _portions(connection, query, values, path, asked, line)


def _text(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any], path: str, data: list[tuple[str, Type]], asked: dict[str, Any]) -> str:
    for _, type_ in data:
        if type_.kind in ("array", "map", "row", "varbinary"):
            raise Unbuilt(f"{type_} written into text files")
    by, kinds = str(asked.get("field_delimiter") or "\x01"), [text_of_type(type_) for _, type_ in data]

    def line(row: tuple[Any, ...]) -> bytes:
        return (by.join("\\N" if value is None else kind(value) for kind, value in zip(kinds, row)) + "\n").encode()

    return _portions(connection, query, values, path, asked, line)
