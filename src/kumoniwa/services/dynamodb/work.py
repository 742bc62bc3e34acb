"""What happens to items without anybody asking: those whose time has come are deleted, and what was dropped
is swept.

Both go in small steps, so that nobody waits for them.
"""

from __future__ import annotations

import asyncio

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb import (
    backup,
    conductor,
    destination,
    figures,
    item,
    replication,
    resealing,
    sealing,
    stream,
    transfer,
    unlocking,
)
from kumoniwa.services.dynamodb.key import encode_number
from kumoniwa.services.dynamodb.table import Dropped, Filling, Layout, Table
from kumoniwa.services.dynamodb.transaction import TOKENS

STEP_ROWS = 500
STEP_S = 0.005
ROUND_S, IDLE_S = 10.0, 3_600.0
"""Between two rounds, and where there is no table."""
ENDED_FOR_S_MAX = 5 * 365 * 86_400
"""What ended longer ago is taken for no time at all and stays:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html"""


async def run(region) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_tidy(region))
        group.create_task(conductor.run(region))
        group.create_task(destination.OUTBOX.run(region))


async def _tidy(region) -> None:
    while True:
        is_busy = False
        for call in region.calls("dynamodb", "dynamodb.amazonaws.com"):
            figures.watch(call)
            await unlocking.watch(call)
            for table in list(call.shelf(Table).values()):
                if table.resealing is not None:
                    await resealing.go_on(call, table.name)
            is_busy |= _step(call, [copy for copy in list(call.shelf(backup.Copy).values()) if await backup.is_open(call, copy)])
            await _count(call)
        if is_busy:
            await asyncio.sleep(STEP_S)
        else:
            has_tables = any(call.shelf(Table) for call in region.calls("dynamodb", "dynamodb.amazonaws.com"))
            await region.wait(("dynamodb", "work"), region.clock.now() + (ROUND_S if has_tables else IDLE_S))


def _step(call: Call, copies: list[backup.Copy]) -> bool:
    """Do a little; answers whether there is more to do. What is encrypted and shut waits."""
    is_busy = False
    for table in list(call.shelf(Table).values()):
        if table.ttl_id and table.resealing is None and sealing.is_open(call, table.encryption, table.id):
            is_busy |= _expire(call, table)
        if table.group is not None:
            replication.forget_old(call, table)
    for key, filling in list(call.shelf(Filling).items()):
        is_busy |= _fill(call, key, filling)
    for copy in copies:
        is_busy |= not backup.step(call, copy, STEP_ROWS)
    backup.forget_old(call)
    transfer.see(call)
    for key, dropped in list(call.shelf(Dropped).items()):
        if item.sweep(call, dropped, STEP_ROWS):
            del call.shelf(Dropped)[key]
        else:
            is_busy = True
    if call.rows(TOKENS).one("select 1 from dynamodb_token where until <= ? limit 1", call.now()):
        call.rows(TOKENS).run("delete from dynamodb_token where until <= ?", call.now())
    stream.forget_old(call)
    return is_busy


def _fill(call: Call, key: str, filling: Filling) -> bool:
    table = call.shelf(Table).get(filling.table)
    if table is not None and filling.id in (table.ttl_id, *(index.id for index in table.indexes)):
        if not sealing.is_open(call, table.encryption, table.id):
            return False
        after = item.fill_some(call, table, filling, STEP_ROWS)
        if after is not None:
            call.shelf(Filling)[key] = changed(filling, after=after)
            return True
    del call.shelf(Filling)[key]
    return False


def _expire(call: Call, table: Table) -> bool:
    layout, now = Layout(table), int(call.now())
    seal = sealing.of(call, table.encryption) if table.encryption is not None else None
    places = item.PLACES if seal is None else sealing.OPEN_PLACES
    ended = call.rows(item.ITEMS, places).all(
        f"select item_pk, item_sk from {places.name} where idx = ? and pk = x'' and sk > ? and sk < ? limit ?",
        table.ttl_id, encode_number(str(now - ENDED_FOR_S_MAX)), encode_number(str(now)), STEP_ROWS,
    )  # fmt: skip
    for pk, sk in ended if seal is None else [seal.plain_place(*at) for at in ended]:
        size, body, version = item.read(call, layout, pk, sk)
        item.replace(
            call, layout, pk, sk, orjson.loads(body), None, old_body=body, old_size=size, old_version=version, by_service=True
        )
    return len(ended) == STEP_ROWS


async def _count(call: Call) -> None:
    """Count the large tables that somebody has asked about, in steps."""
    census = call.memory(item.Census)
    wanted, census.wanted = census.wanted, set()
    for name in wanted:
        table = call.shelf(Table).get(name)
        if table is None:
            continue
        for index in (None, *Layout(table).indexes):
            count = size = 0
            after: tuple | None = None
            while True:
                more, bytes_, after = item.count_some(call, table, index, after, STEP_ROWS)
                count, size = count + more, size + bytes_
                if after is None:
                    break
                await asyncio.sleep(0)
            census.sizes[table.id if index is None else index.id] = (count, size)
