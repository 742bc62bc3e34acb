"""Asked twice, done once: the answers to questions that carry a token.

A token and its answer are committed in the same tick as what the operation did, so somebody who was killed between
asking and hearing may ask again. What only reads is read again: its answer may be a secret, which nobody wants kept. What was done may have
answered with one, too: answers lie under the cloud's seal.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import msgspec

from kumoniwa.engines import cipher
from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

ONCE = Table(
    "once",
    """create table if not exists once (token text, operation text, at real, answer blob, primary key (token, operation)) without rowid;
       create index if not exists once_at on once (at)""",
)
KEPT_S = 7 * 86_400
SWEPT_EVERY_S = 60.0


class Swept:
    """When this life of the region last dropped what is too old."""

    at = 0.0


def remembered(call: Call, operation: str) -> dict | None:
    """The answer already given to this call's token, if there is one."""
    found = call.rows(ONCE).one("select answer from once where token = ? and operation = ?", call.once, operation)
    if found is None:
        return None
    # A store that is older than the seal holds answers as they were.
    return msgspec.msgpack.decode(cipher.unseal(_key(call.home.settings.seal), found[0], _purpose(call, operation)) or found[0])


@lru_cache(maxsize=8)
def _key(seal: bytes) -> bytes:
    return hashlib.sha256(b"once" + seal).digest()


def _purpose(call: Call, operation: str) -> bytes:
    return f"{operation} {call.once}".encode()


def remember(call: Call, operation: str, answer: dict | None) -> None:
    rows, now = call.rows(ONCE), call.now()
    swept = call.memory(Swept)
    if now > swept.at + SWEPT_EVERY_S:
        swept.at = now
        rows.run("delete from once where at < ?", now - KEPT_S)
    sealed = cipher.seal(_key(call.home.settings.seal), msgspec.msgpack.encode(answer or {}), _purpose(call, operation))
    rows.run("insert or replace into once values (?,?,?,?)", call.once, operation, now, sealed)
