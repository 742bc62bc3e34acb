"""Restore testing plans: when recovery points are restored to see that they can be, which of them, and for how long what came of it stays.

A plan's selections say whose points. ``testing`` carries it out.
https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html; where the texts of refusals are known from nowhere, they are ours.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.backup_selection import TAG
from kumoniwa.services.backup import agenda
from kumoniwa.services.backup import plan as plans
from kumoniwa.services.backup.errors import (
    AlreadyExistsException,
    InvalidParameterValueException,
    InvalidRequestException,
    LimitExceededException,
    MissingParameterValueException,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.job import KINDS, kind_of
from kumoniwa.services.backup.plan import DEFAULT_ZONE
from kumoniwa.services.backup.vault import SERVICE

ROLE = LinkedRole("restore-testing.backup.amazonaws.com", "AWSServiceRoleForBackupRestoreTesting")
START_HOURS, HOURS_MAX, WINDOW_DAYS, WINDOW_DAYS_MAX = 24, 168, 30, 365
PLANS_MAX, SELECTIONS_MAX, LISTED_MAX = 100, 30, 30
ELSEWHERE = ("Aurora", "DocumentDB", "EBS", "EC2", "EFS", "FSx", "Neptune")
"""Types that AWS tests and we do not."""
OVERRIDES = {
    "DynamoDB": {"encryptiontype", "kmsmasterkeyarn"},
    "RDS": {
        "allocatedstorage", "dbinstanceclass", "dbname", "dbparametergroupname", "dbsubnetgroupname", "enablecloudwatchlogsexports",
        "enableiamdatabaseauthentication", "iops", "licensemodel", "multiaz", "optiongroupname", "port", "processorfeatures",
        "publiclyaccessible", "storagetype", "vpcsecuritygroupids",
    },
    "S3": {"encryptiontype", "kmskey", "restoreacls"},
}  # fmt: skip
"""Which of what is inferred may be said otherwise, in whatever case: restore-testing-inferred-metadata.html in the guide."""
OVERRIDES_ELSEWHERE = {"RDS": {"availabilityzones", "domain", "domainiamrolename"}}
"""What AWS lets be said otherwise and we do not."""


class AccessDenied(AwsError):
    """To make the service-linked role, whoever makes a plan must be let."""

    code = "AccessDeniedException"
    status = 403


class TestingPlan(Record):
    """Shelved by its name."""

    name: str
    id: str
    schedule: str
    zone: str
    hours: int
    """Within which its jobs begin."""
    choice: dict[str, Any]
    """RecoveryPointSelection, with what goes without saying."""
    created: float
    updated: float = 0.0
    token: str = ""
    tags: dict[str, str] = {}
    ran: float = 0.0


class TestingSelection(Record):
    """Shelved by ``plan/name``."""

    plan: str
    name: str
    role: str
    kind: str
    created: float
    arns: tuple[str, ...] = ()
    conditions: dict[str, list[dict[str, str]]] = {}
    overrides: dict[str, str] = {}
    hours: int = 0
    """How long what was restored may be validated."""
    token: str = ""


def arn_of(call: Call, plan: TestingPlan) -> str:
    return call.arn(f"restore-testing-plan:{plan.name}-{plan.id}", "backup")


def found(call: Call, name: str) -> TestingPlan:
    plan = call.shelf(TestingPlan).get(name)
    if plan is None:
        raise ResourceNotFoundException(f"Restore testing plan {name} does not exist.")
    return plan


def of_plan(call: Call, name: str) -> list[TestingSelection]:
    """Its selections, in the order of their names."""
    return sorted((each for each in call.shelf(TestingSelection).values() if each.plan == name), key=lambda each: each.name)


# What may be a plan ----------------------------------------------------------------------------------


def _named(what: str, name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9_]{1,50}", name):
        raise InvalidParameterValueException(f"Invalid {what}. It consists of 1 to 50 alphanumeric characters and underscores.")
    return name


def _within(what: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise InvalidParameterValueException(f"Invalid {what}. Value must be between {least} and {most}.")
    return value


def _choice(said: dict[str, Any]) -> dict[str, Any]:
    """What must be said of it is told by API_RestoreTestingPlanForUpdate."""
    for name in ("Algorithm", "RecoveryPointTypes", "IncludeVaults"):
        if not said.get(name):
            raise MissingParameterValueException(f"RecoveryPointSelection must have {name}.")
    vaults = [*said["IncludeVaults"], *(said.get("ExcludeVaults") or ())]
    if len(vaults) > LISTED_MAX:
        raise LimitExceededException(f"RecoveryPointSelection has at most {LISTED_MAX} vaults.")
    for vault in vaults:
        if vault != "*" and ":backup-vault:" not in vault:
            raise InvalidParameterValueException(f"Invalid backup vault ARN: {vault}")
    days = said.get("SelectionWindowDays")
    return {
        **said, "ExcludeVaults": said.get("ExcludeVaults") or [],
        "SelectionWindowDays": _within("SelectionWindowDays", WINDOW_DAYS if days is None else days, 1, WINDOW_DAYS_MAX),
    }  # fmt: skip


def _settings(said: dict[str, Any]) -> dict[str, Any]:
    hours = said.get("StartWindowHours")
    settings = {
        "schedule": said["ScheduleExpression"], "zone": said.get("ScheduleExpressionTimezone") or DEFAULT_ZONE,
        "hours": _within("StartWindowHours", START_HOURS if hours is None else hours, 1, HOURS_MAX),
        "choice": _choice(said["RecoveryPointSelection"]),
    }  # fmt: skip
    plans.times_of({"ScheduleExpression": settings["schedule"], "ScheduleExpressionTimezone": settings["zone"]})
    return settings


def next_after(plan: TestingPlan, moment: float) -> float | None:
    """When its points are restored next."""
    return plans.times_of({"ScheduleExpression": plan.schedule, "ScheduleExpressionTimezone": plan.zone}).after(moment)


def plan_next(call: Call, plan: TestingPlan, after: float) -> None:
    """Keep when it is due next."""
    agenda.plan(call, "testing", plan.name, next_after(plan, after))


async def CreateRestoreTestingPlan(
    call: Call, *, RestoreTestingPlan: dict[str, Any], CreatorRequestId: str | None = None, Tags: dict[str, str] | None = None
) -> dict:
    said = RestoreTestingPlan
    name, settings = _named("RestoreTestingPlanName", said["RestoreTestingPlanName"]), _settings(said)
    await ROLE.ensure(call, AccessDenied)

    def make() -> dict:
        shelf = call.shelf(TestingPlan)
        if name in shelf:
            if CreatorRequestId and shelf[name].token == CreatorRequestId:
                return _made(call, shelf[name])
            raise AlreadyExistsException(f"Restore testing plan {name} already exists", Arn=arn_of(call, shelf[name]))
        if len(shelf) >= PLANS_MAX:
            raise LimitExceededException(f"An account can have at most {PLANS_MAX} restore testing plans.")
        plan = TestingPlan(name=name, id=call.new_id(), created=call.now(), token=CreatorRequestId or "", tags=Tags or {}, **settings)
        shelf[name] = plan
        plan_next(call, plan, call.now())
        return _made(call, plan)

    return call.atomically(make)


def _made(call: Call, plan: TestingPlan) -> dict[str, Any]:
    return {"CreationTime": plan.created, "RestoreTestingPlanArn": arn_of(call, plan), "RestoreTestingPlanName": plan.name}


def _listed(call: Call, plan: TestingPlan) -> dict[str, Any]:
    told = {
        **_made(call, plan), "ScheduleExpression": plan.schedule, "ScheduleExpressionTimezone": plan.zone, "StartWindowHours": plan.hours,
        "LastExecutionTime": plan.ran or None, "LastUpdateTime": plan.updated or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def GetRestoreTestingPlan(call: Call, *, RestoreTestingPlanName: str) -> dict:
    plan = found(call, RestoreTestingPlanName)
    token = {"CreatorRequestId": plan.token} if plan.token else {}
    return {"RestoreTestingPlan": {**_listed(call, plan), "RecoveryPointSelection": plan.choice, **token}}


def ListRestoreTestingPlans(call: Call) -> dict:
    return {"RestoreTestingPlans": [_listed(call, plan) for _, plan in sorted(call.shelf(TestingPlan).items())]}


def UpdateRestoreTestingPlan(call: Call, *, RestoreTestingPlanName: str, RestoreTestingPlan: dict[str, Any]) -> dict:
    """What is not said stays."""
    plan, said = found(call, RestoreTestingPlanName), RestoreTestingPlan
    before = {"ScheduleExpression": plan.schedule, "ScheduleExpressionTimezone": plan.zone, "StartWindowHours": plan.hours}
    choice = plan.choice | (said.get("RecoveryPointSelection") or {})
    plan = changed(plan, updated=call.now(), **_settings({**before, **said, "RecoveryPointSelection": choice}))
    call.shelf(TestingPlan)[plan.name] = plan
    plan_next(call, plan, call.now())
    return {**_made(call, plan), "UpdateTime": plan.updated}


def DeleteRestoreTestingPlan(call: Call, *, RestoreTestingPlanName: str) -> None:
    """Jobs that it began go on, and what they made is deleted in its time."""
    plan = found(call, RestoreTestingPlanName)
    if of_plan(call, plan.name):
        raise InvalidRequestException("Related restore testing selections must be deleted prior to restore testing plan deletion")
    del call.shelf(TestingPlan)[plan.name]
    agenda.plan(call, "testing", plan.name, None)


# Selections ------------------------------------------------------------------------------------------


def _whose(kind: str, arns: list[str], conditions: dict[str, Any]) -> dict[str, Any]:
    """Either ARNs or conditions, which the wildcard may stand before."""
    conditions = {operator: pairs for operator, pairs in conditions.items() if pairs}
    if not arns and not conditions:
        raise MissingParameterValueException("Restore testing selection must have ProtectedResourceArns or ProtectedResourceConditions.")
    if conditions and arns not in ([], ["*"]):
        raise InvalidParameterValueException("Restore testing selection can have protected resource ARNs or conditions, but not both.")
    if len(arns) > LISTED_MAX or sum(map(len, conditions.values())) > LISTED_MAX:
        raise LimitExceededException(f"Restore testing selection has at most {LISTED_MAX} ARNs and {LISTED_MAX} conditions.")
    for arn in arns if arns != ["*"] else ():
        if "*" in arn or kind_of(arn) != kind:
            raise InvalidParameterValueException(f"Invalid protected resource ARN for {kind}: {arn}")
    for pair in (pair for pairs in conditions.values() for pair in pairs):
        if pair["Key"].lower().startswith("aws:") and not pair["Key"].startswith(TAG):
            raise InvalidParameterValueException(f"Invalid condition key: {pair['Key']}")
    return {"arns": tuple(arns), "conditions": conditions}


def _overrides(kind: str, said: dict[str, str]) -> dict[str, str]:
    for name in said:
        if name.lower() in OVERRIDES_ELSEWHERE.get(kind, ()):
            raise NotImplementedHere(f"override {name} of restore testing of {kind} by backup")
        if name.lower() not in OVERRIDES[kind]:
            raise InvalidParameterValueException(f"Invalid restore metadata override for {kind}: {name}")
    return said


def _kind(said: str) -> str:
    if said in ELSEWHERE:
        raise NotImplementedHere(f"restore testing of {said} by backup")
    if said not in KINDS:
        raise InvalidParameterValueException(f"Invalid ProtectedResourceType: {said}")
    return said


def CreateRestoreTestingSelection(
    call: Call, *, RestoreTestingPlanName: str, RestoreTestingSelection: dict[str, Any], CreatorRequestId: str | None = None
) -> dict:
    plan, said = found(call, RestoreTestingPlanName), RestoreTestingSelection
    name, kind = _named("RestoreTestingSelectionName", said["RestoreTestingSelectionName"]), _kind(said["ProtectedResourceType"])
    shelf, key = call.shelf(TestingSelection), f"{plan.name}/{name}"
    if key in shelf:
        if CreatorRequestId and shelf[key].token == CreatorRequestId:
            return _made_selection(call, plan, shelf[key])
        raise AlreadyExistsException(f"Restore testing selection {name} already exists")
    if len(of_plan(call, plan.name)) >= SELECTIONS_MAX:
        raise LimitExceededException(f"A restore testing plan can have at most {SELECTIONS_MAX} selections.")
    call.require("iam:PassRole", said["IamRoleArn"], **{"iam:PassedToService": SERVICE})
    selection = shelf[key] = TestingSelection(
        plan=plan.name, name=name, role=said["IamRoleArn"], kind=kind, created=call.now(), token=CreatorRequestId or "",
        overrides=_overrides(kind, said.get("RestoreMetadataOverrides") or {}),
        hours=_within("ValidationWindowHours", said.get("ValidationWindowHours") or 0, 0, HOURS_MAX),
        **_whose(kind, said.get("ProtectedResourceArns") or [], said.get("ProtectedResourceConditions") or {}),
    )  # fmt: skip
    return _made_selection(call, plan, selection)


def _made_selection(call: Call, plan: TestingPlan, selection: TestingSelection) -> dict[str, Any]:
    return {
        "CreationTime": selection.created, "RestoreTestingPlanArn": arn_of(call, plan), "RestoreTestingPlanName": plan.name,
        "RestoreTestingSelectionName": selection.name,
    }  # fmt: skip


def _selected(call: Call, plan: str, name: str) -> TestingSelection:
    selection = call.shelf(TestingSelection).get(f"{plan}/{name}")
    if selection is None:
        raise ResourceNotFoundException(f"Restore testing selection {name} of plan {plan} does not exist.")
    return selection


def _listed_selection(selection: TestingSelection) -> dict[str, Any]:
    return {
        "CreationTime": selection.created, "IamRoleArn": selection.role, "ProtectedResourceType": selection.kind,
        "RestoreTestingPlanName": selection.plan, "RestoreTestingSelectionName": selection.name, "ValidationWindowHours": selection.hours,
    }  # fmt: skip


def GetRestoreTestingSelection(call: Call, *, RestoreTestingPlanName: str, RestoreTestingSelectionName: str) -> dict:
    selection = _selected(call, RestoreTestingPlanName, RestoreTestingSelectionName)
    more = {
        "ProtectedResourceArns": list(selection.arns), "ProtectedResourceConditions": selection.conditions,
        "RestoreMetadataOverrides": selection.overrides, "CreatorRequestId": selection.token,
    }  # fmt: skip
    return {"RestoreTestingSelection": _listed_selection(selection) | {name: value for name, value in more.items() if value}}


def ListRestoreTestingSelections(call: Call, *, RestoreTestingPlanName: str) -> dict:
    found(call, RestoreTestingPlanName)
    return {"RestoreTestingSelections": [_listed_selection(each) for each in of_plan(call, RestoreTestingPlanName)]}


def UpdateRestoreTestingSelection(
    call: Call, *, RestoreTestingPlanName: str, RestoreTestingSelectionName: str, RestoreTestingSelection: dict[str, Any]
) -> dict:
    """What is not said stays. Who turns from ARNs to conditions says the wildcard, too."""
    plan, said = found(call, RestoreTestingPlanName), RestoreTestingSelection
    selection = _selected(call, plan.name, RestoreTestingSelectionName)
    if "IamRoleArn" in said:
        call.require("iam:PassRole", said["IamRoleArn"], **{"iam:PassedToService": SERVICE})
    arns = said.get("ProtectedResourceArns", list(selection.arns))
    conditions = said.get("ProtectedResourceConditions")
    if conditions is None:
        conditions = selection.conditions if arns in ([], ["*"]) else {}
    hours = said.get("ValidationWindowHours")
    selection = changed(
        selection, role=said.get("IamRoleArn", selection.role),
        hours=selection.hours if hours is None else _within("ValidationWindowHours", hours, 0, HOURS_MAX),
        overrides=_overrides(selection.kind, said.get("RestoreMetadataOverrides", selection.overrides)), **_whose(selection.kind, arns, conditions),
    )  # fmt: skip
    call.shelf(TestingSelection)[f"{plan.name}/{selection.name}"] = selection
    return {**_made_selection(call, plan, selection), "UpdateTime": call.now()}


def DeleteRestoreTestingSelection(call: Call, *, RestoreTestingPlanName: str, RestoreTestingSelectionName: str) -> None:
    _selected(call, RestoreTestingPlanName, RestoreTestingSelectionName)
    del call.shelf(TestingSelection)[f"{RestoreTestingPlanName}/{RestoreTestingSelectionName}"]
