"""Automation rules: what an account wants done with findings that come or are updated by their providers, before they are kept.

Rules are held against a finding in their order, each against what those before have made of it; what customers change, no rule is asked about.
https://docs.aws.amazon.com/securityhub/latest/userguide/automation-rules.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.securityhub import hub, tag, updating
from kumoniwa.services.securityhub.errors import InvalidInputException, LimitExceededException
from kumoniwa.services.securityhub.filtering import Filter

RULES_MAX = 100
"""https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html"""
_FIELDS = {
    "RuleName": "name", "Description": "description", "RuleOrder": "order", "Criteria": "criteria", "IsTerminal": "is_terminal",
}  # fmt: skip


class Rule(Record):
    """A rule that changes findings as they come; shelved by its id."""

    id: str
    name: str
    description: str
    order: int
    criteria: dict[str, list[dict[str, Any]]]
    changes: dict[str, Any]
    created: float
    updated: float
    by: str
    is_terminal: bool = False
    is_enabled: bool = True
    tags: dict[str, str] = {}


def arn_of(call: Call, rule: Rule) -> str:
    return call.arn(f"automation-rule/{rule.id}")


def _in_order(call: Call) -> list[Rule]:
    return sorted(call.shelf(Rule).values(), key=lambda each: (each.order, each.created))


def applied(call: Call, body: dict[str, Any], customers: frozenset[str]) -> tuple[dict[str, Any], frozenset[str]]:
    """A finding after all rules that it meets, and what providers may no more change of it."""
    for rule in _in_order(call):
        if rule.is_enabled and Filter(call, rule.criteria, is_of_rules=True).meets(body):
            body, customers = updating.made(call, body, rule.changes), customers | rule.changes.keys()
            if rule.is_terminal:
                break
    return body, customers


def _changes(actions: list[dict[str, Any]]) -> dict[str, Any]:
    (action,) = actions
    changes = action.get("FindingFieldsUpdate")
    if action.get("Type", "FINDING_FIELDS_UPDATE") != "FINDING_FIELDS_UPDATE" or not changes:
        raise InvalidInputException("An action must have the type FINDING_FIELDS_UPDATE and a FindingFieldsUpdate.")
    updating.check(changes)
    return changes


def CreateAutomationRule(
    call: Call,
    *,
    RuleOrder: int,
    RuleName: str,
    Description: str,
    Criteria: dict[str, list[dict[str, Any]]],
    Actions: list[dict[str, Any]],
    IsTerminal: bool = False,
    RuleStatus: str = "ENABLED",
    Tags: dict[str, str] | None = None,
) -> dict:
    hub.existing(call)
    Filter(call, Criteria, is_of_rules=True)
    if len(call.shelf(Rule)) >= RULES_MAX:
        raise LimitExceededException(f"An account has {RULES_MAX} automation rules at most.")
    rule = Rule(
        id=call.new_id(), name=RuleName, description=Description, order=RuleOrder, criteria=Criteria, changes=_changes(Actions), created=call.now(),
        updated=call.now(), by=call.principal.arn, is_terminal=IsTerminal, is_enabled=RuleStatus == "ENABLED", tags=tag.added({}, Tags),
    )  # fmt: skip
    call.shelf(Rule)[rule.id] = rule
    return {"RuleArn": arn_of(call, rule)}


def _told(call: Call, rule: Rule) -> dict[str, Any]:
    return {
        "RuleArn": arn_of(call, rule), "RuleStatus": "ENABLED" if rule.is_enabled else "DISABLED", "RuleOrder": rule.order, "RuleName": rule.name,
        "Description": rule.description, "IsTerminal": rule.is_terminal, "CreatedAt": rule.created, "UpdatedAt": rule.updated, "CreatedBy": rule.by,
    }  # fmt: skip


def ListAutomationRules(call: Call) -> dict:
    hub.existing(call)
    return {"AutomationRulesMetadata": [_told(call, each) for each in _in_order(call)]}


def _of_arn(call: Call, arn: str) -> Rule | None:
    return next((each for each in call.shelf(Rule).values() if arn_of(call, each) == arn), None)


def _unknown(arn: str) -> dict[str, Any]:
    return {"RuleArn": arn, "ErrorCode": 404, "ErrorMessage": "The automation rule was not found."}


def BatchGetAutomationRules(call: Call, *, AutomationRulesArns: list[str]) -> dict:
    hub.existing(call)
    found = {arn: _of_arn(call, arn) for arn in AutomationRulesArns}
    rules = [
        {**_told(call, rule), "Criteria": rule.criteria, "Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": rule.changes}]}
        for rule in found.values() if rule is not None
    ]  # fmt: skip
    return {"Rules": rules, "UnprocessedAutomationRules": [_unknown(arn) for arn, rule in found.items() if rule is None]}


def BatchUpdateAutomationRules(call: Call, *, UpdateAutomationRulesRequestItems: list[dict[str, Any]]) -> dict:
    hub.existing(call)
    processed, unprocessed = [], []
    for said in UpdateAutomationRulesRequestItems:
        rule = _of_arn(call, said["RuleArn"])
        if rule is None:
            unprocessed.append(_unknown(said["RuleArn"]))
            continue
        Filter(call, said.get("Criteria"), is_of_rules=True)
        new: dict[str, Any] = {field: said[name] for name, field in _FIELDS.items() if name in said}
        if "Actions" in said:
            new["changes"] = _changes(said["Actions"])
        if "RuleStatus" in said:
            new["is_enabled"] = said["RuleStatus"] == "ENABLED"
        call.shelf(Rule)[rule.id] = changed(rule, updated=call.now(), **new)
        processed.append(said["RuleArn"])
    return {"ProcessedAutomationRules": processed, "UnprocessedAutomationRules": unprocessed}


def BatchDeleteAutomationRules(call: Call, *, AutomationRulesArns: list[str]) -> dict:
    hub.existing(call)
    processed, unprocessed = [], []
    for arn in AutomationRulesArns:
        rule = _of_arn(call, arn)
        if rule is None:
            unprocessed.append(_unknown(arn))
        else:
            del call.shelf(Rule)[rule.id]
            processed.append(arn)
    return {"ProcessedAutomationRules": processed, "UnprocessedAutomationRules": unprocessed}
