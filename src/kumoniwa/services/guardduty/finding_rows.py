"""Where findings lie: rows, with what lists and aggregation ask for beside the whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

FINDINGS = Table(
    "guardduty_finding",
    """create table if not exists guardduty_finding (id text primary key, origin text, updated real, told real, is_archived integer, body blob);
    create index if not exists guardduty_finding_origin on guardduty_finding (origin) where origin != '';
    create index if not exists guardduty_finding_updated on guardduty_finding (updated)""",
)


class Held(NamedTuple):
    body: dict[str, Any]
    """As events tell it."""
    origin: str
    """By which the next occurrence knows it; empty once somebody archived it."""
    updated: float
    told: float
    """When it was told last, 0 if never."""
    is_archived: bool


def _held(row: tuple) -> Held:
    body, origin, updated, told, is_archived = row
    return Held(orjson.loads(body), origin, updated, told, bool(is_archived))


_SELECTED = "select body, origin, updated, told, is_archived from guardduty_finding"


def of_id(call: Call, id_: str) -> Held | None:
    row = call.rows(FINDINGS).one(f"{_SELECTED} where id = ?", id_)
    return _held(row) if row is not None else None


def of_origin(call: Call, origin: str) -> Held | None:
    row = call.rows(FINDINGS).one(f"{_SELECTED} where origin = ?", origin)
    return _held(row) if row is not None else None


def every(call: Call) -> list[Held]:
    return [_held(row) for row in call.rows(FINDINGS).all(f"{_SELECTED} order by updated desc, id")]


def untold(call: Call) -> list[Held]:
    """Active findings that were found again since they were told."""
    return [_held(row) for row in call.rows(FINDINGS).all(f"{_SELECTED} where updated > told and is_archived = 0 order by updated, id")]


def put(call: Call, held: Held) -> None:
    call.rows(FINDINGS).run(
        "insert into guardduty_finding (id, origin, updated, told, is_archived, body) values (?,?,?,?,?,?) on conflict do update set "
        "origin = excluded.origin, updated = excluded.updated, told = excluded.told, is_archived = excluded.is_archived, body = excluded.body",
        held.body["id"], held.origin, held.updated, held.told, int(held.is_archived), orjson.dumps(held.body),
    )  # fmt: skip


def forget(call: Call, until: float) -> None:
    call.rows(FINDINGS).run("delete from guardduty_finding where updated < ?", until)


def forget_all(call: Call) -> None:
    call.rows(FINDINGS).run("delete from guardduty_finding")
