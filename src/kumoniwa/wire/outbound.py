"""An HTTP/1.1 client for what services ask of the world outside: one request on one connection, within a time and a size."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import httptools

from kumoniwa.kernel.clock import outside
from kumoniwa.wire.message import Stream

BODY_BYTES_MAX = 10 << 20
HEAD_BYTES_MAX = 64 << 10
_SWITCHING = 101
_INTERIM = frozenset(range(100, 200)) - {_SWITCHING}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_local(host: str) -> bool:
    """Whether a host is on this machine, so that it may be spoken to without TLS."""
    return host in LOOPBACK or host.endswith(".localhost")


class Unreachable(Exception):
    """No whole answer came; the text says why."""


class Unconnected(Unreachable):
    """Nobody took the connection, so nothing was sent."""


class Unheard(Unconnected):
    """And nobody refused it in time either."""


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _Collecting:
    """What httptools tells of a response as it arrives."""

    def __init__(self, verb: str) -> None:
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []
        self.size = self.head_bytes = 0
        self.is_bodiless, self.has_head, self.is_complete = verb == "HEAD", False, False
        self.beyond: bytes | None = None
        """What stood behind a 101: the first words of the protocol that the connection speaks from then on."""
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head_bytes += len(name) + len(value)
        if self.head_bytes > HEAD_BYTES_MAX:
            raise Unreachable("The endpoint's headers are too large")
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self.parser.get_status_code() in _INTERIM:
            self.headers.clear()
            return
        self.has_head = True
        if self.is_bodiless:
            self.is_complete = True

    def on_body(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > BODY_BYTES_MAX:
            raise Unreachable("The endpoint's response is too large")
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() not in _INTERIM:
            self.is_complete = True


def with_query(url: str, more: dict[str, str]) -> str:
    """The address with more in its query string."""
    return url if not more else f"{url}{'&' if '?' in url else '?'}{urlencode(more, quote_via=quote)}"


def laid(*layers: dict[str, str]) -> list[tuple[str, str]]:
    """Headers, of which a later layer replaces those of an earlier one, however they are spelled."""
    found: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for name, value in layer.items():
            found[name.lower()] = (name, value)
    return list(found.values())


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def fetch(
    verb: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
    *,
    connected_within_s: float | None = None,
) -> Answer:
    """The endpoint's answer. A ``host`` among the headers is said instead of the URL's own; no length is said where the body is None.
    Raises Unreachable, or TimeoutError."""
    asked = _asked(verb, url, headers, body, tls)
    with outside():
        async with asyncio.timeout(timeout_s):
            return await _exchanged(verb, asked, connected_within_s)


class _Asked(NamedTuple):
    """Whom to ask, and what."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    sent: bytes


