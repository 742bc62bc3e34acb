"""Firehose: records gathered into files of a bucket."""

from __future__ import annotations

import base64
import gzip
import json
import re
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import make, settle
from refusals import refused_code

ACCOUNT = "000000000000"
BUCKET = "arn:aws:s3:::lake-files"


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="lake-files")
    return client


@pytest.fixture
def role(cloud) -> str:
    iam = cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    made = iam.create_role(RoleName="hose", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:*", "kinesis:*", "lambda:*", "logs:*"], "Resource": "*"}}
    iam.put_role_policy(RoleName="hose", PolicyName="p", PolicyDocument=json.dumps(may))
    return made


@pytest.fixture
def fh(cloud, s3):
    return cloud.client("firehose")


def stream(fh, role, name="hose", source=None, **destination) -> None:
    more = {"DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": source} if source else {}
    configuration = {"RoleARN": role, "BucketARN": BUCKET, "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}, **destination}
    fh.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=configuration, **more)


def put(fh, *data: str, name="hose") -> None:
    fh.put_record_batch(DeliveryStreamName=name, Records=[{"Data": each.encode()} for each in data])


def files(s3) -> dict[str, bytes]:
    return {
        each["Key"]: s3.get_object(Bucket="lake-files", Key=each["Key"])["Body"].read()
        for each in s3.list_objects_v2(Bucket="lake-files").get("Contents", [])
    }


def test_a_stream_is_described_changed_and_deleted(fh, role):
    stream(fh, role)
    shown = fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]
    assert (shown["DeliveryStreamStatus"], shown["DeliveryStreamType"], shown["VersionId"]) == ("ACTIVE", "DirectPut", "1")
    assert shown["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}
    (destination,) = shown["Destinations"]
    assert destination["ExtendedS3DestinationDescription"]["CompressionFormat"] == "UNCOMPRESSED"
    assert destination["S3DestinationDescription"]["BufferingHints"] == {"SizeInMBs": 1, "IntervalInSeconds": 60}
    assert fh.list_delivery_streams()["DeliveryStreamNames"] == ["hose"]
    named = {"DeliveryStreamName": "hose", "DestinationId": destination["DestinationId"], "ExtendedS3DestinationUpdate": {"Prefix": "p/"}}
    fh.update_destination(**named, CurrentDeliveryStreamVersionId="1")
    assert refused_code(fh.update_destination, **named, CurrentDeliveryStreamVersionId="1") == "ConcurrentModificationException"
    assert fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]["VersionId"] == "2"
    fh.tag_delivery_stream(DeliveryStreamName="hose", Tags=[{"Key": "a", "Value": "1"}])
    assert fh.list_tags_for_delivery_stream(DeliveryStreamName="hose")["Tags"] == [{"Key": "a", "Value": "1"}]
    fh.delete_delivery_stream(DeliveryStreamName="hose")
    assert refused_code(fh.describe_delivery_stream, DeliveryStreamName="hose") == "ResourceNotFoundException"


def test_what_cannot_be_is_refused(fh, role):
    plain = {"DeliveryStreamName": "x", "S3DestinationConfiguration": {"RoleARN": role, "BucketARN": BUCKET}}
    assert refused_code(fh.create_delivery_stream, DeliveryStreamName="x") == "InvalidArgumentException"
    nobody = plain | {"S3DestinationConfiguration": {"RoleARN": role + "-none", "BucketARN": BUCKET}}
    assert refused_code(fh.create_delivery_stream, **nobody) == "InvalidArgumentException"
    fh.create_delivery_stream(**plain)
    assert refused_code(fh.create_delivery_stream, **plain) == "ResourceInUseException"
    with pytest.raises(ClientError, match="NotImplemented"):
        stream(fh, role, "y", CompressionFormat="Snappy")
    with pytest.raises(ClientError, match="InvalidArgumentException"):
        stream(fh, role, "y", Prefix="!{timestamp:yyyy}/")
    assert refused_code(fh.put_record, DeliveryStreamName="none", Record={"Data": b"x"}) == "ResourceNotFoundException"
    assert refused_code(fh.put_record_batch, DeliveryStreamName="x", Records=[{"Data": b"x" * 1_000_000}] * 5) == "InvalidArgumentException"


