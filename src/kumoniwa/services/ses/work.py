"""Identities are proven, or their time runs out."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.ses import verification


async def run(region: Any) -> None:
    await verification.run(region)
