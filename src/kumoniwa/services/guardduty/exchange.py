"""What GuardDuty of another region says to ours."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.guardduty import everywhere
from kumoniwa.services.guardduty.detector import WORK


def _hear_happened(home: Any, origin: str, message: dict[str, Any]) -> None:
    home.wake(WORK)


_HEARD = {"follow": everywhere.hear_follow, "since": everywhere.hear_since, "happened": _hear_happened}


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    return _HEARD[message["what"]](home, origin, message) or {}
