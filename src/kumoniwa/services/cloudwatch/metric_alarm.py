"""Alarms that watch one metric, or one expression over several."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import metric_math, metric_select
from kumoniwa.languages.metric_statistic import PLAIN, InvalidStatistic, statistic
from kumoniwa.services.cloudwatch import alarm as alarms
from kumoniwa.services.cloudwatch import anomaly_band, anomaly_detector, question
from kumoniwa.services.cloudwatch.alarm import METRIC, Alarm
from kumoniwa.services.cloudwatch.anomaly_band import Detector
from kumoniwa.services.cloudwatch.errors import InvalidParameterValueException, ValidationException
from kumoniwa.services.cloudwatch.evaluation import RANGES
from kumoniwa.services.cloudwatch.watch import watched_of

PERIODS = (10, 20, 30)
MISSING = ("breaching", "notBreaching", "ignore", "missing")
DAY_S, WEEK_S, HOUR_S = 86_400, 604_800, 3_600
QUERIES_MAX = 10
"""Of metrics, and of expressions."""
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")


def PutMetricAlarm(
    call: Call,
    *,
    AlarmName: str,
    AlarmDescription: str | None = None,
    ActionsEnabled: bool | None = None,
    OKActions: list[str] | None = None,
    AlarmActions: list[str] | None = None,
    InsufficientDataActions: list[str] | None = None,
    MetricName: str | None = None,
    Namespace: str | None = None,
    Statistic: str | None = None,
    ExtendedStatistic: str | None = None,
    Dimensions: list[dict[str, str]] | None = None,
    Period: int | None = None,
    Unit: str | None = None,
    EvaluationPeriods: int | None = None,
    DatapointsToAlarm: int | None = None,
    Threshold: float | None = None,
    ComparisonOperator: str | None = None,
    TreatMissingData: str | None = None,
    EvaluateLowSampleCountPercentile: str | None = None,
    Metrics: list[dict[str, Any]] | None = None,
    Tags: list[dict[str, str]] | None = None,
    ThresholdMetricId: str | None = None,
) -> None:
    """An alarm on a band makes the anomaly detector behind it, if nobody has. Where no other source is named, what is refused and in which
    words is as badmintoncryer/cdk-preflight saw it of AWS (rules/cloudwatch)."""
    said = {
        "AlarmDescription": AlarmDescription, "OKActions": OKActions, "AlarmActions": AlarmActions,
        "InsufficientDataActions": InsufficientDataActions,
        "MetricName": MetricName, "Namespace": Namespace, "Statistic": Statistic, "ExtendedStatistic": ExtendedStatistic, "Dimensions": Dimensions,
        "Period": Period, "Unit": Unit, "EvaluationPeriods": EvaluationPeriods, "DatapointsToAlarm": DatapointsToAlarm,
        "Threshold": None if Threshold is None else float(Threshold),
        "ComparisonOperator": ComparisonOperator, "TreatMissingData": TreatMissingData,
        "EvaluateLowSampleCountPercentile": EvaluateLowSampleCountPercentile, "Metrics": Metrics,
        "ThresholdMetricId": ThresholdMetricId,
    }  # fmt: skip
    settings = {name: value for name, value in said.items() if value is not None}
    _check_number(Metrics or [])
    if Threshold is not None and ThresholdMetricId is not None:
        raise ValidationException("Threshold and ThresholdMetricId cannot both be set")
    if ComparisonOperator in RANGES and ThresholdMetricId is None:
        # https://github.com/aws/aws-cdk/issues/10540
        raise ValidationException("ComparisonOperators for ranges require ThresholdMetricId to be set")
    if ThresholdMetricId is not None and ComparisonOperator not in (None, *RANGES):
        raise ValidationException("ThresholdMetricId can only be set with ComparisonOperators for ranges")
    _check_terms(settings)
    if Metrics:
        _check_metrics(call, settings)
    elif ThresholdMetricId is not None:
        raise ValidationException("ThresholdMetricId can only be set with Metrics")
    else:
        _check_metric(settings)
    alarms.check_actions(call, OKActions, AlarmActions, InsufficientDataActions)
    actions = [*(OKActions or ()), *(AlarmActions or ()), *(InsufficientDataActions or ())]
    if ThresholdMetricId is not None and any(":autoscaling:" in each for each in actions):
        raise ValidationException("autoscaling actions not supported when ThresholdMetricId is set")
    alarms.keep(call, METRIC, AlarmName, settings, ActionsEnabled, Tags)


def _check_number(queries: list[dict[str, Any]]) -> None:
    """AWS counts before it looks at anything else."""
    for kind, what in (("Expression", "expressions"), ("MetricStat", "metrics")):
        if sum(kind in query for query in queries) > QUERIES_MAX:
            raise ValidationException(f"Too many {what} in alarm, maximum is {QUERIES_MAX}")


def _check_terms(said: dict[str, Any]) -> None:
    """https://github.com/hashicorp/terraform/issues/24070"""
    for name in ("ComparisonOperator", "EvaluationPeriods"):
        if name not in said:
            raise ValidationException(f"{name} must not be null")
    if "Threshold" not in said and "ThresholdMetricId" not in said:
        raise ValidationException("PutMetricAlarm request should have valid Threshold parameter")
    if said.get("DatapointsToAlarm", 0) > said["EvaluationPeriods"]:
        raise ValidationException("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    _check_option(said, "TreatMissingData", MISSING)
    _check_option(said, "EvaluateLowSampleCountPercentile", ("evaluate", "ignore"))


def _check_option(said: dict[str, Any], name: str, options: tuple[str, ...]) -> None:
    """getmoto/moto's test_put_metric_alarm_error_evaluate_low_sample_count_percentile, verified against AWS."""
    if said.get(name, options[0]) not in options:
        listed = " and ".join(filter(None, (", ".join(options[:-1]), options[-1])))
        raise ValidationException(f"Option {said[name]} is not supported. Supported options for parameter {name} are {listed}.")


def _check_metric(said: dict[str, Any]) -> None:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in said:
            raise ValidationException(f"{name} must not be null")
    if not said["Namespace"].isascii():
        raise ValidationException("Namespace must not contain Non-ASCII characters.")
    if ("Statistic" in said) == ("ExtendedStatistic" in said):
        raise ValidationException("Exactly one of Statistic and ExtendedStatistic must be set")
    if "ExtendedStatistic" in said:
        try:
            read = statistic(said["ExtendedStatistic"])
        except InvalidStatistic:
            read = None
        if read is None or read.kind in PLAIN:
            # getmoto/moto's test_put_metric_alarm_error_extended_statistic, verified against AWS.
            raise InvalidParameterValueException(f"The value {said['ExtendedStatistic']} for parameter ExtendedStatistic is not supported.")
    elif "EvaluateLowSampleCountPercentile" in said:
        raise ValidationException(
            f"Option evaluateLowSampleCountPercentile can not be applied with statistic {said['Statistic']}. This option is enabled only for "
            "percentile statistics."
        )
    _check_period(said["Period"])
    _check_length(said["Period"], said["EvaluationPeriods"])


def _check_period(period: int) -> None:
    if period not in PERIODS and period % 60:
        raise ValidationException("Period must be 10, 20, 30 or a multiple of 60")


def _check_length(period: int, count: int) -> None:
    if period < HOUR_S and period * count > DAY_S:
        raise ValidationException(f"Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= {DAY_S})")
    if period * count > WEEK_S:
        raise ValidationException(
            f"Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= {WEEK_S}) for alarms using period >= {HOUR_S}"
        )


def _check_metrics(call: Call, said: dict[str, Any]) -> None:
    """https://github.com/aws-cloudformation/cfn-lint/pull/1306"""
    for name in _OF_ONE_METRIC:
        if name in said:
            raise ValidationException(f"{name} should not be set if list of Metrics is set.")
    queries = said["Metrics"]
    for query in queries:
        _check_query(query)
    question.check(call, queries, "Metrics", PERIODS)
    band = said.get("ThresholdMetricId")
    returning = [query["Id"] for query in queries if query.get("ReturnData", True)]
    if band is not None and band not in returning:
        raise ValidationException("Metrics list must contain exactly one metric matching the ThresholdMetricId parameter")
    if len(returning) != (1 if band is None else 2):
        wanted = "one element" if band is None else "two elements"
        raise ValidationException(f"Exactly {wanted} of the metrics list should return data.")
    for query in queries:
        text = query.get("Expression", "")
        if metric_select.is_query(text):
            if metric_select.query(text).groups:
                raise NotImplementedHere("alarms on queries of Metrics Insights with GROUP BY")
        elif text and "SEARCH" in metric_math.functions_in(metric_math.parse(text)):
            raise ValidationException("SEARCH is not supported on Metric Alarms.")
    asked = question.Question(call, queries, call.now() - HOUR_S, call.now())
    shown = watched_of(said)
    if band is not None:
        _check_band(call, queries, band)
    if isinstance(asked.answer(shown["Id"]), list):
        raise ValidationException(f"The expression '{shown['Id']}' must return a single time series.")
    _check_length(asked.period_of(shown), said["EvaluationPeriods"])


def _check_query(query: dict[str, Any]) -> None:
    if "Expression" in query and "MetricStat" in query:
        raise ValidationException("The parameters MetricDataQuery Expression and MetricStat are mutually exclusive and you have specified both.")
    stat = query.get("MetricStat", query)
    if "Period" in stat:
        _check_period(stat["Period"])
    elif "Expression" not in query:
        raise ValidationException("Period must not be null")
    if "Stat" in stat:
        try:
            statistic(stat["Stat"])
        except InvalidStatistic:
            raise ValidationException("Invalid metrics list") from None


def _check_band(call: Call, queries: list[dict[str, Any]], id_: str) -> None:
    text = next((query.get("Expression", "") for query in queries if query["Id"] == id_), "")
    read = metric_math.parse(text) if text and not metric_select.is_query(text) else None
    if not isinstance(read, metric_math.Function) or read.name != "ANOMALY_DETECTION_BAND":
        # https://github.com/cdklabs/cdk-monitoring-constructs/issues/340
        raise ValidationException("Threshold metric expression must use ANOMALY_DETECTION_BAND function.")
    question.asked(call, queries, call.now() - HOUR_S, call.now(), id_)
    learned = next(argument.value for argument in read.arguments if isinstance(argument, metric_math.Name))
    kept = [query for query in queries if query["Id"] != id_]
    if anomaly_band.key_of(kept, learned) not in call.shelf(Detector):
        (query,) = (query for query in kept if query["Id"] == learned)
        if "MetricStat" in query:
            stat = query["MetricStat"]
            asked = stat["Metric"]
            one = anomaly_detector.single(asked["Namespace"], asked["MetricName"], asked.get("Dimensions", []), stat["Stat"])
            anomaly_detector.keep(call, anomaly_detector.SINGLE, one, "m1", {}, {})
        else:
            shown = [{**query, "ReturnData": query["Id"] == learned} for query in kept]
            anomaly_detector.keep(call, anomaly_detector.MATH, shown, learned, {}, {})


def DescribeAlarmsForMetric(
    call: Call,
    *,
    MetricName: str,
    Namespace: str,
    Statistic: str | None = None,
    ExtendedStatistic: str | None = None,
    Dimensions: list[dict[str, str]] | None = None,
    Period: int | None = None,
    Unit: str | None = None,
) -> dict:
    """Alarms on expressions are not found by the metrics in them."""
    wanted = {"MetricName": MetricName, "Namespace": Namespace}
    asked = {"Statistic": Statistic, "ExtendedStatistic": ExtendedStatistic, "Period": Period, "Unit": Unit}
    wanted |= {name: value for name, value in asked.items() if value is not None}
    dimensions = {each["Name"]: each["Value"] for each in Dimensions or ()}
    found = [
        alarm
        for _, alarm in sorted(call.shelf(Alarm).items())
        if alarm.kind == METRIC
        and all(alarm.settings.get(name) == value for name, value in wanted.items())
        and {each["Name"]: each["Value"] for each in alarm.settings.get("Dimensions", ())} == dimensions
    ]
    return {"MetricAlarms": [alarms.shown(call, alarm) for alarm in found]}
