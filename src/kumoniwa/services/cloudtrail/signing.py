"""The pairs of keys that digests are signed with: one for each account and region, a new one each year."""

from __future__ import annotations

import asyncio
import hashlib

from kumoniwa.engines import cipher, key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record

ALGORITHM = "SHA256withRSA"
VALID_S = 365 * 86_400.0
_PURPOSE = b"cloudtrail digests"


class SigningKey(Record):
    """Shelved by its fingerprint: the MD5 of its public half, as AWS's."""

    fingerprint: str
    sealed: bytes
    public: bytes
    created: float


async def current(call: Call) -> SigningKey:
    newest = max(call.shelf(SigningKey).values(), key=lambda key: key.created, default=None)
    if newest is not None and newest.created + VALID_S > call.now():
        return newest
    secret = await asyncio.get_running_loop().run_in_executor(None, key_material.make, "RSA_2048")
    public = key_material.public_pkcs1(secret)
    fingerprint = hashlib.md5(public, usedforsecurity=False).hexdigest()
    key = SigningKey(fingerprint=fingerprint, sealed=cipher.seal(call.home.settings.seal, secret, _PURPOSE), public=public, created=call.now())
    call.shelf(SigningKey)[fingerprint] = key
    return key


def signed(call: Call, key: SigningKey, text: bytes) -> str:
    secret = cipher.unseal(call.home.settings.seal, key.sealed, _PURPOSE)
    return key_material.sign(secret, "RSASSA_PKCS1_V1_5_SHA_256", text, is_digest=False).hex()


def ListPublicKeys(call: Call, *, StartTime: float | None = None, EndTime: float | None = None) -> dict:
    start, end = StartTime or 0.0, EndTime if EndTime is not None else call.now()
    found = [key for key in call.shelf(SigningKey).values() if key.created <= end and key.created + VALID_S >= start]
    return {
        "PublicKeyList": [
            {"Value": key.public, "ValidityStartTime": key.created, "ValidityEndTime": key.created + VALID_S, "Fingerprint": key.fingerprint}
            for key in sorted(found, key=lambda key: key.created)
        ]
    }
