"""What was asked against what was measured: one verdict per objective and invariant, and one for the drill.

The worst run counts, and the range of all runs is told with it. What could not be measured is never filled from an estimate: it
makes the drill inconclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kumoniwa.drill.format.plan import Invariant, Objective, Plan
from kumoniwa.drill.history import History, Op
from kumoniwa.drill.measure import Measured
from kumoniwa.drill.measures.availability import yearly
from kumoniwa.drill.measures.counters import counter_sum, effects
from kumoniwa.drill.measures.exposure import exposure
from kumoniwa.drill.measures.lag import arrivals
from kumoniwa.drill.measures.linearizable import linearizable
from kumoniwa.drill.measures.loss import Loss
from kumoniwa.drill.measures.spread import Spread, is_distinguishable

MET, BREACHED, NOT_MEASURED, NOT_APPLICABLE = "PolicyMet", "PolicyBreached", "NotMeasured", "NotApplicable"
EXIT = {"met": 0, "breached": 1, "inconclusive": 2, "failed": 3}
REGION_FAULTS, AZ_FAULTS = ("region.", "link.", "replication."), ("az.", "subnet.", "compute.")
ORDINARY_FINDINGS = ("lost", "unexpected", "resurrected")


@dataclass
class Finding:
    """A verdict on one objective or invariant."""

    name: str
    verdict: str
    why: str = ""
    asked: float | None = None
    unit: str = ""
    spread: Spread | None = None
    measured: float | None = None
    label: str = "measured"
    counter_example: Any = None

    def told(self) -> dict[str, Any]:
        said: dict[str, Any] = {"name": self.name, "verdict": self.verdict, "label": self.label}
        if self.asked is not None:
            said |= {"asked": self.asked, "unit": self.unit, "measured": self.measured}
        if self.spread is not None:
            said["spread"] = {
                "values": list(self.spread.values), "least": self.spread.least, "most": self.spread.most,
                "median_covered": self.spread.median_covered,
            }  # fmt: skip
        if self.why:
            said["why"] = self.why
        if self.counter_example is not None:
            said["counter_example"] = self.counter_example
        return said


@dataclass
class Verdict:
    objectives: list[Finding] = field(default_factory=list)
    invariants: list[Finding] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """Why the drill is inconclusive, beyond what its findings say."""
    failure: str = ""
    """What went wrong with the harness itself."""
    yearly: float | None = None

    @property
    def word(self) -> str:
        findings = [finding.verdict for finding in (*self.objectives, *self.invariants)]
        if self.failure:
            return "failed"
        if BREACHED in findings:
            return "breached"
        if self.troubles or NOT_MEASURED in findings:
            return "inconclusive"
        return "met"

    @property
    def exit_code(self) -> int:
        return EXIT[self.word]


def judge(plan: Plan, runs: list[tuple[Measured, History]], wanted: int) -> Verdict:
    """The verdict over all finished runs, of ``wanted`` that were to be made."""
    verdict = Verdict()
    measured = [one for one, _ in runs]
    if len(runs) < wanted:
        verdict.troubles.append(f"{len(runs)} of {wanted} runs were finished")
    verdict.objectives = [_objective(plan, one, measured) for one in plan.objectives]
    verdict.invariants = [_invariant(plan, one, runs) for one in plan.invariants]
    verdict.invariants += [_runbook(n, step.run, runs) for n, step in enumerate(plan.steps) if step.run]
    if not plan.objectives and not plan.invariants:
        verdict.troubles.append("the drill asks for nothing: give it objectives or invariants")
    verdict.yearly = _yearly(plan, measured)
    return verdict


# Objectives -----------------------------------------------------------------------------------------------


def _objective(plan: Plan, asked: Objective, runs: list[Measured]) -> Finding:
    finding = Finding(asked.name, NOT_MEASURED, asked=asked.asked, unit=asked.unit)
    reason = _inapplicable(plan, asked)
    if reason:
        finding.verdict, finding.why = NOT_APPLICABLE, reason
        return finding
    if not runs:
        finding.why = "no run was finished"
        return finding
    if asked.name == "availability":
        values = [None if run.availability[0] is None else 100 * run.availability[0] for run in runs]
        finding.spread, known = Spread(tuple(values)), [value for value in values if value is not None]
        if len(known) < len(values):
            finding.why = "no request was made"
            return finding
        finding.measured = min(known)
        finding.verdict = MET if finding.measured >= asked.asked else BREACHED
        finding.why = f"of {min(run.availability[1] for run in runs)} requests or more"
        return finding
    if asked.name.endswith(".rto"):
        return _rto(finding, runs, plan.expects_idle)
    return _rpo(finding, runs)


def _inapplicable(plan: Plan, asked: Objective) -> str:
    kinds = [step.fault for step in plan.faults]
    if asked.name.startswith("multiRegion") and not any(kind.startswith(REGION_FAULTS) for kind in kinds):
        return "" if not kinds else "this drill breaks no region and no link"
    if asked.name.startswith("multiAz") and not any(kind.startswith(AZ_FAULTS) for kind in kinds):
        return "this drill breaks no availability zone"
    if asked.name.startswith("dataRecovery"):
        return "this drill restores nothing from a backup"
    return ""


def _rto(finding: Finding, runs: list[Measured], expected: tuple[str, ...]) -> Finding:
    finding.spread = Spread(tuple(run.recovery.rto_s for run in runs))
    if any(not run.recovery.is_known for run in runs):
        finding.why = "nothing was asked after the fault: unknown is not healthy"
        return finding
    for run in runs:
        if run.recovery.rto_s == 0.0 and run.idle and not {*run.idle} <= {*expected}:
            finding.why = f"{' and '.join(run.idle)} served nothing before the fault: losing it could not be seen"
            return finding
    never = [run.recovery.at_least_s for run in runs if run.recovery.rto_s is None]
    finding.measured = finding.spread.most if not never else None
    finding.verdict = MET if finding.spread.is_at_most(finding.asked or 0.0) else BREACHED
    if never:
        finding.why = f"not recovered within {max(never):.1f} s in {len(never)} of {len(runs)} runs"
    elif finding.measured and not is_distinguishable(finding.measured, max(run.calibration.get("lateness_p99_s") or 0.0 for run in runs)):
        finding.why = "not distinguishable from none: the drill's own clock is no finer"
    else:
        slowest = max(runs, key=lambda run: run.recovery.rto_s or 0.0)
        told = [f"{name} {seconds:.1f} s" for name, seconds in slowest.parts.items() if seconds is not None]
        finding.why = " + ".join(told) + (f" (± {slowest.recovery.resolution_s:.2f} s)" if slowest.recovery.resolution_s else "")
    return finding


def _rpo(finding: Finding, runs: list[Measured]) -> Finding:
    finding.spread = Spread(tuple(run.rpo_s for run in runs))
    if None in finding.spread.values:
        finding.why = "; ".join(sorted({run.why.get("final", "not read back") for run in runs if run.rpo_s is None}))
        return finding
    finding.measured = finding.spread.most
    finding.verdict = MET if finding.spread.is_at_most(finding.asked or 0.0) else BREACHED
    final = max(len(run.final.lost) for run in runs if run.final)
    looked = [run.failover for run in runs if run.failover is not None]
    if looked:
        finding.why = f"at failover {max(len(one.lost) for one in looked)} writes missing, {final} for good"
    elif runs[0].has_fault and runs[0].struck:
        finding.why = f"{final} writes lost for good; at failover not measured: {runs[0].why.get('failover', 'no look was taken')}"
    else:
        finding.why = f"{final} writes lost"
    return finding


# Invariants -----------------------------------------------------------------------------------------------


Checked = tuple[str, str, Any]
"""A verdict, why, and a counter-example."""


def _invariant(plan: Plan, invariant: Invariant, runs: list[tuple[Measured, History]]) -> Finding:
    return _worst(str(invariant), [INVARIANT_CHECKS[invariant.kind](plan, invariant.params, run, history) for run, history in runs])


def _worst(name: str, results: list[Checked]) -> Finding:
    """The worst run speaks for all."""
    finding = Finding(name, NOT_MEASURED, "no run was finished")
    for word in (BREACHED, NOT_MEASURED, MET, NOT_APPLICABLE):
        for number, (verdict, why, example) in enumerate(results, 1):
            if verdict == word:
                finding.verdict, finding.counter_example = verdict, example
                finding.why = f"run {number}: {why}" if len(results) > 1 and verdict != MET and why else why
                return finding
    return finding


def _runbook(step: int, file: str, runs: list[tuple[Measured, History]]) -> Finding:
    """A recovery that is written down must work: a runbook is held to as if the drill's author had asked for it."""
    results: list[Checked] = []
    for run, history in runs:
        told = {event["phase"]: event for event in history.told("runbook") if event["step"] == step}
        if "end" not in told:
            results.append((NOT_MEASURED, "it was never begun" if not told else "nobody saw it end", None))
        elif told["end"]["exit"] == 0:
            results.append((MET, f"begun {told['begin']['t'] - run.t_fault:.1f} s after the fault, took {told['end']['took_s']:.1f} s", None))
        else:
            results.append((BREACHED, told["end"]["why"] or f"it ended with exit code {told['end']['exit']}", told["end"]["said"] or None))
    return _worst(f"runbook {file}", results)


