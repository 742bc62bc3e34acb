"""Blocks of volumes and snapshots: 512 KiB each, in files that are never changed, named by rows.

A *map* says which block lies at which place. A volume that is made from a snapshot has the snapshot's own map, and so has a snapshot that is
taken of a volume: nobody writes to either, so nothing is copied. A snapshot that is written has a map of its own, which begins as its parent's,
with the parent's files. A file goes when no map names it any more.

Blocks of what is encrypted are sealed for their file under the data key of their lineage, and so are their checksums, which would tell of two
blocks that they are alike.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from kumoniwa.engines import cipher
from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

BYTES = 524_288
BLOCKS = Table(
    "ebs_block",
    """create table if not exists ebs_block (map text, number integer, body text, checksum blob, is_own integer, primary key (map, number)) without rowid;
       create index if not exists ebs_block_body on ebs_block (body)""",
)
STEP = 5_000
"""So many rows are copied before somebody else has a turn."""
PER_GIB = (1 << 30) // BYTES


class Block(NamedTuple):
    number: int
    body: str
    checksum: bytes


class Mismatch(Exception):
    """A body is not the one that its checksum means."""


class Damaged(Exception):
    """A file is not what its row says."""


def blobs_of(call: Call) -> Any:
    """Where the account's blocks lie, whichever API is spoken to."""
    return call.home.store.blobs(call.account, "ec2")


# In ------------------------------------------------------------------------------------------------


def _write(descriptor: int, name: str, body: bytes, secret: bytes, wanted: bytes | None) -> bytes:
    """Answers the checksum as it may lie in a row. Raises Mismatch if it is not what was wanted."""
    try:
        checksum = hashlib.sha256(body).digest()
        if wanted not in (None, checksum):
            raise Mismatch
        kept = checksum
        if secret:
            body, kept = cipher.seal(secret, body, name.encode()), cipher.seal(secret, checksum, b"sum " + name.encode())
        view = memoryview(body)
        while view:
            view = view[os.write(descriptor, view) :]
        return kept
    finally:
        os.close(descriptor)


class Draft(NamedTuple):
    """A block in a file that no row names yet. End it with ``keep`` or ``discard``."""

    name: str
    checksum: bytes
    """As it may lie in a row."""


async def written(call: Call, body: bytes, secret: bytes, wanted: bytes | None = None) -> Draft:
    """Raises Mismatch for a body that has not the checksum that is wanted."""
    blobs = blobs_of(call)
    name, descriptor = blobs.create()
    try:
        draft = Draft(name, await asyncio.to_thread(_write, descriptor, name, body, secret, wanted))
    except BaseException:
        blobs.drop(name)
        raise
    blobs.journal.wrote(blobs.path(name))
    return draft


def discard(call: Call, draft: Draft) -> None:
    blobs_of(call).drop(draft.name)


def keep(call: Call, map_: str, number: int, draft: Draft) -> None:
    """Put a draft at a place, instead of what was there."""
    rows = call.rows(BLOCKS)
    before = rows.one("select body from ebs_block where map = ? and number = ?", map_, number)
    rows.run("insert or replace into ebs_block values (?, ?, ?, ?, 1)", map_, number, draft.name, draft.checksum)
    if before is not None:
        _let_go(call, before)


# Out -----------------------------------------------------------------------------------------------


def _read(path: str, name: str, secret: bytes) -> bytes:
    with open(path, "rb") as file:
        held = file.read()
    body = cipher.unseal(secret, held, name.encode()) if secret else held
    if body is None:
        raise Damaged(name)
    return body


async def read(call: Call, block: Block, secret: bytes) -> bytes:
    """Raises FileNotFoundError for one that was deleted meanwhile."""
    return await asyncio.to_thread(_read, blobs_of(call).path(block.body), block.body, secret)


def checksum_of(block: Block, secret: bytes) -> bytes:
    found = cipher.unseal(secret, block.checksum, b"sum " + block.body.encode()) if secret else block.checksum
    if found is None:
        raise Damaged(block.body)
    return found


def at(call: Call, map_: str, number: int) -> Block | None:
    row = call.rows(BLOCKS).one("select number, body, checksum from ebs_block where map = ? and number = ?", map_, number)
    return Block(*row) if row is not None else None


def listed(call: Call, map_: str, first: int = 0, count: int = -1) -> list[Block]:
    """Blocks from a place on, in their order."""
    sql = "select number, body, checksum from ebs_block where map = ? and number >= ? order by number limit ?"
    return [Block(*row) for row in call.rows(BLOCKS).all(sql, map_, first, count)]


def own(call: Call, map_: str) -> list[Block]:
    """Those that are not the parent's."""
    return [Block(*row) for row in call.rows(BLOCKS).all("select number, body, checksum from ebs_block where map = ? and is_own order by number", map_)]


def differing(call: Call, one: str, other: str, first: int, count: int) -> list[tuple[int, str | None, str | None]]:
    """Places from one on at which two maps have not the same file: number, and the files."""
    sql = """select number, min(a), min(b) from (
        select number, body as a, null as b from ebs_block where map = ?1 and number >= ?3
        union all select number, null, body from ebs_block where map = ?2 and number >= ?3)
      group by number having min(a) is not min(b) order by number limit ?4"""
    return call.rows(BLOCKS).all(sql, one, other, first, count)


def count(call: Call, map_: str) -> int:
    return call.rows(BLOCKS).one("select count(*) from ebs_block where map = ?", map_)[0]


def alone(call: Call, maps: Iterable[str]) -> int:
    """How many files these maps need between them."""
    names = list(dict.fromkeys(maps))
    marks = ", ".join("?" for _ in names)
    return call.rows(BLOCKS).one(f"select count(distinct body) from ebs_block where map in ({marks})", *names)[0] if names else 0


# Maps ----------------------------------------------------------------------------------------------


async def copied(call: Call, source: str, target: str) -> None:
    """Begin a map as another is, in steps."""
    rows, after = call.rows(BLOCKS), -1
    while True:
        found = rows.one("select max(number) from (select number from ebs_block where map = ? and number > ? order by number limit ?)", source, after, STEP)
        if found[0] is None:
            return
        sql = "insert into ebs_block select ?, number, body, checksum, 0 from ebs_block where map = ? and number > ? and number <= ?"
        rows.run(sql, target, source, after, found[0])
        after = found[0]
        await asyncio.sleep(0)


def forget(call: Call, map_: str) -> None:
    """Let a map go, and the files that no other names, once that is committed."""
    rows = call.rows(BLOCKS)
    names = [name for (name,) in rows.all("select body from ebs_block where map = ?", map_)]
    rows.run("delete from ebs_block where map = ?", map_)
    _let_go(call, names)


def _let_go(call: Call, names: Iterable[str]) -> None:
    rows = call.rows(BLOCKS)
    gone = [name for name in names if rows.one("select 1 from ebs_block where body = ?", name) is None]
    if gone:
        blobs = blobs_of(call)
        call.after_commit(lambda: call.home.spawn(asyncio.to_thread(_unlink, blobs, gone)))


def _unlink(blobs: Any, names: list[str]) -> None:
    for name in names:
        blobs.drop(name)


def sweep(call: Call, maps: set[str]) -> None:
    """Remove what a kill left: maps of nothing, and files without a row."""
    rows = call.rows(BLOCKS)
    for (map_,) in rows.all("select distinct map from ebs_block"):
        if map_ not in maps:
            rows.run("delete from ebs_block where map = ?", map_)
    blobs_of(call).sweep(name for (name,) in rows.all("select distinct body from ebs_block"))
