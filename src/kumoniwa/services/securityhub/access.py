"""Whom Security Hub lets do what: the resources and the condition keys of its operations, and what its front end does not look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.securityhub.errors import InvalidInputException

_UPDATED = ("Note", "Severity", "VerificationState", "Confidence", "Criticality", "Types", "UserDefinedFields", "Workflow", "RelatedFindings")


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else [value] if isinstance(value, str) else []


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    if operation == "BatchImportFindings":
        said = params.get("Findings")
        products = [each["ProductArn"] for each in said if isinstance(each, dict) and isinstance(each.get("ProductArn"), str)] if isinstance(said, list) else []
        return sorted(set(products)) or call.arn("product/*")
    if operation == "BatchUpdateAutomationRules":
        said = params.get("UpdateAutomationRulesRequestItems")
        arns = [text for each in said if isinstance(each, dict) for text in _texts(each.get("RuleArn"))] if isinstance(said, list) else []
        return arns or call.arn("automation-rule/*")
    if named := _texts(params.get("AutomationRulesArns")):
        return named
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    return call.arn("automation-rule/*" if operation in ("CreateAutomationRule", "ListAutomationRules") else "hub/default")


def _paths(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return {name: each for part, inner in value.items() for name, each in _paths(inner, f"{path}.{part}").items()}
    if isinstance(value, list):
        return {path: [str(each) for each in value]}
    return {path: str(value)}


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchupdatefindings.html#batchupdatefindings-configure-access"""
    if operation == "BatchImportFindings" and isinstance(params.get("Findings"), list):
        accounts = {each.get("AwsAccountId") for each in params["Findings"] if isinstance(each, dict)}
        return {"securityhub:targetaccount": sorted(each for each in accounts if isinstance(each, str))}
    if operation != "BatchUpdateFindings":
        return {}
    said = {path: value for name in _UPDATED if name in params for path, value in _paths(params[name], name).items()}
    return {f"securityhub:asffsyntaxpath/{path.lower()}": value for path, value in said.items()}


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError | None:
    """Findings to be imported are looked at one by one, and the others of their batch are taken. No operation has another error for what breaks
    its model than this; the text is the model's."""
    if operation == "BatchImportFindings" and isinstance(params.get("Findings"), list):
        return None
    return InvalidInputException(error.text)
