"""Availability twice: by requests (how many succeeded) and by time (how many known windows were good), and by year."""

from __future__ import annotations

from kumoniwa.drill.history import Op
from kumoniwa.drill.measures.windows import Window

YEAR_S = 31_536_000


def by_requests(ops: list[Op]) -> tuple[float | None, int]:
    """Share of requests that succeeded, and of how many."""
    return (sum(op.is_ok for op in ops) / len(ops) if ops else None), len(ops)


def by_time(cut: list[Window]) -> tuple[float | None, int]:
    """Share of known windows that were good, and of how many. Unknown windows are no evidence either way."""
    known = [window for window in cut if window.verdict != "unknown"]
    return (sum(window.verdict == "good" for window in known) / len(known) if known else None), len(known)


def yearly(faults: list[tuple[float, float, float]]) -> float:
    """Availability over a year from (times a year, RTO in seconds, share of users affected). The first is an assumption."""
    return 1 - sum(per_year * rto_s * affected for per_year, rto_s, affected in faults) / YEAR_S
