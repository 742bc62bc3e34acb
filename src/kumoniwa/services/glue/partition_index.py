"""Indexes of partitions: the values of some keys in another order, so that an expression which names them need not look at all partitions.

An index of a table that has partitions is filled by ``work``: it is CREATING until then, and fails if a value is not what its key's type says.
https://docs.aws.amazon.com/glue/latest/dg/partition-indexes.html; the words of refusals were captured of AWS:
https://github.com/floci-io/floci/pull/3551.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.languages import partition_filter
from kumoniwa.services.glue import bill, remains, table
from kumoniwa.services.glue.errors import (
    AlreadyExistsException,
    EntityNotFoundException,
    InvalidInputException,
    ResourceNumberLimitExceededException,
)
from kumoniwa.store import rows

if TYPE_CHECKING:
    from kumoniwa.services.glue.table import Held

ACTIVE, CREATING, DELETING, FAILED = "ACTIVE", "CREATING", "DELETING", "FAILED"
INDEXES_MAX, TOLD_MAX = 3, 25
_END, _ESCAPED = "\x01\x02", "\x01\x03"
ENTRIES = rows.Table(
    "glue_partition_entry",
    """create table if not exists glue_partition_entry (owner integer, number integer, entry text, key text,
    primary key (owner, number, entry, key)) without rowid""",
)


def key_of(values: list[str]) -> str:
    """Values as one text that sorts as they do, one after the other."""
    return "".join(value.replace("\x01", _ESCAPED) + _END for value in values)


def values_of(key: str) -> list[str]:
    return [value.replace(_ESCAPED, "\x01") for value in key.split(_END)[:-1]]


# What is asked -------------------------------------------------------------------------------------


def added(held: Held, asked: dict[str, Any], state: str) -> list[dict[str, Any]]:
    """A table's indexes with one more."""
    name, places = asked["IndexName"], []
    for key in asked["Keys"]:
        place = held.place_of(key)
        if place is None:
            raise InvalidInputException(f"IndexKeys not a part of PartitionColumns. Verify the indexKeys : [{key}]")
        places.append(place)
    _check_idle(held)
    if len(held.indexes) >= INDEXES_MAX:
        raise ResourceNumberLimitExceededException(f"Partition index limit exceeded. Maximum: {INDEXES_MAX}")
    for each in held.indexes:
        if each["name"] == name:
            raise AlreadyExistsException(f"Partition Index {name} already exists with the same name.")
        if each["places"] == places:
            raise AlreadyExistsException(f"Partition Index {each['name']} already exists with the same keys.")
    number = 1 + max((each["number"] for each in held.indexes), default=0)
    return [*held.indexes, {"name": name, "number": number, "places": places, "state": state, "errors": []}]


def _check_idle(held: Held) -> None:
    for each in held.indexes:
        if each["state"] in (CREATING, DELETING):
            raise ResourceNumberLimitExceededException(
                f"Index {each['name']} is in {each['state']} state. Only 1 index can be created or deleted simultaneously per table."
            )


def CreatePartitionIndex(call: Call, *, DatabaseName: str, TableName: str, PartitionIndex: dict[str, Any], CatalogId: str | None = None) -> None:
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    indexes = added(held, PartitionIndex, CREATING)
    table.keep(call, held, indexes=indexes)
    bill.below(call, held.number)
    remains.to_fill(call, held.number, indexes[-1]["number"])


def GetPartitionIndexes(
    call: Call, *, DatabaseName: str, TableName: str, CatalogId: str | None = None, NextToken: str | None = None
) -> dict:
    """There is never a second page."""
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    if NextToken:
        raise InvalidInputException("Invalid NextToken")
    return {"PartitionIndexDescriptorList": [_shown(held, each) for each in held.indexes]}


