"""What was put is folded when its minute is over, and old points become coarser."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.cloudwatch import metric, waiting

SERVICE = "monitoring.amazonaws.com"
MINUTE_S = 60
AGED_EVERY_S = 3_600


class Aged(Record):
    """Until when the points of an account were made coarser."""

    until: float


def accounts(region: Any) -> list[Call]:
    return [
        region.call("cloudwatch", account, principals.service(SERVICE, account)) for account in region.store.accounts() if account.isdigit()
    ]


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_fold(region))
        group.create_task(_age(region))


async def _fold(region: Any) -> None:
    """Piece by piece, so that nobody waits long: one who asks folds what is left."""
    while True:
        for call in accounts(region):
            if not call.memory(waiting.Inbox).is_empty:
                while call.atomically(partial(metric.fold_some, call)):
                    await asyncio.sleep(0)
                call.atomically(partial(metric.fold, call))
        now = region.clock.now()
        await region.wait(waiting.FOLDING, (now // MINUTE_S + 1) * MINUTE_S)


async def _age(region: Any) -> None:
    while True:
        now = region.clock.now()
        for call in accounts(region):
            shelf = call.shelf(Aged)
            since = shelf["aged"].until if "aged" in shelf else now - metric.KEPT_S
            if now - since >= AGED_EVERY_S:
                for id_, units in call.rows(metric.METRICS).all("select id, units from metric"):
                    call.atomically(partial(metric.grow_old, call, id_, units, since, now))
                    await asyncio.sleep(0)
                shelf["aged"] = Aged(until=now)
        await region.wait(("cloudwatch", "aging"), now + AGED_EVERY_S)
