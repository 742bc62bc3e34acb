"""GetMetricData: many metrics and expressions over them in one question, answered in pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.metric_math_run import Series
from kumoniwa.services.cloudwatch import insight_rule, metric
from kumoniwa.services.cloudwatch.errors import InvalidNextToken, ValidationException
from kumoniwa.services.cloudwatch.question import Question, check

QUERIES_MAX = 500
POINTS_MAX = 100_800

Page = Callable[[list[tuple[str, Series]]], tuple[list[dict], dict[str, str]]]
"""Cuts what is shown out of all lines."""


def GetMetricData(
    call: Call,
    *,
    MetricDataQueries: list[dict[str, Any]],
    StartTime: float,
    EndTime: float,
    NextToken: str | None = None,
    ScanBy: str | None = None,
    MaxDatapoints: int | None = None,
    LabelOptions: dict[str, str] | None = None,
) -> dict | Coroutine[Any, Any, dict]:
    """The time zone of LabelOptions is for labels that tell a time, which are refused by name."""
    if int(StartTime) == int(EndTime):
        raise ValidationException("The parameter StartTime must not equal parameter EndTime.")
    if StartTime > EndTime:
        raise ValidationException("The parameter EndTime must be greater than StartTime.")
    if len(MetricDataQueries) > QUERIES_MAX:
        raise ValidationException(f"The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}.")
    if MaxDatapoints is not None and not 1 <= MaxDatapoints <= POINTS_MAX:
        raise ValidationException(f"The value {MaxDatapoints} for parameter MaxDatapoints is not valid: it must be from 1 to {POINTS_MAX}.")
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 16):
        raise InvalidNextToken
    check(call, MetricDataQueries, "MetricDataQueries")
    page = partial(_page, skipped=int(NextToken or 0), room=MaxDatapoints or POINTS_MAX, is_ascending=ScanBy == "TimestampAscending")
    if insight_rule.asked_for(MetricDataQueries):
        return _counted(call, MetricDataQueries, StartTime, EndTime, page)
    return metric.fresh(call, lambda: _answer(Question(call, MetricDataQueries, StartTime, EndTime), page))


async def _counted(call: Call, queries: list[dict[str, Any]], start: float, end: float, page: Page) -> dict[str, Any]:
    """An answer that knows of what rules of Contributor Insights count."""
    insights = await insight_rule.counted_for(call, queries, start, end)
    await call.home.meter.put_early(call.account)
    return call.atomically(lambda: _answer(Question(call, queries, start, end, insights), page))


def _answer(question: Question, page: Page) -> dict[str, Any]:
    lines: list[tuple[str, Series]] = []
    for query in question.queries.values():
        # What is not shown is answered all the same: an expression that cannot be is refused wherever it stands.
        question.answer(query["Id"])
        if query.get("ReturnData", True):
            lines += [(query["Id"], line) for line in question.lines(query["Id"])]
    results, token = page(lines)
    for result in results:
        if result["Id"] in question.messages:
            result["Messages"] = question.messages[result["Id"]]
    return {"MetricDataResults": results, "Messages": []} | token


def _page(lines: list[tuple[str, Series]], skipped: int, room: int, is_ascending: bool) -> tuple[list[dict], dict[str, str]]:
    """Points are counted through all results; a result that is cut goes on in the next page."""
    results, passed = [], 0
    end = skipped + room
    for id_, line in lines:
        points = list(line.points.items())
        first, passed = passed, passed + len(points)
        if not is_ascending:
            points.reverse()
        shown = points[max(0, skipped - first) : max(0, end - first)]
        if shown or (not points and not skipped):
            results.append({
                "Id": id_,
                "Label": line.label,
                "Timestamps": [float(at) for at, _ in shown],
                "Values": [value for _, value in shown],
                "StatusCode": "PartialData" if passed > end else "Complete",
            })  # fmt: skip
    return results, {"NextToken": str(end)} if passed > end else {}
