"""How far a mapping has read each shard: rows that survive a kill, so that nothing is skipped.

A row is written when a batch is done with, be it that the function took it or that it was given up. Before the first batch it holds
the iterator at which reading began, since what comes after ``LATEST`` must not be lost while nothing was read yet.
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

PLACES = Table(
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
    """When the iterator was given: no record that came before concerns the mapping."""
    is_over: bool = False
    """Whether the shard has ended and all of it was read."""
    window: int = 0
    """Epoch seconds at which the open tumbling window begins."""
    state: bytes = b""
    """What the function returned for that window, as JSON."""


_COLUMNS = "sequence, iterator, at, is_over, window, state"


def place_of(call: Call, uuid: str, shard: str) -> Place | None:
    row = call.rows(PLACES).one(f"select {_COLUMNS} from lambda_place where mapping = ? and shard = ?", uuid, shard)
    return Place(*row) if row else None


def places(call: Call, uuid: str) -> dict[str, Place]:
    rows = call.rows(PLACES).all(f"select shard, {_COLUMNS} from lambda_place where mapping = ?", uuid)
    return {row[0]: Place(*row[1:]) for row in rows}


def remember(call: Call, uuid: str, shard: str, place: Place) -> None:
    call.rows(PLACES).run("insert or replace into lambda_place values (?,?,?,?,?,?,?,?)", uuid, shard, *place)


def remember_start(call: Call, uuid: str, shard: str, iterator: str) -> None:
    """Note where a shard stands when its mapping is made; one that has ended has no iterator and does not concern the mapping."""
    remember(call, uuid, shard, Place(iterator=iterator, at=call.now(), is_over=not iterator))


def forget_gone(call: Call, uuid: str, shards: set[str]) -> None:
    """Drop the places of shards that the stream does not name any more."""
    for shard in places(call, uuid).keys() - shards:
        call.rows(PLACES).run("delete from lambda_place where mapping = ? and shard = ?", uuid, shard)


def forget(call: Call, uuid: str) -> None:
    call.rows(PLACES).run("delete from lambda_place where mapping = ?", uuid)
