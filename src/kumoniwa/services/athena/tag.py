"""Tags of workgroups and pages of lists."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.athena.errors import ResourceNotFoundException, invalid

TAGS_MAX = 50


def checked(before: dict[str, str], said: list[dict[str, str]] | None) -> dict[str, str]:
    tags = before | {each.get("Key", ""): each.get("Value", "") for each in said or ()}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise invalid(f"A resource can have at most {TAGS_MAX} tags.")  # our words
    return tags


def page(listed: list[Any], most: int, token: str | None) -> tuple[list[Any], dict[str, str]]:
    """A stretch of a list, and the token that leads on."""
    if token is not None and not (token.isdecimal() and int(token) <= len(listed)):
        raise invalid("Invalid token")  # our words
    first = int(token or 0)
    rest = {"NextToken": str(first + most)} if first + most < len(listed) else {}
    return listed[first : first + most], rest


def _found(call: Call, arn: str):
    from kumoniwa.services.athena import workgroup  # noqa: PLC0415 (workgroups have tags)

    parsed = arns.parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed is not None and parsed.region == call.region else ("", "", "")
    if kind != "workgroup" or (name != workgroup.PRIMARY and name not in call.shelf(workgroup.WorkGroup)):
        raise ResourceNotFoundException(f"Resource not found: {arn}", ResourceName=arn)  # our words
    return workgroup.existing(call, name)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _found(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    from kumoniwa.services.athena.workgroup import WorkGroup  # noqa: PLC0415

    return [(call.arn(f"workgroup/{name}", "athena"), each.tags) for name, each in call.shelf(WorkGroup).items()]


def reserved_tag(operation: str, key: str) -> AwsError:
    return invalid("aws: prefixed tag key names are not allowed for external use.")  # our words


def TagResource(call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> None:
    group = _found(call, ResourceARN)
    call.shelf(type(group))[group.name] = changed(group, tags=checked(group.tags, Tags))


def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> None:
    group = _found(call, ResourceARN)
    call.shelf(type(group))[group.name] = changed(group, tags={key: value for key, value in group.tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceARN: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    found, token = page(sorted(_found(call, ResourceARN).tags.items()), MaxResults or 75, NextToken)
    return {"Tags": [{"Key": key, "Value": value} for key, value in found]} | token
