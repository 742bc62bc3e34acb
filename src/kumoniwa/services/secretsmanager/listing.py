"""Which secrets there are, and how they are described.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.secretsmanager.errors import InvalidParameterException
from kumoniwa.services.secretsmanager.secret import Secret, found, named

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
"""A capital begins a word: moto has verified against AWS that COMPANYthings is read as COMPAN and Ythings."""


def described(call: Call, secret: Secret) -> dict[str, Any]:
    """What DescribeSecret and ListSecrets both say."""
    shown: dict[str, Any] = named(call, secret)
    if secret.description:
        shown["Description"] = secret.description
    if secret.key:
        shown["KmsKeyId"] = secret.key
    if secret.rotation is not None:
        shown |= {
            "RotationEnabled": secret.rotation.is_enabled,
            "RotationLambdaARN": secret.rotation.function,
            "RotationRules": secret.rotation.rules,
        }
        if secret.rotation.is_enabled and secret.rotation.closes is not None:
            shown["NextRotationDate"] = secret.rotation.closes
    dates = {
        "LastRotatedDate": secret.rotated, "LastChangedDate": secret.modified, "LastAccessedDate": max(secret.read.values(), default=None),
        "DeletedDate": secret.deletes_at or None, "CreatedDate": secret.created,
    }  # fmt: skip
    shown |= {name: date for name, date in dates.items() if date is not None}
    if secret.tags is not None:
        shown["Tags"] = [{"Key": key, "Value": value} for key, value in secret.tags.items()]
    if secret.owner:
        shown["OwningService"] = secret.owner
    if secret.primary or secret.replicas:
        shown["PrimaryRegion"] = secret.primary or call.region
    return shown


def _labelled(secret: Secret) -> dict[str, list[str]]:
    return {id_: list(labels) for id_, labels in secret.stages.items() if labels}


def DescribeSecret(call: Call, *, SecretId: str) -> dict:
    secret = found(call, SecretId)
    shown = described(call, secret)
    if stages := _labelled(secret):
        shown["VersionIdsToStages"] = stages
    if secret.replicas:
        shown["ReplicationStatus"] = statuses(secret)
    return shown


def statuses(secret: Secret) -> list[dict[str, Any]]:
    """How the replicas of a secret are."""
    return [
        {"Region": region, "KmsKeyId": replica.key or "alias/aws/secretsmanager", "Status": replica.state, "StatusMessage": replica.reason}
        for region, replica in secret.replicas.items()
    ]


_SORTS: dict[str, Callable[[Secret], Any]] = {
    "created-date": lambda secret: secret.created,
    "last-accessed-date": lambda secret: max(secret.read.values(), default=0.0),
    "last-changed-date": lambda secret: secret.modified,
    "name": lambda secret: secret.name,
}


def ListSecrets(
    call: Call, *, IncludePlannedDeletion: bool | None = None, Filters: list[dict[str, Any]] | None = None, SortOrder: str | None = None,
    SortBy: str | None = None,
) -> dict:  # fmt: skip
    chosen = [secret for secret in matching(call, Filters) if IncludePlannedDeletion or not secret.deletes_at]
    chosen.sort(key=_SORTS[SortBy or "created-date"], reverse=SortOrder == "desc")
    listed = []
    for secret in chosen:
        stages = _labelled(secret)
        listed.append(described(call, secret) | ({"SecretVersionsToStages": stages} if stages else {}))
    return {"SecretList": listed}


def matching(call: Call, filters: list[dict[str, Any]] | None) -> list[Secret]:
    """The secrets that every filter lets through."""
    tests = [_test(each) for each in filters or ()]
    return [secret for secret in call.shelf(Secret).values() if all(test(call, secret) for test in tests)]


def _test(said: dict[str, Any]) -> Callable[[Call, Secret], bool]:
    """Values are alternatives; one that begins with ! is the contrary."""
    key, values = said.get("Key"), said.get("Values")
    if not key:
        raise InvalidParameterException("Invalid filter key")
    if not values:
        raise InvalidParameterException(f"Invalid filter values for key: {key}")
    def test(call: Call, secret: Secret) -> bool:
        return any(_begins(call, secret, key, value.removeprefix("!")) != value.startswith("!") for value in values)

    return test


def _begins(call: Call, secret: Secret, key: str, value: str) -> bool:
    """Names and tags are compared as they are written; ``all`` and descriptions by their words, without regard to case."""
    tags, region = secret.tags or {}, secret.primary or (call.region if secret.replicas else "")
    if key in ("all", "description"):
        every = (secret.name, secret.description or "", *tags, *tags.values(), region, secret.owner)
        words = [word for text in (every if key == "all" else (secret.description or "",)) for word in _words(text)]
        parts = _words(value)
        return bool(parts) and all(any(word.startswith(part) for word in words) for part in parts)
    texts = {
        "name": (secret.name,), "tag-key": tags.keys(), "tag-value": tags.values(), "primary-region": (region,),
        "owning-service": (secret.owner,),
    }[key]  # fmt: skip
    return any(text.startswith(value) for text in texts if text)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
