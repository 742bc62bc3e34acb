"""Asked twice, done once: the answers to questions that carry a token.

A token and its answer are committed in the same tick as what the operation did, so somebody who was killed between
asking and hearing may ask again. What only reads is read again: its answer may be a secret, which nobody wants kept. What was done may have
answered with one, too: answers lie under the cloud's seal.

Services of ours say such tokens when they ask again (``once=…``); clients say those that AWS's models offer them, and a service that
honours one as most do, by the answer that it gave, declares it in its ``TOKENS``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import orjson

from kumoniwa.engines import cipher
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.store.rows import Table

ONCE = Table(
    "once",
    """create table if not exists once (token text, operation text, at real, answer blob, primary key (token, operation)) without rowid;
       create index if not exists once_at on once (at)""",
)
KEPT_S = 7 * 86_400
SWEPT_EVERY_S = 60.0


class Token(NamedTuple):
    """By which parameter a client says that it asks again, and how its service takes that."""

    member: str
    of: tuple[str, ...] = ()
    """Parameters that have tokens of their own: the same token beside another value of these is another one."""
    kept_s: float = KEPT_S
    """For how long it is remembered. Most of AWS's documentation does not say."""
    refusal: Callable[[], AwsError] | None = None
    """Makes what is raised when other parameters come with a token that is known. Without one they are not looked at."""


class Swept:
    """When this life of the region last dropped what is too old."""

    at = 0.0


def remembered(call: Call, operation: str, since: float = 0.0) -> dict | None:
    """The answer already given to this call's token, if there is one and it was given after ``since``."""
    found = call.rows(ONCE).one("select answer from once where token = ? and operation = ? and at > ?", call.once, operation, since)
    if found is None:
        return None
    # A store that is older than the seal holds answers as they were.
    return msgspec.msgpack.decode(cipher.unseal(_key(call.home.settings.seal), found[0], _purpose(call, operation)) or found[0])


def repeated(call: Call, operation: str, token: Token, params: dict[str, Any]) -> dict | None:
    """The answer already given to a client's token, if there is one; else see that this one is kept. Raises the token's refusal."""
    said = params.get(token.member)
    if not said or call.once is not None:
        return None
    call.once = orjson.dumps(["said", said, *(params.get(name) for name in token.of)]).decode()
    call.asked = hashlib.sha256(msgspec.msgpack.encode(params, order="sorted")).digest()
    done = remembered(call, operation, since=call.now() - token.kept_s)
    if done is None:
        return None
    if token.refusal is not None and done["asked"] != call.asked:
        raise token.refusal()
    return done["answer"]


@lru_cache(maxsize=8)
def _key(seal: bytes) -> bytes:
    return hashlib.sha256(b"once" + seal).digest()


def _purpose(call: Call, operation: str) -> bytes:
    return f"{operation} {call.once}".encode()


def remember(call: Call, operation: str, answer: dict | None) -> None:
    if call.asked:
        answer = {"asked": call.asked, "answer": answer or {}}
    rows, now = call.rows(ONCE), call.now()
    swept = call.memory(Swept)
    if now > swept.at + SWEPT_EVERY_S:
        swept.at = now
        rows.run("delete from once where at < ?", now - KEPT_S)
    sealed = cipher.seal(_key(call.home.settings.seal), msgspec.msgpack.encode(answer or {}), _purpose(call, operation))
    rows.run("insert or replace into once values (?,?,?,?)", call.once, operation, now, sealed)
