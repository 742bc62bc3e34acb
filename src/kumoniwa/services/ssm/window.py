"""Maintenance windows: the times in which something may be done, as their owner says them.

https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows-schedule-options.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.schedule_expression import InvalidExpression, Schedule, of_scheduler
from kumoniwa.services.ssm import tag
from kumoniwa.services.ssm.errors import ValidationException
from kumoniwa.services.ssm.execution import SERVICE
from kumoniwa.wire import timestamps

OPENINGS = Turns("ssm", SERVICE, "ssm_windows_due")
"""Of windows that will open."""
WINDOWS_MAX = 50
# https://docs.aws.amazon.com/general/latest/gr/ssm.html
HOUR_S, DAY_S = 3_600.0, 86_400.0
TOLD_MAX = 100
"""How many openings of a window are told in advance; they need have no end. How many AWS tells no source says."""
_SECONDS = re.compile(r"cron\((\S+) (\S+ \S+ \S+ \S+ \S+ \S+)\)")


class DoesNotExistException(AwsError): ...


class ResourceLimitExceededException(AwsError): ...


class Window(Record):
    """Shelved by its id."""

    id: str
    name: str
    created: float
    modified: float
    schedule: str
    duration: int
    cutoff: int
    allows_others: bool
    description: str = ""
    enabled: bool = True
    start: str = ""
    end: str = ""
    zone: str = ""
    offset: int = 0
    anchored: float = 0.0
    """From when a rate counts."""
    following: float | None = None
    """When it opens next; None if it does not any more."""
    tags: dict[str, str] = {}


def existing(call: Call, id_: str) -> Window:
    """The text is recorded: localstack's test_get_inexistent_maintenance_window."""
    found = call.shelf(Window).get(id_)
    if found is None:
        raise DoesNotExistException(f"Maintenance window {id_} does not exist")
    return found


# When it opens -------------------------------------------------------------------------------------


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise ValidationException(f"The time zone {name} isn't valid.") from None


def _schedule(window: Window) -> Schedule:
    """A cron expression may begin with seconds: AWS's pages write ``cron(0 30 23 ? * TUE#3 *)``."""
    text, found = window.schedule, _SECONDS.fullmatch(window.schedule)
    if found is not None:
        if found[1] != "0":
            raise NotImplementedHere(f"the seconds of {text} in ssm")
        text = f"cron({found[2]})"
    try:
        return of_scheduler(text, _zone(window.zone))
    except InvalidExpression:
        raise ValidationException(f"The schedule {window.schedule} isn't valid.") from None


