"""What one client may expect of its own session: to read its own writes, and never to read backwards."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from kumoniwa.drill.history import Op


@dataclass(frozen=True)
class Violation:
    guarantee: str  # read-your-writes, monotonic-reads
    read: Op
    because: Op
    """The write, or the earlier read, that this read contradicts."""


def _is_before(value: object, write: Op, writes: dict[object, Op]) -> bool:
    """Whether a value was surely overwritten by the write: its own write was over before that one began, or it is nothing at all."""
    if value == write.value:
        return False
    other = writes.get(value)
    if value is None:
        return True
    return other is not None and other.out == "ok" and other.t1 < write.t0


def sessions(ops: list[Op]) -> list[Violation]:
    """Violations by client and key, in time order. Reads of unknown values are left to the other measures."""
    writes: dict[str, dict[object, Op]] = defaultdict(dict)
    told: dict[tuple[str, str], list[Op]] = defaultdict(list)
    for op in ops:
        if op.f in ("write", "cas"):
            writes[op.key][op.value] = op
        if op.is_ok and op.f in ("write", "cas", "read"):
            told[op.client, op.key].append(op)
    found = []
    for (_, key), story in told.items():
        story.sort(key=lambda op: op.t0)
        for read in story:
            if read.f != "read":
                continue
            earlier = [op for op in story if op.t1 <= read.t0]
            own = [op for op in earlier if op.f != "read" and _is_before(read.value, op, writes[key])]
            if own:
                found.append(Violation("read-your-writes", read, own[-1]))
            seen = [
                op
                for op in earlier
                if op.f == "read" and op.value in writes[key] and _is_before(read.value, writes[key][op.value], writes[key])
            ]
            if seen:
                found.append(Violation("monotonic-reads", read, seen[-1]))
    return found
