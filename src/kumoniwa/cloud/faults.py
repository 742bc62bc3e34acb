"""Faults that somebody asked for: begun, confirmed, held by a lease, healed, and seen to be healed.

A fault is confirmed when its effect is there: the process is gone, the region says that it suffers. Whoever injects a fault with a
lease must renew it; when nobody does, because a drill's runner died, it is healed.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from typing import TYPE_CHECKING, Any

from kumoniwa.cloud import catalogue
from kumoniwa.cloud.links import Overlay
from kumoniwa.gate.address import EDGE
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.fault import Fault, FaultRefused
from kumoniwa.store.torn import tear

if TYPE_CHECKING:
    from kumoniwa.cloud.fleet import Fleet, Member

FLAP_DUTY_PERCENT = 50


class Injected:
    """One fault of this cloud's life."""

    def __init__(self, number: int, name: str, kind: catalogue.Kind, target: dict[str, Any], params: dict[str, Any]) -> None:
        self.id, self.name, self.kind, self.target, self.params = f"fault-{number}", name, kind, target, params
        self.state = "active"
        self.started_at = monotonic()
        self.confirmed_at: float | None = None
        self.ended_at: float | None = None
        self.ends_at: float | None = None
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.flapping: asyncio.Task | None = None

    def told(self) -> dict[str, Any]:
        return {
            "id": self.id, "fault": self.name, "target": self.target, "params": self.params, "state": self.state,
            "started_at": self.started_at, "confirmed_at": self.confirmed_at, "ends_at": self.ends_at, "ended_at": self.ended_at,
        }  # fmt: skip


