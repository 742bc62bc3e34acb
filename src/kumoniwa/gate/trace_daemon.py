"""The daemon that X-Ray's SDKs speak to: segments over UDP, and over TCP on the same port what they ask of sampling rules.

It is a customer's program on AWS, and here too it does nothing but ask: it gathers datagrams, sends them as ``PutTraceSegments`` in the
name of whoever runs it, and passes other requests on. What a region does not take while it is down waits here and is sent again.
https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon.html
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable

import orjson

from kumoniwa.wire.http import Connection, Reply
from kumoniwa.wire.message import Request, Response

Send = Callable[[Request], Awaitable[Response]]
"""Asks X-Ray in somebody's name."""

PACKET_BYTES_MAX = 65_535
BATCH_PACKETS = 64
BATCH_DOCUMENTS = 50
HELD_MAX = 10_000
"""Of segments that X-Ray does not take now; the oldest are dropped first."""
AGAIN_AFTER_S = 1.0
TRIES = 16
"""Attempts to find a port that is free for both protocols."""


class TraceDaemon:
    """Made by ``listen``; ``close`` ends it. ``spawn`` runs what goes on behind."""

    def __init__(self, send: Send, spawn: Callable[..., asyncio.Task]) -> None:
        self.send, self.spawn = send, spawn
        self.held: deque[str] = deque(maxlen=HELD_MAX)
        self._sending: asyncio.Task | None = None
        self._udp: socket.socket | None = None
        self._tcp: asyncio.Server | None = None

    async def listen(self, host: str, port: int = 0) -> None:
        """On both protocols at one port, any that is free if none is said. Raises OSError if somebody else is there."""
        loop = asyncio.get_running_loop()
        for left in reversed(range(TRIES)):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.setblocking(False)
                udp.bind((host, port))
                self._tcp = await loop.create_server(lambda: Connection(self._answer), host, udp.getsockname()[1])
            except OSError:
                udp.close()
                if port or not left:
                    raise
                continue
            self._udp = udp
            loop.add_reader(udp.fileno(), self._drain)
            return

    @property
    def address(self) -> str:
        return "{}:{}".format(*self._udp.getsockname())

    # Segments ---------------------------------------------------------------------------------

    def _drain(self) -> None:
        for _ in range(BATCH_PACKETS):
            try:
                packet = self._udp.recv(PACKET_BYTES_MAX)
            except OSError:
                break
            header, _, document = packet.partition(b"\n")
            # What does not begin as the SDKs' protocol does is not for us: {"format": "json", "version": 1}
            if b'"json"' in header and document:
                self.held.append(document.decode("utf-8", "replace"))
        if self.held and (self._sending is None or self._sending.done()):
            self._sending = self.spawn(self._deliver())

    async def _deliver(self) -> None:
        while self.held:
            batch = [self.held.popleft() for _ in range(min(BATCH_DOCUMENTS, len(self.held)))]
            body = orjson.dumps({"TraceSegmentDocuments": batch})
            response = await self.send(Request("POST", "/TraceSegments", "", {"content-type": "application/json"}, body))
            # Whoever may not send, or sends what is wrong, loses it, as on AWS; who is not heard tries again.
            if response.status >= 500:
                room = HELD_MAX - len(self.held)
                self.held.extendleft(reversed(batch[len(batch) - min(room, len(batch)) :]))
                await asyncio.sleep(AGAIN_AFTER_S)

    # Everything else --------------------------------------------------------------------------

    def _answer(self, request: Request, reply: Reply) -> None:
        self.spawn(self._pass_on(request, reply))

    async def _pass_on(self, request: Request, reply: Reply) -> None:
        if request.stream is not None:
            reply(Response(413))
            return
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        reply(await self.send(Request(request.method, request.path, request.query, headers, request.body)))

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._udp.fileno())
        self._udp.close()
        self._tcp.close()
        if self._sending is not None:
            self._sending.cancel()
