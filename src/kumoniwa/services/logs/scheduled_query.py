"""Scheduled queries: asked again and again, in the name of a role, of what was logged before each time.

What they found is told by GetQueryResults for as long as that of any query. Destinations of results are refused by name: how AWS writes
them is not published. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateScheduledQuery.html
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.logs import query
from kumoniwa.services.logs.delivery_source import ConflictException
from kumoniwa.services.logs.page import paged
from kumoniwa.services.logs.query import Asked

SCHEDULES = ("logs", "scheduled queries")
ENABLED = "ENABLED"
LOOKBACK_S = 3600
"""Where no start is said; which is AWS's default was not found."""
SECONDS_MAX = 10**11
"""A time that is less is in seconds, and not in milliseconds: the documentation says neither."""
LISTED_MAX = 50
STATUSES = {"Scheduled": "Running", "Running": "Running", "Complete": "Complete", "Timeout": "Timeout"}
_KIND = ":scheduled-query:"


class ScheduledQuery(Record):
    """Shelved by its id."""

    id: str
    name: str
    text: str
    groups: tuple[str, ...]
    expression: str
    role: str
    created_ms: int
    updated_ms: int
    due_s: float | None
    description: str = ""
    zone: str = "UTC"
    back_s: int = LOOKBACK_S
    """Each query begins so long before its time, and ends ``until_s`` before it."""
    until_s: int = 0
    begins_ms: int = 0
    ends_ms: int = 0
    state: str = ENABLED
    tags: dict[str, str] = {}
    last_ms: int = 0


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    message = "The specified scheduled query does not exist."


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"scheduled-query:{id_}", "logs")


def existing(call: Call, identifier: str) -> ScheduledQuery:
    """By name or ARN."""
    for each in call.shelf(ScheduledQuery).values():
        if identifier in (each.name, arn_of(call, each.id)):
            return each
    raise ResourceNotFound


def named(call: Call, identifier: str) -> str:
    """The ARN of one that is called so, for who asks before it is known to be there."""
    if identifier.startswith("arn:"):
        return identifier
    return next((arn_of(call, each.id) for each in call.shelf(ScheduledQuery).values() if each.name == identifier), arn_of(call, "*"))


def next_due(scheduled: ScheduledQuery, after_s: float) -> float | None:
    """When it is asked next after a moment; None if not again."""
    schedule = schedule_expression.of_scheduler(scheduled.expression, _zone(scheduled.zone))
    due = schedule.after(max(after_s, scheduled.begins_ms / 1000 - 1), anchored=0.0)
    return None if due is None or (scheduled.ends_ms and due * 1000 > scheduled.ends_ms) else due


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValidationException(f"The time zone {name} does not exist.") from None


def _ms(moment: int | None) -> int:
    return 0 if moment is None else moment * 1000 if moment < SECONDS_MAX else moment


def _filled(call: Call, held: ScheduledQuery, said: dict[str, Any]) -> ScheduledQuery:
    """With what is said of it. Raises what AWS answers where that is none."""
    if said["queryLanguage"] != "CWLI":
        raise NotImplementedHere(f"queries in OpenSearch {said['queryLanguage']}")
    try:
        query.commands_of(call, said["queryString"])
    except query.MalformedQueryException as error:
        raise ValidationException(error.text) from None
    back_s, until_s = said.get("startTimeOffset") or LOOKBACK_S, said.get("endTimeOffset") or 0
    if not 0 <= until_s < back_s:
        raise ValidationException("The start time offset must lie before the end time offset, and neither in the future.")
    made = changed(
        held, text=said["queryString"], groups=tuple(said.get("logGroupIdentifiers") or ()), expression=said["scheduleExpression"],
        role=said["executionRoleArn"], description=said.get("description") or "", zone=said.get("timezone") or "UTC", back_s=back_s, until_s=until_s,
        begins_ms=_ms(said.get("scheduleStartTime")), ends_ms=_ms(said.get("scheduleEndTime")), state=said.get("state") or ENABLED,
        updated_ms=milliseconds(call.now()),
    )  # fmt: skip
    due = _checked_due(call, made)
    call.require("iam:PassRole", made.role, **{"iam:PassedToService": "logs.amazonaws.com"})
    return changed(made, due_s=due)


def _checked_due(call: Call, made: ScheduledQuery) -> float | None:
    try:
        if made.expression.startswith("cron("):
            return next_due(made, call.now())
    except schedule_expression.InvalidExpression:
        pass
    raise ValidationException("The schedule expression is no cron expression.")


