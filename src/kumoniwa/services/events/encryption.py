"""Buses and archives that are encrypted under a key of KMS: the events that wait, and what rules and archives say of patterns and targets.

EventBridge itself uses the key: its policy must let ``events.amazonaws.com``, for the encryption context ``aws:events:event-bus:arn``.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html and …/encryption-archives.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kumoniwa.gate.key_chain import Chain, Link, Lock, link_of, refused_as
from kumoniwa.kernel.call import Call
from kumoniwa.services.events.errors import ValidationException

SERVICE = "events.amazonaws.com"


_in_words_of_events = partial(refused_as, ValidationException)


def of_bus(call: Call, arn: str, key: str) -> Lock:
    return Lock(Chain(arn, key, {"aws:events:event-bus:arn": arn}, _in_words_of_events, is_direct=True), _for_bus(call, arn))


def _for_bus(call: Call, arn: str) -> Call:
    return call.acting(SERVICE, **{"aws:SourceArn": arn, "aws:SourceAccount": call.account})


def of_log(call: Call, arn: str, key: str) -> Lock:
    """For what is logged of a bus. https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-bus-logs.html"""
    context = {"SourceArn": call.arn("*", "logs")}
    return Lock(Chain(f"logs of {arn}", key, context, _in_words_of_events, is_direct=True), _for_bus(call, arn))


def delivered(delivery: Call) -> Lock:
    """The same for the delivery of logs, which opens what EventBridge has sealed."""
    return Lock(Chain("", "", {}, _in_words_of_events, is_direct=True), delivery)


def of_archive(call: Call, arn: str, bus: str, key: str) -> Lock:
    """For an archive KMS is told the bus alone, and no source."""
    return Lock(Chain(arn, key, {"aws:events:event-bus:arn": bus}, _in_words_of_events, is_direct=True), call.acting(SERVICE))


def whose(call: Call, held: bytes) -> Link:
    """The data key that something lies under; ``of`` is the ARN of the bus."""
    return call.shelf(Link)[link_of(held)]


async def proving(call: Call, lock: Lock, act: Callable[[], Any]) -> Any:
    """Do what names a key, atomically, once EventBridge was seen to know a key that encrypts, and to be let use it."""

    def proved() -> Any:
        lock.chain.current(lock.speaker)
        return act()

    return await lock.proving(call, proved)
