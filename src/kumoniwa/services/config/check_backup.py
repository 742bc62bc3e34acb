"""AWS's rules for what AWS Backup protects: that tables and buckets are in a plan, and that they were backed up lately.

https://docs.aws.amazon.com/config/latest/developerguide/dynamodb-resources-protected-by-backup-plan.html and so on, by the name of each.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from kumoniwa.languages.backup_selection import Chooser
from kumoniwa.services.config import resource_s3, resource_service
from kumoniwa.services.config.check_service import DAY_S, HOUR_S, csv
from kumoniwa.services.config.errors import InvalidParameterValueException
from kumoniwa.services.config.resource import Found, Kind
from kumoniwa.services.config.verdict import FINE, Given, Judged, Survey, Surveyor, Verdict, fault

_KINDS: dict[str, Kind] = {kind.type: kind for kind in (*resource_service.KINDS, *resource_s3.KINDS)}
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
        told = [await ask("backup:GetBackupSelection", absent=("ResourceNotFoundException",), BackupPlanId=plan, SelectionId=one) for plan, one in names]
        if said is not None:
            found.append(Plan(said["BackupPlan"]["Rules"], [_chooser(one["BackupSelection"]) for one in told if one is not None]))
    return found


def _chooser(said: dict[str, Any]) -> Chooser:
    tags = [(each["ConditionKey"], each["ConditionValue"]) for each in said.get("ListOfTags") or ()]
    return Chooser(said.get("Resources") or (), said.get("NotResources") or (), tags, said.get("Conditions") or {})


# In a plan -----------------------------------------------------------------------------------------


async def _tables_in_plan(surveyor: Surveyor, given: Given) -> list[Judged]:
    plans = await _plans(surveyor)
    found = await surveyor.found(_KINDS[TABLE])
    return [Judged(TABLE, each.id, FINE if _covering(each, plans) else fault("The table is in no backup plan.")) for each in found]


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


SURVEYS: dict[str, Survey] = {
    "DYNAMODB_IN_BACKUP_PLAN": _tables_in_plan,
    "DYNAMODB_LAST_BACKUP_RECOVERY_POINT_CREATED": _backed_up(TABLE),
    "DYNAMODB_RESOURCES_PROTECTED_BY_BACKUP_PLAN": _protected(TABLE),
    "S3_LAST_BACKUP_RECOVERY_POINT_CREATED": _backed_up(BUCKET),
    "S3_RESOURCES_PROTECTED_BY_BACKUP_PLAN": _protected(BUCKET),
}
