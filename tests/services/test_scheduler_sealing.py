"""Scheduler: schedules whose input is encrypted under a key of KMS.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, User, on_disk

OFF = {"Mode": "OFF"}
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
ARN = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
TARGET = {"Arn": QUEUE, "RoleArn": ROLE, "Input": SECRET, "DeadLetterConfig": {"Arn": f"{QUEUE}-dead"}}


@pytest.fixture
def sqs(cloud):
    sqs = cloud.client("sqs", key=ACCOUNT)
    for name in ("q", "q-dead"):
        sqs.create_queue(QueueName=name)
    return sqs


@pytest.fixture
def scheduler(cloud, sqs):
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    cloud.client("iam", key=ACCOUNT).create_role(RoleName="scheduler", AssumeRolePolicyDocument=json.dumps(trust))
    role(cloud, Condition={"StringEquals": {"kms:EncryptionContext:aws:scheduler:schedule:arn": ARN}})
    return cloud.client("scheduler", key=ACCOUNT)


def role(cloud, **more) -> None:
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [send, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", **more}]}
    cloud.client("iam", key=ACCOUNT).put_role_policy(RoleName="scheduler", PolicyName="p", PolicyDocument=json.dumps(document))


def make(scheduler, key: str, **more) -> dict:
    said = {"Name": "s", "ScheduleExpression": "rate(10 minutes)", "FlexibleTimeWindow": OFF, "Target": TARGET, "KmsKeyArn": key}
    return scheduler.create_schedule(**said | more)


def bodies(sqs, name: str = "q") -> list[str]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    sqs.purge_queue(QueueUrl=url)
    return [each["Body"] for each in found]


def test_an_input_reaches_its_target_survives_a_kill_and_is_not_on_the_disk(cloud, scheduler, sqs, key):
    starts = cloud.now() + 600
    make(scheduler, key, ClientToken="t", StartDate=starts)
    make(scheduler, key, ClientToken="t", StartDate=starts)
    found = scheduler.get_schedule(Name="s")
    assert (found["KmsKeyArn"], found["Target"]["Input"]) == (key, SECRET)
    assert refused(make, scheduler=scheduler, key=key, ClientToken="t", Target=TARGET | {"Input": "another"})[0] == "ConflictException"
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    cloud.sleep(601)
    assert bodies(sqs) == [SECRET]
    assert scheduler.get_schedule(Name="s")["Target"]["Input"] == SECRET


def test_a_disabled_key_buries_the_call_and_shows_nobody_the_input(cloud, scheduler, sqs, kms, key):
    make(scheduler, key, StartDate=cloud.now() + 600)
    kms.disable_key(KeyId=key)
    cloud.sleep(601)
    assert bodies(sqs) == [] and bodies(sqs, "q-dead") == ["{}"]
    code, text = refused(scheduler.get_schedule, Name="s")
    assert code == "ValidationException" and "is disabled" in text
    assert [each["Name"] for each in scheduler.list_schedules()["Schedules"]] == ["s"]
    kms.enable_key(KeyId=key)
    cloud.sleep(600)
    assert bodies(sqs) == [SECRET]


def test_who_makes_a_schedule_uses_the_key_through_scheduler_and_the_role_by_itself(cloud, scheduler, sqs, key):
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/security_iam_id-based-policies.html: DescribeKey, GenerateDataKey, Decrypt
    alice = User(cloud)
    theirs = alice.client("scheduler")
    for rights in (("kms:GenerateDataKey",), ("kms:DescribeKey",)):
        alice.may("scheduler:*", "iam:PassRole", *rights)
        assert refused(make, scheduler=theirs, key=key)[0] == "AccessDeniedException"
    alice.may("scheduler:*", "iam:PassRole")
    through = {"StringEquals": {"kms:ViaService": "scheduler.us-east-1.amazonaws.com"}}
    statement = {"Effect": "Allow", "Action": ["kms:DescribeKey", "kms:GenerateDataKey"], "Resource": "*", "Condition": through}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    alice.iam.put_user_policy(UserName="alice", PolicyName="through", PolicyDocument=document)
    make(theirs, key, StartDate=cloud.now() + 600)
    cloud.sleep(601)
    assert refused(theirs.get_schedule, Name="s")[0] == "AccessDeniedException"
    assert bodies(sqs) == [SECRET]
    role(cloud, Condition=through)
    cloud.sleep(601)
    assert bodies(sqs) == []


def test_an_update_that_names_no_key_takes_it_away(cloud, scheduler, kms, key):
    make(scheduler, key)
    kms.disable_key(KeyId=key)
    scheduler.update_schedule(
        Name="s", ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target={"Arn": QUEUE, "RoleArn": ROLE, "Input": "open"}
    )
    found = scheduler.get_schedule(Name="s")
    assert found["Target"]["Input"] == "open" and "KmsKeyArn" not in found


def test_keys_that_cannot_encrypt_are_refused(scheduler, kms, key):
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert refused(make, scheduler=scheduler, key=signing)[0] == "ValidationException"
    kms.disable_key(KeyId=key)
    assert refused(make, scheduler=scheduler, key=key)[0] == "ValidationException"
    assert refused(make, scheduler=scheduler, key=f"{key[:-4]}0000")[0] == "ValidationException"
