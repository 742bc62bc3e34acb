"""What an analyzer found, and how it is told: by the first form of the API, which knows access from outside only, and by the second."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer import filtering
from kumoniwa.services.accessanalyzer.analyzer import EXTERNAL, Analyzer
from kumoniwa.services.accessanalyzer.errors import ResourceNotFoundException, ValidationException
from kumoniwa.wire import timestamps

EXTERNAL_ACCESS = "ExternalAccess"
EVENTS = {EXTERNAL_ACCESS: "Access Analyzer Finding"}
UNUSED_EVENT = "Unused Access Finding for IAM entities"
# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-access-analyzer.html
TOP_ACCOUNTS = 10
SORTED_BY = ("analyzedAt", "createdAt", "updatedAt", "resource", "resourceType", "resourceOwnerAccount", "status", "id", "findingType")


class Finding(Record):
    """Shelved by its analyzer's name and its id."""

    id: str
    analyzer: str
    type: str
    resource: str
    resource_type: str
    owner: str
    key: str
    """What makes it the same finding when it is found again."""
    created: float
    analyzed: float
    updated: float
    status: str = "ACTIVE"
    error: str = ""
    details: tuple[dict[str, Any], ...] = ()
    """The parts of ``findingDetails``, without the word before each that tells of what kind it is."""

    @property
    def place(self) -> str:
        return f"{self.analyzer}/{self.id}"


def of(call: Call, analyzer: Analyzer) -> list[Finding]:
    """The findings of an analyzer, oldest first."""
    found = (each for each in call.shelf(Finding).values() if each.analyzer == analyzer.name)
    return sorted(found, key=lambda each: (each.created, each.id))


def _one(call: Call, arn: str, id_: str) -> tuple[Analyzer, Finding]:
    analyzer = analyzers.of_arn(call, arn)
    finding = call.shelf(Finding).get(f"{analyzer.name}/{id_}")
    if finding is None:
        raise ResourceNotFoundException.of("finding", id_)
    return analyzer, finding


def fields(finding: Finding) -> dict[str, str]:
    """What filters may ask of a finding."""
    said = {
        "id": finding.id, "status": finding.status, "resource": finding.resource, "resourceType": finding.resource_type,
        "resourceOwnerAccount": finding.owner, "findingType": finding.type,
    }  # fmt: skip
    if finding.error:
        said["error"] = finding.error
    for detail in finding.details if finding.type == EXTERNAL_ACCESS else ():
        said["resourceControlPolicyRestriction"] = detail["resourceControlPolicyRestriction"]
        said["isPublic"] = "true" if detail["isPublic"] else "false"
        said |= {f"principal.{kind}": value for kind, value in detail["principal"].items()}
        said |= {f"condition.{key}": value for key, value in detail["condition"].items()}
    return said


# Telling -------------------------------------------------------------------------------------------


def _times(finding: Finding) -> dict[str, float]:
    return {"createdAt": finding.created, "analyzedAt": finding.analyzed, "updatedAt": finding.updated}


def _common(finding: Finding) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": finding.id, "resource": finding.resource, "resourceType": finding.resource_type, "resourceOwnerAccount": finding.owner,
        "status": finding.status, **_times(finding),
    }  # fmt: skip
    return said | ({"error": finding.error} if finding.error else {})


def _first_form(finding: Finding) -> dict[str, Any]:
    return {"condition": {}, **(finding.details[0] if finding.details else {}), **_common(finding)}


def _second_form(finding: Finding) -> dict[str, Any]:
    return {**_common(finding), "findingType": finding.type}


def tell(call: Call, finding: Finding, before: str = "", *, is_deleted: bool = False) -> None:
    """That a finding is new, has another status than ``before``, or is gone.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html"""
    is_external = finding.type == EXTERNAL_ACCESS
    said: dict[str, Any] = {
        "resource": finding.resource, "resourceType": finding.resource_type, "accountId": finding.owner, "status": finding.status,
        "isDeleted": is_deleted,
        **{name: timestamps.to_millisecond(at) for name, at in _times(finding).items()},
    }  # fmt: skip
    if finding.error:
        said["error"] = finding.error
    if is_external:
        said |= {"id": finding.id, "region": call.region, "version": "1.0", **(finding.details[0] if finding.details else {})}
    else:
        said |= {"findingId": finding.id, "findingType": finding.type, "previousStatus": before, "version": call.new_id(), **_counted(finding)}
    said["resources"] = [call.arn(f"analyzer/{finding.analyzer}", "access-analyzer")]
    call.home.tell(("access-analyzer", EVENTS.get(finding.type, UNUSED_EVENT), call.account, said))


def _counted(finding: Finding) -> dict[str, int]:
    """A service is unused as a whole, or some of its actions are."""
    actions = [len(detail.get("actions", ())) for detail in finding.details] if finding.type == "UnusedPermission" else []
    return {"numberOfUnusedServices": actions.count(0), "numberOfUnusedActions": sum(actions)}


