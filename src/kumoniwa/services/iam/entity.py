"""Users, groups and roles: as IAM keeps them, and as the gate knows them.

Names are unique without regard to case, so an entity is shelved by its name in lower case. ``keep`` and ``drop`` are
the only ways to change one: they rewrite the gate's ``Identity`` records of everybody concerned. Managed policies stand
in those by their ARN, so that a new version of one rewrites nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import orjson

from kumoniwa.gate.identity import SHARED, Grant, Identity
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import statements_in
from kumoniwa.services.iam.errors import (
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
    UnmodifiableEntity,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

TAGS_MAX = 50
SERVICE_PATH = "/aws-service-role/"


class Entity(Record):
    name: str
    path: str
    id: str
    created: float
    inline: dict[str, str] = {}
    """Documents of inline policies by name, as they were sent."""
    attached: tuple[str, ...] = ()
    """ARNs of managed policies."""


class User(Entity):
    groups: tuple[str, ...] = ()
    boundary: str = ""
    tags: dict[str, str] = {}


class Group(Entity): ...


class Role(Entity):
    trust: str = ""
    trusted: dict[str, str] = {}
    """The ids of the users and roles that ``trust`` names by their ARNs."""
    description: str | None = None
    session_s_max: int = 3600
    boundary: str = ""
    tags: dict[str, str] = {}


PREFIXES = {User: "AIDA", Group: "AGPA", Role: "AROA"}
QUOTAS = {User: 5_000, Group: 300, Role: 1_000}
"""How many an account may have: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

E = TypeVar("E", User, Group, Role)


def word(kind: type) -> str:
    """``user``, ``group`` or ``role``."""
    return kind.__name__.lower()


def arn_of(call: Call, entity: Entity) -> str:
    return global_arn(call, f"{word(type(entity))}{entity.path}{entity.name}")


def global_arn(call: Call, resource: str) -> str:
    return f"arn:{call.home.partition}:iam::{call.account}:{resource}"


def found(call: Call, kind: type[E], name: str) -> E:
    entity = call.shelf(kind).get(name.lower())
    if entity is None:
        raise NoSuchEntity(f"The {word(kind)} with name {name} cannot be found.")
    return entity


def own_role(call: Call, name: str) -> Role:
    """A role that the customer may change: those linked to a service are the service's, which changes them for who asks something of it."""
    role = found(call, Role, name)
    if role.path.startswith(SERVICE_PATH) and role.path != f"{SERVICE_PATH}{call.principal.through}/":
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS"
        )
    return role


def named(records: Iterable[Any], path_prefix: str | None) -> list[Any]:
    """Those under a path, sorted by name."""
    prefix = path_prefix or "/"
    return sorted(
        (record for record in records if record.path.startswith(prefix)), key=lambda record: record.name
    )


def check_new(call: Call, kind: type[E], name: str) -> None:
    shelf = call.shelf(kind)
    if name.lower() in shelf:
        raise EntityAlreadyExists(f"{kind.__name__} with name {name} already exists.")
    if len(shelf) >= QUOTAS[kind]:
        raise LimitExceeded(f"Cannot exceed quota for {kind.__name__}sPerAccount: {QUOTAS[kind]}")


def new_id(call: Call, prefix: str) -> str:
    """As IAM numbers its entities: AIDA… and the like, 21 characters."""
    return prefix + call.ids.upper(17)


def now_s(call: Call) -> float:
    """IAM's clock shows whole seconds."""
    return float(int(call.now()))


class Account(Record):
    """Shelved under its own number."""

    created: float


def account_created(call: Call) -> float:
    """Accounts come into being by being used: this one on the day on which its age was first of interest."""
    shelf = call.shelf(Account)
    if call.account not in shelf:
        shelf[call.account] = Account(created=now_s(call))
    return shelf[call.account].created


