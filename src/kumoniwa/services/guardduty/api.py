"""The operations of GuardDuty. Members and administrators of organizations, malware protection, entity sets, coverage, usage, investigations and
custom detection rules are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.services.guardduty.address_list import (
    CreateIPSet,
    CreateThreatIntelSet,
    DeleteIPSet,
    DeleteThreatIntelSet,
    GetIPSet,
    GetThreatIntelSet,
    ListIPSets,
    ListThreatIntelSets,
    UpdateIPSet,
    UpdateThreatIntelSet,
)
from kumoniwa.services.guardduty.destination import (
    CreatePublishingDestination,
    DeletePublishingDestination,
    DescribePublishingDestination,
    ListPublishingDestinations,
    UpdatePublishingDestination,
)
from kumoniwa.services.guardduty.detector import (
    CreateDetector,
    GetDetector,
    ListDetectors,
    UpdateDetector,
    reserved_tag,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.guardduty.ending import DeleteDetector
from kumoniwa.services.guardduty.filter import CreateFilter, DeleteFilter, GetFilter, ListFilters, UpdateFilter
from kumoniwa.services.guardduty.finding import (
    ArchiveFindings,
    GetFindings,
    GetFindingsStatistics,
    ListFindings,
    UnarchiveFindings,
    UpdateFindingsFeedback,
)
from kumoniwa.services.guardduty.sample import CreateSampleFindings
from kumoniwa.services.guardduty.tag import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "ArchiveFindings", "CreateDetector", "CreateFilter", "CreateIPSet", "CreatePublishingDestination", "CreateSampleFindings", "CreateThreatIntelSet",
    "DeleteDetector", "DeleteFilter", "DeleteIPSet", "DeletePublishingDestination", "DeleteThreatIntelSet", "DescribePublishingDestination",
    "GetDetector", "GetFilter", "GetFindings", "GetFindingsStatistics", "GetIPSet", "GetThreatIntelSet", "ListDetectors", "ListFilters",
    "ListFindings", "ListIPSets", "ListPublishingDestinations", "ListTagsForResource", "ListThreatIntelSets", "TagResource", "UnarchiveFindings",
    "UntagResource", "UpdateDetector", "UpdateFilter", "UpdateFindingsFeedback", "UpdateIPSet", "UpdatePublishingDestination",
    "UpdateThreatIntelSet", "all_tags",
]  # fmt: skip

TOKENS = {
    name: Token("ClientToken", of=("DetectorId",) if name != "CreateDetector" else ())
    for name in ("CreateDetector", "CreateFilter", "CreateIPSet", "CreatePublishingDestination", "CreateThreatIntelSet")
}
"""https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html: the idempotency token for the create request."""


_PARTS = {"FilterName": "filter", "IpSetId": "ipset", "ThreatIntelSetId": "threatintelset", "DestinationId": "publishingDestination"}


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonguardduty.html"""
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    if not isinstance(params.get("DetectorId"), str):
        return "*"
    detector = call.arn(f"detector/{params['DetectorId']}")
    if operation == "CreateFilter":
        return f"{detector}/filter/{params.get('Name', '*')}"
    for name, kind in _PARTS.items():
        if name in params:
            return f"{detector}/{kind}/{params[name]}"
    return detector
