"""What was found of each objective: by the period whether it was good, or by the minute how many requests were not.

It is kept for as long as objectives look back, which is longer than CloudWatch keeps minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.application_signals import discovery, indicator
from kumoniwa.store.rows import Table

if TYPE_CHECKING:
    from kumoniwa.services.application_signals.objective import Objective

WORK = ("application-signals", "objectives")
SETTLED_S = 1.0
"""So long after the end of a period its metrics are there: those of a minute are put half a second before it ends."""
LOOKED_AT_AGAIN = 2
"""How many periods are looked at again, because what was measured in them may come late."""
KEPT_S = 400 * 86_400.0
BACK_S = 15 * 86_400.0
"""For so long CloudWatch keeps minutes."""
OUTCOMES = Table(
    "signals_outcome",
    "create table if not exists signals_outcome (slo text, at integer, total real, bad real, primary key (slo, at)) without rowid",
)

Count = tuple[float, float]
"""How many periods or requests, and how many of them were bad."""


def forget(call: Call, name: str) -> None:
    call.rows(OUTCOMES).run("delete from signals_outcome where slo = ?", name)


async def _asked(role: Call, queries: list[dict[str, Any]], start: float, end: float) -> dict[float, float]:
    """What the one query that is told answers, by time."""
    found: dict[float, float] = {}
    more: dict[str, str] = {}
    while True:
        page = await role.ask(
            "cloudwatch:GetMetricData", MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending", **more
        )
        for result in page["MetricDataResults"]:
            found |= zip(result["Timestamps"], result["Values"])
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


async def values(call: Call, objective: Objective, start: float, end: float) -> dict[float, Count]:
    """What CloudWatch, asked as the account's role for Application Signals, tells of an indicator in some periods."""
    role = discovery.ROLE.assumed(call, "ApplicationSignals")
    metric = objective.metric
    if objective.is_of_periods:
        found = await _asked(role, metric["MetricDataQueries"], start, end)
        return {at: (1.0, float(not indicator.is_good(objective.sli, value))) for at, value in found.items()}
    totals = await _asked(role, metric["TotalRequestCountMetric"], start, end)
    ((kind, queries),) = metric["MonitoredRequestCountMetric"].items()
    counted = await _asked(role, queries, start, end)
    if kind == "BadCountMetric":
        return {at: (total, counted.get(at, 0.0)) for at, total in totals.items()}
    return {at: (total, max(total - counted.get(at, 0.0), 0.0)) for at, total in totals.items()}


async def evaluate(call: Call, objective: Objective) -> None:
    """Look at the periods that have ended since it was last looked at."""
    period, shelf = objective.period_s, call.shelf(type(objective))
    end = (call.now() - SETTLED_S) // period * period
    start = max(objective.since, objective.evaluated - LOOKED_AT_AGAIN * period, (call.now() - BACK_S) // period * period)
    if end <= max(start, objective.evaluated):
        return
    found = await values(call, objective, start, end)

    def keep() -> None:
        latest = shelf.get(objective.name)
        if latest is None or latest.sli != objective.sli:
            return  # it was changed or deleted meanwhile
        rows = call.rows(OUTCOMES)
        for at, (total, bad) in found.items():
            rows.run("insert or replace into signals_outcome values (?, ?, ?, ?)", objective.name, int(at), total, bad)
        rows.run("delete from signals_outcome where slo = ? and at < ?", objective.name, call.now() - KEPT_S)
        shelf[objective.name] = changed(latest, evaluated=end)

    call.atomically(keep)


def tally(call: Call, name: str, start: float, end: float, gaps: list[tuple[float, float]]) -> Count:
    """Of what began in a time, but for what began in gaps, which do not overlap."""
    total, bad = _sum(call, name, start, end)
    for first, last in gaps:
        gone = _sum(call, name, max(first, start), min(last, end))
        total, bad = total - gone[0], bad - gone[1]
    return total, bad


def _sum(call: Call, name: str, start: float, end: float) -> Count:
    sql = "select coalesce(sum(total), 0), coalesce(sum(bad), 0) from signals_outcome where slo = ? and at >= ? and at < ?"
    return call.rows(OUTCOMES).one(sql, name, start, end)
