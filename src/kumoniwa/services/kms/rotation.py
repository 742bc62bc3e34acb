"""New material for old keys: what was encrypted before is read with the material of its time.

A key rotates by itself when it is due; a region that was dark then catches up when it is back.
https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines import key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.kms import material, replica
from kumoniwa.services.kms.errors import LimitExceededException, UnsupportedOperationException
from kumoniwa.services.kms.key import DAY_S, Key, Material, arn_of, check_usable, without_alias

PERIOD_DAYS = 365
ON_DEMAND_MAX = 25


def _rotatable(call: Call, text: str) -> Key:
    """Only symmetric keys whose material AWS made, and of several regions only the one that leads."""
    key = without_alias(call, text)
    if not key.is_symmetric or key.origin != "AWS_KMS":
        raise UnsupportedOperationException(f"{arn_of(call, key)} origin is {key.origin} and its spec {key.spec}: such a key does not rotate.")
    return key


def _led_here(call: Call, key: Key) -> None:
    if key.primary and key.primary != call.region:
        raise UnsupportedOperationException(f"{arn_of(call, key)} is a replica: rotate its primary in {key.primary}.")


def EnableKeyRotation(call: Call, *, KeyId: str, RotationPeriodInDays: int = PERIOD_DAYS) -> None:
    key = _rotatable(call, KeyId)
    check_usable(call, key)
    _led_here(call, key)
    _keep(call, changed(key, rotation_days=RotationPeriodInDays, rotates_at=call.now() + RotationPeriodInDays * DAY_S))
    call.home.wake(replica.WORK)


def DisableKeyRotation(call: Call, *, KeyId: str) -> None:
    key = _rotatable(call, KeyId)
    check_usable(call, key)
    _led_here(call, key)
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
    key = _rotatable(call, KeyId)
    check_usable(call, key)
    _led_here(call, key)
    if sum(each.how == "ON_DEMAND" for each in key.materials) >= ON_DEMAND_MAX:
        raise LimitExceededException(f"A key rotates on demand {ON_DEMAND_MAX} times at most.")
    rotate(call, key, "ON_DEMAND")
    return {"KeyId": arn_of(call, key)}


def rotate(call: Call, key: Key, how: str) -> None:
    fresh = material.sealed(call, key.id, key_material.make(key.spec), how)
    due = call.now() + key.rotation_days * DAY_S if how == "AUTOMATIC" else key.rotates_at
    _keep(call, changed(key, materials=(*key.materials, fresh), rotates_at=due))


def is_due(call: Call, key: Key) -> bool:
    return bool(key.rotation_days) and key.rotates_at <= call.now() and (not key.primary or key.primary == call.region) and key.is_enabled


def ListKeyRotations(call: Call, *, KeyId: str, IncludeKeyMaterial: str = "ROTATIONS_ONLY") -> dict:
    key = _rotatable(call, KeyId)
    shown = [_shown(call, key, each) for each in key.materials if each.how or IncludeKeyMaterial == "ALL_KEY_MATERIAL"]
    return {"Rotations": shown}


def _shown(call: Call, key: Key, each: Material) -> dict[str, Any]:
    shown: dict[str, Any] = {"KeyId": arn_of(call, key), "KeyMaterialId": each.id}
    if each.how:
        shown |= {"RotationDate": each.created, "RotationType": each.how}
    return shown | {"KeyMaterialState": "CURRENT" if each is key.materials[-1] else "NON_CURRENT"}
