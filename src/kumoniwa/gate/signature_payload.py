"""Bodies that prove themselves while they arrive: S3's declared hash, signed chunks and trailers.

The header's signature covers only what the client *declares* of its body. Each class here is fed the pieces as they come,
gives back the payload, and raises at the first chunk whose signature is another; what was handed out before that belongs
to a request that fails, so nobody may keep it before ``finish`` returned.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from kumoniwa.gate import signature, signature_refusals

if TYPE_CHECKING:
    from kumoniwa.gate.signature import Claim
    from kumoniwa.wire.message import Request

CHUNK_BYTES_MIN = 8192
LINE_BYTES_MAX = 4096
TRAILERS_MAX = 16


class ProvenStream:
    """The payload of a body that is still arriving. Its end is reached only if all of it was what the client signed."""

    def __init__(self, request: Request, proof: Whole | Chunks) -> None:
        self._request, self._stream, self._proof = request, request.stream, proof
        length = request.headers.get("x-amz-decoded-content-length", "")
        self.length = int(length) if re.fullmatch(r"\d{1,15}", length) else request.stream.length
        """Bytes of the payload, None if nobody said."""

    def __aiter__(self) -> ProvenStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            return self._proof.feed(await anext(self._stream))
        except StopAsyncIteration:
            self._proof.finish()
            self._request.trailers = self._proof.trailers
            raise


def of(request: Request, claim: Claim | None, secret: str | None) -> Whole | Chunks:
    """The reader for a request to S3. ``secret`` is None for a key that nobody issued: then no chunk's
    signature is proven, but a declared hash still must be the body's."""
    declared = request.headers.get("x-amz-content-sha256", signature.UNSIGNED)
    if declared in signature.STREAMING:
        length = request.headers.get("x-amz-decoded-content-length", "")
        return Chunks(declared, claim, secret, int(length) if re.fullmatch(r"\d{1,15}", length) else None)
    return Whole(None if declared == signature.UNSIGNED else declared)


class Whole:
    """A body sent in one, with or without a declared hash."""

    def __init__(self, declared: str | None) -> None:
        self.trailers: dict[str, str] = {}
        self._declared = None if declared is None else declared.lower()
        self._hash = sha256()

    def feed(self, piece: bytes) -> bytes:
        if self._declared is not None:
            self._hash.update(piece)
        return piece

    def finish(self) -> None:
        if self._declared is not None and self._hash.hexdigest() != self._declared:
            raise signature_refusals.XAmzContentSHA256Mismatch(
                ClientComputedContentSHA256=self._declared, S3ComputedContentSHA256=self._hash.hexdigest()
            )


_CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?(?:;.*)?")


class Chunks:
    """An ``aws-chunked`` body: sized chunks, each perhaps signed, and perhaps trailers, themselves perhaps signed."""

    def __init__(self, kind: str, claim: Claim | None, secret: str | None, length: int | None) -> None:
        self.trailers: dict[str, str] = {}
        """Filled in when the last chunk has come: lower-case names."""
        self._has_trailers = kind.endswith("-TRAILER")
        self._is_signed = (
            kind.startswith("STREAMING-AWS4-HMAC-SHA256") and claim is not None and secret is not None
        )
        self._claim = claim
        if self._is_signed:
            self._key = signature.signing_key(secret, claim.date, claim.region, claim.service)
            self._previous = claim.signature
        self._expected_bytes = length
        self._decoded_bytes = 0
        self._held = b""
        self._left_bytes = 0
        self._state = "head"
        self._wanted = ""
        self._hash = sha256()
        self._short_chunk = False
        self._trailer_lines = b""

    def feed(self, piece: bytes) -> bytes:
        """The payload in ``piece``, without its framing."""
        self._held += piece
        payload: list[bytes] = []
        while self._step(payload):
            pass
        return b"".join(payload)

    def _line(self) -> bytes | None:
        line, end, rest = self._held.partition(b"\r\n")
        if not end:
            if len(self._held) > LINE_BYTES_MAX:
                raise signature_refusals.IncompleteBody
            return None
        self._held = rest
        return line

    def _step(self, payload: list[bytes]) -> bool:
        """One state of the framing; False if more bytes are needed."""
        if self._state == "data":
            return self._data(payload)
        if self._state == "done":
            return False
        line = self._line()
        if line is None:
            return False
        if self._state == "head":
            self._head(line)
        elif self._state == "end of data":
            if line:
                raise signature_refusals.IncompleteBody
            self._state = "head"
        else:
            self._trailer(line)
        return True

    def _head(self, line: bytes) -> None:
        found = _CHUNK_HEAD.fullmatch(line)
        if found is None or (self._is_signed and found[2] is None):
            raise signature_refusals.IncompleteBody
        self._left_bytes = int(found[1], 16)
        self._wanted = (found[2] or b"").decode()
        self._hash = sha256()
        if self._left_bytes:
            if self._is_signed and self._short_chunk:
                raise signature_refusals.InvalidChunkSizeError
            self._short_chunk = self._left_bytes < CHUNK_BYTES_MIN
            self._state = "data"
        else:
            self._check_chunk()
            self._state = "trailer"

    def _data(self, payload: list[bytes]) -> bool:
        taken, self._held = self._held[: self._left_bytes], self._held[self._left_bytes :]
        if taken:
            payload.append(taken)
            self._left_bytes -= len(taken)
            self._decoded_bytes += len(taken)
            if self._is_signed:
                self._hash.update(taken)
        if self._left_bytes:
            return False
        self._check_chunk()
        self._state = "end of data"
        return True

    def _trailer(self, line: bytes) -> None:
        if not line:
            # The empty line ends the body, unless the trailers' signature is still to come after one.
            self._state = "done"
            return
        name, colon, value = line.decode("latin-1").partition(":")
        if not self._has_trailers or not colon or len(self.trailers) >= TRAILERS_MAX:
            raise signature_refusals.MalformedTrailerError
        name = name.strip().lower()
        if name == "x-amz-trailer-signature":
            self._wanted = value.strip()
            self._check("AWS4-HMAC-SHA256-TRAILER", sha256(self._trailer_lines).hexdigest())
            self._is_signed = False
            return
        self.trailers[name] = value.strip()
        self._trailer_lines += f"{name}:{value.strip()}\n".encode("latin-1")

    def _check_chunk(self) -> None:
        if self._is_signed:
            self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{signature.EMPTY_SHA256}\n{self._hash.hexdigest()}")

    def _check(self, algorithm: str, digests: str) -> None:
        if not self._is_signed:
            return
        to_sign = f"{algorithm}\n{self._claim.at}\n{self._claim.scope}\n{self._previous}\n{digests}"
        expected = self._key.sign(to_sign.encode())
        if not hmac.compare_digest(expected.encode(), self._wanted.encode()):
            signature_refusals.mismatch("s3", self._claim._replace(signature=self._wanted), "", to_sign)
        self._previous = expected

    def finish(self) -> None:
        """The body has ended: was it all?"""
        if self._state not in ("trailer", "done") or self._held.strip(b"\r\n"):
            raise signature_refusals.IncompleteBody
        if self._expected_bytes is not None and self._decoded_bytes != self._expected_bytes:
            raise signature_refusals.IncompleteBody(
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            )
        if self._is_signed and self._has_trailers and self.trailers:
            raise signature_refusals.MalformedTrailerError
