"""WebSockets (RFC 6455) on the region's own server: a door accepts an upgrade and gets an object to talk through.

A service whose door is asked for an upgrade does three things::

    if websocket.is_asked(request):
        if (flaw := websocket.flaw_of(request)) is not None:
            return flaw                     # a handshake nobody can complete
        ...                                 # authorize; refuse with any ordinary Response
        return websocket.accepted(home, request, converse, subprotocol="graphql-ws", limits=Limits(idle_s=600))

    async def converse(socket: WebSocket) -> None:
        try:
            while True:
                message = await socket.receive()   # str or bytes, whole messages
                await socket.send("...")
        except Closed as closed:
            ...                                    # closed.code, closed.reason, closed.is_by_client

``converse`` begins once the 101 has left, as a task of the region: a region that ends or is emptied cancels it, and the
client finds its connection broken without a goodbye. It begins even if the client left while it was still waiting for
the 101; its first ``receive`` then raises ``Closed``. When ``converse`` returns the connection is closed with 1000.
Pings are answered here. Times are the loop's, so a test's day of silence passes in a moment.
"""

from __future__ import annotations

import asyncio
import socket as sockets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from wsproto.connection import Connection as Wire
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, generate_accept_token

from kumoniwa.wire.message import Request, Response, Upgrade

LINGER_S = 5.0
"""How long a client may take to answer our goodbye."""
HELD_BYTES_MAX = 1 << 20
"""More than this that nobody has received yet, and the client has to wait."""
NORMAL, GOING_AWAY, BROKEN, TOO_BIG, FAILED = 1000, 1001, 1006, 1009, 1011
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

_NEVER_SENT = (1005, BROKEN, 1015)


class Closed(Exception):
    """The connection has ended: there is nothing more to receive, nobody to send to."""

    def __init__(self, code: int, reason: str, *, is_by_client: bool) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code, self.reason, self.is_by_client = code, reason, is_by_client


class Limits(NamedTuple):
    """What a service allows a connection; None is no limit."""

    frame_bytes: int | None = None
    message_bytes: int = 1 << 20
    idle_s: float | None = None
    """How long nothing may pass in either direction."""
    life_s: float | None = None


