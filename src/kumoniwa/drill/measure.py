"""From the history of one run to its numbers. Each says what it is: measured, modelled, estimated or declared.

Nothing is asked of a clock or a cloud here: whoever has ``history.jsonl`` and the drill can compute the same again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from kumoniwa.drill.format.plan import Plan
from kumoniwa.drill.history import History, Op
from kumoniwa.drill.measures.availability import by_requests, by_time
from kumoniwa.drill.measures.convergence import convergence
from kumoniwa.drill.measures.errors import amplification, by_code, by_region, grown
from kumoniwa.drill.measures.exposure import exposure
from kumoniwa.drill.measures.lag import arrivals, lag
from kumoniwa.drill.measures.loss import Loss, loss
from kumoniwa.drill.measures.percentile import percentile
from kumoniwa.drill.measures.queueing import Queueing, out_of_order, queueing
from kumoniwa.drill.measures.recovery import PARTS, Recovery, parts, recovery, recovery_marks, worst
from kumoniwa.drill.measures.sessions import Violation, sessions
from kumoniwa.drill.measures.windows import Window, windows


@dataclass
class Measured:
    """The numbers of one run. What is None was not measured, and ``why`` says why."""

    zero: float
    ends: float
    t_fault: float
    has_fault: bool
    struck: str | None
    idle: list[str]
    """The regions struck, if none of them had served anybody: losing them could not be seen."""
    recovery: Recovery
    by_journey: dict[str, Recovery]
    parts: dict[str, float | None]
    marks: dict[str, float | None]
    availability: tuple[float | None, int]
    availability_by_time: tuple[float | None, int]
    failover: Loss | None
    final: Loss | None
    exposure_s: dict[str, float | None]
    lag: dict[str, Any]
    convergence_s: float | None
    unequal: int | None
    queue: Queueing | None
    order: list[tuple[str, str]]
    sessions: list[Violation]
    errors: dict[str, int]
    error_regions: dict[str, Any]
    windows: list[Window]
    latency: dict[str, dict[str, Any]]
    amplification: dict[str, float]
    """Calls to each operation per request at the entry while the fault acted, relative to the quiet before it."""
    calibration: dict[str, Any]
    why: dict[str, str] = field(default_factory=dict)

    @property
    def rpo_s(self) -> float | None:
        """What counts against an objective: the worse of what users missed after the failover and what never came back."""
        known = [one.rpo_s for one in (self.failover, self.final) if one is not None]
        return max(known) if known and self.final is not None else None

    @property
    def lost(self) -> list[Op]:
        """Acknowledged and missing at either look, by time of acknowledgement."""
        found = {id(op): op for one in (self.failover, self.final) if one is not None for op in [*one.lost, *one.lost_after_fault]}
        return sorted(found.values(), key=lambda op: op.t1)


def measured(plan: Plan, history: History) -> Measured | None:
    """Everything about one run; None if it never came as far as its second zero."""
    begun = history.told("zero")
    if not begun:
        return None
    zero, ends = begun[0]["t"], begun[0]["ends"]
    faults = [event for event in history.told("fault") if event["phase"] == "confirmed"]
    t_fault = fault_time(faults, zero)
    struck = next((region for event in faults for region in _regions(event)), None)
    load = [op for op in history.load if op.due >= zero and op.f != "recv"]
    everything = [op for op in history.load if op.f != "recv"]
    why: dict[str, str] = {}
    by_journey = {
        one.name: recovery([op for op in everything if op.journey == one.name], plan.slo, t_fault, ends)
        for one in plan.workload.journeys
        if one.kind != "receive"
    }
    found = worst(by_journey.values())
    # The journey that waited longest tells when it was served again; others may never have needed the lost region.
    slowest = next(name for name, each in by_journey.items() if each is found)
    waiting = [op for op in load if op.journey == slowest]
    marks = (
        recovery_marks(t_fault, found.t_recovered, history.events, waiting, struck)
        if found.rto_s and found.t_recovered is not None
        else dict.fromkeys(PARTS)
    )
    failover, final = (_loss(history, everything, t_fault, phase, why) for phase in ("failover", "final"))
    convergence_s, differing = _convergence(history, why)
    has_queue = any(op.f in ("send", "recv") for op in history.load)
    cut = windows(everything, plan.slo, zero - plan.workload.warmup_s, ends, t_fault)
    return Measured(
        zero=zero, ends=ends, t_fault=t_fault, has_fault=bool(faults), struck=struck, idle=idle(faults, everything, t_fault),
        recovery=found, by_journey=by_journey,
        parts=parts(found, t_fault, history.events, waiting, struck), marks=marks,
        availability=by_requests(load), availability_by_time=by_time([window for window in cut if window.begins >= zero - 1e-9]),
        failover=failover, final=final, **_replication(history, everything, zero, t_fault),
        convergence_s=convergence_s, unequal=differing,
        queue=queueing(history.load) if has_queue else None, order=out_of_order(history.load),
        sessions=sessions(history.load), errors=by_code(load),
        error_regions={region: asdict(rate) for region, rate in by_region(load).items()}, windows=cut,
        latency=_latency(plan, load), amplification=_amplification(history, load), calibration=next(iter(history.told("calibration")), {}), why=why,
    )  # fmt: skip


PREPARING = ("replication.", "wait")
"""Faults that take no service from anybody: the clock of a drill starts with what comes after them."""


def fault_time(faults: list[dict[str, Any]], zero: float) -> float:
    """When the first fault was confirmed that takes something from users; without any fault, the end of the warm-up."""
    striking = [event["t"] for event in faults if not event["fault"].startswith(PREPARING)]
    return min(striking or [event["t"] for event in faults], default=zero)


def _regions(event: dict[str, Any]) -> list[str]:
    """The regions that a fault strikes as a whole."""
    named = event["target"].get("region", []) if event["fault"].startswith("region.") else []
    return named if isinstance(named, list) else [named]


def idle(faults: list[dict[str, Any]], ops: list[Op], t_fault: float) -> list[str]:
    """The regions struck, if no request before the fault reached one of them and it is known of each where it was served.

    The control planes and the edge, which no journey enters, are no regions in this sense.
    """
    struck = sorted({region for event in faults for region in _regions(event) if not region.startswith("aws-")})
    before = [op for op in ops if op.t1 < t_fault and op.is_ok]
    is_reached = "*" in struck or any(not op.served_by or {op.served_by, op.entry_region} & {*struck} for op in before)
    return [] if is_reached else struck


def _loss(history: History, ops: list[Op], t_fault: float, phase: str, why: dict[str, str]) -> Loss | None:
    """Loss at one of the two looks, or None if there was no look, or nobody answered it."""
    if not any(op.f in ("write", "cas") and op.is_ok for op in ops):
        why[phase] = "no write was acknowledged"
        return None
    found = history.read_back(phase)
    if not any(op.is_ok for op in found):
        why[phase] = (
            "nobody served when the writes were to be read back"
            if history.told("read-back")
            else "the run ended before writes were read back"
        )
        return None
    if phase == "failover":
        # What was written while this look was under way belongs to the final one.
        ops = [op for op in ops if op.t1 <= t_fault or op.key in {read.key for read in found}]
    result = loss(ops, found, t_fault)
    if result.unread:
        why[phase] = f"{len(result.unread)} acknowledged writes could not be read back, such as {result.unread[0].key}"
        return None
    return result


def _convergence(history: History, why: dict[str, str]) -> tuple[float | None, int | None]:
    """The slowest table's seconds from the healing to equality, and how many keys of all tables never came to be equal."""
    looks, heals = history.told("look"), history.told("heal", "verified")
    if not looks or not heals:
        why["convergence"] = "no table with replicas was looked at"
        return None, None
    healed = min(event["t"] for event in heals)
    found = [
        convergence([(event["t"], event["unequal"]) for event in looks if event["table"] == table], healed) for table in {e["table"] for e in looks}
    ]
    left = sum(unequal for _, unequal in found)
    if any(seconds is None for seconds, _ in found):
        why["convergence"] = f"{left} keys were still unequal at the last look" if left else "no look was taken after the healing"
        return None, left
    return max(seconds for seconds, _ in found if seconds is not None), 0


