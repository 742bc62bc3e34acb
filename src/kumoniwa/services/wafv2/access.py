"""What a call to WAF touches, for IAM, and what conditions may look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.gate.authorize import request_tags
from kumoniwa.kernel.call import Call
from kumoniwa.services.wafv2.part import arn_of, references

_ARNS = ("WebACLArn", "WebAclArn", "ResourceArn", "ResourceARN", "ARN")
_KINDS = {"WebACL": "webacl", "RuleGroup": "rulegroup", "IPSet": "ipset", "RegexPatternSet": "regexpatternset"}
_OF_NOTHING = frozenset(("ListWebACLs", "ListRuleGroups", "ListIPSets", "ListRegexPatternSets", "ListLoggingConfigurations"))


def _own(call: Call, operation: str, params: dict[str, Any]) -> str:
    """The web ACL, rule group or set that a call is about."""
    said = params.get("LoggingConfiguration")
    told = said if isinstance(said, dict) else params
    for name in _ARNS:
        if isinstance(told.get(name), str) and told[name].startswith("arn:"):
            return told[name]
    kind = next((kind for name, kind in _KINDS.items() if operation.endswith(name)), "webacl" if "WebACLName" in params else "")
    if not kind:
        return "*"
    name = params.get("Name", params.get("WebACLName"))
    return arn_of(call, str(params.get("Scope")), kind, str(name), str(params.get("Id", params.get("WebACLId", "*"))))


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | tuple[str, str]]:
    if operation in _OF_NOTHING:
        return "*"
    own = _own(call, operation, params)
    if operation == "AssociateWebACL" and isinstance(params.get("ResourceArn"), str):
        return [own, params["ResourceArn"]]
    touched: list[str | tuple[str, str]] = [own]
    if operation in ("CreateWebACL", "UpdateWebACL", "CreateRuleGroup", "UpdateRuleGroup"):
        touched += sorted({arn for arn in references(params.get("Rules")) if isinstance(arn, str)})
    if operation.startswith("Create") and params.get("Tags"):
        touched.append(("wafv2:TagResource", own))
    return touched if len(touched) > 1 else own


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = request_tags(params)
    part = firewall.shelf(call.home, call.account, own := _own(call, operation, params)).get(own)
    return keys | {f"aws:resourcetag/{name.lower()}": value for name, value in (part.tags if part is not None else {}).items()}
