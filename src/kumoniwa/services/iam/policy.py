"""Managed policies: documents with an ARN, up to five versions, and a count of who holds them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from kumoniwa.aws import managed_policies
from kumoniwa.gate.identity import SHARED, Document
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import parse
from kumoniwa.services.iam.entity import (
    Group,
    Role,
    User,
    check_partition,
    checked_path,
    global_arn,
    named,
    new_id,
    now_s,
    shown_document,
    shown_tags,
    tagged,
    untagged,
)
from kumoniwa.services.iam.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

VERSIONS_MAX = 5
VERSIONS_IN_USE_MAX = 10_000
"""More than as many policies as an account may have can have versions: nobody ever meets this quota."""
DOCUMENT_CHARACTERS_MAX = 6_144
POLICIES_MAX = 1_500


class Version(Record):
    id: str
    document: str
    created: float


class Policy(Record):
    """Shelved by its name in lower case."""

    arn: str
    name: str
    path: str
    id: str
    created: float
    updated: float
    versions: tuple[Version, ...]
    default: str
    last: int = 1
    """The number of the newest version there ever was."""
    description: str = ""
    tags: dict[str, str] = {}

    def version(self, version_id: str) -> Version | None:
        return next((version for version in self.versions if version.id == version_id), None)


def policy_named(call: Call, arn: str) -> Policy:
    """A policy of either side, by ARN. Raises NoSuchEntity, and ValidationError for what is no policy's ARN."""
    check_partition(call, arn)
    if arn.startswith(managed_policies.PREFIX):
        held = managed_policies.policies().get(arn)
        if held is None:
            raise NoSuchEntity(
                f"Policy {arn} was not found.",
                hint="Kumoniwa holds only the commonest of the policies AWS manages.",
            )
        version = Version(id=held.version, document=held.document, created=held.updated)
        return Policy(
            arn=arn, name=held.name, path=held.path, id=held.id, created=held.created, updated=held.updated,
            versions=(version,), default=held.version,
        )  # fmt: skip
    policy = call.shelf(Policy).get(arn.rpartition("/")[2].lower())
    if policy is None or policy.arn != arn:
        if ":policy/" not in arn:
            # Recorded: localstack's test_role_attach_policy.
            raise ValidationError("Invalid ARN:  Could not be parsed!")
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def _own(call: Call, arn: str) -> Policy:
    """A policy that the customer may change."""
    policy = policy_named(call, arn)
    if arn.startswith(managed_policies.PREFIX):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html: nobody can change AWS's.
        raise AccessDenied("Policy is outside your own account.")
    return policy


def checked(call: Call, document: str) -> str:
    parse(document, "identity", needs_version=True, partition=call.home.partition)
    if len("".join(document.split())) > DOCUMENT_CHARACTERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PolicySize: {DOCUMENT_CHARACTERS_MAX}")
    return document


def default_document(policy: Policy) -> str:
    version = policy.version(policy.default)
    return version.document if version else ""


def _keep(call: Call, policy: Policy) -> None:
    call.shelf(Policy)[policy.name.lower()] = policy
    documents = call.home.store.shelf(SHARED, Document)
    document = default_document(policy)
    held = documents.get(policy.arn)
    if held is None or held.document != document:
        documents[policy.arn] = Document(account=call.account, document=document)


# Who holds it --------------------------------------------------------------------------------------


def holders(call: Call, arn: str, kind: type) -> list[Any]:
    return [entity for entity in call.shelf(kind).values() if arn in entity.attached]


def bounded(call: Call, arn: str, kind: type) -> list[Any]:
    """The users or roles whose boundary it is."""
    return [entity for entity in call.shelf(kind).values() if entity.boundary == arn]


class Tally:
    """How often each policy is held, and is a boundary: counted once for a whole listing."""

    def __init__(self, call: Call) -> None:
        kinds = (User, Group, Role)
        self.held = Counter(
            arn for kind in kinds for entity in call.shelf(kind).values() for arn in entity.attached
        )
        self.bounds = Counter(
            entity.boundary for kind in (User, Role) for entity in call.shelf(kind).values()
        )

    def is_used(self, arn: str) -> bool:
        return arn in self.held or arn in self.bounds


