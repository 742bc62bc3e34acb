"""Backup plans: rules that say when a backup is made, into which vault, for how long it is kept and where it is copied.

A plan that is changed is another version of it; the older ones are told of still.
https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupRuleInput.html
"""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.backup import agenda, copying, point, telling
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup.agenda import DUE
from kumoniwa.services.backup.errors import (
    AlreadyExistsException,
    InvalidParameterValueException,
    InvalidRequestException,
    ResourceNotFoundException,
)
from kumoniwa.wire import timestamps

DEFAULT_SCHEDULE, DEFAULT_ZONE = "cron(0 5 ? * * *)", "Etc/UTC"
_RULE = {
    "RuleName", "TargetBackupVaultName", "ScheduleExpression", "StartWindowMinutes", "CompletionWindowMinutes", "Lifecycle",
    "RecoveryPointTags", "CopyActions", "ScheduleExpressionTimezone", "EnableContinuousBackup", "RuleId",
}  # fmt: skip
_PLAN = {"BackupPlanName", "Rules", "AdvancedBackupSettings"}


class Plan(Record):
    """Shelved by its id."""

    id: str
    version: str
    name: str
    rules: tuple[dict[str, Any], ...]
    created: float
    """This version."""
    settings: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = {}
    token: str = ""
    deleted: float = 0.0
    ran: float = 0.0
    versions: tuple[dict[str, Any], ...] = ()
    """Those before this one: version, name, rules, settings, created."""


def arn_of(call: Call, plan: Plan) -> str:
    return call.arn(f"backup-plan:{plan.id}", "backup")


def held(call: Call, id_: str) -> Plan:
    """A plan that has not been deleted."""
    plan = call.shelf(Plan).get(id_)
    if plan is None or plan.deleted:
        raise ResourceNotFoundException("Failed reading Backup plan with provided version")
    return plan


# What may be a plan ----------------------------------------------------------------------------------


