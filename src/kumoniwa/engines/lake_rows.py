"""Rows out of files that only we can read one by one: JSON, quoted values, lines that an expression parts.

They go to a table of DuckDB's in portions, so that a file may be larger than memory.
"""

from __future__ import annotations

import base64
import bz2
import csv
import gzip
import io
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TextIO

import duckdb
import orjson
import pyarrow as pa

from kumoniwa.engines.lake_table import File, Wanted, shaped, texts_to_values, view
from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.types import INTEGERS, Type, duck, field_name, quoted

PORTION = 20_000


def opened(file: File) -> TextIO:
    """The text of a file; what is no UTF-8 is replaced."""
    end = os.path.splitext(file.place)[1].lower()
    if end == ".gz":
        return io.TextIOWrapper(gzip.open(file.path), encoding="utf-8", errors="replace", newline="\n")
    if end == ".bz2":
        return io.TextIOWrapper(bz2.open(file.path), encoding="utf-8", errors="replace", newline="\n")
    if end == ".zst":
        return io.TextIOWrapper(pa.input_stream(file.path, compression="zstd"), encoding="utf-8", errors="replace", newline="\n")
    return open(file.path, encoding="utf-8", errors="replace", newline="\n")


def lines(wanted: Wanted, file: File) -> Iterator[str]:
    skipped = int(wanted.parameters.get("skip.header.line.count", "0") or 0)
    with opened(file) as source:
        for n, line in enumerate(source):
            if n >= skipped:
                yield line.rstrip("\r\n")


