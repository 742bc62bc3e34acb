"""The operations of Resource Groups. Groups that a service configures, and those that are filled by hand, are refused by name."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.resource_groups import group as groups
from kumoniwa.services.resource_groups import query
from kumoniwa.services.resource_groups.errors import BadRequestException
from kumoniwa.services.resource_groups.group import Group

PAGE_MAX = 50
TAGS_MAX = 50


# What the gate asks ------------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsresourcegroups.html"""
    if "Arn" in params:
        return str(params["Arn"])
    if operation in ("CreateGroup", "ListGroups", "SearchResources"):
        return "*"
    said = str(params.get("Group") or params.get("GroupName") or "")
    return said if said.startswith("arn:") else groups.arn(call, said)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return groups.existing(call, arn.partition(":group/")[2]).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(groups.arn(call, name), each.tags) for name, each in call.shelf(Group).items()]


def reserved_tag(operation: str, key: str) -> AwsError:
    return BadRequestException(f"Tag keys that begin with aws: are reserved: {key}")


# Groups ------------------------------------------------------------------------------------------------


def CreateGroup(
    call: Call,
    *,
    Name: str,
    Description: str | None = None,
    ResourceQuery: dict[str, str] | None = None,
    Tags: dict[str, str] | None = None,
    Criticality: int | None = None,
    Owner: str | None = None,
    DisplayName: str | None = None,
) -> dict:
    """https://docs.aws.amazon.com/ARG/latest/APIReference/API_CreateGroup.html"""
    if Name.lower().startswith("aws"):
        raise BadRequestException("Group names cannot start with AWS.")
    if ResourceQuery is None:
        raise BadRequestException("A group needs a ResourceQuery.")
    query.read(ResourceQuery)
    if Name in call.shelf(Group):
        raise BadRequestException(f"A group with the name {Name} already exists.")
    made = call.shelf(Group)[Name] = Group(
        name=Name, query=ResourceQuery, description=Description or "", criticality=Criticality or 0, owner=Owner or "",
        display_name=DisplayName or "", tags=_checked(Tags or {}),
    )  # fmt: skip
    return {"Group": groups.shown(call, made), "ResourceQuery": made.query, "Tags": made.tags}


def GetGroup(call: Call, *, GroupName: str | None = None, Group: str | None = None) -> dict:
    return {"Group": groups.shown(call, groups.existing(call, groups.name_in(call, Group, GroupName)))}


def GetGroupQuery(call: Call, *, GroupName: str | None = None, Group: str | None = None) -> dict:
    found = groups.existing(call, groups.name_in(call, Group, GroupName))
    return {"GroupQuery": {"GroupName": found.name, "ResourceQuery": found.query}}


def UpdateGroup(
    call: Call,
    *,
    GroupName: str | None = None,
    Group: str | None = None,
    Description: str | None = None,
    Criticality: int | None = None,
    Owner: str | None = None,
    DisplayName: str | None = None,
) -> dict:
    found = groups.existing(call, groups.name_in(call, Group, GroupName))
    said = {"description": Description, "criticality": Criticality, "owner": Owner, "display_name": DisplayName}
    news = call.shelf(groups.Group)[found.name] = changed(found, **{name: value for name, value in said.items() if value is not None})
    return {"Group": groups.shown(call, news)}


def UpdateGroupQuery(call: Call, *, ResourceQuery: dict[str, str], GroupName: str | None = None, Group: str | None = None) -> dict:
    found = groups.existing(call, groups.name_in(call, Group, GroupName))
    query.read(ResourceQuery)
    call.shelf(groups.Group)[found.name] = changed(found, query=ResourceQuery)
    return {"GroupQuery": {"GroupName": found.name, "ResourceQuery": ResourceQuery}}


def DeleteGroup(call: Call, *, GroupName: str | None = None, Group: str | None = None) -> dict:
    """What belonged to it stays as it is."""
    found = groups.existing(call, groups.name_in(call, Group, GroupName))
    del call.shelf(groups.Group)[found.name]
    return {"Group": groups.shown(call, found)}


_READS: dict[str, Any] = {
    "resource-type": lambda each: query.read(each.query).types,
    "configuration-type": lambda each: [],
    "owner": lambda each: [each.owner],
    "display-name": lambda each: [each.display_name],
    "criticality": lambda each: [str(each.criticality)],
}


def ListGroups(call: Call, *, Filters: list[dict[str, Any]] | None = None, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    found = [each for _, each in sorted(call.shelf(Group).items())]
    for each in Filters or ():
        found = [one for one in found if set(_READS[each["Name"]](one)) & set(each["Values"])]
    page, more = _page(found, MaxResults, NextToken)
    shown = [groups.shown(call, each) for each in page]
    identifiers = [{"GroupName": each["Name"]} | {name: said for name, said in each.items() if name != "Name"} for each in shown]
    return {"GroupIdentifiers": identifiers, "Groups": shown, **more}


# What belongs to them ------------------------------------------------------------------------------------


async def ListGroupResources(
    call: Call, *, GroupName: str | None = None, Group: str | None = None, Filters: list[dict[str, Any]] | None = None,
    MaxResults: int | None = None, NextToken: str | None = None,
) -> dict:  # fmt: skip
    held = groups.existing(call, groups.name_in(call, Group, GroupName))
    found, problems = await query.run(call, held.query)
    for each in Filters or ():
        found = [one for one in found if one["ResourceType"] in each["Values"]]
    page, more = _page(found, MaxResults, NextToken)
    return {"Resources": [{"Identifier": each} for each in page], "ResourceIdentifiers": page, "QueryErrors": problems, **more}


async def SearchResources(
    call: Call, *, ResourceQuery: dict[str, str], MaxResults: int | None = None, NextToken: str | None = None
) -> dict:
    found, problems = await query.run(call, ResourceQuery)
    page, more = _page(found, MaxResults, NextToken)
    return {"ResourceIdentifiers": page, "QueryErrors": problems, **more}


def _page(found: list[Any], most: int | None, token: str | None) -> tuple[list[Any], dict[str, str]]:
    try:
        number = base64.b64decode(token, validate=True) if token else b"0"
    except (binascii.Error, ValueError):
        number = b""
    if not number.isdigit():
        raise BadRequestException("NextToken is not valid.")
    first = int(number)
    last = first + (most or PAGE_MAX)
    return found[first:last], {"NextToken": base64.b64encode(b"%d" % last).decode()} if last < len(found) else {}


# Tags --------------------------------------------------------------------------------------------------


def _checked(tags: dict[str, str]) -> dict[str, str]:
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise BadRequestException(f"A group can have at most {TAGS_MAX} tags.")
    return tags


def _held(call: Call, arn: str) -> Group:
    return groups.existing(call, arn.partition(":group/")[2])


def GetTags(call: Call, *, Arn: str) -> dict:
    return {"Arn": Arn, "Tags": _held(call, Arn).tags}


def Tag(call: Call, *, Arn: str, Tags: dict[str, str]) -> dict:
    held = _held(call, Arn)
    call.shelf(Group)[held.name] = changed(held, tags=_checked({**held.tags, **Tags}))
    return {"Arn": Arn, "Tags": Tags}


def Untag(call: Call, *, Arn: str, Keys: list[str]) -> dict:
    held = _held(call, Arn)
    call.shelf(Group)[held.name] = changed(held, tags={key: value for key, value in held.tags.items() if key not in Keys})
    return {"Arn": Arn, "Keys": Keys}
