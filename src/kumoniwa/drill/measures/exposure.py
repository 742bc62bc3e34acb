"""Exposure: what a fault would have cost at a random moment, measured without any fault.

Staleness of a replica at time t is the age of the oldest acknowledged write that it has not applied yet. It rises by a
second each second and falls when writes arrive; its 99th percentile over time is the RPO to be expected.
"""

from __future__ import annotations

import heapq


def staleness(pairs: list[tuple[float, float | None]], t: float) -> float:
    """At one moment, from (acknowledged, applied or None) of each write."""
    waiting = [ack for ack, applied in pairs if ack <= t and (applied is None or t < applied)]
    return t - min(waiting) if waiting else 0.0


def slopes(pairs: list[tuple[float, float | None]], begins: float, ends: float) -> list[tuple[float, float, float]]:
    """The whole curve as pieces (from, to, oldest waiting write); a piece without one is level at zero: oldest = its end."""
    moments = sorted({begins, ends, *(t for pair in pairs for t in pair if t is not None and begins < t < ends)})
    coming = sorted((ack, applied) for ack, applied in pairs if applied is None or applied > ack)
    waiting: list[tuple[float, float]] = []
    found, place = [], 0
    for since, until in zip(moments, moments[1:]):
        while place < len(coming) and coming[place][0] <= since:
            ack, applied = coming[place]
            heapq.heappush(waiting, (ack, float("inf") if applied is None else applied))
            place += 1
        while waiting and waiting[0][1] <= since:
            heapq.heappop(waiting)
        found.append((since, until, waiting[0][0] if waiting else until))
    return found


def exposure(pairs: list[tuple[float, float | None]], begins: float, ends: float, q: float = 0.99) -> float | None:
    """The ``q`` percentile of staleness over time: the least age that is not exceeded for that share of the time."""
    pieces = [(max(0.0, since - oldest), max(0.0, until - oldest), until - since) for since, until, oldest in slopes(pairs, begins, ends)]
    total = sum(length for _, _, length in pieces)
    if not total:
        return None

    def spent_within(limit: float) -> float:
        spent = 0.0
        for low, high, length in pieces:
            if high <= limit:
                spent += length
            elif low < limit:
                spent += limit - low  # the curve rises one second per second
        return spent

    wanted = q * total
    levels = sorted({level for low, high, _ in pieces for level in (low, high)})
    below = 0.0
    for level in levels:
        if spent_within(level) >= wanted:
            break
        below = level
    else:
        return levels[-1]
    if level == below or spent_within(below) >= wanted:
        return below
    # Between two levels the time spent within is linear.
    low, high = spent_within(below), spent_within(level)
    return below + (wanted - low) / (high - low) * (level - below) if high > low else level
