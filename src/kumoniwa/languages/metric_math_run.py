"""What metric math comes to: a number, a time series, or an array of them.

An operation on two series makes points only where both have one, and a value that is none (a division by nought) makes no point.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#using-metric-math-functions-list
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from kumoniwa.languages.metric_math import (
    Binary,
    InvalidExpression,
    Listed,
    Name,
    Node,
    Number,
    Text,
    Unary,
)


class Series(NamedTuple):
    points: dict[int, float]
    """Values by their times, in ascending order."""
    period: int
    label: str = ""
    id: str = ""


Value = float | Series | list[Series]


class Unbuilt(InvalidExpression):
    """A function of AWS's that is not done here: its name."""


class World(Protocol):
    """What an expression can refer to."""

    start: int
    end: float
    period: int

    def named(self, name: str) -> Value: ...
    def metrics(self, part: str) -> list[Series]: ...
    def search(self, text: str, statistic: str, period: int) -> list[Series]: ...
    def band(self, name: str, width: float) -> list[Series]: ...
    def insight(self, rule: str, figure: str) -> Series: ...


UNBUILT = frozenset({"SERVICE_QUOTA", "DB_PERF_INSIGHTS", "LAMBDA"})


def run(node: Node, world: World) -> Value:
    """Raises InvalidExpression if it cannot be."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return world.named(node.value)
    if isinstance(node, Listed):
        return [series for item in node.items for series in _array(run(item, world))]
    if isinstance(node, Unary):
        return _each(run(node.operand, world), operator.neg)
    if isinstance(node, Binary):
        return _combined(node.operator, run(node.left, world), run(node.right, world))
    if isinstance(node, Text):
        raise InvalidExpression(f"Unsupported operand '{node.value}'")
    if node.name in UNBUILT:
        raise Unbuilt(node.name)
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise InvalidExpression(f"Unsupported function '{node.name}'")
    return function(world, node.arguments)


# Operators ------------------------------------------------------------------------------------------------


_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "^": lambda a, b: math.pow(a, b),
    "==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b), "<": lambda a, b: float(a < b), ">": lambda a, b: float(a > b),
    "<=": lambda a, b: float(a <= b), ">=": lambda a, b: float(a >= b), "AND": lambda a, b: float(bool(a) and bool(b)),
    "OR": lambda a, b: float(bool(a) or bool(b)),
}  # fmt: skip


def _kept(points: Iterable[tuple[int, float | None]]) -> dict[int, float]:
    return {at: value for at, value in points if value is not None and math.isfinite(value)}


def _safely(function: Callable[..., float]) -> Callable[..., float | None]:
    def act(*values: float) -> float | None:
        try:
            return function(*values)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None

    return act


def _combined(sign: str, left: Value, right: Value) -> Value:
    act = _safely(_OPERATORS[sign])
    if isinstance(left, list) and isinstance(right, list):
        raise InvalidExpression(f"Unsupported operand types for {sign}: two arrays of time series")
    if isinstance(left, list):
        return [_combined(sign, series, right) for series in left]
    if isinstance(right, list):
        return [_combined(sign, left, series)._replace(label=series.label, id=series.id) for series in right]
    if isinstance(left, Series) and isinstance(right, Series):
        both = ((at, act(value, right.points[at])) for at, value in left.points.items() if at in right.points)
        return left._replace(points=_kept(both), period=max(left.period, right.period))
    if isinstance(left, Series):
        return left._replace(points=_kept((at, act(value, right)) for at, value in left.points.items()))
    if isinstance(right, Series):
        return right._replace(points=_kept((at, act(left, value)) for at, value in right.points.items()))
    value = act(left, right)
    return math.nan if value is None else value


def _each(value: Value, function: Callable[[float], float]) -> Value:
    act = _safely(function)
    if isinstance(value, list):
        return [_each(series, function) for series in value]
    if isinstance(value, Series):
        return value._replace(points=_kept((at, act(held)) for at, held in value.points.items()))
    changed = act(value)
    return math.nan if changed is None else changed


def _array(value: Value) -> list[Series]:
    if isinstance(value, Series):
        return [value]
    if isinstance(value, list):
        return value
    raise InvalidExpression("Unsupported operand type: a number where time series are wanted")


# Functions -------------------------------------------------------------------------------------------------


def _arguments(arguments: tuple[Node, ...], least: int, most: int, name: str) -> None:
    if not least <= len(arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise InvalidExpression(f"Unsupported number of arguments for {name}: {len(arguments)}, must be: {wanted}")


def _pointwise(name: str, function: Callable[[float], float]) -> Callable:
    def act(world: World, arguments: tuple[Node, ...]) -> Value:
        _arguments(arguments, 1, 1, name)
        return _each(run(arguments[0], world), function)

    return act


def _stddev(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


REDUCERS: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values), "SUM": math.fsum, "MIN": min, "MAX": max, "STDDEV": _stddev,
    "DATAPOINT_COUNT": lambda values: float(len(values)),
}  # fmt: skip


def _reducing(name: str, reduce: Callable[[list[float]], float]) -> Callable:
    """Of one series a number; of an array a series, point by point over those that have one."""

    def act(world: World, arguments: tuple[Node, ...]) -> Value:
        _arguments(arguments, 1, 1, name)
        value = run(arguments[0], world)
        if isinstance(value, list):
            gathered: dict[int, list[float]] = {}
            for series in value:
                for at, held in series.points.items():
                    gathered.setdefault(at, []).append(held)
            period = max((series.period for series in value), default=world.period)
            return Series({at: reduce(gathered[at]) for at in sorted(gathered)}, period)
        if isinstance(value, Series):
            if not value.points:
                return 0.0 if name == "DATAPOINT_COUNT" else math.nan
            return reduce(list(value.points.values()))
        return value

    return act


def _stepping(name: str, step: Callable[[float, float, int], float]) -> Callable:
    """Each point from the one before it, so that the first makes none."""

    def of(series: Series) -> Series:
        held = list(series.points.items())
        return series._replace(points=_kept((at, step(before, value, at - earlier)) for (earlier, before), (at, value) in zip(held, held[1:])))

    def act(world: World, arguments: tuple[Node, ...]) -> Value:
        _arguments(arguments, 1, 1, name)
        value = run(arguments[0], world)
        return [of(series) for series in value] if isinstance(value, list) else of(*_array(value))

    return act


def _running_sum(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 1, 1, "RUNNING_SUM")

    def of(series: Series) -> Series:
        total, points = 0.0, {}
        for at, value in series.points.items():
            total += value
            points[at] = total
        return series._replace(points=points)

    value = run(arguments[0], world)
    return [of(series) for series in value] if isinstance(value, list) else of(*_array(value))


def _grid(world: World, period: int) -> range:
    return range(world.start, math.ceil(world.end), period)


def _fill(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 2, 2, "FILL")
    value, how = run(arguments[0], world), arguments[1]
    filler: Any = how.value if isinstance(how, Name) and how.value in ("REPEAT", "LINEAR") else run(how, world)
    if isinstance(filler, list):
        raise InvalidExpression("Unsupported operand type for FILL: an array of time series")
    if isinstance(value, list):
        return [_filled(series, filler, _grid(world, series.period)) for series in value]
    return _filled(*_array(value), filler, _grid(world, _array(value)[0].period))


def _filled(series: Series, filler: Any, grid: range) -> Series:
    if filler == "LINEAR":
        return series._replace(points=_interpolated(series.points, grid))
    points, last = {}, None
    for at in grid:
        value = last = series.points.get(at, last if filler == "REPEAT" else None)
        if value is None:
            value = filler.points.get(at) if isinstance(filler, Series) else filler if filler != "REPEAT" else None
        if value is not None:
            points[at] = value
    return series._replace(points=points)


def _interpolated(held: dict[int, float], grid: range) -> dict[int, float]:
    """Missing points on the line between those around them; at the ends there is no line."""
    points, times = {}, list(held)
    behind = 0
    for at in grid:
        while behind < len(times) and times[behind] < at:
            behind += 1
        if at in held:
            points[at] = held[at]
        elif 0 < behind < len(times):
            earlier, later = times[behind - 1], times[behind]
            points[at] = held[earlier] + (held[later] - held[earlier]) * (at - earlier) / (later - earlier)
    return points


def _if(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 2, 3, "IF")
    condition, *choices = (run(argument, world) for argument in arguments)
    if any(isinstance(value, list) for value in (condition, *choices)):
        raise InvalidExpression("Unsupported operand type for IF: an array of time series")
    involved = [value for value in (condition, *choices) if isinstance(value, Series)]
    if not involved:
        return choices[0] if condition else choices[1] if len(choices) > 1 else math.nan
    period = max(series.period for series in involved)
    times = condition.points if isinstance(condition, Series) else sorted({at for series in involved for at in series.points})
    points = {}
    for at in times:
        holds = condition.points[at] if isinstance(condition, Series) else condition
        choice: Any = choices[0] if holds else choices[1] if len(choices) > 1 else None
        value = choice.points.get(at) if isinstance(choice, Series) else choice
        if value is not None and math.isfinite(value):
            points[at] = value
    return Series(points, period, involved[0].label)


_DATES: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda at: at.minute, "HOUR": lambda at: at.hour, "DAY": lambda at: at.isoweekday(), "DATE": lambda at: at.day,
    "MONTH": lambda at: at.month, "YEAR": lambda at: at.year, "EPOCH": lambda at: at.timestamp(),
}  # fmt: skip


def _dated(name: str, read: Callable[[datetime], float]) -> Callable:
    """A series without gaps over the period and range of another, whatever that one's values are."""

    def act(world: World, arguments: tuple[Node, ...]) -> Value:
        _arguments(arguments, 1, 1, name)
        value = run(arguments[0], world)
        (series,) = _array(value) if not isinstance(value, list) else (_one(value, name),)
        return series._replace(points={at: float(read(datetime.fromtimestamp(at, UTC))) for at in _grid(world, series.period)})

    return act


