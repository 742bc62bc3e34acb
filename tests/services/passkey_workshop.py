"""An authenticator in software, and the browser around it: it makes credentials and signs challenges as the W3C has it.

CBOR is written by hand here, so that a fault in how the other side reads it would show. https://www.w3.org/TR/webauthn-3/
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
PARTY, PAGE = "shop.example.com", "https://shop.example.com"


def spelled(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def read(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: Any) -> bytes:
    def head(major: int, number: int) -> bytes:
        if number < 24:
            return bytes([major << 5 | number])
        return bytes([major << 5 | 24, number]) if number < 256 else bytes([major << 5 | 25]) + struct.pack(">H", number)

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(cbor(key) + cbor(each) for key, each in value.items())


class Key:
    """A pair, of the kinds that authenticators make."""

    def __init__(self, algorithm: int = -7) -> None:
        self.algorithm = algorithm
        if algorithm == -7:
            self.secret = ec.generate_private_key(ec.SECP256R1())
        else:
            self.secret = ed25519.Ed25519PrivateKey.generate() if algorithm == -8 else rsa.generate_private_key(65537, 2048)

    def public(self) -> dict[int, Any]:
        """In COSE: RFC 9053, RFC 8230."""
        public = self.secret.public_key()
        if self.algorithm == -8:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {1: 1, 3: -8, -1: 6, -2: raw}
        numbers = public.public_numbers()
        if self.algorithm == -257:
            return {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def sign(self, message: bytes) -> bytes:
        if self.algorithm == -8:
            return self.secret.sign(message)
        if self.algorithm == -257:
            return self.secret.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.secret.sign(message, ec.ECDSA(hashes.SHA256()))


class Authenticator:
    """A device with one credential. What it says of itself can be told otherwise, to see that it is refused."""

    def __init__(self, page: str = PAGE, algorithm: int = -7, *, is_verified: bool = True, attachment: str = "platform") -> None:
        self.page, self.key, self.id, self.counter = page, Key(algorithm), os.urandom(16), 0
        self.flags = PRESENT | (VERIFIED if is_verified else 0)
        self.attachment, self.handle = attachment, b""

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.page, "crossOrigin": False}).encode()

    def _data(self, party: str, flags: int) -> bytes:
        return hashlib.sha256(party.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def make(self, options: dict[str, Any], *, challenge: str = "", party: str = "", kind: str = "webauthn.create", public: Any = None) -> dict[str, Any]:
        """``navigator.credentials.create``, as JSON."""
        self.handle = read(options["user"]["id"])
        held = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor(self.key.public() if public is None else public)
        data = self._data(party or options["rp"]["id"], self.flags | ATTESTED) + held
        return {
            "id": spelled(self.id), "rawId": spelled(self.id), "type": "public-key", "authenticatorAttachment": self.attachment,
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": spelled(self._client(kind, challenge or options["challenge"])),
                "attestationObject": spelled(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
                "transports": ["internal"], "publicKeyAlgorithm": self.key.algorithm, "authenticatorData": spelled(data),
            },
        }  # fmt: skip

    def show(self, options: dict[str, Any], *, challenge: str = "", party: str = "", kind: str = "webauthn.get") -> dict[str, Any]:
        """``navigator.credentials.get``, as JSON."""
        self.counter += 1
        data, client = self._data(party or options["rpId"], self.flags), self._client(kind, challenge or options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest())
        return {
            "id": spelled(self.id), "rawId": spelled(self.id), "type": "public-key", "authenticatorAttachment": self.attachment,
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": spelled(client), "authenticatorData": spelled(data), "signature": spelled(signature),
                "userHandle": spelled(self.handle),
            },
        }  # fmt: skip
