"""What a proxy counts for CloudWatch, by AWS's names: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html"""

from __future__ import annotations

from collections import Counter
from typing import Any


class Figures:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: dict[str, Counter[int]] = {}

    def count(self, name: str) -> None:
        self.counts[name] += 1

    def time(self, name: str, seconds: float) -> None:
        """In microseconds, of which two figures are kept: many are as long as others then."""
        micros = max(1, int(seconds * 1e6))
        step = 10 ** max(0, len(str(micros)) - 2)
        self.times.setdefault(name, Counter())[micros // step * step] += 1

    def taken(self) -> dict[str, Any]:
        """What was counted since the last time."""
        told = {"counts": dict(self.counts), "times": {name: list(each.items()) for name, each in self.times.items()}}
        self.counts.clear()
        self.times.clear()
        return told
