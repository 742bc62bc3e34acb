"""What became of deliveries, logged for who wants to know it, by the customer's role: in the groups ``sns/REGION/ACCOUNT/TOPIC`` and, of what was
not taken, ``…/Failure``.

https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
How AWS calls the streams of a group is not published, nor what a rate that nobody said is: one stream a day here, and all that succeeds.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from kumoniwa.gate import log_delivery, patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.sns.topic import Topic

if TYPE_CHECKING:
    from kumoniwa.services.sns.delivery import Promise

SERVICE = "sns.amazonaws.com"
KINDS = {"sqs": "SQS", "lambda": "Lambda", "http": "HTTP", "https": "HTTP", "firehose": "Firehose", "application": "Application"}
"""How attributes call the protocols whose deliveries can be logged."""
TRIES_MAX = 10
TRIED_AGAIN_S = 20.0


class Answer(msgspec.Struct, array_like=True):
    """What whoever was to take a message answered."""

    status: int
    said: str


class Entry(msgspec.Struct, array_like=True):
    role: str
    topic: str
    group: str
    at: float
    message: str


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Entry).decode


def told(call: Call, said: Promise, delivery: Delivery, answer: Answer, *, is_failed: bool) -> None:
    """Promise an entry, if there is to be one."""
    message, subscription = said.message, said.subscription
    topic = call.shelf(Topic).get(subscription.topic)
    kind = KINDS.get(subscription.protocol)
    role = topic.attributes.get(f"{kind}{'Failure' if is_failed else 'Success'}FeedbackRoleArn") if topic is not None else None
    if not role or said.invitation is not None:
        return
    rate = int(topic.attributes.get(f"{kind}SuccessFeedbackSampleRate", 100))
    if not is_failed and call.ids.random.random() * 100 >= rate:
        return
    now = call.now()
    entry: dict[str, Any] = {
        "notification": {
            "messageMD5Sum": hashlib.md5(message.text_for(subscription.protocol).encode(), usedforsecurity=False).hexdigest(),
            "messageId": message.id, "topicArn": message.topic, "timestamp": _moment(message.published),
        },
        "delivery": {
            "deliveryId": delivery.token.partition("-")[2], "destination": subscription.endpoint, "providerResponse": answer.said,
            "dwellTimeMs": max(0, milliseconds(now) - milliseconds(message.published)), "attempts": delivery.attempts + 1, "statusCode": answer.status,
        },
        "status": "FAILURE" if is_failed else "SUCCESS",
    }  # fmt: skip
    group = f"sns/{call.region}/{call.account}/{topic.name}{'/Failure' if is_failed else ''}"
    OUTBOX.put(call, _encode(Entry(role, message.topic, group, now, orjson.dumps(entry).decode())))


def _moment(at: float) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))}.{milliseconds(at) % 1000:03d}"


async def deliver(call: Call, delivery: Delivery) -> float | None:
    entry = _decode(delivery.body)
    try:
        role = call.assuming(entry.role, SERVICE, "sns", **{"aws:SourceArn": entry.topic})
        stream = time.strftime("%Y/%m/%d", time.gmtime(entry.at))
        events = [{"timestamp": milliseconds(entry.at), "message": entry.message}]
        try:
            await log_delivery.to_group(role, None, entry.group, stream, events, delivery.token)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await role.ask("logs:CreateLogGroup", logGroupName=entry.group)
            await log_delivery.to_group(role, None, entry.group, stream, events, delivery.token)
    except AwsError as error:
        if patience.is_passing(error) and delivery.attempts < TRIES_MAX:
            return TRIED_AGAIN_S
        call.home.note("unlogged", topic=entry.topic, group=entry.group, code=error.code)
    return None


OUTBOX = Outbox("sns", deliver, kind="feedback")
