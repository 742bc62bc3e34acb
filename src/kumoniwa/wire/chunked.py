"""The aws-chunked encoding: a body in signed or unsigned chunks, with checksums trailing behind.

The decoder takes bytes as they come and gives back data as soon as it may be believed: unsigned data at once, signed
data when its chunk is complete and whoever knows the key has agreed to its signature.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from kumoniwa.kernel.errors import AwsError

SIGNED = frozenset({"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"})
UNSIGNED = frozenset({"STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
LINE_BYTES_MAX = 8192
TRAILERS_MAX = 16
CHUNK_BYTES_MAX = 16 << 20
"""A signed chunk is held until its signature is known to be right, so its size is bounded."""

_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\Z")

Verify = Callable[[str, bytes], None]
"""``verify(signature, sha256 of the chunk's data)``: raises if the signature is wrong. Called in order, the final empty
chunk included; the signature chains from the one before."""
VerifyTrailer = Callable[[str, bytes], None]
"""``verify(signature, the trailer's canonical lines)``, after the last chunk."""


class IncompleteBody(AwsError):
    status = 400
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class InvalidChunk(AwsError):
    """The body is not framed as aws-chunked bodies are."""

    code = "InvalidRequest"
    status = 400
    message = "The body is not a valid aws-chunked stream."


class ChunkDecoder:
    """Decodes one body. ``feed`` what arrives, ``close`` at its end, then look at ``trailers``."""

    def __init__(self, verify: Verify | None = None, verify_trailer: VerifyTrailer | None = None) -> None:
        self.trailers: dict[str, str] = {}
        """Names in lower case, once the body is complete."""
        self.decoded_bytes = 0
        self.is_complete = False
        self._verify = verify
        self._verify_trailer = verify_trailer
        self._buffer = bytearray()
        self._state = self._head
        self._left = 0
        self._signature = ""
        self._digest = hashlib.sha256()
        self._held: list[bytes] = []
        self._trailer_lines: list[bytes] = []

    def feed(self, piece: bytes) -> bytes:
        """The data that has become certain. Raises `InvalidChunk`, or what ``verify`` raises."""
        self._buffer += piece
        out: list[bytes] = []
        while self._state(out):
            pass
        return out[0] if len(out) == 1 else b"".join(out)

    def close(self) -> None:
        """The body has ended: raises `IncompleteBody` if it had not yet."""
        if not self.is_complete and not self._finished_without_trailer():
            raise IncompleteBody

    def _finished_without_trailer(self) -> bool:
        # Some clients leave out the empty line behind the last chunk.
        done = self._state == self._trailer and not self._buffer
        if done:
            self._finish()
        return done

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0 or end > LINE_BYTES_MAX:
            if len(self._buffer) > LINE_BYTES_MAX:
                raise InvalidChunk
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _head(self, out: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        found = _HEAD.match(line)
        if found is None or (self._verify is not None and found[2] is None):
            raise InvalidChunk
        self._left = int(found[1], 16)
        self._signature = (found[2] or b"").decode()
        self._digest = hashlib.sha256()
        if self._verify is not None and self._left > CHUNK_BYTES_MAX:
            raise InvalidChunk
        if self._left:
            self._state = self._data
        else:
            self._agree()
            self._state = self._trailer
        return True

    def _data(self, out: list[bytes]) -> bool:
        if not self._buffer:
            return False
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        self.decoded_bytes += len(piece)
        if self._verify is None:
            out.append(piece)
        else:
            self._digest.update(piece)
            self._held.append(piece)
        if not self._left:
            self._agree()
            out += self._held
            self._held = []
            self._state = self._gap
        return True

    def _agree(self) -> None:
        if self._verify is not None:
            self._verify(self._signature, self._digest.digest())

    def _gap(self, out: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise InvalidChunk
        self._state = self._head
        return True

    def _trailer(self, out: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        if not line:
            self._finish()
            return False
        name, colon, value = line.partition(b":")
        if not colon or len(self.trailers) >= TRAILERS_MAX:
            raise InvalidChunk
        spelled, text = name.strip().lower(), value.strip()
        if spelled != b"x-amz-trailer-signature":
            self._trailer_lines.append(spelled + b":" + text + b"\n")
        self.trailers[spelled.decode("latin-1")] = text.decode("latin-1")
        return True

    def _finish(self) -> None:
        signature = self.trailers.pop("x-amz-trailer-signature", "")
        if self._verify_trailer is not None:
            self._verify_trailer(signature, b"".join(self._trailer_lines))
        self.is_complete = True
        self._state = self._over

    def _over(self, out: list[bytes]) -> bool:
        if self._buffer.strip(b"\r\n"):
            raise InvalidChunk
        return False
