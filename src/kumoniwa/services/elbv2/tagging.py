"""The operations on tags, and what the gate asks about them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.elbv2 import balancer, listener, rule, tag, target_group
from kumoniwa.services.elbv2.listener_record import Listener
from kumoniwa.services.elbv2.rule_record import Rule

_KINDS: dict[str, tuple[type, Any]] = {
    "loadbalancer": (balancer.LoadBalancer, balancer.existing),
    "listener": (Listener, listener.existing),
    "listener-rule": (Rule, rule.existing),
    "targetgroup": (target_group.TargetGroup, target_group.existing),
}


def _found(call: Call, arn: str) -> tuple[Any, Any]:
    """The shelf of what an ARN names, and its record. Raises an error of its kind if there is no such thing."""
    kind = arn.split(":", 5)[-1].partition("/")[0]
    if kind not in _KINDS:
        raise ValidationError(f"'{arn}' is not a valid load balancer, target group, listener or listener rule ARN")
    record, existing = _KINDS[kind]
    return call.shelf(record), existing(call, arn)


def AddTags(call: Call, *, ResourceArns: list[str], Tags: list[dict]) -> dict:
    for arn in ResourceArns:
        shelf, held = _found(call, arn)
        shelf[arn] = changed(held, tags=tag.checked(Tags, held.tags))
    return {}


def RemoveTags(call: Call, *, ResourceArns: list[str], TagKeys: list[str]) -> dict:
    for arn in ResourceArns:
        shelf, held = _found(call, arn)
        shelf[arn] = changed(held, tags={key: value for key, value in held.tags.items() if key not in TagKeys})
    return {}


def DescribeTags(call: Call, *, ResourceArns: list[str]) -> dict:
    if len(ResourceArns) > 20:
        raise ValidationError("The maximum number of resources that can be described is 20")
    return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tag.shown(_found(call, arn)[1].tags)} for arn in ResourceArns]}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _found(call, arn)[1].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn, each.tags) for record, _ in _KINDS.values() for arn, each in call.shelf(record).items()]
