"""HTTP/2 for clients that speak nothing else: it ends here, and each stream is asked over HTTP/1.1 on a connection of its own.

The other end of such a connection is looked at and passed to a region like a client's. So regions, what is handed over between them and
what breaks them know one protocol, and the streams of a region that went dark are silent while others of the same client go on. The
frames are the library h2's, which is the extra ``http2``.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import httptools
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from kumoniwa.wire.http import HEAD_BYTES_MAX

Headers = list[tuple[bytes, bytes]]

LIMITS = {
    SettingCodes.MAX_CONCURRENT_STREAMS: 100,
    SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_BYTES_MAX,
    SettingCodes.INITIAL_WINDOW_SIZE: 1 << 18,
}
"""What a client may ask at once, in how many bytes of headers, and how many of each body before a region has read some."""
OF_A_CONNECTION = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
"""Headers that HTTP/2 has no use for (RFC 9113, 8.2.2). The library refuses clients that send them."""


class _Frames(H2Connection):
    def _receive_goaway_frame(self, frame: object) -> tuple[list, list]:
        """A client that opens no more streams waits for those it has (RFC 9113, 6.8), to which the library would say nothing more."""
        return [], []


class Session(asyncio.Protocol):
    """One client's connection. ``enter`` is given one end of the connection on which a stream is asked."""

    transport: asyncio.Transport

    def __init__(self, enter: Callable[[socket.socket], None]) -> None:
        self.enter = enter
        self.frames = _Frames(H2Configuration(client_side=False))
        self.frames.local_settings = Settings(client=False, initial_values=LIMITS)
        self.exchanges: dict[int, _Exchange] = {}
        """By the numbers of their streams; who waits longest for room to answer stands first."""
        self.is_full = False
        """Whether the client reads more slowly than we speak."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.frames.initiate_connection()
        self.send()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.frames.receive_data(data)
        except ProtocolError as error:
            self._end(error.error_code)
            return
        # What was said on a stream before it was reset is void, and the library would not let us answer it.
        reset = {event.stream_id for event in events if type(event) is StreamReset}
        for number in reset & self.exchanges.keys():
            self.exchanges[number].leave()
        for event in events:
            if type(event) is not RequestReceived or event.stream_id not in reset:
                self._take(event)
        self.send()

    def _take(self, event: Event) -> None:
        exchange = self.exchanges.get(getattr(event, "stream_id", None))
        match event:
            case RequestReceived():
                self._begin(event.stream_id, event.headers, event.stream_ended is not None)
            case DataReceived():
                # The connection's window is no stream's to hold: one that nobody reads would stop all others.
                if event.flow_controlled_length:
                    self.frames.increment_flow_control_window(event.flow_controlled_length)
                if exchange is not None:
                    exchange.ask(event.data, event.flow_controlled_length)
            case StreamEnded() if exchange is not None:
                exchange.ask_no_more()
            case WindowUpdated() if exchange is not None:
                exchange.answer()
            case WindowUpdated(stream_id=0) | RemoteSettingsChanged():
                self._answer()
            case _:
                pass  # trailers, which no service of AWS reads; priorities; pings, which the library answers

    def _begin(self, number: int, headers: Headers, is_whole: bool) -> None:
        said = dict(headers)
        if said[b":method"] == b"CONNECT":
            self.frames.reset_stream(number, ErrorCodes.HTTP_1_1_REQUIRED)
            return
        if is_whole and int(said.get(b"content-length", 0)):
            # The library counts bodies that come, and the region would wait for this one.
            self.frames.reset_stream(number, ErrorCodes.PROTOCOL_ERROR)
            return
        try:
            inner, outer = socket.socketpair()
        except OSError:
            # No descriptors left: the client may ask again, for nobody has heard it.
            self.frames.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        for each in (inner, outer):
            each.setblocking(False)
        is_chunked = not is_whole and b"content-length" not in said
        exchange = self.exchanges[number] = _Exchange(self, number, head_of(headers, is_chunked=is_chunked), said[b":method"], is_chunked, is_whole)
        self.enter(inner)
        exchange.opening = asyncio.ensure_future(asyncio.get_running_loop().connect_accepted_socket(lambda: exchange, outer))

    def _answer(self) -> None:
        for exchange in list(self.exchanges.values()):
            exchange.answer()

    def send(self) -> None:
        data = self.frames.data_to_send()
        if data:
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self._answer()
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        for exchange in list(self.exchanges.values()):
            exchange.leave()

    def close(self) -> None:
        self._end(ErrorCodes.NO_ERROR)

    def _end(self, code: int) -> None:
        said = self.frames.data_to_send()
        if not said:
            self.frames.close_connection(code)
            said = self.frames.data_to_send()
        self.transport.write(said)
        self.transport.close()
        self.connection_lost(None)


class _Exchange(asyncio.Protocol):
    """One request and its answer: a client's stream, and the connection on which it is asked."""

    def __init__(self, session: Session, number: int, head: bytes, method: bytes, is_chunked: bool, is_asked: bool) -> None:
        self.session, self.number, self.method, self.is_chunked = session, number, method, is_chunked
        self.is_asked, self.is_answered, self.has_left = is_asked, False, False
        """Whether the request has come whole, whether the answer has, and whether neither matters any more."""
        self.transport: asyncio.Transport | None = None
        self.opening: asyncio.Future | None = None
        self.unsaid = bytearray(head)
        """What is asked before the connection is there."""
        self.is_full, self.owed_bytes = True, 0
        """Whether the region reads more slowly than the client speaks, and how much this may say when it has caught up."""
        self.parser = httptools.HttpResponseParser(self)
        self.lines: Headers = []
        self.body = bytearray()
        """What the client has no room for yet. Nothing more is read meanwhile."""

    # The request -----------------------------------------------------------------------------------------

    def ask(self, data: bytes, counted_bytes: int) -> None:
        if data:
            self._say(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)
        self.owed_bytes += counted_bytes
        if not self.is_full:
            self._let_say_more()

    def ask_no_more(self) -> None:
        self.is_asked = True
        if self.is_chunked:
            self._say(b"0\r\n\r\n")

    def _say(self, data: bytes) -> None:
        if self.transport is None:
            self.unsaid += data
        else:
            self.transport.write(data)

    def _let_say_more(self) -> None:
        if self.owed_bytes and not self.is_asked:
            self.session.frames.increment_flow_control_window(self.owed_bytes, self.number)
        self.owed_bytes = 0

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        if not self.has_left:
            self._let_say_more()
            self.session.send()

    # The answer ------------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        lines, self.lines = self.lines, []
        status = (b":status", b"%d" % self.parser.get_status_code())
        self.session.frames.send_headers(self.number, [status, *(line for line in lines if line[0] not in OF_A_CONNECTION)])
        # The length of an answer to HEAD is of what it does not carry, for which the parser would wait.
        self.is_answered = self.method == b"HEAD"

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_answered = self.is_answered or self.parser.get_status_code() >= 200

    def data_received(self, data: bytes) -> None:
        if self.is_answered or self.has_left:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._break()
            return
        self.answer()
        self.session.send()

    def answer(self) -> None:
        """Say as much as the client has room for; read on when all is said."""
        frames = self.session.frames
        while self.body and not self.session.is_full:
            room = min(frames.local_flow_control_window(self.number), frames.max_outbound_frame_size)
            if room <= 0:
                break
            frames.send_data(self.number, bytes(self.body[:room]))
            del self.body[:room]
            self.session.exchanges[self.number] = self.session.exchanges.pop(self.number)
        if self.body:
            self.transport.pause_reading()
        elif not self.is_answered:
            if self.transport is not None:
                self.transport.resume_reading()
        else:
            frames.end_stream(self.number)
            if not self.is_asked:
                # The rest of the request is of no interest (RFC 9113, 8.1).
                frames.reset_stream(self.number, ErrorCodes.NO_ERROR)
            self.leave()

    # Endings ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self.has_left:
            transport.abort()
            return
        self.is_full = False
        transport.write(bytes(self.unsaid))
        self.unsaid.clear()
        if not self.is_full:
            self.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_answered and not self.has_left:
            self._break()

    def _break(self) -> None:
        self.session.frames.reset_stream(self.number, ErrorCodes.INTERNAL_ERROR)
        self.leave()
        self.session.send()

    def leave(self) -> None:
        self.session.exchanges.pop(self.number, None)
        self.has_left = True
        if self.transport is not None:
            self.transport.abort()


def head_of(headers: Headers, *, is_chunked: bool) -> bytes:
    """A request's head in HTTP/1.1: its authority is its host, and its cookies are one line again (RFC 9113, 8.3.1 and 8.2.3)."""
    said = dict(headers)
    host = said.get(b":authority") or said.get(b"host", b"")
    lines = [b"%b %b HTTP/1.1" % (said[b":method"], said[b":path"]), b"host: " + host]
    lines += [b"%b: %b" % line for line in headers if not line[0].startswith(b":") and line[0] not in (b"host", b"cookie")]
    cookies = [value for name, value in headers if name == b"cookie"]
    if cookies:
        lines.append(b"cookie: " + b"; ".join(cookies))
    if is_chunked:
        lines.append(b"transfer-encoding: chunked")
    return b"\r\n".join(lines) + b"\r\n\r\n"
