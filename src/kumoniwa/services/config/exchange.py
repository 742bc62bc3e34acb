"""What Config of another region says to ours."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.config import everywhere

_HEARD = {"follow": everywhere.hear_follow, "changed": everywhere.hear_changed}


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    _HEARD[message["what"]](home, origin, message)
    return {}
