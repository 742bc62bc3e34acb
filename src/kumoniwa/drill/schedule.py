"""Who comes when: the whole load of one run, laid down before it begins.

An open model: a request is due whatever becomes of earlier ones. The same seed lays down the same schedule, request by
request, on any machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from kumoniwa.drill.format.plan import Journey, Plan

READ_AFTER_S = 1.0
"""A read asks for a key whose write was due at least this long ago."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to come. ``at_s`` counts from the end of the warm-up, which therefore lies before zero."""

    at_s: float
    journey: Journey
    number: int
    """Place among the requests of its journey."""
    client: int
    key: int
    """Number of the key: of the write itself, or of the write whose key is read; -1 if there was none yet."""


@dataclass(frozen=True)
class Tide:
    """How the load of one journey swells: slowly in the first half of the warm-up, as people come, and in spikes.

    A crowd that came all at once would meet a system that is cold everywhere, and measure that.
    """

    begins: float
    risen: float
    spikes: tuple[tuple[float, float, float], ...]
    """(from, until, factor) of ``load.spike`` steps."""

    @property
    def most(self) -> float:
        return math.prod(max(1.0, factor) for _, _, factor in self.spikes)

    def at(self, t: float) -> float:
        """How many times the declared rate."""
        rising = (t - self.begins) / (self.risen - self.begins) if t < self.risen else 1.0
        return max(EBB, rising) * math.prod(factor for since, until, factor in self.spikes if since <= t < until)


EBB = 0.05
"""The share of the load that is there from the very first moment."""


def tide(plan: Plan, one: Journey) -> Tide:
    spikes = tuple(
        (step.at_s, step.at_s + (step.for_s or 0.0), float(step.params.get("factor", 2)))
        for step in plan.steps
        if step.fault == "load.spike" and step.target.get("journey", "*") in ("*", one.name)
    )
    return Tide(-plan.workload.warmup_s, -plan.workload.warmup_s / 2, spikes)


def schedule(plan: Plan, seed: str) -> list[Request]:
    """Every request of one run in order of its due time."""
    begins, ends = -plan.workload.warmup_s, plan.end_s
    due: dict[str, list[float]] = {
        one.name: list(_arrivals(one, Random(f"{seed}/{one.name}/arrival"), begins, ends, tide(plan, one))) for one in plan.workload.journeys
    }
    found = []
    for one in plan.workload.journeys:
        dice = Random(f"{seed}/{one.name}/choice")
        written = due.get(one.reads, [])
        known = 0
        for number, at_s in enumerate(due[one.name]):
            client = dice.randrange(plan.workload.clients)
            if one.kind == "read":
                while known < len(written) and written[known] <= at_s - READ_AFTER_S:
                    known += 1
                key = dice.randrange(max(0, known - RECENT), known) if known else -1
                shared = plan.workload.journey(one.reads).keys
                key = key % shared if shared and key >= 0 else key
            else:
                key = dice.randrange(one.keys) if one.keys else number
            found.append(Request(at_s, one, number, client, key))
    found.sort(key=lambda request: (request.at_s, request.journey.name, request.number))
    return found


RECENT = 500
"""Reads ask for one of this many latest keys."""


def _arrivals(one: Journey, dice: Random, begins: float, ends: float, swell: Tide) -> Iterator[float]:
    """Candidates come at the highest rate there will be; of them the tide takes its share."""
    peak, at_s, due = one.rate * swell.most, begins, 0.0
    while True:
        at_s += dice.expovariate(peak) if one.arrival == "poisson" else 1 / peak
        if at_s >= ends:
            return
        share = swell.at(at_s) / swell.most
        due += share
        if dice.random() < share if one.arrival == "poisson" else due >= 1 - 1e-9:
            due -= 1
            yield at_s
