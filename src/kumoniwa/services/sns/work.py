"""Deliveries leave."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.sns import delivery


async def run(region: Any) -> None:
    await delivery.OUTBOX.run(region)
