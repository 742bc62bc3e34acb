"""What EventBridge of another region says to ours: an event for one of our buses, or what a global endpoint needs."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.events import arrival, endpoint


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, str]:
    return await (arrival.receive(home, message) if "event" in message else endpoint.hear(home, message))
