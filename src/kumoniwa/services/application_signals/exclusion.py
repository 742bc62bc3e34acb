"""Times that do not count for an objective, once or again and again: https://docs.aws.amazon.com/applicationsignals/latest/APIReference/API_ExclusionWindow.html"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.application_signals import interval
from kumoniwa.services.application_signals.errors import ServiceQuotaExceededException, ValidationException
from kumoniwa.services.application_signals.objective import Objective, named

WINDOWS_MAX = 10
OCCURRENCES_MAX = 20_000


def _checked(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    window = {"StartTime": call.now(), **said}
    if window["StartTime"] < int(call.now()):
        # "Time exclusion windows can only be scheduled in the future, not the past": the schema of AWS::ApplicationSignals::ServiceLevelObjective.
        raise ValidationException("An exclusion window cannot start in the past.")
    interval.moved(window["StartTime"], window["Window"]["DurationUnit"], window["Window"]["Duration"])
    if (rule := window.get("RecurrenceRule")) is not None:
        _schedule(rule["Expression"])
    return window


def _schedule(text: str) -> Any:
    try:
        return schedule_expression.of_rule(text)
    except schedule_expression.InvalidExpression:
        raise ValidationException(f"Invalid recurrence rule: {text}") from None


def _key(window: dict[str, Any]) -> tuple:
    return window["Window"]["DurationUnit"], window["Window"]["Duration"], window.get("StartTime"), (window.get("RecurrenceRule") or {}).get("Expression")


def BatchUpdateExclusionWindows(
    call: Call, *, SloIds: list[str], AddExclusionWindows: list[dict[str, Any]] | None = None,
    RemoveExclusionWindows: list[dict[str, Any]] | None = None,
) -> dict:  # fmt: skip
    """Each objective for itself."""
    if not (AddExclusionWindows or RemoveExclusionWindows):
        raise ValidationException("Specify AddExclusionWindows or RemoveExclusionWindows.")
    added, removed = [_checked(call, said) for said in AddExclusionWindows or ()], RemoveExclusionWindows or []
    done, errors = [], []
    for id_ in SloIds:
        try:
            call.atomically(partial(_update, call, id_, added, removed))
            done.append(id_)
        except AwsError as error:
            errors.append({"SloId": id_, "ErrorCode": error.code, "ErrorMessage": error.text})
    return {"SloIds": done, "Errors": errors}


def _update(call: Call, id_: str, added: list[dict[str, Any]], removed: list[dict[str, Any]]) -> None:
    objective = named(call, id_)
    gone = {_key(window) for window in removed}
    windows = [window for window in objective.windows if _key(window) not in gone]
    windows += [window for window in added if _key(window) not in {_key(each) for each in windows}]
    if len(windows) > WINDOWS_MAX:
        raise ServiceQuotaExceededException(f"An SLO can have at most {WINDOWS_MAX} exclusion windows.")
    call.shelf(Objective)[objective.name] = changed(objective, windows=tuple(windows))


def ListServiceLevelObjectiveExclusionWindows(call: Call, *, Id: str) -> dict:
    return {"ExclusionWindows": list(named(call, Id).windows)}


def gaps(objective: Objective, start: float, end: float) -> list[tuple[float, float]]:
    """What of a time does not count, in order and without overlaps."""
    found = sorted(each for window in objective.windows for each in _occurrences(window, start, end))
    merged: list[tuple[float, float]] = []
    for first, last in found:
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


_LONGEST_S = {"MINUTE": 60, "HOUR": 3_600, "DAY": 86_400, "MONTH": 31 * 86_400}


def _end(at: float, unit: str, length: int) -> float:
    """When an occurrence ends. One that began in time may last for longer than the calendar."""
    try:
        return interval.moved(at, unit, length)
    except ValidationException:
        return math.inf


def _occurrences(window: dict[str, Any], start: float, end: float) -> list[tuple[float, float]]:
    first, unit, length = window["StartTime"], window["Window"]["DurationUnit"], window["Window"]["Duration"]
    if (rule := window.get("RecurrenceRule")) is None:
        moments = [first]
    else:
        schedule, moments = _schedule(rule["Expression"]), [first]
        at = max(first, start - length * _LONGEST_S[unit])
        while (at := schedule.after(at, anchored=first)) is not None and at < end and len(moments) < OCCURRENCES_MAX:
            moments.append(at)
    whole = [(at, _end(at, unit, length)) for at in moments]
    return [(max(begin, start), min(stop, end)) for begin, stop in whole if begin < end and stop > start]
