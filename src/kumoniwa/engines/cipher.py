"""Authenticated encryption of short texts, AES-256-GCM. The library behind it is imported when something is first sealed: it costs a
process fifteen milliseconds and eight mebibytes."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os

NONCE_BYTES = 12
LONGER_BYTES = NONCE_BYTES + 16
"""By so much what is sealed is longer."""


@functools.cache
def _library() -> tuple[type, type, type[Exception]]:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy, and many a region seals nothing
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV  # noqa: PLC0415

    return AESGCM, AESSIV, InvalidTag


def seal(key: bytes, body: bytes, purpose: bytes) -> bytes:
    """A body that only the key opens, and only for the same purpose."""
    gcm, _, _ = _library()
    nonce = os.urandom(NONCE_BYTES)
    return nonce + gcm(key).encrypt(nonce, body, purpose)


def unseal(key: bytes, sealed: bytes, purpose: bytes) -> bytes | None:
    """What was sealed, or None if it was not, or not by this key and for this purpose."""
    gcm, _, invalid = _library()
    try:
        return gcm(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)
    except (invalid, ValueError):
        return None


class Lock:
    """One key for many bodies, and for names by which they are found again.

    A body is sealed anew each time (AES-256-GCM). A name is always sealed alike (AES-256-SIV), so that it can be looked up; whoever
    sees sealed names learns which are the same, and nothing else.
    """

    __slots__ = ("_bodies", "_names")

    def __init__(self, secret: bytes) -> None:
        gcm, siv, _ = _library()
        self._bodies = gcm(secret)
        self._names = siv(hmac.digest(secret, b"names", hashlib.sha512))

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
