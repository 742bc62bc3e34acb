"""Experiment templates: what may be written into one, and what is refused when it is written."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.engines import pdf
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.fis.action import TYPES, ValidationException, action, faults_of

ACTIONS_MAX, TARGETS_MAX, TAGS_MAX = 20, 5, 50
"""https://docs.aws.amazon.com/fis/latest/userguide/fis-quotas.html: five target types of twenty actions a template."""
_MODE = re.compile(r"ALL|COUNT\((\d+)\)|PERCENT\((\d+)\)")
ALARM = "aws:cloudwatch:alarm"


class ResourceNotFoundException(AwsError):
    status = 404


class ConflictException(AwsError):
    status = 409


class Template(Record):
    """``targets``, ``actions``, ``stops`` and ``options`` are as AWS spells them."""

    id: str
    description: str
    role_arn: str
    actions: dict[str, dict]
    created_at: float
    updated_at: float
    targets: dict[str, dict] = {}
    stops: list[dict] = []
    options: dict[str, str] = {}
    report: dict = {}
    """Where the report of an experiment goes, as AWS spells it."""
    tags: dict[str, str] = {}


def existing(call: Call, id_: str) -> Template:
    """Raises ResourceNotFoundException."""
    template = call.shelf(Template).get(id_)
    if template is None:
        raise ResourceNotFoundException(f"Experiment template {id_} not found.")
    return template


def shown(call: Call, template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "arn": call.arn(f"experiment-template/{template.id}"),
        "description": template.description,
        "targets": template.targets,
        "actions": template.actions,
        "stopConditions": template.stops,
        "creationTime": template.created_at,
        "lastUpdateTime": template.updated_at,
        "roleArn": template.role_arn,
        "tags": template.tags,
        "experimentOptions": template.options,
        "targetAccountConfigurationsCount": 0,
        **({"experimentReportConfiguration": template.report} if template.report else {}),
    }


def checked(call: Call, template: Template) -> Template:
    """The template, if it can be run here. Raises ValidationException, NotImplementedHere."""
    if len(template.actions) > ACTIONS_MAX or not template.actions:
        raise ValidationException(f"An experiment template has 1 to {ACTIONS_MAX} actions.")
    for name, target in template.targets.items():
        _check_target(name, target)
    for name, asked in template.actions.items():
        _check_action(call, template, name, asked)
    _check_order(template.actions)
    for stop in template.stops:
        _check_stop(stop)
    _check_report(template.report)
    if len(template.tags) > TAGS_MAX:
        raise ValidationException(f"A resource has at most {TAGS_MAX} tags.")
    return template


def _check_target(name: str, target: dict) -> None:
    if target["resourceType"] not in TYPES:
        raise NotImplementedHere(f"targets of the type {target['resourceType']}")
    found = _MODE.fullmatch(target["selectionMode"])
    if not found or (found[1] and not int(found[1])) or (found[2] and not 1 <= int(found[2]) <= 100):
        raise ValidationException(
            f"The selection mode {target['selectionMode']} of the target {name} is not valid.", hint="ALL, COUNT(n) or PERCENT(n)."
        )
    if bool(target.get("resourceArns")) == bool(target.get("resourceTags")):
        raise ValidationException(f"The target {name} must specify either resource ARNs or resource tags.")
    for part in ("filters", "parameters"):
        if target.get(part):
            raise NotImplementedHere(f"{part} of targets of the type {target['resourceType']}")


def _check_action(call: Call, template: Template, name: str, asked: dict) -> None:
    known = action(asked["actionId"])
    wanted = {} if known.target is None else {known.target[0]: known.target[1]}
    targets = asked.get("targets") or {}
    if targets.keys() != wanted.keys():
        raise ValidationException(f"The action {name} must have the target {', '.join(wanted) or 'of nothing'}.")
    for key, target in targets.items():
        if target not in template.targets:
            raise ValidationException(f"The target {target} of the action {name} is not defined in the template.")
        if template.targets[target]["resourceType"] != wanted[key]:
            raise ValidationException(f"The target {target} of the action {name} must be of the type {wanted[key]}.")
    # What an action would inject is read now, so that nothing wrong is found only when it runs.
    faults_of(call.region, asked["actionId"], asked.get("parameters") or {}, ["*"])


def _check_order(actions: dict[str, dict]) -> None:
    for name, asked in actions.items():
        for earlier in asked.get("startAfter") or ():
            if earlier not in actions:
                raise ValidationException(f"The action {name} starts after {earlier}, which is not defined in the template.")
    done: set[str] = set()
    while len(done) < len(actions):
        ready = {name for name, asked in actions.items() if name not in done and done.issuperset(asked.get("startAfter") or ())}
        if not ready:
            raise ValidationException("The startAfter of the actions is a circle.")
        done |= ready


def _check_stop(stop: dict) -> None:
    if stop["source"] == "none":
        if stop.get("value"):
            raise ValidationException("The stop condition none has no value.")
    elif stop["source"] != ALARM:
        raise ValidationException(f"The source {stop['source']} of a stop condition is not valid.", hint=f"none, or {ALARM} with an alarm's ARN.")
    elif not stop.get("value", "").startswith("arn:"):
        raise ValidationException(f"The stop condition {ALARM} must have the ARN of an alarm.")


def _check_report(report: dict) -> None:
    if not report:
        return
    if report.get("dataSources", {}).get("cloudWatchDashboards"):
        raise NotImplementedHere("dashboards in experiment reports")
    for name in ("preExperimentDuration", "postExperimentDuration"):
        if name in report:
            # They say how much of the dashboards' graphs lies before and after the experiment.
            raise NotImplementedHere(f"{name} of experiment reports, which have no dashboards")
    if not report.get("outputs", {}).get("s3Configuration", {}).get("bucketName"):
        raise ValidationException("An experiment report must have an output to S3.", hint="outputs.s3Configuration.bucketName")
    if not pdf.is_here():
        raise NotImplementedHere(f"experiment reports on this machine. {pdf.MISSING}")
