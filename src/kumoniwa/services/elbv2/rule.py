"""Rules of listeners, in the order of their priorities; the last of each is its default, which every request meets."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.elbv2 import action, condition, tag
from kumoniwa.services.elbv2.errors import (
    OperationNotPermittedException,
    PriorityInUseException,
    RuleNotFoundException,
    TooManyRulesException,
)
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.rule_record import Rule

DEFAULT = 0


def existing(call: Call, arn: str) -> Rule:
    held = call.shelf(Rule).get(arn)
    if held is None:
        if ":listener-rule/" not in arn:
            raise ValidationError(f"'{arn}' is not a valid listener rule ARN")
        raise RuleNotFoundException
    return held


def _by_listener(call: Call) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for each in sorted(call.shelf(Rule).values(), key=lambda each: (each.priority == DEFAULT, each.priority)):
        found.setdefault(each.listener, []).append(each)
    return found


def of_listener(call: Call, arn: str) -> list[Rule]:
    """In their order, the default last."""
    return call.shelf(Rule).derived(_by_listener, call).get(arn, [])


def default(call: Call, listener: str) -> Rule:
    return of_listener(call, listener)[-1]


def _arn(call: Call, listener: str) -> str:
    return f"{listener.replace(':listener/', ':listener-rule/')}/{call.ids.hex(16)}"


def put_default(call: Call, listener: Any, actions: list[dict[str, Any]]) -> None:
    """What a listener does with whatever meets no other rule, from now on."""
    held = of_listener(call, listener.arn)
    if held:
        call.shelf(Rule)[held[-1].arn] = changed(held[-1], **action.checked(call, listener, actions, held[-1].secret))
    else:
        arn = _arn(call, listener.arn)
        call.shelf(Rule)[arn] = Rule(arn=arn, listener=listener.arn, priority=DEFAULT, conditions=[], **action.checked(call, listener, actions))


def drop_all(call: Call, listener: str) -> None:
    for each in of_listener(call, listener):
        del call.shelf(Rule)[each.arn]


def shown(rule: Rule) -> dict[str, Any]:
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority == DEFAULT else str(rule.priority),
        "Conditions": rule.conditions,
        "Actions": rule.actions,
        "IsDefault": rule.priority == DEFAULT,
    }


def made(call: Call, listener: Any, priority: int, conditions: list[dict], actions: list[dict], tags: list[dict] | None) -> Rule:
    held = of_listener(call, listener.arn)
    if any(each.priority == priority for each in held):
        raise PriorityInUseException(f"Priority '{priority}' is currently in use")
    if len(held) > LIMITS["rules-per-application-load-balancer"]:
        raise TooManyRulesException("The maximum number of rules has been reached")
    arn = _arn(call, listener.arn)
    rule = call.shelf(Rule)[arn] = Rule(
        arn=arn, listener=listener.arn, priority=priority, conditions=condition.checked(conditions),
        tags=tag.checked(tags), **action.checked(call, listener, actions),
    )  # fmt: skip
    return rule


def modified(call: Call, arn: str, listener: Any, conditions: list[dict] | None, actions: list[dict] | None) -> Rule:
    held = existing(call, arn)
    if not conditions and not actions:
        raise ValidationError("Either conditions or actions must be specified")
    if held.priority == DEFAULT:
        raise OperationNotPermittedException(f"Default rule '{arn}' cannot be modified")
    more: dict[str, Any] = {"conditions": condition.checked(conditions)} if conditions else {}
    if actions:
        more |= action.checked(call, listener, actions, held.secret)
    rule = call.shelf(Rule)[arn] = changed(held, **more)
    return rule


def check_deletable(rule: Rule) -> None:
    if rule.priority == DEFAULT:
        raise OperationNotPermittedException(f"Default rule '{rule.arn}' cannot be deleted")


def moved(call: Call, wanted: dict[str, int]) -> list[Rule]:
    """Rules of one listener, each at its new priority; two may change places."""
    held = [existing(call, arn) for arn in wanted]
    for each in held:
        if each.priority == DEFAULT:
            raise OperationNotPermittedException(f"Priority of default rule '{each.arn}' cannot be modified")
    for priority in wanted.values():
        if list(wanted.values()).count(priority) > 1:
            raise ValidationError(f"Priority '{priority}' was provided multiple times")
    for each in held:
        others = [other for other in of_listener(call, each.listener) if other.arn not in wanted]
        if any(other.priority == wanted[each.arn] for other in others):
            raise PriorityInUseException(f"Priority '{wanted[each.arn]}' is currently in use")
    shelf = call.shelf(Rule)
    for each in held:
        shelf[each.arn] = changed(each, priority=wanted[each.arn])
    return [shelf[arn] for arn in wanted]
