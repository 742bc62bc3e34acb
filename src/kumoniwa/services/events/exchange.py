"""What others say to EventBridge: another region an event for one of our buses, or what a global endpoint needs; who delivers logs asks
whether a bus is there."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.events import arrival, endpoint
from kumoniwa.services.events import bus as buses


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    if "is_there" in message:
        return {"is_there": buses.is_there(home, message["account"], message["is_there"])}
    return await (arrival.receive(home, message) if "event" in message else endpoint.hear(home, message))
