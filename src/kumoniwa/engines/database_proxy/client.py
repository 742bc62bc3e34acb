"""One client of a proxy: it borrows a session of the database for each transaction; what is the same whatever protocol it speaks.

While nothing can be lent it waits, and is not read from. What it says that leaves something behind in a session has it keep that one, which is
told to be pinned. A client whose session ends in the midst of something ends with it, as AWS's users report; all others notice nothing.
"""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from kumoniwa.engines.database_proxy.pool import TimedOut
from kumoniwa.engines.database_proxy.session import DatabaseError, Key
from kumoniwa.kernel.clock import monotonic

if TYPE_CHECKING:
    from kumoniwa.engines.database_proxy.keeper import Endpoint

OPENED_WITHIN_S = 60.0
SAID_GOODBYE = "The client requested that the connection close."


class Client(asyncio.Protocol):
    transport: Any = None

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.proxy = endpoint, endpoint.proxy
        self.number = int.from_bytes(os.urandom(4), "big")
        self.key = Key("", "")
        self.settings: dict[str, str] = {}
        """What it wants of any session."""
        self.session: Any = None
        self.pinned: str | None = None
        self.is_encrypted = self.is_in = self.is_gone = False
        self.is_open = False
        """Whether it has begun a request that it has not ended."""
        self._buffer = bytearray()
        self._step: asyncio.Task | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = self._asked = self._sent = 0.0
        self._why = "The TCP channel was closed by either the client or the proxy."

    # Coming in --------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.proxy.figures.count("ClientConnectionsReceived")
        self.proxy.clients.add(self)
        host, port = transport.get_extra_info("peername")[:2]
        self._log("INFO", f"A new client connected from {host}:{port}.")
        self._timer = asyncio.get_running_loop().call_later(OPENED_WITHIN_S, transport.abort)

    def _log(self, level: str, words: str) -> None:
        self.proxy.log(level, f"[proxyEndpoint={self.endpoint.name}] [clientConnection={self.number}] {words}")

    def _begin(self, coroutine: Any) -> None:
        self._step = asyncio.ensure_future(coroutine)

    async def _to_tls(self) -> bool:
        """Go on encrypted; answers whether that came about."""
        try:
            transport = await asyncio.get_running_loop().start_tls(self.transport, self, self.proxy.context, server_side=True)
        except OSError as error:  # of which TLS's own are
            self.proxy.figures.count("ClientConnectionsSetupFailedAuth")
            if not self.is_gone:
                self.connection_lost(error)  # nobody else tells
            return False
        if transport is None or self.is_gone:
            return False
        self.transport, self.is_encrypted, self._step = transport, True, None
        return True

    def _let_in(self) -> None:
        """It has proven who it is."""
        self.proxy.figures.count("ClientConnectionsSetupSucceeded")
        told = f'username="{self.key.user}", database="{self.key.database}", sslEnabled={str(self.is_encrypted).lower()}'
        self._log("DEBUG", f"Authentication succeeded: [{told}]")
        self.is_in, self._step, self._heard = True, None, monotonic()
        if self._timer is not None:
            self._timer.cancel()
        self._idle()

    def _kept_out(self, words: str) -> None:
        self._log("WARN", f"The client connection was refused. Reason: {words}")

    # Its requests -----------------------------------------------------------------------------

    @abstractmethod
    def _walk(self) -> None:
        """All that has come whole."""

    @abstractmethod
    def _unlent(self, failed: DatabaseError | None) -> None:
        """No session could be had for what it wants, in time or at all."""

    def _has_session(self) -> bool:
        """Whether it has one, or gets one at once; else it waits, and is not read from."""
        if self.session is None:
            self.session = self.proxy.pool.take(self)
            if self.session is None:
                self.transport.pause_reading()
                self._begin(self._wait())
                return False
        return True

    async def _wait(self) -> None:
        began = monotonic()
        refused: TimedOut | DatabaseError | None = None
        try:
            self.session = await self.proxy.pool.borrow(self)
        except (TimedOut, DatabaseError) as failed:
            refused = failed
        self.proxy.figures.time("DatabaseConnectionsBorrowLatency", monotonic() - began)
        self._step = None
        if self.is_gone:
            if self.session is not None:
                session, self.session = self.session, None
                self.proxy.pool.give(session)
            return
        self.transport.resume_reading()
        if refused is not None:
            self._asked = 0.0
            self._unlent(refused if isinstance(refused, DatabaseError) else None)
        self._walk()

    def _pins(self, reason: str, digest: str) -> None:
        if self.pinned is not None or self.session is None:
            return
        self.pinned = reason
        self._log(
            "WARN", f"The client session was pinned to the database connection [dbConnection={self.session.number}] for the remainder of the session. "
            f'The proxy can\'t reuse this connection until the session ends. Reason: {reason} Digest: "{digest}".'
        )  # fmt: skip

    def was_answered(self) -> None:
        """A request has been."""
        now = monotonic()
        if self._asked:
            self.proxy.figures.time("QueryDatabaseResponseLatency", now - self._sent)
            self.proxy.figures.time("QueryResponseLatency", now - self._asked)
        self._asked = 0.0
        session = self.session
        if session.is_quiet and not self.is_open and self.pinned is None:
            self.session = None
            self.proxy.pool.give(session)
        elif session.is_answering:
            self._asked = self._sent = now

    # Its end ----------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        return self.session is None or (self.session.is_quiet and not self.is_open)

    def _idle(self) -> None:
        """End a client that says nothing for too long while nothing goes on."""
        limit = self.proxy.config["idle_client_s"]
        left = self._heard + limit - monotonic()
        if left <= 0 and self._step is None and self.is_idle:
            self._why = "The client was idle for longer than the proxy's idle client timeout."
            self.transport.close()
            return
        self._timer = asyncio.get_running_loop().call_later(left if left > 0 else limit, self._idle)

    def reconsider(self) -> None:
        """The timeout has become another."""
        if self.is_in and not self.is_gone:
            if self._timer is not None:
                self._timer.cancel()
            self._idle()

    def bereft(self) -> None:
        """Its session has ended."""
        self.session = None
        self._why = "The database connection of the client was closed in the middle of a request."
        self.transport.close()

    def say_again(self, said: bytes) -> None:
        """Its session ended before it heard what was said to it, and nothing else has been said since."""
        self.session = self.pinned = None
        self.is_open = False
        self._buffer[:0] = said
        self._walk()

    def pause_writing(self) -> None:
        if self.session is not None:
            self.session.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.session is not None:
            self.session.transport.resume_reading()

    def connection_lost(self, failed: Exception | None) -> None:
        self.is_gone = True
        self.proxy.clients.discard(self)
        self.proxy.figures.count("ClientConnectionsClosed")
        self._log("INFO", f"The client connection closed. Reason: {self._why}")
        if self._timer is not None:
            self._timer.cancel()
        if self._step is not None and not self.is_in:
            self._step.cancel()
        session, self.session = self.session, None
        if session is None:
            return
        if not session.is_quiet or self.is_open:
            self.proxy.pool.drop(
                session,
                "The client connection that borrowed this database connection from the connection pool was closed in the middle of a request.",
            )
        elif self.pinned is not None:
            self.proxy.pool.give_reset(session)
        else:
            self.proxy.pool.give(session)
