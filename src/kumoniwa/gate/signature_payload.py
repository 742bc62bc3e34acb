"""Bodies that prove themselves while they arrive: S3's declared hash, signed chunks and trailers.

The header's signature covers only what the client *declares* of its body. A reader is fed the pieces as they come, gives
back the payload, and raises at the first chunk whose signature is another; what was handed out before that belongs to a
request that fails, so nobody may keep it before ``finish`` returned. How chunks are framed is ``wire.chunked``'s matter.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from kumoniwa.gate import canonical_request, signature, signature_refusals
from kumoniwa.gate import signature_asymmetric as asymmetric
from kumoniwa.kernel.record import changed
from kumoniwa.wire.chunked import Decoder, Proof

if TYPE_CHECKING:
    from kumoniwa.gate.signature import Claim
    from kumoniwa.wire.message import Request


def _decoded_length(request: Request) -> int | None:
    length = request.headers.get("x-amz-decoded-content-length", "")
    return int(length) if re.fullmatch(r"\d{1,15}", length) else None


class ProvenStream:
    """The payload of a body that is still arriving. Its end is reached only if all of it was what the client signed."""

    def __init__(self, request: Request, proof: Whole | Decoder) -> None:
        self._request, self._stream, self._proof = request, request.stream, proof
        decoded = _decoded_length(request)
        self.length = request.stream.length if decoded is None else decoded
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


def of(request: Request, claim: Claim | None, secret: str | None) -> Whole | Decoder:
    """The reader for a request to S3. ``secret`` is None for a key that nobody issued: then the framing is taken off
    and nothing is proven."""
    declared = request.headers.get("x-amz-content-sha256", canonical_request.UNSIGNED)
    if declared not in canonical_request.STREAMING:
        return Whole(None if secret is None or declared == canonical_request.UNSIGNED else declared)
    proof = None
    if declared in canonical_request.SIGNED_STREAMING and claim is not None and secret is not None:
        chain = _Chain(claim, secret)
        proof = Proof(chain.chunk, chain.trailer)
    return Decoder(proof, has_trailers=declared.endswith("-TRAILER"), length=_decoded_length(request))


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


class _Chain:
    """The signatures of a body's chunks, each of which covers the one before it."""

    def __init__(self, claim: Claim, secret: str) -> None:
        self._claim, self._secret, self._previous = claim, secret, claim.signature
        self._algorithm = asymmetric.ALGORITHM if claim.is_asymmetric else signature.ALGORITHM

    def chunk(self, given: str, digest: str) -> None:
        self._check(given, "PAYLOAD", f"{canonical_request.EMPTY_SHA256}\n{digest}")

    def trailer(self, given: str, lines: bytes) -> None:
        self._check(given, "TRAILER", sha256(lines).hexdigest())

    def _check(self, given: str, what: str, digests: str) -> None:
        if self._claim.is_asymmetric:
            given = given.rstrip(asymmetric.FILLING)
        to_sign = f"{self._algorithm}-{what}\n{self._claim.at}\n{self._claim.scope}\n{self._previous}\n{digests}"
        if not self._is_signed(given, to_sign):
            signature_refusals.mismatch("s3", changed(self._claim, signature=given), "", to_sign)
        self._previous = given

    def _is_signed(self, given: str, to_sign: str) -> bool:
        claim = self._claim
        if claim.is_asymmetric:
            return asymmetric.is_signed(claim.access_key, self._secret, given, to_sign)
        key = canonical_request.signing_key(self._secret, claim.date, claim.region, claim.service)
        return hmac.compare_digest(key.sign(to_sign.encode()).encode(), given.encode("latin-1", "replace"))
