"""OpsItems: work that somebody has to look into, from being opened to being resolved.

https://docs.aws.amazon.com/systems-manager/latest/userguide/OpsCenter.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm import tag, telling
from kumoniwa.wire import timestamps

DEDUP = "/aws/dedup"
OPEN = ("Open", "InProgress", "Pending")
RELATED_MAX = 10
OPERATIONAL_BYTES_MAX = 20_480


class OpsItemNotFoundException(AwsError): ...


class OpsItemAlreadyExistsException(AwsError): ...


class OpsItemInvalidParameterException(AwsError): ...


class OpsItemRelatedItemAlreadyExistsException(AwsError): ...


class OpsItemRelatedItemAssociationNotFoundException(AwsError): ...


class OpsItem(Record):
    """Shelved by its id."""

    id: str
    number: int
    title: str
    source: str
    description: str
    who: str
    created: float
    modified: float
    modifier: str
    status: str = "Open"
    kind: str = ""
    priority: int | None = None
    category: str = ""
    severity: str = ""
    data: dict[str, dict[str, str]] = {}
    related: tuple[str, ...] = ()
    """Other OpsItems."""
    items: dict[str, dict[str, Any]] = {}
    """Other resources, by the id of their association."""
    times: dict[str, float] = {}
    tags: dict[str, str] = {}


_TIMES = ("ActualStartTime", "ActualEndTime", "PlannedStartTime", "PlannedEndTime")


def existing(call: Call, id_: str) -> OpsItem:
    found = call.shelf(OpsItem).get(id_)
    if found is None:
        raise OpsItemNotFoundException(f"OpsItem ID {id_} not found.")
    return found


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"opsitem/{id_}")


def _checked_data(data: dict[str, dict[str, str]] | None) -> dict[str, dict[str, str]]:
    if len(json.dumps(data or {})) > OPERATIONAL_BYTES_MAX:
        raise OpsItemInvalidParameterException("The operational data is larger than 20 KB.", ParameterNames=["OperationalData"])
    return data or {}


def _dedup(data: dict[str, dict[str, str]]) -> str | None:
    try:
        return json.loads(data[DEDUP]["Value"])["dedupString"]
    except (KeyError, ValueError, TypeError):
        return None


def _related(call: Call, listed: list[dict[str, str]] | None) -> tuple[str, ...]:
    if len(listed or ()) > RELATED_MAX:
        raise OpsItemInvalidParameterException(f"An OpsItem has {RELATED_MAX} related OpsItems at most.", ParameterNames=["RelatedOpsItems"])
    return tuple(existing(call, each["OpsItemId"]).id for each in listed or ())


def CreateOpsItem(
    call: Call, *, Description: str, Source: str, Title: str, OpsItemType: str | None = None,
    OperationalData: dict[str, dict[str, str]] | None = None, Priority: int | None = None,
    RelatedOpsItems: list[dict[str, str]] | None = None, Tags: list[dict[str, str]] | None = None, Category: str | None = None,
    Severity: str | None = None, ActualStartTime: float | None = None, ActualEndTime: float | None = None, PlannedStartTime: float | None = None,
    PlannedEndTime: float | None = None,
) -> dict:  # fmt: skip
    """One that says what it is a duplicate of is made once while the first is open."""
    data = _checked_data(OperationalData)
    word = _dedup(data)
    for held in call.shelf(OpsItem).values():
        if word is not None and held.status in OPEN and held.source == Source and _dedup(held.data) == word:
            raise OpsItemAlreadyExistsException(f"Similar OpsItem exists, OpsItem Id {held.id}.", OpsItemId=held.id)
    times = zip(_TIMES, (ActualStartTime, ActualEndTime, PlannedStartTime, PlannedEndTime))
    made = OpsItem(
        id=f"oi-{call.ids.hex(12)}", number=1, title=Title, source=Source, description=Description, who=call.principal.arn, created=call.now(),
        modified=call.now(), modifier=call.principal.arn, kind=OpsItemType or "/aws/issue", priority=Priority, category=Category or "",
        severity=Severity or "", data=data, related=_related(call, RelatedOpsItems), times={name: at for name, at in times if at is not None},
        tags=tag.checked(Tags),
    )  # fmt: skip
    call.shelf(OpsItem)[made.id] = made
    telling.of_item(call, made, "Create")
    return {"OpsItemId": made.id, "OpsItemArn": arn_of(call, made.id)}


def UpdateOpsItem(
    call: Call, *, OpsItemId: str, Description: str | None = None, OperationalData: dict[str, dict[str, str]] | None = None,
    OperationalDataToDelete: list[str] | None = None, Priority: int | None = None, RelatedOpsItems: list[dict[str, str]] | None = None,
    Status: str | None = None, Title: str | None = None, Category: str | None = None, Severity: str | None = None,
    ActualStartTime: float | None = None, ActualEndTime: float | None = None, PlannedStartTime: float | None = None,
    PlannedEndTime: float | None = None, OpsItemArn: str | None = None,
) -> None:  # fmt: skip
    item = existing(call, OpsItemId)
    said = {
        "description": Description, "priority": Priority, "status": Status, "title": Title, "category": Category, "severity": Severity,
        "related": _related(call, RelatedOpsItems) if RelatedOpsItems is not None else None,
    }  # fmt: skip
    times = zip(_TIMES, (ActualStartTime, ActualEndTime, PlannedStartTime, PlannedEndTime))
    data = {name: value for name, value in (item.data | (OperationalData or {})).items() if name not in (OperationalDataToDelete or ())}
    item = call.shelf(OpsItem)[item.id] = changed(
        item, data=_checked_data(data), times=item.times | {name: at for name, at in times if at is not None}, number=item.number + 1,
        modified=call.now(), modifier=call.principal.arn, **{name: value for name, value in said.items() if value is not None},
    )  # fmt: skip
    telling.of_item(call, item, "Update")


def _summary(item: OpsItem) -> dict[str, Any]:
    told: dict[str, Any] = {
        "CreatedBy": item.who, "CreatedTime": item.created, "LastModifiedBy": item.modifier, "LastModifiedTime": item.modified,
        "Source": item.source, "Status": item.status, "OpsItemId": item.id, "Title": item.title, "OperationalData": item.data,
        "OpsItemType": item.kind, **item.times,
    }  # fmt: skip
    if item.priority is not None:
        told["Priority"] = item.priority
    return told | {name: value for name, value in (("Category", item.category), ("Severity", item.severity)) if value}


def GetOpsItem(call: Call, *, OpsItemId: str, OpsItemArn: str | None = None) -> dict:
    item = existing(call, OpsItemId)
    whole = {
        "Description": item.description, "Version": str(item.number), "Notifications": [], "OpsItemArn": arn_of(call, item.id),
        "RelatedOpsItems": [{"OpsItemId": id_} for id_ in item.related],
    }  # fmt: skip
    return {"OpsItem": _summary(item) | whole}


def DeleteOpsItem(call: Call, *, OpsItemId: str) -> None:
    """To delete what is gone is no mistake: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteOpsItem.html"""
    call.shelf(OpsItem).pop(OpsItemId, None)


_FIELDS = {
    "Status": lambda item: item.status, "CreatedBy": lambda item: item.who, "Source": lambda item: item.source,
    "Priority": lambda item: str(item.priority), "Title": lambda item: item.title, "OpsItemId": lambda item: item.id,
    "Category": lambda item: item.category, "Severity": lambda item: item.severity, "OpsItemType": lambda item: item.kind,
}  # fmt: skip
_MOMENTS = {
    "CreatedTime": lambda item: item.created, "LastModifiedTime": lambda item: item.modified,
    **{name: lambda item, name=name: item.times.get(name, 0.0) for name in _TIMES},
}  # fmt: skip


def DescribeOpsItems(call: Call, *, OpsItemFilters: list[dict[str, Any]] | None = None) -> dict:
    chosen = sorted(call.shelf(OpsItem).values(), key=lambda item: -item.created)
    for each in OpsItemFilters or ():
        chosen = [item for item in chosen if _fits(item, each["Key"], each["Values"], each["Operator"])]
    return {"OpsItemSummaries": [_summary(item) for item in chosen]}


def _fits(item: OpsItem, key: str, values: list[str], operator: str) -> bool:
    if key in _MOMENTS:
        try:
            at = timestamps.parsed(values[0])
        except (ValueError, IndexError):
            raise OpsItemInvalidParameterException(f"The value of the filter {key} is no timestamp.", ParameterNames=[key]) from None
        return {"LessThan": _MOMENTS[key](item) < at, "GreaterThan": _MOMENTS[key](item) > at}.get(operator, _MOMENTS[key](item) == at)
    if key == "OperationalDataKey":
        return any(value in item.data for value in values)
    if key == "OperationalData":
        return any({"Key": json.loads(value)["key"], "Value": json.loads(value)["value"]} in _pairs(item) for value in values if _is_pair(value))
    if key == "ResourceId":
        return any(value in item.data.get("/aws/resources", {}).get("Value", "") for value in values)
    if key not in _FIELDS:
        raise OpsItemInvalidParameterException(f"The filter {key} isn't valid.", ParameterNames=["OpsItemFilters"])
    text = _FIELDS[key](item)
    return any(value in text for value in values) if operator == "Contains" else text in values


def _is_pair(text: str) -> bool:
    try:
        return {"key", "value"} <= json.loads(text).keys()
    except (ValueError, AttributeError):
        return False


def _pairs(item: OpsItem) -> list[dict[str, str]]:
    return [{"Key": name, "Value": said.get("Value", "")} for name, said in item.data.items()]


# Related items -------------------------------------------------------------------------------------


def AssociateOpsItemRelatedItem(call: Call, *, OpsItemId: str, AssociationType: str, ResourceType: str, ResourceUri: str) -> dict:
    item = existing(call, OpsItemId)
    for id_, held in item.items.items():
        if held["ResourceUri"] == ResourceUri:
            raise OpsItemRelatedItemAlreadyExistsException(f"{ResourceUri} is related to the OpsItem.", ResourceUri=ResourceUri, OpsItemId=id_)
    id_ = call.new_id()
    made = {
        "OpsItemId": item.id, "AssociationId": id_, "AssociationType": AssociationType, "ResourceType": ResourceType, "ResourceUri": ResourceUri,
        "CreatedBy": {"Arn": call.principal.arn}, "CreatedTime": call.now(), "LastModifiedBy": {"Arn": call.principal.arn},
        "LastModifiedTime": call.now(),
    }  # fmt: skip
    call.shelf(OpsItem)[item.id] = changed(item, items={**item.items, id_: made})
    return {"AssociationId": id_}


def DisassociateOpsItemRelatedItem(call: Call, *, OpsItemId: str, AssociationId: str) -> None:
    item = existing(call, OpsItemId)
    if AssociationId not in item.items:
        raise OpsItemRelatedItemAssociationNotFoundException(f"The association {AssociationId} wasn't found.")
    call.shelf(OpsItem)[item.id] = changed(item, items={id_: held for id_, held in item.items.items() if id_ != AssociationId})


def ListOpsItemRelatedItems(call: Call, *, OpsItemId: str | None = None, Filters: list[dict[str, Any]] | None = None) -> dict:
    items = [existing(call, OpsItemId)] if OpsItemId is not None else list(call.shelf(OpsItem).values())
    listed = [held for item in items for held in item.items.values()]
    names = {"ResourceType": "ResourceType", "AssociationId": "AssociationId", "ResourceUri": "ResourceUri"}
    for each in Filters or ():
        listed = [held for held in listed if (held[names[each["Key"]]] in each["Values"]) == (each["Operator"] == "Equal")]
    return {"Summaries": listed}
