"""Which secrets there are, and how they are described.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.secretsmanager.errors import InvalidParameterException, ValidationException
from kumoniwa.services.secretsmanager.secret import Secret, found, named

KEYS = ("all", "name", "tag-key", "description", "tag-value", "primary-region", "owning-service")
_WORDS = re.compile(r"[\W_]+")


def described(call: Call, secret: Secret) -> dict[str, Any]:
    """What DescribeSecret and ListSecrets both say."""
    shown: dict[str, Any] = named(call, secret)
    if secret.description:
        shown["Description"] = secret.description
    if secret.key:
        shown["KmsKeyId"] = secret.key
    if secret.rotation is not None:
        shown |= {"RotationEnabled": secret.rotation.is_enabled, "RotationLambdaARN": secret.rotation.function, "RotationRules": secret.rotation.rules}
        if secret.rotation.is_enabled and secret.rotation.closes is not None:
            shown["NextRotationDate"] = secret.rotation.closes
    dates = {
        "LastRotatedDate": secret.rotated, "LastChangedDate": secret.modified, "LastAccessedDate": max(secret.read.values(), default=None),
        "DeletedDate": secret.deletes_at or None, "CreatedDate": secret.created,
    }  # fmt: skip
    shown |= {name: date for name, date in dates.items() if date is not None}
    if secret.tags:
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
    tests = [_test(place, each) for place, each in enumerate(filters or (), 1)]
    return [secret for secret in call.shelf(Secret).values() if all(test(call, secret) for test in tests)]


def _test(place: int, said: dict[str, Any]) -> Callable[[Call, Secret], bool]:
    """Values are alternatives; those that begin with ! exclude."""
    key, values = said.get("Key"), said.get("Values")
    if not key:
        raise InvalidParameterException("Invalid filter key")
    if key not in KEYS:
        raise ValidationException(
            f"1 validation error detected: Value '{key}' at 'filters.{place}.member.key' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(KEYS[:5])}]"
        )
    if not values:
        raise InvalidParameterException(f"Invalid filter values for key: {key}")
    wanted = [value for value in values if not value.startswith("!")]
    barred = [value[1:] for value in values if value.startswith("!")]

    def test(call: Call, secret: Secret) -> bool:
        is_wanted = not wanted or any(_begins(call, secret, key, value) for value in wanted)
        return is_wanted and not any(_begins(call, secret, key, value) for value in barred)

    return test


def _begins(call: Call, secret: Secret, key: str, value: str) -> bool:
    """Names and tags are compared as they are written, the rest without regard to case."""
    if key == "all":
        texts = (secret.name, secret.description or "", *secret.tags, *secret.tags.values(), secret.primary, secret.owner)
        words = [word for text in texts for word in _WORDS.split(text.lower())]
        return all(any(word.startswith(part) for word in words) for part in _WORDS.split(value.lower()) if part)
    if key == "description":
        words = _WORDS.split((secret.description or "").lower())
        return all(any(word.startswith(part) for word in words) for part in _WORDS.split(value.lower()) if part)
    texts = {
        "name": (secret.name,), "tag-key": secret.tags.keys(), "tag-value": secret.tags.values(),
        "primary-region": (secret.primary or (call.region if secret.replicas else ""),), "owning-service": (secret.owner,),
    }[key]  # fmt: skip
    return any(text.startswith(value) for text in texts if text)
