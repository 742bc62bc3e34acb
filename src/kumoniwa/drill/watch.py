"""The last seconds of a running load: is it well enough to begin, is it so ill that one must stop?"""

from __future__ import annotations

from collections import deque

from kumoniwa.drill.history import Op
from kumoniwa.drill.measures.percentile import percentile

KEPT_S = 120.0


class Watch:
    """Told of each operation as it ends."""

    def __init__(self) -> None:
        self.latest: deque[Op] = deque()
        self.ok = self.all = 0

    def saw(self, op: Op) -> None:
        self.latest.append(op)
        self.all += 1
        self.ok += op.is_ok
        while self.latest and self.latest[0].t1 < op.t1 - KEPT_S:
            self.latest.popleft()

    def last(self, seconds: float, now: float, journey: str | None = None) -> list[Op]:
        """What ended in the last seconds."""
        return [op for op in self.latest if op.t1 >= now - seconds and journey in (None, op.journey)]

    def success(self, seconds: float, now: float, journey: str | None = None) -> float | None:
        """Share that succeeded; None if nothing was asked, which is not the same as well."""
        ops = self.last(seconds, now, journey)
        return sum(op.is_ok for op in ops) / len(ops) if ops else None

    def line(self, seconds: float, now: float) -> str:
        """One line for people."""
        ops = self.last(seconds, now)
        if not ops:
            return "no requests"
        p99_s = percentile((op.latency_s for op in ops if op.is_ok), 0.99)
        said = f"{len(ops) / seconds:5.1f}/s  ok {100 * sum(op.is_ok for op in ops) / len(ops):5.1f} %"
        return said + (f"  p99 {p99_s * 1000:.0f} ms" if p99_s is not None else "")
