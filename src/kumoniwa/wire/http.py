"""An HTTP/1.1 server in one asyncio protocol on llhttp: byte-exact targets, streaming both ways, no forced headers.

A connection answers one request at a time and in order. A body over 1 MiB, or of unknown
length, reaches the application as a ``Stream`` while it still arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import traceback
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from http import HTTPStatus

import httptools

from kumoniwa.kernel.clock import http_date
from kumoniwa.wire.message import Client, Disconnected, File, Request, Response, Session, Stream, Upgrade

STREAM_ABOVE_BYTES = 1 << 20
READ_BYTES, STREAM_READ_BYTES = 262_144, 524_288
"""How much is read at once: more of a body that streams, because each piece wakes a task."""
HEAD_BYTES_MAX = 65_536
PIPELINE_MAX = 16
LINGER_S = 5.0

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Reply = Callable[[Response], None]
Application = Callable[[Request, Reply], None]
"""Takes a request and a callback for its response, which may be called later."""

HandOver = Callable[["Connection", Request, bytes], None]


class Connection(asyncio.Protocol):
    """One client connection.

    ``belongs_elsewhere(request)`` is asked once the head of a request is known; if it answers True, the connection stops reading
    and ``hand_over(connection, request, body_so_far)`` takes it away.
    """

    __slots__ = (
        "application", "belongs_elsewhere", "hand_over", "transport", "parser", "url", "headers", "lines", "pieces", "stream", "head_bytes",
        "waiting", "is_busy", "keeps_alive", "leaving", "left_body", "drained", "is_lost", "is_ending", "has_heard_all", "is_in_head",
        "refusal", "served", "method", "request", "arrived", "body_left", "arriving_bytes", "beyond", "is_tls", "client", "session",
        "network",
    )  # fmt: skip

    def __init__(
        self,
        application: Application,
        belongs_elsewhere: Callable[[Request], bool] | None = None,
        hand_over: HandOver | None = None,
        arrived: bytes = b"",
        *,
        is_tls: bool = False,
        client: Client | None = None,
        session: Session | None = None,
        network: object = None,
    ) -> None:
        self.network = network
        """The private network from which the client calls."""
        self.is_tls, self.client, self.session = is_tls, client, session
        """Whether somebody before us decrypts what the client says, what he has seen of it, and what they agreed upon."""
        self.arrived = arrived
        """What another process has read of this connection already."""
        self.application, self.belongs_elsewhere, self.hand_over = application, belongs_elsewhere, hand_over
        self.parser = httptools.HttpRequestParser(self)
        self.waiting: deque[tuple[Request, bool]] = deque()
        self.stream: Stream | None = None
        self.request: Request | None = None
        self.leaving: Request | None = None
        self.left_body: bytes | None = None
        """All of the body of the request that leaves, once it is complete."""
        self.served: Stream | None = None
        """The body of the request that is being answered, if it is a stream."""
        self.refusal: tuple[int, str] | None = None
        """What will be answered to bytes that are no request, when the requests before them are answered."""
        self.is_busy = self.is_lost = self.is_in_head = False
        self.is_ending = False
        """We have said our last word: whatever still arrives is read and forgotten."""
        self.has_heard_all = False
        """The client has closed its side."""
        self.keeps_alive = True
        self.beyond = b""
        """What stood behind a request to speak another protocol: the first words of that, if we are to speak it."""
        self.drained: asyncio.Event | None = None
        self.head_bytes = self.arriving_bytes = 0
        self.body_left = 0
        """How many bytes of a long body are still to come; they pass the parser by."""
        self.pieces: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.lines: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.method = ""

    # What the transport tells us ---------------------------------------------------------------

    def connection_made(self, transport) -> None:
        self.transport = transport
        if self.arrived:
            arrived, self.arrived = self.arrived, b""
            self.data_received(arrived)

    def data_received(self, data: bytes) -> None:
        if self.is_ending or self.refusal is not None:
            return
        if self.body_left:
            data = self._feed_stream(data)
            if not data:
                return
        self.arriving_bytes = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._wait_to_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._refuse(400, f"Bad request: {error}")
            return
        if self.is_in_head:
            # The parser hands a header over when it is whole: one that never ends must be counted here.
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_BYTES_MAX:
                self._refuse(431, "Bad request: the request's head is too large")
        if self.leaving is not None:
            self._leave_when_possible()
        elif self.stream is not None and self.body_left:
            # The length is known and nothing is to be found in the body: the parser would only copy it.
            self.parser = httptools.HttpRequestParser(self)

    def _wait_to_upgrade(self, beyond: bytes) -> None:
        """Nothing more is read until the request is answered, which may be as if nobody had asked to upgrade: then what
        follows is in no language we know, and the connection ends."""
        if self.leaving is not None:
            self._leave_when_possible()
            return
        if self.is_lost:
            # It was answered at once, and the connection speaks the other protocol already.
            if beyond:
                self.transport.get_protocol().data_received(beyond)
            return
        self.beyond, self.keeps_alive = beyond, False
        self.waiting = deque((request, False) for request, _ in self.waiting)
        if self.is_busy:
            self._pause()
        else:
            self.end()

    def _feed_stream(self, data: bytes) -> bytes:
        """Take what belongs to the body that streams in; answers what follows it."""
        piece, rest = (data, b"") if len(data) <= self.body_left else (data[: self.body_left], data[self.body_left :])
        self.body_left -= len(piece)
        self.stream.feed(piece)
        if not self.body_left:
            self.on_message_complete()
        return rest

    def eof_received(self) -> bool:
        """A client may close its side and still wait for answers."""
        self.has_heard_all = True
        if self.stream is not None:
            self.stream.end(is_broken=True)
            self.stream = None
            self.body_left = 0
        return self.is_busy

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if self.stream is not None:
            self.stream.end(is_broken=True)
        if self.drained is not None:
            self.drained.set()

    def pause_writing(self) -> None:
        self.drained = asyncio.Event()

    def resume_writing(self) -> None:
        if self.drained is not None:
            self.drained.set()
            self.drained = None

    # What the parser tells us ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.headers, self.lines, self.pieces, self.url, self.head_bytes, self.is_in_head = {}, [], [], b"", 0, True

    def on_url(self, url: bytes) -> None:
        self.url = self.url + url if self.url else url
        self.head_bytes += len(url)
        if self.head_bytes > HEAD_BYTES_MAX:
            raise ValueError("the request's head is too large")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_in_head = False
        if self.arriving_bytes > HEAD_BYTES_MAX - self.head_bytes:
            self.head_bytes += sum([len(name) + len(value) + 4 for name, value in self.lines])
            if self.head_bytes > HEAD_BYTES_MAX:
                raise ValueError("the request's head is too large")
        headers = self.headers = headers_of(self.lines)
        if self.leaving is not None:
            return
        path, _, query = self.url.decode("latin-1").partition("?")
        if not path.startswith("/"):  # absolute form, as proxies send it
            path = "/" + path.partition("://")[2].partition("/")[2]
        request = self.request = Request(self.parser.get_method().decode("latin-1"), path, query, headers, lines=self.lines)
        request.is_tls, request.client, request.session = self.is_tls, self.client, self.session
        request.network = self.network
        if self.belongs_elsewhere is not None and self.belongs_elsewhere(request):
            self.leaving = request
            if "transfer-encoding" in headers:
                # Such a request leaves when it is complete, for which its client must be told to go on.
                self._encourage(headers)
            return
        length = headers.get("content-length")
        if (length is None and "transfer-encoding" in headers) or (length is not None and int(length) > STREAM_ABOVE_BYTES):
            self.stream = request.stream = Stream(int(length) if length else None, self._pause, self._resume)
            self.body_left = int(length) if length else 0
            self.transport.max_size = STREAM_READ_BYTES
            if _expects(headers):
                self.stream.ask = self._go_on
            self._take(request)
        else:
            self._encourage(headers)

    def _encourage(self, headers: dict[str, str]) -> None:
        if not self.is_busy and _expects(headers):
            self._go_on()

    def _go_on(self) -> None:
        if not self.is_lost and not self.is_ending:
            self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self.stream is not None:
            self.stream.feed(body)
            if self.body_left:
                self.body_left -= len(body)
        else:
            self.pieces.append(body)

    def on_message_complete(self) -> None:
        if self.leaving is not None:
            if self.left_body is None:
                self.left_body = b"".join(self.pieces)
            return
        if self.stream is not None:
            stream, self.stream = self.stream, None
            self.transport.max_size = READ_BYTES
            stream.end()
            return
        request, pieces = self.request, self.pieces
        if pieces:
            request.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._take(request)

    # Requests in, responses out ----------------------------------------------------------------

    def _take(self, request: Request) -> None:
        keeps_alive = self.parser.should_keep_alive()
        if self.is_busy:
            self.waiting.append((request, keeps_alive))
            if len(self.waiting) >= PIPELINE_MAX:
                self._pause()
            return
        self._serve(request, keeps_alive)

    def _serve(self, request: Request, keeps_alive: bool) -> None:
        self.is_busy, self.keeps_alive, self.method, self.served = True, keeps_alive, request.method, request.stream
        self.application(request, self._reply)

    def _reply(self, response: Response) -> None:
        if type(response.body) is Upgrade:
            self._upgrade(response)
            return
        if self.is_lost or self.is_ending:
            if hasattr(response.body, "aclose"):
                asyncio.get_running_loop().create_task(_leave(response.body))
            return
        if self.served is not None and not self.served.is_complete:
            # A body nobody read to its end cannot be told from the next request.
            self.keeps_alive = False
        body, more = response.body, "" if self.keeps_alive else "Connection: close\r\n"
        if type(body) is bytes:
            if response.status not in (204, 304) and "Content-Length" not in response.headers:
                more += f"Content-Length: {len(body)}\r\n"
            head = _head_of(response, more)
            self.transport.write(head if self.method == "HEAD" else head + body)
            self._done()
        elif body is None:
            self.end(at_once=True)
        elif self.method == "HEAD":
            self.transport.write(_head_of(response, more))
            self._done()
        else:
            asyncio.get_running_loop().create_task(self._send(response, more))

    def _upgrade(self, response: Response) -> None:
        """Let another protocol have the connection, which may be gone by now."""
        if self.is_lost or self.is_ending:
            response.body.begin(None)
            return
        transport, self.is_lost = self.transport, True
        transport.write(_head_of(response, ""))
        protocol = response.body.begin(transport)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self.beyond:
            protocol.data_received(self.beyond)
        transport.resume_reading()

    async def _send(self, response: Response, more: str) -> None:
        """Send a body that is not held in memory: files by the kernel, anything else in chunks unless its size is known."""
        body, is_sized = response.body, "Content-Length" in response.headers
        files = (body,) if isinstance(body, File) else body if isinstance(body, tuple) else ()
        if files and not is_sized:
            more += f"Content-Length: {sum(file.length for file in files)}\r\n"
        elif not is_sized:
            more += "Transfer-Encoding: chunked\r\n"
        try:
            # All are opened before the head leaves: what is deleted meanwhile is still sent whole.
            opened = [open(each.path, "rb", buffering=0) for each in files]  # noqa: SIM115
            self.transport.write(_head_of(response, more))
            if files:
                await self._send_files(files, opened)
            else:
                await self._send_pieces(body, is_sized)
        except Exception as error:
            # The head has gone out: the only honest end of a broken body is a broken connection.
            if not self.is_lost and not isinstance(error, OSError):
                traceback.print_exception(error, file=sys.stderr)
            self.end(at_once=True)
            return
        if not self.is_lost:
            self._done()

    async def _send_files(self, files: tuple[File, ...], opened: list) -> None:
        try:
            for each, file in zip(files, opened):
                if each.length:
                    await asyncio.get_running_loop().sendfile(self.transport, file, each.offset, each.length)
        finally:
            for file in opened:
                file.close()

    async def _send_pieces(self, body: AsyncIterator[bytes], is_sized: bool) -> None:
        async for piece in body:
            if self.is_lost:
                return
            if piece:
                self.transport.write(piece if is_sized else b"%x\r\n%b\r\n" % (len(piece), piece))
            if self.drained is not None:
                await self.drained.wait()
        if not is_sized:
            self.transport.write(b"0\r\n\r\n")

    def _done(self) -> None:
        self.is_busy = False
        if not self.keeps_alive:
            self.end()
        elif self.waiting:
            self.is_busy = True
            asyncio.get_running_loop().call_soon(self._next)
        elif self.refusal is not None:
            self._refuse(*self.refusal)
        elif self.leaving is not None:
            self._leave_when_possible()
        elif self.has_heard_all:
            self.end()

    def _next(self) -> None:
        """Serve the next of the requests that came before they were due: in a tick of its own, however many there are."""
        request, keeps_alive = self.waiting.popleft()
        if len(self.waiting) < PIPELINE_MAX:
            self._resume()
        self._serve(request, keeps_alive)

    def _refuse(self, status: int, text: str) -> None:
        """Answer bytes that are no request, after the requests before them; then nothing more is read."""
        if self.is_busy:
            self.refusal = (status, text)
            return
        self.keeps_alive, self.method, self.served = False, "GET", None
        self._reply(Response(status, text.encode(), {"Content-Type": "text/plain"}))

    # Endings -----------------------------------------------------------------------------------

    def end(self, *, at_once: bool = False) -> None:
        """Shut the connection down. Closing our descriptor is not enough: the door holds a copy."""
        if self.is_lost:
            return
        if at_once:
            self._shut()
            self.transport.abort()
        else:
            self.is_ending = True
            self._resume()
            try:
                self.transport.write_eof()
            except OSError:
                self.transport.abort()  # the client is gone already
                return
            asyncio.get_running_loop().call_later(LINGER_S, self.end_now)

    def end_now(self) -> None:
        if not self.is_lost:
            self.end(at_once=True)

    def _shut(self) -> None:
        try:
            self.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client was faster

    def _leave_when_possible(self) -> None:
        """Give the connection away as soon as it owes no answer and the bytes still to come can go on where we stopped."""
        is_chunked = "transfer-encoding" in self.leaving.headers
        if self.is_busy:
            if not is_chunked:
                self._pause()
        elif self.left_body is not None:
            # Later requests that were read already are lost with this parser: the client must be told to send them again.
            self._leave(complete(self.leaving, self.left_body, is_last=self.headers is not self.leaving.headers))
        elif not is_chunked:
            self._leave(rebuilt(self.leaving, b"".join(self.pieces)))

    def _leave(self, arrived: bytes) -> None:
        self.transport.pause_reading()
        self.hand_over(self, self.leaving, arrived)

    def _pause(self) -> None:
        if not self.is_lost and self.transport.is_reading():
            self.transport.pause_reading()

    def _resume(self) -> None:
        if not self.is_lost and not self.transport.is_reading():
            self.transport.resume_reading()


def _expects(headers: dict[str, str]) -> bool:
    return "expect" in headers and headers["expect"].lower() == "100-continue"


async def _leave(body: AsyncGenerator[bytes]) -> None:
    """Nobody hears this any more. It is begun, because only what was begun can end and learn of it."""
    with contextlib.suppress(OSError, Disconnected):
        await anext(body, None)
    await body.aclose()


class _Names(dict):
    """Header names as clients spell them, and in lower case: a client's spelling is the same in each of its requests."""

    REMEMBERED_MAX = 1_024

    def __missing__(self, name: bytes) -> str:
        key = name.decode("latin-1").lower()
        if len(self) < self.REMEMBERED_MAX and len(name) <= 64:
            self[name] = key
        return key


