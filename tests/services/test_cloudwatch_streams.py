"""CloudWatch's metric streams: what is measured flows through Firehose into a bucket, minute by minute."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from test_firehose import fh, files, role, s3, stream  # noqa: F401

ACCOUNT = "000000000000"
HOSE = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/hose"


@pytest.fixture
def cw(cloud):  # noqa: F811
    return cloud.client("cloudwatch")


@pytest.fixture
def streaming(cloud, fh, role) -> str:  # noqa: F811
    """A delivery stream, and the role of those that send to it."""
    stream(fh, role)
    iam = cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "streams.metrics.cloudwatch.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    made = iam.create_role(RoleName="metrics", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"], "Resource": HOSE}}
    iam.put_role_policy(RoleName="metrics", PolicyName="p", PolicyDocument=json.dumps(may))
    return made


def begin(cw, role, name: str = "all", **more) -> dict:  # noqa: F811
    return cw.put_metric_stream(Name=name, FirehoseArn=HOSE, RoleArn=role, OutputFormat="json", **more)


def put(cw, value: float, name: str = "orders", namespace: str = "shop", **more) -> None:
    cw.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": name, "Value": value, **more}])


def told(s3, namespace: str = "shop") -> list[dict]:  # noqa: F811
    """What lies in the bucket of one namespace: Firehose measures itself, too, and that flows like everything else."""
    return [line for line in (json.loads(line) for _, body in sorted(files(s3).items()) for line in body.splitlines()) if line["namespace"] == namespace]


def to_minute(cloud) -> None:  # noqa: F811
    cloud.sleep(60 - cloud.now() % 60 + 1)


def test_a_minute_of_a_metric_flows_when_it_is_over(cloud, cw, s3, streaming):  # noqa: F811
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats-json.html
    put(cw, 99)
    to_minute(cloud)
    begin(cw, streaming)
    began = int(cloud.now()) // 60 * 60
    for value in (3, 5):
        put(cw, value, Dimensions=[{"Name": "place", "Value": "tokyo"}], Unit="Count")
    assert cw.get_metric_statistics(Namespace="shop", MetricName="orders", Dimensions=[{"Name": "place", "Value": "tokyo"}], StartTime=began - 60, EndTime=began + 60,
                                    Period=60, Statistics=["Sum"])["Datapoints"]  # fmt: skip
    put(cw, 1, Dimensions=[{"Name": "place", "Value": "tokyo"}], Unit="Count")
    cloud.sleep(150)
    assert told(s3) == [{
        "metric_stream_name": "all", "account_id": ACCOUNT, "region": "us-east-1", "namespace": "shop", "metric_name": "orders",
        "dimensions": {"place": "tokyo"}, "timestamp": began * 1000, "value": {"max": 5.0, "min": 1.0, "sum": 9.0, "count": 3.0}, "unit": "Count",
    }]  # fmt: skip


def test_data_that_come_late_flow_with_what_their_minute_is_now(cloud, cw, s3, streaming):  # noqa: F811
    begin(cw, streaming)
    to_minute(cloud)
    at = cloud.now()
    put(cw, 1, Timestamp=at)
    cloud.sleep(130)
    put(cw, 2, Timestamp=at)
    cloud.sleep(130)
    assert [line["value"]["sum"] for line in told(s3)] == [1.0, 3.0]


@pytest.mark.parametrize("filters, wanted", [
    ({}, {"shop orders", "shop errors", "other orders"}), ({"IncludeFilters": [{"Namespace": "shop"}]}, {"shop orders", "shop errors"}),
    ({"IncludeFilters": [{"Namespace": "shop", "MetricNames": ["orders"]}, {"Namespace": "other"}]}, {"shop orders", "other orders"}),
    ({"ExcludeFilters": [{"Namespace": "shop", "MetricNames": ["errors"]}]}, {"shop orders", "other orders"}),
])  # fmt: skip
def test_filters_say_which_metrics_flow(cloud, cw, s3, streaming, filters, wanted):  # noqa: F811
    begin(cw, streaming, **filters)
    for namespace, name in (("shop", "orders"), ("shop", "errors"), ("other", "orders")):
        put(cw, 1, name, namespace)
    cloud.sleep(180)
    assert {f"{line['namespace']} {line['metric_name']}" for place in ("shop", "other") for line in told(s3, place)} == wanted


def test_a_stream_that_stands_still_hears_nothing(cloud, cw, s3, streaming):  # noqa: F811
    begin(cw, streaming)
    cw.stop_metric_streams(Names=["all"])
    assert cw.get_metric_stream(Name="all")["State"] == "stopped"
    put(cw, 1)
    cloud.sleep(130)
    begin(cw, streaming, IncludeFilters=[{"Namespace": "shop"}])
    assert cw.get_metric_stream(Name="all")["State"] == "stopped"  # to put it again does not start it
    cw.start_metric_streams(Names=["all"])
    put(cw, 2)
    cloud.sleep(180)
    assert [line["value"]["sum"] for line in told(s3)] == [2.0]


def test_what_was_measured_before_a_kill_flows_after_it(cloud, cw, s3, streaming):  # noqa: F811
    begin(cw, streaming)
    put(cw, 7)
    cloud.restart(kill=True)
    cloud.client("cloudwatch").list_metric_streams()
    cloud.sleep(200)
    assert [line["value"]["sum"] for line in told(s3)] == [7.0]


def test_a_stream_is_described_listed_tagged_and_deleted(cw, streaming):
    arn = begin(cw, streaming, Tags=[{"Key": "a", "Value": "b"}], ExcludeFilters=[{"Namespace": "x", "MetricNames": []}])["Arn"]
    begin(cw, streaming, "another")
    assert arn == f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:metric-stream/all"
    shown = cw.get_metric_stream(Name="all")
    assert (shown["Arn"], shown["FirehoseArn"], shown["RoleArn"], shown["State"], shown["OutputFormat"]) == (arn, HOSE, streaming, "running", "json")
    first = cw.list_metric_streams(MaxResults=1)
    rest = cw.list_metric_streams(NextToken=first["NextToken"])
    assert [each["Name"] for each in first["Entries"] + rest["Entries"]] == ["all", "another"] and "NextToken" not in rest
    cw.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "d"}])
    cw.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cw.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    cw.delete_metric_stream(Name="all")
    cw.delete_metric_stream(Name="all")
    with pytest.raises(ClientError) as error:
        cw.get_metric_stream(Name="all")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("change, code", [
    ({"IncludeFilters": [{"Namespace": "a"}], "ExcludeFilters": [{"Namespace": "b"}]}, "InvalidParameterCombination"),
    ({"FirehoseArn": "arn:aws:sqs:us-east-1:000000000000:q"}, "InvalidParameterValue"), ({"Name": "a b"}, "InvalidParameterValue"),
    ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/hose"}, "InvalidParameterValue"), ({"OutputFormat": "opentelemetry1.0"}, "NotImplemented"),
    ({"StatisticsConfigurations": [{"IncludeMetrics": [{"Namespace": "a", "MetricName": "b"}], "AdditionalStatistics": ["p99"]}]}, "NotImplemented"),
])  # fmt: skip
def test_what_cannot_flow_is_refused(cw, streaming, change, code):
    with pytest.raises(ClientError) as error:
        cw.put_metric_stream(**{"Name": "s", "FirehoseArn": HOSE, "RoleArn": streaming, "OutputFormat": "json"} | change)
    assert error.value.response["Error"]["Code"] == code


def test_starting_is_of_all_or_of_none(cw, streaming):
    begin(cw, streaming)
    cw.stop_metric_streams(Names=["all"])
    with pytest.raises(ClientError):
        cw.start_metric_streams(Names=["all", "none"])
    assert cw.get_metric_stream(Name="all")["State"] == "stopped"
