"""What a replica of a global table remembers of each write, and how it judges the writes of others.

A write leaves, in its own transaction, a version (who wrote the item last, and when) and a change in a log, which is kept until
every other replica has it. The last writer wins: of two versions of an item the later one stands, and of two of the same
microsecond the one whose region's name is greater. A region stamps what it overwrites with a later time than it found, so
writes that saw each other never lose by a wrong clock; only those that did not are in conflict, and the loser is noted.

A delete leaves its version behind, so that an older write which arrives later does not bring the item back.
Source: "How DynamoDB global tables work", developer guide; "Using DynamoDB global tables", prescriptive guidance.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.languages.dynamodb.value import Item, item_bytes
from kumoniwa.services.dynamodb import log as logs
from kumoniwa.services.dynamodb.log import Page
from kumoniwa.services.dynamodb.table import Layout, Table
from kumoniwa.store.rows import Rows
from kumoniwa.store.rows import Table as RowTable

TOMBSTONES = RowTable(
    "dynamodb_tombstone",
    """create table if not exists dynamodb_tombstone (tbl integer, pk blob, sk blob, at integer, version blob,
         primary key (tbl, pk, sk)) without rowid;
       create index if not exists dynamodb_tombstone_at on dynamodb_tombstone (tbl, at)""",
)
CONFLICTS = RowTable(
    "dynamodb_conflict",
    """create table if not exists dynamodb_conflict (tbl integer, pk blob, sk blob, lost_at integer, lost_in text, won_at integer,
         won_in text, noted real, primary key (tbl, pk, sk, lost_at, lost_in)) without rowid""",
)
LATENCIES = RowTable(
    "dynamodb_latency",
    """create table if not exists dynamodb_latency (name text, region text, minute integer, samples integer, total_ms real,
         least_ms real, most_ms real, primary key (name, region, minute)) without rowid""",
)
TOMBSTONE_KEPT_S = 86_400
"""A delete is remembered at least so long, and until every replica has it. A region that was cut off for longer and held an
older write of the item all the while would bring it back."""
LATENCY_KEPT_S = 15 * 86_400
"""As long as CloudWatch keeps minutes."""


class Stamp(NamedTuple):
    """Who wrote an item last and when, in microseconds since the epoch. The greater one stands."""

    at: int
    region: str


class Version(NamedTuple):
    """A write of an item, and the one it replaced where it was made. It lies in the item's row, or in its tombstone."""

    at: int
    region: str
    based_at: int
    based_in: str

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.at, self.region)

    @property
    def base(self) -> Stamp:
        return Stamp(self.based_at, self.based_in)


NEVER = Version(0, "", 0, "")
"""Of an item that was there before its table was global."""


class Change(NamedTuple):
    """One write of one item, as it lies in the log and as it travels. ``body`` is the item's JSON, None if it was deleted."""

    pk: bytes
    sk: bytes
    at: int
    region: str
    based_at: int
    based_in: str
    size: int
    body: bytes | None

    @property
    def version(self) -> Version:
        return Version(self.at, self.region, self.based_at, self.based_in)


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Of a packed change what says which item it is of."""

    pk: bytes
    sk: bytes


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Version).decode
places_in = msgspec.msgpack.Decoder(list[Place]).decode
changes_in = msgspec.msgpack.Decoder(list[tuple]).decode


def marked(call: Call, new: Item) -> tuple[Item, int]:
    """An item with the attributes by which version 2017.11.29 knows its writer, and its size with them.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables_HowItWorks.html
    """
    marks = {
        "aws:rep:deleting": {"BOOL": False},
        "aws:rep:updatetime": {"N": f"{call.now():.6f}"},
        "aws:rep:updateregion": {"S": call.home.name},
    }
    plain = {name: value for name, value in new.items() if name not in marks}
    return plain | marks, item_bytes(plain | marks)


# Writing here --------------------------------------------------------------------------------------


def unpacked(packed: bytes | None) -> Version:
    """The version in an item's row."""
    return _unpack(packed) if packed is not None else NEVER


def deletion(call: Call, tbl: int, pk: bytes, sk: bytes) -> Version | None:
    """The last write of an item that is not there; None if there was never one."""
    found = call.rows(TOMBSTONES).one("select version from dynamodb_tombstone where tbl = ? and pk = ? and sk = ?", tbl, pk, sk)
    return _unpack(found[0]) if found is not None else None


