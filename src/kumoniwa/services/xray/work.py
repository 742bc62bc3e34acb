"""Retention: traces are kept for thirty days, and an hour longer at the most."""

from __future__ import annotations

from kumoniwa.kernel import principal as principals
from kumoniwa.services.xray import segment

RETENTION = ("xray", "retention")
EVERY_S = 3600.0


async def run(region) -> None:
    while True:
        for account in region.store.accounts():
            if account.isdigit():
                segment.expire(region.call("xray", account, principals.service("xray.amazonaws.com", account)))
        await region.wait(RETENTION, region.clock.now() + EVERY_S)
