"""RPO: which acknowledged writes are gone. A list, never an estimate.

A write survived if a strong read on the serving side finds its value, or the value of a write that began after it or
overlapped it. What a client was never told succeeded cannot be lost; what it was told failed must not appear.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from kumoniwa.drill.history import Op


@dataclass(frozen=True)
class Loss:
    lost: list[Op] = field(default_factory=list)
    """Acknowledged by the time of the fault, and gone."""
    lost_after_fault: list[Op] = field(default_factory=list)
    """Acknowledged after the fault, and gone: what a split brain costs."""
    phantom: list[Op] = field(default_factory=list)
    """Refused, and there all the same."""
    unread: list[Op] = field(default_factory=list)
    """Acknowledged, and nobody could look whether it is there."""
    checked: int = 0
    rpo_s: float = 0.0

    @property
    def count(self) -> int:
        return len(self.lost)


def loss(ops: list[Op], found: list[Op], t_fault: float) -> Loss:
    """What became of the writes in ``ops``, by the strong reads in ``found`` (one key may be read on several replicas)."""
    writes: dict[str, list[Op]] = defaultdict(list)
    for op in ops:
        if op.f in ("write", "cas"):
            writes[op.key].append(op)
    read: dict[str, list[Op]] = defaultdict(list)
    for op in found:
        read[op.key].append(op)
    lost, after, phantom, unread, checked = [], [], [], [], 0
    for key, about in writes.items():
        answers = [op.value for op in read[key] if op.is_ok]
        for write in about:
            if write.out == "ok":
                if not answers:
                    unread.append(write)
                    continue
                checked += 1
                if not all(_survives(write, value, about) for value in answers):
                    (lost if write.t1 <= t_fault else after).append(write)
            elif write.out == "fail" and any(value == write.value for value in answers):
                phantom.append(write)
    rpo_s = t_fault - min(write.t1 for write in lost) if lost else 0.0
    return Loss(lost, after, phantom, unread, checked, rpo_s)


def _survives(write: Op, value: Any, about: list[Op]) -> bool:
    if value == write.value:
        return True
    # An unknown outcome may take effect at any later time, so it never lies wholly before another write.
    return any(
        other.value == value and other is not write and (other.out == "info" or (other.out == "ok" and other.t1 >= write.t0)) for other in about
    )
