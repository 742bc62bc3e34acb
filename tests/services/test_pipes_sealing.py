"""Pipes whose patterns and input templates are encrypted under a key of KMS.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-pipes-cmkey.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, allow, on_disk

ARN = f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"
USE = ("kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt")
WITHIN = {"StringEqualsIfExists": {"kms:EncryptionContext:aws:pipe:arn": ARN}}


@pytest.fixture
def sqs(cloud):
    sqs = cloud.client("sqs", key=ACCOUNT)
    for name in ("in", "out"):
        sqs.create_queue(QueueName=name)
    return sqs


@pytest.fixture
def pipes(cloud, sqs):
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    cloud.client("iam", key=ACCOUNT).create_role(RoleName="pipe", AssumeRolePolicyDocument=json.dumps(trust))
    role(cloud, *USE, Condition=WITHIN)
    return cloud.client("pipes", key=ACCOUNT)


def role(cloud, *actions: str, **more) -> None:
    queues = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [queues, {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}]}
    cloud.client("iam", key=ACCOUNT).put_role_policy(RoleName="pipe", PolicyName="p", PolicyDocument=json.dumps(document))


def queue(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def make(cloud, pipes, key: str, **more) -> dict:
    pattern = json.dumps({"body": {"said": [{"anything-but": SECRET}]}})
    made = pipes.create_pipe(
        Name="p", Source=queue("in"), Target=queue("out"), RoleArn=ROLE, KmsKeyIdentifier=key,
        SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": pattern}]}},
        TargetParameters={"InputTemplate": f"{SECRET} <$.body.said>"}, **more,
    )  # fmt: skip
    cloud.sleep(3)
    return made


def send(cloud, sqs, said: str) -> None:
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="in")["QueueUrl"], MessageBody=json.dumps({"said": said}))
    cloud.sleep(3)


def arrived(sqs) -> list[str]:
    url = sqs.get_queue_url(QueueName="out")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for each in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [each["Body"] for each in found]


def test_a_pipe_goes_by_what_lies_sealed_also_after_a_kill(cloud, pipes, sqs, key):
    make(cloud, pipes, key)
    shown = pipes.describe_pipe(Name="p")
    assert shown["KmsKeyIdentifier"] == key and SECRET in shown["TargetParameters"]["InputTemplate"]
    assert SECRET in shown["SourceParameters"]["FilterCriteria"]["Filters"][0]["Pattern"]
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    cloud.sleep(1)
    send(cloud, sqs, SECRET)  # unwanted
    send(cloud, sqs, "one")
    assert arrived(sqs) == [f"{SECRET} one"]
    cloud.sleep(900)
    send(cloud, sqs, "two")
    assert arrived(sqs) == [f"{SECRET} two"]


def test_while_the_key_is_lost_nothing_is_read_and_nothing_goes_astray(cloud, pipes, sqs, kms, key):
    make(cloud, pipes, key)
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    send(cloud, sqs, "later")
    assert arrived(sqs) == []
    code, text = refused(pipes.describe_pipe, Name="p")
    assert code == "ValidationException" and "is disabled" in text
    assert [each["CurrentState"] for each in pipes.list_pipes()["Pipes"]] == ["RUNNING"]
    kms.enable_key(KeyId=key)
    cloud.sleep(120)
    assert arrived(sqs) == [f"{SECRET} later"]


def test_the_role_of_the_pipe_uses_the_key(cloud, pipes, key, kms):
    for missing in USE:
        role(cloud, *(action for action in USE if action != missing), Condition=WITHIN)
        if missing != "kms:Decrypt":
            assert refused(make, cloud=cloud, pipes=pipes, key=key)[0] == "ValidationException", missing
    role(cloud, *USE, Condition={"StringEqualsIfExists": {"kms:EncryptionContext:aws:pipe:arn": f"{ARN}-other"}})
    assert refused(make, cloud=cloud, pipes=pipes, key=key)[0] == "ValidationException"
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    role(cloud, "kms:*")
    assert refused(make, cloud=cloud, pipes=pipes, key=signing)[0] == "ValidationException"


def test_an_update_takes_another_key_and_takes_it_away(cloud, pipes, sqs, kms, key):
    make(cloud, pipes, key)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    pipes.update_pipe(Name="p", RoleArn=ROLE, KmsKeyIdentifier=other)
    cloud.sleep(3)
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    send(cloud, sqs, "one")
    assert arrived(sqs) == [f"{SECRET} one"]
    pipes.update_pipe(Name="p", RoleArn=ROLE, KmsKeyIdentifier="", TargetParameters={"InputTemplate": "open <$.body.said>"})
    cloud.sleep(3)
    kms.disable_key(KeyId=other)
    send(cloud, sqs, "two")
    assert arrived(sqs) == ["open two"] and "KmsKeyIdentifier" not in pipes.describe_pipe(Name="p")


def test_what_is_logged_of_events_asks_the_role_and_the_delivery_of_logs(cloud, pipes, sqs, kms, key):
    logs = cloud.client("logs", key=ACCOUNT)
    logs.create_log_group(logGroupName="g")
    group = {"LogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"}
    make(cloud, pipes, key, LogConfiguration={"Level": "TRACE", "IncludeExecutionData": ["ALL"], "CloudwatchLogsLogDestination": group})
    role(cloud, *USE, Condition={"StringEquals": {"kms:EncryptionContext:aws:pipe:arn": ARN}})
    send(cloud, sqs, "unlogged")
    assert arrived(sqs) == [f"{SECRET} unlogged"]
    role(cloud, *USE)
    send(cloud, sqs, "logged")
    assert logs.filter_log_events(logGroupName="g")["events"] == [] and on_disk(cloud) == []
    allow(kms, key, "delivery.logs.amazonaws.com", "kms:Decrypt")
    cloud.sleep(120)
    told = json.dumps(logs.filter_log_events(logGroupName="g")["events"])
    assert f"{SECRET} logged" in told and "unlogged" not in told
