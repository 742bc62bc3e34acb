"""What ``stats`` computes of the events of a group: each takes the events in portions and gives one value in the end.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from kumoniwa.languages.insights.expression import AT, Compiled, Read, Row, Scope, compiled
from kumoniwa.languages.insights.period import span_ms
from kumoniwa.languages.insights.syntax import Call, Constant, Malformed, Period, Star
from kumoniwa.languages.insights.value import ANY, FIGURE, number, sort_key, spelled

_FIGURES = frozenset({int, float})


def _values(read: Read, rows: Iterable[Row]) -> list[Any]:
    return [value for value in map(read, rows) if value is not None]


def _figures(read: Read, rows: Iterable[Row]) -> list[Any]:
    values = _values(read, rows)
    if _FIGURES.issuperset(map(type, values)):
        return values
    return [figure for figure in map(number, values) if figure is not None]


class Aggregate:
    """Of one group. ``read`` reads what is aggregated; ``rank`` is the constant some take besides."""

    __slots__ = ("read", "held")
    initial: Any = 0

    def __init__(self, read: Read, rank: float) -> None:
        self.read, self.held = read, self.initial

    def take(self, rows: list[Row]) -> None:
        raise NotImplementedError

    def value(self) -> Any:
        return self.held


class CountAll(Aggregate):
    __slots__ = ()

    def take(self, rows: list[Row]) -> None:
        self.held += len(rows)


class Count(Aggregate):
    __slots__ = ()

    def take(self, rows: list[Row]) -> None:
        self.held += len(_values(self.read, rows))


class Distinct(Aggregate):
    """Values as they are spelled, each once."""

    __slots__ = ()

    def __init__(self, read: Read, rank: float) -> None:
        super().__init__(read, rank)
        self.held = set()

    def take(self, rows: list[Row]) -> None:
        self.held.update(value if type(value) is str else spelled(value) for value in _values(self.read, rows))


class CountDistinct(Distinct):
    __slots__ = ()

    def value(self) -> int:
        return len(self.held)


class Values(Distinct):
    """The values there are, each once, in natural order: in which AWS gives them it does not say."""

    __slots__ = ()

    def value(self) -> list[str] | None:
        return sorted(self.held, key=sort_key) or None


class Sum(Aggregate):
    __slots__ = ()
    initial = None

    def take(self, rows: list[Row]) -> None:
        if figures := _figures(self.read, rows):
            self.held = (self.held or 0) + sum(figures)


class Average(Aggregate):
    __slots__ = ()
    initial = (0, 0)

    def take(self, rows: list[Row]) -> None:
        figures = _figures(self.read, rows)
        count, total = self.held
        self.held = (count + len(figures), total + sum(figures))

    def value(self) -> Any:
        count, total = self.held
        return total / count if count else None


class Deviation(Aggregate):
    """Count, mean and the sum of squares from it, joined portion by portion (Chan)."""

    __slots__ = ()
    initial = (0, 0.0, 0.0)

    def take(self, rows: list[Row]) -> None:
        figures = _figures(self.read, rows)
        if not figures:
            return
        more = len(figures)
        mean = math.fsum(figures) / more
        squares = math.fsum((figure - mean) ** 2 for figure in figures)
        count, held_mean, held_squares = self.held
        whole, apart = count + more, mean - held_mean
        self.held = (whole, held_mean + apart * more / whole, held_squares + squares + apart * apart * count * more / whole)

    def value(self) -> Any:
        count, _, squares = self.held
        return math.sqrt(squares / count) if count else None


class Percentile(Aggregate):
    """The least value that so many percent do not exceed."""

    __slots__ = ("rank",)

    def __init__(self, read: Read, rank: float) -> None:
        super().__init__(read, rank)
        self.held, self.rank = [], rank

    def take(self, rows: list[Row]) -> None:
        self.held += _figures(self.read, rows)

    def value(self) -> Any:
        if not self.held:
            return None
        self.held.sort()
        return self.held[max(math.ceil(len(self.held) * self.rank / 100), 1) - 1]


class Extreme(Aggregate):
    """The first or last in natural order: what ``sortsFirst`` and ``sortsLast`` give, and ``min`` and ``max`` where they are no numbers."""

    __slots__ = ()
    initial = None
    choose: Callable[..., Any] = min
    is_numeric = False

    def take(self, rows: list[Row]) -> None:
        values = _values(self.read, rows)
        if not values:
            return
        if self.held is not None:
            values.append(self.held)
        if _FIGURES.issuperset(map(type, values)):
            self.held = type(self).choose(values)
            return
        if self.is_numeric and (figures := [figure for figure in map(number, values) if figure is not None]):
            self.held = type(self).choose(figures)
        else:
            self.held = type(self).choose(values, key=sort_key)


class SortsFirst(Extreme):
    __slots__ = ()


class SortsLast(Extreme):
    __slots__ = ()
    choose = max


class Least(Extreme):
    __slots__ = ()
    is_numeric = True


class Most(Extreme):
    __slots__ = ()
    choose, is_numeric = max, True


class Earliest(Aggregate):
    __slots__ = ()
    initial = None
    sign = -1

    def take(self, rows: list[Row]) -> None:
        sign = self.sign
        for row in rows:
            if (self.held is None or (row[AT] - self.held[0]) * sign > 0) and (value := self.read(row)) is not None:
                self.held = (row[AT], value)

    def value(self) -> Any:
        return self.held[1] if self.held is not None else None


class Latest(Earliest):
    __slots__ = ()
    sign = 1


class Rate(Aggregate):
    """From the earliest figure of a group to its latest, in so many milliseconds; zero where nothing lies between."""

    __slots__ = ("rank",)
    initial = None

    def __init__(self, read: Read, rank: float) -> None:
        super().__init__(read, rank)
        self.rank = rank

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            if (figure := number(self.read(row))) is not None:
                here = (row[AT], figure)
                first, last = self.held or (here, here)
                self.held = (here if here[0] < first[0] else first, here if here[0] >= last[0] else last)

    def value(self) -> Any:
        if self.held is None:
            return None
        (began, first), (ended, last) = self.held
        return (last - first) / (ended - began) * self.rank if ended > began else 0


class Known(NamedTuple):
    kind: type[Aggregate]
    gives: str = FIGURE


AGGREGATES = {
    "count": Known(Count), "count_over_time": Known(Count), "count_distinct": Known(CountDistinct), "countdistinct": Known(CountDistinct),
    "sum": Known(Sum),
    "values": Known(Values, ANY), "sum_over_time": Known(Sum), "countovertime": Known(Count), "sumovertime": Known(Sum),
    "rate": Known(Rate), "avg": Known(Average), "stddev": Known(Deviation), "pct": Known(Percentile),
    # A time comes out of these as the milliseconds it is.
    "min": Known(Least, ANY), "max": Known(Most, ANY), "earliest": Known(Earliest, ANY), "latest": Known(Latest, ANY),
    "sortsfirst": Known(SortsFirst, ANY), "sortslast": Known(SortsLast, ANY),
}  # fmt: skip


class Slot(NamedTuple):
    """One aggregate of a query."""

    make: Callable[[], Aggregate]
    gives: str


def slot(node: Call, scope: Scope) -> Slot:
    known = AGGREGATES[node.name]
    arguments = node.arguments
    if node.name in ("count", "count_over_time", "countovertime") and (not arguments or isinstance(arguments[0], Star)):
        return Slot(lambda: CountAll(lambda row: 1, 0.0), FIGURE)
    least = 2 if node.name in ("pct", "rate") else 1
    if len(arguments) != least or isinstance(arguments[0], Star):
        raise Malformed(f"Invalid number of arguments for function {node.name}", node.at, node.at + len(node.name))
    rank = 0.0
    if node.name == "pct":
        last = arguments[1]
        if not (isinstance(last, Constant) and isinstance(last.value, int | float) and 0 <= last.value <= 100):
            raise Malformed("pct takes a percentage from 0 to 100", node.at, node.at + len(node.name))
        rank = float(last.value)
    if node.name == "rate":
        span = span_ms(arguments[1]) if isinstance(arguments[1], Period) else None
        if span is None:
            raise Malformed("rate takes a period of a fixed length", node.at, node.at + len(node.name))
        rank = float(span)
    if issubclass(known.kind, Earliest | Rate) and not scope.has_time:
        raise Malformed("Unknown symbols found in or after stats: @timestamp", node.at, node.at + len(node.name))
    made: Compiled = compiled(arguments[0], scope)
    kind, read = known.kind, made.read
    return Slot(lambda: kind(read, rank), made.kind if known.gives == ANY and made.kind == FIGURE else known.gives)
