"""A question of several queries over one stretch of time: metrics, expressions over them, searches and Metrics Insights.

GetMetricData, alarms on expressions and dashboards' widgets all ask in this way.
"""

from __future__ import annotations

import math
import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import metric_math, metric_select
from kumoniwa.languages.metric_math_run import REDUCERS, Series, Unbuilt, Value, run
from kumoniwa.languages.metric_search import Candidate, InvalidSearch, search
from kumoniwa.languages.metric_statistic import InvalidStatistic, Sample, Statistic, statistic
from kumoniwa.services.cloudwatch import anomaly_band, insight_rule, label, metric, series
from kumoniwa.services.cloudwatch.errors import ValidationException
from kumoniwa.services.cloudwatch.unit import NUMBERS, UNITS

FOUND_MAX = 500
PERIOD_DEFAULT_S = 300
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


# Checking -------------------------------------------------------------------------------------------------


def check(call: Call, queries: list[dict[str, Any]], where: str, periods: tuple[int, ...] = (1, 5, 10, 30)) -> None:
    """Raise what CloudWatch has against queries, all at once as it does. ``where`` is what their list is called."""
    wrong: list[str] = []
    seen: set[str] = set()
    for number, query in enumerate(queries, 1):
        at = f"{where}.member.{number}"
        if not _ID.fullmatch(query["Id"]):
            wrong.append(f"The value {query['Id']} for parameter {at}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.")
        if query["Id"] in seen:
            wrong.append(f"The value {query['Id']} for parameter {at}.Id is not unique.")
        seen.add(query["Id"])
        if query.get("AccountId") not in (None, call.account):
            raise NotImplementedHere(f"metrics of linked accounts ({query['AccountId']})")
        if "Expression" in query and "MetricStat" in query:
            wrong.append(f"The parameters {at}.Expression and {at}.MetricStat are mutually exclusive and you have specified both.")
        elif "MetricStat" in query:
            wrong += _wrong_with_metric(query["MetricStat"], f"{at}.MetricStat", periods)
        elif "Expression" not in query:
            # https://github.com/getmoto/moto/pull/6570
            wrong.append(f"The parameter {at}.MetricStat is required.")
        if "Period" in query and query["Period"] not in periods and query["Period"] % 60:
            wrong.append(_of_period(f"{at}.Period", periods))
    if wrong:
        raise ValidationException("".join(f"{text}\n" for text in wrong))
    for query in queries:
        if "Expression" in query:
            _check_expression(query, seen)


def _of_period(what: str, periods: tuple[int, ...]) -> str:
    return f"The parameter {what} must be {', '.join(map(str, periods))} or a multiple of 60."


def _wrong_with_metric(stat: dict[str, Any], at: str, periods: tuple[int, ...]) -> list[str]:
    wrong = [f"The parameter {at}.Metric.{name} is required." for name in ("Namespace", "MetricName") if not stat["Metric"].get(name)]
    if stat["Period"] not in periods and stat["Period"] % 60:
        wrong.append(_of_period(f"{at}.Period", periods))
    try:
        statistic(stat["Stat"])
    except InvalidStatistic:
        wrong.append(f"The value {stat['Stat']} for parameter {at}.Stat is not supported.")
    return wrong


def _check_expression(query: dict[str, Any], ids: set[str]) -> None:
    text = query["Expression"]
    try:
        if metric_select.is_query(text):
            metric_select.query(text)
            return
        read = metric_math.parse(text)
    except (metric_math.InvalidExpression, metric_select.InvalidQuery) as error:
        raise invalid(query, error)
    for name in sorted(metric_math.names_in(read) - ids):
        raise invalid(query, metric_math.InvalidExpression(f"Undefined variable '{name}'"))


def invalid(query: dict[str, Any], error: Exception) -> ValidationException | NotImplementedHere:
    """As composite alarms' rules are refused (https://github.com/aws/aws-cdk/issues/13953)."""
    if isinstance(error, Unbuilt):
        return NotImplementedHere(f"the function {error} of metric math")
    return ValidationException(f"Error in expression '{query['Id']}' [{error}]")


# Answering ------------------------------------------------------------------------------------------------


