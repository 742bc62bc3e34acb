"""A client's connection to a real-time endpoint: how it shows who it is, how messages come and go, and a sign of life each minute.

What is said in it is the matter of GraphQL's (``realtime``) and of events' protocol (``event_realtime``).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.appsync.errors import BadRequestException
from kumoniwa.wire import websocket
from kumoniwa.wire.message import Request
from kumoniwa.wire.websocket import Closed, WebSocket

TIMEOUT_MS, ALIVE_S, LIFE_S = 300_000, 60.0, 86_400.0
WAITING_MAX = 1_000
"""Messages that wait for a slow client, before it is given up."""


def shown(request: Request) -> dict[str, str]:
    """The headers that a client, which can send none with a WebSocket, has put into the query or among its subprotocols."""
    # Some clients do not spell the plus signs of base64 as a query wants them.
    held = parse_qs(request.query).get("header", [""])[0].replace(" ", "+")
    for name in websocket.subprotocols(request):
        if name.startswith("header-"):
            held = name.removeprefix("header-")
    try:
        padded = held + "=" * (-len(held) % 4)
        said = (
            orjson.loads(base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True))
            if held
            else {}
        )
    except (ValueError, binascii.Error):
        raise BadRequestException("The header of a connection must be JSON in base64.") from None
    return headers_of(said)


def headers_of(said: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


class Connection:
    """One client's connection. Whoever is refused is told so in it, as AWS does."""

    def __init__(self, call: Call, refused: AwsError | None) -> None:
        self.call, self.refused = call, refused
        self.waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING_MAX)
        self.socket: WebSocket | None = None

    def refusal(self, error: AwsError) -> dict[str, Any]:
        """The message that says it."""
        raise NotImplementedError

    async def hear(self, said: dict[str, Any]) -> None:
        """One message of the client; empty for what cannot be read."""
        raise NotImplementedError

    def gone(self) -> None:
        """Nobody is there any more."""
        raise NotImplementedError

    def say(self, **message: Any) -> None:
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.socket.abort()

    async def converse(self, socket: WebSocket) -> None:
        self.socket = socket
        if self.refused is not None:
            await socket.send(orjson.dumps(self.refusal(self.refused)).decode())
            return
        speaking = asyncio.ensure_future(self._speak(socket))
        try:
            while True:
                await self.hear(_read(await socket.receive()))
        finally:
            speaking.cancel()
            with contextlib.suppress(asyncio.CancelledError, Closed):
                await speaking
            self.gone()

    async def _speak(self, socket: WebSocket) -> None:
        """What is to be said, in order; a sign of life each minute."""
        is_greeted = False
        while True:
            try:
                async with asyncio.timeout(ALIVE_S):
                    message = await self.waiting.get()
            except TimeoutError:
                if not is_greeted:
                    continue
                message = {"type": "ka"}
            is_greeted = True
            await socket.send(orjson.dumps(message).decode())


def _read(message: str | bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(message)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
