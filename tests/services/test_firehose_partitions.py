"""Firehose's dynamic partitioning: records part by keys that a query or a function finds in them."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import make, settle
from test_firehose import BUCKET, fh, files, put, role, s3, stream  # noqa: F401

QUERY = "{customer: .customer, year: .at | strftime(\"%Y\")}"
PREFIX = "by/!{partitionKeyFromQuery:customer}/!{partitionKeyFromQuery:year}/"


def processor(kind: str, **parameters: str) -> dict:
    return {"Type": kind, "Parameters": [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]}


def extraction(query: str = QUERY, **more: str) -> dict:
    return processor("MetadataExtraction", **({"MetadataExtractionQuery": query, "JsonParsingEngine": "JQ-1.6"} | more))


def parting(*processors: dict, prefix: str = PREFIX, **more) -> dict:
    return {
        "Prefix": prefix, "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/", "DynamicPartitioningConfiguration": {"Enabled": True},
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60}, "ProcessingConfiguration": {"Enabled": True, "Processors": list(processors)}, **more,
    }  # fmt: skip


def order(customer: object, at: int = 0, **more) -> str:
    return json.dumps({"customer": customer, "at": at, **more})


def by_place(s3) -> dict[str, bytes]:  # noqa: F811
    return {key.rpartition("/")[0]: body for key, body in files(s3).items()}


def errors(s3) -> list[dict]:  # noqa: F811
    return [json.loads(line) for key, body in files(s3).items() if key.startswith("errors/") for line in body.splitlines()]


def written(cloud) -> None:  # noqa: F811
    cloud.sleep(62)
    if "lambda" in cloud.region().engines:
        settle(cloud)
    cloud.sleep(1)


def test_records_part_by_what_a_query_finds_in_them(cloud, fh, s3, role):  # noqa: F811
    stream(fh, role, **parting(extraction(), processor("AppendDelimiterToRecord", Delimiter="\\n")))
    put(fh, order("a", n=1), order("b"), order("a", n=2), order("a", at=86_400 * 400), order(7))
    written(cloud)
    found = by_place(s3)
    assert found.keys() == {"by/a/1970", "by/b/1970", "by/a/1971", "by/7/1970"}  # and no hour: a prefix with keys is taken as it is
    assert [json.loads(line)["n"] for line in found["by/a/1970"].splitlines()] == [1, 2]
    shown = fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert shown["DynamicPartitioningConfiguration"]["Enabled"] is True and shown["BufferingHints"]["SizeInMBs"] == 64


def test_records_in_which_nothing_is_found_are_put_aside_and_told_of(cloud, fh, s3, role):  # noqa: F811
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    stream(fh, role, **parting(extraction(), CloudWatchLoggingOptions={"Enabled": True, "LogGroupName": "g", "LogStreamName": "s"}))
    put(fh, order("a"), "no json", order(None), order([1]), '{"at": "x"}', order(""))
    written(cloud)
    told = errors(s3)
    assert [base64.b64decode(each["rawData"]).decode() for each in told] == ["no json", order(None), order([1]), '{"at": "x"}', order("")]
    assert {each["errorCode"] for each in told} == {"DynamicPartitioning.MetadataExtractionFailed"}
    assert {key.partition("/")[0] for key in by_place(s3)} == {"by", "errors"} and "errors/processing-failed" in "".join(files(s3))
    (event,) = logs.get_log_events(logGroupName="g", logStreamName="s")["events"]
    assert json.loads(event["message"])["errorCode"] == "DynamicPartitioning.MetadataExtractionFailed"


def test_a_function_names_keys_and_both_kinds_meet_in_one_prefix(cloud, fh, s3, role):  # noqa: F811
    code = """
import base64, json
def handler(event, context):
    def one(record):
        said = json.loads(base64.b64decode(record["data"]))
        keys = {} if said.get("lost") else {"size": "big" if said["n"] > 5 else "small"}
        return {"recordId": record["recordId"], "result": "Ok", "data": record["data"], "metadata": {"partitionKeys": keys}}
    return {"records": [one(record) for record in event["records"]]}
