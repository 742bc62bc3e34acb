"""Groups: a name for the traces that match an expression. The group Default has all of them."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import trace_filter
from kumoniwa.services.xray import tag
from kumoniwa.services.xray.errors import InvalidRequestException
from kumoniwa.services.xray.trace import Trace

GROUPS_MAX = 25
DEFAULT = "Default"


class Group(Record):
    """Shelved by its name."""

    name: str
    mark: str
    """What its ARN ends with."""
    expression: str = ""
    tags: dict[str, str] = {}
    has_insights: bool = False
    has_notifications: bool = False


def arn(call: Call, group: Group) -> str:
    return call.arn(f"group/{group.name}/{group.mark}" if group.mark else f"group/{group.name}")


def compiled(expression: str) -> trace_filter.Test:
    try:
        return trace_filter.parse(expression)
    except trace_filter.UnsupportedKeyword as error:
        raise NotImplementedHere(f"the keyword {error} in filter expressions of xray")
    except trace_filter.InvalidExpression as error:
        raise InvalidRequestException(f"Invalid expression: {error}")


def membership(call: Call) -> Any:
    """Whether a trace is in a group, by its name or ARN."""

    def is_in(trace: Trace, keyword: str, value: str) -> bool:
        for group in call.shelf(Group).values():
            if value == (group.name if keyword == "group.name" else arn(call, group)):
                # An expression that names groups itself finds none, and so ends.
                ungrouped = copy(trace)
                ungrouped.groups = None
                return not group.expression or compiled(group.expression)(ungrouped)
        return keyword == "group.name" and value == DEFAULT

    return is_in


def found(call: Call, name: str | None, group_arn: str | None) -> Group:
    if (name is None) == (group_arn is None):
        raise InvalidRequestException("Exactly one of GroupName and GroupARN must be specified.")
    for group in call.shelf(Group).values():
        if group.name == name or (group_arn is not None and arn(call, group) == group_arn):
            return group
    if name == DEFAULT or group_arn == call.arn(f"group/{DEFAULT}"):
        return Group(name=DEFAULT, mark="")
    raise InvalidRequestException("Group not found.")


def filter_of(call: Call, name: str | None, group_arn: str | None) -> trace_filter.Test | None:
    """What makes a trace belong to the group that a request names; None for all."""
    if name is None and group_arn is None:
        return None
    group = found(call, name, group_arn)
    return compiled(group.expression) if group.expression else None


def shown(call: Call, group: Group) -> dict[str, Any]:
    said = {
        "GroupName": group.name, "GroupARN": arn(call, group), "FilterExpression": group.expression,
        "InsightsConfiguration": {"InsightsEnabled": group.has_insights, "NotificationsEnabled": group.has_notifications},
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


INSIGHTS = ("xray", "insights")
"""What the search for anomalies waits for while no group wants it."""


def _with_insights(call: Call, group: Group, wanted: dict[str, Any] | None) -> Group:
    """https://docs.aws.amazon.com/xray/latest/api/API_InsightsConfiguration.html"""
    said = wanted or {}
    has_insights, has_notifications = said.get("InsightsEnabled", group.has_insights), said.get("NotificationsEnabled", group.has_notifications)
    if has_notifications and not has_insights:
        raise InvalidRequestException("Notifications can only be enabled on a group with InsightsEnabled set to true.")
    if has_insights:
        call.after_commit(partial(call.home.wake, INSIGHTS))
    return changed(group, has_insights=has_insights, has_notifications=has_notifications)


def CreateGroup(
    call: Call, *, GroupName: str, FilterExpression: str | None = None, InsightsConfiguration: dict[str, Any] | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    shelf = call.shelf(Group)
    if GroupName in shelf or GroupName.lower() == "default":
        raise InvalidRequestException(f"Group {GroupName} already exists.")
    if len(shelf.keys() - {DEFAULT}) >= GROUPS_MAX:
        raise InvalidRequestException(f"An account may have {GROUPS_MAX} groups at most.")
    if FilterExpression:
        compiled(FilterExpression)
    group = Group(
        name=GroupName, mark=call.ids.hex(52).upper(), expression=FilterExpression or "", tags=tag.checked({}, Tags or []),
    )  # fmt: skip
    group = shelf[GroupName] = _with_insights(call, group, InsightsConfiguration)
    return {"Group": shown(call, group)}


def UpdateGroup(
    call: Call, *, GroupName: str | None = None, GroupARN: str | None = None, FilterExpression: str | None = None,
    InsightsConfiguration: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """Of the group Default no more than its insights can be changed."""
    group = found(call, GroupName, GroupARN)
    if not group.mark and FilterExpression is not None:
        raise InvalidRequestException("The group Default has no filter expression.")
    if FilterExpression is not None:
        if FilterExpression:
            compiled(FilterExpression)
        group = changed(group, expression=FilterExpression)
    group = call.shelf(Group)[group.name] = _with_insights(call, group, InsightsConfiguration)
    return {"Group": shown(call, group)}


def GetGroup(call: Call, *, GroupName: str | None = None, GroupARN: str | None = None) -> dict:
    return {"Group": shown(call, found(call, GroupName, GroupARN))}


def GetGroups(call: Call) -> dict:
    listed = [found(call, DEFAULT, None), *(group for name, group in sorted(call.shelf(Group).items()) if name != DEFAULT)]
    return {"Groups": [shown(call, group) for group in listed]}


def DeleteGroup(call: Call, *, GroupName: str | None = None, GroupARN: str | None = None) -> None:
    group = found(call, GroupName, GroupARN)
    if not group.mark:
        raise InvalidRequestException("The group Default cannot be deleted.")
    del call.shelf(Group)[group.name]
