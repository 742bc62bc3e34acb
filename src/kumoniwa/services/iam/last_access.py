"""When an identity last used each service that its policies open to it, and which of its policies open one.

Services are those of this cloud. Their uses are what the gate of every region tells; a report is ready at once.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.aws import actions, models
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.operation import service_names
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import Policy, parse
from kumoniwa.languages.policy_pattern import glob
from kumoniwa.services.iam.entity import Entity, Group, Role, User, arn_of, found, members, now_s, word
from kumoniwa.services.iam.errors import InvalidInput, NoSuchEntity
from kumoniwa.services.iam.policy import default_document, paged, policy_named

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


KEPT_S = 7 * 86_400.0
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html"""


class Job(Record):
    """A report as it was when it was asked for; shelved by its id."""

    created: float
    services: list[dict[str, Any]]
    entities: dict[str, list[dict[str, Any]]]
    """By service, who may use it; empty for reports about one user or role."""
    granularity: str = "SERVICE_LEVEL"


class Held(NamedTuple):
    """One policy of an identity, and by whom it is held."""

    name: str
    document: str
    arn: str
    """Empty for an inline policy."""
    holder: Entity


def _held(call: Call, holder: Entity) -> list[Held]:
    own = [Held(name, document, "", holder) for name, document in holder.inline.items()]
    own += [Held(arn.rpartition("/")[2], default_document(policy_named(call, arn)), arn, holder) for arn in holder.attached]
    if isinstance(holder, User):
        for name in holder.groups:
            own += _held(call, found(call, Group, name))
    return own


def opens(policy: Policy, namespace: str) -> bool:
    """Whether a policy allows anything of a service, judged by what stands before the colon of its actions."""
    for statement in policy.statements:
        if statement.is_deny:
            continue
        source = statement.source
        named = source.get("Action", source.get("NotAction", ()))
        patterns = [named] if isinstance(named, str) else named
        is_meant = [glob(pattern.partition(":")[0].lower())(namespace) for pattern in patterns]
        if "Action" in source:
            if any(is_meant):
                return True
        elif not any(meant and pattern.partition(":")[2] in ("", "*") for meant, pattern in zip(is_meant, patterns)):
            return True
    return False


def namespaces() -> dict[str, str]:
    """The services of this cloud by their namespaces, and what AWS calls them."""
    return {actions.prefix(name): models.service(name).full_name for name in sorted(service_names())}


def _identity(call: Call, arn: str) -> User | Group | Role:
    parsed = arns.parse(arn)
    if parsed is not None and parsed.service == "iam":
        for kind in (User, Group, Role):
            if parsed.resource.startswith(f"{word(kind)}/"):
                holder = found(call, kind, arn.rpartition("/")[2])
                if arn_of(call, holder) == arn:
                    return holder
    raise NoSuchEntity(f"ARN {arn} does not exist.")


# Reports -------------------------------------------------------------------------------------------


def GenerateServiceLastAccessedDetails(call: Call, *, Arn: str, Granularity: str | None = None) -> dict:
    """Of users and roles it tells what they did, of groups and policies what those did who have them."""
    for number in [number for number, job in call.shelf(Job).items() if job.created + KEPT_S <= call.now()]:
        del call.shelf(Job)[number]
    if ":policy/" in Arn:
        policy = policy_named(call, Arn)
        documents = [default_document(policy)]
        users = [
            entity
            for kind in (User, Role, Group)
            for entity in call.shelf(kind).values()
            if Arn in entity.attached
        ]
        users = [one for entity in users for one in (members(call, entity) if isinstance(entity, Group) else [entity])]
        is_shared = True
    else:
        holder = _identity(call, Arn)
        documents = [held.document for held in _held(call, holder)]
        is_shared = isinstance(holder, Group)
        users = members(call, holder) if is_shared else [holder]
    users = list({entity.id: entity for entity in users}.values())
    policies = [parse(document, "identity") for document in documents]
    open_to_them = {name: full for name, full in namespaces().items() if any(opens(policy, name) for policy in policies)}
    job = Job(
        created=now_s(call),
        services=[
            _service(call, namespace, full, users) | _tracked(call, namespace, users, policies, Granularity)
            for namespace, full in open_to_them.items()
        ],
        entities={namespace: [_entity(call, one, namespace) for one in users] for namespace in open_to_them} if is_shared else {},
        granularity=Granularity or "SERVICE_LEVEL",
    )
    number = call.new_id()
    call.shelf(Job)[number] = job
    return {"JobId": number}


def _use(call: Call, entity: Entity, what: str) -> LastUse | None:
    """The last use of a service or of an action."""
    return call.home.store.shelf(SHARED, LastUse).get(f"{entity.id} {what}")


