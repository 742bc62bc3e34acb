"""How a password is proven without being said, from both ends.

https://mariadb.com/kb/en/connection/#mysql_native_password-plugin; for the other, which MySQL has:
https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
"""

from __future__ import annotations

import hashlib
import os

NATIVE, SHA2, CLEAR = "mysql_native_password", "caching_sha2_password", "mysql_clear_password"
NONCE_BYTES = 20


def nonce() -> bytes:
    """Of bytes that are none of those that end a text."""
    return bytes(33 + each % 90 for each in os.urandom(NONCE_BYTES))


def _exclusive(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other))


def native(password: str, nonce: bytes) -> bytes:
    if not password:
        return b""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).digest()
    return _exclusive(once, hashlib.sha1(nonce + twice, usedforsecurity=False).digest())


def sha2(password: str, nonce: bytes) -> bytes:
    if not password:
        return b""
    once = hashlib.sha256(password.encode()).digest()
    return _exclusive(once, hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest())


PROOFS = {NATIVE: native, SHA2: sha2}
