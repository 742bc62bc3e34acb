"""A request as it came and a response as it goes: bytes and headers, no AWS shapes yet."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec


class BodyTooLarge(Exception):
    """More bytes than the reader was willing to hold."""


class Disconnected(Exception):
    """The client left before its body was complete."""


class Stream:
    """A body too large to hold, read piece by piece with back-pressure."""

    __slots__ = ("length", "pieces", "held_bytes", "arrived", "pause", "resume", "ask", "is_paused", "is_complete", "is_broken")

    HIGH_WATER_BYTES = 1 << 20

    def __init__(self, length: int | None, pause, resume) -> None:
        self.length = length
        """Declared Content-Length in bytes, None for chunked transfer."""
        self.pieces: deque[bytes] = deque()
        self.held_bytes = 0
        self.arrived = asyncio.Event()
        self.pause, self.resume = pause, resume
        self.ask = None
        """Tells a client that waits for it to send the body (``Expect: 100-continue``). Who is refused by his head alone never hears it."""
        self.is_paused = self.is_complete = self.is_broken = False

    def feed(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.held_bytes += len(piece)
        self.arrived.set()
        if self.held_bytes > self.HIGH_WATER_BYTES:
            self.is_paused = True
            self.pause()

    def end(self, *, is_broken: bool = False) -> None:
        self.is_complete, self.is_broken = True, is_broken
        self.arrived.set()

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        if self.ask is not None:
            ask, self.ask = self.ask, None
            if not self.pieces:
                ask()
        while not self.pieces:
            if self.is_broken:
                raise Disconnected
            if self.is_complete:
                raise StopAsyncIteration
            self.arrived.clear()
            await self.arrived.wait()
        piece = self.pieces.popleft()
        self.held_bytes -= len(piece)
        if not self.pieces and self.is_paused:
            # Also when all is here: the next request of the connection is not.
            self.is_paused = False
            self.resume()
        return piece

    async def whole(self, limit_bytes: int) -> bytes:
        """Everything, or ``BodyTooLarge``."""
        return await whole(self, limit_bytes)


class Client(NamedTuple):
    """Who proved in the handshake that a certificate is his: the host name under which he was asked for it, and the certificate (DER)."""

    name: str
    certificate: bytes


class Session(NamedTuple):
    """What was agreed upon in a handshake: the version of TLS and the cipher, as OpenSSL calls them, and the host name that was asked for."""

    version: str
    cipher: str
    name: str | None


class Request(msgspec.Struct):
    """One HTTP request. ``path`` and ``query`` are byte-exact as sent (still percent-encoded)."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Lower-case names; repeated headers joined with commas, values as latin-1."""
    body: bytes = b""
    stream: Stream | None = None
    """Set instead of ``body`` when the body is larger than 1 MiB or of unknown length."""
    address: object = None
    """What ``gate.address.locate`` said of the head, kept so that it is asked once."""
    labels: dict[str, str] | None = None
    """What the labels of a REST path spell, once it is matched."""
    lines: list[tuple[bytes, bytes]] | None = None
    """The header lines as the client spelled and ordered them, for those who pass them on; None for a request made here."""
    trailers: dict[str, str] | None = None
    """What stood behind an aws-chunked body, once it is read to its end."""
    is_tls: bool = False
    """Whether it came over an encrypted connection."""
    session: Session | None = None
    """Of that connection, where it is known."""
    client: Client | None = None
    """Who showed a certificate that is trusted under a name, where its owner asks for one."""
    speaker: object = None
    """Whoever makes it, if it is made here: then nobody needs to sign it."""
    network: object = None
    """The private network in which it was made (``gate.private_network.Network``), if it was in one."""
    way: object = None
    """How it comes from there (``gate.private_network.Way``), once that is known."""

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


class File(msgspec.Struct):
    """A stretch of a file on disk, sent without passing through Python."""

    path: str
    offset: int
    length: int
    holder: object = None
    """What must live until it is sent, so that the path leads somewhere."""


def is_lying(body: object) -> bool:
    """Whether a body is not here yet: it lies in files, or comes piece by piece."""
    return isinstance(body, File) or (isinstance(body, tuple) and all(isinstance(part, File) for part in body)) or hasattr(body, "__aiter__")


async def whole(body: bytes | File | tuple[File, ...] | object, limit_bytes: int = sys.maxsize) -> bytes:
    """All bytes of a body, in whichever form an operation answered it. Raises BodyTooLarge if there are more than so many."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if not hasattr(body, "__aiter__"):
        files = body if isinstance(body, tuple) else (body,)
        if sum(file.length for file in files) > limit_bytes:
            raise BodyTooLarge
        return await asyncio.to_thread(_read, files)
    kept, size = [], 0
    async for piece in body:
        size += len(piece)
        if size > limit_bytes:
            raise BodyTooLarge
        kept.append(piece)
    return b"".join(kept)


def _read(files: tuple[File, ...]) -> bytes:
    pieces = []
    for file in files:
        with open(file.path, "rb") as opened:
            opened.seek(file.offset)
            pieces.append(opened.read(file.length))
    return b"".join(pieces)


class Answer(dict):
    """A reply that says what the model does not know: another status for success (S3's partial content), or more headers."""

    __slots__ = ("headers", "status")

    def __init__(self, status: int, reply: dict, headers: dict[str, str] | None = None) -> None:
        super().__init__(reply)
        self.status, self.headers = status, headers or {}


class Upgrade(msgspec.Struct):
    """How a connection goes on after a 101: ``begin`` answers the protocol that has it from now on. It is given the
    transport, or None if the client left before it was answered."""

    begin: Callable[[asyncio.Transport | None], asyncio.Protocol]


class Response(msgspec.Struct):
    status: int
    body: bytes | File | object = b""
    """``bytes``, a ``File``, a tuple of them sent one after the other, or an async iterator of ``bytes`` (sent chunked,
    or as it is where the headers say its Content-Length). An ``Upgrade`` stands behind a 101. None ends the connection
    without an answer."""
    headers: dict[str, str | list[str]] = {}
    """A list stands for one line for each of its values. Content-Length and x-amzn-requestid are added by the writer and the gate."""


SEVERED = Response(0, None)
"""No answer at all: the connection ends."""
