"""What plans back up: resources named by ARN or by their tags, as `languages.backup_selection` reads it."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.backup_selection import TAG, Chooser
from kumoniwa.services.backup import plan as plans
from kumoniwa.services.backup import setting
from kumoniwa.services.backup.errors import (
    AlreadyExistsException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.job import KINDS, kind_of
from kumoniwa.services.backup.plan import Selection
from kumoniwa.services.backup.vault import SERVICE

NAMED_MAX, PATTERNS_MAX = 500, 30
TESTED = "awsbackup-restore-test"
"""Plans ignore what restore tests have made: https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html"""


def CreateBackupSelection(call: Call, *, BackupPlanId: str, BackupSelection: dict[str, Any], CreatorRequestId: str | None = None) -> dict:
    plans.held(call, BackupPlanId)
    said, role = BackupSelection, BackupSelection["IamRoleArn"]
    for other in call.shelf(Selection).values():
        if other.plan == BackupPlanId and other.name == said["SelectionName"]:
            if CreatorRequestId and other.token == CreatorRequestId:
                return _made(other)
            raise AlreadyExistsException("Backup selection with the same name already exists", CreatorRequestId=other.token or None)
    conditions = {operator: pairs for operator, pairs in (said.get("Conditions") or {}).items() if pairs}
    for pair in (pair for pairs in conditions.values() for pair in pairs):
        if not pair.get("ConditionKey", "").startswith(TAG):
            raise InvalidParameterValueException(f"Invalid condition key. Condition keys must begin with {TAG}.")
    _check(said.get("Resources") or ())
    _check(said.get("NotResources") or ())
    for tag in said.get("ListOfTags") or ():
        if tag["ConditionType"] != "STRINGEQUALS":
            raise InvalidParameterValueException(f"Invalid condition type: {tag['ConditionType']}")
    if not (said.get("Resources") or said.get("ListOfTags") or said.get("NotResources") or conditions):
        raise InvalidParameterValueException("Backup selection must have resources or tags.")
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    selection = Selection(
        id=call.new_id(), plan=BackupPlanId, name=said["SelectionName"], role=role, created=call.now(), token=CreatorRequestId or "",
        resources=tuple(said.get("Resources") or ()), others=tuple(said.get("NotResources") or ()), conditions=conditions,
        tags=tuple((tag["ConditionKey"], tag["ConditionValue"]) for tag in said.get("ListOfTags") or ()),
    )  # fmt: skip
    call.shelf(Selection)[f"{BackupPlanId}/{selection.id}"] = selection
    return _made(selection)


def _check(arns: Any) -> None:
    """A pattern may mean whatever AWS backs up; an ARN of what is not kept here is refused by name."""
    if len(arns) > NAMED_MAX or sum("*" in arn for arn in arns) > PATTERNS_MAX:
        raise InvalidParameterValueException(f"A selection has at most {NAMED_MAX} ARNs and {PATTERNS_MAX} with wildcards.")
    for arn in arns:
        if "*" not in arn:
            kind_of(arn)
        elif arn != "*" and not arn.startswith("arn:"):
            raise InvalidParameterValueException(f"Invalid ARN: {arn}.")


def _made(selection: Selection) -> dict[str, Any]:
    return {"SelectionId": selection.id, "BackupPlanId": selection.plan, "CreationDate": selection.created}


def _held(call: Call, plan: str, id_: str) -> Selection:
    selection = call.shelf(Selection).get(f"{plan}/{id_}")
    if selection is None:
        raise ResourceNotFoundException("Cannot find Backup plan selection")
    return selection


def GetBackupSelection(call: Call, *, BackupPlanId: str, SelectionId: str) -> dict:
    selection = _held(call, BackupPlanId, SelectionId)
    told = {
        "SelectionName": selection.name, "IamRoleArn": selection.role, "Resources": list(selection.resources),
        "ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": key, "ConditionValue": value} for key, value in selection.tags],
        "NotResources": list(selection.others),
        "Conditions": {operator: selection.conditions.get(operator, []) for operator in ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike")},
    }  # fmt: skip
    token = {"CreatorRequestId": selection.token} if selection.token else {}
    return {"BackupSelection": told, **_made(selection), **token}


def ListBackupSelections(call: Call, *, BackupPlanId: str) -> dict:
    plans.held(call, BackupPlanId)
    found = sorted((one for one in call.shelf(Selection).values() if one.plan == BackupPlanId), key=lambda one: (one.created, one.id))
    listed = [
        {**_made(one), "SelectionName": one.name, "IamRoleArn": one.role} | ({"CreatorRequestId": one.token} if one.token else {}) for one in found
    ]
    return {"BackupSelectionsList": listed}


def DeleteBackupSelection(call: Call, *, BackupPlanId: str, SelectionId: str) -> None:
    _held(call, BackupPlanId, SelectionId)
    del call.shelf(Selection)[f"{BackupPlanId}/{SelectionId}"]


# Choosing --------------------------------------------------------------------------------------------


def _is_of_test(arn: str) -> bool:
    return arn.rpartition(":table/" if ":table/" in arn else ":")[2].startswith(TESTED)


async def chosen(call: Call, selection: Selection) -> list[str]:
    """The ARNs of what is here and is to be backed up. A type that is opted out is chosen only by its own ARN.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources.html"""
    found = []
    chooser = Chooser(selection.resources, selection.others, selection.tags, selection.conditions)
    for kind, module in KINDS.items():
        is_in = setting.is_opted_in(call, kind)
        for arn, tags in await module.all_of(call):
            if (is_in or arn in selection.resources) and not _is_of_test(arn) and chooser.means(arn, tags):
                found.append(arn)
    return sorted(found)
