"""One secret in several regions: the primary tells the others what it says, and what it tells waits in its outbox while they are dark.

A value leaves the primary opened, over the link, and is sealed again by a key of the other region: as the caller whose change it is, who
needs both keys. On no disk is it ever plain.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec import convert, to_builtins

from kumoniwa.aws import regions
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.services.secretsmanager import envelope
from kumoniwa.services.secretsmanager.errors import (
    AccessDenied,
    DecryptionFailure,
    EncryptionFailure,
    InvalidParameterException,
    InvalidRequestException,
)
from kumoniwa.services.secretsmanager.listing import statuses
from kumoniwa.services.secretsmanager.secret import (
    Replica,
    Secret,
    Version,
    arn_of,
    drop,
    keep_version,
    touched,
    usable,
    version_of,
    writable,
)

AGAIN_S = 5.0
_KEYS_FAIL = (EncryptionFailure, DecryptionFailure, AccessDenied)


def checked(call: Call, listed: list[dict[str, str]] | None) -> dict[str, Replica]:
    """The replicas that somebody asks for."""
    for each in listed or ():
        region = each.get("Region", "")
        if not regions.is_region(region) or region == call.region:
            raise InvalidParameterException("Invalid replica region.")
    return {each["Region"]: Replica(key=each.get("KmsKeyId", "")) for each in listed or ()}


def ReplicateSecretToRegions(
    call: Call, *, SecretId: str, AddReplicaRegions: list[dict[str, str]], ForceOverwriteReplicaSecret: bool | None = None
) -> dict:
    secret = writable(call, SecretId)
    added = checked(call, AddReplicaRegions)
    secret = touched(call, secret.name, replicas=secret.replicas | added)
    for region in added:
        _tell(call, secret, region, is_forced=bool(ForceOverwriteReplicaSecret))
    return {"ARN": arn_of(call, secret), "ReplicationStatus": statuses(secret)}


def RemoveRegionsFromReplication(call: Call, *, SecretId: str, RemoveReplicaRegions: list[str]) -> dict:
    secret = writable(call, SecretId)
    for region in RemoveReplicaRegions:
        if region not in secret.replicas:
            raise InvalidParameterException("Invalid replica region.")
    secret = touched(call, secret.name, replicas={name: each for name, each in secret.replicas.items() if name not in RemoveReplicaRegions})
    for region in RemoveReplicaRegions:
        _tell(call, secret, region)
    return {"ARN": arn_of(call, secret), "ReplicationStatus": statuses(secret)}


def StopReplicationToReplica(call: Call, *, SecretId: str) -> dict:
    """Asked where the replica is, which from then on stands alone."""
    secret = usable(call, SecretId)
    if not secret.primary:
        raise InvalidRequestException("Operation not permitted on a primary secret. Call must be made in a replica secret's region.")
    primary = secret.primary
    secret = touched(call, secret.name, primary="")
    _put(call, secret, primary, {"what": "parted"})
    return {"ARN": arn_of(call, secret)}


# What is told --------------------------------------------------------------------------------------


def tell_all(call: Call, secret: Secret, *, is_forced: bool = False) -> None:
    for region in secret.replicas:
        _tell(call, secret, region, is_forced=is_forced)


def _tell(call: Call, secret: Secret, region: str, *, is_forced: bool = False) -> None:
    """How the secret stands there depends on how it stands here when it is told."""
    _put(call, secret, region, {"what": "news", "is_forced": is_forced})


def _put(call: Call, secret: Secret, region: str, said: dict[str, Any]) -> None:
    promised = {**said, "name": secret.name, "suffix": secret.suffix, "region": region, "who": to_builtins(call.principal)}
    OUTBOX.put(call, orjson.dumps(promised), lane=f"{secret.suffix} {region}")


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    promised = orjson.loads(delivery.body)
    region, name = promised["region"], promised["name"]
    call = call.home.call(call.service, call.account, convert(promised["who"], Principal))
    try:
        message = await _message(call, promised)
    except _KEYS_FAIL as error:
        _note(call, name, region, "Failed", f"Replication failed: {error.text}")
        return None
    try:
        answer = await call.home.exchange(region, "secretsmanager", {**message, "account": call.account, "origin": call.region})
    except AwsError:
        return AGAIN_S
    _note(call, name, region, "InSync" if answer["is_kept"] else "Failed", answer["reason"])
    return None


async def _message(call: Call, promised: dict[str, Any]) -> dict[str, Any]:
    message = {"name": promised["name"], "suffix": promised["suffix"], "who": promised["who"]}
    secret = call.shelf(Secret).get(promised["name"])
    if promised["what"] == "parted":
        return {**message, "what": "parted"}
    if secret is None or secret.suffix != promised["suffix"] or promised["region"] not in secret.replicas:
        return {**message, "what": "gone"}
    labelled = {id_: labels for id_, labels in secret.stages.items() if labels}
    versions = []
    for id_ in labelled:
        version = version_of(call, secret, id_)
        if version is not None and version.sealed:
            versions.append({"id": id_, "created": version.created, "value": await envelope.opened(call, secret, version)})
    shared = {"description": secret.description, "tags": secret.tags, "policy": secret.policy, "stages": labelled, "created": secret.created}
    key = secret.replicas[promised["region"]].key
    return {**message, "what": "news", "shared": shared, "versions": versions, "key": key, "is_forced": promised["is_forced"]}


def _note(call: Call, name: str, region: str, state: str, reason: str) -> None:
    secret = call.shelf(Secret).get(name)
    if secret is not None and region in secret.replicas:
        replica = changed(secret.replicas[region], state=state, reason=reason)
        touched(call, name, replicas={**secret.replicas, region: replica})


# What is heard -------------------------------------------------------------------------------------


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    call = home.call("secretsmanager", message["account"], convert(message["who"], Principal))
    call.keeps_otherwise()
    held = call.shelf(Secret).get(message["name"])
    is_ours = held is not None and held.suffix == message["suffix"]
    if message["what"] == "parted":
        if is_ours and origin in held.replicas:
            touched(call, held.name, replicas={region: each for region, each in held.replicas.items() if region != origin})
        return _KEPT
    if message["what"] == "gone":
        if is_ours and held.primary == origin:
            call.atomically(lambda: drop(call, held))
        return _KEPT
    if held is not None and not (is_ours and held.primary == origin) and not message["is_forced"]:
        return {"is_kept": False, "reason": f"Replication failed: Secret name {held.name} already exists in region {call.region}."}
    return await _adopt(call, origin, held if is_ours else None, message)


_KEPT = {"is_kept": True, "reason": ""}


async def _adopt(call: Call, origin: str, held: Secret | None, message: dict[str, Any]) -> dict[str, Any]:
    """Values that are here already, under the same key, are not sealed again."""
    shared = {**message["shared"], "stages": {id_: tuple(labels) for id_, labels in message["shared"]["stages"].items()}}
    secret = Secret(name=message["name"], suffix=message["suffix"], key=message["key"], primary=origin, modified=call.now(), **shared)
    fresh: list[Version] = []
    try:
        for each in message["versions"]:
            known = version_of(call, secret, each["id"]) if held is not None and held.key == secret.key else None
            if known is None:
                fresh.append(changed(await envelope.sealed(call, secret, each["id"], each["value"]), created=each["created"]))
    except _KEYS_FAIL as error:
        return {"is_kept": False, "reason": f"Replication failed: {error.text}"}
    call.atomically(lambda: _keep(call, secret, fresh))
    return _KEPT


def _keep(call: Call, secret: Secret, fresh: list[Version]) -> None:
    before = call.shelf(Secret).get(secret.name)
    if before is not None and before.suffix != secret.suffix:
        drop(call, before)
    elif before is not None:
        secret = changed(secret, read=before.read)
        for id_ in before.stages.keys() - secret.stages.keys():
            call.shelf(Version).pop(f"{secret.suffix}/{id_}", None)
    call.shelf(Secret)[secret.name] = secret
    for version in fresh:
        keep_version(call, secret, version)


OUTBOX = Outbox("secretsmanager", _deliver)
