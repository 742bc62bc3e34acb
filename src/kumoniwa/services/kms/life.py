"""How keys are made, described, enabled, and deleted after a time in which one may think better of it."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.engines import key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.kms import grant, material, policy, replica, tag, telling
from kumoniwa.services.kms.errors import (
    KMSInvalidStateException,
    ValidationException,
)
from kumoniwa.services.kms.key import (
    DAY_S,
    ENCRYPT,
    Alias,
    Key,
    arn_of,
    check_state,
    described,
    found,
    uses,
    without_alias,
)
from kumoniwa.services.kms.policy import Grant

WINDOW_DAYS_MIN, WINDOW_DAYS_MAX = 7, 30
ORIGINS = ("AWS_KMS", "EXTERNAL")


async def secret_for(spec: str) -> bytes:
    """Fresh material. The slow kinds are made beside the loop."""
    if key_material.is_slow(spec):
        return await asyncio.get_running_loop().run_in_executor(None, key_material.make, spec)
    return key_material.make(spec)


def CreateKey(
    call: Call,
    *,
    Policy: str | None = None,
    Description: str | None = None,
    KeyUsage: str | None = None,
    CustomerMasterKeySpec: str | None = None,
    KeySpec: str | None = None,
    Origin: str = "AWS_KMS",
    BypassPolicyLockoutSafetyCheck: bool | None = None,
    Tags: list[dict[str, str]] | None = None,
    MultiRegion: bool | None = None,
) -> Any:
    if KeySpec and CustomerMasterKeySpec and KeySpec != CustomerMasterKeySpec:
        raise ValidationException("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
    spec = KeySpec or CustomerMasterKeySpec or key_material.SYMMETRIC
    if spec not in key_material.SPECS:
        raise NotImplementedHere(f"keys of the spec {spec}")
    if KeyUsage is None and spec != key_material.SYMMETRIC:
        raise ValidationException("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
    usage = KeyUsage or ENCRYPT
    if usage not in uses(spec):
        raise ValidationException(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    if Origin not in ORIGINS:
        raise NotImplementedHere(f"keys of the origin {Origin}")
    id_ = f"mrk-{call.new_id().replace('-', '')}" if MultiRegion else call.new_id()
    key = Key(
        id=id_, created=call.now(), spec=spec, usage=usage, origin=Origin, description=Description or "", tags=tag.named(Tags),
        policy=policy.check(call, Policy, may_lock_out=BypassPolicyLockoutSafetyCheck) if Policy else policy.default(call),
        primary=call.region if MultiRegion else "",
    )  # fmt: skip
    if Origin == "EXTERNAL":
        return _kept(call, key)
    if key_material.is_slow(spec):
        return _made_slowly(call, key)
    return _made(call, key, key_material.make(spec))


async def _made_slowly(call: Call, key: Key) -> dict:
    secret = await secret_for(key.spec)
    return call.atomically(lambda: _made(call, key, secret))


def _made(call: Call, key: Key, secret: bytes) -> dict:
    return _kept(call, changed(key, materials=(material.sealed(call, key.id, secret),)))


def _kept(call: Call, key: Key) -> dict:
    call.shelf(Key)[key.id] = key
    return {"KeyMetadata": described(call, key)}


def DescribeKey(call: Call, *, KeyId: str, GrantTokens: list[str] | None = None) -> dict:
    grant.check_tokens(call, GrantTokens)
    return {"KeyMetadata": described(call, found(call, KeyId))}


def ListKeys(call: Call) -> dict:
    return {"Keys": [{"KeyId": key.id, "KeyArn": arn_of(call, key)} for key in sorted(call.shelf(Key).values(), key=lambda key: key.id)]}


def UpdateKeyDescription(call: Call, *, KeyId: str, Description: str) -> None:
    key = without_alias(call, KeyId)
    check_state(call, key, "Enabled", "Disabled", "PendingImport")
    call.shelf(Key)[key.id] = changed(key, description=Description)


def EnableKey(call: Call, *, KeyId: str) -> None:
    _enable(call, KeyId, is_enabled=True)


def DisableKey(call: Call, *, KeyId: str) -> None:
    _enable(call, KeyId, is_enabled=False)


def _enable(call: Call, text: str, *, is_enabled: bool) -> None:
    key = without_alias(call, text)
    check_state(call, key, "Enabled", "Disabled")
    call.shelf(Key)[key.id] = changed(key, is_enabled=is_enabled)


# Deletion ------------------------------------------------------------------------------------------


def ScheduleKeyDeletion(call: Call, *, KeyId: str, PendingWindowInDays: int = WINDOW_DAYS_MAX) -> dict:
    """A primary waits for its replicas to go before its days begin to count.
    https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html"""
    key = without_alias(call, KeyId)
    for is_wrong, bound in (
        (PendingWindowInDays < WINDOW_DAYS_MIN, f"greater than or equal to {WINDOW_DAYS_MIN}"),
        (PendingWindowInDays > WINDOW_DAYS_MAX, f"less than or equal to {WINDOW_DAYS_MAX}"),
    ):
        if is_wrong:
            raise ValidationException(
                f"1 validation error detected: Value '{PendingWindowInDays}' at 'pendingWindowInDays' failed to satisfy constraint: "
                f"Member must have value {bound}"
            )
    check_state(call, key, "Enabled", "Disabled", "PendingImport")
    is_leaving = key.primary == call.region and bool(key.replicas)
    deletes_at = 0.0 if is_leaving else call.now() + PendingWindowInDays * DAY_S
    key = changed(key, is_leaving=is_leaving, deletes_at=deletes_at, window_days=PendingWindowInDays, is_enabled=False)
    call.shelf(Key)[key.id] = key
    call.home.wake(replica.WORK)
    state = {"KeyState": described(call, key)["KeyState"], "PendingWindowInDays": PendingWindowInDays}
    return {"KeyId": arn_of(call, key), **state} | ({} if is_leaving else {"DeletionDate": deletes_at})


def CancelKeyDeletion(call: Call, *, KeyId: str) -> dict:
    key = without_alias(call, KeyId)
    if not key.deletes_at and not key.is_leaving:
        raise KMSInvalidStateException(f"{arn_of(call, key)} is not pending deletion.")
    call.shelf(Key)[key.id] = changed(key, is_leaving=False, deletes_at=0.0, window_days=0)
    return {"KeyId": arn_of(call, key)}


def delete(call: Call, key: Key) -> None:
    """The key's time is up: nothing it encrypted can ever be read again."""
    for alias in [each for each in call.shelf(Alias).values() if each.key == key.id]:
        del call.shelf(Alias)[alias.name]
    for each in [each for each in call.shelf(Grant).values() if each.key == key.id]:
        del call.shelf(Grant)[f"{key.id}:{each.id}"]
    del call.shelf(Key)[key.id]
    telling.of_deletion(call, key)
    policy.forget(call, key.id)
    call.memory(material.Opened).forget(key.held)
    if key.primary and key.primary != call.region:
        replica.tell(call, key, key.primary)
