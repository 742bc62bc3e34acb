"""AWS::CertificateManager. A certificate is complete when it is issued; the records that prove it in a hosted zone of this account are put
by CloudFormation, and stay when the stack goes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-certificatemanager-certificate.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Work,
    carries,
    gone_tags,
    made,
    p,
    same,
    seen,
)
from kumoniwa.kernel.errors import ValidationError

LOOK_S_FIRST, LOOK_S_MAX = 0.1, 30.0
_REQUESTED = ["DomainName", "SubjectAlternativeNames", "ValidationMethod", "KeyAlgorithm", "CertificateAuthorityArn", "Tags"]
_OPTIONS = {"Export": "CertificateExport", "CertificateTransparencyLoggingPreference": "CertificateTransparencyLoggingPreference"}
"""How the template calls them."""


@carries(f"{' '.join(_REQUESTED)} CertificateExport CertificateTransparencyLoggingPreference DomainValidationOptions")
async def _request(work: Work) -> dict[str, Any]:
    properties, given = work.properties, work.properties.get("DomainValidationOptions") or []
    asked: dict[str, Any] = {name: properties[name] for name in _REQUESTED if properties.get(name)}
    options = {name: properties[value] for name, value in _OPTIONS.items() if value in properties}
    domains = [{"DomainName": each["DomainName"], "ValidationDomain": each["ValidationDomain"]} for each in given if "ValidationDomain" in each]
    asked |= ({"Options": options} if options else {}) | ({"DomainValidationOptions": domains} if domains else {})
    arn = (await work.ask("acm:RequestCertificate", **asked))["CertificateArn"]
    zones = {each["DomainName"].lower(): each["HostedZoneId"] for each in given if "HostedZoneId" in each}
    await _prove(work, arn, zones)
    await _wait(work, arn)
    return {"CertificateArn": arn}


async def _described(work: Work, arn: str) -> dict[str, Any]:
    return (await work.look("acm:DescribeCertificate", CertificateArn=arn))["Certificate"]


async def _prove(work: Work, arn: str, zones: dict[str, str]) -> None:
    """A name and the wildcard under it are proven by one record."""
    if not zones:
        return
    records = {
        (zones[each["DomainName"]], each["ResourceRecord"]["Name"]): each["ResourceRecord"]
        for each in (await _described(work, arn))["DomainValidationOptions"]
        if "ResourceRecord" in each and each["DomainName"] in zones
    }
    for (zone, _), record in records.items():
        put = {"Name": record["Name"], "Type": record["Type"], "TTL": 300, "ResourceRecords": [{"Value": record["Value"]}]}
        batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": put}]}
        await work.ask("route53:ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=batch)


async def _wait(work: Work, arn: str) -> None:
    pause_s = LOOK_S_FIRST
    while (found := await _described(work, arn))["Status"] == "PENDING_VALIDATION":
        await work.pause(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)
    if found["Status"] != "ISSUED":
        await work.ask("acm:DeleteCertificate", CertificateArn=arn)
        raise ValidationError(f"Certificate {arn} was not issued: {found['Status']} {found.get('FailureReason', '')}".rstrip())


Certificate = ResourceType(
    create=_request,
    id=made.CertificateArn,
    read=Call("acm:DescribeCertificate", CertificateArn=ID),
    update=(
        Call(
            "acm:UpdateCertificateOptions", CertificateArn=ID,
            Options={"CertificateTransparencyLoggingPreference": p.CertificateTransparencyLoggingPreference},
        ).when(p.CertificateTransparencyLoggingPreference),
        Call("acm:UpdateCertificateOptions", CertificateArn=ID, Options={"ValidationMethod": p.ValidationMethod}).when(p.ValidationMethod),
        Call("acm:UntagResource", ResourceArn=ID, TagKeys=gone_tags).when(gone_tags),
        Call("acm:TagResource", ResourceArn=ID, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("acm:DeleteCertificate", CertificateArn=ID),
    absent="ResourceNotFoundException",
    attributes={"CertificateArn": ID},
    drift=(
        Reading(same("DomainName", seen.Certificate)),
        Reading({"Tags": seen.Tags}, Call("acm:ListTagsForCertificate", CertificateArn=ID)),
    ),
)  # fmt: skip