def _framing(body: bytes | Stream | None) -> list[tuple[str, str]]:
    """How the other side finds the end of a body."""
    if body is None:
        return []
    length = len(body) if isinstance(body, bytes) else body.length
    return [("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))]


def _asked(verb: str, url: str, headers: list[tuple[str, str]], body: bytes | Stream | None, tls: ssl.SSLContext | None) -> _Asked:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Unreachable("Invalid endpoint address")
    if not host or parts.scheme not in ("http", "https"):
        raise Unreachable("Invalid endpoint address")
    if host.endswith(".localhost"):
        # Not every resolver knows that these are the loopback's (RFC 6761), such as the names of function URLs here.
        host = "127.0.0.1"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    said = next((value for name, value in headers if name.lower() == "host"), parts.netloc.rpartition("@")[2])
    # Who says himself what becomes of the connection wants another protocol on it.
    is_upgrade = any(name.lower() == "upgrade" for name, _ in headers)
    lines = [
        ("Host", said),
        *((name, value) for name, value in headers if name.lower() != "host"),
        *_framing(body),
        ("Connection", "Upgrade" if is_upgrade else "close"),
    ]
    head = f"{verb} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    secured = (tls or _tls()) if parts.scheme == "https" else None
    return _Asked(host, port, secured, head.encode("latin-1", "replace") + (body if isinstance(body, bytes) else b""))


async def _connected(asked: _Asked, within_s: float | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(asked.host, asked.port, ssl=asked.tls)
    except TimeoutError as error:
        raise Unheard(f"Network error communicating with endpoint: {error}")
    except OSError as error:
        raise Unconnected(f"Network error communicating with endpoint: {error}")
    except ValueError as error:
        # No host is called like that.
        raise _unreachable(error)
    writer.write(asked.sent)
    return reader, writer


async def _exchanged(verb: str, asked: _Asked, connected_within_s: float | None) -> Answer:
    collecting = _Collecting(verb)
    reader, writer = await _connected(asked, connected_within_s)
    try:
        while not collecting.is_complete and await _heard(reader, collecting):
            pass
    finally:
        writer.close()
    if not collecting.is_complete and not _ends_with_connection(collecting):
        raise Unreachable("The endpoint's response is malformed")
    return Answer(collecting.parser.get_status_code(), collecting.headers, b"".join(collecting.pieces))


async def _heard(reader: asyncio.StreamReader, collecting: _Collecting) -> bool:
    """Read on; answers whether there was anything. Raises Unreachable."""
    try:
        data = await reader.read(1 << 16)
        if data:
            collecting.parser.feed_data(data)
    except httptools.HttpParserUpgrade as upgrade:
        collecting.beyond = data[upgrade.args[0] :]
    except (OSError, httptools.HttpParserError) as error:
        raise _unreachable(error)
    return bool(data)


def _unreachable(error: Exception) -> Unreachable:
    """What an endpoint's answer could not be read for."""
    if isinstance(error, httptools.HttpParserCallbackError):
        return Unreachable(str(error.__context__))
    if isinstance(error, httptools.HttpParserError):
        return Unreachable("The endpoint's response is malformed")
    return Unreachable(f"Network error communicating with endpoint: {error}")


class _Streaming(_Collecting):
    """A response whose body is handed on as it comes, however large it is."""

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)


class Coming:
    """An answer whose head is here. What it holds of its body is read from its connection no faster than it is taken."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, streaming: _Streaming, sending: asyncio.Future | None = None
    ) -> None:
        self._reader, self._writer, self._streaming, self._sending = reader, writer, streaming, sending
        self.status: int = streaming.parser.get_status_code()
        self.headers: list[tuple[str, str]] = list(streaming.headers)

    @property
    def whole(self) -> bytes | None:
        """The body, if all of it came with its head: then the connection is closed, and there is nothing to wait for."""
        if not self._streaming.is_complete:
            return None
        self._end()
        return b"".join(self._streaming.pieces)

    def switched(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        """The connection behind a 101, and what was said on it already, for whoever speaks its other protocol and closes it."""
        return self._reader, self._writer, self._streaming.beyond or b""

    def _end(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._writer.close()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises Unreachable if it breaks off; the connection is closed in any case."""
        streaming = self._streaming
        try:
            while True:
                held, streaming.pieces = streaming.pieces, []
                for piece in held:
                    yield piece
                if streaming.is_complete:
                    return
                with outside():
                    is_over = not await _heard(self._reader, streaming)
                if is_over and not streaming.pieces and not streaming.is_complete:
                    if not _ends_with_connection(streaming):
                        raise Unreachable("The endpoint's response is malformed")
                    return
        finally:
            self._end()


async def begun(
    verb: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes | Stream | None,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
    *,
    connected_within_s: float | None = None,
) -> Coming:
    """As ``fetch``, but the answer as soon as its head is here. A body that is still arriving is passed on as it comes, no faster than it is
    taken, and given up where the answer does not wait for its end; ``timeout_s`` is then how long nothing may pass in either direction.
    Raises Disconnected if whoever sends it leaves."""
    asked, streaming = _asked(verb, url, headers, body, tls), _Streaming(verb)
    with outside():
        async with asyncio.timeout(timeout_s) as limit:
            reader, writer = await _connected(asked, connected_within_s)
            sending = asyncio.ensure_future(_sent(writer, body, streaming, limit, timeout_s)) if body is not None and not isinstance(body, bytes) else None
            if sending is not None:
                # Once there is an answer, nobody asks what became of it.
                sending.add_done_callback(lambda done: done.cancelled() or done.exception())
            try:
                while not streaming.has_head:
                    if not await _heard_beside(reader, streaming, sending):
                        raise Unreachable("The endpoint's response is malformed")
            except BaseException:
                if sending is not None:
                    sending.cancel()
                writer.close()
                raise
    return Coming(reader, writer, streaming, sending)


async def _sent(writer: asyncio.StreamWriter, body: Stream, streaming: _Streaming, limit: asyncio.Timeout, timeout_s: float) -> None:
    """Pass a body on as it arrives. An endpoint that wants no more of it has said why."""
    loop = asyncio.get_running_loop()
    try:
        async for piece in body:
            writer.write(piece if body.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            if not streaming.has_head:
                limit.reschedule(loop.time() + timeout_s)
        if body.length is None:
            writer.write(b"0\r\n\r\n")
    except OSError:
        pass


async def _heard_beside(reader: asyncio.StreamReader, streaming: _Streaming, sending: asyncio.Future | None) -> bool:
    """Read on while a body is sent. Raises what became of whoever sends it, if he is gone before there is an answer."""
    if sending is None or sending.done():
        if sending is not None:
            sending.result()
        return await _heard(reader, streaming)
    hearing = asyncio.ensure_future(_heard(reader, streaming))
    try:
        await asyncio.wait((hearing, sending), return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not hearing.done():
            sending.result()
        return await hearing
    finally:
        hearing.cancel()


def _ends_with_connection(collecting: _Collecting) -> bool:
    """A body of no stated length ends with its connection."""
    names = {name.lower() for name, _ in collecting.headers}
    return collecting.has_head and not names & {"content-length", "transfer-encoding"}
