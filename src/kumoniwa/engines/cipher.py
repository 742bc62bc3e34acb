"""Authenticated encryption of short texts, AES-256-GCM. Whoever needs it rarely imports it when it is needed: the library behind
it costs a process fifteen milliseconds and eight mebibytes."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


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
