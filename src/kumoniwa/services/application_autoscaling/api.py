"""The operations of Application Auto Scaling."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.application_autoscaling import target as targets
from kumoniwa.services.application_autoscaling.activity import DescribeScalingActivities
from kumoniwa.services.application_autoscaling.registration import (
    DeregisterScalableTarget,
    RegisterScalableTarget,
)
from kumoniwa.services.application_autoscaling.schedule import (
    DeleteScheduledAction,
    DescribeScheduledActions,
    PutScheduledAction,
)
from kumoniwa.services.application_autoscaling.target import (
    DescribeScalableTargets,
    ListTagsForResource,
    TagResource,
    Target,
    UntagResource,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.application_autoscaling.tracking import (
    DeleteScalingPolicy,
    DescribeScalingPolicies,
    PutScalingPolicy,
)

__all__ = [
    "DeleteScalingPolicy",
    "DeleteScheduledAction",
    "DeregisterScalableTarget",
    "DescribeScalableTargets",
    "DescribeScalingActivities",
    "DescribeScalingPolicies",
    "DescribeScheduledActions",
    "ListTagsForResource",
    "PutScalingPolicy",
    "PutScheduledAction",
    "RegisterScalableTarget",
    "TagResource",
    "UntagResource", "all_tags",
]


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html"""
    if isinstance(params.get("ResourceARN"), str):
        return params["ResourceARN"]
    if operation.startswith("Describe"):
        return "*"
    key = f"{params.get('ResourceId')}|{params.get('ScalableDimension')}|{params.get('ServiceNamespace')}"
    held = call.shelf(Target).get(key)
    return targets.arn_of(call, held) if held is not None else call.arn("scalable-target/*")


_TYPES = ("StepScaling", "TargetTrackingScaling", "PredictiveScaling")


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """The types of policies are listed by the alphabet: getmoto/moto's test_put_scaling_policy_with_unknown_policytype, verified against AWS."""
    return type(error)(error.text.replace(", ".join(_TYPES), ", ".join(sorted(_TYPES)))) if operation == "PutScalingPolicy" else error


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "application-autoscaling:service-namespace": params.get("ServiceNamespace"),
        "application-autoscaling:scalable-dimension": params.get("ScalableDimension"),
    }