def test_records_become_a_file_when_their_time_has_come(cloud, fh, s3, role):
    stream(fh, role)
    put(fh, "a\n", "b\n")
    cloud.sleep(30)
    put(fh, "c\n")
    assert files(s3) == {}
    cloud.sleep(31)
    ((key, body),) = files(s3).items()
    now = datetime.fromtimestamp(cloud.now() - 1, UTC)
    assert body == b"a\nb\nc\n" and re.fullmatch(rf"{now:%Y/%m/%d/%H}/hose-1-{now:%Y-%m-%d-%H}-\d\d-\d\d-[0-9a-f-]{{36}}", key)
    cloud.sleep(300)
    assert len(files(s3)) == 1


def test_records_become_a_file_when_it_is_full(cloud, fh, s3, role):
    stream(fh, role)
    put(fh, *["x" * 200_000] * 6)
    cloud.sleep(1)
    assert [len(body) for body in files(s3).values()] == [1_200_000]


def test_prefixes_tell_the_time_and_files_are_compressed(cloud, fh, s3, role):
    prefix = "in/!{timestamp:'year='yyyy/'month='MM}/!{firehose:random-string}/"
    stream(fh, role, Prefix=prefix, ErrorOutputPrefix="bad/!{firehose:error-output-type}/", CompressionFormat="GZIP", CustomTimeZone="Asia/Tokyo")
    put(fh, "a", "b")
    cloud.sleep(61)
    ((key, body),) = files(s3).items()
    assert re.match(r"in/year=\d{4}/month=\d\d/[A-Za-z0-9]{11}/hose-1-.*\.gz$", key) and gzip.decompress(body) == b"ab"


def test_a_region_that_is_killed_writes_each_record_once(cloud, fh, s3, role):
    stream(fh, role)
    for number in range(20):
        put(fh, f"{number}\n")
        cloud.sleep(17)
        cloud.restart(kill=True)
    cloud.sleep(120)
    assert sorted(b"".join(files(s3).values()).split(), key=int) == [str(number).encode() for number in range(20)]


def test_what_cannot_be_written_is_tried_again_and_told_to_the_log(cloud, fh, s3, role):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    stream(fh, role, BucketARN="arn:aws:s3:::missing-box", CloudWatchLoggingOptions={"Enabled": True, "LogGroupName": "g", "LogStreamName": "s"})
    put(fh, "a")
    cloud.sleep(100)
    told = [json.loads(e["message"]) for e in logs.get_log_events(logGroupName="g", logStreamName="s")["events"]]
    assert told[0]["errorCode"] == "S3.NoSuchBucket" and told[0]["deliveryStreamARN"].endswith("deliverystream/hose")
    s3.create_bucket(Bucket="missing-box")
    cloud.sleep(120)
    (made,) = s3.list_objects_v2(Bucket="missing-box")["Contents"]
    assert s3.get_object(Bucket="missing-box", Key=made["Key"])["Body"].read() == b"a"


CODE = """
import base64
def handler(event, context):
    def one(record):
        text = base64.b64decode(record["data"]).decode()
        result = {"drop": "Dropped", "bad": "ProcessingFailed"}.get(text, "Ok")
        return {"recordId": record["recordId"], "result": result, "data": base64.b64encode(text.upper().encode()).decode()}
    if any(base64.b64decode(record["data"]) == b"crash" for record in event["records"]):
        raise RuntimeError("no")
    return {"records": [one(record) for record in event["records"]]}
"""


