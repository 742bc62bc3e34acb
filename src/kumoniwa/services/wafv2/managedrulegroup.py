"""The rule groups that AWS manages: which there are, in which version, and what their rules do."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.firewall import managed
from kumoniwa.services.wafv2.checking import managed_group
from kumoniwa.services.wafv2.scope import CLOUDFRONT, check_region


def _check_scope(call: Call, scope: str) -> None:
    """They are the same in every scope, but CloudFront's are asked for in one region."""
    if scope == CLOUDFRONT:
        check_region(call)


def ListAvailableManagedRuleGroups(call: Call, *, Scope: str, NextMarker: str | None = None, Limit: int | None = None) -> dict:
    """Those that are here, in AWS's order. The marker is the name of the last that was seen."""
    _check_scope(call, Scope)
    names = list(managed.GROUPS)
    start = names.index(NextMarker) + 1 if NextMarker in names else 0
    shown = names[start : start + (Limit or len(names))]
    found = [
        {"VendorName": managed.VENDOR, "Name": name, "VersioningSupported": True, "Description": managed.GROUPS[name].description}
        for name in shown
    ]
    return {"ManagedRuleGroups": found} | ({"NextMarker": shown[-1]} if shown and shown[-1] != names[-1] else {})


def ListAvailableManagedRuleGroupVersions(
    call: Call, *, VendorName: str, Name: str, Scope: str, NextMarker: str | None = None, Limit: int | None = None
) -> dict:
    """Of each group there is one version here, so there is never a second page."""
    _check_scope(call, Scope)
    group = managed_group(VendorName, Name, None)
    told: dict[str, Any] = {"Name": group.version}
    if group.updated is not None:
        told["LastUpdateTimestamp"] = group.updated
    return {"Versions": [told] if NextMarker is None else [], "CurrentDefaultVersion": group.version}


def DescribeManagedRuleGroup(call: Call, *, VendorName: str, Name: str, Scope: str, VersionName: str | None = None) -> dict:
    _check_scope(call, Scope)
    group = managed_group(VendorName, Name, VersionName)
    return {
        "VersionName": group.version, "Capacity": group.capacity, "LabelNamespace": group.namespace,
        "Rules": [{"Name": each.name, "Action": {"Block": {}}} for each in group.rules],
        "AvailableLabels": [{"Name": group.namespace + each.label} for each in group.rules],
    }  # fmt: skip
