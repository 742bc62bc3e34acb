"""How a password is proven without being said, from both ends: SCRAM-SHA-256 as PostgreSQL has it, and MD5, which came before.

https://www.rfc-editor.org/rfc/rfc5802, https://www.postgresql.org/docs/18/sasl-authentication.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4_096
"""Between a client and a proxy that is fixed: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg"""
_ITERATIONS_MAX = 1 << 20


class Refused(Exception):
    """The other end did not prove itself, or spoke otherwise than the mechanism does."""


@lru_cache(maxsize=512)
def _salted(password: str, salt: bytes, iterations: int) -> bytes:
    """Costs milliseconds, and is the same for all clients of a user."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


def _nonce() -> str:
    return base64.b64encode(os.urandom(18)).decode()


def _read(text: str) -> dict[str, str]:
    return {part[:1]: part[2:] for part in text.split(",") if part[1:2] == "="}


def _exclusive(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("malformed SCRAM message") from None


class Prover:
    """The end that knows a password and wants to come in."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.bare = f"n=,r={_nonce()}"
        self.first = f"n,,{self.bare}".encode()
        self._server = b""

    def answer(self, challenge: bytes) -> bytes:
        text = challenge.decode("utf-8", "replace")
        said = _read(text)
        if not said.get("r", "").startswith(self.bare.rpartition("r=")[2]) or not said.get("i", "").isdigit():
            raise Refused("malformed SCRAM challenge")
        salted = _salted(self.password, _decoded(said.get("s", "")), min(int(said["i"]), _ITERATIONS_MAX))
        final = f"c=biws,r={said['r']}"
        signed = f"{self.bare},{text},{final}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        proof = _exclusive(key, hmac.digest(hashlib.sha256(key).digest(), signed, "sha256"))
        self._server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return f"{final},p={base64.b64encode(proof).decode()}".encode()

    def finish(self, final: bytes) -> None:
        if not hmac.compare_digest(_decoded(_read(final.decode("utf-8", "replace")).get("v", "")), self._server):
            raise Refused("the server did not prove that it knows the password")


class Judge:
    """The end that lets in who proves the password."""

    def __init__(self, password: str, salt: bytes) -> None:
        self.password, self.salt = password, salt
        self._so_far = self._nonce = self._header = ""

    def challenge(self, first: bytes) -> bytes:
        text = first.decode("utf-8", "replace")
        parts = text.split(",", 2)
        if len(parts) != 3 or parts[0] not in ("n", "y"):
            raise Refused("malformed SCRAM message")  # channel binding was not offered
        self._header, bare = f"{parts[0]},{parts[1]},", parts[2]
        said = _read(bare)
        if not said.get("r"):
            raise Refused("malformed SCRAM message")
        self._nonce = said["r"] + _nonce()
        told = f"r={self._nonce},s={base64.b64encode(self.salt).decode()},i={ITERATIONS}"
        self._so_far = f"{bare},{told}"
        return told.encode()

    def judge(self, final: bytes) -> bytes:
        """The server's own proof. Raises Refused for who does not know the password."""
        text = final.decode("utf-8", "replace")
        without, _, proof = text.rpartition(",p=")
        said = _read(without)
        if said.get("r") != self._nonce or _decoded(said.get("c", "")) != self._header.encode():
            raise Refused("malformed SCRAM message")
        salted = _salted(self.password, self.salt, ITERATIONS)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        signed = f"{self._so_far},{without}".encode()
        given = _decoded(proof)
        if len(given) != len(stored) or not hmac.compare_digest(
            hashlib.sha256(_exclusive(given, hmac.digest(stored, signed, "sha256"))).digest(), stored
        ):
            raise Refused("wrong password")
        return b"v=" + base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256"))


def md5(user: str, password: str, salt: bytes) -> bytes:
    """https://www.postgresql.org/docs/18/protocol-flow.html, AuthenticationMD5Password"""
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
