"""How secrets are made, changed, tagged, and deleted after days in which one may think better of it."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.secretsmanager import envelope, replica, stage, value
from kumoniwa.services.secretsmanager.errors import (
    InvalidParameterException,
    InvalidRequestException,
    OnReplica,
    ResourceExistsException,
)
from kumoniwa.services.secretsmanager.secret import (
    DAY_S,
    SUFFIX_CHARACTERS,
    SUFFIX_LENGTH,
    WORK,
    Secret,
    arn_of,
    check_keeper,
    check_name,
    checked_tags,
    checked_token,
    drop,
    found,
    keep_version,
    keeper_of,
    known,
    named,
    touched,
    version_of,
    writable,
)

WINDOW_DAYS, WINDOW_DAYS_MIN, WINDOW_DAYS_MAX = 30, 7, 30


async def CreateSecret(
    call: Call, *, Name: str, ClientRequestToken: str | None = None, Description: str | None = None, KmsKeyId: str | None = None,
    SecretBinary: bytes | None = None, SecretString: str | None = None, Tags: list[dict[str, str]] | None = None,
    AddReplicaRegions: list[dict[str, str]] | None = None, ForceOverwriteReplicaSecret: bool | None = None,
) -> dict:  # fmt: skip
    check_name(Name)
    token = checked_token(call, ClientRequestToken)
    content = value.given(SecretString, SecretBinary)
    tags, replicas = checked_tags(Tags), replica.checked(call, AddReplicaRegions)
    held = call.shelf(Secret).get(Name)
    if held is not None:
        await _check_made_again(call, held, token, content)
        return {**named(call, held), **({"VersionId": token} if content is not None else {})}
    suffix = "".join(call.ids.random.choices(SUFFIX_CHARACTERS, k=SUFFIX_LENGTH))
    owner = keeper_of(call, Name)
    if owner:
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/service-linked-secrets.html
        tags["aws:secretsmanager:owningService"] = owner
    made = Secret(
        name=Name, suffix=suffix, created=call.now(), modified=call.now(), description=Description, key=_key(KmsKeyId), tags=tags or None,
        replicas=replicas, owner=owner,
    )  # fmt: skip
    version = await envelope.sealed(call, made, token, content) if content is not None else None
    return call.atomically(lambda: _made(call, made, version, is_forced=bool(ForceOverwriteReplicaSecret)))


def _key(text: str | None) -> str:
    """AWS's own key is not named."""
    return "" if not text or text.endswith("alias/aws/secretsmanager") else text


async def _check_made_again(call: Call, held: Secret, token: str, content: str | bytes | None) -> None:
    if held.deletes_at:
        raise InvalidRequestException("You can't create this secret because a secret with this name is already scheduled for deletion.")
    version = version_of(call, held, token)
    if version is None:
        raise ResourceExistsException(f"The operation failed because the secret {held.name} already exists.")
    await value.check_said_again(call, held, version, content)


def _made(call: Call, made: Secret, version: Any, *, is_forced: bool) -> dict[str, Any]:
    if made.name in call.shelf(Secret):
        raise ResourceExistsException(f"The operation failed because the secret {made.name} already exists.")
    call.shelf(Secret)[made.name] = made
    reply = named(call, made)
    if version is not None:
        keep_version(call, made, version)
        made = touched(call, made.name, stages=stage.moved({}, version.id, (stage.CURRENT,)))
        reply["VersionId"] = version.id
    replica.tell_all(call, made, is_forced=is_forced)
    return reply | ({"ReplicationStatus": replica.statuses(made)} if made.replicas else {})


async def UpdateSecret(
    call: Call, *, SecretId: str, ClientRequestToken: str | None = None, Description: str | None = None, KmsKeyId: str | None = None,
    SecretBinary: bytes | None = None, SecretString: str | None = None,
) -> dict:  # fmt: skip
    token = checked_token(call, ClientRequestToken)
    secret = writable(call, SecretId)
    content = value.given(SecretString, SecretBinary)
    more: dict[str, Any] = {} if Description is None else {"description": Description}
    versions = []
    if KmsKeyId is not None and _key(KmsKeyId) != secret.key:
        more["key"] = _key(KmsKeyId)
        versions = await _encrypted_anew(call, secret, more["key"])
    if content is None:
        call.atomically(lambda: _updated(call, secret.name, versions, more))
        return named(call, secret)
    held = version_of(call, secret, token)
    if held is not None and held.sealed:
        await value.check_said_again(call, secret, held, content)
        call.atomically(lambda: _updated(call, secret.name, versions, more))
    else:
        made = await envelope.sealed(call, _with(secret, more), token, content)
        call.atomically(lambda: (_updated(call, secret.name, versions, more), value.keep(call, secret.name, made, (stage.CURRENT,))))
    return {**named(call, secret), "VersionId": token}


