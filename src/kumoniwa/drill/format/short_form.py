"""The short form: a drill as a person writes it, a dozen lines long.

Journeys are declared once for a project, in the drill itself or in ``journeys.yaml`` beside it; ``load`` says how often each comes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kumoniwa.drill.format import quantity, workload
from kumoniwa.drill.format.expectations import invariants, objectives
from kumoniwa.drill.format.fault_names import check_fault
from kumoniwa.drill.format.page import Page, Section
from kumoniwa.drill.format.plan import Journey, Plan, Step

JOURNEYS_FILE = "journeys.yaml"


def read_short(page: Page, folder: Path) -> Plan:
    top = page.section()
    name = top.take("drill", quantity.text) or "?"
    journeys = _journeys(top, folder)
    load = workload.workload(top, journeys)
    steps, end_s = _steps(top, load.cooldown_s)
    plan = Plan(
        name=name,
        says=top.take("says", quantity.text, name),
        workload=load,
        steps=steps,
        end_s=end_s,
        slo=workload.slo(top.section("slo")),
        objectives=objectives(top.section("expect")),
        invariants=invariants(top, load),
        **shared_fields(top),
        tags=top.take("tags", quantity.texts, ()),
        folder=str(folder),
    )
    top.end()
    page.settle()
    return plan


def shared_fields(section: Section) -> dict[str, Any]:
    """What both forms write alike."""
    scale = section.take("time-scale", quantity.positive, 1)
    if scale != 1:
        section.complain("time-scale", "other than 1 is not implemented", "shorten intervals and TTLs in the template instead")
    yearly = section.take("yearly", None, {})
    if not isinstance(yearly, dict) or not all(isinstance(value, int | float) for value in yearly.values()):
        section.complain("yearly", "must be a mapping of fault kinds and how often a year each is assumed", "such as {region.kill: 0.1}")
        yearly = {}
    sabotage = tuple(step(one) for one in section.sections("sabotage"))
    evidence = section.take("evidence", None, {})
    if not isinstance(evidence, dict):
        section.complain("evidence", "must be a mapping, such as {WA: [REL11-BP02]}")
    return {
        "stacks": tuple(workload.stack(one) for one in section.sections("stacks")),
        "setup": section.take("setup", quantity.text, ""),
        "regions": section.take("regions", quantity.texts, ()),
        "expects_idle": section.take("expects-idle", quantity.texts, ()),
        "guard": workload.guard(section.section("guard")),
        "links": section.take("links", quantity.text, "aws-p50"),
        "repeat": section.take("repeat", quantity.count, 5),
        "yearly": yearly,
        "sabotage": sabotage,
        "evidence": evidence,
    }


def _journeys(top: Section, folder: Path) -> list[Journey]:
    held, load = top.take("journeys", None, JOURNEYS_FILE), top.section("load")
    declared = top
    if isinstance(held, str):
        top.page.settle()
        other = Page.read(folder / held)
        declared = other.section()
        fields = {name: Section(other, (name,), value) for name, value in declared.value.items()}
    elif isinstance(held, dict):
        fields = {name: Section(top.page, ("journeys", name), value) for name, value in held.items()}
    else:
        top.complain("journeys", "must be a mapping of names, or the name of a file")
        fields = {}
    found = []
    for name in load.value:
        rate = load.take(name, quantity.rate_per_s)
        if name in fields:
            found.append(workload.journey(fields[name], name, rate or 1.0))
        else:
            load.complain(name, "is a journey nobody declared", f"declared are {', '.join(fields) or 'none'}")
    if isinstance(held, str):
        declared.page.settle()
    return found


def step(section: Section) -> Step:
    """``{at: 20s, fault: region.kill, target: {…}, for: 60s, …}``, ``{at: 80s, heal: all}`` or ``{at: 50s, run: failover.py}``."""
    at_s = section.take("at", quantity.duration_s) or 0.0
    if "heal" in section:
        read = Step(at_s=at_s, heal=section.take("heal", quantity.text) or "all")
    elif "run" in section:
        read = Step(
            at_s=at_s,
            run=section.take("run", quantity.text) or "?",
            args=section.take("args", quantity.texts, ()),
            timeout_s=section.take("timeout", quantity.duration_s, Step.timeout_s),
        )
        if not read.timeout_s:
            section.complain("timeout", "must be longer than nothing")
    else:
        kind, target = section.take("fault"), section.take("target", None, {})
        if kind is not None:
            check_fault(section.page, (*section.path, "fault"), kind, target)
        for_s = section.take("for", quantity.duration_s, None)
        params = {}
        for name in section.value:
            if name not in section.taken:
                params[name] = section.take(name)
        read = Step(at_s=at_s, fault=str(kind), target=target if isinstance(target, dict) else {}, params=params, for_s=for_s)
    section.end()
    return read


def _steps(top: Section, cooldown_s: float) -> tuple[tuple[Step, ...], float]:
    found, end_s = [], None
    for section in top.sections("steps"):
        if "end" in section:
            end_s = section.take("at", quantity.duration_s)
            section.take("end", quantity.truth)
            section.end()
        else:
            found.append(step(section))
    for earlier, later in zip(found, found[1:]):
        if later.at_s < earlier.at_s:
            top.complain("steps", f"are not in order: {quantity.duration_text(later.at_s)} comes after {quantity.duration_text(earlier.at_s)}")
    last_s = over_s(found)
    if end_s is None:
        end_s = last_s + cooldown_s
    elif end_s < last_s:
        top.complain("steps", f"end at {quantity.duration_text(end_s)}, while something still happens at {quantity.duration_text(last_s)}")
    return tuple(found), end_s


def over_s(steps: list[Step] | tuple[Step, ...]) -> float:
    """When the last step has begun and, if it says for how long, ended."""
    return max((one.at_s + (one.for_s or 0.0) for one in steps), default=0.0)
