"""New material for old keys: what was encrypted before is read with the material of its time.

A key rotates by itself when it is due; a region that was dark then catches up when it is back.
https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines import key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.kms import material, replica, telling
from kumoniwa.services.kms.errors import (
    KMSInvalidStateException,
    LimitExceededException,
    UnsupportedOperationException,
)
from kumoniwa.services.kms.key import DAY_S, Key, Material, arn_of, check_usable, lent, without_alias

PERIOD_DAYS = 365
ON_DEMAND_MAX = 25


def _symmetric(call: Call, text: str) -> Key:
    key = without_alias(call, text)
    if not key.is_symmetric:
        raise UnsupportedOperationException("", hint=f"A key of the spec {key.spec} does not rotate.")
    return key


def _rotatable(call: Call, text: str, *origins: str) -> Key:
    """Only symmetric keys, and of several regions only the one that leads. AWS looks at the key's state first."""
    check_usable(call, without_alias(call, text))
    key = _symmetric(call, text)
    if key.origin not in origins:
        raise UnsupportedOperationException(f"{arn_of(call, key)} origin is {key.origin} which is not valid for this operation.")
    if key.primary and key.primary != call.region:
        raise UnsupportedOperationException(f"{arn_of(call, key)} is a replica: rotate its primary in {key.primary}.")
    return key


def EnableKeyRotation(call: Call, *, KeyId: str, RotationPeriodInDays: int = PERIOD_DAYS) -> None:
    key = _rotatable(call, KeyId, "AWS_KMS")
    _keep(call, changed(key, rotation_days=RotationPeriodInDays, rotates_at=call.now() + RotationPeriodInDays * DAY_S))
    call.home.wake(replica.WORK)


def DisableKeyRotation(call: Call, *, KeyId: str) -> None:
    key = _rotatable(call, KeyId, "AWS_KMS")
    _keep(call, changed(key, rotation_days=0, rotates_at=0.0))


def _keep(call: Call, key: Key) -> None:
    call.shelf(Key)[key.id] = key
    replica.tell_all(call, key)


def GetKeyRotationStatus(call: Call, *, KeyId: str) -> dict:
    """Also of a key that can never rotate: "The key rotation status of these KMS keys is always false" (the model's words)."""
    key = without_alias(call, KeyId)
    reply: dict[str, Any] = {"KeyRotationEnabled": bool(key.rotation_days), "KeyId": arn_of(call, key)}
    if key.rotation_days:
        reply |= {"RotationPeriodInDays": key.rotation_days, "NextRotationDate": key.rotates_at}
    return reply


def RotateKeyOnDemand(call: Call, *, KeyId: str) -> dict:
    """To material that AWS makes, or to that which somebody brought for it."""
    key = _rotatable(call, KeyId, "AWS_KMS", "EXTERNAL")
    arn = arn_of(call, key)
    if sum(each.how == "ON_DEMAND" for each in key.materials) >= ON_DEMAND_MAX:
        raise LimitExceededException(
            "The on-demand rotations limit has been reached for the given keyId. "
            f"No more on-demand rotations can be performed for this key: {arn}"
        )
    if key.origin == "AWS_KMS":
        fresh = material.sealed(call, key.id, key_material.make(key.spec))
    elif key.pending is not None:
        fresh = key.pending
    else:
        raise KMSInvalidStateException(f"No available key material pending rotation for the key: {arn}.")
    _rotate(call, changed(key, pending=None), fresh, "ON_DEMAND")
    return {"KeyId": arn}


def rotate_by_itself(call: Call, key: Key) -> None:
    fresh = material.sealed(call, key.id, key_material.make(key.spec))
    _rotate(call, changed(key, rotates_at=call.now() + key.rotation_days * DAY_S), fresh, "AUTOMATIC")


def _rotate(call: Call, key: Key, fresh: Material, how: str) -> None:
    rotated = changed(key, materials=(*key.materials, changed(fresh, how=how, created=call.now())))
    _keep(call, rotated)
    telling.of_rotation(call, rotated)


def is_due(call: Call, key: Key) -> bool:
    return bool(key.rotation_days) and key.rotates_at <= call.now() and (not key.primary or key.primary == call.region) and key.is_enabled


def ListKeyRotations(call: Call, *, KeyId: str, IncludeKeyMaterial: str = "ROTATIONS_ONLY") -> dict:
    key = _symmetric(call, KeyId)
    return {"Rotations": [_shown(call, key, each) for each in key.held if each.how or IncludeKeyMaterial == "ALL_KEY_MATERIAL"]}


def _shown(call: Call, key: Key, each: Material) -> dict[str, Any]:
    state = "PENDING_ROTATION" if each is key.pending else "CURRENT" if each is key.materials[-1] else "NON_CURRENT"
    shown: dict[str, Any] = {"KeyId": arn_of(call, key), "KeyMaterialId": each.id, "KeyMaterialState": state}
    if each.how:
        shown |= {"RotationDate": each.created, "RotationType": each.how}
    if key.origin == "EXTERNAL":
        shown["ImportState"] = "IMPORTED" if each.sealed else "PENDING_IMPORT"
        if each.sealed:
            shown |= lent(each)
        if each.description:
            shown["KeyMaterialDescription"] = each.description
    return shown
