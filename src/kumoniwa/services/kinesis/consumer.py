"""Consumers: readers with a throughput of their own, to whom records are pushed."""

from __future__ import annotations

import base64
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.kinesis.errors import (
    ExpiredNextTokenException,
    InvalidArgumentException,
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from kumoniwa.services.kinesis.stream import Stream, active, arn_of, existing, named

CONSUMERS_MAX = 20
# https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html


class Consumer(Record):
    """Shelved by ``stream/name``."""

    stream: str
    name: str
    created: float
    tags: dict[str, str] = {}
    policy: str = ""


def consumers_of(call: Call, stream: Stream) -> list[Consumer]:
    return sorted((c for c in call.shelf(Consumer).values() if c.stream == stream.name), key=lambda c: c.name)


def consumer_arn(call: Call, consumer: Consumer) -> str:
    return call.arn(f"stream/{consumer.stream}/consumer/{consumer.name}:{int(consumer.created)}", "kinesis")


def shown(call: Call, consumer: Consumer) -> dict[str, Any]:
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer_arn(call, consumer),
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": consumer.created,
    }


def by_arn(call: Call, arn: str) -> Consumer:
    for consumer in call.shelf(Consumer).values():
        if consumer_arn(call, consumer) == arn:
            return consumer
    raise ResourceNotFoundException(f"Consumer {arn} under account {call.account} not found.")


def RegisterStreamConsumer(call: Call, *, StreamARN: str, ConsumerName: str, Tags: dict[str, str] | None = None) -> dict:
    stream = active(call, named(call, None, StreamARN))
    key = f"{stream.name}/{ConsumerName}"
    if key in call.shelf(Consumer):
        raise ResourceInUseException(
            f"Consumer {ConsumerName} under stream {stream.name} already exists for account {call.account}."
        )
    if len(consumers_of(call, stream)) >= CONSUMERS_MAX:
        raise LimitExceededException(f"Stream {stream.name} under account {call.account} already has {CONSUMERS_MAX} consumers.")
    consumer = Consumer(stream=stream.name, name=ConsumerName, created=call.now(), tags=Tags or {})
    call.shelf(Consumer)[key] = consumer
    return {"Consumer": shown(call, consumer) | {"ConsumerStatus": "CREATING"}}


def _chosen(call: Call, stream_arn: str | None, name: str | None, arn: str | None) -> Consumer:
    if arn is not None:
        return by_arn(call, arn)
    if stream_arn is None or name is None:
        raise InvalidArgumentException("Either ConsumerARN or both StreamARN and ConsumerName should be provided.")
    stream = existing(call, named(call, None, stream_arn))
    consumer = call.shelf(Consumer).get(f"{stream.name}/{name}")
    if consumer is None:
        raise ResourceNotFoundException(f"Consumer {name} under stream {stream.name} and account {call.account} not found.")
    return consumer


def DescribeStreamConsumer(
    call: Call, *, StreamARN: str | None = None, ConsumerName: str | None = None, ConsumerARN: str | None = None
) -> dict:
    consumer = _chosen(call, StreamARN, ConsumerName, ConsumerARN)
    return {"ConsumerDescription": shown(call, consumer) | {"StreamARN": arn_of(call, existing(call, consumer.stream))}}


def DeregisterStreamConsumer(
    call: Call, *, StreamARN: str | None = None, ConsumerName: str | None = None, ConsumerARN: str | None = None
) -> None:
    consumer = _chosen(call, StreamARN, ConsumerName, ConsumerARN)
    del call.shelf(Consumer)[f"{consumer.stream}/{consumer.name}"]
    call.wake("consumer", consumer.stream, consumer.name)


def ListStreamConsumers(
    call: Call,
    *,
    StreamARN: str,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    StreamCreationTimestamp: float | None = None,
) -> dict:
    stream = existing(call, named(call, None, StreamARN))
    after = read_token(NextToken) if NextToken else ""
    found = [consumer for consumer in consumers_of(call, stream) if consumer.name > after]
    if StreamCreationTimestamp is not None and int(StreamCreationTimestamp) != int(stream.created):
        raise ResourceNotFoundException(f"Stream {stream.name} under account {call.account} not found.")
    page = found[: MaxResults or 100]
    reply: dict[str, Any] = {"Consumers": [shown(call, consumer) for consumer in page]}
    if len(page) < len(found):
        reply["NextToken"] = token(page[-1].name)
    return reply


def token(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def read_token(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        raise ExpiredNextTokenException("The pagination token is not valid.")
