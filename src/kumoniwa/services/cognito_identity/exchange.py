"""The key of a region's identity pools, for STS here and in other regions: ``{"keys": pool id}``."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.cognito_identity import login
from kumoniwa.services.cognito_identity.pool import places


async def hear(home: Any, origin: str, message: dict[str, Any]) -> list[dict[str, str]] | None:
    return login.published(home) if message["keys"] in places(home) else None
