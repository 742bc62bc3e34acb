"""An alarm becomes another state: it is kept, told to the region's bus, acted on, and composite alarms that refer to it are looked at again."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.languages.alarm_rule import rule
from kumoniwa.services.cloudwatch import action, history, mute_rule, telling
from kumoniwa.services.cloudwatch.alarm import (
    COMPOSITE,
    WATCHING,
    Alarm,
    arn_of,
    check_reason_data,
    children,
    existing,
    name_in,
)
from kumoniwa.services.cloudwatch.evaluation import ALARM, OK
from kumoniwa.wire import timestamps

REST_MIN_S = 0.001
"""Who has to wait no longer than that has waited: a float of the date tells no shorter rests apart."""
CHAIN_MAX = 100
"""AWS stops evaluating composite alarms when it finds that they go round in a circle."""


def SetAlarmState(call: Call, *, AlarmName: str, StateValue: str, StateReason: str, StateReasonData: str | None = None) -> None:
    """For a metric alarm it holds until the next evaluation finds otherwise."""
    alarm = existing(call, AlarmName)
    check_reason_data(StateReasonData)
    become(call, alarm, StateValue, StateReason, StateReasonData)


def become(call: Call, alarm: Alarm, state: str, reason: str, data: str | None) -> None:
    """And all that follows from it, in the order in which it follows."""
    waiting = [(alarm.name, state, reason, data)]
    for _ in range(CHAIN_MAX):
        if not waiting:
            return
        name, state, reason, data = waiting.pop(0)
        before = call.shelf(Alarm)[name]
        if not _kept(call, before, state, reason, data):
            continue
        for parent in [each for each in call.shelf(Alarm).values() if each.kind == COMPOSITE]:
            if name in children(parent):
                found, said, told = judged(call, parent, name)
                if found != parent.state:
                    waiting.append((parent.name, found, said, told))
            if name_in(parent.settings.get("ActionsSuppressor", "")) == name:
                _suppressor_became(call, parent, state)


def _kept(call: Call, before: Alarm, state: str, reason: str, data: str | None) -> bool:
    """Keep what an alarm is now; answers whether that is another state than it was."""
    now = call.now()
    if state == before.state:
        call.shelf(Alarm)[before.name] = changed(before, reason=reason, reason_data=data, updated=now)
        return False
    after = call.shelf(Alarm)[before.name] = changed(before, state=state, reason=reason, reason_data=data, updated=now, transitioned=now)
    told = {"version": "1.0", "oldState": _state(before), "newState": _state(after)}
    history.note(call, after, "StateUpdate", f"Alarm updated from {before.state} to {state}", told)
    if after.kind == COMPOSITE and after.settings.get("ActionsSuppressor"):
        _act_unless_suppressed(call, before, after)
    else:
        act(call, before, after)
    telling.changed_state(call, before, call.shelf(Alarm)[after.name], mute_rule.muting(call, after.name))
    return True


def _state(alarm: Alarm) -> dict[str, Any]:
    told: dict[str, Any] = {"stateValue": alarm.state, "stateReason": alarm.reason}
    return told | ({"stateReasonData": history.read(alarm.reason_data)} if alarm.reason_data else {})


def act(call: Call, before: Alarm, after: Alarm) -> None:
    if mute_rule.muted_until(call, after.name) is not None:
        call.shelf(Alarm)[after.name] = changed(after, suppressed_by="", suppressed_until=0.0, is_muted=True)
        call.home.wake(WATCHING)
        return
    call.shelf(Alarm)[after.name] = changed(after, acted_on=after.state, suppressed_by="", suppressed_until=0.0, is_muted=False)
    if after.is_acting:
        action.promise_all(call, before, after, is_after_mute=after.is_muted)


# Composite alarms --------------------------------------------------------------------------------------------


def judged(call: Call, alarm: Alarm, cause: str | None) -> tuple[str, str, str]:
    """What a composite alarm's rule says now, why, and the alarms that made it so. ``cause`` is the alarm that changed; None for its making."""
    shelf = call.shelf(Alarm)

    def state_of(name: str) -> str | None:
        held = shelf.get(name_in(name))
        return held.state if held is not None else None

    found = ALARM if rule(alarm.settings["AlarmRule"]).holds(state_of) else OK
    if cause is None:
        return found, f"{arn_of(call, alarm.name)} was created and its alarm rule evaluates to {found}", history.spelled({"triggeringAlarms": []})
    child = shelf[cause]
    reason = f"{arn_of(call, cause)} transitioned to {child.state} at {action.spoken(child.transitioned)}"
    trigger = {"arn": arn_of(call, cause), "state": {"value": child.state, "timestamp": timestamps.to_millisecond_with_offset(child.transitioned)}}
    return found, reason, history.spelled({"triggeringAlarms": [trigger]})


def _act_unless_suppressed(call: Call, before: Alarm, after: Alarm) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html"""
    shelf = call.shelf(Alarm)
    suppressor = shelf.get(name_in(after.settings["ActionsSuppressor"]))
    wait_s = after.settings["ActionsSuppressorWaitPeriod"]
    if suppressor is not None and suppressor.state == ALARM:
        shelf[after.name] = changed(after, suppressed_by="Alarm", suppressed_until=0.0)
    elif after.suppressed_by:
        return  # The actions wait already, and will be those of the state there is then.
    elif wait_s > 0:
        shelf[after.name] = changed(after, suppressed_by="WaitPeriod", suppressed_until=call.now() + wait_s)
        call.home.wake(WATCHING)
    else:
        act(call, before, after)


def _suppressor_became(call: Call, alarm: Alarm, state: str) -> None:
    alarm = call.shelf(Alarm)[alarm.name]
    if state == ALARM and alarm.suppressed_by in ("WaitPeriod", "ExtensionPeriod"):
        call.shelf(Alarm)[alarm.name] = changed(alarm, suppressed_by="Alarm", suppressed_until=0.0)
    elif state != ALARM and alarm.suppressed_by == "Alarm":
        until = call.now() + alarm.settings["ActionsSuppressorExtensionPeriod"]
        call.shelf(Alarm)[alarm.name] = changed(alarm, suppressed_by="ExtensionPeriod", suppressed_until=until)
        call.home.wake(WATCHING)


def _unmute(call: Call, alarm: Alarm) -> None:
    """An alarm that is not again as it was when it last acted acts now; one that waits for its suppressor goes on waiting."""
    if alarm.state != alarm.acted_on and not alarm.suppressed_by:
        act(call, changed(alarm, state=alarm.acted_on), alarm)
    else:
        call.shelf(Alarm)[alarm.name] = changed(alarm, is_muted=False)


def end_suppression(call: Call) -> float | None:
    """Do what has waited long enough; answers when the next has."""
    due = None
    for name, alarm in list(call.shelf(Alarm).items()):
        if alarm.is_muted and not alarm.suppressed_until:
            until = mute_rule.muted_until(call, name)
            if until is not None:
                due = min(due or until, until)
            else:
                _unmute(call, alarm)
            continue
        if not alarm.suppressed_until:
            continue
        if alarm.suppressed_until > call.now() + REST_MIN_S:
            due = min(due or alarm.suppressed_until, alarm.suppressed_until)
        elif alarm.state != alarm.acted_on:
            act(call, changed(alarm, state=alarm.acted_on), alarm)
        else:
            call.shelf(Alarm)[name] = changed(alarm, suppressed_by="", suppressed_until=0.0)
    return due
