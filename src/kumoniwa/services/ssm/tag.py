"""Tags as requests list them."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ssm.errors import TooManyTagsError, ValidationException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    return ValidationException("Tag keys that begin with aws: are reserved for AWS.")


def checked(tags: list[dict[str, str]] | None) -> dict[str, str]:
    read = {tag["Key"]: tag["Value"] for tag in tags or ()}
    if len(read) != len(tags or ()):
        raise ValidationException("Duplicate tag keys are not allowed.")
    if reserved_tags.counted(read) > TAGS_MAX:
        raise TooManyTagsError(f"The Targets parameter includes too many tags: {TAGS_MAX} at most.")
    return read