def _with(secret: Secret, more: dict[str, Any]) -> Secret:
    return changed(secret, **more)


async def _encrypted_anew(call: Call, secret: Secret, key: str) -> list[Any]:
    """Versions that AWS's labels are on, under another key.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_update-encryption-key.html"""
    versions = []
    for id_, labels in secret.stages.items():
        version = version_of(call, secret, id_)
        if version is not None and version.sealed and {stage.CURRENT, stage.PENDING, stage.PREVIOUS} & {*labels}:
            content = await envelope.opened(call, secret, version)
            anew = await envelope.sealed(call, _with(secret, {"key": key}), id_, content)
            versions.append(changed(anew, created=version.created))
    return versions


def _updated(call: Call, name: str, versions: list[Any], more: dict[str, Any]) -> None:
    secret = touched(call, writable(call, name).name, modified=call.now(), **more)
    for version in versions:
        if version.id in secret.stages:
            keep_version(call, secret, version)
    replica.tell_all(call, secret)


# Deletion ------------------------------------------------------------------------------------------


def DeleteSecret(
    call: Call, *, SecretId: str, RecoveryWindowInDays: int | None = None, ForceDeleteWithoutRecovery: bool | None = None
) -> dict:
    """To delete by force what is not there is no mistake.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html"""
    if RecoveryWindowInDays is not None and not WINDOW_DAYS_MIN <= RecoveryWindowInDays <= WINDOW_DAYS_MAX:
        raise InvalidParameterException(
            f"The RecoveryWindowInDays value must be between {WINDOW_DAYS_MIN} and {WINDOW_DAYS_MAX} days (inclusive)."
        )
    if ForceDeleteWithoutRecovery and RecoveryWindowInDays is not None:
        raise InvalidParameterException("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    secret = known(call, SecretId)
    if secret is None and ForceDeleteWithoutRecovery:
        check_name(SecretId.rpartition(":")[2])
        arn = SecretId if SecretId.startswith("arn:") else call.arn(f"secret:{SecretId}-{'x' * SUFFIX_LENGTH}")
        return {"ARN": arn, "Name": arn.rpartition(":")[2].rpartition("-")[0], "DeletionDate": call.now()}
    secret = found(call, SecretId)
    check_keeper(call, secret)
    if secret.primary:
        raise OnReplica
    if secret.replicas:
        raise InvalidParameterException(
            f"You can't delete secret {arn_of(call, secret)} that still has replica regions [{', '.join(secret.replicas)}]"
        )
    if ForceDeleteWithoutRecovery:
        drop(call, secret)
        return {**named(call, secret), "DeletionDate": call.now()}
    if secret.deletes_at:
        raise InvalidRequestException("You can't perform this operation on the secret because it was already scheduled for deletion.")
    deletes_at = call.now() + (RecoveryWindowInDays or WINDOW_DAYS) * DAY_S
    touched(call, secret.name, deletes_at=deletes_at)
    call.after_commit(lambda: call.home.wake(WORK))
    return {**named(call, secret), "DeletionDate": deletes_at}


def RestoreSecret(call: Call, *, SecretId: str) -> dict:
    secret = found(call, SecretId)
    if secret.deletes_at:
        touched(call, secret.name, deletes_at=0.0)
    return named(call, secret)


# Tags ----------------------------------------------------------------------------------------------


def TagResource(call: Call, *, SecretId: str, Tags: list[dict[str, str]]) -> None:
    secret = writable(call, SecretId)
    tags = (secret.tags or {}) | checked_tags(Tags)
    checked_tags([{"Key": key, "Value": tag} for key, tag in tags.items()])
    replica.tell_all(call, touched(call, secret.name, tags=tags))


def UntagResource(call: Call, *, SecretId: str, TagKeys: list[str]) -> None:
    secret = writable(call, SecretId)
    if secret.tags is not None:
        replica.tell_all(call, touched(call, secret.name, tags={key: tag for key, tag in secret.tags.items() if key not in TagKeys}))
