"""How many tags there may be, and in which words those of AWS's own are refused."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.securityhub.errors import InvalidInputException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidInputException("Tag keys that begin with aws: are reserved for AWS.")


def added(tags: dict[str, str], more: dict[str, str] | None) -> dict[str, str]:
    together = tags | (more or {})
    if reserved_tags.counted(together) > TAGS_MAX:
        raise InvalidInputException(f"A resource has {TAGS_MAX} tags at most.")
    return together
