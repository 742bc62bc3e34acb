"""Schedule groups: each account has the default one always; a group that is deleted takes its schedules with it."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.scheduler.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)

DEFAULT = "default"
GROUPS_MAX = 500
"""https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html"""


class Group(Record):
    """Shelved by its name."""

    name: str
    created: float = 0.0
    modified: float = 0.0
    tags: dict[str, str] = {}
    token: str = ""
    """With which it was made."""


def existing(call: Call, name: str) -> Group:
    found = call.shelf(Group).get(name)
    if found is None:
        if name != DEFAULT:
            raise ResourceNotFoundException(f"Schedule group {name} does not exist.")
        return Group(name=DEFAULT)
    return found


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"schedule-group/{name}")


def _shown(call: Call, group: Group) -> dict[str, Any]:
    dates = {"CreationDate": group.created, "LastModificationDate": group.modified} if group.created else {}
    return {"Arn": arn_of(call, group.name), "Name": group.name, "State": "ACTIVE", **dates}


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def CreateScheduleGroup(
    call: Call, *, Name: str, Tags: list[dict[str, str]] | None = None, ClientToken: str | None = None
) -> dict:
    """The same token with the same group answers as before; a group cannot change, so its name is all to compare."""
    groups = call.shelf(Group)
    if ClientToken and Name in groups and groups[Name].token == ClientToken:
        return {"ScheduleGroupArn": arn_of(call, Name)}
    if Name == DEFAULT:
        # Measured: https://github.com/badmintoncryer/cdk-preflight (pf-scheduler-group-name-default).
        raise ValidationException("This operation cannot be performed on schedule group default.")
    if Name in groups:
        raise ConflictException(f"Schedule group {Name} already exists.")
    if len(groups) >= GROUPS_MAX:
        raise ServiceQuotaExceededException("The request failed because it would exceed the number of schedule groups.")
    groups[Name] = Group(name=Name, created=call.now(), modified=call.now(), tags=tags_of(Tags), token=ClientToken or "")
    return {"ScheduleGroupArn": arn_of(call, Name)}


def GetScheduleGroup(call: Call, *, Name: str) -> dict:
    return _shown(call, existing(call, Name))


def ListScheduleGroups(call: Call, *, NamePrefix: str | None = None) -> dict:
    groups = {DEFAULT: Group(name=DEFAULT), **call.shelf(Group)}
    return {"ScheduleGroups": [_shown(call, groups[name]) for name in sorted(groups) if name.startswith(NamePrefix or "")]}


def _tagged(call: Call, arn: str) -> Group:
    if ":schedule-group/" not in arn:
        raise ValidationException(f"{arn} is not the ARN of a schedule group.")
    name = arn.rpartition(":schedule-group/")[2]
    if not arn.startswith(call.arn("schedule-group/")):
        raise ResourceNotFoundException(f"Schedule group {name} does not exist.")
    return existing(call, name)


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
    group = _tagged(call, ResourceArn)
    call.shelf(Group)[group.name] = changed(group, tags={**group.tags, **tags_of(Tags)})


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    group = _tagged(call, ResourceArn)
    call.shelf(Group)[group.name] = changed(group, tags={key: value for key, value in group.tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call, ResourceArn).tags.items()]}
