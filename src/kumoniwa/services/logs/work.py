"""Retention: what a group keeps no longer is dropped, an hour after its time at the latest. Subscriptions are served; queries (the
scheduled ones, too), exports and anomaly detectors run."""

from __future__ import annotations

import asyncio

from kumoniwa.services.logs import (
    anomaly_watch,
    encryption,
    event,
    export,
    query_run,
    scheduled_run,
    subscription,
    vended,
)
from kumoniwa.services.logs.group import Group

RETENTION = ("logs", "retention")
EVERY_S = 3600.0


async def run(region) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(subscription.OUTBOX.run(region))
        group.create_task(vended.OUTBOX.run(region))
        group.create_task(_expire(region))
        group.create_task(query_run.run(region))
        group.create_task(export.run(region))
        group.create_task(anomaly_watch.run(region))
        group.create_task(scheduled_run.run(region))


async def _expire(region) -> None:
    while True:
        for call in region.calls("logs", "logs.amazonaws.com"):
            for group in list(call.shelf(Group).values()):
                if group.retention_days:
                    event.expire(call, group)
            encryption.forget_old(call)
        await region.wait(RETENTION, region.clock.now() + EVERY_S)
