"""Metrics and their points, as rows: for each metric, unit and time how many values there were, their sum, their extremes and their spread.

A point covers a second or a minute; when nobody may ask for it so finely any more it becomes a part of five minutes, then of an hour.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.metric_statistic import Spread
from kumoniwa.services.cloudwatch import metric_hour, metric_stream
from kumoniwa.services.cloudwatch.errors import InvalidNextToken, InvalidParameterValueException
from kumoniwa.services.cloudwatch.waiting import INBOX, Inbox, decode
from kumoniwa.store.rows import Table

METRICS = Table(
    "metric",
    """create table if not exists metric (id integer primary key, namespace text, name text, dimensions text, units integer, last integer);
       create unique index if not exists metric_named on metric (namespace, name, dimensions)""",
)
POINTS = Table(
    "metric_point",
    """create table if not exists metric_point (metric integer, unit integer, at integer, count real, total real, least real, most real,
         spread blob, primary key (metric, unit, at)) without rowid""",
)

CHANGED = Table(
    "metric_changed",
    "create table if not exists metric_changed (metric integer, unit integer, at integer, primary key (metric, unit, at)) without rowid",
)
"""Minutes of which metric streams have not heard yet; kept while there are any that run."""
STREAMING = ("cloudwatch", "streaming")

SECONDS_KEPT_S = 3 * 3_600
RETENTION = ((60, SECONDS_KEPT_S), (300, 15 * 86_400), (3_600, 63 * 86_400))
"""Periods shorter than the first are answered for so long, and what is older is kept in pieces of that length."""
KEPT_S = 455 * 86_400
LISTED_S = 14 * 86_400
RECENT_S = 3 * 3_600
LISTED_MAX = 500
SPREAD_MAX = 400
"""More different values in one point are kept to within a percent."""
FOLDED_AT_ONCE = 100
"""Calls whose data are folded in one go."""


# Folding ------------------------------------------------------------------------------------------------


class Heap:
    """What comes together in one point. ``values`` is None once somebody told only statistics of more than one value."""

    __slots__ = ("count", "total", "least", "most", "values")

    def __init__(self) -> None:
        self.count = self.total = 0.0
        self.least, self.most = math.inf, -math.inf
        self.values: dict[float, float] | None = {}

    def add(self, count: float, total: float, least: float, most: float, spread: bytes | None = None) -> None:
        self.count += count
        self.total += total
        self.least, self.most = min(self.least, least), max(self.most, most)
        if self.values is not None:
            if least == most:
                self.values[least] = self.values.get(least, 0.0) + count
            elif spread:
                for value, weight in spread_of(spread):
                    self.values[value] = self.values.get(value, 0.0) + weight
            else:
                self.values = None

    def add_values(self, values: list[float], counts: list[float]) -> None:
        for value, count in zip(values, counts):
            self.add(count, value * count, value, value)

    def row(self) -> tuple[float, float, float, float, bytes | None]:
        spread = None
        if self.values is not None and self.least != self.most:
            values = _thinned(self.values) if len(self.values) > SPREAD_MAX else self.values
            flat = array("d")
            for pair in sorted(values.items()):
                flat.extend(pair)
            spread = flat.tobytes()
        return self.count, self.total, self.least, self.most, spread


_PAIR = struct.Struct("dd")
pack_pair = _PAIR.pack


def spread_of(packed: bytes) -> Spread:
    return list(_PAIR.iter_unpack(packed))


_STEP = math.log(1.01)


def _thinned(values: dict[float, float]) -> dict[float, float]:
    """Neighbours less than a percent apart become one value."""
    thinned: dict[float, float] = {}
    for value, count in values.items():
        kept = math.copysign(math.exp(round(math.log(abs(value)) / _STEP) * _STEP), value) if value else 0.0
        thinned[kept] = thinned.get(kept, 0.0) + count
    return thinned


def fresh(call: Call, answer: Callable[[], dict]) -> dict | Coroutine[Any, Any, dict]:
    """An answer that knows of what services have measured of themselves until now. AWS shows it a moment later, and when its minute is over at the latest."""
    return _when_put(call, answer) if call.home.meter.holds(call.account) else answer()


async def _when_put(call: Call, answer: Callable[[], dict]) -> dict:
    await call.home.meter.put_early(call.account)
    return call.atomically(answer)


def fold(call: Call) -> None:
    """Make points of everything that was put, for somebody who wants to see it now."""
    inbox = call.memory(Inbox)
    if inbox.is_empty:
        return
    seen = inbox.arrivals
    while fold_some(call):
        pass

    def done() -> None:
        inbox.folded, inbox.entries = max(inbox.folded, seen), 0

    call.after_commit(done)


def fold_some(call: Call) -> bool:
    """Fold the oldest calls; answers whether more may wait."""
    found = call.rows(INBOX, METRICS, POINTS).all("select id, body from metric_inbox order by id limit ?", FOLDED_AT_ONCE)
    if not found:
        return False
    heaps: dict[tuple, dict[tuple[int, int], Heap]] = {}
    hours: dict[tuple, set[int]] = {}
    coarse_before = call.now() - SECONDS_KEPT_S
    for _, body in found:
        waiting = decode(body)
        hour, is_billed = metric_hour.of(waiting.put), metric_hour.is_billed(waiting.namespace)
        for name, dimensions, unit, at, *told in waiting.entries:
            key = (waiting.namespace, name, tuple(map(tuple, dimensions)))
            if is_billed:
                hours.setdefault(key, set()).add(hour)
            at = at if at >= coarse_before else at // 60 * 60
            heap = heaps.setdefault(key, {}).setdefault((unit, at), Heap())
            if len(told) == 1:
                heap.add(1.0, told[0], told[0], told[0])
            elif len(told) == 2:
                heap.add_values(*told)
            else:
                heap.add(*told)
    for key, points in heaps.items():
        metric = _keep(call, key, points)
        for hour in hours.get(key, ()):
            metric_hour.put(call, key[0], metric, hour)
    call.rows().run("delete from metric_inbox where id <= ?", found[-1][0])
    return len(found) == FOLDED_AT_ONCE


def _keep(call: Call, key: tuple[str, str, tuple], points: dict[tuple[int, int], Heap]) -> int:
    """Answers the metric's number."""
    rows = call.rows()
    is_streamed = any(metric_stream.wants(stream, key[0], key[1]) for stream in metric_stream.running(call))
    units, last = 0, 0
    for unit, at in points:
        units |= 1 << unit
        last = max(last, at)
    ((metric,),) = rows.take(
        "insert into metric (namespace, name, dimensions, units, last) values (?,?,?,?,?) on conflict do update set "
        "units = units | excluded.units, last = max(last, excluded.last) returning id",
        key[0], key[1], spelled(key[2]), units, last,
    )  # fmt: skip
    for (unit, at), heap in points.items():
        held = rows.one("select count, total, least, most, spread from metric_point where metric = ? and unit = ? and at = ?", metric, unit, at)
        if held is not None:
            heap.add(*held)
        rows.run("insert or replace into metric_point values (?,?,?,?,?,?,?,?)", metric, unit, at, *heap.row())
    if is_streamed:
        for unit, at in points:
            call.rows(CHANGED).run("insert or ignore into metric_changed values (?,?,?)", metric, unit, at // 60 * 60)
        call.after_commit(lambda: call.home.wake(STREAMING))
    return metric


def spelled(dimensions: Any) -> str:
    """Dimensions, sorted by name, as the text by which their metric is found."""
    return orjson.dumps(dimensions).decode()


# What there is ---------------------------------------------------------------------------------------------


def find(call: Call, namespace: str, name: str, dimensions: list[dict[str, str]] | None) -> tuple[int, int] | None:
    """A metric's id and the bits of its units' numbers. Only all of its dimensions name a metric."""
    sought = spelled(sorted((each["Name"], each["Value"]) for each in dimensions or ()))
    return call.rows(METRICS, POINTS).one(
        "select id, units from metric where namespace = ? and name = ? and dimensions = ?", namespace, name, sought
    )


def shown_dimensions(text: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in orjson.loads(text)]


def ListMetrics(
    call: Call,
    *,
    Namespace: str | None = None,
    MetricName: str | None = None,
    Dimensions: list[dict[str, str]] | None = None,
    NextToken: str | None = None,
    RecentlyActive: str | None = None,
    IncludeLinkedAccounts: bool | None = None,
    OwningAccount: str | None = None,
) -> dict | Coroutine[Any, Any, dict]:
    """Metrics that had data in the last two weeks. No account is linked to another here: a monitoring account sees its own."""
    if OwningAccount is not None and OwningAccount != call.account:
        raise NotImplementedHere(f"metrics of linked accounts ({OwningAccount})")
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 19):
        raise InvalidParameterValueException(InvalidNextToken.message)
    since = int(call.now()) - (RECENT_S if RecentlyActive else LISTED_S)
    return fresh(call, partial(_list, call, Namespace, MetricName, Dimensions, int(NextToken or 0), since, IncludeLinkedAccounts))


