"""How values are put and read, and how labels move between them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.secretsmanager import envelope, listing, replica, stage
from kumoniwa.services.secretsmanager.errors import (
    InvalidParameterException,
    InvalidRequestException,
    LimitExceededException,
    ResourceExistsException,
    ResourceNotFoundException,
)
from kumoniwa.services.secretsmanager.secret import (
    DAY_S,
    Secret,
    Version,
    arn_of,
    checked_token,
    day_of,
    found,
    keep_version,
    known,
    named,
    touched,
    usable,
    version_of,
    writable,
)

VERSIONS_MAX = 100
"""https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"""


def given(text: str | None, binary: bytes | None) -> str | bytes | None:
    if text is not None and binary is not None:
        raise InvalidParameterException("You can't specify both a binary secret value and a string secret value in the same secret.")
    return text if text is not None else binary


async def check_said_again(call: Call, secret: Secret, version: Version, value: str | bytes | None) -> None:
    """A token that was used may come again with the same value, and with no other."""
    if not version.sealed or await envelope.opened(call, secret, version) != value:
        raise ResourceExistsException(
            f"You can't use ClientRequestToken {version.id} because that value is already in use for a version of secret {arn_of(call, secret)}."
        )


def keep(call: Call, name: str, version: Version, labels: tuple[str, ...], **more: Any) -> Secret:
    """A new version of a secret that may have changed while its value was encrypted."""
    secret = writable(call, name)
    if stage.CURRENT not in labels and stage.holder(secret.stages, stage.CURRENT) is None:
        labels = (*labels, stage.CURRENT)
    stages = stage.moved(secret.stages, version.id, labels)
    stages = _without_deprecated(call, secret, stages)
    keep_version(call, secret, version)
    secret = touched(call, secret.name, stages=stages, modified=call.now(), **more)
    replica.tell_all(call, secret)
    return secret


def _without_deprecated(call: Call, secret: Secret, stages: stage.Stages) -> stage.Stages:
    """When there are too many, those without labels go that are older than a day."""
    stages = dict(stages)
    for id_ in [id_ for id_, labels in stages.items() if not labels]:
        if len(stages) <= VERSIONS_MAX:
            break
        version = version_of(call, secret, id_)
        if version is None or version.created < call.now() - DAY_S:
            call.shelf(Version).pop(f"{secret.suffix}/{id_}", None)
            del stages[id_]
    if len(stages) > VERSIONS_MAX:
        raise LimitExceededException(f"A secret has {VERSIONS_MAX} versions at most, and those of the last 24 hours are kept.")
    return stages


async def PutSecretValue(
    call: Call, *, SecretId: str, ClientRequestToken: str | None = None, SecretBinary: bytes | None = None, SecretString: str | None = None,
    VersionStages: list[str] | None = None,
) -> dict:  # fmt: skip
    value, token = given(SecretString, SecretBinary), checked_token(call, ClientRequestToken)
    if value is None:
        raise InvalidRequestException("You must provide either SecretString or SecretBinary.")
    secret = writable(call, SecretId)
    labels = tuple(dict.fromkeys(VersionStages or (stage.CURRENT,)))
    held = version_of(call, secret, token)
    if held is not None and held.sealed:
        await check_said_again(call, secret, held, value)
    else:
        version = await envelope.sealed(call, secret, token, value)
        secret = call.atomically(lambda: keep(call, secret.name, version, labels))
    return {**named(call, secret), "VersionId": token, "VersionStages": list(secret.stages[token])}


# Reading -------------------------------------------------------------------------------------------


def _chosen(call: Call, secret: Secret, id_: str | None, label: str | None) -> Version:
    if id_ is not None:
        version = version_of(call, secret, id_)
        if version is None or not version.sealed:
            raise ResourceNotFoundException(f"Secrets Manager can't find the specified secret value for VersionId: {id_}")
        if label is not None and label not in secret.stages[id_]:
            raise InvalidRequestException("You provided a VersionStage that is not associated to the provided VersionId.")
        return version
    label = label or stage.CURRENT
    holder = stage.holder(secret.stages, label)
    version = version_of(call, secret, holder) if holder is not None else None
    if version is None or not version.sealed:
        raise ResourceNotFoundException(f"Secrets Manager can't find the specified secret value for staging label: {label}")
    return version


async def _told(call: Call, secret: Secret, version: Version) -> dict[str, Any]:
    value = await envelope.opened(call, secret, version)
    today = day_of(call.now())
    now = call.shelf(Secret).get(secret.name)
    if now is not None and now.suffix == secret.suffix and now.read.get(version.id) != today:
        call.shelf(Secret)[secret.name] = changed(now, read={**now.read, version.id: today})
    return {
        **named(call, secret),
        "VersionId": version.id,
        "SecretBinary" if version.is_binary else "SecretString": value,
        "VersionStages": list(secret.stages[version.id]),
        "CreatedDate": version.created,
    }


async def GetSecretValue(call: Call, *, SecretId: str, VersionId: str | None = None, VersionStage: str | None = None) -> dict:
    secret = usable(call, SecretId)
    return await _told(call, secret, _chosen(call, secret, VersionId, VersionStage))


BATCH_MAX = 20


async def BatchGetSecretValue(
    call: Call, *, SecretIdList: list[str] | None = None, Filters: list[dict[str, Any]] | None = None, MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    """What may not be read is listed beside what was."""
    if (SecretIdList is None) == (Filters is None):
        raise InvalidParameterException("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    if SecretIdList is not None and MaxResults is not None:
        raise InvalidParameterException("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
    names, after = SecretIdList, None
    if names is None:
        call.require("secretsmanager:ListSecrets", "*")
        every = sorted(secret.name for secret in listing.matching(call, Filters) if secret.name > (NextToken or ""))
        names = every[: MaxResults or BATCH_MAX]
        after = names[-1] if len(every) > len(names) else None
    values, errors = [], []
    for text in names:
        try:
            secret = known(call, text)
            call.require("secretsmanager:GetSecretValue", arn_of(call, secret) if secret is not None else call.arn(f"secret:{text}"))
            secret = usable(call, text)
            values.append(await _told(call, secret, _chosen(call, secret, None, None)))
        except AwsError as error:
            errors.append({"SecretId": text, "ErrorCode": error.code, "Message": error.text})
    return {"SecretValues": values, "Errors": errors} | ({"NextToken": after} if after else {})


# Versions ------------------------------------------------------------------------------------------


def ListSecretVersionIds(
    call: Call, *, SecretId: str, MaxResults: int | None = None, NextToken: str | None = None, IncludeDeprecated: bool | None = None
) -> dict:
    secret = found(call, SecretId)
    every = [(id_, labels) for id_, labels in secret.stages.items() if labels or IncludeDeprecated]
    start = next((at + 1 for at, (id_, _) in enumerate(every) if id_ == NextToken), 0)
    page = every[start : start + (MaxResults or 100)]
    shown = [_version(call, secret, id_, labels) for id_, labels in page]
    reply = {"Versions": shown, **named(call, secret)}
    return reply | ({"NextToken": page[-1][0]} if page and every[-1] != page[-1] else {})


def _version(call: Call, secret: Secret, id_: str, labels: tuple[str, ...]) -> dict[str, Any]:
    version = version_of(call, secret, id_)
    shown: dict[str, Any] = {"VersionId": id_, "CreatedDate": version.created if version is not None else secret.created}
    if labels:
        shown["VersionStages"] = list(labels)
    if version is not None and version.sealed:
        shown["KmsKeyIds"] = ["DefaultEncryptionKey" if version.is_default else version.data_key.key]
    if id_ in secret.read:
        shown["LastAccessedDate"] = secret.read[id_]
    return shown


def UpdateSecretVersionStage(
    call: Call, *, SecretId: str, VersionStage: str, RemoveFromVersionId: str | None = None, MoveToVersionId: str | None = None
) -> dict:
    secret = writable(call, SecretId)
    for id_ in (RemoveFromVersionId, MoveToVersionId):
        if id_ is not None and id_ not in secret.stages:
            raise InvalidParameterException(f"Not a valid version: {id_}")
    holder = stage.holder(secret.stages, VersionStage)
    if RemoveFromVersionId is not None and holder != RemoveFromVersionId:
        raise InvalidParameterException(
            f"Staging label {VersionStage} is not attached to version {RemoveFromVersionId}, which you named in RemoveFromVersionId."
        )
    if MoveToVersionId is None:
        stages = _taken(secret, VersionStage, RemoveFromVersionId)
    else:
        if holder not in (None, MoveToVersionId, RemoveFromVersionId):
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {VersionStage} is currently attached to version {holder}, "
                "so you must explicitly reference that version in RemoveFromVersionId."
            )
        stages = stage.moved(secret.stages, MoveToVersionId, (VersionStage,))
    secret = touched(call, secret.name, stages=stages, modified=call.now())
    replica.tell_all(call, secret)
    return named(call, secret)


def _taken(secret: Secret, label: str, id_: str | None) -> stage.Stages:
    if id_ is None:
        raise InvalidParameterException("You must name RemoveFromVersionId, MoveToVersionId, or both.")
    if label == stage.CURRENT:
        raise InvalidParameterException(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
        )
    return stage.removed(secret.stages, id_, label)
