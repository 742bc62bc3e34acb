"""Metric alarms are evaluated: each minute, or each ten seconds if their periods are shorter than a minute."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.metric_math_run import Series
from kumoniwa.languages.metric_statistic import Statistic, statistic
from kumoniwa.services.cloudwatch import history, insight_rule, metric, series, transition
from kumoniwa.services.cloudwatch.alarm import CREATED, METRIC, Alarm
from kumoniwa.services.cloudwatch.evaluation import (
    EXTRA_PERIODS,
    UNKNOWN,
    Point,
    Terms,
    Verdict,
    samples_needed,
    verdict,
)
from kumoniwa.services.cloudwatch.question import Question
from kumoniwa.services.cloudwatch.unit import NUMBERS, UNITS
from kumoniwa.wire import timestamps

MINUTE_S, SHORT_S = 60, 10
Insights = dict[str, insight_rule.Tallies]


def is_short(alarm: Alarm) -> bool:
    said = alarm.settings
    periods = [said["Period"]] if "Period" in said else [query["MetricStat"]["Period"] for query in said["Metrics"] if "MetricStat" in query]
    return bool(periods) and max(periods) < MINUTE_S


def watched(call: Call) -> list[Alarm]:
    return [alarm for alarm in call.shelf(Alarm).values() if alarm.kind == METRIC]


async def counted(call: Call, alarm: Alarm, end: int) -> Insights:
    """What rules of Contributor Insights counted that an alarm looks at; what cannot be counted now is missing."""
    queries = alarm.settings.get("Metrics", [])
    if not insight_rule.asked_for(queries):
        return {}
    period = Question(call, queries, end, end + 1).period_of(watched_of(alarm.settings))
    try:
        return await insight_rule.counted_for(call, queries, end - _range(call, alarm.settings, period, end) * period, end)
    except AwsError:
        return {}


def evaluate(call: Call, name: str, end: int, insights: Insights) -> None:
    """What the periods before ``end`` say of an alarm."""
    alarm = call.shelf(Alarm).get(name)
    if alarm is None or alarm.kind != METRIC:
        return
    said = alarm.settings
    try:
        period, points = _points(call, said, end, insights)
    except AwsError as error:
        # What the alarm asks was sound when it was put, and can no longer be answered.
        call.shelf(Alarm)[name] = changed(alarm, reason=f"Unable to evaluate: {error.text}", updated=call.now())
        return
    terms = Terms(
        said["ComparisonOperator"], said.get("Threshold", 0.0), said["EvaluationPeriods"], said.get("DatapointsToAlarm", said["EvaluationPeriods"]),
        "DatapointsToAlarm" in said, _missing(said),
    )  # fmt: skip
    found = verdict(terms, points)
    if found.state is None or _is_insignificant(said, found):
        return
    if found.state != alarm.state:
        transition.become(call, alarm, found.state, found.reason, history.spelled(_data(call, said, found, period)))
    elif alarm.reason == CREATED:
        call.shelf(Alarm)[name] = changed(
            alarm, reason=found.reason, reason_data=history.spelled(_data(call, said, found, period)), updated=call.now()
        )


def _missing(said: dict[str, Any]) -> str:
    """Alarms on what DynamoDB tells always ignore what is missing (PutMetricAlarm, TreatMissingData)."""
    spaces = {query["MetricStat"]["Metric"]["Namespace"] for query in said.get("Metrics", ()) if "MetricStat" in query} or {said.get("Namespace")}
    return "ignore" if spaces == {"AWS/DynamoDB"} else said.get("TreatMissingData", "missing")


def _range(call: Call, said: dict[str, Any], period: int, end: int) -> int:
    """How many periods are looked at. A metric of standard resolution has its points at whole minutes only, and for an alarm of shorter periods
    AWS goes further back to find one ("the exact number varies based on the length of the alarm period and whether it is based on a metric with
    standard resolution or high resolution", alarm-evaluation.html; recorded: localstack's test_put_metric_alarm)."""
    plain = said["EvaluationPeriods"] + EXTRA_PERIODS
    if period >= MINUTE_S:
        return plain
    longer = said["EvaluationPeriods"] + max(EXTRA_PERIODS, MINUTE_S // period + 1)
    asked = [query["MetricStat"]["Metric"] for query in said["Metrics"] if "MetricStat" in query] if "Metrics" in said else [said]
    metric.fold(call)
    found = [metric.find(call, each["Namespace"], each["MetricName"], each.get("Dimensions")) for each in asked]
    has_seconds = any(each is not None and series.has_seconds(call, each[0], each[1], end - longer * period, end) for each in found)
    return plain if has_seconds else longer


def watched_of(said: dict[str, Any]) -> dict[str, Any]:
    """The query whose values an alarm watches: the one that returns data and is not its band."""
    return next(query for query in said["Metrics"] if query.get("ReturnData", True) and query["Id"] != said.get("ThresholdMetricId"))


def _points(call: Call, said: dict[str, Any], end: int, insights: Insights) -> tuple[int, list[Point]]:
    if "Metrics" in said:
        shown = watched_of(said)
        period = Question(call, said["Metrics"], end, end + 1).period_of(shown)
        count = _range(call, said, period, end)
        question = Question(call, said["Metrics"], end - count * period, end, insights)
        value = question.answer(shown["Id"])
        held = value.points if isinstance(value, Series) else {} if isinstance(value, list) or value != value else {end - period: value}
        times = range(end - count * period, end, period)
        if "ThresholdMetricId" not in said:
            return period, [Point(at, held.get(at)) for at in times]
        # A point of which nothing is expected tells as little as one that is missing.
        upper, lower = (line.points for line in question.answer(said["ThresholdMetricId"]))
        return period, [Point(at, held[at], None, lower[at], upper[at]) if at in held and at in upper else Point(at, None) for at in times]
    period = said["Period"]
    start = end - _range(call, said, period, end) * period
    wanted = statistic(said["ExtendedStatistic"]) if "ExtendedStatistic" in said else Statistic(said["Statistic"])
    samples: dict[int, Any] = {}
    metric.fold(call)
    found = metric.find(call, said["Namespace"], said["MetricName"], said.get("Dimensions"))
    if found is not None:
        units = [NUMBERS[said["Unit"]]] if "Unit" in said else [number for number in range(len(UNITS)) if found[1] >> number & 1]
        for unit in units:
            samples = samples or series.samples(call, found[0], unit, start, end, period, call.now(), with_spread="ExtendedStatistic" in said)
    points = []
    for at in range(start, end, period):
        sample = samples.get(at)
        points.append(Point(at, wanted.of(sample) if sample else None, sample.count if sample else None))
    return period, points


def _is_insignificant(said: dict[str, Any], found: Verdict) -> bool:
    """Whether percentiles of too few values shall change nothing."""
    if said.get("EvaluateLowSampleCountPercentile") != "ignore" or found.state == UNKNOWN:
        return False
    read = statistic(said["ExtendedStatistic"])
    return read.kind == "p" and any((point.count or 0) < samples_needed(read.high) for point in found.evaluated)


def _data(call: Call, said: dict[str, Any], found: Verdict, period: int) -> dict[str, Any]:
    """Recorded: localstack's test_put_metric_alarm and test_breaching_alarm_actions."""
    real = [point for point in found.evaluated if point.value is not None]
    told: dict[str, Any] = {"version": "1.0", "queryDate": timestamps.to_millisecond_with_offset(call.now())}
    if real:
        told["startDate"] = timestamps.to_millisecond_with_offset(real[-1].at)
    if "Unit" in said:
        told["unit"] = said["Unit"]
    if "Metrics" not in said:
        told["statistic"] = said.get("Statistic") or said["ExtendedStatistic"]
    told |= {"period": period, "recentDatapoints": [point.value for point in real[::-1]]}
    if "ThresholdMetricId" in said:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
        bounds = {"recentLowerThresholds": [point.lower for point in real[::-1]], "recentUpperThresholds": [point.upper for point in real[::-1]]}
        return told | bounds
    told |= {"threshold": said["Threshold"], "evaluatedDatapoints": []}
    for point in found.evaluated:
        each: dict[str, Any] = {"timestamp": timestamps.to_millisecond_with_offset(point.at)}
        if point.count is not None:
            each["sampleCount"] = point.count
        told["evaluatedDatapoints"].append(each | ({"value": point.value} if point.value is not None else {}))
    return told
