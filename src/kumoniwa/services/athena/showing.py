"""SHOW and DESCRIBE: what the catalogue holds, as lines of text.

https://docs.aws.amazon.com/athena/latest/ug/show-tables.html and its neighbours; the shapes of the lines are those of Hive's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.athena import reading
from kumoniwa.services.athena.catalog import all_of
from kumoniwa.services.athena.errors import MetadataException
from kumoniwa.services.athena.failing import Failed

if TYPE_CHECKING:
    from kumoniwa.services.athena.execution import Execution


class Table(NamedTuple):
    columns: tuple[dict[str, Any], ...]
    lines: list[str]
    """Fields are parted by tabs."""


def _columns(*names: str) -> tuple[dict[str, Any], ...]:
    return tuple({"name": name, "type": "string", "precision": 0, "scale": 0} for name in names)


NOTHING = Table((), [])
ROWS = ({"name": "rows", "type": "bigint", "precision": 19, "scale": 0},)


async def shown(call: Call, begun: Execution, statement: Any) -> Table:
    """Raises Failed."""
    facts = statement.facts
    if statement.kind == "describe":
        return await _described(call, begun, facts)
    what, database = facts["what"], facts["database"] or begun.database
    try:
        if what == "databases":
            listed = await all_of(call, "glue:GetDatabases", "DatabaseList")
            return Table(_columns("database_name"), _matching([each["Name"] for each in listed], facts["pattern"]))
        if what in ("tables", "views"):
            listed = await all_of(call, "glue:GetTables", "TableList", DatabaseName=_needed(database))
            if what == "views":
                listed = [each for each in listed if each.get("TableType") == "VIRTUAL_VIEW"]
            return Table(_columns("tab_name" if what == "tables" else "views"), _matching([each["Name"] for each in listed], facts["pattern"]))
    except MetadataException as error:
        raise Failed("DDL", f"FAILED: SemanticException {error.text}") from None
    table = await existing(call, database, facts["name"])
    if what == "columns":
        return Table(_columns("field"), [each["Name"] for each in all_columns(table)])
    if what == "partitions":
        keys = [each["Name"] for each in table.get("PartitionKeys") or ()]
        if not keys:
            raise Failed("DDL", f"FAILED: SemanticException [Error 10241]: Table {facts['name']} is not a partitioned table")
        found = await reading.partitions(call, _needed(database), facts["name"])
        return Table(_columns("partition"), ["/".join(f"{key}={value}" for key, value in zip(keys, each["Values"])) for each in found])
    if what == "properties":
        given = table.get("Parameters") or {}
        if facts["pattern"] is not None:
            value = given.get(facts["pattern"])
            told = value if value is not None else f"Table {database}.{facts['name']} does not have property: {facts['pattern']}"
            return Table(_columns("prpt_name", "prpt_value"), [told])
        return Table(_columns("prpt_name", "prpt_value"), [f"{name}\t{value}" for name, value in sorted(given.items())])
    lines = _view_text(table) if what == "create view" else _table_text(table)
    return Table(_columns("createtab_stmt" if what == "create table" else "Create View"), lines)


def _needed(database: str) -> str:
    return database or "default"


async def existing(call: Call, database: str, name: str) -> dict[str, Any]:
    """Raises Failed."""
    found = await reading.table(call, _needed(database), name)
    if not isinstance(found, dict):
        raise Failed("DDL", f"FAILED: SemanticException [Error 10001]: Table not found {_needed(database)}.{name}")
    return found


def all_columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]


def _matching(names: list[str], pattern: str | None) -> list[str]:
    """``*`` stands for anything and ``|`` for a choice; whatever else it is is an expression, as in Hive."""
    if pattern is None:
        return sorted(names)
    try:
        wanted = re.compile(re.sub(r"(?<![.\\])\*", ".*", pattern), re.IGNORECASE)
    except re.error:
        raise Failed("DDL", f"FAILED: the pattern '{pattern}' is no expression") from None
    return sorted(name for name in names if wanted.fullmatch(name))


async def _described(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    table = await existing(call, facts["database"] or begun.database, facts["name"])
    columns = (table.get("StorageDescriptor") or {}).get("Columns") or ()
    keys = table.get("PartitionKeys") or ()
    if facts["column"]:
        columns = [each for each in (*columns, *keys) if each["Name"] == facts["column"]]
        if not columns:
            raise Failed("DDL", f"FAILED: SemanticException [Error 10002]: Invalid column reference {facts['column']}")
        keys = ()

    def line(each: dict[str, Any]) -> str:
        return f"{each['Name']:<20}\t{each.get('Type', ''):<20}\t{each.get('Comment') or '':<20}"

    lines = [line(each) for each in (*columns, *keys)]
    if keys:
        lines += ["\t \t ", "# Partition Information\t \t ", f"{'# col_name':<20}\t{'data_type':<20}\t{'comment':<20}", "\t \t ", *map(line, keys)]
    return Table(_columns("col_name", "data_type", "comment"), lines)


def _pairs(given: dict[str, str], indent: str = "  ") -> list[str]:
    return [f"{indent}'{_quoted(name)}'='{_quoted(value)}'" for name, value in sorted(given.items())]


def _quoted(text: str) -> str:
    return "".join({"'": "\\'", "\n": "\\n", "\t": "\\t", "\\": "\\\\"}.get(each, each if each.isprintable() else f"\\u{ord(each):04X}") for each in text)


def _listed(parts: list[str], end: str = ") ") -> list[str]:
    return [*(f"{part}, " for part in parts[:-1]), f"{parts[-1]}{end}"] if parts else []


def _table_text(table: dict[str, Any]) -> list[str]:
    """https://docs.aws.amazon.com/athena/latest/ug/show-create-table.html"""
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise Failed("DDL", f"FAILED: {table['DatabaseName']}.{table['Name']} is a view: SHOW CREATE VIEW shows it")
    if not table.get("TableType"):
        # As it is seen where TableType was left out: https://docs.aws.amazon.com/athena/latest/ug/glue-best-practices.html#tabletype
        raise Failed("DDL", "FAILED: NullPointerException Name is null")
    descriptor, serde = table["StorageDescriptor"], table["StorageDescriptor"].get("SerdeInfo") or {}

    def column(each: dict[str, Any]) -> str:
        comment = f" COMMENT '{_quoted(each['Comment'])}'" if each.get("Comment") else ""
        return f"  `{each['Name']}` {each.get('Type', '')}{comment}"

    lines = [f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`(", *_listed([column(each) for each in descriptor.get("Columns") or ()], ")")]
    if (table.get("Parameters") or {}).get("comment"):
        lines.append(f"COMMENT '{_quoted(table['Parameters']['comment'])}'")
    if table.get("PartitionKeys"):
        lines += ["PARTITIONED BY ( ", *_listed([column(each) for each in table["PartitionKeys"]], ")")]
    lines += ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', '')}' "]
    if serde.get("Parameters"):
        lines += ["WITH SERDEPROPERTIES ( ", *_listed(_pairs(serde["Parameters"]))]
    lines += ["STORED AS INPUTFORMAT ", f"  '{descriptor.get('InputFormat', '')}' ", "OUTPUTFORMAT ", f"  '{descriptor.get('OutputFormat', '')}'"]
    lines += ["LOCATION", f"  '{descriptor.get('Location', '')}'"]
    given = {name: value for name, value in (table.get("Parameters") or {}).items() if name not in ("EXTERNAL", "comment")}
    return lines + (["TBLPROPERTIES (", *_listed(_pairs(given), ")")] if given else [])


def _view_text(table: dict[str, Any]) -> list[str]:
    from kumoniwa.services.athena.definition import view_said  # noqa: PLC0415 (which shows nothing but makes tables)

    if table.get("TableType") != "VIRTUAL_VIEW":
        raise Failed("DDL", f"FAILED: '{table['DatabaseName']}.{table['Name']}' is a table, not a view")
    said = view_said(table)
    return [f"CREATE VIEW {said.get('schema') or table['DatabaseName']}.{table['Name']} AS", *said["originalSql"].splitlines()]
