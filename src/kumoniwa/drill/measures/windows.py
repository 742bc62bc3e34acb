"""Time cut into windows that are good, bad or unknown.

A window is good if enough of its requests succeed and the 99th percentile of those is fast enough. A window without
requests is unknown and never good: silence is not health.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from kumoniwa.drill.format.plan import Slo
from kumoniwa.drill.history import Op
from kumoniwa.drill.measures.percentile import percentile


@dataclass
class Window:
    """Requests by their due time, from ``begins`` (inclusive) to ``ends`` (exclusive)."""

    begins: float
    ends: float
    ops: list[Op] = field(default_factory=list)
    verdict: str = "unknown"

    @property
    def ok(self) -> int:
        return sum(op.is_ok for op in self.ops)

    @property
    def p99_s(self) -> float | None:
        return percentile((op.latency_s for op in self.ops if op.is_ok), 0.99)


def due_at(op: Op, t_fault: float | None) -> float:
    """When a request counts as due: one that was under way when the fault struck, and failed, counts from the fault."""
    if t_fault is not None and op.due < t_fault <= op.t1 and not op.is_ok:
        return t_fault
    return op.due


def is_bad(op: Op, slo: Slo) -> bool:
    """Failed, of unknown outcome, or later than the limit."""
    return not op.is_ok or op.latency_s * 1000 > slo.p99_ms


def windows(ops: list[Op], slo: Slo, begins: float, ends: float, t_fault: float | None = None) -> list[Window]:
    """All windows of ``slo.window_s`` between two moments. With a fault, one window begins exactly at it."""
    width = slo.window_s
    if t_fault is not None:
        begins = t_fault - math.floor((t_fault - begins) / width + 1e-9) * width
    count = max(0, math.ceil((ends - begins) / width - 1e-9))
    cut = [Window(begins + n * width, begins + (n + 1) * width) for n in range(count)]
    for op in ops:
        number = math.floor((due_at(op, t_fault) - begins) / width + 1e-9)
        if 0 <= number < count:
            cut[number].ops.append(op)
    for window in cut:
        if window.ops:
            p99_s = window.p99_s
            is_good = window.ok / len(window.ops) >= slo.success and p99_s is not None and p99_s * 1000 <= slo.p99_ms
            window.verdict = "good" if is_good else "bad"
    return cut
