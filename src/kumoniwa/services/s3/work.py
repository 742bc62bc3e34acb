"""What S3 does by itself: when a region begins, files of uploads that an earlier life cut short are swept away; then rules of
lifecycles are followed, logs of accesses delivered, inventories listed, days analysed, writes replicated and events told, for as long as it lives."""

from __future__ import annotations

import asyncio

from kumoniwa.services.s3 import (
    access_log,
    aging,
    analysis,
    inventory_list,
    notification,
    replicating,
    storage,
)
from kumoniwa.services.s3.bucket import S3_ITSELF


async def run(region) -> None:
    for call in region.calls("s3", S3_ITSELF):
        call.blobs.sweep(storage.named(call))
    async with asyncio.TaskGroup() as group:
        group.create_task(aging.run(region))
        group.create_task(access_log.run(region))
        group.create_task(access_log.BACKLOG.run(region, access_log.wait_s, access_log.carry))
        group.create_task(inventory_list.run(region))
        group.create_task(analysis.run(region))
        group.create_task(replicating.run(region))
        group.create_task(notification.OUTBOX.run(region))