def _shown(held: Held, index: dict[str, Any]) -> dict[str, Any]:
    keys = [{"Name": held.keys[place]["Name"], "Type": held.keys[place].get("Type", "")} for place in index["places"]]
    errors = [{"Code": "INVALID_PARTITION_TYPE_DATA_ERROR", "Partitions": [{"Values": values} for values in index["errors"]]}]
    shown = {"IndexName": index["name"], "Keys": keys, "IndexStatus": index["state"]}
    return shown | ({"BackfillErrors": errors} if index["errors"] else {})


def DeletePartitionIndex(call: Call, *, DatabaseName: str, TableName: str, IndexName: str, CatalogId: str | None = None) -> None:
    """One that is in the making has no name yet."""
    held = table.existing(call, CatalogId, DatabaseName, TableName)
    found = next((each for each in held.indexes if each["name"] == IndexName and each["state"] in (ACTIVE, FAILED)), None)
    if found is None:
        raise EntityNotFoundException(f"Index with the given indexName : {IndexName} does not exist.")
    _check_idle(held)
    _become(call, held, found["number"], DELETING)
    bill.below(call, held.number, -1)
    remains.of_index(call, held.number, found["number"])


# What partitions do with it ------------------------------------------------------------------------


def _entry(held: Held, index: dict[str, Any], values: list[str]) -> str:
    """Raises InvalidValue."""
    return key_of([partition_filter.plain(held.keys[place].get("Type", "string"), values[place]) for place in index["places"]])


def enter(call: Call, held: Held, key: str, values: list[str]) -> None:
    """Enter a new partition into its table's indexes. That one which an index cannot hold is refused is our reading."""
    for each in held.indexes:
        if each["state"] in (ACTIVE, CREATING):
            try:
                entry = _entry(held, each, values)
            except partition_filter.InvalidValue as error:
                raise InvalidInputException(str(error)) from None
            call.rows(ENTRIES).run("insert or ignore into glue_partition_entry values (?,?,?,?)", held.number, each["number"], entry, key)


def leave(call: Call, held: Held, key: str, values: list[str]) -> None:
    for each in held.indexes:
        if each["state"] in (ACTIVE, CREATING):
            try:
                entry = _entry(held, each, values)
            except partition_filter.InvalidValue:
                continue  # the index was not filled so far
            sql = "delete from glue_partition_entry where owner = ? and number = ? and entry = ? and key = ?"
            call.rows(ENTRIES).run(sql, held.number, each["number"], entry, key)


# What is done later --------------------------------------------------------------------------------


def _by_number(call: Call, number: int) -> Held | None:
    found = call.rows(table.TABLES).one("select name, version, body from glue_table where id = ?", number)
    return table.Held(number, "", found[0], found[1], orjson.loads(found[2])) if found is not None else None


def _become(call: Call, held: Held, number: int, state: str, errors: list[list[str]] | None = None) -> None:
    indexes = [{**each, "state": state, "errors": errors or []} if each["number"] == number else each for each in held.indexes]
    table.keep(call, held, indexes=indexes)


def fill(call: Call, owner: int, number: int, keys: list[str], *, is_last: bool) -> bool:
    """Enter some partitions into a new index; whether there is more to do."""
    held = _by_number(call, owner)
    index = next((each for each in held.indexes if each["number"] == number), None) if held is not None else None
    if index is None:
        return False
    wrong = []
    for key in keys:
        values = values_of(key)
        try:
            entry = _entry(held, index, values)
        except partition_filter.InvalidValue:
            wrong.append(values)
        else:
            call.rows(ENTRIES).run("insert or ignore into glue_partition_entry values (?,?,?,?)", owner, number, entry, key)
    if wrong:
        _become(call, held, number, FAILED, wrong[:TOLD_MAX])
        return False
    if is_last:
        _become(call, held, number, ACTIVE)
    return not is_last


def gone(call: Call, owner: int, number: int) -> None:
    """Forget an index of which nothing is left."""
    held = _by_number(call, owner)
    if held is not None:
        table.keep(call, held, indexes=[each for each in held.indexes if each["number"] != number])
