"""Asked twice, done once: the answers to questions that carry a token.

A token and its answer are committed in the same tick as what the operation did, so somebody who was killed between
asking and hearing may ask again. What only reads is read again: its answer may be a secret, which nobody wants kept.
"""

from __future__ import annotations

import msgspec

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
    return msgspec.msgpack.decode(found[0]) if found else None


def remember(call: Call, operation: str, answer: dict | None) -> None:
    rows, now = call.rows(ONCE), call.now()
    swept = call.memory(Swept)
    if now > swept.at + SWEPT_EVERY_S:
        swept.at = now
        rows.run("delete from once where at < ?", now - KEPT_S)
    rows.run("insert or replace into once values (?,?,?,?)", call.once, operation, now, msgspec.msgpack.encode(answer or {}))
