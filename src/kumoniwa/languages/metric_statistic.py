"""Statistics of CloudWatch: five plain ones, and those that need to know how values are spread: ``p99.9``, ``tm90``, ``TC(10%:90%)``, ``PR(:300)``.

A statistic is read once, by ``statistic``, and then says what a sample of values comes to. A sample that cannot say it (percentiles of
negative values, or of a set of which only sum and extremes were told) answers None, and its point is missing.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

PLAIN = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")

Spread = list[tuple[float, float]]
"""Values in ascending order, each with how often it came; one that came at several times may stand there as often."""


class Sample(NamedTuple):
    """What is known of the values of one period."""

    count: float
    total: float
    least: float
    most: float
    spread: Spread | None
    """None if only the rest was told."""


class InvalidStatistic(ValueError):
    """There is no such statistic."""


class Statistic(NamedTuple):
    kind: str
    """A plain statistic's name, or ``p``, ``tm``, ``wm``, ``tc``, ``ts``, ``pr``."""
    low: float | None = None
    high: float | None = None
    is_percent: bool = False

    def of(self, sample: Sample) -> float | None:
        if self.kind == "Average":
            return sample.total / sample.count if sample.count else None
        if self.kind == "Sum":
            return sample.total
        if self.kind == "Maximum":
            return sample.most
        if self.kind == "Minimum":
            return sample.least
        if self.kind == "SampleCount":
            return sample.count
        # "Percentile statistics are not available for metrics when any of the metric values are negative numbers."
        if not sample.spread or sample.least < 0:
            return None
        if self.kind == "p":
            return percentile(sample.spread, self.high)
        inside = self._inside(sample.spread)
        count = sum(weight for _, weight in inside)
        if self.kind == "tc":
            return count
        if self.kind == "pr":
            return 100.0 * count / sum(weight for _, weight in sample.spread)
        if self.kind == "wm":
            return self._winsorized(sample.spread, inside)
        total = sum(value * weight for value, weight in inside)
        return total if self.kind == "ts" else total / count if count else None

    def _inside(self, spread: Spread) -> Spread:
        """The values between the bounds: shares of the sample, or values above the lower and up to the upper bound."""
        if not self.is_percent:
            low = -math.inf if self.low is None else self.low
            high = math.inf if self.high is None else self.high
            return [(value, weight) for value, weight in spread if low < value <= high]
        whole = sum(weight for _, weight in spread)
        first, last = whole * (self.low or 0.0) / 100, whole * (100.0 if self.high is None else self.high) / 100
        inside, passed = [], 0.0
        for value, weight in spread:
            share = min(passed + weight, last) - max(passed, first)
            passed += weight
            if share > 1e-9:
                inside.append((value, share))
        return inside

    def _winsorized(self, spread: Spread, inside: Spread) -> float | None:
        """The mean where what lies outside counts as the bound it lies behind."""
        if not inside:
            return None
        least, most = (inside[0][0], inside[-1][0]) if self.is_percent else (self.low, self.high)
        total = count = 0.0
        for value, weight in spread:
            held = value if least is None else max(value, least)
            total += (held if most is None else min(held, most)) * weight
            count += weight
        return total / count


def percentile(spread: Spread, percent: float) -> float:
    """Between the two values next to the rank, in proportion; AWS says no more of it than that so many percent lie below."""
    if len(spread) == 1:
        return spread[0][0]
    passed = list(accumulate([weight for _, weight in spread]))
    rank = (passed[-1] - 1) * percent / 100
    number = min(bisect_right(passed, rank), len(spread) - 1)
    value = spread[number][0]
    if rank <= passed[number] - 1 or number == len(spread) - 1:
        return value
    return value + (spread[number + 1][0] - value) * (rank - passed[number] + 1)


def percentile_of_singles(values: list[float], percent: float) -> float:
    """The same of values in ascending order that each came once."""
    rank = (len(values) - 1) * percent / 100
    number = int(rank)
    return values[number] if rank == number else values[number] + (values[number + 1] - values[number]) * (rank - number)


_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_SHORT = re.compile(rf"(p|tm|wm|tc|ts){_NUMBER}", re.IGNORECASE)
_LONG = re.compile(rf"(tm|wm|tc|ts|pr)\(\s*(?:{_NUMBER}(%?))?\s*:\s*(?:{_NUMBER}(%?))?\s*\)", re.IGNORECASE)
_FOLDED = {name.lower(): name for name in PLAIN}


@lru_cache(maxsize=1024)
def statistic(text: str) -> Statistic:
    """Read a statistic. Raises InvalidStatistic."""
    if text in PLAIN:
        return Statistic(text)
    if text.upper() == "IQM":
        return Statistic("tm", 25.0, 75.0, True)
    # Of a percentile AWS looks at the whole part: it takes p100.5 (pf-cloudwatch-extended-statistic of badmintoncryer/cdk-preflight).
    if (short := _SHORT.fullmatch(text)) is not None and (float(short[2]) <= 100 or short[1] in "pP" and float(short[2]) < 101):
        return Statistic(short[1].lower(), None, float(short[2]), True)
    if (long := _LONG.fullmatch(text)) is not None:
        kind, low, low_sign, high, high_sign = long.groups()
        signs = {sign for number, sign in ((low, low_sign), (high, high_sign)) if number is not None}
        bounds = [None if number is None else float(number) for number in (low, high)]
        is_percent = signs == {"%"}
        is_sound = len(signs) == 1 and (None in bounds or bounds[0] < bounds[1]) and not (is_percent and max(filter(None, bounds), default=0) > 100)
        if is_sound and not (is_percent and kind.lower() == "pr"):
            return Statistic(kind.lower(), *bounds, is_percent)
    raise InvalidStatistic(text)


def named(text: str) -> Statistic:
    """A plain statistic in any spelling (``Avg``, ``SUM``), as dashboards write them; or an extended one. Raises InvalidStatistic."""
    folded = {"avg": "Average", "min": "Minimum", "max": "Maximum", **_FOLDED}.get(text.lower())
    return Statistic(folded) if folded else statistic(text)
