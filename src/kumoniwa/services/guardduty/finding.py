"""Findings: how they come, what is told of them, and what their owner does with them.

A finding is new the first time; what happens again of the same type, by the same caller, to the same thing, is counted in it. It is told at once
when it is new, and after that as often as the detector says. What somebody archived is over: the next occurrence is a new finding. What a filter
archives goes on being counted, unheard.
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.guardduty import criteria, destination, filter, finding_rows, judging
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.detector import Detector
from kumoniwa.services.guardduty.errors import BadRequestException, of_parameter
from kumoniwa.services.guardduty.finding_rows import Held
from kumoniwa.services.guardduty.judging import Hit
from kumoniwa.wire import timestamps

TOLD = "GuardDuty Finding"
KEPT_S = 90 * 86_400.0
"""https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings.html"""
SCHEMA_VERSION = "2.0"
STATISTICS_MAX = 25
_OVER = "over\n"
"""Before the origin of a finding that somebody archived."""


# How they come -------------------------------------------------------------------------------------


def _access_key(event: dict[str, Any]) -> dict[str, Any]:
    who = event["userIdentity"]
    principal = who.get("principalId") or who.get("accountId") or ""
    told = {"accessKeyId": who.get("accessKeyId") or "", "principalId": principal, "userName": judging.caller_of(event), "userType": who["type"]}
    return {name: value for name, value in told.items() if value}


def action_of(event: dict[str, Any], affected: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Where an address is on a map, and whose it is, is not known here."""
    source = event["sourceIPAddress"]
    told: dict[str, Any] = {
        "api": event["eventName"], "serviceName": event["eventSource"], "callerType": "Remote IP", "userAgent": event["userAgent"],
        "remoteIpDetails": {"ipAddressV6" if ":" in source else "ipAddressV4": source}, "affectedResources": dict(affected),
    }  # fmt: skip
    if "errorCode" in event:
        told["errorCode"] = event["errorCode"]
    return {"actionType": "AWS_API_CALL", "awsApiCallAction": told}


def _additional(hit: Hit) -> dict[str, Any]:
    if not hit.list_name:
        return {"value": "{}", "type": "default"}
    return {"threatListName": hit.list_name, "value": orjson.dumps({"threatListName": hit.list_name}).decode(), "type": "default"}


def made(call: Call, detector: Detector, type_: str, resource: dict[str, Any], service: dict[str, Any], text: tuple[str, str]) -> dict[str, Any]:
    """A new finding; ``text`` is its title and its description."""
    id_, now = call.ids.hex(32), timestamps.to_millisecond(call.now())
    return {
        "schemaVersion": SCHEMA_VERSION, "accountId": call.account, "region": call.region, "partition": call.home.partition, "id": id_,
        "arn": detectors.arn_of(call, detector, "finding", id_), "type": type_, "resource": resource,
        "service": {
            "serviceName": "guardduty", "detectorId": detector.id, "resourceRole": "TARGET", "archived": False, "count": 1, **service,
        },
        "severity": judging.SEVERITIES[type_], "createdAt": now, "updatedAt": now, "title": text[0], "description": text[1],
    }  # fmt: skip


def take(call: Call, detector: Detector, hit: Hit, event: dict[str, Any], bucket: dict[str, Any] | None = None) -> None:
    """That a call was an instance of a finding type: a new finding, or one more occurrence. ``bucket`` are the details of the bucket."""
    key = _access_key(event)
    origin = orjson.dumps([hit.type, key.get("principalId", ""), key.get("accessKeyId", ""), hit.bucket, hit.affected, hit.list_name]).decode()
    is_data = event["eventCategory"] == "Data"
    resource: dict[str, Any] = {"resourceType": "S3Bucket" if is_data else "AccessKey", "accessKeyDetails": key}
    if bucket is not None:
        resource["s3BucketDetails"] = [bucket]
    seen = {"action": action_of(event, hit.affected), "eventLastSeen": event["eventTime"]}
    held = finding_rows.of_origin(call, origin)
    if held is not None:
        _count(call, held, hit, resource, seen)
        return
    service = {**seen, "additionalInfo": _additional(hit), "eventFirstSeen": event["eventTime"]}
    if not is_data:
        service["featureName"] = "CloudTrailManagementEvent"
    if hit.list_name:
        service["evidence"] = {"threatIntelligenceDetails": [{"threatListName": hit.list_name, "threatNames": []}]}
    put_new(call, detector, made(call, detector, hit.type, resource, service, (hit.title, hit.description)), origin)


