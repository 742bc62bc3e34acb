"""Who reads: one reader for each event source mapping that is enabled, for as long as it is."""

from __future__ import annotations

import traceback

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_ import sandbox, source
from kumoniwa.services.lambda_.source import CHANGED, Mapping
from kumoniwa.services.lambda_.source_queue import QueueReader
from kumoniwa.services.lambda_.source_stream import StreamReader

IDLE_S = 3600.0
AFTER_DEFECT_S = 60.0

Reader = QueueReader | StreamReader


class Reading:
    """A reader at work. Who is told to stop finishes what the function is about to answer."""

    def __init__(self, call: Call, mapping: Mapping) -> None:
        self.reader: Reader = (StreamReader if mapping.is_stream else QueueReader)(call, mapping.uuid)
        self.task = call.home.spawn(self._run(call))
        self.task.add_done_callback(lambda _: call.home.wake(CHANGED))

    async def _run(self, call: Call) -> None:
        """A defect in one reader does not stop the others; it is begun again later."""
        try:
            await self.reader.run()
        except Exception:
            traceback.print_exc()
            await call.wait("source", "defect", until=call.now() + AFTER_DEFECT_S)

    def stop(self) -> None:
        self.reader.is_stopping = True
        if self.reader.is_idle:
            self.task.cancel()


async def run(region) -> None:
    readings: dict[tuple[str, str], Reading] = {}
    try:
        while True:
            until = region.clock.now() + IDLE_S
            wanted: dict[tuple[str, str], tuple[Call, Mapping]] = {}
            for account in region.store.accounts():
                if account.isdigit():
                    call = region.call("lambda", account, principals.service(sandbox.SERVICE, account))
                    wanted |= {(account, mapping.uuid): (call, mapping) for mapping in _enabled(call)}
                    until = min(until, source.next_settling(call))
            for key, reading in list(readings.items()):
                if reading.task.done():
                    del readings[key]
                elif key not in wanted:
                    reading.stop()
            for key, (call, mapping) in wanted.items():
                if key not in readings:
                    readings[key] = Reading(call, mapping)
            await region.wait(CHANGED, until)
    finally:
        for reading in readings.values():
            reading.task.cancel()


def _enabled(call: Call) -> list[Mapping]:
    """Mappings that are to be read now. Those whose deletion is done are taken away."""
    found = []
    for mapping in list(call.shelf(Mapping).values()):
        if source.is_over(call, mapping):
            source.drop(call, mapping)
        elif mapping.is_enabled and (mapping.settled <= call.now() or mapping.state == "Updating"):
            found.append(mapping)
    return found
