"""Retention, and the search for anomalies: traces are kept for thirty days, and an hour longer at the most."""

from __future__ import annotations

import asyncio

from kumoniwa.services.xray import anomaly, insight, segment
from kumoniwa.services.xray.group import INSIGHTS

RETENTION = ("xray", "retention")
EVERY_S = 3600.0
SERVICE = "xray.amazonaws.com"


async def run(region) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_expire(region))
        group.create_task(_look(region))


async def _expire(region) -> None:
    while True:
        for call in region.calls("xray", SERVICE):
            segment.expire(call)
            insight.expire(call)
        await region.wait(RETENTION, region.clock.now() + EVERY_S)


async def _look(region) -> None:
    while True:
        due = [await anomaly.look(call) for call in region.calls("xray", SERVICE)]
        await region.wait(INSIGHTS, min((at for at in due if at is not None), default=region.clock.now() + EVERY_S))
