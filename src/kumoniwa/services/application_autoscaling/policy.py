"""What a scaling policy is: a metric that a target shall keep at a value. A target may have several, each following another metric."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record


class Policy(Record):
    """Shelved by its target's key and its name."""

    id: str
    name: str
    target: str
    namespace: str
    resource: str
    dimension: str
    settings: dict[str, Any]
    created: float
    alarms: dict[str, str] = {}
    """Names of alarms by what they are for."""
    tuned_for: int = -1
    """The capacity for which the thresholds of the alarms were last set."""

    @property
    def key(self) -> str:
        return f"{self.target}|{self.name}"


def arn_of(call: Call, policy: Policy) -> str:
    return call.arn(f"scalingPolicy:{policy.id}:resource/{policy.namespace}/{policy.resource}:policyName/{policy.name}", "autoscaling")


def policies_of(call: Call, target_key: str) -> list[Policy]:
    return [policy for policy in call.shelf(Policy).values() if policy.target == target_key]