def _one(value: list[Series], name: str) -> Series:
    if len(value) == 1:
        return value[0]
    raise InvalidExpression(f"Unsupported operand type for {name}: an array of time series")


def _end_of(name: str, place: int) -> Callable:
    def act(world: World, arguments: tuple[Node, ...]) -> Value:
        _arguments(arguments, 1, 1, name)
        array = _array(run(arguments[0], world))
        return array[place] if array else Series({}, world.period)

    return act


def _metrics(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 0, 1, "METRICS")
    if arguments and not isinstance(arguments[0], Text):
        raise InvalidExpression("Unsupported operand type for METRICS: must be a string")
    return world.metrics(arguments[0].value if arguments else "")


def _search(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 2, 3, "SEARCH")
    if not isinstance(arguments[0], Text) or not isinstance(arguments[1], Text):
        raise InvalidExpression("Unsupported operand type for SEARCH: must be a string")
    period = run(arguments[2], world) if len(arguments) > 2 else world.period
    if not isinstance(period, float | int) or period < 1 or period != int(period):
        raise InvalidExpression("Unsupported period for SEARCH")
    return world.search(arguments[0].value, arguments[1].value, int(period))


BAND_WIDTH = 2.0
"""How many standard deviations a band reaches to each side if nobody says."""


def _band(world: World, arguments: tuple[Node, ...]) -> Value:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#using-anomaly-detection-on-metric-math"""
    _arguments(arguments, 1, 2, "ANOMALY_DETECTION_BAND")
    if not isinstance(arguments[0], Name):
        raise Unbuilt("ANOMALY_DETECTION_BAND over an expression without an id of its own")
    width = run(arguments[1], world) if len(arguments) > 1 else BAND_WIDTH
    if not isinstance(width, float) or not width > 0:
        raise InvalidExpression("Unsupported operand type for ANOMALY_DETECTION_BAND: must be a number greater than 0")
    return world.band(arguments[0].value, width)


