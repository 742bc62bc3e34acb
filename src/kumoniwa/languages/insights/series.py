"""Commands that see all rows in their order: running sums, earlier values, gaps that are filled, sessions, outliers.

Each function gives what acts on the rows. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from kumoniwa.languages.insights.aside import Aside, Failed
from kumoniwa.languages.insights.expression import AT, MADE, Read, Row
from kumoniwa.languages.insights.syntax import Outlier
from kumoniwa.languages.insights.value import number, spelled
from kumoniwa.languages.policy_pattern import glob

Act = Callable[[list[Row]], list[Row]]
ADDED_MAX = 100_000
"""So many bins are added at most."""


def _made(row: Row, values: dict[str, Any]) -> None:
    row[MADE] = {**(row[MADE] or {}), **values}


def _added(found: int, values: dict[str, Any]) -> Row:
    """A row that is no event."""
    return [None, None, None, None, "", (None,) * found, values]


def total(values: list[Any]) -> float | int | None:
    figures = [figure for figure in map(number, values) if figure is not None]
    return sum(figures) if figures else None


def with_totals(summed: list[tuple[str, Read]], found: int) -> Act:
    """The rows as they are, and the sums of these fields beneath them."""

    def act(rows: list[Row]) -> list[Row]:
        sums: dict[str, list[Any]] = {name: [] for name, _ in summed}
        for row in rows:
            values = {name: read(row) for name, read in summed}
            _made(row, values)
            for name, value in values.items():
                sums[name].append(value)
        return [*rows, _added(found, {name: total(values) for name, values in sums.items()})]

    return act


def accumulated(read: Read, name: str) -> Act:
    def act(rows: list[Row]) -> list[Row]:
        held: Any = 0
        for row in rows:
            figure = number(read(row))
            held += figure or 0
            _made(row, {name: None if figure is None else held})
        return rows

    return act


def lagged(read: Read, names: tuple[tuple[str, int], ...]) -> Act:
    def act(rows: list[Row]) -> list[Row]:
        values = [read(row) for row in rows]
        for place, row in enumerate(rows):
            _made(row, {name: values[place - lag] if lag <= place else None for name, lag in names})
        return rows

    return act


def matching(pattern: str, names: list[str]) -> list[str]:
    return list(filter(glob(pattern), names))


def filled_down(reads: dict[str, Read]) -> Act:
    def act(rows: list[Row]) -> list[Row]:
        held: dict[str, Any] = {}
        for row in rows:
            held |= {name: value for name, read in reads.items() if (value := read(row)) is not None}
            _made(row, held)
        return rows

    return act


def filled_bins(name: str, keys: list[str], floor: Callable[[float], int], constants: dict[str, Any]) -> Act:
    """A row for each bin between the first and the last that has none, for each combination of the other keys."""

    def act(rows: list[Row]) -> list[Row]:
        if not rows:
            return rows
        first, last = min(row[MADE][name] for row in rows), max(row[MADE][name] for row in rows)
        bins = _bins(first, last, floor)
        held = {(row[MADE][name], *(row[MADE].get(key) for key in keys)): row for row in rows}
        made = []
        for others in dict.fromkeys(key[1:] for key in held):
            for at in bins:
                row = held.get((at, *others))
                made.append(row or [at, None, None, None, None, None, {**dict(zip(keys, others)), name: at, **constants}])
        return sorted(made, key=lambda row: row[MADE][name])

    return act


def _bins(first: int, last: int, floor: Callable[[float], int]) -> list[int]:
    found, step = [first], 1
    while floor(first + step) == first:
        step *= 2
    while found[-1] < last:
        # The next bin begins within one step, which is as long as a bin or nearly twice that.
        low, high = found[-1], found[-1] + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if floor(middle) == found[-1] else (low, middle)
        found.append(high)
        if len(found) > ADDED_MAX:
            raise Failed(f"fillmissing would add more than {ADDED_MAX} bins")
    return found


def without_outliers(reads: dict[str, Read], asked: Outlier) -> Act:
    """Beyond the third quartile by so many times what lies between the first and it; quartiles as statistics' inclusive method has them."""

    def act(rows: list[Row]) -> list[Row]:
        bounds = {}
        for name, read in reads.items():
            figures = [figure for row in rows if (figure := number(read(row))) is not None]
            if len(figures) > 1:
                low, _, high = statistics.quantiles(figures, n=4, method="inclusive")
                reach = asked.factor * (high - low)
                bounds[name] = (low - reach if asked.has_lower else float("-inf"), high + reach)
        kept = []
        for row in rows:
            outside = False
            for name, read in reads.items():
                value = number(read(row))
                low, high = bounds.get(name, (float("-inf"), float("inf")))
                is_beyond = value is not None and not low <= value <= high
                outside |= is_beyond
                shown = min(max(value, low), high) if is_beyond else read(row)
                _made(row, {name: shown} | ({f"{name}_outlier": is_beyond} if asked.marks else {}))
            if not (outside and asked.removes):
                kept.append(row)
        return kept

    return act


def in_sessions(reads: list[Read], gap_ms: int, name: str) -> Act:
    """Sessions are numbered in the order in which they began."""

    def act(rows: list[Row]) -> list[Row]:
        last: dict[tuple[str, ...], tuple[int, int]] = {}
        count = 0
        for row in sorted(rows, key=lambda row: row[AT]):
            values = [read(row) for read in reads]
            if None in values:
                _made(row, {name: None})
                continue
            who = tuple(map(spelled, values))
            at, number_ = last.get(who, (None, 0))
            if at is None or row[AT] - at > gap_ms:
                count += 1
                number_ = count
            last[who] = (row[AT], number_)
            _made(row, {name: number_})
        return rows

    return act


def beside(aside: Aside, reads: dict[str, Read], overrides: bool, most: int, found: int) -> Act:
    """The columns of another query, row by row."""

    def act(rows: list[Row]) -> list[Row]:
        others = [{name: column.read(other) for name, column in aside.plan.columns} for other in aside.rows[:most]]
        rows = rows + [_added(found, {}) for _ in others[len(rows) :]]
        for place, row in enumerate(rows):
            own = {name: read(row) for name, read in reads.items()}
            other = others[place] if place < len(others) else {}
            values = {name: other.get(name) if overrides or own.get(name) is None else own[name] for name in reads}
            _made(row, values if place < len(others) else own)
        return rows

    return act
