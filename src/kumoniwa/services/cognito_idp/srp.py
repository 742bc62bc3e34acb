"""The Secure Remote Password protocol, SRP-6a (RFC 5054) in the manner of Cognito's clients: the server's half.

What is kept of a password is a salt and a verifier, from which nobody can sign in. Clients differ from the RFC in the
3,072-bit group with generator 2, SHA-256, numbers written with a leading zero byte where their first bit is set, and a
key derived by HKDF with the words "Caldera Derived Key":
https://github.com/aws-amplify/amplify-js/tree/main/packages/auth/src/providers/cognito/utils/srp
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import NamedTuple

GROUP = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)  # RFC 3526, group 15
GENERATOR = 2
SALT_BYTES, SECRET_BYTES = 16, 32


class Refused(Exception):
    """The client's public value would give the key away."""


class Verifier(NamedTuple):
    salt: int
    value: int

    def packed(self) -> bytes:
        return f"{self.salt:x}:{self.value:x}".encode()


def unpacked(body: bytes) -> Verifier:
    salt, _, value = body.decode().partition(":")
    return Verifier(int(salt, 16), int(value, 16))


def padded(number: int) -> bytes:
    """Big-endian, never to be read as negative."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


_MULTIPLIER = _hashed(padded(GROUP), padded(GENERATOR))


def _private(salt: int, who: str, password: str) -> int:
    return _hashed(padded(salt), hashlib.sha256(f"{who}:{password}".encode()).digest())


def made(who: str, password: str) -> Verifier:
    """``who`` is the pool's name (behind the underscore of its id) and the user's id for SRP, together."""
    salt = int.from_bytes(os.urandom(SALT_BYTES), "big")
    return Verifier(salt, pow(GENERATOR, _private(salt, who, password), GROUP))


def fits(verifier: Verifier, who: str, password: str) -> bool:
    tried = pow(GENERATOR, _private(verifier.salt, who, password), GROUP)
    return hmac.compare_digest(padded(tried), padded(verifier.value))


def begun(verifier: Verifier) -> tuple[int, int]:
    """The server's secret and its public value."""
    secret = int.from_bytes(os.urandom(SECRET_BYTES), "big")
    return secret, (_MULTIPLIER * verifier.value + pow(GENERATOR, secret, GROUP)) % GROUP


def key(verifier: Verifier, secret: int, ours: int, theirs: int) -> bytes:
    """What both sides know if the client knows the password. Raises Refused."""
    if theirs % GROUP == 0:
        raise Refused
    scrambler = _hashed(padded(theirs), padded(ours))
    shared = pow(theirs * pow(verifier.value, scrambler, GROUP) % GROUP, secret, GROUP)
    extracted = hmac.digest(padded(scrambler), padded(shared), "sha256")
    return hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]


def signature(key: bytes, who: str, block: bytes, timestamp: str) -> bytes:
    return hmac.digest(key, who.encode() + block + timestamp.encode(), "sha256")
