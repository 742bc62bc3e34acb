"""The first words of a client that speaks TLS: which host it wants, told before anything is encrypted (RFC 8446, 4.1.2; RFC 6066, 3)."""

from __future__ import annotations

RECORD, HELLO = 0x16, 0x01
RECORD_HEAD_BYTES = 5
RECORD_BYTES_MAX = 1 << 14
SERVER_NAME = 0
RANDOM_BYTES = 34
"""Of the version and the client's random number, which come first."""


class Incomplete(Exception):
    """More of it is still to come."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> bytes:
        """What its length stands before."""
        return self.take(self.number(size))


def host_of(head: bytes) -> str | None:
    """The name that the client says, in small letters; None if it says none, or nothing that can be read. Raises Incomplete."""
    size = int.from_bytes(head[3:RECORD_HEAD_BYTES], "big")
    if len(head) > RECORD_HEAD_BYTES and (size > RECORD_BYTES_MAX or head[RECORD_HEAD_BYTES] != HELLO):
        return None
    if len(head) <= RECORD_HEAD_BYTES or len(head) < RECORD_HEAD_BYTES + size:
        raise Incomplete
    try:
        record = _Reader(head[: RECORD_HEAD_BYTES + size])
        if record.number(1) != RECORD:
            return None
        record.take(4)
        if record.number(1) != HELLO:
            return None
        hello = _Reader(record.block(3))
        hello.take(RANDOM_BYTES)
        for size in (1, 2, 1):  # the session, the ciphers, the compressions
            hello.block(size)
        extensions = _Reader(hello.block(2))
        while extensions.at < len(extensions.data):
            kind, content = extensions.number(2), extensions.block(2)
            if kind == SERVER_NAME:
                names = _Reader(_Reader(content).block(2))
                return names.block(2).decode("ascii").lower() if names.number(1) == SERVER_NAME else None
    except ValueError:
        return None
    return None
