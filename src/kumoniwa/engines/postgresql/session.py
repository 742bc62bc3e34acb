"""One session with a server as the Data API holds it: the protocol of PostgreSQL, spoken over the server's own socket.

asyncpg, which serves the owner's sessions, cannot say of which type a parameter is, nor tell which table a column is of, how it was declared, or how
the server itself writes a value. So here is as much of the protocol as one statement at a time needs: values in text, both ways.
https://www.postgresql.org/docs/18/protocol-flow.html, …/protocol-message-formats.html, …/sasl-authentication.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import struct
from typing import NamedTuple

SOCKET = ".s.PGSQL.5432"
_VERSION = 196_608
_CANCEL = 80_877_102
_PIECE_BYTES = 1 << 16
_LENGTH = struct.Struct(">i")
_COLUMN = struct.Struct(">ihihih")
_SASL, _SASL_CONTINUE, _SASL_FINAL = 10, 11, 12


class Refused(Exception):
    """What the server said against a statement, or against who wants to come in. ``fields`` are its own, by their letters."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__(fields.get("M", ""))

    @property
    def state(self) -> str:
        return self.fields.get("C", "")


class Gone(Exception):
    """The server ended, or nobody answers at its socket."""


class Copies(Exception):
    """The statement is a COPY from or to its client, which is none. The session is of no more use."""


class Column(NamedTuple):
    name: str
    table: int
    """The number of the table it is of, and its own number there; both 0 of what was computed."""
    number: int
    type: int
    size: int
    modifier: int


class Result(NamedTuple):
    columns: list[Column] | None
    """None of a statement that has no rows by its nature."""
    rows: list[list[str | None]]
    tag: str
    """Such as ``INSERT 0 1``."""
    is_whole: bool
    """False where the rows were more than was asked for at most; none are told then."""

    @property
    def count(self) -> int:
        last = self.tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _LENGTH.pack(len(body) + 4) + body


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _fields(body: bytes) -> dict[str, str]:
    parts = [part.decode("utf-8", "replace") for part in body.split(b"\0") if part]
    return {part[0]: part[1:] for part in parts}


