"""TLS on the one port: a connection that begins with a handshake is opened here and goes on, in plain, as any other.

The door keeps the encrypted end; what comes out of it is read from a pair of sockets, whose other end is looked at and passed to a region
like a client's. Certificates come from an authority of this cloud (``GET /_kumoniwa/ca.pem``), one for each name that a client asks for; under names that
customers brought, those of ACM are shown that they named.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from types import ModuleType
from typing import Any

from kumoniwa.kernel.clock import Clock

HANDSHAKE = 0x16
"""The first byte of a client that speaks TLS."""
HANDSHAKE_WITHIN_S = 30.0
SILENCE_S = 0.2
NAMES_MAX = 1_024


def authority_certificate(seal: bytes) -> bytes:
    """That of a new authority, to be kept. Its key is not: it follows from the seal."""
    return _engine().certificate_of(_engine().authority(seal, Clock().now()))


def authority(seal: bytes, certificate: bytes) -> bytes:
    return _engine().pair_of(seal, certificate)


def _engine() -> ModuleType:
    from kumoniwa.engines import certificates  # noqa: PLC0415 - heavy, and only TLS needs it

    return certificates


Ready = Callable[[socket.socket, bytes | None], None]
"""Takes the plain end of a connection, and the certificate (DER) that its client has shown to be his, where he was asked for one."""


def _context(bundle: bytes, trust: str | None = None) -> ssl.SSLContext:
    """How a certificate is shown; with ``trust``, only to clients that have one which leads up to those in it (PEM)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The first of ours that the client knows is spoken: HTTP/2 with who offers nothing else.
    context.set_alpn_protocols(["http/1.1", "h2"])
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


class Certificates:
    """What the cloud shows to whoever asks for a name."""

    def __init__(self, pair: Callable[[], bytes]) -> None:
        self._pair = pair
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.brought: dict[str, tuple[tuple[bytes | None, str | None], ssl.SSLContext]] = {}
        """By name: what is shown under it and asked for, and how."""

    @property
    def pair(self) -> bytes:
        return self._pair()

    @property
    def authority(self) -> bytes:
        """The certificate that a person may trust."""
        return _engine().certificate_of(self.pair)

    def context(self, name: str) -> ssl.SSLContext:
        """For a client that says no name before it has one: the address at which it came in, or ``localhost``."""
        found = self.contexts.get(name)
        if found is None:
            if len(self.contexts) >= NAMES_MAX:
                self.contexts.clear()
            found = self.contexts[name] = self._made(name)
        return found

    def _made(self, name: str) -> ssl.SSLContext:
        context = _context(_engine().issued(self.pair, name, Clock().now()))
        context.sni_callback = self._asked
        return context

    def showing(self, name: str, bundle: bytes | None, trust: str | None = None) -> ssl.SSLContext:
        """For a client that asks for a name under which a certificate of ACM is shown (its key, itself and its chain in PEM), or clients
        are asked for theirs."""
        held = self.brought.get(name)
        if held is None or held[0] != (bundle, trust):
            if len(self.brought) >= NAMES_MAX:
                self.brought.clear()
            shown = bundle if bundle is not None else _engine().issued(self.pair, name, Clock().now())
            held = self.brought[name] = (bundle, trust), _context(shown, trust)
        return held[1]

    def _asked(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name and len(name) <= 253:
            try:
                connection.context = self.context(name.lower())
            except ValueError:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None


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


async def opened(connection: socket.socket, context: ssl.SSLContext, ready: Ready) -> None:
    """Open an encrypted connection, and hand its plain end to ``ready``. One that fails is closed."""
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
    ready(inner, secured.getpeercert(binary_form=True) if secured is not None else None)
