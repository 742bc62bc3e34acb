"""The forms in which a message comes to its subscribers: the JSON that queues and endpoints of HTTP get, and a function's event.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.sns import certificate
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Subscription
from kumoniwa.wire import timestamps

FREE = ("Subject", "Message", "Replayed")
"""What somebody else wrote, or is no text."""


def unsubscribe_url(call: Call, subscription_arn: str) -> str:
    return f"{call.home.settings.endpoint}{certificate.PATH}{call.region}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"


def subscribe_url(call: Call, topic_arn: str, token: str) -> str:
    return f"{call.home.settings.endpoint}{certificate.PATH}{call.region}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={quote(token)}"


class Sealer:
    """Signs one message for all its subscribers; those who are told the same text share a signature."""

    def __init__(self, call: Call, message: Message) -> None:
        self.call, self.message = call, message
        self.time = timestamps.to_millisecond(message.published)
        self.signatures: dict[str, tuple[str, str]] = {}
        self.written: dict[str, str] = {}
        """By text: what the notifications of all who are told it begin with."""

    def signature(self, text: str) -> tuple[str, str]:
        found = self.signatures.get(text)
        if found is None:
            message = self.message
            subject = f"Subject\n{message.subject}\n" if message.subject is not None else ""
            said = f"Message\n{text}\nMessageId\n{message.id}\n{subject}Timestamp\n{self.time}\nTopicArn\n{message.topic}\nType\nNotification\n"
            found = self.signatures[text] = certificate.signed(self.call, said, message.signature_version)
        return found

    def notification(self, subscription: Subscription) -> str:
        """What a queue or an endpoint is told. Only the last lines are of one subscription alone."""
        text = self.message.text_for(subscription.protocol)
        above = self.written.get(text)
        if above is None:
            above = self.written[text] = lines(self._told(text))
        return f'{{\n{above},\n  "UnsubscribeURL" : "{unsubscribe_url(self.call, subscription.arn)}"{attribute_lines(self.message.attributes)}\n}}'

    def _told(self, text: str) -> dict[str, Any]:
        """Messages of FIFO topics are not signed (recorded: test_message_to_fifo_sqs)."""
        message = self.message
        told: dict[str, Any] = {"Type": "Notification", "MessageId": message.id}
        if message.sequence is not None:
            told["SequenceNumber"] = message.sequence
        told["TopicArn"] = message.topic
        if message.subject is not None:
            told["Subject"] = message.subject
        told |= {"Message": text, "Timestamp": self.time}
        if message.is_replayed:
            told["Replayed"] = True
        if message.sequence is None:
            told["SignatureVersion"] = message.signature_version
            told["Signature"], told["SigningCertURL"] = self.signature(text)
        return told

    def event(self, subscription: Subscription) -> bytes:
        """A function is told version 1 whichever the signature is of (recorded: test_publish_lambda_verify_signature)."""
        message = self.message
        text = message.text_for(subscription.protocol)
        signature, url = self.signature(text)
        told = {
            "Type": "Notification",
            "MessageId": message.id,
            "TopicArn": message.topic,
            "Subject": message.subject,
            "Message": text,
            "Timestamp": self.time,
            "SignatureVersion": "1",
            "Signature": signature,
            "SigningCertUrl": url,
            "UnsubscribeUrl": unsubscribe_url(self.call, subscription.arn),
            "MessageAttributes": attributes_shown(message.attributes),
        }
        record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription.arn, "Sns": told}
        return orjson.dumps({"Records": [record]})


def invitation(call: Call, kind: str, message_id: str, subscription: Subscription, token: str, version: str) -> str:
    """What asks an endpoint whether it agrees to a subscription, or tells it that it lost one."""
    topic = subscription.arn.rpartition(":")[0]
    if kind == "SubscriptionConfirmation":
        said = f"You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
    else:
        said = (
            f"You have chosen to deactivate subscription {subscription.arn}.\n"
            "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
        )
    url, time = subscribe_url(call, topic, token), timestamps.to_millisecond(call.now())
    parts = {"Message": said, "MessageId": message_id, "SubscribeURL": url, "Timestamp": time, "Token": token, "TopicArn": topic, "Type": kind}
    signature, certificate_url = certificate.signed(call, "".join(f"{name}\n{value}\n" for name, value in parts.items()), version)
    told = {
        "Type": kind, "MessageId": message_id, "Token": token, "TopicArn": topic, "Message": said, "SubscribeURL": url, "Timestamp": time,
        "SignatureVersion": version, "Signature": signature, "SigningCertURL": certificate_url,
    }  # fmt: skip
    return f"{{\n{lines(told)}\n}}"


def lines(told: dict[str, Any]) -> str:
    """Members of an object in JSON as AWS spaces it. Most of them are names, ids and times, which need no escapes."""
    return ",\n".join([f'  "{name}" : {orjson.dumps(value).decode()}' if name in FREE else f'  "{name}" : "{value}"' for name, value in told.items()])


def attribute_lines(attributes: dict[str, dict[str, Any]]) -> str:
    """What follows them of a message's attributes; nothing, if it has none."""
    if not attributes:
        return ""
    each = [f"    {orjson.dumps(name).decode()} : {orjson.dumps(value).decode()}" for name, value in attributes_shown(attributes).items()]
    return ',\n  "MessageAttributes" : {\n' + ",\n".join(each) + "\n  }"


def attributes_shown(attributes: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {name: {"Type": said["DataType"], "Value": _value(said)} for name, said in attributes.items()}


def _value(said: dict[str, Any]) -> str:
    return base64.b64encode(said["BinaryValue"]).decode() if "BinaryValue" in said else said["StringValue"]
