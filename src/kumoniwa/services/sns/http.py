"""Subscriptions of HTTP: what an endpoint is asked before it hears anything, and what it hears then.

https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.services.sns import delivery_policy, envelope
from kumoniwa.services.sns.feedback import Answer
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Subscription
from kumoniwa.services.sns.topic import Topic
from kumoniwa.wire import outbound

TIMEOUT_S = 15.0
AGENT = "Amazon Simple Notification Service Agent"


class Invitation(msgspec.Struct, array_like=True):
    kind: str
    """SubscriptionConfirmation or UnsubscribeConfirmation."""
    id: str
    token: str
    signature_version: str


TOLD_BYTES_MAX = 1_024
"""How much of an answer a log tells; how much it is on AWS is not published."""


class Undelivered(Exception):
    """The endpoint did not take it; another attempt may help or not."""

    def __init__(self, code: str, *, is_passing: bool, answer: Answer | None = None) -> None:
        super().__init__(code)
        self.code, self.is_passing, self.answer = code, is_passing, answer or Answer(0, code)


def effective_policy(call: Call, subscription: Subscription) -> dict[str, Any]:
    topic = call.shelf(Topic).get(subscription.topic)
    return delivery_policy.effective_of_subscription(subscription.delivery_policy, topic.delivery_policy if topic is not None else None)


def pause(call: Call, subscription: Subscription, attempts: int) -> float | None:
    return delivery_policy.pause(effective_policy(call, subscription), attempts)


class Pace:
    """When each subscription whose policy throttles may hear next. Not durable: a fresh life begins with a fresh pace."""

    def __init__(self) -> None:
        self.next_at: dict[str, float] = {}


def turn(call: Call, subscription: Subscription) -> float:
    """In how many seconds it is a subscription's turn to hear one more message."""
    rate = (effective_policy(call, subscription)["throttlePolicy"] or {}).get("maxReceivesPerSecond")
    if rate is None:
        return 0.0
    next_at, now = call.memory(Pace).next_at, call.now()
    at = max(now, next_at.get(subscription.arn, 0.0))
    next_at[subscription.arn] = at + 1 / rate
    return at - now


def written(call: Call, invitation: Invitation, subscription: Subscription) -> str:
    return envelope.invitation(call, invitation.kind, invitation.id, subscription, invitation.token, invitation.signature_version)


async def send(call: Call, message: Message, subscription: Subscription, invitation: Invitation | None) -> Answer:
    """Header names, their order and values recorded: test_subscribe_external_http_endpoint."""
    content_type = delivery_policy.REQUEST["headerContentType"]
    if invitation is not None:
        headers = [("x-amz-sns-message-type", invitation.kind), ("x-amz-sns-message-id", invitation.id), ("x-amz-sns-topic-arn", message.topic)]
        if invitation.kind == "UnsubscribeConfirmation":
            # Recorded: test_subscribe_external_http_endpoint_lambda_url_sig_validation.
            headers.append(("x-amz-sns-subscription-arn", subscription.arn))
        body = written(call, invitation, subscription)
    else:
        content_type = effective_policy(call, subscription)["requestPolicy"]["headerContentType"]
        headers = [
            ("x-amz-sns-message-type", "Notification"),
            ("x-amz-sns-message-id", message.id),
            ("x-amz-sns-topic-arn", message.topic),
            ("x-amz-sns-subscription-arn", subscription.arn),
        ]
        if message.trace is not None:
            headers.append(("X-Amzn-Trace-Id", message.trace))
        if subscription.is_raw:
            headers.append(("x-amz-sns-rawdelivery", "true"))
            body = message.text_for(subscription.protocol)
        else:
            body = envelope.Sealer(call, message).notification(subscription)
    headers += [("Content-Type", content_type), ("User-Agent", AGENT), ("Accept-Encoding", "gzip,deflate"), *_credentials(subscription.endpoint)]
    try:
        answer = await outbound.fetch("POST", subscription.endpoint, headers, body.encode(), TIMEOUT_S)
    except (outbound.Unreachable, TimeoutError) as error:
        raise Undelivered(f"Unreachable: {error}", is_passing=True) from None
    told = Answer(answer.status, answer.body[:TOLD_BYTES_MAX].decode("utf-8", "replace"))
    if not 200 <= answer.status < 300:
        raise Undelivered(str(answer.status), is_passing=answer.status >= 500 or answer.status == 429, answer=told)
    return told


def _credentials(endpoint: str) -> list[tuple[str, str]]:
    """A name and a password in the address are for basic authentication."""
    user, at, _ = urlsplit(endpoint).netloc.rpartition("@")
    return [("Authorization", f"Basic {base64.b64encode(unquote(user).encode()).decode()}")] if at else []