def _last(call: Call, users: list[Entity], what: str) -> tuple[LastUse, Entity] | None:
    uses = [(use, entity) for entity in users if (use := _use(call, entity, what)) is not None]
    return max(uses, key=lambda pair: pair[0].at) if uses else None


@cache
def _actions(namespace: str) -> tuple[str, ...]:
    """The actions of a service's operations, without what stands before their colon."""
    names = [name for name in service_names() if actions.prefix(name) == namespace]
    found = {actions.action(name, operation) for name in names for operation in models.service(name).operation_names}
    return tuple(sorted(action.partition(":")[2] for action in found))


def _tracked(
    call: Call, namespace: str, users: list[Entity], policies: list[Policy], granularity: str | None
) -> dict[str, Any]:
    """The actions of a service that the policies allow, and who last tried each."""
    if granularity != "ACTION_LEVEL":
        return {}
    tracked = []
    for name in _actions(namespace):
        folded = f"{namespace}:{name}".lower()
        if any(statement.fits(folded) for policy in policies for statement in policy.statements if not statement.is_deny):
            told: dict[str, Any] = {"ActionName": name}
            if (last := _last(call, users, f"{namespace}:{name}")) is not None:
                use, entity = last
                told |= {"LastAccessedEntity": arn_of(call, entity), "LastAccessedTime": use.at, "LastAccessedRegion": use.region}
            tracked.append(told)
    return {"TrackedActionsLastAccessed": tracked}


def _service(call: Call, namespace: str, full_name: str, users: list[Entity]) -> dict[str, Any]:
    count = sum(_use(call, entity, namespace) is not None for entity in users)
    shown: dict[str, Any] = {
        "ServiceName": full_name, "ServiceNamespace": namespace, "TotalAuthenticatedEntities": count
    }  # fmt: skip
    if (last := _last(call, users, namespace)) is not None:
        use, entity = last
        shown |= {
            "LastAuthenticated": use.at, "LastAuthenticatedEntity": arn_of(call, entity), "LastAuthenticatedRegion": use.region,
        }  # fmt: skip
    return shown


def _entity(call: Call, entity: Entity, namespace: str) -> dict[str, Any]:
    info = {
        "Arn": arn_of(call, entity), "Name": entity.name, "Type": word(type(entity)).upper(), "Id": entity.id, "Path": entity.path,
    }  # fmt: skip
    use = _use(call, entity, namespace)
    return {"EntityInfo": info} | ({"LastAuthenticated": use.at} if use is not None else {})


def _job(call: Call, number: str) -> tuple[Job, dict[str, Any]]:
    job = call.shelf(Job).get(number)
    if job is None:
        raise NoSuchEntity(f"JobId {number} does not exist.")
    return job, {"JobStatus": "COMPLETED", "JobCreationDate": job.created, "JobCompletionDate": job.created}


def GetServiceLastAccessedDetails(
    call: Call, *, JobId: str, MaxItems: int | None = None, Marker: str | None = None
) -> dict:
    job, shown = _job(call, JobId)
    return {**shown, "JobType": job.granularity, **paged({"ServicesLastAccessed": job.services}, Marker, MaxItems)}


def GetServiceLastAccessedDetailsWithEntities(
    call: Call, *, JobId: str, ServiceNamespace: str, MaxItems: int | None = None, Marker: str | None = None
) -> dict:
    job, shown = _job(call, JobId)
    if ServiceNamespace not in job.entities:
        raise InvalidInput(f"{ServiceNamespace} is not among the services of the report.")
    return {**shown, **paged({"EntityDetailsList": job.entities[ServiceNamespace]}, Marker, MaxItems)}


# Which policy opens it -----------------------------------------------------------------------------


def ListPoliciesGrantingServiceAccess(
    call: Call, *, Arn: str, ServiceNamespaces: list[str], Marker: str | None = None
) -> dict:
    held = [(one, parse(one.document, "identity")) for one in _held(call, _identity(call, Arn))]
    listed = [
        {"ServiceNamespace": name, "Policies": [_granting(one) for one, policy in held if opens(policy, name)]}
        for name in ServiceNamespaces
    ]
    return paged({"PoliciesGrantingServiceAccess": listed}, Marker, None)


def _granting(held: Held) -> dict[str, Any]:
    if held.arn:
        return {"PolicyName": held.name, "PolicyType": "MANAGED", "PolicyArn": held.arn}
    return {
        "PolicyName": held.name, "PolicyType": "INLINE", "EntityType": word(type(held.holder)).upper(),
        "EntityName": held.holder.name,
    }  # fmt: skip
