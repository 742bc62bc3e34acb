"""What Config of another region says to ours."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.config import everywhere, feed, gathering


def _give(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    return feed.give(home, {**message, "region": origin})


_HEARD = {
    "follow": everywhere.hear_follow, "changed": everywhere.hear_changed, "recorded": everywhere.hear_recorded, "where": everywhere.hear_where,
    "give": _give, "fed": gathering.hear_fed,
}  # fmt: skip


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    return _HEARD[message["what"]](home, origin, message) or {}
