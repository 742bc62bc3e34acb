"""A region's lines to all the others: brought about on first need, each under the conditions of its link."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.principal import Principal
from kumoniwa.links.line import Conditions
from kumoniwa.links.peer import EXCHANGED_WITHIN_S, Peer, RegionUnreachable

INTRODUCED_WITHIN_S = 5.0
ECHO_PIECE_BYTES = 1 << 20


class Peers:
    """``introduce(name)`` is called to ask whoever knows all regions for a line; it comes through ``meet``, or ``unreachable`` is said.
    If neither happens, as when the other region is dark, the asker learns it by waiting."""

    def __init__(self, region: Any, introduce: Callable[[str], None]) -> None:
        self.region, self.introduce = region, introduce
        self.by_name: dict[str, Peer] = {}
        self.conditions: dict[str, Conditions] = {}
        """Of the lines by which others reach us, by the other region's name."""
        self.awaited: dict[str, asyncio.Future] = {}

    # What the region says ------------------------------------------------------------------------

    async def ask(
        self, region: str, principal: Principal, operation: str, params: dict[str, Any], once: str | None, trace: str
    ) -> dict:
        return await (await self._peer(region)).ask(principal, operation, params, once, trace)

    async def exchange(self, region: str, service: str, message: Any, within_s: float = EXCHANGED_WITHIN_S) -> Any:
        return await (await self._peer(region)).exchange(service, message, within_s)

    def used(self, key_id: str, use: LastUse) -> None:
        """Tell ``aws-global``, if it can be reached now."""
        peer = self.by_name.get(GLOBAL)
        if peer is not None:
            peer.used(key_id, use)

    async def _peer(self, name: str) -> Peer:
        peer = self.by_name.get(name)
        if peer is not None and not peer.is_lost:
            return peer
        awaited = self.awaited.get(name)
        if awaited is None:
            awaited = self.awaited[name] = asyncio.get_running_loop().create_future()
            self.introduce(name)
        try:
            async with asyncio.timeout(INTRODUCED_WITHIN_S):
                return await asyncio.shield(awaited)
        except TimeoutError:
            self.awaited.pop(name, None)
            raise RegionUnreachable(f"{name} cannot be reached.") from None

    # What we are told ------------------------------------------------------------------------------

    async def meet(self, name: str, end: socket.socket) -> Peer:
        """The line to a region, fresh."""
        peer = self.by_name[name] = await Peer.over(end, self.region, name, self.conditions.get(name, Conditions()))
        awaited = self.awaited.pop(name, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(peer)
        return peer

    def unreachable(self, name: str) -> None:
        awaited = self.awaited.pop(name, None)
        if awaited is not None and not awaited.done():
            awaited.set_exception(RegionUnreachable(f"{name} cannot be reached."))
            awaited.exception()  # nobody may be waiting any more

    def become(self, name: str, conditions: Conditions) -> None:
        """From now on, what comes from ``name`` comes under these conditions."""
        self.conditions[name] = conditions
        peer = self.by_name.get(name)
        if peer is not None:
            peer.line.become(conditions)

    def reset(self, name: str) -> None:
        """The link was broken so that both ends notice."""
        peer = self.by_name.pop(name, None)
        if peer is not None:
            peer.reset()

    # What is measured ------------------------------------------------------------------------------

    def traffic(self) -> dict[str, dict[str, int]]:
        """What has come from each region, and what is under way."""
        return {
            name: {"bytes": peer.line.passed_bytes, "messages": peer.heard_messages, "queued_bytes": peer.line.waiting_bytes}
            for name, peer in self.by_name.items()
        }

    async def measure(self, name: str, count: int, size_bytes: int) -> dict[str, Any]:
        """Round trips to a region in milliseconds, one after the other, and megabits per second of ``size_bytes`` sent there."""
        peer = await self._peer(name)
        await peer.echo()
        round_trips = []
        for _ in range(count):
            began = monotonic()
            await peer.echo()
            round_trips.append(round((monotonic() - began) * 1e3, 3))
        mbps = None
        if size_bytes:
            # The last byte's way there and the answer's way back are latency and not throughput.
            pieces = [b"\0" * min(ECHO_PIECE_BYTES, size_bytes - at) for at in range(0, size_bytes, ECHO_PIECE_BYTES)]
            began = monotonic()
            await asyncio.gather(*(peer.echo(piece) for piece in pieces))
            mbps = round(size_bytes * 8 / 1e6 / max(1e-9, monotonic() - began - min(round_trips) / 1e3), 3)
        return {"rtt_ms": round_trips, "p50_ms": sorted(round_trips)[len(round_trips) // 2], "mbps": mbps}
