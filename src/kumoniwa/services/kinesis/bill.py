"""What AWS bills for streams: shards or streams by the hour, what is put and read, consumers, and what is kept for longer than a day.

A provisioned stream is billed by its open shards, by PUT payload units (each 25 KB of a record is one), by consumers for each shard, and by shards
again if it keeps records for longer than a day; a stream on demand by itself, by what is put, of which each record counts in whole KB, by what is
read, and by what is kept for longer than a day. What is kept for longer than a week has one price for both.
https://aws.amazon.com/kinesis/data-streams/pricing/
Whether a record's partition key counts is not said there; here it does, as it does for the limits of shards. What is kept is counted once an hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use, chunks
from kumoniwa.kernel.call import Call
from kumoniwa.services.kinesis.consumer import Consumer, consumers_of
from kumoniwa.services.kinesis.record import RECORDS
from kumoniwa.services.kinesis.stream import Stream, is_gone, shard_key

UNIT_BYTES, KB = 25 << 10, 1 << 10
DAY_S, WEEK_S = 86_400, 7 * 86_400
DAY_H, WEEK_H = 24, 168
MEASURED_EVERY_S = 3_600.0
STEP_ROWS = 2_000


def written(call: Call, stream: Stream, sizes: Iterable[int]) -> None:
    """Bytes of the records that were taken."""
    if stream.mode == "ON_DEMAND":
        call.bill("kinesis:on_demand_ingest", stream.name, sum(chunks(size, KB) for size in sizes) * KB / GIB)
    else:
        call.bill("kinesis:put_payload_units", stream.name, sum(chunks(size, UNIT_BYTES) for size in sizes))


def read(call: Call, stream: Stream, size: int) -> None:
    """What GetRecords answered: of a provisioned stream it is free."""
    if size and stream.mode == "ON_DEMAND":
        call.bill("kinesis:on_demand_retrieval", stream.name, size / GIB)


def pushed(call: Call, stream: Stream, size: int) -> None:
    """What a consumer was told."""
    if size:
        usage = "kinesis:on_demand_fan_out_retrieval" if stream.mode == "ON_DEMAND" else "kinesis:fan_out_retrieval"
        call.bill(usage, stream.name, size / GIB)


def standing_of(call: Call) -> list[Use]:
    found: list[Use] = []
    kept = call.memory(_Kept).levels
    consumers = call.shelf(Consumer)
    for stream in call.shelf(Stream).values():
        if is_gone(call, stream):
            continue
        shards = len(stream.open_shards)
        if stream.mode == "ON_DEMAND":
            found.append(("kinesis:on_demand_stream", stream.name, 1.0))
        else:
            found.append(("kinesis:provisioned_shard", stream.name, shards))
            if stream.retention_h > DAY_H:
                found.append(("kinesis:extended_retention", stream.name, shards))
            if consumers:
                found.append(("kinesis:fan_out_consumer", stream.name, shards * len(consumers_of(call, stream))))
        found += [(usage, stream.name, level) for usage, level in kept.get(stream.id, {}).items()]
    return found


# What is kept for longer than a day ------------------------------------------------------------------

_STEP = """select count(*), max(place), coalesce(sum(size), 0), coalesce(sum(case when at < ? then size end), 0) from
  (select place, at, length(data) + length(key) as size from kinesis_record where shard = ? and place > ? and at < ? order by place limit ?)"""


class _Kept:
    """By the id of a stream, as it was last counted."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[str, float]] = {}
        self.counted = 0.0


async def measure(call: Call) -> None:
    """Count it in steps, if an hour has passed."""
    kept, now = call.memory(_Kept), call.now()
    if 0.0 <= now - kept.counted < MEASURED_EVERY_S:
        return
    wanted = [each for each in call.shelf(Stream).values() if each.retention_h > (DAY_H if each.mode == "ON_DEMAND" else WEEK_H)]
    if not wanted and not kept.levels:
        return
    kept.counted = now
    levels = {stream.id: await _counted(call, stream, now) for stream in wanted}
    if levels != kept.levels:
        kept.levels = levels
        call.keeps_otherwise()


async def _counted(call: Call, stream: Stream, now: float) -> dict[str, float]:
    old = older = 0
    for shard in stream.shards:
        last, count = 0, STEP_ROWS
        while count == STEP_ROWS:
            args = (now - WEEK_S, shard_key(stream, shard), last, now - DAY_S, STEP_ROWS)
            count, last, step_old, step_older = call.rows(RECORDS).one(_STEP, *args)
            old, older = old + step_old, older + step_older
            await asyncio.sleep(0)
    found = {"kinesis:long_term_retention": older / GIB}
    if stream.mode == "ON_DEMAND":
        found["kinesis:on_demand_extended_retention"] = (old - older) / GIB
    return found
