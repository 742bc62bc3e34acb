"""Who reads: one reader for each customer that wants to be read for, for as long as it does."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from kumoniwa.intake.customer import Customer
from kumoniwa.intake.feed import is_stream
from kumoniwa.intake.queue import QueueReader
from kumoniwa.intake.stream import StreamReader
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call

IDLE_S = 3600.0
AFTER_DEFECT_S = 60.0

Reader = QueueReader | StreamReader


class Reading:
    """A reader at work. Who is told to stop finishes what its customer is about to answer."""

    def __init__(self, customer: Customer, changed: tuple[str, ...]) -> None:
        self.customer = customer
        self.reader: Reader = (StreamReader if is_stream(customer.wishes().source) else QueueReader)(customer)
        self.task = customer.call.home.spawn(self._run(customer.call))
        self.task.add_done_callback(lambda _: customer.call.home.wake(changed))

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


async def run(
    region: Any, service: str, wanted_by: Callable[[Call], list[Customer]], next_change: Callable[[Call], float], changed: tuple[str, ...]
) -> None:
    """Read for the customers that ``wanted_by`` answers for each account. They are looked at again when somebody wakes ``changed``, and
    at the time that ``next_change`` tells."""
    readings: dict[tuple[str, str], Reading] = {}
    try:
        while True:
            until = region.clock.now() + IDLE_S
            wanted: dict[tuple[str, str], Customer] = {}
            for account in region.store.accounts():
                if account.isdigit():
                    call = region.call(service, account, principals.service(f"{service}.amazonaws.com", account))
                    wanted |= {(account, customer.id): customer for customer in wanted_by(call)}
                    until = min(until, next_change(call))
            for key, reading in list(readings.items()):
                if reading.task.done():
                    del readings[key]
                elif key not in wanted:
                    reading.stop()
            for key, customer in wanted.items():
                if key not in readings:
                    readings[key] = Reading(customer, changed)
            await region.wait(changed, until)
    finally:
        for reading in readings.values():
            reading.task.cancel()
