"""Whom a reader reads for: what it wants to be given, as whom it reads, and what it does with a batch.

A reader knows how to read, to wait, to try again and to give up. What a batch is for only its customer knows.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import orjson

from kumoniwa.kernel.call import Call


class Wishes(Protocol):
    """How a customer wants its source to be read."""

    source: str
    """The ARN of a queue, a stream, or a consumer of a stream."""
    batch_size: int
    window_s: int
    """How long to wait for a batch to fill."""
    filters: tuple[str, ...]
    """Patterns of which a record must match one; without any all records are wanted."""
    position: str
    position_at: float | None
    concurrency_max: int
    """Batches of a queue under way at once; 0 if nobody says."""
    pollers: tuple[int, ...]
    """How many pollers of a queue there are at least and at most, if they are provisioned."""
    parallel: int
    """Batches of a shard under way at once."""
    tumbling_s: int
    bisects: bool
    retries_max: int
    """-1 for ever, as is ``age_s_max``."""
    age_s_max: int


class Taken(NamedTuple):
    """What came of a batch."""

    failed: frozenset[int] = frozenset()
    """The places in the batch of those that were not taken."""
    is_failure: bool = False
    """Whether it failed as a whole, be it that it had no records."""
    payload: bytes = b""
    """What was answered, for customers with tumbling windows."""
    facts: dict[str, Any] = {}
    """What the customer wants to remember of it when the batch is given up."""


class Customer(Protocol):
    call: Call
    id: str
    """What its places are remembered by."""
    key: tuple[str, ...]
    """What wakes its reader."""
    batch_bytes_max: int
    """How large a batch may be, written as JSON."""

    role: str
    """The ARN of the role that reads."""

    def wishes(self) -> Wishes | None:
        """None if there is nothing to read for any more."""

    def reader(self) -> Call:
        """A call as that role. Raises AwsError."""

    def shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """A record as the customer knows it, of one in the shape of Lambda's events."""

    async def take(self, records: list[dict[str, Any]], frame: dict[str, Any]) -> Taken:
        """Act on a batch, once; ``frame`` is what is to be said beside its records. Raises AwsError if it cannot be acted on now."""

    async def give_up(self, lost: Lost) -> None:
        """Report records of a stream that are read no more."""

    def say(self, result: str) -> None:
        """Hear how reading goes."""

    def counted(self, fate: str, count: int) -> None:
        """Hear of how many records were ``Polled``, ``FilteredOut`` or, in a queue, ``Deleted``; none polled is told, too."""


class Lost(NamedTuple):
    """Records that are given up, as a report tells of them."""

    condition: str
    """``RetryAttemptsExhausted`` or ``RecordAgeExceeded``."""
    count: int
    """How often they were tried."""
    facts: dict[str, Any]
    """What came of the last time."""
    shard: str
    records: list[dict[str, Any]]
    information: dict[str, Any]
    """What and where they were, under the name ``KinesisBatchInfo`` or ``DDBStreamBatchInfo``."""
    once: str
    """A token for whoever delivers the report."""


def batches(records: list[dict[str, Any]], count_max: int, bytes_max: int) -> list[list[dict[str, Any]]]:
    """Records in order, as many together as a customer wants and a payload holds."""
    found: list[list[dict[str, Any]]] = []
    room = 0
    for record in records:
        size = len(orjson.dumps(record)) + 1
        if not found or len(found[-1]) >= count_max or size > room:
            found.append([])
            room = bytes_max
        found[-1].append(record)
        room -= size
    return found


def failed_whole(records: list[dict[str, Any]], **more: Any) -> Taken:
    return Taken(frozenset(range(len(records))), True, **more)


def reported(payload: bytes, ids: list[str]) -> frozenset[int]:
    """The places of the records that an answer reports as failed: all of them if its report makes no sense.

    Recorded: test_dynamodb_report_batch_item_success_scenarios and test_dynamodb_report_batch_item_failure_scenarios.
    """
    everything = frozenset(range(len(ids)))
    try:
        said = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        return everything
    if not said:
        return frozenset()
    if not isinstance(said, dict):
        return everything
    items = said.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return everything
    failed = {item.get("itemIdentifier") for item in items}
    if not failed <= set(ids):
        return everything
    return frozenset(place for place, each in enumerate(ids) if each in failed)
