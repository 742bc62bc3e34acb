"""Topics encrypted under keys of KMS: https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import put_user
from notice_workshop import queue, received, subscribed, told

TEXT = "nobody may read this on the disk"


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


@pytest.fixture
def key(cloud) -> str:
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def topic(sns, key) -> str:
    return sns.create_topic(Name="news", Attributes={"KmsMasterKeyId": key})["TopicArn"]


def test_what_waits_for_its_delivery_is_not_on_the_disk(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox", RawMessageDelivery="true", FilterPolicy='{"a": [{"prefix": "sec"}]}')
    fault = cloud.fault("service.error", {"service": "sqs"}, code="ServiceUnavailable")
    attributes = {"a": {"DataType": "String", "StringValue": "secret in an attribute"}}
    sns.publish(TopicArn=topic, Message=TEXT, MessageAttributes=attributes)
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": TEXT, "MessageAttributes": attributes}])
    cloud.sleep(1)
    held = [path.read_bytes() for path in Path(cloud.folder).rglob("*") if path.is_file()]
    assert not any(text.encode() in body for body in held for text in (TEXT, "secret in an attribute"))
    cloud.restart(kill=True)
    cloud.heal(fault)
    cloud.sleep(30)
    assert [(each["Body"], each["MessageAttributes"]) for each in received(cloud, url)] == [(TEXT, attributes)] * 2
    assert "KmsMasterKeyId" in sns.get_topic_attributes(TopicArn=topic)["Attributes"]


def test_a_disabled_key_stops_publishing_when_the_data_key_is_used_up(cloud, sns, topic, key):
    url, _ = subscribed(cloud, topic, "inbox")
    kms = cloud.client("kms")
    sns.publish(TopicArn=topic, Message="1")
    kms.disable_key(KeyId=key)
    sns.publish(TopicArn=topic, Message="2")
    cloud.sleep(301)
    with pytest.raises(ClientError) as refused:
        sns.publish(TopicArn=topic, Message="3")
    assert refused.value.response["Error"]["Code"] == "KMSDisabled"
    kms.enable_key(KeyId=key)
    sns.publish(TopicArn=topic, Message="4")
    cloud.sleep(1)
    assert told(cloud, url) == ["1", "2", "4"]


def test_who_publishes_needs_the_key(cloud, sns, topic, key):
    subscribed(cloud, topic, "inbox")
    put_user(cloud, "u", "AKIAUSER", "sns:Publish")
    put_user(cloud, "v", "AKIAVSER", "sns:Publish", "kms:GenerateDataKey", "kms:Decrypt")
    with pytest.raises(ClientError) as refused:
        cloud.client("sns", key="AKIAUSER", secret="secret").publish(TopicArn=topic, Message="x")
    assert refused.value.response["Error"]["Code"] == "KMSAccessDenied"
    assert cloud.client("sns", key="AKIAVSER", secret="secret").publish(TopicArn=topic, Message="x")["MessageId"]


def test_aws_own_key_needs_nobody_to_make_it(cloud, sns):
    topic = sns.create_topic(Name="plain", Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
    url, _ = subscribed(cloud, topic, "inbox")
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(1)
    assert told(cloud, url) == ["x"]


def test_an_encrypted_fifo_topic_keeps_order(cloud, sns, key):
    topic = sns.create_topic(Name="line.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true", "KmsMasterKeyId": key})["TopicArn"]
    dead_url, dead = queue(cloud, "dead.fifo", topic, FifoQueue="true")
    url, arn = subscribed(cloud, topic, "inbox.fifo", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
    for n in range(5):
        sns.publish(TopicArn=topic, Message=str(n), MessageGroupId="g")
    cloud.sleep(2)
    assert told(cloud, url) == list("01234")
    cloud.client("sqs").delete_queue(QueueUrl=url)
    sns.publish(TopicArn=topic, Message="buried", MessageGroupId="g")
    cloud.sleep(2)
    assert told(cloud, dead_url) == ["buried"]
    with pytest.raises(ClientError, match="NotImplemented"):
        sns.set_topic_attributes(TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue='{"MessageRetentionPeriod": "30"}')
