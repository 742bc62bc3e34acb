"""Tables: rows of a database, each with the number of its version. Their names, and those of columns, are folded to lower case.

That columns are folded, too, and that neither tables nor databases can be renamed, is recorded of AWS:
https://github.com/apache/flink-connector-aws/pull/206, https://github.com/floci-io/floci/issues/1202
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.languages import backtracking
from kumoniwa.services.glue import bill, catalog, database, page, partition_index, remains, telling
from kumoniwa.services.glue.errors import (
    AlreadyExistsException,
    ConcurrentModificationException,
    EntityNotFoundException,
    InvalidInputException,
    ResourceNotReadyException,
    detail,
)
from kumoniwa.services.glue.remains import TABLES
from kumoniwa.store import rows

PAGE = 100
VERSIONS = rows.Table(
    "glue_table_version",
    "create table if not exists glue_table_version (owner integer, version integer, body blob, primary key (owner, version)) without rowid",
)


class Held(NamedTuple):
    """A table as it stands."""

    number: int
    database: str
    name: str
    version: int
    body: dict[str, Any]

    @property
    def keys(self) -> list[dict[str, Any]]:
        return self.body["said"].get("PartitionKeys") or []

    @property
    def indexes(self) -> list[dict[str, Any]]:
        """Of its partitions: see ``partition_index``."""
        return self.body.get("indexes", [])

    def place_of(self, key: str) -> int | None:
        return next((place for place, each in enumerate(self.keys) if each["Name"] == key.lower()), None)


# Reading -------------------------------------------------------------------------------------------


def existing(call: Call, catalog_id: str | None, database_name: str, name: str) -> Held:
    """Raises EntityNotFoundException."""
    owner = database.existing(call, catalog_id, database_name)
    found = call.rows(TABLES).one("select id, version, body from glue_table where database = ? and name = ?", owner.id, name.lower())
    if found is None:
        raise EntityNotFoundException(f"Table {name.lower()} not found.")
    return Held(found[0], owner.name, name.lower(), found[1], orjson.loads(found[2]))


def described(said: dict[str, Any] | None) -> dict[str, Any] | None:
    """A storage descriptor as it is told, with what AWS fills in: recorded in https://github.com/hashicorp/terraform-provider-aws/issues/35954."""
    if said is None:
        return None
    return {
        "Columns": [], "Compressed": False, "NumberOfBuckets": 0, "BucketColumns": [], "SortColumns": [], "StoredAsSubDirectories": False, **said,
    }  # fmt: skip


def shown(call: Call, database_name: str, name: str, version: int, body: dict[str, Any]) -> dict[str, Any]:
    said = dict(body["said"])
    if "StorageDescriptor" in said:
        said["StorageDescriptor"] = described(said["StorageDescriptor"])
    return {
        "Name": name, "DatabaseName": database_name, "CreateTime": body["created"], "UpdateTime": body["updated"], "Retention": 0,
        "PartitionKeys": [], **said, "CreatedBy": body["by"], "IsRegisteredWithLakeFormation": False, "CatalogId": call.account,
        "VersionId": str(version), "IsMultiDialectView": False, "IsMaterializedView": False,
    }  # fmt: skip


def GetTable(
    call: Call, *, DatabaseName: str, Name: str, CatalogId: str | None = None, AuditContext: dict[str, Any] | None = None,
    IncludeStatusDetails: bool = False,
) -> dict:  # fmt: skip
    """A table's status is that of a view in the making, of which there are none; an audit context is for the trail, which has it."""
    held = existing(call, CatalogId, DatabaseName, Name)
    return {"Table": shown(call, *held[1:])}


def matcher(expression: str | None) -> Callable[[str], bool]:
    """Whether a name matches a pattern: one of Java's, in which a ``*`` that follows nothing stands for anything, too. So moto's
    test_get_tables_expression has it of AWS. Raises InvalidInputException."""
    if not expression or expression == "*":
        return lambda name: True
    pattern = re.sub(r"(?<![.\])}\\])(?<!\\[wWdDsS])\*", ".*", expression)
    try:
        compiled = backtracking.compiled(pattern)
    except backtracking.InvalidPattern:
        raise InvalidInputException(f"Invalid expression: {expression}") from None  # our words

    def matches(name: str) -> bool:
        try:
            return compiled.is_whole(name)
        except backtracking.TooMuchWork:
            raise InvalidInputException(f"The expression takes too long: {expression}") from None  # our words

    return matches


def GetTables(
    call: Call, *, DatabaseName: str, CatalogId: str | None = None, Expression: str | None = None, NextToken: str | None = None,
    MaxResults: int | None = None, AuditContext: dict[str, Any] | None = None, ResourceShareType: str | None = None,
    IncludeStatusDetails: bool = False, AttributesToGet: list[str] | None = None,
) -> dict:  # fmt: skip
    """No table here is federated."""
    owner, matches, most = database.existing(call, CatalogId, DatabaseName), matcher(Expression), MaxResults or PAGE
    if AttributesToGet is not None and not {"NAME"} <= set(AttributesToGet) <= {"NAME", "TABLE_TYPE"}:
        # The model: "The following are the valid combinations of values: NAME; NAME, TABLE_TYPE." The words are ours.
        raise InvalidInputException("AttributesToGet must be NAME, or NAME and TABLE_TYPE.")
    start = page.after(NextToken)
    if ResourceShareType == "FEDERATED":
        return {"TableList": []}
    found: list[dict[str, Any]] = []
    looked = 0
    rows_ = call.rows(TABLES).each("select name, version, body from glue_table where database = ? and name > ? order by name", owner.id, start)
    last = start
    for name, version, body in rows_:
        if len(found) == most or looked == page.LOOKED_AT_MAX:
            return {"TableList": found, "NextToken": page.token(last)}
        looked, last = looked + 1, name
        if matches(name):
            found.append(_chosen(shown(call, owner.name, name, version, orjson.loads(body)), AttributesToGet))
    return {"TableList": found}


