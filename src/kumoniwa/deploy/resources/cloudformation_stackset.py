"""AWS::CloudFormation::StackSet: a set, and the instances that it is to have in accounts and regions.

As AWS's own handler does it (aws-cloudformation/aws-cloudformation-resource-providers-cloudformation): instances that are not wanted any more
go first, then the set changes, then come the new ones, then those whose parameters are others; each operation is awaited.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from kumoniwa.deploy.resource import ID, Call, ResourceType, Setting, Work, at, carries, made, p
from kumoniwa.deploy.step import Failure, Senseless

LOOK_S, LOOK_S_MAX = 0.1, 2.0
_SET = (
    "AdministrationRoleARN AutoDeployment CallAs Capabilities Description ExecutionRoleName ManagedExecution Parameters Tags TemplateBody "
    "TemplateURL"
)
_UNDER_WAY = ("RUNNING", "QUEUED", "STOPPING")

Place = tuple[str, str]
"""Whom (a unit, an account, or what narrows them down as JSON) and in which region."""


def _given(work: Work, *names: str) -> dict[str, Any]:
    return {name: work.properties[name] for name in names if work.properties.get(name) not in (None, "", {})}


def _numbers(said: dict[str, Any]) -> dict[str, Any]:
    return {name: int(value) if name.endswith(("Count", "Percentage")) else value for name, value in said.items()}


def _truths(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, list) else str(value).lower() == "true" for name, value in said.items()}


def _parameters(said: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    def text(value: Any) -> str:
        return ("true" if value else "false") if isinstance(value, bool) else str(value)

    return [{"ParameterKey": each["ParameterKey"], "ParameterValue": text(each.get("ParameterValue", ""))} for each in said]


def _set_of(work: Work) -> dict[str, Any]:
    """The set as it is told to the service."""
    asked = _given(work, *(name for name in _SET.split() if name not in ("Parameters", "Tags")))
    for name in ("AutoDeployment", "ManagedExecution"):
        if name in asked:
            asked[name] = _truths(asked[name])
    return asked | {"Parameters": _parameters(work.properties.get("Parameters", ())), "Tags": work.properties.get("Tags", [])}


@carries(f"{_SET} PermissionModel StackSetName")
async def _create(work: Work) -> dict[str, Any]:
    _instances(work.properties)  # What makes no sense is refused before anything is made.
    return await work.ask("cloudformation:CreateStackSet", **_set_of(work), **_given(work, "PermissionModel", "StackSetName"))


# Instances -------------------------------------------------------------------------------------------


def _instances(properties: dict[str, Any]) -> dict[Place, str]:
    """Every instance that is wanted, with its parameters."""
    found: dict[Place, str] = {}
    for group in properties.get("StackInstancesGroup") or ():
        said = group.get("DeploymentTargets", {})
        narrows = said.get("AccountFilterType", "NONE") != "NONE" or "AccountsUrl" in said
        kind = "Accounts" if properties.get("PermissionModel") == "SELF_MANAGED" else "OrganizationalUnitIds"
        whom = [json.dumps(said, sort_keys=True)] if narrows else said.get(kind, ())
        for place in [(each, region) for each in whom for region in group.get("Regions", ())]:
            if place in found:
                raise Senseless(f"Stack instance [{place[0]},{place[1]}] is duplicated")
            found[place] = json.dumps(_parameters(group.get("ParameterOverrides") or ()))
    return found


def _grouped(places: dict[Place, str], kind: str) -> list[dict[str, Any]]:
    """Requests that are about these places, as few as may be."""
    regions: dict[tuple[str, str], list[str]] = {}
    for (whom, region), parameters in places.items():
        regions.setdefault((whom, parameters), []).append(region)
    together: dict[tuple[tuple[str, ...], str], list[str]] = {}
    alone = []
    for (whom, parameters), names in regions.items():
        if whom.startswith("{"):
            alone.append({"DeploymentTargets": json.loads(whom), "Regions": names, "ParameterOverrides": json.loads(parameters)})
        else:
            together.setdefault((tuple(sorted(names)), parameters), []).append(whom)
    return alone + [
        {"DeploymentTargets": {kind: whom}, "Regions": list(names), "ParameterOverrides": json.loads(parameters)}
        for (names, parameters), whom in together.items()
    ]


async def _operate(work: Work, operation: str, places: dict[Place, str], more: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    is_own = work.properties.get("PermissionModel") == "SELF_MANAGED"
    preferences = _numbers(work.properties.get("OperationPreferences") or {})
    for group in _grouped(places, "Accounts" if is_own else "OrganizationalUnitIds"):
        asked = {"StackSetName": work.id, "Regions": group["Regions"], **_given(work, "CallAs"), **more(group)}
        if is_own and "Accounts" in group["DeploymentTargets"]:
            asked["Accounts"] = group["DeploymentTargets"]["Accounts"]
        else:
            asked["DeploymentTargets"] = group["DeploymentTargets"]
        if preferences:
            asked["OperationPreferences"] = preferences
        await _idle(work)
        await _done(work, await work.ask(operation, **asked))


def _overriding(group: dict[str, Any]) -> dict[str, Any]:
    return {"ParameterOverrides": group["ParameterOverrides"]}


def _deleting(group: dict[str, Any]) -> dict[str, Any]:
    return {"RetainStacks": False}


async def _idle(work: Work) -> None:
    """Wait for what somebody else does to the set, such as a deployment by itself."""
    pause_s = LOOK_S
    while True:
        found = await work.look("cloudformation:ListStackSetOperations", StackSetName=work.id, **_given(work, "CallAs"))
        if not any(each["Status"] in _UNDER_WAY for each in found["Summaries"]):
            return
        await work.pause(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


async def _done(work: Work, answer: dict[str, Any]) -> None:
    id_, pause_s = answer["OperationId"], LOOK_S
    while True:
        asked = {"StackSetName": work.id, "OperationId": id_, **_given(work, "CallAs")}
        status = (await work.look("cloudformation:DescribeStackSetOperation", **asked))["StackSetOperation"]["Status"]
        if status == "SUCCEEDED":
            return
        if status not in _UNDER_WAY:
            raise Failure(f"Stack set operation [{id_}] was unexpectedly stopped or failed")
        await work.pause(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


@carries("StackInstancesGroup")
async def _deploy(work: Work) -> None:
    """What is new, then what has other parameters than before."""
    before, wanted = _instances(work.old), _instances(work.properties)
    await _operate(work, "cloudformation:CreateStackInstances", {at_: said for at_, said in wanted.items() if at_ not in before}, _overriding)
    others = {at_: said for at_, said in wanted.items() if before.get(at_, said) != said}
    await _operate(work, "cloudformation:UpdateStackInstances", others, _overriding)


@carries("StackInstancesGroup")
async def _take_away(work: Work) -> None:
    wanted = _instances(work.properties)
    gone = {place: "[]" for place in _instances(work.old) if place not in wanted}
    await _operate(work, "cloudformation:DeleteStackInstances", gone, _deleting)


@carries(f"{_SET} OperationPreferences")
async def _change(work: Work) -> None:
    asked = _set_of(work)
    if preferences := _numbers(work.properties.get("OperationPreferences") or {}):
        asked["OperationPreferences"] = preferences
    await _idle(work)
    await _done(work, await work.ask("cloudformation:UpdateStackSet", StackSetName=work.id, **asked))


async def _delete(work: Work) -> None:
    await _operate(work, "cloudformation:DeleteStackInstances", dict.fromkeys(_instances(work.properties), "[]"), _deleting)
    await work.ask("cloudformation:DeleteStackSet", StackSetName=work.id, **_given(work, "CallAs"))


StackSet = ResourceType(
    create=_create,
    id=made.StackSetId,
    read=Call("cloudformation:DescribeStackSet", StackSetName=ID, CallAs=at(p.CallAs)),
    update=(_take_away, _change),
    settings=(Setting(_deploy, _deploy),),
    delete=_delete,
    absent="StackSetNotFoundException",
    attributes={"StackSetId": ID},
    defaults={
        "AdministrationRoleARN": "", "AutoDeployment": {}, "CallAs": "", "Capabilities": [], "Description": "", "ExecutionRoleName": "",
        "ManagedExecution": {}, "OperationPreferences": {}, "Parameters": [], "StackInstancesGroup": [], "TemplateBody": "", "TemplateURL": "",
    },
)  # fmt: skip