_names = _Names()


def headers_of(lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header lines by name in lower case; what is said twice is joined with a comma."""
    headers = {_names[name]: value.decode("latin-1").rstrip(" \t") for name, value in lines}
    if len(headers) < len(lines):
        headers = {}
        for name, value in lines:
            key, text = _names[name], value.decode("latin-1").rstrip(" \t")
            headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


_line = ": ".join


def _head_of(response: Response, more: str) -> bytes:
    """The status line, the header lines of a response, and ``more`` of them. No value can begin a line of its own."""
    breaks = len(response.headers) - 1
    try:
        text = "\r\n".join(map(_line, response.headers.items()))
    except TypeError:
        text = None
    if text is None or text.count("\n") != breaks or text.count("\r") != breaks:
        text = "\r\n".join(_careful_lines(response))
    if text:
        text += "\r\n"
    status = _STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} \r\n"
    # Two headers in two hundred hold text beyond latin-1, and those arrive percent-encoded.
    return f"{status}{text}{more}Date: {http_date()}\r\n\r\n".encode("latin-1", "replace")


def _careful_lines(response: Response) -> Iterator[str]:
    """Header lines where some value is a list, or text of several lines."""
    for name, value in response.headers.items():
        for one in value if type(value) is list else (value,):
            yield f"{name}: {one}".replace("\r", " ").replace("\n", " ")


def rebuilt(request: Request, body: bytes) -> bytes:
    """The bytes of a request that was already parsed, with what has arrived of its body."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{request.method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def complete(request: Request, body: bytes, *, is_last: bool) -> bytes:
    """The bytes of a request that has arrived whole: its length is known now, however it was framed."""
    headers = {name: value for name, value in request.headers.items() if name not in ("transfer-encoding", "content-length", "expect")}
    if len(headers) < len(request.headers):
        headers["content-length"] = str(len(body))
    if is_last:
        headers["connection"] = "close"
    return rebuilt(Request(request.method, request.path, request.query, headers), body)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, ready for an event loop."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.setblocking(False)
    os.set_inheritable(listener.fileno(), False)
    return listener
