"""Service level indicators: which queries of CloudWatch say how a service does, and whether what they answer is good.

What Application Signals measures itself, a customer names by the service and its operation; any other metric by queries of his own.
https://docs.aws.amazon.com/applicationsignals/latest/APIReference/API_ServiceLevelIndicatorMetricConfig.html,
…/API_RequestBasedServiceLevelIndicatorMetricConfig.html
"""

from __future__ import annotations

import operator
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.application_signals import topology
from kumoniwa.services.application_signals.errors import ValidationException

_COMPARES = {
    "GreaterThanOrEqualTo": operator.ge, "GreaterThan": operator.gt, "LessThan": operator.lt, "LessThanOrEqualTo": operator.le,
}  # fmt: skip
PERIOD_S = 60
NAMESPACE = "ApplicationSignals"


def is_good(sli: dict[str, Any], value: float) -> bool:
    return _COMPARES[sli["ComparisonOperator"]](value, sli["MetricThreshold"])


def _refuse(metric: dict[str, Any], what: str, *names: str) -> None:
    for name in names:
        if metric.get(name):
            raise NotImplementedHere(f"application-signals:{what}({name})")


def _dimensions(call: Call, metric: dict[str, Any]) -> dict[str, str]:
    """Of the metric that a service's key attributes, an operation and a dependency name. What has not reported has no objective."""
    name, environment = topology.place_of(metric["KeyAttributes"])
    operation = metric.get("OperationName")
    if not topology.has_reported(call, name, environment, operation):
        # "You can't create an SLO for a service operation … until after that operation has reported standard metrics": API_CreateServiceLevelObjective.
        raise ValidationException(f"The service {name} in {environment} has reported no metrics{f' of {operation}' if operation else ''}.")
    found = {"Environment": environment, "Service": name} | ({"Operation": operation} if operation else {})
    if (called := metric.get("DependencyConfig")) is None:
        return found
    found["RemoteOperation"] = called["DependencyOperationName"]
    key = called["DependencyKeyAttributes"]
    if key.get("Type") in ("AWS::Resource", "Resource"):
        kind = key.get("ResourceType", "")
        return found | {"RemoteService": kind.rpartition("::")[0], "RemoteResourceType": kind, "RemoteResourceIdentifier": key.get("Identifier", "")}
    if not key.get("Name"):
        raise ValidationException("DependencyKeyAttributes must have a Name.")
    return found | {"RemoteService": key["Name"]}


