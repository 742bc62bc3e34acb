"""Tags of everything that RDS keeps."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.rds.errors import InvalidParameterValue

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterValue(f"Tag keys that begin with aws: are reserved: {key}")


def checked(tags: list[dict] | None, before: dict[str, str] | None = None) -> dict[str, str]:
    """As a mapping, over what was there before. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Tag.html"""
    found = dict(before or {})
    for each in tags or ():
        key, value = each.get("Key", ""), each.get("Value", "")
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise InvalidParameterValue(f"Invalid tag: a key has 1 to 128 characters, a value at most 256: {key}")
        found[key] = value
    if reserved_tags.counted(found) > TAGS_MAX:
        raise InvalidParameterValue(f"A resource can have at most {TAGS_MAX} tags.")
    return found


def shown(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
