"""AWS FIS experiment templates as drills.

Of the 50 actions in AWS's reference, 33 have a fault here that does the same, 6 one that does part of it, and 11 are refused by
name. Which a running cloud offers, its admin door says when the drill is held. Targets keep their selection (``COUNT(n)``,
``PERCENT(n)``, ``ALL``), tags and filters; ``startAfter`` becomes the order of steps.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from kumoniwa.drill.format.page import Page, Section
from kumoniwa.drill.format.quantity import duration_text, iso_duration_s


@dataclass(frozen=True)
class Mapping:
    """What becomes of an action: our fault and the parameters its description fixes."""

    fault: str
    note: str
    importable: str  # yes, partly, no


@cache
def fis_actions() -> dict[str, Mapping]:
    """By FIS action id."""
    text = resources.files(__package__).joinpath("fis_actions.csv").read_text()
    found = {}
    for row in csv.DictReader(text.splitlines()):
        kind, _, note = row["our_fault"].partition(" ")
        found[row["fis_action_id"]] = Mapping(kind, note.strip("()"), row["importable"])
    return found


def imported(path: Path, region: str) -> tuple[dict[str, Any], list[str]]:
    """The drill of a template, and remarks. Raises Refused naming every action that has no fault here."""
    page = Page.read(path)
    return import_template(page, region, path.stem)


def import_template(page: Page, region: str, name: str) -> tuple[dict[str, Any], list[str]]:
    top = page.section()
    remarks: list[str] = []
    targets = top.take("targets", None, {})
    actions = top.take("actions") or {}
    description = top.take("description", None, "")
    chosen = {one: _target(Section(page, ("targets", one), said), one, remarks) for one, said in targets.items()}
    taken = {one: _action(Section(page, ("actions", one), said), one, chosen, region, remarks) for one, said in actions.items()}
    steps = sorted(_ordered(page, taken), key=lambda pair: pair[0])
    drill: dict[str, Any] = {
        "drill": name,
        "says": str(description or name),
        "steps": [{"at": duration_text(at_s), **step} for at_s, step in steps],
        "guard": _guard(top, remarks),
    }
    for field in ("roleArn", "logConfiguration", "experimentOptions", "experimentReportConfiguration", "tags", "clientToken"):
        if top.take(field, None, None) is not None:
            remarks.append(f"{page.name}: {field} says nothing to a drill and was left out")
    top.end("targets", "actions", "stopConditions", "description")
    page.settle()
    remarks.append(f"{page.name}: add `journeys` and `load` before you hold it: a drill without traffic can say nothing")
    return {field: value for field, value in drill.items() if value not in ({}, [])}, remarks


def _target(section: Section, name: str, remarks: list[str]) -> dict[str, Any]:
    """What a template's target selects, in the words a step takes."""
    kind = section.take("resourceType") or "?"
    chosen: dict[str, Any] = {"type": kind, "selection": section.take("selectionMode", None, "ALL")}
    for theirs, ours in (("resourceArns", "arns"), ("resourceTags", "tags"), ("filters", "filters"), ("parameters", "parameters")):
        said = section.take(theirs, None, None)
        if said:
            chosen[ours] = said
    section.end()
    return chosen


_SHORT_TARGETS = {"aws:lambda:function": "function", "aws:dynamodb:global-table": "table", "aws:dynamodb:encrypted-global-table": "table",
                  "aws:s3:bucket": "bucket", "aws:kinesis:stream": "stream", "aws:iam:role": "role"}  # fmt: skip


def _spelled(chosen: dict[str, Any], region: str) -> dict[str, Any]:
    """By name where the template names resources, otherwise as selected: the cloud decides with the seed."""
    short = _SHORT_TARGETS.get(chosen["type"])
    if short and "arns" in chosen:
        names = [arn.rpartition(":")[2].rpartition("/")[2] for arn in chosen["arns"]]
        return {"region": region, short: names[0] if len(names) == 1 else names}
    return {"region": region, **chosen}


