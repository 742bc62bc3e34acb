"""A table that moves under another key.

Under another key of KMS only the table's own key is encrypted anew. From AWS's own key to a customer's, or back, every row is written
again, under another id: what lies under the old one is still to do. The table is UPDATING meanwhile; here, unlike on AWS, whoever reads
or writes waits until it is done. Nothing of what was readable stays in the files.
"""

from __future__ import annotations

import asyncio
from functools import partial

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import history, item, sealing, stream, table_key
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.backup import Backup, Copy
from kumoniwa.services.dynamodb.sealing import Encryption, Resealing, Seal
from kumoniwa.services.dynamodb.stream import RECORDS, Stream
from kumoniwa.services.dynamodb.table import Layout, ResourceInUseException, Table

STEP_ROWS = 200


async def update(call: Call, name: str, specification: dict) -> Table:
    """The table as UpdateTable's SSESpecification wants it, or on its way there."""
    is_sealed, key = table_key.wish(specification)
    table = _free(call, name)
    held = table.encryption
    if not is_sealed and held is None:
        return table
    if table.group is not None:
        raise ValidationException(f"{INVALID}KMSMasterKeyId must be specified for each replica.")
    if is_sealed and held is not None:
        fresh: Encryption | None = await table_key.moved(call, held, key)
    elif is_sealed:
        fresh = await table_key.made(call, table.name, key)
    else:
        fresh = None
        await table_key.opened(call, held)
    return call.atomically(lambda: _begin(call, name, held, fresh))


def _free(call: Call, name: str) -> Table:
    table = tables.described(call, name)
    if table.resealing is not None:
        raise ResourceInUseException(f"Attempt to change a resource which is still in use: Table is being updated: {table.name}")
    if any(copy.source == table.id for copy in call.shelf(Copy).values()):
        raise ResourceInUseException(f"Attempt to change a resource which is still in use: Table is being copied: {table.name}")
    return table


def _begin(call: Call, name: str, held: Encryption | None, fresh: Encryption | None) -> Table:
    table = _free(call, name)
    if table.encryption != held and (held is None or table.encryption is None or table.encryption.data_key != held.data_key):
        raise ResourceInUseException(f"Attempt to change a resource which is still in use: Table is being updated: {table.name}")
    if held is not None and fresh is not None:
        _adopt(call, table, fresh)
        forsake(call, held)
        table = changed(table, encryption=fresh)
    else:
        indexes = tuple(changed(index, id=tables.new_id(call)) for index in table.indexes)
        doing = Resealing(source=table.id, was=held, places=Layout(table).place_ids, upto=stream.newest(call))
        ttl_id = tables.new_id(call) if table.ttl_id else 0
        table = changed(table, id=tables.new_id(call), indexes=indexes, ttl_id=ttl_id, encryption=fresh, resealing=doing)
        call.home.wake(("dynamodb", "work"))
    call.shelf(Table)[table.name] = table
    return table


def _adopt(call: Call, table: Table, fresh: Encryption | None) -> None:
    """The table's streams are under its key."""
    for name, one in list(call.shelf(Stream).items()):
        if one.table == table.name and one.encryption is not None and one.encryption.data_key == table.encryption.data_key:
            call.shelf(Stream)[name] = changed(one, encryption=fresh)


def forsake(call: Call, held: Encryption) -> None:
    """A key that a table no longer lies under. Backups may."""
    wrapped = held.data_key.wrapped
    kept = (each.table.encryption for each in call.shelf(Backup).values())
    if all(each is None or each.data_key.wrapped != wrapped for each in kept):
        call.after_commit(lambda: table_key.retire(call, held))


# Writing rows again ----------------------------------------------------------------------------------


