"""The operations on roles, and what IAM checks of a trust policy: that everybody it names exists."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from kumoniwa.gate.identity import SHARED, Identity
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.iam import instance_profile
from kumoniwa.services.iam.entity import (
    Role,
    arn_of,
    check_new,
    checked_path,
    drop,
    found,
    keep,
    named,
    new_id,
    now_s,
    own_role,
    renamed,
    shown_document,
    shown_tags,
    tagged,
    untagged,
)
from kumoniwa.services.iam.errors import DeleteConflict, LimitExceeded
from kumoniwa.services.iam.grant import checked_boundary, shown_boundary

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

TRUST_CHARACTERS_MAX = 2_048


def checked_trust(call: Call, document: str) -> dict[str, Any]:
    """What a role keeps of a trust policy. Like AWS we note *who* it names and not only the name: trust in a user or role
    does not pass to another one that is later made under the same name.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"""
    policy = parse(document, "trust")
    if len("".join(document.split())) > TRUST_CHARACTERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS_MAX}")
    identities = call.home.store.shelf(SHARED, Identity)
    trusted = {}
    for statement in policy.statements:
        for name in _named(statement.source):
            if name in identities:
                trusted[name] = identities[name].id
            elif not _exists(identities.values(), name):
                raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{name}"')
    return {"trust": document, "trusted": trusted}


def _named(statement: dict[str, Any]) -> list[str]:
    """The AWS principals of a statement."""
    element = statement.get("Principal", "*")
    names = element.get("AWS", []) if isinstance(element, dict) else []
    return [names] if isinstance(names, str) else names


_ASSUMED = re.compile(r"(arn:[a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+")


def _exists(identities: Collection[Identity], name: str) -> bool:
    """Whether IAM takes a principal that is no user or role: accounts on trust, sessions if their role is there."""
    if name == "*" or name.replace("-", "").isdigit() or name.endswith(":root") or ":federated-user/" in name:
        return True
    assumed = _ASSUMED.fullmatch(name)
    if assumed:
        # A session's ARN leaves out its role's path.
        account, role = assumed[2], f"/{assumed[3]}"
        return any(
            one.kind == "role" and one.account == account and one.arn.endswith(role) for one in identities
        )
    return not name.startswith("arn:") and any(one.id == name.partition(":")[0] for one in identities)


def _shown_trust(call: Call, role: Role) -> str:
    """The trust policy. Whoever it names is shown by the ARN of today, or by the id alone once gone."""
    identities = call.home.store.shelf(SHARED, Identity)
    moved = {arn: id for arn, id in role.trusted.items() if arn not in identities or identities[arn].id != id}
    if moved:
        arns = {one.id: arn for arn, one in identities.items()}
        moved = {arn: arns.get(id, id) for arn, id in moved.items()}
    return shown_document(renamed(role.trust, moved))


def shown(call: Call, role: Role, *, is_whole: bool = True) -> dict[str, Any]:
    view = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": arn_of(call, role),
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": _shown_trust(call, role),
        "MaxSessionDuration": role.session_s_max,
    }
    if role.description is not None:
        view["Description"] = role.description
    if is_whole:
        view |= shown_boundary(role.boundary)
        if role.tags:
            view["Tags"] = shown_tags(role.tags)
    return view


def CreateRole(
    call: Call, *, RoleName: str, AssumeRolePolicyDocument: str, Path: str | None = None, Description: str | None = None,
    MaxSessionDuration: int | None = None, PermissionsBoundary: str | None = None, Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    check_new(call, Role, RoleName)
    role = Role(
        name=RoleName, path=checked_path(Path), id=new_id(call, "AROA"), created=now_s(call),
        **checked_trust(call, AssumeRolePolicyDocument), description=Description,
        session_s_max=MaxSessionDuration or 3600, tags=tagged({}, Tags),
        boundary=checked_boundary(call, PermissionsBoundary) if PermissionsBoundary else "",
    )  # fmt: skip
    keep(call, role)
    return {"Role": shown_new(call, role)}


def shown_new(call: Call, role: Role) -> dict[str, Any]:
    """What the making of a role answers, which tells no duration: recorded, localstack's test_create_describe_role."""
    view = shown(call, role)
    del view["MaxSessionDuration"]
    return view


def GetRole(call: Call, *, RoleName: str) -> dict:
    role = found(call, Role, RoleName)
    use = call.home.store.shelf(SHARED, LastUse).get(role.id)
    used = {"LastUsedDate": use.at, "Region": use.region} if use is not None else {}
    return {"Role": {**shown(call, role), "RoleLastUsed": used}}


def ListRoles(call: Call, *, PathPrefix: str | None = None) -> dict:
    return {
        "Roles": [shown(call, role, is_whole=False) for role in named(call.shelf(Role).values(), PathPrefix)]
    }


