"""Faults in a drill's hand: begun with a lease, renewed while the drill lives, healed, and seen to be healed.

If the drill dies in the middle, nobody renews, and the cloud heals itself when the lease runs out.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.drill.admin import Admin, NobodyThere
from kumoniwa.drill.format.fault_names import CLIENT_SIDE
from kumoniwa.drill.format.plan import Step
from kumoniwa.drill.format.quantity import duration_text
from kumoniwa.drill.history import History

LEASE_S = 10.0
HEALED_WITHIN_S = 20.0
LOOK_S = 0.2


class NotHealed(Exception):
    """Something we broke is still broken: the harness failed, and no verdict may be given."""


class FaultHand:
    def __init__(self, admin: Admin, history: History, now: Any) -> None:
        self.admin, self.history, self.now = admin, history, now
        self.held: dict[str, Step] = {}
        """Faults of ours that are not healed, by their id at the door."""
        self.begun: set[str] = set()
        self._renewing: asyncio.Task | None = None

    async def begin(self, step: Step, asked: dict[str, Any] | None = None) -> dict[str, Any]:
        """Start a fault; answers what the door says of it, ``confirmed_at`` included. Raises the admin door's refusal."""
        facts = {"fault": step.fault, "target": step.target, "params": step.params}
        self.history.note("fault", self.now(), phase="start", **facts)
        if step.fault in CLIENT_SIDE:
            # The load was laid down with it: nothing is left to do but to say so.
            self.history.note("fault", self.now(), phase="confirmed", id=step.fault, **facts)
            return {"id": step.fault, "fault": step.fault, "confirmed_at": self.now(), "state": "active"}
        said = await self.admin.inject({**facts.pop("params"), **facts, **(asked or {}), "lease": duration_text(LEASE_S)})
        self.held[said["id"]] = step
        self.begun.add(said["id"])
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
        confirmed_at = said.get("confirmed_at")
        self.history.note(
            "fault", confirmed_at if confirmed_at is not None else self.now(), phase="confirmed", id=said["id"], **facts, params=step.params
        )
        return said

    def over(self, step: Step) -> None:
        """A fault of the client side ends by itself, as the load was laid down."""
        self.history.note("fault", self.now(), phase="end", id=step.fault, fault=step.fault, target=step.target, params=step.params)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            for fault_id in list(self.held):
                if not await self.admin.renew(fault_id, duration_text(LEASE_S)):
                    # Healed meanwhile, by its own duration or by somebody's hand: it is no longer ours to hold.
                    self._ended(fault_id)

    def _ended(self, fault_id: str) -> None:
        step = self.held.pop(fault_id, None)
        if step is not None:
            self.history.note("fault", self.now(), phase="end", id=fault_id, fault=step.fault, target=step.target, params=step.params)

    async def heal(self, which: str = "all") -> None:
        """Heal all we hold, or those of a kind or id. Raises NotHealed if the door could not, and what ended the renewing if it ended."""
        for fault_id in [i for i, step in self.held.items() if which in ("all", i, step.fault)]:
            said = await self.admin.heal(fault_id)
            if fault_id in said.get("left", ()):
                raise NotHealed(f"{self.held[fault_id].fault} ({fault_id}) could not be healed")
            self._ended(fault_id)
        if self._renewing is not None and self._renewing.done():
            self._renewing.result()

    async def verify(self) -> None:
        """See with our own eyes that nothing is broken any more. Raises NotHealed."""
        deadline, troubles = self.now() + HEALED_WITHIN_S, ["nothing was looked at"]
        while troubles and self.now() < deadline:
            troubles = await self._troubles()
            if troubles:
                await asyncio.sleep(LOOK_S)
        if troubles:
            raise NotHealed("; ".join(troubles))
        self.history.note("verified", self.now())

    async def _troubles(self) -> list[str]:
        try:
            faults, links, health = await self.admin.faults(), await self.admin.links(), await self.admin.health()
        except NobodyThere as error:
            return [str(error)]
        found = [f"{one['fault']} ({one['id']}) is {one['state']}" for one in faults if one["id"] in self.begun and one["state"] != "healed"]
        found += [f"the link {one['from']} -> {one['to']} is {one['state']}" for one in links if one["state"] != "up"]
        found += [f"{name} is {region['state']}" for name, region in health["regions"].items() if region["state"] in ("killed", "paused")]
        return found

    def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
