"""The messages of PostgreSQL's protocol, version 3: a letter, a length that counts itself, and a body.

https://www.postgresql.org/docs/18/protocol-message-formats.html
"""

from __future__ import annotations

import struct

HEAD_BYTES = 5
READY = b"Z\0\0\0\5I"
"""ReadyForQuery, in no transaction."""
_SIZE = struct.Struct(">I")


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + _SIZE.pack(len(body) + 4) + body


def request(body: bytes) -> bytes:
    """One of the messages before a session, which have no letter."""
    return _SIZE.pack(len(body) + 4) + body


def text(*parts: str) -> bytes:
    """Texts as the protocol spells them: each with a zero behind it."""
    return b"".join(part.encode() + b"\0" for part in parts)


def error(code: str, words: str, severity: str = "FATAL") -> bytes:
    return message(b"E", b"".join(kind + said.encode() + b"\0" for kind, said in ((b"S", severity), (b"V", severity), (b"C", code), (b"M", words))) + b"\0")


def fields(body: bytes) -> dict[str, str]:
    """What an ErrorResponse says, by the letters of its fields."""
    return {part[:1].decode("latin-1"): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def statement(kind: int, body: bytes) -> tuple[bytes, bytes, bytes]:
    """Parse, Bind, Describe and Close around the name of a prepared statement: what stands before it, the name, what comes behind it."""
    begin = 0 if kind == 0x50 else 1 if kind in (0x44, 0x43) else body.index(b"\0") + 1
    end = body.index(b"\0", begin)
    return body[:begin], body[begin:end], body[end:]


def pairs(body: bytes) -> dict[str, str]:
    """The parameters of a StartupMessage."""
    parts = [part.decode("utf-8", "replace") for part in body.split(b"\0")]
    return {name: value for name, value in zip(parts[::2], parts[1::2]) if name}
