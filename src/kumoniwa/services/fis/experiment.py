"""A running experiment: its targets resolved, its actions begun, ended or given up, each step one change of its record.

Steps are taken by ``work.py``; everything that must survive a kill of the region is in the record. The faults themselves end after
their duration even if nobody is left to end them.
"""

from __future__ import annotations

import random
import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.fault import FaultRefused
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.fis.action import action, faults_of, seconds
from kumoniwa.services.fis.template import ALARM, Template

SERVICE = "fis.amazonaws.com"
FINAL = frozenset({"completed", "stopped", "failed", "cancelled"})
STATE_CHANGE = "FIS Experiment State Change"
"""That it begins as ``pending`` is no change: https://docs.aws.amazon.com/fis/latest/userguide/monitoring-eventbridge.html"""
OVER = FINAL | {"skipped"}
"""States of an action in which it does nothing any more."""


class Step(Record):
    """One action of an experiment."""

    status: str = "pending"
    reason: str = "Initial state"
    started_at: float | None = None
    ends_at: float | None = None
    ended_at: float | None = None
    faults: list[str] = []


class Experiment(Record):
    id: str
    template: Template
    """As it was when the experiment began."""
    created_at: float
    mode: str = "run-all"
    tags: dict[str, str] = {}
    status: str = "pending"
    reason: str = "Experiment is pending"
    started_at: float | None = None
    ended_at: float | None = None
    steps: dict[str, Step] = {}
    resolved: dict[str, list[str]] = {}
    """ARNs by the target's name."""
    is_stopping: str = ""
    """Why it is to be stopped."""
    error: dict[str, str] | None = None
    report: dict = {}
    """Its state and where it lies, as AWS spells it."""


def shown(call: Call, experiment: Experiment) -> dict[str, Any]:
    template = experiment.template
    actions = {}
    for name, asked in template.actions.items():
        step = experiment.steps[name]
        actions[name] = {
            **asked, "state": {"status": step.status, "reason": step.reason}, "startTime": step.started_at, "endTime": step.ended_at,
        }  # fmt: skip
    return {
        "id": experiment.id,
        "arn": call.arn(f"experiment/{experiment.id}"),
        "experimentTemplateId": template.id,
        "roleArn": template.role_arn,
        "state": state(experiment),
        "targets": template.targets,
        "actions": {name: {key: value for key, value in said.items() if value is not None} for name, said in actions.items()},
        "stopConditions": template.stops,
        "creationTime": experiment.created_at,
        **({"startTime": experiment.started_at} if experiment.started_at else {}),
        **({"endTime": experiment.ended_at} if experiment.ended_at else {}),
        "tags": experiment.tags,
        "experimentOptions": {**template.options, "actionsMode": experiment.mode},
        "targetAccountConfigurationsCount": 0,
        **({"experimentReportConfiguration": template.report, "experimentReport": experiment.report} if template.report else {}),
    }


def state(experiment: Experiment) -> dict[str, Any]:
    said = {"status": experiment.status, "reason": experiment.reason}
    return said | {"error": experiment.error} if experiment.error else said


def put(call: Call, experiment: Experiment) -> Experiment:
    before = call.shelf(Experiment).get(experiment.id)
    call.shelf(Experiment)[experiment.id] = experiment
    call.home.note("experiment", id=experiment.id, status=experiment.status)
    if before is not None and before.status != experiment.status:
        call.tell(STATE_CHANGE, {
            "resources": [call.arn(f"experiment/{experiment.id}")], "experiment-id": experiment.id, "experiment-template-id": experiment.template.id,
            "new-state": _told(experiment), "old-state": _told(before),
        })  # fmt: skip
    return experiment


def _told(experiment: Experiment) -> dict[str, str]:
    return {"status": experiment.status, "reason": experiment.reason}


def with_step(experiment: Experiment, name: str, step: Step) -> Experiment:
    return changed(experiment, steps={**experiment.steps, name: step})


def assumed(call: Call, experiment: Experiment) -> Call:
    """The same place, asked by the experiment's role. Raises AccessDenied if FIS may not assume it."""
    source = {"aws:SourceArn": call.arn(f"experiment/{experiment.id}")}
    return call.assuming(experiment.template.role_arn, SERVICE, f"fis-{experiment.id}", **source)


# Targets -------------------------------------------------------------------------------------------


async def resolve(call: Call, role: Call, experiment: Experiment) -> dict[str, list[str]]:
    """The resources that the targets mean now. Raises the AwsError of whoever refuses the role to look."""
    resolved = {}
    for name, target in experiment.template.targets.items():
        arns = list(target.get("resourceArns") or ()) or await _tagged(role, target["resourceType"], target["resourceTags"])
        resolved[name] = _selected(sorted(arns), target["selectionMode"], call.ids.random)
    return resolved


