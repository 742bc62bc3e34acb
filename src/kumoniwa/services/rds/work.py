"""What happens in its own time: what was asked of instances is done, and what they do is measured."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.services.rds import figures, proxy_running, running


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(running.run(region))
        tasks.create_task(proxy_running.run(region))
        tasks.create_task(figures.run(region))
