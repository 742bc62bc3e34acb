"""A table in the making: its columns, its files, and the view of DuckDB's that shows them with the types that the catalogue says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import duckdb
import pyarrow as pa

from kumoniwa.engines.lake_paths import NO_VALUE
from kumoniwa.languages.athena import cast
from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.relations import PATH, Column
from kumoniwa.languages.athena.types import INTEGERS, VARCHAR, Type, duck, quoted, text_of


class File(NamedTuple):
    path: str
    place: str
    """``s3://bucket/key``"""
    size: int
    values: tuple[str, ...]
    """Of the partition keys."""


class Wanted(NamedTuple):
    """One scan's table."""

    name: str
    """Of the view."""
    columns: tuple[Column, ...]
    needed: frozenset[str]
    files: list[File]
    serde: str
    properties: dict[str, str]
    """Of the SerDe."""
    parameters: dict[str, str]
    """Of the table."""

    @property
    def data(self) -> list[Column]:
        return [each for each in self.columns if not each.is_partition]

    @property
    def keys(self) -> list[Column]:
        return [each for each in self.columns if each.is_partition]


def view(connection: duckdb.DuckDBPyConnection, wanted: Wanted, source: str, expressions: dict[str, str]) -> None:
    """``source`` is a table with a column ``filename``; what is not needed is NULL."""
    keys = [each for each in wanted.keys if each.name in wanted.needed]
    has_path = PATH in wanted.needed
    if keys or has_path:
        _values(connection, wanted, keys)
        source = f"{source} AS f JOIN files_of_{wanted.name} AS p ON f.filename = p.filename"
        expressions = expressions | {each.name: f"p.{quoted(each.name)}" for each in keys}
    listed = [f"{expressions.get(each.name) or f'CAST(NULL AS {duck(each.type)})'} AS {quoted(each.name)}" for each in wanted.columns]
    if has_path:
        listed.append(f"p.{quoted(PATH)} AS {quoted(PATH)}")
    connection.execute(f"CREATE TEMP VIEW {wanted.name} AS SELECT {', '.join(listed)} FROM {source}")


def _values(connection: duckdb.DuckDBPyConnection, wanted: Wanted, keys: list[Column]) -> None:
    table = f"files_of_{wanted.name}"
    columns = "".join(f", {quoted(each.name)} {duck(each.type)}" for each in keys)
    connection.execute(f"CREATE TABLE {table} (filename VARCHAR, {quoted(PATH)} VARCHAR{columns})")
    places = [wanted.keys.index(each) for each in keys]
    casts = "".join(f", {key_value('?', each.type)}" for each in keys)
    connection.executemany(f"INSERT INTO {table} SELECT ?, ?{casts}", [
        [file.path, file.place, *(file.values[place] for place in places)] for file in wanted.files
    ])  # fmt: skip


def key_value(sql: str, type_: Type) -> str:
    """The value of a partition key out of the text that the catalogue keeps."""
    return f"(SELECT {cast.cast('v', VARCHAR, type_)} FROM (SELECT nullif(CAST({sql} AS VARCHAR), '{NO_VALUE}') AS v))"


# Values of files ---------------------------------------------------------------------------------------------


def fits(type_: Type, found: pa.DataType) -> bool:
    """Whether Athena reads a column of a file as a type: https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html"""
    kind = type_.kind
    if pa.types.is_dictionary(found):
        found = found.value_type
    if kind in INTEGERS:
        return pa.types.is_integer(found) and found.bit_width <= (64 if kind == "bigint" else 32)
    checks: dict[str, Callable[[pa.DataType], bool]] = {
        "double": pa.types.is_floating, "real": pa.types.is_float32, "boolean": pa.types.is_boolean, "date": pa.types.is_date,
        "decimal": lambda each: pa.types.is_decimal(each) or pa.types.is_integer(each), "timestamp": pa.types.is_timestamp,
        "varchar": lambda each: pa.types.is_string(each) or pa.types.is_large_string(each) or pa.types.is_binary(each) or pa.types.is_large_binary(each),
        "char": pa.types.is_string, "varbinary": lambda each: pa.types.is_binary(each) or pa.types.is_string(each) or pa.types.is_fixed_size_binary(each),
        "array": pa.types.is_list, "map": pa.types.is_map, "row": pa.types.is_struct,
    }  # fmt: skip
    return checks[kind](found)