class Question:
    """Queries that were checked, between two moments. Each is answered once, whoever refers to it."""

    def __init__(
        self, call: Call, queries: list[dict[str, Any]], start: float, end: float, insights: dict[str, insight_rule.Tallies] | None = None
    ) -> None:
        self.insights = insights or {}
        """What the rules of Contributor Insights counted that the queries name, by the minute."""
        self.call, self.asked_start, self.end, self.now = call, start, end, call.now()
        self.queries = {query["Id"]: query for query in queries}
        self.answers: dict[str, Value] = {}
        self.messages: dict[str, list[dict[str, str]]] = {}
        self._under_way: list[str] = []
        metric.fold(call)
        plain = [query for query in queries if "MetricStat" in query]
        names = label.defaults([_facts(query["MetricStat"]) for query in plain])
        self.names = {query["Id"]: name for query, name in zip(plain, names)}

    def answer(self, id_: str) -> Value:
        if id_ not in self.answers:
            query = self.queries[id_]
            if id_ in self._under_way:
                raise invalid(query, metric_math.InvalidExpression(f"Circular reference to '{id_}'"))
            self._under_way.append(id_)
            try:
                self.answers[id_] = self._metric(query) if "MetricStat" in query else self._expression(query)
            except (metric_math.InvalidExpression, InvalidSearch, InvalidStatistic) as error:
                raise invalid(query, error)
            self._under_way.pop()
        return self.answers[id_]

    def lines(self, id_: str) -> list[Series]:
        """What a query shows, with labels as its owner wants them."""
        query, value = self.queries[id_], self.answer(id_)
        if isinstance(value, float):
            start = series.origin(self.asked_start, self.period_of(query), self.now)
            value = Series({start: value} if value == value else {}, self.period_of(query))
        if isinstance(value, Series):
            return [value._replace(label=self._label(query, value, self.names.get(id_, id_)))]
        return [line._replace(label=self._label(query, line, line.label, is_one_of=True)) for line in value]

    def _label(self, query: dict[str, Any], line: Series, name: str, *, is_one_of: bool = False) -> str:
        template = query.get("Label")
        if template is None:
            return name
        if "${" not in template:
            return f"{template} {name}" if is_one_of else template
        facts = _facts(query["MetricStat"]) if "MetricStat" in query else {"dimensions": {}}
        more = {"LABEL": name, "Period": line.period, "Region": self.call.region, "AccountId": self.call.account}
        return label.spelled(template, {**facts, **more}, list(line.points.values()))

    def _metric(self, query: dict[str, Any]) -> Series:
        stat = query["MetricStat"]
        asked, period, wanted = stat["Metric"], stat["Period"], statistic(stat["Stat"])
        found = metric.find(self.call, asked["Namespace"], asked["MetricName"], asked.get("Dimensions"))
        line = Series({}, period, self.names[query["Id"]], query["Id"])
        if found is None:
            return line
        start = series.origin(self.asked_start, period, self.now)
        named = stat.get("Unit")
        units = [NUMBERS[named]] if named is not None else [number for number in range(len(UNITS)) if found[1] >> number & 1]
        held = {unit: series.values(self.call, found[0], unit, start, self.end, period, wanted, self.now) for unit in units}
        full = [unit for unit in units if held[unit]]
        if len(full) > 1:
            text = f"Multiple units returned: '[{', '.join(UNITS[unit] for unit in full)}]'"
            self.messages[query["Id"]] = [{"Code": "MultipleUnits", "Value": text}]
        return line._replace(points=held[full[0]]) if full else line

    # Expressions ------------------------------------------------------------------------------------------

    def period_of(self, query: dict[str, Any], seen: frozenset[str] = frozenset()) -> int:
        """A metric's own; an expression's is the longest of what it refers to, if its query says none."""
        if "MetricStat" in query:
            return query["MetricStat"]["Period"]
        if "Period" in query:
            return query["Period"]
        named: set[str] = set()
        if not metric_select.is_query(query["Expression"]):
            named = metric_math.names_in(metric_math.parse(query["Expression"])) & self.queries.keys() - seen
        referred = [self.period_of(self.queries[name], seen | {query["Id"]}) for name in named if name != query["Id"]]
        every = [other["MetricStat"]["Period"] for other in self.queries.values() if "MetricStat" in other]
        return max(referred or every, default=PERIOD_DEFAULT_S)

    def _expression(self, query: dict[str, Any]) -> Value:
        text, period = query["Expression"], self.period_of(query)
        if metric_select.is_query(text):
            return self._selected(metric_select.query(text), period, query["Id"])
        return run(metric_math.parse(text), _World(self, period))

    def candidates(self) -> list[tuple[int, int, Candidate]]:
        """Metrics that had data since the question begins, and not longer ago than two weeks."""
        since = max(self.asked_start, self.now - metric.LISTED_S)
        found = self.call.rows(metric.METRICS).all(
            "select id, units, namespace, name, dimensions from metric where last >= ? order by namespace, name, dimensions", since
        )
        return [
            (id_, units, Candidate(namespace, name, {each["Name"]: each["Value"] for each in metric.shown_dimensions(text)}))
            for id_, units, namespace, name, text in found
        ]

    def _selected(self, query: metric_select.Query, period: int, id_: str) -> Value:
        groups: dict[tuple[str, ...], dict[int, list[Sample]]] = {}
        start = series.origin(self.asked_start, period, self.now)
        for number, units, found in self.candidates():
            if (found.namespace, found.name) == (query.namespace, query.metric) and query.takes(found.dimensions):
                gathered = groups.setdefault(tuple(found.dimensions[name] for name in query.groups), {})
                for unit in range(units.bit_length()):
                    if units >> unit & 1:
                        for at, sample in series.samples(self.call, number, unit, start, self.end, period, self.now).items():
                            gathered.setdefault(at, []).append(sample)
        lines = [
            Series({at: _selected_value(query.function, gathered[at]) for at in sorted(gathered)}, period, " ".join(key), id_)
            for key, gathered in groups.items()
        ]
        if query.order is not None:
            reduce = REDUCERS["DATAPOINT_COUNT" if query.order == "COUNT" else query.order]
            lines = [line for line in lines if line.points]
            lines.sort(key=lambda line: reduce(list(line.points.values())), reverse=query.is_descending)
        if query.groups:
            return lines[: query.limit or FOUND_MAX]
        return lines[0]._replace(label=id_) if lines else Series({}, period, id_, id_)


