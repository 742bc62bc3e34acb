"""Tags of keys, which KMS spells TagKey and TagValue."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.kms.errors import LimitExceededException, TagException, UnsupportedOperationException
from kumoniwa.services.kms.key import Key, arn_of, check_state, without_alias

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    return TagException("Tags beginning with aws: are reserved")


def named(tags: list[dict[str, str]] | None) -> dict[str, str]:
    named = {tag["TagKey"]: tag["TagValue"] for tag in tags or ()}
    if len(named) != len(tags or ()):
        raise TagException("Duplicate tag keys")
    if len(named) > TAGS_MAX:
        raise TagException("Too many tags")
    return named


def TagResource(call: Call, *, KeyId: str, Tags: list[dict[str, str]]) -> None:
    key = _taggable(call, KeyId)
    tags = key.tags | named(Tags)
    if len(tags) > TAGS_MAX:
        raise LimitExceededException(f"A key has {TAGS_MAX} tags at most.")
    call.shelf(Key)[key.id] = changed(key, tags=tags)


def UntagResource(call: Call, *, KeyId: str, TagKeys: list[str]) -> None:
    key = _taggable(call, KeyId)
    call.shelf(Key)[key.id] = changed(key, tags={name: value for name, value in key.tags.items() if name not in TagKeys})


def _taggable(call: Call, text: str) -> Key:
    key = without_alias(call, text)
    check_state(call, key, "Enabled", "Disabled", "PendingImport")
    if key.manager == "AWS":
        raise UnsupportedOperationException(f"{arn_of(call, key)} is managed by AWS.")
    return key


def ListResourceTags(call: Call, *, KeyId: str) -> dict:
    return {"Tags": [{"TagKey": name, "TagValue": value} for name, value in sorted(without_alias(call, KeyId).tags.items())]}
