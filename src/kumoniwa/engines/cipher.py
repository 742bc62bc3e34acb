"""Authenticated encryption of short texts, AES-256-GCM. Whoever needs it rarely imports it when it is needed: the library behind
it costs a process fifteen milliseconds and eight mebibytes."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

NONCE_BYTES = 12
LONGER_BYTES = NONCE_BYTES + 16
"""By so much what is sealed is longer."""


def seal(key: bytes, body: bytes, purpose: bytes) -> bytes:
    """A body that only the key opens, and only for the same purpose."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, body, purpose)


def unseal(key: bytes, sealed: bytes, purpose: bytes) -> bytes | None:
    """What was sealed, or None if it was not, or not by this key and for this purpose."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)
    except (InvalidTag, ValueError):
        return None


class Lock:
    """One key for many bodies, and for names by which they are found again.

    A body is sealed anew each time (AES-256-GCM). A name is always sealed alike (AES-256-SIV), so that it can be looked up; whoever
    sees sealed names learns which are the same, and nothing else.
    """

    __slots__ = ("_bodies", "_names")

    def __init__(self, secret: bytes) -> None:
        self._bodies = AESGCM(secret)
        self._names = AESSIV(hmac.digest(secret, b"names", hashlib.sha512))

    def seal(self, body: bytes, purpose: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._bodies.encrypt(nonce, body, purpose)

    def unseal(self, sealed: bytes, purpose: bytes) -> bytes:
        """Raises InvalidTag for what was not sealed by this key and for this purpose."""
        return self._bodies.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)

    def name(self, plain: bytes, within: bytes = b"") -> bytes:
        """``within`` is another name that it stands under. Nothing has no name to hide."""
        return self._names.encrypt(plain, [within]) if plain else b""

    def plain(self, name: bytes, within: bytes = b"") -> bytes:
        return self._names.decrypt(name, [within]) if name else b""
