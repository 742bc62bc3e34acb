"""A WebSocket's client for tests: on a real socket to a region's HTTP server, in the loop and the time of the test's cloud."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from wsproto.connection import Connection as Wire
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.utilities import generate_accept_token, generate_nonce

from kumoniwa.wire.http import Connection


class Broken(Exception):
    """The connection ended without a goodbye."""


class WebSocketClient:
    """``status``, ``headers`` and ``body`` are the handshake's answer; after a 101 there are messages."""

    def __init__(self, cloud: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.cloud, self.reader, self.writer = cloud, reader, writer
        self.status, self.headers, self.body = 0, {}, b""
        self.wire = Wire(ConnectionType.CLIENT)
        self.events: list[Any] = []
        self.pieces: list[Any] = []

    @classmethod
    async def connect(
        cls,
        cloud: Any,
        region: Any,
        path: str,
        *,
        host: str = "localhost:4566",
        headers: dict[str, str] | None = None,
        subprotocols: tuple[str, ...] = (),
        early: bytes = b"",
    ) -> WebSocketClient:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: Connection(region.answer), theirs)
        client = cls(cloud, *await asyncio.open_connection(sock=ours))
        key = generate_nonce()
        lines = {
            "Host": host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key.decode(),
            "Sec-WebSocket-Version": "13",
            **({"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        client.writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode() + early)
        await client._answered(key)
        return client

    async def _answered(self, key: bytes) -> None:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(head[0].split(" ")[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        if self.status == 101:
            assert self.headers["sec-websocket-accept"] == generate_accept_token(key).decode()
        else:
            self.body = await self.reader.readexactly(int(self.headers["content-length"]))

    async def _next(self) -> Any:
        while not self.events:
            piece = await self.reader.read(65536)
            if not piece:
                raise Broken
            self.wire.receive_data(piece)
            self.events += self.wire.events()
        return self.events.pop(0)

    async def _message(self) -> str | bytes | CloseConnection:
        while True:
            event = await self._next()
            if isinstance(event, CloseConnection):
                return event
            if isinstance(event, Message):
                self.pieces.append(event.data)
                if event.message_finished:
                    pieces, self.pieces = self.pieces, []
                    return "".join(pieces) if isinstance(event, TextMessage) else b"".join(pieces)

    def receive(self, within_s: float = 5.0) -> str | bytes:
        """The next message. Raises TimeoutError if none comes in time, Broken if the connection ends."""
        message = self.cloud.run(asyncio.wait_for(self._message(), within_s))
        if isinstance(message, CloseConnection):
            raise Broken(int(message.code), message.reason)
        return message

    def goodbye(self, within_s: float = 5.0) -> tuple[int, str | None]:
        """The code and the reason with which the server closes; this side answers as it should."""
        event = self.cloud.run(asyncio.wait_for(self._message(), within_s))
        assert isinstance(event, CloseConnection), event
        self.write(self.wire.send(event.response()))
        return int(event.code), event.reason

    def is_broken(self, within_s: float = 5.0) -> bool:
        """Whether the connection ends without a goodbye."""
        try:
            self.receive(within_s)
        except Broken as broken:
            return not broken.args
        return False

    def send(self, message: str | bytes, *, is_last: bool = True) -> None:
        """A message, or with ``is_last`` false a frame of one that goes on."""
        kind = TextMessage if isinstance(message, str) else BytesMessage
        self.write(self.wire.send(kind(message, message_finished=is_last)))

    def ping(self) -> bytes:
        """What answers a ping."""
        self.write(self.wire.send(Ping(b"are you there?")))
        event = self.cloud.run(asyncio.wait_for(self._next(), 5.0))
        assert isinstance(event, Pong), event
        return bytes(event.payload)

    def close(self, code: int = 1000, reason: str | None = None) -> tuple[int, str | None]:
        """Say goodbye; answers how the server did."""
        self.write(self.wire.send(CloseConnection(code, reason)))
        event = self.cloud.run(asyncio.wait_for(self._message(), 5.0))
        assert isinstance(event, CloseConnection), event
        return int(event.code), event.reason

    def write(self, data: bytes) -> None:
        """Bytes as they are, frames or not."""
        self.writer.write(data)

    def vanish(self) -> None:
        """End without a goodbye."""
        self.writer.transport.abort()
