"""The operations of CloudTrail. Event data stores and their queries, insights, channels and dashboards are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.trails import is_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudtrail import trail as trails
from kumoniwa.services.cloudtrail.history import LookupEvents
from kumoniwa.services.cloudtrail.signing import ListPublicKeys
from kumoniwa.services.cloudtrail.status import GetTrailStatus
from kumoniwa.services.cloudtrail.trail import (
    AddTags,
    CreateTrail,
    DeleteTrail,
    DescribeTrails,
    GetEventSelectors,
    GetTrail,
    ListTags,
    ListTrails,
    PutEventSelectors,
    RemoveTags,
    StartLogging,
    StopLogging,
    UpdateTrail,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "AddTags", "CreateTrail", "DeleteTrail", "DescribeTrails", "GetEventSelectors", "GetTrail", "GetTrailStatus", "ListPublicKeys",
    "ListTags", "ListTrails", "LookupEvents", "PutEventSelectors", "RemoveTags", "StartLogging", "StopLogging", "UpdateTrail", "all_tags",
]  # fmt: skip

_OF_NOTHING = frozenset({"DescribeTrails", "ListTrails", "LookupEvents", "ListPublicKeys"})


def _seen(call: Call, arn: str) -> str:
    """A member sees its organization's trail as it sees its own: it needs no leave of the account that manages it, only of its own."""
    found = trails.shelf(call).get(arn)
    is_of_others = found is not None and found.account != call.account and is_of(call.home, found, call.account)
    return trails.named_arn(call, found.name) if is_of_others else arn


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    if operation in _OF_NOTHING:
        return "*"
    if operation == "ListTags":
        listed = params.get("ResourceIdList")
        return [arn for arn in listed if isinstance(arn, str)] if isinstance(listed, list) and listed else "*"
    said = params.get("Name") or params.get("TrailName") or params.get("ResourceId")
    try:
        return _seen(call, trails.arn_in(call, said)) if isinstance(said, str) else "*"
    except AwsError:
        return trails.named_arn(call, "*")
