"""How records lie in a shard and are read: rows in the order in which they came.

A record's place is its row's number; all shards of an account count together, so that what comes into a child has a greater place than
anything in its parents.
"""

from __future__ import annotations

import base64
import hashlib
import math
import time
from typing import Any, NamedTuple

import orjson

from kumoniwa.gate import key_chain
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.kinesis import encryption
from kumoniwa.services.kinesis.errors import ExpiredIteratorException, InvalidArgumentException
from kumoniwa.services.kinesis.stream import HASH_KEYS, Shard, Stream, place_of, sequence, shard_id, shard_key
from kumoniwa.store.rows import Table

RECORDS = Table(
    "kinesis_record",
    """create table if not exists kinesis_record (place integer primary key autoincrement, shard text, at real, key text, data blob);
       create index if not exists kinesis_record_shard on kinesis_record (shard, place);
       create index if not exists kinesis_record_at on kinesis_record (shard, at)""",
    added=("link text",),
)
ITERATOR_KEPT_S = 300.0
RECORDS_MAX = 10_000
REPLY_BYTES_MAX = 10 << 20
# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html


def newest(call: Call) -> int:
    """The place of the last record of any shard, even if it is gone by now."""
    found = call.rows(RECORDS).one("select seq from sqlite_sequence where name = 'kinesis_record'")
    return found[0] if found else 0


def wakes(call: Call, stream: Stream) -> tuple:
    """Woken when something comes into any shard, or shards become others."""
    return ("kinesis", "stream", call.account, stream.name)


# Coming in -----------------------------------------------------------------------------------------


def shard_for(stream: Stream, partition_key: str, explicit: str | None) -> Shard:
    if explicit is not None:
        if int(explicit) >= HASH_KEYS:
            raise InvalidArgumentException(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                f"Specified value was {explicit}"
            )
        hash_key = int(explicit)
    else:
        hash_key = int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())
    return next(shard for shard in stream.shards if shard.is_open and int(shard.start) <= hash_key <= int(shard.end))


def put(call: Call, stream: Stream, shard: Shard, key: str, data: bytes) -> str:
    """Lay a record into a shard; answers its sequence number."""
    rows, link = call.rows(RECORDS), None
    if stream.key:
        link, data = encryption.sealed(call, stream, key, data)
        key = ""
    rows.run(
        "insert into kinesis_record (shard, at, key, data, link) values (?,?,?,?,?)", shard_key(stream, shard), call.now(), key, data, link
    )
    place = rows.connection.last_insert_rowid()
    call.home.wake(wakes(call, stream))
    return sequence(stream, shard, place)


# Places --------------------------------------------------------------------------------------------


class Iterator(NamedTuple):
    stream: str
    id: str
    shard: int
    place: int
    issued: float

    def __str__(self) -> str:
        return base64.b64encode(orjson.dumps(list(self))).decode()


def iterator(call: Call, stream: Stream, shard: Shard, place: int) -> str:
    return str(Iterator(stream.name, stream.id, shard.index, place, call.now()))


def opened(text: str) -> Iterator:
    """An iterator that was printed as JSON is read, quotes and all (localstack's test_get_records_shard_iterator_with_surrounding_quotes)."""
    try:
        found = Iterator(*orjson.loads(base64.b64decode(text.strip('"'), validate=True)))
        kinds = (str, str, int, int, float | int)
        if all(isinstance(value, kind) and not isinstance(value, bool) for value, kind in zip(found, kinds)) and 0 <= found.place < 1 << 62:
            return found
    except (ValueError, TypeError):
        pass
    raise InvalidArgumentException("Invalid ShardIterator.")


def check_age(call: Call, held: Iterator) -> None:
    if held.issued + ITERATOR_KEPT_S < call.now():
        raise ExpiredIteratorException(
            f"Iterator expired. The iterator was created at time {_moment(held.issued)} while right now it is "
            f"{_moment(call.now())} which is further in the future than the tolerated delay of 300000 milliseconds."
        )


def _moment(epoch_s: float) -> str:
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(epoch_s))


