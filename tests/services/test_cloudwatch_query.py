"""GetMetricData: metrics, the whole of metric math, searches and Metrics Insights; labels and pages."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from services.test_cloudwatch_metrics import NOW, moment, put

APP = {"Namespace": "app"}


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    client = cloud.client("cloudwatch")
    # By minutes: a = 1 2 3 4 5, b = 10 . 30 . 0, c = nothing.
    for minute, (a, b) in enumerate([(1, 10), (2, None), (3, 30), (4, None), (5, 0)]):
        put(client, "a", a, at=NOW + 60 * minute)
        if b is not None:
            put(client, "b", b, at=NOW + 60 * minute)
    return client


def stat(name, statistic="Sum", period=60, **dimensions):
    metric = {**APP, "MetricName": name, "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]}
    return {"Metric": metric, "Period": period, "Stat": statistic}


METRICS = [{"Id": name, "MetricStat": stat(name), "ReturnData": False} for name in ("a", "b", "c")]


def ask(client, queries, *, end=NOW + 300, **more):
    return client.get_metric_data(
        MetricDataQueries=queries, StartTime=moment(NOW), EndTime=moment(end), **{"ScanBy": "TimestampAscending", **more}
    )


def comes_to(client, expression, **more):
    """Of each line: {minute: value}."""
    found = ask(client, [*METRICS, {"Id": "e", "Expression": expression, **more}])["MetricDataResults"]
    return [{int(at.timestamp() - NOW) // 60: value for at, value in zip(line["Timestamps"], line["Values"])} for line in found]


A = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 5.0}
B = {0: 10.0, 2: 30.0, 4: 0.0}
NEW_YEAR = {name: {minute: float(value) for minute in range(5)} for name, value in {"DAY": 2, "DATE": 1, "MONTH": 1, "YEAR": 2030, "HOUR": 0}.items()}
"""The first of January 2030 is a Tuesday."""


@pytest.mark.parametrize(
    "expression, lines",
    [
        ("a", [A]),
        ("a + 1", [{n: v + 1 for n, v in A.items()}]),
        ("a + b", [{0: 11.0, 2: 33.0, 4: 5.0}]),
        ("a / b", [{0: 0.1, 2: 0.1}]),
        ("2 + 3 * 2 ^ 3 ^ 2 / 512", [{0: 5.0}]),
        ("-a ^ 2", [{n: -(v**2) for n, v in A.items()}]),
        ("(a - 3) * 2", [{0: -4.0, 1: -2.0, 2: 0.0, 3: 2.0, 4: 4.0}]),
        ("a >= 3", [{0: 0.0, 1: 0.0, 2: 1.0, 3: 1.0, 4: 1.0}]),
        ("a > 1 AND a < 4", [{0: 0.0, 1: 1.0, 2: 1.0, 3: 0.0, 4: 0.0}]),
        ("a == 1 || a != 2 && a > 4", [{0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0, 4: 1.0}]),
        ("SUM(a)", [{0: 15.0}]),
        ("AVG(b)", [{0: 40 / 3}]),
        ("MIN(a)", [{0: 1.0}]),
        ("MAX(METRICS())", [{0: 10.0, 1: 2.0, 2: 30.0, 3: 4.0, 4: 5.0}]),
        ("SUM([a, b])", [{0: 11.0, 1: 2.0, 2: 33.0, 3: 4.0, 4: 5.0}]),
        ("STDDEV(a)", [{0: 2**0.5}]),
        ("a - AVG(a)", [{0: -2.0, 1: -1.0, 2: 0.0, 3: 1.0, 4: 2.0}]),
        ("DATAPOINT_COUNT(b)", [{0: 3.0}]),
        ("DATAPOINT_COUNT(METRICS())", [{0: 2.0, 1: 1.0, 2: 2.0, 3: 1.0, 4: 2.0}]),
        ("METRIC_COUNT(METRICS())", [{0: 3.0}]),
        ("METRICS(\"b\") * 2", [{0: 20.0, 2: 60.0, 4: 0.0}]),
        ("REMOVE_EMPTY(METRICS())", [A, B]),
        ("ABS(a - 3)", [{0: 2.0, 1: 1.0, 2: 0.0, 3: 1.0, 4: 2.0}]),
        ("CEIL(a / 2)", [{0: 1.0, 1: 1.0, 2: 2.0, 3: 2.0, 4: 3.0}]),
        ("FLOOR(a / 2)", [{0: 0.0, 1: 1.0, 2: 1.0, 3: 2.0, 4: 2.0}]),
        ("LOG10(b)", [{0: 1.0, 2: pytest.approx(1.4771212)}]),
        ("LOG(a) - LOG(a)", [{n: 0.0 for n in A}]),
        ("DIFF(b)", [{2: 20.0, 4: -30.0}]),
        ("DIFF_TIME(b)", [{2: 120.0, 4: 120.0}]),
        ("RATE(a)", [{n: 1 / 60 for n in range(1, 5)}]),
        ("RUNNING_SUM(a)", [{0: 1.0, 1: 3.0, 2: 6.0, 3: 10.0, 4: 15.0}]),
        ("FILL(b, 7)", [{0: 10.0, 1: 7.0, 2: 30.0, 3: 7.0, 4: 0.0}]),
        ("FILL(b, REPEAT)", [{0: 10.0, 1: 10.0, 2: 30.0, 3: 30.0, 4: 0.0}]),
        ("FILL(b, LINEAR)", [{0: 10.0, 1: 20.0, 2: 30.0, 3: 15.0, 4: 0.0}]),
        ("FILL(b, a)", [{0: 10.0, 1: 2.0, 2: 30.0, 3: 4.0, 4: 0.0}]),
        ("FILL(METRICS(\"c\"), 0)", [{n: 0.0 for n in range(5)}]),
        ("IF(a > 2, a)", [{2: 3.0, 3: 4.0, 4: 5.0}]),
        ("IF(a > 2, b, 100)", [{0: 100.0, 1: 100.0, 2: 30.0, 4: 0.0}]),
        ("IF(1 < 2, a, b)", [A]),
        ("IF(SUM(a) > 100, 1, 0)", [{0: 0.0}]),
        ("TIME_SERIES(3)", [{n: 3.0 for n in range(5)}]),
        ("PERIOD(a)", [{0: 60.0}]),
        ("FIRST(METRICS())", [A]),
        ("LAST([a, b])", [B]),
        ("SLICE(METRICS(), 1, 2)", [B]),
        ("SLICE(METRICS(), 1)", [B, {}]),
        ("SORT(METRICS(), MAX, DESC)", [B, A, {}]),
        ("SORT(METRICS(), AVG, ASC, 1)", [A]),
        ("MINUTE(b)", [{n: float(n) for n in range(5)}]),
        ("EPOCH(a) - 1893456000", [{n: 60.0 * n for n in range(5)}]),
        *[(f"{name}(a)", [held]) for name, held in NEW_YEAR.items()],
    ],
)  # fmt: skip
def test_metric_math(watch, expression, lines):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    found = comes_to(watch, expression)
    assert len(found) == len(lines)
    for one, expected in zip(found, lines):
        assert one == pytest.approx(expected)


@pytest.mark.parametrize(
    "expression, said",
    [
        ("a +", "Unexpected end of expression"), ("a $ b", "Unsupported token '$' at char 2"), ("(a", "must be: ')'"), ("zz + 1", "Undefined variable 'zz'"),
        ("NOSUCH(a)", "Unsupported function 'NOSUCH'"), ("METRICS() + METRICS()", "two arrays of time series"), ("e + 1", "Circular reference to 'e'"),
        ("SUM(a, b)", "number of arguments for SUM"), ("RATE(1)", "a number where time series are wanted"), ("SORT(METRICS(), NICE, ASC)", "SORT"),
        ("(" * 900 + "a", "nested too deeply"), ("FILL(a, \"x\")", "Unsupported operand 'x'"),
    ],
)  # fmt: skip
def test_expressions_that_cannot_be_are_refused(watch, expression, said):
    with pytest.raises(ClientError) as refusal:
        comes_to(watch, expression)
    error = refusal.value.response["Error"]
    assert error["Code"] == "ValidationError" and error["Message"].startswith("Error in expression 'e' [") and said in error["Message"]


@pytest.mark.parametrize("name", ["SERVICE_QUOTA(a)"])
def test_functions_that_are_not_done_are_refused_by_name(watch, name):
    with pytest.raises(ClientError) as refusal:
        comes_to(watch, name)
    assert refusal.value.response["Error"]["Code"] == "NotImplemented" and name.partition("(")[0] in refusal.value.response["Error"]["Message"]


def test_an_expression_that_is_not_shown_is_checked_all_the_same(watch):
    with pytest.raises(ClientError, match="Unsupported function"):
        ask(watch, [METRICS[0], {"Id": "x", "Expression": "NOSUCH(a)", "ReturnData": False}, {"Id": "e", "Expression": "a"}])


# Queries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "queries, text",
    [
        # https://github.com/getmoto/moto/pull/6570
        ([{"Id": "a"}], "The parameter MetricDataQueries.member.1.MetricStat is required.\n"),
        ([{"Id": "A", "MetricStat": stat("a")}], "The value A for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.\n"),
        ([{"Id": "a", "MetricStat": stat("a"), "Expression": "b"}], "The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both.\n"),
        ([{"Id": "a", "MetricStat": stat("a", "p200")}], "The value p200 for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported.\n"),
        ([{"Id": "a", "MetricStat": stat("a")}] * 2, "The value a for parameter MetricDataQueries.member.2.Id is not unique.\n"),
    ],
)  # fmt: skip
def test_queries_that_cannot_be_are_refused(watch, queries, text):
    with pytest.raises(ClientError) as refusal:
        ask(watch, queries)
    assert refusal.value.response["Error"]["Message"] == text and refusal.value.response["Error"]["Code"] == "ValidationError"


def test_the_end_must_lie_behind_the_start(watch):
    # getmoto/moto's test_get_metric_data_invalid_parameter_combination, verified against AWS.
    # What is no whole second is cut off: getmoto/moto's test_get_metric_data_starttime_endtime_within_1_second, verified against AWS.
    for end, text in ((NOW, "The parameter StartTime must not equal parameter EndTime."), (NOW + 0.9, "The parameter StartTime must not equal parameter EndTime."), (NOW - 60, "The parameter EndTime must be greater than StartTime.")):
        with pytest.raises(ClientError) as refusal:
            ask(watch, METRICS, end=end)
        assert refusal.value.response["Error"]["Message"] == text


def test_the_latest_points_come_first_unless_asked_otherwise(watch):
    query = [{"Id": "a", "MetricStat": stat("a")}]
    assert ask(watch, query, ScanBy="TimestampDescending")["MetricDataResults"][0]["Values"] == [5.0, 4.0, 3.0, 2.0, 1.0]
    plain = watch.get_metric_data(MetricDataQueries=query, StartTime=moment(NOW), EndTime=moment(NOW + 300))
    assert plain["MetricDataResults"][0]["Timestamps"][0] == moment(NOW + 240)
    assert plain["Messages"] == []


def test_pages_count_the_points_of_all_results(watch):
    queries = [{"Id": name, "MetricStat": stat(name)} for name in ("a", "b", "c")]
    first = ask(watch, queries, MaxDatapoints=6)
    assert [(r["Id"], r["Values"], r["StatusCode"]) for r in first["MetricDataResults"]] == [
        ("a", [1.0, 2.0, 3.0, 4.0, 5.0], "Complete"), ("b", [10.0], "PartialData"), ("c", [], "PartialData"),
    ]  # fmt: skip
    second = ask(watch, queries, MaxDatapoints=6, NextToken=first["NextToken"])
    assert [(r["Id"], r["Values"]) for r in second["MetricDataResults"]] == [("b", [30.0, 0.0])] and "NextToken" not in second
    with pytest.raises(ClientError, match="NextToken is invalid"):
        ask(watch, queries, NextToken="?")


def test_without_a_unit_the_first_that_has_data_is_shown_and_the_others_are_told(watch):
    # Recorded: localstack's test_get_metric_data_different_units_no_unit_in_query.
    for value, unit in ((60000, "Milliseconds"), (60, "Seconds"), (5, "Count")):
        put(watch, "u", value, at=NOW, Unit=unit)
    (line,) = ask(watch, [{"Id": "u", "MetricStat": stat("u")}])["MetricDataResults"]
    assert line["Values"] == [5.0]
    assert line["Messages"] == [{"Code": "MultipleUnits", "Value": "Multiple units returned: '[Count, Milliseconds, Seconds]'"}]
    (line,) = ask(watch, [{"Id": "u", "MetricStat": {**stat("u"), "Unit": "Seconds"}}])["MetricDataResults"]
    assert line["Values"] == [60.0] and "Messages" not in line


@pytest.mark.parametrize(
    "pairs, labels",
    [
        # Recorded: localstack's test_label_generation.
        ([("Sum", 60), ("Minimum", 30)], ["m Sum 60", "m Minimum 30"]), ([("Sum", 60), ("Minimum", 60)], ["m Sum", "m Minimum"]),
        ([("Sum", 60), ("Sum", 30)], ["m 60", "m 30"]), ([("Sum", 60), ("Sum", 60)], ["m", "m"]),
    ],
)  # fmt: skip
def test_labels_say_what_tells_lines_apart(watch, pairs, labels):
    queries = [{"Id": f"q{n}", "MetricStat": stat("m", statistic, period)} for n, (statistic, period) in enumerate(pairs)]
    assert [line["Label"] for line in ask(watch, queries)["MetricDataResults"]] == labels


@pytest.mark.parametrize(
    "label, shown",
    [
        ("mine", "mine"), ("${LABEL} top ${MAX}", "a top 5"), ("${PROP('MetricName')} ${PROP('Namespace')} ${PROP('Stat')} ${PROP('Period')}", "a app Sum 60"),
        ("${PROP('Dim.x')}", "7"), ("${PROP('Region')}", "us-east-1"), ("${AVG} ${MIN_MAX_RANGE} ${DATAPOINT_COUNT} ${FIRST} ${LAST} ${SUM}", "3 1 - 5 5 1 5 15"),
    ],
)  # fmt: skip
def test_labels_that_name_what_they_show(watch, label, shown):
    for minute in range(5):
        put(watch, "a", minute + 1, at=NOW + 60 * minute, Dimensions=[{"Name": "x", "Value": "7"}])
    assert ask(watch, [{"Id": "a", "MetricStat": stat("a", x="7"), "Label": label}])["MetricDataResults"][0]["Label"] == shown


def test_labels_that_tell_a_time_are_refused_by_name(watch):
    with pytest.raises(ClientError, match="MAX_TIME"):
        ask(watch, [{"Id": "a", "MetricStat": stat("a"), "Label": "${MAX_TIME}"}])


# Searches --------------------------------------------------------------------------------------------------


@pytest.fixture
def fleet(watch):
    for node, kind, value in (("i-1", "web", 1), ("i-2", "web", 2), ("i-3", "db", 4)):
        dimensions = [{"Name": "InstanceId", "Value": node}, {"Name": "Kind", "Value": kind}]
        for name in ("CPUUtilization", "NetworkPacketsIn"):
            put(watch, name, value, at=NOW, Dimensions=dimensions)
    return watch


def found_by(client, expression, **more):
    found = ask(client, [{"Id": "e", "Expression": expression, "Period": 60, **more}])["MetricDataResults"]
    return {line["Label"]: sum(line["Values"]) for line in found}


@pytest.mark.parametrize(
    "terms, labels",
    [
        ('{app,InstanceId,Kind} MetricName="CPUUtilization"', ["i-1 web CPUUtilization", "i-2 web CPUUtilization", "i-3 db CPUUtilization"]),
        ('{app,InstanceId} MetricName="CPUUtilization"', []), ('MetricName="CPU"', []), ("MetricName=CPU Kind=web", ["i-1 CPUUtilization", "i-2 CPUUtilization"]),
        ('CPUUtilization NOT Kind="web"', ["CPUUtilization"]), ('packets ("i-1" OR InstanceId="i-3")', ["i-1 web NetworkPacketsIn", "i-3 db NetworkPacketsIn"]),
        ("Namespace=app utilization db", ["CPUUtilization"]),
    ],
)  # fmt: skip
def test_searches_find_metrics(fleet, terms, labels):
    assert sorted(found_by(fleet, f"SEARCH('{terms}', 'Sum', 60)")) == labels


def test_what_is_found_goes_into_expressions(fleet):
    assert list(found_by(fleet, "SUM(SEARCH('MetricName=\"CPUUtilization\"', 'Sum', 60))").values()) == [7.0]
    with pytest.raises(ClientError, match="Error in expression 'e'"):
        found_by(fleet, "SEARCH('(', 'Sum', 60)")


@pytest.mark.parametrize(
    "text, found",
    [
        ("SELECT SUM(CPUUtilization) FROM app", {"e": 7.0}), ("SELECT AVG(CPUUtilization) FROM SCHEMA(app, InstanceId, Kind) WHERE Kind = 'web'", {"e": 1.5}),
        ("select max(CPUUtilization) from SCHEMA(\"app\", InstanceId, Kind) group by Kind order by MAX() desc", {"db": 4.0, "web": 2.0}),
        ("SELECT COUNT(CPUUtilization) FROM app WHERE Kind != 'db'", {"e": 2.0}), ("SELECT MIN(CPUUtilization) FROM SCHEMA(app, Kind)", {"e": 0.0}),
        ("SELECT SUM(CPUUtilization) FROM app GROUP BY InstanceId ORDER BY SUM() ASC LIMIT 1", {"i-1": 1.0}),
    ],
)  # fmt: skip
def test_metrics_insights(fleet, text, found):
    assert found_by(fleet, text) == found


def test_queries_of_metrics_insights_that_cannot_be_are_refused(fleet):
    for text in ("SELECT MEDIAN(x) FROM app", "SELECT SUM(x) FROM app WHERE a > 'b'", "SELECT SUM(x)", "SELECT SUM(x) FROM app LIMIT 0"):
        with pytest.raises(ClientError, match="Error in expression 'e'"):
            found_by(fleet, text)


@pytest.mark.parametrize("percent", [0, 33, 50, 90, 99.9, 100])
def test_percentiles_are_those_of_get_metric_statistics_however_values_were_told(watch, percent):
    told = [
        [{"Value": 5.0}], [{"Values": [1.0, 2.0, 9.0]}], [{"Values": [3.0, 4.0], "Counts": [7.0, 2.0]}, {"Value": 3.0}],
        [{"Value": -1.0}], [{"StatisticValues": {"SampleCount": 3, "Sum": 6, "Minimum": 1, "Maximum": 3}}],
    ]  # fmt: skip
    for minute, data in enumerate(told):
        for datum in data:
            watch.put_metric_data(MetricData=[{"MetricName": "p", "Timestamp": moment(NOW + 60 * minute), **datum}], **APP)
    for period, points in ((60, 3), (180, 1), (300, 0)):
        line = ask(watch, [{"Id": "x", "MetricStat": stat("p", f"p{percent}", period)}])["MetricDataResults"][0]
        found = watch.get_metric_statistics(
            MetricName="p", StartTime=moment(NOW), EndTime=moment(NOW + 300), Period=period, ExtendedStatistics=[f"p{percent}"], **APP
        )["Datapoints"]
        assert line["Values"] == [each["ExtendedStatistics"][f"p{percent}"] for each in sorted(found, key=lambda each: each["Timestamp"]) if each.get("ExtendedStatistics")]
        assert len(line["Values"]) == points