def _count(call: Call, held: Held, hit: Hit, resource: dict[str, Any], seen: dict[str, Any]) -> None:
    body = held.body
    service = {**body["service"], **seen, "count": body["service"]["count"] + 1}
    now = call.now()
    news = {"resource": resource, "service": service, "updatedAt": timestamps.to_millisecond(now), "title": hit.title, "description": hit.description}
    finding_rows.put(call, held._replace(updated=now, body={**body, **news}))


def put_new(call: Call, detector: Detector, body: dict[str, Any], origin: str) -> None:
    """Keep a new finding, and tell it unless a filter archives it."""
    is_archived = filter.archives(call, body)
    body["service"]["archived"] = is_archived
    held = Held(body, origin, call.now(), 0.0, is_archived)
    if is_archived:
        finding_rows.put(call, held)
    else:
        tell(call, held)


def tell(call: Call, held: Held) -> None:
    """To EventBridge, to Security Hub and to the buckets that it is exported to. It is kept that it was told."""
    finding_rows.put(call, held._replace(told=call.now()))
    call.tell(TOLD, held.body)
    destination.export(call, held.body)


def publish(call: Call, detector: Detector) -> None:
    """Tell the findings that were found again, all together."""
    for held in finding_rows.untold(call):
        tell(call, held)


# Reading -------------------------------------------------------------------------------------------


def shown(value: Any) -> Any:
    """A finding as the API spells it. What there is beside the value of its additional information is told in that alone."""
    if isinstance(value, dict):
        is_additional = value.keys() >= {"value", "type"}
        return {name[:1].upper() + name[1:]: shown(part) for name, part in value.items() if not is_additional or name in ("value", "type")}
    return [shown(each) for each in value] if isinstance(value, list) else value


