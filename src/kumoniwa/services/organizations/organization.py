"""The organization itself, its one root, and the types of policies that are enabled in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate.organization import member
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.organizations import creating
from kumoniwa.services.organizations.errors import (
    AlreadyInOrganizationException,
    OrganizationNotEmptyException,
    PolicyTypeAlreadyEnabledException,
    PolicyTypeNotAvailableForOrganizationException,
    PolicyTypeNotEnabledException,
    RootNotFoundException,
)
from kumoniwa.services.organizations.membership import (
    FULL,
    attached,
    hang,
    places,
    policies,
    publish,
    withdraw,
)
from kumoniwa.services.organizations.record import (
    ALL,
    RCP,
    SCP,
    TAGS,
    Account,
    Attached,
    Handshake,
    Organization,
    Policy,
    ResourcePolicy,
    Unit,
    arn,
    holder,
    managed,
    place_arn,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

OURS = (SCP, RCP, TAGS)
_ROOT = "Root"


def checked_type(kind: str) -> str:
    """A policy type that we have; the model has seen to it that AWS has it."""
    if kind not in OURS:
        raise NotImplementedHere(f"organizations' policies of type {kind}")
    return kind


def shown(call: Call, held: Organization) -> dict[str, Any]:
    # The list of types is that of the days in which there was one type, as AWS keeps it.
    types = [{"Type": SCP, "Status": "ENABLED"}] if held.feature_set == ALL else []
    return {
        "Id": held.id,
        "Arn": arn(call.home, held, f"organization/{held.id}"),
        "FeatureSet": held.feature_set,
        "MasterAccountArn": place_arn(call.home, held, held.management),
        "MasterAccountId": held.management,
        "MasterAccountEmail": call.shelf(Account)[held.management].email,
        "AvailablePolicyTypes": types,
    }


def CreateOrganization(call: Call, *, FeatureSet: str | None = None) -> dict:
    if member(call.home, call.account) is not None:
        raise AlreadyInOrganizationException
    made = Organization(
        id=f"o-{call.ids.lower(10)}", management=call.account, root=f"r-{call.ids.lower(4)}", feature_set=FeatureSet or ALL, created=call.now()
    )
    who = holder(call.home, call.account)
    call.shelf(Organization)[made.id] = made
    call.shelf(Account)[call.account] = Account(
        id=call.account, name=who.name, email=who.email, method="INVITED", joined=call.now(), parent=made.root
    )
    creating.welcome(call, call.account)
    publish(call, made)
    return {"Organization": shown(call, made)}


def DescribeOrganization(call: Call) -> dict:
    return {"Organization": shown(*managed(call))}


def DeleteOrganization(call: Call) -> None:
    call, held = managed(call)
    if len(call.shelf(Account)) > 1 or creating.pending(call):
        raise OrganizationNotEmptyException
    withdraw(call, held)
    for kind in (Organization, Account, Unit, Policy, Attached, ResourcePolicy, Handshake, creating.Request):
        call.shelf(kind).clear()


# The root ------------------------------------------------------------------------------------------


def _shown_root(call: Call, held: Organization) -> dict[str, Any]:
    types = [{"Type": kind, "Status": "ENABLED"} for kind in held.types]
    return {"Id": held.root, "Arn": place_arn(call.home, held, held.root), "Name": _ROOT, "PolicyTypes": types}


def ListRoots(call: Call) -> dict:
    return {"Roots": [_shown_root(*managed(call))]}


def _of_root(call: Call, root: str, kind: str) -> tuple[Call, Organization]:
    call, held = managed(call)
    if root != held.root:
        raise RootNotFoundException
    checked_type(kind)
    if held.feature_set != ALL:
        raise PolicyTypeNotAvailableForOrganizationException
    return call, held


def EnablePolicyType(call: Call, *, RootId: str, PolicyType: str) -> dict:
    """From then on AWS's own policy stands everywhere, so that nothing is denied that was allowed before.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_enable-disable.html"""
    call, held = _of_root(call, RootId, PolicyType)
    if PolicyType in held.types:
        raise PolicyTypeAlreadyEnabledException
    held = call.shelf(Organization)[held.id] = changed(held, types=(*held.types, PolicyType))
    if PolicyType in FULL:
        for place in places(call, held):
            hang(call, place, (*attached(call, place), FULL[PolicyType].id))
    publish(call, held)
    return {"Root": _shown_root(call, held)}


def DisablePolicyType(call: Call, *, RootId: str, PolicyType: str) -> dict:
    """Every attachment of the type is gone, for good."""
    call, held = _of_root(call, RootId, PolicyType)
    if PolicyType not in held.types:
        raise PolicyTypeNotEnabledException
    held = call.shelf(Organization)[held.id] = changed(held, types=tuple(kind for kind in held.types if kind != PolicyType))
    known = policies(call)
    for place in places(call, held):
        hang(call, place, tuple(id_ for id_ in attached(call, place) if known[id_].type != PolicyType))
    publish(call, held)
    return {"Root": _shown_root(call, held)}
