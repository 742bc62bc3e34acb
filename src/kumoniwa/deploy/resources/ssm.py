"""AWS::SSM."""

from __future__ import annotations

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    gone_from,
    p,
    same,
    seen,
    tag_list,
)

_gone = gone_from("Tags")
_put = "Type Value AllowedPattern DataType Description Policies Tier"
_what = {"ResourceType": "Parameter", "ResourceId": ID}

Parameter = ResourceType(
    name=Name("Name", 1011),
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
