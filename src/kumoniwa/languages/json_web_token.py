"""JSON Web Tokens (RFC 7519): written, read, and proved with a key in the form in which issuers publish theirs (RFC 7517)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

_HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
_CURVES = {"P-256": (ec.SECP256R1, "256"), "P-384": (ec.SECP384R1, "384"), "P-521": (ec.SECP521R1, "512")}


class InvalidToken(ValueError):
    """The text is no JSON Web Token."""


class Token(NamedTuple):
    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def read(text: str) -> Token:
    """What a token says, proved or not. Raises InvalidToken."""
    try:
        head, body, signature = text.split(".")
        token = Token(
            orjson.loads(_decoded(head)),
            orjson.loads(_decoded(body)),
            f"{head}.{body}".encode(),
            _decoded(signature),
        )
    except (ValueError, binascii.Error):
        raise InvalidToken from None
    if not isinstance(token.header, dict) or not isinstance(token.claims, dict):
        raise InvalidToken
    return token


def _number(text: Any) -> int:
    return int.from_bytes(_decoded(text if isinstance(text, str) else "="), "big")


def is_signed_by(key: dict[str, Any], token: Token) -> bool:
    """Whether a JSON Web Key made the signature. Only the public-key algorithms of RFC 7518 that issuers use: RS256, ES256
    and their longer kin; a token cannot talk its way to another one than its key is for."""
    algorithm = token.header.get("alg")
    try:
        if key.get("kty") == "RSA" and algorithm in ("RS256", "RS384", "RS512"):
            public = rsa.RSAPublicNumbers(_number(key.get("e")), _number(key.get("n"))).public_key()
            public.verify(token.signature, token.signed, padding.PKCS1v15(), _HASHES[algorithm[2:]]())
            return True
        curve, size = _CURVES.get(str(key.get("crv")), (None, ""))
        if key.get("kty") == "EC" and curve is not None and algorithm == f"ES{size}":
            numbers = ec.EllipticCurvePublicNumbers(_number(key.get("x")), _number(key.get("y")), curve())
            half = len(token.signature) // 2
            r, s = (int.from_bytes(part, "big") for part in (token.signature[:half], token.signature[half:]))
            numbers.public_key().verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(_HASHES[size]()))
            return True
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return False


# Written -------------------------------------------------------------------------------------------


def base64url(body: bytes) -> str:
    """As RFC 7515 writes bytes: for URLs, and without padding."""
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def published(public: bytes, name: str, algorithm: str) -> dict[str, str]:
    """A public key, SubjectPublicKeyInfo in DER, as RFC 7517 writes it."""
    key = serialization.load_der_public_key(public)
    numbers = key.public_numbers()
    head = {"kid": name, "use": "sig", "alg": algorithm}
    if isinstance(key, rsa.RSAPublicKey):
        size = (key.key_size + 7) // 8
        return {**head, "kty": "RSA", "n": base64url(numbers.n.to_bytes(size, "big")), "e": base64url(numbers.e.to_bytes(3, "big"))}
    size = (key.curve.key_size + 7) // 8
    curve = next(curve for curve, (kind, _) in _CURVES.items() if isinstance(key.curve, kind))
    return {**head, "kty": "EC", "crv": curve, "x": base64url(numbers.x.to_bytes(size, "big")), "y": base64url(numbers.y.to_bytes(size, "big"))}


def written(name: str, algorithm: str, claims: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A token with claims in JSON. ``sign`` answers as X.509 has it, from which RFC 7518 differs for elliptic curves."""
    header = orjson.dumps({"kid": name, "typ": "JWT", "alg": algorithm})
    body = f"{base64url(header)}.{base64url(claims)}"
    signature = sign(body.encode())
    if algorithm.startswith("ES"):
        size = {"256": 32, "384": 48, "512": 66}[algorithm[2:]]
        signature = b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))
    return f"{body}.{base64url(signature)}"
