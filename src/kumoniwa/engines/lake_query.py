"""The process of ``lake``: plans a query, asks for what it needs, runs it in DuckDB and writes what it found."""

from __future__ import annotations

import base64
import contextlib
import os
import queue
import re
import shutil
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

import duckdb
import msgspec
import orjson

from kumoniwa.engines import lake_files, lake_projection, lake_table
from kumoniwa.engines.lake import Said, Task, Told
from kumoniwa.languages.athena import cast, cells, syntax, types
from kumoniwa.languages.athena.failure import Malformed, QueryFailure, Unbuilt
from kumoniwa.languages.athena.query import Query
from kumoniwa.languages.athena.relations import Column, Known, Output, Scan
from kumoniwa.languages.athena.types import duck, quoted

_LENGTH = struct.Struct(">I")
ROWS = 4_096
_INTS = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint"}


class Asker:
    """The other end of the conversation. When it is closed the process ends."""

    def __init__(self) -> None:
        self.heard: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while len(head := sys.stdin.buffer.read(_LENGTH.size)) == _LENGTH.size:
            self.heard.put(sys.stdin.buffer.read(_LENGTH.unpack(head)[0]))
        os._exit(0)

    def task(self) -> Task:
        return msgspec.msgpack.decode(self.heard.get(), type=Task)

    def say(self, kind: str, **body: Any) -> None:
        packed = msgspec.msgpack.encode(Said(kind, body))
        sys.stdout.buffer.write(_LENGTH.pack(len(packed)) + packed)
        sys.stdout.buffer.flush()

    def ask(self, kind: str, **body: Any) -> Any:
        self.say(kind, **body)
        return msgspec.msgpack.decode(self.heard.get(), type=Told).body


