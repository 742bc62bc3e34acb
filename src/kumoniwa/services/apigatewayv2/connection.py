"""Whoever is connected to a WebSocket API now: a region's memory, for a connection does not outlive its process.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import base64
import re
from typing import Any

from kumoniwa.gate.ledger import chunks
from kumoniwa.wire.message import Request
from kumoniwa.wire.websocket import GOING_AWAY, WebSocket

BILLED_BYTES = 32 << 10
_ID = re.compile(r"[A-Za-z0-9_-]{15}=")


def fresh_id(home: Any) -> str:
    return base64.urlsafe_b64encode(home.ids.random.getrandbits(88).to_bytes(11, "big")).decode()


def is_id(text: str) -> bool:
    """Whether a connection could be called so."""
    return _ID.fullmatch(text) is not None


class Connection:
    __slots__ = ("id", "account", "api_id", "api_name", "stage", "request", "connected_at", "active_at", "socket", "authorizer", "place")

    def __init__(self, home: Any, served: Any, request: Request, place: Any) -> None:
        self.id = fresh_id(home)
        self.account, self.api_id, self.stage, self.place = served.account, served.api_id, served.name, place
        self.api_name: str = served.api.document["Name"]
        self.request = request
        """The handshake, whose headers and query belong to every message."""
        self.connected_at = self.active_at = home.clock.now()
        self.socket: WebSocket | None = None
        self.authorizer: dict[str, Any] | None = None
        """What an authorizer said when the client came."""

    def said(self, home: Any, size_bytes: int) -> None:
        """A message to or from the client is paid for."""
        home.gate.ledger.use(self.account, "apigateway:websocket_messages", self.api_name, chunks(size_bytes, BILLED_BYTES))


class Connections:
    def __init__(self) -> None:
        self.by_id: dict[str, Connection] = {}

    def cut(self, api_id: str, stage: str | None = None) -> None:
        """Let everybody go who is connected to an API, or to one stage of it, that is no more."""
        for connection in list(self.by_id.values()):
            if connection.api_id == api_id and stage in (None, connection.stage):
                connection.socket.close(GOING_AWAY, "Going away")


def connections(home: Any) -> Connections:
    held = home.memory.get(("apigatewayv2", Connections))
    if held is None:
        held = home.memory["apigatewayv2", Connections] = Connections()
    return held
