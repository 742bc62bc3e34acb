"""Replication lag: from the acknowledgement of a write to its arrival at a replica. The mean says nothing and is not told."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from kumoniwa.drill.history import Op
from kumoniwa.drill.measures.percentile import percentile


@dataclass(frozen=True)
class Lag:
    n: int
    missing: int
    p50_s: float | None
    p99_s: float | None
    max_s: float | None


def arrivals(writes: list[Op], applies: list[dict[str, Any]]) -> dict[str, list[tuple[Op, float | None]]]:
    """Each acknowledged write with its arrival, for every replica region but the one that took it.

    The witness is the replica's own word (``apply`` events: key, region, origin, t, written_at). With several writes to a key, an
    arrival belongs to the write under way at ``written_at``.
    """
    times = Counter(write.key for write in writes)
    by_key: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for event in applies:
        by_key[event["region"], str(event["key"])].append(event)
    origins = {event.get("origin") for event in applies}
    found: dict[str, list[tuple[Op, float | None]]] = {}
    for region in sorted({event["region"] for event in applies}):
        pairs = []
        for write in writes:
            home = write.served_by or write.entry_region
            if write.out == "ok" and home != region and (home in origins or not home):
                seen = [event for event in by_key[region, write.key] if times[write.key] == 1 or _is_of(event, write)]
                pairs.append((write, min((event["t"] for event in seen), default=None)))
        found[region] = pairs
    return found


def _is_of(event: dict[str, Any], write: Op) -> bool:
    at = event.get("written_at")
    return at is None or write.t0 <= at <= write.t1


def lag(pairs: list[tuple[Op, float | None]]) -> Lag:
    """Over the writes that arrived; those that did not are counted as missing."""
    delays = [applied - write.t1 for write, applied in pairs if applied is not None]
    return Lag(
        len(delays), sum(applied is None for _, applied in pairs), percentile(delays, 0.5), percentile(delays, 0.99), max(delays, default=None)
    )
