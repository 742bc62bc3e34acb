"""What an alarm is: what it watches or combines, what it does, and the state it is in. Metric alarms and composite ones share their names.

The settings are kept as they were put, by AWS's names; ``metric_alarm`` and ``composite`` know which there are.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.alarm_rule import rule
from kumoniwa.services.cloudwatch import history, telling
from kumoniwa.services.cloudwatch.errors import (
    InvalidFormatFault,
    InvalidNextToken,
    ResourceNotFound,
    ValidationException,
)
from kumoniwa.services.cloudwatch.evaluation import UNKNOWN
from kumoniwa.wire import timestamps

METRIC, COMPOSITE = "MetricAlarm", "CompositeAlarm"
PAGE = 50
WATCHING = ("cloudwatch", "alarms")
"""What wakes whoever evaluates alarms."""
ACTIONS_OF = {"OK": "OKActions", "ALARM": "AlarmActions", UNKNOWN: "InsufficientDataActions"}
CREATED = "Unchecked: Initial alarm creation"
_TOPIC = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d{12}:[\w.-]+")
_FUNCTION = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?")
_POLICY = re.compile(r"arn:[\w-]+:autoscaling:[\w-]+:\d{12}:scalingPolicy:[\w-]+:resource/.+:policyName/.+")
_ACTIONS = {"sns": _TOPIC, "lambda": _FUNCTION, "autoscaling": _POLICY}
_VENDORS = (*_ACTIONS, "automate", "swf", "ssm", "ssm-incidents", "aiops")
"""Who does something for alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""


class Alarm(Record):
    """Shelved by its name."""

    name: str
    kind: str
    settings: dict[str, Any]
    configured: float
    is_acting: bool = True
    state: str = UNKNOWN
    reason: str = CREATED
    reason_data: str | None = None
    updated: float = 0.0
    transitioned: float = 0.0
    tags: dict[str, str] = {}
    acted_on: str = UNKNOWN
    """The state whose actions were last done, or would have been."""
    suppressed_by: str = ""
    """Of a composite alarm whose actions wait: ``Alarm``, ``WaitPeriod`` or ``ExtensionPeriod``."""
    is_muted: bool = False
    """Whether its actions wait until no mute rule keeps them."""
    suppressed_until: float = 0.0
    """When waiting ends by itself."""


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"alarm:{name}", "cloudwatch")


def name_in(text: str) -> str:
    """The name of an alarm that is called by its name or its ARN."""
    return text.partition(":alarm:")[2] if text.startswith("arn:") and ":alarm:" in text else text


def is_there(call: Call, text: str) -> bool:
    """Whether there is an alarm of this name, or of this ARN."""
    name = name_in(text)
    return name in call.shelf(Alarm) and text in (name, arn_of(call, name))


def check_actions(call: Call, *lists: list[str] | None) -> None:
    """Raise for what is no ARN, for what is not of this region, for who does nothing for alarms, and by name for what nobody would do here. The
    words, seen: https://github.com/cds-snc/notification-terraform/pull/128, https://github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/61,
    pf-cloudwatch-alarm-action-vendor of badmintoncryer/cdk-preflight."""
    for action in [action for each in lists for action in each or ()]:
        parts = action.split(":")
        if parts[0] != "arn" or len(parts) < 6:
            raise ValidationException(f"Invalid arn syntax: {action}")
        if parts[1] != call.home.partition:
            raise ValidationException(f"Invalid partition {parts[1]} specified. Only {call.home.partition} is supported.")
        if parts[3] not in (call.region, ""):
            raise ValidationException(f"Invalid region {parts[3]} specified. Only {call.region} is supported.")
        if parts[2] not in _VENDORS:
            raise ValidationException(f"Unsupported AWS vendor {parts[2]}")
        if parts[2] not in _ACTIONS or ":autoScalingGroupName/" in action:
            raise NotImplementedHere(f"alarm actions of {parts[2]} ({action})")
        if not _ACTIONS[parts[2]].fullmatch(action):
            raise ValidationException(f"Invalid arn syntax: {action}")