def transforming(arn) -> dict:
    processor = {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": arn}]}
    return {"ProcessingConfiguration": {"Enabled": True, "Processors": [processor]}}


def test_a_function_changes_drops_and_fails_records(cloud, fh, s3, role):
    arn = make(cloud, CODE)["FunctionArn"]
    stream(fh, role, **transforming(arn), ErrorOutputPrefix="errors/", S3BackupMode="Enabled", S3BackupConfiguration={"RoleARN": role, "BucketARN": BUCKET, "Prefix": "raw/"})
    put(fh, "a", "drop", "bad", "b")
    cloud.sleep(61)
    settle(cloud)
    found = files(s3)
    bodies = {key.partition("/")[0] if key.startswith(("errors", "raw")) else "out": body for key, body in found.items()}
    assert (bodies["out"], bodies["raw"]) == (b"AB", b"adropbadb")
    told = json.loads(bodies["errors"])
    assert (base64.b64decode(told["rawData"]), told["errorCode"], told["lambdaArn"]) == (b"bad", "Lambda.ProcessingFailedStatus", arn)
    assert next(key for key in found if key.startswith("errors/")).startswith("errors/processing-failed/")


def test_a_function_that_fails_is_tried_and_its_records_are_put_aside(cloud, fh, s3, role):
    stream(fh, role, **transforming(make(cloud, CODE)["FunctionArn"]), ErrorOutputPrefix="errors/")
    put(fh, "a", "crash")
    cloud.sleep(61)
    settle(cloud)
    ((key, body),) = files(s3).items()
    told = [json.loads(line) for line in body.splitlines()]
    assert key.startswith("errors/") and [each["attemptsMade"] for each in told] == [4, 4]
    assert told[0]["errorCode"] == "Lambda.FunctionError"


def test_a_stream_of_kinesis_is_read_from_when_it_was_asked_to_be(cloud, fh, s3, role):
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="source", ShardCount=2)
    kinesis.put_record(StreamName="source", Data=b"before", PartitionKey="k")
    cloud.sleep(5)
    stream(fh, role, source={"KinesisStreamARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/source", "RoleARN": role})
    # Recorded: localstack's test_firehose_stack_with_kinesis_as_source.
    assert "DeliveryStreamEncryptionConfiguration" not in fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]
    cloud.sleep(5)
    for number in range(5):
        kinesis.put_record(StreamName="source", Data=f"{number}\n".encode(), PartitionKey=str(number))
        cloud.restart(kill=number == 2)
        cloud.sleep(1)
    cloud.sleep(150)
    assert sorted(b"".join(files(s3).values()).split()) == [b"0", b"1", b"2", b"3", b"4"]
    assert refused_code(fh.put_record, DeliveryStreamName="hose", Record={"Data": b"x"}) == "InvalidSourceException"


def test_topics_and_rules_deliver_to_a_stream(cloud, fh, s3, role):
    iam, sns, events = (cloud.client(name) for name in ("iam", "sns", "events"))
    services = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}}
    sender = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "firehose:PutRecord", "Resource": "*"}}
    iam.put_role_policy(RoleName="sender", PolicyName="p", PolicyDocument=json.dumps(may))
    stream(fh, role)
    arn, topic = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/hose", sns.create_topic(Name="t")["TopicArn"]
    asked = {"TopicArn": topic, "Protocol": "firehose", "Endpoint": arn}
    assert refused_code(sns.subscribe, **asked) == "InvalidParameter"
    sns.subscribe(**asked, Attributes={"SubscriptionRoleArn": sender})
    events.put_rule(Name="r", EventPattern='{"source": ["a"]}')
    assert refused_code(events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": arn}]) == "ValidationException"
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn, "RoleArn": sender}])
    sns.publish(TopicArn=topic, Message="news")
    cloud.sleep(1)
    events.put_events(Entries=[{"Source": "a", "DetailType": "d", "Detail": "{}"}])
    cloud.sleep(62)
    ((_, body),) = files(s3).items()
    news, event = (json.loads(line) for line in body.splitlines())
    assert (news["Message"], news["TopicArn"], event["source"]) == ("news", topic, "a")
