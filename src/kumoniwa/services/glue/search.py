"""Finding tables of the whole catalog by words of theirs.

A filter's value is one of the words of a property, which is split where letters and digits end, so that ``link`` finds ``customer-link`` and
not ``customerlink``; times are compared. https://docs.aws.amazon.com/glue/latest/webapi/API_SearchTables.html. Which properties there are
the console's page of filters tells (Name, Database, Type, Description, Owner, and times); that a search text is a word of any of them, or of
a column's name or of a parameter, or begins one, is our reading.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.glue import catalog, page, table
from kumoniwa.services.glue.database import Database
from kumoniwa.services.glue.errors import InvalidInputException
from kumoniwa.services.glue.remains import TABLES

PAGE, AT_ONCE = 100, 500
_PROPERTIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Name": lambda each: each["Name"], "DatabaseName": lambda each: each["DatabaseName"], "Description": lambda each: each.get("Description", ""),
    "Owner": lambda each: each.get("Owner", ""), "CreatedBy": lambda each: each["CreatedBy"], "TableType": lambda each: each.get("TableType", ""),
}  # fmt: skip
_TIMES = {"CreateTime", "UpdateTime", "LastAccessTime", "LastAnalyzedTime"}
_COMPARES: dict[str, Callable[[float, float], bool]] = {
    "EQUALS": lambda one, other: one == other, "GREATER_THAN": lambda one, other: one > other, "LESS_THAN": lambda one, other: one < other,
    "GREATER_THAN_EQUALS": lambda one, other: one >= other, "LESS_THAN_EQUALS": lambda one, other: one <= other,
}  # fmt: skip
Table = dict[str, Any]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _time(text: str) -> float:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            raise InvalidInputException(f"{text} is not a time.") from None  # our words
    return read.replace(tzinfo=read.tzinfo or UTC).timestamp()


def _predicate(said: dict[str, str]) -> Callable[[Table], bool]:
    key, value = said.get("Key", ""), said.get("Value", "")
    if key in _TIMES:
        compare, at = _COMPARES[said.get("Comparator", "EQUALS")], _time(value)
        return lambda each: key in each and compare(each[key], at)
    if key not in _PROPERTIES:
        raise InvalidInputException(f"Invalid filter key: {key}")  # our words
    of, wanted = _PROPERTIES[key], value.lower()
    return lambda each: of(each).lower() == wanted or wanted in _words(of(each))


def _texts(each: Table) -> Iterator[str]:
    yield from (of(each) for of in _PROPERTIES.values())
    columns = [*each.get("StorageDescriptor", {}).get("Columns", ()), *each["PartitionKeys"]]
    for column in columns:
        yield from (column["Name"], column.get("Comment", ""))
    yield from each.get("Parameters", {}).values()


def _saying(text: str) -> Callable[[Table], bool]:
    if len(text) > 1 and text[0] == text[-1] == '"':
        exact = text[1:-1].lower()
        return lambda each: any(exact == said.lower() for said in _texts(each))
    wanted = _words(text)

    def holds(each: Table) -> bool:
        found = [word for said in _texts(each) for word in _words(said)]
        return all(any(word.startswith(one) for word in found) for one in wanted)

    return holds


def _order(criteria: list[dict[str, str]] | None) -> tuple[Callable[[Table], Any], bool]:
    said = criteria[0] if criteria else {}
    name = said.get("FieldName", "Name")
    if name in _TIMES:
        return lambda each: (each.get(name, 0.0), each["DatabaseName"], each["Name"]), said.get("Sort") == "DESC"
    if name not in _PROPERTIES:
        raise InvalidInputException(f"Invalid sort field: {name}")  # our words
    of = _PROPERTIES[name]
    return lambda each: (of(each), each["DatabaseName"], each["Name"]), said.get("Sort") == "DESC"


async def SearchTables(
    call: Call, *, CatalogId: str | None = None, NextToken: str | None = None, Filters: list[dict[str, str]] | None = None,
    SearchText: str | None = None, SortCriteria: list[dict[str, str]] | None = None, MaxResults: int | None = None,
    ResourceShareType: str | None = None, IncludeStatusDetails: bool = False,
) -> dict:  # fmt: skip
    """All tables are looked at, some in each turn; nothing is shared by others here."""
    catalog.check(call, CatalogId)
    predicates = [_predicate(each) for each in Filters or ()] + ([_saying(SearchText)] if SearchText else [])
    key, is_descending = _order(SortCriteria)
    start = page.after(NextToken)
    if start and not start.isdecimal():
        raise InvalidInputException("Invalid NextToken")
    found = []
    if ResourceShareType in (None, "ALL"):
        async for each in _all(call):
            if all(holds(each) for holds in predicates):
                found.append(each)
    found.sort(key=key, reverse=is_descending)
    first, most = int(start or 0), MaxResults or PAGE
    more = {"NextToken": page.token(str(first + most))} if len(found) > first + most else {}
    return {"TableList": found[first : first + most]} | more


async def _all(call: Call):
    last = 0
    while True:
        owners = {each.id: each.name for each in call.shelf(Database).values()}
        rows = call.rows(TABLES).all("select id, database, name, version, body from glue_table where id > ? order by id limit ?", last, AT_ONCE)
        for _, owner, name, version, body in rows:
            if owner in owners:
                yield table.shown(call, owners[owner], name, version, orjson.loads(body))
        if len(rows) < AT_ONCE:
            return
        last = rows[-1][0]
        await asyncio.sleep(0)
