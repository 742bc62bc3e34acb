"""What happens in its own time: keys are deleted, rotate, and lose material that was lent; news leaves for other regions."""

from __future__ import annotations

import asyncio

from kumoniwa.kernel.call import Call
from kumoniwa.services.kms import bringing, life, replica, rotation
from kumoniwa.services.kms.key import Key, is_expired

EVERY_S = 86_400.0


async def run(region) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(replica.OUTBOX.run(region))
        group.create_task(_keep_time(region))


async def _keep_time(region) -> None:
    while True:
        until = region.clock.now() + EVERY_S
        for call in region.calls("kms", "kms.amazonaws.com"):
            for key in list(call.shelf(Key).values()):
                until = min(until, _next(call, key))
        await region.wait(replica.WORK, until)


def _next(call: Call, key: Key) -> float:
    """Do what is due with a key; answers when to look again."""
    now = call.now()
    if key.deletes_at:
        if key.deletes_at <= now:
            call.atomically(lambda: life.delete(call, key))
            return now + EVERY_S
        return key.deletes_at
    if rotation.is_due(call, key):
        call.atomically(lambda: rotation.rotate_by_itself(call, key))
        return now + EVERY_S
    if over := [each for each in key.held if is_expired(call, each)]:
        call.atomically(lambda: bringing.expire(call, key, *over))
        return now + EVERY_S
    return min((t for t in (key.rotates_at, *(each.expires for each in key.held)) if t and t > now), default=now + EVERY_S)
