"""RTO: how long users were without service, and where the time went.

It ends at the first good request after the last bad one, provided enough good windows follow; a service that flaps has
recovered only after its last break. One that has not is given no number, only a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kumoniwa.drill.format.plan import Slo
from kumoniwa.drill.history import Op
from kumoniwa.drill.measures.windows import due_at, is_bad, windows


@dataclass(frozen=True)
class Recovery:
    """``rto_s`` is None if it did not recover, and then ``at_least_s`` says how long it was watched in vain."""

    rto_s: float | None
    at_least_s: float = 0.0
    resolution_s: float = 0.0
    """Between the last bad request and the first good one: the truth lies within."""
    t_recovered: float | None = None
    is_known: bool = True
    """False if nothing was asked after the fault: nobody can say whether it was well."""


def recovery(ops: list[Op], slo: Slo, t_fault: float, ends: float) -> Recovery:
    """RTO of one stream of requests after a fault, watched until ``ends``."""
    cut = windows(ops, slo, t_fault, ends, t_fault)
    if not any(window.ops for window in cut):
        return Recovery(None, 0.0, is_known=False)
    bad = [window for window in cut if window.verdict == "bad"]
    if not bad:
        return Recovery(0.0, t_recovered=t_fault)
    last_bad = max(due_at(op, t_fault) for op in bad[-1].ops if is_bad(op, slo))
    after = [op for op in ops if due_at(op, t_fault) > last_bad and not is_bad(op, slo)]
    hold = [window for window in cut if window.begins >= bad[-1].ends and window.verdict == "good"]
    if not after or len(hold) < slo.hold:
        return Recovery(None, at_least_s=ends - t_fault)
    first_ok = min(op.due for op in after)
    return Recovery(first_ok - t_fault, resolution_s=first_ok - last_bad, t_recovered=first_ok)


def worst(recoveries: Iterable[Recovery]) -> Recovery:
    """Of several journeys: one that never recovered is worst, one of which nothing is known next."""
    return max(recoveries, key=lambda r: (r.rto_s is None and r.is_known, not r.is_known, r.rto_s if r.rto_s is not None else r.at_least_s))


PARTS = ("detect", "decide", "switch", "warm")


def parts(
    found: Recovery, t_fault: float, events: list[dict[str, Any]], ops: list[Op], lost_region: str | None
) -> dict[str, float | None]:
    """Detect, decide, switch and warm in seconds; they sum to the RTO.

    Detect ends with the first alarm or unhealthy check, decide with the first act of recovery (a runbook that began, a DNS answer
    that changed, a promotion, a deployment), switch with the first request that a survivor served, warm with recovery. What nobody saw is
    None, and its time is in the next part that was seen.
    """
    if found.rto_s is None or found.t_recovered is None or found.rto_s == 0.0:
        return dict.fromkeys(PARTS)
    marks = recovery_marks(t_fault, found.t_recovered, events, ops, lost_region)
    told, before = dict.fromkeys(PARTS), t_fault
    for name in PARTS:
        if marks[name] is not None:
            told[name] = marks[name] - before
            before = marks[name]
    return told


def recovery_marks(
    t_fault: float, t_recovered: float, events: list[dict[str, Any]], ops: list[Op], lost_region: str | None
) -> dict[str, float | None]:
    """The moments at which detecting, deciding, switching and warming ended, in that order, none after recovery."""

    def first(moments: Iterable[float], after: float) -> float | None:
        return min((t for t in moments if after <= t <= t_recovered), default=None)

    alarms = (e["t"] for e in events if e["event"] == "alarm" or (e["event"] == "health" and e.get("state") == "unhealthy"))
    detect = first(alarms, t_fault)
    acts = (e["t"] for e in events if e["event"] in ("dns", "deploy", "promote") or (e["event"] == "runbook" and e["phase"] == "begin"))
    decide = first(acts, detect if detect is not None else t_fault)
    since = next((t for t in (decide, detect) if t is not None), t_fault)
    served = (op.due for op in ops if op.is_ok and lost_region is not None and op.served_by and op.served_by != lost_region)
    return {"detect": detect, "decide": decide, "switch": first(served, since), "warm": t_recovered}
