"""What a shard allows in a second: 1,000 records or 1 MB in, five reads or 2 MB out.

https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.kinesis import monitoring
from kumoniwa.services.kinesis.errors import ProvisionedThroughputExceededException
from kumoniwa.services.kinesis.stream import Shard, Stream, shard_key

RECORDS_MAX = 1_000
BYTES_MAX = 1 << 20
READS_MAX = 5
READ_BYTES_MAX = 2 << 20
WORK = ("kinesis", "work")


class Rates:
    """What went through each shard lately. Not durable: it concerns a second."""

    def __init__(self) -> None:
        self.written: dict[str, tuple[int, int, int]] = {}
        """By shard: the second, and the records and bytes that came in it."""
        self.reads: dict[str, tuple[int, int]] = {}
        self.busy_until: dict[str, float] = {}
        """Until when a shard has given what it may give."""
        self.hot: set[tuple[str, int]] = set()
        """Streams on demand, and their shards that took more than half of what they may take."""


def _exceeded(call: Call, stream: Stream, shard: Shard, figure: str) -> ProvisionedThroughputExceededException:
    monitoring.measure(call, stream, shard, **{figure: 1})
    return ProvisionedThroughputExceededException(
        f"Rate exceeded for shard {shard.id} in stream {stream.name} under account {call.account}."
    )


def count_write(call: Call, stream: Stream, shard: Shard, size: int) -> None:
    """Raises ProvisionedThroughputExceededException."""
    rates, key, second = call.memory(Rates), shard_key(stream, shard), int(call.now())
    held = rates.written.get(key, (second, 0, 0))
    records, total = (held[1], held[2]) if held[0] == second else (0, 0)
    if records >= RECORDS_MAX or total and total + size > BYTES_MAX:
        raise _exceeded(call, stream, shard, "WriteProvisionedThroughputExceeded")
    rates.written[key] = (second, records + 1, total + size)
    is_hot = records + 1 > RECORDS_MAX // 2 or total + size > BYTES_MAX // 2
    if is_hot and stream.mode == "ON_DEMAND" and (stream.name, shard.index) not in rates.hot:
        rates.hot.add((stream.name, shard.index))
        call.home.wake(WORK)


def count_read(call: Call, stream: Stream, shard: Shard) -> None:
    """Raises ProvisionedThroughputExceededException. ``count_bytes`` follows when it is known how much was read."""
    rates, key, second = call.memory(Rates), shard_key(stream, shard), int(call.now())
    held = rates.reads.get(key, (second, 0))
    reads = held[1] if held[0] == second else 0
    if reads >= READS_MAX or rates.busy_until.get(key, 0.0) > call.now() + 1.0:
        raise _exceeded(call, stream, shard, "ReadProvisionedThroughputExceeded")
    rates.reads[key] = (second, reads + 1)


def count_bytes(call: Call, stream: Stream, shard: Shard, size: int) -> None:
    busy, key = call.memory(Rates).busy_until, shard_key(stream, shard)
    busy[key] = max(busy.get(key, 0.0), call.now()) + size / READ_BYTES_MAX


def forget(call: Call, stream: Stream) -> None:
    rates = call.memory(Rates)
    for held in (rates.written, rates.reads, rates.busy_until):
        for key in [key for key in held if key.startswith(stream.id)]:
            del held[key]
