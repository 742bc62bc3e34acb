"""What a text asks Athena to do: a query, what becomes of a query's rows, or a change to the catalogue.

The forms are those of https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html and …/dml-queries-functions-operators.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kumoniwa.languages.athena import hive
from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.words import Reader

DML, DDL, UTILITY = "DML", "DDL", "UTILITY"
_ICEBERG = ("MERGE", "UPDATE", "DELETE", "OPTIMIZE", "VACUUM")
_OTHERS = ("EXPLAIN", "ANALYZE", "CALL", "GRANT", "REVOKE", "SET", "RESET", "USE", "START", "COMMIT", "ROLLBACK", "REFRESH", "TABLE")


class Statement(NamedTuple):
    kind: str
    type: str
    """What StatementType tells: https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html"""
    facts: dict[str, Any]
    sub: str = ""
    """What SubstatementType tells, where that was seen."""


class Several(ValueError):
    """More than one statement."""


def read(text: str) -> Statement:
    """Raises Malformed, Several, Unbuilt. A query within is not read."""
    reader = Reader(text)
    if not reader.is_over and reader.words[-1].upper == ";":
        reader.text = reader.text[: reader.words.pop().start]
    if any(each.upper == ";" for each in reader.words):
        raise Several
    first = reader.next.upper
    if first in ("SELECT", "WITH", "VALUES", "("):
        return Statement("query", DML, {"query": reader.query()}, "SELECT")
    if first in _ICEBERG:
        raise Unbuilt(f"{first} and the Iceberg tables that it is for")
    if first in _OTHERS:
        raise Unbuilt(f"{first} in Athena's SQL")
    for words, form in _FORMS:
        if reader.has(*words):
            return form(reader)
    if reader.sees("SHOW") or reader.sees("CREATE") or reader.sees("DROP") or reader.sees("ALTER"):
        reader.place += 1
    raise reader.wrong()


def _ctas(reader: Reader) -> Statement | None:
    """CREATE TABLE … AS, or None if it is no such."""
    start = reader.place
    exists = reader.has("IF", "NOT", "EXISTS")
    database, name = reader.of_database()
    given: dict[str, Any] = properties(reader) if reader.has("WITH") else {}
    if not reader.has("AS"):
        reader.place = start
        return None
    text = reader.query()
    data = re.search(r"\bWITH\s+(NO\s+)?DATA\s*\Z", text, re.IGNORECASE)
    facts = {"database": database, "name": name, "if_not_exists": exists, "properties": given, "query": text[: data.start()] if data else text,
             "with_data": not (data and data[1])}  # fmt: skip
    return Statement("create table as", DDL, facts, "CREATE_TABLE_AS_SELECT")


def properties(reader: Reader) -> dict[str, Any]:
    """``(format = 'PARQUET', partitioned_by = ARRAY['a'], bucket_count = 5)``"""
    found: dict[str, Any] = {}
    reader.need("(")
    while True:
        name = reader.name()
        reader.need("=")
        if reader.has("ARRAY"):
            reader.need("[")
            listed: list[str] = []
            while not reader.has("]"):
                listed.append(_plain(reader))
                reader.has(",")
            found[name] = listed
        elif reader.next.kind == "number":
            found[name] = reader.number()
        elif reader.sees("TRUE") or reader.sees("FALSE"):
            found[name] = reader.either("TRUE", "FALSE") == "TRUE"
        else:
            found[name] = _plain(reader)
        if not reader.has(","):
            reader.need(")")
            return found


def _plain(reader: Reader) -> str:
    """A text of Trino's, in which a backslash is one."""
    word = reader.next
    if word.kind != "text":
        raise reader.wrong()
    reader.place += 1
    return word.value


def _create_table(reader: Reader) -> Statement:
    found = _ctas(reader)
    if found is not None:
        return found
    return Statement("create table", DDL, hive.create_table(reader, is_external=False))


