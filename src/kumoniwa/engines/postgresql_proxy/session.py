"""One session of the database, which is lent to one client at a time and remembers what those before have left there.

What a client prepares is kept for the client, and prepared again on whatever session it next uses it; here it has a name of the session's own.
So Amazon does it: US patent 11,943,316. The client hears only answers to what it asked itself.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.engines.database_proxy import session
from kumoniwa.engines.database_proxy.session import OPENED_WITHIN_S, DatabaseError, Key
from kumoniwa.engines.postgresql_proxy import scram
from kumoniwa.engines.postgresql_proxy.messages import HEAD_BYTES, fields, message, request, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kumoniwa.engines.database_proxy.client import Client

PREPARED_MAX = 500
"""Statements that a session keeps; the first goes when one more comes."""
_REFUSED_LOGIN = frozenset(("28000", "28P01"))
_LATER = frozenset(("57P01", "57P02", "57P03", "53300"))
"""Going down, crashed, starting, full."""
_GOING_DOWN = "57P01"
_CANCEL = (80877102).to_bytes(4, "big")
_PROTOCOL_3 = b"\0\3\0\0"
_PASSED = frozenset(b"DdTtn2sCIHWcvN")
"""What goes to the client as it comes, and need not be there whole."""
_ENDS = ("end", "sync")
_OWN = re.compile(rb'"(kumoniwa \d+)"')
_NOTHING = message(b"C", b"S" + text("kumoniwa nothing"))
"""Closes a statement that nobody has: an answer in the right place, and no deed."""


def _refused(body: bytes) -> DatabaseError:
    """What an ErrorResponse says."""
    said = fields(body)
    code = said.get("C", "XX000")
    return DatabaseError(code, said.get("M", ""), is_login=code in _REFUSED_LOGIN, is_passing=code in _LATER)


class Due(NamedTuple):
    """An answer that is yet to come, and what to do with it."""

    kind: str
    """``parse``, ``close``: pass it on; ``inject``, ``evict``: keep it to ourselves; ``end`` of a query, ``sync`` of a request in many messages."""
    content: bytes = b""
    undo: Callable[[], None] | None = None
    """What to do if it never comes, because something before it failed."""


class Session(session.Session):
    SOCKET = ".s.PGSQL.5432"
    DATABASE = "postgres"
    """It must be there: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg"""

    def __init__(self, key: Key, lost: Callable[[session.Session], None]) -> None:
        super().__init__(key, lost)
        self.status = b"I"
        self.due: deque[Due] = deque()
        self.prepared: dict[bytes, bytes] = {}
        """What each statement is called here, by what it is."""
        self._called: dict[bytes, bytes] = {}
        """What clients call them."""
        self.unnamed: bytes | None = None
        self.backend = b""
        """What the database wants to hear of who cancels what it does here."""
        self.parameters: dict[str, str] = {}
        self.is_copying = False
        self._count = 0
        self._buffer = bytearray()
        self._to_pass = 0
        self._inbox: asyncio.Queue[tuple[bytes, bytes]] | None = asyncio.Queue()

    # Before it is lent ------------------------------------------------------------------------

    async def open(self, password: str) -> None:
        try:
            await self._log_in(password)
        except scram.Refused as error:
            raise OSError(str(error)) from None

    async def _log_in(self, password: str) -> None:
        self.transport.write(request(_PROTOCOL_3 + text("user", self.key.user, "database", self.key.database) + b"\0"))
        prover: scram.Prover | None = None
        while True:
            kind, body = await self._next()
            if kind == b"S":
                self._parameter(body)
            elif kind == b"K":
                self.backend = body
            elif kind == b"Z":
                return
            elif kind == b"R":
                code, said = int.from_bytes(body[:4], "big"), body[4:]
                if code == 10:
                    prover = scram.Prover(password)
                    self.transport.write(message(b"p", text(scram.MECHANISM) + len(prover.first).to_bytes(4, "big") + prover.first))
                elif code == 11 and prover is not None:
                    self.transport.write(message(b"p", prover.answer(said)))
                elif code == 12 and prover is not None:
                    prover.finish(said)
                elif code == 5:
                    self.transport.write(message(b"p", scram.md5(self.key.user, password, said[:4]) + b"\0"))
                elif code == 3:
                    self.transport.write(message(b"p", text(password)))
                elif code != 0:
                    raise OSError(f"the database asks for an authentication that is not known here: {code}")

    async def run(self, sql: str) -> str:
        if self._inbox is None:
            self._inbox = asyncio.Queue()
        self.unnamed, found, failed = None, "", None
        self.transport.write(message(b"Q", text(sql)))
        while True:
            kind, body = await self._next()
            if kind == b"S":
                self._parameter(body)
            elif kind == b"D":
                found = body[6 : 6 + max(0, int.from_bytes(body[2:6], "big", signed=True))].decode("utf-8", "replace")
            elif kind == b"E":
                failed = body
            elif kind == b"Z":
                if failed is not None:
                    raise _refused(failed)
                return found

    async def _next(self) -> tuple[bytes, bytes]:
        assert self._inbox is not None
        async with asyncio.timeout(OPENED_WITHIN_S):
            kind, body = await self._inbox.get()
        if not kind:
            raise ConnectionResetError("the database closed the connection")
        if kind == b"E" and fields(body).get("S") in ("FATAL", "PANIC"):
            raise _refused(body)
        return kind, body

    def _parameter(self, body: bytes) -> None:
        name, value = body.split(b"\0")[:2]
        self.parameters[name.decode()] = value.decode("utf-8", "replace")

    async def connections_max(self) -> int:
        return int(await self.run("show max_connections"))

    async def begin(self, init: str) -> None:
        if init:
            await self.run(init)

    async def adopt(self, wanted: dict[str, str], init: str) -> None:
        gone = [name for name in self.settings if name not in wanted]
        steps = [f"reset {_quoted(name)}" for name in gone]
        if gone and init:
            steps.append(init.rstrip().rstrip(";"))
        steps += [f"set {_quoted(name)} to '{_escaped(value)}'" for name, value in wanted.items() if self.settings.get(name) != value]
        await self.run("; ".join(steps))

    async def reset(self, init: str) -> None:
        await self.run("discard all")
        await self.begin(init)
        self.prepared.clear()
        self._called.clear()

    async def cancel(self, connect: Callable[[Any], Awaitable[Any]], again: Callable[[], Awaitable[session.Session]]) -> None:
        transport, _ = await connect(asyncio.Protocol)
        transport.write(request(_CANCEL + self.backend))
        transport.close()

    # Its life ---------------------------------------------------------------------------------

    def close(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(message(b"X"))
            self.transport.close()

    def lend(self, client: Client) -> None:
        super().lend(client)
        self._inbox = None

    def rest(self) -> None:
        super().rest()
        self._inbox = None

    @property
    def is_quiet(self) -> bool:
        return not self.due and self.status == b"I"

    @property
    def is_answering(self) -> bool:
        return bool(self.due)

    @property
    def is_in_transaction(self) -> bool:
        return self.status != b"I"

    # What the client says -----------------------------------------------------------------------

    def parse(self, name: bytes, content: bytes, undo: Callable[[], None]) -> bytes:
        """The messages that prepare a statement for the client, which calls it so."""
        if not name:
            self.unnamed = content
            self.due.append(Due("parse", undo=undo))
            return message(b"P", b"\0" + content)
        return self._prepare(content, "parse", name, undo)

    def parse_again(self, name: bytes, before: bytes, content: bytes) -> bytes:
        """The same where the client has a statement of that name: the database refuses it."""
        own, injected = self.named(name, before)
        self.due.append(Due("parse"))
        return injected + message(b"P", own + b"\0" + content)

    def _prepare(self, content: bytes, kind: str, name: bytes, undo: Callable[[], None] | None = None) -> bytes:
        """Anew, if it was: what it meant may have become something else."""
        evicting = b""
        if content in self.prepared or len(self.prepared) >= PREPARED_MAX:
            gone = self.prepared.pop(content if content in self.prepared else next(iter(self.prepared)))
            self._called.pop(gone, None)
            evicting = message(b"C", b"S" + gone + b"\0")
            self.due.append(Due("evict"))
        self._count += 1
        own = self.prepared[content] = f"kumoniwa {self._count}".encode()
        self.due.append(Due(kind, content, undo))
        self._called[own] = name
        return evicting + message(b"P", own + b"\0" + content)

    def named(self, name: bytes, content: bytes | None) -> tuple[bytes, bytes]:
        """How a statement of the client's is called here, and the messages that must go before it is. What the client never prepared
        has its own name, and is refused by the database."""
        if content is None:
            return name if name or self.unnamed is None else b"unnamed", b""
        if not name:
            if self.unnamed == content:
                return b"", b""
            self.unnamed = content
            self.due.append(Due("inject"))
            return b"", message(b"P", b"\0" + content)
        before = b"" if content in self.prepared else self._prepare(content, "inject", name)
        own = self.prepared[content]
        self._called[own] = name
        return own, before

    def sync(self) -> None:
        """The end of a request in many messages, which a database that takes a copy in does not hear."""
        if not self.is_copying:
            self.due.append(Due("sync"))

    def close_statement(self, undo: Callable[[], None]) -> bytes:
        """Of the client's: here it stays, for whoever says the same."""
        self.due.append(Due("close", undo=undo))
        return _NOTHING

    # What the database says ---------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._to_pass and not self._buffer:
            passed = data[: self._to_pass]
            self._to_pass -= len(passed)
            if self.client is not None:
                self.client.transport.write(passed)
            if len(passed) == len(data):
                return
            data = data[len(passed) :]
        self._buffer += data
        if self.client is None:
            self._hear_alone()
        else:
            self._hear()

    def _hear_alone(self) -> None:
        buffer = self._buffer
        while len(buffer) >= HEAD_BYTES:
            end = 1 + int.from_bytes(buffer[1:HEAD_BYTES], "big")
            if len(buffer) < end:
                return
            kind, body = bytes(buffer[:1]), bytes(buffer[HEAD_BYTES:end])
            del buffer[:end]
            if self._inbox is not None and kind in b"RSDEZK":
                self._inbox.put_nowait((kind, body))
            elif kind == b"S":
                self._parameter(body)
            elif kind == b"E":  # it goes down; its end may come when somebody has it again
                self.transport.abort()
                self._lost(self)
                return

    def _hear(self) -> None:
        """Pass on what concerns the client, in as few pieces as possible."""
        if self._is_last_word():
            return
        self._alone = None
        buffer, place, begin, size, ends = self._buffer, 0, 0, len(self._buffer), 0
        parts: list[bytes] = []
        while size - place >= HEAD_BYTES:
            kind = buffer[place]
            end = place + 1 + int.from_bytes(buffer[place + 1 : place + HEAD_BYTES], "big")
            if end > size:
                if kind in _PASSED:
                    self._to_pass, place = end - size, size
                break
            if kind not in _PASSED:
                instead = self._heard(kind, bytes(buffer[place + HEAD_BYTES : end]))
                ends += kind == 0x5A
                if instead is not None:
                    parts += (bytes(buffer[begin:place]), instead)
                    begin = end
            place = end
        parts.append(bytes(buffer[begin:place]))
        del buffer[:place]
        client = self.client
        if client is not None:
            client.transport.write(b"".join(parts))
            if ends:
                client.was_answered()

    def _is_last_word(self) -> bool:
        """Whether nothing is heard but that the database goes down: how the connection ends says whether it heard the client before."""
        buffer = self._buffer
        is_whole = len(buffer) > HEAD_BYTES and 1 + int.from_bytes(buffer[1:HEAD_BYTES], "big") == len(buffer)
        return bool(self._alone) and buffer[:1] == b"E" and is_whole and fields(bytes(buffer[HEAD_BYTES:])).get("C") == _GOING_DOWN

    def connection_lost(self, error: Exception | None) -> None:
        if self._inbox is not None:
            self._inbox.put_nowait((b"", b""))
        if self.client is not None and self._is_last_word() and not isinstance(error, (ConnectionResetError, BrokenPipeError)):
            self.client.transport.write(bytes(self._buffer))
        super().connection_lost(error)

    def _heard(self, kind: int, body: bytes) -> bytes | None:
        """What the client is told instead, None for the message as it is."""
        if kind == 0x5A:  # ReadyForQuery
            self.status, self.is_copying = body, False
            self._leave_undone()
            if self.due:
                self.due.popleft()
        elif kind == 0x45:  # ErrorResponse
            self.unnamed, self.is_copying = None, False
            self._leave_undone()
            if self.prepared and fields(body).get("C") in ("0A000", "26000"):
                self.is_stale = True  # a plan that has become another must not be met again
            if b'"kumoniwa ' in body:
                return message(b"E", _OWN.sub(lambda found: b'"' + self._called.get(found[1], found[1]) + b'"', body))
        elif kind in (0x31, 0x33) and self.due and self.due[0].kind not in _ENDS:  # ParseComplete, CloseComplete
            return b"" if self.due.popleft().kind in ("inject", "evict") else None
        elif kind == 0x47:  # CopyInResponse
            self.is_copying = True
            self.due = deque(each for each in self.due if each.kind != "sync")
        elif kind == 0x53:  # ParameterStatus
            self._parameter(body)
        return None

    def _leave_undone(self) -> None:
        """All up to the end of the request."""
        undone = []
        while self.due and self.due[0].kind not in _ENDS:
            undone.append(self.due.popleft())
        self._undo(undone)

    def unsay(self) -> None:
        self._undo(self.due)

    def _undo(self, undone: Sequence[Due]) -> None:
        for each in reversed(undone):
            if each.content:
                self.prepared.pop(each.content, None)
            if each.undo is not None:
                each.undo()

def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(value: str) -> str:
    return value.replace("'", "''")
