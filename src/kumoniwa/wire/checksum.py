"""The checksums S3 knows: computed piece by piece, written as base64, and combined for multipart uploads.

A CRC of a whole object follows from the CRCs of its parts and their lengths alone: appending ``n`` bytes multiplies a
remainder by x^8n modulo the polynomial, so no byte is read twice.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import NamedTuple

from awscrt import checksums


class _Crc(NamedTuple):
    update: object
    """``update(data, previous) -> crc``"""
    bits: int
    polynomial: int
    """Reflected: the coefficient of the highest power is the lowest bit."""


CRCS = {
    "CRC32": _Crc(zlib.crc32, 32, 0xEDB88320),
    "CRC32C": _Crc(checksums.crc32c, 32, 0x82F63B78),
    "CRC64NVME": _Crc(checksums.crc64nvme, 64, 0x9A6C9329AC4BC9B5),
}


class _XxHash:
    """An xxHash that may be asked for its digest more than once, as those of hashlib may."""

    __slots__ = ("_digest", "_hash")

    def __init__(self, begin: Callable[[], checksums.XXHash]) -> None:
        self._hash, self._digest = begin(), b""

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        self._digest = self._digest or self._hash.finalize()
        return self._digest


HASHES = {
    "SHA1": partial(hashlib.sha1, usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": partial(hashlib.md5, usedforsecurity=False),
    "XXHASH64": partial(_XxHash, checksums.XXHash.new_xxhash64),
    "XXHASH3": partial(_XxHash, checksums.XXHash.new_xxhash3_64),
    "XXHASH128": partial(_XxHash, checksums.XXHash.new_xxhash3_128),
}
ALGORITHMS = (*CRCS, *HASHES)
"""What a client may ask for."""


class Checksum:
    """One running checksum. ``KeyError`` for an algorithm that does not exist."""

    __slots__ = ("algorithm", "_crc", "_value", "_hash")

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._crc = CRCS.get(algorithm)
        self._value = 0
        self._hash = None if self._crc is not None else HASHES[algorithm]()

    def update(self, data: bytes) -> None:
        if self._hash is not None:
            self._hash.update(data)
        else:
            self._value = self._crc.update(data, self._value)

    def digest(self) -> bytes:
        if self._hash is not None:
            return self._hash.digest()
        return self._value.to_bytes(self._crc.bits // 8, "big")

    def text(self) -> str:
        """Base64, as it stands in ``x-amz-checksum-…``."""
        return b64encode(self.digest()).decode()


def checksum(algorithm: str, data: bytes) -> str:
    """The checksum of bytes at hand, as base64."""
    made = Checksum(algorithm)
    made.update(data)
    return made.text()


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """The checksum of the parts' checksums, with their number behind: ``…=-3`` (S3's COMPOSITE type)."""
    digests = [b64decode(part) for part in parts]
    return f"{checksum(algorithm, b''.join(digests))}-{len(digests)}"


def _product(a: int, b: int, crc: _Crc) -> int:
    """The product of two remainders modulo the polynomial, bits reflected."""
    top, product = 1 << (crc.bits - 1), 0
    while True:
        if a & top:
            product ^= b
            if not a & (top - 1):
                return product
        a = (a << 1) & ((1 << crc.bits) - 1)
        if not a:
            return product
        b = (b >> 1) ^ crc.polynomial if b & 1 else b >> 1


@lru_cache(maxsize=256)
def _power(exponent: int, crc: _Crc) -> int:
    """x to that power modulo the polynomial; remembered, because parts are mostly of one size."""
    result, square = 1 << (crc.bits - 1), 1 << (crc.bits - 2)
    while exponent:
        if exponent & 1:
            result = _product(result, square, crc)
        square = _product(square, square, crc)
        exponent >>= 1
    return result


def combined(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The checksum of the whole from ``(checksum, length in bytes)`` of its parts in order (S3's FULL_OBJECT type).
    ``KeyError`` for algorithms that are no CRC."""
    crc, value = CRCS[algorithm], 0
    for text, length in parts:
        value = _product(_power(8 * length, crc), value, crc) ^ int.from_bytes(b64decode(text), "big")
    return b64encode(value.to_bytes(crc.bits // 8, "big")).decode()
