"""What CloudTrail of another region says to ours."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.cloudtrail import everywhere, trail


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    if message["what"] == "happened":
        await everywhere.hear_happened(home, message)
        return {}
    return _HEARD[message["what"]](home, message) or {}


def _wake(home: Any, message: dict[str, Any]) -> None:
    """To be asked is enough: the service's work runs here from now on."""


_HEARD = {"keep": trail.hear_keep, "drop": trail.hear_drop, "since": everywhere.hear_since, "wake": _wake}