def _chosen(table: dict[str, Any], attributes: list[str] | None) -> dict[str, Any]:
    if attributes is None:
        return table
    kept = {"Name", "DatabaseName"} | ({"TableType"} if "TABLE_TYPE" in attributes else set())
    return {name: value for name, value in table.items() if name in kept}


# Writing -------------------------------------------------------------------------------------------


def folded(columns: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    return None if columns is None else [{**column, "Name": column["Name"].lower()} for column in columns]


def lain(said: dict[str, Any]) -> dict[str, Any]:
    """A storage descriptor as it is kept."""
    return said if "Columns" not in said else {**said, "Columns": folded(said["Columns"])}


def _checked(call: Call, said: dict[str, Any] | None) -> dict[str, Any]:
    if said is None:
        raise InvalidInputException("TableInput is required.")  # our words
    catalog.refuse(call, "TableInput", said, "TargetTable", "FederatedTable", "ViewDefinition")
    catalog.refuse(call, "TableInput.StorageDescriptor", said.get("StorageDescriptor") or {}, "SchemaReference")
    kept = {name: value for name, value in said.items() if name != "Name"}
    if "StorageDescriptor" in kept:
        kept["StorageDescriptor"] = lain(kept["StorageDescriptor"])
    if "PartitionKeys" in kept:
        kept["PartitionKeys"] = folded(kept["PartitionKeys"])
        if any(key.get("Parameters") for key in kept["PartitionKeys"]):
            # Recorded, with no more words than these, by users of Spark's client.
            raise InvalidInputException("Parameters not supported for partition columns")
    return kept


def CreateTable(
    call: Call, *, DatabaseName: str, TableInput: dict[str, Any] | None = None, CatalogId: str | None = None,
    PartitionIndexes: list[dict[str, Any]] | None = None,
) -> None:  # fmt: skip
    owner, said = database.existing(call, CatalogId, DatabaseName), _checked(call, TableInput)
    name, now = TableInput["Name"].lower(), call.now()
    held = call.rows(TABLES, VERSIONS)
    if held.one("select 1 from glue_table where database = ? and name = ?", owner.id, name) is not None:
        raise AlreadyExistsException("Table already exists.")
    body = {"said": said, "created": now, "updated": now, "by": call.principal.arn}
    for asked in PartitionIndexes or ():
        # There is nothing to fill them with.
        body["indexes"] = partition_index.added(Held(0, owner.name, name, 0, body), asked, partition_index.ACTIVE)
    sql = "insert into glue_table (database, name, version, body) values (?,?,0,?) returning id"
    ((number,),) = held.take(sql, owner.id, name, orjson.dumps(body))
    bill.below(call, number, 1 + len(body.get("indexes", ())))
    telling.of_database(call, owner.name, [name])


def UpdateTable(
    call: Call, *, DatabaseName: str, TableInput: dict[str, Any] | None = None, CatalogId: str | None = None, SkipArchive: bool = False,
    VersionId: str | None = None,
) -> None:  # fmt: skip
    """Each update is a new version, whether or not the one before is kept."""
    said = _checked(call, TableInput)
    held = existing(call, CatalogId, DatabaseName, TableInput["Name"])
    if VersionId is not None and VersionId != str(held.version):
        raise ConcurrentModificationException
    if held.indexes and said.get("PartitionKeys", []) != held.keys:
        raise InvalidInputException("The partition keys of a table with partition indexes cannot be changed.")  # our words
    kept = call.rows(TABLES, VERSIONS)
    if not SkipArchive:
        kept.run("insert into glue_table_version values (?,?,?)", held.number, held.version, orjson.dumps(held.body))
        bill.below(call, held.number)
    body = {**held.body, "said": said, "updated": call.now()}
    kept.run("update glue_table set version = version + 1, body = ? where id = ?", orjson.dumps(body), held.number)
    telling.of_table(call, held.database, held.name)


def keep(call: Call, held: Held, **more: Any) -> None:
    """Change what a table has beside its description; that is no new version."""
    call.rows(TABLES).run("update glue_table set body = ? where id = ?", orjson.dumps({**held.body, **more}), held.number)


def DeleteTable(call: Call, *, DatabaseName: str, Name: str, CatalogId: str | None = None) -> None:
    held = existing(call, CatalogId, DatabaseName, Name)
    _delete(call, held)
    telling.of_database(call, held.database, [held.name])


def _delete(call: Call, held: Held) -> None:
    if any(each["state"] == partition_index.CREATING for each in held.indexes):
        # "When an index is in a CREATING state, the index or its table cannot be deleted": API_PartitionIndexDescriptor. The words are ours.
        raise ResourceNotReadyException(f"Table {held.name} has a partition index in CREATING state.")
    call.rows(TABLES).run("delete from glue_table where id = ?", held.number)
    remains.of_table(call, held.number)


def BatchDeleteTable(call: Call, *, DatabaseName: str, TablesToDelete: list[str], CatalogId: str | None = None) -> dict:
    owner, errors, deleted = database.existing(call, CatalogId, DatabaseName), [], []
    for name in TablesToDelete:
        try:
            _delete(call, existing(call, CatalogId, DatabaseName, name))
            deleted.append(name.lower())
        except (EntityNotFoundException, ResourceNotReadyException) as error:
            # Without the full stop: https://github.com/floci-io/floci/issues/1203
            errors.append({"TableName": name, "ErrorDetail": {**detail(error), "ErrorMessage": error.text.rstrip(".")}})
    if deleted:
        telling.of_database(call, owner.name, deleted)
    return {"Errors": errors}
