"""Who comes when: the whole load of one run, laid down before it begins.

An open model: a request is due whatever becomes of earlier ones. The same seed lays down the same schedule, request by
request, on any machine.
"""

from __future__ import annotations

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


def spikes(plan: Plan) -> list[tuple[float, float, str, float]]:
    """``load.spike`` steps: from, until, journey (or all), factor."""
    return [
        (step.at_s, step.at_s + (step.for_s or 0.0), str(step.target.get("journey", "*")), float(step.params.get("factor", 2)))
        for step in plan.steps
        if step.fault == "load.spike"
    ]


def schedule(plan: Plan, seed: str) -> list[Request]:
    """Every request of one run in order of its due time."""
    begins, ends = -plan.workload.warmup_s, plan.end_s
    due: dict[str, list[float]] = {
        one.name: list(_arrivals(one, Random(f"{seed}/{one.name}/arrival"), begins, ends, spikes(plan))) for one in plan.workload.journeys
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


def _arrivals(one: Journey, dice: Random, begins: float, ends: float, spiking: list) -> Iterator[float]:
    at_s = begins
    while True:
        factor = 1.0
        for since, until, name, times in spiking:
            if since <= at_s < until and name in ("*", one.name):
                factor *= times
        gap = 1 / (one.rate * factor)
        at_s += dice.expovariate(1 / gap) if one.arrival == "poisson" else gap
        if at_s >= ends:
            return
        yield at_s
