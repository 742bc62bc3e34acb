"""How items lie in SQLite: one row each, as the JSON that GetItem answers, in DynamoDB's order.

All tables share one SQLite table, so that making or deleting one is a matter of its id. ``pk`` is the hash key behind
its own hash (``key.KeySchema.partition``): a scan meets partitions in AWS's order, and a parallel scan's segment is one range.
An index keeps no copies, only places, those that are alike in AWS's order (``tied``): what its projection leaves out is left out when it is
read. Rows of an encrypted table are sealed, and its places in memory (``sealing``).
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import Item, item_bytes
from kumoniwa.services.dynamodb import destination, history, replication, sealing, stream
from kumoniwa.services.dynamodb.capacity import write_units
from kumoniwa.services.dynamodb.key import TIE_BYTES, encode_number
from kumoniwa.services.dynamodb.replication import Version
from kumoniwa.services.dynamodb.sealing import OPEN_PLACES
from kumoniwa.services.dynamodb.table import Dropped, Filling, IndexLayout, Layout, Table
from kumoniwa.store.rows import Rows
from kumoniwa.store.rows import Table as RowTable

ITEMS = RowTable(
    "dynamodb_item",
    """create table if not exists dynamodb_item (tbl integer, pk blob, sk blob, size integer, item blob,
         primary key (tbl, pk, sk)) without rowid""",
    added=("version blob",),
)
PLACES = RowTable(
    "dynamodb_place",
    """create table if not exists dynamodb_place (idx integer, pk blob, sk blob, item_pk blob, item_sk blob,
         primary key (idx, pk, sk, item_pk, item_sk)) without rowid""",
)
COUNTED_MAX = 2_000
"""Up to so many items are counted when somebody asks; of more, the last census is told (AWS's is up to six hours old)."""

Place = tuple[bytes, bytes]


def read(call: Call, layout: Layout, pk: bytes, sk: bytes) -> tuple[int, bytes, bytes | None] | None:
    """An item's size in bytes as AWS counts them, its JSON, and in a global table its version."""
    if layout.encryption is not None:
        return _read_sealed(call, layout, pk, sk)
    return call.rows(ITEMS).one("select size, item, version from dynamodb_item where tbl = ? and pk = ? and sk = ?", layout.id, pk, sk)


def _read_sealed(call: Call, layout: Layout, pk: bytes, sk: bytes) -> tuple[int, bytes, bytes | None] | None:
    seal = sealing.of(call, layout.encryption)
    at = seal.place(pk, sk)
    found = call.rows(ITEMS).one("select size, item, version from dynamodb_item where tbl = ? and pk = ? and sk = ?", layout.id, *at)
    return (found[0], seal.plain_body(at, found[1]), found[2]) if found is not None else None


def stored_at(call: Call, layout: Layout, pk: bytes, sk: bytes) -> Place:
    """Under which keys an item's row lies."""
    return (pk, sk) if layout.encryption is None else sealing.of(call, layout.encryption).place(pk, sk)


def tied(layout: Layout, plain: Place, at: Place) -> Place:
    """How an index of ``layout.tied_ids`` names an item of a key whose row lies ``at``."""
    return layout.key.tie(plain[0][4:], plain[1]) + at[0], at[1]


def put_open(rows: Rows, idx: int, place: Place, at: Place) -> None:
    """Keep in memory where an encrypted table's item stands in the order of an index, or in the table's own."""
    rows.run("insert or ignore into dynamodb_open_place values (?,?,?,?,?)", idx, *place, *at)


def shown(call: Call, body: bytes) -> Any:
    """An item in a reply: spliced into the JSON as it is, or as a dict for those who ask from inside."""
    return orjson.Fragment(body) if call.request is not None else orjson.loads(body)


# Writing -------------------------------------------------------------------------------------------


def check_places(layout: Layout, item: Item) -> None:
    """Raises what AWS minds about attributes that indexes' keys use, of the index first by name: captured by nubo-db/dynoxide,
    tests/index_key_validation.rs."""
    for index in layout.named:
        index.key.of_index(item)


def places(layout: Layout, item: Item | None) -> list[Place | None]:
    """Where the indexes of a table keep an item, one for each, and then where its end lies if the table has a TTL.

    An item that was there before its index may have an index key of the wrong type; the index leaves it out:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html
    """
    if item is None:
        return [None] * (len(layout.indexes) + bool(layout.ttl_id))
    found = [place_in(index, item) for index in layout.indexes]
    if layout.ttl_id:
        found.append(end_of(layout, item))
    return found


def place_in(index: IndexLayout, item: Item) -> Place | None:
    try:
        found = index.key.of_index(item)
    except ValidationException:
        return None
    return None if found is None else (index.key.partition(found[0]), found[1])


def end_of(layout: Layout, item: Item) -> Place | None:
    """Only a number is a time to live: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html"""
    value = item.get(layout.ttl_attribute)
    return (b"", encode_number(value["N"])) if value is not None and "N" in value else None


def replace(
    call: Call, layout: Layout, pk: bytes, sk: bytes, old: Item | None, new: Item | None, *, size: int = 0, body: bytes = b"",
    old_body: bytes | None = None, old_size: int = 0, old_version: bytes | None = None, by_service: bool = False, heard: Version | None = None,
) -> None:  # fmt: skip
    """Put the new item where the old one is, or nothing; indexes, the stream and other replicas follow. Only tables that have
    those need to be told of the old item. ``heard`` is the version of a write that another replica made."""
    rows, version, kept, replaced = call.rows(ITEMS), None, body, old_body
    plain = pk, sk
    if layout.encryption is not None:
        seal = sealing.of(call, layout.encryption)
        at = pk, sk = seal.place(pk, sk)
        kept, replaced = seal.body(at, body), seal.body(at, old_body)
        _follow(call.rows(OPEN_PLACES), _OPEN, layout.id, None if new is not None else plain, None if new is None else plain, at)
    if layout.is_recoverable:
        history.replaced(call, layout.id, pk, sk, old_size, replaced)
    now = call.now() if layout.is_replicated or layout.stream is not None else 0.0
    if layout.is_replicated:
        held = replication.unpacked(old_version) if old is not None else None
        version = replication.noted(call, rows, layout, pk, sk, size, kept if new is not None else None, held, heard, now)
    if new is None:
        rows.run("delete from dynamodb_item where tbl = ? and pk = ? and sk = ?", layout.id, pk, sk)
    else:
        rows.run("replace into dynamodb_item values (?,?,?,?,?,?)", layout.id, pk, sk, size, kept, version)
    if layout.place_ids:
        _move(call, layout, plain, (pk, sk), places(layout, old), places(layout, new))
    if layout.stream is not None and old != new:
        stream.append(
            call, layout, old, new, old_body, body if new is not None else None, old_size, size, now, by_service=by_service
        )
    if layout.destinations and old != new:
        destination.promise(call, layout, old, new, by_service=by_service)


def joint(is_tied: bool) -> str:
    """Which row ``i`` an entry ``p`` of an index is of."""
    return f"i.pk = substr(p.item_pk, {TIE_BYTES + 1}) and i.sk = p.item_sk" if is_tied else "i.pk = p.item_pk and i.sk = p.item_sk"


_KEPT, _OPEN = (
    (
        f"delete from {name} where idx = ? and pk = ? and sk = ? and item_pk = ? and item_sk = ?",
        f"insert or ignore into {name} values (?,?,?,?,?)",
    )
    for name in (PLACES.name, OPEN_PLACES.name)
)


def _move(call: Call, layout: Layout, plain: Place, at: Place, old: list[Place | None], new: list[Place | None]) -> None:
    """Follow an item of a key, whose row lies at a place, in the indexes."""
    is_open = layout.encryption is not None
    rows = call.rows(OPEN_PLACES if is_open else PLACES)
    for idx, before, after in zip(layout.place_ids, old, new):
        if before != after:
            name = tied(layout, plain, at) if idx in layout.tied_ids else at
            _follow(rows, _OPEN if is_open else _KEPT, idx, before, after, name)


def put_places(call: Call, layout: Layout, at: Place, item: Item) -> None:
    """Put an item of a table without a key, that is there already, into every index."""
    _move(call, layout, at, at, places(layout, None), places(layout, item))


def _follow(rows: Rows, words: tuple[str, str], idx: int, before: Place | None, after: Place | None, at: Place) -> None:
    forget, keep = words
    if before is not None:
        rows.run(forget, idx, *before, *at)
    if after is not None:
        rows.run(keep, idx, *after, *at)


def index_units(layout: Layout, old: Item | None, new: Item | None) -> dict[bool, dict[str, float]]:
    """What a write costs in the indexes it touches, by name; those of global ones under True, of local ones under False.

    A transaction costs twice in the table alone: captured from AWS by nubo-db/dynoxide (issue 178)."""
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
            cost = write_units(sizes[0], 0) + write_units(0, sizes[1])
        else:
            cost = write_units(*sizes)
        units[index.is_global][index.name] = cost
    return units


# Many at once ----------------------------------------------------------------------------------------


def fill(call: Call, table: Table, idx: int) -> None:
    """Begin to put every item of a table into an index that is new. Few are put at once, many by background work, which also
    opens the table if need be."""
    filling = Filling(table=table.name, table_id=table.id, id=idx)
    is_open = sealing.is_open(call, table.encryption, table.id)
    after = fill_some(call, table, filling, COUNTED_MAX) if is_open else filling.after
    if after is not None:
        call.shelf(Filling)[str(idx)] = changed(filling, after=after)
        call.home.wake(("dynamodb", "work"))


def fill_some(call: Call, table: Table, filling: Filling, count: int) -> Place | None:
    """Go on with ``count`` items; answers where it stopped, None if that was the last of it."""
    layout, rows = Layout(table), call.rows(ITEMS, PLACES, OPEN_PLACES)
    seal = sealing.of(call, table.encryption) if table.encryption is not None else None
    words = _KEPT if seal is None else _OPEN
    found = rows.all(
        "select pk, sk, item from dynamodb_item where tbl = ? and (pk, sk) > (?, ?) order by pk, sk limit ?",
        table.id, *filling.after, count,
    )  # fmt: skip
    index = next((index for index in layout.indexes if index.id == filling.id), None)
    for pk, sk, body in found:
        at = name = (pk, sk)
        item = orjson.loads(body if seal is None else seal.plain_body(at, body))
        if filling.id in layout.tied_ids:
            name = tied(layout, at if seal is None else seal.plain_place(*at), at)
        _follow(rows, words, filling.id, None, end_of(layout, item) if index is None else place_in(index, item), name)
    return (found[-1][0], found[-1][1]) if len(found) == count else None


def is_filling(call: Call, idx: int) -> bool:
    return str(idx) in call.shelf(Filling)


# Sizes ---------------------------------------------------------------------------------------------


class Census:
    """The sizes of large tables, as background work last counted them. Not durable."""

    def __init__(self) -> None:
        self.sizes: dict[int, tuple[int, int]] = {}
        """(items, bytes) by id of table or index."""
        self.wanted: set[str] = set()
        """Tables somebody has asked about since."""


def sizes(call: Call, table: Table) -> dict[int, tuple[int, int]]:
    """(items, bytes) of a table and its indexes."""
    count, size, after = count_some(call, table, None, None, COUNTED_MAX)
    if after is None:
        layout = Layout(table)
        if not sealing.is_open(call, table.encryption, table.id):
            return {table.id: (count, size)}
        return {table.id: (count, size)} | {
            i.id: count_some(call, table, i, None, COUNTED_MAX)[:2] for i in layout.indexes
        }
    census = call.memory(Census)
    census.wanted.add(table.name)
    call.home.wake(("dynamodb", "work"))
    return {
        idx: census.sizes[idx] for idx in (table.id, *(i.id for i in table.indexes)) if idx in census.sizes
    }


def count_some(
    call: Call, table: Table, index: IndexLayout | None, after: tuple | None, count: int
) -> tuple[int, int, tuple | None]:
    """Items and bytes of the next ``count`` of a table or index, and where to go on."""
    rows = call.rows(ITEMS, PLACES, OPEN_PLACES)
    if index is None:
        found = rows.all(
            "select pk, sk, size from dynamodb_item where tbl = ? and (pk, sk) > (?, ?) order by pk, sk limit ?",
            table.id, *(after or (b"", b"")), count,
        )  # fmt: skip
        total = sum([row[2] for row in found])
    else:
        seal = sealing.of(call, table.encryption) if table.encryption is not None else None
        is_tied = index.id in Layout(table).tied_ids
        found = rows.all(
            f"""select p.pk, p.sk, p.item_pk, p.item_sk, i.size, case when ? then i.item end, i.pk
               from {PLACES.name if seal is None else OPEN_PLACES.name} p cross join dynamodb_item i on i.tbl = ? and {joint(is_tied)}
               where p.idx = ? and (p.pk, p.sk, p.item_pk, p.item_sk) > (?, ?, ?, ?)
               order by p.pk, p.sk, p.item_pk, p.item_sk limit ?""",
            index.kept is not None, table.id, index.id, *(after or (b"", b"", b"", b"")), count,
        )  # fmt: skip
        total = sum(
            row[4]
            if row[5] is None
            else item_bytes(index.projected(orjson.loads(row[5] if seal is None else seal.plain_body((row[6], row[3]), row[5]))))
            for row in found
        )
    end = found[-1][: 2 if index is None else 4] if len(found) == count else None
    return len(found), total, end


def collection_metrics(call: Call, layout: Layout, pk: bytes, key: Item) -> dict | None:
    """ItemCollectionMetrics of one write; only tables with local indexes have item collections in this sense."""
    if all(index.is_global for index in layout.indexes):
        return None
    size = (
        call.rows(ITEMS).one("select sum(size) from dynamodb_item where tbl = ? and pk = ?", layout.id, stored_at(call, layout, pk, b"")[0])[0]
        or 0
    )
    low = float(size >> 30)
    name = layout.key.hash_name
    return {"ItemCollectionKey": {name: key[name]}, "SizeEstimateRangeGB": [low, low + 1.0]}


# Deleting many ---------------------------------------------------------------------------------------


def forget_rows(call: Call, tbl: int) -> None:
    """Nobody can reach these rows any more: they are left to background work."""
    call.shelf(Dropped)[str(tbl)] = Dropped(id=tbl, is_index=False)
    call.home.wake(("dynamodb", "work"))


def forget_indexes(call: Call, table: Table) -> None:
    for idx in (*(index.id for index in table.indexes), table.ttl_id):
        if idx:
            forget_index(call, idx)


def forget_index(call: Call, idx: int) -> None:
    call.shelf(Dropped)[str(idx)] = Dropped(id=idx, is_index=True)
    call.home.wake(("dynamodb", "work"))


def sweep(call: Call, dropped: Dropped, count: int) -> bool:
    """Remove up to ``count`` rows of what was dropped; answers whether that was the last of it."""
    rows = call.rows(ITEMS, PLACES, OPEN_PLACES)
    if dropped.is_index:
        gone = max(
            rows.run(
                f"""delete from {name} where idx = ?1 and (pk, sk, item_pk, item_sk) in
                    (select pk, sk, item_pk, item_sk from {name} where idx = ?1 limit ?2)""",
                dropped.id, count,
            )
            for name in (PLACES.name, OPEN_PLACES.name)
        )  # fmt: skip
    else:
        gone = rows.run(
            "delete from dynamodb_item where tbl = ?1 and (pk, sk) in (select pk, sk from dynamodb_item where tbl = ?1 limit ?2)",
            dropped.id, count,
        )  # fmt: skip
    return gone < count
