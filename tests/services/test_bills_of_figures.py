"""What AWS would bill for metrics, traces and parameters."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from bill_workshop import used
from test_cloudwatch_streams import streaming  # noqa: F401 (a fixture)
from test_firehose import fh, role, s3  # noqa: F401 (fixtures)

HOUR_S = 3_600


# CloudWatch: https://aws.amazon.com/cloudwatch/pricing/ ------------------------------------------------------------


def put(watch, name: str, namespace: str = "shop", **more) -> None:
    watch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": name, "Value": 1.0, **more}])


def test_a_metric_is_billed_for_each_hour_in_which_it_is_put_however_often(cloud):
    watch = cloud.client("cloudwatch")
    cloud.sleep(HOUR_S - cloud.now() % HOUR_S + 60)
    put(watch, "orders")
    cloud.sleep(120)
    put(watch, "orders")
    put(watch, "orders", Dimensions=[{"Name": "kind", "Value": "large"}])
    cloud.sleep(120)
    assert used(cloud)["cloudwatch:custom_metric", "shop"] == 2
    cloud.restart()
    put(cloud.client("cloudwatch"), "orders")
    cloud.sleep(120)
    assert used(cloud)["cloudwatch:custom_metric", "shop"] == 2
    cloud.sleep(3 * HOUR_S)
    assert used(cloud)["cloudwatch:custom_metric", "shop"] == 2
    put(cloud.client("cloudwatch"), "orders")
    cloud.sleep(120)
    assert used(cloud)["cloudwatch:custom_metric", "shop"] == 3


def test_a_metric_that_is_put_as_its_hour_ends_is_billed_for_no_other(cloud):
    watch = cloud.client("cloudwatch")
    cloud.sleep(HOUR_S - cloud.now() % HOUR_S + 60)
    put(watch, "orders")
    cloud.sleep(HOUR_S - cloud.now() % HOUR_S - 5)
    put(watch, "orders")
    cloud.sleep(120)
    assert used(cloud)["cloudwatch:custom_metric", "shop"] == 1


def test_what_services_measure_of_themselves_costs_nothing(cloud):
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName="orders")["QueueUrl"], MessageBody="x")
    cloud.sleep(10 * 60)
    assert {usage for usage, _ in used(cloud)} == {"sqs:standard_requests"}
    watch = cloud.client("cloudwatch")
    assert watch.list_metrics(Namespace="AWS/SQS")["Metrics"]
    assert used(cloud)["cloudwatch:api_requests", ""] == 1


def test_requests_are_billed_and_get_metric_data_by_the_metrics_that_it_asks_for(cloud):
    watch = cloud.client("cloudwatch")
    put(watch, "orders")
    put(watch, "visits")
    watch.get_metric_statistics(Namespace="shop", MetricName="orders", StartTime=cloud.now() - 60, EndTime=cloud.now(), Period=60, Statistics=["Sum"])
    watch.describe_alarms()
    assert used(cloud)["cloudwatch:api_requests", ""] == 3

    def asked(*queries: dict) -> float:
        before = used(cloud).get(("cloudwatch:metrics_requested", ""), 0.0)
        watch.get_metric_data(MetricDataQueries=list(queries), StartTime=cloud.now() - 600, EndTime=cloud.now() + 60)
        return used(cloud)["cloudwatch:metrics_requested", ""] - before

    def of(id_: str, name: str, stat: str) -> dict:
        return {"Id": id_, "MetricStat": {"Metric": {"Namespace": "shop", "MetricName": name}, "Period": 60, "Stat": stat}}

    five = [of(f"m{n}", "orders", stat) for n, stat in enumerate(("Sum", "Average", "Minimum", "Maximum", "SampleCount"))]
    assert asked(*five) == 1
    assert asked(*five, of("more", "orders", "p50")) == 2
    assert asked(of("a", "orders", "Sum"), of("b", "visits", "Sum"), {"Id": "c", "Expression": "a+b"}) == 2
    assert asked({"Id": "s", "Expression": "SEARCH('{shop} ', 'Sum', 60)"}) == 2


def test_an_alarm_on_a_band_looks_at_three_metrics_and_a_rule_of_contributors_stands(cloud):
    watch = cloud.client("cloudwatch")
    stat = {"Metric": {"Namespace": "shop", "MetricName": "orders"}, "Period": 300, "Stat": "Sum"}
    band = [{"Id": "m", "MetricStat": stat}, {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"}]
    watch.put_metric_alarm(
        AlarmName="odd", Metrics=band, ThresholdMetricId="band", ComparisonOperator="LessThanLowerOrGreaterThanUpperThreshold", EvaluationPeriods=1
    )
    rule = {"Schema": {"Name": "CloudWatchLogRule", "Version": 1}, "LogGroupNames": ["g"], "LogFormat": "JSON", "Contribution": {"Keys": ["$.ip"], "Filters": []}, "AggregateOn": "Count"}
    watch.put_insight_rule(RuleName="who", RuleDefinition=json.dumps(rule))
    cloud.sleep(2)
    before = used(cloud)
    cloud.sleep(HOUR_S)
    found = used(cloud)
    assert found["cloudwatch:alarm_standard", "odd"] - before["cloudwatch:alarm_standard", "odd"] == pytest.approx(3)
    assert found["cloudwatch:insight_rule", "who"] - before["cloudwatch:insight_rule", "who"] == pytest.approx(1)


def test_each_minute_of_a_metric_that_a_stream_sends_is_billed(cloud, streaming):  # noqa: F811
    watch = cloud.client("cloudwatch")
    hose = "arn:aws:firehose:us-east-1:000000000000:deliverystream/hose"
    watch.put_metric_stream(Name="shop", FirehoseArn=hose, RoleArn=streaming, OutputFormat="json", IncludeFilters=[{"Namespace": "shop"}])
    for _ in range(2):
        put(watch, "orders")
        put(watch, "visits")
        put(watch, "visits")
        put(watch, "other", "elsewhere")
        cloud.sleep(130)
    assert used(cloud)["cloudwatch:metric_stream_updates", "shop"] == 4


# X-Ray: https://aws.amazon.com/xray/pricing/ -------------------------------------------------------------------


def sent(cloud, number: int, id_: str, age_s: float = 0.0) -> str:
    now = cloud.now()
    trace = f"1-{int(now - age_s):08x}-{number:024x}"
    document = {"trace_id": trace, "id": id_ * 16, "name": "shop", "start_time": now - 1, "end_time": now}
    assert not cloud.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])["UnprocessedTraceSegments"]
    return trace


def test_a_trace_is_billed_once_however_many_segments_it_has_and_whatever_life_of_the_region_they_came_in(cloud):
    first = sent(cloud, 1, "1")
    sent(cloud, 1, "2")
    sent(cloud, 2, "1")
    assert used(cloud)["xray:traces_recorded", ""] == 2
    cloud.restart()
    cloud.sleep(1)
    xray = cloud.client("xray")
    again = {"trace_id": first, "id": "3" * 16, "name": "shop", "start_time": cloud.now() - 1, "end_time": cloud.now()}
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(again)])
    assert used(cloud)["xray:traces_recorded", ""] == 2
    sent(cloud, 3, "1", age_s=3_600)
    sent(cloud, 4, "1", age_s=-3_600)
    assert used(cloud)["xray:traces_recorded", ""] == 4
    xray.put_trace_segments(TraceSegmentDocuments=["{}"])
    assert used(cloud)["xray:traces_recorded", ""] == 4


def test_an_id_of_a_trace_in_capitals_is_the_same_trace(cloud):
    xray, now = cloud.client("xray"), cloud.now()
    trace = f"1-{int(now):08x}-{'ab' * 12}"
    for id_, spelled in (("1", trace), ("2", trace.upper()), ("3", trace)):
        document = {"trace_id": spelled, "id": id_ * 16, "name": "s", "start_time": now, "end_time": now}
        assert not xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])["UnprocessedTraceSegments"]
    assert used(cloud)["xray:traces_recorded", ""] == 1


def test_traces_of_long_ago_are_not_forgotten_when_many_came_since(cloud):
    xray, documents = cloud.client("xray"), []
    for batch in range(5):
        now = cloud.now()
        texts = [
            json.dumps({"trace_id": f"1-{int(now):08x}-{batch:012x}{n:012x}", "id": "1" * 16, "name": "s", "start_time": now, "end_time": now})
            for n in range(9_000)
        ]
        xray.put_trace_segments(TraceSegmentDocuments=texts)
        documents += texts
        cloud.sleep(10)
    xray.put_trace_segments(TraceSegmentDocuments=[documents[at] for at in (0, 19_999, 20_001, 30_000, 39_999, 40_001, -1)])
    assert used(cloud)["xray:traces_recorded", ""] == 45_000


def test_a_trace_whose_clock_is_ahead_is_known_again_after_many_others(cloud):
    xray, now = cloud.client("xray"), cloud.now()

    def segment(trace: str) -> str:
        return json.dumps({"trace_id": trace, "id": "1" * 16, "name": "s", "start_time": now, "end_time": now})

    ahead = segment(f"1-{int(now) + 3:08x}-{0:024x}")
    xray.put_trace_segments(TraceSegmentDocuments=[ahead])
    cloud.sleep(1)
    for start in range(1, 40_001, 10_000):
        xray.put_trace_segments(TraceSegmentDocuments=[segment(f"1-{int(now):08x}-{n:024x}") for n in range(start, start + 10_000)])
    cloud.sleep(10)
    xray.put_trace_segments(TraceSegmentDocuments=[ahead])
    assert used(cloud)["xray:traces_recorded", ""] == 40_001


def test_traces_are_billed_when_they_are_retrieved_or_scanned(cloud):
    traces = [sent(cloud, n, "1") for n in range(3)]
    xray = cloud.client("xray")
    xray.batch_get_traces(TraceIds=[*traces[:2], "1-00000000-000000000000000000000009"])
    xray.get_trace_summaries(StartTime=cloud.now() - 600, EndTime=cloud.now() + 60, FilterExpression='service("nobody")')
    found = used(cloud)
    assert (found["xray:traces_retrieved", ""], found["xray:traces_scanned", ""]) == (2, 3)


# Parameters: https://aws.amazon.com/systems-manager/pricing/ ---------------------------------------------------


def test_an_advanced_parameter_stands_and_each_request_that_has_to_do_with_it_is_billed(cloud):
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/shop/plain", Value="x", Type="String")
    for name in ("a", "b"):
        ssm.put_parameter(Name=f"/shop/{name}", Value="x", Type="String", Tier="Advanced")
    cloud.sleep(2)
    before = used(cloud)
    assert before["ssm:advanced_parameter_requests", "/shop/a"] == 1
    ssm.get_parameter(Name="/shop/a")
    ssm.get_parameter(Name="/shop/plain")
    ssm.get_parameters_by_path(Path="/shop")
    ssm.get_parameters(Names=["/shop/a", "/shop/plain"])
    cloud.sleep(2 * HOUR_S)
    found = used(cloud)
    assert (found["ssm:advanced_parameter_requests", "/shop/a"], found["ssm:advanced_parameter_requests", "/shop/b"]) == (4, 2)
    assert found["ssm:advanced_parameter", "/shop/a"] - before["ssm:advanced_parameter", "/shop/a"] == pytest.approx(2)
    assert not [usage for usage, resource in found if resource == "/shop/plain"]
    ssm.delete_parameters(Names=["/shop/a"])
    cloud.sleep(2)
    after = used(cloud)["ssm:advanced_parameter", "/shop/a"]
    cloud.sleep(HOUR_S)
    assert used(cloud)["ssm:advanced_parameter", "/shop/a"] == after


def test_a_parameter_that_expires_costs_no_more(cloud):
    until = datetime.fromtimestamp(cloud.now() + HOUR_S, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    policy = [{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": until}}]
    cloud.client("ssm").put_parameter(Name="a", Value="x", Type="String", Tier="Advanced", Policies=json.dumps(policy))
    cloud.sleep(10 * HOUR_S)
    assert used(cloud)["ssm:advanced_parameter", "a"] == pytest.approx(1, rel=0.01)