def _query(id_: str, name: str, stat: str, dimensions: dict[str, str], period: int, *, is_shown: bool = True) -> dict[str, Any]:
    metric = {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": [{"Name": key, "Value": value} for key, value in sorted(dimensions.items())]}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, "ReturnData": is_shown}


def _named(metric: dict[str, Any]) -> dict[str, Any]:
    """What is told of a metric besides its queries."""
    return {name: metric[name] for name in ("KeyAttributes", "OperationName", "MetricType", "DependencyConfig") if metric.get(name)}


def _own(queries: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Queries of a customer's own, of which one is told."""
    shown = [query for query in queries if query.get("ReturnData", True)]
    if len(shown) != 1:
        raise ValidationException(f"{what} must have exactly one query with ReturnData.")
    period_of(queries)
    return [{"ReturnData": True, **query} for query in queries]


def period_of(queries: list[dict[str, Any]]) -> int:
    """In seconds. Raises ValidationException where none is said."""
    said = [query.get("Period") or (query.get("MetricStat") or {}).get("Period") for query in queries]
    found = max((period for period in said if period), default=0)
    if not found:
        raise ValidationException("A query must have a Period.")
    return found


def of_periods(call: Call, config: dict[str, Any]) -> dict[str, Any]:
    """The indicator of a period-based objective, as it is told."""
    metric = config["SliMetricConfig"]
    _refuse(metric, "SliConfig", "MetricSource", "CompositeSliConfig", "MetricName")
    if "MetricThreshold" not in config or "ComparisonOperator" not in config:
        raise ValidationException("SliConfig must have a MetricThreshold and a ComparisonOperator.")
    period = metric.get("PeriodSeconds") or PERIOD_S
    if period % PERIOD_S:
        raise ValidationException(f"PeriodSeconds must be a multiple of {PERIOD_S}.")
    if metric.get("MetricDataQueries"):
        queries = _own(metric["MetricDataQueries"], "MetricDataQueries")
    elif metric.get("KeyAttributes") and metric.get("MetricType"):
        dimensions = _dimensions(call, metric)
        if metric["MetricType"] == "LATENCY":
            if not metric.get("Statistic"):
                raise ValidationException("A Statistic is required for the MetricType LATENCY.")
            queries = [_query("latency", "Latency", metric["Statistic"], dimensions, period)]
        else:
            # "(1 - Faults/Total)*100", where "Total is derived from SampleCount(Latency)": AppSignals-StandardMetrics.html.
            queries = [
                _query("fault", "Fault", "Sum", dimensions, period, is_shown=False),
                _query("total", "Latency", "SampleCount", dimensions, period, is_shown=False),
                {"Id": "availability", "Expression": "(1 - fault / total) * 100", "Period": period, "ReturnData": True},
            ]
    else:
        raise ValidationException("SliMetricConfig must have KeyAttributes with a MetricType, or MetricDataQueries.")
    return {
        "SliMetric": {**_named(metric), "MetricDataQueries": queries}, "MetricThreshold": config["MetricThreshold"],
        "ComparisonOperator": config["ComparisonOperator"],
    }  # fmt: skip


def of_requests(call: Call, config: dict[str, Any]) -> dict[str, Any]:
    """The indicator of a request-based objective, as it is told."""
    metric = config["RequestBasedSliMetricConfig"]
    _refuse(metric, "RequestBasedSliConfig", "MetricSource", "CompositeSliConfig", "MetricName")
    limits = {name: config[name] for name in ("MetricThreshold", "ComparisonOperator") if name in config}
    if metric.get("TotalRequestCountMetric"):
        total, monitored = _own(metric["TotalRequestCountMetric"], "TotalRequestCountMetric"), metric.get("MonitoredRequestCountMetric") or {}
        if len(monitored) != 1:
            raise ValidationException("MonitoredRequestCountMetric must have either GoodCountMetric or BadCountMetric.")
        ((name, queries),) = monitored.items()
        counted = {name: _own(queries, name)}
        if period_of(queries) != period_of(total):
            raise ValidationException("All queries of a request-based SLI must have the same Period.")
    elif metric.get("KeyAttributes") and metric.get("MetricType"):
        dimensions = _dimensions(call, metric)
        total = [_query("total", "Latency", "SampleCount", dimensions, PERIOD_S)]
        if metric["MetricType"] == "AVAILABILITY":
            counted = {"BadCountMetric": [_query("bad", "Fault", "Sum", dimensions, PERIOD_S)]}
        elif len(limits) < 2:
            raise ValidationException("RequestBasedSliConfig must have a MetricThreshold and a ComparisonOperator for the MetricType LATENCY.")
        else:
            limit = f"{config['MetricThreshold']:g}"
            stat = f"TC(:{limit})" if config["ComparisonOperator"].startswith("Less") else f"TC({limit}:)"
            counted = {"GoodCountMetric": [_query("good", "Latency", stat, dimensions, PERIOD_S)]}
    else:
        raise ValidationException("RequestBasedSliMetricConfig must have KeyAttributes with a MetricType, or a TotalRequestCountMetric.")
    return {"RequestBasedSliMetric": {**_named(metric), "TotalRequestCountMetric": total, "MonitoredRequestCountMetric": counted}, **limits}


def source_type(metric: dict[str, Any]) -> str:
    if "DependencyConfig" in metric:
        return "ServiceDependency"
    if "KeyAttributes" not in metric:
        return "CloudWatchMetric"
    return "ServiceOperation" if "OperationName" in metric else "Service"
