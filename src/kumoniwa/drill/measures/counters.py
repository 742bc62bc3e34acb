"""Effects that must add up: a counter holds at least what was acknowledged and at most what may have happened; each effect once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kumoniwa.drill.history import Op


@dataclass(frozen=True)
class Sum:
    at_least: float
    at_most: float
    found: float

    @property
    def holds(self) -> bool:
        return self.at_least <= self.found <= self.at_most


def counter_sum(ops: list[Op], found: float, each: float = 1) -> Sum:
    """Acknowledged increments must be in, unknown ones may be, refused ones must not."""
    outs = Counter(op.out for op in ops if op.f == "write")
    return Sum(outs["ok"] * each, (outs["ok"] + outs["info"]) * each, found)


def effects(ops: list[Op], found: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """Of effects by the unique value that caused each: (missing, duplicated, phantom)."""
    times = Counter(found)
    caused = {op.value: op.out for op in ops if op.f in ("write", "send")}
    missing = [value for value, out in caused.items() if out == "ok" and not times[value]]
    duplicated = [value for value, n in times.items() if n > 1]
    phantom = [value for value in times if caused.get(value) == "fail"]
    return missing, duplicated, phantom