"""
    function = processor("Lambda", LambdaArn=make(cloud, code)["FunctionArn"])
    stream(fh, role, **parting(extraction("{customer: .customer}"), function, prefix="!{partitionKeyFromLambda:size}/!{partitionKeyFromQuery:customer}/!{timestamp:yyyy}/"))
    put(fh, order("a", n=1), order("a", n=9), order("b", n=2), order("c", n=2, lost=1))
    written(cloud)
    year = "2030"
    assert {key for key in by_place(s3) if not key.startswith("errors")} == {f"small/a/{year}", f"big/a/{year}", f"small/b/{year}"}
    assert len(errors(s3)) == 1


@pytest.mark.parametrize("said, sent", [
    ({"SubRecordType": "JSON"}, [order("a") + "\n" + order("b"), order("a") + order("b")]),
    ({"SubRecordType": "DELIMITED", "Delimiter": base64.b64encode(b"####").decode()}, [order("a") + "####" + order("b") + "####"]),
])  # fmt: skip
def test_what_came_as_one_record_is_parted_first(cloud, fh, s3, role, said, sent):  # noqa: F811
    # https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html
    stream(fh, role, **parting(extraction(), processor("RecordDeAggregation", **said)))
    put(fh, *sent, *(["[1, 2]", order("x") * 501] if said["SubRecordType"] == "JSON" else []))
    written(cloud)
    found = by_place(s3)
    assert found["by/a/1970"] == order("a").encode() * len(sent) and found["by/b/1970"] == order("b").encode() * len(sent)
    assert len(errors(s3)) == (2 if said["SubRecordType"] == "JSON" else 0)


def test_no_more_than_five_hundred_partitions_are_active(cloud, fh, s3, role):  # noqa: F811
    # https://docs.aws.amazon.com/firehose/latest/dev/limits.html
    stream(fh, role, **parting(extraction("{customer: .customer}"), prefix="!{partitionKeyFromQuery:customer}/"))
    fh.put_record_batch(DeliveryStreamName="hose", Records=[{"Data": order(n).encode()} for n in range(499)])
    fh.put_record_batch(DeliveryStreamName="hose", Records=[{"Data": order(n).encode()} for n in (499, 500, 501, 3)])
    written(cloud)
    told = errors(s3)
    assert [json.loads(base64.b64decode(each["rawData"]))["customer"] for each in told] == [500, 501]
    assert {each["errorCode"] for each in told} == {"DynamicPartitioning.ActivePartitionsLimitExceeded"}


def test_a_region_that_is_killed_writes_each_record_once(cloud, fh, s3, role):  # noqa: F811
    stream(fh, role, **parting(extraction()))
    put(fh, order("a"), order("b"))
    cloud.restart(kill=True)
    written(cloud)
    assert by_place(s3) == {"by/a/1970": order("a").encode(), "by/b/1970": order("b").encode()}


def test_a_query_that_never_ends_holds_nobody_up(cloud, fh, s3, role, monkeypatch):  # noqa: F811
    from kumoniwa.engines import json_query

    monkeypatch.setattr(json_query, "WITHIN_S", 1.0)
    stream(fh, role, **parting(extraction("{customer: last(range(1e12))}"), prefix="!{partitionKeyFromQuery:customer}/"))
    put(fh, order("a"))
    written(cloud)
    assert len(errors(s3)) == 1 and s3.list_buckets()["Buckets"]


@pytest.mark.parametrize("change, text", [
    ({"DynamicPartitioningConfiguration": {"Enabled": False}}, "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled."),
    ({"DynamicPartitioningConfiguration": {"Enabled": False}, "Prefix": "a/"}, "class com.amazonaws.services.firehose.internal.model.MetadataExtractionProcessor can only be"),
    ({"Prefix": "a/"}, "S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled"),
    ({"Prefix": "!{partitionKeyFromLambda:x}/"}, "Lambda processor should be present"),
    ({"ProcessingConfiguration": {"Enabled": True, "Processors": []}}, "MetadataExtraction processor should be present when S3 Prefix has partitionKeyFromQuery namespace."),
    ({"ProcessingConfiguration": {"Enabled": False, "Processors": []}}, "Processing Configuration is not enabled"),
    ({"BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 60}}, "must be at least 64"),
    ({"ErrorOutputPrefix": "!{firehose:error-output-type}/!{partitionKeyFromQuery:a}"}, "ErrorOutputPrefix"),
    ({"ProcessingConfiguration": {"Enabled": True, "Processors": [extraction("{a: ")]}}, "Invalid MetadataExtractionQuery"),
    ({"ProcessingConfiguration": {"Enabled": True, "Processors": [extraction(), processor("RecordDeAggregation", SubRecordType="DELIMITED")]}}, "SubRecordType"),
])  # fmt: skip
def test_what_could_not_be_parted_is_refused(fh, role, change, text):  # noqa: F811
    # Texts: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_kinesisfirehose-readme.html quotes them in its own checks
    with pytest.raises(ClientError) as error:
        stream(fh, role, **parting(extraction()) | change)
    assert error.value.response["Error"]["Code"] == "InvalidArgumentException" and text in error.value.response["Error"]["Message"]


def test_partitioning_is_decided_when_a_stream_is_made(fh, role):  # noqa: F811
    stream(fh, role)
    with pytest.raises(ClientError, match="InvalidArgumentException"):
        fh.update_destination(DeliveryStreamName="hose", CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
                              ExtendedS3DestinationUpdate=parting(extraction()))  # fmt: skip


def test_a_partition_that_cannot_be_written_is_put_aside_when_its_time_is_over(cloud, fh, s3, role):  # noqa: F811
    stream(fh, role, **parting(extraction(), DynamicPartitioningConfiguration={"Enabled": True, "RetryOptions": {"DurationInSeconds": 100}}))
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{BUCKET}/by/b/*"}}
    s3.put_bucket_policy(Bucket="lake-files", Policy=json.dumps(deny))
    put(fh, order("a"), order("b"))
    cloud.sleep(90)
    assert errors(s3) == []
    cloud.sleep(150)
    assert [each["errorCode"] for each in errors(s3)] == ["S3.AccessDenied"] and by_place(s3)["by/a/1970"] == order("a").encode()


def test_files_may_be_archives(cloud, fh, s3, role):  # noqa: F811
    stream(fh, role, CompressionFormat="ZIP")
    put(fh, "a", "b")
    written(cloud)
    ((key, body),) = files(s3).items()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        (name,) = archive.namelist()
        assert key.endswith(f"{name}.zip") and archive.read(name) == b"ab"
