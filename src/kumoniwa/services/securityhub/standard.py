"""Standards: sets of controls that an account has its resources held against. Two are here; AWS's others are refused by name.

https://docs.aws.amazon.com/securityhub/latest/userguide/standards-reference.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kumoniwa.aws import security_controls
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.securityhub import hub
from kumoniwa.services.securityhub.errors import InvalidInputException, ResourceNotFoundException

PENDING, READY, INCOMPLETE, DELETING = "PENDING", "READY", "INCOMPLETE", "DELETING"
_KNOWN = re.compile(
    r"arn:aws[a-z-]*:securityhub:[a-z0-9-]*::(ruleset|standards)/(cis-aws-foundations-benchmark|pci-dss|nist-800-53|nist-800-171|"
    r"aws-resource-tagging-standard|service-managed-aws-control-tower|aws-foundational-security-best-practices)/v/[0-9.]+"
)


class Standard(NamedTuple):
    path: str
    name: str
    description: str
    is_default: bool
    type: str
    """The last part of the type of its findings, where controls have one finding for each standard."""


STANDARDS = (
    Standard(
        security_controls.FSBP, "AWS Foundational Security Best Practices v1.0.0",
        "The AWS Foundational Security Best Practices standard is a set of automated security checks that detect when AWS accounts and deployed "
        "resources do not align to security best practices. The standard is defined by AWS security experts. This curated set of controls helps "
        "improve your security posture in AWS, and cover AWS's most popular and foundational services.",
        True, "AWS-Foundational-Security-Best-Practices",
    ),
    Standard(
        security_controls.CIS, "CIS AWS Foundations Benchmark v3.0.0",
        "The Center for Internet Security (CIS) AWS Foundations Benchmark v3.0.0 is a set of security configuration best practices for AWS.",
        False, "CIS AWS Foundations Benchmark",
    ),
)  # fmt: skip
"""https://docs.aws.amazon.com/securityhub/latest/userguide/sample-control-findings.html; the description of CIS's is ours in part."""
BY_PATH = {each.path: each for each in STANDARDS}


class Subscription(Record):
    """That a standard is enabled; shelved by its path."""

    path: str
    since: float
    status: str = PENDING
    reason: str = ""


def arn_of(call: Call, standard: Standard) -> str:
    return f"arn:{call.home.partition}:securityhub:{call.region}::standards/{standard.path}"


def subscription_arn(call: Call, path: str) -> str:
    return call.arn(f"subscription/{path}")


def of_arn(call: Call, arn: str) -> Standard:
    """Raises NotImplementedHere for AWS's standards that are not here, InvalidInputException for what is none."""
    found = next((each for each in STANDARDS if arn == arn_of(call, each)), None)
    if found is None and _KNOWN.fullmatch(arn):
        raise NotImplementedHere(f"the standard {arn} of securityhub")
    if found is None:
        raise InvalidInputException(f"The StandardsArn {arn} is invalid.")
    return found


def enabled(call: Call) -> list[Standard]:
    """Those whose controls are judged."""
    held = call.shelf(Subscription)
    return [each for each in STANDARDS if each.path in held and held[each.path].status != DELETING]


def subscribe(call: Call, standard: Standard) -> Subscription:
    held = call.shelf(Subscription).get(standard.path)
    if held is None or held.status == DELETING:
        held = Subscription(path=standard.path, since=call.now())
        call.shelf(Subscription)[standard.path] = held
    return held


def unsubscribe(call: Call, held: Subscription) -> Subscription:
    """Its rules and findings end a little later, and so does it."""
    gone = changed(held, status=DELETING, reason="")
    call.shelf(Subscription)[held.path] = gone
    return gone


def subscribed(call: Call, arn: str) -> Subscription:
    found = next((each for each in call.shelf(Subscription).values() if arn == subscription_arn(call, each.path)), None)
    if found is None:
        raise ResourceNotFoundException(f"The standards subscription {arn} does not exist.")
    return found


def shown(call: Call, held: Subscription) -> dict[str, Any]:
    told: dict[str, Any] = {
        "StandardsSubscriptionArn": subscription_arn(call, held.path), "StandardsArn": arn_of(call, BY_PATH[held.path]), "StandardsInput": {},
        "StandardsStatus": held.status, "StandardsControlsUpdatable": "NOT_READY_FOR_UPDATES" if held.status == DELETING else "READY_FOR_UPDATES",
    }  # fmt: skip
    return told | ({"StandardsStatusReason": {"StatusReasonCode": held.reason}} if held.reason else {})


def DescribeStandards(call: Call) -> dict:
    hub.existing(call)
    return {
        "Standards": [
            {
                "StandardsArn": arn_of(call, each), "Name": each.name, "Description": each.description, "EnabledByDefault": each.is_default,
                "StandardsManagedBy": {"Company": "AWS", "Product": "Security Hub"},
            }
            for each in STANDARDS
        ]
    }  # fmt: skip


def BatchEnableStandards(call: Call, *, StandardsSubscriptionRequests: list[dict[str, Any]]) -> dict:
    hub.existing(call)
    wanted = [of_arn(call, each["StandardsArn"]) for each in StandardsSubscriptionRequests]
    if any(each.get("StandardsInput") for each in StandardsSubscriptionRequests):
        raise InvalidInputException("The standard takes no StandardsInput.")
    hub.wake(call)
    return {"StandardsSubscriptions": [shown(call, subscribe(call, each)) for each in wanted]}


def BatchDisableStandards(call: Call, *, StandardsSubscriptionArns: list[str]) -> dict:
    hub.existing(call)
    held = [subscribed(call, arn) for arn in StandardsSubscriptionArns]
    hub.wake(call)
    return {"StandardsSubscriptions": [shown(call, unsubscribe(call, each)) for each in held]}


def GetEnabledStandards(call: Call, *, StandardsSubscriptionArns: list[str] | None = None) -> dict:
    hub.existing(call)
    if StandardsSubscriptionArns:
        found = [subscribed(call, arn) for arn in StandardsSubscriptionArns]
    else:
        found = sorted(call.shelf(Subscription).values(), key=lambda each: each.path)
    return {"StandardsSubscriptions": [shown(call, each) for each in found]}
