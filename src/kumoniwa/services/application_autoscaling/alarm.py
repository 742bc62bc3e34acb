"""The alarms by which a policy sees: they really stand in CloudWatch, made, tuned and deleted as the service-linked role.

Those of a table watch what is consumed, so their thresholds move with what is provisioned; two more watch that nobody else changes it.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/AutoScaling.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.application_autoscaling.policy import Policy, arn_of, policies_of
from kumoniwa.services.application_autoscaling.resource import Resource

HIGH, LOW, PROVISIONED_HIGH, PROVISIONED_LOW = "AlarmHigh", "AlarmLow", "ProvisionedCapacityHigh", "ProvisionedCapacityLow"
MINUTE_S = 60
HIGH_MINUTES, HIGH_MINUTES_OF_TABLES, LOW_MINUTES = 3, 2, 15
LOWER_SHARE = 0.9
"""Of the target: https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html shows 0.63 for 0.7."""
LOWER_POINTS = 20.0
"""Percentage points under the target, of tables."""
DIRECTIONS = {HIGH: "GreaterThanThreshold", LOW: "LessThanThreshold"}
ALARMS_AT_ONCE = 100


def is_of_table(policy: Policy) -> bool:
    """Whether it follows what a table consumes, whose metric says units and not a share of what there is."""
    return policy.namespace == "dynamodb" and "PredefinedMetricSpecification" in policy.settings


def minutes(policy: Policy, kind: str) -> int:
    return LOW_MINUTES if kind == LOW else HIGH_MINUTES_OF_TABLES if is_of_table(policy) else HIGH_MINUTES


def queries(resource: Resource, policy: Policy) -> list[dict[str, Any]]:
    """What the policy follows, as a question to CloudWatch of which one answer counts."""
    said = policy.settings.get("CustomizedMetricSpecification")
    if said is None:
        metric, stat = resource.metric(resource.kind.metric), "Average"
        if resource.is_dynamodb:
            metric, stat = resource.metric(f"Consumed{resource.kind.metric}"), "Sum"
        return [{"Id": "m1", "MetricStat": {"Metric": metric, "Period": MINUTE_S, "Stat": stat}}]
    if "Metrics" in said:
        return [
            each | ({"MetricStat": {"Period": MINUTE_S, **each["MetricStat"]}} if "MetricStat" in each else {}) for each in said["Metrics"]
        ]
    metric = {"Namespace": said["Namespace"], "MetricName": said["MetricName"], "Dimensions": said.get("Dimensions", [])}
    unit = {"Unit": said["Unit"]} if "Unit" in said else {}
    return [{"Id": "m1", "MetricStat": {"Metric": metric, "Period": MINUTE_S, "Stat": said["Statistic"], **unit}}]


def wanted(policy: Policy, value: float, capacity: int) -> int:
    """The capacity at which the metric would be at its target, were its value ``value``."""
    aim = policy.settings["TargetValue"]
    exact = value / MINUTE_S * 100 / aim if is_of_table(policy) else capacity * value / aim
    return math.ceil(round(exact, 6))


def _threshold(policy: Policy, kind: str, capacity: int) -> float:
    aim = policy.settings["TargetValue"]
    if not is_of_table(policy):
        return aim if kind == HIGH else aim * LOWER_SHARE
    return (aim - (0.0 if kind == HIGH else LOWER_POINTS)) * capacity * MINUTE_S / 100


def _kinds(policy: Policy) -> list[str]:
    kinds = [HIGH] if policy.settings.get("DisableScaleIn") else [HIGH, LOW]
    return kinds + ([PROVISIONED_HIGH, PROVISIONED_LOW] if is_of_table(policy) else [])


def _alarm(call: Call, resource: Resource, policy: Policy, kind: str, capacity: int) -> dict[str, Any]:
    """Recorded: getmoto/moto's test_describe_scaling_policy_alarms, verified against AWS, of which there are four for a table."""
    arn = arn_of(call, policy)
    asked = {
        "AlarmName": policy.alarms[kind],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
        "AlarmActions": [arn],
    }
    if kind in DIRECTIONS:
        asked |= {"EvaluationPeriods": minutes(policy, kind), "Threshold": _threshold(policy, kind, capacity), "ComparisonOperator": DIRECTIONS[kind]}
        told = queries(resource, policy)
        if len(told) > 1 or "MetricStat" not in told[0]:
            return asked | {"Metrics": told}
        stat = told[0]["MetricStat"]
        shown = {"Statistic" if stat["Stat"] in _PLAIN else "ExtendedStatistic": stat["Stat"]}
        return asked | stat["Metric"] | shown | {"Period": stat["Period"]} | ({"Unit": stat["Unit"]} if "Unit" in stat else {})
    return asked | resource.metric(f"Provisioned{resource.kind.metric}") | {
        "Statistic": "Average", "Period": 5 * MINUTE_S, "EvaluationPeriods": 3, "Threshold": float(capacity),
        "ComparisonOperator": DIRECTIONS[HIGH if kind == PROVISIONED_HIGH else LOW],
    }  # fmt: skip


_PLAIN = frozenset({"Average", "Minimum", "Maximum", "SampleCount", "Sum"})


async def put(call: Call, resource: Resource, policy: Policy, capacity: int) -> Policy:
    """Make a policy's alarms, or set their thresholds to what is provisioned; answers the policy with them."""
    kinds = _kinds(policy)
    names = {kind: policy.alarms.get(kind) or f"TargetTracking-{resource.id}-{kind}-{call.new_id()}" for kind in kinds}
    gone = [name for kind, name in policy.alarms.items() if kind not in kinds]
    # Their names are kept before they are made, so that none is ever left whose policy does not know it.
    policy = call.shelf(Policy)[policy.key] = changed(policy, alarms=names, tuned_for=capacity)
    ours = resource.as_ours(call)
    for kind in kinds:
        await ours.ask("cloudwatch:PutMetricAlarm", **_alarm(call, resource, policy, kind, capacity))
    await delete(call, resource, gone)
    return policy


async def retune(call: Call, resource: Resource, capacity: int) -> None:
    """Set the thresholds of all policies of a resource that were set for another capacity."""
    for policy in policies_of(call, resource.key):
        if policy.tuned_for != capacity:
            await put(call, resource, policy, capacity)


async def delete(call: Call, resource: Resource, names: Iterable[str]) -> None:
    going = list(names)
    if going:
        await resource.as_ours(call).ask("cloudwatch:DeleteAlarms", AlarmNames=going)


async def sounding(call: Call, resource: Resource, policies: list[Policy]) -> set[tuple[str, str]]:
    """Which alarms are in ALARM and still act for their policy: (policy's key, what the alarm is for)."""
    names = [name for policy in policies for name in policy.alarms.values()]
    told: list[dict[str, Any]] = []
    for start in range(0, len(names), ALARMS_AT_ONCE):
        some = names[start : start + ALARMS_AT_ONCE]
        told += (await resource.as_ours(call).ask("cloudwatch:DescribeAlarms", AlarmNames=some, MaxRecords=ALARMS_AT_ONCE))["MetricAlarms"]
    heard = {
        alarm["AlarmName"]: alarm["AlarmActions"] for alarm in told if alarm["StateValue"] == "ALARM" and alarm["ActionsEnabled"]
    }
    return {
        (policy.key, kind) for policy in policies for kind, name in policy.alarms.items() if arn_of(call, policy) in heard.get(name, ())
    }
