"""How items lie in SQLite: one row each, as the JSON that GetItem answers, in DynamoDB's order.

All tables share one SQLite table, so that making or deleting one is a matter of its id. ``pk`` is the hash key behind
its own checksum: a scan meets partitions in no order that means anything, and a parallel scan's segment is one range.
An index keeps no copies, only places: what its projection leaves out is left out when it is read.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.languages.dynamodb.value import Item, item_bytes
from kumoniwa.services.dynamodb.capacity import write_units
from kumoniwa.services.dynamodb.key import encode_number
from kumoniwa.services.dynamodb.table import Dropped, IndexLayout, Layout, Table
from kumoniwa.store.rows import Rows
from kumoniwa.store.rows import Table as RowTable

ITEMS = RowTable(
    "dynamodb_item",
    """create table if not exists dynamodb_item (tbl integer, pk blob, sk blob, size integer, item blob,
         primary key (tbl, pk, sk)) without rowid""",
)
PLACES = RowTable(
    "dynamodb_place",
    """create table if not exists dynamodb_place (idx integer, pk blob, sk blob, item_pk blob, item_sk blob,
         primary key (idx, pk, sk, item_pk, item_sk)) without rowid""",
)
COUNTED_MAX = 2_000
"""Up to so many items are counted when somebody asks; of more, the last census is told (AWS's is up to six hours old)."""

Place = tuple[bytes, bytes]


class Census:
    """What background work counted: (items, bytes) by id of table or index. Not durable."""

    def __init__(self) -> None:
        self.sizes: dict[int, tuple[int, int]] = {}


def partition(hash_key: bytes) -> bytes:
    """The ``pk`` of a hash key."""
    return crc32(hash_key).to_bytes(4, "big") + hash_key


def read(call: Call, layout: Layout, pk: bytes, sk: bytes) -> tuple[int, bytes] | None:
    """An item's size in bytes as AWS counts them, and its JSON."""
    return call.rows(ITEMS).one("select size, item from dynamodb_item where tbl = ? and pk = ? and sk = ?", layout.id, pk, sk)


def shown(call: Call, body: bytes) -> Any:
    """An item in a reply: spliced into the JSON as it is, or as a dict for those who ask from inside."""
    return orjson.Fragment(body) if call.request is not None else orjson.loads(body)


# Writing -------------------------------------------------------------------------------------------


def places(layout: Layout, item: Item | None) -> list[Place | None]:
    """Where the indexes of a table keep an item, one for each, and then where its end lies if the table has a TTL.

    Raises ValidationException for an index key of the wrong type.
    """
    if item is None:
        return [None] * (len(layout.indexes) + bool(layout.ttl_id))
    found = [place_in(index, item) for index in layout.indexes]
    if layout.ttl_id:
        found.append(end_of(layout, item))
    return found


def place_in(index: IndexLayout, item: Item) -> Place | None:
    found = index.key.of_index(item)
    return None if found is None else (partition(found[0]), found[1])


def end_of(layout: Layout, item: Item) -> Place | None:
    """Only a number is a time to live: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html"""
    value = item.get(layout.ttl_attribute)
    return (b"", encode_number(value["N"])) if value is not None and "N" in value else None


def put(call: Call, layout: Layout, pk: bytes, sk: bytes, size: int, body: bytes) -> None:
    call.rows(ITEMS).run("replace into dynamodb_item values (?,?,?,?,?)", layout.id, pk, sk, size, body)


def drop(call: Call, layout: Layout, pk: bytes, sk: bytes) -> None:
    call.rows(ITEMS).run("delete from dynamodb_item where tbl = ? and pk = ? and sk = ?", layout.id, pk, sk)


def move(call: Call, layout: Layout, pk: bytes, sk: bytes, old: list[Place | None], new: list[Place | None]) -> None:
    """Follow an item in the indexes."""
    rows = call.rows(PLACES)
    ids = [index.id for index in layout.indexes]
    if layout.ttl_id:
        ids.append(layout.ttl_id)
    for idx, before, after in zip(ids, old, new):
        if before == after:
            continue
        if before is not None:
            rows.run(
                "delete from dynamodb_place where idx = ? and pk = ? and sk = ? and item_pk = ? and item_sk = ?", idx, *before, pk, sk
            )
        if after is not None:
            rows.run("insert into dynamodb_place values (?,?,?,?,?)", idx, *after, pk, sk)


def index_units(layout: Layout, old: Item | None, new: Item | None, *, is_transactional: bool) -> dict[bool, dict[str, float]]:
    """What a write costs in the indexes it touches, by name; those of global ones under True, of local ones under False."""
    units: dict[bool, dict[str, float]] = {True: {}, False: {}}
    for index in layout.indexes:
        before = place_in(index, old) if old is not None else None
        after = place_in(index, new) if new is not None else None
        had = index.projected(old) if before is not None else None
        has = index.projected(new) if after is not None else None
        if before == after and had == has:
            continue
        sizes = (item_bytes(had) if had is not None else 0, item_bytes(has) if has is not None else 0)
        if before is not None and after is not None and before != after:
            # An entry that moves is deleted in one place and put in another.
            cost = write_units(sizes[0], 0, is_transactional=is_transactional) + write_units(0, sizes[1], is_transactional=is_transactional)
        else:
            cost = write_units(*sizes, is_transactional=is_transactional)
        units[index.is_global][index.name] = cost
    return units


def fill(call: Call, layout: Layout, idx: int, place: Any) -> None:
    """Put every item of a table into an index that is new. ``place(item)`` says where."""
    rows = call.rows(ITEMS, PLACES)
    found = rows.all("select pk, sk, item from dynamodb_item where tbl = ?", layout.id)
    for pk, sk, body in found:
        at = place(orjson.loads(body))
        if at is not None:
            rows.run("insert into dynamodb_place values (?,?,?,?,?)", idx, *at, pk, sk)


# Sizes ---------------------------------------------------------------------------------------------


def sizes(call: Call, table: Table) -> dict[int, tuple[int, int]]:
    """(items, bytes) of a table and its indexes."""
    rows, census = call.rows(ITEMS, PLACES), call.memory(Census).sizes
    few = counted(rows, table.id, COUNTED_MAX + 1)
    if few[0] > COUNTED_MAX and table.id in census:
        return {id: census[id] for id in (table.id, *(index.id for index in table.indexes)) if id in census}
    if few[0] > COUNTED_MAX:
        return {}
    return {table.id: few} | {index.id: counted_index(rows, table, index.id) for index in table.indexes}


def counted(rows: Rows, table_id: int, limit: int = -1) -> tuple[int, int]:
    count, size = rows.one(
        "select count(*), sum(size) from (select size from dynamodb_item where tbl = ? limit ?)", table_id, limit
    )  # fmt: skip
    return count, size or 0


def counted_index(rows: Rows, table: Table, idx: int) -> tuple[int, int]:
    layout = Layout(table)
    index = next(index for index in layout.indexes if index.id == idx)
    count = total = 0
    for size, body in rows.each(
        """select i.size, case when ? then i.item end from dynamodb_place p join dynamodb_item i
           on i.tbl = ? and i.pk = p.item_pk and i.sk = p.item_sk where p.idx = ?""",
        index.kept is not None, table.id, idx,
    ):  # fmt: skip
        count += 1
        total += size if body is None else item_bytes(index.projected(orjson.loads(body)))
    return count, total


def collection_metrics(call: Call, layout: Layout, pk: bytes, key: Item) -> dict | None:
    """ItemCollectionMetrics of one write; only tables with local indexes have item collections in this sense."""
    if all(index.is_global for index in layout.indexes):
        return None
    size = call.rows(ITEMS).one("select sum(size) from dynamodb_item where tbl = ? and pk = ?", layout.id, pk)[0] or 0
    low = float(size >> 30)
    name = layout.key.hash_name
    return {"ItemCollectionKey": {name: key[name]}, "SizeEstimateRangeGB": [low, low + 1.0]}


# Deleting many ---------------------------------------------------------------------------------------


def forget_table(call: Call, table: Table) -> None:
    """Nobody can reach these rows any more: they are left to background work."""
    dropped = call.shelf(Dropped)
    dropped[str(table.id)] = Dropped(id=table.id, is_index=False)
    for idx in (*(index.id for index in table.indexes), table.ttl_id):
        if idx:
            forget_index(call, idx)


def forget_index(call: Call, idx: int) -> None:
    call.shelf(Dropped)[str(idx)] = Dropped(id=idx, is_index=True)
    call.home.wake(("dynamodb", "work"))


def sweep(call: Call, dropped: Dropped, count: int) -> bool:
    """Remove up to ``count`` rows of what was dropped; answers whether that was the last of it."""
    rows = call.rows(ITEMS, PLACES)
    if dropped.is_index:
        gone = rows.run(
            """delete from dynamodb_place where idx = ?1 and (pk, sk, item_pk, item_sk) in
               (select pk, sk, item_pk, item_sk from dynamodb_place where idx = ?1 limit ?2)""",
            dropped.id, count,
        )  # fmt: skip
    else:
        gone = rows.run(
            "delete from dynamodb_item where tbl = ?1 and (pk, sk) in (select pk, sk from dynamodb_item where tbl = ?1 limit ?2)",
            dropped.id, count,
        )  # fmt: skip
    return gone < count
