"""What a client of a database speaks to first: it opens TLS where that is asked for, and refuses who speaks plain where that is not allowed.

The packaged PostgreSQL has no TLS. Behind its opening a connection is passed on as it is, so that the server itself judges users and passwords.
https://www.postgresql.org/docs/18/protocol-message-formats.html
"""

from __future__ import annotations

import asyncio
import os
import ssl
import struct
from typing import Any

from kumoniwa.engines.database.program import ADMINISTRATOR

_CANCEL, _TLS, _GSS = 80877102, 80877103, 80877104
_OPENING_BYTES_MAX = 10_000
"""Of a startup packet: MAX_STARTUP_PACKET_LENGTH of PostgreSQL."""
OPENED_WITHIN_S = 60.0
"""What its authentication_timeout is, if nobody says otherwise."""
_HEAD = struct.Struct(">II")


def tls_context(certificate: bytes) -> ssl.SSLContext:
    """That of a server with a key and a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # OpenSSL reads certificates from files only; keys do not belong on the disk.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, certificate)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context


class Guard:
    """How a server's clients come in."""

    def __init__(self, certificate: bytes, socket: str) -> None:
        self.context = tls_context(certificate)
        self.socket = socket
        self.demands_tls = False


def refusal(code: str, text: str) -> bytes:
    fields = b"".join(kind + said.encode() + b"\0" for kind, said in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", code), (b"M", text)))
    return b"E" + struct.pack(">I", len(fields) + 5) + fields + b"\0"


class _Server(asyncio.Protocol):
    """The connection to the server behind a client's."""

    transport: Any = None

    def __init__(self, client: Client) -> None:
        self.client = client

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.client.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.client.transport.close()

    def pause_writing(self) -> None:
        self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        self.client.transport.resume_reading()


class Client(asyncio.Protocol):
    transport: Any = None

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.buffer = b""
        self.is_encrypted = self.is_gone = False
        self.server: _Server | None = None
        self.step: asyncio.Task | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.timer = asyncio.get_running_loop().call_later(OPENED_WITHIN_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self.server is not None:
            self.server.transport.write(data)
            return
        self.buffer += data
        if self.step is None:
            self._look()

    def _look(self) -> None:
        """What the client says before the server hears it: packets without a kind, each with its length."""
        while len(self.buffer) >= _HEAD.size:
            size, code = _HEAD.unpack_from(self.buffer)
            if not 8 <= size <= _OPENING_BYTES_MAX:
                self.transport.abort()
                return
            if len(self.buffer) < size:
                return
            if code == _TLS and not self.is_encrypted:
                if len(self.buffer) > size:
                    self.transport.abort()  # said in plain before the handshake: nobody may slip words in so (CVE-2021-23214)
                    return
                self.buffer = b""
                self.step = asyncio.ensure_future(self._encrypt())
                return
            if code in (_TLS, _GSS):
                self.buffer = self.buffer[size:]
                self.transport.write(b"N")
                continue
            if code != _CANCEL and (refused := self._refused(self.buffer[8:size])) is not None:
                self.transport.write(refused)
                self.transport.close()
                return
            self.step = asyncio.ensure_future(self._join())
            return

    def _refused(self, body: bytes) -> bytes | None:
        parts = [part.decode("utf-8", "replace") for part in body.split(b"\0")]
        said = dict(zip(parts[::2], parts[1::2]))
        user = said.get("user", "")
        place = f'host "{self.transport.get_extra_info("peername")[0]}", user "{user}", database "{said.get("database") or user}"'
        encryption = "SSL encryption" if self.is_encrypted else "no encryption"
        if user == ADMINISTRATOR or "replication" in said and said["replication"] not in ("false", "off", "no", "0"):
            return refusal("28000", f"pg_hba.conf rejects connection for {place}, {encryption}")
        if self.guard.demands_tls and not self.is_encrypted:
            return refusal("28000", f"no pg_hba.conf entry for {place}, no encryption")
        return None

    async def _encrypt(self) -> None:
        self.transport.write(b"S")
        try:
            transport = await asyncio.get_running_loop().start_tls(self.transport, self, self.guard.context, server_side=True)
        except (OSError, ssl.SSLError):
            return
        if transport is None or self.is_gone:
            return
        self.transport, self.is_encrypted, self.step = transport, True, None
        self._look()

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_unix_connection(lambda: _Server(self), self.guard.socket)
        except OSError:
            self.transport.write(refusal("57P03", "the database system is starting up"))
            self.transport.close()
            return
        if self.timer is not None:
            self.timer.cancel()  # from here the server's own limit counts
        if self.is_gone:
            server.transport.close()
            return
        self.server = server
        server.transport.write(self.buffer)
        self.buffer = b""

    def pause_writing(self) -> None:
        if self.server is not None:
            self.server.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.server is not None:
            self.server.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_gone = True
        if self.timer is not None:
            self.timer.cancel()
        if self.server is not None:
            self.server.transport.close()
