"""The aws-chunked framing: a body in sized chunks, each perhaps signed, with checksums perhaps trailing behind.

The framing stands here and knows no key; whoever does hands in how a chunk is proven. What ``feed`` gave out before a
chunk turned out to be another than was signed belongs to a request that fails: nobody may keep it before ``finish``.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from kumoniwa.kernel.errors import AwsError

CHUNK_BYTES_MIN = 8192
LINE_BYTES_MAX = 4096
TRAILERS_MAX = 16
TRAILER_SIGNATURE = "x-amz-trailer-signature"

_HEAD = re.compile(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}|[0-9a-f]{128,144}\*{0,16}))?(?:;.*)?")
# Signatures of Signature Version 4A differ in length, and are filled up with stars so that the length of a body is known before it is signed.


class IncompleteBody(AwsError):
    status = 400
    message = "The request body terminated unexpectedly"


class InvalidChunkSizeError(AwsError):
    status = 403
    message = "Only the last chunk is allowed to have a size less than 8192 bytes"


class MalformedTrailerError(AwsError):
    status = 400
    message = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class Proof(NamedTuple):
    """How the signatures of a body are proven: both raise if one is wrong, and are called in the order of the body."""

    chunk: Callable[[str, str], None]
    """``chunk(signature, SHA-256 of its data)``, the final empty chunk included."""
    trailer: Callable[[str, bytes], None]
    """``trailer(signature, the trailers in canonical lines)``"""


class Decoder:
    """Unframes one body: ``feed`` what arrives, ``finish`` at its end, then look at ``trailers``."""

    def __init__(
        self, proof: Proof | None = None, *, has_trailers: bool = True, length: int | None = None
    ) -> None:
        self.trailers: dict[str, str] = {}
        """Names in lower case; complete when ``finish`` has returned."""
        self._proof, self._has_trailers, self._expected_bytes = proof, has_trailers, length
        self._decoded_bytes = self._left_bytes = 0
        self._held = b""
        """The beginning of a line whose end has not come."""
        self._state = self._head
        self._signature, self._hash = "", sha256()
        self._was_short = self._is_trailer_proven = False
        self._canonical = b""

    def feed(self, piece: bytes) -> bytes:
        """The payload in ``piece``, without its framing. Every byte is looked at once, however small the chunks are."""
        if 0 < len(piece) <= self._left_bytes:
            self._data(piece)
            return piece
        held, self._held = self._held + piece if self._held else piece, b""
        at, payload = 0, []
        while at < len(held):
            if self._left_bytes:
                taken = held[at : at + self._left_bytes]
                self._data(taken)
                payload.append(taken)
                at += len(taken)
                continue
            end = held.find(b"\r\n", at)
            if (end if end >= 0 else len(held)) - at > LINE_BYTES_MAX:
                raise IncompleteBody
            if end < 0:
                self._held = held[at:]
                break
            self._state(held[at:end])
            at = end + 2
        return b"".join(payload)

    def _data(self, taken: bytes) -> None:
        self._left_bytes -= len(taken)
        self._decoded_bytes += len(taken)
        if self._proof is not None:
            self._hash.update(taken)
            if not self._left_bytes:
                self._proof.chunk(self._signature, self._hash.hexdigest())

    # The state is what the next line means ------------------------------------------------------

    def _head(self, line: bytes) -> None:
        found = _HEAD.fullmatch(line)
        if found is None or (self._proof is not None and found[2] is None):
            raise IncompleteBody
        size, self._signature = int(found[1], 16), (found[2] or b"").decode()
        if self._proof is not None:
            self._hash = sha256()
            if size and self._was_short:
                raise InvalidChunkSizeError
            self._was_short = size < CHUNK_BYTES_MIN
            if not size:
                self._proof.chunk(self._signature, self._hash.hexdigest())
        self._left_bytes, self._state = size, self._gap if size else self._trailer

    def _gap(self, line: bytes) -> None:
        if line:
            raise IncompleteBody
        self._state = self._head

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._state = self._over
            return
        name, colon, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        if (
            not self._has_trailers
            or not colon
            or len(self.trailers) >= TRAILERS_MAX
            or self._is_trailer_proven
        ):
            raise MalformedTrailerError
        if name == TRAILER_SIGNATURE:
            if self._proof is not None:
                self._proof.trailer(value, self._canonical)
            self._is_trailer_proven = True
            return
        self.trailers[name] = value
        self._canonical += f"{name}:{value}\n".encode("latin-1")

    def _over(self, line: bytes) -> None:
        if line:
            raise IncompleteBody

    def finish(self) -> None:
        """The body has ended: was it all? Some clients leave out the empty line behind the last chunk."""
        if self._state not in (self._trailer, self._over) or self._held.strip(b"\r\n"):
            raise IncompleteBody
        if self._expected_bytes is not None and self._decoded_bytes != self._expected_bytes:
            raise IncompleteBody(
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            )
        if self._proof is not None and self.trailers and not self._is_trailer_proven:
            raise MalformedTrailerError
