"""Records that are too old to be read go away, and streams whose deletion is done; streams on demand grow with what is written."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.kinesis import bill, record, resharding
from kumoniwa.services.kinesis.rate import WORK, Rates
from kumoniwa.services.kinesis.stream import Stream, is_gone, state_of, updating

EVERY_S = 600.0


async def run(region) -> None:
    while True:
        for call in region.calls("kinesis", "kinesis.amazonaws.com"):
            _grow(call)
            for stream in list(call.shelf(Stream).values()):
                if is_gone(call, stream):
                    record.forget(call, stream)
                    del call.shelf(Stream)[stream.name]
                    call.keeps_otherwise()
                else:
                    record.forget_old(call, stream)
            await bill.measure(call)
        await region.wait(WORK, region.clock.now() + EVERY_S)


def _grow(call: Call) -> None:
    rates = call.memory(Rates)
    hot, rates.hot = rates.hot, set()
    for name in {name for name, _ in hot}:
        stream = call.shelf(Stream).get(name)
        if stream is not None and stream.mode == "ON_DEMAND" and state_of(call, stream) == "ACTIVE":
            shards = resharding.scaled(call, stream, {index for each, index in hot if each == name})
            if shards != stream.shards:
                updating(call, stream, shards=shards)
                call.home.wake(record.wakes(call, stream))
