"""What alarms tell the region's bus, and the functions that they call: the state that they came to, and how they are configured.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.call import Call
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.cloudwatch.alarm import Alarm

STATE_CHANGE, CONFIGURATION_CHANGE = "CloudWatch Alarm State Change", "CloudWatch Alarm Configuration Change"
_SUPPRESSOR = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
_TERMS = (
    "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile",
    "ThresholdMetricId",
)  # fmt: skip
_ACTIONS = {"okActions": "OKActions", "alarmActions": "AlarmActions", "insufficientDataActions": "InsufficientDataActions"}


# States --------------------------------------------------------------------------------------------------------


def changed_state(call: Call, before: Alarm, after: Alarm, muting: tuple[str, float, float] | None) -> None:
    """``muting`` is the ARN of a mute rule, and when its window begins and ends."""
    detail = of_state(call, before, after)
    if muting is not None:
        arn, start, end = muting
        detail["muteDetail"] = {"mutedByArn": arn, "muteWindowStart": _time(start), "muteWindowEnd": _time(end)}
    call.tell(STATE_CHANGE, detail)


def of_state(call: Call, before: Alarm, after: Alarm) -> dict[str, Any]:
    """In AWS's example the previous state does not say what suppressed its actions."""
    now = _state(after)
    if after.suppressed_by:
        now |= {"actionsSuppressedBy": after.suppressed_by, "actionsSuppressedReason": f"Actions suppressed by {after.suppressed_by}"}
    return {"alarmName": after.name, "state": now, "previousState": _state(before), "configuration": _watched(call, after)}


def _time(at: float) -> str:
    return timestamps.to_millisecond_with_offset(at)


def _state(alarm: Alarm) -> dict[str, Any]:
    told = {"value": alarm.state, "reason": alarm.reason, "reasonData": alarm.reason_data, "timestamp": _time(alarm.updated)}
    return {name: value for name, value in told.items() if value is not None}


# Configurations ------------------------------------------------------------------------------------------------


def configured(call: Call, operation: str, alarm: Alarm, before: Alarm | None = None) -> None:
    """An alarm was made, changed from what it was ``before``, or deleted: ``create``, ``update`` or ``delete``."""
    state = {"value": alarm.state, "timestamp": _time(alarm.updated)} | ({"actionsSuppressedBy": alarm.suppressed_by} if alarm.suppressed_by else {})
    detail = {"alarmName": alarm.name, "operation": operation, "state": state, "configuration": _configuration(call, alarm)}
    if before is not None:
        detail["previousConfiguration"] = _configuration(call, before)
    call.tell(CONFIGURATION_CHANGE, detail)


def _configuration(call: Call, alarm: Alarm) -> dict[str, Any]:
    """Its members are those of AWS's schema of the event (``aws.cloudwatch@CloudWatchAlarmConfigurationChange``) and, as it is told to no
    other, the metric that is a threshold."""
    said = alarm.settings
    terms = {name[0].lower() + name[1:]: _number(said[name]) for name in _TERMS if name in said}
    actions = {name: said.get(member, []) for name, member in _ACTIONS.items()}
    named = {"alarmName": alarm.name, "actionsEnabled": alarm.is_acting, "timestamp": _time(alarm.configured)}
    return {**terms, **_watched(call, alarm), **named, **actions}


def _number(value: Any) -> Any:
    """A pattern tells 80 from 80.0, and AWS's examples write the former."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _watched(call: Call, alarm: Alarm) -> dict[str, Any]:
    said = alarm.settings
    told: dict[str, Any] = {"description": said["AlarmDescription"]} if "AlarmDescription" in said else {}
    if "AlarmRule" in said:
        return told | {"alarmRule": said["AlarmRule"]} | {name[0].lower() + name[1:]: said[name] for name in _SUPPRESSOR if name in said}
    if "Metrics" in said:
        return told | {"metrics": [_query(query) for query in said["Metrics"]]}
    stat = {"Metric": said, "Period": said["Period"], "Stat": said.get("Statistic") or said["ExtendedStatistic"]}
    return told | {"metrics": [_query({"Id": call.new_id(), "MetricStat": stat | ({"Unit": said["Unit"]} if "Unit" in said else {})})]}


def _query(query: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": query["Id"]}
    if "Expression" in query:
        told["expression"] = query["Expression"]
    else:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions") or ()}
        told["metricStat"] = {
            "metric": {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions},
            "period": stat["Period"],
            "stat": stat["Stat"],
        } | ({"unit": stat["Unit"]} if "Unit" in stat else {})
    named = {"label": query.get("Label"), "period": query.get("Period")}
    return told | {name: value for name, value in named.items() if value is not None} | {"returnData": query.get("ReturnData", True)}
