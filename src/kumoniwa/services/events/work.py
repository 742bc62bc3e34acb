"""Deliveries leave, schedules fire, archives are heard again, connections are authorized, archives measured, records of logs carried, and
what services tell their region becomes events of the default bus."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.services.events import arrival, connection, delivery, endpoint, fact, log, replay, schedule, stored

HEARS_ALL = True
"""No fact may be told before this work has begun, also none that another's work begins with."""


async def run(region: Any) -> None:
    listener = partial(fact.heard, region)
    region.listen(listener, partial(fact.is_wanted, region))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(delivery.OUTBOX.run(region))
            group.create_task(arrival.OUTBOX.run(region))
            group.create_task(endpoint.OUTBOX.run(region))
            group.create_task(schedule.run(region))
            group.create_task(replay.run(region))
            group.create_task(connection.run(region))
            group.create_task(stored.run(region))
            group.create_task(log.BACKLOG.run(region, log.wait_s, log.carry))
    finally:
        region.unlisten(listener)
