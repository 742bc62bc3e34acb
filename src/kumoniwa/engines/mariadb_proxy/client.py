"""One client that speaks MariaDB's protocol: how it proves who it is, and what becomes of its commands on their way to a session.

The errors are AWS's: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html; where it names none they are MariaDB's for the
same. A command is passed on when the one before it has been answered, as the server itself takes them.
"""

from __future__ import annotations

import asyncio
import hmac
from functools import partial
from typing import TYPE_CHECKING, Any

from kumoniwa.engines.database_proxy import client
from kumoniwa.engines.database_proxy.client import SAID_GOODBYE
from kumoniwa.engines.database_proxy.pool import TimedOut
from kumoniwa.engines.database_proxy.session import DatabaseError, Key
from kumoniwa.engines.mariadb_proxy import messages, passwords, pinning
from kumoniwa.engines.mariadb_proxy.messages import HEAD_BYTES, LONGEST, Login, Malformed, packet
from kumoniwa.engines.mariadb_proxy.pinning import STATEMENT_BYTES_MAX, Effect
from kumoniwa.kernel.clock import monotonic

if TYPE_CHECKING:
    from kumoniwa.engines.database_proxy.keeper import Endpoint
    from kumoniwa.engines.mariadb_proxy.session import Session

_OPENING_BYTES_MAX, _HELD_BYTES_MAX = 10_000, 1 << 20
_TLS_BYTES = 32
"""Of the packet that asks for TLS."""
_PASSED = frozenset((
    messages.INIT_DB, messages.QUERY, messages.FIELD_LIST, messages.STATISTICS, messages.KILL, messages.PREPARE, messages.EXECUTE, messages.LONG_DATA,
    messages.CLOSE, messages.RESET_STATEMENT, messages.SET_OPTION, messages.FETCH,
))  # fmt: skip
_UNANSWERED = (messages.LONG_DATA, messages.CLOSE)
_TIMED_OUT = ("9501 HY000", "Timed-out waiting to acquire database connection")
_BAD_HANDSHAKE = ("1043 08S01", "Bad handshake")
_OUT_OF_ORDER = ("1156 08S01", "Got packets out of order")
_OTHERS = "This RDS Proxy has used the database connection of the last statement for another client, so that nobody knows its rows and warnings any more"
"""AWS says of such functions that they pin sometimes, and not what they answer else; another client's would be no answer."""
_UNKNOWN = ("1047 08S01", "Unknown command")


class _Refused(Exception):
    def __init__(self, code: str, words: str) -> None:
        self.code, self.words = code, words
        super().__init__(words)


