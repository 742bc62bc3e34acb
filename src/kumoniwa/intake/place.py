"""How far each shard was read for somebody: rows that survive a kill, so that nothing is skipped.

A row is written when a batch is done with, be it that it was taken or that it was given up. Before the first batch it holds
the iterator at which reading began, since what comes after ``LATEST`` must not be lost while nothing was read yet.
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

PLACES = Table(
    # Named when only functions read.
    "lambda_place",
    """create table if not exists lambda_place (mapping text, shard text, sequence text, iterator text, at real, is_over integer,
         window integer, state blob, primary key (mapping, shard)) without rowid""",
)


class Place(NamedTuple):
    sequence: str = ""
    """Of the last record that is done with."""
    iterator: str = ""
    """Where to begin while there is none."""
    at: float = 0.0
    """When the iterator was given: no record that came before is wanted."""
    is_over: bool = False
    """Whether the shard has ended and all of it was read."""
    window: int = 0
    """Epoch seconds at which the open tumbling window begins."""
    state: bytes = b""
    """What was answered for that window, as JSON."""


_COLUMNS = "sequence, iterator, at, is_over, window, state"


def place_of(call: Call, id_: str, shard: str) -> Place | None:
    row = call.rows(PLACES).one(f"select {_COLUMNS} from lambda_place where mapping = ? and shard = ?", id_, shard)
    return Place(*row) if row else None


def places(call: Call, id_: str) -> dict[str, Place]:
    rows = call.rows(PLACES).all(f"select shard, {_COLUMNS} from lambda_place where mapping = ?", id_)
    return {row[0]: Place(*row[1:]) for row in rows}


def remember(call: Call, id_: str, shard: str, place: Place) -> None:
    call.rows(PLACES).run("insert or replace into lambda_place values (?,?,?,?,?,?,?,?)", id_, shard, *place)


def remember_start(call: Call, id_: str, shard: str, iterator: str) -> None:
    """Note where a shard stands when reading is agreed upon; one that has ended has no iterator and is not read."""
    remember(call, id_, shard, Place(iterator=iterator, at=call.now(), is_over=not iterator))


def forget_gone(call: Call, id_: str, shards: set[str]) -> None:
    """Drop the places of shards that the stream does not name any more."""
    for shard in places(call, id_).keys() - shards:
        call.rows(PLACES).run("delete from lambda_place where mapping = ? and shard = ?", id_, shard)


def forget(call: Call, id_: str) -> None:
    call.rows(PLACES).run("delete from lambda_place where mapping = ?", id_)
