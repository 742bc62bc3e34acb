"""When and where an access key, a role, or a service or an action by a user or role was last used.

A region notes each once a minute at most and tells ``aws-global``, where IAM is asked for it; to find that something is noted already costs a
look-up in a set, which is emptied a minute after the first came into it, and when the clock is moved.
What it cannot tell, because ``aws-global`` is down, is forgotten.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record

NOTED_EVERY_S = 60
REMEMBERED_MAX = 65_536


class LastUse(Record):
    """The last use that was noted; shelved by the id of the key or the role, and for a user or role by ``id namespace``, ``id action`` and
    ``id @region``. What was refused counts, too."""

    at: float
    service: str
    region: str


class Usage:
    def __init__(self, home) -> None:
        self.home = home
        self.noted: set[Any] = set()
        """What was noted in this minute: whatever says it, an id or a decision."""

    def is_new(self, said: Any) -> bool:
        """Whether something is to be noted now; it is not again for a minute."""
        if said in self.noted:
            return False
        if not self.noted:
            asyncio.get_running_loop().call_later(NOTED_EVERY_S, self.noted.clear)
        elif len(self.noted) >= REMEMBERED_MAX:
            self.noted.clear()
        self.noted.add(said)
        return True

    def note(self, held_id: str, service: str) -> None:
        if not self.is_new(held_id):
            return
        name = self.home.name
        # AWS says of its global services that they are in us-east-1.
        use = LastUse(at=float(int(self.home.clock.now())), service=service, region="us-east-1" if name == GLOBAL else name)
        if name == GLOBAL:
            self.keep(held_id, use)
        elif self.home.peers is not None:
            self.home.peers.used(held_id, use)

    def keep(self, held_id: str, use: LastUse) -> None:
        """In ``aws-global``: of two uses the later one counts. Outside the call, which may yet be undone."""
        self.home.store.journal.soon(partial(self._keep, held_id, use))

    def _keep(self, held_id: str, use: LastUse) -> None:
        shelf = self.home.store.shelf(SHARED, LastUse)
        id_, space, _ = held_id.partition(" ")
        # Who used an action used its service, and was in the region.
        for name in {held_id, f"{id_} {use.service}", f"{id_} @{use.region}"} if space else {held_id}:
            if name not in shelf or shelf[name].at <= use.at:
                shelf[name] = use
