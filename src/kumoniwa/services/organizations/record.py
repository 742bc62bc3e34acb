"""What Organizations keeps, all of it on the shelves of the management account, and how it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate.organization import member
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.organizations.errors import AWSOrganizationsNotInUseException

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

ALL = "ALL"
SCP, RCP, TAGS = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"
NAME = "organizations"
INVITE, ENABLE, APPROVE = "INVITE", "ENABLE_ALL_FEATURES", "APPROVE_ALL_FEATURES"
OPEN_S = {INVITE: 15 * 86_400, ENABLE: 90 * 86_400, APPROVE: 90 * 86_400}


class Organization(Record):
    """Shelved by its id; an account has one at most."""

    id: str
    management: str
    root: str
    feature_set: str
    created: float
    types: tuple[str, ...] = ()
    """The policy types that are enabled in the root."""
    trusted: dict[str, float] = {}
    """Service principals that may act in the organization, and since when."""
    activated: tuple[str, ...] = ()
    """Those of them that were let in by their own service, as its customers must: to trust them here alone is not enough."""
    root_tags: dict[str, str] = {}


class Unit(Record):
    """An organizational unit; shelved by its id."""

    id: str
    name: str
    parent: str
    tags: dict[str, str] = {}


class Account(Record):
    """Shelved by its number."""

    id: str
    name: str
    email: str
    method: str
    joined: float
    parent: str
    state: str = "ACTIVE"
    tags: dict[str, str] = {}
    delegated: dict[str, float] = {}
    """Services that it administers for the organization, and since when."""


class Holder(Record):
    """Whom an account was made for; shelved by the account's number, in the account itself, where it stays whoever manages it."""

    name: str
    email: str


class Policy(Record):
    """Shelved by its id."""

    id: str
    name: str
    description: str
    type: str
    content: str
    tags: dict[str, str] = {}
    is_of_aws: bool = False
    updated: float = 0.0


class Attached(Record):
    """What is attached to a root, a unit or an account; shelved by the id of that."""

    policies: tuple[str, ...]
    since: float


class ResourcePolicy(Record):
    """The policy that delegates; shelved by its id."""

    id: str
    content: str
    tags: dict[str, str] = {}


class Handshake(Record):
    """Shelved by its id, in the management account."""

    id: str
    organization: str
    management: str
    action: str
    requested: float
    state: str = "OPEN"
    party: str = ""
    """The account or mail address that is asked; nobody but the organization itself where it is empty."""
    notes: str = ""
    parent: str = ""
    """The handshake of the organization of which this approval is a part."""
    tags: dict[str, str] = {}
    """What an account that accepts is tagged with."""


def managed(call: Call) -> tuple[Call, Organization]:
    """The organization of the account at hand, and the same call in its management account."""
    found = member(call.home, call.account)
    held = call.home.store.shelf(found.management, Organization).get(found.organization) if found is not None else None
    if held is None:
        raise AWSOrganizationsNotInUseException
    if held.management != call.account:
        call = call.home.call(NAME, held.management, call.principal)
    return call, held


def holder(home: Any, account: str) -> Holder:
    """Who an account belongs to. Accounts that come into being by being used have a name and an address of ours."""
    return home.store.shelf(account, Holder).get(account) or Holder(name=f"Account {account}", email=f"root@{account}.localhost")


def arn(home: Any, organization: Organization, resource: str) -> str:
    """``arn(home, organization, "account/o-…/111111111111")``."""
    return f"arn:{home.partition}:organizations::{organization.management}:{resource}"


def place_arn(home: Any, organization: Organization, id_: str) -> str:
    """The ARN of a root, a unit or an account by its id."""
    kind = {"r": "root", "o": "ou"}.get(id_[:1], "account")
    return arn(home, organization, f"{kind}/{organization.id}/{id_}")


def policy_arn(home: Any, organization: Organization, policy: Policy) -> str:
    kind = policy.type.lower()
    if policy.is_of_aws:
        return f"arn:{home.partition}:organizations::aws:policy/{kind}/{policy.id}"
    return arn(home, organization, f"policy/{organization.id}/{kind}/{policy.id}")


def shown_account(home: Any, organization: Organization, account: Account, path: str) -> dict[str, Any]:
    """``path`` is that of its parent."""
    return {
        "Id": account.id,
        "Arn": place_arn(home, organization, account.id),
        "Email": account.email,
        "Name": account.name,
        "Status": account.state,
        "State": account.state,
        "Paths": [f"{path}{account.id}/"],
        "JoinedMethod": account.method,
        "JoinedTimestamp": account.joined,
    }


def standing(call: Call, handshake: Handshake) -> Handshake:
    """As it stands by now."""
    is_over = handshake.state in ("OPEN", "REQUESTED") and call.now() >= handshake.requested + OPEN_S[handshake.action]
    return changed(handshake, state="EXPIRED") if is_over else handshake
