"""Identities are proven, or their time runs out; and whoever asks for the region's report learns that there is a mailbox."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.ses import verification


async def run(region: Any) -> None:
    region.tellers["has_mailbox"] = lambda: True
    await verification.run(region)