def _insight(world: World, arguments: tuple[Node, ...]) -> Value:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights-GraphReportData.html"""
    _arguments(arguments, 2, 2, "INSIGHT_RULE_METRIC")
    rule, figure = arguments
    if not isinstance(rule, Text) or not isinstance(figure, Text | Name):
        raise InvalidExpression("Unsupported operand type for INSIGHT_RULE_METRIC: must be a string")
    return world.insight(rule.value, figure.value)


def _slice(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 2, 3, "SLICE")
    array, *ends = (run(argument, world) for argument in arguments)
    if any(not isinstance(end, float) or math.isnan(end) for end in ends):
        raise InvalidExpression("Unsupported operand type for SLICE: must be a number")
    return _array(array)[int(ends[0]) : int(ends[1]) if len(ends) > 1 else None]


def _sort(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 3, 4, "SORT")
    by, order = (argument.value if isinstance(argument, Name) else "" for argument in arguments[1:3])
    if by not in REDUCERS or order not in ("ASC", "DESC"):
        raise InvalidExpression("Unsupported arguments for SORT: must be a function, and ASC or DESC")
    array = _array(run(arguments[0], world))
    full = [series for series in array if series.points]
    full.sort(key=lambda series: REDUCERS[by](list(series.points.values())), reverse=order == "DESC")
    ordered = full + [series for series in array if not series.points]
    if len(arguments) == 4:
        limit = run(arguments[3], world)
        if not isinstance(limit, float):
            raise InvalidExpression("Unsupported operand type for SORT: must be a number")
        return ordered[: int(limit)]
    return ordered


def _time_series(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 1, 1, "TIME_SERIES")
    value = run(arguments[0], world)
    if isinstance(value, Series | list):
        raise InvalidExpression("Unsupported operand type for TIME_SERIES: must be a number")
    return Series(_kept((at, value) for at in _grid(world, world.period)), world.period)


def _period(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 1, 1, "PERIOD")
    return float(_one(_array(run(arguments[0], world)), "PERIOD").period)


def _count(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 1, 1, "METRIC_COUNT")
    return float(len(_array(run(arguments[0], world))))


def _remove_empty(world: World, arguments: tuple[Node, ...]) -> Value:
    _arguments(arguments, 1, 1, "REMOVE_EMPTY")
    return [series for series in _array(run(arguments[0], world)) if series.points]


FUNCTIONS: dict[str, Callable[[World, tuple[Node, ...]], Value]] = {
    "ABS": _pointwise("ABS", abs), "CEIL": _pointwise("CEIL", lambda value: float(math.ceil(value))),
    "FLOOR": _pointwise("FLOOR", lambda value: float(math.floor(value))), "LOG": _pointwise("LOG", math.log),
    "LOG10": _pointwise("LOG10", math.log10),
    **{name: _reducing(name, reduce) for name, reduce in REDUCERS.items()},
    "DIFF": _stepping("DIFF", lambda before, value, seconds: value - before),
    "DIFF_TIME": _stepping("DIFF_TIME", lambda before, value, seconds: float(seconds)),
    "RATE": _stepping("RATE", lambda before, value, seconds: (value - before) / seconds),
    **{name: _dated(name, read) for name, read in _DATES.items()},
    "FIRST": _end_of("FIRST", 0), "LAST": _end_of("LAST", -1), "RUNNING_SUM": _running_sum, "FILL": _fill, "IF": _if,
    "ANOMALY_DETECTION_BAND": _band, "INSIGHT_RULE_METRIC": _insight, "METRICS": _metrics, "SEARCH": _search, "SLICE": _slice,
    "SORT": _sort, "TIME_SERIES": _time_series, "PERIOD": _period,
    "METRIC_COUNT": _count, "REMOVE_EMPTY": _remove_empty,
}  # fmt: skip
