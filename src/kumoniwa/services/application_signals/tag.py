"""Tags of objectives."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.application_signals.errors import ServiceQuotaExceededException, ValidationException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours."""
    return ValidationException(f"Tag keys that begin with aws: are reserved: {key}")


def checked(added: list[dict[str, str]] | None, held: dict[str, str] | None = None) -> dict[str, str]:
    """What something is tagged with when these are added."""
    tags = {**(held or {}), **{each["Key"]: each["Value"] for each in added or ()}}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise ServiceQuotaExceededException(f"A resource can have at most {TAGS_MAX} tags.")
    return tags
