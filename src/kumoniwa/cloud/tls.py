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
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from kumoniwa.kernel.clock import Clock
from kumoniwa.wire.message import Session

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


def _context(bundle: bytes, trust: str | None = None, terms: Terms | None = None) -> ssl.SSLContext:
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


class Certificates:
    """What the cloud shows to whoever asks for a name."""

    def __init__(self, pair: Callable[[], bytes]) -> None:
        self._pair = pair
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.brought: dict[str, tuple[tuple[bytes | None, str | None, Terms | None], ssl.SSLContext]] = {}
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

    def showing(self, name: str, bundle: bytes | None, trust: str | None = None, said: list | None = None) -> ssl.SSLContext:
        """For a client that asks for a name under which a certificate of ACM is shown (its key, itself and its chain in PEM), or clients
        are asked for theirs, on terms of its owner's if he has ``said`` any."""
        held, terms = self.brought.get(name), Terms(tuple(said[0]), tuple(said[1]), said[2]) if said is not None else None
        if held is None or held[0] != (bundle, trust, terms):
            if len(self.brought) >= NAMES_MAX:
                self.brought.clear()
            shown = bundle if bundle is not None else _engine().issued(self.pair, name, Clock().now())
            held = self.brought[name] = (bundle, trust, terms), _context(shown, trust, terms)
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
        ready(inner, secured.getpeercert(binary_form=True), Session(secured.version(), secured.cipher()[0], name))
