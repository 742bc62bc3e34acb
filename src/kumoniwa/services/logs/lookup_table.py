"""Tables of reference in CSV, which queries enrich events from with ``lookup``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Lookup.html
"""

from __future__ import annotations

import csv
import io
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.insights.setting import Table as Reference
from kumoniwa.languages.insights.setting import columns_of
from kumoniwa.services.logs.group import (
    InvalidParameterException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from kumoniwa.services.logs.page import paged
from kumoniwa.services.logs.policy import LimitExceededException
from kumoniwa.store.rows import Table

BODIES = Table("log_lookup_table", "create table if not exists log_lookup_table (name text primary key, body text) without rowid")
TABLES_MAX, BYTES_MAX = 100, 10 << 20


class LookupTable(Record):
    """Shelved by its name."""

    name: str
    columns: tuple[str, ...]
    count: int
    size: int
    updated_ms: int
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        """What pages of them name it by."""
        return self.name


def columns(call: Call) -> dict[str, Reference]:
    """The tables there are, without what they hold."""
    return {each.name: Reference(each.columns) for each in call.shelf(LookupTable).values()}


def bodies(call: Call, names: list[str]) -> dict[str, str]:
    return {
        name: body
        for name in dict.fromkeys(names)
        for (body,) in call.rows(BODIES).all("select body from log_lookup_table where name = ?", name)
    }


def _body(tableBody: str | None, queryId: str | None, kmsKeyId: str | None) -> str:
    if kmsKeyId is not None:
        raise NotImplementedHere("lookup tables under a key of KMS")
    if queryId is not None:
        raise NotImplementedHere("lookup tables from the results of a query")
    if tableBody is None:
        raise InvalidParameterException("Exactly one of tableBody or queryId must be provided.")
    if len(tableBody.encode()) > BYTES_MAX:
        raise InvalidParameterException(f"A lookup table has {BYTES_MAX >> 20} MB at most.")
    return tableBody


def _filled(call: Call, name: str, body: str, description: str, tags: dict[str, str]) -> LookupTable:
    try:
        heads = columns_of(body)
        count = sum(1 for _ in csv.reader(io.StringIO(body))) - 1
    except (ValueError, csv.Error) as error:
        raise InvalidParameterException(f"The table body is no CSV with a header row: {error}") from None
    made = call.shelf(LookupTable)[name] = LookupTable(
        name=name, columns=heads, count=count, size=len(body.encode()), updated_ms=milliseconds(call.now()), description=description, tags=tags
    )
    call.rows(BODIES).run("insert or replace into log_lookup_table values (?, ?)", name, body)
    return made


def _arn(call: Call, name: str) -> str:
    return call.arn(f"lookup-table:{name}")


def _existing(call: Call, arn: str) -> LookupTable:
    found = call.shelf(LookupTable).get(arn.rpartition(":lookup-table:")[2])
    if found is None or arn != _arn(call, found.name):
        raise ResourceNotFoundException("The specified lookup table does not exist.")
    return found


def is_one(arn: str) -> bool:
    return ":lookup-table:" in arn


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _existing(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(_arn(call, name), each.tags) for name, each in call.shelf(LookupTable).items()]


def retagged(call: Call, arn: str, tags: dict[str, str]) -> None:
    table = _existing(call, arn)
    call.shelf(LookupTable)[table.name] = changed(table, tags=tags)


def _shown(call: Call, table: LookupTable) -> dict[str, Any]:
    return {
        "lookupTableArn": _arn(call, table.name), "lookupTableName": table.name, "description": table.description,
        "sizeBytes": table.size, "lastUpdatedTime": table.updated_ms,
    }  # fmt: skip


def CreateLookupTable(
    call: Call, *, lookupTableName: str, description: str = "", tableBody: str | None = None, queryId: str | None = None,
    kmsKeyId: str | None = None, tags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    body, shelf = _body(tableBody, queryId, kmsKeyId), call.shelf(LookupTable)
    if lookupTableName in shelf:
        raise ResourceAlreadyExistsException("The specified lookup table already exists")
    if len(shelf) >= TABLES_MAX:
        raise LimitExceededException
    made = _filled(call, lookupTableName, body, description, tags or {})
    return {"lookupTableArn": _arn(call, made.name), "createdAt": made.updated_ms}


def UpdateLookupTable(
    call: Call, *, lookupTableArn: str, description: str | None = None, tableBody: str | None = None, queryId: str | None = None,
    kmsKeyId: str | None = None,
) -> dict:  # fmt: skip
    """All of what it holds is replaced."""
    table = _existing(call, lookupTableArn)
    if tableBody is None and queryId is None and kmsKeyId is None and description is not None:
        made = call.shelf(LookupTable)[table.name] = changed(table, description=description, updated_ms=milliseconds(call.now()))
    else:
        made = _filled(call, table.name, _body(tableBody, queryId, kmsKeyId), table.description if description is None else description, table.tags)
    return {"lookupTableArn": _arn(call, made.name), "lastUpdatedTime": made.updated_ms}


def DeleteLookupTable(call: Call, *, lookupTableArn: str) -> None:
    table = _existing(call, lookupTableArn)
    del call.shelf(LookupTable)[table.name]
    call.rows(BODIES).run("delete from log_lookup_table where name = ?", table.name)


def GetLookupTable(call: Call, *, lookupTableArn: str) -> dict:
    table = _existing(call, lookupTableArn)
    return _shown(call, table) | {"tableBody": bodies(call, [table.name])[table.name]}


def DescribeLookupTables(
    call: Call, *, lookupTableNamePrefix: str | None = None, maxResults: int | None = None, nextToken: str | None = None
) -> dict:
    shelf = call.shelf(LookupTable)
    found = [shelf[name] for name in sorted(shelf) if name.startswith(lookupTableNamePrefix or "")]

    def shown(table: LookupTable) -> dict[str, Any]:
        return _shown(call, table) | {"tableFields": list(table.columns), "recordsCount": table.count}

    return paged(found, nextToken, maxResults or 50, shown, "lookupTables")