def keep(call: Call, kind: str, name: str, settings: dict[str, Any], is_acting: bool | None, tags: list[dict[str, str]] | None) -> Alarm:
    """Put an alarm, new or changed. A change keeps the state, and tags are of the making only."""
    held = call.shelf(Alarm).get(name)
    if held is not None and held.kind != kind:
        raise ValidationException(f"The alarm {name} already exists and is of another type.")
    now = call.now()
    acting = True if is_acting is None else is_acting
    if held is None:
        named = {tag["Key"]: tag["Value"] for tag in tags or ()}
        alarm = Alarm(name=name, kind=kind, settings=settings, configured=now, updated=now, transitioned=now, is_acting=acting, tags=named)
    else:
        alarm = changed(held, settings=settings, configured=now, is_acting=acting)
    call.shelf(Alarm)[name] = alarm
    call.home.wake(WATCHING)
    history.note_configuration(call, alarm, "Create" if held is None else "Update", told(call, alarm))
    telling.configured(call, "create" if held is None else "update", alarm, held)
    return alarm


# Showing --------------------------------------------------------------------------------------------------


def shown(call: Call, alarm: Alarm) -> dict[str, Any]:
    told = {
        "AlarmName": alarm.name,
        "AlarmArn": arn_of(call, alarm.name),
        "AlarmConfigurationUpdatedTimestamp": alarm.configured,
        "ActionsEnabled": alarm.is_acting,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateReasonData": alarm.reason_data,
        "StateUpdatedTimestamp": alarm.updated,
        "StateTransitionedTimestamp": alarm.transitioned,
        **({"Dimensions": []} if alarm.kind == METRIC and "Metrics" not in alarm.settings else {}),
        **alarm.settings,
        "ActionsSuppressedBy": alarm.suppressed_by or None,
        "ActionsSuppressedReason": _SUPPRESSED.get(alarm.suppressed_by),
    }
    return {name: value for name, value in told.items() if value is not None}


_SUPPRESSED = {
    "Alarm": "The suppressor alarm is in ALARM state.",
    "WaitPeriod": "Waiting for the suppressor alarm to go into ALARM state.",
    "ExtensionPeriod": "Waiting after the suppressor alarm went out of ALARM state.",
}


