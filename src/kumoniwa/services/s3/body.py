"""A body on its way in or out: counted, hashed, proven, perhaps encrypted, and kept.

What arrives goes piece by piece through a ``Draft``, which ends as an inline body or a file; a draft that is not
finished leaves nothing. What leaves is bytes, stretches of files for the kernel to send, or decrypted pieces.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.s3.opened import BODY_BYTES_MAX, CAN_HOLD, Opened
from kumoniwa.services.s3.storage import INLINE_BYTES_MAX, Blob, Drafts, Head, Version
from kumoniwa.wire.checksum import ALGORITHMS, Checksum
from kumoniwa.wire.message import File

DEFAULT_ALGORITHM = "CRC64NVME"
PIECE_BYTES = 262_144
PUT_BYTES_MAX = 5 << 30
CHECKSUM_BYTES = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16, "XXHASH64": 8, "XXHASH3": 8, "XXHASH128": 16,
}  # fmt: skip


class InvalidDigest(AwsError):
    status = 400
    message = "The Content-MD5 you specified was invalid."


class BadDigest(AwsError):
    status = 400
    message = "The Content-MD5 you specified did not match what we received."


class EntityTooLarge(AwsError):
    status = 400
    message = "Your proposed upload exceeds the maximum allowed size"


class MissingContentLength(AwsError):
    status = 411
    message = "You must provide the Content-Length HTTP header."


class IncompleteBody(AwsError):
    status = 400
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class InvalidRequest(AwsError):
    status = 400


# What the client says of a body ----------------------------------------------------------------------


class Claims(msgspec.Struct, frozen=True):
    """What a request says its body is."""

    md5: str
    """Base64, or empty."""
    algorithm: str
    checksum: str
    """Base64; empty if none was sent, or if it trails behind the body."""
    trailer: str
    """The trailer that carries the checksum, in lower case, or empty."""
    is_said: bool
    """Whether the client chose the algorithm; otherwise it is ours."""


def claims_of(
    call: Call,
    md5: str | None,
    algorithm: str | None,
    checksums: dict[str, str | None],
    default: str = DEFAULT_ALGORITHM,
) -> Claims:
    """``checksums``: the values of the x-amz-checksum headers by algorithm."""
    if md5 is not None:
        _check_md5(md5)
    given = [entry for entry in checksums.items() if entry[1] is not None]
    if len(given) > 1:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    trailer = (
        call.request.headers.get("x-amz-trailer", "").strip().lower() if call.request is not None else ""
    )
    named = algorithm.upper() if algorithm is not None else None
    if named is not None and named not in ALGORITHMS:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    if given:
        name, value = given[0]
        if not is_checksum(name, value):
            raise InvalidRequest(f"Value for x-amz-checksum-{name.lower()} header is invalid.")
        if named not in (None, name):
            raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
        return Claims(md5 or "", name, value, "", True)
    if trailer:
        name = trailer.removeprefix("x-amz-checksum-").upper()
        if name not in ALGORITHMS:
            raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
        if named not in (None, name):
            raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
        return Claims(md5 or "", name, "", trailer, True)
    if named is not None and call.request is not None:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )
    return Claims(md5 or "", named or default, "", "", named is not None)


def _check_md5(text: str) -> None:
    try:
        if len(base64.b64decode(text, validate=True)) == 16:
            return
    except (binascii.Error, ValueError):
        pass
    raise InvalidDigest(**{"Content-MD5": text[:1024]})


def is_checksum(algorithm: str, text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == CHECKSUM_BYTES[algorithm]
    except (binascii.Error, ValueError):
        return False


class MissingRequestBodyError(AwsError):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; recorded: moto's test_put_object_lock_misconfiguration."""

    status = 400
    message = "Request Body is empty"


