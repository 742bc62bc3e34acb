"""The operations of CloudTrail. Event data stores and their queries, insights, channels, dashboards and trails of organizations are
refused by name."""

from __future__ import annotations

from typing import Any

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
)

__all__ = [
    "AddTags", "CreateTrail", "DeleteTrail", "DescribeTrails", "GetEventSelectors", "GetTrail", "GetTrailStatus", "ListPublicKeys",
    "ListTags", "ListTrails", "LookupEvents", "PutEventSelectors", "RemoveTags", "StartLogging", "StopLogging", "UpdateTrail",
]  # fmt: skip

_OF_NOTHING = frozenset({"DescribeTrails", "ListTrails", "LookupEvents", "ListPublicKeys"})


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    if operation in _OF_NOTHING:
        return "*"
    if operation == "ListTags":
        listed = params.get("ResourceIdList")
        return [arn for arn in listed if isinstance(arn, str)] if isinstance(listed, list) and listed else "*"
    said = params.get("Name") or params.get("TrailName") or params.get("ResourceId")
    try:
        return trails.arn_in(call, said) if isinstance(said, str) else "*"
    except AwsError:
        return trails.named_arn(call, "*")
