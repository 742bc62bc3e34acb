"""Deliveries leave and are logged, archives are heard again."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.services.sns import application, delivery, feedback, replay


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(delivery.OUTBOX.run(region))
        group.create_task(application.OUTBOX.run(region))
        group.create_task(feedback.OUTBOX.run(region))
        group.create_task(replay.run(region))
