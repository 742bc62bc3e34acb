"""Metric filters, and messages that bring their figures along: what logs say becomes metrics."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from services.test_cloudwatch_services import figures


@pytest.fixture
def logs(cloud):
    client = cloud.client("logs")
    client.create_log_group(logGroupName="g")
    client.create_log_stream(logGroupName="g", logStreamName="s")
    return client


def write(cloud, logs, *messages):
    at = int(cloud.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": at, "message": each} for each in messages])


def filter_(logs, pattern, value="1", name="f", **more):
    transformation = {"metricName": "m", "metricNamespace": "app", "metricValue": value, **more}
    logs.put_metric_filter(logGroupName="g", filterName=name, filterPattern=pattern, metricTransformations=[transformation])


def test_each_match_is_a_value(cloud, logs):
    filter_(logs, "ERROR")
    write(cloud, logs, "ERROR one", "fine", "an ERROR", "error")
    assert (figures(cloud, "app", "m"), figures(cloud, "app", "m", "SampleCount")) == (2.0, 2.0)


def test_a_value_and_dimensions_are_read_from_json(cloud, logs):
    filter_(logs, "{ $.latency > 10 }", "$.latency", unit="Milliseconds", dimensions={"Path": "$.request.path", "Status": "$.status"})
    write(cloud, logs, *(json.dumps({"latency": ms, "request": {"path": "/a"}, "status": 200}) for ms in (5, 20, 40)), json.dumps({"latency": 99}), "{ latency")
    assert figures(cloud, "app", "m", Path="/a", Status="200") == 60.0 and figures(cloud, "app", "m") is None


def test_a_value_is_read_from_a_row_of_fields(cloud, logs):
    filter_(logs, "[ip, user, ..., status = 200, size]", "$size", dimensions={"Ip": "$ip"})
    write(cloud, logs, "10.0.0.1 - frank [now] GET 200 512", "10.0.0.1 - frank [now] GET 404 9")
    assert figures(cloud, "app", "m", Ip="10.0.0.1") == 512.0


def test_a_default_stands_for_minutes_in_which_nothing_matched(cloud, logs):
    filter_(logs, "ERROR", defaultValue=0)
    for messages in (["fine"], ["fine"], ["ERROR"]):
        write(cloud, logs, *messages)
    cloud.sleep(60)
    write(cloud, logs, "fine")
    assert (figures(cloud, "app", "m"), figures(cloud, "app", "m", "SampleCount")) == (1.0, 3.0)


def test_an_alarm_on_errors_in_a_log(cloud, logs):
    filter_(logs, "ERROR")
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(AlarmName="a", Namespace="app", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=0.0, ComparisonOperator="GreaterThanThreshold")
    write(cloud, logs, "ERROR")
    cloud.sleep(61)
    assert watch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_filters_are_listed_changed_and_deleted(cloud, logs):
    filter_(logs, "ERROR", name="a")
    filter_(logs, "WARN", name="b", unit="Count")
    filter_(logs, "FATAL", name="a")
    found = logs.describe_metric_filters(logGroupName="g")["metricFilters"]
    assert [(each["filterName"], each["filterPattern"]) for each in found] == [("a", "FATAL"), ("b", "WARN")]
    assert found[1]["metricTransformations"] == [{"metricName": "m", "metricNamespace": "app", "metricValue": "1", "unit": "Count"}]
    assert [each["filterName"] for each in logs.describe_metric_filters(filterNamePrefix="b")["metricFilters"]] == ["b"]
    # Terraform's provider sends the unit None, and plans a change for ever where it is not told again.
    filter_(logs, "INFO", name="b", unit="None")
    assert logs.describe_metric_filters(filterNamePrefix="b")["metricFilters"][0]["metricTransformations"][0]["unit"] == "None"
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 2
    logs.delete_metric_filter(logGroupName="g", filterName="a")
    with pytest.raises(ClientError, match="The specified metric filter does not exist"):
        logs.delete_metric_filter(logGroupName="g", filterName="a")
    assert logs.describe_metric_filters(metricName="m", metricNamespace="other")["metricFilters"] == []


@pytest.mark.parametrize(
    "pattern, value, more, said",
    [
        ("{ $.a = }", "1", {}, "Invalid metric filter pattern"), ("ERROR", "$.a", {}, "is no field"), ("[a, b]", "$c", {}, "is no field"), ("ERROR", "many", {}, "is no number"),
        ("{ $.a = 1 }", "1", {"dimensions": {"A": "$.a"}, "defaultValue": 1.0}, "mutually exclusive"), ("{ $.a = 1 }", "1", {"dimensions": dict.fromkeys("abcd", "$.a")}, "3 dimensions"),
    ],
)  # fmt: skip
def test_filters_that_cannot_be_are_refused(cloud, logs, pattern, value, more, said):
    with pytest.raises(ClientError, match=said):
        filter_(logs, pattern, value, **more)


def test_a_pattern_can_be_tried(cloud, logs):
    found = logs.test_metric_filter(filterPattern="[ip, size > 5]", logEventMessages=["a 1", "b 9"])["matches"]
    assert found == [{"eventNumber": 2, "eventMessage": "b 9", "extractedValues": {"$ip": "b", "$size": "9"}}]
    found = logs.test_metric_filter(filterPattern="{ $.a.b = 1 }", logEventMessages=['{"a": {"b": 1}}'])["matches"]
    assert found[0]["extractedValues"] == {"$.a.b": "1"}
    assert logs.test_metric_filter(filterPattern="x", logEventMessages=["y"])["matches"] == []
    found = logs.test_metric_filter(filterPattern="[ ]", logEventMessages=["y"])["matches"]
    assert [(each["eventNumber"], each["extractedValues"]) for each in found] == [(1, {})]


# The embedded metric format ------------------------------------------------------------------------------------


def embedded(directives, **members):
    return json.dumps({"_aws": {"Timestamp": 1_893_456_000_000, "CloudWatchMetrics": directives}, **members})


def test_a_message_brings_its_figures_along(cloud, logs):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    directive = {"Namespace": "app", "Dimensions": [["service"], ["service", "zone"]], "Metrics": [{"Name": "time", "Unit": "Milliseconds"}, {"Name": "sizes"}]}
    write(cloud, logs, embedded([directive], service="s", zone="z", time=12.5, sizes=[1, 2, 3], other=9))
    assert figures(cloud, "app", "time", service="s") == 12.5 and figures(cloud, "app", "time", service="s", zone="z") == 12.5
    assert (figures(cloud, "app", "sizes", service="s"), figures(cloud, "app", "sizes", "SampleCount", service="s")) == (6.0, 3.0)
    assert logs.get_log_events(logGroupName="g", logStreamName="s")["events"][0]["message"].startswith('{"_aws"')


def test_a_message_without_dimensions_makes_a_metric_without_any(cloud, logs):
    write(cloud, logs, embedded([{"Namespace": "app", "Metrics": [{"Name": "n"}]}], n=4))
    assert figures(cloud, "app", "n") == 4.0


@pytest.mark.parametrize(
    "message",
    [
        '{"_aws"', '{"_aws": 1}', '{"_aws": {"CloudWatchMetrics": 1}}', embedded([1, {"Namespace": 5}]), embedded([{"Namespace": "AWS/EC2", "Metrics": [{"Name": "n"}]}], n=1),
        embedded([{"Namespace": "app", "Metrics": [{"Name": "n"}]}], n="7"), embedded([{"Namespace": "app", "Dimensions": [["gone"]], "Metrics": [{"Name": "n"}]}], n=1),
        embedded([{"Namespace": "app", "Metrics": [{"Name": "n"}]}], n=[1] * 101), embedded([{"Namespace": "app", "Metrics": [{"Name": 1}, 5]}]),
    ],
)  # fmt: skip
def test_what_does_not_keep_to_the_format_is_a_message_like_any_other(cloud, logs, message):
    write(cloud, logs, message)
    assert cloud.client("cloudwatch").list_metrics(Namespace="app")["Metrics"] == [] and cloud.client("cloudwatch").list_metrics(Namespace="AWS/EC2")["Metrics"] == []
    assert logs.get_log_events(logGroupName="g", logStreamName="s")["events"][0]["message"] == message


def test_messages_and_their_figures_are_kept_together(cloud, logs):
    write(cloud, logs, embedded([{"Namespace": "app", "Metrics": [{"Name": "n"}]}], n=4))
    cloud.restart(kill=True)
    assert figures(cloud, "app", "n") == 4.0
    assert len(logs.get_log_events(logGroupName="g", logStreamName="s")["events"]) == 1


def test_messages_are_taken_while_cloudwatch_is_down(cloud, logs):
    cloud.fault("service.down", {"service": "cloudwatch"})
    write(cloud, logs, embedded([{"Namespace": "app", "Metrics": [{"Name": "n"}]}], n=4))
    assert len(logs.get_log_events(logGroupName="g", logStreamName="s")["events"]) == 1
