"""Schedules as EventBridge spells them: ``cron(0 20 * * ? *)``, ``rate(5 minutes)`` and, for its Scheduler, ``at(2027-01-01T00:00:00)``.

An expression is compiled into a ``Schedule``, which answers when it fires next after an instant.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

YEAR_MIN, YEAR_MAX = 1970, 2199
_UNIT_S = {"minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_KEYWORD = re.compile(r"(?:at|rate|cron)(?=\()", re.IGNORECASE)
_SHORT_CRON = re.compile(r"cron\((\S+ \S+ \S+ \S+ \S+)\)")
_SHORT_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


class InvalidExpression(ValueError):
    """Not a schedule."""


class Rate(NamedTuple):
    every_s: int

    def after(self, instant: float, *, anchored: float) -> float | None:
        """The first multiple of the rate, counted from ``anchored``, that lies behind ``instant``."""
        return anchored + (max(0, int((instant - anchored) // self.every_s)) + 1) * self.every_s


class At(NamedTuple):
    instant: float

    def after(self, instant: float, *, anchored: float = 0.0) -> float | None:
        return self.instant if self.instant > instant else None


class Cron(NamedTuple):
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    months: tuple[int, ...]
    weekdays: str
    years: tuple[int, ...]
    zone: tzinfo

    def after(self, instant: float, *, anchored: float = 0.0) -> float | None:
        """The first whole minute behind ``instant`` that the fields name; None if there is none any more.

        A time that a change of the clock leaves out is taken where the clock lands; one that comes twice is taken the first time.
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
        """
        local = datetime.fromtimestamp(instant, self.zone)
        today = local.date()
        for year in self.years:
            if year < today.year:
                continue
            for month in self.months:
                if (year, month) < (today.year, today.month):
                    continue
                for day in sorted(self._days(year, month)):
                    if (year, month, day) < (today.year, today.month, today.day):
                        continue
                    for hour in self.hours:
                        for minute in self.minutes:
                            at = datetime(year, month, day, hour, minute, tzinfo=self.zone).timestamp()
                            if at > instant:
                                return at
        return None

    def _days(self, year: int, month: int) -> set[int]:
        return _of_weekdays(self.weekdays, year, month) if self.days == "?" else _of_month(self.days, year, month)


Schedule = Rate | At | Cron


@lru_cache(maxsize=1024)
def of_rule(text: str) -> Rate | Cron:
    """The schedule of a rule, which knows rates and UTC only. Raises InvalidExpression."""
    if text.startswith("rate("):
        return _rate(text)
    return _cron(text, UTC)


def in_full(text: str) -> str:
    """What the Scheduler itself takes besides: keywords in any letters, an ``at`` without seconds, a ``cron`` without a year.
    https://github.com/badmintoncryer/cdk-preflight measured it (pf-scheduler-schedule-expression)."""
    text = _KEYWORD.sub(lambda found: found[0].lower(), text, count=1)
    if found := _SHORT_AT.fullmatch(text):
        return f"at({found[1]}:00)"
    return _SHORT_CRON.sub(r"cron(\1 *)", text)


@lru_cache(maxsize=1024)
def of_scheduler(text: str, zone: tzinfo = UTC) -> Schedule:
    """The schedule of EventBridge Scheduler and of those that spell theirs as it does, told in a time zone. Raises InvalidExpression."""
    found = _AT.fullmatch(text)
    if found is None:
        return _rate(text, is_strict=False) if text.startswith("rate(") else _cron(text, zone)
    try:
        return At(datetime.fromisoformat(found[1]).replace(tzinfo=zone).timestamp())
    except ValueError:
        raise InvalidExpression(text) from None


def _rate(text: str, *, is_strict: bool = True) -> Rate:
    """Rules want the number of the unit to agree with the value; the Scheduler's pages do not ask for it."""
    found = _RATE.fullmatch(text)
    if found is None or int(found[1]) == 0 or (is_strict and (int(found[1]) == 1) != (found[3] == "")):
        raise InvalidExpression(text)
    return Rate(int(found[1]) * _UNIT_S[found[2]])


def _cron(text: str, zone: tzinfo) -> Cron:
    found = _CRON.fullmatch(text)
    if found is None:
        raise InvalidExpression(text)
    minutes, hours, days, months, weekdays, years = (part.upper() for part in found.groups())
    if (days == "?") == (weekdays == "?"):
        raise InvalidExpression("one of day-of-month and day-of-week is ?, and only one")
    cron = Cron(
        _numbers(minutes, 0, 59), _numbers(hours, 0, 23), days, _numbers(months, 1, 12, _MONTHS), weekdays,
        _numbers(years, YEAR_MIN, YEAR_MAX), zone,
    )  # fmt: skip
    cron._days(2024, 2)
    return cron


def _numbers(text: str, low: int, high: int, names: list[str] | None = None) -> tuple[int, ...]:
    """The values of a field of numbers, ranges and steps, in order."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if slash and not (step.isdecimal() and 0 < int(step) <= high):
            raise InvalidExpression(text)
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, low, high, names)
            end = _number(last, low, high, names) if dash else high if slash else start
        if end < start:  # FRI-MON
            found.update(each for each in (*range(start, high + 1), *range(low, end + 1)) if not slash)
            if slash:
                raise InvalidExpression(text)
        else:
            found.update(range(start, end + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _number(text: str, low: int, high: int, names: list[str] | None) -> int:
    if names is not None and text in names:
        return names.index(text) + low
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or not low <= int(text) <= high:
        raise InvalidExpression(text)
    return int(text)


def _of_month(text: str, year: int, month: int) -> set[int]:
    """The days of a month that the day-of-month field names: ``L`` is its last, ``15W`` the weekday nearest to the 15th."""
    length = calendar.monthrange(year, month)[1]
    found: set[int] = set()
    for part in text.split(","):
        if part == "L":
            found.add(length)
        elif part.endswith("W") and len(part) > 1:
            day = length if part == "LW" else _number(part[:-1], 1, 31, None)
            if day <= length:
                found.add(_nearest_weekday(year, month, day, length))
        else:
            found.update(day for day in _numbers(part, 1, 31) if day <= length)
    return found


def _nearest_weekday(year: int, month: int, day: int, length: int) -> int:
    weekday = date(year, month, day).weekday()
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < length else day - 2
    return day


def _of_weekdays(text: str, year: int, month: int) -> set[int]:
    """The days of a month that the day-of-week field names (1 is Sunday): ``6L`` is the last Friday, ``3#2`` the second Tuesday."""
    length = calendar.monthrange(year, month)[1]
    first = date(year, month, 1).isoweekday() % 7 + 1
    found: set[int] = set()
    for part in text.split(","):
        if part == "L":
            found.update(_each(7, first, length))
        elif part.endswith("L"):
            found.add(_each(_number(part[:-1], 1, 7, _DAYS), first, length)[-1])
        elif "#" in part:
            day, _, number = part.partition("#")
            which = _each(_number(day, 1, 7, _DAYS), first, length)
            found.update(which[_number(number, 1, 5, None) - 1 :][:1])
        else:
            for weekday in _numbers(part, 1, 7, _DAYS):
                found.update(_each(weekday, first, length))
    return found


def _each(weekday: int, first: int, length: int) -> list[int]:
    return list(range((weekday - first) % 7 + 1, length + 1, 7))