def asked(call: Call, queries: list[dict[str, Any]], start: float, end: float, id_: str) -> Value:
    """What one of some queries comes to."""
    return Question(call, queries, start, end).answer(id_)


def _selected_value(function: str, samples: list[Sample]) -> float:
    whole = Sample(
        sum(each.count for each in samples), sum(each.total for each in samples), min(each.least for each in samples),
        max(each.most for each in samples), None,
    )  # fmt: skip
    kind = {"AVG": "Average", "SUM": "Sum", "COUNT": "SampleCount", "MIN": "Minimum", "MAX": "Maximum"}[function]
    return Statistic(kind).of(whole)


def _facts(stat: dict[str, Any]) -> dict[str, Any]:
    asked = stat["Metric"]
    dimensions = {each["Name"]: each["Value"] for each in asked.get("Dimensions") or ()}
    told = {"metric": asked["MetricName"], "stat": stat["Stat"], "period": stat["Period"], "dimensions": dimensions}
    return told | {"MetricName": asked["MetricName"], "Namespace": asked["Namespace"], "Stat": stat["Stat"]}


class _World:
    """What the expressions of one question can refer to."""

    def __init__(self, question: Question, period: int) -> None:
        self.question, self.period, self.end = question, period, question.end
        self.start = series.origin(question.asked_start, period, question.now)

    def named(self, name: str) -> Value:
        if name not in self.question.queries:
            raise metric_math.InvalidExpression(f"Undefined variable '{name}'")
        return self.question.answer(name)

    def metrics(self, part: str) -> list[Series]:
        plain = [query["Id"] for query in self.question.queries.values() if "MetricStat" in query]
        return [line for id_ in plain if part in id_ for line in self.question.lines(id_)]

    def band(self, name: str, width: float) -> list[Series]:
        """The upper line, then the lower: AWS says that there are two, and not in which order. Nor is it known how it calls them."""
        query = self.question.queries.get(name)
        if query is None:
            raise metric_math.InvalidExpression(f"Undefined variable '{name}'")
        period = self.question.period_of(query)
        if period < 60:
            raise Unbuilt("ANOMALY_DETECTION_BAND over periods shorter than a minute")
        times = range(series.origin(self.question.asked_start, period, self.question.now), math.ceil(self.end), period)
        lines = anomaly_band.band(self.question.call, self.question.queries, name, period, times, width, asked)
        return [Series(points, period, label) for points, label in zip(lines, ("High", "Low"))]

    def insight(self, rule: str, figure: str) -> Series:
        question = self.question
        if insight_rule.held(question.call, rule) is None or figure not in insight_rule.METRICS:
            raise metric_math.InvalidExpression(f"Unsupported insight rule metric '{rule}' '{figure}'")
        gathered = insight_rule.gathered_by(question.insights.get(rule, {}), self.start, self.period)
        return Series({at: insight_rule.figure(figure, gathered[at]) for at in sorted(gathered)}, self.period, f"{rule} {figure}")

    def search(self, text: str, statistic_name: str, period: int) -> list[Series]:
        holds, wanted, call = search(text), statistic(statistic_name), self.question.call
        found = [(id_, units, each) for id_, units, each in self.question.candidates() if holds(each)][:FOUND_MAX]
        told = [{"metric": each.name, "stat": "", "period": 0, "dimensions": each.dimensions} for _, _, each in found]
        lines = []
        for name, (id_, units, _) in zip(label.defaults(told), found):
            start = series.origin(self.question.asked_start, period, self.question.now)
            held: series.Series = {}
            for unit in range(units.bit_length()):
                if units >> unit & 1 and not held:
                    held = series.values(call, id_, unit, start, self.question.end, period, wanted, self.question.now)
            lines.append(Series(held, period, name))
        return lines
