"""What a metric is expected to be: a model of its past by hour of day and day of week, and the band around it.

AWS does not publish its model. It says that it is trained on up to two weeks, learns the trend and the hourly, daily and weekly patterns,
and that the band is so many standard deviations wide. The model here is built of medians, so that the anomalies of the past do not teach it:

* **trend**: the median of how much each day differs from the same day a week before; none, where less than eight days are known;
* **hour of day**: the median of what is left at each hour, in the time zone of the metric;
* **day of week**: how an hour of one day differs from that hour of all days, where every such day of the past differs in the same direction by
  more than the hour is spread;
* **spread**: the median absolute deviation of what is left at each hour, times 1.4826, as a standard deviation; at least a tenth of that of all hours;
* **spikes**, if somebody says that they belong there: the band reaches as far as an hour's furthest point does on a median day.

The band of a metric that was never negative is not either. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Anomaly_Detection.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

TRAINED_ON_S = 14 * 86_400
NEEDED_S = 2 * 86_400
"""Less than that is too little: each hour of the day must have been seen twice."""
DEVIATION = 1.4826
"""The median absolute deviation of a normal distribution, as a part of its standard deviation, turned round."""
DAY_S, WEEK_DAYS = 86_400, 7
QUARTER_S = 900
"""No zone of the world is off by less, so that each quarter of an hour lies in one hour everywhere."""
SHARE_MIN = 0.1
PRECISION = 1e-9
"""What a constant may differ from itself by, where numbers are floats."""

Slot = tuple[int, int, int]
"""The number of a day, its day of week, and an hour."""


class Model(NamedTuple):
    slope: float
    """By the second, from ``since`` on."""
    since: int
    hours: dict[int, float]
    days: dict[tuple[int, int], float]
    """What a day of week and hour has more than its hour."""
    spreads: dict[int, float]
    spikes: dict[int, tuple[float, float]]
    """How far below and above an hour reaches."""
    is_never_negative: bool
    zone: tzinfo

    def at(self, moment: int, width: float) -> tuple[float, float] | None:
        """The least and the most that is expected, or None at an hour of which nothing is known."""
        _, weekday, hour = _slot(moment, self.zone)
        if hour not in self.hours:
            return None
        middle = self.hours[hour] + self.days.get((weekday, hour), 0.0) + self.slope * (moment - self.since)
        reach = width * self.spreads[hour] + abs(middle) * PRECISION
        below, above = self.spikes.get(hour, (0.0, 0.0))
        low, high = middle - max(reach, below), middle + max(reach, above)
        return (max(low, 0.0), max(high, 0.0)) if self.is_never_negative else (low, high)


def _slot(moment: int, zone: tzinfo) -> Slot:
    local = datetime.fromtimestamp(moment, zone)
    return local.toordinal(), local.weekday(), local.hour


def trained(
    points: dict[int, float], excluded: Iterable[tuple[float, float]] = (), zone: tzinfo = UTC, *, has_spikes: bool = False
) -> Model | None:
    """A model of values by their times in ascending order, without those in stretches that are excluded; None if they are too few."""
    left_out = list(excluded)
    known = {at: value for at, value in points.items() if not any(start <= at <= end for start, end in left_out)} if left_out else points
    if not known or max(known) - min(known) < NEEDED_S * 0.95:
        return None
    since = min(known)
    quarters = {quarter: _slot(quarter * QUARTER_S, zone) for quarter in {at // QUARTER_S for at in known}}
    slots = {at: quarters[at // QUARTER_S] for at in known}
    slope = _slope(known, slots)
    level = {at: value - slope * (at - since) for at, value in known.items()}
    hours = {hour: median(values) for hour, values in _gathered(level, lambda at: slots[at][2]).items()}
    rest = {at: value - hours[slots[at][2]] for at, value in level.items()}
    days = _days(rest, slots)
    rest = {at: value - days.get(slots[at][1:], 0.0) for at, value in rest.items()}
    return Model(
        slope, since, hours, days, _spreads(rest, slots), _spikes(rest, slots) if has_spikes else {}, min(known.values()) >= 0, zone
    )  # fmt: skip


def median(values: list[float]) -> float:
    """That of the standard library reads its values once more, and a model is some thousands of medians."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _gathered(values: dict[int, float], place: Callable[[int], object]) -> dict:
    found: dict = {}
    for at, value in values.items():
        found.setdefault(place(at), []).append(value)
    return found


def _slope(known: dict[int, float], slots: dict[int, Slot]) -> float:
    """Days are compared with the same day of the week before, hour by hour, so that neither pattern looks like a trend."""
    by_hour = {slot: median(values) for slot, values in _gathered(known, lambda at: (slots[at][0], slots[at][2])).items()}
    steps = [value - by_hour[day - WEEK_DAYS, hour] for (day, hour), value in by_hour.items() if (day - WEEK_DAYS, hour) in by_hour]
    return median(steps) / (WEEK_DAYS * DAY_S) if len(steps) >= 24 else 0.0


def _deviation(values: list[float]) -> float:
    middle = median(values)
    return DEVIATION * median([abs(value - middle) for value in values])


def _days(rest: dict[int, float], slots: dict[int, Slot]) -> dict[tuple[int, int], float]:
    spreads = {hour: _deviation(values) for hour, values in _gathered(rest, lambda at: slots[at][2]).items()}
    dates: dict[tuple[int, int], list[float]] = {}
    for (_, weekday, hour), values in _gathered(rest, lambda at: slots[at]).items():
        dates.setdefault((weekday, hour), []).append(median(values))
    return {
        place: median(middles)
        for place, middles in dates.items()
        if len(middles) > 1 and (min(middles) > spreads[place[1]] or max(middles) < -spreads[place[1]])
    }


def _spreads(rest: dict[int, float], slots: dict[int, Slot]) -> dict[int, float]:
    least = SHARE_MIN * DEVIATION * median([abs(value) for value in rest.values()])
    return {hour: max(least, _deviation(values)) for hour, values in _gathered(rest, lambda at: slots[at][2]).items()}


def _spikes(rest: dict[int, float], slots: dict[int, Slot]) -> dict[int, tuple[float, float]]:
    reaches: dict[int, list[tuple[float, float]]] = {}
    for (_, _, hour), values in _gathered(rest, lambda at: slots[at]).items():
        reaches.setdefault(hour, []).append((-min(values), max(values)))
    return {hour: (median(low for low, _ in each), median(high for _, high in each)) for hour, each in reaches.items()}