class WebSocket(asyncio.Protocol):
    """One open connection, as a service sees it. ``close_code`` and ``close_reason`` say why it ended."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self.wire = Wire(ConnectionType.SERVER)
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.ended: Closed | None = None
        """Set once nothing more can be received."""
        self.stirred_at = self.loop.time()
        """When a frame last passed in either direction, in the loop's seconds."""
        self._messages: deque[tuple[str | bytes, int]] = deque()
        self._held_bytes = self._frame_bytes = self._message_bytes = 0
        self._pieces: list[Any] = []
        self._arrived = asyncio.Event()
        self._drained: asyncio.Event | None = None
        self._timers: list[asyncio.TimerHandle] = []

    # What a service does -----------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self.ended is None and self.wire.state is ConnectionState.OPEN

    async def receive(self) -> str | bytes:
        """The next whole message: text as ``str``, binary as ``bytes``. Raises Closed once there is none to come."""
        while not self._messages:
            if self.ended is not None:
                raise self.ended
            self._arrived.clear()
            await self._arrived.wait()
        message, size = self._messages.popleft()
        self._held_bytes -= size
        if self._held_bytes <= HELD_BYTES_MAX and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        return message

    async def send(self, message: str | bytes) -> None:
        """Send a whole message, and wait while the client is slow to take what was sent. Raises Closed."""
        if not self.is_open:
            raise self.ended or Closed(BROKEN, "", is_by_client=False)
        self._write(TextMessage(message) if isinstance(message, str) else BytesMessage(message))
        if self._drained is not None:
            await self._drained.wait()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye. What arrived before can still be received; then ``receive`` raises Closed."""
        if not self.is_open:
            return
        self._end(Closed(code, reason, is_by_client=False))
        self._write(CloseConnection(code, reason or None))
        self._timers.append(self.loop.call_later(LINGER_S, self.abort))

    def abort(self) -> None:
        """End without goodbye, as a process that dies does."""
        self._end(Closed(BROKEN, "", is_by_client=False))
        if self.transport is not None and not self.transport.is_closing():
            try:
                # Closing our descriptor is not enough: the door holds a copy.
                self.transport.get_extra_info("socket").shutdown(sockets.SHUT_RDWR)
            except OSError:
                pass  # the client was faster
            self.transport.abort()

    # What the transport tells us ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self.limits.idle_s is not None:
            self._timers.append(self.loop.call_later(self.limits.idle_s, self._mind_silence))
        if self.limits.life_s is not None:
            self._timers.append(self.loop.call_later(self.limits.life_s, self._go_away))

    def data_received(self, data: bytes) -> None:
        if self.wire.state not in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            return
        self.stirred_at = self.loop.time()
        try:
            self.wire.receive_data(data)
            for event in self.wire.events():
                self._happened(event)
                if self.transport.is_closing():
                    return
        except LocalProtocolError:
            self.abort()  # a client that goes on after its goodbye

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end(Closed(BROKEN, "", is_by_client=True))
        for timer in self._timers:
            timer.cancel()
        if self._drained is not None:
            self._drained.set()

    def pause_writing(self) -> None:
        self._drained = asyncio.Event()

    def resume_writing(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    # Within ------------------------------------------------------------------------------------

    def _happened(self, event: Any) -> None:
        if isinstance(event, Message):
            if self.ended is None:
                self._take(event)
        elif isinstance(event, Ping):
            if self.is_open:
                self._write(event.response())
        elif isinstance(event, CloseConnection):
            self._hear_goodbye(event)

    def _take(self, event: Message) -> None:
        size = len(event.data.encode() if isinstance(event.data, str) else event.data)
        self._frame_bytes += size
        self._message_bytes += size
        frame_max = self.limits.frame_bytes
        if (frame_max is not None and self._frame_bytes > frame_max) or self._message_bytes > self.limits.message_bytes:
            self.close(TOO_BIG, "Message too long")
            return
        self._pieces.append(event.data)
        if event.frame_finished:
            self._frame_bytes = 0
        if event.message_finished:
            whole = "".join(self._pieces) if isinstance(event, TextMessage) else b"".join(self._pieces)
            self._messages.append((whole, self._message_bytes))
            self._held_bytes += self._message_bytes
            self._pieces, self._message_bytes = [], 0
            self._arrived.set()
            if self._held_bytes > HELD_BYTES_MAX:
                self.transport.pause_reading()

    def _hear_goodbye(self, event: CloseConnection) -> None:
        """The client's goodbye, its answer to ours, or bytes that are no frames."""
        code = int(event.code)
        is_flawed = self.wire.state is ConnectionState.OPEN
        self._end(Closed(code, event.reason or "", is_by_client=not is_flawed))
        if is_flawed or self.wire.state is ConnectionState.REMOTE_CLOSING:
            self._write(CloseConnection(NORMAL if code in _NEVER_SENT else code, event.reason if is_flawed else None))
        self._leave()

    def _leave(self) -> None:
        try:
            self.transport.write_eof()
        except OSError:
            self.transport.abort()  # the client is gone already
            return
        self._timers.append(self.loop.call_later(LINGER_S, self.abort))

    def _write(self, event: Any) -> None:
        self.stirred_at = self.loop.time()
        self.transport.write(self.wire.send(event))

    def _end(self, why: Closed) -> None:
        """The first reason counts: what follows a goodbye explains nothing."""
        if self.ended is None:
            self.ended = why
            self._arrived.set()

    def _mind_silence(self) -> None:
        left_s = self.stirred_at + self.limits.idle_s - self.loop.time()
        if left_s > 1e-3:
            self._timers.append(self.loop.call_later(left_s, self._mind_silence))
        else:
            self._go_away()

    def _go_away(self) -> None:
        self.close(GOING_AWAY, "Going away")


Converse = Callable[[WebSocket], Awaitable[None]]


def is_asked(request: Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return request.headers.get("upgrade", "").lower() == "websocket"


def flaw_of(request: Request) -> Response | None:
    """What a request that asks for a WebSocket is answered if its handshake cannot be completed."""
    headers = request.headers
    wanted = [part.strip().lower() for part in headers.get("connection", "").split(",")]
    if request.method != "GET" or "upgrade" not in wanted or not headers.get("sec-websocket-key"):
        return Response(400)
    if headers.get("sec-websocket-version") != "13":
        return Response(426, headers={"Sec-WebSocket-Version": "13"})
    return None


def subprotocols(request: Request) -> list[str]:
    """The subprotocols a client offers, in its order."""
    return [part.strip() for part in request.headers.get("sec-websocket-protocol", "").split(",") if part.strip()]


def accepted(
    home: Any,
    request: Request,
    converse: Converse,
    *,
    subprotocol: str | None = None,
    headers: dict[str, Any] | None = None,
    limits: Limits = Limits(),
) -> Response:
    """The 101 after which ``converse`` begins, as a task of ``home``. The request must have no flaw."""

    def begin(transport: asyncio.Transport | None) -> WebSocket:
        socket = WebSocket(limits)
        if transport is None:
            socket.connection_lost(None)
        home.spawn(_conversing(socket, converse))
        return socket

    more = dict(headers or {})
    if subprotocol is not None:
        more["Sec-WebSocket-Protocol"] = subprotocol
    token = generate_accept_token(request.headers["sec-websocket-key"].encode("latin-1")).decode()
    return Response(
        101, Upgrade(begin), {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": token, **more}
    )


async def _conversing(socket: WebSocket, converse: Converse) -> None:
    try:
        await converse(socket)
    except Closed:
        pass
    except asyncio.CancelledError:
        socket.abort()
        raise
    except Exception:
        socket.close(FAILED)
        raise
    socket.close()
