"""Tags of balancers, listeners, rules and target groups."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.services.elbv2.errors import DuplicateTagKeysException, TooManyTagsException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return ValidationError(f"Tag keys that begin with aws: are reserved: {key}")


def checked(tags: list[dict] | None, before: dict[str, str] | None = None) -> dict[str, str]:
    """As a mapping, over what was there before."""
    found = dict(before or {})
    keys = [each["Key"] for each in tags or ()]
    for key in keys:
        if keys.count(key) > 1:
            raise DuplicateTagKeysException(f"Tag key was specified more than once: {key}")
    found |= {each["Key"]: each.get("Value", "") for each in tags or ()}
    if reserved_tags.counted(found) > TAGS_MAX:
        raise TooManyTagsException("The quota for the number of tags that can be assigned to a load balancer has been reached")
    return found


def shown(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
