"""What a topic with active tracing tells X-Ray of messages that belong to a sampled trace.

A publication is a segment of the topic, each delivery a subsegment of that, and whoever receives the message is told the delivery's id.
Segments are sent as SNS itself, which a resource policy of X-Ray must allow. A topic that only passes traces through tells nothing.
https://docs.aws.amazon.com/sns/latest/dg/sns-active-tracing.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from kumoniwa.aws import endpoints
from kumoniwa.gate import tracing
from kumoniwa.gate.tracing import Part
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Subscription
from kumoniwa.services.sns.topic import Topic

SERVICE, ORIGIN = "sns.amazonaws.com", "AWS::SNS::Topic"


def _sender(call: Call, topic: str) -> Principal:
    return principals.service(SERVICE, call.account, **{"aws:SourceArn": topic, "aws:SourceAccount": call.account})


def taken(call: Call, topic: Topic, message: Message) -> Part | None:
    """The topic's part of a message's trace, if it has one; the message then says so."""
    if not message.trace or topic.attributes.get("TracingConfig") != "Active":
        return None
    header = tracing.read(message.trace)
    if header.sampled != "1":
        return None
    part = Part(call, header)
    message.trace, message.is_traced = part.handed_on(), True
    return part


def told(part: Part, topic: Topic, message: Message) -> None:
    facts = {"operation": "Publish", "topic_arn": message.topic, "request_id": part.call.request_id, "resource_names": [topic.name]}
    part.tell(part.segment(topic.name, ORIGIN, message.topic, aws=facts), sender=_sender(part.call, message.topic))


class Handing:
    """One attempt to deliver a traced message."""

    def __init__(self, call: Call, message: Message, subscription: Subscription) -> None:
        self.call, self.subscription, self.topic = call, subscription, message.topic
        self.header, self.id, self.began = tracing.read(message.trace), tracing.new_id(call), call.now()
        self.message = msgspec.structs.replace(message, trace=self.header._replace(parent=self.id).spelled())
        """As whoever receives it is told of it."""

    def over(self, *, is_failed: bool) -> None:
        said: dict[str, Any] = {
            "type": "subsegment", "id": self.id, "trace_id": self.header.root, "parent_id": self.header.parent, "start_time": self.began,
            "end_time": self.call.now(), **_receiver(self.subscription),
        }  # fmt: skip
        tracing.tell(self.call, said | ({"fault": True} if is_failed else {}), sender=_sender(self.call, self.topic))


def handing(call: Call, message: Message, subscription: Subscription) -> Handing | None:
    return Handing(call, message, subscription) if message.is_traced else None


def _receiver(subscription: Subscription) -> dict[str, Any]:
    if subscription.protocol in ("http", "https"):
        return {"name": urlsplit(subscription.endpoint).hostname or "endpoint", "namespace": "remote"}
    place = arns.parse(subscription.endpoint)
    if place is None:
        return {"name": subscription.protocol}
    if place.service == "sqs":
        facts = {"operation": "SendMessage", "queue_url": endpoints.queue_url(place.region, place.account, place.resource)}
        return {"name": "SQS", "namespace": "aws", "aws": facts}
    if place.service == "lambda":
        return {"name": "Lambda", "namespace": "aws", "aws": {"operation": "Invoke", "function_name": place.resource.removeprefix("function:")}}
    return {"name": "Firehose", "namespace": "aws", "aws": {"operation": "PutRecord", "stream_name": place.resource.removeprefix("deliverystream/")}}
