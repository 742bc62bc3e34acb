"""What AWS bills for alarms, dashboards and rules of Contributor Insights, by the month, for requests, for
custom metrics (``metric_hour``), and for what metric streams send (``streaming``).

An alarm is billed for each metric that it looks at; one that looks more often than once a minute has a price of its own, and so has a composite
one. What looks for anomalies looks at three: the metric, and the two ends of what is expected. Dashboards are kept in one place for all regions,
whose bill they are on. https://aws.amazon.com/cloudwatch/pricing/

GetMetricData is billed by the metrics that it asks for, of which five statistics are one; of SEARCH and SELECT AWS counts the metrics that they
look at, and we those that they show. Pictures ask by GetMetricData. That a rule which is disabled costs nothing is not said in words; the
events that rules match are not counted.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from kumoniwa.gate.contributors import ServiceRule
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudwatch.alarm import COMPOSITE, Alarm
from kumoniwa.services.cloudwatch.dashboard import Dashboard
from kumoniwa.services.cloudwatch.insight_rule import ENABLED, InsightRule

STANDARD_S = 60
BAND_METRICS = 2
STATISTICS_AT_ONCE = 5
REQUESTS = frozenset((
    "DeleteDashboards", "GetDashboard", "GetMetricStatistics", "ListDashboards", "ListMetrics", "PutDashboard", "PutMetricData",
))  # fmt: skip
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_billing.html"""
_REQUEST: tuple[Use, ...] = (("cloudwatch:api_requests", "", 1.0),)


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> tuple[Use, ...]:
    """What services say of themselves nobody pays."""
    if call.principal.kind == "service":
        return ()
    if operation in REQUESTS:
        return _REQUEST
    return (("cloudwatch:metrics_requested", "", float(_asked(params, result))),) if operation == "GetMetricData" else ()


def _asked(params: dict[str, Any], result: dict[str, Any]) -> int:
    statistics: Counter[tuple] = Counter()
    searching = set()
    for query in params["MetricDataQueries"]:
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            dimensions = frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions") or ())
            statistics[metric["Namespace"], metric["MetricName"], dimensions] += 1
        elif "SEARCH(" in query["Expression"] or query["Expression"].lstrip()[:6].upper() == "SELECT":
            searching.add(query["Id"])
    shown = sum(each["Id"] in searching for each in result["MetricDataResults"])
    return shown + sum(-(-count // STATISTICS_AT_ONCE) for count in statistics.values())


def _alarm(alarm: Alarm) -> Use:
    if alarm.kind == COMPOSITE:
        return ("cloudwatch:alarm_composite", alarm.name, 1.0)
    metrics = [query["MetricStat"] for query in alarm.settings.get("Metrics", ()) if "MetricStat" in query] or [alarm.settings]
    is_fast = any(metric.get("Period", STANDARD_S) < STANDARD_S for metric in metrics)
    count = len(metrics) + (BAND_METRICS if alarm.settings.get("ThresholdMetricId") else 0)
    return ("cloudwatch:alarm_high_res" if is_fast else "cloudwatch:alarm_standard", alarm.name, float(count))


def standing_of(call: Call) -> list[Use]:
    return [
        *map(_alarm, call.shelf(Alarm).values()),
        *(("cloudwatch:dashboard", dashboard.name, 1.0) for dashboard in call.shelf(Dashboard).values()),
        *(("cloudwatch:insight_rule", rule.name, 1.0) for rule in call.shelf(InsightRule).values() if rule.state == ENABLED),
        *(("cloudwatch:insight_rule", name, 1.0) for name in call.shelf(ServiceRule)),
    ]
