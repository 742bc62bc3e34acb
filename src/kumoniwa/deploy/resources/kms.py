"""AWS::KMS. A key outlives its stack by the days in which its deletion may be cancelled."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    carries,
    from_json,
    gone_tags,
    made,
    p,
    read,
    same,
    seen,
    use,
)

_to_tags = use(lambda tags: [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags], p.Tags)
_from_tags = use(lambda tags: [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags], seen.Tags)
_seen = seen.KeyMetadata


@carries("Enabled")
async def _enable(work: Work) -> None:
    verb = "Disable" if work.properties.get("Enabled", True) in (False, "false") else "Enable"
    await work.ask(f"kms:{verb}Key", KeyId=work.id)


@carries("EnableKeyRotation RotationPeriodInDays")
async def _rotate(work: Work) -> None:
    if work.properties.get("EnableKeyRotation") in (True, "true"):
        period = work.properties.get("RotationPeriodInDays")
        await work.ask("kms:EnableKeyRotation", KeyId=work.id, **({"RotationPeriodInDays": period} if period else {}))
    else:
        await work.ask("kms:DisableKeyRotation", KeyId=work.id)


_ABSENT = "NotFoundException"
_describe = Call("kms:DescribeKey", KeyId=ID)


@carries("PendingWindowInDays")
async def _remember(work: Work) -> None:
    """The deletion reads it from the template."""


_remember.handles_absence = True
_update = (
    Call("kms:UpdateKeyDescription", KeyId=ID, Description=p.Description),
    _remember,
    Call("kms:UntagResource", KeyId=ID, TagKeys=gone_tags).when(gone_tags),
    Call("kms:TagResource", KeyId=ID, Tags=_to_tags).when(p.Tags),
)
_delete = Call("kms:ScheduleKeyDeletion", KeyId=ID, PendingWindowInDays=p.PendingWindowInDays)
_readings = (
    Reading(same("Description Enabled KeyUsage KeySpec MultiRegion Origin", _seen), _describe),
    Reading({"KeyPolicy": from_json(seen.Policy)}, Call("kms:GetKeyPolicy", KeyId=ID, PolicyName="default")),
    Reading({"Tags": _from_tags}, Call("kms:ListResourceTags", KeyId=ID)),
)

Key = ResourceType(
    create=Call(
        "kms:CreateKey",
        "BypassPolicyLockoutSafetyCheck Description KeySpec KeyUsage MultiRegion Origin",
        Policy=as_json(p.KeyPolicy),
        Tags=_to_tags,
    ),
    id=made.KeyMetadata.KeyId,
    read=_describe,
    settings=(Setting(_rotate, _rotate), Setting(_enable, _enable)),
    update=(
        *_update,
        Call("kms:PutKeyPolicy", "BypassPolicyLockoutSafetyCheck", KeyId=ID, Policy=as_json(p.KeyPolicy)).when(p.KeyPolicy),
    ),
    delete=_delete,
    absent=_ABSENT,
    attributes={"Arn": _seen.Arn, "KeyId": ID},
    defaults={"Description": "", "EnableKeyRotation": False, "Enabled": True},
    fixed="KeySpec KeyUsage MultiRegion Origin",
    drift=_readings,
)


@carries("PrimaryKeyArn Description KeyPolicy Tags")
async def _replicate(work: Work) -> dict[str, Any]:
    """The region of the primary makes its replica, here."""
    primary = work.properties["PrimaryKeyArn"]
    found = {"Policy": read(as_json(p.KeyPolicy), work), "Description": read(p.Description, work), "Tags": read(_to_tags, work)}
    more = {name: value for name, value in found.items() if isinstance(value, (str, list))}
    return await work.ask(
        "kms:ReplicateKey", to_region=primary.split(":")[3], KeyId=primary, ReplicaRegion=work.pseudo["AWS::Region"], **more
    )


ReplicaKey = ResourceType(
    create=_replicate,
    id=made.ReplicaKeyMetadata.KeyId,
    read=_describe,
    settings=(Setting(_enable, _enable),),
    update=(*_update, Call("kms:PutKeyPolicy", KeyId=ID, Policy=as_json(p.KeyPolicy)).when(p.KeyPolicy)),
    delete=_delete,
    absent=_ABSENT,
    attributes={"Arn": _seen.Arn, "KeyId": ID},
    defaults={"Description": "", "Enabled": True},
    drift=_readings[1:],
)

Alias = ResourceType(
    create=Call("kms:CreateAlias", "AliasName TargetKeyId"),
    id=p.AliasName,
    update=(Call("kms:UpdateAlias", AliasName=ID, TargetKeyId=p.TargetKeyId),),
    delete=Call("kms:DeleteAlias", AliasName=ID),
    absent=_ABSENT,
    attributes={"AliasName": ID},
)
