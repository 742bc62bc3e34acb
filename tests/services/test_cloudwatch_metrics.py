"""CloudWatch's metrics: what is put is what is read, by every statistic, over every protocol, for as long as AWS keeps it."""

from __future__ import annotations

import gzip
import json
import urllib.parse
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from refusals import refused

from kumoniwa.wire import cbor

NOW = 1_893_456_000
"""Where virtual time begins: a full hour."""


@pytest.fixture
def watch(cloud):
    cloud.sleep(600)
    return cloud.client("cloudwatch")


def put(client, name="m", *values, at=None, **more):
    """One datum for each value."""
    when = {"Timestamp": datetime.fromtimestamp(at, UTC)} if at is not None else {}
    client.put_metric_data(Namespace="app", MetricData=[{"MetricName": name, "Value": value, **when, **more} for value in values])


def moment(at):
    return datetime.fromtimestamp(at, UTC)


def statistics(client, name="m", *, start=NOW, end=NOW + 3600, period=60, **more):
    if "ExtendedStatistics" not in more:
        more.setdefault("Statistics", ["SampleCount", "Sum", "Average", "Minimum", "Maximum"])
    found = client.get_metric_statistics(
        Namespace="app", MetricName=name, StartTime=moment(start), EndTime=moment(end), Period=period, **more
    )
    return found["Datapoints"]


# Putting and reading ---------------------------------------------------------------------------------------


def test_values_of_one_minute_are_one_point_of_five_statistics(watch):
    put(watch, "m", 1, 5, 3, Unit="Count")
    assert statistics(watch) == [
        {"Timestamp": moment(NOW + 600), "SampleCount": 3.0, "Average": 3.0, "Sum": 9.0, "Minimum": 1.0, "Maximum": 5.0, "Unit": "Count"}
    ]


def test_values_with_counts_and_sets_of_statistics_come_together(watch):
    # Recorded: localstack's test_put_metric_data_values_list.
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Values": [1.0, 10.0], "Counts": [2.0, 4.0], "Unit": "Count"}])
    assert statistics(watch)[0] | {"Timestamp": None, "Average": None} == {
        "Timestamp": None, "Average": None, "SampleCount": 6.0, "Sum": 42.0, "Minimum": 1.0, "Maximum": 10.0, "Unit": "Count",
    }  # fmt: skip
    told = {"SampleCount": 4, "Sum": 8, "Minimum": 0, "Maximum": 12}
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "StatisticValues": told, "Unit": "Count"}])
    (point,) = statistics(watch)
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (10.0, 50.0, 0.0, 12.0)


def test_units_are_kept_apart(watch):
    # Recorded: localstack's test_handle_different_units.
    for value, unit in ((1, "Seconds"), (5, "Count"), (10, "None")):
        put(watch, "m", value, Unit=unit)
    assert {(p["Unit"], p["Average"]) for p in statistics(watch)} == {("Seconds", 1.0), ("Count", 5.0), ("None", 10.0)}
    assert [p["Average"] for p in statistics(watch, Unit="Count")] == [5.0]
    assert statistics(watch, Unit="Bytes") == []


def test_all_dimensions_name_a_metric_and_their_order_does_not_matter(watch):
    one, other = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    put(watch, "m", 7, Dimensions=[one, other])
    assert [p["Sum"] for p in statistics(watch, Dimensions=[other, one])] == [7.0]
    assert statistics(watch, Dimensions=[one]) == []


def test_periods_begin_where_the_question_begins(watch):
    for minute in range(10):
        put(watch, "m", minute, at=NOW + 60 * minute)
    found = statistics(watch, start=NOW + 120, end=NOW + 600, period=240)
    assert [(p["Timestamp"], p["Sum"]) for p in found] == [(moment(NOW + 120), 14.0), (moment(NOW + 360), 30.0)]


