"""Products: who sends findings. Here these are AWS Config, which tells what its rules say, and GuardDuty, unless an account stops them.

All other products send nothing here, so to enable their findings is refused by name.
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
"""

from __future__ import annotations

import hashlib
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.securityhub import asff, checking, finding, hub, importing, resource, threat
from kumoniwa.services.securityhub.errors import (
    InvalidInputException,
    ResourceConflictException,
    ResourceNotFoundException,
)

CONFIG, GUARDDUTY = "aws/config", "aws/guardduty"
CHANGE, DROPPED = "Config Rules Compliance Change", "Config Verdict Dropped"
_OF_SERVICES = "/aws-service-rule/"


class Stopped(Record):
    """A product from which an account takes no findings; shelved by the product."""


def arn_of(call: Call, product: str) -> str:
    return f"arn:{call.home.partition}:securityhub:{call.region}::product/{product}"


def _subscription(call: Call, product: str) -> str:
    return call.arn(f"product-subscription/{product}")


def _is_enabled(call: Call, product: str) -> bool:
    return product not in call.shelf(Stopped)


_SENDING = ["SEND_FINDINGS_TO_SECURITY_HUB"]
PRODUCTS: dict[str, dict[str, Any]] = {
    CONFIG: {
        "ProductName": "Config", "CompanyName": "AWS", "Description": "AWS Config sends what its managed and custom rules say of resources.",
        "Categories": ["Configuration Management"], "IntegrationTypes": _SENDING,
    },
    GUARDDUTY: {
        "ProductName": "GuardDuty", "CompanyName": "Amazon", "Description": "Amazon GuardDuty sends what it finds in the calls of the account.",
        "Categories": ["Threat Detections"], "IntegrationTypes": _SENDING,
    },
}  # fmt: skip


def _existing(call: Call, arn: str) -> str:
    for product in PRODUCTS:
        if arn == arn_of(call, product):
            return product
    if ":product/" in arn:
        raise NotImplementedHere(f"the product {arn} of securityhub")
    raise InvalidInputException(f"The product ARN {arn} is invalid.")


def DescribeProducts(call: Call, *, ProductArn: str | None = None) -> dict:
    hub.existing(call)
    asked = list(PRODUCTS) if ProductArn is None else [_existing(call, ProductArn)]
    return {"Products": [{"ProductArn": arn_of(call, product), **PRODUCTS[product]} for product in asked]}


def EnableImportFindingsForProduct(call: Call, *, ProductArn: str) -> dict:
    hub.existing(call)
    product = _existing(call, ProductArn)
    if _is_enabled(call, product):
        raise ResourceConflictException(f"The product {ProductArn} is already enabled.")
    del call.shelf(Stopped)[product]
    return {"ProductSubscriptionArn": _subscription(call, product)}


def DisableImportFindingsForProduct(call: Call, *, ProductSubscriptionArn: str) -> None:
    hub.existing(call)
    product = next((each for each in PRODUCTS if ProductSubscriptionArn == _subscription(call, each)), None)
    if product is None or not _is_enabled(call, product):
        raise ResourceNotFoundException(f"The product subscription {ProductSubscriptionArn} does not exist.")
    call.shelf(Stopped)[product] = Stopped()


def ListEnabledProductsForImport(call: Call) -> dict:
    hub.existing(call)
    return {"ProductSubscriptions": [_subscription(call, product) for product in PRODUCTS if _is_enabled(call, product)]}


# What Config sends ---------------------------------------------------------------------------------


def _origin(rule: str, type_: str, id_: str) -> str:
    return f"{CONFIG}\n{rule}\n{type_}\n{id_}"


def heard(region: Any, fact: tuple[str, str, str, Any]) -> None:
    """Take what Config tells, in the commit in which it tells it: rules of services (such as our own) are no business of this product."""
    _, kind, account, detail = fact
    call = region.call("securityhub", account, principals.service(hub.SERVICE, account))
    if hub.held(call) is None or not _is_enabled(call, CONFIG):
        return
    origin = _origin(detail["configRuleName"], detail["resourceType"], detail["resourceId"])
    if kind == DROPPED:
        held = finding.of_origin(call, origin)
        checking.archive(call, [held] if held is not None else [])
    elif _OF_SERVICES not in detail["configRuleARN"]:
        importing.take(call, _told(call, detail), origin=origin)


def heard_threat(region: Any, account: str, detail: dict[str, Any]) -> None:
    """Take what GuardDuty tells, in the commit in which it tells it."""
    call = region.call("securityhub", account, principals.service(hub.SERVICE, account))
    if hub.held(call) is not None and _is_enabled(call, GUARDDUTY):
        said = threat.told(detail, arn_of(call, GUARDDUTY), PRODUCTS[GUARDDUTY])
        importing.take(call, said, origin=f"{GUARDDUTY}\n{detail['id']}")


def _told(call: Call, detail: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html#integration-config; that a finding's id
    ends with a hash is said there, and of what it is ours."""
    rule, result = detail["configRuleARN"], detail["newEvaluationResult"]
    hashed = hashlib.sha1(f"{rule} {detail['resourceType']} {detail['resourceId']}".encode(), usedforsecurity=False).hexdigest()
    text = f"This finding is created for a resource compliance change for config rule: {detail['configRuleName']}"
    held = finding.one(call, arn_of(call, CONFIG), f"{rule}/finding/{hashed}")
    recorded = result["resultRecordedTime"]
    return {
        "SchemaVersion": asff.SCHEMA_VERSION, "Id": f"{rule}/finding/{hashed}", "ProductArn": arn_of(call, CONFIG), "ProductName": "Config",
        "CompanyName": "AWS", "GeneratorId": rule, "AwsAccountId": call.account, "Types": ["Software and Configuration Checks"],
        "CreatedAt": held.body["CreatedAt"] if held is not None else recorded, "UpdatedAt": recorded, "Severity": {"Label": "MEDIUM"},
        "Title": detail["configRuleName"], "Description": text,
        "ProductFields": {
            "aws/config/ConfigRuleArn": rule, "aws/config/ConfigRuleName": detail["configRuleName"],
            "aws/config/ConfigComplianceType": result["complianceType"],
        },
        "Resources": [resource.told(call, detail["resourceType"], resource.computed(call, detail["resourceType"], detail["resourceId"]))],
        "Compliance": {"Status": "PASSED" if result["complianceType"] == "COMPLIANT" else "FAILED"},
    }  # fmt: skip
