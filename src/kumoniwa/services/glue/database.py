"""Databases: names under which tables are kept. Their names are folded to lower case.

A database's tables are rows under its id, so that one that is deleted is gone at once with all of them, as on AWS; what they leave is taken
away later by ``work``. https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteDatabase.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.glue import bill, catalog, page, remains, telling
from kumoniwa.services.glue.errors import (
    AlreadyExistsException,
    EntityNotFoundException,
    InvalidInputException,
)

PAGE = 100
EVERYBODY = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
"""That policies alone decide, and Lake Formation nothing: https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html"""


class Database(Record):
    """Shelved by its name."""

    name: str
    id: str
    said: dict[str, Any]
    created: float
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"database/{name}", "glue")


def existing(call: Call, catalog_id: str | None, name: str) -> Database:
    catalog.check(call, catalog_id)
    found = call.shelf(Database).get(name.lower())
    if found is None:
        raise EntityNotFoundException(f"Database {name.lower()} not found.")
    return found


def _checked(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    catalog.refuse(call, "DatabaseInput", said, "TargetDatabase", "FederatedDatabase")
    if said.get("CreateTableDefaultPermissions", EVERYBODY) != EVERYBODY:
        # Who may do what by Lake Formation nobody would look at.
        raise NotImplementedHere(f"glue:{call.operation}(DatabaseInput.CreateTableDefaultPermissions)")
    return {name: value for name, value in said.items() if name not in ("Name", "CreateTableDefaultPermissions")}


def CreateDatabase(call: Call, *, DatabaseInput: dict[str, Any], CatalogId: str | None = None, Tags: dict[str, str] | None = None) -> None:
    catalog.check(call, CatalogId)
    name, shelf = DatabaseInput["Name"].lower(), call.shelf(Database)
    if name in shelf:
        raise AlreadyExistsException("Database already exists.")
    shelf[name] = Database(name=name, id=call.ids.hex(32), said=_checked(call, DatabaseInput), created=call.now(), tags=Tags or {})
    bill.database(call, 1)
    telling.of_database(call, name)


def _shown(call: Call, database: Database) -> dict[str, Any]:
    return {
        "Name": database.name, **database.said, "CreateTime": database.created, "CreateTableDefaultPermissions": EVERYBODY,
        "CatalogId": call.account,
    }  # fmt: skip


def GetDatabase(call: Call, *, Name: str, CatalogId: str | None = None) -> dict:
    return {"Database": _shown(call, existing(call, CatalogId, Name))}


def GetDatabases(
    call: Call, *, CatalogId: str | None = None, NextToken: str | None = None, MaxResults: int | None = None,
    ResourceShareType: str | None = None, AttributesToGet: list[str] | None = None,
) -> dict:  # fmt: skip
    """Nothing is shared by others here, so that only those of the account's own are found: ``FOREIGN`` and ``FEDERATED`` find none."""
    catalog.check(call, CatalogId)
    start, most, shelf = page.after(NextToken), MaxResults or PAGE, call.shelf(Database)
    if AttributesToGet is not None and "NAME" not in AttributesToGet:
        raise InvalidInputException("AttributesToGet must include NAME.")  # our words
    names = sorted(name for name in shelf if name > start) if ResourceShareType in (None, "ALL") else []
    found = [_shown(call, shelf[name]) if AttributesToGet is None else {"Name": name} for name in names[:most]]
    return {"DatabaseList": found} | ({"NextToken": page.token(names[most - 1])} if len(names) > most else {})


def UpdateDatabase(call: Call, *, Name: str, DatabaseInput: dict[str, Any], CatalogId: str | None = None) -> None:
    held = existing(call, CatalogId, Name)
    if DatabaseInput["Name"].lower() != held.name:
        # Recorded: https://github.com/floci-io/floci/issues/1229
        raise InvalidInputException("Database cannot be renamed")
    call.shelf(Database)[held.name] = changed(held, said=_checked(call, DatabaseInput))


def DeleteDatabase(call: Call, *, Name: str, CatalogId: str | None = None) -> None:
    held = existing(call, CatalogId, Name)
    del call.shelf(Database)[held.name]
    bill.database(call, -1)
    remains.of_database(call, held.id)
    telling.of_database(call, held.name)
