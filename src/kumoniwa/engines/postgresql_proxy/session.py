"""One session of the database, which is lent to one client at a time and remembers what those before have left there.

What a client prepares is kept for the client, and prepared again on whatever session it next uses it; here it has a name of the session's own.
So Amazon does it: US patent 11,943,316. The client hears only answers to what it asked itself.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.engines.postgresql_proxy import scram
from kumoniwa.engines.postgresql_proxy.messages import HEAD_BYTES, fields, message, request, text
from kumoniwa.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable

    from kumoniwa.engines.postgresql_proxy.client import Client

PREPARED_MAX = 500
"""Statements that a session keeps; the first goes when one more comes."""
OPENED_WITHIN_S = 30.0
_PROTOCOL_3 = b"\0\3\0\0"
_PASSED = frozenset(b"DdTtn2sCIHWcvN")
"""What goes to the client as it comes, and need not be there whole."""
_ENDS = ("end", "sync")
_OWN = re.compile(rb'"(kumoniwa \d+)"')
_NOTHING = message(b"C", b"S" + text("kumoniwa nothing"))
"""Closes a statement that nobody has: an answer in the right place, and no deed."""


class DatabaseError(Exception):
    """What the database refused with."""

    def __init__(self, body: bytes) -> None:
        said = fields(body)
        self.code, self.words = said.get("C", "XX000"), said.get("M", "")
        super().__init__(self.words)


class Key(NamedTuple):
    user: str
    database: str


class Due(NamedTuple):
    """An answer that is yet to come, and what to do with it."""

    kind: str
    """``parse``, ``close``: pass it on; ``inject``, ``evict``: keep it to ourselves; ``end`` of a query, ``sync`` of a request in many messages."""
    content: bytes = b""
    undo: Callable[[], None] | None = None
    """What to do if it never comes, because something before it failed."""


class Session(asyncio.Protocol):
    transport: Any = None

    def __init__(self, key: Key, lost: Callable[[Session], None]) -> None:
        self.key, self._lost = key, lost
        self.number = int.from_bytes(os.urandom(4), "big")
        """How logs call it."""
        self.client: Client | None = None
        self.status = b"I"
        self.due: deque[Due] = deque()
        self.prepared: dict[bytes, bytes] = {}
        """What each statement is called here, by what it is."""
        self._called: dict[bytes, bytes] = {}
        """What clients call them."""
        self.unnamed: bytes | None = None
        self.backend = b""
        """What the database wants to hear of who cancels what it does here."""
        self.settings: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.is_stale = self.is_gone = self.is_copying = False
        self.idle_since = 0.0
        self._count = 0
        self._buffer = bytearray()
        self._to_pass = 0
        self._inbox: asyncio.Queue[tuple[bytes, bytes]] | None = asyncio.Queue()

    # Before it is lent ------------------------------------------------------------------------

    async def open(self, password: str) -> None:
        """Log in. Raises DatabaseError, OSError."""
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
        """A statement of the proxy's own; answers the first value of its last row. Raises DatabaseError, OSError."""
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
                    raise DatabaseError(failed)
                return found

    async def _next(self) -> tuple[bytes, bytes]:
        assert self._inbox is not None
        async with asyncio.timeout(OPENED_WITHIN_S):
            kind, body = await self._inbox.get()
        if not kind:
            raise ConnectionResetError("the database closed the connection")
        if kind == b"E" and fields(body).get("S") in ("FATAL", "PANIC"):
            raise DatabaseError(body)
        return kind, body

    def _parameter(self, body: bytes) -> None:
        name, value = body.split(b"\0")[:2]
        self.parameters[name.decode()] = value.decode("utf-8", "replace")

    # Its life ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.is_gone = True
        if self._inbox is not None:
            self._inbox.put_nowait((b"", b""))
        self._lost(self)

    def close(self) -> None:
        """In good order, as far as that goes."""
        if not self.transport.is_closing():
            self.transport.write(message(b"X"))
            self.transport.close()

    def lend(self, client: Client) -> None:
        self.client, self._inbox = client, None

    def pause_writing(self) -> None:
        if self.client is not None:
            self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.client is not None:
            self.client.transport.resume_reading()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way: every answer has come, and no transaction is open."""
        return not self.due and self.status == b"I"

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

    def forget(self) -> None:
        """All that was prepared, which is gone."""
        self.prepared.clear()
        self._called.clear()

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
                client.answered(self, ends)

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
        for each in reversed(undone):
            if each.content:
                self.prepared.pop(each.content, None)
            if each.undo is not None:
                each.undo()

    def rest(self) -> None:
        self.client, self._inbox, self.idle_since = None, None, monotonic()
