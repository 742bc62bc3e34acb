"""How shards become others: one becomes two, two neighbours become one, or as many as asked for, each by those two steps."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.kinesis.record import newest
from kumoniwa.services.kinesis.stream import HASH_KEYS, Shard, Stream

Shards = tuple[Shard, ...]
ON_DEMAND_SHARDS_MAX = 200
"""200 MB a second, as far as a stream on demand grows by itself."""


def fresh(call: Call, count: int) -> Shards:
    """The shards of a new stream: equal parts of all hash keys."""
    first, now = newest(call) + 1, call.now()
    starts = boundaries(count)
    ends = [start - 1 for start in starts[1:]] + [HASH_KEYS - 1]
    return tuple(
        Shard(index=index, start=str(start), end=str(end), created=now, first=first)
        for index, (start, end) in enumerate(zip(starts, ends))
    )


def boundaries(count: int) -> list[int]:
    return [HASH_KEYS // count * index for index in range(count)]


def split(call: Call, shards: Shards, shard: Shard, new_start: int) -> Shards:
    first, now, index = newest(call) + 1, call.now(), len(shards)
    low = Shard(index=index, start=shard.start, end=str(new_start - 1), created=now, first=first, parent=shard.index)
    high = Shard(index=index + 1, start=str(new_start), end=shard.end, created=now, first=first, parent=shard.index)
    return (*_closed(call, shards, shard), low, high)


def merge(call: Call, shards: Shards, shard: Shard, adjacent: Shard) -> Shards:
    child = Shard(
        index=len(shards), start=shard.start, end=adjacent.end, created=call.now(), first=newest(call) + 1,
        parent=shard.index, adjacent=adjacent.index,
    )  # fmt: skip
    return (*_closed(call, shards, shard, adjacent), child)


def _closed(call: Call, shards: Shards, *ending: Shard) -> Shards:
    indexes, now, last = {shard.index for shard in ending}, call.now(), newest(call)
    return tuple(
        changed(shard, ended=now, last=max(last, shard.first)) if shard.index in indexes else shard for shard in shards
    )


def scaled(call: Call, stream: Stream, hot: set[int]) -> Shards:
    """The shards of a stream on demand, with those that took more than half of what they may take in halves, as far as it may grow.
    https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html"""
    for shard in stream.open_shards:
        start, end = int(shard.start), int(shard.end)
        if shard.index in hot and start < end and len(stream.open_shards) < ON_DEMAND_SHARDS_MAX:
            stream = changed(stream, shards=split(call, stream.shards, shard, start + (end - start + 1) // 2))
    return stream.shards


def is_behind(one: Shard, other: Shard) -> bool:
    """Whether the second shard's keys begin where the first one's end."""
    return int(one.end) + 1 == int(other.start)


def uniform(call: Call, stream: Stream, count: int) -> Shards:
    """As many shards of equal size: first a split wherever a new one begins, then merges of what lies within each."""
    starts = boundaries(count)
    for start in starts[1:]:
        shard = next(s for s in stream.open_shards if int(s.start) <= start <= int(s.end))
        if int(shard.start) != start:
            stream = changed(stream, shards=split(call, stream.shards, shard, start))
    for start, after in zip(starts, [*starts[1:], HASH_KEYS]):
        while len(within := [s for s in stream.open_shards if start <= int(s.start) < after]) > 1:
            stream = changed(stream, shards=merge(call, stream.shards, within[0], within[1]))
    return stream.shards
