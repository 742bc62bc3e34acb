"""The operations of Application Signals. Audits, changes of services, groups of them and instrumentation at run time are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.application_signals.budget import BatchGetServiceLevelObjectiveBudgetReport
from kumoniwa.services.application_signals.discovery import StartDiscovery
from kumoniwa.services.application_signals.exclusion import BatchUpdateExclusionWindows, ListServiceLevelObjectiveExclusionWindows
from kumoniwa.services.application_signals.objective import (
    CreateServiceLevelObjective,
    DeleteServiceLevelObjective,
    GetServiceLevelObjective,
    ListServiceLevelObjectives,
    UpdateServiceLevelObjective,
    arn_of,
    name_of,
)
from kumoniwa.services.application_signals.tag import reserved_tag
from kumoniwa.services.application_signals.tagging import ListTagsForResource, TagResource, UntagResource, all_tags, tags_of
from kumoniwa.services.application_signals.topology import (
    GetService,
    ListServiceDependencies,
    ListServiceDependents,
    ListServiceOperations,
    ListServices,
)

__all__ = [
    "BatchGetServiceLevelObjectiveBudgetReport", "BatchUpdateExclusionWindows", "CreateServiceLevelObjective", "DeleteServiceLevelObjective", "GetService",
    "GetServiceLevelObjective", "ListServiceDependencies", "ListServiceDependents", "ListServiceLevelObjectiveExclusionWindows",
    "ListServiceLevelObjectives", "ListServiceOperations", "ListServices", "ListTagsForResource", "StartDiscovery", "TagResource", "UntagResource",
    "UpdateServiceLevelObjective", "all_tags", "reserved_tag", "tags_of",
]  # fmt: skip


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> list[str] | str:
    """Objectives are the only resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchapplicationsignals.html"""
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    ids = params.get("SloIds") or [params.get("Id") or (params.get("Name") if operation == "CreateServiceLevelObjective" else None)]
    found = [id_ if id_.startswith("arn:") else arn_of(call, name_of(id_)) for id_ in ids if isinstance(id_, str)]
    return found or "*"
