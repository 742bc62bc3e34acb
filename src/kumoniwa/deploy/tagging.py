"""The tags of what a stack makes: those of the stack, and those that say which resource of which stack it is.

The first become properties of the resource, so that a change of them is a change of it. The second never change: they are put on
what is sent, and no property says them. Which types have them, AWS says in their schemas.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kumoniwa.deploy import schemas
from kumoniwa.deploy.resource import ResourceType

RESERVED = "aws:"
OWN = "aws:cloudformation:"
UNMARKED = frozenset(["AWS::CloudFormation::Stack"])
"""A nested stack would hand the tags on to its own resources, which have those of the stack that they stand in."""


def _keys(tags: Any) -> Iterable[str]:
    return tags if isinstance(tags, Mapping) else (str(tag.get("Key", "")) for tag in tags or () if isinstance(tag, Mapping))


def reserved_in(properties: Mapping[str, Any], entry: ResourceType) -> str:
    """The first key that a template may not set, of those it does."""
    tags = properties.get(entry.tags)
    return next((key for key in _keys(tags) if key.lower().startswith(RESERVED)), "") if isinstance(tags, Mapping | list) else ""


def with_tags(properties: dict[str, Any], entry: ResourceType, more: Mapping[str, str]) -> dict[str, Any]:
    """The properties with tags added, but for those that are set there already."""
    if not more or entry.tags not in entry.known:
        return properties
    tags = properties.get(entry.tags, {} if schemas.is_mapping(entry.type, entry.tags) else [])
    if isinstance(tags, dict):
        return {**properties, entry.tags: {**tags, **{key: value for key, value in more.items() if key not in tags}}}
    if isinstance(tags, list):
        own = set(_keys(tags))
        return {**properties, entry.tags: [*tags, *({"Key": key, "Value": value} for key, value in more.items() if key not in own)]}
    return properties


def marked(properties: dict[str, Any], entry: ResourceType, stack_name: str, stack_id: str, logical_id: str) -> dict[str, Any]:
    """The properties with the tags by which AWS says where a resource belongs, in the order recorded of a secret (localstack's
    test_cfn_secretsmanager_gen_secret), if its type has them."""
    if entry.type in UNMARKED or not schemas.has_system_tags(entry.type):
        return properties
    names = {"stack-name": stack_name, "logical-id": logical_id, "stack-id": stack_id}
    return with_tags(properties, entry, {f"{OWN}{name}": value for name, value in names.items()})
