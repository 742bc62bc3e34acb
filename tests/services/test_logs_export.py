"""Exports of logs to S3."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from refusals import refusal, refused_code
from services.log_workshop import written

SERVICE = "logs.us-east-1.amazonaws.com"


def grant(cloud, *actions, bucket="exports", **condition):
    """A bucket whose policy is the one of https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html"""
    resources = {"s3:GetBucketAcl": f"arn:aws:s3:::{bucket}", "s3:PutObject": f"arn:aws:s3:::{bucket}/*"}
    source = {
        "StringEquals": {"aws:SourceAccount": ["000000000000"], **condition},
        "ArnLike": {"aws:SourceArn": ["arn:aws:logs:us-east-1:000000000000:log-group:*"]},
    }
    statements = [
        {"Action": action, "Effect": "Allow", "Resource": resources[action], "Principal": {"Service": SERVICE},
         "Condition": {**source, "StringEquals": {**source["StringEquals"], **({"s3:x-amz-acl": "bucket-owner-full-control"} if action == "s3:PutObject" else {})}}}
        for action in actions
    ]  # fmt: skip
    cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


@pytest.fixture
def logs(cloud):
    client = written(cloud, "one", "two", "drei ü", stream="a/b")
    written(cloud, "other", stream="c")
    cloud.client("s3").create_bucket(Bucket="exports")
    return client


def begin(cloud, logs, **more):
    wanted = {"logGroupName": "g", "fromTime": 0, "to": int(cloud.now() * 1000), "destination": "exports", **more}
    return logs.create_export_task(**wanted)["taskId"]


def ended(cloud, logs, number):
    while (task := logs.describe_export_tasks(taskId=number)["exportTasks"][0])["status"]["code"] in ("PENDING", "RUNNING"):
        cloud.sleep(0.05)
    return task


def objects(cloud):
    s3 = cloud.client("s3")
    return {each["Key"]: s3.get_object(Bucket="exports", Key=each["Key"])["Body"].read() for each in s3.list_objects_v2(Bucket="exports").get("Contents", ())}


def stamp(at_ms):
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def test_each_stream_becomes_compressed_files_of_lines(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    number = begin(cloud, logs, taskName="t", destinationPrefix="deep/er")
    task = ended(cloud, logs, number)
    assert (task["status"], task["taskName"]) == ({"code": "COMPLETED", "message": "Completed successfully"}, "t")
    assert task["executionInfo"]["completionTime"] >= task["executionInfo"]["creationTime"]
    found = objects(cloud)
    assert set(found) == {"deep/er/aws-logs-write-test", f"deep/er/{number}/a-b/000000.gz", f"deep/er/{number}/c/000000.gz"}
    assert found["deep/er/aws-logs-write-test"] == b"Permission Check Successful"
    events = logs.get_log_events(logGroupName="g", logStreamName="a/b", startFromHead=True)["events"]
    lines = gzip.decompress(found[f"deep/er/{number}/a-b/000000.gz"]).decode().splitlines()
    assert lines == [f"{stamp(each['timestamp'])} {each['message']}" for each in events] and lines[2].endswith("Z drei ü")


def test_only_the_stretch_and_the_streams_that_are_asked_for(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    at = [each["timestamp"] for each in logs.get_log_events(logGroupName="g", logStreamName="a/b", startFromHead=True)["events"]]
    number = begin(cloud, logs, logStreamNamePrefix="a/", fromTime=at[1], to=at[1] + 1)
    ended(cloud, logs, number)
    found = {key: body for key, body in objects(cloud).items() if number in key}
    assert [gzip.decompress(body).decode() for body in found.values()] == [f"{stamp(at[1])} two\n"]
    assert list(found) == [f"exportedlogs/{number}/a-b/000000.gz"]


def test_the_bucket_must_let_cloudwatch_logs_read_its_acl_and_write(cloud, logs):
    def asked():
        return refusal(logs.create_export_task, logGroupName="g", fromTime=0, to=int(cloud.now() * 1000), destination="exports")["Error"]

    assert asked()["Message"].startswith("GetBucketAcl call on the given bucket failed.")
    grant(cloud, "s3:GetBucketAcl")
    assert asked() == {
        "Code": "AccessDeniedException",
        "Message": "PutObject call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.",
    }
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject", **{"aws:SourceAccount": ["999999999999"]})
    assert asked()["Code"] == "AccessDeniedException"
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    assert ended(cloud, logs, begin(cloud, logs))["status"]["code"] == "COMPLETED"


def test_who_asks_must_be_allowed_to_write_there_too(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    theirs = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def allow(*actions):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))

    wanted = {"logGroupName": "g", "fromTime": 0, "to": int(cloud.now() * 1000), "destination": "exports"}
    allow("logs:CreateExportTask")
    error = refusal(theirs.create_export_task, **wanted)["Error"]
    assert error["Code"] == "InvalidParameterException" and "has been granted s3:PutObject access" in error["Message"]
    allow("logs:CreateExportTask", "s3:PutObject")
    assert theirs.create_export_task(**wanted)["taskId"]


def test_what_cannot_be_exported_is_refused(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    now = int(cloud.now() * 1000)
    wanted = {"logGroupName": "g", "fromTime": 0, "to": now, "destination": "exports"}
    assert refused_code(logs.create_export_task, **{**wanted, "logGroupName": "no"}) == "ResourceNotFoundException"
    assert refused_code(logs.create_export_task, **{**wanted, "fromTime": now}) == "InvalidParameterException"
    # The texts are those of moto's tests/test_logs/test_export_tasks.py, verified on AWS.
    assert refusal(logs.create_export_task, **{**wanted, "destination": "none-such"})["Error"] == {
        "Code": "InvalidParameterException", "Message": "The given bucket does not exist. Please make sure the bucket is valid.",
    }  # fmt: skip
    assert refused_code(logs.cancel_export_task, taskId="no") == "ResourceNotFoundException"


def test_an_account_exports_one_thing_at_a_time_and_can_cancel_it(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    number = begin(cloud, logs)
    assert refused_code(logs.create_export_task, logGroupName="g", fromTime=0, to=int(cloud.now() * 1000), destination="exports") == "LimitExceededException"
    logs.cancel_export_task(taskId=number)
    assert logs.describe_export_tasks(taskId=number)["exportTasks"][0]["status"]["code"] == "CANCELLED"
    assert refused_code(logs.cancel_export_task, taskId=number) == "InvalidOperationException"
    other = begin(cloud, logs)
    assert ended(cloud, logs, other)["status"]["code"] == "COMPLETED"
    assert {key.split("/")[1] if "/" in key else key for key in objects(cloud)} == {"aws-logs-write-test", other}
    assert [each["taskId"] for each in logs.describe_export_tasks(statusCode="CANCELLED")["exportTasks"]] == [number]
    page = logs.describe_export_tasks(limit=1)
    assert logs.describe_export_tasks(limit=1, nextToken=page["nextToken"])["exportTasks"] != page["exportTasks"]


def test_an_export_in_the_midst_of_which_the_region_is_killed_is_begun_again(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    number = begin(cloud, logs)
    cloud.restart(kill=True)
    logs = cloud.client("logs")
    assert ended(cloud, logs, number)["status"]["code"] == "COMPLETED"
    assert f"exportedlogs/{number}/a-b/000000.gz" in objects(cloud)


def test_an_export_that_may_no_longer_write_has_failed(cloud, logs):
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    number = begin(cloud, logs)
    cloud.client("s3").delete_bucket_policy(Bucket="exports")
    task = ended(cloud, logs, number)
    assert task["status"]["code"] == "FAILED" and task["status"]["message"]


def test_a_group_under_a_key_is_exported_in_the_clear(cloud, logs):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"], "Resource": "*"},
    ]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    logs.associate_kms_key(logGroupName="g", kmsKeyId=key)
    written(cloud, "secret", stream="c")
    grant(cloud, "s3:GetBucketAcl", "s3:PutObject")
    number = begin(cloud, logs)
    assert ended(cloud, logs, number)["status"]["code"] == "COMPLETED"
    lines = gzip.decompress(objects(cloud)[f"exportedlogs/{number}/c/000000.gz"]).decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["other", "secret"]
