"""Multi-region keys: one key in several regions, with the same id and the same material.

The region that leads tells the others what they share: the material, how it rotates, who leads and who follows. What it tells waits in
its outbox while a region is dark. Policies, aliases, tags, grants and states are each region's own.
https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec import convert, to_builtins

from kumoniwa.aws import regions
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.kms import policy, tag
from kumoniwa.services.kms.errors import (
    AlreadyExistsException,
    KMSInternalException,
    UnsupportedOperationException,
    ValidationException,
)
from kumoniwa.services.kms.key import DAY_S, Key, arn_of, check_usable, described, without_alias

WORK = ("kms", "work")
AGAIN_S = 5.0
SHARED = ("materials", "rotation_days", "rotates_at", "primary", "replicas")


def _leading(call: Call, text: str) -> Key:
    key = without_alias(call, text)
    if key.primary != call.region:
        where = f"It is a replica of the key in {key.primary}." if key.primary else ""
        what = "multi-region primary key" if key.primary else "multi-region key"
        raise UnsupportedOperationException(f"{arn_of(call, key)} is not a {what}.", hint=where)
    return key


async def ReplicateKey(
    call: Call, *, KeyId: str, ReplicaRegion: str, Policy: str | None = None, BypassPolicyLockoutSafetyCheck: bool | None = None,
    Description: str | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    key = _leading(call, KeyId)
    check_usable(call, key)
    if key.pending is not None:
        raise NotImplementedHere("replicas of a key whose new imported material waits for its rotation")
    if ReplicaRegion == call.region:
        raise ValidationException(f"{ReplicaRegion} cannot have a replica because it contains the primary.")
    if not regions.is_region(ReplicaRegion):
        raise ValidationException(f"Invalid ReplicaRegion {ReplicaRegion}.")
    if ReplicaRegion in key.replicas:
        raise AlreadyExistsException(f"The key {key.id} already exists in {ReplicaRegion}.")
    text = policy.check(call, Policy, may_lock_out=BypassPolicyLockoutSafetyCheck) if Policy else policy.default(call)
    tags = tag.named(Tags)
    draft = changed(
        key, policy=text, description=Description or "", tags=tags, created=call.now(), replicas=(*key.replicas, ReplicaRegion), is_enabled=True,
        # Material that was brought is brought to each region by itself.
        materials=tuple(changed(each, sealed=b"", expires=None) for each in key.materials) if key.origin == "EXTERNAL" else key.materials,
    )  # fmt: skip
    answer = await _say(call, ReplicaRegion, {"what": "adopt", "key": to_builtins(draft)})
    if not answer["is_adopted"]:
        raise AlreadyExistsException(f"The key {key.id} already exists in {ReplicaRegion}.")
    call.atomically(lambda: _join(call, key.id, ReplicaRegion))
    shown = described(call, draft)
    there = arn_of(call, draft, ReplicaRegion)
    shown |= {"Arn": there, "KeyState": "Creating", "Enabled": False}
    shown.pop("CurrentKeyMaterialId", None)
    shown["MultiRegionConfiguration"]["MultiRegionKeyType"] = "REPLICA"
    listed = [{"TagKey": name, "TagValue": value} for name, value in tags.items()]
    return {"ReplicaKeyMetadata": shown, "ReplicaPolicy": text} | ({"ReplicaTags": listed} if listed else {})


def _join(call: Call, key_id: str, region: str) -> None:
    key = call.shelf(Key)[key_id]
    key = call.shelf(Key)[key_id] = changed(key, replicas=(*key.replicas, region))
    tell_all(call, key)


async def UpdatePrimaryRegion(call: Call, *, KeyId: str, PrimaryRegion: str) -> None:
    key = _leading(call, KeyId)
    check_usable(call, key)
    if PrimaryRegion == call.region:
        return
    if PrimaryRegion not in key.replicas:
        raise UnsupportedOperationException(f"The key {key.id} has no replica in {PrimaryRegion}.")
    followers = tuple(call.region if region == PrimaryRegion else region for region in key.replicas)
    key = changed(key, primary=PrimaryRegion, replicas=followers)
    await _say(call, PrimaryRegion, _news(key))
    call.atomically(lambda: _follow(call, key))


def _follow(call: Call, key: Key) -> None:
    call.shelf(Key)[key.id] = changed(call.shelf(Key)[key.id], primary=key.primary, replicas=key.replicas)
    for region in key.replicas:
        if region != call.region:
            tell(call, key, region)


# What is told --------------------------------------------------------------------------------------


def tell_all(call: Call, key: Key) -> None:
    """Whoever leads tells the others how the key stands."""
    if key.primary == call.region:
        for region in key.replicas:
            tell(call, key, region)


def tell(call: Call, key: Key, region: str) -> None:
    OUTBOX.put(call, orjson.dumps({"key": key.id, "region": region}), lane=f"{key.id} {region}")


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    """How the key stands when it is told, not when the telling was promised. A key that is gone here says that it is."""
    said = orjson.loads(delivery.body)
    key = call.shelf(Key).get(said["key"])
    message = _news(key) if key is not None else {"what": "left", "id": said["key"], "region": call.region}
    try:
        await _say(call, said["region"], message)
    except AwsError:
        return AGAIN_S
    return None


def _news(key: Key) -> dict[str, Any]:
    shared = {name: value for name, value in to_builtins(key).items() if name in SHARED and (name != "materials" or key.origin != "EXTERNAL")}
    return {"what": "news", "id": key.id, "shared": shared}


async def _say(call: Call, region: str, message: dict[str, Any]) -> dict[str, Any]:
    try:
        return await call.home.exchange(region, "kms", {**message, "account": call.account})
    except AwsError as error:
        raise KMSInternalException(f"KMS in {region} cannot be reached: {error.text}") from None


# What is heard -------------------------------------------------------------------------------------


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    call = home.call("kms", message["account"], principals.service("kms.amazonaws.com", message["account"]))
    call.keeps_otherwise()
    return call.atomically(lambda: _HEARD[message["what"]](call, message)) or {}


def _adopt(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    key = convert(message["key"], Key)
    if key.id in call.shelf(Key):
        return {"is_adopted": False}
    call.shelf(Key)[key.id] = key
    return {"is_adopted": True}


def _learn(call: Call, message: dict[str, Any]) -> None:
    """Newer material than ours is kept; a message that comes late takes none away."""
    key = call.shelf(Key).get(message["id"])
    if key is None:
        return
    told = convert(to_builtins(key) | message["shared"], Key)
    if len(told.materials) < len(key.materials):
        told = changed(told, materials=key.materials)
    call.shelf(Key)[key.id] = told


def _part(call: Call, message: dict[str, Any]) -> None:
    """A replica is no more. With the last one the days of a primary begin that is to be deleted."""
    key = call.shelf(Key).get(message["id"])
    if key is None or message["region"] not in key.replicas:
        return
    key = changed(key, replicas=tuple(region for region in key.replicas if region != message["region"]))
    if key.is_leaving and not key.replicas:
        key = changed(key, is_leaving=False, deletes_at=call.now() + key.window_days * DAY_S)
        call.home.wake(WORK)
    call.shelf(Key)[key.id] = key
    tell_all(call, key)


_HEARD = {"adopt": _adopt, "news": _learn, "left": _part}

OUTBOX = Outbox("kms", _deliver)
