"""What alarms do: they tell a topic, call a function, or have a scaling policy look at them. Each action is promised in the commit of the state that it tells.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
import orjson

from kumoniwa.aws.regions import region
from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudwatch import history, telling
from kumoniwa.services.cloudwatch.alarm import ACTIONS_OF, METRIC, Alarm, arn_of
from kumoniwa.wire import timestamps

SERVICE, CALLER = "cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com"
SUBJECT_MAX = 100
RETRIES = {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 3_600}
"""AWS says that actions are tried again, and no more."""


class Promise(msgspec.Struct, array_like=True):
    alarm: str
    kind: str
    action: str
    body: str
    subject: str
    at: float


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode


def spoken(at: float) -> str:
    """A time in the reasons of composite alarms: ``Tuesday 01 January, 2030 00:10:00 UTC``."""
    return time.strftime("%A %d %B, %Y %H:%M:%S UTC", time.gmtime(at))


def promise_all(call: Call, before: Alarm, after: Alarm, *, is_after_mute: bool = False) -> None:
    place = region(call.region)
    name = place.name if place is not None else call.region
    subject = f'{after.state}: "{after.name}" in {name}'
    if len(subject) > SUBJECT_MAX:
        room = SUBJECT_MAX - (len(subject) - len(after.name)) - 3
        subject = f'{after.state}: "{after.name[:room]}..." in {name}'
    for arn in dict.fromkeys(after.settings.get(ACTIONS_OF[after.state], ())):
        told = _message(call, before, after, name, is_after_mute) if ":sns:" in arn else _event(call, before, after)
        OUTBOX.put(call, _encode(Promise(after.name, after.kind, arn, orjson.dumps(told).decode(), subject, after.transitioned)))


# What is said ------------------------------------------------------------------------------------------------


def _message(call: Call, before: Alarm, after: Alarm, region_name: str, is_after_mute: bool) -> dict[str, Any]:
    """A topic's message. Recorded: localstack's test_put_metric_alarm and test_trigger_composite_alarm."""
    said = after.settings
    told = {
        "AlarmName": after.name,
        "AlarmDescription": said.get("AlarmDescription"),
        "AWSAccountId": call.account,
        "AlarmConfigurationUpdatedTimestamp": timestamps.to_millisecond_with_offset(after.configured),
        "NewStateValue": after.state,
        "NewStateReason": after.reason,
        "StateChangeTime": timestamps.to_millisecond_with_offset(after.transitioned),
        "Region": region_name,
        "AlarmArn": arn_of(call, after.name),
        "OldStateValue": before.state,
        "OKActions": said.get("OKActions", []),
        "AlarmActions": said.get("AlarmActions", []),
        "InsufficientDataActions": said.get("InsufficientDataActions", []),
    }
    if after.kind == METRIC:
        return told | {"ActionExecutedAfterMuteWindow": is_after_mute, "Trigger": _trigger(said)}
    data = history.read(after.reason_data or "") or {}
    children = [
        {"Arn": each["arn"], "State": {"Value": each["state"]["value"], "Timestamp": each["state"]["timestamp"]}}
        for each in data.get("triggeringAlarms", ()) if isinstance(data, dict)
    ]  # fmt: skip
    return told | {"AlarmRule": said["AlarmRule"], "TriggeringChildren": children}


def _trigger(said: dict[str, Any]) -> dict[str, Any]:
    terms = {
        "Period": said.get("Period"), "EvaluationPeriods": said["EvaluationPeriods"], "DatapointsToAlarm": said.get("DatapointsToAlarm"),
        "ComparisonOperator": said["ComparisonOperator"], "Threshold": said.get("Threshold"),
        "ThresholdMetricId": said.get("ThresholdMetricId"), "TreatMissingData": said.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": said.get("EvaluateLowSampleCountPercentile", ""),
    }  # fmt: skip
    kept = {name: value for name, value in terms.items() if value is not None}
    if "Metrics" in said:
        return {**kept, "Metrics": said["Metrics"]}
    if "Statistic" in said:
        named = {"StatisticType": "Statistic", "Statistic": {"SampleCount": "SAMPLE_COUNT"}.get(said["Statistic"], said["Statistic"].upper())}
    else:
        named = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": said["ExtendedStatistic"]}
    dimensions = [{"value": each["Value"], "name": each["Name"]} for each in said.get("Dimensions", ())]
    return {"MetricName": said["MetricName"], "Namespace": said["Namespace"], **named, "Unit": said.get("Unit"), "Dimensions": dimensions, **kept}


def _event(call: Call, before: Alarm, after: Alarm) -> dict[str, Any]:
    """A function's event. Recorded: localstack's test_alarm_lambda_target."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": arn_of(call, after.name),
        "accountId": call.account,
        "time": timestamps.to_millisecond_with_offset(after.transitioned),
        "region": call.region,
        "alarmData": telling.of_state(call, before, after),
    }


# Doing it ----------------------------------------------------------------------------------------------------


async def deliver(call: Call, delivery: Delivery) -> float | None:
    promised = _decode(delivery.body)
    arn = arns.parse(promised.action)
    # The policy of a topic that was given none lets in whoever acts for the topic's owner.
    context = {"aws:SourceArn": arn_of(call, promised.alarm), "aws:SourceAccount": call.account, "aws:SourceOwner": call.account}
    try:
        if arn.service == "sns":
            asked = {"TopicArn": promised.action, "Subject": promised.subject, "Message": promised.body}
            await call.acting(SERVICE, **context).ask("sns:Publish", to_region=arn.region, once=delivery.token, **asked)
        elif arn.service == "autoscaling":
            await call.home.heard(call.region, "application-autoscaling", {"account": call.account, "policy": promised.action})
        else:
            asked = {"FunctionName": promised.action, "InvocationType": "Event", "Payload": promised.body.encode()}
            await call.acting(CALLER, **context).ask("lambda:Invoke", to_region=arn.region, once=delivery.token, **asked)
    except AwsError as error:
        wait_s = patience.pause(RETRIES, delivery, call.now(), delivery.born, call.ids.random)[0] if patience.is_passing(error) else 0.0
        if wait_s:
            return wait_s
        call.home.note("undelivered", rule=context["aws:SourceArn"], target=promised.action, code=error.code, is_buried=False)
        _note(call, promised, "Failed", f"{error.code}: {error.text}")
        return None
    _note(call, promised, "Succeeded", None)
    return None


def _note(call: Call, promised: Promise, outcome: str, error: str | None) -> None:
    alarm = call.shelf(Alarm).get(promised.alarm) or Alarm(name=promised.alarm, kind=promised.kind, settings={}, configured=0.0)
    said = "Successfully executed" if error is None else "Failed to execute"
    told = {"actionState": outcome, "notificationResource": promised.action, "stateUpdateTimestamp": milliseconds(promised.at)}
    told |= {"publishedMessage": promised.body} if error is None else {"error": error}
    history.note(call, alarm, "Action", f"{said} action {promised.action}", told)


OUTBOX = Outbox("cloudwatch", deliver)
