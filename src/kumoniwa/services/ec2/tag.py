"""Tags, as requests say them and lists show them.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2.errors import InvalidParameter, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import Kind, arn_of

TAGS_MAX = 50
_BY_VALUE = frozenset({"volume", "snapshot", "image"})
"""Kinds whose operations refuse a specification as a wrong value, and not as a wrong parameter: getmoto/moto, tests of test_ec2/test_tags.py."""


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidParameterValue("Tag keys starting with 'aws:' are reserved for internal use")


def checked(said: list[dict[str, str]] | None, before: dict[str, str] | None = None) -> dict[str, str]:
    """As a mapping, over what was there before."""
    found = dict(before or {})
    for each in said or ():
        key, value = each.get("Key", ""), each.get("Value", "")
        if not key:
            raise MissingParameter("Tag key must not be empty or null")
        if len(key) > 128:
            raise InvalidParameterValue(f"Tag key exceeds the maximum length of 128 characters: '{key}'")
        if len(value) > 256:
            raise InvalidParameterValue(f"Tag value exceeds the maximum length of 256 characters: '{value}'")
        found[key] = value
    if reserved_tags.counted(found) > TAGS_MAX:
        raise Refused("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    return found


def of_new(call: Call, specifications: list[dict[str, Any]] | None, kind: Kind, id_: str) -> dict[str, str]:
    """The tags with which something is made. Whoever makes it so needs ec2:CreateTags on it, too.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html"""
    return of_each(call, specifications, {kind.name: f"{kind.name}/{id_}"}).get(kind.name, {})


def of_each(call: Call, specifications: list[dict[str, Any]] | None, made: dict[str, str]) -> dict[str, dict[str, str]]:
    """The same for each kind of what is made at once: ``{"security-group-rule": "security-group-rule/*"}``."""
    found: dict[str, dict[str, str]] = {}
    for each in specifications or ():
        name, tags = each.get("ResourceType", ""), each.get("Tags")
        refusal = InvalidParameterValue if _BY_VALUE.intersection(made) else InvalidParameter
        if not name:
            raise refusal("Tag specification resource type must have a value")
        if name not in made:
            raise refusal(f"'{name}' is not a valid taggable resource type for this operation.")
        if not tags:
            raise refusal("Tag specification must have at least one tag")
        found[name] = checked(tags, found.get(name))
    for name, tags in found.items():
        said: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        call.require("ec2:CreateTags", arn_of(call, *made[name].split("/", 1)), **{"ec2:CreateAction": call.operation, "aws:TagKeys": [*tags], **said})
    return found


def shown(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
