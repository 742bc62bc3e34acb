"""What happens in its own time: executions go on, sources are looked at."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.services.codepipeline import running, source


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(running.run(region))
        group.create_task(source.run(region))
