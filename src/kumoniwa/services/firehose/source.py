"""Delivery streams that read a stream of Kinesis, from the time they were made."""

from __future__ import annotations

import base64
from typing import Any

from kumoniwa.intake.customer import Lost, Taken
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.firehose import buffer
from kumoniwa.services.firehose.delivery import MIB
from kumoniwa.services.firehose.stream import WORK, Stream, as_role, status_of

BATCH_MAX = 500


class Wishes(Record):
    source: str
    position_at: float | None
    batch_size: int = BATCH_MAX
    window_s: int = 0
    filters: tuple[str, ...] = ()
    position: str = "AT_TIMESTAMP"
    concurrency_max: int = 0
    pollers: tuple[int, ...] = ()
    parallel: int = 1
    tumbling_s: int = 0
    bisects: bool = False
    retries_max: int = -1
    age_s_max: int = -1


class StreamCustomer:
    batch_bytes_max = 4 * MIB

    def __init__(self, call: Call, stream: Stream) -> None:
        self.call, self.id, self.name = call, stream.id, stream.name
        self.key = ("firehose", "source", call.account, stream.id)
        self.role = stream.source["RoleARN"]

    def _held(self) -> Stream | None:
        held = self.call.shelf(Stream).get(self.name)
        return held if held is not None and held.id == self.id else None

    def wishes(self) -> Wishes | None:
        held = self._held()
        return Wishes(source=held.source["KinesisStreamARN"], position_at=held.created) if held is not None else None

    def reader(self) -> Call:
        return as_role(self.call, self._held(), self.role)

    def shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    async def take(self, records: list[dict[str, Any]], frame: dict[str, Any]) -> Taken:
        held = self._held()
        if held is not None:
            data = [base64.b64decode(record["kinesis"]["data"]) for record in records]
            full_at = held.destination["BufferingHints"]["SizeInMBs"] * MIB
            self.call.atomically(lambda: buffer.add(self.call, held.id, data, full_at=full_at, wakes=WORK))
        return Taken()

    async def give_up(self, lost: Lost) -> None:
        """Nothing is ever given up: there is no end to its retries."""

    def say(self, result: str) -> None:
        """A delivery stream does not show how its last batch was read."""

    def counted(self, fate: str, count: int) -> None: ...


def wanted(call: Call) -> list[StreamCustomer]:
    return [StreamCustomer(call, stream) for stream in call.shelf(Stream).values() if stream.source and status_of(call, stream) == "ACTIVE"]


def next_change(call: Call) -> float:
    """When the next stream becomes active."""
    return min((stream.settled for stream in call.shelf(Stream).values() if stream.settled > call.now()), default=float("inf"))
