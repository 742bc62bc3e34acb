"""A group: a name, a query, and what its owner says of it."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.resource_groups.errors import BadRequestException, NotFoundException


class Group(Record):
    """Shelved by its name."""

    name: str
    query: dict[str, str]
    description: str = ""
    criticality: int = 0
    owner: str = ""
    display_name: str = ""
    tags: dict[str, str] = {}


def arn(call: Call, name: str) -> str:
    return call.arn(f"group/{name}", "resource-groups")


def name_in(call: Call, group: str | None, name: str | None) -> str:
    """The name that a request says in one of two parameters, the one of which is the other's predecessor and may not be an ARN."""
    if (group is None) == (name is None):
        raise BadRequestException("Exactly one of Group and GroupName must be specified.")
    return (group or name or "").removeprefix(arn(call, ""))


def existing(call: Call, name: str) -> Group:
    found = call.shelf(Group).get(name)
    if found is None:
        raise NotFoundException(f"Cannot find group: {name}")
    return found


def shown(call: Call, group: Group) -> dict[str, Any]:
    optional = {
        "Description": group.description, "Criticality": group.criticality, "Owner": group.owner, "DisplayName": group.display_name,
    }  # fmt: skip
    return {"GroupArn": arn(call, group.name), "Name": group.name} | {name: said for name, said in optional.items() if said}
