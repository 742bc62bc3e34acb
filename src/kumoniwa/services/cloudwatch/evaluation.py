"""What the points of a metric say of an alarm: pure rules, with AWS's words for them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from typing import NamedTuple

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2
"""How many periods more than the alarm's own are looked at where some are missing: as many as in AWS's tables."""
COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
LOWER, UPPER, OUTSIDE = "LessThanLowerThreshold", "GreaterThanUpperThreshold", "LessThanLowerOrGreaterThanUpperThreshold"
RANGES = (LOWER, UPPER, OUTSIDE)
"""Comparisons with a band."""


class Point(NamedTuple):
    at: int
    value: float | None
    """None if it is missing."""
    count: float | None = None
    """Of how many values it is made, where that is known."""
    lower: float = 0.0
    upper: float = 0.0
    """The band in which it was expected, where there is one."""


class Terms(NamedTuple):
    comparison: str
    threshold: float
    """Nought where there is a band."""
    periods: int
    """The N of M of N."""
    breaching: int
    """The M."""
    says_out_of: bool
    """Whether M was said."""
    missing: str
    """How a missing point is treated."""


class Verdict(NamedTuple):
    state: str | None
    """None: as it was."""
    reason: str
    evaluated: tuple[Point, ...]
    """From the latest to the earliest."""


def verdict(terms: Terms, points: list[Point]) -> Verdict:
    """``points`` are those of the alarm's periods and the extra ones before them, from the earliest to the latest."""
    real = [point for point in points if point.value is not None]
    if len(real) >= terms.periods:
        return _counted(terms, real[-terms.periods :], 0)
    fill = terms.periods - len(real)
    if terms.missing in ("breaching", "notBreaching"):
        if not real:
            return _of_nothing(terms, points[-terms.periods :])
        return _counted(terms, real, fill)
    if not real:
        evaluated = tuple(points[-terms.periods :][::-1])
        if terms.missing == "ignore":
            return Verdict(None, "", evaluated)
        count = terms.periods
        return Verdict(UNKNOWN, f"Insufficient Data: {count} datapoint{'s were' if count > 1 else ' was'} unknown.", evaluated)
    return _of_some(terms, points, real)


def _breaches(terms: Terms, point: Point) -> bool:
    if terms.comparison in RANGES:
        is_below, is_above = point.value < point.lower, point.value > point.upper
        return is_below and terms.comparison != UPPER or is_above and terms.comparison != LOWER
    return COMPARISONS[terms.comparison][0](point.value, terms.threshold)


def _of_some(terms: Terms, points: list[Point], real: list[Point]) -> Verdict:
    """Fewer points than the alarm wants, and what is missing counts for nothing."""
    breaching = [point for point in real if _breaches(terms, point)]
    if len(breaching) >= terms.breaching:
        return _said(terms, ALARM, breaching, real, "")
    if len(breaching) < len(real):
        return _said(terms, OK, [point for point in real if not _breaches(terms, point)], real, "")
    # An alarm goes off early if the oldest breaching point is old enough and all that came after it breach or are missing.
    age = len(points) - points.index(breaching[0])
    if terms.missing == "missing" and age >= terms.breaching:
        return _said(terms, ALARM, breaching, real, "")
    return Verdict(None, "", tuple(real[::-1]))


def _counted(terms: Terms, real: list[Point], fill: int) -> Verdict:
    breaching = [point for point in real if _breaches(terms, point)]
    is_filled_breaching = terms.missing == "breaching"
    count = len(breaching) + (fill if is_filled_breaching else 0)
    tail = ""
    if fill:
        kind = "Breaching" if is_filled_breaching else "NonBreaching"
        tail = f" and {fill} missing datapoint{'s were' if fill > 1 else ' was'} treated as [{kind}]"
    if count >= terms.breaching:
        return _said(terms, ALARM, breaching, real, tail if is_filled_breaching else "")
    return _said(terms, OK, [point for point in real if not _breaches(terms, point)], real, "" if is_filled_breaching else tail)


def _of_nothing(terms: Terms, points: list[Point]) -> Verdict:
    """Recorded: localstack's test_breaching_alarm_actions."""
    count = terms.periods
    kind, state = ("Breaching", ALARM) if terms.missing == "breaching" else ("NonBreaching", OK)
    periods, points_said = (f"{count} periods", f"{count} missing datapoints were") if count > 1 else ("1 period", "1 missing datapoint was")
    reason = f"Threshold Crossed: no datapoints were received for {periods} and {points_said} treated as [{kind}]."
    return Verdict(state, reason, tuple(points[::-1]))


def _said(terms: Terms, state: str, telling: list[Point], real: list[Point], tail: str) -> Verdict:
    is_range = terms.comparison in RANGES
    shown = ", ".join(f"{point.value} ({time.strftime('%d/%m/%y %H:%M:%S', time.gmtime(point.at))})" for point in telling[::-1])
    says_out_of = terms.says_out_of or is_range
    is_one = len(telling) == 1 and not says_out_of
    negation = "" if state == ALARM else "not "
    count = f"{len(telling)} out of the last {terms.periods} datapoints" if says_out_of else f"{len(telling)} datapoint{'' if is_one else 's'}"
    verb = "was" if len(telling) == 1 else "were"
    end = ""
    if says_out_of:
        needed = terms.breaching if state == ALARM else terms.periods - terms.breaching + 1
        change = "OK -> ALARM" if state == ALARM else "ALARM -> OK"
        end = f" (minimum {needed} datapoint{'s' if needed > 1 else ''} for {change} transition)"
    if not telling:
        # Only what is missing decided.
        return Verdict(state, f"Threshold Crossed:{tail.removeprefix(' and')}.", tuple(real[::-1]))
    if is_range:
        return Verdict(
            state, f"Thresholds Crossed: {count} [{shown}] {verb} {_beyond(terms, telling[::-1], negation)}{end}{tail}.", tuple(real[::-1])
        )
    words = COMPARISONS[terms.comparison][1]
    reason = f"Threshold Crossed: {count} [{shown}] {verb} {negation}{words} the threshold ({terms.threshold}){end}{tail}."
    return Verdict(state, reason, tuple(real[::-1]))


def _beyond(terms: Terms, telling: list[Point], negation: str) -> str:
    """As https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html shows it of both ends."""
    low = f"{negation}less than the lower thresholds [{', '.join(str(point.lower) for point in telling)}]"
    high = f"{negation}greater than the upper thresholds [{', '.join(str(point.upper) for point in telling)}]"
    return {LOWER: low, UPPER: high, OUTSIDE: f"{low} or {high}"}[terms.comparison]


def samples_needed(percent: float) -> float:
    """Below so many values a percentile is not statistically significant.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html"""
    share = percent / 100
    if not 0 < share < 1:
        return 0.0
    return round(10 / (1 - share) if share >= 0.5 else 10 / share, 6)
