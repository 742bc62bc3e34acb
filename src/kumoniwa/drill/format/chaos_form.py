"""The long form: a Chaos Toolkit experiment with our part in its extension ``x-drill``. Read here, and written from a plan.

Actions and probes are calls of the control door (``POST /faults``, ``DELETE /faults``, ``GET /probe/success``), so that
``chaos run`` drives the same drill against ``kumoniwa drill control``. A runbook is a process of Chaos Toolkit's in the background.
The time of a step is the sum of the pauses before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kumoniwa.drill.format import quantity, workload
from kumoniwa.drill.format.expectations import invariants, objectives
from kumoniwa.drill.format.fault_names import check_fault
from kumoniwa.drill.format.page import Page, Section
from kumoniwa.drill.format.plan import Invariant, Journey, Plan, Steady, Step
from kumoniwa.drill.format.short_form import over_s, shared_fields

VERSION = "1.0.0"
EXTENSION = "x-drill"
CONTROL = "http://127.0.0.1:4599"
EXPERIMENT_FIELDS = ("contributions", "configuration", "secrets", "controls", "runtime")


def read_long(page: Page, folder: Path) -> Plan:
    top = page.section()
    top.take("version", quantity.one_of(VERSION), VERSION)
    title = top.take("title", quantity.text) or "?"
    for name in EXPERIMENT_FIELDS:
        top.take(name, None, None)  # Chaos Toolkit's own
    ours = _extension(top)
    steps = _method(top)
    load = _workload(ours)
    end_s = max(steps[1], over_s(steps[0])) + load.cooldown_s
    plan = Plan(
        name=ours.take("drill", quantity.text, title),
        says=title,
        workload=load,
        steps=steps[0],
        end_s=ours.take("end", quantity.duration_s, end_s),
        slo=workload.slo(ours.section("slo")),
        objectives=objectives(ours.section("objectives")),
        invariants=invariants(ours, load),
        steady=_hypothesis(top, load),
        **shared_fields(ours),
        tags=top.take("tags", quantity.texts, ()),
        folder=str(folder),
    )
    top.take("description", quantity.text, "")
    _rollbacks(top)
    ours.take("name")
    ours.end()
    top.end("steady-state-hypothesis", "method", "rollbacks", "extensions", *EXPERIMENT_FIELDS)
    page.settle()
    return plan


def _extension(top: Section) -> Section:
    for section in top.sections("extensions"):
        if section.value.get("name") == EXTENSION:
            return section
    top.complain("extensions", f"has no entry named {EXTENSION}", "a Chaos Toolkit experiment becomes a drill by that extension")
    top.page.settle()
    raise AssertionError


def _workload(ours: Section) -> Any:
    section = ours.section("workload")
    read = workload.workload(section, [workload.journey(one) for one in section.sections("journeys")])
    section.end()
    return read


def _method(top: Section) -> tuple[tuple[Step, ...], float]:
    """The steps, and the second at which the method is over."""
    found, at_s = [], 0.0
    for section in top.sections("method"):
        kind = section.take("type", quantity.one_of("action", "probe"))
        name = section.take("name", quantity.text) or "?"
        pauses = section.take("pauses", None, None) or {}
        in_background = section.take("background", quantity.truth, False)
        at_s += float(pauses.get("before", 0))
        provider = section.value.get("provider")
        if kind == "action" and isinstance(provider, dict) and provider.get("type") == "process":
            found.append(_runbook(section.section("provider"), name, at_s))
            if not in_background:
                section.complain("provider", "would hold up the steps after it", "add `background: true`")
            at_s += float(pauses.get("after", 0))
            section.end("provider", "pauses")
            continue
        target, method, arguments = _provider(section)
        if kind == "action" and target is not None:
            path = urlsplit(target).path
            if method == "DELETE" and path.startswith("/faults"):
                found.append(Step(at_s=at_s, heal="all" if path.rstrip("/") == "/faults" else path.removeprefix("/faults/"), name=name))
            elif method == "POST" and path == "/faults":
                found.append(_fault(section, name, at_s, arguments))
            else:
                section.complain("provider", f": the control door has no {method} {path}", "it has POST /faults and DELETE /faults")
        if kind == "probe":
            section.take("tolerance", None, None)
        at_s += float(pauses.get("after", 0))
        section.end("provider", "pauses", "tolerance")
    return tuple(found), at_s


def _runbook(provider: Section, name: str, at_s: float) -> Step:
    provider.take("type")
    path = provider.take("path", quantity.text) or "?"
    if not Path(path).name.startswith("python"):
        provider.complain(
            "path", f": our runner begins Python scripts and not {path!r}", "write path: python3 and the script as the first of `arguments`"
        )
    words = provider.take("arguments", quantity.texts) or ("?",)
    timeout_s = provider.take("timeout", quantity.positive, Step.timeout_s)
    provider.end()
    return Step(at_s=at_s, run=words[0], args=words[1:], timeout_s=timeout_s, name=name)


def _fault(section: Section, name: str, at_s: float, arguments: Any) -> Step:
    path = (*section.path, "provider", "arguments")
    if not isinstance(arguments, dict) or "fault" not in arguments:
        section.page.complain(path, "names no fault", "write arguments: {fault: region.kill, target: {region: us-east-1}}")
        return Step(at_s=at_s, name=name)
    rest = dict(arguments)
    kind, target, duration = rest.pop("fault"), rest.pop("target", {}), rest.pop("duration", None)
    check_fault(section.page, (*path, "fault"), kind, target)
    for_s = None
    if duration is not None:
        try:
            for_s = quantity.duration_s(duration)
        except ValueError as error:
            section.page.complain((*path, "duration"), f": {error}")
    return Step(at_s=at_s, fault=str(kind), target=target if isinstance(target, dict) else {}, params=rest, for_s=for_s, name=name)


def _provider(section: Section) -> tuple[str | None, str, Any]:
    """The path and query called at the control door, the method, the arguments; None for a call of anybody else."""
    provider = section.take("provider") or {}
    if not isinstance(provider, dict) or provider.get("type") != "http":
        kind = provider.get("type") if isinstance(provider, dict) else provider
        section.complain(
            "provider",
            f": our runner calls the control door only and does not run {kind!r}",
            "`chaos run` does; here it must be `type: http`",
        )
        return None, "", None
    url = str(provider.get("url", ""))
    where = url.partition("}")[2] if url.startswith("${") else url.partition("://")[2].partition("/")
    if isinstance(where, tuple):
        where = "/" + where[2]
    return where, str(provider.get("method", "GET")).upper(), provider.get("arguments")


def _hypothesis(top: Section, load: Any) -> tuple[Steady, ...]:
    if "steady-state-hypothesis" not in top:
        return ()
    section, found = top.section("steady-state-hypothesis"), []
    section.take("title", quantity.text, "")
    for probe in section.sections("probes"):
        probe.take("type", quantity.one_of("probe"))
        probe.take("name", quantity.text)
        target, method, _ = _provider(probe)
        tolerance = probe.take("tolerance") or {}
        asked = urlsplit(target or "")
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if target is None:
            continue
        if (method, asked.path) != ("GET", "/probe/success"):
            probe.complain("provider", f": the control door has no {method} {asked.path}", "its probe is GET /probe/success?journey=NAME&last=10s")
        elif query.get("journey") not in [journey.name for journey in load.journeys]:
            probe.complain("provider", f": no journey is called {query.get('journey')!r}")
        elif not isinstance(tolerance, dict) or tolerance.get("type") != "range" or len(tolerance.get("range", ())) != 2:
            probe.complain("tolerance", "must be a range", "write tolerance: {type: range, range: [0.99, 1.0], target: body}")
        else:
            low, high = tolerance["range"]
            found.append(Steady(journey=query["journey"], low=low, high=high, last_s=_last_s(probe, query)))
        probe.end()
    section.end("title", "probes")
    return tuple(found)


def _last_s(probe: Section, query: dict[str, str]) -> float:
    try:
        return quantity.duration_s(query.get("last", "10s"))
    except ValueError as error:
        probe.complain("provider", f": {error}")
        return 10.0


def _rollbacks(top: Section) -> None:
    """Our runner always heals everything; a rollback may say so again."""
    for section in top.sections("rollbacks"):
        section.take("type", quantity.one_of("action"))
        section.take("name", quantity.text)
        target, method, _ = _provider(section)
        if target is not None and (method != "DELETE" or not target.startswith("/faults")):
            section.complain("provider", "is no healing", "our runner's only rollback is DELETE ${control}/faults")


# Writing ------------------------------------------------------------------------------------------------


def compiled(plan: Plan) -> dict[str, Any]:
    """The experiment that means the same as the plan."""
    probes = plan.steady or tuple(Steady(journey=one.name, low=plan.slo.success) for one in plan.workload.journeys)
    experiment = {
        "version": VERSION,
        "title": plan.says,
        "description": f"Compiled from the drill {plan.name}.",
        "tags": list(plan.tags),
        "configuration": {"control": {"type": "env", "key": "CLOUD_CONTROL", "default": CONTROL}},
        "steady-state-hypothesis": {
            "title": "Every journey meets its service level",
            "probes": [
                {
                    "type": "probe",
                    "name": f"{one.journey}-success-ratio",
                    "tolerance": {"type": "range", "range": [one.low, one.high], "target": "body"},
                    "provider": {
                        "type": "http",
                        "url": f"${{control}}/probe/success?journey={one.journey}&last={quantity.duration_text(one.last_s)}",
                        "timeout": 5,
                    },
                }
                for one in probes
            ],
        },
        "method": _actions(plan),
        "rollbacks": [{"type": "action", "name": "heal-all", "provider": {"type": "http", "method": "DELETE", "url": "${control}/faults"}}],
        "extensions": [_our_part(plan)],
    }
    if not plan.tags:
        del experiment["tags"]
    return experiment


def _actions(plan: Plan) -> list[dict[str, Any]]:
    found, clock_s = [], 0.0
    for number, step in enumerate(plan.steps):
        if step.fault:
            arguments = {"fault": step.fault, "target": step.target, **step.params}
            if step.for_s is not None:
                arguments["duration"] = quantity.duration_text(step.for_s)
            provider = {
                "type": "http",
                "method": "POST",
                "url": "${control}/faults",
                "headers": {"Content-Type": "application/json"},
                "arguments": arguments,
            }
            name = step.name or f"{step.fault.replace('.', '-')}-{number + 1}"
        elif step.run:
            provider = {"type": "process", "path": "python3", "arguments": [step.run, *step.args], "timeout": step.timeout_s}
            name = step.name or f"run-{Path(step.run).stem}-{number + 1}"
        else:
            provider = {"type": "http", "method": "DELETE", "url": "${control}/faults" + ("" if step.heal == "all" else f"/{step.heal}")}
            name = step.name or f"heal-{step.heal.replace('.', '-')}"
        action: dict[str, Any] = {"type": "action", "name": name, "provider": provider}
        if step.run:
            action["background"] = True
        if step.at_s > clock_s:
            action["pauses"] = {"before": step.at_s - clock_s}
            clock_s = step.at_s
        found.append(action)
    rest_s = plan.end_s - clock_s  # the hypothesis is asked again when the drill is over
    if found and rest_s > 0:
        found[-1].setdefault("pauses", {})["after"] = rest_s
    return found


def _our_part(plan: Plan) -> dict[str, Any]:
    load = plan.workload
    part: dict[str, Any] = {
        "name": EXTENSION,
        "drill": plan.name,
        "workload": {
            "journeys": [_journey_fields(one) for one in load.journeys],
            "warmup": quantity.duration_text(load.warmup_s),
            "cooldown": quantity.duration_text(load.cooldown_s),
            "seed": load.seed,
            "clients": load.clients,
        },
        "end": quantity.duration_text(plan.end_s),
        "slo": {"success": plan.slo.success, "p99_ms": plan.slo.p99_ms, "window": quantity.duration_text(plan.slo.window_s), "hold": plan.slo.hold},
        "objectives": _objective_fields(plan),
        "invariants": [_invariant_fields(one) for one in plan.invariants],
        "links": plan.links,
        "repeat": plan.repeat,
        "guard": _guard_fields(plan),
        "stacks": [
            {"name": one.name, "template": one.template, "regions": list(one.regions), "parameters": one.parameters} for one in plan.stacks
        ],
        "setup": plan.setup,
        "regions": list(plan.regions),
        "expects-idle": list(plan.expects_idle),
        "yearly": plan.yearly,
        "sabotage": [_step_fields(one) for one in plan.sabotage],
        "evidence": plan.evidence,
    }
    return {name: value for name, value in part.items() if value not in ([], {}, "")}


def _journey_fields(one: Journey) -> dict[str, Any]:
    said = {"name": one.name, "entry": one.entry, "kind": one.kind, "rate": _rate_text(one.rate), "arrival": one.arrival,
            "timeout": quantity.duration_text(one.timeout_s), "retries": 0}  # fmt: skip
    for field in ("key", "value", "reads", "consistency", "method", "path", "body", "group", "ttl"):
        if getattr(one, field) != getattr(Journey, field, None):
            said[field] = getattr(one, field)
    if one.keys:
        said["keys"] = one.keys
    if one.headers:
        said["headers"] = dict(one.headers)
    if one.served_by:
        said["served-by"] = one.served_by
    return said


def _rate_text(rate: float) -> str:
    """Per second if that is a plain number, else per minute or hour."""
    for unit, times in (("s", 1), ("m", 60), ("h", 3600)):
        if rate * times == float(f"{rate * times:g}"):
            return f"{rate * times:g}/{unit}"
    return f"{rate!r}/s"


def _objective_fields(plan: Plan) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for one in plan.objectives:
        place, _, part = one.name.partition(".")
        if part:
            said.setdefault(place, {})[part] = quantity.duration_text(one.asked)
        else:
            said[place] = one.asked
    return said


def _invariant_fields(one: Invariant) -> dict[str, Any]:
    times = ("within", "at-most")
    said = {
        name: quantity.duration_text(value) if name in times else list(value) if isinstance(value, tuple) else value
        for name, value in one.params.items()
    }
    return {one.kind: said}


def _guard_fields(plan: Plan) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if plan.guard.success_below is not None:
        said["stop-when"] = {"success-below": plan.guard.success_below, "for": quantity.duration_text(plan.guard.for_s)}
    if plan.guard.max_duration_s is not None:
        said["max-duration"] = quantity.duration_text(plan.guard.max_duration_s)
    return said


def _step_fields(one: Step) -> dict[str, Any]:
    said: dict[str, Any] = {"at": quantity.duration_text(one.at_s)}
    if one.heal:
        return {**said, "heal": one.heal}
    if one.run:
        return {**said, "run": one.run, **({"args": list(one.args)} if one.args else {}), "timeout": quantity.duration_text(one.timeout_s)}
    said.update(fault=one.fault, target=one.target, **one.params)
    if one.for_s is not None:
        said["for"] = quantity.duration_text(one.for_s)
    return said
