"""What happens in its own time: parameters expire, or tell that they will; windows open; automations and commands go on, and are forgotten."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.services.ssm import command_notice, command_progress, policy, running, window_run, window_running
from kumoniwa.services.ssm.execution import SERVICE, forget_old
from kumoniwa.services.ssm.parameter import WORK

EVERY_S = 86_400.0


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_keep_time(region))
        group.create_task(running.run(region))
        group.create_task(window_running.run(region))
        group.create_task(command_progress.run(region))
        group.create_task(command_notice.OUTBOX.run(region))


async def _keep_time(region: Any) -> None:
    while True:
        until = region.clock.now() + EVERY_S
        for call in region.calls("ssm", SERVICE):
            until = min(until, policy.act(call) or until)
            call.atomically(partial(forget_old, call))
            call.atomically(partial(window_run.forget_old, call))
            call.atomically(partial(command_progress.forget_old, call))
        await region.wait(WORK, until)
