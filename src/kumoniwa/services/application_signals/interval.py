"""Stretches of time as goals and exclusion windows say them: so many minutes, hours, days or months, rolling or by the calendar."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

from kumoniwa.services.application_signals.errors import ValidationException

_UNIT_S = {"MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}


def moved(at: float, unit: str, count: int) -> float:
    """So much later, or earlier. Months are the calendar's; a day that a month does not have is its last. Raises ValidationException."""
    if unit in _UNIT_S:
        return at + count * _UNIT_S[unit]
    date = datetime.fromtimestamp(at, UTC)
    months = date.year * 12 + date.month - 1 + count
    year, month = divmod(months, 12)
    if not 1970 <= year <= 9999:
        raise ValidationException(f"Invalid duration: {count} {unit}")
    return date.replace(year=year, month=month + 1, day=min(date.day, monthrange(year, month + 1)[1])).timestamp()


def of_goal(interval: dict[str, Any], at: float) -> tuple[float, float]:
    """From when to when an interval is at a moment: a rolling one ends then, one of the calendar may go on."""
    if (rolling := interval.get("RollingInterval")) is not None:
        return moved(at, rolling["DurationUnit"], -rolling["Duration"]), at
    said = interval["CalendarInterval"]
    start, unit, length = said["StartTime"], said["DurationUnit"], said["Duration"]
    if at < start:
        return start, moved(start, unit, length)
    step = moved(start, unit, length) - start
    number = max(0, int((at - start) // step) - 1)
    while moved(start, unit, (number + 1) * length) <= at:
        number += 1
    return moved(start, unit, number * length), moved(start, unit, (number + 1) * length)
