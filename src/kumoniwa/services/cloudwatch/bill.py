"""What AWS bills for alarms and dashboards, by the month.

An alarm is billed for each metric that it looks at; one that looks more often than once a minute has a price of its own, and so has a composite
one. Dashboards are kept in one
place for all regions, whose bill they are on. https://aws.amazon.com/cloudwatch/pricing/
"""

from __future__ import annotations

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudwatch.alarm import COMPOSITE, Alarm
from kumoniwa.services.cloudwatch.dashboard import Dashboard

STANDARD_S = 60


def _alarm(alarm: Alarm) -> Use:
    if alarm.kind == COMPOSITE:
        return ("cloudwatch:alarm_composite", alarm.name, 1.0)
    metrics = [query["MetricStat"] for query in alarm.settings.get("Metrics", ()) if "MetricStat" in query] or [alarm.settings]
    is_fast = any(metric.get("Period", STANDARD_S) < STANDARD_S for metric in metrics)
    return ("cloudwatch:alarm_high_res" if is_fast else "cloudwatch:alarm_standard", alarm.name, float(len(metrics)))


def standing_of(call: Call) -> list[Use]:
    return [
        *map(_alarm, call.shelf(Alarm).values()),
        *(("cloudwatch:dashboard", dashboard.name, 1.0) for dashboard in call.shelf(Dashboard).values()),
    ]
