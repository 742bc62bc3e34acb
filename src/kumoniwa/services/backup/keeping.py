"""The bytes of a recovery point: a run of frames, compressed and encrypted piece by piece.

What a frame says is the business of whoever keeps it (``table``, ``bucket``). Pieces are files that are written before the rows that name
them are committed, and are never changed. A piece is sealed for its point and its place, so none can be put in the place of another.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.backup import agenda
from kumoniwa.services.backup.errors import JobFailed
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.vault import CONTEXT, Vault, arn_of, ourselves
from kumoniwa.store.rows import Table

PIECE_BYTES = 1 << 20
PIECES = Table(
    "backup_piece",
    """create table if not exists backup_piece (point text, number integer, blob text, size integer,
         primary key (point, number)) without rowid""",
)

_encode, _decoder = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder()


def _purpose(point: str, number: int) -> bytes:
    return f"{point} {number}".encode()


def _pressed(secret: bytes, body: bytes, purpose: bytes) -> bytes:
    return cipher.seal(secret, zlib.compress(body, 3), purpose)


def _unpressed(secret: bytes, sealed: bytes, purpose: bytes) -> bytes:
    pressed = cipher.unseal(secret, sealed, purpose)
    if pressed is None:
        raise JobFailed("The recovery point is damaged.")
    return zlib.decompress(pressed)


@contextmanager
def _in_words_of_jobs() -> Iterator[None]:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-metrics.html lists the message."""
    try:
        yield
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        raise JobFailed("KMS key is either disabled or pending deletion or access to KMS key is denied", hint=error.text) from None


async def fresh_key(call: Call, vault: Vault) -> tuple[data_keys.DataKey, bytes]:
    with _in_words_of_jobs():
        return await data_keys.fresh(ourselves(call), vault.key, {CONTEXT: arn_of(call, vault.name)})


async def secret_of(call: Call, point: RecoveryPoint) -> bytes:
    """Asked of KMS each time: a vault whose key is disabled is shut."""
    with _in_words_of_jobs():
        return await data_keys.opened(ourselves(call), point.data_key)


class Keeper:
    """Writes the frames of one point, and nobody else does meanwhile."""

    def __init__(self, call: Call, point: str, secret: bytes, number: int = 0) -> None:
        self.call, self.point, self.secret, self.number = call, point, secret, number
        self.frames: list[bytes] = []
        self.held_bytes = self.size = 0

    async def add(self, *frame: Any) -> None:
        body = _encode(frame)
        self.frames.append(len(body).to_bytes(4, "big") + body)
        self.held_bytes += len(body)
        if self.held_bytes >= PIECE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        if self.frames:
            body = b"".join(self.frames)
            self.frames, self.held_bytes = [], 0
            await self.put(body)

    async def put(self, body: bytes) -> None:
        """Keep one whole piece, such as one that comes from another vault."""
        sealed = await asyncio.to_thread(_pressed, self.secret, body, _purpose(self.point, self.number))
        name = self.call.blobs.put(sealed)
        self.call.rows(PIECES).run("insert or replace into backup_piece values (?, ?, ?, ?)", self.point, self.number, name, len(body))
        self.number += 1
        self.size += len(body)


_LAST = 1 << 62


async def pieces(call: Call, point: RecoveryPoint, secret: bytes, first: int = 0, last: int = _LAST) -> AsyncIterator[bytes]:
    held = "select number, blob from backup_piece where point = ? and number between ? and ? order by number"
    for number, name in call.rows(PIECES).all(held, point.arn, first, last):
        sealed = await asyncio.to_thread(call.blobs.get, name)
        yield await asyncio.to_thread(_unpressed, secret, sealed, _purpose(point.arn, number))


async def frames(call: Call, point: RecoveryPoint, secret: bytes, first: int = 0, last: int = _LAST) -> AsyncIterator[list[Any]]:
    async for body in pieces(call, point, secret, first, last):
        at = 0
        while at < len(body):
            size = int.from_bytes(body[at : at + 4], "big")
            yield _decoder.decode(body[at + 4 : at + 4 + size])
            at += 4 + size


def forget(call: Call, point: str, first: int = 0, last: int = _LAST) -> None:
    """Let the bytes of a point go, or those of some pieces, once that is committed."""
    these, rows = (point, first, last), call.rows(PIECES)
    names = [name for (name,) in rows.all("select blob from backup_piece where point = ? and number between ? and ?", *these)]
    rows.run("delete from backup_piece where point = ? and number between ? and ?", *these)
    blobs = call.blobs
    call.after_commit(lambda: [blobs.drop(name) for name in names])


def size_of(call: Call, point: str) -> int:
    """How many bytes of a point there are."""
    return call.rows(PIECES).one("select coalesce(sum(size), 0) from backup_piece where point = ?", point)[0]


def drop(call: Call, arn: str) -> None:
    """Let a point go, with its bytes."""
    if call.shelf(RecoveryPoint).pop(arn, None) is not None:
        agenda.plan(call, "point", arn, None)
        forget(call, arn)


def sweep(call: Call) -> None:
    """Remove files that a kill left without a row."""
    call.blobs.sweep(name for (name,) in call.rows(PIECES).all("select blob from backup_piece"))
