"""One session of a MariaDB, which is lent to one client at a time.

What it says goes to the client as it comes; beside that the heads of its packets are looked at, for where an answer ends and whether a transaction is
open then. An error does not say that: the session is asked, before anybody else has it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from kumoniwa.engines.database_proxy import session
from kumoniwa.engines.database_proxy.session import OPENED_WITHIN_S, DatabaseError, Key
from kumoniwa.engines.mariadb_proxy import messages, passwords, pinning
from kumoniwa.engines.mariadb_proxy.messages import EOF, ERROR, HEAD_BYTES, LONGEST, OK, packet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kumoniwa.engines.database_proxy.client import Client

_LOOKED_AT, _WHOLE_BYTES_MAX = 32, 1 << 16
"""So many bytes of a packet say all that is wanted of it; one that may be the last of an answer must have come whole."""
_LOGIN = frozenset({1045, 1698})
_LATER = frozenset({1040, 1053, 1203, 1927})
"""Full, going down, the user's own limit, killed."""
_GOING_DOWN = frozenset({1053, 1927})
_FIRST, _COLUMNS, _ROWS, _DEFINITIONS, _ASKED = "first", "columns", "rows", "definitions", "asked"


def _refused(body: bytes) -> DatabaseError:
    code, words = messages.failure(body)
    number = int(code.partition(" ")[0])
    return DatabaseError(code, words, is_login=number in _LOGIN, is_passing=number in _LATER)


