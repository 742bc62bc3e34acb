"""Spans of time, ``5m`` or ``1mo``, and the moments at which they begin."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kumoniwa.languages.insights.syntax import Malformed, Period
from kumoniwa.languages.insights.value import EPOCH

_UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), (1, 1000)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (1_000, 60)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), (60_000, 60)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), (3_600_000, 24)),
    **dict.fromkeys(("d", "day", "days"), (86_400_000, None)),
    **dict.fromkeys(("w", "week", "weeks"), (604_800_000, None)),
}
"""Milliseconds, and the most that AWS takes of a unit: ``bin(300s)`` is ``bin(60s)``.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html"""
_MONTHS = {
    **dict.fromkeys(("mo", "mos", "mon", "mons", "month", "months"), 1),
    **dict.fromkeys(("q", "qtr", "qtrs", "quarter", "quarters"), 3),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 12),
}
_WEEK_MS = 604_800_000
_MONDAY_MS = 4 * 86_400_000
"""The epoch began on a Thursday; weeks begin on Mondays."""
MONTHS_MAX = 12_000


def span_ms(period: Period) -> int | None:
    """Its length where it has one; None for months, which differ."""
    if period.unit in _UNITS and period.count > 0:
        unit_ms, most = _UNITS[period.unit]
        return unit_ms * min(period.count, most or 1_000_000)
    if period.unit in _MONTHS and 0 < period.count * _MONTHS[period.unit] <= MONTHS_MAX:
        return None
    raise Malformed(f"Invalid period: {period.count}{period.unit}")


def floored(period: Period) -> Callable[[float], int]:
    """What gives the moment at which the period of a moment began."""
    span = span_ms(period)
    if span is None:
        months = period.count * _MONTHS[period.unit]
        return lambda ms: _ms(_month(ms, months, 0))
    if span % _WEEK_MS == 0 and _UNITS[period.unit][0] == _WEEK_MS:
        return lambda ms: int(ms - (ms - _MONDAY_MS) % span)
    return lambda ms: int(ms - ms % span)


def raised(period: Period) -> Callable[[float], int]:
    """The same, of the moment at which the next one begins; a moment at which one begins stays."""
    floor, span = floored(period), span_ms(period)

    def up(ms: float) -> int:
        began = floor(ms)
        if began == ms:
            return began
        return began + span if span is not None else _ms(_month(ms, period.count * _MONTHS[period.unit], 1))

    return up


def earlier(period: Period | None, length_ms: int) -> Callable[[int], int]:
    """What moves a moment back: by a period, or without one by a length."""
    span = length_ms if period is None else span_ms(period)
    if span is not None:
        return lambda ms: ms - span
    months = period.count * _MONTHS[period.unit]

    def back(ms: int) -> int:
        at = EPOCH + timedelta(milliseconds=ms)
        count = at.year * 12 + at.month - 1 - months
        year, month = max(count // 12, 1), count % 12 + 1
        return _ms(at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1])))

    return back


def _month(ms: float, months: int, later: int) -> datetime:
    at = EPOCH + timedelta(milliseconds=ms)
    count = ((at.year * 12 + at.month - 1) // months + later) * months
    return datetime(max(count // 12, 1), count % 12 + 1, 1, tzinfo=UTC)


def _ms(at: datetime) -> int:
    return round((at - EPOCH).total_seconds() * 1000)
