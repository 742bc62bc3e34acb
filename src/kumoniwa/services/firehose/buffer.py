"""Records that wait for their file: rows, and in memory how much of each stream waits and since when."""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.firehose import encryption as sealing
from kumoniwa.services.firehose.encryption import Encryption
from kumoniwa.store.rows import Table

RECORDS = Table(
    "firehose_record",
    """create table if not exists firehose_record (seq integer primary key autoincrement, stream text, at real, data blob);
    create index if not exists firehose_record_stream on firehose_record (stream, seq)""",
    added=("link text",),
)


class Waiting:
    """What waits of one stream."""

    def __init__(self, size: int, since: float | None) -> None:
        self.bytes, self.since = size, since
        self.again_at = 0.0
        """Before then its key is not tried again."""


class Buffers:
    def __init__(self) -> None:
        self.by_stream: dict[str, Waiting] = {}


class Entry(NamedTuple):
    seq: int
    at: float
    data: bytes
    keys: dict[str, str] | None = None
    """What parts it from others, by namespace and name as prefixes spell them."""

    def with_keys(self, space: str, keys: dict[str, str]) -> Entry:
        return self._replace(keys={**(self.keys or {}), **{f"{space}:{name}": value for name, value in keys.items()}})


def of(call: Call, stream_id: str) -> Waiting:
    buffers = call.memory(Buffers).by_stream
    found = buffers.get(stream_id)
    if found is None:
        size, since = call.rows(RECORDS).one("select coalesce(sum(length(data)), 0), min(at) from firehose_record where stream = ?", stream_id)
        found = buffers[stream_id] = Waiting(size, since)
    return found


def add(
    call: Call, stream_id: str, records: list[bytes], *, full_at: int, wakes: tuple, encryption: Encryption | None = None
) -> list[int]:
    """Keep records; wakes the worker when it has a first one to wait for, or a file's worth of them."""
    waiting, rows, now = of(call, stream_id), call.rows(RECORDS), call.now()
    numbers = []
    for data in records:
        link, kept = sealing.sealed(call, stream_id, encryption, data) if encryption is not None else (None, data)
        rows.run("insert into firehose_record (stream, at, data, link) values (?,?,?,?)", stream_id, now, kept, link)
        numbers.append(rows.connection.last_insert_rowid())
    was_empty, was_full = waiting.since is None, waiting.bytes >= full_at

    def counted() -> None:
        waiting.bytes += sum(map(len, records))
        waiting.since = waiting.since if waiting.since is not None else now
        if was_empty or (waiting.bytes >= full_at and not was_full):
            call.home.wake(wakes)

    call.after_commit(counted)
    return numbers


def stretch(call: Call, stream_id: str, upto: int | None, bytes_max: int) -> list[Entry]:
    """The oldest records, a file's worth of them or those up to a number that was agreed upon."""
    taken, size = [], 0
    bound = upto if upto is not None else (1 << 62)
    rows = call.rows(RECORDS).each("select seq, at, data, link from firehose_record where stream = ? and seq <= ? order by seq", stream_id, bound)
    for seq, at, data, link in rows:
        entry = Entry(seq, at, data if link is None else sealing.opened(call, stream_id, link, data))
        taken.append(entry)
        size += len(entry.data)
        if upto is None and size >= bytes_max:
            break
    return taken


def drop(call: Call, stream_id: str, upto: int) -> None:
    call.rows(RECORDS).run("delete from firehose_record where stream = ? and seq <= ?", stream_id, upto)
    call.memory(Buffers).by_stream.pop(stream_id, None)


def forget(call: Call, stream_id: str) -> None:
    call.rows(RECORDS).run("delete from firehose_record where stream = ?", stream_id)
    call.memory(Buffers).by_stream.pop(stream_id, None)
