"""The operations of Application Signals. Audits, changes of services, groups of them and instrumentation at run time are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.application_signals.discovery import StartDiscovery
from kumoniwa.services.application_signals.topology import (
    GetService,
    ListServiceDependencies,
    ListServiceDependents,
    ListServiceOperations,
    ListServices,
)

__all__ = ["GetService", "ListServiceDependencies", "ListServiceDependents", "ListServiceOperations", "ListServices", "StartDiscovery"]


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    return "*"
