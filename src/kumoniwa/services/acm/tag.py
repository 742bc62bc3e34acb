"""Tags of certificates. A tag without a value is told without one."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.gate.certificate import Certificate
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.acm.errors import InvalidTagException, ResourceNotFoundException, TooManyTagsException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidTagException(f'Invalid Tag Key: "{key}". AWS internal tags cannot be changed with this API')


def checked(held: dict[str, str | None], added: list[dict[str, str]] | None) -> dict[str, str | None]:
    """What a certificate is tagged with when these are added."""
    tags = held | {one["Key"]: one.get("Value") for one in added or ()}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TooManyTagsException(f"A certificate has {TAGS_MAX} tags at most.")
    return tags


def found(call: Call, arn: str) -> Certificate:
    certificate = call.shelf(Certificate).get(arn)
    if certificate is None:
        raise ResourceNotFoundException.of(call, arn)
    return certificate


def _told(call: Call, arn: str) -> dict[str, Any]:
    tags = found(call, arn).tags
    return {"Tags": [{"Key": key} | ({} if value is None else {"Value": value}) for key, value in tags.items()]}


def _put(call: Call, arn: str, tags: dict[str, str | None]) -> None:
    call.shelf(Certificate)[arn] = changed(found(call, arn), tags=tags)


def AddTagsToCertificate(call: Call, *, CertificateArn: str, Tags: list[dict[str, str]]) -> None:
    _put(call, CertificateArn, checked(found(call, CertificateArn).tags, Tags))


def RemoveTagsFromCertificate(call: Call, *, CertificateArn: str, Tags: list[dict[str, str]]) -> None:
    """A tag that is named with a value is removed only if that is its value."""
    tags = dict(found(call, CertificateArn).tags)
    for one in Tags:
        if one["Key"] in tags and one.get("Value", tags[one["Key"]]) == tags[one["Key"]]:
            del tags[one["Key"]]
    _put(call, CertificateArn, tags)


def ListTagsForCertificate(call: Call, *, CertificateArn: str) -> dict:
    return _told(call, CertificateArn)


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
    AddTagsToCertificate(call, CertificateArn=ResourceArn, Tags=Tags)


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    _put(call, ResourceArn, {key: value for key, value in found(call, ResourceArn).tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return _told(call, ResourceArn)