def _action(section: Section, name: str, targets: dict[str, dict[str, Any]], region: str, remarks: list[str]) -> dict[str, Any]:
    """The step of an action, with ``after`` and ``for_s`` for the ordering."""
    action = section.take("actionId") or "?"
    mapping = fis_actions().get(action)
    parameters = section.take("parameters", None, {})
    after = section.take("startAfter", None, [])
    aimed = section.take("targets", None, {})
    section.take("description", None, "")
    section.end()
    if mapping is None:
        section.complain("actionId", f": AWS FIS has no action {action!r}")
        return {"after": [], "for_s": 0.0, "step": {}}
    if mapping.importable == "no":
        section.complain("actionId", f": {action} has no counterpart here and is refused")
        return {"after": [], "for_s": 0.0, "step": {}}
    if mapping.importable == "partly":
        remarks.append(f"{section.page.name}: {action} is carried out in part, as {mapping.fault}{f' ({mapping.note})' if mapping.note else ''}")
    for_s = None
    if "duration" in parameters:
        try:
            for_s = iso_duration_s(parameters["duration"])
        except ValueError as error:
            section.page.complain((*section.path, "parameters", "duration"), f": {error}")
    chosen = next((targets[said] for said in aimed.values() if said in targets), None)
    for said in aimed.values():
        if said not in targets:
            section.complain("targets", f": the template has no target {said!r}")
    step = _step(mapping, action, parameters, chosen, region)
    if for_s is not None:
        step["for"] = duration_text(for_s)
    return {"after": after, "for_s": for_s or 0.0, "step": step}


def _step(mapping: Mapping, action: str, parameters: dict[str, Any], chosen: dict[str, Any] | None, region: str) -> dict[str, Any]:
    step: dict[str, Any] = {"fault": mapping.fault}
    if mapping.fault == "probe":
        return {**step, "fault": "wait"}
    if action.startswith("aws:fis:inject-api-"):
        target = {"region": region, "service": parameters.get("service", ""), "operations": _words(parameters.get("operations", ""))}
        if chosen and "arns" in chosen:
            target["role"] = [arn.rpartition("/")[2] for arn in chosen["arns"]]
        step["target"] = {name: value for name, value in target.items() if value}
    elif chosen is not None:
        step["target"] = _spelled(chosen, region)
    elif mapping.fault != "wait":
        step["target"] = {"region": region}
    for theirs, read in _PARAMETERS.items():
        if theirs in parameters:
            ours, value = read(parameters[theirs])
            step[ours] = value
    note = mapping.note.partition("=")
    if note[1] and note[0].strip() in ("code", "kind"):
        step[note[0].strip()] = note[2].strip()
    return step


def _words(said: Any) -> list[str]:
    return [word.strip() for word in str(said).split(",") if word.strip()]


_PARAMETERS = {
    "percentage": lambda said: ("percent", float(said)),
    "invocationPercentage": lambda said: ("percent", float(said)),
    "startupDelayMilliseconds": lambda said: ("ms", float(said)),
    "preventExecution": lambda said: ("prevent_execution", str(said).lower() == "true"),
    "statusCode": lambda said: ("status_code", int(said)),
    "delayMilliseconds": lambda said: ("rtt_add", float(said)),
    "jitterMilliseconds": lambda said: ("jitter", float(said)),
    "lossPercent": lambda said: ("percent", float(said)),
    "region": lambda said: ("to", str(said)),
    "scope": lambda said: ("scope", str(said)),
    "availabilityZoneIdentifier": lambda said: ("az", str(said)),
    "port": lambda said: ("port", int(said)),
    "protocol": lambda said: ("protocol", str(said)),
    "signal": lambda said: ("signal", str(said)),
    "percent": lambda said: ("percent", float(said)),
}
"""Parameters of FIS actions, and what ours are called."""


def _ordered(page: Page, taken: dict[str, dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """When each step begins: after all it waits for have ended."""
    begins: dict[str, float] = {}

    def begin(name: str, waiting: tuple[str, ...]) -> float:
        if name in waiting:
            page.complain(("actions", name, "startAfter"), "waits for itself")
            return 0.0
        if name not in begins:
            at_s = 0.0
            for other in taken[name]["after"]:
                if other not in taken:
                    page.complain(("actions", name, "startAfter"), f": there is no action {other!r}")
                    continue
                at_s = max(at_s, begin(other, (*waiting, name)) + taken[other]["for_s"])
            begins[name] = at_s
        return begins[name]

    return [(begin(name, ()), one["step"]) for name, one in taken.items() if one["step"]]


def _guard(top: Section, remarks: list[str]) -> dict[str, Any]:
    """Stop conditions are alarms; a drill's own guard watches what users see."""
    for condition in top.sections("stopConditions"):
        source = condition.take("source", None, "none")
        arn = condition.take("value", None, "")
        condition.end()
        if source not in ("none", "aws:cloudwatch:alarm"):
            condition.complain("source", f": {source!r} is no source of stop conditions", "they are none and aws:cloudwatch:alarm")
        elif source != "none":
            remarks.append(f"{top.page.name}: the stop condition {arn} became `guard`: stop when success is below 0.5 for 30 s; adjust it")
            return {"stop-when": {"success-below": 0.5, "for": "30s"}}
    return {}
