"""Custom metrics as AWS bills them: each for the hours in which it was put.

"Custom metrics … are prorated by the hour and metered only when you send metrics to CloudWatch": https://aws.amazon.com/cloudwatch/pricing/.
A metric is its namespace, its name and its dimensions; those in namespaces that begin with AWS/ are no custom ones.
"""

from __future__ import annotations

from kumoniwa.gate.ledger import HOUR_S
from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

USAGE = "cloudwatch:custom_metric"
HOURS = Table("metric_hour", "create table if not exists metric_hour (hour integer, metric integer, primary key (hour, metric)) without rowid")
"""What was billed; hours that are long over are forgotten."""
KEPT_HOURS = 2


class _Billed:
    """The same in memory, for the last hour that somebody put in."""

    def __init__(self) -> None:
        self.hour = 0
        self.metrics: set[int] = set()


def of(put: float) -> int:
    """The hour of a moment in epoch seconds."""
    return int(put // HOUR_S)


def is_billed(namespace: str) -> bool:
    return not namespace.startswith("AWS/")


def put(call: Call, namespace: str, metric: int, hour: int) -> None:
    """A metric was put in an hour, be it for the first time or not."""
    billed = call.memory(_Billed)
    if hour == billed.hour and metric in billed.metrics:
        return
    rows = call.rows(HOURS)
    if hour > billed.hour:
        billed.hour, billed.metrics = hour, set()
        rows.run("delete from metric_hour where hour < ?", hour - KEPT_HOURS)
    if hour == billed.hour:
        billed.metrics.add(metric)
    if rows.one("select 1 from metric_hour where hour = ? and metric = ?", hour, metric) is None:
        rows.run("insert into metric_hour values (?, ?)", hour, metric)
        call.bill(USAGE, namespace)
