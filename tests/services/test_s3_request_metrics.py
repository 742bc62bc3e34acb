"""Request metrics of S3: what metrics configurations may say, and that CloudWatch really has the figures."""

import pytest
from refusals import refused_fully

START = 1_893_456_000
"""When a cloud of the tests begins: 2030-01-01."""


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="meter")
    return s3


def configure(s3, id: str, **filter):
    said = {"Id": id, **({"Filter": filter} if filter else {})}
    return s3.put_bucket_metrics_configuration(Bucket="meter", Id=id, MetricsConfiguration=said)


def figures(cloud, id: str) -> dict[str, float]:
    """Sums by name of what one configuration counted."""
    cloud.sleep(61)
    cloudwatch = cloud.client("cloudwatch")
    wanted = [{"Name": "BucketName", "Value": "meter"}, {"Name": "FilterId", "Value": id}]
    names = {each["MetricName"] for each in cloudwatch.list_metrics(Namespace="AWS/S3", Dimensions=wanted)["Metrics"]}
    found = {}
    for name in names:
        told = cloudwatch.get_metric_statistics(
            Namespace="AWS/S3", MetricName=name, Dimensions=wanted, StartTime=START - 60, EndTime=START + 7200, Period=3600, Statistics=["Sum"]
        )
        found[name] = sum(each["Sum"] for each in told["Datapoints"])
    return found


def test_each_request_is_counted_in_cloudwatch(cloud, s3):
    s3.put_object(Bucket="meter", Key="before", Body=b"x")
    assert configure(s3, "all")["ResponseMetadata"]["HTTPStatusCode"] == 204
    s3.put_object(Bucket="meter", Key="k", Body=b"12345")
    s3.get_object(Bucket="meter", Key="k")
    s3.get_object(Bucket="meter", Key="k", Range="bytes=0-1")
    s3.head_object(Bucket="meter", Key="k")
    refused_fully(s3.get_object, Bucket="meter", Key="none")
    s3.list_objects_v2(Bucket="meter")
    s3.delete_object(Bucket="meter", Key="k")
    s3.delete_objects(Bucket="meter", Delete={"Objects": [{"Key": "before"}]})
    s3.create_multipart_upload(Bucket="meter", Key="m")
    # Operations on the bucket itself are not measured:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-configurations.html
    s3.get_bucket_location(Bucket="meter")
    s3.head_bucket(Bucket="meter")
    told = figures(cloud, "all")
    counts = {name: told.pop(name) for name in list(told) if name.endswith("Requests")}
    assert counts == {
        "AllRequests": 9, "PutRequests": 1, "GetRequests": 3, "HeadRequests": 1, "ListRequests": 1, "DeleteRequests": 2, "PostRequests": 1,
    }  # fmt: skip
    assert (told["4xxErrors"], told["5xxErrors"]) == (1, 0)
    assert told["BytesDownloaded"] > 7 and told["BytesUploaded"] > 5
    assert {"FirstByteLatency", "TotalRequestLatency"} <= told.keys()


def test_a_filter_counts_single_objects_that_it_means(cloud, s3):
    configure(s3, "by-prefix", Prefix="logs/")
    configure(s3, "by-tag", Tag={"Key": "team", "Value": "a"})
    configure(s3, "by-both", And={"Prefix": "logs/", "Tags": [{"Key": "team", "Value": "a"}]})
    s3.put_object(Bucket="meter", Key="logs/1", Body=b"1")
    s3.put_object(Bucket="meter", Key="logs/2", Body=b"1", Tagging="team=a")
    s3.put_object(Bucket="meter", Key="else", Body=b"1", Tagging="team=a")
    s3.delete_object(Bucket="meter", Key="logs/2")
    # "Requests like Delete Multiple Objects and List requests don't return any metrics for configurations with filters":
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-configurations-filter.html
    s3.list_objects_v2(Bucket="meter", Prefix="logs/")
    s3.delete_objects(Bucket="meter", Delete={"Objects": [{"Key": "logs/1"}]})
    counts = {id: figures(cloud, id) for id in ("by-prefix", "by-tag", "by-both")}
    assert {id: (each["AllRequests"], each["PutRequests"], each["DeleteRequests"]) for id, each in counts.items()} == {
        "by-prefix": (3, 2, 1), "by-tag": (3, 2, 1), "by-both": (2, 1, 1),
    }  # fmt: skip


def test_what_is_configured_outlives_the_region_and_ends_with_its_deletion(cloud, s3):
    configure(s3, "all")
    cloud.restart(kill=True)
    s3.put_object(Bucket="meter", Key="k", Body=b"1")
    assert figures(cloud, "all")["PutRequests"] == 1
    s3.delete_bucket_metrics_configuration(Bucket="meter", Id="all")
    s3.put_object(Bucket="meter", Key="k", Body=b"1")
    assert figures(cloud, "all")["PutRequests"] == 1


def test_configurations_are_told_by_id_and_in_pages(s3):
    for number in range(102):
        configure(s3, f"{number:03}", Prefix="logs/")
    configure(s3, "000", Prefix="other/")
    assert s3.get_bucket_metrics_configuration(Bucket="meter", Id="000")["MetricsConfiguration"] == {"Id": "000", "Filter": {"Prefix": "other/"}}
    # Recorded: localstack's test_list_bucket_metrics_configurations_paginated.
    first = s3.list_bucket_metrics_configurations(Bucket="meter")
    assert len(first["MetricsConfigurationList"]) == 100 and first["IsTruncated"]
    second = s3.list_bucket_metrics_configurations(Bucket="meter", ContinuationToken=first["NextContinuationToken"])
    assert [each["Id"] for each in second["MetricsConfigurationList"]] == ["100", "101"] and not second["IsTruncated"]


def test_configurations_that_aws_refuses_are_refused(s3):
    # Recorded: localstack's TestS3MetricsConfiguration.
    absent = (404, "NoSuchConfiguration", "The specified configuration does not exist.")
    assert refused_fully(s3.get_bucket_metrics_configuration, Bucket="meter", Id="none") == absent
    assert refused_fully(s3.delete_bucket_metrics_configuration, Bucket="meter", Id="none") == absent
    other = {"Id": "a"}
    assert refused_fully(s3.put_bucket_metrics_configuration, Bucket="meter", Id="b", MetricsConfiguration=other)[1] == "MalformedXML"
    two = {"Id": "a", "Filter": {"Prefix": "x", "Tag": {"Key": "k", "Value": "v"}}}
    assert refused_fully(s3.put_bucket_metrics_configuration, Bucket="meter", Id="a", MetricsConfiguration=two)[1] == "MalformedXML"
    assert refused_fully(s3.get_bucket_metrics_configuration, Bucket="elsewhere", Id="a")[1] == "NoSuchBucket"
