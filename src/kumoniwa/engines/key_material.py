"""Key material by the names AWS gives its kinds: made, wrapped, and used to encrypt, sign, authenticate and agree.

A secret is bytes: the key itself for symmetric and HMAC keys, PKCS #8 in DER for pairs. To make a pair of RSA keys takes a good part of
a second: ask for it in a thread.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

SYMMETRIC = "SYMMETRIC_DEFAULT"
SYMMETRIC_BYTES = 32
RSA_BITS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
EDWARDS = "ECC_NIST_EDWARDS25519"
HMAC_BYTES = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
SPECS = frozenset({SYMMETRIC, *RSA_BITS, *CURVES, EDWARDS, *HMAC_BYTES})
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


class Unfit(Exception):
    """The material or the message does not suit what it is asked for. Says why."""


def is_slow(spec: str) -> bool:
    return spec in RSA_BITS


def make(spec: str) -> bytes:
    if spec == SYMMETRIC:
        return os.urandom(SYMMETRIC_BYTES)
    if spec in HMAC_BYTES:
        return os.urandom(HMAC_BYTES[spec])
    if spec in RSA_BITS:
        return _der(rsa.generate_private_key(65537, RSA_BITS[spec]))
    return _der(ed25519.Ed25519PrivateKey.generate() if spec == EDWARDS else ec.generate_private_key(CURVES[spec]()))


def check(spec: str, secret: bytes) -> None:
    """Whether a secret from elsewhere is material of this kind. Raises Unfit."""
    if spec == SYMMETRIC or spec in HMAC_BYTES:
        if len(secret) != (SYMMETRIC_BYTES if spec == SYMMETRIC else HMAC_BYTES[spec]):
            raise Unfit("its length is another")
        return
    try:
        key = serialization.load_der_private_key(secret, None)
    except (ValueError, TypeError):
        raise Unfit("it is no PKCS #8 in DER") from None
    if spec in RSA_BITS:
        fits = isinstance(key, rsa.RSAPrivateKey) and key.key_size == RSA_BITS[spec]
    elif spec == EDWARDS:
        fits = isinstance(key, ed25519.Ed25519PrivateKey)
    else:
        fits = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, CURVES[spec])
    if not fits:
        raise Unfit("it is a key of another kind")


def _der(key: Any) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@lru_cache(maxsize=256)
def _private(secret: bytes) -> Any:
    # The material was checked when it was made or brought.
    return serialization.load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)


@lru_cache(maxsize=256)
def public(secret: bytes) -> bytes:
    """The public half of a pair, SubjectPublicKeyInfo in DER."""
    return _private(secret).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=16)
def public_pkcs1(secret: bytes) -> bytes:
    """The public half of an RSA pair in the older form, RSAPublicKey of PKCS #1 in DER."""
    return _private(secret).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


# Encryption by RSA ---------------------------------------------------------------------------------


def _oaep(algorithm: str) -> padding.OAEP:
    digest = _HASHES[algorithm.rpartition("_")[2]]
    return padding.OAEP(padding.MGF1(digest()), digest(), None)


def longest(spec: str, algorithm: str) -> int:
    """How many bytes OAEP takes at most: RFC 8017, section 7.1.1."""
    return RSA_BITS[spec] // 8 - 2 * _HASHES[algorithm.rpartition("_")[2]].digest_size - 2


def encrypt(secret: bytes, algorithm: str, plaintext: bytes) -> bytes:
    return _private(secret).public_key().encrypt(plaintext, _oaep(algorithm))


def decrypt(secret: bytes, algorithm: str, ciphertext: bytes) -> bytes:
    """Raises Unfit."""
    try:
        return _private(secret).decrypt(ciphertext, _oaep(algorithm))
    except ValueError:
        raise Unfit("it was not encrypted so by this key") from None


# Signatures and codes ------------------------------------------------------------------------------


def _how(algorithm: str, is_digest: bool) -> tuple[Any, ...]:
    """What a private key's ``sign`` takes behind the message."""
    digest = _HASHES[algorithm.rpartition("_")[2]]()
    hashed = utils.Prehashed(digest) if is_digest else digest
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(hashed),)
    if "PSS" in algorithm:
        return padding.PSS(padding.MGF1(digest), digest.digest_size), hashed
    return padding.PKCS1v15(), hashed


def digest_bytes(algorithm: str) -> int:
    return _HASHES[algorithm.rpartition("_")[2]].digest_size


def sign(secret: bytes, algorithm: str, message: bytes, *, is_digest: bool) -> bytes:
    key = _private(secret)
    return key.sign(message) if isinstance(key, ed25519.Ed25519PrivateKey) else key.sign(message, *_how(algorithm, is_digest))


def is_signed(secret: bytes, algorithm: str, message: bytes, signature: bytes, *, is_digest: bool) -> bool:
    key = _private(secret).public_key()
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, *_how(algorithm, is_digest))
    except InvalidSignature:
        return False
    return True


def code(secret: bytes, algorithm: str, message: bytes) -> bytes:
    """HMAC_SHA_256 and its kin."""
    return hmac.digest(secret, message, "sha" + algorithm.rpartition("_")[2])


def agreed(secret: bytes, others_public: bytes) -> bytes:
    """What both sides of ECDH know. Raises Unfit if the other's key is of another curve, or none."""
    key = _private(secret)
    try:
        other = serialization.load_der_public_key(others_public)
    except (ValueError, TypeError):
        raise Unfit("it is no public key in DER") from None
    if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != key.curve.name:
        raise Unfit("it is a key of another curve")
    return key.exchange(ec.ECDH(), other)


# Material on its way here --------------------------------------------------------------------------


def unwrap(secret: bytes, algorithm: str, wrapped: bytes) -> bytes:
    """Material that somebody wrapped for the pair of ``secret``. Raises Unfit."""
    if not algorithm.startswith("RSA_AES_KEY_WRAP"):
        return decrypt(secret, algorithm, wrapped)
    size = _private(secret).key_size // 8
    try:
        return keywrap.aes_key_unwrap_with_padding(decrypt(secret, algorithm, wrapped[:size]), wrapped[size:])
    except (keywrap.InvalidUnwrap, ValueError):
        raise Unfit("it was not wrapped so") from None
