"""What customers ask of the rules of their listeners."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.services.elbv2 import balancer, listener, rule
from kumoniwa.services.elbv2.listener_record import Listener


def _told(call: Call, held: Listener) -> None:
    listener.show(call, balancer.existing(call, held.balancer))


def CreateRule(
    call: Call, *, ListenerArn: str, Conditions: list[dict], Priority: int, Actions: list[dict], Tags: list[dict] | None = None
) -> dict:
    held = listener.existing(call, ListenerArn)
    made = rule.made(call, held, Priority, Conditions, Actions, Tags)
    _told(call, held)
    return {"Rules": [rule.shown(made)]}


def ModifyRule(call: Call, *, RuleArn: str, Conditions: list[dict] | None = None, Actions: list[dict] | None = None) -> dict:
    held = listener.existing(call, rule.existing(call, RuleArn).listener)
    after = rule.modified(call, RuleArn, held, Conditions, Actions)
    _told(call, held)
    return {"Rules": [rule.shown(after)]}


def DeleteRule(call: Call, *, RuleArn: str) -> None:
    held = rule.existing(call, RuleArn)
    rule.check_deletable(held)
    del call.shelf(rule.Rule)[RuleArn]
    _told(call, listener.existing(call, held.listener))


def DescribeRules(call: Call, *, ListenerArn: str | None = None, RuleArns: list[str] | None = None) -> dict:
    if ListenerArn is None and not RuleArns:
        raise ValidationError("You must specify either listener rule ARNs or a listener ARN")
    if ListenerArn is not None and RuleArns:
        raise ValidationError("Listener rule ARNs and a listener ARN cannot be specified at the same time")
    if ListenerArn is not None:
        listener.existing(call, ListenerArn)
        return {"Rules": [rule.shown(each) for each in rule.of_listener(call, ListenerArn)]}
    return {"Rules": [rule.shown(rule.existing(call, arn)) for arn in RuleArns or ()]}


def SetRulePriorities(call: Call, *, RulePriorities: list[dict]) -> dict:
    wanted = {each.get("RuleArn", ""): each.get("Priority", rule.DEFAULT) for each in RulePriorities}
    return {"Rules": [rule.shown(each) for each in rule.moved(call, wanted)]}
