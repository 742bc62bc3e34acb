"""Metric filters: each makes a figure of every message of its group that its pattern matches."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import changed
from kumoniwa.languages.log_pattern import InvalidPattern, compiled
from kumoniwa.languages.log_value import reader, selectors
from kumoniwa.services.logs.figures import number, spelled
from kumoniwa.services.logs.filter_pattern import check_pattern
from kumoniwa.services.logs.group import (
    Group,
    InvalidParameterException,
    MetricFilter,
    ResourceNotFoundException,
    existing,
)
from kumoniwa.services.logs.policy import LimitExceededException

FILTERS_MAX, DIMENSIONS_MAX = 100, 3
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_NAME = re.compile(r"[^:*]*")


class FilterNotFound(ResourceNotFoundException):
    code = "ResourceNotFoundException"
    message = "The specified metric filter does not exist."


def PutMetricFilter(
    call: Call,
    *,
    logGroupName: str,
    filterName: str,
    filterPattern: str,
    metricTransformations: list[dict[str, Any]],
    applyOnTransformedLogs: bool | None = None,
) -> None:
    """The texts were seen of AWS by cdk-preflight: pf-logs-metric-…, but for those of numbers."""
    group = existing(call, logGroupName)
    check_pattern(filterPattern, "metric filter")
    (said,) = metricTransformations
    dimensions = said.get("dimensions") or {}
    if said["metricNamespace"].startswith("AWS/"):
        raise InvalidParameterException("Metric namespaces starting with AWS/ are reserved for AWS.")
    if dimensions and "defaultValue" in said:
        raise InvalidParameterException("Invalid metric transformation: dimensions and default value are mutually exclusive properties")
    if len(dimensions) > DIMENSIONS_MAX:
        raise InvalidParameterException(f"Invalid metric transformation: there may be {DIMENSIONS_MAX} dimensions at most.")
    if not said["metricValue"].startswith("$") and number(said["metricValue"]) is None:
        raise InvalidParameterException(f"Invalid metric transformation: metricValue '{said['metricValue']}' is no number and no selector.")
    if not all(selector.startswith("$") for selector in dimensions.values()):
        raise InvalidParameterException("Invalid metric transformation: dimension value must be valid selector")
    for selector in [*dimensions.values(), *([said["metricValue"]] if said["metricValue"].startswith("$") else [])]:
        try:
            reader(filterPattern, selector)
        except InvalidPattern as error:
            raise InvalidParameterException(f"Invalid metric transformation: {error}")
    made = MetricFilter(
        name=filterName, pattern=filterPattern, metric=said["metricName"], namespace=said["metricNamespace"], value=said["metricValue"],
        created_ms=milliseconds(call.now()), default=said.get("defaultValue"), unit=said.get("unit"), dimensions=dimensions,
        is_of_transformed=bool(applyOnTransformedLogs),
    )  # fmt: skip
    kept = tuple(each for each in group.filters if each.name != filterName)
    if len(kept) >= FILTERS_MAX:
        raise LimitExceededException
    call.shelf(Group)[group.name] = changed(group, filters=(*kept, made))


def DeleteMetricFilter(call: Call, *, logGroupName: str, filterName: str) -> None:
    group = existing(call, logGroupName)
    kept = tuple(each for each in group.filters if each.name != filterName)
    if len(kept) == len(group.filters):
        raise FilterNotFound
    call.shelf(Group)[group.name] = changed(group, filters=kept)


def DescribeMetricFilters(
    call: Call,
    *,
    logGroupName: str | None = None,
    filterNamePrefix: str | None = None,
    metricName: str | None = None,
    metricNamespace: str | None = None,
) -> dict:
    """Of one group, or of all."""
    if (metricName is None) != (metricNamespace is None):
        raise InvalidParameterException("Both metricName and metricNamespace must be specified, or neither.")
    if filterNamePrefix is not None and not _NAME.fullmatch(filterNamePrefix):
        raise InvalidParameterException(
            f"1 validation error detected: Value '{filterNamePrefix}' at 'filterNamePrefix' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"
        )
    groups = [existing(call, logGroupName)] if logGroupName is not None else [group for _, group in sorted(call.shelf(Group).items())]
    found = [
        _shown(group, each)
        for group in groups
        for each in sorted(group.filters, key=lambda each: each.name)
        if each.name.startswith(filterNamePrefix or "") and metricName in (None, each.metric) and metricNamespace in (None, each.namespace)
    ]
    return {"metricFilters": found}


def _shown(group: Group, each: MetricFilter) -> dict[str, Any]:
    transformation: dict[str, Any] = {"metricName": each.metric, "metricNamespace": each.namespace, "metricValue": each.value}
    if each.default is not None:
        transformation["defaultValue"] = each.default
    if each.dimensions:
        transformation["dimensions"] = each.dimensions
    if each.unit is not None:
        transformation["unit"] = each.unit
    return {
        "filterName": each.name, "filterPattern": each.pattern, "metricTransformations": [transformation], "creationTime": each.created_ms,
        "logGroupName": group.name, "applyOnTransformedLogs": each.is_of_transformed,
    }  # fmt: skip


def TestMetricFilter(call: Call, *, filterPattern: str, logEventMessages: list[str]) -> dict:
    check_pattern(filterPattern, "metric filter")
    matches, named = compiled(filterPattern), selectors(filterPattern)
    found = []
    for number_, message in enumerate(logEventMessages, 1):
        if matches(message):
            values = {selector: reader(filterPattern, selector)(message) for selector in named}
            shown = {selector: spelled(value) for selector, value in values.items() if value is not None}
            found.append({"eventNumber": number_, "eventMessage": message, "extractedValues": shown})
    return {"matches": found}