def _sorted(found: list[dict[str, Any]], sorting: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not sorting:
        return found
    return sorted(found, key=criteria.sorting(sorting.get("AttributeName") or "updatedAt"), reverse=sorting.get("OrderBy") == "DESC")


def _chosen(call: Call, said: dict[str, Any] | None) -> list[dict[str, Any]]:
    checked = criteria.checked(said or {})
    return [held.body for held in finding_rows.every(call) if criteria.meets(held.body, checked)]


def ListFindings(
    call: Call, *, DetectorId: str, FindingCriteria: dict[str, Any] | None = None, SortCriteria: dict[str, Any] | None = None
) -> dict:
    """Without a word of ``service.archived`` archived ones, too."""
    detectors.existing(call, DetectorId)
    return {"FindingIds": [each["id"] for each in _sorted(_chosen(call, FindingCriteria), SortCriteria)]}


def GetFindings(call: Call, *, DetectorId: str, FindingIds: list[str], SortCriteria: dict[str, Any] | None = None) -> dict:
    """Those that there are, of those that are asked for."""
    detectors.existing(call, DetectorId)
    found = [held.body for id_ in dict.fromkeys(FindingIds) if (held := finding_rows.of_id(call, id_)) is not None]
    return {"Findings": [shown(each) for each in _sorted(found, SortCriteria)]}


# Statistics ----------------------------------------------------------------------------------------


def _resource(body: dict[str, Any]) -> tuple[str, str]:
    """The type and the id of what a finding is about."""
    resource = body["resource"]
    if resource["resourceType"] == "S3Bucket":
        return "S3Bucket", resource["s3BucketDetails"][0]["name"] if resource.get("s3BucketDetails") else ""
    return "AccessKey", resource["accessKeyDetails"].get("accessKeyId", "")


def _day(body: dict[str, Any]) -> float:
    return timestamps.parsed(body["updatedAt"][:10] + "T00:00:00Z")


_GROUPS: dict[str, tuple[str, Callable[[dict[str, Any]], Any], Callable[[Any], dict[str, Any]]]] = {
    "ACCOUNT": ("GroupedByAccount", lambda body: body["accountId"], lambda key: {"AccountId": key}),
    "DATE": ("GroupedByDate", lambda body: (_day(body), body["severity"]), lambda key: {"Date": key[0], "Severity": key[1]}),
    "FINDING_TYPE": ("GroupedByFindingType", lambda body: body["type"], lambda key: {"FindingType": key}),
    "RESOURCE": (
        "GroupedByResource", lambda body: (body["accountId"], *_resource(body)),
        lambda key: {"AccountId": key[0], "ResourceType": key[1], "ResourceId": key[2]},
    ),
    "SEVERITY": ("GroupedBySeverity", lambda body: body["severity"], lambda key: {"Severity": key}),
}  # fmt: skip


def GetFindingsStatistics(
    call: Call, *, DetectorId: str, FindingStatisticTypes: list[str] | None = None, FindingCriteria: dict[str, Any] | None = None,
    GroupBy: str | None = None, OrderBy: str = "DESC", MaxResults: int = STATISTICS_MAX,
) -> dict:  # fmt: skip
    """https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindingsStatistics.html"""
    detectors.existing(call, DetectorId)
    if bool(FindingStatisticTypes) is (GroupBy is not None):
        # "Currently, this API doesn't support findingStatisticTypes and groupBy in one request"; the words are ours.
        raise BadRequestException("The request is rejected because exactly one of findingStatisticTypes and groupBy must be specified.")
    found = _chosen(call, FindingCriteria)
    if GroupBy is None:
        counted = Counter(each["severity"] for each in found)
        return {"FindingStatistics": {"CountBySeverity": {str(severity): count for severity, count in sorted(counted.items())}}}
    member, key_of, told = _GROUPS[GroupBy]
    groups: dict[Any, list[dict[str, Any]]] = {}
    for each in found:
        groups.setdefault(key_of(each), []).append(each)
    order = sorted(groups.items(), key=lambda entry: len(entry[1]), reverse=OrderBy == "DESC")
    return {
        "FindingStatistics": {
            member: [
                {**told(key), "TotalFindings": len(held), "LastGeneratedAt": max(timestamps.parsed(each["updatedAt"]) for each in held)}
                for key, held in order[:MaxResults]
            ]
        }
    }


# What its owner does -------------------------------------------------------------------------------


def _existing(call: Call, detector: str, ids: list[str]) -> list[Held]:
    detectors.existing(call, detector)
    found = [finding_rows.of_id(call, id_) for id_ in dict.fromkeys(ids)]
    if not ids or None in found:
        raise of_parameter("findingIds")
    return [each for each in found if each is not None]


def _archived(held: Held, is_archived: bool, origin: str) -> Held:
    body = {**held.body, "service": {**held.body["service"], "archived": is_archived}}
    return held._replace(body=body, origin=origin, is_archived=is_archived)


def ArchiveFindings(call: Call, *, DetectorId: str, FindingIds: list[str]) -> None:
    for held in _existing(call, DetectorId, FindingIds):
        finding_rows.put(call, _archived(held, True, _OVER + held.origin.removeprefix(_OVER)))


def UnarchiveFindings(call: Call, *, DetectorId: str, FindingIds: list[str]) -> None:
    """It is told again with those that were found again, and counts what happens from now on, unless a newer finding does."""
    for held in _existing(call, DetectorId, FindingIds):
        origin = held.origin.removeprefix(_OVER)
        newer = finding_rows.of_origin(call, origin)
        is_free = newer is None or newer.body["id"] == held.body["id"]
        told = 0.0 if held.is_archived else held.told
        finding_rows.put(call, _archived(held, False, origin if is_free else held.origin)._replace(told=told))


def UpdateFindingsFeedback(call: Call, *, DetectorId: str, FindingIds: list[str], Feedback: str, Comments: str | None = None) -> None:
    """What somebody remarks goes to AWS alone, which tells it nobody; so it is kept by nobody here."""
    for held in _existing(call, DetectorId, FindingIds):
        finding_rows.put(call, held._replace(body={**held.body, "service": {**held.body["service"], "userFeedback": Feedback}}))
