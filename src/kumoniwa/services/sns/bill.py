"""What AWS bills for topics: requests, of which each 64 KB that is published is one, and deliveries by protocol; to queues and functions they are free.

A FIFO topic is billed by the messages published and delivered, and by the bytes of both. https://aws.amazon.com/sns/pricing/
Requests that publish nothing count as requests here for either kind of topic, which is not said of FIFO topics. Deliveries count by their attempts,
as AWS's usage types are called (DeliveryAttempts-HTTP); whether a large one counts more than once is not said, and here it does not. Nor do
confirmations of subscriptions count.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use, chunks
from kumoniwa.kernel.call import Call
from kumoniwa.services.sns.message import Message, size_of
from kumoniwa.services.sns.subscription import Subscription

PAID = {
    "http": "sns:http_delivery", "https": "sns:http_delivery", "email": "sns:email_delivery", "email-json": "sns:email_delivery",
    "sms": "sns:sms_delivery", "application": "sns:push_delivery", "firehose": "sns:firehose_delivery",
}  # fmt: skip


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use]:
    name = (params.get("TopicArn") or params.get("TargetArn") or result.get("TopicArn") or "").rpartition(":")[2]
    sent = (params,) if operation == "Publish" else params["PublishBatchRequestEntries"] if operation == "PublishBatch" else ()
    size = sum(size_of(each["Message"], each.get("MessageAttributes")) for each in sent)
    if sent and name.endswith(".fifo"):
        return [("sns:fifo_publish", name, len(sent)), ("sns:fifo_publish_payload", name, size / GIB)]
    return [("sns:publish_requests", name, chunks(size))]


def attempted(call: Call, message: Message, subscription: Subscription) -> None:
    """A message is on its way to a subscriber, once more perhaps."""
    usage = PAID.get(subscription.protocol)
    if usage is not None:
        call.bill(usage, message.topic.rpartition(":")[2])


def delivered(call: Call, message: Message) -> None:
    """A subscriber took it."""
    if message.sequence is not None:
        name = message.topic.rpartition(":")[2]
        call.bill("sns:fifo_delivery", name)
        call.bill("sns:fifo_delivery_payload", name, size_of(message.text, message.attributes) / GIB)
