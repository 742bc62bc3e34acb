"""AWS::GuardDuty. Filters and lists belong to a detector, which they name by its id.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-guardduty-detector.html
"""

from __future__ import annotations

from kumoniwa.deploy.resource import ID, Call, Name, Reading, ResourceType, at, either, gone_from, made, p, seen, tag_map, text

_gone = gone_from("Tags")


def _tagging(resource: str) -> tuple[Call, Call]:
    arn = text("arn:${AWS::Partition}:guardduty:${AWS::Region}:${AWS::AccountId}:detector/" + resource)
    return (
        Call("guardduty:UntagResource", ResourceArn=arn, TagKeys=_gone).when(_gone),
        Call("guardduty:TagResource", ResourceArn=arn, Tags=tag_map(p.Tags)).when(p.Tags),
    )


_DETECTOR = "Enable FindingPublishingFrequency DataSources Features"

Detector = ResourceType(
    create=Call("guardduty:CreateDetector", _DETECTOR, Tags=tag_map(p.Tags)),
    id=made.DetectorId,
    update=(Call("guardduty:UpdateDetector", _DETECTOR, DetectorId=ID), *_tagging("${ID}")),
    delete=Call("guardduty:DeleteDetector", DetectorId=ID),
    absent="BadRequestException",
    defaults={"FindingPublishingFrequency": "SIX_HOURS"},
    attributes={"Id": ID},
    drift=(
        Reading({"FindingPublishingFrequency": seen.FindingPublishingFrequency}, Call("guardduty:GetDetector", DetectorId=ID)),
    ),
)  # fmt: skip

_FILTER = "DetectorId Action Description FindingCriteria Rank"

Filter = ResourceType(
    create=Call("guardduty:CreateFilter", f"{_FILTER} Name", Tags=tag_map(p.Tags)),
    id=made.Name,
    update=(
        Call("guardduty:UpdateFilter", "Action Description FindingCriteria Rank", DetectorId=at(p.DetectorId), FilterName=ID),
        *_tagging("${DetectorId}/filter/${ID}"),
    ),
    delete=Call("guardduty:DeleteFilter", DetectorId=at(p.DetectorId), FilterName=ID),
    absent="BadRequestException",
    defaults={"Action": "NOOP", "Description": ""},
    drift=(
        Reading(
            {"Action": seen.Action, "Description": seen.Description},
            Call("guardduty:GetFilter", DetectorId=at(p.DetectorId), FilterName=ID),
        ),
    ),
)  # fmt: skip


def _listed(what: str, id_: str) -> ResourceType:
    """A trusted IP list or a threat list. One that the template does not activate is inactive."""
    own = {id_: ID, "DetectorId": at(p.DetectorId)}
    activate = either(p.Activate, False)
    return ResourceType(
        create=Call(
            f"guardduty:Create{what}", "Format Location ExpectedBucketOwner DetectorId", Name=p.Name, Activate=activate, Tags=tag_map(p.Tags)
        ),
        id=getattr(made, id_),
        name=Name("Name", 300),
        update=(
            Call(f"guardduty:Update{what}", "Location Name ExpectedBucketOwner", Activate=activate, **own),
            *_tagging(f"${{DetectorId}}/{what.lower()}/${{ID}}"),
        ),
        delete=Call(f"guardduty:Delete{what}", **own),
        absent="BadRequestException",
        attributes={"Id": ID},
        drift=(Reading({"Name": seen.Name, "Location": seen.Location}, Call(f"guardduty:Get{what}", **own)),),
    )


IPSet = _listed("IPSet", "IpSetId")
ThreatIntelSet = _listed("ThreatIntelSet", "ThreatIntelSetId")
