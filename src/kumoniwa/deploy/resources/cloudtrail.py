"""AWS::CloudTrail. A trail of a template records or does not, as IsLogging says, from when it stands.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudtrail-trail.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    carries,
    p,
    same,
    seen,
)

_OWN = (
    "S3BucketName S3KeyPrefix SnsTopicName IncludeGlobalServiceEvents IsMultiRegionTrail EnableLogFileValidation CloudWatchLogsLogGroupArn"
    " CloudWatchLogsRoleArn IsOrganizationTrail"
)
_ALL = [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
"""What a trail records of which nothing is said."""


def _told(work: Work) -> dict[str, Any]:
    said = {name: work.properties[name] for name in _OWN.split() if name in work.properties}
    return said | ({"KmsKeyId": work.properties["KMSKeyId"]} if "KMSKeyId" in work.properties else {})


def _is_logging(properties: dict[str, Any]) -> bool:
    return properties.get("IsLogging") not in (False, "false")


async def _select(work: Work, name: str) -> None:
    said = {member: work.properties[member] for member in ("EventSelectors", "AdvancedEventSelectors") if work.properties.get(member)}
    await work.ask("cloudtrail:PutEventSelectors", TrailName=name, **(said or {"EventSelectors": _ALL}))


@carries(f"TrailName {_OWN} KMSKeyId Tags EventSelectors AdvancedEventSelectors IsLogging")
async def _make(work: Work) -> dict[str, Any]:
    name, tags = work.properties["TrailName"], work.properties.get("Tags")
    made = await work.ask("cloudtrail:CreateTrail", Name=name, **_told(work), **({"TagsList": tags} if tags else {}))
    if work.properties.get("EventSelectors") or work.properties.get("AdvancedEventSelectors"):
        await _select(work, name)
    if _is_logging(work.properties):
        await work.ask("cloudtrail:StartLogging", Name=name)
    return made


@carries(f"{_OWN} KMSKeyId")
async def _change(work: Work) -> None:
    gone = {name: "" for name in ("S3KeyPrefix", "SnsTopicName", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn") if name in work.old}
    gone |= {name: False for name in ("IsMultiRegionTrail", "EnableLogFileValidation", "IsOrganizationTrail") if name in work.old}
    gone |= {"KmsKeyId": ""} if "KMSKeyId" in work.old else {}
    gone |= {"IncludeGlobalServiceEvents": True} if "IncludeGlobalServiceEvents" in work.old else {}
    await work.ask("cloudtrail:UpdateTrail", Name=work.id, **{**gone, **_told(work)})


@carries("EventSelectors AdvancedEventSelectors")
async def _change_selectors(work: Work) -> None:
    await _select(work, work.id)


@carries("IsLogging")
async def _change_logging(work: Work) -> None:
    await work.ask(f"cloudtrail:{'Start' if _is_logging(work.properties) else 'Stop'}Logging", Name=work.id)


@carries("Tags")
async def _change_tags(work: Work) -> None:
    arn = (await work.look("cloudtrail:GetTrail", Name=work.id))["Trail"]["TrailARN"]
    wanted = work.properties.get("Tags") or []
    kept = {tag["Key"] for tag in wanted}
    if gone := [{"Key": tag["Key"]} for tag in work.old.get("Tags") or [] if tag["Key"] not in kept]:
        await work.ask("cloudtrail:RemoveTags", ResourceId=arn, TagsList=gone)
    if wanted:
        await work.ask("cloudtrail:AddTags", ResourceId=arn, TagsList=wanted)


for _each in (_change, _change_selectors, _change_logging, _change_tags):
    _each.handles_absence = True

Trail = ResourceType(
    name=Name("TrailName", 128),
    create=_make,
    id=p.TrailName,
    read=Call("cloudtrail:GetTrail", Name=ID),
    update=(_change, _change_selectors, _change_logging, _change_tags),
    delete=Call("cloudtrail:DeleteTrail", Name=ID),
    absent="TrailNotFoundException",
    attributes={"Arn": seen.Trail.TrailARN, "SnsTopicArn": seen.Trail.SnsTopicARN},
    drift=(Reading(same("S3BucketName IsMultiRegionTrail EnableLogFileValidation", seen.Trail)),),
)
