"""Alarms are looked at after each minute, actions are done at their times, and capacity is changed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.application_autoscaling import activity, change, scaling, schedule
from kumoniwa.services.application_autoscaling.target import Target

SERVICE = "application-autoscaling.amazonaws.com"
MINUTE_S, AFTER_S = 60, 2.0
"""CloudWatch evaluates alarms at whole minutes. One that stays in ALARM acts again in each."""
IDLE_S = 3_600.0


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(change.OUTBOX.run(region))
        group.create_task(_schedule(region))
        group.create_task(_watch(region))


async def _schedule(region: Any) -> None:
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("application-autoscaling", SERVICE):
            until = min(until, await schedule.fire_all(call) or until)
        await region.wait(schedule.WAITING, until)


async def _watch(region: Any) -> None:
    while True:
        now = region.clock.now()
        await region.wait(("application-autoscaling", "watch"), ((now - AFTER_S) // MINUTE_S + 1) * MINUTE_S + AFTER_S)
        for call in region.calls("application-autoscaling", SERVICE):
            for key in list(call.shelf(Target)):
                try:
                    await scaling.look(call, key)
                except AwsError as error:
                    # The resource is gone, or somebody broke a service that is asked; the next minute is another chance.
                    region.note("unscaled", target=key, code=error.code)
            call.atomically(partial(activity.forget_old, call))