def test_high_resolution_is_kept_by_the_second_for_three_hours_and_then_by_the_minute(cloud, watch):
    for second in (0, 1, 10):
        put(watch, "m", 1, at=NOW + second, StorageResolution=1)
        put(watch, "slow", 1, at=NOW + second)
    assert [p["SampleCount"] for p in statistics(watch, start=NOW, end=NOW + 60, period=1)] == [1.0, 1.0, 1.0]
    assert [p["SampleCount"] for p in statistics(watch, "slow", start=NOW, end=NOW + 60, period=1)] == [3.0]
    cloud.sleep(4 * 3600)
    assert statistics(watch, start=NOW, end=NOW + 60, period=1) == []
    assert [p["SampleCount"] for p in statistics(watch, start=NOW, end=NOW + 60, period=60)] == [3.0]


def test_minutes_become_five_minutes_after_fifteen_days_and_hours_after_sixty_three(cloud, watch):
    for minute in range(60):
        put(watch, "m", minute, at=NOW + 60 * minute)
    cloud.sleep(16 * 86400)
    assert statistics(watch, period=60) == []
    assert [p["SampleCount"] for p in statistics(watch, period=300)] == [5.0] * 12
    assert [p["p50"] for p in (q["ExtendedStatistics"] for q in statistics(watch, period=300, ExtendedStatistics=["p50"]))][:2] == [2.0, 7.0]
    cloud.sleep(48 * 86400)
    assert statistics(watch, period=300) == []
    assert [(p["Sum"], p["Maximum"]) for p in statistics(watch, period=3600)] == [(1770.0, 59.0)]
    cloud.sleep(400 * 86400)
    assert statistics(watch, period=3600) == []
    cloud.sleep(3700)
    rows = cloud.region().store.rows("000000000000")
    assert rows.one("select count(*) from metric_point") == (0,) and rows.one("select count(*) from metric") == (0,)


@pytest.mark.parametrize(
    "statistic, value",
    [
        ("p0", 1.0), ("p50", 50.5), ("p90", 90.1), ("p100", 100.0), ("p99.9", 99.901), ("tm90", 45.5), ("TM(10%:90%)", 50.5), ("TM(90:)", 95.5),
        ("IQM", 50.5), ("tc90", 90.0), ("TC(10:20)", 10.0), ("ts10", 55.0), ("TS(:10)", 55.0), ("PR(:25)", 25.0), ("PR(10:25)", 15.0),
        ("wm98", (sum(range(1, 99)) + 2 * 98) / 100), ("WM(10:90)", (10 * 10 + sum(range(11, 91)) + 10 * 90) / 100),
    ],
)  # fmt: skip
def test_extended_statistics_of_the_numbers_from_one_to_a_hundred(watch, statistic, value):
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Values": [float(n) for n in range(1, 101)]}])
    (point,) = statistics(watch, ExtendedStatistics=[statistic])
    assert point["ExtendedStatistics"][statistic] == pytest.approx(value)


def test_percentiles_need_values_that_were_told_and_are_not_negative(watch):
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "set", "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}}])
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "one", "StatisticValues": {"SampleCount": 2, "Sum": 4, "Minimum": 2, "Maximum": 2}}])
    put(watch, "cold", -1, 5)
    assert statistics(watch, "set", ExtendedStatistics=["p90"])[0]["ExtendedStatistics"] == {}
    assert statistics(watch, "one", ExtendedStatistics=["p90"])[0]["ExtendedStatistics"] == {"p90": 2.0}
    assert statistics(watch, "cold", ExtendedStatistics=["p90"])[0]["ExtendedStatistics"] == {}


