"""What a rule is, and which target groups are in use because rules lead to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record

FORWARD = "forward"


class Rule(Record):
    """Shelved by its ARN."""

    arn: str
    listener: str
    priority: int
    """0 of the one that comes last."""
    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    tags: dict[str, str] = {}
    secret: bytes = b""
    """Of the client that its action has users sign in with, under the cloud's seal."""

    @property
    def balancer(self) -> str:
        return self.listener.replace(":listener/", ":loadbalancer/").rpartition("/")[0]


def groups_of(actions: Iterable[dict[str, Any]]) -> set[str]:
    """The target groups to which actions lead."""
    return {each["TargetGroupArn"] for said in actions if said["Type"] == FORWARD for each in said["ForwardConfig"]["TargetGroups"]}


def _leading(call: Call) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for each in call.shelf(Rule).values():
        for group in groups_of(each.actions):
            found.setdefault(group, set()).add(each.balancer)
    return {group: frozenset(balancers) for group, balancers in found.items()}


def used_by(call: Call, group: str) -> frozenset[str]:
    """The balancers that lead to a target group."""
    return call.shelf(Rule).derived(_leading, call).get(group, frozenset())
