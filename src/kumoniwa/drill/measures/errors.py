"""Which errors, where, how often; and how many calls one request causes compared with quiet times."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from kumoniwa.drill.history import Op


@dataclass(frozen=True)
class ErrorRate:
    errors: int
    n: int

    @property
    def share(self) -> float | None:
        return self.errors / self.n if self.n else None


def by_code(ops: list[Op]) -> dict[str, int]:
    """Failed and unknown requests by code, most frequent first."""
    return dict(Counter(op.code or str(op.status or "?") for op in ops if not op.is_ok).most_common())


def by_region(ops: list[Op]) -> dict[str, ErrorRate]:
    """Error rate by the region that the client reached."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for op in ops:
        counts[op.entry_region or "unknown"][0] += not op.is_ok
        counts[op.entry_region or "unknown"][1] += 1
    return {region: ErrorRate(errors, n) for region, (errors, n) in sorted(counts.items())}


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How often each operation was asked between two looks at counters that begin at nought with their process."""
    return {name: count - before.get(name, 0) if count >= before.get(name, 0) else count for name, count in after.items()}


def amplification(dependency: int, entry: int, quiet_dependency: int, quiet_entry: int) -> float | None:
    """Calls to a dependency per request at the entry, relative to the same in quiet times. 1 is no amplification."""
    if not entry or not quiet_entry or not quiet_dependency:
        return None
    return (dependency / entry) / (quiet_dependency / quiet_entry)