def test_many_different_values_are_kept_to_within_a_percent(watch):
    for part in range(10):
        watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Values": [float(1 + part * 100 + n) for n in range(100)]}])
    (point,) = statistics(watch, ExtendedStatistics=["p50", "p99"])
    assert point["ExtendedStatistics"]["p50"] == pytest.approx(500, rel=0.011)
    assert point["ExtendedStatistics"]["p99"] == pytest.approx(990, rel=0.011)
    assert statistics(watch)[0]["Sum"] == 500500.0


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "datum, code, text",
    [
        # Recorded: localstack's test_put_metric_data_validation.
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination", "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both."),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue", "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."),
        ({"Value": 1.0, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}, "InvalidParameterCombination", "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive and you have specified both."),
        # getmoto/moto's test_put_metric_data_with_invalid_...: "The value NaN for parameter".
        ({"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is invalid."),
        ({"Value": 2.0**361}, "InvalidParameterValue", f"The value {2.0**361} for parameter MetricData.member.1.Value is invalid."),
        ({"Values": [1.0] * 151}, "InvalidParameterValue", "The collection MetricData.member.1.Values must not have a size greater than 150."),
        ({"Value": 1.0, "StorageResolution": 10}, "InvalidParameterValue", "The value 10 for parameter MetricData.member.1.StorageResolution is invalid."),
        ({"Value": 1.0, "Timestamp": moment(NOW - 15 * 86400)}, "InvalidParameterValue", "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks."),
        ({"Value": 1.0, "Timestamp": moment(NOW + 3 * 3600)}, "InvalidParameterValue", "The parameter MetricData.member.1.Timestamp must specify a time no more than two hours in the future."),
    ],
)  # fmt: skip
def test_data_that_cannot_be_are_refused(watch, datum, code, text):
    assert refused(watch.put_metric_data, Namespace="app", MetricData=[{"MetricName": "m", **datum}]) == (code, text)
    assert watch.list_metrics()["Metrics"] == []


def test_one_bad_datum_refuses_all(watch):
    with pytest.raises(ClientError):
        watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Value": 1.0}, {"MetricName": "m"}])
    assert statistics(watch) == []


def test_names_that_begin_with_aws_are_not_the_customers(watch):
    assert refused(watch.put_metric_data, Namespace="AWS/EC2", MetricData=[{"MetricName": "m", "Value": 1.0}]) == (
        "InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.",
    )  # fmt: skip


def test_entities_are_refused_by_name(watch):
    with pytest.raises(ClientError, match="EntityMetricData"):
        watch.put_metric_data(Namespace="app", EntityMetricData=[{"MetricData": [{"MetricName": "m", "Value": 1.0}]}], StrictEntityValidation=False)


def test_questions_that_cannot_be_are_refused(watch):
    # Recorded: localstack's test_invalid_amount_of_datapoints.
    asked = {"Namespace": "n", "MetricName": "m", "StartTime": moment(NOW), "EndTime": moment(NOW + 86400), "Period": 1, "Statistics": ["SampleCount"]}
    assert refused(watch.get_metric_statistics, **asked) == (
        "InvalidParameterCombination",
        "You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, "
        "or decreasing the time range.",
    )  # fmt: skip
    turned = {**asked, "StartTime": moment(NOW + 5), "EndTime": moment(NOW), "Period": 60}
    assert refused(watch.get_metric_statistics, **turned) == (
        "InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.",
    )  # fmt: skip
    nothing = {**asked, "Period": 3600}
    del nothing["Statistics"]
    assert refused(watch.get_metric_statistics, **nothing) == ("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    assert refused(watch.get_metric_statistics, ExtendedStatistics=["p101"], **nothing) == (
        "InvalidParameterValue", "The value p101 for parameter ExtendedStatistics is not supported.",
    )  # fmt: skip
    with pytest.raises(ClientError, match="multiple of 60"):
        watch.get_metric_statistics(**{**asked, "Period": 90})


# Lists -----------------------------------------------------------------------------------------------------