def checked_path(path: str | None) -> str:
    if path is not None and path.startswith(SERVICE_PATH):
        # pf-iam-path-service-role-reserved of badmintoncryer/cdk-preflight.
        raise InvalidInput("Paths beginning with '/aws-service-role' are reserved for AWS Service Linked Roles")
    return path or "/"


def check_partition(call: Call, arn: str) -> None:
    """pf-iam-policy-arn-partition of badmintoncryer/cdk-preflight."""
    parts = arn.split(":", 2)
    if len(parts) == 3 and parts[0] == "arn" and parts[1] != call.home.partition:
        raise ValidationError("Invalid ARN partition")


# What the gate knows -------------------------------------------------------------------------------


def keep(call: Call, entity: User | Group | Role) -> None:
    """Put an entity on its shelf, and tell the gate."""
    call.shelf(type(entity))[entity.name.lower()] = entity
    if isinstance(entity, Group):
        for member in members(call, entity):
            _publish(call, member)
    else:
        _publish(call, entity)


def drop(call: Call, entity: User | Group | Role) -> None:
    del call.shelf(type(entity))[entity.name.lower()]
    if not isinstance(entity, Group):
        del call.home.store.shelf(SHARED, Identity)[arn_of(call, entity)]


def members(call: Call, group: Group) -> list[User]:
    return [user for user in call.shelf(User).values() if group.name in user.groups]


def _publish(call: Call, entity: User | Role) -> None:
    arn = arn_of(call, entity)
    grants = list(_grants(entity))
    if isinstance(entity, User):
        for name in entity.groups:
            grants += _grants(found(call, Group, name))
    call.home.store.shelf(SHARED, Identity)[arn] = Identity(
        arn=arn,
        kind=word(type(entity)),
        account=call.account,
        id=entity.id,
        grants=tuple(grants),
        boundary=entity.boundary,
        trust=renamed(entity.trust, entity.trusted) if isinstance(entity, Role) else "",
        tags=entity.tags,
        session_s_max=entity.session_s_max if isinstance(entity, Role) else 0,
    )


def renamed(trust: str, names: dict[str, str]) -> str:
    """A trust policy whose AWS principals go by other names."""
    if not names:
        return trust
    document = orjson.loads(trust)
    for statement in statements_in(document):
        held = statement["Principal"]
        if isinstance(held, dict) and "AWS" in held:
            listed = [held["AWS"]] if isinstance(held["AWS"], str) else held["AWS"]
            new = [names.get(name, name) for name in listed]
            held["AWS"] = new[0] if isinstance(held["AWS"], str) else new
    return orjson.dumps(document).decode()


def _grants(entity: Entity) -> Iterable[Grant]:
    is_group = isinstance(entity, Group)
    for name, document in entity.inline.items():
        yield Grant(name=name, kind="group" if is_group else "inline", document=document)
    for arn in entity.attached:
        yield Grant(name=arn.rpartition("/")[2], kind="group" if is_group else "managed", document=arn)


# Tags ----------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidInput("Tag keys that begin with aws: are reserved.")


def tagged(tags: dict[str, str], more: list[dict[str, str]] | None) -> dict[str, str]:
    """``tags`` with more of them. Keys are told apart without regard to case.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"""
    new = {tag["Key"]: tag["Value"] for tag in more or ()}
    folded = {key.lower() for key in new}
    if len(folded) != len(more or ()):
        raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    merged = {key: value for key, value in tags.items() if key.lower() not in folded} | new
    if len(merged) > TAGS_MAX:
        raise LimitExceeded("The number of tags has reached the maximum limit.")
    return merged


def untagged(tags: dict[str, str], keys: list[str]) -> dict[str, str]:
    gone = {key.lower() for key in keys}
    return {key: value for key, value in tags.items() if key.lower() not in gone}


def shown_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def shown_document(document: str) -> str:
    """Documents leave IAM percent-encoded: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html"""
    return quote(document, safe="")
