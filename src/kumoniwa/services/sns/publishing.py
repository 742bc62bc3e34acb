"""Publishing: a message is judged, and promised to every subscription that wants it.

What goes to queues of this region goes there in the very commit in which the message is taken, if nothing stands in the way.
Everything else is promised in that commit, and so is what a queue refuses or must wait for, such as one whose key is shut.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Afterwards, Call
from kumoniwa.kernel.errors import AwsError, MustWait
from kumoniwa.languages import filter_policy
from kumoniwa.services.sns import delivery, device, fifo, phone, push, replay, sealing, tracing
from kumoniwa.services.sns import message as messages
from kumoniwa.services.sns import subscription as subscriptions
from kumoniwa.services.sns import topic as topics
from kumoniwa.services.sns.envelope import Sealer
from kumoniwa.services.sns.errors import (
    BatchEntryIdsNotDistinctException,
    BatchRequestTooLongException,
    EmptyBatchRequestException,
    InvalidBatchEntryIdException,
    InvalidParameterException,
    TooManyEntriesInBatchRequestException,
)
from kumoniwa.services.sns.subscription import Listener, Subscription
from kumoniwa.services.sns.topic import Topic

BATCH_MAX = 10
ENTRY_ID_MAX = 80
AT_ONCE_MAX = 100
"""To how many queues a message goes in one turn of the loop; others need not wait for more."""

Soon = list[tuple[Sealer, Listener]]
"""Whom a message goes to in this turn."""
Later = list[tuple[messages.Message, Subscription]]
"""What is promised in the commit of that turn."""


def Publish(
    call: Call,
    *,
    Message: str,
    TopicArn: str | None = None,
    TargetArn: str | None = None,
    PhoneNumber: str | None = None,
    Subject: str | None = None,
    MessageStructure: str | None = None,
    MessageAttributes: dict[str, dict[str, Any]] | None = None,
    MessageDeduplicationId: str | None = None,
    MessageGroupId: str | None = None,
) -> Any:
    if PhoneNumber is not None:
        return _to_phone(call, PhoneNumber, Message, Subject, MessageStructure, MessageAttributes)
    if TopicArn is None and TargetArn is not None and ":endpoint/" in TargetArn:
        return _to_device(call, TargetArn, Message, Subject, MessageStructure, MessageAttributes)
    topic = _target(call, TopicArn, TargetArn)
    messages.check(Message, Subject, MessageStructure, MessageAttributes)
    phone.check(MessageAttributes)
    messages.check_size(topic, Message, MessageAttributes)
    said = {
        "Message": Message, "Subject": Subject, "MessageStructure": MessageStructure, "MessageAttributes": MessageAttributes,
        "MessageDeduplicationId": MessageDeduplicationId, "MessageGroupId": MessageGroupId,
    }  # fmt: skip
    soon: Soon = []
    later: Later = []
    reply = _taken(call, topic, said, _deduplication(topic, said), soon, later)
    return _published(call, reply, soon, later)


def _to_phone(
    call: Call, number: str, text: str, subject: str | None, structure: str | None, attributes: dict[str, dict[str, Any]] | None
) -> dict[str, str]:
    """A message to nobody's topic: the number is its only subscriber."""
    if not phone.is_number(number):
        raise InvalidParameterException.of("PhoneNumber", f"{number} is not valid to publish to")
    messages.check(text, subject, structure, attributes)
    phone.check(attributes)
    message = messages.Message(
        id=call.new_id(), topic="", text=text, published=call.now(), subject=subject, attributes=attributes or {}, is_structured=structure is not None
    )
    if len(message.text_for("sms")) > phone.TEXT_CHARACTERS_MAX:
        raise InvalidParameterException.of("Message too long")
    delivery.promise(call, message, subscriptions.of_none(call, "sms", number))
    return {"MessageId": message.id}


def _to_device(
    call: Call, arn: str, text: str, subject: str | None, structure: str | None, attributes: dict[str, dict[str, Any]] | None
) -> dict[str, str]:
    """A device that hears nothing is refused before the message is looked at (moto's verified test_publish_to_disabled_platform_endpoint)."""
    endpoint = device.find(call, arn, "TargetArn")
    if endpoint is None:
        raise InvalidParameterException.of("TargetArn", "No endpoint found for the target arn specified")
    push.check_open(call, endpoint)
    platform = device.application_of(call, endpoint).platform
    messages.check(text, subject, structure, attributes, platform=platform)
    phone.check(attributes)
    message = messages.Message(
        id=call.new_id(), topic="", text=text, published=call.now(), subject=subject, attributes=attributes or {}, is_structured=structure is not None
    )
    push.check(message, platform)
    delivery.promise(call, message, subscriptions.of_none(call, "application", arn))
    return {"MessageId": message.id}


def _published(call: Call, reply: dict[str, Any], soon: Soon, later: Later) -> Any:
    """The reply, at once or afterwards, if somebody else is told first."""
    if soon:
        return Afterwards(partial(_at_once, call, soon, later, reply))
    _promise(call, later)
    return reply


def _promise(call: Call, later: Later) -> None:
    for message, subscription in later:
        delivery.promise(call, message, subscription)


def _target(call: Call, topic_arn: str | None, target_arn: str | None) -> Topic:
    if topic_arn is not None:
        return topics.named(call, topic_arn)
    if target_arn is None:
        raise InvalidParameterException.of("TopicArn or TargetArn", "no value for required parameter")
    return topics.named(call, target_arn, "TargetArn")


def _deduplication(topic: Topic, said: dict[str, Any]) -> str | None:
    group, deduplication = said.get("MessageGroupId"), said.get("MessageDeduplicationId")
    if topic.is_fifo:
        return messages.deduplication_of(topic, said["Message"], group, deduplication)
    messages.check_of_standard(group, deduplication)
    return None