def check_document(call: Call, *, is_required: bool = False) -> None:
    """See that the XML or JSON body of a request is there, and is the one its Content-MD5 and x-amz-checksum headers mean."""
    request = call.request
    if request is None:
        return
    if not request.body:
        raise MissingRequestBodyError
    headers = request.headers
    checksums = {name: headers.get(f"x-amz-checksum-{name.lower()}") for name in ALGORITHMS}
    md5 = headers.get("content-md5")
    trailer = headers.get("x-amz-trailer")
    if is_required and md5 is None and trailer is None and not any(checksums.values()):
        raise InvalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    claims = claims_of(call, md5, None, checksums)
    if md5 is not None or claims.is_said:
        draft = Draft(call, claims)
        draft.feed(request.body)
        draft.prove()


# In --------------------------------------------------------------------------------------------------


class Kept(msgspec.Struct, frozen=True):
    """A body that is complete and proven."""

    size: int
    etag: str
    """Its MD5 in hexadecimal digits."""
    algorithm: str
    checksum: str
    body: bytes | None
    nonce: bytes
    blob: Blob | None
    summed: str = ""
    """The checksum of the algorithm the caller wanted as well."""


class Draft:
    """A body that is being written. End it with ``kept`` or ``discard``."""

    size = 0
    held, nonce = b"", b""
    name, descriptor = "", -1
    secret = b""
    cipher: Any = None
    sum: Checksum | None = None
    """Of the algorithm the caller wanted as well."""

    def __init__(
        self,
        call: Call,
        claims: Claims,
        *,
        encrypts: bool = False,
        secret: bytes = b"",
        is_part: bool = False,
        summed_with: str = "",
    ) -> None:
        self.call, self.claims, self.is_part = call, claims, is_part
        self.inline_bytes_max = -1 if is_part else INLINE_BYTES_MAX
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.checksum = Checksum(claims.algorithm)
        if summed_with not in ("", claims.algorithm):
            self.sum = Checksum(summed_with)
        if encrypts or secret:
            self.secret, self.nonce = secret, os.urandom(16)

    def feed(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > PUT_BYTES_MAX:
            raise EntityTooLarge(ProposedSize=self.size, MaxSizeAllowed=PUT_BYTES_MAX)
        self.md5.update(piece)
        self.checksum.update(piece)
        if self.sum is not None:
            self.sum.update(piece)

    def write(self, piece: bytes) -> None:
        """Take a piece that is to be kept."""
        self.feed(piece)
        if self.nonce:
            piece = self._encrypted(piece)
        if self.descriptor < 0:
            if self.size <= self.inline_bytes_max:
                self.held += piece
                return
            self.name, self.descriptor = self.call.blobs.create()
            self.call.memory(Drafts).names.add(self.name)
            piece, self.held = self.held + piece if self.held else piece, b""
        view = memoryview(piece)
        while view:
            view = view[os.write(self.descriptor, view) :]

    def _encrypted(self, piece: bytes) -> bytes:
        if self.cipher is None:
            start = self.size - len(piece)
            if start == 0 and len(piece) <= self.inline_bytes_max and not self.secret:
                return _at_once(self.call, self.nonce, 0, piece)
            self.cipher = _cipher(self.call, self.nonce, start, self.secret).encryptor()
            self.cipher.update(bytes(start % 16))
        return self.cipher.update(piece)

    def prove(self) -> tuple[str, str]:
        """The MD5 in hexadecimal digits and the checksum. Raises BadDigest if either is not what the client said."""
        claims, md5 = self.claims, self.md5.hexdigest()
        if claims.md5 and base64.b64decode(claims.md5).hex() != md5:
            calculated = base64.b64encode(bytes.fromhex(md5)).decode()
            # What was expected of a part is told as it was said, of an object in digits: localstack's test_s3_invalid_content_md5.
            expected = claims.md5 if self.is_part else base64.b64decode(claims.md5).hex()
            raise BadDigest(ExpectedDigest=expected, CalculatedDigest=calculated)
        checksum, wanted = self.checksum.text(), claims.checksum
        if claims.trailer:
            wanted = (self.call.request.trailers or {}).get(claims.trailer, "")
            if not wanted:
                raise InvalidRequest(
                    "The request was missing the checksum trailer that x-amz-trailer announced."
                )
            if not is_checksum(claims.algorithm, wanted):
                raise InvalidRequest(f"Value for {claims.trailer} trailing header is invalid.")
        if wanted and wanted != checksum:
            raise BadDigest(f"The {claims.algorithm} you specified did not match the calculated checksum.")
        return md5, checksum

    def kept(self) -> Kept:
        """The body, proven; from now on somebody else must name its file."""
        md5, checksum = self.prove()
        if self.size == 0:
            self.write(b"")
        blob = None
        if self.descriptor >= 0:
            blob = Blob(name=self.name, size=self.size, nonce=self.nonce)
            self._close()
        if self.secret:
            # The entity tag of what a customer's key encrypts is no digest of the data.
            md5 = hashlib.md5(self.nonce + bytes.fromhex(md5), usedforsecurity=False).hexdigest()
        inline, nonce = (self.held, self.nonce) if blob is None else (None, b"")
        summed = checksum if self.sum is None else self.sum.text()
        return Kept(self.size, md5, self.claims.algorithm, checksum, inline, nonce, blob, summed)

    def discard(self) -> None:
        """Leave nothing behind. Does nothing to a draft that was kept."""
        if self.descriptor >= 0:
            name = self.name
            self._close()
            self.call.blobs.drop(name)

    def _close(self) -> None:
        os.close(self.descriptor)
        self.call.blobs.journal.wrote(self.call.blobs.path(self.name))
        self.descriptor = -1
        self.call.memory(Drafts).names.discard(self.name)


def check_length(call: Call, body: Any) -> None:
    """A streaming body must say how long it is, and may not be too long."""
    if isinstance(body, bytes):
        # A body that is sent in signed chunks says how long it is before its framing, however the connection carries it.
        if call.request is not None and not {"content-length", "x-amz-decoded-content-length"} & call.request.headers.keys():
            raise MissingContentLength
        return
    if body.length is None:
        raise MissingContentLength
    if body.length > PUT_BYTES_MAX:
        raise EntityTooLarge(ProposedSize=body.length, MaxSizeAllowed=PUT_BYTES_MAX)


async def arriving(body: Any) -> AsyncIterator[bytes]:
    """A body piece by piece, also one that is there already."""
    if isinstance(body, (bytes, str)):
        yield body if isinstance(body, bytes) else body.encode()
    else:
        async for piece in body:
            yield piece


async def poured(draft: Draft, pieces: AsyncIterator[bytes]) -> Draft:
    """Fill a draft with everything that comes. What goes wrong on the way leaves no file."""
    try:
        async for piece in pieces:
            draft.write(piece)
        return draft
    except BaseException:
        draft.discard()
        raise


# Encryption at rest: AES-256 in counter mode, so that any range can be read ----------------------------


@lru_cache(maxsize=256)
def _key(seal: bytes, account: str) -> bytes:
    return hmac.digest(seal, f"s3 {account}".encode(), "sha256")


def _counter(nonce: bytes, offset: int) -> bytes:
    """The counter of the block in which a body's byte stands."""
    return ((int.from_bytes(nonce, "big") + offset // 16) % (1 << 128)).to_bytes(16, "big")


def _cipher(call: Call, nonce: bytes, offset: int, secret: bytes) -> Cipher:
    """The cipher at a block of a body: the customer's with the ``secret`` of the request, else the account's."""
    key = secret or _key(call.home.settings.seal, call.account)
    return Cipher(algorithms.AES(key), modes.CTR(_counter(nonce, offset)))


@lru_cache(maxsize=256)
def _standing(seal: bytes, account: str) -> CipherContext:
    """One for all small bodies of an account: to make one costs five times what it costs to use it again."""
    return Cipher(algorithms.AES(_key(seal, account)), modes.CTR(bytes(16))).encryptor()


def _at_once(call: Call, nonce: bytes, offset: int, piece: bytes) -> bytes:
    """A stretch of a body from the beginning of a block, encrypted or, which is the same, decrypted."""
    cipher = _standing(call.home.settings.seal, call.account)
    cipher.reset_nonce(_counter(nonce, offset) if offset else nonce)
    return cipher.update(piece)


def sealing(call: Call, nonce: bytes, secret: bytes) -> Callable[[bytes], bytes]:
    """What encrypts a body, piece by piece, with a data key."""
    return _cipher(call, nonce, 0, secret).encryptor().update


def _opened(call: Call, nonce: bytes, sealed: bytes, start: int, length: int, secret: bytes) -> bytes:
    """A stretch of a small encrypted body."""
    at = start - start % 16
    piece = sealed[at : start + length]
    opened = _cipher(call, nonce, at, secret).decryptor().update(piece) if secret else _at_once(call, nonce, at, piece)
    return opened[start - at :]


# Out -------------------------------------------------------------------------------------------------


def stretch(call: Call, found: Version, head: Head, start: int, length: int, secret: bytes = b"") -> Any:
    """``length`` bytes of a body from ``start``: bytes, a File, some Files, or an iterator of decrypted pieces."""
    if found.body is not None:
        if head.nonce:
            return _opened(call, head.nonce, found.body, start, length, secret)
        return found.body if length == found.size else found.body[start : start + length]
    wanted = _blobs_within(head.blobs, start, length)
    if any(blob.nonce and (secret or not CAN_HOLD or blob.size > BODY_BYTES_MAX) for blob, _, _ in wanted):
        return decrypted(call, wanted, secret)
    files = tuple(_file(call, blob, at, count) for blob, at, count in wanted)
    return files[0] if len(files) == 1 else files or b""


def _file(call: Call, blob: Blob, start: int, length: int) -> File:
    if not blob.nonce:
        return File(call.blobs.path(blob.name), start, length)

    def decrypt() -> bytes:
        with open(call.blobs.path(blob.name), "rb", buffering=0) as file:
            return _cipher(call, blob.nonce, 0, b"").decryptor().update(file.readall())

    return call.memory(Opened).body(blob.name, decrypt).stretch(start, length)


def _blobs_within(blobs: tuple[Blob, ...], start: int, length: int) -> list[tuple[Blob, int, int]]:
    """Which bytes of which files: (blob, offset, count)."""
    wanted = []
    for blob in blobs:
        if length <= 0:
            break
        if start < blob.size:
            count = min(length, blob.size - start)
            wanted.append((blob, start, count))
            length -= count
        start = max(0, start - blob.size)
    return wanted


async def decrypted(call: Call, wanted: list[tuple[Blob, int, int]], secret: bytes) -> AsyncIterator[bytes]:
    # All files are opened before the first byte leaves: what is deleted meanwhile is still read whole.
    descriptors: list[int] = []
    try:
        for blob, _, _ in wanted:
            descriptors.append(os.open(call.blobs.path(blob.name), os.O_RDONLY))
        for descriptor, (blob, start, count) in zip(descriptors, wanted):
            at = start - start % 16
            decrypt = _cipher(call, blob.nonce, at, secret).decryptor().update if blob.nonce else bytes
            skip, end = start - at, start + count
            while at < end:
                piece = decrypt(os.pread(descriptor, min(PIECE_BYTES, end - at), at))
                if not piece:
                    raise OSError("a body ended before its size")
                at += len(piece)
                yield piece[skip:] if skip else piece
                skip = 0
                await asyncio.sleep(0)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def pieces(
    call: Call, found: Version, head: Head, start: int, length: int, secret: bytes = b""
) -> AsyncIterator[bytes]:
    """The same stretch, read piece by piece for ourselves."""
    if found.body is not None:
        return _single(stretch(call, found, head, start, length, secret))
    return decrypted(call, _blobs_within(head.blobs, start, length), secret)


async def _single(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def linked(call: Call, source: Call, blobs: tuple[Blob, ...]) -> tuple[Blob, ...]:
    """The same files under names of their own, without copying a byte: a file is never changed."""
    made = []
    for blob in blobs:
        name, descriptor = call.blobs.create()
        os.close(descriptor)
        path = call.blobs.path(name)
        os.unlink(path)
        os.link(source.blobs.path(blob.name), path)
        call.blobs.journal.wrote(path)
        made.append(Blob(name=name, size=blob.size, nonce=blob.nonce))
    return tuple(made)
