"""The archive of a FIFO topic and its replays: https://docs.aws.amazon.com/sns/latest/dg/fifo-message-archiving-replay.html"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from notice_workshop import queue, received, subscribed


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


@pytest.fixture
def line(sns) -> str:
    said = {"FifoTopic": "true", "ContentBasedDeduplication": "true", "ArchivePolicy": '{"MessageRetentionPeriod": "30"}'}
    return sns.create_topic(Name="line.fifo", Attributes=said)["TopicArn"]


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def policy(start: float, end: float | None = None) -> str:
    return json.dumps({"PointType": "Timestamp", "StartingPoint": moment(start)} | ({"EndingPoint": moment(end)} if end else {}))


def publish(cloud, topic: str, *texts: str) -> None:
    for text in texts:
        attributes = {"parity": {"DataType": "Number", "StringValue": str(int(text) % 2)}}
        cloud.client("sns").publish(TopicArn=topic, Message=text, MessageGroupId="g", MessageAttributes=attributes)


def bodies(cloud, url: str) -> list[str]:
    cloud.sleep(2)
    return [message["Body"] for message in received(cloud, url)]


def test_a_late_subscriber_hears_what_was_published_before_and_what_comes(cloud, sns, line):
    began = cloud.now()
    publish(cloud, line, *map(str, range(450)))
    url, arn = queue(cloud, "late.fifo", line, FifoQueue="true")
    attributes = {"RawMessageDelivery": "true", "ReplayPolicy": policy(began)}
    subscription = sns.subscribe(TopicArn=line, Protocol="sqs", Endpoint=arn, Attributes=attributes)["SubscriptionArn"]
    publish(cloud, line, "450", "451")
    cloud.sleep(30)
    publish(cloud, line, "452")
    assert bodies(cloud, url) == [str(n) for n in range(453)]
    said = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert said["ReplayStatus"] == "Completed" and json.loads(said["ReplayPolicy"])["PointType"] == "Timestamp"


def test_a_replay_repeats_a_window_and_says_so(cloud, sns, line):
    url, subscription = subscribed(cloud, line, "inbox.fifo")
    publish(cloud, line, "1")
    cloud.sleep(10)
    start = cloud.now()
    publish(cloud, line, "2", "3")
    cloud.sleep(10)
    end = cloud.now()
    cloud.sleep(10)
    publish(cloud, line, "4")
    first = [json.loads(body) for body in bodies(cloud, url)]
    assert [each["Message"] for each in first] == ["1", "2", "3", "4"] and not any("Replayed" in each for each in first)
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="ReplayPolicy", AttributeValue=policy(start, end))
    again = [json.loads(body) for body in bodies(cloud, url)]
    assert [(each["Message"], each["MessageId"], each["Timestamp"], each["Replayed"]) for each in again] == [
        (each["Message"], each["MessageId"], each["Timestamp"], True) for each in first[1:3]
    ]


def test_a_replay_is_filtered(cloud, sns, line):
    began = cloud.now()
    publish(cloud, line, *"1234")
    url, arn = queue(cloud, "odd.fifo", line, FifoQueue="true")
    attributes = {"RawMessageDelivery": "true", "ReplayPolicy": policy(began), "FilterPolicy": '{"parity": [1]}'}
    sns.subscribe(TopicArn=line, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    assert bodies(cloud, url) == ["1", "3"]


def test_a_replay_goes_on_after_a_kill_where_it_stood(cloud, sns, line):
    began = cloud.now()
    publish(cloud, line, *map(str, range(600)))
    url, arn = queue(cloud, "late.fifo", line, FifoQueue="true")
    attributes = {"RawMessageDelivery": "true", "ReplayPolicy": policy(began)}
    sns.subscribe(TopicArn=line, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    for _ in range(3):
        cloud.sleep(0.001)
        cloud.restart(kill=True)
    cloud.sleep(60)
    assert bodies(cloud, url) == [str(n) for n in range(600)]


def test_the_archive_keeps_for_as_many_days_as_it_was_told(cloud, sns, line):
    began = cloud.now()
    shown = sns.get_topic_attributes(TopicArn=line)["Attributes"]
    assert json.loads(shown["ArchivePolicy"]) == {"MessageRetentionPeriod": "30"} and shown["BeginningArchiveTime"] == "2030-01-01T00:00:00.000Z"
    publish(cloud, line, "1")
    cloud.sleep(31 * 86_400)
    publish(cloud, line, "2")
    url, arn = queue(cloud, "late.fifo", line, FifoQueue="true")
    said = {"TopicArn": line, "Protocol": "sqs", "Endpoint": arn}
    with pytest.raises(ClientError, match="beginning of the archive"):
        sns.subscribe(**said, Attributes={"ReplayPolicy": policy(began)})
    sns.subscribe(**said, Attributes={"RawMessageDelivery": "true", "ReplayPolicy": policy(cloud.now() - 30 * 86_400 + 60)})
    assert bodies(cloud, url) == ["2"]


@pytest.mark.parametrize("text", ["{", "[]", "{}x", '{"PointType": "Timestamp"}', '{"PointType": "Other", "StartingPoint": "2030-01-01T00:00:00Z"}',
                                  '{"PointType": "Timestamp", "StartingPoint": "yesterday"}',
                                  '{"PointType": "Timestamp", "StartingPoint": "2030-01-01T00:00:10Z", "EndingPoint": "2030-01-01T00:00:05Z"}'])  # fmt: skip
def test_what_is_no_replay_is_refused(cloud, sns, line, text):
    _, subscription = subscribed(cloud, line, "inbox.fifo")
    with pytest.raises(ClientError, match="Invalid parameter: ReplayPolicy: "):
        sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="ReplayPolicy", AttributeValue=text)


def test_a_topic_with_an_archive_is_not_deleted(cloud, sns, line):
    with pytest.raises(ClientError) as refused:
        sns.delete_topic(TopicArn=line)
    assert refused.value.response["Error"]["Code"] == "InvalidState"
    sns.set_topic_attributes(TopicArn=line, AttributeName="ArchivePolicy", AttributeValue="{}")
    sns.delete_topic(TopicArn=line)
    assert sns.list_topics()["Topics"] == []


def test_a_standard_topic_has_no_archive(cloud, sns):
    with pytest.raises(ClientError, match="ArchivePolicy"):
        sns.create_topic(Name="news", Attributes={"ArchivePolicy": '{"MessageRetentionPeriod": "30"}'})
