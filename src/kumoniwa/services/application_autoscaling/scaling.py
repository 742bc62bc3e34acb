"""What to do about alarms: how much capacity a target shall have, if any other than it has.

Who adds most wins; capacity is taken away only if every policy that may take away would, and then as little as one of them would.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.application_autoscaling import activity, alarm, change
from kumoniwa.services.application_autoscaling.alarm import HIGH, LOW
from kumoniwa.services.application_autoscaling.policy import Policy, policies_of
from kumoniwa.services.application_autoscaling.resource import Resource, named
from kumoniwa.services.application_autoscaling.target import Target


class Wish(NamedTuple):
    units: int
    policy: Policy
    kind: str

    @property
    def cause(self) -> str:
        return f"monitor alarm {self.policy.alarms[self.kind]} in state ALARM triggered policy {self.policy.name}"


async def look(call: Call, target_key: str) -> None:
    """Look at a target's alarms, and promise the change they ask for."""
    target, policies = call.shelf(Target).get(target_key), policies_of(call, target_key)
    if target is None or not policies:
        return
    resource = named(target.namespace, target.resource, target.dimension)
    capacity = await resource.capacity(call)
    if capacity is None:
        return
    await alarm.retune(call, resource, capacity)
    policies = policies_of(call, target_key)
    heard = await alarm.sounding(call, resource, policies)
    since = max(target.out_at, target.in_at)
    more = await _wishes(call, resource, [policy for policy in policies if (policy.key, HIGH) in heard], HIGH, capacity, since)
    less: list[Wish] = []
    taking = [policy for policy in policies if not policy.settings.get("DisableScaleIn")]
    if not more and taking and all((policy.key, LOW) in heard for policy in taking):
        less = await _wishes(call, resource, taking, LOW, capacity, since)
    target = call.shelf(Target).get(target_key)
    if target is not None and (more or less):
        call.atomically(lambda: _decide(call, resource, target, capacity, max(more or less, key=lambda wish: wish.units)))


async def _wishes(call: Call, resource: Resource, policies: list[Policy], kind: str, capacity: int, since: float) -> list[Wish]:
    found = []
    for policy in policies:
        value = await _peak(call, resource, policy, alarm.minutes(policy, kind), since)
        units = alarm.wanted(policy, value, capacity) if value is not None else capacity
        if units > capacity if kind == HIGH else units < capacity:
            found.append(Wish(units, policy, kind))
    return found


async def _peak(call: Call, resource: Resource, policy: Policy, count: int, since: float) -> float | None:
    """The highest value of the last minutes: what is enough for it is enough for all.

    A share of the capacity that there was tells nothing of the capacity there is, so shares count only from minutes after its last change.
    """
    end = call.now() // alarm.MINUTE_S * alarm.MINUTE_S
    start = end - count * alarm.MINUTE_S
    if not alarm.is_of_table(policy):
        start = max(start, -(-since // alarm.MINUTE_S) * alarm.MINUTE_S)
    if start >= end:
        return None
    asked = {"MetricDataQueries": alarm.queries(resource, policy), "StartTime": start, "EndTime": end}
    # The service reads metrics by itself: the policy of its role does not speak of them.
    owner = call.home.call(call.service, call.account, principals.root(call.account, partition=call.home.partition))
    told = await owner.ask("cloudwatch:GetMetricData", **asked)
    values = [value for result in told["MetricDataResults"] for value in result["Values"]]
    return max(values, default=None)


def _decide(call: Call, resource: Resource, target: Target, capacity: int, wish: Wish) -> None:
    units = min(max(wish.units, target.least), target.most)
    if units == capacity:
        code, bound = ("AlreadyAtMaxCapacity", "MaxCapacity") if wish.kind == HIGH else ("AlreadyAtMinCapacity", "MinCapacity")
        activity.note_unscaled(call, resource, wish.cause, code, **{bound: units})
    elif not _is_suspended(target, units - capacity) and not _is_cooling(call.now(), target, wish.policy.settings, units - capacity):
        change.promise(call, target, units, wish.cause)


def _is_suspended(target: Target, by: int) -> bool:
    return target.suspended["DynamicScalingOutSuspended" if by > 0 else "DynamicScalingInSuspended"]


def _is_cooling(now: float, target: Target, said: dict[str, Any], by: int) -> bool:
    """Tables, indexes and provisioned concurrency have no cooldown unless the policy says one. While one lasts after capacity was added,
    only more than that is added.

    https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html#target-tracking-cooldown
    """
    if by > 0:
        return now < target.out_at + said.get("ScaleOutCooldown", 0) and by <= target.out_by
    return now < max(target.in_at + said.get("ScaleInCooldown", 0), target.out_at + said.get("ScaleOutCooldown", 0))
