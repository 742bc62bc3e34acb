"""Identities are proven, or their time runs out; what was promised to topics leaves; mail that comes in meets its rules; and whoever asks
for the region's report learns that there is a mailbox."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.services.ses import event, reception, verification


async def run(region: Any) -> None:
    region.tellers["has_mailbox"] = lambda: True
    async with asyncio.TaskGroup() as group:
        group.create_task(verification.run(region))
        group.create_task(event.OUTBOX.run(region))
        group.create_task(reception.OUTBOX.run(region))
