"""What a call to WAF touches, for IAM, and how that is tagged.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.firewall import Part
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.services.wafv2.part import arn_of, references

_ARNS = ("WebACLArn", "WebAclArn", "ResourceArn", "ResourceARN", "ARN")
_KINDS = {"WebACL": "webacl", "RuleGroup": "rulegroup", "IPSet": "ipset", "RegexPatternSet": "regexpatternset"}
_OF_NOTHING = frozenset((
    "ListWebACLs", "ListRuleGroups", "ListIPSets", "ListRegexPatternSets", "ListLoggingConfigurations", "DescribeManagedRuleGroup",
    "ListAvailableManagedRuleGroups", "ListAvailableManagedRuleGroupVersions",
))  # fmt: skip


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


def tags_of(call: Call, arn: str) -> dict[str, str]:
    part = firewall.shelf(call.home, call.account, arn).get(arn)
    return part.tags if part is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    """What guards distributions lies in ``aws-global``."""
    shelf = call.home.store.shelf(SHARED, Part) if call.region == GLOBAL else call.shelf(Part)
    return [(each.arn, each.tags) for each in shelf.values() if each.arn.split(":")[4] == call.account]
