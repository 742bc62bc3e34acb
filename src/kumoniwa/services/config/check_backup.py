"""AWS's rules for what AWS Backup protects: that tables, buckets and volumes are in a plan, and were backed up lately; and for plans, vaults and points.

https://docs.aws.amazon.com/config/latest/developerguide/dynamodb-resources-protected-by-backup-plan.html and so on, by the name of each.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kumoniwa.kernel.call import Call
from kumoniwa.languages.backup_selection import Chooser
from kumoniwa.languages.policy import statements_in
from kumoniwa.languages.policy_pattern import glob
from kumoniwa.languages.schedule_expression import of_scheduler
from kumoniwa.services.config import resource_disk, resource_s3, resource_service
from kumoniwa.services.config.check_service import DAY_S, HOUR_S, csv
from kumoniwa.services.config.errors import InvalidParameterValueException
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.resource import Found, Kind
from kumoniwa.services.config.verdict import FINE, Check, Given, Judged, Survey, Surveyor, Verdict, fault

_KINDS: dict[str, Kind] = {kind.type: kind for kind in (*resource_service.KINDS, *resource_s3.KINDS, *resource_disk.KINDS)}
TABLE, BUCKET = "AWS::DynamoDB::Table", "AWS::S3::Bucket"


class Plan(NamedTuple):
    rules: list[dict[str, Any]]
    selections: list[Chooser]


async def _plans(surveyor: Surveyor) -> list[Plan]:
    ask, found = surveyor.reader.ask, []
    for each in await surveyor.reader.all("backup:ListBackupPlans"):
        said = await ask("backup:GetBackupPlan", absent=("ResourceNotFoundException",), BackupPlanId=each["BackupPlanId"])
        listed = await surveyor.reader.all("backup:ListBackupSelections", BackupPlanId=each["BackupPlanId"])
        names = [(one["BackupPlanId"], one["SelectionId"]) for one in listed]
        told = [
            await ask("backup:GetBackupSelection", absent=("ResourceNotFoundException",), BackupPlanId=plan, SelectionId=one)
            for plan, one in names
        ]
        if said is not None:
            found.append(Plan(said["BackupPlan"]["Rules"], [_chooser(one["BackupSelection"]) for one in told if one is not None]))
    return found


def _chooser(said: dict[str, Any]) -> Chooser:
    tags = [(each["ConditionKey"], each["ConditionValue"]) for each in said.get("ListOfTags") or ()]
    return Chooser(said.get("Resources") or (), said.get("NotResources") or (), tags, said.get("Conditions") or {})


# In a plan -----------------------------------------------------------------------------------------


def _in_plan(kind: str, what: str) -> Survey:
    async def survey(surveyor: Surveyor, given: Given) -> list[Judged]:
        plans = await _plans(surveyor)
        found = await surveyor.found(_KINDS[kind])
        return [Judged(kind, each.id, FINE if _covering(each, plans) else fault(f"The {what} is in no backup plan.")) for each in found]

    return survey


def _covering(resource: Found, plans: list[Plan]) -> list[Plan]:
    return [plan for plan in plans if any(each.means(str(resource.arn), resource.tags) for each in plan.selections)]


def _protected(kind: str) -> Survey:
    async def survey(surveyor: Surveyor, given: Given) -> list[Judged]:
        plans, wanted = await _plans(surveyor), _wanted(given)
        vaults = {each["BackupVaultName"]: each for each in await surveyor.reader.all("backup:ListBackupVaults")}
        judged = []
        for resource in await surveyor.found(_KINDS[kind]):
            if _is_meant(resource, given, wanted):
                judged.append(Judged(kind, resource.id, _protection(_covering(resource, plans), vaults, given)))
        return judged

    return survey


def _wanted(given: Given) -> dict[str, str]:
    """Tags of what a rule is about, as JSON."""
    try:
        said = json.loads(given["resourceTags"]) if given["resourceTags"] else {}
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InvalidParameterValueException("The parameter resourceTags is no JSON object of tags.")
    return said


def _is_meant(resource: Found, given: Given, tags: dict[str, str]) -> bool:
    is_named = given["resourceId"] in (None, resource.id, resource.arn)
    return is_named and all(resource.tags.get(key) == value for key, value in tags.items())


def _protection(plans: list[Plan], vaults: dict[str, dict[str, Any]], given: Given) -> Verdict:
    """One rule of one plan must do all that is asked for."""
    if not plans:
        return fault("The resource is protected by no backup plan.")
    rules = [rule for plan in plans for rule in plan.rules]
    if any(_is_locked(vaults.get(rule["TargetBackupVaultName"], {}), given) and _is_copied(rule, given) for rule in rules):
        return FINE
    return fault("No backup plan that protects the resource is as given.")


def _is_locked(vault: dict[str, Any], given: Given) -> bool:
    low, high = given["minRetentionDays"], given["maxRetentionDays"]
    if str(given["backupVaultLockCheck"]).lower() == "true" and not vault.get("Locked"):
        return False
    is_low = low is None or vault.get("MinRetentionDays", 0) >= low
    return is_low and (high is None or vault.get("MaxRetentionDays", high + 1) <= high)


def _is_copied(rule: dict[str, Any], given: Given) -> bool:
    to = [each["DestinationBackupVaultArn"].split(":") for each in rule.get("CopyActions") or ()]
    return set(csv(given["crossRegionList"])) <= {each[3] for each in to} and set(csv(given["crossAccountList"])) <= {each[4] for each in to}


# Lately --------------------------------------------------------------------------------------------

READY = ("COMPLETED", "AVAILABLE")
_UNITS_S = {"hours": HOUR_S, "days": DAY_S}
MONTH_S = 31 * DAY_S


def _backed_up(kind: str) -> Survey:
    async def survey(surveyor: Surveyor, given: Given) -> list[Judged]:
        unit_s, wanted = _UNITS_S.get(given["recoveryPointAgeUnit"]), _wanted(given)
        if unit_s is None:
            raise InvalidParameterValueException("The parameter recoveryPointAgeUnit is hours or days.")
        after, lately = surveyor.call.now() - given["recoveryPointAgeValue"] * unit_s, set()
        # What AWS's own role for recorders may ask for is the points of vaults, not those of resources.
        for vault in await surveyor.reader.all("backup:ListBackupVaults"):
            points = await surveyor.reader.all("backup:ListRecoveryPointsByBackupVault", BackupVaultName=vault["BackupVaultName"])
            lately |= {each["ResourceArn"] for each in points if each["Status"] in READY and each["CreationDate"] >= after}
        return [
            Judged(kind, each.id, FINE if each.arn in lately else fault("No recovery point was created lately."))
            for each in await surveyor.found(_KINDS[kind])
            if _is_meant(each, given, wanted)
        ]

    return survey


# Plans, vaults, points ------------------------------------------------------------------------------


def _plan_often(call: Call, item: Item, given: Given) -> Verdict:
    """One rule must back up as often, and keep as long, as is given."""
    value, unit_s, days = (
        given["requiredFrequencyValue"] or 1,
        _UNITS_S.get(given["requiredFrequencyUnit"] or "days"),
        given["requiredRetentionDays"] or 35,
    )
    if unit_s is None:
        raise InvalidParameterValueException("The parameter requiredFrequencyUnit is hours or days.")
    for rule in item.configuration["BackupPlan"]["Rules"]:
        kept = (rule.get("Lifecycle") or {}).get("DeleteAfterDays")
        if (kept is None or kept >= days) and _longest_pause_s(rule, call.now()) <= value * unit_s:
            return FINE
    return fault("No rule of the plan backs up as often, or keeps as long, as is given.")


def _longest_pause_s(rule: dict[str, Any], now: float) -> float:
    """Between two of the times at which a rule backs up, of those of a month."""
    expression = rule.get("ScheduleExpression")
    if expression is None:
        return inf
    schedule = of_scheduler(expression, ZoneInfo(rule.get("ScheduleExpressionTimezone") or "UTC"))
    longest, at, until = 0.0, schedule.after(now, anchored=now), now + MONTH_S
    while at is not None and at < until:
        following = schedule.after(at, anchored=now)
        longest = max(longest, inf if following is None else following - at)
        at = following
    return longest or inf


def _point_encrypted(call: Call, item: Item, given: Given) -> Verdict:
    return FINE if item.configuration.get("IsEncrypted") else fault("The recovery point is not encrypted.")


def _point_kept(call: Call, item: Item, given: Given) -> Verdict:
    """What never expires is kept long enough."""
    kept, days = (item.configuration.get("Lifecycle") or {}).get("DeleteAfterDays"), given["requiredRetentionDays"] or 35
    return FINE if kept is None or kept >= days else fault(f"The recovery point is kept for less than {days} days.")


_DELETING = ("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle", "backup:PutBackupVaultAccessPolicy")


def _listed(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said or ())


def _names(principal: Any, whom: str) -> bool:
    named = _listed(principal.get("AWS") if isinstance(principal, dict) else principal)
    return "*" in named or whom in named


def _covers(actions: Any, action: str) -> bool:
    return any(glob(each.lower())(action.lower()) for each in _listed(actions))


def _vault_guarded(call: Call, item: Item, given: Given) -> Verdict:
    """Everybody must be denied all that deletes points; where principals are given, each of these must be."""
    policy = item.configuration.get("AccessPolicy")
    statements = statements_in(policy) if policy else []
    denying = [each for each in statements if each.get("Effect") == "Deny" and "Condition" not in each]
    for whom in given["principalArnList"] or ("*",):
        for action in _DELETING:
            if not any(_names(each.get("Principal"), whom) and _covers(each.get("Action"), action) for each in denying):
                return fault("The vault has no policy that denies the deletion of recovery points.")
    return FINE


CHECKS: dict[str, Check] = {
    "BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK": _plan_often,
    "BACKUP_RECOVERY_POINT_ENCRYPTED": _point_encrypted,
    "BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED": _vault_guarded,
    "BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK": _point_kept,
}

SURVEYS: dict[str, Survey] = {
    "DYNAMODB_IN_BACKUP_PLAN": _in_plan(TABLE, "table"),
    "DYNAMODB_LAST_BACKUP_RECOVERY_POINT_CREATED": _backed_up(TABLE),
    "DYNAMODB_RESOURCES_PROTECTED_BY_BACKUP_PLAN": _protected(TABLE),
    "EBS_IN_BACKUP_PLAN": _in_plan(resource_disk.VOLUME, "volume"),
    "EBS_LAST_BACKUP_RECOVERY_POINT_CREATED": _backed_up(resource_disk.VOLUME),
    "EBS_RESOURCES_PROTECTED_BY_BACKUP_PLAN": _protected(resource_disk.VOLUME),
    "S3_LAST_BACKUP_RECOVERY_POINT_CREATED": _backed_up(BUCKET),
    "S3_RESOURCES_PROTECTED_BY_BACKUP_PLAN": _protected(BUCKET),
}
