"""Composite alarms: alarms that combine the states of others by a rule, and may be kept quiet by yet another."""

from __future__ import annotations

import re

from kumoniwa.kernel.call import Call
from kumoniwa.languages.alarm_rule import InvalidRule, rule
from kumoniwa.services.cloudwatch import alarm as alarms
from kumoniwa.services.cloudwatch import transition
from kumoniwa.services.cloudwatch.alarm import COMPOSITE
from kumoniwa.services.cloudwatch.errors import ValidationException

_ALARM = re.compile(r"arn:[\w-]+:cloudwatch:[\w-]+:\d{12}:alarm:.+")


def PutCompositeAlarm(
    call: Call,
    *,
    AlarmName: str,
    AlarmRule: str,
    ActionsEnabled: bool | None = None,
    AlarmActions: list[str] | None = None,
    AlarmDescription: str | None = None,
    InsufficientDataActions: list[str] | None = None,
    OKActions: list[str] | None = None,
    Tags: list[dict[str, str]] | None = None,
    ActionsSuppressor: str | None = None,
    ActionsSuppressorWaitPeriod: int | None = None,
    ActionsSuppressorExtensionPeriod: int | None = None,
) -> None:
    """Its rule is judged at once. Where no other source is named, what is refused and in which words is as badmintoncryer/cdk-preflight saw
    it of AWS (rules/cloudwatch)."""
    said = {
        "AlarmRule": AlarmRule, "AlarmActions": AlarmActions, "AlarmDescription": AlarmDescription,
        "InsufficientDataActions": InsufficientDataActions,
        "OKActions": OKActions, "ActionsSuppressor": ActionsSuppressor, "ActionsSuppressorWaitPeriod": ActionsSuppressorWaitPeriod,
        "ActionsSuppressorExtensionPeriod": ActionsSuppressorExtensionPeriod,
    }  # fmt: skip
    if AlarmRule != AlarmRule.strip():
        # https://github.com/hashicorp/terraform-provider-aws/issues/19575
        raise ValidationException("AlarmRule must not contain leading or trailing whitespace or be null")
    try:
        read = rule(AlarmRule)
    except InvalidRule as error:
        raise ValidationException(f"Error in AlarmRule [{error}]")
    if any(child in (AlarmName, alarms.arn_of(call, AlarmName)) for child in read.children):
        raise ValidationException(
            "A composite alarm cannot have a child relation with itself via its AlarmRule, as it would introduce a circular dependency"
        )
    missing = [child for child in read.children if not alarms.is_there(call, child)]
    if missing:
        arns = ", ".join(child if child.startswith("arn:") else alarms.arn_of(call, child) for child in missing)
        raise ValidationException(f"Could not save the composite alarm as alarms [{arns}] in the alarm rule do not exist")
    _check_suppressor(call, ActionsSuppressor, ActionsSuppressorWaitPeriod, ActionsSuppressorExtensionPeriod)
    alarms.check_actions(call, OKActions, AlarmActions, InsufficientDataActions)
    settings = {name: value for name, value in said.items() if value is not None}
    alarm = alarms.keep(call, COMPOSITE, AlarmName, settings, ActionsEnabled, Tags)
    state, reason, data = transition.judged(call, alarm, None)
    if state != alarm.state:
        transition.become(call, alarm, state, reason, data)


def _check_suppressor(call: Call, suppressor: str | None, wait_s: int | None, extension_s: int | None) -> None:
    for name, period_s in (("ActionsSuppressorWaitPeriod", wait_s), ("ActionsSuppressorExtensionPeriod", extension_s)):
        if suppressor is None and period_s is not None:
            raise ValidationException(f"{name} requires an ActionSuppressor")
        if suppressor is not None and period_s is None:
            raise ValidationException(f"{name} must not be null")
    if suppressor is None:
        return
    if suppressor.startswith("arn:") and not _ALARM.fullmatch(suppressor):
        raise ValidationException("ActionsSuppressor must be a valid CloudWatch Alarm ARN or an Alarm name")
    if wait_s < 0 or extension_s < 0:
        raise ValidationException("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must not be negative")
    if not alarms.is_there(call, suppressor):
        raise ValidationException(f"Could not save the composite alarm as the suppressor alarm {suppressor} does not exist")
