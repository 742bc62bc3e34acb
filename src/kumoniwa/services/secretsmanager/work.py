"""What happens in its own time: secrets are deleted and rotate, and replicas are told."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.secretsmanager import replica, rotation
from kumoniwa.services.secretsmanager.secret import WORK, Secret, drop

EVERY_S = 86_400.0


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(replica.OUTBOX.run(region))
        group.create_task(rotation.OUTBOX.run(region))
        group.create_task(_keep_time(region))


async def _keep_time(region: Any) -> None:
    while True:
        until = region.clock.now() + EVERY_S
        for call in region.calls("secretsmanager", rotation.SERVICE):
            until = min(until, _delete_due(call) or until, rotation.open_windows(call) or until)
        await region.wait(WORK, until)


def _delete_due(call: Call) -> float | None:
    """Delete the secrets whose days are over; answers when those of the next are."""
    for secret in [each for each in call.shelf(Secret).values() if each.deletes_at and each.deletes_at <= call.now()]:
        call.atomically(partial(drop, call, secret))
    return min((each.deletes_at for each in call.shelf(Secret).values() if each.deletes_at), default=None)
