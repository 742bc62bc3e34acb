"""The band of an anomaly detector: what it expects of its metric or expression, from a model of its past.

What is kept of a detector is when it was trained: the model (``languages.metric_band``) follows from the data of two weeks before, and is made
in memory for each period that somebody asks about.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import UTC
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages import metric_band, metric_math, metric_select
from kumoniwa.languages.metric_band import Model
from kumoniwa.languages.metric_math_run import Series, Value

PENDING = "PENDING_TRAINING"
DENSE_S, APART = 300, 7
"""Of periods shorter than five minutes each seventh is enough, and in turn all minutes of an hour are seen."""

Ask = Callable[[Call, list[dict[str, Any]], float, float, str], Value]
"""Answers queries between two moments: what the one of an id comes to."""


class Detector(Record):
    """Shelved by ``key_of`` what it watches."""

    id: str
    kind: str
    queries: list[dict[str, Any]]
    """The one metric, or the expression and what it refers to."""
    shown: str
    """The id of the query whose values are learned."""
    configuration: dict[str, Any]
    characteristics: dict[str, Any]
    due: float
    """When it is trained next."""
    trained: float = 0.0
    state: str = PENDING


class Models:
    """Models of this life of the region, by detector and period, with when their detector was trained."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], tuple[float, Model | None]] = {}


def key_of(queries: list[dict[str, Any]], shown: str) -> str:
    """Whoever asks for the same values asks for the same detector, whatever their period, and whatever the id of one metric."""
    names: dict[str, str] = {}
    by_id = {query["Id"]: query for query in queries}

    def told(id_: str) -> Any:
        query = by_id.get(id_)
        if query is None or id_ in names:
            return names.get(id_, id_)
        names[id_] = f"q{len(names)}"
        if "MetricStat" in query:
            stat = query["MetricStat"]
            asked = stat["Metric"]
            dimensions = sorted((each["Name"], each["Value"]) for each in asked.get("Dimensions") or ())
            return [names[id_], asked.get("Namespace"), asked.get("MetricName"), dimensions, stat["Stat"]]
        text = query["Expression"]
        referred = [] if metric_select.is_query(text) else sorted(metric_math.names_in(metric_math.parse(text)))
        return [names[id_], "".join(text.split()), [[each, told(each)] for each in referred]]

    return orjson.dumps(told(shown)).decode()


def zone_of(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def made(call: Call, detector: Detector, period: int, until: float, ask: Ask) -> Model | None:
    queries = [_over(query, period) for query in detector.queries]
    value = ask(call, queries, until - metric_band.TRAINED_ON_S, until, detector.shown)
    if not isinstance(value, Series):
        return None
    apart = APART if period < DENSE_S else 1
    points = {at: held for at, held in value.points.items() if at // period % apart == 0}
    excluded = [(each["StartTime"], each["EndTime"]) for each in detector.configuration.get("ExcludedTimeRanges") or ()]
    named = detector.configuration.get("MetricTimezone")
    zone = zone_of(named) if named else None
    return metric_band.trained(points, excluded, zone or UTC, has_spikes=bool(detector.characteristics.get("PeriodicSpikes")))


def _over(query: dict[str, Any], period: int) -> dict[str, Any]:
    if "MetricStat" in query:
        return {**query, "MetricStat": {**query["MetricStat"], "Period": period}}
    return {**query, "Period": period}


def band(
    call: Call, queries: dict[str, dict[str, Any]], shown: str, period: int, times: range, width: float, ask: Ask
) -> tuple[dict[int, float], dict[int, float]]:
    """The most and the least that is expected at these times of what a query shows; nothing without a detector, or while it knows too little."""
    detector = call.shelf(Detector).get(key_of(list(queries.values()), shown))
    upper: dict[int, float] = {}
    lower: dict[int, float] = {}
    if detector is None or not detector.trained:
        return upper, lower
    models = call.memory(Models).held
    held = models.get((detector.id, period))
    if held is None or held[0] != detector.trained:
        held = models[detector.id, period] = detector.trained, made(call, detector, period, detector.trained, ask)
    if held[1] is not None:
        for at in times:
            expected = held[1].at(at, width)
            if expected is not None:
                lower[at], upper[at] = expected
    return upper, lower
