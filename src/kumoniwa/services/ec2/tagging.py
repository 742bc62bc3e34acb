"""The operations on tags, which name anything that EC2 keeps by its id."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.catalogue import KINDS, named
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import MissingParameter

_NAMES: filters.Names = {
    "key": "Key", "resource-id": "ResourceId", "resource-type": "ResourceType", "value": "Value", "tag-key": "Key", "tag-value": "Value",
}  # fmt: skip


@may_be_dry
def CreateTags(call: Call, *, Resources: list[str], Tags: list[dict]) -> None:
    for id_ in Resources:
        shelf = call.shelf(named(call, id_).record)
        shelf[id_] = changed(shelf[id_], tags=tag.checked(Tags, shelf[id_].tags))


@may_be_dry
def DeleteTags(call: Call, *, Resources: list[str], Tags: list[dict] | None = None) -> None:
    """A tag that comes with a value is removed only if it has that value; without tags, all of the customer's own go."""
    for id_ in Resources:
        shelf = call.shelf(named(call, id_).record)
        held = shelf[id_].tags
        if any(not each.get("Key") for each in Tags or ()):
            raise MissingParameter("Tag key must not be empty or null")
        if Tags:
            gone = {each["Key"] for each in Tags if each.get("Value", held.get(each["Key"])) == held.get(each["Key"])}
        else:
            gone = {key for key in held if not key.startswith("aws:")}
        shelf[id_] = changed(shelf[id_], tags={key: value for key, value in held.items() if key not in gone})


@may_be_dry
def DescribeTags(call: Call, *, Filters: list[dict] | None = None) -> dict:
    rows = [
        {"Key": key, "ResourceId": id_, "ResourceType": kind.name, "Value": value}
        for kind in KINDS
        for id_, record in call.shelf(kind.record).items()
        for key, value in record.tags.items()
    ]
    said: list[dict[str, Any]] = []
    for each in Filters or ():
        name, _, key = each.get("Name", "").partition(":")
        if name == "tag" and key:
            # Here this names one tag, and what it has for a value.
            said += [{"Name": "key", "Values": [key]}, {"Name": "value", "Values": each.get("Values") or []}]
        else:
            said.append(each)
    return {"Tags": filters.kept(rows, said, _NAMES, tags="")}
