"""What happens to items without anybody asking: those whose time has come are deleted, and what was dropped is swept.

Both go in small steps, so that nobody waits for them.
"""

from __future__ import annotations

import asyncio

import orjson

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.dynamodb import item
from kumoniwa.services.dynamodb.key import encode_number
from kumoniwa.services.dynamodb.table import Dropped, Layout, Table
from kumoniwa.services.dynamodb.transaction import TOKENS

STEP_ROWS = 500
STEP_S = 0.005
ROUND_S = 10.0
CENSUS_S = 6 * 3600.0
ENDED_FOR_S_MAX = 5 * 365 * 86_400
"""What ended longer ago is taken for no time at all and stays:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html"""


async def run(region) -> None:
    counted_at: dict[str, float] = {}
    while True:
        is_busy = False
        for account in region.store.accounts():
            if not account.isdigit():
                continue
            call = region.call("dynamodb", account, principals.service("dynamodb.amazonaws.com", account))
            is_busy |= _step(call)
            if region.clock.now() >= counted_at.get(account, 0.0) + CENSUS_S:
                counted_at[account] = region.clock.now()
                await _count(call)
        if is_busy:
            await asyncio.sleep(STEP_S)
        else:
            await region.wait(("dynamodb", "work"), region.clock.now() + ROUND_S)


def _step(call: Call) -> bool:
    """Do a little; answers whether there is more to do."""
    is_busy = False
    for table in list(call.shelf(Table).values()):
        if table.ttl_id:
            is_busy |= _expire(call, table)
    for key, dropped in list(call.shelf(Dropped).items()):
        if item.sweep(call, dropped, STEP_ROWS):
            del call.shelf(Dropped)[key]
        else:
            is_busy = True
    call.rows(TOKENS).run("delete from dynamodb_token where until <= ?", call.now())
    return is_busy


def _expire(call: Call, table: Table) -> bool:
    layout, now = Layout(table), int(call.now())
    ended = call.rows(item.ITEMS, item.PLACES).all(
        "select item_pk, item_sk from dynamodb_place where idx = ? and pk = x'' and sk > ? and sk < ? limit ?",
        table.ttl_id, encode_number(str(now - ENDED_FOR_S_MAX)), encode_number(str(now)), STEP_ROWS,
    )  # fmt: skip
    for pk, sk in ended:
        _, body = item.read(call, layout, pk, sk)
        item.drop(call, layout, pk, sk)
        item.move(call, layout, pk, sk, item.places(layout, orjson.loads(body)), item.places(layout, None))
    return len(ended) == STEP_ROWS


async def _count(call: Call) -> None:
    """Count the tables that are too large to be counted whenever somebody asks."""
    rows, census = call.rows(item.ITEMS, item.PLACES), call.memory(item.Census).sizes
    for table in list(call.shelf(Table).values()):
        if item.counted(rows, table.id, item.COUNTED_MAX + 1)[0] > item.COUNTED_MAX:
            census[table.id] = item.counted(rows, table.id)
            await asyncio.sleep(STEP_S)
            for index in table.indexes:
                census[index.id] = item.counted_index(rows, table, index.id)
                await asyncio.sleep(STEP_S)