def test_metrics_are_listed_by_name_and_by_some_of_their_dimensions(watch):
    for name, value in (("m", "1"), ("m", "2"), ("n", "1")):
        put(watch, name, 1, Dimensions=[{"Name": "a", "Value": value}, {"Name": "b", "Value": "x"}])
    found = watch.list_metrics(Namespace="app", MetricName="m", Dimensions=[{"Name": "a", "Value": "2"}])["Metrics"]
    assert found == [{"Namespace": "app", "MetricName": "m", "Dimensions": [{"Name": "a", "Value": "2"}, {"Name": "b", "Value": "x"}]}]
    assert len(watch.list_metrics(Dimensions=[{"Name": "b"}])["Metrics"]) == 3
    assert watch.list_metrics(Dimensions=[{"Name": "c"}])["Metrics"] == []
    assert watch.list_metrics(IncludeLinkedAccounts=True)["OwningAccounts"] == ["000000000000"] * 3


def test_metrics_without_data_for_two_weeks_are_not_listed_and_active_ones_have_data_of_three_hours(cloud, watch):
    put(watch, "old", 1)
    cloud.sleep(4 * 3600)
    put(watch, "new", 1)
    assert [m["MetricName"] for m in watch.list_metrics(RecentlyActive="PT3H")["Metrics"]] == ["new"]
    assert [m["MetricName"] for m in watch.list_metrics()["Metrics"]] == ["old", "new"]
    cloud.sleep(14 * 86400 - 4 * 3600 + 600)
    assert [m["MetricName"] for m in watch.list_metrics()["Metrics"]] == ["new"]


def test_lists_come_in_pages_of_five_hundred(watch):
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": f"m{n:04}", "Value": 1.0} for n in range(1000)])
    put(watch, "last", 1)
    pages = [page["Metrics"] for page in watch.get_paginator("list_metrics").paginate(Namespace="app")]
    assert [len(page) for page in pages] == [500, 500, 1]
    assert refused(watch.list_metrics, NextToken="x") == ("InvalidParameterValue", "Request parameter NextToken is invalid")


# Protocols, crashes ----------------------------------------------------------------------------------------


def _head(cloud, content, **more):
    return {
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-date": "20300101T000000Z", "content-type": content, **more,
    }  # fmt: skip


def test_forms_json_and_cbor_say_the_same(cloud, watch):
    form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "app", "MetricData.member.1.MetricName": "m",
            "MetricData.member.1.Value": "1.5", "MetricData.member.1.Dimensions.member.1.Name": "a", "MetricData.member.1.Dimensions.member.1.Value": "b"}  # fmt: skip
    status, _, body = cloud.http("POST", "/", headers=_head(cloud, "application/x-www-form-urlencoded"), body=urllib.parse.urlencode(form).encode())
    assert status == 200 and b"<PutMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">" in body
    asked = {"Namespace": "app", "MetricData": [{"MetricName": "m", "Value": 2.5, "Dimensions": [{"Name": "a", "Value": "b"}]}]}
    status, _, _ = cloud.http(
        "POST", "/", headers=_head(cloud, "application/x-amz-json-1.0", **{"x-amz-target": "GraniteServiceVersion20100801.PutMetricData"}),
        body=json.dumps(asked).encode(),
    )  # fmt: skip
    assert status == 200
    status, _, body = cloud.http(
        "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData",
        headers=_head(cloud, "application/cbor", **{"smithy-protocol": "rpc-v2-cbor"}), body=cbor.dumps(asked),
    )  # fmt: skip
    assert status == 200
    (point,) = statistics(watch, Dimensions=[{"Name": "a", "Value": "b"}])
    assert (point["SampleCount"], point["Sum"]) == (3.0, 6.5)