def UpdateRole(
    call: Call, *, RoleName: str, Description: str | None = None, MaxSessionDuration: int | None = None
) -> dict:
    """A duration that is left out becomes AWS's default again."""
    role = found(call, Role, RoleName)
    description = role.description if Description is None else Description
    keep(call, changed(role, description=description, session_s_max=MaxSessionDuration or 3600))
    return {}


def UpdateRoleDescription(call: Call, *, RoleName: str, Description: str) -> dict:
    role = changed(found(call, Role, RoleName), description=Description)
    keep(call, role)
    return {"Role": shown(call, role)}


def UpdateAssumeRolePolicy(call: Call, *, RoleName: str, PolicyDocument: str) -> None:
    role = own_role(call, RoleName)
    keep(call, changed(role, **checked_trust(call, PolicyDocument)))


def DeleteRole(call: Call, *, RoleName: str) -> None:
    role = own_role(call, RoleName)
    if instance_profile.holding(call, role.name):
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    if role.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if role.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    drop(call, role)


def PutRolePermissionsBoundary(call: Call, *, RoleName: str, PermissionsBoundary: str) -> None:
    keep(call, changed(own_role(call, RoleName), boundary=checked_boundary(call, PermissionsBoundary)))


def DeleteRolePermissionsBoundary(call: Call, *, RoleName: str) -> None:
    keep(call, changed(own_role(call, RoleName), boundary=""))


def TagRole(call: Call, *, RoleName: str, Tags: list[dict]) -> None:
    role = found(call, Role, RoleName)
    keep(call, changed(role, tags=tagged(role.tags, Tags)))


def UntagRole(call: Call, *, RoleName: str, TagKeys: list[str]) -> None:
    role = found(call, Role, RoleName)
    keep(call, changed(role, tags=untagged(role.tags, TagKeys)))


def ListRoleTags(call: Call, *, RoleName: str) -> dict:
    return {"Tags": shown_tags(found(call, Role, RoleName).tags)}


# Instance profiles ---------------------------------------------------------------------------------


def _shown_profile(call: Call, profile: instance_profile.InstanceProfile) -> dict[str, Any]:
    roles = [shown(call, found(call, Role, profile.role), is_whole=False)] if profile.role else []
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": instance_profile.arn_of(call, profile),
        "CreateDate": profile.created,
        "Roles": roles,
        **({"Tags": shown_tags(profile.tags)} if profile.tags else {}),
    }


def CreateInstanceProfile(
    call: Call, *, InstanceProfileName: str, Path: str | None = None, Tags: list[dict] | None = None
) -> dict:
    profile = instance_profile.made(call, InstanceProfileName, checked_path(Path), tagged({}, Tags))
    return {"InstanceProfile": _shown_profile(call, profile)}


def GetInstanceProfile(call: Call, *, InstanceProfileName: str) -> dict:
    profile = instance_profile.found(call, InstanceProfileName)
    return {"InstanceProfile": {**_shown_profile(call, profile), "Tags": shown_tags(profile.tags)}}


def ListInstanceProfiles(call: Call, *, PathPrefix: str | None = None) -> dict:
    profiles = named(call.shelf(instance_profile.InstanceProfile).values(), PathPrefix)
    return {"InstanceProfiles": [_shown_profile(call, profile) for profile in profiles]}


def ListInstanceProfilesForRole(call: Call, *, RoleName: str) -> dict:
    profiles = instance_profile.holding(call, found(call, Role, RoleName).name)
    return {"InstanceProfiles": [_shown_profile(call, profile) for profile in profiles]}


def TagInstanceProfile(call: Call, *, InstanceProfileName: str, Tags: list[dict]) -> None:
    profile = instance_profile.found(call, InstanceProfileName)
    instance_profile.keep(call, changed(profile, tags=tagged(profile.tags, Tags)))


def UntagInstanceProfile(call: Call, *, InstanceProfileName: str, TagKeys: list[str]) -> None:
    profile = instance_profile.found(call, InstanceProfileName)
    instance_profile.keep(call, changed(profile, tags=untagged(profile.tags, TagKeys)))


def ListInstanceProfileTags(call: Call, *, InstanceProfileName: str) -> dict:
    return {"Tags": shown_tags(instance_profile.found(call, InstanceProfileName).tags)}


def AddRoleToInstanceProfile(call: Call, *, InstanceProfileName: str, RoleName: str) -> None:
    profile, role = instance_profile.found(call, InstanceProfileName), found(call, Role, RoleName)
    call.require("iam:PassRole", arn_of(call, role), **{"iam:PassedToService": "ec2.amazonaws.com"})
    instance_profile.add(call, profile, role.name)


def RemoveRoleFromInstanceProfile(call: Call, *, InstanceProfileName: str, RoleName: str) -> None:
    profile, role = instance_profile.found(call, InstanceProfileName), found(call, Role, RoleName)
    instance_profile.remove(call, profile, role.name)


def DeleteInstanceProfile(call: Call, *, InstanceProfileName: str) -> None:
    instance_profile.drop(call, instance_profile.found(call, InstanceProfileName))