def _list(
    call: Call, namespace: str | None, name: str | None, dimensions: list[dict[str, str]] | None, after: int, since: int, says_owners: bool | None
) -> dict[str, Any]:
    fold(call)
    sql, values = "select id, namespace, name, dimensions from metric where id > ? and last >= ?", [after, since]
    for column, value in (("namespace", namespace), ("name", name)):
        if value is not None:
            sql += f" and {column} = ?"
            values.append(value)
    listed: list[dict[str, Any]] = []
    last = 0
    for id_, space, called, text in call.rows(METRICS).each(f"{sql} order by id", *values):
        shown = shown_dimensions(text)
        if dimensions and not _has(shown, dimensions):
            continue
        if len(listed) == LISTED_MAX:
            return _answer(call, listed, says_owners) | {"NextToken": str(last)}
        listed.append({"Namespace": space, "MetricName": called, "Dimensions": shown})
        last = id_
    return _answer(call, listed, says_owners)


def _answer(call: Call, listed: list[dict[str, Any]], says_owners: bool | None) -> dict[str, Any]:
    return {"Metrics": listed} | ({"OwningAccounts": [call.account] * len(listed)} if says_owners else {})


def _has(dimensions: list[dict[str, str]], wanted: list[dict[str, str]]) -> bool:
    """Whether a metric has these dimensions, with these values where one is said; it may have more."""
    return all(any(held["Name"] == each["Name"] and each.get("Value", held["Value"]) == held["Value"] for held in dimensions) for each in wanted)


