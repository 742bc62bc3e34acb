"""User-defined functions: classes that a query engine loads from somewhere. The catalog keeps what is said of them, and runs none.

Their names are folded to lower case, as recorded in https://github.com/floci-io/floci/issues/1202.
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.glue import catalog, database, page
from kumoniwa.services.glue.database import Database
from kumoniwa.services.glue.errors import (
    AlreadyExistsException,
    EntityNotFoundException,
    InvalidInputException,
)
from kumoniwa.services.glue.table import matcher
from kumoniwa.store.rows import Table

PAGE = 100
FUNCTIONS = Table(
    "glue_function", "create table if not exists glue_function (database text, name text, body blob, primary key (database, name)) without rowid"
)


def _existing(call: Call, owner: Database, name: str) -> dict[str, Any]:
    found = call.rows(FUNCTIONS).one("select body from glue_function where database = ? and name = ?", owner.id, name.lower())
    if found is None:
        raise EntityNotFoundException(f"Function {name.lower()} not found.")  # our words, after those of tables
    return orjson.loads(found[0])


def _kept(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    if said.get("FunctionType") == "STORED_PROCEDURE":
        # The model: "only compatible with Amazon Redshift Federated Permissions Catalog".
        raise InvalidInputException("FunctionType STORED_PROCEDURE is not supported in this catalog.")  # our words
    catalog.refuse(call, "FunctionInput", said, "GovernanceMode")
    return {name: value for name, value in said.items() if name != "FunctionName"}


def _shown(call: Call, database_name: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"FunctionName": name, "DatabaseName": database_name, **body["said"], "CreateTime": body["created"], "CatalogId": call.account}


def CreateUserDefinedFunction(call: Call, *, DatabaseName: str, FunctionInput: dict[str, Any], CatalogId: str | None = None) -> None:
    owner = database.existing(call, CatalogId, DatabaseName)
    name = FunctionInput.get("FunctionName", "").lower()
    if not name:
        raise InvalidInputException("FunctionName is required.")  # our words
    body = orjson.dumps({"said": _kept(call, FunctionInput), "created": call.now()})
    if not call.rows(FUNCTIONS).run("insert or ignore into glue_function values (?,?,?)", owner.id, name, body):
        raise AlreadyExistsException("Function already exists.")  # our words, after those of tables


def UpdateUserDefinedFunction(
    call: Call, *, DatabaseName: str, FunctionName: str, FunctionInput: dict[str, Any], CatalogId: str | None = None
) -> None:
    owner = database.existing(call, CatalogId, DatabaseName)
    body = _existing(call, owner, FunctionName)
    if FunctionInput.get("FunctionName", FunctionName).lower() != FunctionName.lower():
        raise InvalidInputException("Function cannot be renamed")  # our words, after those of databases
    body["said"] = _kept(call, FunctionInput)
    call.rows(FUNCTIONS).run("update glue_function set body = ? where database = ? and name = ?", orjson.dumps(body), owner.id, FunctionName.lower())


def DeleteUserDefinedFunction(call: Call, *, DatabaseName: str, FunctionName: str, CatalogId: str | None = None) -> None:
    owner = database.existing(call, CatalogId, DatabaseName)
    _existing(call, owner, FunctionName)
    call.rows(FUNCTIONS).run("delete from glue_function where database = ? and name = ?", owner.id, FunctionName.lower())


def GetUserDefinedFunction(call: Call, *, DatabaseName: str, FunctionName: str, CatalogId: str | None = None) -> dict:
    owner = database.existing(call, CatalogId, DatabaseName)
    return {"UserDefinedFunction": _shown(call, owner.name, FunctionName.lower(), _existing(call, owner, FunctionName))}


def GetUserDefinedFunctions(
    call: Call, *, Pattern: str, CatalogId: str | None = None, DatabaseName: str | None = None, FunctionType: str | None = None,
    NextToken: str | None = None, MaxResults: int | None = None,
) -> dict:  # fmt: skip
    """Of one database, or of all."""
    catalog.check(call, CatalogId)
    matches, most, start = matcher(Pattern), MaxResults or PAGE, page.after(NextToken)
    owners = {each.id: each.name for each in ([database.existing(call, None, DatabaseName)] if DatabaseName else call.shelf(Database).values())}
    after = start.partition(" ")[::2] if start else ("", "")
    found: list[dict[str, Any]] = []
    last = start
    sql = "select database, name, body from glue_function where (database, name) > (?, ?) order by database, name"
    for looked, (owner, name, body) in enumerate(call.rows(FUNCTIONS).each(sql, *after)):
        if len(found) == most or looked == page.LOOKED_AT_MAX:
            return {"UserDefinedFunctions": found, "NextToken": page.token(last)}
        last = f"{owner} {name}"
        read = orjson.loads(body)
        if owner in owners and matches(name) and FunctionType in (None, read["said"].get("FunctionType", "REGULAR_FUNCTION")):
            found.append(_shown(call, owners[owner], name, read))
    return {"UserDefinedFunctions": found}
