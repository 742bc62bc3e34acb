"""AWS::WAFv2. What is named by name, id and scope is known to a stack as ``name|id|scope``; whoever changes or deletes it says which version that is.

Templates write what is sought for as text, or in base64; the API takes bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Value,
    Work,
    carries,
    gone_tags,
    made,
    p,
    same,
    seen,
    use,
)

_NAME_MAX = 128


def spelled(said: Any) -> Any:
    """Rules as the API takes them."""
    if isinstance(said, list):
        return [spelled(each) for each in said]
    if not isinstance(said, dict):
        return said
    found = {"ARN" if name == "Arn" else name: spelled(value) for name, value in said.items()}
    if "SearchStringBase64" in found:
        found["SearchString"] = base64.b64decode(found.pop("SearchStringBase64"))
    elif isinstance(found.get("SearchString"), str):
        found["SearchString"] = found["SearchString"].encode()
    return found


def _patterns(said: Any) -> list[dict[str, str]]:
    return [{"RegexString": each} for each in said]


def _place(id: str) -> dict[str, str]:
    return dict(zip(("Name", "Id", "Scope"), id.split("|")))


_name, _id, _scope = (use(lambda id, at=at: id.split("|")[at], ID) for at in range(3))
_where = {"Name": _name, "Id": _id, "Scope": _scope}
CONVERTED: dict[str, Callable[[Any], Any]] = {"Rules": spelled, "RegularExpressionList": _patterns}
"""Properties that templates spell otherwise."""


def _part(thing: str, properties: str, fixed: str = "", **attributes: Value) -> ResourceType:
    """A web ACL, rule group or set. ``fixed`` are said once and for all, in the API too."""
    names = properties.split()
    shown = getattr(seen, thing)

    def said(work: Work) -> dict[str, Any]:
        return {name: CONVERTED.get(name, lambda value: value)(work.properties[name]) for name in names if name in work.properties}

    @carries(properties)
    async def change(work: Work) -> None:
        found = await work.look(f"wafv2:Get{thing}", **_place(work.id))
        await work.ask(f"wafv2:Update{thing}", **_place(work.id), LockToken=found["LockToken"], **said(work))

    change.handles_absence = True

    async def delete(work: Work) -> None:
        found = await work.look(f"wafv2:Get{thing}", **_place(work.id))
        await work.ask(f"wafv2:Delete{thing}", **_place(work.id), LockToken=found["LockToken"])

    own = {name: use(CONVERTED[name], getattr(p, name)) if name in CONVERTED else getattr(p, name) for name in (*names, *fixed.split())}
    return ResourceType(
        name=Name("Name", _NAME_MAX, tells=False),
        create=Call(f"wafv2:Create{thing}", "Name Scope Tags", **own),
        id=use(lambda name, id, scope: f"{name}|{id}|{scope}", made.Summary.Name, made.Summary.Id, p.Scope),
        read=Call(f"wafv2:Get{thing}", **_where),
        update=(
            change,
            Call("wafv2:UntagResource", ResourceARN=shown.ARN, TagKeys=gone_tags).when(gone_tags),
            Call("wafv2:TagResource", ResourceARN=shown.ARN, Tags=p.Tags).when(p.Tags),
        ),
        delete=delete,
        absent="WAFNonexistentItemException",
        fixed=fixed,
        attributes={"Arn": shown.ARN, "Id": shown.Id, **attributes},
        drift=(
            Reading(same("Description", shown)),
            Reading({"Tags": seen.TagInfoForResource.TagList}, Call("wafv2:ListTagsForResource", ResourceARN=shown.ARN)),
        ),
    )


IPSet = _part("IPSet", "Description Addresses", "IPAddressVersion")
RegexPatternSet = _part("RegexPatternSet", "Description RegularExpressionList")
RuleGroup = _part(
    "RuleGroup", "Description Rules VisibilityConfig CustomResponseBodies", "Capacity", LabelNamespace=seen.RuleGroup.LabelNamespace
)
WebACL = _part(
    "WebACL", "DefaultAction Description Rules VisibilityConfig CustomResponseBodies AssociationConfig",
    Capacity=seen.WebACL.Capacity, LabelNamespace=seen.WebACL.LabelNamespace,
)  # fmt: skip

_resource = use(lambda id: id.split("|")[0], ID)

WebACLAssociation = ResourceType(
    create=Call("wafv2:AssociateWebACL", "ResourceArn WebACLArn"),
    id=use(lambda resource, web_acl: f"{resource}|{web_acl}", p.ResourceArn, p.WebACLArn),
    read=Call("wafv2:GetWebACLForResource", ResourceArn=_resource),
    delete=Call("wafv2:DisassociateWebACL", ResourceArn=_resource),
    absent="WAFNonexistentItemException",
)

_put = Call("wafv2:PutLoggingConfiguration", LoggingConfiguration={
    "ResourceArn": p.ResourceArn, "LogDestinationConfigs": p.LogDestinationConfigs, "RedactedFields": p.RedactedFields,
    "LoggingFilter": p.LoggingFilter,
}).writes_all()  # fmt: skip
_put_again = Call("wafv2:PutLoggingConfiguration", LoggingConfiguration={
    "ResourceArn": ID, "LogDestinationConfigs": p.LogDestinationConfigs, "RedactedFields": p.RedactedFields, "LoggingFilter": p.LoggingFilter,
}).writes_all()  # fmt: skip

LoggingConfiguration = ResourceType(
    create=_put,
    id=p.ResourceArn,
    read=Call("wafv2:GetLoggingConfiguration", ResourceArn=ID),
    update=(_put_again,),
    delete=Call("wafv2:DeleteLoggingConfiguration", ResourceArn=ID),
    absent="WAFNonexistentItemException",
    attributes={"ManagedByFirewallManager": seen.LoggingConfiguration.ManagedByFirewallManager},
    drift=(Reading(same("LogDestinationConfigs RedactedFields LoggingFilter", seen.LoggingConfiguration)),),
)