def told(call: Call, alarm: Alarm) -> dict[str, Any]:
    """An alarm as its history writes it: names begin small, times are texts."""

    def small(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key[0].lower() + key[1:] if key[:2] != "OK" else "okactions": small(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [small(each) for each in value]
        return timestamps.to_millisecond_with_offset(value) if name.endswith("Timestamp") else value

    return small(shown(call, alarm))


def DescribeAlarms(
    call: Call,
    *,
    AlarmNames: list[str] | None = None,
    AlarmNamePrefix: str | None = None,
    AlarmTypes: list[str] | None = None,
    ChildrenOfAlarmName: str | None = None,
    ParentsOfAlarmName: str | None = None,
    StateValue: str | None = None,
    ActionPrefix: str | None = None,
    MaxRecords: int | None = None,
    NextToken: str | None = None,
) -> dict:
    """Metric alarms alone unless other types are asked for. No log alarm can be made here, so there is none."""
    if AlarmNames and AlarmNamePrefix:
        raise ValidationException("AlarmNamePrefix and AlarmNames cannot both be set")
    if ChildrenOfAlarmName is not None or ParentsOfAlarmName is not None:
        if (AlarmNames, AlarmNamePrefix, AlarmTypes, StateValue, ActionPrefix) != (None,) * 5 or None not in (
            ChildrenOfAlarmName,
            ParentsOfAlarmName,
        ):
            raise ValidationException("With ChildrenOfAlarmName or ParentsOfAlarmName no other parameter can be set but MaxRecords and NextToken.")
        return _page([_brief(call, each) for each in _relatives(call, ChildrenOfAlarmName, ParentsOfAlarmName)], MaxRecords, NextToken)
    kinds = AlarmTypes or [METRIC]
    found = [alarm for _, alarm in sorted(call.shelf(Alarm).items()) if alarm.kind in kinds]
    if AlarmNames:
        found = [alarm for alarm in found if alarm.name in AlarmNames]
    if AlarmNamePrefix is not None:
        found = [alarm for alarm in found if alarm.name.startswith(AlarmNamePrefix)]
    if StateValue is not None:
        found = [alarm for alarm in found if alarm.state == StateValue]
    if ActionPrefix is not None:
        found = [
            alarm
            for alarm in found
            if any(act.startswith(ActionPrefix) for name in ACTIONS_OF.values() for act in alarm.settings.get(name, ()))
        ]
    found.sort(key=lambda alarm: alarm.kind, reverse=True)
    return _page([shown(call, alarm) for alarm in found], MaxRecords, NextToken)


def _relatives(call: Call, children_of: str | None, parents_of: str | None) -> list[Alarm]:
    shelf = call.shelf(Alarm)
    if children_of is not None:
        parent = shelf.get(children_of)
        names = children(parent) if parent is not None and parent.kind == COMPOSITE else ()
        return [shelf[name] for name in names if name in shelf]
    return [alarm for _, alarm in sorted(shelf.items()) if alarm.kind == COMPOSITE and parents_of in children(alarm)]


def children(alarm: Alarm) -> tuple[str, ...]:
    """The names of the alarms that a composite alarm's rule refers to."""
    return tuple(dict.fromkeys(name_in(child) for child in rule(alarm.settings["AlarmRule"]).children))


def _brief(call: Call, alarm: Alarm) -> dict[str, Any]:
    whole = shown(call, alarm)
    return {name: whole[name] for name in ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")} | {"_kind": alarm.kind}


def _page(found: list[dict[str, Any]], limit: int | None, token: str | None) -> dict[str, Any]:
    if token is not None and not (token.isascii() and token.isdigit() and len(token) < 16):
        raise InvalidNextToken
    start = int(token or 0)
    chosen = found[start : start + (limit or PAGE)]
    end = start + len(chosen)
    lists: dict[str, list] = {"MetricAlarms": [], "CompositeAlarms": [], "LogAlarms": []}
    for each in chosen:
        is_composite = each.pop("_kind", COMPOSITE if "AlarmRule" in each else METRIC) == COMPOSITE
        lists["CompositeAlarms" if is_composite else "MetricAlarms"].append(each)
    return lists | ({"NextToken": str(end)} if end < len(found) else {})


# Deleting, switching ------------------------------------------------------------------------------------------


def DeleteAlarms(call: Call, *, AlarmNames: list[str]) -> None:
    """Names that nobody bears are passed over. An alarm on which a composite one depends stays."""
    shelf = call.shelf(Alarm)
    going = [shelf[name] for name in dict.fromkeys(AlarmNames) if name in shelf]
    if sum(alarm.kind == COMPOSITE for alarm in going) > 1:
        raise ValidationException("Only one composite alarm can be deleted in one request.")
    leaving = {alarm.name for alarm in going}
    for alarm in going:
        # Those that go with it do not keep it.
        parents = [each.name for each in shelf.values() if each.kind == COMPOSITE and alarm.name in children(each) and each.name not in leaving]
        if parents:
            raise ValidationException(f"Cannot delete {alarm.name} as there are composite alarm(s) depending on it.")
    for alarm in going:
        history.note_configuration(call, alarm, "Delete", told(call, alarm))
        telling.configured(call, "delete", alarm)
        del shelf[alarm.name]


def _switch(call: Call, names: list[str], is_acting: bool) -> None:
    shelf = call.shelf(Alarm)
    for name in dict.fromkeys(names):
        if name in shelf and shelf[name].is_acting != is_acting:
            before = shelf[name]
            alarm = shelf[name] = changed(before, is_acting=is_acting, configured=call.now())
            history.note_configuration(call, alarm, "Update", told(call, alarm))
            telling.configured(call, "update", alarm, before)


def EnableAlarmActions(call: Call, *, AlarmNames: list[str]) -> None:
    _switch(call, AlarmNames, True)


def DisableAlarmActions(call: Call, *, AlarmNames: list[str]) -> None:
    _switch(call, AlarmNames, False)


def existing(call: Call, name: str) -> Alarm:
    found = call.shelf(Alarm).get(name)
    if found is None:
        raise ResourceNotFound
    return found


def check_reason_data(text: str | None) -> None:
    if text is not None and history.read(text) is None:
        raise InvalidFormatFault("StateReasonData was not syntactically valid JSON")
