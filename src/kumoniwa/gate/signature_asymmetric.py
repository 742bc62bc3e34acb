"""Signature Version 4A: signed with a key of P-256 that follows from the secret, so that a request is good in more regions than one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; the key is derived as AWS's own SDKs do
(NIST SP 800-108 in counter mode): https://github.com/awslabs/aws-c-auth/blob/main/source/key_derivation.c
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Callable
from functools import lru_cache

ALGORITHM = "AWS4-ECDSA-P256-SHA256"
REGIONS = "x-amz-region-set"
SERVICES = frozenset(("cloudfront-keyvaluestore", "events"))
"""Which are asked in this way: of no region, so that the set of regions decides nothing. EventBridge is where its global endpoints are meant.
S3 is at the names of its Multi-Region Access Points."""
FILLING = "*"
"""What signatures of chunks are filled up with."""
_HEAD = re.compile(
    ALGORITHM + r" +Credential=([^,/\s]+)/(\d{8})/([^,/\s]+)/aws4_request, *SignedHeaders=([^,\s]+), *Signature=([0-9a-fA-F]{8,300})"
)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256: FIPS 186-4, D.1.2.3."""


def parts_of(header: str) -> tuple[str, ...] | None:
    """Key, day, service, signed headers and signature of an Authorization header; None for one that is none of these."""
    found = _HEAD.fullmatch(header.strip())
    return found.groups() if found is not None else None


@lru_cache(maxsize=256)
def _verifier(access_key: str, secret: str) -> Callable[[bytes, bytes], bool]:
    """Tells of a signature and what was signed whether the one is by this key and of the other."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - heavy, and few requests are signed in this way
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    key = ec.derive_private_key(_private(access_key, secret), ec.SECP256R1()).public_key()

    def is_by(signature: bytes, signed: bytes) -> bool:
        try:
            key.verify(signature, signed, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    return is_by


def _private(access_key: str, secret: str) -> int:
    for counter in range(1, 255):
        context = access_key.encode() + bytes([counter])
        fixed = ALGORITHM.encode() + b"\0" + context + (256).to_bytes(4, "big")
        number = int.from_bytes(hmac.digest(b"AWS4A" + secret.encode(), (1).to_bytes(4, "big") + fixed, "sha256"), "big")
        if number <= _ORDER - 2:
            return number + 1
    raise ValueError("no key follows from this secret")


def is_signed(access_key: str, secret: str, signature: str, to_sign: str) -> bool:
    try:
        return _verifier(access_key, secret)(binascii.unhexlify(signature), to_sign.encode("latin-1", "replace"))
    except ValueError:
        return False