async def go_on(call: Call, name: str) -> None:
    """Do what is left to do for one table, if the keys can be had."""
    while (table := call.shelf(Table).get(name)) is not None and table.resealing is not None:
        seals: list[Seal | None] = []
        for encryption in (table.resealing.was, table.encryption):
            seal = await table_key.opened_for_service(call, encryption) if encryption is not None else None
            if seal is None and encryption is not None:
                return
            seals.append(seal)
        if call.shelf(Table).get(name) is not table:
            continue
        if not call.atomically(partial(_step, call, table, *seals)):
            await asyncio.sleep(0)
            continue
        # What lay here could be read, and may lie in the file still.
        await call.rows().scrub()
        call.atomically(partial(_finish, call, name))
    call.home.wake(("dynamodb", "resealed", call.account))


def _step(call: Call, table: Table, was: Seal | None, now: Seal | None) -> bool:
    """Write some rows again; answers whether those were the last."""
    doing, layout = table.resealing, Layout(table)
    if _items(call, layout, doing, was, now) or _replaced(call, layout, doing, was, now):
        return False
    upto = _records(call, table, doing, was, now)
    if upto is not None:
        call.shelf(Table)[table.name] = changed(table, resealing=changed(doing, upto=upto))
        return False
    for idx in doing.places:
        call.rows(item.PLACES).run("delete from dynamodb_place where idx = ?", idx)
    return True


def _finish(call: Call, name: str) -> None:
    table = call.shelf(Table).get(name)
    if table is None or table.resealing is None:
        return
    doing = table.resealing
    for name, one in list(call.shelf(Stream).items()):
        if one.table == table.name and one.encryption == doing.was:
            call.shelf(Stream)[name] = changed(one, encryption=table.encryption)
    if doing.was is not None:
        forsake(call, doing.was)
    call.shelf(Table)[table.name] = changed(table, resealing=None)


def _items(call: Call, layout: Layout, doing: Resealing, was: Seal | None, now: Seal | None) -> int:
    rows = call.rows(item.ITEMS)
    found = rows.all("select pk, sk, size, item, version from dynamodb_item where tbl = ? limit ?", doing.source, STEP_ROWS)
    for pk, sk, size, body, version in found:
        at, sealed = sealing.resealed(was, now, (pk, sk), body)
        rows.run("replace into dynamodb_item values (?,?,?,?,?,?)", layout.id, *at, size, sealed, version)
        rows.run("delete from dynamodb_item where tbl = ? and pk = ? and sk = ?", doing.source, pk, sk)
        if now is None and layout.place_ids:
            item.put_places(call, layout, at, orjson.loads(sealed))
    return len(found)


def _replaced(call: Call, layout: Layout, doing: Resealing, was: Seal | None, now: Seal | None) -> int:
    rows = call.rows(history.REPLACED)
    found = rows.all("select pk, sk, at, seq, size, body from dynamodb_replaced where tbl = ? limit ?", doing.source, STEP_ROWS)
    for pk, sk, when, seq, size, body in found:
        at, sealed = sealing.resealed(was, now, (pk, sk), body)
        rows.run("insert into dynamodb_replaced values (?,?,?,?,?,?,?)", layout.id, *at, when, seq, size, sealed)
        rows.run("delete from dynamodb_replaced where tbl = ? and pk = ? and sk = ? and at = ? and seq = ?", doing.source, pk, sk, when, seq)
    return len(found)


def _records(call: Call, table: Table, doing: Resealing, was: Seal | None, now: Seal | None) -> int | None:
    """Records of the table's streams, the latest first; answers up to where they are left, None if there were none."""
    rows = call.rows(RECORDS)
    names = [name for name, one in call.shelf(Stream).items() if one.table == table.name and one.encryption == doing.was]
    found = rows.all(
        f"""select seq, stream, keys, new, old from dynamodb_record where stream in ({', '.join('?' * len(names))}) and seq <= ?
            order by seq desc limit ?""",
        *names, doing.upto, STEP_ROWS,
    )  # fmt: skip
    for seq, name, *told in found:
        if was is not None:
            told = stream.plain(was, name, told)
        if now is not None:
            told = stream.sealed(now, name, told)
        rows.run("update dynamodb_record set keys = ?, new = ?, old = ? where seq = ?", *told, seq)
    return found[-1][0] - 1 if found else None
