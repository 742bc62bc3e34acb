"""AWS::SSM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    as_json,
    carries,
    gone_from,
    gone_tags,
    p,
    same,
    seen,
    tag_list,
)

_gone = gone_from("Tags")
_put = "Type Value AllowedPattern DataType Description Policies Tier"
_what = {"ResourceType": "Parameter", "ResourceId": ID}

Parameter = ResourceType(
    # Recorded: localstack/localstack, test_change_sets.snapshot.json, test_dynamic_update.
    name=Name("Name", 1011, beginning="CFN"),
    create=Call("ssm:PutParameter", f"Name {_put}", Tags=tag_list(p.Tags)),
    id=p.Name,
    read=Call("ssm:GetParameter", Name=ID),
    update=(
        Call("ssm:PutParameter", _put, Name=ID, Overwrite=True),
        Call("ssm:RemoveTagsFromResource", **_what, TagKeys=_gone).when(_gone),
        Call("ssm:AddTagsToResource", **_what, Tags=tag_list(p.Tags)).when(p.Tags),
    ),
    delete=Call("ssm:DeleteParameter", Name=ID),
    absent="ParameterNotFound",
    attributes={"Type": seen.Parameter.Type, "Value": seen.Parameter.Value},
    defaults={"Description": "", "AllowedPattern": "", "Policies": "[]", "DataType": "text", "Tier": "Intelligent-Tiering"},
    drift=(Reading(same("Type Value DataType", seen.Parameter)),),
)

_content = as_json(p.Content)
_update_document = Call(
    "ssm:UpdateDocument", "DocumentFormat TargetType VersionName", Name=ID, Content=_content, DocumentVersion="$LATEST"
)


@carries("Content DocumentFormat TargetType VersionName UpdateMethod")
async def _new_version(work: Work) -> None:
    """A version that a stack makes is the one that counts. How changes are made is no change itself."""
    if work.changed == {"UpdateMethod"}:
        return
    made = await _update_document(work)
    version = made["DocumentDescription"]["DocumentVersion"]
    await work.ask("ssm:UpdateDocumentDefaultVersion", Name=work.id, DocumentVersion=version)


def _replaces(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """A template says by UpdateMethod whether a change is a version or another document, which is the default."""
    is_version = new.get("UpdateMethod") == "NewVersion"
    return frozenset() if is_version else frozenset(("Content", "DocumentFormat", "TargetType", "VersionName"))


Document = ResourceType(
    name=Name("Name", 128),
    create=Call("ssm:CreateDocument", "Name DocumentType DocumentFormat TargetType VersionName Tags", Content=_content),
    id=p.Name,
    read=Call("ssm:DescribeDocument", Name=ID),
    update=(
        _new_version,
        Call("ssm:RemoveTagsFromResource", ResourceType="Document", ResourceId=ID, TagKeys=gone_tags).when(gone_tags),
        Call("ssm:AddTagsToResource", ResourceType="Document", ResourceId=ID, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("ssm:DeleteDocument", Name=ID),
    absent="InvalidDocument",
    remade_by=_replaces,
    drift=(Reading(same("DocumentType DocumentFormat", seen.Document)),),
)