def _listed(call: Call, arn: str, filter_: dict[str, Any] | None, sort: dict[str, str] | None, view: Any) -> list[dict[str, Any]]:
    wanted = filtering.checked(filter_ or {}, is_of_list=True)
    told = [view(each) for each in of(call, analyzers.of_arn(call, arn)) if filtering.meets(fields(each), wanted)]
    if sort:
        attribute = sort.get("attributeName", "updatedAt")
        if attribute not in SORTED_BY:
            raise ValidationException(f"The attribute {attribute} cannot be sorted by.")
        told.sort(key=lambda each: each.get(attribute, ""), reverse=sort.get("orderBy") == "DESC")
    return told


def _only_external(analyzer: Analyzer, operation: str) -> None:
    if analyzer.type not in EXTERNAL:
        # https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindings.html
        raise ValidationException(f"{operation} is supported only for external access analyzers. Use {operation}V2.")


def ListFindings(
    call: Call, *, analyzerArn: str, filter: dict[str, Any] | None = None, sort: dict[str, str] | None = None
) -> dict:
    _only_external(analyzers.of_arn(call, analyzerArn), "ListFindings")
    return {"findings": _listed(call, analyzerArn, filter, sort, _first_form)}


def GetFinding(call: Call, *, analyzerArn: str, id: str) -> dict:
    analyzer, finding = _one(call, analyzerArn, id)
    _only_external(analyzer, "GetFinding")
    return {"finding": _first_form(finding)}


def ListFindingsV2(
    call: Call, *, analyzerArn: str, filter: dict[str, Any] | None = None, sort: dict[str, str] | None = None
) -> dict:
    return {"findings": _listed(call, analyzerArn, filter, sort, _second_form)}


_PARTS = {
    EXTERNAL_ACCESS: "externalAccessDetails", "UnusedPermission": "unusedPermissionDetails", "UnusedIAMRole": "unusedIamRoleDetails",
    "UnusedIAMUserAccessKey": "unusedIamUserAccessKeyDetails", "UnusedIAMUserPassword": "unusedIamUserPasswordDetails",
}  # fmt: skip


def GetFindingV2(call: Call, *, analyzerArn: str, id: str) -> dict:
    _, finding = _one(call, analyzerArn, id)
    return {**_second_form(finding), "findingDetails": [{_PARTS[finding.type]: detail} for detail in finding.details]}


# Changing ------------------------------------------------------------------------------------------


def put(call: Call, finding: Finding, status: str) -> Finding:
    """A finding with another status."""
    before, finding = finding.status, changed(finding, status=status, updated=call.now())
    call.shelf(Finding)[finding.place] = finding
    tell(call, finding, before)
    return finding


def UpdateFindings(
    call: Call,
    *,
    analyzerArn: str,
    status: str,
    ids: list[str] | None = None,
    resourceArn: str | None = None,
    clientToken: str | None = None,
) -> None:
    """Resolved ones stay resolved: only what is there can be archived."""
    analyzer = analyzers.of_arn(call, analyzerArn)
    if not ids and not resourceArn:
        raise ValidationException("Either ids or resourceArn must be specified.")
    for id_ in ids or ():
        _one(call, analyzerArn, id_)
    for finding in of(call, analyzer):
        is_meant = finding.id in (ids or ()) or finding.resource == resourceArn
        if is_meant and finding.status not in ("RESOLVED", status):
            put(call, finding, status)


def GetFindingsStatistics(call: Call, *, analyzerArn: str) -> dict:
    analyzer = analyzers.of_arn(call, analyzerArn)
    found = of(call, analyzer)
    counts = {
        f"total{status.capitalize()}Findings": sum(each.status == status for each in found) for status in ("ACTIVE", "ARCHIVED", "RESOLVED")
    }
    active = [each for each in found if each.status == "ACTIVE"]
    told: dict[str, Any] = {"lastUpdatedAt": analyzer.last_analyzed} if analyzer.last_analyzed else {}
    if analyzer.type in EXTERNAL:
        types: dict[str, dict[str, int]] = {}
        for each in active:
            counted = types.setdefault(each.resource_type, {"totalActivePublic": 0, "totalActiveCrossAccount": 0, "totalActiveErrors": 0})
            is_public = bool(each.details) and each.details[0]["isPublic"]
            counted["totalActiveErrors" if each.error else "totalActivePublic" if is_public else "totalActiveCrossAccount"] += 1
        return {"findingsStatistics": [{"externalAccessFindingsStatistics": {"resourceTypeStatistics": types, **counts}}], **told}
    kinds, owners = Counter(each.type for each in active), Counter(each.owner for each in active)
    accounts = [
        {"account": owner, "numberOfActiveFindings": n, "details": dict(Counter(each.type for each in active if each.owner == owner))}
        for owner, n in owners.most_common(TOP_ACCOUNTS)
    ]
    unused = {"unusedAccessTypeStatistics": [{"unusedAccessType": kind, "total": n} for kind, n in kinds.items()], "topAccounts": accounts}
    return {"findingsStatistics": [{"unusedAccessFindingsStatistics": {**unused, **counts}}], **told}
