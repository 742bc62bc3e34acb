"""Retention: traces are kept for thirty days, and an hour longer at the most."""

from __future__ import annotations

from kumoniwa.services.xray import segment

RETENTION = ("xray", "retention")
EVERY_S = 3600.0


async def run(region) -> None:
    while True:
        for call in region.calls("xray", "xray.amazonaws.com"):
            segment.expire(call)
        await region.wait(RETENTION, region.clock.now() + EVERY_S)
