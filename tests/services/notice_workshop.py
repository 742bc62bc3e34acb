"""Topics, and queues that let them in."""

from __future__ import annotations

import json


def queue(cloud, name: str, topic: str | None = None, *, key: str = "test", region: str = "us-east-1", **attributes: str) -> tuple[str, str]:
    """The URL and the ARN of a new queue which the topic may send to."""
    sqs = cloud.client("sqs", region, key=key)
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    if topic is not None:
        allow(sqs, url, arn, topic)
    return url, arn


def allow(sqs, url: str, arn: str, topic: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


def received(cloud, url: str, region: str = "us-east-1", key: str = "test") -> list[dict]:
    """Everything that lies in a queue, which is empty then."""
    sqs, found = cloud.client("sqs", region, key=key), []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def told(cloud, url: str) -> list[str]:
    """The texts of the notifications that lie in a queue."""
    return [json.loads(message["Body"])["Message"] for message in received(cloud, url)]


def subscribed(cloud, topic: str, name: str, **attributes: str) -> tuple[str, str]:
    """The URL of a new queue which hears the topic, and the subscription's ARN."""
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    url, arn = queue(cloud, name, topic, **fifo)
    subscription = cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return url, subscription["SubscriptionArn"]
