"""The operations of Organizations. Policies other than for services, resources and tags, accounts in GovCloud and the transfer of
bills are refused by name."""

# ruff: noqa: F401 (an operation is whatever this module holds under a CapWords name)

from __future__ import annotations

from kumoniwa.services.organizations.access import (
    all_tags,  # noqa: F401 (the gate's hook)
    conditions_of,
    denied,
    owner_of,
    policy_of,
    refusal_of,
    resource_of,
    tags_of,
)
from kumoniwa.services.organizations.account import (
    CloseAccount,
    DescribeAccount,
    LeaveOrganization,
    ListAccounts,
    RemoveAccountFromOrganization,
)
from kumoniwa.services.organizations.creating import (
    CreateAccount,
    DescribeCreateAccountStatus,
    ListCreateAccountStatus,
)
from kumoniwa.services.organizations.delegation import (
    DeleteResourcePolicy,
    DeregisterDelegatedAdministrator,
    DescribeResourcePolicy,
    DisableAWSServiceAccess,
    EnableAWSServiceAccess,
    ListAWSServiceAccessForOrganization,
    ListDelegatedAdministrators,
    ListDelegatedServicesForAccount,
    PutResourcePolicy,
    RegisterDelegatedAdministrator,
)
from kumoniwa.services.organizations.effective import DescribeEffectivePolicy
from kumoniwa.services.organizations.handshake import (
    AcceptHandshake,
    CancelHandshake,
    DeclineHandshake,
    DescribeHandshake,
    EnableAllFeatures,
    InviteAccountToOrganization,
    ListHandshakesForAccount,
    ListHandshakesForOrganization,
)
from kumoniwa.services.organizations.organization import (
    CreateOrganization,
    DeleteOrganization,
    DescribeOrganization,
    DisablePolicyType,
    EnablePolicyType,
    ListRoots,
)
from kumoniwa.services.organizations.policy import (
    AttachPolicy,
    CreatePolicy,
    DeletePolicy,
    DescribePolicy,
    DetachPolicy,
    ListPolicies,
    ListPoliciesForTarget,
    ListTargetsForPolicy,
    UpdatePolicy,
)
from kumoniwa.services.organizations.tag import ListTagsForResource, TagResource, UntagResource, reserved_tag
from kumoniwa.services.organizations.tree import (
    CreateOrganizationalUnit,
    DeleteOrganizationalUnit,
    DescribeOrganizationalUnit,
    ListAccountsForParent,
    ListChildren,
    ListOrganizationalUnitsForParent,
    ListParents,
    MoveAccount,
    UpdateOrganizationalUnit,
)
