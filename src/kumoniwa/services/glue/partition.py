"""Partitions: rows of a table under the values of its keys, in the order of these values.

One is found by its values through the rows' own key, and a list is a stretch of that order: a page costs what it looks at.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages import partition_filter
from kumoniwa.services.glue import bill, catalog, page, partition_index, table, telling
from kumoniwa.services.glue.errors import (
    AlreadyExistsException,
    EntityNotFoundException,
    InvalidInputException,
    InvalidStateException,
    detail,
)
from kumoniwa.services.glue.partition_index import ENTRIES, key_of, values_of
from kumoniwa.services.glue.table import Held
from kumoniwa.store import rows

PAGE = 1_000
PARTITIONS = rows.Table(
    "glue_partition",
    "create table if not exists glue_partition (owner integer, key text, body blob, primary key (owner, key)) without rowid",
)
def _key(held: Held, values: list[str] | None) -> str:
    if not values or len(values) != len(held.keys):
        # As AWS says it of BatchCreatePartition, which it refuses whole.
        raise InvalidInputException("The number of partition keys do not match the number of partition values")
    return key_of(values)


def _kept(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    catalog.refuse(call, "PartitionInput.StorageDescriptor", said.get("StorageDescriptor") or {}, "SchemaReference")
    return said if "StorageDescriptor" not in said else {**said, "StorageDescriptor": table.lain(said["StorageDescriptor"])}


def shown(call: Call, held: Held, body: dict[str, Any], *, has_columns: bool = True) -> dict[str, Any]:
    said = dict(body["said"])
    if "StorageDescriptor" in said:
        said["StorageDescriptor"] = table.described(said["StorageDescriptor"])
        if not has_columns:
            said["StorageDescriptor"].pop("Columns")
    return {**said, "DatabaseName": held.database, "TableName": held.name, "CreationTime": body["created"], "CatalogId": call.account}


# Making --------------------------------------------------------------------------------------------


def _create(call: Call, held: Held, said: dict[str, Any]) -> None:
    key = _key(held, said.get("Values"))
    body = orjson.dumps({"said": _kept(call, said), "created": call.now()})
    if not call.rows(PARTITIONS).run("insert or ignore into glue_partition values (?,?,?)", held.number, key, body):
        raise AlreadyExistsException("Partition already exists.")
    partition_index.enter(call, held, key, said["Values"])


def CreatePartition(call: Call, *, DatabaseName: str, TableName: str, PartitionInput: dict[str, Any], CatalogId: str | None = None) -> None:
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    _create(call, held, PartitionInput)
    _tell(call, held, [PartitionInput["Values"]], 1)


def _tell(call: Call, held: Held, changed: list[list[str]], more: int = 0) -> None:
    """What changed, and how many more there are of each."""
    if changed:
        bill.below(call, held.number, more * len(changed))
        telling.of_table(call, held.database, held.name, changed)


def BatchCreatePartition(
    call: Call, *, DatabaseName: str, TableName: str, PartitionInputList: list[dict[str, Any]], CatalogId: str | None = None
) -> dict:
    held, errors, changed = table.existing(call, CatalogId, DatabaseName, TableName), [], []
    for said in PartitionInputList:
        try:
            _create(call, held, said)
            changed.append(said["Values"])
        except AlreadyExistsException as error:
            errors.append({"PartitionValues": said["Values"], "ErrorDetail": detail(error)})
    _tell(call, held, changed, 1)
    return {"Errors": errors}


# Reading -------------------------------------------------------------------------------------------


def _body(call: Call, held: Held, key: str) -> dict[str, Any] | None:
    found = call.rows(PARTITIONS).one("select body from glue_partition where owner = ? and key = ?", held.number, key)
    return orjson.loads(found[0]) if found is not None else None


def GetPartition(
    call: Call, *, DatabaseName: str, TableName: str, PartitionValues: list[str], CatalogId: str | None = None,
    AuditContext: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    body = _body(call, held, _key(held, PartitionValues))
    if body is None:
        raise EntityNotFoundException("Cannot find partition.")
    return {"Partition": shown(call, held, body)}


def BatchGetPartition(
    call: Call, *, DatabaseName: str, TableName: str, PartitionsToGet: list[dict[str, list[str]]], CatalogId: str | None = None,
    AuditContext: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """What does not exist is left out, and is not told as unprocessed either: https://github.com/getmoto/moto/pull/2320."""
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    found = [_body(call, held, _key(held, wanted["Values"])) for wanted in PartitionsToGet]
    return {"Partitions": [shown(call, held, body) for body in found if body is not None], "UnprocessedKeys": []}


