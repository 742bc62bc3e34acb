"""What AWS Backup does by itself: rules of plans are followed, jobs are under way, points end, and what happens is told."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.backup import continuing, database, keeping, running, schedule, upkeep, volume
from kumoniwa.services.backup.agenda import WORK
from kumoniwa.services.backup.telling import OUTBOX
from kumoniwa.services.backup.vault import SERVICE

IDLE_S = 3600.0


async def run(region: Any) -> None:
    for call in region.calls("backup", SERVICE):
        keeping.sweep(call)

    def heard(fact: tuple) -> None:
        # A fault may be a clock that is set: what is due by it is looked for anew.
        if fact[0] == "faults":
            region.wake(WORK)
        elif fact[0] == "rds":
            database.heard(region, fact[2])
            if fact[1] == database.GONE:
                upkeep.gone(region.call("backup", fact[2], principals.service(SERVICE, fact[2])), fact[3]["point"])
        elif fact[0] == "ec2":
            volume.heard(region, fact[2])
        else:
            continuing.heard(region, fact)

    region.listen(heard)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_follow(region))
            group.create_task(OUTBOX.run(region))
    finally:
        region.unlisten(heard)


async def _follow(region: Any) -> None:
    while True:
        calls = region.calls("backup", SERVICE)
        for call in calls:
            await schedule.follow(call)
        # From here to the wait nobody else has a turn: what happens later wakes it.
        until = region.clock.now() + IDLE_S
        for call in calls:
            until = min(until, schedule.next_due(call) or until, running.see(call) or until)
        await region.wait(WORK, until)
