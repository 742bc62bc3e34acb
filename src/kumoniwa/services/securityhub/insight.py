"""Insights: kept filters with an attribute by which the findings that they leave are counted. AWS's own may be asked by their ARNs.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-insights.html
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-managed-insights.html
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.securityhub import hub, listing
from kumoniwa.services.securityhub.errors import (
    InvalidInputException,
    LimitExceededException,
    ResourceNotFoundException,
)
from kumoniwa.services.securityhub.filtering import PATHS, Filter, values

INSIGHTS_MAX, RESULTS_MAX = 100, 100
"""https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html"""


class Insight(Record):
    """Shelved by its ARN."""

    arn: str
    name: str
    filters: dict[str, list[dict[str, Any]]]
    by: str
    created: float = 0.0


def _equal(*texts: str) -> list[dict[str, str]]:
    return [{"Value": text, "Comparison": "EQUALS"} for text in texts]


def _begins(*texts: str) -> list[dict[str, str]]:
    return [{"Value": text, "Comparison": "PREFIX"} for text in texts]


_LIVE = {"RecordState": _equal("ACTIVE"), "WorkflowStatus": _equal("NEW", "NOTIFIED")}
_DAY, _WEEK = ([{"DateRange": {"Value": days, "Unit": "DAYS"}}] for days in (1, 7))
_CHECKS = "Software and Configuration Checks"
_BEST = f"{_CHECKS}/Industry and Regulatory Standards/AWS Security Best Practices"
_NETWORK = f"{_CHECKS}/AWS Security Best Practices/Network Reachability"
_CIS_RULES = "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule"
_BUCKET, _MACHINE, _KEY = ({"ResourceType": _equal(kind)} for kind in ("AwsS3Bucket", "AwsEc2Instance", "AwsIamAccessKey"))
_MALWARE = (
    "Effects/Data Exfiltration/Trojan", "TTPs/Initial Access/Trojan", "TTPs/Command and Control/Backdoor", "TTPs/Command and Control/Trojan",
    f"{_CHECKS}/Backdoor", "Unusual Behaviors/VM/Backdoor",
)  # fmt: skip
_COINS = ("Effects/Resource Consumption/Cryptocurrency", "TTPs/Command and Control/CryptoCurrency")
_INTRUDERS = (
    "TTPs/Command and Control/UnauthorizedAccess", "TTPs/Initial Access/UnauthorizedAccess", "Effects/Data Exfiltration/UnauthorizedAccess",
    "Unusual Behaviors/User/UnauthorizedAccess", "Effects/Resource Consumption/UnauthorizedAccess",
)  # fmt: skip
_MANAGED: dict[int, tuple[str, str, dict[str, Any]]] = {
    1: ("AWS resources with the most findings", "ResourceId", _LIVE),
    10: ("S3 buckets with public write or read permissions", "ResourceId", {"Type": _begins("Effects/Data Exposure"), **_BUCKET, **_LIVE}),
    3: ("AMIs that are generating the most findings", "ResourceAwsEc2InstanceImageId", {**_MACHINE, **_LIVE}),
    14: ("EC2 instances involved in known Tactics, Techniques, and Procedures (TTPs)", "ResourceId", {"Type": _begins("TTPs"), **_MACHINE, **_LIVE}),
    9: ("AWS principals with suspicious access key activity", "ResourceAwsIamAccessKeyPrincipalName", {**_KEY, **_LIVE}),
    6: ("AWS resources instances that don't meet security standards / best practices", "ResourceId", {"Type": _equal(_BEST), **_LIVE}),
    7: ("AWS resources associated with potential data exfiltration", "ResourceId", {"Type": _begins("Effects/Data Exfiltration/"), **_LIVE}),
    8: ("AWS resources associated with unauthorized resource consumption", "ResourceId", {"Type": _begins("Effects/Resource Consumption"), **_LIVE}),
    11: ("S3 buckets that don't meet security standards / best practice", "ResourceId", {**_BUCKET, "Type": _equal(_BEST), **_LIVE}),
    12: ("S3 buckets with sensitive data", "ResourceId", {**_BUCKET, "Type": _begins("Sensitive Data Identifications/"), **_LIVE}),
    13: ("Credentials that may have leaked", "ResourceId", {"Type": _begins("Sensitive Data Identifications/Passwords/"), **_LIVE}),
    16: (
        "EC2 instances that have missing security patches for important vulnerabilities", "ResourceId",
        {"Type": _begins(f"{_CHECKS}/Vulnerabilities/CVE"), **_MACHINE, **_LIVE},
    ),
    17: ("EC2 instances with general unusual behavior", "ResourceId", {"Type": _begins("Unusual Behaviors"), **_MACHINE, **_LIVE}),
    18: ("EC2 instances that have ports accessible from the Internet", "ResourceId", {"Type": _begins(_NETWORK), **_MACHINE, **_LIVE}),
    19: (
        "EC2 instances that don't meet security standards / best practices", "ResourceId",
        {"Type": _begins(f"{_CHECKS}/Industry and Regulatory Standards/", f"{_CHECKS}/AWS Security Best Practices"), **_MACHINE, **_LIVE},
    ),
    21: ("EC2 instances that are open to the Internet", "ResourceId", {"Type": _begins(_NETWORK), **_MACHINE, **_LIVE}),
    22: ("EC2 instances associated with adversary reconnaissance", "ResourceId", {"Type": _begins("TTPs/Discovery/Recon"), **_MACHINE, **_LIVE}),
    23: ("AWS resources that are associated with malware", "ResourceId", {"Type": _begins(*_MALWARE), **_LIVE}),
    24: ("AWS resources associated with cryptocurrency issues", "ResourceId", {"Type": _begins(*_COINS), **_LIVE}),
    25: ("AWS resources with unauthorized access attempts", "ResourceId", {"Type": _begins(*_INTRUDERS), **_LIVE}),
    27: ("Top accounts by counts of findings", "AwsAccountId", _LIVE),
    28: ("Top products by counts of findings", "ProductName", _LIVE),
    29: ("Severity by counts of findings", "SeverityLabel", _LIVE),
    30: ("Top S3 buckets by counts of findings", "ResourceId", {**_BUCKET, **_LIVE}),
    31: ("Top EC2 instances by counts of findings", "ResourceId", {**_MACHINE, **_LIVE}),
    32: ("Top AMIs by counts of findings", "ResourceAwsEc2InstanceImageId", {**_MACHINE, **_LIVE}),
    34: (
        "Top resources by counts of failed CIS checks", "ResourceId",
        {"GeneratorId": _begins(_CIS_RULES), "UpdatedAt": _DAY, "ComplianceStatus": _equal("FAILED"), **_LIVE},
    ),
    35: ("Top integrations by counts of findings", "ProductArn", _LIVE),
    36: ("Resources with the most failed security checks", "ResourceId", {"UpdatedAt": _DAY, "ComplianceStatus": _equal("FAILED"), **_LIVE}),
    37: ("IAM users with suspicious activity", "ResourceAwsIamUserUserName", {"ResourceType": _equal("AwsIamUser"), **_LIVE}),
}  # fmt: skip
"""Those whose filters and groups the user guide of 2023 tells. What 26 is grouped by is not said there, and 33 is grouped by what the API cannot
group by; they are not here."""


def _managed(call: Call) -> dict[str, Insight]:
    return {
        arn: Insight(arn=arn, name=name, filters=filters, by=by)
        for number, (name, by, filters) in _MANAGED.items()
        for arn in [f"arn:{call.home.partition}:securityhub:::insight/securityhub/default/{number}"]
    }


def _existing(call: Call, arn: str) -> Insight:
    found = call.shelf(Insight).get(arn) or _managed(call).get(arn)
    if found is None:
        raise ResourceNotFoundException(f"The insight {arn} does not exist.")
    return found


def _own(call: Call, arn: str) -> Insight:
    found = _existing(call, arn)
    if arn not in call.shelf(Insight):
        raise InvalidInputException("A managed insight cannot be changed or deleted.")
    return found


def _check(call: Call, filters: dict[str, Any], by: str) -> None:
    Filter(call, filters)
    if by not in PATHS:
        raise InvalidInputException(f"Findings cannot be grouped by {by}.")


def CreateInsight(call: Call, *, Name: str, Filters: dict[str, list[dict[str, Any]]], GroupByAttribute: str) -> dict:
    hub.existing(call)
    _check(call, Filters, GroupByAttribute)
    if len(call.shelf(Insight)) >= INSIGHTS_MAX:
        raise LimitExceededException(f"An account has {INSIGHTS_MAX} custom insights at most.")
    arn = call.arn(f"insight/{call.account}/custom/{call.new_id()}")
    call.shelf(Insight)[arn] = Insight(arn=arn, name=Name, filters=Filters, by=GroupByAttribute, created=call.now())
    return {"InsightArn": arn}


def GetInsights(call: Call, *, InsightArns: list[str] | None = None) -> dict:
    """Without ARNs the account's own, and none of AWS's: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetInsights.html"""
    hub.existing(call)
    chosen = [_existing(call, arn) for arn in InsightArns] if InsightArns else sorted(call.shelf(Insight).values(), key=lambda each: each.created)
    return {"Insights": [{"InsightArn": each.arn, "Name": each.name, "Filters": each.filters, "GroupByAttribute": each.by} for each in chosen]}


def UpdateInsight(
    call: Call, *, InsightArn: str, Name: str | None = None, Filters: dict[str, list[dict[str, Any]]] | None = None, GroupByAttribute: str | None = None
) -> None:
    hub.existing(call)
    held = _own(call, InsightArn)
    new = changed(held, name=Name or held.name, filters=held.filters if Filters is None else Filters, by=GroupByAttribute or held.by)
    _check(call, new.filters, new.by)
    call.shelf(Insight)[held.arn] = new


def DeleteInsight(call: Call, *, InsightArn: str) -> dict:
    hub.existing(call)
    arn = _own(call, InsightArn).arn
    del call.shelf(Insight)[arn]
    return {"InsightArn": arn}


async def GetInsightResults(call: Call, *, InsightArn: str) -> dict:
    """The values that most findings have, with how many have each."""
    hub.existing(call)
    held = _existing(call, InsightArn)
    counted: Counter[str] = Counter()
    async for _, finding in listing.each(call, Filter(call, held.filters)):
        counted.update({str(value) for value in values(finding, PATHS[held.by])})
    results = [{"GroupByAttributeValue": value, "Count": count} for value, count in counted.most_common(RESULTS_MAX)]
    return {"InsightResults": {"InsightArn": held.arn, "GroupByAttribute": held.by, "ResultValues": results}}