class Session(session.Session):
    SOCKET = ".s.mariadb"
    DATABASE = ""

    def __init__(self, key: Key, lost: Callable[[session.Session], None]) -> None:
        super().__init__(key, lost)
        self.status = messages.AUTOCOMMIT
        self.inserted = 0
        """The number that was inserted last, as its server calls it."""
        self.thread = 0
        self._number = 0
        self._command = 0
        self._phase = ""
        """What the next packet is; empty when no answer is due."""
        self._ends = 0
        self._done: Callable[[], None] | None = None
        self._head = bytearray()
        self._skip = 0
        self._is_long = False
        """Whether the next packet goes on with the last."""
        self._last_word = b""
        self._inbox: asyncio.Queue[bytes | None] | None = asyncio.Queue()

    # Before it is lent ------------------------------------------------------------------------

    async def open(self, password: str) -> None:
        flags, charset = self.key.flags & 0xFFFFFFFF, self.key.flags >> 32
        try:
            self.thread, nonce, _ = messages.greeted(await self._next())
            proof = passwords.native(password, nonce)
            self.transport.write(messages.answer(flags, charset or 45, self.key.user, proof, self.key.database))
            while (body := await self._next())[:1] != b"\0":
                if body[0] != EOF:
                    raise messages.Malformed
                plugin, _, data = body[1:].partition(b"\0")
                if plugin.decode("latin-1") != passwords.NATIVE:
                    raise OSError(f"the database asks for an authentication that is not known here: {plugin.decode('latin-1')}")
                self.transport.write(packet(self._number, passwords.native(password, data.rstrip(b"\0"))))
            _, self.status = messages.status(body)
        except (messages.Malformed, IndexError):
            raise OSError("the database did not speak its protocol") from None

    async def _next(self) -> bytes:
        """The next packet, whole. Raises DatabaseError for an error."""
        assert self._inbox is not None
        async with asyncio.timeout(OPENED_WITHIN_S):
            body = await self._inbox.get()
        if body is None:
            raise ConnectionResetError("the database closed the connection")
        if body[:1] == bytes([ERROR]):
            raise _refused(body)
        return body

    def _say_alone(self, kind: int, body: bytes = b"") -> None:
        if self._inbox is None:
            self._inbox = asyncio.Queue()
        self.transport.write(packet(0, bytes([kind]) + body))

    async def run(self, sql: str) -> str:
        self._say_alone(messages.QUERY, sql.encode())
        found = ""
        while True:
            body = await self._next()
            if body[0] == OK:
                _, self.status = messages.status(body)
            else:
                for _ in range(messages.integer(body, 0)[0] + 1):
                    await self._next()
                while (body := await self._next())[0] != EOF or len(body) >= 9:
                    size, place = messages.integer(body, 0)
                    found = body[place : place + size].decode("utf-8", "replace")
                _, self.status = messages.status(body)
            if not self.status & messages.MORE_RESULTS:
                return found

    async def connections_max(self) -> int:
        return int(await self.run("select @@max_connections"))

    async def _clear(self, init: str) -> None:
        self._say_alone(messages.RESET)
        _, self.status = messages.status(await self._next())
        await self.begin(init)

    async def begin(self, init: str) -> None:
        for statement in pinning.parted(init):
            await self.run(statement)

    async def adopt(self, wanted: dict[str, str], init: str) -> None:
        if self.settings:
            await self._clear(init)
        for said in wanted.values():
            await self.run(f"set {said}")

    async def reset(self, init: str) -> None:
        await self._clear(init)
        if self.key.database:
            self._say_alone(messages.INIT_DB, self.key.database.encode())
            await self._next()
        else:
            self.is_stale = True  # whoever kept it may have used a database, which nothing takes back

    async def cancel(self, connect: Callable[[Any], Awaitable[Any]], again: Callable[[], Awaitable[session.Session]]) -> None:
        other = await again()
        try:
            await other.run(f"kill {self.thread}")
        finally:
            other.close()

    # Its life ---------------------------------------------------------------------------------

    def connection_lost(self, error: Exception | None) -> None:
        if self._inbox is not None:
            self._inbox.put_nowait(None)
        if self.client is not None and self._last_word and not isinstance(error, (ConnectionResetError, BrokenPipeError)):
            self.client.transport.write(self._last_word)
        super().connection_lost(error)

    def close(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(packet(0, bytes([messages.QUIT])))
            self.transport.close()

    def lend(self, client: Client) -> None:
        super().lend(client)
        self.inserted, self._inbox = 0, None

    def rest(self) -> None:
        super().rest()
        self._inbox = self._done = None

    @property
    def is_quiet(self) -> bool:
        return not self._phase and not self.is_in_transaction

    @property
    def is_answering(self) -> bool:
        return bool(self._phase)

    @property
    def is_in_transaction(self) -> bool:
        return bool(self.status & messages.IN_TRANSACTION)

    def unsay(self) -> None:
        self._done = None

    def expect(self, command: int, done: Callable[[], None] | None) -> None:
        """The answer to a command of the client's is due; ``done`` is called if it is none of failure."""
        self._command, self._done = command, done
        self._phase = _ROWS if command in (messages.FIELD_LIST, messages.FETCH) else _FIRST

    # What the database says ---------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.client is None:
            self._hear_alone(data)
            return
        if self._phase == _ASKED:
            self._look(data)
            return
        if self._alone and data[HEAD_BYTES : HEAD_BYTES + 1] == bytes([ERROR]) and int.from_bytes(data[5:7], "little") in _GOING_DOWN:
            self._last_word = data  # how the connection ends says whether it heard the client before
            return
        self._alone = None
        self.client.transport.write(data)
        self._look(data)

    def _hear_alone(self, data: bytes) -> None:
        if self._inbox is None:  # nobody asked: it goes down
            self.transport.abort()
            self._lost(self)
            return
        buffer = self._head
        buffer += data
        while len(buffer) >= HEAD_BYTES and len(buffer) >= (end := HEAD_BYTES + int.from_bytes(buffer[:3], "little")):
            self._number = buffer[3] + 1
            self._inbox.put_nowait(bytes(buffer[HEAD_BYTES:end]))
            del buffer[:end]

    def _look(self, data: bytes) -> None:
        """At the heads of packets."""
        place, head = 0, self._head
        while place < len(data):
            if self._skip:
                passed = min(self._skip, len(data) - place)
                self._skip -= passed
                place += passed
                continue
            wanted = self._wanted()
            taken = data[place : place + wanted - len(head)]
            head += taken
            place += len(taken)
            if len(head) < self._wanted():
                continue
            size, body = int.from_bytes(head[:3], "little"), bytes(head[HEAD_BYTES:])
            self._skip = size - len(body)
            head.clear()
            was_long, self._is_long = self._is_long, size == LONGEST
            if not was_long and not self._packet(size, body):
                return

    def _wanted(self) -> int:
        """How much of a packet must be there."""
        head = self._head
        if len(head) < HEAD_BYTES:
            return HEAD_BYTES
        size = int.from_bytes(head[:3], "little")
        is_last = self._phase in (_FIRST, _ASKED) or head[HEAD_BYTES : HEAD_BYTES + 1] == bytes([ERROR])
        return HEAD_BYTES + min(size, _WHOLE_BYTES_MAX if is_last and not self._is_long else _LOOKED_AT)

    def _packet(self, size: int, body: bytes) -> bool:
        """One packet of an answer; answers whether more of it may follow."""
        kind = body[0] if body else OK
        is_end = kind == EOF and size < 9
        if self._phase == _ASKED:
            _, self.status = messages.status(body)
            self._finish()
            return False
        if kind == ERROR:
            return self._failed()
        if self._phase == _DEFINITIONS:
            self._ends -= is_end
            return bool(self._ends) or self._succeeded()
        if self._phase == _COLUMNS:
            if is_end:
                _, self.status = messages.status(body)
                if self.status & messages.CURSOR:
                    return self._succeeded()
                self._phase = _ROWS
            return True
        if self._phase == _ROWS:
            return self._ended(body) if is_end else True
        if self._command == messages.STATISTICS:
            return self._succeeded()
        if self._command == messages.PREPARE and kind == OK:
            columns, parameters = int.from_bytes(body[5:7], "little"), int.from_bytes(body[7:9], "little")
            self._phase, self._ends = _DEFINITIONS, bool(columns) + bool(parameters)
            return bool(self._ends) or self._succeeded()
        if kind == OK or is_end:
            return self._ended(body)
        self._phase = _COLUMNS
        return True

    def _ended(self, body: bytes) -> bool:
        inserted, self.status = messages.status(body)
        self.inserted = inserted or self.inserted
        if self.status & messages.MORE_RESULTS:
            self._phase = _FIRST
            return True
        return self._succeeded()

    def _failed(self) -> bool:
        """It does not say whether a transaction is open."""
        self._phase, self._done = _ASKED, None
        self.transport.write(packet(0, bytes([messages.PING])))
        return True

    def _succeeded(self) -> bool:
        done, self._done = self._done, None
        if done is not None:
            done()
        self._finish()
        return False

    def _finish(self) -> None:
        self._phase = ""
        if self.client is not None:
            self.client.was_answered()
