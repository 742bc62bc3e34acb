"""What a call to AWS Backup touches, for IAM, what vaults' policies say of it, and what conditions may look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.services.backup import testing_plan
from kumoniwa.services.backup.errors import NoStorage
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.testing_plan import TestingPlan
from kumoniwa.services.backup.vault import Vault, arn_of

_OF_POINTS = frozenset({
    "DescribeRecoveryPoint", "DeleteRecoveryPoint", "UpdateRecoveryPointLifecycle", "GetRecoveryPointRestoreMetadata", "StartCopyJob",
    "StartRestoreJob", "DisassociateRecoveryPoint",
})  # fmt: skip
_NUMBERS = {"ChangeableForDays": "changeablefordays", "MinRetentionDays": "minretentiondays", "MaxRetentionDays": "maxretentiondays"}


TOKENS = {name: Token("IdempotencyToken") for name in ("StartBackupJob", "StartCopyJob", "StartRestoreJob", "CreateLegalHold")}
"""A token that is known "results in a success message with no action taken": https://docs.aws.amazon.com/aws-backup/latest/devguide/API_StartBackupJob.html"""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | tuple[str, str]]:
    if operation in _OF_POINTS:
        return str(params.get("RecoveryPointArn"))
    if operation in ("ListTags", "TagResource", "UntagResource"):
        return str(params.get("ResourceArn"))
    if "BackupVaultName" in params:
        arn = arn_of(call, str(params["BackupVaultName"]))
        return [arn, ("backup-storage:MountCapsule", "*")] if operation == "CreateBackupVault" else arn
    if "BackupPlanId" in params and operation != "ExportBackupPlanTemplate":
        return call.arn(f"backup-plan:{params['BackupPlanId']}", "backup")
    if "LegalHold" in operation and operation != "ListLegalHolds":
        return call.arn(f"legal-hold:{params.get('LegalHoldId', '*')}", "backup")
    if "RestoreTestingPlanName" in params:
        plan = call.shelf(TestingPlan).get(str(params["RestoreTestingPlanName"]))
        return testing_plan.arn_of(call, plan) if plan is not None else call.arn(f"restore-testing-plan:{params['RestoreTestingPlanName']}-*", "backup")
    if operation == "CreateRestoreTestingPlan":
        return call.arn("restore-testing-plan:*", "backup")
    return call.arn("backup-plan:*", "backup") if operation == "CreateBackupPlan" else "*"


def policy_of(call: Call, arn: str) -> str | None:
    """A vault's policy is that of its recovery points, too."""
    point = call.shelf(RecoveryPoint).get(arn)
    name = point.vault if point is not None else arn.partition(":backup-vault:")[2]
    vault = call.shelf(Vault).get(name)
    return (vault.policy or None) if vault is not None else None


def denied(call: Call, operation: str, action: str, params: dict[str, Any]) -> None:
    if action == "backup-storage:MountCapsule":
        raise NoStorage(hint='Allow it: {"Effect": "Allow", "Action": "backup-storage:MountCapsule", "Resource": "*"}')


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    return {f"backup:{key}": params[name] for name, key in _NUMBERS.items() if isinstance(params.get(name), int)}