def start_of(
    call: Call, stream: Stream, shard: Shard, kind: str, number: str | None, at: float | None, verb: str = "GetShardIterator"
) -> int:
    """The place at which somebody wants to begin."""
    needs_number, needs_time = kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"), kind == "AT_TIMESTAMP"
    if needs_number != (number is not None):
        said = "no StartingSequenceNumber" if number is None else "also a StartingSequenceNumber"
        raise InvalidArgumentException(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
            f"(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} and {said}."
        )
    if needs_time and at is None:
        raise InvalidArgumentException(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter."
        )
    if kind == "TRIM_HORIZON":
        return shard.first
    if kind == "LATEST":
        return newest(call) + 1
    if needs_time:
        if at > call.now():
            raise InvalidArgumentException(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                f"timestampInMillis: {milliseconds(at)}, currentTimestampInMillis: {milliseconds(call.now())}"
            )
        found = call.rows(RECORDS).one(
            "select min(place) from kinesis_record where shard = ? and at >= ?", shard_key(stream, shard), at
        )[0]
        return found if found is not None else newest(call) + 1
    named = place_of(stream, number)
    if named is not None and named[0] != shard.index:
        raise InvalidArgumentException(
            f"Invalid StartingSequenceNumber. It encodes {shard_id(named[0])}, while it was used in a call to a shard with {shard.id}"
        )
    place = named[1] if named is not None else -1
    # A subscription to a shard without records goes on after the place before its first.
    if not shard.first - (kind == "AFTER_SEQUENCE_NUMBER") <= place <= max(newest(call), shard.first):
        raise InvalidArgumentException(
            f"StartingSequenceNumber {number} used in {verb} on shard {shard.id} in stream {stream.name} under account "
            f"{call.account} is invalid."
        )
    return place + (kind == "AFTER_SEQUENCE_NUMBER")


# Going out -----------------------------------------------------------------------------------------


class Read(NamedTuple):
    records: list[dict[str, Any]]
    place: int
    """Where to go on."""
    behind_ms: int
    is_over: bool
    """Whether the shard is closed and all of it was read."""
    size: int


def read(call: Call, stream: Stream, shard: Shard, place: int, most: int, bytes_max: int = REPLY_BYTES_MAX) -> Read:
    rows, key, oldest = call.rows(RECORDS), shard_key(stream, shard), call.now() - stream.retention_h * 3600.0
    found, size, is_more = [], 0, False
    for row in rows.each(
        "select place, at, key, data, link from kinesis_record where shard = ? and place >= ? and at > ? order by place limit ?",
        key, place, oldest, min(most, RECORDS_MAX) + 1,
    ):  # fmt: skip
        if len(found) == most or size + len(row[3]) > bytes_max and found:
            is_more = True
            break
        if row[4] is not None:
            row = (*row[:2], *encryption.opened(call, stream, row[4], row[3]), "KMS")
        size += len(row[3]) + len(row[2])
        found.append(row)
    if found:
        place = found[-1][0] + 1
    records = [
        {"SequenceNumber": sequence(stream, shard, row[0]), "ApproximateArrivalTimestamp": row[1], "Data": row[3], "PartitionKey": row[2]}
        | ({"EncryptionType": "KMS"} if row[4] is not None else {})
        for row in found
    ]
    behind_ms = int((call.now() - found[-1][1]) * 1000) if is_more else 0
    return Read(records, place, behind_ms, not shard.is_open and not is_more, size)


def forget(call: Call, stream: Stream) -> None:
    for shard in stream.shards:
        call.rows(RECORDS).run("delete from kinesis_record where shard = ?", shard_key(stream, shard))
    if stream.is_sealed:
        key_chain.forget(call, stream.id, math.inf)


def forget_old(call: Call, stream: Stream) -> None:
    before = call.now() - stream.retention_h * 3600.0
    for shard in stream.shards:
        call.rows(RECORDS).run("delete from kinesis_record where shard = ? and at <= ?", shard_key(stream, shard), before)
    if stream.is_sealed:
        key_chain.forget(call, stream.id, before)
