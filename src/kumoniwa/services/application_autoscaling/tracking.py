"""Policies are put, shown and deleted, their alarms with them.

DynamoDB and Lambda have target tracking alone (PutScalingPolicy, PolicyType), so step scaling is refused as AWS refuses it.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.application_autoscaling import alarm
from kumoniwa.services.application_autoscaling.errors import ObjectNotFoundException, ValidationException
from kumoniwa.services.application_autoscaling.policy import Policy, arn_of, policies_of
from kumoniwa.services.application_autoscaling.resource import Resource, named
from kumoniwa.services.application_autoscaling.target import registered, spelled

TRACKING = "TargetTrackingScaling"
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic")
UTILIZATION_MIN, UTILIZATION_MAX = 10.0, 90.0
"""Recorded from AWS by ack-api-quirks in October 2026 (DDB-TABLE-253), the words and negative cooldowns, too, though the guide of DynamoDB says
20 to 90."""
VALUE_MIN, VALUE_MAX = 2.0**-359, 2.0**359


async def PutScalingPolicy(
    call: Call,
    *,
    PolicyName: str,
    ServiceNamespace: str,
    ResourceId: str,
    ScalableDimension: str,
    PolicyType: str | None = None,
    StepScalingPolicyConfiguration: dict[str, Any] | None = None,
    TargetTrackingScalingPolicyConfiguration: dict[str, Any] | None = None,
) -> dict:
    """Predictive scaling is refused by name."""
    resource = named(ServiceNamespace, ResourceId, ScalableDimension)
    target = registered(call, resource)
    held = call.shelf(Policy).get(f"{target.key}|{PolicyName}")
    if (PolicyType or (TRACKING if held else "StepScaling")) != TRACKING or StepScalingPolicyConfiguration is not None:
        raise ValidationException(
            f"Scaling policies of type {PolicyType or 'StepScaling'} are not supported for the service namespace {ServiceNamespace}",
            hint=f"Put PolicyType={TRACKING} with TargetTrackingScalingPolicyConfiguration.",
        )
    settings = TargetTrackingScalingPolicyConfiguration or (held.settings if held else None)
    if settings is None:
        raise ValidationException("TargetTrackingScalingPolicyConfiguration is required for policies of type TargetTrackingScaling")
    _check(call, resource, settings, PolicyName)
    capacity = await resource.capacity(call)
    policy = call.atomically(lambda: _keep(call, resource, PolicyName, settings))
    policy = await alarm.put(call, resource, policy, capacity or 0)
    return {"PolicyARN": arn_of(call, policy), "Alarms": _alarms(call, policy)}


def _check(call: Call, resource: Resource, said: dict[str, Any], name: str) -> None:
    predefined, customized = said.get("PredefinedMetricSpecification"), said.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise ValidationException("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified")
    value = said["TargetValue"]
    if not VALUE_MIN <= value <= VALUE_MAX:
        raise ValidationException(
            f"For target tracking scaling, target value must be between '8.51592E-109' and '1.174271E108', but was '{float(value)}'."
        )
    if predefined is not None:
        if predefined["PredefinedMetricType"] != resource.kind.predefined:
            raise ValidationException(
                f"The predefined metric type {predefined['PredefinedMetricType']} is not supported for the scalable dimension {resource.dimension}",
                hint=f"It has {resource.kind.predefined}.",
            )
        if "ResourceLabel" in predefined:
            raise ValidationException("ResourceLabel can only be specified for metrics of load balancers")
        if resource.is_dynamodb and not UTILIZATION_MIN <= value <= UTILIZATION_MAX:
            raise ValidationException(
                f"For predefined metric type {resource.kind.predefined}, target value must be between '{UTILIZATION_MIN}' and "
                f"'{UTILIZATION_MAX}', but was '{float(value)}'."
            )
    elif ("Metrics" in customized) == any(each in customized for each in _OF_ONE_METRIC):
        raise ValidationException("Exactly one of Metrics and a metric's name, namespace and statistic must be specified")
    elif "Metrics" not in customized and not all(each in customized for each in _OF_ONE_METRIC):
        raise ValidationException("MetricName, Namespace and Statistic must be specified")
    for other in policies_of(call, resource.key):
        if other.name != name and _metric(other.settings) == _metric(said):
            # https://github.com/hashicorp/terraform-provider-aws/issues/41179
            raise ValidationException("Only one TargetTrackingScaling policy for a given metric specification is allowed.")


def _metric(settings: dict[str, Any]) -> Any:
    return settings.get("PredefinedMetricSpecification") or settings.get("CustomizedMetricSpecification")


def _keep(call: Call, resource: Resource, name: str, settings: dict[str, Any]) -> Policy:
    registered(call, resource)  # It may have been taken away while its capacity was asked for.
    held = call.shelf(Policy).get(f"{resource.key}|{name}")
    if held is None:
        made = Policy(
            id=call.new_id(), name=name, target=resource.key, namespace=resource.namespace, resource=resource.id,
            dimension=resource.dimension, settings=settings, created=call.now(),
        )  # fmt: skip
    else:
        made = changed(held, settings=settings)
    call.shelf(Policy)[made.key] = made
    return made


async def DeleteScalingPolicy(call: Call, *, PolicyName: str, ServiceNamespace: str, ResourceId: str, ScalableDimension: str) -> None:
    resource = named(ServiceNamespace, ResourceId, ScalableDimension)
    policy = call.shelf(Policy).get(f"{resource.key}|{PolicyName}")
    if policy is None:
        raise ObjectNotFoundException(f"No scaling policy found for {spelled(resource)}, scaling policy name: {PolicyName}")
    await remove(call, resource, policy)


async def remove(call: Call, resource: Resource, policy: Policy) -> None:
    """The alarms go with the policy."""
    await alarm.delete(call, resource, policy.alarms.values())
    call.shelf(Policy).pop(policy.key, None)


def DescribeScalingPolicies(
    call: Call,
    *,
    ServiceNamespace: str,
    PolicyNames: list[str] | None = None,
    ResourceId: str | None = None,
    ScalableDimension: str | None = None,
) -> dict:
    found = [
        policy for _, policy in sorted(call.shelf(Policy).items())
        if policy.namespace == ServiceNamespace and (not PolicyNames or policy.name in PolicyNames)
        and ResourceId in (None, policy.resource) and ScalableDimension in (None, policy.dimension)
    ]  # fmt: skip
    return {"ScalingPolicies": [_shown(call, policy) for policy in found]}


def _alarms(call: Call, policy: Policy) -> list[dict[str, str]]:
    return [{"AlarmName": name, "AlarmARN": call.arn(f"alarm:{name}", "cloudwatch")} for name in policy.alarms.values()]


def _shown(call: Call, policy: Policy) -> dict[str, Any]:
    return {
        "PolicyARN": arn_of(call, policy),
        "PolicyName": policy.name,
        "ServiceNamespace": policy.namespace,
        "ResourceId": policy.resource,
        "ScalableDimension": policy.dimension,
        "PolicyType": TRACKING,
        "TargetTrackingScalingPolicyConfiguration": policy.settings,
        "Alarms": _alarms(call, policy),
        "CreationTime": policy.created,
    }
