"""Rule groups: rules that several web ACLs share. What one may cost is said once and for all when it is made."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.firewall import capacity
from kumoniwa.services.wafv2 import errors, part
from kumoniwa.services.wafv2.checking import check_rules, labels_of, wrong
from kumoniwa.services.wafv2.scope import kept_by_scope

KIND = "rulegroup"


def _check_capacity(needed: int, given: int) -> None:
    if needed > given:
        raise wrong(errors.TOO_LOW, "RULE_GROUP", "Capacity", f"The rules need {needed}, and the rule group was made for {given}.")


def _labels(rules: list[dict[str, Any]], namespace: str) -> list[dict[str, str]] | None:
    names = sorted(set(labels_of(rules, namespace)))
    return [{"Name": name} for name in names] or None


@kept_by_scope
def CreateRuleGroup(
    call: Call, *, Name: str, Scope: str, Capacity: int, VisibilityConfig: dict[str, Any], Description: str | None = None,
    Rules: list[dict[str, Any]] | None = None, Tags: list[dict[str, str]] | None = None, CustomResponseBodies: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    part.check_new(call, Scope, KIND, Name)
    _check_capacity(check_rules(call, Scope, Rules or [], CustomResponseBodies or {}, is_in_group=True), Capacity)
    if Capacity > capacity.MAX:
        raise errors.WAFLimitsExceededException
    namespace = f"awswaf:{call.account}:rulegroup:{Name}:"
    document = {
        "Name": Name, "Capacity": Capacity, "Description": Description, "Rules": Rules or [], "VisibilityConfig": VisibilityConfig,
        "LabelNamespace": namespace, "CustomResponseBodies": CustomResponseBodies, "AvailableLabels": _labels(Rules or [], namespace),
    }  # fmt: skip
    return part.make(call, Scope, KIND, document, Tags)


@kept_by_scope
def GetRuleGroup(call: Call, *, Name: str | None = None, Scope: str | None = None, Id: str | None = None, ARN: str | None = None) -> dict:
    found = one_of(call, KIND, Name, Scope, Id, ARN)
    return {"RuleGroup": found.document, "LockToken": found.lock}


def one_of(call: Call, kind: str, name: str | None, scope: str | None, id: str | None, arn: str | None) -> part.Part:
    """By its ARN, or by name, scope and id."""
    if arn is not None:
        return part.by_arn(call, arn, kind)
    if name is None or scope is None or id is None:
        raise wrong(errors.EXACTLY_ONE, "ENTITY", "ARN", "Give the ARN, or Name, Scope and Id.")
    return part.named(call, scope, kind, name, id)


@kept_by_scope
def UpdateRuleGroup(
    call: Call, *, Name: str, Scope: str, Id: str, VisibilityConfig: dict[str, Any], LockToken: str, Description: str | None = None,
    Rules: list[dict[str, Any]] | None = None, CustomResponseBodies: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    needed = check_rules(call, Scope, Rules or [], CustomResponseBodies or {}, is_in_group=True)
    _check_capacity(needed, found.document["Capacity"])
    labels = _labels(Rules or [], found.document["LabelNamespace"])
    return part.keep(
        call, found, Description=Description, Rules=Rules or [], VisibilityConfig=VisibilityConfig,
        CustomResponseBodies=CustomResponseBodies, AvailableLabels=labels,
    )  # fmt: skip


@kept_by_scope
def DeleteRuleGroup(call: Call, *, Name: str, Scope: str, Id: str, LockToken: str) -> dict:
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    part.check_unused(call, found)
    part.drop(call, found)
    return {}


@kept_by_scope
def ListRuleGroups(call: Call, *, Scope: str, NextMarker: str | None = None, Limit: int | None = None) -> dict:
    return part.listed(call, Scope, KIND, "RuleGroups", NextMarker, Limit)


@kept_by_scope
def CheckCapacity(call: Call, *, Scope: str, Rules: list[dict[str, Any]]) -> dict:
    return {"Capacity": check_rules(call, Scope, Rules, {})}
