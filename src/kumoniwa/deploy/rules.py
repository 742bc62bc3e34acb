"""The Rules section: what a template demands of its parameters' values together.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy import intrinsics
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

OF_ACCOUNTS = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")
"""They look at resources an account has, for parameters whose type names such resources; none of those types exists here."""


def check(body: dict[str, Any], scope: intrinsics.Scope) -> None:
    """Refuse a template whose rules its parameters do not follow."""
    rules = body.get("Rules") or {}
    if not isinstance(rules, dict):
        raise ValidationError("Template format error: Rules section must be a map.")
    for name, rule in rules.items():
        if not isinstance(rule, dict) or not isinstance(rule.get("Assertions"), list) or set(rule) - {"RuleCondition", "Assertions"}:
            raise ValidationError(f"Template format error: Rule {name} must have a list of Assertions.")
        if "RuleCondition" in rule and not _holds(rule["RuleCondition"], scope, name):
            continue
        for assertion in rule["Assertions"]:
            if not isinstance(assertion, dict) or "Assert" not in assertion:
                raise ValidationError(f"Template format error: Every assertion of rule {name} must contain an Assert member.")
            if not _holds(assertion["Assert"], scope, name):
                raise ValidationError(f"Template error: rule {name} failed: {assertion.get('AssertDescription', 'an assertion does not hold')}")


def _holds(value: Any, scope: intrinsics.Scope, rule: str) -> bool:
    """Functions of rules only are computed here, those of conditions where these are."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        if name in OF_ACCOUNTS:
            raise NotImplementedHere(f"{name} in the rule {rule}")
        if name in ("Fn::And", "Fn::Or") and isinstance(argument, list) and argument:
            return (all if name == "Fn::And" else any)([_holds(each, scope, rule) for each in argument])
        if name == "Fn::Not" and isinstance(argument, list) and len(argument) == 1:
            return not _holds(argument[0], scope, rule)
        if name == "Fn::Contains":
            among, one = _pair(name, argument, scope, rule)
            return one in _listed(among)
        if name == "Fn::EachMemberIn":
            some, among = _pair(name, argument, scope, rule)
            return set(_listed(some)) <= set(_listed(among))
        if name == "Fn::EachMemberEquals":
            some, one = _pair(name, argument, scope, rule)
            return all(each == one for each in _listed(some))
    found = intrinsics.evaluate(value, scope)
    if isinstance(found, bool) or found in ("true", "false"):
        return found in (True, "true")
    raise ValidationError(f"Template format error: rule {rule} must use a condition function.")


def _pair(name: str, argument: Any, scope: intrinsics.Scope, rule: str) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != 2:
        raise ValidationError(f"Template error: every {name} object requires a list of 2 parameters.")
    for each in argument:
        if isinstance(each, dict) and set(each) & set(OF_ACCOUNTS):
            raise NotImplementedHere(f"{next(iter(each))} in the rule {rule}")
    return [intrinsics.evaluate(each, scope) for each in argument]


def _listed(found: Any) -> list[str]:
    return [str(each) for each in (found if isinstance(found, list) else [found])]
