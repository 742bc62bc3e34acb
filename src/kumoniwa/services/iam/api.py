"""The operations of IAM, by what they are about, and what the gate must know of each call."""

# ruff: noqa: F401 (an operation of IAM is whatever this module holds under a CapWords name)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate.authorize import request_tags
from kumoniwa.services.iam.account import (
    CreateAccountAlias,
    DeleteAccountAlias,
    GetAccountAuthorizationDetails,
    GetAccountSummary,
    ListAccountAliases,
)
from kumoniwa.services.iam.entity import Group, Role, User, arn_of, global_arn
from kumoniwa.services.iam.grant import (
    AttachGroupPolicy,
    AttachRolePolicy,
    AttachUserPolicy,
    DeleteGroupPolicy,
    DeleteRolePolicy,
    DeleteUserPolicy,
    DetachGroupPolicy,
    DetachRolePolicy,
    DetachUserPolicy,
    GetGroupPolicy,
    GetRolePolicy,
    GetUserPolicy,
    ListAttachedGroupPolicies,
    ListAttachedRolePolicies,
    ListAttachedUserPolicies,
    ListGroupPolicies,
    ListRolePolicies,
    ListUserPolicies,
    PutGroupPolicy,
    PutRolePolicy,
    PutUserPolicy,
)
from kumoniwa.services.iam.group import (
    AddUserToGroup,
    CreateGroup,
    DeleteGroup,
    GetGroup,
    ListGroups,
    ListGroupsForUser,
    RemoveUserFromGroup,
    UpdateGroup,
)
from kumoniwa.services.iam.instance_profile import InstanceProfile
from kumoniwa.services.iam.policy import (
    CreatePolicy,
    CreatePolicyVersion,
    DeletePolicy,
    DeletePolicyVersion,
    GetPolicy,
    GetPolicyVersion,
    ListEntitiesForPolicy,
    ListPolicies,
    ListPolicyTags,
    ListPolicyVersions,
    Policy,
    SetDefaultPolicyVersion,
    TagPolicy,
    UntagPolicy,
)
from kumoniwa.services.iam.role import (
    AddRoleToInstanceProfile,
    CreateInstanceProfile,
    CreateRole,
    DeleteInstanceProfile,
    DeleteRole,
    DeleteRolePermissionsBoundary,
    GetInstanceProfile,
    GetRole,
    ListInstanceProfiles,
    ListInstanceProfilesForRole,
    ListRoles,
    ListRoleTags,
    PutRolePermissionsBoundary,
    RemoveRoleFromInstanceProfile,
    TagRole,
    UntagRole,
    UpdateAssumeRolePolicy,
    UpdateRole,
    UpdateRoleDescription,
)
from kumoniwa.services.iam.simulation import SimulateCustomPolicy, SimulatePrincipalPolicy
from kumoniwa.services.iam.user import (
    CreateAccessKey,
    CreateUser,
    DeleteAccessKey,
    DeleteUser,
    DeleteUserPermissionsBoundary,
    GetUser,
    ListAccessKeys,
    ListUsers,
    ListUserTags,
    PutUserPermissionsBoundary,
    TagUser,
    UntagUser,
    UpdateAccessKey,
    UpdateUser,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

# What the gate asks --------------------------------------------------------------------------------

_KINDS = (
    ("InstanceProfileName", InstanceProfile, "instance-profile"),
    ("GroupName", Group, "group"),
    ("UserName", User, "user"),
    ("RoleName", Role, "role"),
    ("PolicyName", Policy, "policy"),
)
"""From the parameter that names what a call is about to its shelf. A call with two of them is about the first: users are
added to groups, roles to instance profiles, and inline policies belong to whoever holds them.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""

_LISTS = {
    "ListUsers": "user", "ListGroups": "group", "ListRoles": "role", "ListInstanceProfiles": "instance-profile",
}  # fmt: skip
_OWN_USER = frozenset({"GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"})
"""What is about the caller where it names no user."""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    for parameter, kind, word in _KINDS:
        name = params.get(parameter)
        if isinstance(name, str):
            record = call.shelf(kind).get(name.lower()) if call.account else None
            path = record.path if record is not None else params.get("Path") or "/"
            return global_arn(call, f"{word}{path}{record.name if record is not None else name}")
    arn = params.get("PolicyArn") or params.get("PolicySourceArn")
    if isinstance(arn, str):
        return arn
    if operation in _LISTS:
        return global_arn(call, f"{_LISTS[operation]}{params.get('PathPrefix') or '/'}")
    if operation == "ListPolicies":
        return f"policy path {params.get('PathPrefix') or '/'}"
    if operation in _OWN_USER:
        return call.principal.source_arn or call.principal.arn
    return "*"


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if isinstance(params.get("PolicyArn"), str):
        context["iam:policyarn"] = params["PolicyArn"]
    boundary = params.get("PermissionsBoundary")
    record = _touched(call, params)
    if boundary is None and record is not None:
        boundary = getattr(record, "boundary", None)
    if boundary:
        context["iam:permissionsboundary"] = boundary
    for key, value in getattr(record, "tags", {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = context[f"iam:resourcetag/{key.lower()}"] = value
    context |= request_tags(params)
    if isinstance(params.get("TagKeys"), list):
        context["aws:tagkeys"] = params["TagKeys"]
    return context


def _touched(call: Call, params: dict[str, Any]) -> Any:
    for parameter, kind, _ in _KINDS:
        if isinstance(params.get(parameter), str):
            return call.shelf(kind).get(params[parameter].lower())
    if isinstance(params.get("PolicyArn"), str):
        return call.shelf(Policy).get(params["PolicyArn"].rpartition("/")[2].lower())
    return None
