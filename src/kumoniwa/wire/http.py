"""An HTTP/1.1 server in one asyncio protocol on llhttp: byte-exact targets, streaming both ways, no forced headers.

A connection answers one request at a time and in order. A body over 1 MiB, or of unknown
length, reaches the application as a ``Stream`` while it still arrives.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import httptools

from kumoniwa.kernel.clock import http_date
from kumoniwa.wire.message import File, Request, Response, Stream

STREAM_ABOVE_BYTES = 1 << 20
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
        "application", "belongs_elsewhere", "hand_over", "transport", "parser", "url", "headers", "pieces", "stream", "head_bytes",
        "waiting", "is_busy", "keeps_alive", "leaving", "drained", "is_lost", "method", "request", "arrived",
    )  # fmt: skip

    def __init__(
        self,
        application: Application,
        belongs_elsewhere: Callable[[Request], bool] | None = None,
        hand_over: HandOver | None = None,
        arrived: bytes = b"",
    ) -> None:
        self.arrived = arrived
        """What another process has read of this connection already."""
        self.application, self.belongs_elsewhere, self.hand_over = application, belongs_elsewhere, hand_over
        self.parser = httptools.HttpRequestParser(self)
        self.waiting: deque[tuple[Request, bool]] = deque()
        self.stream: Stream | None = None
        self.request: Request | None = None
        self.leaving: Request | None = None
        self.is_busy = self.is_lost = False
        self.keeps_alive = True
        self.drained: asyncio.Event | None = None
        self.head_bytes = 0
        self.pieces: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.url = b""
        self.method = ""

    # What the transport tells us ---------------------------------------------------------------

    def connection_made(self, transport) -> None:
        self.transport = transport
        if self.arrived:
            arrived, self.arrived = self.arrived, b""
            self.data_received(arrived)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "This server does not upgrade connections.")
        except httptools.HttpParserError as error:
            self._refuse(400, f"Bad request: {error}")
        if self.leaving is not None and not self.is_busy:
            self._leave()

    def eof_received(self) -> bool:
        return self.is_busy  # a client may close its side and still wait for the answer

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
        self.headers, self.pieces, self.url, self.head_bytes = {}, [], b"", 0

    def on_url(self, url: bytes) -> None:
        self.url = self.url + url if self.url else url
        self.head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _header_names.get(name) or _learnt(name)
        headers = self.headers
        if key in headers:
            headers[key] = f"{headers[key]},{value.decode('latin-1')}"
        else:
            headers[key] = value.decode("latin-1")
        self.head_bytes += len(value) + 32
        if self.head_bytes > HEAD_BYTES_MAX:
            raise ValueError("the request's head is too large")

    def on_headers_complete(self) -> None:
        headers = self.headers
        path, _, query = self.url.decode("latin-1").partition("?")
        if not path.startswith("/"):  # absolute form, as proxies send it
            path = "/" + path.partition("://")[2].partition("/")[2]
        request = self.request = Request(self.parser.get_method().decode("latin-1"), path, query, headers)
        if self.belongs_elsewhere is not None and self.belongs_elsewhere(request):
            self.leaving = request
            return
        length = headers.get("content-length")
        if "expect" in headers and headers["expect"].lower() == "100-continue" and not self.is_busy:
            self.transport.write(_CONTINUE)
        if (length is None and "transfer-encoding" in headers) or (length is not None and int(length) > STREAM_ABOVE_BYTES):
            self.stream = request.stream = Stream(int(length) if length else None, self._pause, self._resume)
            self._take(request)

    def on_body(self, body: bytes) -> None:
        if self.stream is not None:
            self.stream.feed(body)
        else:
            self.pieces.append(body)

    def on_message_complete(self) -> None:
        if self.leaving is not None:
            return
        if self.stream is not None:
            stream, self.stream = self.stream, None
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
        self.is_busy, self.keeps_alive, self.method = True, keeps_alive, request.method
        self.application(request, self._reply)

    def _reply(self, response: Response) -> None:
        if self.is_lost:
            return
        body = response.body
        head = [_STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} \r\n"]
        for name, value in response.headers.items():
            if "\n" in value or "\r" in value:
                value = value.replace("\r", " ").replace("\n", " ")
            head.append(f"{name}: {value}\r\n")
        if not self.keeps_alive:
            head.append("Connection: close\r\n")
        if type(body) is bytes:
            if response.status not in (204, 304) and "Content-Length" not in response.headers:
                head.append(f"Content-Length: {len(body)}\r\n")
            head.append(f"Date: {http_date()}\r\n\r\n")
            # Two headers in two hundred hold text beyond latin-1, and those arrive percent-encoded.
            text = "".join(head).encode("latin-1", "replace")
            self.transport.write(text if self.method == "HEAD" else text + body)
            self._done()
        elif self.method == "HEAD":
            head.append(f"Date: {http_date()}\r\n\r\n")
            self.transport.write("".join(head).encode("latin-1", "replace"))
            self._done()
        else:
            asyncio.get_running_loop().create_task(self._send(head, body, "Content-Length" in response.headers))

    async def _send(self, head: list[str], body: File | tuple[File, ...] | AsyncIterator[bytes], is_sized: bool) -> None:
        """Send a body that is not held in memory: files by the kernel, anything else in chunks unless its size is known."""
        files = (body,) if isinstance(body, File) else body if isinstance(body, tuple) else ()
        if files and not is_sized:
            head.append(f"Content-Length: {sum(file.length for file in files)}\r\n")
        elif not is_sized:
            head.append("Transfer-Encoding: chunked\r\n")
        head.append(f"Date: {http_date()}\r\n\r\n")
        try:
            # All are opened before the head leaves: what is deleted meanwhile is still sent whole.
            opened = [open(each.path, "rb", buffering=0) for each in files]  # noqa: SIM115
            self.transport.write("".join(head).encode("latin-1", "replace"))
            if files:
                await self._send_files(files, opened)
            else:
                await self._send_pieces(body, is_sized)
        except (ConnectionError, OSError, RuntimeError):
            # The head has gone out: the only honest end of a broken body is a broken connection.
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
        if not self.keeps_alive or (self.stream is not None and not self.stream.is_complete):
            # A body nobody read to its end cannot be told from the next request.
            self.end()
        elif self.waiting:
            request, keeps_alive = self.waiting.popleft()
            if len(self.waiting) < PIPELINE_MAX:
                self._resume()
            self._serve(request, keeps_alive)
        elif self.leaving is not None:
            self._leave()

    def _refuse(self, status: int, text: str) -> None:
        self.keeps_alive = False
        self.method = "GET"
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
            self.transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_S, self.end_now)

    def end_now(self) -> None:
        if not self.is_lost:
            self.end(at_once=True)

    def _shut(self) -> None:
        try:
            self.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client was faster

    def _leave(self) -> None:
        request, body = self.leaving, b"".join(self.pieces)
        self.transport.pause_reading()
        self.hand_over(self, request, rebuilt(request, body))

    def _pause(self) -> None:
        if not self.is_lost and self.transport.is_reading():
            self.transport.pause_reading()

    def _resume(self) -> None:
        if not self.is_lost and not self.transport.is_reading():
            self.transport.resume_reading()


_header_names: dict[bytes, str] = {}
"""Header names as clients spell them, and in lower case: a client's spelling is the same in each of its requests."""
HEADER_NAMES_MAX = 1_024


def _learnt(name: bytes) -> str:
    key = name.decode("latin-1").lower()
    if len(_header_names) < HEADER_NAMES_MAX and len(name) <= 64:
        _header_names[name] = key
    return key


def rebuilt(request: Request, body: bytes) -> bytes:
    """The bytes of a request that was already parsed, with what has arrived of its body."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    if body and "transfer-encoding" in request.headers:
        body = b"%x\r\n%b\r\n" % (len(body), body)
    return f"{request.method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


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
