"""Enhanced fan-out: a consumer subscribes to a shard and is told what comes, for five minutes.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.services.kinesis import bill
from kumoniwa.services.kinesis.consumer import Consumer, by_arn
from kumoniwa.services.kinesis.errors import ResourceInUseException, ResourceNotFoundException
from kumoniwa.services.kinesis.record import read, start_of, wakes
from kumoniwa.services.kinesis.stream import (
    Shard,
    Stream,
    active,
    children,
    existing,
    readable_shard,
    sequence,
)

SUBSCRIBED_S = 300.0
KEPT_FROM_OTHERS_S = 5.0
TOLD_EVERY_S = 5.0
"""A client hears that there is nothing, so that it knows the subscription lives."""
EVENT_RECORDS_MAX = 10_000
EVENT_BYTES_MAX = 1 << 20


class Subscriptions:
    """Who is subscribed: by stream, consumer and shard, the number of the latest subscription and when it began."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, int], tuple[str, float]] = {}


def SubscribeToShard(call: Call, *, ConsumerARN: str, ShardId: str, StartingPosition: dict[str, Any]) -> dict:
    """A subscription of the same consumer to the same shard takes the place of one that is older than five seconds."""
    consumer = by_arn(call, ConsumerARN)
    active(call, consumer.stream)
    stream, shard = readable_shard(call, consumer.stream, ShardId)
    position = StartingPosition
    place = start_of(
        call, stream, shard, position["Type"], position.get("SequenceNumber"), position.get("Timestamp"), "SubscribeToShard"
    )
    held, key = call.memory(Subscriptions).held, (stream.id, consumer.name, shard.index)
    if key in held and held[key][1] + KEPT_FROM_OTHERS_S > call.now():
        raise ResourceInUseException(
            f"Another active subscription exists for this consumer: {call.account}:{stream.name}:{shard.id}:{consumer.name}"
        )
    number = call.new_id()
    held[key] = (number, call.now())
    return {"EventStream": _events(call, stream, shard, consumer, place, number)}


async def _events(
    call: Call, stream: Stream, shard: Shard, consumer: Consumer, place: int, number: str
) -> AsyncIterator[dict[str, Any]]:
    until, held, key = call.now() + SUBSCRIBED_S, call.memory(Subscriptions).held, (stream.id, consumer.name, shard.index)
    told_at = 0.0
    try:
        while call.now() < until and held.get(key, ("",))[0] == number:
            stream = existing(call, consumer.stream)
            if f"{consumer.stream}/{consumer.name}" not in call.shelf(Consumer):
                raise ResourceNotFoundException(f"Consumer {consumer.name} of stream {stream.name} not found.")
            shard = next(each for each in stream.shards if each.index == shard.index)
            found = await opening(call, partial(read, call, stream, shard, place, EVENT_RECORDS_MAX, EVENT_BYTES_MAX))
            place = found.place
            if found.records or found.is_over or call.now() >= told_at + TOLD_EVERY_S:
                told_at = call.now()
                event = {
                    "Records": found.records,
                    "ContinuationSequenceNumber": sequence(stream, shard, place - 1),
                    "MillisBehindLatest": found.behind_ms,
                }
                if found.is_over:
                    event["ChildShards"] = children(call, stream, shard)
                bill.pushed(call, stream, found.size)
                yield {"SubscribeToShardEvent": event}
            if found.is_over:
                return
            if not found.records:
                await call.home.wait(wakes(call, stream), min(until, told_at + TOLD_EVERY_S))
    finally:
        if held.get(key, ("",))[0] == number:
            del held[key]
