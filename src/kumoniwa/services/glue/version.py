"""Versions of tables: what a table was before each update, and what it is now, as the newest of them.

The numbers begin with 0 and grow by one: https://github.com/floci-io/floci/issues/1205
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.glue import bill, page, table
from kumoniwa.services.glue.errors import EntityNotFoundException, InvalidInputException, detail
from kumoniwa.services.glue.table import VERSIONS, Held

PAGE = 100
DIGITS_MAX = 18


def _number(said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) <= DIGITS_MAX):
        raise InvalidInputException(f"Version id {said} is not a number.")  # our words
    return int(said)


def _shown(call: Call, held: Held, version: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"Table": table.shown(call, held.database, held.name, version, body), "VersionId": str(version)}


def GetTableVersion(
    call: Call, *, DatabaseName: str, TableName: str, CatalogId: str | None = None, VersionId: str | None = None,
    AuditContext: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """The one that stands, if none is named."""
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    number = held.version if VersionId is None else _number(VersionId)
    if number == held.version:
        return {"TableVersion": _shown(call, held, number, held.body)}
    found = call.rows(VERSIONS).one("select body from glue_table_version where owner = ? and version = ?", held.number, number)
    if found is None:
        raise EntityNotFoundException("Version not found.")  # moto's test_get_table_version_not_found
    return {"TableVersion": _shown(call, held, number, orjson.loads(found[0]))}


def GetTableVersions(
    call: Call, *, DatabaseName: str, TableName: str, CatalogId: str | None = None, NextToken: str | None = None, MaxResults: int | None = None,
    AuditContext: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """The newest first: https://github.com/floci-io/floci/issues/1230."""
    held, most = table.existing(call, CatalogId, DatabaseName, TableName), MaxResults or PAGE
    before = _number(page.after(NextToken)) if NextToken else held.version + 1
    found = [_shown(call, held, held.version, held.body)] if before > held.version else []
    older = call.rows(VERSIONS).all(
        "select version, body from glue_table_version where owner = ? and version < ? order by version desc limit ?", held.number, before, most + 1
    )
    found += [_shown(call, held, version, orjson.loads(body)) for version, body in older]
    more = {"NextToken": page.token(found[most - 1]["VersionId"])} if len(found) > most else {}
    return {"TableVersions": found[:most]} | more


def _delete(call: Call, held: Held, said: str) -> None:
    number = _number(said)
    if number == held.version:
        raise InvalidInputException("The current version of a table cannot be deleted.")  # our words
    if not call.rows(VERSIONS).run("delete from glue_table_version where owner = ? and version = ?", held.number, number):
        raise EntityNotFoundException("Version not found.")
    bill.below(call, held.number, -1)


def DeleteTableVersion(call: Call, *, DatabaseName: str, TableName: str, VersionId: str, CatalogId: str | None = None) -> None:
    _delete(call, table.existing(call, CatalogId, DatabaseName, TableName), VersionId)


def BatchDeleteTableVersion(call: Call, *, DatabaseName: str, TableName: str, VersionIds: list[str], CatalogId: str | None = None) -> dict:
    held, errors = table.existing(call, CatalogId, DatabaseName, TableName), []
    for said in VersionIds:
        try:
            _delete(call, held, said)
        except AwsError as error:
            errors.append({"TableName": held.name, "VersionId": said, "ErrorDetail": detail(error)})
    return {"Errors": errors}
