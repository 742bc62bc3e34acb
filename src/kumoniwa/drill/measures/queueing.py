"""What a queue did with its messages: lost, unexpected, resurrected, duplicated, recovered; and FIFO order."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations

from kumoniwa.drill.history import Op


@dataclass(frozen=True)
class Queueing:
    lost: list[str] = field(default_factory=list)
    """Acknowledged and never received, though the queue was emptied."""
    unexpected: list[str] = field(default_factory=list)
    """Received, and nobody ever sent it."""
    resurrected: list[str] = field(default_factory=list)
    """Received, though its send was refused."""
    duplicated: list[str] = field(default_factory=list)
    """Received more than once."""
    recovered: list[str] = field(default_factory=list)
    """Received, and its sender never learnt whether it was sent."""


def queueing(ops: list[Op]) -> Queueing:
    """From sends and receives by value. Only a queue that was drained can tell what is lost."""
    sent = {op.value: op.out for op in ops if op.f == "send"}
    received = Counter(op.value for op in ops if op.f == "recv" and op.is_ok)
    return Queueing(
        lost=[value for value, out in sent.items() if out == "ok" and value not in received],
        unexpected=[value for value in received if value not in sent],
        resurrected=[value for value in received if sent.get(value) == "fail"],
        duplicated=[value for value, times in received.items() if times > 1],
        recovered=[value for value in received if sent.get(value) == "info"],
    )


def out_of_order(ops: list[Op]) -> list[tuple[str, str]]:
    """Pairs (earlier, later) of one group whose first deliveries came the wrong way round.

    Only sends that did not overlap have an order: the earlier was acknowledged before the later began. ``key`` is the group.
    """
    first: dict[str, float] = {}
    for op in sorted((op for op in ops if op.f == "recv" and op.is_ok), key=lambda op: op.t1):
        first.setdefault(op.value, op.ver if op.ver is not None else op.t1)
    groups: dict[str, list[Op]] = defaultdict(list)
    for op in ops:
        if op.f == "send" and op.is_ok and op.value in first:
            groups[op.key].append(op)
    wrong = []
    for sends in groups.values():
        wrong += [
            (earlier.value, later.value)
            for earlier, later in combinations(sorted(sends, key=lambda op: op.t0), 2)
            if earlier.t1 <= later.t0 and first[later.value] < first[earlier.value]
        ]
    return wrong
