"""The operations of EventBridge Scheduler."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.scheduler import group as groups
from kumoniwa.services.scheduler.group import (
    CreateScheduleGroup,
    GetScheduleGroup,
    ListScheduleGroups,
    ListTagsForResource,
    TagResource,
    UntagResource,
)
from kumoniwa.services.scheduler.schedule import (
    CreateSchedule,
    DeleteSchedule,
    DeleteScheduleGroup,
    GetSchedule,
    ListSchedules,
    UpdateSchedule,
)

__all__ = [
    "CreateSchedule",
    "CreateScheduleGroup",
    "DeleteSchedule",
    "DeleteScheduleGroup",
    "GetSchedule",
    "GetScheduleGroup",
    "ListScheduleGroups",
    "ListSchedules",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
    "UpdateSchedule",
]


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html"""
    if "ResourceArn" in params:
        return params["ResourceArn"]
    name = params.get("Name")
    if operation.endswith("ScheduleGroup"):
        return groups.arn_of(call, name)
    if operation.startswith("List"):
        return "*"
    return call.arn(f"schedule/{params.get('GroupName') or groups.DEFAULT}/{name}")


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Only groups have tags. That a schedule goes by its group's is our reading of what AWS says of CreateSchedule to IAM."""
    return groups.existing(call, arn.partition("/")[2].partition("/")[0]).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(f"schedule-group/{name}"), each.tags) for name, each in call.shelf(groups.Group).items()]
