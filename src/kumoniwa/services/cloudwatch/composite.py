"""Composite alarms: alarms that combine the states of others by a rule, and may be kept quiet by yet another."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.languages.alarm_rule import InvalidRule, rule
from kumoniwa.services.cloudwatch import alarm as alarms
from kumoniwa.services.cloudwatch import transition
from kumoniwa.services.cloudwatch.alarm import COMPOSITE, name_in
from kumoniwa.services.cloudwatch.errors import ValidationException


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
    """Its rule is judged at once."""
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
    missing = [child for child in read.children if not alarms.is_there(call, child)]
    if missing:
        raise ValidationException(f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist")
    if AlarmName in map(name_in, read.children):
        raise ValidationException(f"The alarm {AlarmName} cannot refer to itself.")
    _check_suppressor(call, ActionsSuppressor, ActionsSuppressorWaitPeriod, ActionsSuppressorExtensionPeriod)
    alarms.check_actions(call, OKActions, AlarmActions, InsufficientDataActions)
    settings = {name: value for name, value in said.items() if value is not None}
    alarm = alarms.keep(call, COMPOSITE, AlarmName, settings, ActionsEnabled, Tags)
    state, reason, data = transition.judged(call, alarm, None)
    if state != alarm.state:
        transition.become(call, alarm, state, reason, data)


def _check_suppressor(call: Call, suppressor: str | None, wait_s: int | None, extension_s: int | None) -> None:
    if suppressor is None:
        if wait_s is not None or extension_s is not None:
            raise ValidationException("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod can only be set with ActionsSuppressor")
        return
    if wait_s is None or extension_s is None:
        raise ValidationException("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must be set with ActionsSuppressor")
    if wait_s < 0 or extension_s < 0:
        raise ValidationException("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must not be negative")
    if not alarms.is_there(call, suppressor):
        raise ValidationException(f"Could not save the composite alarm as the suppressor alarm {suppressor} does not exist")