def _insert(reader: Reader) -> Statement:
    database, name = reader.of_database()
    columns: list[str] | None = None
    if reader.sees("("):
        start = reader.place
        inner = Reader(reader.in_brackets())
        if inner.next.upper in ("SELECT", "WITH", "VALUES"):
            reader.place = start
        else:
            columns = [inner.name()]
            while inner.has(","):
                columns.append(inner.name())
            inner.end()
    return Statement("insert", DML, {"database": database, "name": name, "columns": columns, "query": reader.query()}, "INSERT")


def _unload(reader: Reader) -> Statement:
    query = reader.in_brackets(padded=True)
    reader.need("TO")
    to = _plain(reader)
    given = properties(reader) if reader.has("WITH") else {}
    reader.end()
    return Statement("unload", DML, {"query": query, "to": to, "properties": given}, "UNLOAD")


def _create_view(reader: Reader, replace: bool = False) -> Statement:
    database, name = reader.of_database()
    reader.need("AS")
    return Statement("create view", DDL, {"database": database, "name": name, "replace": replace, "query": reader.query()})


def _drop(kind: str):
    def form(reader: Reader) -> Statement:
        exists = reader.has("IF", "EXISTS")
        database, name = reader.of_database()
        reader.end()
        return Statement(f"drop {kind}", DDL, {"database": database, "name": name, "if_exists": exists})

    return form


def _prepare(reader: Reader) -> Statement:
    name = reader.name()
    reader.need("FROM")
    return Statement("prepare", UTILITY, {"name": name, "text": reader.rest()})


def _execute(reader: Reader) -> Statement:
    name, values = reader.name(), []
    if reader.has("USING"):
        start, depth = reader.next.start, 0
        while not reader.is_over:
            word = reader.next
            depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(word.upper, 0)
            reader.place += 1
            if word.upper == "," and not depth:
                values.append(reader.text[start : word.start].strip())
                start = word.end
        values.append(reader.text[start:].strip())
    reader.end()
    return Statement("execute", DML, {"name": name, "values": values})


def _deallocate(reader: Reader) -> Statement:
    facts = {"name": reader.name()}
    reader.end()
    return Statement("deallocate", UTILITY, facts)


def _of(kind: str, type_: str, form):
    return lambda reader: Statement(kind, type_, form(reader))


_FORMS = (
    (("CREATE", "EXTERNAL", "TABLE"), _of("create table", DDL, hive.create_table)), (("CREATE", "TABLE"), _create_table),
    (("CREATE", "OR", "REPLACE", "VIEW"), lambda reader: _create_view(reader, True)), (("CREATE", "VIEW"), _create_view),
    (("CREATE", "DATABASE"), _of("create database", DDL, hive.create_database)), (("CREATE", "SCHEMA"), _of("create database", DDL, hive.create_database)),
    (("DROP", "DATABASE"), _of("drop database", DDL, hive.drop_database)), (("DROP", "SCHEMA"), _of("drop database", DDL, hive.drop_database)),
    (("DROP", "TABLE"), _drop("table")), (("DROP", "VIEW"), _drop("view")),
    (("ALTER", "DATABASE"), _of("alter database", DDL, hive.alter_database)), (("ALTER", "SCHEMA"), _of("alter database", DDL, hive.alter_database)),
    (("ALTER", "TABLE"), _of("alter table", DDL, hive.alter_table)), (("MSCK", "REPAIR", "TABLE"), _of("repair", DDL, hive.table)),
    (("SHOW",), _of("show", UTILITY, hive.show)), (("DESCRIBE",), _of("describe", UTILITY, hive.describe)), (("DESC",), _of("describe", UTILITY, hive.describe)),
    (("INSERT", "INTO"), _insert), (("UNLOAD",), _unload), (("PREPARE",), _prepare), (("EXECUTE",), _execute), (("DEALLOCATE", "PREPARE"), _deallocate),
)  # fmt: skip
