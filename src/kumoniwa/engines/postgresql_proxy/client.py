"""One client that speaks PostgreSQL's protocol: how it proves who it is, and what becomes of its messages on their way to a session."""

from __future__ import annotations

import asyncio
import hmac
import os
from functools import partial
from typing import TYPE_CHECKING

from kumoniwa.engines.database_proxy import client
from kumoniwa.engines.database_proxy.client import SAID_GOODBYE
from kumoniwa.engines.database_proxy.pool import TimedOut
from kumoniwa.engines.database_proxy.session import DatabaseError, Key
from kumoniwa.engines.postgresql_proxy import messages, pinning, scram
from kumoniwa.engines.postgresql_proxy.messages import HEAD_BYTES, READY, error, message, statement, text
from kumoniwa.engines.postgresql_proxy.session import Due
from kumoniwa.kernel.clock import monotonic

if TYPE_CHECKING:
    from kumoniwa.engines.database_proxy.keeper import Endpoint
    from kumoniwa.engines.postgresql_proxy.session import Session

_CANCEL, _TLS, _GSS = 80877102, 80877103, 80877104
_OPENING_BYTES_MAX, _MESSAGE_BYTES_MAX = 10_000, 1 << 30
SETTINGS = {
    "client_encoding": "client_encoding", "application_name": "application_name", "datestyle": "DateStyle", "timezone": "TimeZone",
    "intervalstyle": "IntervalStyle", "extra_float_digits": "extra_float_digits",
}  # fmt: skip
"""What a client may ask for as it connects: what drivers do. Which of them AWS's proxy takes is not documented, but that it refuses others is."""
_TELL = (
    "server_version", "server_encoding", "client_encoding", "application_name", "is_superuser", "session_authorization", "DateStyle", "IntervalStyle",
    "TimeZone", "integer_datetimes", "standard_conforming_strings", "default_transaction_read_only", "in_hot_standby", "scram_iterations",
    "search_path",
)  # fmt: skip
_QUERY, _PARSE, _BIND, _DESCRIBE, _EXECUTE, _CLOSE, _CALL = b"QPBDECF"
_SYNC, _FLUSH, _TERMINATE = b"SHX"
_COPYING = frozenset(b"dcf")


class _Refused(Exception):
    def __init__(self, code: str, words: str) -> None:
        self.code, self.words = code, words
        super().__init__(words)


