"""The account as a whole: its alias, its numbers, and everything there is in one listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.aws import managed_policies
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.iam import (
    access_key,
    certificate,
    entity,
    grant,
    group,
    instance_profile,
    password,
    policy,
    provider,
    role,
    saml,
    user,
)
from kumoniwa.services.iam.credential import Device, SigningCertificate, of
from kumoniwa.services.iam.entity import Group, Role, User, named, shown_document, shown_tags
from kumoniwa.services.iam.errors import EntityAlreadyExists, NoSuchEntity
from kumoniwa.services.iam.instance_profile import InstanceProfile

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


class Alias(Record):
    """Shelved by itself. It is unique among all accounts."""

    created: float


def CreateAccountAlias(call: Call, *, AccountAlias: str) -> None:
    """An account has one alias at most; a new one takes the old one's place."""
    store = call.home.store
    others = (account for account in store.accounts() if account != call.account)
    if any(AccountAlias in store.shelf(account, Alias) for account in others):
        raise EntityAlreadyExists(f"The account alias {AccountAlias} already exists.")
    aliases = call.shelf(Alias)
    aliases.clear()
    aliases[AccountAlias] = Alias(created=call.now())


def ListAccountAliases(call: Call) -> dict:
    return {"AccountAliases": list(call.shelf(Alias))}


def DeleteAccountAlias(call: Call, *, AccountAlias: str) -> None:
    if AccountAlias not in call.shelf(Alias):
        raise NoSuchEntity(f"The account alias {AccountAlias} cannot be found.")
    del call.shelf(Alias)[AccountAlias]


def GetAccountSummary(call: Call) -> dict:
    devices = call.shelf(Device).values()
    policies = call.shelf(policy.Policy)
    return {
        "SummaryMap": {
            "Users": len(call.shelf(User)),
            "UsersQuota": entity.QUOTAS[User],
            "Groups": len(call.shelf(Group)),
            "GroupsQuota": entity.QUOTAS[Group],
            "Roles": len(call.shelf(Role)),
            "RolesQuota": entity.QUOTAS[Role],
            "InstanceProfiles": len(call.shelf(InstanceProfile)),
            "Policies": len(policies),
            "PoliciesQuota": policy.POLICIES_MAX,
            "PolicySizeQuota": policy.DOCUMENT_CHARACTERS_MAX,
            "PolicyVersionsInUseQuota": policy.VERSIONS_IN_USE_MAX,
            "PolicyVersionsInUse": sum(len(one.versions) for one in policies.values()),
            "VersionsPerPolicyQuota": policy.VERSIONS_MAX,
            "AccessKeysPerUserQuota": access_key.KEYS_MAX,
            "GroupsPerUserQuota": group.GROUPS_PER_USER_MAX,
            "AttachedPoliciesPerUserQuota": grant.ATTACHED_MAX[User],
            "AttachedPoliciesPerGroupQuota": grant.ATTACHED_MAX[Group],
            "AttachedPoliciesPerRoleQuota": grant.ATTACHED_MAX[Role],
            "UserPolicySizeQuota": grant.INLINE_CHARACTERS_MAX[User],
            "GroupPolicySizeQuota": grant.INLINE_CHARACTERS_MAX[Group],
            "AssumeRolePolicySizeQuota": role.TRUST_CHARACTERS_MAX,
            "InstanceProfilesQuota": instance_profile.PROFILES_MAX,
            "RolePolicySizeQuota": grant.INLINE_CHARACTERS_MAX[Role],
            "ServerCertificates": len(call.shelf(certificate.ServerCertificate)),
            "ServerCertificatesQuota": certificate.SERVER_MAX,
            "SigningCertificatesPerUserQuota": certificate.SIGNING_PER_USER_MAX,
            "MFADevices": len(devices),
            "MFADevicesInUse": sum(bool(device.user_id) for device in devices),
            "Providers": len(provider.own(call)) + len(saml.own(call)),
            # A session's token is sealed for every region of the cloud alike, which is what version 2 means.
            "GlobalEndpointTokenVersion": 2,
            "AccountMFAEnabled": int(bool(of(call, Device, call.account))),
            "AccountPasswordPresent": int(password.root_password(call).is_there),
            "AccountSigningCertificatesPresent": int(bool(of(call, SigningCertificate, call.account))),
            "AccountAccessKeysPresent": int(
                any(not key.user for key in call.shelf(access_key.AccessKey).values())
            ),
        }
    }


def SetSecurityTokenServicePreferences(call: Call, *, GlobalEndpointTokenVersion: str) -> None:
    """Tokens of the global endpoint open every region here, as those of version 2 do."""
    if GlobalEndpointTokenVersion != "v2Token":
        raise NotImplementedHere("session tokens that regions which are not enabled by default refuse")


def GetAccountAuthorizationDetails(
    call: Call, *, Filter: list[str] | None = None, MaxItems: int | None = None, Marker: str | None = None
) -> dict:
    wanted = Filter or ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"]
    tally = policy.Tally(call)
    lists: dict[str, list[Any]] = {
        "UserDetailList": [_user(call, one) for one in named(call.shelf(User).values(), None)]
        if "User" in wanted
        else [],
        "GroupDetailList": [_group(call, one) for one in named(call.shelf(Group).values(), None)]
        if "Group" in wanted
        else [],
        "RoleDetailList": [_role(call, one) for one in named(call.shelf(Role).values(), None)]
        if "Role" in wanted
        else [],
        "Policies": [_policy(one, tally) for one in _policies(call, wanted, tally)],
    }
    return policy.paged(lists, Marker, MaxItems)


def _held(call: Call, one: entity.Entity, inline_name: str) -> dict[str, Any]:
    listed = [
        {"PolicyName": name, "PolicyDocument": shown_document(text)} for name, text in one.inline.items()
    ]
    return {inline_name: listed, "AttachedManagedPolicies": grant.attached(call, one)["AttachedPolicies"]}


def _user(call: Call, one: User) -> dict[str, Any]:
    view = {**user.shown(call, one), **_held(call, one, "UserPolicyList"), "GroupList": list(one.groups)}
    return {**view, "Tags": shown_tags(one.tags)}


def _group(call: Call, one: Group) -> dict[str, Any]:
    return {**group.shown(call, one), **_held(call, one, "GroupPolicyList")}


def _role(call: Call, one: Role) -> dict[str, Any]:
    view = {**role.shown(call, one), **_held(call, one, "RolePolicyList"), "Tags": shown_tags(one.tags)}
    profiles = role.ListInstanceProfilesForRole(call, RoleName=one.name)["InstanceProfiles"]
    del view["MaxSessionDuration"]
    view.pop("Description", None)
    return {**view, "InstanceProfileList": profiles}


def _policies(call: Call, wanted: list[str], tally: policy.Tally) -> list[policy.Policy]:
    """The account's own, and of AWS's those that somebody holds."""
    listed = list(call.shelf(policy.Policy).values()) if "LocalManagedPolicy" in wanted else []
    if "AWSManagedPolicy" in wanted:
        listed += [
            policy.policy_named(call, arn) for arn in managed_policies.policies() if tally.is_used(arn)
        ]
    return named(listed, None)


def _policy(one: policy.Policy, tally: policy.Tally) -> dict[str, Any]:
    versions = [policy.shown_version(one, version, has_document=True) for version in reversed(one.versions)]
    view = {**policy.shown(one, tally), "PolicyVersionList": versions}
    return view | ({"Description": one.description} if one.description else {})
