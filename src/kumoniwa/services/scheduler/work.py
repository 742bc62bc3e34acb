"""Schedules fire, and the calls they make leave."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.services.scheduler import clock, delivery


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(delivery.OUTBOX.run(region))
        group.create_task(clock.run(region))
