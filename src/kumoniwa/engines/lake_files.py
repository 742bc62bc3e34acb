"""Tables out of files: what Glue says of a table and files of it, as a view of DuckDB's with the columns that are needed.

Columnar files are counted by the compressed size of the columns that are read, all else by its size as it lies.
https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa
from pyarrow import csv, orc, parquet

from kumoniwa.engines import lake_rows, orc_sizes
from kumoniwa.engines.lake_table import File, Wanted, fits, of_text, shaped, view
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.relations import PATH, Column
from kumoniwa.languages.athena.types import VARCHAR, duck, quoted, text_of

LINE_BYTES_MAX = 16 << 20
_NEVER = "\x1c"
"""What stands for the end of a field where lines are read whole: no text holds it."""


def made(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """Make the view; answers how many bytes are scanned. Raises QueryFailure, Unbuilt."""
    maker = _MAKERS.get(wanted.serde.rpartition(".")[2].lower())
    if maker is None:
        raise Unbuilt(f"the SerDe {wanted.serde or 'that is not named'}")
    if not wanted.files:
        columns = [*wanted.columns, Column(PATH, VARCHAR)]
        listed = ", ".join(f"CAST(NULL AS {duck(each.type)}) AS {quoted(each.name)}" for each in columns)
        connection.execute(f"CREATE TEMP VIEW {wanted.name} AS SELECT {listed} WHERE false")
        return 0
    return maker(connection, wanted)


def _listed(files: list[str]) -> str:
    return "[" + ", ".join(map(text_of, files)) + "]"


# Parquet -----------------------------------------------------------------------------------------------------


def _parquet(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """By name, as Athena reads Parquet by default."""
    scanned, known = 0, {}
    for file in wanted.files:
        try:
            described = parquet.ParquetFile(file.path)
        except pa.ArrowInvalid as error:
            raise QueryFailure("HIVE_CANNOT_OPEN_SPLIT", f"Error opening Hive split {file.place}: {str(error).splitlines()[0]}") from None
        fields = {each.name.lower(): each for each in described.schema_arrow}
        physical = {described.schema.column(n).path.partition(".")[0].lower(): described.schema.column(n).physical_type
                    for n in range(len(described.schema))}  # fmt: skip
        for each in wanted.data:
            field = fields.get(each.name)
            if each.name not in wanted.needed or field is None:
                continue
            if not fits(each.type, field.type):
                raise QueryFailure("HIVE_BAD_DATA", f"Field {each.name}'s type {physical[each.name]} in parquet file {file.place} is incompatible with "
                                   f"type {each.type} defined in table schema")  # fmt: skip
            known[each.name] = _widest(known.get(each.name), field)
        scanned += _read_of(described, wanted.needed)
        described.close()
    paths = _listed([file.path for file in wanted.files])
    source = f"read_parquet({paths}, filename = true, union_by_name = true, hive_partitioning = false)"
    view(connection, wanted, source, {
        each.name: shaped(quoted(known[each.name].name), each.type, known[each.name].type) for each in wanted.data if each.name in known
    })  # fmt: skip
    return scanned


def _widest(before: pa.Field | None, field: pa.Field) -> pa.Field:
    """Structs of several files have all fields that one of them has."""
    if before is None or not pa.types.is_struct(field.type):
        return field
    names = {before.type.field(n).name: before.type.field(n) for n in range(before.type.num_fields)}
    return pa.field(field.name, pa.struct(list((names | {field.type.field(n).name: field.type.field(n) for n in range(field.type.num_fields)}).values())))


def _read_of(described: parquet.ParquetFile, needed: frozenset[str]) -> int:
    total = 0
    for group in range(described.metadata.num_row_groups):
        chunks = described.metadata.row_group(group)
        for n in range(chunks.num_columns):
            if chunks.column(n).path_in_schema.partition(".")[0].lower() in needed:
                total += chunks.column(n).total_compressed_size
    return total


# ORC ---------------------------------------------------------------------------------------------------------


def _orc(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """By position, as Athena reads ORC by default."""
    target, scanned = lake_rows.Target(connection, wanted), 0
    by_name = wanted.properties.get("orc.column.index.access", "true").lower() == "false"
    for file in wanted.files:
        try:
            found = orc.ORCFile(file.path)
        except pa.ArrowInvalid as error:
            raise QueryFailure("HIVE_CANNOT_OPEN_SPLIT", f"Error opening Hive split {file.place}: {str(error).splitlines()[0]}") from None
        names = {each.name: each.name for each in found.schema} if by_name else dict(zip((each.name for each in wanted.data), found.schema.names))
        here = {each.name: names[each.name] for each in wanted.data if each.name in wanted.needed and each.name in names}
        scanned += _taken(file, [found.schema.names.index(name) for name in here.values()])
        for each in wanted.data:
            if each.name in here and not fits(each.type, found.schema.field(here[each.name]).type):
                raise QueryFailure("HIVE_BAD_DATA", f"Malformed ORC file. Cannot read SQL type '{each.type}' from ORC stream of type "
                                   f"{str(found.schema.field(here[each.name]).type).upper()} [{file.place}]")  # fmt: skip
        for stripe in range(found.nstripes):
            batch = found.read_stripe(stripe, columns=list(here.values()) or None)
            target.take_arrow(pa.table([batch.column(name) for name in here.values()], names=list(here)) if here else None, batch.num_rows, file)
    target.finish()
    return scanned


def _taken(file: File, places: list[int]) -> int:
    """What columns take in a file; all of it where its packing is one that only pyarrow knows."""
    try:
        sizes = orc_sizes.of_columns(file.path)
    except orc_sizes.Unreadable:
        return file.size
    return sum(sizes[place] for place in places)


# Lines -------------------------------------------------------------------------------------------------------


def _lines(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> str:
    """A table of the lines of all files, with the file that each is of. An empty line is one, too; what is no UTF-8 is replaced."""
    name = f"lines_of_{wanted.name}"
    schema = pa.schema([("line", pa.string()), ("filename", pa.string())])
    connection.register(name, pa.RecordBatchReader.from_batches(schema, _batches(wanted)))
    return name


def _batches(wanted: Wanted) -> Iterator[pa.RecordBatch]:
    skipped = int(wanted.parameters.get("skip.header.line.count", "0") or 0)
    for file in wanted.files:
        try:
            with _opened(file) as source, csv.open_csv(
                source, read_options=csv.ReadOptions(column_names=["line"], skip_rows=skipped, block_size=LINE_BYTES_MAX),
                parse_options=csv.ParseOptions(delimiter=_NEVER, quote_char=False, escape_char=False, ignore_empty_lines=False),
                convert_options=csv.ConvertOptions(column_types={"line": pa.binary()}, null_values=[]),
            ) as portions:  # fmt: skip
                for portion in portions:
                    yield pa.record_batch([_text(portion.column(0)), pa.array([file.path] * portion.num_rows)], names=["line", "filename"])
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise Unbuilt(f"a text file that holds {_NEVER!r} or longer lines than {LINE_BYTES_MAX} bytes: {file.place}") from None


def _text(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([each.decode("utf-8", "replace") for each in column.to_pylist()])


def _opened(file: File) -> pa.NativeFile:
    end = os.path.splitext(file.place)[1].lower()
    if end in (".lzo", ".snappy", ".lz4", ".deflate"):
        raise Unbuilt(f"text files packed as {end}")
    packing = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}.get(end)
    return pa.input_stream(file.path, compression=packing)


_SEPARATORS = ("\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07", "\x08")


def _delimiter(given: str | None, default: str) -> str:
    """One character, or the number of one."""
    if not given:
        return default
    return chr(int(given)) if given.isdigit() and len(given) < 4 and given not in "0123456789" else given[0] if len(given) > 1 else given


def _lazy(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html: no quotes, and a line ends at its end."""
    given = wanted.properties
    if given.get("timestamp.formats") or given.get("line.delim", "\n") != "\n":
        raise Unbuilt("timestamp.formats and line.delim of LazySimpleSerDe")
    separators = list(_SEPARATORS)
    separators[0] = _delimiter(given.get("field.delim") or given.get("serialization.format"), "\x01") if (
        given.get("field.delim") or given.get("serialization.format", "1") != "1") else "\x01"  # fmt: skip
    separators[1] = _delimiter(given.get("collection.delim") or given.get("colelction.delim"), "\x02")
    separators[2] = _delimiter(given.get("mapkey.delim"), "\x03")
    null = given.get("serialization.null.format", "\\N")
    if given.get("escape.delim"):
        return lake_rows.escaped(connection, wanted, separators, given["escape.delim"][0], null)
    lines, by = _lines(connection, wanted), text_of(separators[0])
    source = f"(SELECT string_split(line, {by}) AS parts, filename FROM {lines})"
    last = len(wanted.data) - 1
    rest = wanted.properties.get("serialization.last.column.takes.rest", "false").lower() == "true"
    expressions = {
        each.name: of_text(f"array_to_string(parts[{n + 1}:], {by})" if rest and n == last else f"parts[{n + 1}]", each.type, 1, separators, null)
        for n, each in enumerate(wanted.data) if each.name in wanted.needed
    }  # fmt: skip
    view(connection, wanted, source, expressions)
    return sum(file.size for file in wanted.files)


_MAKERS: dict[str, Callable[[duckdb.DuckDBPyConnection, Wanted], int]] = {
    "parquethiveserde": _parquet, "orcserde": _orc, "lazysimpleserde": _lazy, "opencsvserde": lake_rows.quoted_values,
    "jsonserde": lake_rows.json_rows, "regexserde": lake_rows.matched_rows,
}  # fmt: skip
