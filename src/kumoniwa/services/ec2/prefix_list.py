"""Managed prefix lists: blocks under one name, which routes and rules of security groups refer to. Each change makes a new version."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.cidr import canonical, canonical_6
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterValue, MissingParameter, OperationNotPermitted
from kumoniwa.services.ec2.kinds import existing, fresh, keep
from kumoniwa.services.ec2.network import PREFIX_LIST, PrefixList, RouteTable, SecurityRule
from kumoniwa.services.ec2.prefix_names import managed

Entries = tuple[tuple[str, str], ...]


class PrefixListVersionMismatch(AwsError):
    status = 400
    message = "The prefix list has the incorrect version number"


def show(call: Call, held: PrefixList) -> dict[str, Any]:
    partition = call.home.partition
    shown: dict[str, Any] = {
        "PrefixListId": held.id, "PrefixListName": held.name, "AddressFamily": held.family, "State": held.state, "Tags": tag.shown(held.tags),
        "PrefixListArn": f"arn:{partition}:ec2:{call.region}:{call.account if held.most else 'aws'}:prefix-list/{held.id}",
        "OwnerId": call.account if held.most else "AWS",
    }  # fmt: skip
    return shown | ({"MaxEntries": held.most, "Version": len(held.versions)} if held.most else {})


def _checked(family: str, entries: list[dict[str, Any]] | None) -> Entries:
    read = canonical if family == "IPv4" else canonical_6
    found = {read(each.get("Cidr") or "", "cidr"): each.get("Description") or "" for each in entries or ()}
    if len(found) < len(entries or ()):
        raise InvalidParameterValue("The same CIDR must not appear more than once")
    return tuple(found.items())


@may_be_dry
def CreateManagedPrefixList(
    call: Call, *, PrefixListName: str, MaxEntries: int, AddressFamily: str, Entries: list[dict] | None = None,
    TagSpecifications: list[dict] | None = None, ClientToken: str | None = None,
) -> dict:  # fmt: skip
    if AddressFamily not in ("IPv4", "IPv6"):
        raise InvalidParameterValue(f"Value ({AddressFamily}) for parameter AddressFamily is invalid.")
    if PrefixListName.startswith("com.amazonaws") or not 1 <= len(PrefixListName) <= 255:
        raise InvalidParameterValue("The name of a prefix list has 1 to 255 characters and does not begin with com.amazonaws")
    if not 1 <= MaxEntries <= 1_000:
        raise InvalidParameterValue(f"Value ({MaxEntries}) for parameter MaxEntries is invalid.")
    entries = _checked(AddressFamily, Entries)
    _check_count(entries, MaxEntries)
    id_ = fresh(call, "pl")
    made = PrefixList(
        id=id_, name=PrefixListName, family=AddressFamily, most=MaxEntries, versions=(entries,), tags=tag.of_new(call, TagSpecifications, PREFIX_LIST, id_)
    )
    return {"PrefixList": show(call, keep(call, made)) | {"State": "create-in-progress"}}


def _check_count(entries: Entries, most: int) -> None:
    if len(entries) > most:
        raise InvalidParameterValue(f"You've reached the maximum number of entries for the prefix list: {most}")


def own(call: Call, id_: str) -> PrefixList:
    if id_ in managed(call.region):
        raise OperationNotPermitted(f"You do not have permission to modify the prefix list {id_}")
    return existing(call, PREFIX_LIST, id_)


def _named(call: Call, id_: str) -> PrefixList:
    return managed(call.region).get(id_) or existing(call, PREFIX_LIST, id_)


@may_be_dry
def ModifyManagedPrefixList(
    call: Call, *, PrefixListId: str, CurrentVersion: int | None = None, PrefixListName: str | None = None, AddEntries: list[dict] | None = None,
    RemoveEntries: list[dict] | None = None, MaxEntries: int | None = None,
) -> dict:  # fmt: skip
    held = own(call, PrefixListId)
    entries = dict(held.versions[-1])
    changes = bool(AddEntries or RemoveEntries)
    if changes:
        if CurrentVersion is None:
            raise MissingParameter("The request must contain the parameter CurrentVersion")
        if CurrentVersion != len(held.versions):
            raise PrefixListVersionMismatch
        for each in RemoveEntries or ():
            if entries.pop(_checked(held.family, [each])[0][0], None) is None:
                raise InvalidParameterValue(f"The prefix list has no entry {each.get('Cidr')}")
        entries |= dict(_checked(held.family, AddEntries))
    most = MaxEntries or held.most
    _check_count(tuple(entries.items()), most)
    versions = (*held.versions, tuple(entries.items())) if changes else held.versions
    changed = keep(call, held, name=PrefixListName or held.name, most=most, versions=versions, state="modify-complete")
    return {"PrefixList": show(call, changed) | {"State": "modify-in-progress"}}


@may_be_dry
def RestoreManagedPrefixListVersion(call: Call, *, PrefixListId: str, PreviousVersion: int, CurrentVersion: int) -> dict:
    held = own(call, PrefixListId)
    if CurrentVersion != len(held.versions):
        raise PrefixListVersionMismatch
    if not 1 <= PreviousVersion <= len(held.versions):
        raise InvalidParameterValue(f"The prefix list has no version {PreviousVersion}")
    changed = keep(call, held, versions=(*held.versions, held.versions[PreviousVersion - 1]), state="restore-complete")
    return {"PrefixList": show(call, changed) | {"State": "restore-in-progress"}}


@may_be_dry
def DeleteManagedPrefixList(call: Call, *, PrefixListId: str) -> dict:
    """One that something refers to stays: the call itself is answered as any other (getmoto/moto, a test verified against AWS, deletes one so)."""
    held = own(call, PrefixListId)
    if _associations(call, PrefixListId):
        keep(call, held, state="delete-failed")
    else:
        del call.shelf(PrefixList)[PrefixListId]
    return {"PrefixList": show(call, held) | {"State": "delete-in-progress"}}


_NAMES: filters.Names = {"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"}


@may_be_dry
def DescribeManagedPrefixLists(call: Call, *, PrefixListIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    """The customer's own and those of AWS."""
    found = [_named(call, id_) for id_ in PrefixListIds] if PrefixListIds else [*managed(call.region).values(), *call.shelf(PrefixList).values()]
    return {"PrefixLists": filters.kept([show(call, each) for each in found], Filters, _NAMES)}