def noted(
    call: Call, rows: Rows, layout: Layout, pk: bytes, sk: bytes, size: int, body: bytes | None, held: Version | None,
    heard: Version | None, now: float,
) -> bytes:  # fmt: skip
    """Note a write before it is made, over an item of the version ``held`` (None if there is no item); answers its version for
    the item's row. One made here, not ``heard``, is logged for the others."""
    gone = deletion(call, layout.id, pk, sk) if held is None else None
    made: tuple | None = heard
    if made is None:
        based_at, based_in, _, _ = held or gone or NEVER
        at = int(now * 1_000_000)
        if at <= based_at:
            at = based_at + 1
        here = call.home.name
        made = (at, here, based_at, based_in)
        log = layout.log
        if log is None:
            log = layout.log = logs.of(call, layout.id)
        rows.gather(log, (pk, sk, at, here, based_at, based_in, size, body))
    packed = _pack(made)
    if body is None:
        call.rows(TOMBSTONES).run("replace into dynamodb_tombstone values (?,?,?,?,?)", layout.id, pk, sk, made[0], packed)
    elif gone is not None:
        call.rows(TOMBSTONES).run("delete from dynamodb_tombstone where tbl = ? and pk = ? and sk = ?", layout.id, pk, sk)
    return packed


# Forgetting ----------------------------------------------------------------------------------------


def heard(call: Call, table: Table) -> int:
    """Up to which page of its log every other replica of a table has it."""
    regions = table.group.others(call.home.name) if table.group is not None else []
    return min([logs.cursor(call, table.id, region) for region in regions], default=0)


def forget(call: Call, tbl: int) -> None:
    """The table is no replica any more."""
    logs.of(call, tbl).clear()
    rows = call.rows(TOMBSTONES, CONFLICTS)
    for name in ("tombstone", "conflict"):
        rows.run(f"delete from dynamodb_{name} where tbl = ?", tbl)


def forget_old(call: Call, table: Table) -> None:
    """Deletes that everybody has known for a day, and latencies that nobody asks for any more."""
    rows = call.rows(TOMBSTONES, LATENCIES)
    oldest = logs.of(call, table.id).oldest(heard(call, table))
    before = int((call.now() - TOMBSTONE_KEPT_S) * 1_000_000)
    rows.run("delete from dynamodb_tombstone where tbl = ? and at < ?", table.id, before if oldest is None else min(before, oldest))
    rows.run("delete from dynamodb_latency where minute < ?", int(call.now() - LATENCY_KEPT_S) // 60)


# Latency -------------------------------------------------------------------------------------------


def arrived(call: Call, name: str, region: str, at: float, pages: list[Page]) -> None:
    """Samples of ReplicationLatency, kept by the minute in the region that wrote, as CloudWatch keeps them."""
    at_ms = milliseconds(at)
    lags: Counter[int] = Counter()
    for page in pages:
        lags[max(0, at_ms - page.at // 1000)] += page.changes
    call.measure_all("AWS/DynamoDB", "ReplicationLatency", "TableName", name, "ReceivingRegion", region, values=lags, unit="Milliseconds")
    samples, total = lags.total(), sum(lag * times for lag, times in lags.items())
    call.rows(LATENCIES).run(
        """insert into dynamodb_latency values (?,?,?,?,?,?,?) on conflict do update set samples = samples + excluded.samples,
             total_ms = total_ms + excluded.total_ms, least_ms = min(least_ms, excluded.least_ms), most_ms = max(most_ms, excluded.most_ms)""",
        name, region, int(at) // 60, samples, total, min(lags), max(lags),
    )  # fmt: skip


def latencies(call: Call, since: float) -> list[dict[str, Any]]:
    """ReplicationLatency by table, receiving region and minute."""
    found = call.rows(LATENCIES).all(
        "select name, region, minute, samples, total_ms, least_ms, most_ms from dynamodb_latency where minute >= ? order by 1, 2, 3",
        int(since) // 60,
    )
    members = ("table", "receiving_region", "minute", "samples", "total_ms", "least_ms", "most_ms")
    return [dict(zip(members, row)) for row in found]
