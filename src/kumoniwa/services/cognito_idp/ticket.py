"""Tickets: what is handed out to be shown once, before a time: the session of a challenge, the code of a hosted page.

What a ticket stands for lies sealed in a row that goes with its use. Revoked sign-ins are rows of the same table, so that they end too.
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.cognito_idp import place
from kumoniwa.store.rows import Table

TICKETS = Table("cognito_tickets", "create table if not exists cognito_tickets (id text primary key, until real, body blob) without rowid")
ID_LENGTH = 64


def _rows(call: Call):
    rows = call.rows(TICKETS)
    rows.run("delete from cognito_tickets where until <= ?", call.now())
    return rows


def issue(call: Call, kind: str, body: dict[str, Any], lasts_s: float, id_: str = "") -> str:
    """A fresh one, unless it is called by a name of its own, under which the last holds."""
    id_ = id_ or call.ids.secret(ID_LENGTH).replace("+", "-").replace("/", "_")
    sealed = place.shut(call.home, orjson.dumps(body), f"ticket {kind}")
    _rows(call).run("insert or replace into cognito_tickets values (?, ?, ?)", id_, call.now() + lasts_s, sealed)
    return id_


def read(call: Call, kind: str, id_: str) -> dict[str, Any] | None:
    """What a ticket stands for, and ``until`` when; None for one that never was, is of another kind, was used or is too old."""
    row = _rows(call).one("select body, until from cognito_tickets where id = ?", id_)
    body = place.opened(call.home, row[0], f"ticket {kind}") if row else None
    return orjson.loads(body) | {"until": row[1]} if body is not None else None


def redeem(call: Call, kind: str, id_: str) -> dict[str, Any] | None:
    """The same, and nobody shows it again."""
    said = read(call, kind, id_)
    if said is not None:
        _rows(call).run("delete from cognito_tickets where id = ?", id_)
    return said


def give_back(call: Call, kind: str, id_: str, body: dict[str, Any]) -> None:
    """Let a ticket that was redeemed be shown once more, for as long as it would have been good."""
    _rows(call).run("insert into cognito_tickets values (?, ?, ?)", id_, body["until"], place.shut(call.home, orjson.dumps(body), f"ticket {kind}"))


def revoke(call: Call, origin: str, until: float) -> None:
    """No token of this sign-in is good any more; ``until`` the last of them has ended by itself."""
    _rows(call).run("insert or replace into cognito_tickets values (?, ?, ?)", f"revoked {origin}", until, b"")


def is_revoked(call: Call, origin: str) -> bool:
    return _rows(call).one("select 1 from cognito_tickets where id = ?", f"revoked {origin}") is not None