def arrow(type_: Type) -> pa.DataType:
    kind, args = type_.kind, type_.args
    if kind == "array":
        return pa.list_(arrow(args[0]))
    if kind == "map":
        return pa.map_(arrow(args[0]), arrow(args[1]))
    if kind == "row":
        return pa.struct([(field_name(type_, n), arrow(each)) for n, each in enumerate(args)])
    if kind == "decimal":
        return pa.decimal128(*args)
    return {
        "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(), "real": pa.float32(),
        "double": pa.float64(), "varchar": pa.string(), "char": pa.string(), "varbinary": pa.binary(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
    }[kind]  # fmt: skip


class Target:
    """The table that rows go to: a column for each that is needed, and the file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, wanted: Wanted, as_text: bool = False) -> None:
        self.connection, self.wanted, self.as_text = connection, wanted, as_text
        self.columns = [each for each in wanted.data if each.name in wanted.needed]
        self.name = f"rows_of_{wanted.name}"
        listed = "".join(f"{quoted(each.name)} {'VARCHAR' if as_text else duck(each.type)}, " for each in self.columns)
        connection.execute(f"CREATE TABLE {self.name} ({listed}filename VARCHAR)")
        self.rows: list[list[Any]] = []

    def take(self, row: list[Any], file: File) -> None:
        self.rows.append([*row, file.path])
        if len(self.rows) >= PORTION:
            self._flush()

    def _flush(self) -> None:
        if self.rows:
            kinds = [pa.string() if self.as_text else arrow(each.type) for each in self.columns]
            columns = [pa.array(values, kind) for values, kind in zip(zip(*self.rows), [*kinds, pa.string()])]
            self._insert(pa.table(columns, names=[*(each.name for each in self.columns), "filename"]))
            self.rows = []

    def _insert(self, portion: pa.Table) -> None:
        self.connection.register("portion", portion)
        self.connection.execute(f"INSERT INTO {self.name} BY NAME SELECT * FROM portion")
        self.connection.unregister("portion")

    def take_arrow(self, table: pa.Table | None, count: int, file: File) -> None:
        """Columns as a file has them."""
        self.connection.register("portion", table if table is not None else pa.table([pa.nulls(count)], names=["none"]))
        known = {each.name: each.type for each in table.schema} if table is not None else {}
        listed = [f"{shaped(quoted(each.name), each.type, known[each.name])} AS {quoted(each.name)}" for each in self.columns if each.name in known]
        self.connection.execute(f"INSERT INTO {self.name} BY NAME SELECT {''.join(each + ', ' for each in listed)}? AS filename FROM portion", [file.path])
        self.connection.unregister("portion")

    def finish(self, separators: list[str] | None = None, null: str = "\\N") -> None:
        self._flush()
        if self.as_text:
            texts_to_values(self.connection, self.wanted, self.name, separators or ["\x01"], null)
        else:
            view(self.connection, self.wanted, self.name, {each.name: quoted(each.name) for each in self.columns})


def escaped(connection: duckdb.DuckDBPyConnection, wanted: Wanted, separators: list[str], escape: str, null: str) -> int:
    """Fields in which a character takes its meaning from the one behind it."""
    target = Target(connection, wanted, as_text=True)
    places = {each.name: n for n, each in enumerate(wanted.data)}
    part = re.compile(f"((?:{re.escape(escape)}.|[^{re.escape(separators[0] + escape)}])*)(?:{re.escape(separators[0])}|$)", re.DOTALL)
    for file in wanted.files:
        for line in lines(wanted, file):
            fields = [re.sub(re.escape(escape) + "(.)", r"\1", each) if each != null else each for each in part.findall(line)]
            target.take([fields[places[each.name]] if places[each.name] < len(fields) else None for each in target.columns], file)
    target.finish(separators, null)
    return sum(file.size for file in wanted.files)


# Quoted values -----------------------------------------------------------------------------------------------


def quoted_values(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """All are texts to begin with; a DATE is a count of days, a TIMESTAMP one of milliseconds, and an empty text is no number.

    https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
    """
    given, target = wanted.properties, Target(connection, wanted)
    form = {"delimiter": given.get("separatorChar", ",")[0], "quotechar": given.get("quoteChar", '"')[0], "escapechar": given.get("escapeChar", "\\")[0],
            "doublequote": True}  # fmt: skip
    if form["escapechar"] == form["quotechar"]:
        form["escapechar"] = None
    places = {each.name: n for n, each in enumerate(wanted.data)}
    for file in wanted.files:
        for line in lines(wanted, file):
            fields = next(csv.reader([line], **form), [])
            row = []
            for each in target.columns:
                text = fields[places[each.name]] if places[each.name] < len(fields) else None
                row.append(None if text is None else _csv_value(text, each.type, places[each.name]))
            target.take(row, file)
    target.finish()
    return sum(file.size for file in wanted.files)


def _bad(text: str, place: int) -> QueryFailure:
    """https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html, "HIVE_BAD_DATA: Error parsing field value"."""
    return QueryFailure("HIVE_BAD_DATA", f"Error parsing field value '{text}' for field {place}: For input string: \"{text}\"")


def _csv_value(text: str, type_: Type, place: int) -> Any:
    kind = type_.kind
    try:
        if kind in ("varchar", "char"):
            return text
        if kind in INTEGERS:
            value = int(text)
            if not -(2 ** types.BOUNDS[kind]) <= value < 2 ** types.BOUNDS[kind]:
                raise ValueError
            return value
        if kind in ("double", "real"):
            return float(text)
        if kind == "boolean":
            if text.lower() not in ("true", "false"):
                raise ValueError
            return text.lower() == "true"
        if kind == "date":
            return date(1970, 1, 1) + timedelta(days=int(text))
        if kind == "timestamp":
            return datetime(1970, 1, 1) + timedelta(milliseconds=int(text))
        if kind == "decimal":
            return _decimal(text, type_)
    except (ValueError, OverflowError, InvalidOperation):
        raise _bad(text, place) from None
    raise Unbuilt(f"{type_} with OpenCSVSerde")


def _decimal(text: str, type_: Type) -> Decimal:
    value = Decimal(text).quantize(Decimal(1).scaleb(-type_.args[1]))
    if len(value.as_tuple().digits) > type_.args[0]:
        raise ValueError
    return value


# JSON --------------------------------------------------------------------------------------------------------


def json_rows(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """One value to a line. https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html, …/hive-json-serde.html"""
    given, is_openx = wanted.properties, "openx" in wanted.serde.lower()
    target = Target(connection, wanted)
    names = {each.name: given.get(f"mapping.{each.name}", each.name) for each in target.columns} if is_openx else {each.name: each.name for each in target.columns}
    folds = not is_openx or given.get("case.insensitive", "true").lower() == "true"
    dots = is_openx and given.get("dots.in.keys", given.get("ConvertDotsInJsonKeysToUnderscores", "false")).lower() == "true"
    is_lenient = is_openx and given.get("ignore.malformed.json", "false").lower() == "true"
    if folds:
        names = {name: key.lower() for name, key in names.items()}
    converters = [(names[each.name], _converter(each.type, folds, n)) for n, each in enumerate(target.columns)]
    for file in wanted.files:
        for line in lines(wanted, file):
            if not line.strip():
                continue
            try:
                value = orjson.loads(line)
                if not isinstance(value, dict):
                    raise ValueError
            except ValueError:
                if is_lenient:
                    target.take([None] * len(converters), file)
                    continue
                raise QueryFailure("HIVE_CURSOR_ERROR", "Row is not a valid JSON Object - JSONException: A JSONObject text must begin with '{' at 1 "
                                   "[character 2 line 1]") from None  # fmt: skip
            if folds or dots:
                value = {(key.lower() if folds else key).replace(".", "_") if dots else key.lower(): each for key, each in value.items()}
            target.take([None if (each := value.get(key)) is None else convert(each) for key, convert in converters], file)
    target.finish()
    return sum(file.size for file in wanted.files)


def _converter(type_: Type, folds: bool, place: int) -> Callable[[Any], Any]:
    """How a value of JSON becomes one of a type. What does not become one is bad data."""
    kind, args = type_.kind, type_.args

    def wrong(value: Any) -> QueryFailure:
        return _bad(value if isinstance(value, str) else orjson.dumps(value).decode(), place)

    if kind in ("varchar", "char"):
        return lambda value: value if isinstance(value, str) else orjson.dumps(value).decode()
    if kind == "array":
        of = _converter(args[0], folds, place)

        def listed(value: Any) -> Any:
            # One that is no array stands for an array of it, as OpenX takes it.
            return [None if each is None else of(each) for each in (value if isinstance(value, list) else [value])]

        return listed
    if kind == "map":
        key, of = _converter(args[0], folds, place), _converter(args[1], folds, place)

        def mapped(value: Any) -> Any:
            if not isinstance(value, dict):
                raise wrong(value)
            return [(key(name), None if each is None else of(each)) for name, each in value.items()]

        return mapped
    if kind == "row":
        fields = [(name or "", field_name(type_, n), _converter(each, folds, place)) for n, (name, each) in enumerate(zip(type_.names, args))]

        def packed(value: Any) -> Any:
            if isinstance(value, list):
                value = {name: each for (name, _, _), each in zip(fields, value)}
            if not isinstance(value, dict):
                raise wrong(value)
            known = {name.lower(): each for name, each in value.items()}
            return {to: None if (each := known.get(name)) is None else of(each) for name, to, of in fields}

        return packed

    def scalar(value: Any) -> Any:
        try:
            return _scalar(value, type_)
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            raise wrong(value) from None

    return scalar


def _scalar(value: Any, type_: Type) -> Any:
    kind = type_.kind
    if kind in INTEGERS:
        number = value if isinstance(value, int) and not isinstance(value, bool) else int(value) if isinstance(value, str) else None
        if number is None and isinstance(value, float) and value.is_integer():
            number = int(value)
        if number is None or not -(2 ** types.BOUNDS[kind]) <= number < 2 ** types.BOUNDS[kind]:
            raise ValueError
        return number
    if kind in ("double", "real"):
        if isinstance(value, (bool, list, dict)):
            raise ValueError
        return float(value)
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value.lower() not in ("true", "false"):
            raise ValueError
        return value.lower() == "true"
    if kind == "decimal":
        if isinstance(value, (bool, list, dict)):
            raise ValueError
        return _decimal(str(value), type_)
    if kind == "date":
        return date.fromisoformat(value)
    if kind == "timestamp":
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime(1970, 1, 1) + timedelta(seconds=value / 1000 if abs(value) > 1e11 else value)
        moment = datetime.fromisoformat(value.strip())
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if kind == "varbinary":
        return base64.b64decode(value, validate=True)
    raise ValueError


# Lines that an expression parts ------------------------------------------------------------------------------


def matched_rows(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """A column for each group; a line that does not match is a row of NULL. https://docs.aws.amazon.com/athena/latest/ug/regex-serde.html"""
    given = wanted.properties
    flags = re.IGNORECASE if given.get("input.regex.case.insensitive", "false").lower() == "true" else 0
    try:
        pattern = re.compile(given.get("input.regex", ""), flags)
    except re.error as error:
        raise Unbuilt(f"the regular expression of RegexSerDe: {error}") from None
    if pattern.groups < len(wanted.data):
        raise QueryFailure("HIVE_CURSOR_ERROR", f"Number of matching groups doesn't match the number of columns: {pattern.groups}, {len(wanted.data)}")
    target = Target(connection, wanted, as_text=True)
    places = {each.name: n + 1 for n, each in enumerate(wanted.data)}
    for file in wanted.files:
        for line in lines(wanted, file):
            found = pattern.fullmatch(line)
            target.take([found[places[each.name]] if found else None for each in target.columns], file)
    target.finish()
    return sum(file.size for file in wanted.files)