def _moment(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        return timestamps.parsed(text)
    except (ValueError, AwsError):
        raise ValidationException(f"The {name} {text} isn't a valid date.") from None


def after(window: Window, instant: float) -> float | None:
    """When the window opens next after an instant. A window that counts from its start date opens then for the first time."""
    start, end = _moment(window.start, "start date"), _moment(window.end, "end date")
    schedule, days = _schedule(window), window.offset * DAY_S
    if window.schedule.startswith("rate(") and start is not None and window.anchored == start > instant:
        found: float | None = start
    else:
        found = schedule.after(max(instant, start if start is not None else 0.0) - days, anchored=window.anchored)
        found = found + days if found is not None else None
    return found if found is None or end is None or found <= end else None


def _openings(window: Window, instant: float) -> Iterator[float]:
    at = after(window, instant)
    while at is not None:
        yield at
        at = after(window, at)


def _with_times(call: Call, window: Window) -> Window:
    """"If you provide a start date that occurs in the past, the current date and time are used as the start date.\""""
    start = _moment(window.start, "start date")
    window = changed(window, anchored=start if start is not None and start > call.now() else call.now())
    return changed(window, following=after(window, call.now()) if window.enabled else None)


def written(seconds: float, zone: str = "") -> str:
    """A moment as windows tell it: ``2020-02-19T16:00Z``, with seconds only where there are any (AWS CLI's examples)."""
    at = datetime.fromtimestamp(round(seconds, 3), _zone(zone))
    text = at.isoformat(timespec="minutes" if at.second == 0 and at.microsecond == 0 else "milliseconds" if at.microsecond else "seconds")
    return text.replace("+00:00", "Z")


# The operations ------------------------------------------------------------------------------------


def _check(window: Window) -> Window:
    if window.cutoff >= window.duration:
        raise ValidationException("The cutoff must be less than the duration.")
    if window.offset and not window.schedule.startswith("cron("):
        raise ValidationException("Schedule offsets are supported for CRON expressions only.")
    _schedule(window)
    return window


def keep(call: Call, window: Window) -> Window:
    call.shelf(Window)[window.id] = window
    OPENINGS.drop(call, window.id)
    if window.following is not None:
        OPENINGS.put(call, window.id, window.following)
    return window


def CreateMaintenanceWindow(
    call: Call, *, Name: str, Schedule: str, Duration: int, Cutoff: int, AllowUnassociatedTargets: bool, Description: str | None = None,
    StartDate: str | None = None, EndDate: str | None = None, ScheduleTimezone: str | None = None, ScheduleOffset: int | None = None,
    ClientToken: str | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    if len(call.shelf(Window)) >= WINDOWS_MAX:
        raise ResourceLimitExceededException(f"An account has {WINDOWS_MAX} maintenance windows in a region at most.")
    made = Window(
        id=f"mw-{call.ids.hex(17)}", name=Name, created=call.now(), modified=call.now(), schedule=Schedule, duration=Duration, cutoff=Cutoff,
        allows_others=AllowUnassociatedTargets, description=Description or "", start=StartDate or "", end=EndDate or "",
        zone=ScheduleTimezone or "", offset=ScheduleOffset or 0, tags=tag.checked(Tags),
    )  # fmt: skip
    keep(call, _with_times(call, _check(made)))
    return {"WindowId": made.id}


def _identity(window: Window) -> dict[str, Any]:
    told: dict[str, Any] = {
        "WindowId": window.id, "Name": window.name, "Description": window.description, "Enabled": window.enabled, "Duration": window.duration,
        "Cutoff": window.cutoff, "Schedule": window.schedule, "ScheduleTimezone": window.zone, "ScheduleOffset": window.offset or None,
        "EndDate": window.end, "StartDate": window.start,
        "NextExecutionTime": written(window.following, window.zone) if window.following is not None else None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "")}


def GetMaintenanceWindow(call: Call, *, WindowId: str) -> dict:
    window = existing(call, WindowId)
    return _identity(window) | {
        "AllowUnassociatedTargets": window.allows_others, "CreatedDate": window.created, "ModifiedDate": window.modified,
    }  # fmt: skip


def UpdateMaintenanceWindow(
    call: Call, *, WindowId: str, Name: str | None = None, Description: str | None = None, StartDate: str | None = None,
    EndDate: str | None = None, Schedule: str | None = None, ScheduleTimezone: str | None = None, ScheduleOffset: int | None = None,
    Duration: int | None = None, Cutoff: int | None = None, AllowUnassociatedTargets: bool | None = None, Enabled: bool | None = None,
    Replace: bool | None = None,
) -> dict:  # fmt: skip
    """What is not said stays; with ``Replace`` it goes, and what a window needs must be said."""
    window = existing(call, WindowId)
    told = {
        "name": Name, "schedule": Schedule, "duration": Duration, "cutoff": Cutoff, "allows_others": AllowUnassociatedTargets,
        "description": Description, "start": StartDate, "end": EndDate, "zone": ScheduleTimezone, "offset": ScheduleOffset, "enabled": Enabled,
    }  # fmt: skip
    if Replace:
        needed = ("name", "schedule", "duration", "cutoff", "allows_others", "enabled")
        if missing := [name for name in needed if told[name] is None]:
            raise ValidationException(f"With Replace a maintenance window needs {', '.join(missing)}.")
        told = {name: value if value is not None else 0 if name == "offset" else "" for name, value in told.items()}
    after_ = _check(changed(window, modified=call.now(), **{name: value for name, value in told.items() if value is not None}))
    timing = ("schedule", "start", "end", "zone", "offset", "enabled")
    if any(getattr(after_, name) != getattr(window, name) for name in timing):
        after_ = _with_times(call, after_)
    keep(call, after_)
    if after_.enabled != window.enabled:
        call.tell("Maintenance Window State-change Notification", {"window-id": window.id, "status": "ENABLED" if after_.enabled else "DISABLED"})
    return {name: value for name, value in _identity(after_).items() if name != "NextExecutionTime"} | {
        "AllowUnassociatedTargets": after_.allows_others,
    }  # fmt: skip


def DescribeMaintenanceWindows(call: Call, *, Filters: list[dict[str, Any]] | None = None) -> dict:
    chosen = sorted(call.shelf(Window).values(), key=lambda window: window.created)
    for each in Filters or ():
        key, values = each.get("Key"), each.get("Values") or []
        if key not in ("Name", "Enabled"):
            raise ValidationException(f"The filter key {key} isn't valid.")
        chosen = [window for window in chosen if (window.name if key == "Name" else str(window.enabled).lower()) in (
            values if key == "Name" else [value.lower() for value in values]
        )]  # fmt: skip
    return {"WindowIdentities": [_identity(window) for window in chosen]}


def DescribeMaintenanceWindowSchedule(
    call: Call, *, WindowId: str | None = None, Filters: list[dict[str, Any]] | None = None
) -> dict:
    """Those to come, of one window or of all, in their order."""
    windows = [existing(call, WindowId)] if WindowId is not None else list(call.shelf(Window).values())
    since, until = call.now(), float("inf")
    for each in Filters or ():
        key, at = each.get("Key"), _moment((each.get("Values") or [""])[0], "filter value")
        if key not in ("ScheduledBefore", "ScheduledAfter") or at is None:
            raise ValidationException(f"The filter {key} isn't valid.")
        since, until = (max(since, at), until) if key == "ScheduledAfter" else (since, min(until, at))
    told: list[tuple[float, Window]] = []
    for window in windows:
        if window.enabled:
            within = takewhile(lambda at: at < until, _openings(window, since))
            told += [(at, window) for at in islice(within, TOLD_MAX)]
    told.sort(key=lambda each: each[0])
    listed = [{"WindowId": window.id, "Name": window.name, "ExecutionTime": written(at, window.zone)} for at, window in told]
    return {"ScheduledWindowExecutions": listed}
