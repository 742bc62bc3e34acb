"""Everything a report says, as plain data with a versioned schema. The page, JUnit and Markdown are told from it alone.

Every number carries one of four labels: ``measured`` (it happened here), ``modelled`` (a constant of AWS put in), ``estimated``, and
``declared`` (the drill's author said so).
"""

from __future__ import annotations

from typing import Any

from kumoniwa.drill.format.chaos_form import compiled
from kumoniwa.drill.history import History
from kumoniwa.drill.measure import Measured
from kumoniwa.drill.measures.loss import Loss
from kumoniwa.drill.session import Session
from kumoniwa.drill.verdict import op_told

SCHEMA = "kumoniwa-drill-report/1"
LOST_TOLD_MAX = 1000


def number(value: float | None, unit: str, label: str = "measured", **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "label": label, **more}


def document(session: Session, started_at: float, took_s: float) -> dict[str, Any]:
    """``started_at`` is a date in epoch seconds."""
    plan, verdict = session.plan, session.verdict
    return {
        "schema": SCHEMA,
        "drill": plan.name,
        "says": plan.says,
        "version": session.version,
        "started_at": started_at,
        "took_s": took_s,
        "seed": session.seed,
        "verdict": verdict.word,
        "exit_code": verdict.exit_code,
        "failure": verdict.failure,
        "troubles": verdict.troubles,
        "objectives": [finding.told() for finding in verdict.objectives],
        "invariants": [finding.told() for finding in verdict.invariants],
        "proofs": session.proofs,
        "yearly_availability": number(verdict.yearly, "share", "declared", assumed=plan.yearly) if verdict.yearly is not None else None,
        "slo": {"success": plan.slo.success, "p99_ms": plan.slo.p99_ms, "window_s": plan.slo.window_s, "hold": plan.slo.hold},
        "runs": [_run(n, one, history, session) for n, (one, history) in enumerate(session.runs, 1)],
        "links": [{**link, "label": "modelled"} for link in session.links],
        "regions": {name: {"state": region["state"]} for name, region in session.regions.items()},
        "cost": session.cost,
        "evidence": plan.evidence,
        "tags": list(plan.tags),
        "experiment": compiled(plan),
    }


def _run(place: int, one: Measured, history: History, session: Session) -> dict[str, Any]:
    zero = one.zero

    def at(t: float | None) -> float | None:
        return None if t is None else round(t - zero, 3)

    recovery = one.recovery
    return {
        "number": place,
        "seed": f"{session.seed}/{place}",
        "ends": at(one.ends),
        "t_fault": at(one.t_fault) if one.has_fault else None,
        "struck": one.struck,
        "rto": number(recovery.rto_s, "s", at_least=recovery.at_least_s, resolution=recovery.resolution_s, known=recovery.is_known),
        "rto_by_journey": {name: number(each.rto_s, "s", at_least=each.at_least_s) for name, each in one.by_journey.items()},
        "rto_parts": {name: number(seconds, "s") for name, seconds in one.parts.items()},
        "marks": {name: at(t) for name, t in one.marks.items()},
        "rpo_at_failover": _rpo(one.failover, one.why.get("failover")),
        "rpo_final": _rpo(one.final, one.why.get("final")),
        "lost": [{**op_told(op), "t": at(op.t1), "is_final": bool(one.final and op in [*one.final.lost, *one.final.lost_after_fault])} for op in one.lost[:LOST_TOLD_MAX]],
        "lost_count": len(one.lost),
        "availability": number(one.availability[0], "share", n=one.availability[1]),
        "availability_by_time": number(one.availability_by_time[0], "share", n=one.availability_by_time[1]),
        "exposure": {region: number(seconds, "s") for region, seconds in one.exposure_s.items()},
        "lag": {region: {**told, "label": "measured"} for region, told in one.lag.items()},
        "convergence": number(one.convergence_s, "s", unequal=one.unequal, why=one.why.get("convergence", "")),
        "queue": None if one.queue is None else {name: len(getattr(one.queue, name)) for name in one.queue.__dataclass_fields__},
        "out_of_order": len(one.order),
        "session_violations": len(one.sessions),
        "errors": one.errors,
        "amplification": {operation: number(times, "times") for operation, times in one.amplification.items()},
        "errors_by_region": one.error_regions,
        "journeys": one.latency,
        "calibration": {name: number(value, "s") for name, value in one.calibration.items() if name.endswith("_s")},
        "timeline": [
            {
                "t": at(window.begins), "until": at(window.ends), "requests": len(window.ops), "ok": window.ok,
                "p99_ms": None if window.p99_s is None else round(window.p99_s * 1000, 1), "verdict": window.verdict,
            }
            for window in one.windows
        ],
        "faults": _spans(history, at, one),
        "runbooks": _runbooks(history, at, one),
        "dns": [{"t": at(e["t"]), "client": e.get("client", ""), "name": e.get("name", ""), "addresses": e.get("addresses", [])} for e in history.told("dns") if e.get("client")][:200],
        "health": [{"t": at(e["t"]), "check": e.get("check", e.get("id", "")), "state": e.get("state", "")} for e in history.told("health")][:200],
    }  # fmt: skip


def _rpo(found: Loss | None, why: str | None) -> dict[str, Any]:
    if found is None:
        return number(None, "s", why=why or "not measured")
    return number(
        found.rpo_s, "s", lost=len(found.lost), lost_after_fault=len(found.lost_after_fault), phantom=len(found.phantom), checked=found.checked
    )


def _spans(history: History, at: Any, one: Measured) -> list[dict[str, Any]]:
    """From when to when each fault acted."""
    spans: list[dict[str, Any]] = []
    for event in history.told("fault"):
        if event["phase"] == "confirmed":
            spans.append({"id": event.get("id"), "fault": event["fault"], "target": event["target"], "params": event.get("params", {}),
                          "from": at(event["t"]), "to": at(one.ends)})  # fmt: skip
        elif event["phase"] == "end":
            for span in spans:
                if span["id"] == event.get("id"):
                    span["to"] = at(event["t"])
    return spans


def _runbooks(history: History, at: Any, one: Measured) -> list[dict[str, Any]]:
    """From when to when each runbook ran, and how it ended; ``exit`` is None if it had to be ended."""
    ends = {event["step"]: event for event in history.told("runbook") if event["phase"] == "end"}
    return [
        {
            "file": begin["file"], "args": begin["args"], "from": at(begin["t"]),
            "to": at(ends[begin["step"]]["t"] if begin["step"] in ends else one.ends),
            "exit": ends.get(begin["step"], {}).get("exit"),
        }
        for begin in history.told("runbook")
        if begin["phase"] == "begin"
    ]  # fmt: skip
