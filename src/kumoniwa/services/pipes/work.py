"""Pipes change their state, their sources are read, and their logs are written."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.intake import reading
from kumoniwa.services.pipes import customer, life, log


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(life.run(region))
        group.create_task(log.OUTBOX.run(region))
        group.create_task(log.BACKLOG.run(region, log.wait_s, log.file))
        group.create_task(reading.run(region, "pipes", customer.wanted, customer.next_change, life.CHANGED))
