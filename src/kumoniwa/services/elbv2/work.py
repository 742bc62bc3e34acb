"""What load balancers do in their own time: they hear at ports of their own, ask their targets how they are, and file their access logs."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.services.elbv2 import accesslog, health, port


async def run(region: Any) -> None:
    await port.run(region)
    await asyncio.gather(health.run(region), accesslog.run(region))
