"""Sampling rules of X-Ray, and what AWS's own services make of them: which requests are traced.

The rules are X-Ray's configuration and lie here because the services ask them for every request that nobody has decided about: the first
rule that matches says how many are traced in each second, and which share of the others.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy_pattern import glob

DEFAULT = "Default"
MATCHES_ALL = {"ResourceARN": "*", "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*"}


class Rule(Record):
    """Shelved by its name."""

    name: str
    said: dict[str, Any]
    """As AWS's SamplingRule, without name and ARN."""
    created: float = 0.0
    modified: float = 0.0
    tags: dict[str, str] = {}


class Asked(NamedTuple):
    """A request as rules see it."""

    ServiceName: str
    ServiceType: str
    ResourceARN: str
    Host: str = "*"
    HTTPMethod: str = "*"
    URLPath: str = "*"


def default(call: Call) -> Rule:
    """The rule for whatever no other matches. Recorded: https://github.com/hashicorp/terraform-provider-aws/issues/49597"""
    held = call.shelf(Rule).get(DEFAULT)
    said = {**MATCHES_ALL, "Priority": 10000, "FixedRate": 0.05, "ReservoirSize": 1, "Version": 1, "Attributes": {}}
    return held or Rule(name=DEFAULT, said=said)


def rules(call: Call) -> list[Rule]:
    """In the order in which they are tried."""
    others = [rule for rule in call.shelf(Rule).values() if rule.name != DEFAULT]
    return [*sorted(others, key=lambda rule: (rule.said["Priority"], rule.name)), default(call)]


def _matches(rule: Rule, asked: Asked) -> bool:
    # Attributes are for SDKs: a service knows none when it decides.
    return not rule.said.get("Attributes") and all(
        glob(rule.said.get(name, "*").lower())(value.lower()) for name, value in zip(Asked._fields, asked)
    )


class Reservoirs:
    """What was taken from each rule's reservoir in the second that is named beside it."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[int, int]] = {}

    def draws(self, call: Call, name: str, size: int, rate: float) -> bool:
        second = int(call.now())
        at, taken = self.taken.get(name, (second, 0))
        taken = taken if at == second else 0
        if taken < size:
            self.taken[name] = (second, taken + 1)
            return True
        return call.ids.random.random() < rate


def draws(call: Call, asked: Asked) -> bool:
    """Whether a request that nobody has decided about is traced."""
    rule = next(rule for rule in rules(call) if rule.name == DEFAULT or _matches(rule, asked))
    return call.memory(Reservoirs).draws(call, rule.name, rule.said["ReservoirSize"], rule.said["FixedRate"])