class Catalogue:
    """What Glue says, asked once for each name."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.tables: dict[tuple[str, str], dict[str, Any] | None] = {}

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        if (database, name) not in self.tables:
            found = self.asker.ask("table", database=database, name=name)
            if found is False:
                raise QueryFailure("SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist")
            self.tables[database, name] = found
        return self.tables[database, name]

    def __call__(self, database: str, name: str) -> Known | None:
        table = self.table(database, name)
        if table is None:
            return None
        if table.get("TableType") == "VIRTUAL_VIEW":
            return _view(table, database)
        if (table.get("Parameters") or {}).get("table_type", "").upper() == "ICEBERG":
            raise Unbuilt("Iceberg tables")
        return Known(columns_of(table))


def columns_of(table: dict[str, Any]) -> tuple[Column, ...]:
    found = []
    for listed, is_partition in ((table.get("StorageDescriptor", {}).get("Columns") or (), False), (table.get("PartitionKeys") or (), True)):
        for each in listed:
            try:
                found.append(Column(each["Name"].lower(), types.read(each.get("Type", "string")), is_partition))
            except ValueError:
                raise QueryFailure("HIVE_INVALID_METADATA", f"Glue table '{table['DatabaseName']}.{table['Name']}' column '{each['Name']}' has invalid data type: "
                                   f"{each.get('Type')}") from None  # fmt: skip
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise QueryFailure("HIVE_INVALID_METADATA", f"Hive metadata for table {table['Name']} is invalid: Table descriptor contains duplicate columns")
    return tuple(found)


_PRESTO_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/")


def _view(table: dict[str, Any], database: str) -> Known:
    found = _PRESTO_VIEW.match(table.get("ViewOriginalText") or "")
    if found is None:
        raise Unbuilt("views that Athena did not make")
    said = orjson.loads(base64.b64decode(found[1]))
    columns = tuple(Column(each["name"].lower(), types.read(each["type"])) for each in said.get("columns", ()))
    return Known(columns, said["originalSql"], said.get("schema") or database)


class Run:
    def __init__(self, asker: Asker, task: Task) -> None:
        self.asker, self.task, self.scanned = asker, task, 0
        self.catalogue = Catalogue(asker)
        self.connection = duckdb.connect(os.path.join(task.folder, "work.duckdb"), config={
            "memory_limit": f"{task.memory_mb}MB", "threads": 2, "temp_directory": os.path.join(task.folder, "spilled"),
            "autoinstall_known_extensions": False, "autoload_known_extensions": False, "preserve_insertion_order": True,
        })  # fmt: skip
        self.connection.execute(f"SET allowed_directories = [{types.text_of(task.folder)}]")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET TimeZone = 'UTC'")
        for macro in cast.MACROS:
            self.connection.execute(macro)

    def close(self) -> None:
        self.connection.close()

    def plan(self) -> Any:
        query = Query(self.task.text, self.catalogue, self.task.database, self.task.now_s)
        output = query.read(tuple(self.task.values))
        for scan in query.scans:
            self._make(scan)
        return output

    # Tables ---------------------------------------------------------------------------------------------------

    def _make(self, scan: Scan) -> None:
        table = self.catalogue.table(scan.database, scan.table)
        assert table is not None
        columns = columns_of(table)
        places = self._places(table, columns, scan)
        told = self.asker.ask("objects", places=[place for _, place, _ in places])
        groups: dict[str, list[lake_table.File]] = {}
        descriptors: dict[str, dict[str, Any]] = {}
        for (values, place, descriptor), objects in zip(places, told):
            bucket = place.removeprefix("s3://").partition("/")[0]
            serde = descriptor.get("SerdeInfo", {})
            name = orjson.dumps([serde.get("SerializationLibrary"), serde.get("Parameters")]).decode()
            descriptors[name] = descriptor
            groups.setdefault(name, []).extend(
                lake_table.File("", f"s3://{bucket}/{key}", size, tuple(values)) for key, size in objects if is_data(key, size)
            )
        if len([each for each in groups.values() if each]) > 1:
            raise Unbuilt("partitions of one table with several SerDes")
        name = next((name for name, files in groups.items() if files), next(iter(groups), ""))
        files, descriptor = groups.get(name, []), descriptors.get(name) or table["StorageDescriptor"]
        self._bound(sum(file.size for file in files) if not is_columnar(descriptor) else 0)
        paths = self.asker.ask("fetch", places=[file.place for file in files])
        wanted = lake_table.Wanted(
            f"scan_{scan.number}", columns, frozenset(scan.needed), [file._replace(path=path) for file, path in zip(files, paths)],
            descriptor.get("SerdeInfo", {}).get("SerializationLibrary", ""), descriptor.get("SerdeInfo", {}).get("Parameters") or {},
            (table.get("Parameters") or {}) | (descriptor.get("Parameters") or {}),
        )  # fmt: skip
        self.scanned += lake_files.made(self.connection, wanted)
        self._bound(0)

    def _bound(self, more: int) -> None:
        if self.task.most_bytes is not None and self.scanned + more > self.task.most_bytes:
            raise QueryFailure("BYTES_SCANNED", "Bytes scanned limit was exceeded")

    def _places(self, table: dict[str, Any], columns: tuple[Column, ...], scan: Scan) -> list[tuple[list[str], str, dict[str, Any]]]:
        """Where to look: the values of the partition keys, the place, and how what is there is written."""
        descriptor = table["StorageDescriptor"]
        keys = [each for each in columns if each.is_partition]
        if not keys:
            return [([], descriptor.get("Location", ""), descriptor)]
        if lake_projection.is_on(table.get("Parameters") or {}):
            equals = {each.name: found for each in keys if (found := _equals(scan.filters, each.name))}
            listed = [(values, place, descriptor) for values, place in lake_projection.partitions(table, self.task.now_s, equals)]
        else:
            told = self.asker.ask("partitions", database=scan.database, name=scan.table)
            listed = [(each["Values"], each["StorageDescriptor"].get("Location", ""), each["StorageDescriptor"]) for each in told]
        return [listed[n] for n in self._chosen(keys, [values for values, _, _ in listed], scan)]

    def _chosen(self, keys: list[Column], values: list[list[str]], scan: Scan) -> list[int]:
        """The partitions that can hold rows of the answer."""
        if not scan.filters or not values:
            return list(range(len(values)))
        name = f"partitions_{scan.number}"
        self.connection.execute(f"CREATE TABLE {name} (n BIGINT, {', '.join(f'{quoted(each.name)} {duck(each.type)}' for each in keys)})")
        casts = ", ".join(lake_table.key_value("?", each.type) for each in keys)
        self.connection.executemany(f"INSERT INTO {name} SELECT ?, {casts}", [[n, *each] for n, each in enumerate(values)])
        kept = set(range(len(values)))
        for each in scan.filters:
            try:
                kept &= {n for (n,) in self.connection.execute(f"SELECT n FROM {name} AS p WHERE {each}").fetchall()}
            except duckdb.Error:
                # It fails for some partition, maybe for one that another condition leaves out: the rows decide.
                continue
        return sorted(kept)

    # Rows -----------------------------------------------------------------------------------------------------

    def rows(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        found = self.connection.execute(sql)
        while portion := found.fetchmany(ROWS):
            yield portion

    def answer(self) -> dict[str, Any]:
        output = self.plan()
        self.asker.say("planned", scanned=self.scanned)
        names = [field.name or f"_col{n}" for n, field in enumerate(output.fields)]
        columns = [
            dict(zip(("name", "type", "precision", "scale"), (name, types.told(field.type), *types.precision_and_scale(field.type))))
            for name, field in zip(names, output.fields)
        ]
        path = os.path.join(self.task.folder, "result.csv")
        if all(cast.is_plain(field.type) for field in output.fields):
            count = self._copy(output, names, path)
        else:
            count = self._write(output, names, path)
        return {"columns": columns, "count": count, "scanned": self.scanned, "path": path}

    def _copy(self, output: Output, names: list[str], path: str) -> int:
        """Results of plain types, which DuckDB writes as Athena does."""
        listed = ", ".join(f"{cast.cast(f'q.c{n}', field.type, types.VARCHAR)} AS c{n}" for n, field in enumerate(output.fields))
        how = "FORMAT csv, HEADER false, FORCE_QUOTE *, NULLSTR '', DELIMITER ',', QUOTE '\"', ESCAPE '\"'"
        (count,) = self.connection.execute(f"COPY (SELECT {listed} FROM ({output.sql}) AS q) TO '{path}.rows' ({how})").fetchone()
        with open(path, "w", encoding="utf-8", newline="") as file:
            # Two columns of one name are no matter to Trino: the header is ours.
            file.write(line(names))
        with open(path, "ab") as file, open(f"{path}.rows", "rb") as rows:
            shutil.copyfileobj(rows, file, 1 << 20)
        os.unlink(f"{path}.rows")
        return count

    def _write(self, output: Output, names: list[str], path: str) -> int:
        count, kinds = 0, [cells.text_of(field.type) for field in output.fields]
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(line(names))
            for portion in self.rows(output.sql):
                count += len(portion)
                file.writelines(line([None if value is None else kind(value) for kind, value in zip(kinds, row)]) for row in portion)
        return count

    def write(self) -> dict[str, Any]:
        from kumoniwa.engines import lake_writing  # noqa: PLC0415 (only who writes needs it)

        output = self.plan()
        self.asker.say("planned", scanned=self.scanned)
        return {"scanned": self.scanned, **lake_writing.written(self.connection, self.task, output)}

    def describe(self) -> dict[str, Any]:
        """The columns of a view, for which nothing is read."""
        query = Query(self.task.text, self.catalogue, self.task.database, self.task.now_s)
        output = query.read(tuple(self.task.values))
        return {"columns": [{"name": field.name, "type": types.shown(field.type), "hive": types.hive(field.type)} for field in output.fields]}


def is_data(key: str, size: int) -> bool:
    """Hive hides what begins with a dot or an underscore."""
    return size > 0 and not key.rpartition("/")[2].startswith((".", "_"))


def is_columnar(descriptor: dict[str, Any]) -> bool:
    return descriptor.get("SerdeInfo", {}).get("SerializationLibrary", "").rpartition(".")[2].lower() in ("parquethiveserde", "orcserde")


def _equals(filters: list[str], key: str) -> list[str]:
    """The texts that conditions give a key by = or IN."""
    found = []
    for each in filters:
        text = r"'((?:[^']|'')*)'"
        match = re.fullmatch(rf"\(p\.\"{re.escape(key)}\" (?:=|IN) \(?({text}(?:, {text})*)\)?\)", each)
        if match is not None:
            found += [value.replace("''", "'") for value in re.findall(text, match[1])]
    return found


def line(values: list[str | None]) -> str:
    """As Athena writes its results: all quoted, and nothing at all for NULL."""
    return ",".join("" if each is None else '"' + each.replace('"', '""') + '"' for each in values) + "\n"


def explained(error: duckdb.Error) -> QueryFailure:
    """A failure of DuckDB's in Trino's words."""
    text = str(error)
    for pattern, code, said in _EXPLAINED:
        if found := re.search(pattern, text, re.DOTALL):
            return QueryFailure(code.format(*found.groups()), said(found) if callable(said) else said.format(*found.groups()))
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryFailure("EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exhausted resources at this scale factor")
    return QueryFailure("GENERIC_INTERNAL_ERROR", text.partition("\n")[0])


_OPERATORS = {"addition": "+", "subtraction": "-", "multiplication": "*"}
_EXPLAINED: tuple[tuple[str, str, Any], ...] = (
    (cast.FAILED + r"(\w+): (.*?)' to BOOL", "{}", "{1}"),
    (r"Division by zero|Modulo by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (r"Overflow in (\w+) of (INT\d+) \((-?\d+) . (-?\d+)\)", "NUMERIC_VALUE_OUT_OF_RANGE",
     lambda found: f"{_INTS[found[2]]} {found[1]} overflow: {found[3]} {_OPERATORS.get(found[1], '?')} {found[4]}"),
    (r"Could not convert string '(.*?)' to (INT\d+)", "INVALID_CAST_ARGUMENT",
     lambda found: f"Cannot cast '{found[1]}' to {_INTS[found[2]].upper().replace('INTEGER', 'INT')}"),
    (r"(date|timestamp) field value out of range: \"(.*?)\"", "INVALID_CAST_ARGUMENT", "Value cannot be cast to {}: {}"),
    (r"Could not parse string \"(.*?)\" according", "INVALID_FUNCTION_ARGUMENT", 'Invalid format: "{}"'),
    (r"More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
    (r"Type INT\d+ with value (-?[\d.]+) can't be cast", "NUMERIC_VALUE_OUT_OF_RANGE", "Out of range: {}"),
    (r"Map keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    (r"Overflow|out of range", "NUMERIC_VALUE_OUT_OF_RANGE", "Value is out of range"),
)  # fmt: skip


def main() -> None:
    asker = Asker()
    while True:
        _answer(asker, asker.task())


def _answer(asker: Asker, task: Task) -> None:
    """Its last word is "done" or "failed". Spilled files are the folder's, which is removed by who made it."""
    try:
        if task.write and task.write.get("parse"):
            syntax.parsed(task.text)
            asker.say("done")
            return
        with contextlib.closing(Run(asker, task)) as run:
            said = run.answer() if task.write is None else run.describe() if task.write.get("describe") else run.write()
        asker.say("done", **said)
    except (QueryFailure, Malformed) as failure:
        asker.say("failed", code=getattr(failure, "code", "SYNTAX_ERROR"), text=str(failure))
    except Unbuilt as unbuilt:
        asker.say("failed", code="NOT_IMPLEMENTED", text=str(unbuilt))
    except duckdb.Error as error:
        failure = explained(error)
        asker.say("failed", code=failure.code, text=str(failure), detail=str(error)[:2000])
    except RecursionError:
        asker.say("failed", code="STACK_OVERFLOW", text="STACK_OVERFLOW: the query is nested too deeply")


if __name__ == "__main__":
    main()
