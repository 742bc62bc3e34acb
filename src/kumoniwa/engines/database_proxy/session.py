"""One session of a database, which is lent to one client at a time: what is the same whatever protocol it speaks."""

from __future__ import annotations

import asyncio
import os
import select
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from kumoniwa.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kumoniwa.engines.database_proxy.client import Client

OPENED_WITHIN_S = 30.0
ALONE_BYTES_MAX = 8_192
"""PostgreSQL reads as much at once."""


class DatabaseError(Exception):
    """What the database refused with: that whoever comes does not prove who he is, or what will pass, or anything else."""

    def __init__(self, code: str, words: str, *, is_login: bool = False, is_passing: bool = False) -> None:
        self.code, self.words, self.is_login, self.is_passing = code, words, is_login, is_passing
        super().__init__(words)


class Key(NamedTuple):
    """Whose sessions are alike."""

    user: str
    database: str
    flags: int = 0
    """What was agreed as it was opened."""


class Session(asyncio.Protocol):
    transport: Any = None
    SOCKET: ClassVar[str]
    """What the database's socket is called in its folder."""
    DATABASE: ClassVar[str]
    """One that is always there."""

    def __init__(self, key: Key, lost: Callable[[Session], None]) -> None:
        self.key, self._lost = key, lost
        self.number = int.from_bytes(os.urandom(4), "big")
        """How logs call it."""
        self.client: Client | None = None
        self.last = 0
        """The number of the client that had it last."""
        self.settings: dict[str, str] = {}
        """What it was furnished with for a client."""
        self.is_stale = self.is_gone = False
        self.idle_since = 0.0
        self._alone: bytes | None = b""
        """All that its client has said since it was lent, if that is one piece to which nothing was answered."""
        self._waiting = select.poll()

    # Before it is lent ------------------------------------------------------------------------

    @abstractmethod
    async def open(self, password: str) -> None:
        """Log in. Raises DatabaseError, OSError, TimeoutError."""

    @abstractmethod
    async def run(self, sql: str) -> str:
        """A statement of the proxy's own; answers the first value of its last row. Raises DatabaseError, OSError, TimeoutError."""

    @abstractmethod
    async def begin(self, init: str) -> None:
        """Say what each session is to be told first."""

    @abstractmethod
    async def connections_max(self) -> int:
        """How many sessions the database takes."""

    @abstractmethod
    async def adopt(self, wanted: dict[str, str], init: str) -> None:
        """Have it as a client wants it, where it was furnished for another."""

    @abstractmethod
    async def reset(self, init: str) -> None:
        """Take away whatever a client left in it."""

    @abstractmethod
    async def cancel(self, connect: Callable[[Any], Awaitable[Any]], again: Callable[[], Awaitable[Session]]) -> None:
        """Have the database end what it does here, by a bare connection to it or by another session of the same user."""

    # Its life ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLRDHUP)

    @property
    def has_news(self) -> bool:
        """Whether something waits to be read, or its end does. One that nobody uses is told nothing, but that the database goes down."""
        return bool(self._waiting.poll(0))

    def say(self, data: bytes, said: bytes) -> None:
        """What the client said, as the database is to hear it."""
        self._alone = said if self._alone == b"" and max(len(data), len(said)) <= ALONE_BYTES_MAX else None
        self.transport.write(data)
        if self.transport.get_write_buffer_size():
            self._alone = None

    def connection_lost(self, error: Exception | None) -> None:
        """A socket of this machine that is closed with something unread in it resets the other end: unix_release_sock of Linux. So what was said in
        one piece, which is read whole or not at all, was not heard then, and whoever said it may say it to another."""
        self.is_gone = True
        client, said = self.client, self._alone
        if client is not None and said and isinstance(error, (ConnectionResetError, BrokenPipeError)):
            self.client = None
            self._lost(self)
            self.unsay()
            client.say_again(said)
        else:
            self._lost(self)

    @abstractmethod
    def unsay(self) -> None:
        """What the client said last was not heard."""

    @abstractmethod
    def close(self) -> None:
        """In good order, as far as that goes."""

    @property
    @abstractmethod
    def is_quiet(self) -> bool:
        """Whether nothing is under way: every answer has come, and no transaction is open."""

    @property
    @abstractmethod
    def is_answering(self) -> bool:
        """Whether an answer is yet to come."""

    @property
    @abstractmethod
    def is_in_transaction(self) -> bool: ...

    def lend(self, client: Client) -> None:
        self.client, self.last, self._alone = client, client.number, b""

    def rest(self) -> None:
        self.client, self.idle_since = None, monotonic()

    def pause_writing(self) -> None:
        if self.client is not None:
            self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.client is not None:
            self.client.transport.resume_reading()
