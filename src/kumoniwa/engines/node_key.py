"""The RSA key of a managed node, by which it proves to Systems Manager who it is: signatures are RSA-PSS over SHA-256.

Public keys are base 64 of SubjectPublicKeyInfo, private ones of PKCS #1, as aws/amazon-ssm-agent has them (agent/managedInstances/auth/rsa_key.go).
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KIND = "Rsa"
BITS, SALT_BYTES = 2048, 32
_HASH = hashes.SHA256()


class Unfit(ValueError):
    """No RSA key."""


class Pair(NamedTuple):
    public: str
    private: str


def make() -> Pair:
    key = rsa.generate_private_key(65_537, BITS)
    private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Pair(base64.b64encode(public).decode(), base64.b64encode(private).decode())


def sign(private: str, text: str) -> str:
    key = serialization.load_der_private_key(base64.b64decode(private), None)
    return base64.b64encode(key.sign(text.encode(), padding.PSS(padding.MGF1(_HASH), SALT_BYTES), _HASH)).decode()  # type: ignore[union-attr,call-arg,arg-type]


def _public(text: str) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise Unfit from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unfit
    return key


def check(public: str) -> None:
    """Raises Unfit."""
    _public(public)


def is_signed(public: str, text: str, signature: str) -> bool:
    try:
        proof = base64.b64decode(signature, validate=True)
        _public(public).verify(proof, text.encode("latin-1", "replace"), padding.PSS(padding.MGF1(_HASH), padding.PSS.AUTO), _HASH)
    except (InvalidSignature, ValueError):
        return False
    return True
