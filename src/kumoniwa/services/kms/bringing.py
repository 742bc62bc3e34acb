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
from kumoniwa.services.kms import life, material, replica, telling
from kumoniwa.services.kms.errors import (
    ExpiredImportTokenException,
    IncorrectKeyMaterialException,
    InvalidCiphertextException,
    InvalidImportTokenException,
    KMSInvalidStateException,
    NotFoundException,
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
    ExpirationModel: str = "KEY_MATERIAL_EXPIRES", ImportType: str | None = None, KeyMaterialDescription: str | None = None,
    KeyMaterialId: str | None = None,
) -> dict:  # fmt: skip
    key = _external(call, KeyId)
    if not key.is_symmetric and (ImportType, KeyMaterialDescription, KeyMaterialId) != (None, None, None):
        raise ValidationException("ImportType, KeyMaterialDescription and KeyMaterialId are for symmetric encryption keys only.")
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
    kind = ImportType or ("EXISTING_KEY_MATERIAL" if key.materials else "NEW_KEY_MATERIAL")
    if kind == "NEW_KEY_MATERIAL":
        if KeyMaterialId is not None:
            raise ValidationException("KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.")
        key = _with_new(call, key, changed(fresh, description=KeyMaterialDescription or ""))
    elif KeyMaterialId not in (None, fresh.id):
        raise IncorrectKeyMaterialException(hint=f"The id of this material is {fresh.id}.")
    else:
        key = _again(key, fresh, KeyMaterialDescription)
    _keep(call, key)
    call.home.wake(replica.WORK)
    return _answer(call, key, fresh)


def _with_new(call: Call, key: Key, fresh: Material) -> Key:
    """A key's first material is in use at once; other material waits for its rotation, one at a time."""
    if not key.materials:
        return changed(key, materials=(fresh,))
    if any(each.id == fresh.id for each in key.materials):
        raise IncorrectKeyMaterialException(hint="The key has had this material before: import it as EXISTING_KEY_MATERIAL.")
    if key.replicas:
        raise NotImplementedHere("new material for a multi-Region key that has replicas")
    if key.pending is not None and key.pending.id != fresh.id:
        raise KMSInvalidStateException(
            f"New key material (id: {fresh.id}) cannot be imported into KMS key {arn_of(call, key)}, "
            f"because another key material (id: {key.pending.id}) is pending rotation."
        )
    return changed(key, pending=fresh)


def _again(key: Key, fresh: Material, description: str | None) -> Key:
    def brought(held: Material) -> Material:
        if held.id != fresh.id:
            return held
        return changed(held, sealed=fresh.sealed, expires=fresh.expires, description=held.description if description is None else description)

    pending = key.pending and brought(key.pending)
    materials = tuple(brought(held) for held in key.materials)
    if pending is key.pending and all(was is held for was, held in zip(key.materials, materials, strict=True)):
        raise IncorrectKeyMaterialException(hint="The key never had this material: import it as NEW_KEY_MATERIAL, and rotate to it.")
    return changed(key, materials=materials, pending=pending)


def DeleteImportedKeyMaterial(call: Call, *, KeyId: str, KeyMaterialId: str | None = None) -> dict:
    """Of the material that is in use, unless other is named."""
    key = _external(call, KeyId)
    check_state(call, key, "Enabled", "Disabled", "PendingImport", "PendingDeletion")
    if KeyMaterialId is None:
        held = key.materials[-1] if key.materials else None
    else:
        held = next((each for each in key.held if each.id == KeyMaterialId), None)
        if held is None:
            raise NotFoundException(f"Key material {KeyMaterialId} is not associated with {arn_of(call, key)}.")
    if held is None:
        return {"KeyId": arn_of(call, key)}
    forget(call, key, held)
    return _answer(call, key, held)


def forget(call: Call, key: Key, *gone: Material) -> None:
    """Take secrets away. The ids of those the key has been rotated to stay, so that only the same come back."""
    call.memory(material.Opened).forget(gone)
    left = tuple(changed(each, sealed=b"", expires=None) if each in gone else each for each in key.materials)
    _keep(call, changed(key, materials=left, pending=None if key.pending in gone else key.pending))


def expire(call: Call, key: Key, *over: Material) -> None:
    """The time is over for which these were lent."""
    forget(call, key, *over)
    for _ in over:
        telling.of_expiration(call, key)


def _keep(call: Call, key: Key) -> None:
    call.shelf(Key)[key.id] = key


def _answer(call: Call, key: Key, held: Material) -> dict[str, Any]:
    return {"KeyId": arn_of(call, key)} | ({"KeyMaterialId": held.id} if key.is_symmetric else {})