def _selected(arns: list[str], mode: str, dice: random.Random) -> list[str]:
    number = int((re.search(r"\d+", mode) or ["100"])[0])
    if mode.startswith("COUNT"):
        return sorted(dice.sample(arns, min(number, len(arns))))
    if mode.startswith("PERCENT"):
        return sorted(dice.sample(arns, len(arns) * number // 100))
    return arns


async def _tagged(role: Call, kind: str, wanted: dict[str, str]) -> list[str]:
    """The resources of a type that carry all these tags."""
    return [arn for arn, tags in await LISTERS[kind](role) if wanted.items() <= tags.items()]


async def _functions(role: Call) -> list[tuple[str, dict[str, str]]]:
    found = (await role.ask("lambda:ListFunctions"))["Functions"]
    return [(f["FunctionArn"], (await role.ask("lambda:ListTags", Resource=f["FunctionArn"])).get("Tags", {})) for f in found]


async def _tables(role: Call) -> list[tuple[str, dict[str, str]]]:
    tagged = []
    for name in (await role.ask("dynamodb:ListTables"))["TableNames"]:
        table = (await role.ask("dynamodb:DescribeTable", TableName=name))["Table"]
        if table.get("Replicas"):
            tags = (await role.ask("dynamodb:ListTagsOfResource", ResourceArn=table["TableArn"])).get("Tags", [])
            tagged.append((table["TableArn"], {tag["Key"]: tag["Value"] for tag in tags}))
    return tagged


async def _buckets(role: Call) -> list[tuple[str, dict[str, str]]]:
    tagged = []
    for bucket in (await role.ask("s3:ListBuckets", BucketRegion=role.region))["Buckets"]:
        try:
            tags = (await role.ask("s3:GetBucketTagging", Bucket=bucket["Name"]))["TagSet"]
        except AwsError as error:
            if error.code != "NoSuchTagSet":
                raise
            tags = []
        tagged.append((f"arn:{role.home.partition}:s3:::{bucket['Name']}", {tag["Key"]: tag["Value"] for tag in tags}))
    return tagged


async def _roles(role: Call) -> list[tuple[str, dict[str, str]]]:
    found = (await role.ask("iam:ListRoles"))["Roles"]
    listed = [(one["Arn"], (await role.ask("iam:ListRoleTags", RoleName=one["RoleName"])).get("Tags", [])) for one in found]
    return [(arn, {tag["Key"]: tag["Value"] for tag in tags}) for arn, tags in listed]


LISTERS = {"aws:lambda:function": _functions, "aws:dynamodb:global-table": _tables, "aws:s3:bucket": _buckets, "aws:iam:role": _roles}


# Steps ---------------------------------------------------------------------------------------------


async def begin(call: Call, role: Call, experiment: Experiment, name: str) -> Experiment:
    """Start one action; it fails, and the experiment with it, if its faults are refused."""
    asked, now = experiment.template.actions[name], call.now()
    arns = [arn for target in (asked.get("targets") or {}).values() for arn in experiment.resolved[target]]
    if experiment.mode == "skip-all" or (asked.get("targets") and not arns):
        reason = "Action was skipped" if experiment.mode == "skip-all" else "Target resolution returned empty set"
        return put(call, with_step(experiment, name, Step(status="skipped", reason=reason, started_at=now, ended_at=now)))
    params, known = asked.get("parameters") or {}, action(asked["actionId"])
    faults = []
    try:
        for arn in arns if known.permission else ():
            role.require(known.permission, call.arn(f"experiment/{experiment.id}") if known.permission.startswith("fis:") else arn)
        for fault in faults_of(call.region, asked["actionId"], params, arns):
            faults.append((await call.home.inject("start", **fault))["id"])
    except (AwsError, FaultRefused) as error:
        await heal(call, faults)
        return put(call, with_step(experiment, name, Step(status="failed", reason=str(error), started_at=now, ended_at=now)))
    step = Step(status="running", reason="Action is running", started_at=now, ends_at=now + seconds(params["duration"]), faults=faults)
    return put(call, with_step(experiment, name, step))


async def heal(call: Call, faults: list[str]) -> None:
    for fault in faults:
        try:
            await call.home.inject("heal", id=fault)
        except FaultRefused:
            pass  # the cloud was restarted meanwhile: its faults ended with it


async def end(call: Call, experiment: Experiment, name: str, status: str, reason: str) -> Experiment:
    step = experiment.steps[name]
    await heal(call, step.faults)
    return put(call, with_step(experiment, name, changed(step, status=status, reason=reason, ended_at=call.now())))


async def is_alarmed(role: Call, experiment: Experiment) -> bool:
    """Whether an alarm that is to stop the experiment is in alarm."""
    for stop in experiment.template.stops:
        if stop["source"] == ALARM:
            name, kinds = stop["value"].rpartition(":alarm:")[2], ["MetricAlarm", "CompositeAlarm"]
            told = await role.ask("cloudwatch:DescribeAlarms", AlarmNames=[name], AlarmTypes=kinds)
            if any(alarm["StateValue"] == "ALARM" for alarm in (*told["MetricAlarms"], *told["CompositeAlarms"])):
                return True
    return False
