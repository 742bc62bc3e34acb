"""Material that customers bring: wrapped for a pair of keys made for this purpose, and taken away when its time is up.

The token that goes with the public key carries the private one under the cloud's seal, so nothing waits here for who never comes back.
https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines import cipher, key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.kms import life, material, replica
from kumoniwa.services.kms.errors import (
    ExpiredImportTokenException,
    IncorrectKeyMaterialException,
    InvalidCiphertextException,
    InvalidImportTokenException,
    UnsupportedOperationException,
    ValidationException,
)
from kumoniwa.services.kms.key import Key, Material, arn_of, check_state, without_alias

TOKEN_S = 86_400.0
_PURPOSE = b"kms import"


class Token(Record):
    """What an import token holds."""

    key: str
    expires: float
    algorithm: str
    secret: bytes


def _external(call: Call, text: str) -> Key:
    key = without_alias(call, text)
    if key.origin != "EXTERNAL":
        raise UnsupportedOperationException(f"{arn_of(call, key)} origin is {key.origin} which is not valid for this operation.")
    return key


async def GetParametersForImport(call: Call, *, KeyId: str, WrappingAlgorithm: str, WrappingKeySpec: str) -> dict:
    key = _external(call, KeyId)
    check_state(call, key, "Enabled", "Disabled", "PendingImport")
    if WrappingKeySpec not in key_material.RSA_BITS or WrappingAlgorithm == "RSAES_PKCS1_V1_5":
        raise NotImplementedHere(f"wrapping material by {WrappingAlgorithm} for keys of the spec {WrappingKeySpec}")
    if key.spec in key_material.RSA_BITS and not WrappingAlgorithm.startswith("RSA_AES_KEY_WRAP"):
        raise ValidationException(f"Material of the spec {key.spec} is longer than {WrappingAlgorithm} takes; use RSA_AES_KEY_WRAP_SHA_256.")
    secret, expires = await life.secret_for(WrappingKeySpec), call.now() + TOKEN_S
    token = pack(Token(key=key.id, expires=expires, algorithm=WrappingAlgorithm, secret=secret))
    return {
        "KeyId": arn_of(call, key),
        "ImportToken": cipher.seal(call.home.settings.seal, token, _PURPOSE),
        "PublicKey": key_material.public(secret),
        "ParametersValidTo": expires,
    }


def ImportKeyMaterial(
    call: Call, *, KeyId: str, ImportToken: bytes, EncryptedKeyMaterial: bytes, ValidTo: float | None = None,
    ExpirationModel: str = "KEY_MATERIAL_EXPIRES",
) -> dict:  # fmt: skip
    key = _external(call, KeyId)
    does_expire = ExpirationModel == "KEY_MATERIAL_EXPIRES"
    if does_expire and ValidTo is None:
        raise ValidationException("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
    if does_expire and ValidTo <= call.now():
        raise ValidationException("The validTo date must be in the future.")
    if not does_expire and ValidTo is not None:
        raise ValidationException("A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
    check_state(call, key, "Enabled", "Disabled", "PendingImport")
    opened = cipher.unseal(call.home.settings.seal, ImportToken, _PURPOSE)
    token = unpack(opened, Token) if opened is not None else None
    if token is None or token.key != key.id:
        raise InvalidImportTokenException
    if token.expires <= call.now():
        raise ExpiredImportTokenException
    try:
        secret = key_material.unwrap(token.secret, token.algorithm, EncryptedKeyMaterial)
        key_material.check(key.spec, secret)
    except key_material.Unfit as error:
        raise InvalidCiphertextException(hint=f"The material cannot be taken: {error}.") from None
    fresh = material.sealed(call, key.id, secret, expires=ValidTo if does_expire else None)
    if key.materials and key.materials[-1].id != fresh.id:
        raise IncorrectKeyMaterialException(hint="A key takes its first material again, and no other.")
    _keep(call, changed(key, materials=(fresh,)))
    call.home.wake(replica.WORK)
    return _answer(call, key, fresh)


def DeleteImportedKeyMaterial(call: Call, *, KeyId: str) -> dict:
    key = _external(call, KeyId)
    check_state(call, key, "Enabled", "Disabled", "PendingImport", "PendingDeletion")
    if not key.materials:
        return {"KeyId": arn_of(call, key)}
    forget(call, key)
    return _answer(call, key, key.materials[-1])


def forget(call: Call, key: Key) -> None:
    """Take the secret away. Its id stays: only the same may come back."""
    call.memory(material.Opened).forget(key.materials)
    _keep(call, changed(key, materials=tuple(changed(each, sealed=b"", expires=None) for each in key.materials)))


def _keep(call: Call, key: Key) -> None:
    call.shelf(Key)[key.id] = key


def _answer(call: Call, key: Key, held: Material) -> dict[str, Any]:
    return {"KeyId": arn_of(call, key)} | ({"KeyMaterialId": held.id} if key.is_symmetric else {})