def GetPartitions(
    call: Call, *, DatabaseName: str, TableName: str, CatalogId: str | None = None, Expression: str | None = None, NextToken: str | None = None,
    Segment: dict[str, int] | None = None, MaxResults: int | None = None, ExcludeColumnSchema: bool = False,
    AuditContext: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """Segments part the partitions by a sum of their values, so that those who ask for all of them have each partition once."""
    held, most = table.existing(call, CatalogId, DatabaseName, TableName), MaxResults or PAGE
    if Segment is not None and Segment["SegmentNumber"] >= Segment["TotalSegments"]:
        raise InvalidInputException("SegmentNumber must be less than TotalSegments.")  # our words
    chosen = _filter(held, Expression)
    found: list[dict[str, Any]] = []
    last = page.after(NextToken)
    for looked, (place, key, body) in enumerate(_stretch(call, held, last, chosen)):
        if len(found) == most or looked == page.LOOKED_AT_MAX:
            return {"Partitions": found, "NextToken": page.token(last)}
        last = place
        if Segment is not None and zlib.crc32(key.encode()) % Segment["TotalSegments"] != Segment["SegmentNumber"]:
            continue
        try:
            if chosen is None or chosen.holds(values_of(key)):
                found.append(shown(call, held, orjson.loads(body), has_columns=not ExcludeColumnSchema))
        except partition_filter.InvalidValue as error:
            raise InvalidStateException(str(error)) from None
    return {"Partitions": found}


def _filter(held: Held, expression: str | None) -> partition_filter.Filter | None:
    if not (expression or "").strip():
        return None
    try:
        return partition_filter.parse(expression, [(key["Name"], key.get("Type", "string")) for key in held.keys])
    except partition_filter.InvalidFilter as error:
        raise InvalidInputException(str(error)) from None


def _stretch(call: Call, held: Held, last: str, chosen: partition_filter.Filter | None) -> Iterator[tuple[str, str, bytes]]:
    """The rows among which the chosen ones are, each with its place, in the order of their keys or of an index: those that begin with the
    values which the first keys have in all that are chosen. Whoever began in one order goes on in it."""
    pinned = chosen.pinned if chosen is not None else {}
    texts = {place: value for place, value in pinned.items() if partition_filter.is_text(held.keys[place].get("Type", "string"))}
    natural = _leading(texts, range(len(held.keys)))
    index, begin = None, natural
    for each in held.indexes if not last.startswith("k") else ():
        by_index = _leading(pinned, each["places"])
        if each["state"] == partition_index.ACTIVE and (last.startswith(f"i{each['number']} ") or (not last and len(by_index) > len(begin))):
            index, begin = each, by_index
    if last and index is None and not last.startswith("k"):
        raise InvalidInputException("Invalid NextToken")
    # Whatever begins so comes before what has a greater last character there.
    begin_key = key_of(begin)
    end = begin_key[:-1] + chr(ord(begin_key[-1]) + 1) if begin_key else "\U0010ffff" * 2
    if index is None:
        sql = "select 'k' || key, key, body from glue_partition where owner = ? and key > ? and key >= ? and key < ? order by key"
        return call.rows(PARTITIONS).each(sql, held.number, last[1:], begin_key, end)
    head = f"i{index['number']} "
    entry, _, key = last.removeprefix(head).partition("\x00")
    sql = (
        "select ? || entry || char(0) || each.key, each.key, body from glue_partition_entry as each join glue_partition using (owner, key) "
        "where each.owner = ? and number = ? and (entry, each.key) > (?, ?) and entry >= ? and entry < ? order by entry, each.key"
    )
    return call.rows(PARTITIONS, ENTRIES).each(sql, head, held.number, index["number"], entry, key, begin_key, end)


def _leading(pinned: dict[int, str], places: Iterable[int]) -> list[str]:
    """The values of the first of these keys, up to one of which none is known."""
    found = []
    for place in places:
        if place not in pinned:
            break
        found.append(pinned[place])
    return found


# Changing ------------------------------------------------------------------------------------------


def _update(call: Call, held: Held, values: list[str], said: dict[str, Any], missing: str) -> None:
    """The model: "The Values property can't be changed." Its words are ours."""
    if said.get("Values", values) != values:
        raise InvalidInputException("The values of a partition cannot be changed.")
    key = _key(held, values)
    body = _body(call, held, key)
    if body is None:
        raise EntityNotFoundException(missing)
    body["said"] = {"Values": values, **_kept(call, said)}
    call.rows(PARTITIONS).run("update glue_partition set body = ? where owner = ? and key = ?", orjson.dumps(body), held.number, key)


def UpdatePartition(
    call: Call, *, DatabaseName: str, TableName: str, PartitionValueList: list[str], PartitionInput: dict[str, Any], CatalogId: str | None = None
) -> None:
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    _update(call, held, PartitionValueList, PartitionInput, "Partition not found.")
    _tell(call, held, [PartitionValueList])


def BatchUpdatePartition(call: Call, *, DatabaseName: str, TableName: str, Entries: list[dict[str, Any]], CatalogId: str | None = None) -> dict:
    held, errors, changed = table.existing(call, CatalogId, DatabaseName, TableName), [], []
    for entry in Entries:
        values = entry["PartitionValueList"]
        try:
            # As it is recorded: https://github.com/floci-io/floci/pull/1315
            _update(call, held, values, entry["PartitionInput"], f"Partition [{', '.join(values)}] not found")
            changed.append(values)
        except EntityNotFoundException as error:
            errors.append({"PartitionValueList": values, "ErrorDetail": detail(error)})
    _tell(call, held, changed)
    return {"Errors": errors}


def _delete(call: Call, held: Held, values: list[str]) -> None:
    key = _key(held, values)
    if not call.rows(PARTITIONS).run("delete from glue_partition where owner = ? and key = ?", held.number, key):
        raise EntityNotFoundException("Cannot find partition.")
    partition_index.leave(call, held, key, values)


def DeletePartition(call: Call, *, DatabaseName: str, TableName: str, PartitionValues: list[str], CatalogId: str | None = None) -> None:
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    _delete(call, held, PartitionValues)
    _tell(call, held, [PartitionValues], -1)


def BatchDeletePartition(
    call: Call, *, DatabaseName: str, TableName: str, PartitionsToDelete: list[dict[str, list[str]]], CatalogId: str | None = None
) -> dict:
    held, errors, changed = table.existing(call, CatalogId, DatabaseName, TableName), [], []
    for wanted in PartitionsToDelete:
        try:
            _delete(call, held, wanted["Values"])
            changed.append(wanted["Values"])
        except AwsError as error:
            errors.append({"PartitionValues": wanted["Values"], "ErrorDetail": detail(error)})
    _tell(call, held, changed, -1)
    return {"Errors": errors}