class Client(client.Client):
    session: Session | None

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.statements: dict[bytes, tuple[bytes, str | None]] = {}
        """What each is that was prepared, and why it would pin."""
        self.is_skipping = False
        """Whether it is told nothing until the end of its request, because that failed."""
        self._is_proving = False
        """Whether it has said who it is; what it says while its connection is being encrypted waits."""
        self._to_pass = 0
        self._inbox: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()

    # Coming in --------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = monotonic()
        if self._to_pass and not self._buffer:
            passed = data[: self._to_pass]
            self._to_pass -= len(passed)
            if self.session is not None:
                self.session.transport.write(passed)
            data = data[len(passed) :]
            if not data:
                return
        self._buffer += data
        if self.is_in:
            if self._step is None:
                self._walk()
        elif self._step is None:
            self._look()
        elif self._is_proving:
            self._prove()

    def _look(self) -> None:
        """What is said before a session: packets without a letter, each with its length."""
        buffer = self._buffer
        while len(buffer) >= 8:
            size, code = int.from_bytes(buffer[:4], "big"), int.from_bytes(buffer[4:8], "big")
            if not 8 <= size <= _OPENING_BYTES_MAX:
                self.transport.abort()
                return
            if len(buffer) < size:
                return
            body = bytes(buffer[8:size])
            del buffer[:size]
            if code == _TLS and not self.is_encrypted:
                if buffer:
                    self.transport.abort()  # said in plain before the handshake: CVE-2021-23214
                    return
                self._begin(self._encrypt())
                return
            if code in (_TLS, _GSS):
                self.transport.write(b"N")
                continue
            if code == _CANCEL:
                # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg: it is not supported.
                self.transport.close()
                return
            self._is_proving = True
            self._begin(self._enter(code, body))
            self._prove()
            return

    async def _encrypt(self) -> None:
        self.transport.write(b"S")
        if await self._to_tls():
            self._look()

    def _prove(self) -> None:
        """Messages of the authentication."""
        buffer = self._buffer
        while len(buffer) >= HEAD_BYTES:
            end = 1 + int.from_bytes(buffer[1:HEAD_BYTES], "big")
            if not HEAD_BYTES <= end <= _OPENING_BYTES_MAX:
                self.transport.abort()
                return
            if len(buffer) < end or self.is_in:
                return
            self._inbox.put_nowait((bytes(buffer[:1]), bytes(buffer[HEAD_BYTES:end])))
            del buffer[:end]

    async def _enter(self, code: int, body: bytes) -> None:
        """The texts are AWS's: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html; codes as its users saw
        them, or PostgreSQL's for the same."""
        try:
            wanted = self._read_startup(code, messages.pairs(body))
            await self._authenticate()
            parameters = await self._parameters(wanted)
        except _Refused as refused:
            if refused.code.startswith("28"):
                self.proxy.figures.count("ClientConnectionsSetupFailedAuth")
            self._kept_out(refused.words)
            self._refuse(refused.code, refused.words)
        except TimedOut:
            self._refuse("08000", "Timed-out waiting to acquire database connection.")
        except DatabaseError as failed:
            self._refuse(failed.code, f"Request returned an error: {failed.words}")
        else:
            told = b"".join(message(b"S", text(name, parameters[name])) for name in _TELL if name in parameters)
            self.transport.write(message(b"R", bytes(4)) + told + message(b"K", os.urandom(8)) + READY)
            self._let_in()
            self._walk()

    def _refuse(self, code: str, words: str) -> None:
        self.transport.write(error(code, words))
        self.transport.close()

    def _read_startup(self, code: int, said: dict[str, str]) -> dict[str, str]:
        if code >> 16 != 3:
            raise _Refused("0A000", "Feature not supported: RDS Proxy supports only version 3.0 of the PostgreSQL messaging protocol.")
        foreign = [name for name in said if name.startswith("_pq_.")]
        if code & 0xFFFF or foreign:
            self.transport.write(message(b"v", (3 << 16).to_bytes(4, "big") + len(foreign).to_bytes(4, "big") + text(*foreign)))
        user = said.pop("user", "")
        if not user:
            raise _Refused("28000", "A user name is missing from the connection startup packet. Provide a user name for this connection.")
        self.key = Key(user, said.pop("database", "") or user)
        if said.pop("replication", "false") not in ("false", "off", "no", "0"):
            raise _Refused("0A000", "Feature not supported: RDS Proxy currently doesn't support streaming replication mode.")
        if said.pop("options", ""):
            raise _Refused("0A000", "Feature not supported: RDS Proxy currently doesn't support command-line options.")
        for name in said:
            if name.lower() not in SETTINGS and name not in foreign:
                raise _Refused("0A000", f"Feature not supported: RDS Proxy currently doesn't support the option {name}.")
        if self.proxy.config["requires_tls"] and not self.is_encrypted:
            raise _Refused("28000", "This RDS Proxy requires TLS connections.")
        return {SETTINGS[name.lower()]: value for name, value in said.items() if name not in foreign}

    async def _next(self) -> bytes:
        kind, body = await self._inbox.get()
        if kind != b"p":
            raise _Refused("08P01", "RDS supports only IAM, SCRAM or MD5 authentication.")
        return body

    async def _authenticate(self) -> None:
        user = self.proxy.users.get(self.key.user) or await self.proxy.latest(self.key.user)
        role = self.key.user
        if user is None:
            raise _Refused("28000", f"This RDS proxy has no credentials for the role {role}. Check the credentials for this role and try again.")
        if user["auth"] == "iam":
            if not self.is_encrypted:
                raise _Refused("28000", "IAM authentication is allowed only with SSL connections.")
            self.transport.write(message(b"R", (3).to_bytes(4, "big")))
            token = (await self._next()).rstrip(b"\0").decode("utf-8", "replace")
            if not await self.proxy.judged(token, role, self.endpoint):
                raise _Refused("28000", f"The IAM authentication failed for the role {role}. Check the IAM token for this role and try again.")
            return
        wrong = _Refused("28P01", f"The password that was provided for the role {role} is wrong.")
        if user["auth"] == "md5":
            salt = os.urandom(4)
            self.transport.write(message(b"R", (5).to_bytes(4, "big") + salt))
            given = (await self._next()).rstrip(b"\0")
            if not hmac.compare_digest(given, scram.md5(role, user["password"], salt)):
                latest = await self.proxy.latest(role)
                if latest is None or not hmac.compare_digest(given, scram.md5(role, latest["password"], salt)):
                    raise wrong
            return
        await self._prove_scram(user["password"], wrong)

    async def _prove_scram(self, password: str, wrong: _Refused) -> None:
        self.transport.write(message(b"R", (10).to_bytes(4, "big") + text(scram.MECHANISM) + b"\0"))
        first = await self._next()
        mechanism, _, rest = first.partition(b"\0")
        if mechanism.decode("latin-1") != scram.MECHANISM or len(rest) < 4:
            raise _Refused("08P01", "RDS supports only IAM, SCRAM or MD5 authentication.")
        judge = scram.Judge(password, self.proxy.salt)
        try:
            self.transport.write(message(b"R", (11).to_bytes(4, "big") + judge.challenge(rest[4:])))
            final = await self._next()
            try:
                proof = judge.judge(final)
            except scram.Refused:
                latest = await self.proxy.latest(self.key.user)
                if latest is None or latest["password"] == password:
                    raise
                judge.password = latest["password"]
                proof = judge.judge(final)
        except scram.Refused:
            raise wrong from None
        self.transport.write(message(b"R", (12).to_bytes(4, "big") + proof))

    async def _parameters(self, wanted: dict[str, str]) -> dict[str, str]:
        """What the database tells who connects so; it is asked once."""
        self.settings = wanted
        known = self.proxy.told.get((self.key, tuple(sorted(wanted.items()))))
        if known is None:
            session = await self.proxy.pool.borrow(self)
            known = self.proxy.told[self.key, tuple(sorted(wanted.items()))] = dict(session.parameters)
            self.proxy.pool.give(session)
        return known

    # Its requests -----------------------------------------------------------------------------

    def _walk(self) -> None:
        """All that has come whole."""
        buffer, parts, said = self._buffer, [], bytearray()
        while len(buffer) >= HEAD_BYTES and not self.is_gone:
            kind = buffer[0]
            end = 1 + int.from_bytes(buffer[1:HEAD_BYTES], "big")
            if not HEAD_BYTES <= end <= _MESSAGE_BYTES_MAX:
                self._refuse("08P01", "invalid message length")
                return
            if len(buffer) < end:
                if kind == 0x64:  # CopyData may be long
                    parts.append(bytes(buffer))
                    said += buffer
                    self._to_pass = end - len(buffer)
                    buffer.clear()
                break
            if kind == _TERMINATE:
                buffer.clear()
                self._why = SAID_GOODBYE
                break
            self._asked = self._asked or monotonic()
            if kind not in _COPYING and not self.is_skipping and not self._has_session():
                return
            raw = bytes(buffer[:end])
            del buffer[:end]
            said += raw
            parts.append(self._said(kind, raw))
        if self.session is not None and parts:
            self._sent = monotonic()
            self.session.say(b"".join(parts), bytes(said))
        if self._why == SAID_GOODBYE:
            self.transport.close()

    def _unlent(self, failed: DatabaseError | None) -> None:
        if failed is None:
            self.transport.write(error("08000", "Timed-out waiting to acquire database connection.", "ERROR"))
        else:
            self.transport.write(error(failed.code, f"Request returned an error: {failed.words}", "ERROR"))
        self.is_skipping = True

    def _said(self, kind: int, raw: bytes) -> bytes:
        """What the database is told instead of a message."""
        if self.is_skipping:
            if kind in (_QUERY, _SYNC, _CALL):
                self.is_skipping = self.is_open = False
                self.transport.write(READY)
            return b""
        session = self.session
        if session is None:
            return b""  # of a copy that has failed
        body = raw[HEAD_BYTES:]
        if kind == _QUERY:
            self.proxy.requested(self)
            self._would_pin(pinning.reason_of(body[:-1]), body)
            session.unnamed, self.is_open = None, False
            self.statements.pop(b"", None)
            session.due.append(Due("end"))
        elif kind == _CALL:
            self.is_open = False
            session.due.append(Due("end"))
        elif kind == _SYNC:
            self.is_open = False
            session.sync()
        elif kind in _COPYING:
            session.is_copying = session.is_copying and kind == 0x64
        else:
            self.is_open = True
            if kind == _EXECUTE:
                self.proxy.requested(self)
            elif kind != _FLUSH:
                return self._prepares(session, kind, body)
        return raw

    def _prepares(self, session: Session, kind: int, body: bytes) -> bytes:
        """Messages that name a prepared statement."""
        try:
            before, name, behind = statement(kind, body)
        except ValueError:
            return message(bytes([kind]), body)  # the database says what is wrong with it
        if kind == _PARSE:
            content = behind[1:]
            if name and (same := self.statements.get(name)) is not None:
                return session.parse_again(name, same[0], content)
            self.statements[name] = (content, pinning.reason_of(content.partition(b"\0")[0]))
            return session.parse(name, content, partial(self.statements.pop, name, None))
        if kind in (_DESCRIBE, _CLOSE) and before == b"P":
            if kind == _CLOSE:
                session.due.append(Due("close"))
            return message(bytes([kind]), body)
        if kind == _CLOSE:
            closed = self.statements.pop(name, None)
            return session.close_statement(lambda: None if closed is None else self.statements.setdefault(name, closed) and None)
        content, reason = self.statements.get(name, (None, None))
        if kind == _BIND and content is not None:
            self._would_pin(reason, content)
        called, injected = session.named(name, content)
        return injected + message(bytes([kind]), before + called + behind)

    def _would_pin(self, reason: str | None, sql: bytes) -> None:
        if reason is not None:
            self._pins(reason, pinning.digest(sql.partition(bytes(1))[0]))