def shown(policy: Policy, tally: Tally, *, is_whole: bool = False) -> dict[str, Any]:
    view = {
        "PolicyName": policy.name,
        **({"PolicyId": policy.id} if policy.id else {}),
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": tally.held[policy.arn],
        "PermissionsBoundaryUsageCount": tally.bounds[policy.arn],
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if is_whole:
        view["Tags"] = shown_tags(policy.tags)
        if policy.description:
            view["Description"] = policy.description
    return view


def shown_version(policy: Policy, version: Version, *, has_document: bool = False) -> dict[str, Any]:
    view = {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default,
        "CreateDate": version.created,
    }
    if has_document:
        view["Document"] = shown_document(version.document)
    return view


# Operations ----------------------------------------------------------------------------------------


def CreatePolicy(
    call: Call, *, PolicyName: str, PolicyDocument: str, Path: str | None = None, Description: str | None = None,
    Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    shelf, path, now = call.shelf(Policy), checked_path(Path), now_s(call)
    tags = tagged({}, Tags)
    document = checked(call, PolicyDocument)
    if PolicyName.lower() in shelf:
        raise EntityAlreadyExists(
            f"A policy called {PolicyName} already exists. Duplicate names are not allowed."
        )
    if len(shelf) >= POLICIES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PoliciesPerAccount: {POLICIES_MAX}")
    policy = Policy(
        arn=global_arn(call, f"policy{path}{PolicyName}"), name=PolicyName, path=path, id=new_id(call, "ANPA"), created=now,
        updated=now, versions=(Version(id="v1", document=document, created=now),), default="v1",
        description=Description or "", tags=tags,
    )  # fmt: skip
    _keep(call, policy)
    view = shown(policy, Tally(call), is_whole=True)
    if not policy.tags:
        del view["Tags"]
    view.pop("Description", None)
    return {"Policy": view}


def GetPolicy(call: Call, *, PolicyArn: str) -> dict:
    return {"Policy": shown(policy_named(call, PolicyArn), Tally(call), is_whole=True)}


def DeletePolicy(call: Call, *, PolicyArn: str) -> None:
    policy = _own(call, PolicyArn)
    if Tally(call).is_used(PolicyArn):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    del call.shelf(Policy)[policy.name.lower()]
    del call.home.store.shelf(SHARED, Document)[policy.arn]


def ListPolicies(
    call: Call, *, Scope: str | None = None, OnlyAttached: bool | None = None, PathPrefix: str | None = None,
    PolicyUsageFilter: str | None = None,
) -> dict:  # fmt: skip
    policies: list[Policy] = []
    if Scope != "Local":
        policies += [policy_named(call, arn) for arn in managed_policies.policies()]
    if Scope != "AWS":
        policies += call.shelf(Policy).values()
    views, tally = [], Tally(call)
    for policy in named(policies, PathPrefix):
        view = shown(policy, tally)
        held, boundaries = view["AttachmentCount"], view["PermissionsBoundaryUsageCount"]
        used = {"PermissionsPolicy": held, "PermissionsBoundary": boundaries}.get(
            PolicyUsageFilter or "", True
        )
        if used and (held or not OnlyAttached):
            views.append(view)
    return {"Policies": views}


def CreatePolicyVersion(
    call: Call, *, PolicyArn: str, PolicyDocument: str, SetAsDefault: bool | None = None
) -> dict:
    policy, now = _own(call, PolicyArn), now_s(call)
    document = checked(call, PolicyDocument)
    if len(policy.versions) >= VERSIONS_MAX:
        raise LimitExceeded(
            f"A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, "
            "you must delete an existing version."
        )
    version = Version(id=f"v{policy.last + 1}", document=document, created=now)
    policy = changed(
        policy, versions=(*policy.versions, version), last=policy.last + 1, updated=now,
        default=version.id if SetAsDefault else policy.default,
    )  # fmt: skip
    _keep(call, policy)
    return {"PolicyVersion": shown_version(policy, version)}


def _version(policy: Policy, version_id: str) -> Version:
    version = policy.version(version_id)
    if version is None:
        is_aws = policy.arn.startswith(managed_policies.PREFIX)
        raise NoSuchEntity(
            f"Policy {policy.arn} version {version_id} does not exist or is not attachable.",
            hint="Of AWS's policies Kumoniwa holds the default version only." if is_aws else "",
        )
    return version


def GetPolicyVersion(call: Call, *, PolicyArn: str, VersionId: str) -> dict:
    policy = policy_named(call, PolicyArn)
    return {"PolicyVersion": shown_version(policy, _version(policy, VersionId), has_document=True)}


def ListPolicyVersions(call: Call, *, PolicyArn: str) -> dict:
    policy = policy_named(call, PolicyArn)
    return {"Versions": [shown_version(policy, version) for version in reversed(policy.versions)]}


def SetDefaultPolicyVersion(call: Call, *, PolicyArn: str, VersionId: str) -> None:
    policy = _own(call, PolicyArn)
    _keep(call, changed(policy, default=_version(policy, VersionId).id, updated=now_s(call)))


def DeletePolicyVersion(call: Call, *, PolicyArn: str, VersionId: str) -> None:
    policy = _own(call, PolicyArn)
    version = _version(policy, VersionId)
    if version.id == policy.default:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    versions = tuple(other for other in policy.versions if other.id != version.id)
    _keep(call, changed(policy, versions=versions, updated=now_s(call)))


def TagPolicy(call: Call, *, PolicyArn: str, Tags: list[dict]) -> None:
    policy = _own(call, PolicyArn)
    _keep(call, changed(policy, tags=tagged(policy.tags, Tags)))


def UntagPolicy(call: Call, *, PolicyArn: str, TagKeys: list[str]) -> None:
    policy = _own(call, PolicyArn)
    _keep(call, changed(policy, tags=untagged(policy.tags, TagKeys)))


def ListPolicyTags(call: Call, *, PolicyArn: str) -> dict:
    return {"Tags": shown_tags(policy_named(call, PolicyArn).tags)}


def ListEntitiesForPolicy(
    call: Call, *, PolicyArn: str, EntityFilter: str | None = None, PathPrefix: str | None = None,
    PolicyUsageFilter: str | None = None, Marker: str | None = None, MaxItems: int | None = None,
) -> dict:  # fmt: skip
    policy_named(call, PolicyArn)
    lists: dict[str, list[dict]] = {}
    for kind in (Group, User, Role):
        name = kind.__name__
        entities = []
        if PolicyUsageFilter != "PermissionsBoundary":
            entities += holders(call, PolicyArn, kind)
        if PolicyUsageFilter != "PermissionsPolicy" and kind is not Group:
            entities += [entity for entity in bounded(call, PolicyArn, kind) if entity not in entities]
        if EntityFilter in (None, name):
            lists[f"Policy{name}s"] = [
                {f"{name}Name": entity.name, f"{name}Id": entity.id} for entity in named(entities, PathPrefix)
            ]
        else:
            lists[f"Policy{name}s"] = []
    return paged(lists, Marker, MaxItems)


def paged(lists: dict[str, list[Any]], marker: str | None, items_max: int | None) -> dict[str, Any]:
    """Several lists cut as if they were one: what the gate's pager, which knows one list, cannot do."""
    if marker is not None and not (marker.isascii() and marker.isdigit()):
        raise InvalidInput("Invalid Marker.")
    start = int(marker[:9]) if marker else 0
    end = start + (items_max or 100)
    reply: dict[str, Any] = {}
    offset = 0
    for name, items in lists.items():
        reply[name] = items[max(0, start - offset) : max(0, end - offset)]
        offset += len(items)
    reply["IsTruncated"] = end < offset
    if end < offset:
        reply["Marker"] = str(end)
    return reply
