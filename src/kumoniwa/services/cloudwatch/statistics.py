"""GetMetricStatistics: the older question, for one metric and any of its statistics, each unit on its own."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.metric_statistic import PLAIN, InvalidStatistic, Sample, Statistic, statistic
from kumoniwa.services.cloudwatch import metric, series
from kumoniwa.services.cloudwatch.errors import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
)
from kumoniwa.services.cloudwatch.unit import UNITS

POINTS_MAX = 1440


def checked_period(period: int, what: str) -> int:
    if period not in (1, 5, 10, 30) and period % 60:
        raise InvalidParameterValueException(f"The parameter {what} must be 1, 5, 10, 30 or a multiple of 60.")
    return period


def GetMetricStatistics(
    call: Call,
    *,
    Namespace: str,
    MetricName: str,
    StartTime: float,
    EndTime: float,
    Period: int,
    Dimensions: list[dict[str, str]] | None = None,
    Statistics: list[str] | None = None,
    ExtendedStatistics: list[str] | None = None,
    Unit: str | None = None,
) -> dict | Coroutine[Any, Any, dict]:
    """Points in the order of their times, which AWS does not promise."""
    if int(StartTime) >= int(EndTime):
        raise InvalidParameterValueException("The parameter StartTime must be less than the parameter EndTime.")
    if not Statistics and not ExtendedStatistics:
        raise InvalidParameterCombinationException("Must specify either Statistics or ExtendedStatistics")
    checked_period(Period, "Period")
    if (count := int((EndTime - StartTime) / Period)) > POINTS_MAX:
        raise InvalidParameterCombinationException(
            f"You have requested up to {count} datapoints, which exceeds the limit of {POINTS_MAX}. You may reduce the datapoints "
            "requested by increasing Period, or decreasing the time range."
        )
    extended = {text: _extended(text) for text in ExtendedStatistics or ()}

    def answer() -> dict[str, Any]:
        metric.fold(call)
        found = metric.find(call, Namespace, MetricName, Dimensions)
        points: list[dict[str, Any]] = []
        if found is not None:
            id_, units = found
            now = call.now()
            start = series.origin(StartTime, Period, now)
            for number, name in enumerate(UNITS):
                if units >> number & 1 and Unit in (None, name):
                    held = series.samples(call, id_, number, start, EndTime, Period, now, with_spread=bool(extended))
                    points += [_point(at, sample, name, Statistics or (), extended) for at, sample in held.items()]
        points.sort(key=lambda point: point["Timestamp"])
        return {"Label": MetricName, "Datapoints": points}

    return metric.fresh(call, answer)


def _extended(text: str) -> Statistic:
    try:
        read = statistic(text)
    except InvalidStatistic:
        read = None
    if read is None or text in PLAIN:
        raise InvalidParameterValueException(f"The value {text} for parameter ExtendedStatistics is not supported.")
    return read


def _point(at: int, sample: Sample, unit: str, plain: Any, extended: dict[str, Statistic]) -> dict[str, Any]:
    point: dict[str, Any] = {"Timestamp": float(at), "Unit": unit}
    for name in plain:
        point[name] = Statistic(name).of(sample)
    if extended:
        told = {text: asked.of(sample) for text, asked in extended.items()}
        point["ExtendedStatistics"] = {text: value for text, value in told.items() if value is not None}
    return point
