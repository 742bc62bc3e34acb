"""What the gate asks: what an operation touches, how that is tagged, and the condition keys of EC2.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html says for each operation of which kinds of resources it is
asked. What no row of ``TOUCHED`` names is asked of ``*``.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2 import catalogue, ebs_access, kinds, net_access
from kumoniwa.services.ec2.errors import InvalidParameterValue, MissingParameter
from kumoniwa.wire.message import Request

TAG_CONDITIONS = ("ec2:ResourceTag",)

TOUCHED: dict[str, str] = {**ebs_access.TOUCHED, **net_access.TOUCHED}
"""For each operation the kinds of what it touches; what it makes has a plus, since it has no id before it is there."""

_MEMBERS: dict[str, str] = {**ebs_access.MEMBERS, **net_access.MEMBERS}
"""The kinds of what parameters name. Those of ``Resources`` their ids tell."""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> list[str] | str:
    if operation in ("CreateTags", "DeleteTags"):
        named = ((catalogue.kind_of(id_), id_) for id_ in params.get("Resources") or ())
        return [kinds.arn_of(call, kind.name if kind else "*", id_) for kind, id_ in named] or call.arn("*/*")
    said = TOUCHED.get(operation, "").split()
    found = [kinds.arn_of(call, kind[:-1], "*") for kind in said if kind.endswith("+")]
    for member, kind in _MEMBERS.items():
        if kind in said and member in params:
            value = params[member]
            found += [kinds.arn_of(call, kind, id_) for id_ in (value if isinstance(value, list) else [value]) if isinstance(id_, str) and id_]
    found += [kinds.arn_of(call, kind, id_) for kind, id_ in net_access.further(call, operation, params)]
    return list(dict.fromkeys(found)) or "*"


def params_of(operation: str, request: Request, params: dict[str, Any]) -> dict[str, Any]:
    """How long a page may be, in EC2's words: it looks at no other constraint of its model before an operation does."""
    count = params.get("MaxResults")
    if isinstance(count, int):
        shape = models.service("ec2").operation(operation).input.members["MaxResults"].shape
        if shape.min is not None and count < shape.min:
            raise InvalidParameterValue(f"Value ( {count} ) for parameter maxResults is invalid. Expecting a value greater than {int(shape.min)}.")
        if shape.max is not None and count > shape.max:
            raise InvalidParameterValue(f"Value ( {count} ) for parameter maxResults is invalid. Expecting a value less than {int(shape.max)}.")
    return params


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """A form cannot spell a list without entries: it leaves it out. Texts: getmoto/moto, test_create_tag_empty_resource."""
    if operation in ("CreateTags", "DeleteTags") and "Resources" not in params:
        return MissingParameter("The request must contain the parameter resourceIdSet")
    if operation == "CreateTags" and "Tags" not in params:
        return MissingParameter("The request must contain the parameter tagSet")
    return error


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"ec2:region": call.region} | ebs_access.conditions_of(call, operation, params) | net_access.conditions_of(call, operation, params)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    kind, _, id_ = arn.rpartition(":")[2].partition("/")
    if kind not in catalogue.BY_NAME or id_ == "*":
        return {}
    catalogue.named(call, id_)
    return call.shelf(catalogue.BY_NAME[kind].record)[id_].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(kinds.arn_of(call, kind.name, id_), each.tags) for kind in catalogue.KINDS for id_, each in call.shelf(kind.record).items()]
