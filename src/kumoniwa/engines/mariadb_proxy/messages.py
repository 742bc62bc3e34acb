"""The packets of MariaDB's protocol: three bytes of length, a number that counts on within a command and its answer, and a body.

https://mariadb.com/kb/en/0-packet/, https://mariadb.com/kb/en/connection/
"""

from __future__ import annotations

from typing import NamedTuple

HEAD_BYTES = 4
LONGEST = 0xFFFFFF
"""A packet of this length goes on in the next."""
OK, MORE_DATA, LOCAL_FILE, EOF, ERROR = 0x00, 0x01, 0xFB, 0xFE, 0xFF
IN_TRANSACTION, AUTOCOMMIT, MORE_RESULTS, CURSOR = 0x0001, 0x0002, 0x0008, 0x0040
"""Of a server's status."""
(
    LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, WITH_DATABASE, IGNORE_SPACE, PROTOCOL_41, INTERACTIVE, TLS, TRANSACTIONS, SECURE, MULTI_STATEMENTS, MULTI_RESULTS,
    PREPARED_MULTI_RESULTS, PLUGINS, ATTRIBUTES, LONG_PROOF,
) = (1 << bit for bit in (0, 1, 2, 3, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19, 20, 21))  # fmt: skip
OFFERED = (
    LONG_PASSWORD | FOUND_ROWS | LONG_FLAG | WITH_DATABASE | IGNORE_SPACE | PROTOCOL_41 | INTERACTIVE | TLS | TRANSACTIONS | SECURE | MULTI_STATEMENTS
    | MULTI_RESULTS | PREPARED_MULTI_RESULTS | PLUGINS | ATTRIBUTES | LONG_PROOF
)  # fmt: skip
"""Not that packets are compressed, which AWS's proxy does not support either, that results end otherwise, or that files of clients are loaded."""
PASSED_ON = FOUND_ROWS | IGNORE_SPACE | INTERACTIVE | MULTI_STATEMENTS | MULTI_RESULTS | PREPARED_MULTI_RESULTS
"""What a session must have agreed to as its client did."""
OWN = LONG_PASSWORD | LONG_FLAG | PROTOCOL_41 | TRANSACTIONS | SECURE | PLUGINS
(
    QUIT, INIT_DB, QUERY, FIELD_LIST, STATISTICS, KILL, PING, PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET_STATEMENT, SET_OPTION, FETCH, RESET,
) = 0x01, 0x02, 0x03, 0x04, 0x09, 0x0C, 0x0E, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1F  # fmt: skip
"""Commands."""


class Malformed(Exception):
    """What was said is no packet of the kind that it had to be."""


class Login(NamedTuple):
    flags: int
    charset: int
    user: str
    proof: bytes
    database: str
    plugin: str


def packet(number: int, body: bytes) -> bytes:
    """One of less than 16 MiB."""
    return len(body).to_bytes(3, "little") + bytes([number & 0xFF]) + body


def ok(number: int, status: int) -> bytes:
    return packet(number, b"\0\0\0" + status.to_bytes(2, "little") + b"\0\0")


def error(number: int, code: str, words: str) -> bytes:
    """``code`` is a number and a state, ``1045 28000``; without a number it is who comes in that is refused."""
    digits, _, state = code.rpartition(" ")
    return packet(number, bytes([ERROR]) + int(digits or 1045).to_bytes(2, "little") + b"#" + state.encode() + words.encode())


def failure(body: bytes) -> tuple[str, str]:
    """The code and the words of an error; before a session there is no state."""
    number = int.from_bytes(body[1:3], "little")
    if body[3:4] == b"#":
        return f"{number} {body[4:9].decode('latin-1')}", body[9:].decode("utf-8", "replace")
    return f"{number} HY000", body[3:].decode("utf-8", "replace")


def integer(body: bytes, place: int) -> tuple[int, int]:
    """A number of as many bytes as its first says, and where it ends."""
    first = body[place]
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first)
    if size is None:
        return first, place + 1
    return int.from_bytes(body[place + 1 : place + 1 + size], "little"), place + 1 + size


def status(body: bytes) -> tuple[int, int]:
    """What an OK or an EOF tells: the number that was inserted last and the status."""
    if body[0] == EOF:
        return 0, int.from_bytes(body[3:5], "little")
    _, place = integer(body, 1)
    inserted, place = integer(body, place)
    return inserted, int.from_bytes(body[place : place + 2], "little")


def greeting(version: str, thread: int, nonce: bytes, plugin: str) -> bytes:
    flags = OFFERED.to_bytes(4, "little")
    return packet(
        0, b"\x0a" + version.encode() + b"\0" + thread.to_bytes(4, "little") + nonce[:8] + b"\0" + flags[:2] + b"\x2d" + AUTOCOMMIT.to_bytes(2, "little")
        + flags[2:] + bytes([len(nonce) + 1]) + bytes(10) + nonce[8:] + b"\0" + plugin.encode() + b"\0",
    )  # fmt: skip


def greeted(body: bytes) -> tuple[int, bytes, str]:
    """The thread's number, the nonce and the plugin of a server's greeting. Raises Malformed."""
    if body[:1] != b"\x0a" or b"\0" not in body:
        raise Malformed
    place = body.index(b"\0") + 1
    thread, rest = int.from_bytes(body[place : place + 4], "little"), body[place + 31 :]
    nonce, _, plugin = rest[:12], rest[12:13], rest[13:].partition(b"\0")[0]
    return thread, body[place + 4 : place + 12] + nonce, plugin.decode("latin-1")


def _until_zero(body: bytes, place: int) -> tuple[bytes, int]:
    end = body.find(b"\0", place)
    if end < 0:
        raise Malformed
    return body[place:end], end + 1


def login(body: bytes) -> Login:
    """How a client answers a greeting. Raises Malformed."""
    flags = int.from_bytes(body[:4], "little") & OFFERED
    if len(body) < 33 or not flags & PROTOCOL_41:
        raise Malformed
    user, place = _until_zero(body, 32)
    if flags & (LONG_PROOF | SECURE):
        if place >= len(body):
            raise Malformed
        size, place = integer(body, place) if flags & LONG_PROOF else (body[place], place + 1)
        proof, place = body[place : place + size], place + size
        if place > len(body):
            raise Malformed
    else:
        proof, place = _until_zero(body, place)
    database, plugin = b"", b"mysql_native_password"
    if flags & WITH_DATABASE and place < len(body):
        database, place = _until_zero(body, place)
    if flags & PLUGINS and place < len(body):
        plugin = body[place:].partition(b"\0")[0]
    try:
        return Login(flags, body[8], user.decode(), proof, database.decode(), plugin.decode("latin-1"))
    except UnicodeDecodeError:
        raise Malformed from None


def answer(key_flags: int, charset: int, user: str, proof: bytes, database: str) -> bytes:
    """How a session answers its server's greeting."""
    flags = OWN | key_flags | (WITH_DATABASE if database else 0)
    said = user.encode() + b"\0" + bytes([len(proof)]) + proof + (database.encode() + b"\0" if database else b"") + b"mysql_native_password\0"
    return packet(1, flags.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + bytes([charset]) + bytes(23) + said)