def _replication(history: History, ops: list[Op], zero: float, t_fault: float) -> dict[str, Any]:
    """Lag and exposure of each replica, by the replicas' own word."""
    writes = [op for op in ops if op.f == "write" and op.is_ok]
    lags, exposed = {}, {}
    for region, pairs in arrivals(writes, history.told("apply")).items():
        lags[region] = asdict(lag(pairs))
        before = [(write.t1, applied) for write, applied in pairs if write.t1 <= t_fault]
        # Before the fault; a null drill has none and is exposed all the time.
        until = t_fault if t_fault > zero else max((write.t1 for write in writes), default=zero)
        exposed[region] = exposure(before if t_fault > zero else [(w.t1, a) for w, a in pairs], min((w.t1 for w in writes), default=zero), until)
    return {"lag": lags, "exposure_s": exposed}


def _amplification(history: History, load: list[Op]) -> dict[str, float]:
    """By the counters of regions that lived through all three looks; the others cannot be compared with themselves."""
    looks: dict[str, dict[str, dict[str, Any]]] = {}
    for event in history.told("calls"):
        looks.setdefault(event["region"], {}).setdefault(event["moment"], event)
    whole = [moments for moments in looks.values() if len(moments) == 3]
    if not whole:
        return {}
    zero, fault, healing = (min(moments[name]["t"] for moments in whole) for name in ("zero", "fault", "healing"))
    quiet_entry, entry = (sum(since <= op.due < until for op in load) for since, until in ((zero, fault), (fault, healing)))
    quiet, hurt = Counter[str](), Counter[str]()
    for moments in whole:
        quiet.update(grown(moments["zero"]["calls"], moments["fault"]["calls"]))
        hurt.update(grown(moments["fault"]["calls"], moments["healing"]["calls"]))
    found = {name: amplification(hurt[name], entry, quiet[name], quiet_entry) for name in quiet}
    return {name: times for name, times in found.items() if times is not None}


def _latency(plan: Plan, load: list[Op]) -> dict[str, dict[str, Any]]:
    told = {}
    for one in plan.workload.journeys:
        ops = [op for op in load if op.journey == one.name]
        spent = [op.latency_s for op in ops if op.is_ok]
        told[one.name] = {
            "requests": len(ops), "ok": len(spent), "failed": sum(op.out == "fail" for op in ops), "unknown": sum(op.out == "info" for op in ops),
            "p50_ms": _ms(percentile(spent, 0.5)), "p99_ms": _ms(percentile(spent, 0.99)), "max_ms": _ms(max(spent, default=None)),
        }  # fmt: skip
    return told


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
