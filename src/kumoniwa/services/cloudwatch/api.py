"""The operations of CloudWatch."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudwatch.datum import PutMetricData
from kumoniwa.services.cloudwatch.errors import MissingRequiredParameterException
from kumoniwa.services.cloudwatch.metric import ListMetrics
from kumoniwa.services.cloudwatch.query import GetMetricData
from kumoniwa.services.cloudwatch.statistics import GetMetricStatistics

__all__ = ["GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"]


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"cloudwatch:namespace": params.get("Namespace")} if operation == "PutMetricData" else {}


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """The older operations say of a missing parameter that it is required; those that do are told by their errors in the model."""
    model = models.service("cloudwatch").operation(operation)
    if "MissingRequiredParameterException" in model.errors:
        for name in model.input.required:
            if name not in params:
                return MissingRequiredParameterException(f"The parameter {name} is required.")
    return error
