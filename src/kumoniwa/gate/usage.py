"""When and where an access key was last used.

A region notes a key once a minute at most, off the path of the call, and tells ``aws-global``, where IAM is asked for it.
What it cannot tell, because ``aws-global`` is down, is forgotten.
"""

from __future__ import annotations

from functools import partial

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record

NOTED_EVERY_S = 60
KEYS_REMEMBERED_MAX = 65_536


class KeyUse(Record):
    """The last use that was noted; shelved by the key's id."""

    at: float
    service: str
    region: str


class Usage:
    def __init__(self, home) -> None:
        self.home = home
        self._noted: dict[str, float] = {}

    def note(self, key_id: str, service: str) -> None:
        now = self.home.clock.now()
        if now - self._noted.get(key_id, 0.0) < NOTED_EVERY_S:
            return
        if len(self._noted) >= KEYS_REMEMBERED_MAX:
            self._noted.clear()
        self._noted[key_id] = now
        name = self.home.name
        # AWS says of its global services that they are in us-east-1.
        use = KeyUse(at=float(int(now)), service=service, region="us-east-1" if name == GLOBAL else name)
        if name == GLOBAL:
            self.keep(key_id, use)
        elif self.home.peers is not None:
            self.home.peers.used(key_id, use)

    def keep(self, key_id: str, use: KeyUse) -> None:
        """In ``aws-global``: of two uses the later one counts. Outside the call, which may yet be undone."""
        self.home.store.journal.soon(partial(self._keep, key_id, use))

    def _keep(self, key_id: str, use: KeyUse) -> None:
        shelf = self.home.store.shelf(SHARED, KeyUse)
        if key_id not in shelf or shelf[key_id].at <= use.at:
            shelf[key_id] = use