def CreateScheduledQuery(
    call: Call, *, name: str, queryLanguage: str, queryString: str, scheduleExpression: str, executionRoleArn: str, description: str | None = None,
    logGroupIdentifiers: list[str] | None = None, timezone: str | None = None, startTimeOffset: int | None = None, endTimeOffset: int | None = None,
    scheduleStartTime: int | None = None, scheduleEndTime: int | None = None, state: str | None = None, tags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    said = {
        "queryLanguage": queryLanguage, "queryString": queryString, "scheduleExpression": scheduleExpression, "executionRoleArn": executionRoleArn,
        "description": description, "logGroupIdentifiers": logGroupIdentifiers, "timezone": timezone, "startTimeOffset": startTimeOffset,
        "endTimeOffset": endTimeOffset, "scheduleStartTime": scheduleStartTime, "scheduleEndTime": scheduleEndTime, "state": state,
    }  # fmt: skip
    if any(each.name == name for each in call.shelf(ScheduledQuery).values()):
        raise ConflictException(f"A scheduled query with the name {name} already exists.")
    now_ms = milliseconds(call.now())
    empty = ScheduledQuery(
        id=call.new_id(), name=name, text="", groups=(), expression="", role="", created_ms=now_ms, updated_ms=now_ms, due_s=None, tags=tags or {}
    )
    made = call.shelf(ScheduledQuery)[empty.id] = _filled(call, empty, said)
    call.home.wake(SCHEDULES)
    return {"scheduledQueryArn": arn_of(call, made.id), "state": made.state}


def UpdateScheduledQuery(
    call: Call, *, identifier: str, queryLanguage: str, queryString: str, scheduleExpression: str, executionRoleArn: str,
    description: str | None = None,
    logGroupIdentifiers: list[str] | None = None, timezone: str | None = None, startTimeOffset: int | None = None, endTimeOffset: int | None = None,
    scheduleStartTime: int | None = None, scheduleEndTime: int | None = None, state: str | None = None,
) -> dict:  # fmt: skip
    """All of it is replaced."""
    said = {
        "queryLanguage": queryLanguage, "queryString": queryString, "scheduleExpression": scheduleExpression, "executionRoleArn": executionRoleArn,
        "description": description, "logGroupIdentifiers": logGroupIdentifiers, "timezone": timezone, "startTimeOffset": startTimeOffset,
        "endTimeOffset": endTimeOffset, "scheduleStartTime": scheduleStartTime, "scheduleEndTime": scheduleEndTime, "state": state,
    }  # fmt: skip
    made = _filled(call, existing(call, identifier), said)
    call.shelf(ScheduledQuery)[made.id] = made
    call.home.wake(SCHEDULES)
    return _shown(call, made)


def DeleteScheduledQuery(call: Call, *, identifier: str) -> None:
    del call.shelf(ScheduledQuery)[existing(call, identifier).id]


# Shown ----------------------------------------------------------------------------------------------------------


def _runs(call: Call, scheduled: ScheduledQuery) -> list[Asked]:
    """The last one first."""
    found = [each for each in call.shelf(Asked).values() if each.schedule == scheduled.id]
    return sorted(found, key=lambda each: (-each.created_ms, each.id))


def _status(run: Asked) -> str:
    return "InvalidQuery" if run.is_invalid else STATUSES.get(run.status, "Failed")


def _briefly(call: Call, each: ScheduledQuery) -> dict[str, Any]:
    shown = {
        "scheduledQueryArn": arn_of(call, each.id), "name": each.name, "state": each.state, "scheduleType": "CUSTOMER_MANAGED",
        "scheduleExpression": each.expression, "timezone": each.zone, "creationTime": each.created_ms, "lastUpdatedTime": each.updated_ms,
    }  # fmt: skip
    if each.last_ms:
        shown["lastTriggeredTime"] = each.last_ms
    if runs := _runs(call, each):
        shown["lastExecutionStatus"] = _status(runs[0])
    return shown


def _shown(call: Call, each: ScheduledQuery) -> dict[str, Any]:
    shown = _briefly(call, each) | {
        "description": each.description, "queryLanguage": "CWLI", "queryString": each.text, "logGroupIdentifiers": list(each.groups),
        "startTimeOffset": each.back_s, "endTimeOffset": each.until_s, "executionRoleArn": each.role,
        "scheduleStartTime": each.begins_ms or None, "scheduleEndTime": each.ends_ms or None,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def GetScheduledQuery(call: Call, *, identifier: str) -> dict:
    return _shown(call, existing(call, identifier))


def ListScheduledQueries(
    call: Call, *, maxResults: int | None = None, nextToken: str | None = None, state: str | None = None, scheduleType: str | None = None
) -> dict:
    found = sorted(call.shelf(ScheduledQuery).values(), key=lambda each: each.name)
    found = [each for each in found if state in (None, each.state) and scheduleType in (None, "CUSTOMER_MANAGED")]
    return paged(found, nextToken, maxResults or LISTED_MAX, lambda each: _briefly(call, each), "scheduledQueries")


def GetScheduledQueryHistory(
    call: Call, *, identifier: str, startTime: int, endTime: int, executionStatuses: list[str] | None = None, maxResults: int | None = None,
    nextToken: str | None = None,
) -> dict:  # fmt: skip
    """As long as queries are remembered: a week."""
    scheduled = existing(call, identifier)
    found = [
        each
        for each in _runs(call, scheduled)
        if _ms(startTime) <= each.created_ms <= _ms(endTime) and (not executionStatuses or _status(each) in executionStatuses)
    ]

    def shown(run: Asked) -> dict[str, Any]:
        told: dict[str, Any] = {"queryId": run.id, "executionStatus": _status(run), "triggeredTimestamp": run.created_ms, "destinations": []}
        return told | ({"errorMessage": run.error} if run.error else {})

    page = paged(found, nextToken, maxResults or LISTED_MAX, shown, "triggerHistory")
    return {"name": scheduled.name, "scheduledQueryArn": arn_of(call, scheduled.id)} | page


# Tags -----------------------------------------------------------------------------------------------------------


def is_one(arn: str) -> bool:
    return _KIND in arn


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return existing(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, key), each.tags) for key, each in call.shelf(ScheduledQuery).items()]


def retagged(call: Call, arn: str, tags: dict[str, str]) -> None:
    held = existing(call, arn)
    call.shelf(ScheduledQuery)[held.id] = changed(held, tags=tags)
