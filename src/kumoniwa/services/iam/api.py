"""The operations of IAM, by what they are about, and what the gate must know of each call."""

# ruff: noqa: F401 (an operation of IAM is whatever this module holds under a CapWords name)

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.services.iam import certificate, mfa, password, provider, saml
from kumoniwa.services.iam.access_key import AccessKey
from kumoniwa.services.iam.access_report import (
    GenerateOrganizationsAccessReport,
    GetOrganizationsAccessReport,
)
from kumoniwa.services.iam.account import (
    CreateAccountAlias,
    DeleteAccountAlias,
    GetAccountAuthorizationDetails,
    GetAccountSummary,
    ListAccountAliases,
    SetSecurityTokenServicePreferences,
)
from kumoniwa.services.iam.certificate import (
    DeleteServerCertificate,
    DeleteSigningCertificate,
    DeleteSSHPublicKey,
    GetServerCertificate,
    GetSSHPublicKey,
    ListServerCertificates,
    ListServerCertificateTags,
    ListSigningCertificates,
    ListSSHPublicKeys,
    TagServerCertificate,
    UntagServerCertificate,
    UpdateServerCertificate,
    UpdateSigningCertificate,
    UpdateSSHPublicKey,
    UploadServerCertificate,
    UploadSigningCertificate,
    UploadSSHPublicKey,
)
from kumoniwa.services.iam.entity import Group, Role, User, arn_of, global_arn, reserved_tag
from kumoniwa.services.iam.errors import NotOfAName
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
from kumoniwa.services.iam.last_access import (
    GenerateServiceLastAccessedDetails,
    GetServiceLastAccessedDetails,
    GetServiceLastAccessedDetailsWithEntities,
    ListPoliciesGrantingServiceAccess,
)
from kumoniwa.services.iam.mfa import (
    CreateVirtualMFADevice,
    DeactivateMFADevice,
    DeleteVirtualMFADevice,
    EnableMFADevice,
    GetMFADevice,
    ListMFADevices,
    ListMFADeviceTags,
    ListVirtualMFADevices,
    ResyncMFADevice,
    TagMFADevice,
    UntagMFADevice,
)
from kumoniwa.services.iam.outbound import (
    DisableOutboundWebIdentityFederation,
    EnableOutboundWebIdentityFederation,
    GetOutboundWebIdentityFederationInfo,
)
from kumoniwa.services.iam.password import (
    ChangePassword,
    CreateLoginProfile,
    DeleteAccountPasswordPolicy,
    DeleteLoginProfile,
    GetAccountPasswordPolicy,
    GetLoginProfile,
    UpdateAccountPasswordPolicy,
    UpdateLoginProfile,
)
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
from kumoniwa.services.iam.provider import (
    AddClientIDToOpenIDConnectProvider,
    CreateOpenIDConnectProvider,
    DeleteOpenIDConnectProvider,
    GetOpenIDConnectProvider,
    ListOpenIDConnectProviders,
    ListOpenIDConnectProviderTags,
    RemoveClientIDFromOpenIDConnectProvider,
    TagOpenIDConnectProvider,
    UntagOpenIDConnectProvider,
    UpdateOpenIDConnectProviderThumbprint,
)
from kumoniwa.services.iam.report import GenerateCredentialReport, GetAccessKeyLastUsed, GetCredentialReport
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
    ListInstanceProfileTags,
    ListRoles,
    ListRoleTags,
    PutRolePermissionsBoundary,
    RemoveRoleFromInstanceProfile,
    TagInstanceProfile,
    TagRole,
    UntagInstanceProfile,
    UntagRole,
    UpdateAssumeRolePolicy,
    UpdateRole,
    UpdateRoleDescription,
)
from kumoniwa.services.iam.root_access import (
    DisableOrganizationsRootCredentialsManagement,
    DisableOrganizationsRootSessions,
    EnableOrganizationsRootCredentialsManagement,
    EnableOrganizationsRootSessions,
    ListOrganizationsFeatures,
)
from kumoniwa.services.iam.saml import (
    CreateSAMLProvider,
    DeleteSAMLProvider,
    GetSAMLProvider,
    ListSAMLProviders,
    ListSAMLProviderTags,
    TagSAMLProvider,
    UntagSAMLProvider,
    UpdateSAMLProvider,
)
from kumoniwa.services.iam.service_credential import (
    CreateServiceSpecificCredential,
    DeleteServiceSpecificCredential,
    ListServiceSpecificCredentials,
    ResetServiceSpecificCredential,
    UpdateServiceSpecificCredential,
)
from kumoniwa.services.iam.service_role import (
    CreateServiceLinkedRole,
    DeleteServiceLinkedRole,
    GetServiceLinkedRoleDeletionStatus,
    place_of,
)
from kumoniwa.services.iam.simulation import (
    GetContextKeysForCustomPolicy,
    GetContextKeysForPrincipalPolicy,
    SimulateCustomPolicy,
    SimulatePrincipalPolicy,
)
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
    ("ServerCertificateName", certificate.ServerCertificate, "server-certificate"),
)
"""From the parameter that names what a call is about to its shelf. A call with two of them is about the first: users are
added to groups, roles to instance profiles, and inline policies belong to whoever holds them.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""

_SENT = re.compile(r"Value '.*' at", re.DOTALL)
_WORDED = re.compile(r"1 validation error detected: Value '.*' at '(path|userName|groupName|roleName|policyName)' failed to satisfy "
                     r"constraint: Member must satisfy regular expression pattern: .*", re.DOTALL)  # fmt: skip


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError | None:
    """IAM has words of its own for names and paths of other characters.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names"""
    if operation.endswith("ServiceSpecificCredential"):
        # These do not repeat what was sent: recorded, localstack's test_user_match_id_mismatch, test_invalid_update_parameters.
        return ValidationError(_SENT.sub("Value at", error.text).partition(" set: [")[0] + (" set" if " set: [" in error.text else ""))
    found = _WORDED.fullmatch(error.text)
    if found is None:
        return error
    if found[1] == "userName" and operation in mfa.OF_ROOT and params.get("UserName") == mfa.ROOT:
        return None
    if found[1] != "path":
        return NotOfAName(found[1])
    return ValidationError(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
    )


_LISTS = {
    "ListUsers": "user", "ListGroups": "group", "ListRoles": "role", "ListInstanceProfiles": "instance-profile",
}  # fmt: skip
_OWN_USER = frozenset({
    "GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "ChangePassword", "ListMFADevices",
    "DeactivateMFADevice", "CreateLoginProfile", "GetLoginProfile", "DeleteLoginProfile", "ListSSHPublicKeys",
    "ListServiceSpecificCredentials", "UploadSigningCertificate", "ListSigningCertificates", "UpdateSigningCertificate", "DeleteSigningCertificate",
})  # fmt: skip
"""What is about the caller where it names no user."""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    for parameter, kind, word in _KINDS:
        name = params.get(parameter)
        if operation in mfa.OF_ROOT and name == mfa.ROOT:
            return global_arn(call, "root")
        if isinstance(name, str):
            record = call.shelf(kind).get(name.lower()) if call.account else None
            path = record.path if record is not None else params.get("Path") or "/"
            return global_arn(call, f"{word}{path}{record.name if record is not None else name}")
    if operation in _OWN_USER:
        return call.principal.source_arn or call.principal.arn
    if operation == "GetAccessKeyLastUsed":
        return _holder_of(call, params.get("AccessKeyId"))
    for parameter in ("PolicyArn", "PolicySourceArn", "OpenIDConnectProviderArn", "SAMLProviderArn", "SerialNumber"):
        if isinstance(params.get(parameter), str):
            return params[parameter]
    if isinstance(params.get("VirtualMFADeviceName"), str):
        return global_arn(call, f"mfa{params.get('Path') or '/'}{params['VirtualMFADeviceName']}")
    if operation == "CreateServiceLinkedRole" and isinstance(params.get("AWSServiceName"), str):
        return global_arn(call, place_of(params["AWSServiceName"], params.get("CustomSuffix")))
    if operation == "CreateSAMLProvider":
        return global_arn(call, f"saml-provider/{params.get('Name')}")
    if operation == "CreateOpenIDConnectProvider":
        return global_arn(call, f"oidc-provider/{str(params.get('Url')).partition('://')[2]}")
    if operation in _LISTS:
        return global_arn(call, f"{_LISTS[operation]}{params.get('PathPrefix') or '/'}")
    if operation == "ListPolicies":
        return f"policy path {params.get('PathPrefix') or '/'}"
    if operation in ("GenerateServiceLastAccessedDetails", "ListPoliciesGrantingServiceAccess") and isinstance(params.get("Arn"), str):
        return params["Arn"]
    return "*"


def _holder_of(call: Call, key_id: Any) -> str:
    """The ARN of the user to whom a key belongs, the root user's among them."""
    key = call.shelf(AccessKey).get(key_id) if call.account and isinstance(key_id, str) else None
    if key is None:
        return "*"
    return arn_of(call, call.shelf(User)[key.user.lower()]) if key.user else global_arn(call, "root")


