"""Faults of queues: what at-least-once and best order allow, and what a consumer's death leaves behind."""

import pytest
from botocore.exceptions import ConnectionClosedError


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs")


def drained(sqs, url):
    """The bodies of all messages that can be received now, each deleted."""
    bodies = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_a_duplicated_message_is_received_twice_with_one_id(cloud, sqs):
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    cloud.fault("queue.duplicate", {"queue": "orders"})
    sent = sqs.send_message(QueueUrl=url, MessageBody="x")
    ids = []
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        ids.append(message["MessageId"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert ids == [sent["MessageId"]] * 2
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_fifo_queue_delivers_once_whatever_is_wished(cloud, sqs):
    url = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    cloud.fault("queue.duplicate")
    cloud.fault("queue.reorder", window=10)
    for n in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId="g")
    assert drained(sqs, url) == [str(n) for n in range(12)]


def test_a_delayed_message_is_hidden_for_so_long(cloud, sqs):
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    fault = cloud.fault("queue.delay", {"queue": "ord*"}, seconds="30s")
    sqs.send_message(QueueUrl=url, MessageBody="late")
    cloud.heal(fault)
    sqs.send_message(QueueUrl=url, MessageBody="early")
    assert drained(sqs, url) == ["early"]
    cloud.sleep(30)
    assert drained(sqs, url) == ["late"]


def test_a_standard_queue_changes_the_order_and_loses_nothing(cloud, sqs):
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    cloud.fault("queue.reorder", {"queue": "orders"}, window=50)
    sent = [str(n) for n in range(50)]
    for body in sent:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    received = drained(sqs, url)
    assert sorted(received) == sorted(sent)
    assert received != sent


@pytest.mark.parametrize("wait_s", [0, 20])
def test_what_a_dying_consumer_received_comes_back_when_its_visibility_ends(cloud, sqs, wait_s):
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    fault = cloud.fault("queue.consumer-crash", {"queue": "orders"})
    polling = cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=wait_s) if wait_s else None
    cloud.sleep(1)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    with pytest.raises(ConnectionClosedError):
        cloud.wait(polling) if polling else sqs.receive_message(QueueUrl=url)
    cloud.heal(fault)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])["Attributes"]
    assert counts == {"ApproximateNumberOfMessagesNotVisible": "1"}
    assert drained(sqs, url) == []
    cloud.sleep(60)
    (again,) = sqs.receive_message(QueueUrl=url, AttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_other_queues_do_not_suffer(cloud, sqs):
    cloud.fault("queue.delay", {"queue": "orders"}, seconds=30)
    url = sqs.create_queue(QueueName="others")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert drained(sqs, url) == ["x"]
