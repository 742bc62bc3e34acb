"""Mute rules: while one is active, its alarms change their states and do nothing; what they would still do when it ends is done then.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-mute-rules.html
"""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.languages.mute_schedule import TwoDays, Windows, windows
from kumoniwa.languages.schedule_expression import InvalidExpression
from kumoniwa.services.cloudwatch.alarm import WATCHING, Alarm
from kumoniwa.services.cloudwatch.anomaly_band import zone_of
from kumoniwa.services.cloudwatch.errors import (
    InvalidNextToken,
    ResourceNotFoundException,
    ValidationException,
)

SCHEDULED, ACTIVE, EXPIRED = "SCHEDULED", "ACTIVE", "EXPIRED"
PAGE, TAGS_MAX = 50, 50


class MuteRule(Record):
    """Shelved by its name."""

    name: str
    schedule: dict[str, str]
    updated: float
    description: str | None = None
    alarms: list[str] = []
    starts: float | None = None
    expires: float | None = None
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"alarm-mute-rule:{name}", "cloudwatch")


@lru_cache(maxsize=256)
def _windows(expression: str, duration: str, zone: str | None) -> Windows:
    return windows(expression, duration, (zone_of(zone) if zone is not None else None) or UTC)


def _windows_of(rule: MuteRule) -> Windows:
    return _windows(rule.schedule["Expression"], rule.schedule["Duration"], rule.schedule.get("Timezone"))


def PutAlarmMuteRule(
    call: Call,
    *,
    Name: str,
    Rule: dict[str, Any],
    Description: str | None = None,
    MuteTargets: dict[str, Any] | None = None,
    Tags: list[dict[str, str]] | None = None,
    StartDate: float | None = None,
    ExpireDate: float | None = None,
) -> None:
    """A rule that exists is replaced; its tags stay. In which words AWS refuses was not found: those here are ours."""
    schedule = Rule["Schedule"]
    if "Timezone" in schedule and zone_of(schedule["Timezone"]) is None:
        raise ValidationException(f"The value {schedule['Timezone']} for parameter Rule.Schedule.Timezone is invalid.")
    try:
        found = _windows(schedule["Expression"], schedule["Duration"], schedule.get("Timezone"))
    except TwoDays:
        raise NotImplementedHere("mute rules on a day of the month and a day of the week") from None
    except InvalidExpression as error:
        raise ValidationException(f"The value {error} for parameter Rule.Schedule is invalid.") from None
    if found.is_one_time and (StartDate, ExpireDate) != (None, None):
        # https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudwatch_alarm_mute_rule
        raise ValidationException("StartDate and ExpireDate must not be set for an at expression.")
    if StartDate is not None and ExpireDate is not None and StartDate >= ExpireDate:
        raise ValidationException("The parameter ExpireDate must be greater than StartDate.")
    names = list(dict.fromkeys((MuteTargets or {}).get("AlarmNames", ())))
    for name in names:
        if name not in call.shelf(Alarm):
            raise ValidationException(f"The alarm {name} does not exist.")
    held = call.shelf(MuteRule).get(Name)
    tags = held.tags if held is not None else {tag["Key"]: tag["Value"] for tag in Tags or ()}
    call.shelf(MuteRule)[Name] = MuteRule(
        name=Name, schedule=schedule, updated=call.now(), description=Description, alarms=names, starts=StartDate, expires=ExpireDate, tags=tags
    )
    call.home.wake(WATCHING)


def GetAlarmMuteRule(call: Call, *, AlarmMuteRuleName: str) -> dict:
    rule = call.shelf(MuteRule).get(AlarmMuteRuleName)
    if rule is None:
        raise ResourceNotFoundException(f"Alarm mute rule {AlarmMuteRuleName} does not exist.")
    told = {
        "Name": rule.name, "Description": rule.description, "Rule": {"Schedule": rule.schedule}, "StartDate": rule.starts,
        "MuteTargets": {"AlarmNames": rule.alarms} if rule.alarms else None, **_brief(call, rule),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _brief(call: Call, rule: MuteRule) -> dict[str, Any]:
    told = {
        "AlarmMuteRuleArn": arn_of(call, rule.name), "ExpireDate": rule.expires, "Status": _status(rule, call.now()),
        "MuteType": "ONE_TIME" if _windows_of(rule).is_one_time else "RECURRING", "LastUpdatedTimestamp": rule.updated,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _status(rule: MuteRule, now: float) -> str:
    if rule.expires is not None and now >= rule.expires or _windows_of(rule).is_over(now):
        return EXPIRED
    return ACTIVE if _end(rule, now) is not None else SCHEDULED


def _end(rule: MuteRule, now: float) -> float | None:
    """When a rule mutes no longer that mutes now; at an overlap it is looked at again."""
    if rule.starts is not None and now < rule.starts or rule.expires is not None and now >= rule.expires:
        return None
    end = _windows_of(rule).end_at(now)
    return end if end is None or rule.expires is None else min(end, rule.expires)


def muted_until(call: Call, name: str) -> float | None:
    """Until when an alarm is muted at the least; None if it is not."""
    ends = [_end(rule, call.now()) for rule in call.shelf(MuteRule).values() if name in rule.alarms]
    return max((end for end in ends if end is not None), default=None)


def muting(call: Call, name: str) -> tuple[str, float, float] | None:
    """The rule that mutes an alarm longest: its ARN, and when its window begins and ends. None if the alarm is not muted."""
    now = call.now()
    found = [(end, rule) for rule in call.shelf(MuteRule).values() if name in rule.alarms and (end := _end(rule, now)) is not None]
    if not found:
        return None
    end, rule = max(found, key=lambda each: each[0])
    held = _windows_of(rule)
    return arn_of(call, rule.name), max(held.end_at(now) - held.duration_s, rule.starts or 0.0), end


def ListAlarmMuteRules(
    call: Call, *, AlarmName: str | None = None, Statuses: list[str] | None = None, MaxRecords: int | None = None, NextToken: str | None = None
) -> dict:
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 16):
        raise InvalidNextToken
    found = [
        told
        for _, rule in sorted(call.shelf(MuteRule).items())
        if AlarmName in (None, *rule.alarms) and (told := _brief(call, rule))["Status"] in (Statuses or (SCHEDULED, ACTIVE, EXPIRED))
    ]
    start = int(NextToken or 0)
    end = start + (MaxRecords or PAGE)
    return {"AlarmMuteRuleSummaries": found[start:end]} | ({"NextToken": str(end)} if end < len(found) else {})


def DeleteAlarmMuteRule(call: Call, *, AlarmMuteRuleName: str) -> None:
    """One that is not there is deleted, too. Alarms that it muted do at once what they would still do."""
    if call.shelf(MuteRule).pop(AlarmMuteRuleName, None) is not None:
        call.home.wake(WATCHING)