class FaultBook:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.all: dict[str, Injected] = {}
        self.numbers = itertools.count(1)
        self.dice = random.Random()

    # What one may ask ------------------------------------------------------------------------------

    async def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Begin a fault and see that it acts. Raises FaultRefused."""
        name, kind, target, params = catalogue.read(asked)
        duration_s, lease_s = _seconds(asked, "duration"), _seconds(asked, "lease")
        fault = Injected(next(self.numbers), name, kind, target, params)
        for region in self._named(target):
            self.fleet.member(region)  # to refuse a region that does not exist
        self.all[fault.id] = fault
        try:
            await self._begin(fault)
        except BaseException:
            del self.all[fault.id]
            raise
        fault.confirmed_at = monotonic()
        if duration_s is not None:
            fault.ends_at = fault.confirmed_at + duration_s
            self._expect(fault, "duration", duration_s)
        if lease_s is not None:
            self._expect(fault, "lease", lease_s)
        if name in ("region.restart", "disk.torn-write"):
            self._note_end(fault)
        self.fleet.events.add("fault", what="confirmed", **fault.told())
        return fault.told()

    def renew(self, id_: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Put off the end of a lease. Raises KeyError, FaultRefused."""
        fault, lease_s = self.all[id_], _seconds(asked, "lease")
        if lease_s is None:
            raise FaultRefused('Renewing takes {"lease": "30s"}.')
        if fault.state == "active":
            self._expect(fault, "lease", lease_s)
        return fault.told()

    async def heal(self, id_: str | None = None) -> dict[str, list[str]]:
        """End one fault, or all; answers which are healed, and which could not be seen to be."""
        ids = [id_] if id_ is not None else [fault.id for fault in self.all.values() if fault.state == "active"]
        healed, left = [], []
        for each in ids:
            (healed if await self._heal(self.all[each]) else left).append(each)
        return {"healed": healed, "left": left}

    def listed(self) -> list[dict[str, Any]]:
        return [fault.told() for fault in self.all.values()]

    def overview(self, region: str) -> list[Fault]:
        """What a region must be told of the faults that concern it."""
        return [
            Fault(id=fault.id, kind=fault.name, target=fault.target, params=fault.params)
            for fault in self.all.values()
            if fault.state == "active" and self._concerns(fault, region)
        ]

    # Beginning -------------------------------------------------------------------------------------

    async def _begin(self, fault: Injected) -> None:
        if fault.kind.where in ("region", "edge"):
            await self._tell(fault)
        elif fault.kind.where == "link":
            await self._lay(fault)
        else:
            await asyncio.gather(*(self._break(fault, self.fleet.member(name)) for name in self._named(fault.target)))

    async def _break(self, fault: Injected, member: Member) -> None:
        """Do to a process what the fault says, and wait until it is done."""
        if fault.name == "region.pause":
            self.fleet.pause(member.name)
            return
        self.fleet.kill(member.name, fault.params.get("loss", "blackhole"))
        await self.fleet.dead(member)
        if fault.params.get("disk") == "lost":
            self.fleet.lose_disk(member, fault.id)
        if fault.name == "disk.torn-write":
            folder = self.fleet.folder_of(member)
            at = fault.params.get("at")
            torn = [tear(os.path.join(folder, file), self.dice, at) for file in sorted(os.listdir(folder)) if file.endswith(".db-wal")]
            if not any(torn):
                raise FaultRefused(f"{member.name} has no log on its disk that could be torn.")
        if fault.name in ("region.restart", "disk.torn-write"):
            await asyncio.sleep(fault.params.get("delay", 0.0))
            await self.fleet.restart(member.name)

    async def _lay(self, fault: Injected) -> None:
        if fault.name == "link.flap":
            fault.flapping = asyncio.get_running_loop().create_task(self._flap(fault))
        else:
            self.fleet.links.overlays += overlays(fault)
        await self.fleet.relink()

    async def _flap(self, fault: Injected) -> None:
        period_s = fault.params["period"]
        cut_s = period_s * fault.params.get("duty", FLAP_DUTY_PERCENT) / 100
        while True:
            self.fleet.links.overlays += overlays(fault)
            await self.fleet.relink()
            await asyncio.sleep(cut_s)
            self._lift(fault)
            await self.fleet.relink()
            await asyncio.sleep(period_s - cut_s)

    def _lift(self, fault: Injected) -> None:
        links = self.fleet.links
        links.overlays = [overlay for overlay in links.overlays if overlay.fault != fault.id]

    async def _tell(self, fault: Injected) -> bool:
        """Let every region that a fault concerns know what it now suffers; answers whether all have said so."""
        if fault.kind.where == "edge" and fault.state == "active":
            self.fleet.needed(EDGE)
        members = [m for m in self.fleet.members.values() if m.state == "running" and self._concerns(fault, m.name)]
        return all(await asyncio.gather(*(self.fleet.tell_faults(member) for member in members)))

    def _concerns(self, fault: Injected, name: str) -> bool:
        if fault.kind.where == "edge":
            return name == EDGE
        return fault.kind.where == "region" and ("region" not in fault.target or name in self._named(fault.target))

    def _named(self, target: dict[str, Any]) -> list[str]:
        return catalogue.words(target["region"]) if "region" in target else []

    # Ending ----------------------------------------------------------------------------------------

    def _expect(self, fault: Injected, why: str, after_s: float) -> None:
        if why in fault.timers:
            fault.timers[why].cancel()
        loop = asyncio.get_running_loop()
        fault.timers[why] = loop.call_later(after_s, lambda: self.fleet.spawn(self._heal(fault)))

    async def _heal(self, fault: Injected) -> bool:
        if fault.state != "active":
            return True
        self._note_end(fault)
        if fault.flapping is not None:
            fault.flapping.cancel()
        if fault.kind.where in ("region", "edge"):
            is_healed = await self._tell(fault)
        elif fault.kind.where == "link":
            self._lift(fault)
            is_healed = await self.fleet.relink()
        else:
            is_healed = all(await asyncio.gather(*(self._mend(fault, self.fleet.member(name)) for name in self._named(fault.target))))
        self.fleet.events.add("fault", what="healed" if is_healed else "not seen to be healed", **fault.told())
        return is_healed

    async def _mend(self, fault: Injected, member: Member) -> bool:
        """Bring a process back, and have it answer."""
        if fault.name == "region.pause":
            self.fleet.resume(member.name)
        elif not member.is_up:
            await self.fleet.restart(member.name)
        return await self.fleet.ask(member, "report") is not None

    def _note_end(self, fault: Injected) -> None:
        fault.state, fault.ended_at = "healed", monotonic()
        for timer in fault.timers.values():
            timer.cancel()
        fault.timers.clear()


def overlays(fault: Injected) -> list[Overlay]:
    """What a fault does to lines."""
    params, id_ = fault.params, fault.id
    if fault.name == "region.isolate":
        names = tuple(catalogue.words(fault.target["region"]))
        spared = tuple({"edge": EDGE}.get(name, name) for name in params.get("except", ()))
        return [Overlay(id_, names, ("*",), spared, is_cut=True), Overlay(id_, ("*",), names, spared, is_cut=True)]
    ends = tuple(catalogue.words(fault.target["from"])), tuple(catalogue.words(fault.target["to"]))
    changes = {
        "link.cut": {"is_cut": True, "is_reset": params.get("mode") == "reset"},
        "link.flap": {"is_cut": True},
        "link.delay": {"rtt_add_ms": params.get("rtt_add", 0.0), "jitter_ms": params.get("jitter", 0.0)},
        "link.throttle": {"mbps": params.get("mbps", 0.0)},
        "link.loss": {"loss_percent": params.get("percent", 0.0)},
    }[fault.name]
    there = Overlay(id_, ends[0], ends[1], **changes)
    return [there] if params.get("direction") == "one" else [there, Overlay(id_, ends[1], ends[0], **changes)]


def _seconds(asked: dict[str, Any], name: str) -> float | None:
    if asked.get(name) is None:
        return None
    try:
        return catalogue.seconds(asked[name])
    except ValueError as error:
        raise FaultRefused(f"{name} is {asked[name]!r} and must be {error}.") from None