# Growing old -------------------------------------------------------------------------------------------------


def grow_old(call: Call, metric: int, units: int, since: float, now: float) -> None:
    """Make coarser what became too old for its pieces between two moments, and forget what nobody may ask for any more."""
    rows = call.rows(METRICS, POINTS)
    for unit in range(units.bit_length()):
        if not units >> unit & 1:
            continue
        for step, kept_s in RETENTION:
            first, end = (int(since - kept_s) // step - 1) * step, int(now - kept_s) // step * step
            _coarsen(call, metric, unit, first, end, step)
        rows.run("delete from metric_point where metric = ? and unit = ? and at < ?", metric, unit, int(now - KEPT_S))
    rows.run("delete from metric where id = ? and last < ?", metric, int(now - KEPT_S))


def _coarsen(call: Call, metric: int, unit: int, first: int, end: int, step: int) -> None:
    rows = call.rows(POINTS)
    fine = rows.all(
        "select at, count, total, least, most, spread from metric_point where metric = ? and unit = ? and at >= ? and at < ?",
        metric, unit, first, end,
    )  # fmt: skip
    if all(at % step == 0 for at, *_ in fine):
        return
    heaps: dict[int, Heap] = {}
    for at, *told in fine:
        heaps.setdefault(at // step * step, Heap()).add(*told)
    rows.run("delete from metric_point where metric = ? and unit = ? and at >= ? and at < ?", metric, unit, first, end)
    for at, heap in heaps.items():
        rows.run("insert into metric_point values (?,?,?,?,?,?,?,?)", metric, unit, at, *heap.row())
