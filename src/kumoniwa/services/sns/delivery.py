"""Deliveries: messages on their way from a topic to its subscribers, tried again as long as AWS would, and buried in the
subscription's dead-letter queue if all was in vain.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from kumoniwa.aws import endpoints
from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.sns import bill, delivery_policy, feedback, http, mail, phone, push, sealing, tracing
from kumoniwa.services.sns.envelope import Sealer
from kumoniwa.services.sns.feedback import Answer
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Subscription

SERVICE = "sns.amazonaws.com"
BURIED_AGAIN_S = 20.0
TAKEN = Answer(200, "")
HTTP = ("http", "https")


class Promise(msgspec.Struct, array_like=True):
    """One message for one subscription, as both were when it was published."""

    message: Message
    subscription: Subscription
    invitation: http.Invitation | None = None
    """Instead of the message: what an endpoint is asked or told about its subscription."""


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode


def promise(call: Call, message: Message, subscription: Subscription, *, invitation: http.Invitation | None = None) -> None:
    """What FIFO topics publish in one group comes to each subscription in its order."""
    lane = f"{subscription.arn} {message.group}" if message.sequence is not None else ""
    after_s = http.turn(call, subscription) if subscription.protocol in HTTP and invitation is None else 0.0
    OUTBOX.put(call, _encode(Promise(message, subscription, invitation)), lane=lane, after_s=after_s)


def ourselves(call: Call, topic: str) -> Call:
    return call.acting(SERVICE, **{"aws:SourceArn": topic, "aws:SourceAccount": call.account})


async def deliver(call: Call, delivery: Delivery) -> float | None:
    said = _decode(delivery.body)
    subscription = said.subscription
    handing = tracing.handing(call, said.message, subscription) if said.invitation is None else None
    is_failed = True
    try:
        said.message = await sealing.opened(call, said.message if handing is None else handing.message)
        if said.invitation is None:
            bill.attempted(call, said.message, subscription)
        if subscription.protocol in HTTP:
            answer = await http.send(call, said.message, subscription, said.invitation)
        else:
            answer = await _SENDERS[subscription.protocol](call, said, delivery.token)
        is_failed = False
        if said.invitation is None:
            bill.delivered(call, said.message)
        feedback.told(call, said, delivery, answer or TAKEN, is_failed=False)
    except http.Undelivered as error:
        wait_s = http.pause(call, subscription, delivery.attempts) if error.is_passing else None
        return await _bury(call, said, delivery, error.code, error.answer) if wait_s is None else wait_s
    except AwsError as error:
        wait_s = delivery_policy.pause_for_aws(delivery.attempts) if patience.is_passing(error) else None
        answer = Answer(error.status or 400, orjson.dumps({"ErrorCode": error.code, "ErrorMessage": error.text}).decode())
        return await _bury(call, said, delivery, error.code, answer) if wait_s is None else wait_s
    finally:
        if handing is not None:
            handing.over(is_failed=is_failed)
    return None


async def _bury(call: Call, said: Promise, delivery: Delivery, code: str, answer: Answer) -> float | None:
    """Send the message itself to the dead-letter queue, if there is one. A queue that is out of order is tried again."""
    subscription, dead = said.subscription, said.subscription.dead_letter
    is_buried = dead is not None and said.invitation is None
    call.home.note("undelivered", topic=said.message.topic, subscription=subscription.arn, code=code, is_buried=is_buried)
    if is_buried:
        queue = arns.parse(dead)
        params = for_queue(Sealer(call, said.message), subscription, queue)
        try:
            await ourselves(call, said.message.topic).ask("sqs:SendMessage", to_region=queue.region, once=f"{delivery.token}-dead", **params)
        except AwsError as error:
            if patience.is_passing(error):
                return BURIED_AGAIN_S
    feedback.told(call, said, delivery, answer, is_failed=True)
    return None


# Queues and functions ----------------------------------------------------------------------------------


def for_queue(sealer: Sealer, subscription: Subscription, queue: arns.Arn, trace: str | None = None) -> dict[str, Any]:
    """What a queue is asked to take. Only raw messages bring their attributes along."""
    message = sealer.message
    params: dict[str, Any] = {
        "QueueUrl": endpoints.queue_url(queue.region, queue.account, queue.resource),
        "MessageBody": message.text_for(subscription.protocol) if subscription.is_raw else sealer.notification(subscription),
    }
    if subscription.is_raw and message.attributes:
        params["MessageAttributes"] = message.attributes
    if (trace := trace or message.trace) is not None:
        params["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    if queue.resource.endswith(".fifo"):
        params |= {"MessageGroupId": message.group, "MessageDeduplicationId": message.deduplication}
    elif message.group is not None and message.sequence is None:
        # A standard queue that is fair to groups is told the group, but for FIFO topics (recorded: test_publish_message_group_id,
        # test_fifo_topic_to_regular_sqs).
        params["MessageGroupId"] = message.group
    return params


async def _to_queue(call: Call, said: Promise, once: str) -> Answer:
    queue = arns.parse(said.subscription.endpoint)
    asker = ourselves(call, said.message.topic)
    if said.invitation is not None:
        url = endpoints.queue_url(queue.region, queue.account, queue.resource)
        body = http.written(call, said.invitation, said.subscription)
        await asker.ask("sqs:SendMessage", to_region=queue.region, once=once, QueueUrl=url, MessageBody=body)
        return TAKEN
    params = for_queue(Sealer(call, said.message), said.subscription, queue)
    sent = await asker.ask("sqs:SendMessage", to_region=queue.region, once=once, **params)
    return Answer(200, orjson.dumps({"sqsMessageId": sent["MessageId"]}).decode())


async def _to_function(call: Call, said: Promise, once: str) -> Answer:
    function = arns.parse(said.subscription.endpoint)
    event = Sealer(call, said.message).event(said.subscription)
    await ourselves(call, said.message.topic).traced(said.message.trace or "").ask(
        "lambda:Invoke", to_region=function.region, once=once, FunctionName=str(function), InvocationType="Event", Payload=event
    )
    return Answer(202, "")


async def _to_address(call: Call, said: Promise, once: str) -> None:
    await mail.send(call, said.message, said.subscription, said.invitation, once)


async def _to_phone(call: Call, said: Promise, once: str) -> None:
    # As it is dialled: some write the parts of a number apart.
    await phone.send(call, said.message, said.subscription.endpoint.replace("-", ""), once, is_code=said.invitation is not None)


async def _to_device(call: Call, said: Promise, once: str) -> None:
    await push.send(call, said.message, said.subscription.endpoint, once)


async def _to_delivery_stream(call: Call, said: Promise, once: str) -> None:
    """As the role of the subscription. A notification is one line, so that files can be read line by line."""
    stream, subscription = arns.parse(said.subscription.endpoint), said.subscription
    role = call.assuming(subscription.attributes["SubscriptionRoleArn"], SERVICE, "sns", **{"aws:SourceArn": said.message.topic})
    if subscription.is_raw:
        data = said.message.text_for("firehose").encode()
    else:
        data = orjson.dumps(orjson.loads(Sealer(call, said.message).notification(subscription)), option=orjson.OPT_APPEND_NEWLINE)
    name = stream.resource.removeprefix("deliverystream/")
    await role.ask("firehose:PutRecord", to_region=stream.region, once=once, DeliveryStreamName=name, Record={"Data": data})


_SENDERS = {
    "sqs": _to_queue, "lambda": _to_function, "email": _to_address, "email-json": _to_address, "sms": _to_phone, "firehose": _to_delivery_stream,
    "application": _to_device,
}  # fmt: skip

OUTBOX = Outbox("sns", deliver)
