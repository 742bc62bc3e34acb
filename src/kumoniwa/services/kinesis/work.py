"""Records that are too old to be read go away, and streams whose deletion is done."""

from __future__ import annotations

from kumoniwa.kernel import principal as principals
from kumoniwa.services.kinesis import record
from kumoniwa.services.kinesis.stream import Stream, is_gone

EVERY_S = 600.0


async def run(region) -> None:
    while True:
        for account in region.store.accounts():
            if account.isdigit():
                call = region.call("kinesis", account, principals.service("kinesis.amazonaws.com", account))
                for stream in list(call.shelf(Stream).values()):
                    if is_gone(call, stream):
                        record.forget(call, stream)
                        del call.shelf(Stream)[stream.name]
                    else:
                        record.forget_old(call, stream)
        await region.wait(("kinesis", "work"), region.clock.now() + EVERY_S)
