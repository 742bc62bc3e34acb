"""EventBridge Pipes: where the logs of a pipe go.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html
"""

from __future__ import annotations

import gzip
import json

import pytest
from pipes_workshop import ACCOUNT, ROLE, Plumber
from refusals import refused
from sealed import allow, on_disk
from services.lambda_workshop import put_role

OTHER = "222222222222"
STEPS = ["EXECUTION_STARTED", "TARGET_STAGE_ENTERED", "TARGET_STAGE_SUCCEEDED", "EXECUTION_SUCCEEDED"]


@pytest.fixture
def shop(cloud, tmp_path) -> Plumber:
    shop = Plumber(cloud, tmp_path)
    cloud.client("s3").create_bucket(Bucket="logs")
    return shop


def group(shop) -> dict:
    shop.cloud.client("logs").create_log_group(logGroupName="/pipes")
    return {"LogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/pipes:*"}


def bucket(name: str = "logs", owner: str = ACCOUNT, **more) -> dict:
    return {"BucketName": name, "BucketOwner": owner, **more}


def firehose(shop) -> dict:
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}})
    role = f"arn:aws:iam::{ACCOUNT}:role/firehose"
    put_role(shop.cloud, "s3:*", trust=trust, arn=role)
    shop.cloud.client("s3").create_bucket(Bucket="streamed")
    said = {"RoleARN": role, "BucketARN": "arn:aws:s3:::streamed", "BufferingHints": {"IntervalInSeconds": 60}}
    made = shop.cloud.client("firehose").create_delivery_stream(DeliveryStreamName="f", ExtendedS3DestinationConfiguration=said)
    shop.cloud.sleep(2)
    return {"DeliveryStreamArn": made["DeliveryStreamARN"]}


def pipe(shop, level: str = "INFO", more: dict | None = None, **destinations) -> dict:
    said = {"Level": level, **{f"{name}LogDestination": each for name, each in destinations.items()}, **(more or {})}
    shop.pipe(shop.queue("in"), shop.queue("out"), LogConfiguration=said)
    return said


def filed(cloud, name: str = "logs") -> dict[str, list[dict]]:
    s3, found = cloud.client("s3"), {}
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        body = s3.get_object(Bucket=name, Key=each["Key"])["Body"].read()
        body = gzip.decompress(body) if each["Key"].endswith(".gz") else body
        found[each["Key"]] = [json.loads(line) for line in body.decode().splitlines()]
    return found


def logged(cloud) -> list[dict]:
    return [json.loads(each["message"]) for each in cloud.client("logs").filter_log_events(logGroupName="/pipes")["events"]]


def steps(records: list[dict]) -> list[str]:
    return [each["messageType"] for each in records]


def test_all_destinations_are_told_the_same(shop):
    said = pipe(shop, CloudwatchLogs=group(shop), S3=bucket(Prefix="mine", OutputFormat="json"), Firehose=firehose(shop))
    assert shop.pipes.describe_pipe(Name="p")["LogConfiguration"] == said
    shop.send("in", "a")
    shop.rest(40)
    found = logged(shop.cloud)
    assert steps(found) == STEPS
    ((key, lines),) = filed(shop.cloud).items()
    assert lines == found and key.startswith(f"mine/AWSLogs/{ACCOUNT}/p.2030-01-01-00.") and key.endswith(".gz")
    assert list(filed(shop.cloud, "streamed").values()) == [found]


