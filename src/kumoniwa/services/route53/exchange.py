"""What aws-edge is told and asked: publications from aws-global, and questions about what only the data plane knows."""

from __future__ import annotations

from typing import Any

import msgspec

from kumoniwa.services.route53 import resolver
from kumoniwa.services.route53.edge import Edge


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    edge = Edge.of(home)
    if message.get("ask") == "resolve":
        return _resolve(home, message)
    account = message["account"]
    if "rows" in message:
        return _receive(edge, account, message)
    if message["ask"] == "answer":
        return resolver.test(edge, account, message)
    if message["ask"] == "healthy":
        return edge.verdicts.is_healthy(message["check"])
    watched = edge.verdicts.watched.get(message["check"])
    if watched is None or watched.account != account:
        return []
    return edge.verdicts.status(message["check"]) if message["ask"] == "status" else edge.verdicts.failure(message["check"])


def _receive(edge: Edge, account: str, message: dict[str, Any]) -> int:
    """Take publications over; answers how far they have come. After a gap nothing is taken: whoever publishes sends all of it."""
    rows, anew = message["rows"], message.get("anew")
    if anew == "first":
        edge.empty(account)
    elif not anew and rows and rows[0][0] > edge.received(account) + 1:
        return edge.received(account)
    for seq, body in rows:
        if anew or seq > edge.received(account):
            edge.receive(account, seq, msgspec.msgpack.decode(body))
    return edge.received(account)


def _resolve(home: Any, message: dict[str, Any]) -> dict[str, Any]:
    """For the resolver door."""
    try:
        return resolver.resolve(home, message["name"], message["type"], message["subnet"])
    except ValueError as error:
        return {"wrong": str(error)}
