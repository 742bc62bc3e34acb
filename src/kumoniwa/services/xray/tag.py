"""Tags of groups and sampling rules."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.xray.errors import InvalidRequestException, TooManyTagsException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidRequestException("Tag keys that begin with aws: are reserved.")


def checked(held: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    """What a resource is tagged with when these are added."""
    tags = held | {one["Key"]: one["Value"] for one in added}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TooManyTagsException
    return tags