def test_statuses_of_forms_are_for_clients_that_say_they_spoke_them(cloud, watch):
    # Recorded: localstack's test_exception_serializing_with_no_shape_in_spec.
    asked = json.dumps({"AlarmName": "nobody", "StateValue": "OK", "StateReason": "test"}).encode()
    head = _head(cloud, "application/x-amz-json-1.0", **{"x-amz-target": "GraniteServiceVersion20100801.SetAlarmState"})
    status, _, body = cloud.http("POST", "/", headers=head, body=asked)
    assert (status, json.loads(body)) == (400, {"__type": "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound"})
    assert cloud.http("POST", "/", headers={**head, "x-amzn-query-mode": "true"}, body=asked)[0] == 404
    # An operation that waits answers no other than one that does not.
    with pytest.raises(ClientError) as refusal:
        watch.tag_resource(ResourceARN="arn:aws:cloudwatch:us-east-1:000000000000:alarm:nobody", Tags=[{"Key": "a", "Value": "b"}])
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    form = urllib.parse.urlencode({"Action": "SetAlarmState", "Version": "2010-08-01", **json.loads(asked)}).encode()
    assert cloud.http("POST", "/", headers=_head(cloud, "application/x-www-form-urlencoded"), body=form)[0] == 404


def test_a_body_may_be_compressed(cloud, watch):
    asked = {"Namespace": "app", "MetricData": [{"MetricName": "m", "Value": 2.5}]}
    head = _head(cloud, "application/x-amz-json-1.0", **{"x-amz-target": "GraniteServiceVersion20100801.PutMetricData", "content-encoding": "gzip"})
    assert cloud.http("POST", "/", headers=head, body=gzip.compress(json.dumps(asked).encode()))[0] == 200
    assert [p["Sum"] for p in statistics(watch)] == [2.5]
    # localstack's test_put_metric_data_gzip_with_query_protocol: of a form, also the action is within.
    form = b"Action=PutMetricData&Version=2010-08-01&Namespace=app&MetricData.member.1.MetricName=m&MetricData.member.1.Value=3"
    head = _head(cloud, "application/x-www-form-urlencoded; charset=utf-8", **{"content-encoding": "GZIP"})
    assert cloud.http("POST", "/", headers=head, body=gzip.compress(form))[0] == 200
    assert [p["Sum"] for p in statistics(watch)] == [5.5]


def test_a_form_without_an_action_is_refused_as_that(cloud, watch):
    status, _, body = cloud.http("POST", "/", headers=_head(cloud, "application/x-www-form-urlencoded"), body=b"Namespace=app")
    assert status == 400 and b"<Code>MissingAction</Code>" in body


def test_values_are_taken_beside_statistics(watch):
    # Recorded: localstack's test_put_metric_data_validation.
    figures = {"SampleCount": 10, "Sum": 55, "Minimum": 1, "Maximum": 10}
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Values": [1.0, 10.0], "StatisticValues": figures}])
    assert [p["Sum"] for p in statistics(watch)] == [55.0]


def test_a_kill_loses_nothing_that_was_put(cloud, watch):
    put(watch, "m", 1, 2, 3)
    cloud.restart(kill=True)
    assert [p["Sum"] for p in statistics(watch)] == [6.0]
    cloud.sleep(120)
    cloud.restart(kill=True)
    assert [p["Sum"] for p in statistics(watch)] == [6.0]


def test_what_waits_is_folded_when_its_minute_is_over(cloud, watch):
    put(watch, "m", 1)
    cloud.sleep(10)
    put(watch, "m", 2)
    rows = cloud.region().store.rows("000000000000")
    assert rows.one("select count(*) from metric_inbox") == (1,)
    cloud.sleep(61)
    assert rows.one("select count(*) from metric_inbox") == (0,)
    assert rows.one("select count, total from metric_point") == (2.0, 3.0)


def test_a_role_puts_only_into_the_namespaces_it_may(cloud, watch):
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": {"StringEquals": {"cloudwatch:namespace": "app"}}}]}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("cloudwatch", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    put(theirs, "m", 1)
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        theirs.put_metric_data(Namespace="other", MetricData=[{"MetricName": "m", "Value": 1.0}])
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:ListMetrics"):
        theirs.list_metrics()
