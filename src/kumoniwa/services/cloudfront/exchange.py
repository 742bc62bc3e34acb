"""What edge locations ask of each other's regions: the answer of an origin that lives there."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.cloudfront import origin


async def hear(home: Any, origin_region: str, message: dict[str, Any]) -> dict[str, Any]:
    return await origin.heard(home, message)
