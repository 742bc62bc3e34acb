"""Files are written when they are full or their time has come."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.intake import reading
from kumoniwa.kernel.call import Call
from kumoniwa.services.firehose import delivery, source
from kumoniwa.services.firehose.stream import SERVICE, WORK, Stream

IDLE_S = 3_600.0


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_deliver(region))
        group.create_task(reading.run(region, "firehose", source.wanted, source.next_change, WORK))


async def _deliver(region: Any) -> None:
    busy: set[str] = set()
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("firehose", SERVICE):
            for stream in list(call.shelf(Stream).values()):
                at = delivery.due(call, stream)
                if at is None or stream.id in busy:
                    continue
                if at <= call.now():
                    busy.add(stream.id)
                    region.spawn(_one(call, stream, busy))
                else:
                    until = min(until, at)
        await region.wait(WORK, until)


async def _one(call: Call, stream: Stream, busy: set[str]) -> None:
    """Each stream by itself, so that a slow one holds up no other."""
    try:
        await delivery.deliver(call, stream)
    finally:
        busy.discard(stream.id)
        call.home.wake(WORK)