@may_be_dry
def DescribePrefixLists(call: Call, *, PrefixListIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    """Those of services of AWS alone."""
    for id_ in PrefixListIds or ():
        _named(call, id_)
    shown = [
        {"PrefixListId": each.id, "PrefixListName": each.name, "Cidrs": each.cidrs}
        for each in managed(call.region).values()
        if not PrefixListIds or each.id in PrefixListIds
    ]
    return {"PrefixLists": filters.kept(shown, Filters, _NAMES, tags="")}


@may_be_dry
def GetManagedPrefixListEntries(call: Call, *, PrefixListId: str, TargetVersion: int | None = None) -> dict:
    held = _named(call, PrefixListId)
    version = TargetVersion or len(held.versions)
    if not 1 <= version <= len(held.versions):
        raise InvalidParameterValue(f"The prefix list has no version {version}")
    return {"Entries": [{"Cidr": cidr} | ({"Description": text} if text else {}) for cidr, text in held.versions[version - 1]]}


def _associations(call: Call, id_: str) -> list[str]:
    tables = [each.id for each in call.shelf(RouteTable).values() if any(one.to == id_ for one in each.routes)]
    return [*tables, *dict.fromkeys(each.group for each in call.shelf(SecurityRule).values() if each.peer == id_)]


@may_be_dry
def GetManagedPrefixListAssociations(call: Call, *, PrefixListId: str) -> dict:
    _named(call, PrefixListId)
    return {"PrefixListAssociations": [{"ResourceId": id_, "ResourceOwner": call.account} for id_ in _associations(call, PrefixListId)]}
