"""A table's stream: what was written, in order, for a day.

A record is a row that the write itself adds. A stream has one shard, which ends when the stream is turned
off or its table deleted; what it holds can be read until it is a day old, whether the table still exists or
not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.dynamodb.value import Item, item_bytes
from kumoniwa.services.dynamodb import sealing, table_key
from kumoniwa.services.dynamodb.sealing import Encryption, Seal
from kumoniwa.store.rows import Table as RowTable
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.dynamodb.table import Layout, Table

RECORDS = RowTable(
    "dynamodb_record",
    """create table if not exists dynamodb_record (seq integer primary key autoincrement, stream text, at real, event text,
         by_service integer, keys blob, new blob, old blob, size integer);
       create index if not exists dynamodb_record_stream on dynamodb_record (stream, seq);
       create index if not exists dynamodb_record_at on dynamodb_record (at)""",
)
KEPT_S = 86_400
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
SEQUENCE_START = 100_000_000_000_000_000_000
VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")


Told = tuple[bytes, bytes | None, bytes | None]
"""A record's keys and images."""


class Stream(Record):
    """Kept under ``table/stream/label``."""

    name: str
    table: str
    label: str
    view: str
    shard: str
    key_schema: tuple[tuple[str, str], ...]
    """(attribute, HASH or RANGE)."""
    created: float
    first: int
    """No record of it has a smaller sequence."""
    ended: float = 0.0
    last: int = 0
    """The sequence at its end."""
    encryption: Encryption | None = None
    """As its table's."""


def begin(call: Call, table: Table, view: str) -> Table:
    """The table with a new stream, which is put on its shelf."""
    now = call.now()
    label = timestamps.to_millisecond(now)[:-1]
    keys = ((table.hash_name, "HASH"), *(((table.range_name, "RANGE"),) if table.range_name else ()))
    name = f"{table.name}/stream/{label}"
    first = newest(call) + 1
    shard = f"shardId-{milliseconds(now):020}-{call.ids.hex(8)}"
    call.shelf(Stream)[name] = Stream(
        name=name,
        table=table.name,
        label=label,
        view=view,
        shard=shard,
        key_schema=keys,
        created=now,
        first=first,
        encryption=table.encryption,
    )
    return changed(table, stream_label=label, stream_view=view)


def end(call: Call, table: Table) -> Table:
    streams, name = call.shelf(Stream), f"{table.name}/stream/{table.stream_label}"
    if table.stream_view and name in streams:
        streams[name] = changed(streams[name], ended=call.now(), last=max(newest(call), streams[name].first))
    return changed(table, stream_view="")


def newest(call: Call) -> int:
    """The sequence of the last record of any stream, even if it is gone by now."""
    rows = call.rows(RECORDS)
    found = rows.one("select seq from sqlite_sequence where name = 'dynamodb_record'")
    return found[0] if found else 0


def append(
    call: Call,
    layout: Layout,
    old: Item | None,
    new: Item | None,
    old_body: bytes | None,
    new_body: bytes | None,
    old_size: int,
    new_size: int,
    now: float,
    *,
    by_service: bool,
) -> None:
    """Note what a write changed. What changed nothing is not noted."""
    view = layout.record.stream_view
    event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    some = new if new is not None else old
    keys = {name: some[name] for name in layout.key.names}
    size = item_bytes(keys)
    shows_new, shows_old = (
        view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"),
        view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"),
    )
    if shows_new and new is not None:
        size += new_size
    if shows_old and old is not None:
        size += old_size
    told = (orjson.dumps(keys), new_body if shows_new else None, old_body if shows_old else None)
    if layout.encryption is not None:
        told = sealed(sealing.of(call, layout.encryption), layout.stream, told)
    call.rows(RECORDS).run(
        "insert into dynamodb_record (stream, at, event, by_service, keys, new, old, size) values (?,?,?,?,?,?,?,?)",
        layout.stream, now, event, by_service, *told, size,
    )  # fmt: skip
    call.home.wake(("dynamodb", "stream", call.account, layout.stream))


def sealed(seal: Seal, stream: str, told: Told) -> Told:
    return tuple(seal.body((b"stream", stream.encode()), each) for each in told)


def plain(seal: Seal, stream: str, told: Told) -> Told:
    return tuple(seal.plain_body((b"stream", stream.encode()), each) for each in told)


def unsealed(call: Call, stream: Stream, rows: Iterable[tuple]) -> Iterator[tuple]:
    """Records of an encrypted table's stream: who reads needs the key of the table."""
    seal = table_key.admit_to(call, stream.encryption)
    for seq, at, event, by_service, *told, size in rows:
        yield seq, at, event, by_service, *plain(seal, stream.name, told), size


def sequence(seq: int) -> str:
    return str(SEQUENCE_START + seq)


def shown(call: Call, stream: Stream, row: tuple) -> dict[str, Any]:
    """A record as GetRecords answers it."""
    seq, at, event, by_service, keys, new, old, size = row
    as_value = orjson.Fragment if call.request is not None else orjson.loads
    data: dict[str, Any] = {"ApproximateCreationDateTime": float(int(at)), "Keys": as_value(keys)}
    if new is not None:
        data["NewImage"] = as_value(new)
    if old is not None:
        data["OldImage"] = as_value(old)
    data |= {"SequenceNumber": sequence(seq), "SizeBytes": size, "StreamViewType": stream.view}
    record = {
        "eventID": hashlib.md5(
            f"{call.region} {call.account} {stream.name} {seq}".encode(), usedforsecurity=False
        ).hexdigest(),
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": call.region,
        "dynamodb": data,
    }
    if by_service:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        record["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    return record


def forget_old(call: Call) -> None:
    """Records live for a day, and streams that ended as long as their records."""
    before = call.now() - KEPT_S
    call.rows(RECORDS).run("delete from dynamodb_record where at <= ?", before)
    for name, stream in list(call.shelf(Stream).items()):
        if stream.ended and stream.ended <= before:
            del call.shelf(Stream)[name]
