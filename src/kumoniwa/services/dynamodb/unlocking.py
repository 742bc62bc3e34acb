"""Opening tables that are encrypted under a key of KMS.

Whoever reads or writes must be allowed to decrypt with the key: DynamoDB opens the table's key in his name, and asks again when five
minutes are over. What it does when nobody asks (time to live, indexes, replication, copies) it does by a grant that was given when the
table was encrypted. A key that it finds shut closes the table.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

from __future__ import annotations

import asyncio
from functools import partial

import orjson

from kumoniwa.gate.data_key import Ring, Shut
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb import item, sealing, table_key
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.sealing import OPEN_PLACES, Opened
from kumoniwa.services.dynamodb.table import Layout, Table

TRIED_AFTER_S = 60.0
RESEALED_S = 1.0
"""How long to wait for a table that is being written again, before looking for oneself."""
STEP_ROWS = 200


def find(call: Call, name: str) -> Layout | None:
    """``table.find`` for those who read and write items: a table whose key is not open for the caller is opened first."""
    layout = tables.find(call, name)
    if layout is not None and layout.is_guarded:
        admit(call, layout)
    return layout


def admit(call: Call, layout: Layout) -> None:
    encryption, is_moving = layout.encryption, layout.record.resealing is not None
    is_proven = encryption is None or call.memory(Ring).held(call, encryption.data_key) is not None
    if is_moving or not is_proven or not sealing.is_open(call, encryption, layout.id):
        raise Shut(partial(_unlock, call, layout.name))


async def _unlock(call: Call, name: str) -> None:
    table = call.shelf(Table).get(name)
    if table is None:
        return
    if table.encryption is not None:
        try:
            await table_key.opened(call, table.encryption)
        except ValidationException:
            _mark(call, table, call.now())
            raise
        _mark(call, table, 0.0)
    if table.resealing is not None:
        await call.home.wait(("dynamodb", "resealed", call.account), call.now() + RESEALED_S)
    elif table.encryption is not None:
        await _loaded(call, table)


# Places in memory ----------------------------------------------------------------------------------


async def _loaded(call: Call, table: Table) -> None:
    """Keep the places of an encrypted table's items in memory."""
    held = call.memory(Opened)
    lock = held.locks.setdefault(table.id, asyncio.Lock())
    async with lock:
        after: tuple[bytes, bytes] | None = (b"", b"")
        while after is not None and table.id not in held.loaded:
            now = call.shelf(Table).get(table.name)
            if now is None or now.id != table.id or now.resealing is not None:
                return
            if now.encryption is None or now.encryption.data_key.wrapped not in held.seals:
                return
            after = _load_some(call, Layout(now), after)
            if after is None:
                held.loaded.add(table.id)
            else:
                await asyncio.sleep(0)


def _load_some(call: Call, layout: Layout, after: tuple[bytes, bytes]) -> tuple[bytes, bytes] | None:
    rows, seal = call.rows(item.ITEMS, OPEN_PLACES), sealing.of(call, layout.encryption)
    found = rows.all(
        "select pk, sk, item from dynamodb_item where tbl = ? and (pk, sk) > (?, ?) order by pk, sk limit ?", layout.id, *after, STEP_ROWS
    )
    for pk, sk, sealed in found:
        at = (pk, sk)
        plain = seal.plain_place(pk, sk)
        item.put_open(rows, layout.id, plain, at)
        if layout.indexes or layout.ttl_id:
            content = orjson.loads(seal.plain_body(at, sealed))
            for idx, place in zip(layout.place_ids, item.places(layout, content)):
                if place is not None:
                    item.put_open(rows, idx, place, item.tied(layout, plain, at) if idx in layout.tied_ids else at)
    return (found[-1][0], found[-1][1]) if len(found) == STEP_ROWS else None


def close(call: Call, table: Table) -> None:
    """Forget an encrypted table's key and places: on the disk is all that is needed to open it again."""
    held = call.memory(Opened)
    held.loaded.discard(table.id)
    held.seals.pop(table.encryption.data_key.wrapped, None)
    call.memory(Ring).forget(table.encryption.data_key)
    rows = call.rows(OPEN_PLACES)
    for idx in (table.id, *Layout(table).place_ids):
        rows.run("delete from dynamodb_open_place where idx = ?", idx)


async def is_ready(call: Call, table: Table) -> bool:
    """Whether DynamoDB can work on a table by itself; opens it if it may."""
    if table.encryption is None:
        return True
    if await table_key.opened_for_service(call, table.encryption) is None:
        return False
    await _loaded(call, table)
    return sealing.is_open(call, table.encryption, table.id)


# Watching keys -------------------------------------------------------------------------------------


async def watch(call: Call) -> None:
    """See which tables can be opened. DynamoDB closes those whose key it may not use, and opens them again when it may."""
    held = call.memory(Opened)
    for table in list(call.shelf(Table).values()):
        encryption = table.encryption
        if encryption is None or held.seen.get(encryption.data_key.wrapped, 0.0) + TRIED_AFTER_S > call.now():
            continue
        held.seen[encryption.data_key.wrapped] = call.now()
        is_accessible = await table_key.can_open(call, encryption)
        if is_accessible is not None:
            _mark(call, table, 0.0 if is_accessible else call.now())
        if is_accessible:
            await _loaded(call, table)


def _mark(call: Call, table: Table, since: float) -> None:
    now = call.shelf(Table).get(table.name)
    if now is None or now.encryption is None or now.encryption.data_key != table.encryption.data_key:
        return
    if bool(now.encryption.inaccessible_since) != bool(since):
        call.shelf(Table)[now.name] = changed(now, encryption=changed(now.encryption, inaccessible_since=since))
    if since:
        close(call, now)