def op_told(op: Op) -> dict[str, Any]:
    """An operation as evidence: its line in the history can be found by its id."""
    return {"id": op.id, "key": op.key, "value": op.value, "client": op.client, "t1": op.t1, "entry_region": op.entry_region, "out": op.out}


def _no_lost(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    looks: list[tuple[str, Loss | None]] = [("final", run.final)]
    if params.get("after") == "failover":
        looks = [("failover", run.failover)]
    for phase, found in looks:
        if found is None:
            return NOT_MEASURED, run.why.get(phase, "not read back"), None
        gone = [op for op in [*found.lost, *found.lost_after_fault] if params.get("journey") in (None, op.journey)]
        if gone:
            return BREACHED, f"{len(gone)} acknowledged writes are gone", [op_told(op) for op in gone[:5]]
        if found.phantom:
            return BREACHED, f"{len(found.phantom)} refused writes are there", [op_told(op) for op in found.phantom[:5]]
    return MET, f"{looks[0][1].checked} acknowledged writes were read back" if looks[0][1] else "", None


def _converged(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    if run.convergence_s is None:
        if run.unequal:
            sample = [event for event in history.told("look") if event["unequal"]][-1]
            return BREACHED, run.why["convergence"], sample["sample"]
        return NOT_MEASURED, run.why.get("convergence", ""), None
    within = params.get("within")
    if within is not None and run.convergence_s > within:
        return BREACHED, f"all replicas were equal only {run.convergence_s:.1f} s after healing", None
    return MET, f"all replicas equal {run.convergence_s:.1f} s after healing", None


def _linearizable(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    journeys = {one.name for one in plan.workload.journeys if params.get("journey") in (None, one.name)}
    if "journey" in params:
        journeys |= {one.name for one in plan.workload.journeys if one.reads == params["journey"]}
    if "table" in params:
        journeys = {one.name for one in plan.workload.journeys if one.entry.endswith("/" + params["table"])}
    ops = [op for op in history.load if op.journey in journeys]
    if not any(op.f == "read" for op in ops):
        return NOT_APPLICABLE if "only-if" in params else NOT_MEASURED, "no journey reads it", None
    found = linearizable(ops)
    if found.verdict is None:
        return NOT_MEASURED, f"the search ended without result after {found.steps} steps", None
    if not found.verdict:
        return BREACHED, f"no order of the operations on {found.key} explains what was read", op_told(found.stuck) if found.stuck else None
    return MET, f"{len(ops)} operations", None


def _session(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    forbidden = params.get("forbid", ("read-your-writes", "monotonic-reads"))
    found = [one for one in run.sessions if one.guarantee in forbidden and params.get("journey") in (None, one.read.journey)]
    if found:
        first = found[0]
        return BREACHED, f"{len(found)} × {first.guarantee}", {"read": op_told(first.read), "because": op_told(first.because)}
    if not any(op.f == "read" and op.is_ok for op in history.load):
        return NOT_MEASURED, "nothing was read", None
    return MET, "", None


def _queue(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    if run.queue is None or not history.told("drained"):
        return NOT_MEASURED, "no journey sends to a queue and receives until it is empty", None
    allowed = params.get("allow", ())
    forbidden = params.get("forbid", tuple(word for word in ORDINARY_FINDINGS if word not in allowed))
    for word in forbidden:
        found = getattr(run.queue, word)
        if found:
            return BREACHED, f"{len(found)} messages {word}", found[:5]
    told = {word: len(getattr(run.queue, word)) for word in (*ORDINARY_FINDINGS, "duplicated", "recovered")}
    return MET, ", ".join(f"{count} {word}" for word, count in told.items()), None


def _fifo(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    if run.queue is None:
        return NOT_MEASURED, "no journey sends to a queue", None
    if run.order:
        return BREACHED, f"{len(run.order)} pairs came the wrong way round", list(run.order[0])
    return MET, "", None


def _staleness(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    writes = [op for op in history.load if op.f == "write" and op.is_ok]
    worst = None
    for pairs in arrivals(writes, history.told("apply")).values():
        before = [(write.t1, applied) for write, applied in pairs if write.t1 <= run.t_fault]
        found = exposure(before, run.zero, run.t_fault) if before and run.t_fault > run.zero else None
        worst = found if worst is None else max(worst, found or 0.0)
    if worst is None:
        return NOT_MEASURED, "no replica told when it applied what", None
    limit = params.get("at-most", 1.0)
    return (MET if worst <= limit else BREACHED), f"p99 of staleness {worst:.3f} s", None


def _no_duplicates(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    looks = history.told("effects")
    if not looks:
        return NOT_MEASURED, "no table of effects was read", None
    ops = [op for op in history.load if params.get("journey") in (None, op.journey)]
    missing, duplicated, phantom = effects(ops, looks[-1]["found"])
    for word, found in (("duplicated", duplicated), ("missing", missing), ("phantom", phantom)):
        if found:
            return BREACHED, f"{len(found)} effects {word}", found[:5]
    return MET, f"{len(looks[-1]['found'])} effects, each once", None


def _counter(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    looks = history.told("counter")
    if not looks:
        return NOT_MEASURED, "the counter was not read", None
    found = counter_sum([op for op in history.load if params.get("journey") in (None, op.journey)], looks[-1]["gained"])
    said = f"{found.found:g} counted, {found.at_least:g} acknowledged, {found.at_most:g} possible"
    return (MET if found.holds else BREACHED), said, None


def _residency(plan: Plan, params: dict[str, Any], run: Measured, history: History) -> Checked:
    looks = history.told("residency")
    if not looks:
        return NOT_MEASURED, "no table was scanned for it", None
    astray = [one for look in looks for one in look["astray"]]
    if astray:
        return BREACHED, f"{len(astray)} items are stored where they must not be", astray[:5]
    return MET, f"{sum(look['items'] for look in looks)} items looked at", None


INVARIANT_CHECKS = {
    "no-lost-acked-writes": _no_lost, "converged": _converged, "linearizable": _linearizable, "session": _session, "queue": _queue,
    "fifo-order": _fifo, "staleness": _staleness, "no-duplicates": _no_duplicates, "counter-sum": _counter, "data-residency": _residency,
}  # fmt: skip


def _yearly(plan: Plan, runs: list[Measured]) -> float | None:
    """A projection on declared frequencies; None without them or without a recovery."""
    kinds = [(plan.yearly[step.fault], step) for step in plan.faults if step.fault in plan.yearly]
    rtos = [run.recovery.rto_s for run in runs]
    if not kinds or not rtos or None in rtos:
        return None
    return yearly([(kinds[0][0], max(rtos), 1.0)])
