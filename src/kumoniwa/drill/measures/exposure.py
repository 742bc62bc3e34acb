"""Exposure: what a fault would have cost at a random moment, measured without any fault.

Staleness of a replica at time t is the age of the oldest acknowledged write that it has not applied yet. It rises by a
second each second and falls when writes arrive; its 99th percentile over time is the RPO to be expected.
"""

from __future__ import annotations

import heapq
import math


def staleness(pairs: list[tuple[float, float | None]], t: float) -> float:
    """At one moment, from (acknowledged, applied or None) of each write."""
    return t - min((ack for ack, applied in pairs if ack <= t and (applied is None or t < applied)), default=t)


def slopes(pairs: list[tuple[float, float | None]], begins: float, ends: float) -> list[tuple[float, float, float | None]]:
    """The whole curve as pieces (from, to, oldest waiting write): staleness rises from that write on, and is zero where there is none."""
    known = [(ack, math.inf if applied is None else applied) for ack, applied in pairs]
    moments = sorted({begins, ends, *(min(max(t, begins), ends) for pair in known for t in pair)})
    coming, waiting = sorted(known, reverse=True), []
    found = []
    for since, until in zip(moments, moments[1:]):
        while coming and coming[-1][0] <= since:
            heapq.heappush(waiting, coming.pop())
        while waiting and waiting[0][1] <= since:
            heapq.heappop(waiting)
        found.append((since, until, waiting[0][0] if waiting else None))
    return found


def exposure(pairs: list[tuple[float, float | None]], begins: float, ends: float, q: float = 0.99) -> float | None:
    """The ``q`` percentile of staleness over time: the least age that is not exceeded for that share of the time."""
    pieces = slopes(pairs, begins, ends)
    rising = [(since - oldest, until - oldest) for since, until, oldest in pieces if oldest is not None]
    level_s = sum(until - since for since, until, oldest in pieces if oldest is None)

    def spent_within(limit: float) -> float:
        """Seconds during which staleness was at most so much; the curve rises by a second each second."""
        return level_s + sum(min(max(limit, low), high) - low for low, high in rising)

    limits = [0.0, *sorted(limit for piece in rising for limit in piece)]
    wanted, below = q * (ends - begins), 0.0
    if not pieces or spent_within(below) >= wanted:
        return below if pieces else None
    for limit in limits:
        if spent_within(limit) >= wanted:
            share = (wanted - spent_within(below)) / (spent_within(limit) - spent_within(below))
            return below + share * (limit - below)
        below = limit
    return below