def test_more_than_one_request_may_hold_is_logged_in_several(shop):
    # "The maximum batch size is 1,048,576 bytes": API_PutLogEvents.
    said = {"Level": "TRACE", "IncludeExecutionData": ["ALL"], "CloudwatchLogsLogDestination": group(shop)}
    shop.pipe(shop.queue("in"), shop.queue("out"), LogConfiguration=said, TargetParameters={"InputTemplate": '{"said": <$.body>}'})
    shop.send("in", "a" * 300_000)
    shop.rest(40)
    pages = shop.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/pipes")
    texts = [each["message"] for page in pages for each in page["events"]]
    assert sum(map(len, texts)) > 1_048_576
    transformed = ["TARGET_TRANSFORMATION_STARTED", "TARGET_TRANSFORMATION_SUCCEEDED"]
    invoked = ["TARGET_INVOCATION_STARTED", "TARGET_INVOCATION_SUCCEEDED"]
    assert steps([json.loads(each) for each in texts]) == [*STEPS[:2], *transformed, *invoked, *STEPS[2:]]


def test_the_delivery_of_logs_is_let_in_by_whoever_sets_it_up(shop):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-S3.html and …-Firehose.html
    pipe(shop, S3=bucket(), Firehose=firehose(shop))
    policy = json.loads(shop.cloud.client("s3").get_bucket_policy(Bucket="logs")["Policy"])
    where = {"aws:SourceArn": [f"arn:aws:logs:us-east-1:{ACCOUNT}:*"]}
    common = {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}}
    assert policy == {"Version": "2012-10-17", "Id": "AWSLogDeliveryWrite20150319", "Statement": [
        {"Sid": "AWSLogDeliveryAclCheck", **common, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::logs",
         "Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT]}, "ArnLike": where}},
        {"Sid": "AWSLogDeliveryWrite", **common, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/*",
         "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": [ACCOUNT]}, "ArnLike": where}},
    ]}  # fmt: skip
    tags = shop.cloud.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName="f")["Tags"]
    assert tags == [{"Key": "LogDeliveryEnabled", "Value": "true"}]
    shop.pipes.update_pipe(Name="p", RoleArn=ROLE, LogConfiguration={"Level": "ERROR", "S3LogDestination": bucket()})
    assert json.loads(shop.cloud.client("s3").get_bucket_policy(Bucket="logs")["Policy"]) == policy


def test_what_cannot_be_logged_to_is_refused(shop):
    # The text: cdk-preflight's pf-pipes-log-configuration.
    source, target = shop.queue("in"), shop.queue("out")
    far = {"DeliveryStreamArn": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/f"}
    for destination, text in (
        ({"S3LogDestination": bucket(OutputFormat="w3c")}, "w3c and plain output formats are not supported by Pipes"),
        ({"S3LogDestination": bucket(OutputFormat="plain")}, "w3c and plain output formats are not supported by Pipes"),
        ({"S3LogDestination": bucket("nowhere")}, "The specified bucket does not exist"),
        ({"FirehoseLogDestination": {"DeliveryStreamArn": far["DeliveryStreamArn"].replace("eu-west-1", "us-east-1")}}, "not found"),
        ({"FirehoseLogDestination": far}, "region us-east-1"),
    ):  # fmt: skip
        code, said = refused(shop.pipes.create_pipe, Name="p", Source=source, Target=target, RoleArn=ROLE, LogConfiguration={"Level": "INFO", **destination})
        assert code == "ValidationException" and text in said
    assert shop.pipes.list_pipes()["Pipes"] == []


def test_whoever_may_not_open_the_bucket_sets_up_no_log(shop):
    iam = shop.cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    let = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["pipes:*", "iam:PassRole", "s3:GetBucketPolicy"], "Resource": "*"}}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(let))
    theirs = shop.cloud.client("pipes", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    said = {"Name": "p", "Source": shop.queue("in"), "Target": shop.queue("out"), "RoleArn": ROLE}
    logging = {"Level": "INFO", "S3LogDestination": bucket()}
    code, text = refused(theirs.create_pipe, **said, LogConfiguration=logging)
    assert code == "ValidationException" and "s3:PutBucketPolicy" in text
    # Who finds the bucket open may log into it.
    pipe(shop, S3=bucket())
    theirs.create_pipe(**{**said, "Name": "second"}, LogConfiguration=logging)


def test_another_accounts_bucket_takes_logs_if_it_is_theirs_and_they_say_so(shop):
    theirs = shop.cloud.client("s3", key=OTHER)
    theirs.create_bucket(Bucket="theirs")
    pipe(shop, S3=bucket("theirs", OTHER))
    shop.send("in", "a")
    shop.rest(10)
    assert "Contents" not in theirs.list_objects_v2(Bucket="theirs")
    let = {
        "Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::theirs/AWSLogs/{ACCOUNT}/*", "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }  # fmt: skip
    theirs.put_bucket_policy(Bucket="theirs", Policy=json.dumps({"Version": "2012-10-17", "Statement": let}))
    shop.rest(30)
    assert len(theirs.list_objects_v2(Bucket="theirs")["Contents"]) == 1
    shop.pipes.update_pipe(Name="p", RoleArn=ROLE, LogConfiguration={"Level": "INFO", "S3LogDestination": bucket("theirs", "333333333333")})
    shop.rest()
    shop.send("in", "b")
    shop.rest(30)
    assert len(theirs.list_objects_v2(Bucket="theirs")["Contents"]) == 1


def test_a_stream_without_its_tag_waits_for_it(shop):
    pipe(shop, Firehose=firehose(shop))
    streams = shop.cloud.client("firehose")
    streams.untag_delivery_stream(DeliveryStreamName="f", TagKeys=["LogDeliveryEnabled"])
    shop.send("in", "a")
    shop.rest(60)
    assert filed(shop.cloud, "streamed") == {}
    streams.tag_delivery_stream(DeliveryStreamName="f", Tags=[{"Key": "LogDeliveryEnabled", "Value": "true"}])
    shop.rest(60)
    assert [steps(each) for each in filed(shop.cloud, "streamed").values()] == [STEPS]


def test_only_a_log_group_makes_records_short(shop):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html: 256 KB if one of the destinations is a log group.
    more = {"IncludeExecutionData": ["ALL"]}
    pipe(shop, more=more, S3=bucket())
    long = '"' * 140_000
    shop.send("in", long)
    shop.rest()
    ((first, *_),) = filed(shop.cloud).values()
    assert json.loads(first["payload"])[0]["body"] == long and "truncatedFields" not in first
    said = {"Level": "INFO", "S3LogDestination": bucket(), "CloudwatchLogsLogDestination": group(shop), **more}
    shop.pipes.update_pipe(Name="p", RoleArn=ROLE, LogConfiguration=said)
    shop.rest()
    shop.send("in", long)
    shop.rest()
    assert logged(shop.cloud)[0]["truncatedFields"] == ["payload"]
    assert [each[0].get("truncatedFields") for each in filed(shop.cloud).values()].count(["payload"]) == 1


def test_a_kill_loses_no_line_of_a_file_and_doubles_none(shop):
    pipe(shop, S3=bucket())
    shop.send("in", "a")
    shop.cloud.sleep(0.5)
    shop.cloud.restart(kill=True)
    shop.rest(5)
    found = [step for lines in filed(shop.cloud).values() for step in steps(lines)]
    assert sorted(found) == sorted(STEPS)


def test_execution_data_lies_sealed_until_it_is_filed(shop):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-pipes-cmkey.html
    secret = "nobody-may-read-this-log-on-the-disk"
    kms = shop.cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    said = {"Level": "INFO", "IncludeExecutionData": ["ALL"], "S3LogDestination": bucket()}
    shop.pipe(shop.queue("in"), shop.queue("out"), KmsKeyIdentifier=key, LogConfiguration=said)
    shop.send("in", secret)
    shop.rest(5)
    (message,) = shop.arrived()
    assert json.loads(message)["body"] == secret and filed(shop.cloud) == {} and on_disk(shop.cloud, secret) == []
    allow(kms, key, "delivery.logs.amazonaws.com", "kms:Decrypt")
    shop.rest(30)
    assert secret in json.dumps(filed(shop.cloud))
