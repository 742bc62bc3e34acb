"""AWS::Backup. A template names the rules and the vaults of a plan a little otherwise than the API does."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Setting,
    Value,
    as_json,
    each,
    fields,
    from_json,
    gone_from,
    made,
    p,
    same,
    seen,
    tag_map,
    use,
)

_ABSENT = "ResourceNotFoundException"
_vault = {"BackupVaultName": ID}


def _changed_tags(name: str, arn: Value, tags: Value) -> tuple[Call, Call]:
    gone = gone_from(name)
    return Call("backup:UntagResource", ResourceArn=arn, TagKeyList=gone).when(gone), Call("backup:TagResource", ResourceArn=arn, Tags=tags).when(tags)


BackupVault = ResourceType(
    create=Call("backup:CreateBackupVault", "BackupVaultName BackupVaultTags EncryptionKeyArn"),
    id=p.BackupVaultName,
    read=Call("backup:DescribeBackupVault", **_vault),
    settings=(
        Setting(
            Call("backup:PutBackupVaultAccessPolicy", Policy=as_json(p.AccessPolicy), **_vault),
            Call("backup:DeleteBackupVaultAccessPolicy", **_vault),
        ),
        Setting(
            Call(
                "backup:PutBackupVaultNotifications", BackupVaultEvents=p.Notifications.BackupVaultEvents,
                SNSTopicArn=p.Notifications.SNSTopicArn, **_vault,
            ),
            Call("backup:DeleteBackupVaultNotifications", **_vault),
        ),
        Setting(
            Call(
                "backup:PutBackupVaultLockConfiguration", ChangeableForDays=p.LockConfiguration.ChangeableForDays,
                MaxRetentionDays=p.LockConfiguration.MaxRetentionDays, MinRetentionDays=p.LockConfiguration.MinRetentionDays, **_vault,
            ),
            Call("backup:DeleteBackupVaultLockConfiguration", **_vault),
        ),
    ),
    update=_changed_tags("BackupVaultTags", seen.BackupVaultArn, p.BackupVaultTags),
    tags="BackupVaultTags",
    delete=Call("backup:DeleteBackupVault", **_vault),
    # Of a vault that is not there AWS Backup says that nobody may look at it.
    absent=f"{_ABSENT} AccessDeniedException",
    attributes={"BackupVaultArn": seen.BackupVaultArn, "BackupVaultName": ID},
    drift=(
        Reading({"EncryptionKeyArn": seen.EncryptionKeyArn}),
        Reading({"AccessPolicy": from_json(seen.Policy)}, Call("backup:GetBackupVaultAccessPolicy", **_vault), _ABSENT),
    ),
)  # fmt: skip

_lifecycle = fields("DeleteAfterDays MoveToColdStorageAfterDays OptInToArchiveForSupportedResources")
_rule = fields(
    "RuleName TargetBackupVault=TargetBackupVaultName ScheduleExpression ScheduleExpressionTimezone StartWindowMinutes CompletionWindowMinutes "
    "Lifecycle RecoveryPointTags CopyActions EnableContinuousBackup",
    Lifecycle=_lifecycle,
    CopyActions=each(fields("DestinationBackupVaultArn Lifecycle", Lifecycle=_lifecycle)),
)
_plan = use(
    fields(
        "BackupPlanName BackupPlanRule=Rules AdvancedBackupSettings", BackupPlanRule=each(_rule),
        AdvancedBackupSettings=each(fields("ResourceType BackupOptions")),
    ),
    p.BackupPlan,
)  # fmt: skip

BackupPlan = ResourceType(
    create=Call("backup:CreateBackupPlan", BackupPlan=_plan, BackupPlanTags=p.BackupPlanTags),
    id=made.BackupPlanId,
    read=Call("backup:GetBackupPlan", BackupPlanId=ID),
    update=(
        Call("backup:UpdateBackupPlan", BackupPlanId=ID, BackupPlan=_plan),
        *_changed_tags("BackupPlanTags", seen.BackupPlanArn, p.BackupPlanTags),
    ),
    tags="BackupPlanTags",
    delete=Call("backup:DeleteBackupPlan", BackupPlanId=ID),
    absent=_ABSENT,
    attributes={"BackupPlanArn": seen.BackupPlanArn, "BackupPlanId": ID, "VersionId": seen.VersionId},
)

_conditions = fields("StringEquals StringLike StringNotEquals StringNotLike")
_selection = use(
    fields(
        "IamRoleArn SelectionName Resources NotResources ListOfTags Conditions", Conditions=_conditions,
        ListOfTags=each(fields("ConditionKey ConditionType ConditionValue")),
    ),
    p.BackupSelection,
)  # fmt: skip


def _part(number: int) -> Value:
    """Of a selection's id, which is its own and its plan's."""
    return use(lambda found: found.split("_")[number], ID)


def _id(found: Any, plan: str) -> str:
    return f"{found}_{plan}"


_where = {"SelectionId": _part(0), "BackupPlanId": _part(1)}

BackupSelection = ResourceType(
    create=Call("backup:CreateBackupSelection", "BackupPlanId", BackupSelection=_selection),
    id=use(_id, made.SelectionId, made.BackupPlanId),
    read=Call("backup:GetBackupSelection", **_where),
    delete=Call("backup:DeleteBackupSelection", **_where),
    absent=_ABSENT,
    attributes={"Id": ID, "SelectionId": _part(0), "BackupPlanId": _part(1)},
)

_testing = {name: getattr(p, name) for name in ("RecoveryPointSelection", "ScheduleExpression", "ScheduleExpressionTimezone", "StartWindowHours")}
_of_testing = {"RestoreTestingPlanName": ID}

RestoreTestingPlan = ResourceType(
    create=Call(
        "backup:CreateRestoreTestingPlan", RestoreTestingPlan={"RestoreTestingPlanName": p.RestoreTestingPlanName, **_testing}, Tags=tag_map(p.Tags)
    ),
    id=p.RestoreTestingPlanName,
    read=Call("backup:GetRestoreTestingPlan", **_of_testing),
    update=(
        Call("backup:UpdateRestoreTestingPlan", RestoreTestingPlan=_testing, **_of_testing),
        *_changed_tags("Tags", seen.RestoreTestingPlan.RestoreTestingPlanArn, tag_map(p.Tags)),
    ),
    tags="Tags",
    delete=Call("backup:DeleteRestoreTestingPlan", **_of_testing),
    absent=_ABSENT,
    attributes={"RestoreTestingPlanArn": seen.RestoreTestingPlan.RestoreTestingPlanArn, "RestoreTestingPlanName": ID},
    drift=(Reading(same("ScheduleExpression", seen.RestoreTestingPlan)),),
)

_tested = {
    name: getattr(p, name)
    for name in ("IamRoleArn", "ProtectedResourceArns", "ProtectedResourceConditions", "RestoreMetadataOverrides", "ValidationWindowHours")
}
_named = {
    "RestoreTestingPlanName": use(lambda found: found.split("|")[0], ID), "RestoreTestingSelectionName": use(lambda found: found.split("|")[1], ID)
}  # fmt: skip

RestoreTestingSelection = ResourceType(
    create=Call(
        "backup:CreateRestoreTestingSelection", "RestoreTestingPlanName", RestoreTestingSelection={
            "RestoreTestingSelectionName": p.RestoreTestingSelectionName, "ProtectedResourceType": p.ProtectedResourceType, **_tested,
        },
    ),
    # Of a type whose identifier has two parts Ref answers both: its schema names them.
    id=use("{}|{}".format, p.RestoreTestingPlanName, p.RestoreTestingSelectionName),
    read=Call("backup:GetRestoreTestingSelection", **_named),
    update=(Call("backup:UpdateRestoreTestingSelection", RestoreTestingSelection=_tested, **_named),),
    delete=Call("backup:DeleteRestoreTestingSelection", **_named),
    absent=_ABSENT,
)  # fmt: skip
