"""Centralized root access: what an organization may do to the root users of its members, which STS's AssumeRoot then does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import CREDENTIALS, IAM, SESSIONS, Member, RootAccess, member, root_features
from kumoniwa.kernel.errors import AwsError

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


class OrganizationNotFoundException(AwsError):
    status = 400
    message = "No organization is associated with your account."


class OrganizationNotInAllFeaturesModeException(AwsError):
    status = 400
    message = "Your organization does not have All features enabled."


class ServiceAccessNotEnabledException(AwsError):
    status = 400
    message = "Trusted access is not enabled for IAM in Organizations."


class CallerIsNotManagementAccountException(AwsError):
    status = 400
    message = "The account making the request is not the management account for the organization."


class AccountNotManagementOrDelegatedAdministratorException(AwsError):
    status = 400
    message = "The account making the request is not the management account or delegated administrator account for centralized root access."


def _standing(call: Call) -> Member:
    """The caller's account in an organization that lets IAM in, and lets this account speak for it."""
    found = member(call.home, call.account)
    if found is None:
        raise OrganizationNotFoundException
    if not found.has_all_features:
        raise OrganizationNotInAllFeaturesModeException
    management = member(call.home, found.management)
    if management is None or IAM not in management.administers:
        hint = "In the management account: organizations enable-aws-service-access --service-principal iam.amazonaws.com"
        raise ServiceAccessNotEnabledException(hint=hint)
    if IAM not in found.administers:
        raise AccountNotManagementOrDelegatedAdministratorException
    return found


def _shown(call: Call, found: Member) -> dict:
    return {"OrganizationId": found.organization, "EnabledFeatures": list(root_features(call.home, found))}


def _turned(call: Call, found: Member, feature: str, *, is_on: bool) -> dict:
    others = [each for each in root_features(call.home, found) if each != feature]
    features = tuple(sorted([*others, feature] if is_on else others))
    call.home.store.shelf(SHARED, RootAccess)[found.organization] = RootAccess(account=found.management, features=features)
    return _shown(call, found)


def _enabled(call: Call, feature: str) -> dict:
    """A delegated administrator may use what is enabled and disable it, but not enable it."""
    found = _standing(call)
    if found.account != found.management:
        raise CallerIsNotManagementAccountException
    return _turned(call, found, feature, is_on=True)


def EnableOrganizationsRootCredentialsManagement(call: Call) -> dict:
    return _enabled(call, CREDENTIALS)


def EnableOrganizationsRootSessions(call: Call) -> dict:
    return _enabled(call, SESSIONS)


def DisableOrganizationsRootCredentialsManagement(call: Call) -> dict:
    return _turned(call, _standing(call), CREDENTIALS, is_on=False)


def DisableOrganizationsRootSessions(call: Call) -> dict:
    return _turned(call, _standing(call), SESSIONS, is_on=False)


def ListOrganizationsFeatures(call: Call) -> dict:
    return _shown(call, _standing(call))