def shaped(sql: str, type_: Type, found: pa.DataType) -> str:
    """A value of a file as its type lies here: fields of rows by their names, those that are not there NULL."""
    kind = type_.kind
    if kind == "row" and pa.types.is_struct(found):
        known = {found.field(n).name.lower(): found.field(n) for n in range(found.num_fields)}
        parts = []
        for name, each in zip(type_.names, type_.args):
            field = known.get(name or "")
            parts.append(shaped(f"{sql}.{quoted(field.name)}", each, field.type) if field is not None else f"CAST(NULL AS {duck(each)})")
        return f"(CASE WHEN {sql} IS NOT NULL THEN {cast.packed(type_, parts)} END)"
    if kind == "array" and pa.types.is_list(found):
        return f"list_transform({sql}, lambda x: {shaped('x', type_.args[0], found.value_type)})"
    if kind == "map" and pa.types.is_map(found):
        entry = f"struct_pack(k := {shaped('e.key', type_.args[0], found.key_type)}, v := {shaped('e.value', type_.args[1], found.item_type)})"
        return f"(CASE WHEN {sql} IS NOT NULL THEN map_from_entries(list_transform(map_entries({sql}), lambda e: {entry})) END)"
    if kind == "varchar" and (pa.types.is_binary(found) or pa.types.is_large_binary(found)):
        return f"decode({sql})"
    if kind == "varbinary" and pa.types.is_string(found):
        return f"encode({sql})"
    if kind == "timestamp":
        return f"date_trunc('millisecond', CAST({sql} AS TIMESTAMP))"
    return f"CAST({sql} AS {duck(type_)})"


# Values out of texts -----------------------------------------------------------------------------------------


def of_text(sql: str, type_: Type, level: int, separators: list[str], null: str) -> str:
    """Hive's lenient reading: what is no value of the type is NULL."""
    kind = type_.kind
    given = f"nullif({sql}, {text_of(null)})"
    if kind in ("varchar", "char"):
        return f"left({given}, {type_.args[0]})" if type_.args else given
    if kind in INTEGERS:
        return f"(CASE WHEN regexp_full_match({given}, '[+-]?[0-9]+') THEN TRY_CAST({given} AS {duck(type_)}) END)"
    if kind == "boolean":
        return f"(CASE lower({given}) WHEN 'true' THEN true WHEN 'false' THEN false END)"
    if kind == "varbinary":
        return f"TRY(from_base64({given}))"
    if kind == "timestamp":
        return f"date_trunc('millisecond', TRY_CAST({given} AS TIMESTAMP))"
    if kind in ("double", "real", "decimal", "date"):
        return f"TRY_CAST(trim({given}) AS {duck(type_)})"
    by = text_of(separators[min(level, len(separators) - 1)])
    parts = f"(CASE WHEN {given} = '' THEN [] ELSE string_split({given}, {by}) END)"
    if kind == "array":
        return f"list_transform({parts}, lambda x{level}: {of_text(f'x{level}', type_.args[0], level + 1, separators, null)})"
    if kind == "map":
        pair = text_of(separators[min(level + 1, len(separators) - 1)])
        key = of_text(f"split_part(x{level}, {pair}, 1)", type_.args[0], level + 2, separators, null)
        value = of_text(f"substr(x{level}, nullif(strpos(x{level}, {pair}), 0) + 1)", type_.args[1], level + 2, separators, null)
        return f"map_from_entries(list_transform({parts}, lambda x{level}: struct_pack(k := {key}, v := {value})))"
    if kind == "row":
        inner = [of_text(f"{parts}[{n + 1}]", each, level + 1, separators, null) for n, each in enumerate(type_.args)]
        return f"(CASE WHEN {given} IS NOT NULL THEN {cast.packed(type_, inner)} END)"
    raise Unbuilt(f"{type_} in text files")


def texts_to_values(connection: duckdb.DuckDBPyConnection, wanted: Wanted, texts: str, separators: list[str], null: str) -> None:
    """The view over a table of texts, a column for each of the table's."""
    view(connection, wanted, texts, {
        each.name: of_text(quoted(each.name), each.type, 1, separators, null) for each in wanted.data if each.name in wanted.needed
    })  # fmt: skip
