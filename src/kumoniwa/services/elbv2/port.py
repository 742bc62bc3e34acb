"""Ports of their own, at which listeners hear that are not those of the public door."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere


async def opened(call: Call, listener: Any) -> None:
    if not listener.is_public:
        raise NotImplementedHere(f"{listener.protocol} listeners of load balancers at port {listener.port}")


async def closed(call: Call, listener: Any) -> None:
    """Nobody is heard there any more."""