def _taken(call: Call, topic: Topic, said: dict[str, Any], deduplication: str | None, soon: Soon, later: Later) -> dict[str, str]:
    """Take one message that was judged, and find who is to hear of it; answers the reply."""
    call.measure("AWS/SNS", "NumberOfMessagesPublished", "TopicName", topic.name)
    call.measure("AWS/SNS", "PublishSize", "TopicName", topic.name, value=len(said["Message"]), unit="Bytes")
    message = messages.Message(
        id=call.new_id(),
        topic=call.arn(topic.name),
        text=said["Message"],
        published=call.now(),
        subject=said.get("Subject"),
        attributes=said.get("MessageAttributes") or {},
        is_structured=said.get("MessageStructure") is not None,
        signature_version=topic.attributes.get("SignatureVersion", "1"),
        group=said.get("MessageGroupId"),
        deduplication=deduplication,
        trace=call.trace or None,
    )
    part = tracing.taken(call, topic, message)
    if topic.is_fifo:
        sent = fifo.already_published(call, topic, message)
        if sent is not None:
            return {"MessageId": sent[0], "SequenceNumber": sent[1]}
        message.sequence = fifo.number(call, topic, message)
        if "ArchivePolicy" in topic.attributes:
            replay.archive(call, topic, message)
    sealer = None
    # Whoever asks with a token may ask again after a kill: what was promised in the commit that remembers the token is not promised twice.
    most = len(soon) + AT_ONCE_MAX
    is_free = not (topic.is_fifo or topic.master_key or topic.is_logged or call.home.faults or call.once)
    kept = sealing.shut(call, topic, message) if topic.master_key else message
    for listener in wanted_by(call, topic, message):
        if is_free and listener.queue is not None and listener.queue.region == call.region and len(soon) < most:
            sealer = sealer or Sealer(call, message)
            soon.append((sealer, listener))
        elif not listener.subscription.hears_by_replay:
            later.append((kept, listener.subscription))
    if part is not None:
        tracing.told(part, topic, message)
    return {"MessageId": message.id} | ({"SequenceNumber": message.sequence} if message.sequence else {})


def wanted_by(call: Call, topic: Topic, message: messages.Message) -> list[Listener]:
    """Who listens and wants it."""
    found, of_attributes, of_body, is_body_read = [], None, None, False
    for listener in subscriptions.listeners(call, topic.name):
        if listener.wants is None:
            found.append(listener)
        elif listener.is_of_body:
            if not is_body_read:
                of_body, is_body_read = filter_policy.body_laid_flat(message.text_for("default")), True
            if of_body is not None and listener.wants.matches_flat(of_body):
                found.append(listener)
        else:
            if of_attributes is None:
                of_attributes = filter_policy.attributes_laid_flat(message.attributes)
            if listener.wants.matches_flat(of_attributes):
                found.append(listener)
    return found


def _at_once(call: Call, soon: Soon, later: Later, reply: dict[str, Any]) -> dict[str, Any]:
    """Ask the queues now, and let nothing come between. All and the caller hear of it by one commit: who is killed before it has taken
    nothing."""
    if later:
        call.atomically(partial(_promise, call, later))
    asker = delivery.ourselves(call, soon[0][0].message.topic)
    for sealer, listener in soon:
        subscription = listener.subscription
        handing = tracing.handing(call, sealer.message, subscription)
        try:
            params = delivery.for_queue(sealer, subscription, listener.queue, handing.message.trace if handing else None)
            asker.ask_at_once("sqs:SendMessage", **params)
        except MustWait:
            delivery.promise(call, sealer.message, subscription)
            continue
        except AwsError:
            delivery.promise(call, sealer.message, subscription)
            is_failed = True
        else:
            is_failed = False
        if handing is not None:
            handing.over(is_failed=is_failed)
    return reply


# Batches -------------------------------------------------------------------------------------------


def PublishBatch(call: Call, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> Any:
    """What one entry has wrong refuses all (recorded: test_publish_batch_exceptions, test_empty_or_wrong_message_attributes)."""
    topic, entries = topics.named(call, TopicArn), PublishBatchRequestEntries
    _check_ids([entry["Id"] for entry in entries])
    for entry in entries:
        messages.check(entry["Message"], entry.get("Subject"), entry.get("MessageStructure"), entry.get("MessageAttributes"))
        phone.check(entry.get("MessageAttributes"))
    if sum(messages.size_of(entry["Message"], entry.get("MessageAttributes")) for entry in entries) > topic.message_bytes_max:
        raise BatchRequestTooLongException
    deduplications = [_deduplication(topic, entry) for entry in entries]

    soon: Soon = []
    later: Later = []
    taken = (_taken(call, topic, entry, deduplication, soon, later) for entry, deduplication in zip(entries, deduplications))
    done = [{"Id": entry["Id"], **reply} for entry, reply in zip(entries, taken)]
    return _published(call, {"Successful": done, "Failed": []}, soon, later)


def _check_ids(ids: list[str]) -> None:
    """Recorded: test_publish_batch_invalid_entry_id."""
    if not ids:
        raise EmptyBatchRequestException
    if len(ids) > BATCH_MAX:
        raise TooManyEntriesInBatchRequestException
    if max(Counter(ids).values()) > 1:
        raise BatchEntryIdsNotDistinctException
    for id_ in ids:
        if len(id_) > ENTRY_ID_MAX:
            raise InvalidBatchEntryIdException(f"The Id of a batch entry in the batch request is too long: {id_}")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", id_):
            raise InvalidBatchEntryIdException(f"The Id of a batch entry in the batch request contains an impermissible character: {id_}")