class Opening(asyncio.BufferedProtocol):
    """The first that a client says, read no further than it goes: behind it TLS may begin, without an answer in between."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.client = Client(endpoint)
        self._part = bytearray(HEAD_BYTES)
        self._have = 0
        self._number = -1

    def connection_made(self, transport: Any) -> None:
        self.client.connection_made(transport)
        self.client.greet()

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._part)[self._have :]

    def buffer_updated(self, nbytes: int) -> None:
        self._have += nbytes
        if self._have < len(self._part):
            return
        if self._number < 0:
            size, self._number = int.from_bytes(self._part[:3], "little"), self._part[3]
            if not _TLS_BYTES <= size <= _OPENING_BYTES_MAX:
                self.client.refuse(1, *_BAD_HANDSHAKE)
                return
            self._part, self._have = bytearray(size), 0
            return
        self.client.transport.pause_reading()
        body = bytes(self._part)
        if len(body) == _TLS_BYTES and int.from_bytes(body[:4], "little") & messages.TLS:
            self.client.encrypt()
        else:
            self.client.transport.set_protocol(self.client)
            self.client.enter(self._number, body)
            self.client.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.client.connection_lost(error)


class Client(client.Client):
    session: Session | None

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.nonce = passwords.nonce()
        self.status = messages.AUTOCOMMIT
        self.inserted = 0
        self.last: Session | None = None
        """The session that it had last."""
        self._number = 0
        """Of the packet that it must say next, or that is said to it next while it comes in."""
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._to_pass = 0
        self._goes_on = False
        """Whether its next packet goes on with the last."""
        self._is_held = False

    # Coming in --------------------------------------------------------------------------------

    def greet(self) -> None:
        self.transport.write(messages.greeting(self.proxy.config["version"], self.number, self.nonce, passwords.NATIVE))

    def refuse(self, number: int, code: str, words: str) -> None:
        self.transport.write(messages.error(number, code, words))
        self.transport.close()

    def encrypt(self) -> None:
        self._begin(self._encrypt())

    async def _encrypt(self) -> None:
        if await self._to_tls():
            self._hear_opening()

    def enter(self, number: int, body: bytes) -> None:
        self._number = (number + 1) & 0xFF
        self._begin(self._enter(body))

    def data_received(self, data: bytes) -> None:
        self._heard = monotonic()
        self._buffer += data
        if not self.is_in:
            self._hear_opening()
        elif self._step is None:
            self._walk()
        if len(self._buffer) > _HELD_BYTES_MAX and not self._is_held and self.is_in and not self.is_gone:
            self._is_held = True
            self.transport.pause_reading()

    def _hear_opening(self) -> None:
        buffer = self._buffer
        while len(buffer) >= HEAD_BYTES and not self.is_in:
            end, number = HEAD_BYTES + int.from_bytes(buffer[:3], "little"), buffer[3]
            if end > _OPENING_BYTES_MAX:
                self.refuse(number + 1, *_BAD_HANDSHAKE)
                return
            if len(buffer) < end:
                return
            body = bytes(buffer[HEAD_BYTES:end])
            del buffer[:end]
            if self._step is None:
                self.enter(number, body)
            else:
                self._number = (number + 1) & 0xFF
                self._inbox.put_nowait(body)

    async def _enter(self, body: bytes) -> None:
        try:
            said = messages.login(body)
            if self.proxy.config["requires_tls"] and not self.is_encrypted:
                raise _Refused("3159 HY000", "This RDS Proxy requires TLS connections.")
            self.key = Key(said.user, said.database, said.flags & messages.PASSED_ON | said.charset << 32)
            await self._authenticate(said)
            if self.key not in self.proxy.told:  # that there is such a database, and that the user is let in, is asked once
                self.proxy.pool.give(await self.proxy.pool.borrow(self))
                self.proxy.told[self.key] = True
        except (Malformed, IndexError):
            self._kept_out(_BAD_HANDSHAKE[1])
            self.refuse(self._number, *_BAD_HANDSHAKE)
        except _Refused as refused:
            self.proxy.figures.count("ClientConnectionsSetupFailedAuth")
            self._kept_out(refused.words)
            self.refuse(self._number, refused.code, refused.words)
        except TimedOut:
            self.refuse(self._number, *_TIMED_OUT)
        except DatabaseError as failed:
            self._kept_out(failed.words)
            self.refuse(self._number, failed.code, failed.words)
        else:
            self.transport.write(messages.ok(self._number, messages.AUTOCOMMIT))
            self._let_in()
            self._walk()

    async def _proof(self, said: Login, plugin: str) -> bytes:
        """By that plugin, for which a client that has begun with another is asked."""
        if said.plugin == plugin:
            return said.proof
        if not said.flags & messages.PLUGINS:
            raise _Refused("1251 08004", "Client does not support authentication protocol requested by server; consider upgrading MariaDB client")
        data = b"" if plugin == passwords.CLEAR else self.nonce + b"\0"
        self.transport.write(packet(self._number, bytes([messages.EOF]) + plugin.encode() + b"\0" + data))
        return await self._inbox.get()

    async def _authenticate(self, said: Login) -> None:
        user = self.proxy.users.get(said.user) or await self.proxy.latest(said.user)
        using = "YES" if said.proof else "NO"
        denied = _Refused("1045 28000", f"Access denied for user '{said.user}'@'%' (using password: {using})")
        if user is None:
            raise denied
        if user["auth"] == "iam":
            if not self.is_encrypted:
                raise denied  # a token is said as it is
            token = (await self._proof(said, passwords.CLEAR)).rstrip(b"\0").decode("utf-8", "replace")
            if not await self.proxy.judged(token, said.user, self.endpoint):
                raise denied
            return
        proof = await self._proof(said, user["auth"])
        if not self._proves(proof, user):
            latest = await self.proxy.latest(said.user)
            if latest is None or latest["auth"] != user["auth"] or not self._proves(proof, latest):
                raise denied
        if user["auth"] == passwords.SHA2:
            self.transport.write(packet(self._number, bytes([messages.MORE_DATA, 3])))  # the proof was enough
            self._number += 1

    def _proves(self, proof: bytes, user: dict[str, str]) -> bool:
        return bool(proof) and hmac.compare_digest(proof, passwords.PROOFS[user["auth"]](user["password"], self.nonce))

    # Its commands -----------------------------------------------------------------------------

    def _walk(self) -> None:
        while self._buffer and not self.is_gone and self._step is None and self._one():
            pass
        if self._is_held and len(self._buffer) <= _HELD_BYTES_MAX and self._step is None and not self.is_gone:
            self._is_held = False
            self.transport.resume_reading()

    def _one(self) -> bool:
        """One command, or what there is of one that is long; answers whether there may be more to do."""
        buffer = self._buffer
        if self._to_pass:
            passed = bytes(buffer[: self._to_pass])
            del buffer[: len(passed)]
            self._to_pass -= len(passed)
            if self.session is not None:
                self.session.transport.write(passed)
            return True
        if len(buffer) < HEAD_BYTES:
            return False
        size, number = int.from_bytes(buffer[:3], "little"), buffer[3]
        if self._goes_on:
            if number != self._number:
                return self._ends_with(number, *_OUT_OF_ORDER)
            self._number, self._goes_on, self._to_pass = (number + 1) & 0xFF, size == LONGEST, HEAD_BYTES + size
            return True
        if self.session is not None and self.session.is_answering:
            return False
        if number or not size:
            return self._ends_with(number, *_OUT_OF_ORDER)
        if len(buffer) < HEAD_BYTES + min(size, STATEMENT_BYTES_MAX + 2):
            return False
        self._asked = self._asked or monotonic()
        kind, is_whole = buffer[HEAD_BYTES], size <= STATEMENT_BYTES_MAX + 2
        if kind not in _PASSED:
            if not is_whole:
                return self._ends_with(number, *_UNKNOWN)
            del buffer[: HEAD_BYTES + size]
            self._asked = 0.0
            return self._answer_itself(kind)
        body = bytes(buffer[HEAD_BYTES + 1 : HEAD_BYTES + min(size, STATEMENT_BYTES_MAX + 2)])
        effect = self._effect(kind, body)
        if self.session is None and kind in _UNANSWERED:
            self._to_pass, self._goes_on, self._number = HEAD_BYTES + size, size == LONGEST, 1  # of a statement that nobody has
            return True
        if not self._is_furnished(effect):
            return bool(self._to_pass)
        data = bytes(buffer[: HEAD_BYTES + size])
        del buffer[: len(data)]
        self._to_pass, self._goes_on, self._number = HEAD_BYTES + size - len(data), size == LONGEST, 1
        self._passes(kind, body, effect, data)
        return True

    def _ends_with(self, number: int, code: str, words: str) -> bool:
        self._buffer.clear()
        self.refuse((number + 1) & 0xFF, code, words)
        return False

    def _answer_itself(self, kind: int) -> bool:
        if kind == messages.QUIT:
            self._why = SAID_GOODBYE
            self._buffer.clear()
            self.transport.close()
            return False
        if kind == messages.PING:
            self.transport.write(messages.ok(1, self.status))
        elif kind == messages.RESET:
            session, self.session = self.session, None
            self.settings, self.pinned, self.status, self.inserted, self.last = {}, None, messages.AUTOCOMMIT, 0, None
            if session is not None:
                self.proxy.pool.give_reset(session)
            self.transport.write(messages.ok(1, self.status))
        else:
            self.transport.write(messages.error(1, *_UNKNOWN))
        return True

    def _effect(self, kind: int, body: bytes) -> Effect:
        if kind == messages.QUERY:
            found = pinning.effect_of(body)
            return pinning.NOTHING if found.is_setting and self.proxy.config["pool"]["is_free_of_settings"] else found
        if kind == messages.PREPARE:
            return Effect(pinning.TOO_LONG if len(body) > STATEMENT_BYTES_MAX else pinning.PREPARED)
        if kind == messages.SET_OPTION:
            return Effect(pinning.OPTIONS)
        if kind == messages.INIT_DB:
            return Effect(database=body.decode("utf-8", "replace"))
        return pinning.NOTHING

    def _is_furnished(self, effect: Effect) -> bool:
        """Whether it has a session that knows what the command asks for; else it waits for one, or has been told that there is none."""
        if self.session is None and effect.wants_last:
            if self.last is not None and self.proxy.pool.take_again(self.last, self):
                self.session = self.last
            if self.session is None and (effect.wants_last == "number" or self.last is None):
                self.transport.pause_reading()
                self._begin(self._carry(f"set last_insert_id = {self.inserted}" if effect.wants_last == "number" else "select 1 from dual where false"))
                return False
            if self.session is None:
                self._unlent(DatabaseError("1235 42000", _OTHERS))
                self._asked = 0.0
                return False
        return self._has_session()

    async def _carry(self, statement: str) -> None:
        """Have another session know what this client's last statement left."""
        try:
            session = await self.proxy.pool.borrow(self)
            session.client = None
            await session.run(statement)
            session.lend(self)
            self.session = session
        except (OSError, TimeoutError, TimedOut, DatabaseError):
            self._why = "What its last statement left is lost."
            self.transport.close()
            return
        self._step = None
        if self.is_gone:
            self.session = None
            self.proxy.pool.give(session)
            return
        self.transport.resume_reading()
        self._walk()

    def _passes(self, kind: int, body: bytes, effect: Effect, data: bytes) -> None:
        session = self.session
        assert session is not None
        self.last = session
        if kind in (messages.QUERY, messages.EXECUTE):
            self.proxy.requested(self)
        if effect.pins is not None:
            self._pins(effect.pins, pinning.digest(body if kind in (messages.QUERY, messages.PREPARE) else b""))
        if kind == messages.SET_OPTION:
            session.is_stale = True
        if kind not in _UNANSWERED:
            session.expect(kind, partial(self._left, effect) if effect.sets or effect.database is not None or effect.dropped is not None else None)
        self._sent = monotonic()
        session.say(data, data)

    def _left(self, effect: Effect) -> None:
        """What it said has succeeded, and left that behind."""
        session = self.session
        if session is None:
            return
        for name, said in effect.sets:
            if name == pinning.NAMES:
                for other in pinning.OF_NAMES:
                    self.settings.pop(other, None)
            self.settings.pop(name, None)
            self.settings[name] = said
        session.settings = dict(self.settings)
        database = "" if effect.dropped is not None and effect.dropped == self.key.database else effect.database
        if database is not None:
            self.key = session.key = self.key._replace(database=database)

    def was_answered(self) -> None:
        session = self.session
        if session is not None:
            self.status, self.inserted = session.status, session.inserted or self.inserted
        super().was_answered()
        self._walk()

    def _unlent(self, failed: DatabaseError | None) -> None:
        size = int.from_bytes(self._buffer[:3], "little")
        self._to_pass, self._goes_on, self._number = HEAD_BYTES + size, size == LONGEST, 1  # to nobody
        self.transport.write(messages.error(1, *(_TIMED_OUT if failed is None else (failed.code, failed.words))))
