"""The secrets of keys, and the ciphertexts they make.

On the disk a secret lies under the cloud's seal; opened, it lives in memory alone. A ciphertext names its account, its key and the
generation of its material, so that Decrypt needs no more, in every region that has the key.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kumoniwa.engines import cipher
from kumoniwa.kernel.call import Call
from kumoniwa.services.kms.errors import InvalidCiphertextException, KMSInternalException
from kumoniwa.services.kms.key import Key, Material, is_expired

OPENED_MAX = 1_024
_HEAD = b"\x01\x02\x02\x00"
_ACCOUNT_BYTES, _ID_BYTES, _GENERATION_BYTES, _NONCE_BYTES = 5, 16, 8, 12
_IS_SHARED = b"\x79"
_IS_REGIONAL = b"\x78"


class Opened:
    """Secrets that were used in this life of the region."""

    def __init__(self) -> None:
        self.secrets: dict[bytes, bytes] = {}
        self.ciphers: dict[bytes, AESGCM] = {}

    def forget(self, materials: tuple[Material, ...]) -> None:
        for material in materials:
            self.secrets.pop(material.sealed, None)
            self.ciphers.pop(material.sealed, None)


def sealed(call: Call, key_id: str, secret: bytes, how: str = "", expires: float | None = None) -> Material:
    id_ = hashlib.sha256(b"kms material " + key_id.encode() + secret).hexdigest()
    body = cipher.seal(call.home.settings.seal, secret, b"kms " + key_id.encode())
    return Material(id=id_, sealed=body, created=call.now(), how=how, expires=expires)


def secret_of(call: Call, key: Key, material: Material | None = None) -> bytes:
    """The secret in use, or that of an older generation."""
    material = material or key.materials[-1]
    opened = call.memory(Opened)
    secret = opened.secrets.get(material.sealed)
    if secret is None:
        secret = cipher.unseal(call.home.settings.seal, material.sealed, b"kms " + key.id.encode())
        if secret is None:
            raise KMSInternalException("The key was sealed by another cloud.", hint="The file `seal` of the data folder was lost or replaced.")
        if len(opened.secrets) >= OPENED_MAX:
            opened.secrets.clear()
        opened.secrets[material.sealed] = secret
    return secret


def _cipher(call: Call, key: Key, material: Material) -> AESGCM:
    ciphers = call.memory(Opened).ciphers
    found = ciphers.get(material.sealed)
    if found is None:
        if len(ciphers) >= OPENED_MAX:
            ciphers.clear()
        found = ciphers[material.sealed] = AESGCM(secret_of(call, key, material))
    return found


class Envelope(NamedTuple):
    """What can be read of a ciphertext without its key."""

    account: str
    key_id: str
    generation: str
    head: bytes
    nonce: bytes
    body: bytes


def encrypt(call: Call, key: Key, plaintext: bytes, context: dict[str, str] | None) -> bytes:
    material = key.materials[-1]
    is_shared = key.id.startswith("mrk-")
    head = (
        _HEAD
        + (_IS_SHARED if is_shared else _IS_REGIONAL)
        + int(call.account).to_bytes(_ACCOUNT_BYTES, "big")
        + bytes.fromhex(key.id.removeprefix("mrk-").replace("-", ""))
        + bytes.fromhex(material.id[: 2 * _GENERATION_BYTES])
    )
    nonce = os.urandom(_NONCE_BYTES)
    return head + nonce + _cipher(call, key, material).encrypt(nonce, plaintext, head + _bound(context))


def _bound(context: dict[str, str] | None) -> bytes:
    """An encryption context as it is authenticated: the order of its pairs says nothing."""
    return orjson.dumps(context, option=orjson.OPT_SORT_KEYS) if context else b""


def read(ciphertext: bytes) -> Envelope:
    """Raises InvalidCiphertextException for what no key here made."""
    size = len(_HEAD) + 1 + _ACCOUNT_BYTES + _ID_BYTES + _GENERATION_BYTES
    kind, rest = ciphertext[len(_HEAD) : len(_HEAD) + 1], ciphertext[len(_HEAD) + 1 :]
    if not ciphertext.startswith(_HEAD) or kind not in (_IS_SHARED, _IS_REGIONAL) or len(ciphertext) < size + _NONCE_BYTES:
        raise InvalidCiphertextException
    account, rest = int.from_bytes(rest[:_ACCOUNT_BYTES], "big"), rest[_ACCOUNT_BYTES:]
    digits, generation = rest[:_ID_BYTES].hex(), rest[_ID_BYTES : _ID_BYTES + _GENERATION_BYTES].hex()
    if account > 999_999_999_999:
        raise InvalidCiphertextException
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    key_id = f"mrk-{digits}" if kind == _IS_SHARED else "-".join(parts)
    nonce = ciphertext[size : size + _NONCE_BYTES]
    return Envelope(f"{account:012d}", key_id, generation, ciphertext[:size], nonce, ciphertext[size + _NONCE_BYTES :])


def decrypt(call: Call, key: Key, envelope: Envelope, context: dict[str, str] | None) -> tuple[bytes, Material]:
    """The plaintext, and the generation of material that had made the ciphertext."""
    for material in key.materials:
        if material.id.startswith(envelope.generation) and material.sealed and not is_expired(call, material):
            break
    else:
        raise InvalidCiphertextException
    try:
        return _cipher(call, key, material).decrypt(envelope.nonce, envelope.body, envelope.head + _bound(context)), material
    except InvalidTag:
        raise InvalidCiphertextException from None
