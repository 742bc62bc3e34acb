"""SQS: queues whose messages are encrypted under a key of KMS."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from sealed import ACCOUNT, on_disk

BODY = "nobody may read this on the disk"


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs", key=ACCOUNT)


def queue(sqs, key, name="q", **more) -> str:
    return sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": key, **more})["QueueUrl"]


def received(sqs, url, **more) -> list[str]:
    return [message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])]


def test_a_message_comes_out_as_it_went_in_and_its_body_is_not_on_the_disk(cloud, sqs, key):
    url = queue(sqs, key)
    sent = sqs.send_message(QueueUrl=url, MessageBody=BODY)
    batch = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": f"{BODY} {n}"} for n in range(3)])
    assert len(batch["Successful"]) == 3
    assert on_disk(cloud, BODY) == []
    cloud.restart(kill=True)
    (first,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert (first["Body"], first["MD5OfBody"]) == (BODY, sent["MD5OfMessageBody"])
    assert sorted(received(sqs, url)) == [f"{BODY} {n}" for n in range(3)]


def test_a_queue_shows_how_it_is_encrypted(sqs, key):
    shown = sqs.get_queue_attributes(QueueUrl=queue(sqs, key), AttributeNames=["All"])["Attributes"]
    assert (shown["KmsMasterKeyId"], shown["KmsDataKeyReusePeriodSeconds"], shown["SqsManagedSseEnabled"]) == (key, "300", "false")
    assert refused(queue, sqs=sqs, key=key, name="r", SqsManagedSseEnabled="true")[0] == "InvalidAttributeValue"
    assert refused(queue, sqs=sqs, key=key, name="r", KmsDataKeyReusePeriodSeconds="30")[0] == "InvalidAttributeValue"


def test_a_disabled_key_stops_sending_and_receiving_when_the_data_key_is_used_up(cloud, sqs, kms, key):
    url = queue(sqs, key, KmsDataKeyReusePeriodSeconds="60", VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody=BODY)
    kms.disable_key(KeyId=key)
    assert received(sqs, url) == [BODY]
    cloud.sleep(61)
    assert refused(sqs.receive_message, QueueUrl=url) == ("KMS.DisabledException", f"{key} is disabled.")
    assert refused(sqs.send_message, QueueUrl=url, MessageBody=BODY)[0] == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "2", "a receive that was refused took nothing"


def test_a_message_that_was_sealed_late_with_a_data_key_is_read_until_its_own_time_is_over(cloud, sqs, key):
    url = queue(sqs, key, KmsDataKeyReusePeriodSeconds="86400", MessageRetentionPeriod="1209600")
    sqs.send_message(QueueUrl=url, MessageBody="made the data key")
    cloud.sleep(86_000)
    sqs.send_message(QueueUrl=url, MessageBody="late")
    cloud.sleep(1_209_600 - 500)
    sqs.send_message(QueueUrl=url, MessageBody="made the next")
    assert sorted(received(sqs, url)) == ["late", "made the next"]


def test_a_key_that_is_not_there_is_missed_when_it_is_needed(sqs):
    url = queue(sqs, "alias/none")
    assert refused(sqs.send_message, QueueUrl=url, MessageBody=BODY)[0] == "KMS.NotFoundException"


def test_who_sends_needs_the_key_as_well_as_the_queue(cloud, sqs, kms, key):
    iam, url = cloud.client("iam", key=ACCOUNT), queue(sqs, key)
    iam.create_user(UserName="alice")
    held = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = cloud.client("sqs", key=held["AccessKeyId"], secret=held["SecretAccessKey"])

    def may(*actions):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=json.dumps(document))

    may("sqs:*")
    assert refused(alice.send_message, QueueUrl=url, MessageBody=BODY)[0] == "KMS.AccessDeniedException"
    may("sqs:*", "kms:GenerateDataKey", "kms:Decrypt")
    alice.send_message(QueueUrl=url, MessageBody=BODY)
    may("sqs:*")
    cloud.sleep(301)
    assert "kms:Decrypt" in refused(alice.receive_message, QueueUrl=url)[1]
    assert received(sqs, url) == [BODY]


def test_a_message_stays_sealed_in_the_dead_letter_queue(sqs, kms, key):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "maxReceiveCount": 1})
    url = queue(sqs, key, VisibilityTimeout="0", RedrivePolicy=policy)
    sqs.send_message(QueueUrl=url, MessageBody=BODY)
    assert received(sqs, url) == [BODY] and received(sqs, url) == []
    assert received(sqs, dead) == [BODY]


def test_order_and_duplicates_are_minded_in_a_sealed_fifo_queue(sqs, key):
    url = queue(sqs, key, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body in ("1", "2", "2", "3"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    assert received(sqs, url) == ["1", "2", "3"]


def test_who_waits_is_told_when_a_sealed_message_comes(cloud, sqs, key):
    url = queue(sqs, key)
    waiting = cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    cloud.sleep(3)
    sqs.send_message(QueueUrl=url, MessageBody=BODY)
    assert cloud.wait(waiting)["Messages"][0]["Body"] == BODY


def test_a_service_needs_the_keys_leave(cloud, sqs, kms, key):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services"""
    url, arn = queue(sqs, key), f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    events = cloud.client("events", key=ACCOUNT)
    events.put_rule(Name="r", EventPattern='{"source": ["a"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn}])
    entry = {"Source": "a", "DetailType": "t", "Detail": "{}"}
    events.put_events(Entries=[entry])
    cloud.sleep(5)
    assert received(sqs, url) == []
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    leave = {"Service": "events.amazonaws.com"}
    document["Statement"].append({"Effect": "Allow", "Principal": leave, "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"})
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
    events.put_events(Entries=[entry])
    cloud.sleep(5)
    assert [json.loads(body)["source"] for body in received(sqs, url)] == ["a"]
