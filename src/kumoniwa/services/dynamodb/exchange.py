"""What DynamoDB of another region says to ours: how a global table stands, and what was written there. And what AWS Backup asks."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb import adoption, arrival, decree, replica, safekeeping, unlocking
from kumoniwa.services.dynamodb.decree import Ballot
from kumoniwa.services.dynamodb.group import Group
from kumoniwa.services.dynamodb.quorum import PAGE
from kumoniwa.services.dynamodb.replica import Push
from kumoniwa.services.dynamodb.replication import Change
from kumoniwa.services.dynamodb.table import Layout, Layouts, Table

STEP_CHANGES = 100
"""So many changes are applied before others have their turn."""


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    account = message["account"]
    call = home.call("dynamodb", account, principals.service("dynamodb.amazonaws.com", account))
    return await _WHAT[message["what"]](call, origin, message)


async def _probe(call: Call, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    """What there is of a table's name here."""
    return replica.there(call, message["table"])


async def _group(call: Call, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    group = msgspec.convert(message["group"], Group)
    try:
        call.atomically(lambda: adoption.adopt(call, message["table"], group, message["settings"]))
    except adoption.Refused:
        return {"is_adopted": False}
    call.home.wake(("dynamodb", "conductor"))
    return {"is_adopted": True}


async def _changes(call: Call, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    name, shelf = message["table"], call.shelf(Table)
    changes = [change for page in message["pages"] for change in page]
    for start in range(0, len(changes) or 1, STEP_CHANGES):
        if start:
            await asyncio.sleep(0)
        table = shelf.get(name)
        if table is None or table.group is None:
            return {"is_known": False, "is_leaving": any(push.table == name for push in call.shelf(Push).values())}
        if table.encryption is not None:
            if not await unlocking.is_ready(call, table):
                return {"is_known": False, "is_leaving": False}
            table = shelf[name]
        layout = _layout(call, table)
        for change in changes[start : start + STEP_CHANGES]:
            arrival.apply(call, layout, Change(*change), is_news=message["is_news"])
    if message.get("is_last"):
        shelf[name] = changed(table, active_at=0.0)
    return {"is_known": True, "at": call.now()}


def _layout(call: Call, table: Table) -> Layout:
    """A replica that is being made takes writes of others, though none of its own."""
    layouts = call.memory(Layouts).by_name
    layout = layouts.get(table.name)
    if layout is None or layout.record is not table:
        layout = layouts[table.name] = Layout(table)
    return layout


# A strongly consistent table's decrees ----------------------------------------------------------------


def _answering(answer: Any) -> Any:
    """An acceptor's answer, given whole; what it says is durable when it leaves."""

    async def hear(call: Call, origin: str, message: dict[str, Any]) -> dict[str, Any]:
        return call.atomically(lambda: answer(call, message)) or {}

    return hear


def _prepare(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    return decree.prepare(call, message["scope"], *message["key"], Ballot(*message["ballot"]))


def _release(call: Call, message: dict[str, Any]) -> None:
    decree.release(call, message["scope"], *message["key"], Ballot(*message["ballot"]))


def _accept(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    return decree.accept(call, message["scope"], *message["key"], Ballot(*message["ballot"]), message["size"], message["body"])


def _learn(call: Call, message: dict[str, Any]) -> None:
    layout = decree.layout_of(call, message["table"], message["scope"])
    decree.learn(call, message["scope"], layout, *message["key"], Ballot(*message["ballot"]), message["size"], message["body"])


def _peek(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    return {"value": decree.held(call, message["scope"], *message["key"]).value}


def _decrees(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    return {"decrees": [[seq, d.pk, d.sk, d.value] for seq, d in decree.since(call, message["scope"], message["after"], PAGE)]}


def _safekeeping(answer: Any) -> Any:
    async def hear(call: Call, origin: str, message: dict[str, Any]) -> Any:
        return await answer(call, message)

    return hear


_WHAT = {
    "probe": _probe, "group": _group, "changes": _changes, "prepare": _answering(_prepare), "release": _answering(_release),
    "accept": _answering(_accept), "learn": _answering(_learn), "peek": _answering(_peek), "decrees": _answering(_decrees),
    **{what: _safekeeping(answer) for what, answer in safekeeping.ANSWERS.items()},
}  # fmt: skip
