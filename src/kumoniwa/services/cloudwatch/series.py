"""Reading a metric: its points between two moments, gathered by period, as the statistic that is asked for."""

from __future__ import annotations

from array import array

from kumoniwa.kernel.call import Call
from kumoniwa.languages.metric_statistic import Sample, Statistic, percentile, percentile_of_singles
from kumoniwa.services.cloudwatch.metric import RETENTION, SECONDS_KEPT_S, pack_pair, spread_of

Series = dict[int, float]
"""Values by their times, in ascending order."""


def origin(start: float, period: int, now: float) -> int:
    """Where the first period begins: the older the data, the more the start is rounded down.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html"""
    if period < 60 and now - start <= SECONDS_KEPT_S:
        return int(start // period * period)
    step = 3_600 if now - start > RETENTION[2][1] else 300 if now - start > RETENTION[1][1] else 60
    return int(start // step * step)


def has_seconds(call: Call, metric: int, units: int, start: int, end: int) -> bool:
    """Whether a metric has points of high resolution in a stretch of time."""
    sql = "select 1 from metric_point where metric = ? and unit = ? and at >= ? and at < ? and at % 60 > 0 limit 1"
    return any(units >> unit & 1 and call.rows().one(sql, metric, unit, start, end) is not None for unit in range(units.bit_length()))


_PLAIN = {
    "SampleCount": "sum(count)", "Average": "sum(total) / sum(count)", "Sum": "sum(total)", "Minimum": "min(least)", "Maximum": "max(most)",
}  # fmt: skip
_BETWEEN = "from metric_point where metric = ? and unit = ? and at >= ? and at < ?"
_PERIOD = "? + (at - ?) / ? * ?"


def _bounds(metric: int, unit: int, start: int, end: float, period: int, now: float) -> tuple:
    """What a statement that names a period and then a stretch is given; what may not be asked for so finely any more is left out."""
    first = max([start, *(now - kept_s for step, kept_s in RETENTION if period < step)])
    return start, start, period, period, metric, unit, first, end


def values(
    call: Call, metric: int, unit: int, start: int, end: float, period: int, statistic: Statistic, now: float
) -> Series:
    """One statistic of each period that holds something, from ``start`` (where a period begins) until before ``end``."""
    if statistic.kind in _PLAIN:
        bounds = _bounds(metric, unit, start, end, period, now)
        return dict(call.rows().each(f"select {_PERIOD}, {_PLAIN[statistic.kind]} {_BETWEEN} group by 1", *bounds))
    if statistic.kind == "p":
        return _percentiles(call, statistic, _bounds(metric, unit, start, end, period, now))
    found = spread_samples(call, metric, unit, start, end, period, now)
    return {at: value for at, sample in found.items() if (value := statistic.of(sample)) is not None}


def _percentiles(call: Call, statistic: Statistic, bounds: tuple) -> Series:
    """The statistic asked for most of those that need the spread: a month of minutes is some hundred thousand values, which are
    gathered as they are packed and become objects only where they are sorted."""
    found: Series = {}
    held, packed, is_told, least = None, bytearray(), True, 0.0

    def settle() -> None:
        # As in ``Statistic.of``: what was told only as a sum, or is negative, has no percentiles.
        if held is not None and is_told and least >= 0:
            flat = array("d", bytes(packed))
            values, weights = flat[::2].tolist(), flat[1::2]
            if weights.count(1.0) == len(weights):
                values.sort()
                found[held] = percentile_of_singles(values, statistic.high)
            else:
                found[held] = percentile(sorted(zip(values, weights)), statistic.high)

    for at, count, low, high, spread in call.rows().each(f"select {_PERIOD}, count, least, most, spread {_BETWEEN} order by at", *bounds):
        if at != held:
            settle()
            held, packed, is_told, least = at, bytearray(), True, low
        if low < least:
            least = low
        if low == high:
            packed += pack_pair(low, count)
        elif spread is None:
            is_told = False
        else:
            packed += spread
    settle()
    return found


def samples(
    call: Call, metric: int, unit: int, start: int, end: float, period: int, now: float, *, with_spread: bool = False
) -> dict[int, Sample]:
    """All that is known of each period that holds something."""
    if with_spread:
        return spread_samples(call, metric, unit, start, end, period, now)
    found = call.rows().each(
        f"select {_PERIOD}, sum(count), sum(total), min(least), max(most) {_BETWEEN} group by 1",
        *_bounds(metric, unit, start, end, period, now),
    )
    return {at: Sample(*told, None) for at, *told in found}


def spread_samples(
    call: Call, metric: int, unit: int, start: int, end: float, period: int, now: float
) -> dict[int, Sample]:
    """With how the values of each period are spread. Tens of thousands of points come by here: what is plain is kept plain."""
    found: dict[int, Sample] = {}
    held, pairs, count, total, least, most = None, [], 0.0, 0.0, 0.0, 0.0
    rows = call.rows().each(
        f"select {_PERIOD}, count, total, least, most, spread {_BETWEEN} order by at", *_bounds(metric, unit, start, end, period, now)
    )
    for at, more, sum_, low, high, spread in rows:
        if at != held:
            if held is not None:
                found[held] = Sample(count, total, least, most, sorted(pairs) if pairs is not None else None)
            held, pairs, count, total, least, most = at, [], 0.0, 0.0, low, high
        count += more
        total += sum_
        if low < least:
            least = low
        if high > most:
            most = high
        if low == high:
            if pairs is not None:
                pairs.append((low, more))
        elif spread is None:
            pairs = None
        elif pairs is not None:
            pairs += spread_of(spread)
    if held is not None:
        found[held] = Sample(count, total, least, most, sorted(pairs) if pairs is not None else None)
    return found
