"""Tags of groups and sampling rules."""

from __future__ import annotations

from kumoniwa.services.xray.errors import InvalidRequestException, TooManyTagsException

TAGS_MAX = 50


def checked(held: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    """What a resource is tagged with when these are added."""
    for one in added:
        if one["Key"].lower().startswith("aws:"):
            raise InvalidRequestException("Tag keys that begin with aws: are reserved.")
    tags = held | {one["Key"]: one["Value"] for one in added}
    if len(tags) > TAGS_MAX:
        raise TooManyTagsException
    return tags