class _Scram:
    """RFC 5802 and 7677. A password is taken as it is: what is no ASCII would have to be prepared by RFC 4013."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        self.bare = f"n=,r={self.nonce}"

    def first(self) -> bytes:
        said = f"n,,{self.bare}".encode()
        return _text("SCRAM-SHA-256") + _LENGTH.pack(len(said)) + said

    async def last(self, told: str) -> bytes:
        parts = dict(part.split("=", 1) for part in told.split(","))
        salted = await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", self.password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={parts['r']}"
        signed = hmac.digest(hashlib.sha256(key).digest(), f"{self.bare},{told},{final}".encode(), "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signed))
        return f"{final},p={base64.b64encode(proof).decode()}".encode()


class Session:
    """``status`` is the server's: ``I`` idle, ``T`` in a transaction, ``E`` in one that failed. One statement at a time."""

    def __init__(self, folder: str, reader: _Ear, writer: asyncio.StreamWriter) -> None:
        self.folder, self.reader, self.writer = folder, reader, writer
        self.pid = 0
        self.secret = b""
        self.status = "I"
        self.is_left = False
        """Whether a statement goes on in it of which nobody wants to hear: it ends with that."""

    @classmethod
    async def opened(cls, folder: str, user: str, password: str, database: str, **settings: str) -> Session:
        """A session with the server whose data lies in a folder. Raises Refused, Gone."""
        self = cls(folder, *await _reached(folder))
        try:
            said = {"user": user, "database": database, "client_encoding": "UTF8", **settings}
            body = b"".join(_text(name) + _text(value) for name, value in said.items()) + b"\0"
            self.writer.write(_LENGTH.pack(len(body) + 8) + _LENGTH.pack(_VERSION) + body)
            await self._come_in(password)
        except BaseException:
            self.abort()
            raise
        return self

    async def _come_in(self, password: str) -> None:
        scram = _Scram(password)
        while True:
            kind, body = await self._heard()
            if kind == b"R":
                (asked,) = _LENGTH.unpack_from(body)
                if asked == _SASL:
                    self.writer.write(_message(b"p", scram.first()))
                elif asked == _SASL_CONTINUE:
                    self.writer.write(_message(b"p", await scram.last(body[4:].decode())))
                elif asked not in (0, _SASL_FINAL):
                    raise Gone(f"the server wants a proof of kind {asked}")
            elif kind == b"K":
                (self.pid,) = _LENGTH.unpack_from(body)
                self.secret = body[4:]
            elif kind == b"E":
                raise Refused(_fields(body))
            elif kind == b"Z":
                return

    async def _heard(self) -> tuple[bytes, bytes]:
        kind, size = await self._head()
        return kind, await self._body(size)

    async def _head(self) -> tuple[bytes, int]:
        head = await self._read(5)
        return head[:1], _LENGTH.unpack_from(head, 1)[0] - 4

    async def _body(self, size: int) -> bytes:
        return await self._read(size) if size else b""

    async def _read(self, size: int) -> bytes:
        try:
            return await self.reader.readexactly(size)
        except (OSError, EOFError) as error:
            raise Gone(str(error)) from None

    async def _skip(self, size: int) -> None:
        while size:
            size -= len(await self._read(min(size, _PIECE_BYTES)))

    async def run(self, statement: str, types: tuple[int, ...] = (), values: tuple[str | None, ...] = (), bytes_max: int | None = None) -> Result:
        """What a statement does with parameters of these types; 0 leaves one to the server. Raises Refused, Gone, Copies."""
        return (await self.run_each(statement, types, [values], bytes_max))[0]

    async def run_each(
        self, statement: str, types: tuple[int, ...], sets: list[tuple[str | None, ...]], bytes_max: int | None = None
    ) -> list[Result]:
        """The same for each set of values, one after the other until the server refuses one: where nobody began a transaction, all or nothing."""
        said = [_message(b"P", b"\0" + _text(statement) + struct.pack(f">H{len(types)}I", len(types), *types))]
        for values in sets:
            held = b"".join(_LENGTH.pack(-1) if value is None else _LENGTH.pack(len(value.encode())) + value.encode() for value in values)
            said.append(_message(b"B", b"\0\0" + struct.pack(">HH", 0, len(values)) + held + struct.pack(">HH", 1, 0)))
            said += (_message(b"D", b"P\0"), _message(b"E", b"\0" + _LENGTH.pack(0)))
        self.writer.write(b"".join(said) + _message(b"S", b""))
        results: list[Result] = []
        refused: Refused | None = None
        columns: list[Column] | None = None
        rows: list[list[str | None]] = []
        taken = 0
        while True:
            kind, size = await self._head()
            if kind == b"D":
                taken += size
                if bytes_max is not None and taken > bytes_max:
                    rows.clear()
                    await self._skip(size)
                else:
                    rows.append(_row(await self._body(size)))
                continue
            body = await self._body(size)
            if kind == b"T":
                columns = _columns(body)
            elif kind == b"n":
                columns = None
            elif kind in (b"C", b"I"):
                results.append(Result(columns, rows, body.rstrip(b"\0").decode(), bytes_max is None or taken <= bytes_max))
                rows, taken = [], 0
            elif kind == b"E":
                refused = Refused(_fields(body))
            elif kind in (b"G", b"H", b"W"):
                raise Copies
            elif kind == b"Z":
                self.status = body.decode()
                if refused is not None:
                    raise refused
                return results

    async def cancel(self) -> None:
        """Ask the server to give up the statement that it works at; it says so to whoever waits for it."""
        try:
            _, writer = await _reached(self.folder)
        except Gone:
            return
        body = _LENGTH.pack(_CANCEL) + _LENGTH.pack(self.pid) + self.secret
        writer.write(_LENGTH.pack(len(body) + 4) + body)
        writer.close()

    def close(self) -> None:
        """In good order, where nothing is under way."""
        if not self.writer.is_closing():
            self.writer.write(_message(b"X", b""))
        self.writer.close()

    def abort(self) -> None:
        self.writer.transport.abort()

    @property
    def is_open(self) -> bool:
        return not self.reader.is_over and not self.writer.is_closing() and self.reader.exception() is None


class _Ear(asyncio.StreamReader):
    """It knows that nothing more will come, also while there is something left to read: a server that ends says so first."""

    is_over = False

    def feed_eof(self) -> None:
        self.is_over = True
        super().feed_eof()


async def _reached(folder: str) -> tuple[_Ear, asyncio.StreamWriter]:
    # The name of a socket is short, that of a data folder need not be.
    try:
        here = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        raise Gone(str(error)) from None
    try:
        loop, reader = asyncio.get_running_loop(), _Ear()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_unix_connection(lambda: protocol, f"/proc/self/fd/{here}/{SOCKET}")
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
    except OSError as error:
        raise Gone(str(error)) from None
    finally:
        os.close(here)


def _columns(body: bytes) -> list[Column]:
    (count,) = struct.unpack_from(">H", body)
    found, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        table, number, type_, size, modifier, _ = _COLUMN.unpack_from(body, end + 1)
        found.append(Column(body[at:end].decode(), table & 0xFFFF_FFFF, number, type_ & 0xFFFF_FFFF, size, modifier))
        at = end + 1 + _COLUMN.size
    return found


def _row(body: bytes) -> list[str | None]:
    (count,) = struct.unpack_from(">H", body)
    found: list[str | None] = []
    at = 2
    for _ in range(count):
        (size,) = _LENGTH.unpack_from(body, at)
        at += 4
        if size < 0:
            found.append(None)
        else:
            found.append(body[at : at + size].decode())
            at += size
    return found
