"""What rules cost, in web ACL capacity units, as AWS documents it for each statement.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements-match.html and the pages it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kumoniwa.languages.firewall import managed

MAX = 5000
"""Of a web ACL: https://docs.aws.amazon.com/waf/latest/developerguide/limits.html"""
TRANSFORMATION = 10
_POSITIONS = {"EXACTLY": 2, "STARTS_WITH": 2, "ENDS_WITH": 2, "CONTAINS": 10, "CONTAINS_WORD": 10}
CUSTOM_KEY = 30


def of_rules(rules: Iterable[dict[str, Any]], group_capacity: Callable[[str], int]) -> int:
    """``group_capacity`` knows what a rule group was made to cost, by its ARN."""
    return sum(_of(rule["Statement"], group_capacity) for rule in rules)


def _of(statement: dict[str, Any], group_capacity: Callable[[str], int]) -> int:
    ((kind, said),) = statement.items()
    if kind in ("AndStatement", "OrStatement"):
        return sum(_of(each, group_capacity) for each in said["Statements"])
    if kind == "NotStatement":
        return _of(said["Statement"], group_capacity)
    if kind == "RateBasedStatement":
        scope = _of(said["ScopeDownStatement"], group_capacity) if "ScopeDownStatement" in said else 0
        return 2 + CUSTOM_KEY * len(said.get("CustomKeys") or ()) + scope
    if kind == managed.STATEMENT:
        return managed.GROUPS[said["Name"]].capacity + (_of(said["ScopeDownStatement"], group_capacity) if "ScopeDownStatement" in said else 0)
    if kind == "RuleGroupReferenceStatement":
        return group_capacity(said["ARN"])
    if kind == "IPSetReferenceStatement":
        return 5 if (said.get("IPSetForwardedIPConfig") or {}).get("Position") == "ANY" else 1
    if kind in ("GeoMatchStatement", "LabelMatchStatement"):
        return 1
    base = {
        "SqliMatchStatement": 30 if said.get("SensitivityLevel") == "HIGH" else 20, "XssMatchStatement": 40, "RegexMatchStatement": 3,
        "RegexPatternSetReferenceStatement": 25, "SizeConstraintStatement": 1,
        "ByteMatchStatement": _POSITIONS.get(said.get("PositionalConstraint", ""), 0),
    }[kind]  # fmt: skip
    field = said["FieldToMatch"]
    transformations = sum(each["Type"] != "NONE" for each in said["TextTransformations"])
    return base * (2 if "JsonBody" in field else 1) + (10 if "AllQueryArguments" in field else 0) + TRANSFORMATION * transformations
