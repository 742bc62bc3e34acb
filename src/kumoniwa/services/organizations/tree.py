"""The tree under the root: units, what they hold, and moving accounts about in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.record import changed
from kumoniwa.services.organizations import tag
from kumoniwa.services.organizations.errors import (
    AccountNotFoundException,
    ChildNotFoundException,
    ConstraintViolationException,
    DestinationParentNotFoundException,
    DuplicateAccountException,
    DuplicateOrganizationalUnitException,
    OrganizationalUnitNotEmptyException,
    OrganizationalUnitNotFoundException,
    ParentNotFoundException,
    SourceParentNotFoundException,
)
from kumoniwa.services.organizations.membership import furnish, lineage, path_of, publish
from kumoniwa.services.organizations.record import (
    Account,
    Attached,
    Organization,
    Unit,
    managed,
    place_arn,
    shown_account,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

UNITS_MAX = 2_000
DEPTH_MAX = 5
"""https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""


def _shown(call: Call, held: Organization, unit: Unit) -> dict[str, Any]:
    return {"Id": unit.id, "Arn": place_arn(call.home, held, unit.id), "Name": unit.name, "Path": path_of(call, held, unit.id)}


def _checked_parent(call: Call, held: Organization, id_: str) -> str:
    if id_ != held.root and id_ not in call.shelf(Unit):
        raise ParentNotFoundException
    return id_


def _unit(call: Call, id_: str) -> Unit:
    unit = call.shelf(Unit).get(id_)
    if unit is None:
        raise OrganizationalUnitNotFoundException
    return unit


def _check_name(call: Call, parent: str, name: str, but: str = "") -> None:
    if any(unit.parent == parent and unit.name == name and unit.id != but for unit in call.shelf(Unit).values()):
        raise DuplicateOrganizationalUnitException


def CreateOrganizationalUnit(call: Call, *, ParentId: str, Name: str, Tags: list[dict] | None = None) -> dict:
    call, held = managed(call)
    parent = _checked_parent(call, held, ParentId)
    _check_name(call, parent, Name)
    if len(lineage(call, held, parent)) > DEPTH_MAX:
        # In AWS's words as https://github.com/org-formation/org-formation-cli/issues/368 has them.
        text = "You cannot add an organizational unit to the specified parent because it would exceed the max depth allowed."
        raise ConstraintViolationException(text, Reason="OU_DEPTH_LIMIT_EXCEEDED")
    if len(call.shelf(Unit)) >= UNITS_MAX:
        text = "You attempted to exceed the number of OUs that you can have in an organization."
        raise ConstraintViolationException(text, Reason="OU_NUMBER_LIMIT_EXCEEDED")
    unit = Unit(id=f"ou-{held.root[2:]}-{call.ids.lower(8)}", name=Name, parent=parent, tags=tag.merged({}, Tags))
    call.shelf(Unit)[unit.id] = unit
    furnish(call, held, unit.id)
    return {"OrganizationalUnit": _shown(call, held, unit)}


def DescribeOrganizationalUnit(call: Call, *, OrganizationalUnitId: str) -> dict:
    call, held = managed(call)
    return {"OrganizationalUnit": _shown(call, held, _unit(call, OrganizationalUnitId))}


def UpdateOrganizationalUnit(call: Call, *, OrganizationalUnitId: str, Name: str | None = None) -> dict:
    call, held = managed(call)
    unit = _unit(call, OrganizationalUnitId)
    if Name is not None:
        _check_name(call, unit.parent, Name, but=unit.id)
        unit = call.shelf(Unit)[unit.id] = changed(unit, name=Name)
    return {"OrganizationalUnit": _shown(call, held, unit)}


def DeleteOrganizationalUnit(call: Call, *, OrganizationalUnitId: str) -> None:
    call, _ = managed(call)
    unit = _unit(call, OrganizationalUnitId)
    if any(each.parent == unit.id for each in (*call.shelf(Unit).values(), *call.shelf(Account).values())):
        raise OrganizationalUnitNotEmptyException
    del call.shelf(Unit)[unit.id]
    if unit.id in call.shelf(Attached):
        del call.shelf(Attached)[unit.id]


def ListOrganizationalUnitsForParent(call: Call, *, ParentId: str) -> dict:
    call, held = managed(call)
    parent = _checked_parent(call, held, ParentId)
    units = [_shown(call, held, unit) for unit in call.shelf(Unit).values() if unit.parent == parent]
    return {"OrganizationalUnits": units}


def ListAccountsForParent(call: Call, *, ParentId: str) -> dict:
    call, held = managed(call)
    path = path_of(call, held, _checked_parent(call, held, ParentId))
    accounts = [account for account in call.shelf(Account).values() if account.parent == ParentId]
    return {"Accounts": [shown_account(call.home, held, account, path) for account in accounts]}


def ListChildren(call: Call, *, ParentId: str, ChildType: str) -> dict:
    call, held = managed(call)
    parent = _checked_parent(call, held, ParentId)
    kind = Account if ChildType == "ACCOUNT" else Unit
    return {"Children": [{"Id": each.id, "Type": ChildType} for each in call.shelf(kind).values() if each.parent == parent]}


def ListParents(call: Call, *, ChildId: str) -> dict:
    call, held = managed(call)
    child = call.shelf(Account).get(ChildId) or call.shelf(Unit).get(ChildId)
    if child is None:
        raise ChildNotFoundException
    return {"Parents": [{"Id": child.parent, "Type": "ROOT" if child.parent == held.root else "ORGANIZATIONAL_UNIT"}]}


def MoveAccount(call: Call, *, AccountId: str, SourceParentId: str, DestinationParentId: str) -> None:
    """What binds the account is from now on what hangs above its new place."""
    call, held = managed(call)
    account = call.shelf(Account).get(AccountId)
    if account is None:
        raise AccountNotFoundException
    if DestinationParentId != held.root and DestinationParentId not in call.shelf(Unit):
        raise DestinationParentNotFoundException
    if account.parent == DestinationParentId:
        raise DuplicateAccountException
    if account.parent != SourceParentId:
        raise SourceParentNotFoundException
    call.shelf(Account)[account.id] = changed(account, parent=DestinationParentId)
    publish(call, held)
