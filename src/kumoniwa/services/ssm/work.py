"""What happens in its own time: parameters expire, or tell that they will."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.ssm import policy
from kumoniwa.services.ssm.parameter import WORK

SERVICE = "ssm.amazonaws.com"
EVERY_S = 86_400.0


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_keep_time(region))


async def _keep_time(region: Any) -> None:
    while True:
        until = region.clock.now() + EVERY_S
        for account in region.store.accounts():
            if account.isdigit():
                call = region.call("ssm", account, principals.service(SERVICE, account))
                until = min(until, policy.act(call) or until)
        await region.wait(WORK, until)
