"""The server's end of TLS: on which terms it is spoken, and connections that are opened and go on in plain.

Who opens one keeps its encrypted end; what comes out of it is read from a pair of sockets, whose other end is like a client's.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.wire.message import Session

HANDSHAKE_WITHIN_S = 30.0
SILENCE_S = 0.2
ASKED = "asked_name"
"""Where a connection keeps the host name that its client asked for, if that was heard no earlier than in the handshake."""

Ready = Callable[[socket.socket, bytes | None, Session | None], None]
"""Takes the plain end of a connection, the certificate (DER) that its client has shown to be his, where he was asked for one, and what was
agreed upon."""
_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1, "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip


class Terms(NamedTuple):
    """On which terms TLS is spoken under a name, where its owner says so: versions from the newest to the oldest and ciphers, as OpenSSL calls
    them."""

    versions: tuple[str, ...]
    ciphers: tuple[str, ...]
    speaks_http_2: bool


def _obey(context: ssl.SSLContext, terms: Terms) -> None:
    """The ciphers of TLS 1.3 are those of every policy that has it. What is older than 1.2 is spoken at OpenSSL's lowest level of security."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = _VERSIONS[terms.versions[-1]], _VERSIONS[terms.versions[0]]
    older = [cipher for cipher in terms.ciphers if not cipher.startswith("TLS_")]
    if older:
        level = ["@SECLEVEL=0"] if terms.versions[-1] in ("TLSv1", "TLSv1.1") else []
        context.set_ciphers(":".join([*older, *level]))
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if not terms.speaks_http_2:
        context.set_alpn_protocols(["http/1.1"])


def context_of(bundle: bytes, trust: str | None = None, terms: Terms | None = None) -> ssl.SSLContext:
    """How a certificate is shown; with ``trust``, only to clients that have one which leads up to those in it (PEM)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The first of ours that the client knows is spoken: HTTP/2 with who offers nothing else.
    context.set_alpn_protocols(["http/1.1", "h2"])
    if terms is not None:
        _obey(context, terms)
    # OpenSSL reads certificates from files only; this one is in memory, for keys do not belong on the disk.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, bundle)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    if trust is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        if trust:
            context.load_verify_locations(cadata=trust)
    return context


class _End(asyncio.Protocol):
    """One end of a bridge: what it hears the other says, no faster than that can."""

    other: _End | None = None
    transport: Any = None
    is_gone = False
    heard_bytes = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.other is None or self.other.transport is None:
            transport.pause_reading()  # until the other end is there
        else:
            self.other.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.heard_bytes += len(data)
        self.other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_gone = True
        if self.other is not None and self.other.transport is not None and not self.other.is_gone:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if not self.other.is_gone:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.is_gone:
            self.other.transport.resume_reading()


class _Plain(_End):
    """The end at which a region stands. When it has said its last word, its client may be in the midst of a body that nobody wants: TLS has
    no half of a connection to close, and who is cut off while he speaks does not hear why. So he is heard until he is silent."""

    def eof_received(self) -> bool:
        self._part(-1)
        return True

    def _part(self, heard_bytes: int) -> None:
        if self.other.is_gone:
            self.transport.close()
        elif self.other.heard_bytes == heard_bytes:
            self.other.transport.close()
        else:
            asyncio.get_running_loop().call_later(SILENCE_S, self._part, self.other.heard_bytes)


async def opened(connection: socket.socket, context: ssl.SSLContext, ready: Ready, name: str | None = None) -> None:
    """Open an encrypted connection of a client who asked for a name, and hand its plain end to ``ready``. One that fails is closed."""
    loop, secure, plain = asyncio.get_running_loop(), _End(), _Plain()
    try:
        await loop.connect_accepted_socket(lambda: secure, connection, ssl=context, ssl_handshake_timeout=HANDSHAKE_WITHIN_S)
    except (OSError, ssl.SSLError):
        connection.close()
        return
    inner, outer = socket.socketpair()
    for each in (inner, outer):
        each.setblocking(False)
    secure.other, plain.other = plain, secure
    await loop.connect_accepted_socket(lambda: plain, outer)
    if secure.is_gone:
        plain.transport.close()
    secured = secure.transport.get_extra_info("ssl_object")
    if secured is None:
        ready(inner, None, None)
    else:
        asked = getattr(secured, ASKED, name)
        ready(inner, secured.getpeercert(binary_form=True), Session(secured.version(), secured.cipher()[0], asked))
