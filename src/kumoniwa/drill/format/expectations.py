"""What a drill is held to: objectives in the words of AWS Resilience Hub's policies, and invariants.

A policy names ``multiRegion {rto, rpo}``, ``multiAz {rto, rpo}``, ``availabilitySlo {target}`` and
``dataRecovery {timeBetweenBackups}``. An objective that is absent is not measured; one that this drill cannot measure is said
to be not applicable. Neither is ever filled from an estimate.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.drill.format import quantity
from kumoniwa.drill.format.page import Section
from kumoniwa.drill.format.plan import Invariant, Objective, Workload

INVARIANTS: dict[str, dict[str, Any]] = {
    "no-lost-acked-writes": {"journey": quantity.text, "table": quantity.text, "after": quantity.one_of("failover", "reconcile"), "key": quantity.text, "value": quantity.text},
    "converged": {"table": quantity.text, "within": quantity.duration_s, "regions": quantity.texts, "key": quantity.text},
    "linearizable": {"table": quantity.text, "journey": quantity.text, "only-if": quantity.text},
    "session": {"journey": quantity.text, "forbid": quantity.texts},
    "queue": {"name": quantity.text, "allow": quantity.texts, "forbid": quantity.texts},
    "fifo-order": {"name": quantity.text},
    "staleness": {"journey": quantity.text, "at-most": quantity.duration_s},
    "counter-sum": {"table": quantity.text, "attribute": quantity.text, "journey": quantity.text, "region": quantity.text},
    "no-duplicates": {"table": quantity.text, "value": quantity.text, "journey": quantity.text, "region": quantity.text},
    "data-residency": {"attribute": quantity.text, "in": quantity.texts, "stored-only-in": quantity.texts, "table": quantity.text},
}  # fmt: skip
QUEUE_FINDINGS = ("lost", "unexpected", "resurrected", "duplicated", "recovered")


def objectives(section: Section) -> tuple[Objective, ...]:
    found: list[Objective] = []
    target = section.take("availability", quantity.percentage, None)
    if "availabilitySlo" in section:
        slo = section.section("availabilitySlo")
        target = slo.take("target", quantity.percentage)
        slo.end()
    if target is not None:
        found.append(Objective(name="availability", asked=target, unit="%"))
    for place in ("multiRegion", "multiAz"):
        if place in section:
            asked = section.section(place)
            for part in ("rto", "rpo"):
                seconds = asked.take(part, quantity.duration_s, None)
                if seconds is not None:
                    found.append(Objective(name=f"{place}.{part}", asked=seconds, unit="s"))
            asked.take("drApproach", quantity.text, "")
            asked.end()
    if "dataRecovery" in section:
        asked = section.section("dataRecovery")
        seconds = asked.take("timeBetweenBackups", quantity.duration_s)
        if seconds is not None:
            found.append(Objective(name="dataRecovery.timeBetweenBackups", asked=seconds, unit="s"))
        asked.end()
    section.end("multiAz", "multiRegion", "dataRecovery", "availabilitySlo")
    return tuple(found)


def invariants(section: Section, load: Workload) -> tuple[Invariant, ...]:
    """Each is a word, ``converged within 30s``, or a mapping ``{converged: {within: 30s}}``."""
    held = section.take("invariants", None, [])
    if not isinstance(held, list):
        section.complain("invariants", "must be a list")
        return ()
    found = []
    for number, one in enumerate(held):
        path = (*section.path, "invariants", number)
        if isinstance(one, str):
            kind, _, rest = one.partition(" ")
            words = rest.split()
            one = {kind: dict(zip(words[::2], words[1::2]))}
            if len(words) % 2:
                section.page.complain(path, f": {kind} {rest!r} cannot be read", "write it as `converged within 30s` or as a mapping")
                continue
        if not isinstance(one, dict) or len(one) != 1:
            section.page.complain(path, "must name one invariant")
            continue
        ((kind, said),) = one.items()
        if kind not in INVARIANTS:
            section.page.complain(path, f": there is no invariant {kind!r}", f"they are {', '.join(INVARIANTS)}")
            continue
        found.append(_invariant(Section(section.page, (*path, kind), said or {}), kind, load))
    return tuple(found)


def _invariant(section: Section, kind: str, load: Workload) -> Invariant:
    params = {name: section.take(name, read) for name, read in INVARIANTS[kind].items() if name in section}
    section.end(*INVARIANTS[kind])
    journey = params.get("journey")
    if journey is not None and journey not in [one.name for one in load.journeys]:
        section.complain("journey", f": no journey is called {journey!r}", f"they are {', '.join(j.name for j in load.journeys)}")
    for word in (*params.get("allow", ()), *params.get("forbid", ())):
        if kind == "queue" and word not in QUEUE_FINDINGS:
            section.complain(None, f": {word!r} is nothing a queue can do", f"the words are {', '.join(QUEUE_FINDINGS)}")
    return Invariant(kind=kind, params=params)
