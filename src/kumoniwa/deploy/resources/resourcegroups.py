"""AWS::ResourceGroups. Groups that a service configures, and those that are filled by hand, are refused by name."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Work,
    carries,
    gone_tags,
    p,
    seen,
    tag_map,
    use,
)
from kumoniwa.deploy.step import Senseless

_STACK = "CLOUDFORMATION_STACK_1_0"


def _query(work: Work) -> dict[str, str]:
    """The query as the service wants it, its text within text. A group that says nothing of a stack is of the one that makes it, and of
    everything if it names no types.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resourcegroups-group-resourcequery.html"""
    said = work.properties.get("ResourceQuery") or {"Type": _STACK}
    kind, query = said.get("Type", _STACK), dict(said.get("Query") or {})
    if kind == _STACK:
        query.setdefault("StackIdentifier", work.pseudo["AWS::StackId"])
    elif not query:
        raise Senseless("A query by tags needs a Query.")
    query.setdefault("ResourceTypeFilters", ["AWS::AllSupported"])
    return {"Type": kind, "Query": json.dumps(query)}


@carries("Description Name ResourceQuery Tags")
async def _create(work: Work) -> dict[str, Any]:
    given = {name: work.properties[name] for name in ("Description", "Name") if name in work.properties}
    tags = {tag["Key"]: tag["Value"] for tag in work.properties.get("Tags", ())}
    return await work.ask("resource-groups:CreateGroup", ResourceQuery=_query(work), Tags=tags, **given)


@carries("ResourceQuery")
async def _update_query(work: Work) -> None:
    await work.ask("resource-groups:UpdateGroupQuery", Group=work.id, ResourceQuery=_query(work))


_group = seen.Group
Group = ResourceType(
    create=_create,
    id=p.Name,
    read=Call("resource-groups:GetGroup", Group=ID),
    update=(
        Call("resource-groups:UpdateGroup", "Description", Group=ID),
        _update_query,
        Call("resource-groups:Untag", Arn=_group.GroupArn, Keys=gone_tags).when(gone_tags),
        Call("resource-groups:Tag", Arn=_group.GroupArn, Tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("resource-groups:DeleteGroup", Group=ID),
    absent="NotFoundException",
    attributes={"Arn": _group.GroupArn},
    defaults={"Description": "", "ResourceQuery": {}},
    drift=(
        Reading({"Description": _group.Description}),
        Reading(
            {"ResourceQuery": use(lambda found: {"Type": found["Type"], "Query": json.loads(found["Query"])}, seen.GroupQuery.ResourceQuery)},
            Call("resource-groups:GetGroupQuery", Group=ID),
        ),
    ),
)