def policy_of(call: Call, arn: str) -> str | None:
    """What the account's password policy gives to its users: to change their own passwords, and to read the rules for them.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html"""
    if call.operation not in ("ChangePassword", "GetAccountPasswordPolicy") or call.principal.kind != "user":
        return None
    held = password.policy(call)
    if held is None or not held.users_may_change:
        return None
    statement = {
        "Effect": "Allow", "Principal": {"AWS": call.principal.arn}, "Action": f"iam:{call.operation}", "Resource": arn,
    }  # fmt: skip
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()


TAG_CONDITIONS = ("iam:ResourceTag",)
_TAGGED = {"instance-profile": InstanceProfile, "user": User, "role": Role, "policy": Policy, "server-certificate": certificate.ServerCertificate}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind == "mfa":
        return mfa.tags_of(call, arn)
    if kind == "oidc-provider":
        return provider.tags_of(call, arn)
    if kind == "saml-provider":
        return saml.tags_of(call, arn)
    record = call.shelf(_TAGGED[kind]).get(name.rpartition("/")[2].lower()) if kind in _TAGGED else None
    return record.tags if record is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(global_arn(call, f"{name}{each.path}{each.name}"), each.tags) for name, kind in _TAGGED.items() for each in call.shelf(kind).values()]
    return [pair for noun in (mfa, provider, saml) for pair in noun.all_tags(call)] + found


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if isinstance(params.get("PolicyArn"), str):
        context["iam:policyarn"] = params["PolicyArn"]
    if isinstance(params.get("AWSServiceName"), str):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html#service-linked-role-permissions
        context["iam:awsservicename"] = params["AWSServiceName"]
    boundary = params.get("PermissionsBoundary")
    record = _touched(call, params)
    if boundary is None and record is not None:
        boundary = getattr(record, "boundary", None)
    if boundary:
        context["iam:permissionsboundary"] = boundary
    return context


def _touched(call: Call, params: dict[str, Any]) -> Any:
    for parameter, kind, _ in _KINDS:
        if isinstance(params.get(parameter), str):
            return call.shelf(kind).get(params[parameter].lower())
    if isinstance(params.get("PolicyArn"), str):
        return call.shelf(Policy).get(params["PolicyArn"].rpartition("/")[2].lower())
    return None