def _checked(call: Call, said: dict[str, Any], had: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """A plan as it is kept, each rule with an id: the one that the rule of its name had before."""
    _known("BackupPlan", said, _PLAN)
    if not re.fullmatch(r"[a-zA-Z0-9\-_.]{1,50}", said["BackupPlanName"]):
        raise InvalidParameterValueException("Backup plan name must contain 1 to 50 alphanumeric or '-_.' characters.")
    if not said["Rules"]:
        raise InvalidParameterValueException("Backup plan must contain at least one rule.")
    names = [rule["RuleName"] for rule in said["Rules"]]
    if len(set(names)) < len(names):
        raise InvalidParameterValueException("Backup plan contains more than one rule with the same name.")
    ids = {rule["RuleName"]: rule["RuleId"] for rule in had}
    rules = tuple(_rule(call, rule) | {"RuleId": ids.get(rule["RuleName"]) or call.new_id()} for rule in said["Rules"])
    for setting in said.get("AdvancedBackupSettings") or ():
        if setting.get("ResourceType") != "S3":
            raise NotImplementedHere(f"backup plans' AdvancedBackupSettings for {setting.get('ResourceType')}")
        jobs.checked_options("S3", setting.get("BackupOptions"))
    return {"name": said["BackupPlanName"], "rules": rules, "settings": tuple(said.get("AdvancedBackupSettings") or ())}


def _known(what: str, said: dict[str, Any], names: set[str]) -> None:
    for name in sorted(said.keys() - names):
        raise NotImplementedHere(f"{name} of backup's {what}")


def _rule(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    _known("BackupRule", said, _RULE)
    start, complete = jobs.windows(said.get("StartWindowMinutes"), said.get("CompletionWindowMinutes"))
    rule = {
        **said, "ScheduleExpression": said.get("ScheduleExpression") or DEFAULT_SCHEDULE,
        "ScheduleExpressionTimezone": said.get("ScheduleExpressionTimezone") or DEFAULT_ZONE, "StartWindowMinutes": start,
        "CompletionWindowMinutes": complete, "EnableContinuousBackup": bool(said.get("EnableContinuousBackup")),
    }  # fmt: skip
    times_of(rule)
    if "Lifecycle" in said:
        rule["Lifecycle"] = point.checked(said["Lifecycle"])
    if rule["EnableContinuousBackup"]:
        days = rule.get("Lifecycle", {})
        if not 1 <= days.get("DeleteAfterDays", 0) <= point.CONTINUOUS_DAYS_MAX or "MoveToColdStorageAfterDays" in days:
            raise InvalidParameterValueException(
                f"Invalid lifecycle. Continuous backups are kept between 1 and {point.CONTINUOUS_DAYS_MAX} days, and not in cold storage."
            )
    for action in said.get("CopyActions") or ():
        copying.checked_target(call, action["DestinationBackupVaultArn"])
        point.checked(action.get("Lifecycle"))
    return rule


def times_of(rule: dict[str, Any]) -> schedule_expression.Schedule:
    """When a rule's backups are made. Raises InvalidParameterValueException."""
    text, zone = rule["ScheduleExpression"], rule["ScheduleExpressionTimezone"]
    try:
        if not text.startswith("cron("):
            raise schedule_expression.InvalidExpression(text)
        return schedule_expression.of_scheduler(text, ZoneInfo(zone))
    except schedule_expression.InvalidExpression:
        raise InvalidParameterValueException(f"Invalid schedule expression: {text}") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidParameterValueException(f"Invalid schedule expression timezone: {zone}") from None


def plan_next(call: Call, plan: Plan, after: float) -> None:
    """Keep when each rule of a plan is due next."""
    call.rows(DUE).run("delete from backup_due where kind = 'rule' and key >= ? and key < ?", f"{plan.id}/", f"{plan.id}0")
    for rule in () if plan.deleted else plan.rules:
        agenda.plan(call, "rule", f"{plan.id}/{rule['RuleId']}", times_of(rule).after(after))


# Operations ------------------------------------------------------------------------------------------


def _made(call: Call, plan: Plan) -> dict[str, Any]:
    settings = {"AdvancedBackupSettings": list(plan.settings)} if plan.settings else {}
    return {"BackupPlanId": plan.id, "BackupPlanArn": arn_of(call, plan), "CreationDate": plan.created, "VersionId": plan.version, **settings}


def _tell(call: Call, plan: Plan, state: str, **more: str) -> None:
    detail = {"backupPlanId": plan.id, "versionId": plan.version, **more, "state": state}
    telling.fact(call, "Backup Plan State Change", [arn_of(call, plan)], detail)


def CreateBackupPlan(
    call: Call, *, BackupPlan: dict[str, Any], BackupPlanTags: dict[str, str] | None = None, CreatorRequestId: str | None = None
) -> dict:
    said = _checked(call, BackupPlan)
    for other in call.shelf(Plan).values():
        if other.deleted:
            continue
        is_same = _document(other.name, other.rules, other.settings) == _document(said["name"], said["rules"], said["settings"])
        if CreatorRequestId and other.token == CreatorRequestId and is_same:
            return _made(call, other)
        if is_same:
            raise AlreadyExistsException(
                "Backup plan with the same plan document already exists", CreatorRequestId=other.token or None, Arn=arn_of(call, other)
            )
    plan = Plan(id=call.new_id(), version=_version(call), created=call.now(), tags=BackupPlanTags or {}, token=CreatorRequestId or "", **said)
    call.shelf(Plan)[plan.id] = plan
    plan_next(call, plan, call.now())
    _tell(call, plan, "CREATED", creationDate=timestamps.to_millisecond(plan.created))
    return _made(call, plan)


def _document(name: str, rules: tuple[dict[str, Any], ...], settings: tuple[dict[str, Any], ...]) -> tuple[Any, ...]:
    return name, [{key: value for key, value in rule.items() if key != "RuleId"} for rule in rules], list(settings)


def _version(call: Call) -> str:
    return call.ids.hex(48)


def UpdateBackupPlan(call: Call, *, BackupPlanId: str, BackupPlan: dict[str, Any]) -> dict:
    """Jobs that run go on as they were begun."""
    plan = held(call, BackupPlanId)
    said = _checked(call, BackupPlan, plan.rules)
    before = {"version": plan.version, "name": plan.name, "rules": plan.rules, "settings": plan.settings, "created": plan.created}
    plan = changed(plan, version=_version(call), created=call.now(), versions=(*plan.versions, before), **said)
    call.shelf(Plan)[plan.id] = plan
    plan_next(call, plan, call.now())
    _tell(call, plan, "MODIFIED", modifiedAt=timestamps.to_millisecond(plan.created))
    return _made(call, plan)


def DeleteBackupPlan(call: Call, *, BackupPlanId: str) -> dict:
    plan = held(call, BackupPlanId)
    if has_selections(call, plan.id):
        raise InvalidRequestException("Related backup plan selections must be deleted prior to backup plan deletion")
    plan = call.shelf(Plan)[plan.id] = changed(plan, deleted=call.now())
    plan_next(call, plan, call.now())
    _tell(call, plan, "DELETED", deletionDate=timestamps.to_millisecond(plan.deleted))
    return {"BackupPlanId": plan.id, "BackupPlanArn": arn_of(call, plan), "DeletionDate": plan.deleted, "VersionId": plan.version}


class Selection(Record):
    """What a plan backs up. Shelved by ``plan/id``."""

    id: str
    plan: str
    name: str
    role: str
    created: float
    token: str = ""
    resources: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """NotResources."""
    tags: tuple[tuple[str, str], ...] = ()
    """ListOfTags: any of these."""
    conditions: dict[str, list[dict[str, str]]] = {}


def has_selections(call: Call, plan: str) -> bool:
    return any(selection.plan == plan for selection in call.shelf(Selection).values())


def GetBackupPlan(call: Call, *, BackupPlanId: str, VersionId: str | None = None) -> dict:
    plan = call.shelf(Plan).get(BackupPlanId)
    version = None if plan is None else _versions(plan).get(VersionId or plan.version)
    if plan is None or version is None:
        raise ResourceNotFoundException("Failed reading Backup plan with provided version")
    told = {
        "BackupPlan": _told(version), "BackupPlanId": plan.id, "BackupPlanArn": arn_of(call, plan), "VersionId": version["version"],
        "CreatorRequestId": plan.token or None, "CreationDate": version["created"], "DeletionDate": plan.deleted or None,
        "LastExecutionDate": plan.ran or None, "AdvancedBackupSettings": list(version["settings"]) or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _versions(plan: Plan) -> dict[str, dict[str, Any]]:
    """By their ids, the newest last."""
    now = {"version": plan.version, "name": plan.name, "rules": plan.rules, "settings": plan.settings, "created": plan.created}
    return {version["version"]: version for version in (*plan.versions, now)}


def _told(version: dict[str, Any]) -> dict[str, Any]:
    settings = {"AdvancedBackupSettings": list(version["settings"])} if version["settings"] else {}
    return {"BackupPlanName": version["name"], "Rules": list(version["rules"]), **settings}


def ListBackupPlans(call: Call, *, IncludeDeleted: bool | None = None) -> dict:
    plans = [plan for plan in call.shelf(Plan).values() if IncludeDeleted or not plan.deleted]
    return {
        "BackupPlansList": [
            _listed(call, plan, _versions(plan)[plan.version]) for plan in sorted(plans, key=lambda plan: (plan.created, plan.id))
        ]
    }


def _listed(call: Call, plan: Plan, version: dict[str, Any]) -> dict[str, Any]:
    told = {
        "BackupPlanArn": arn_of(call, plan), "BackupPlanId": plan.id, "CreationDate": version["created"], "DeletionDate": plan.deleted or None,
        "VersionId": version["version"], "BackupPlanName": version["name"], "CreatorRequestId": plan.token or None,
        "LastExecutionDate": plan.ran or None, "AdvancedBackupSettings": list(version["settings"]) or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def ListBackupPlanVersions(call: Call, *, BackupPlanId: str) -> dict:
    plan = held(call, BackupPlanId)
    return {"BackupPlanVersionsList": [_listed(call, plan, version) for version in reversed(_versions(plan).values())]}


def ExportBackupPlanTemplate(call: Call, *, BackupPlanId: str) -> dict:
    plan = held(call, BackupPlanId)
    told = _told(_versions(plan)[plan.version])
    told["Rules"] = [{name: value for name, value in rule.items() if name != "RuleId"} for rule in told["Rules"]]
    return {"BackupPlanTemplateJson": orjson.dumps(told).decode()}


def GetBackupPlanFromJSON(call: Call, *, BackupPlanTemplateJson: str) -> dict:
    try:
        said = orjson.loads(BackupPlanTemplateJson)
        return {"BackupPlan": _told(_checked(call, said) | {"version": "", "created": 0.0})}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise InvalidParameterValueException("Invalid backup plan JSON document.") from None
