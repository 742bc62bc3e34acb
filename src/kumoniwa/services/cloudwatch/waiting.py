"""What was put and not looked at yet: one row for each call, folded into the points of its metrics a minute later or when somebody asks."""

from __future__ import annotations

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

INBOX = Table("metric_inbox", "create table if not exists metric_inbox (id integer primary key, body blob)")
FOLDED_AT_ENTRIES = 2_000
"""So many entries are not left to wait for the minute to be over: who asks then should not have to fold them all."""
ARRIVING = ("cloudwatch", "arriving")
"""Something waits again where nothing did."""
FOLDING = ("cloudwatch", "folding")


class Awaited(msgspec.Struct, array_like=True):
    """What one call put: its namespace, and for each datum a name, dimensions, a unit's number and a time; then one value,
    or two lists of values and counts, or four statistics."""

    namespace: str
    entries: list
    put: float = 0.0
    """When, in epoch seconds."""


decode = msgspec.msgpack.Decoder(Awaited).decode


class Inbox:
    """How much of an account waits, in this life of the region; one that wakes up cannot know what an earlier life left."""

    def __init__(self) -> None:
        self.arrivals, self.folded, self.entries = 1, 0, 0

    @property
    def is_empty(self) -> bool:
        return self.folded == self.arrivals


def arrived(call: Call, entries: int) -> None:
    """To have counted a call that is undone later costs one look in vain; not to have counted one would hide it."""
    inbox = call.memory(Inbox)
    if not inbox.entries:
        call.home.wake(ARRIVING)
    inbox.arrivals += 1
    inbox.entries += entries
    if inbox.entries >= FOLDED_AT_ENTRIES:
        call.home.wake(FOLDING)
