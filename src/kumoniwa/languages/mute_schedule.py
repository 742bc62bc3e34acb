"""When alarms are muted: ``cron(0 2 * * SUN)`` or ``at(2024-05-10T14:00)`` in a time zone, and for how long each time: ``PT4H``.

The five fields are those of Unix, with ``*``, ``-`` and ``,`` and English names; of a day of the month and one of the week, one is ``*``.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Schedule.html
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import NamedTuple

from kumoniwa.languages.schedule_expression import At, InvalidExpression, Schedule, of_scheduler

_CRON = re.compile(r"cron\(([\d*,-]+) ([\d*,-]+) ([\d*,-]+) ([\w*,-]+) ([\w*,-]+)\)", re.ASCII)
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)", re.ASCII)
_DURATION = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?)?", re.ASCII)
_WEEKDAY = re.compile(r"\d+", re.ASCII)
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
DURATION_MIN_S, DURATION_MAX_S = 60, 15 * 86_400


class TwoDays(InvalidExpression):
    """A day of the month and a day of the week."""


class Windows(NamedTuple):
    schedule: Schedule
    duration_s: int

    @property
    def is_one_time(self) -> bool:
        return isinstance(self.schedule, At)

    def end_at(self, instant: float) -> float | None:
        """When the window ends in which an instant lies; None if it lies in none."""
        start = self.schedule.after(instant - self.duration_s, anchored=0.0)
        return start + self.duration_s if start is not None and start <= instant else None

    def is_over(self, instant: float) -> bool:
        return self.schedule.after(instant - self.duration_s, anchored=0.0) is None


def windows(expression: str, duration: str, zone: tzinfo) -> Windows:
    """Raises InvalidExpression."""
    return Windows(_schedule(expression, zone), _duration(duration))


def _schedule(text: str, zone: tzinfo) -> Schedule:
    once = _AT.fullmatch(text)
    if once is not None:
        try:
            return At(datetime.fromisoformat(once[1]).replace(tzinfo=zone).timestamp())
        except ValueError:
            raise InvalidExpression(text) from None
    found = _CRON.fullmatch(text.upper().replace("CRON(", "cron(", 1))
    if found is None:
        raise InvalidExpression(text)
    minutes, hours, day, month, weekday = found.groups()
    if day != "*" and weekday != "*":
        raise TwoDays(text)
    if weekday != "*":
        day, weekday = "?", _WEEKDAY.sub(_named, weekday)
    else:
        weekday = "?"
    return of_scheduler(f"cron({minutes} {hours} {day} {month} {weekday} *)", zone)


def _named(number: re.Match) -> str:
    """Unix counts days of the week from Sunday as nought; the last of it is Sunday again."""
    if int(number[0]) >= len(_DAYS):
        raise InvalidExpression(number[0])
    return _DAYS[int(number[0])]


def _duration(text: str) -> int:
    found = _DURATION.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found is not None else (0, 0, 0)
    seconds = days * 86_400 + hours * 3_600 + minutes * 60
    if not DURATION_MIN_S <= seconds <= DURATION_MAX_S:
        raise InvalidExpression(text)
    return seconds
