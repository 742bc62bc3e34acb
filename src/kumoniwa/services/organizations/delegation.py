"""Who else may act for the organization: services that are trusted, members that administer a service, and the policy that delegates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.record import changed
from kumoniwa.languages import policy_pattern as pattern
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.organizations import account as accounts
from kumoniwa.services.organizations import tag
from kumoniwa.services.organizations.errors import (
    AccountAlreadyRegisteredException,
    AccountNotRegisteredException,
    ConstraintViolationException,
    InvalidInputException,
    ResourcePolicyNotFoundException,
)
from kumoniwa.services.organizations.membership import path_of, publish
from kumoniwa.services.organizations.record import (
    Account,
    Organization,
    ResourcePolicy,
    arn,
    managed,
    shown_account,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

_SERVICES = frozenset({
    "access-analyzer", "account", "agentless.inspector2", "application-signals.cloudwatch", "auditmanager",
    "aws-artifact-account-sync", "backup", "chatbot", "cloudtrail", "compute-optimizer", "config",
    "config-multiaccountsetup", "controltower", "cost-optimization-hub.bcm", "detective", "devops-guru", "ds", "ec2", "fms",
    "guardduty", "health", "iam", "inspector2", "ipam", "license-management.marketplace", "license-manager",
    "license-manager-linux-subscriptions", "license-manager.member-account", "macie", "malware-protection.guardduty",
    "member.org.stacksets.cloudformation", "mgn", "networkmanager", "notifications", "observabilityadmin",
    "private-marketplace.marketplace", "q", "ram", "reachabilityanalyzer.networkinsights",
    "report.declarative-policies-ec2", "reporting.trustedadvisor", "resource-explorer-2", "security-ir", "securityhub",
    "securitylake", "servicecatalog", "servicequotas", "ssm", "sso", "storage-lens.s3",
    "support", "tagpolicies.tag", "user-subscriptions", "wellarchitected",
})  # fmt: skip
"""https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services_list.html. Of CloudFormation's two the one that makes the
role of the management account is unknown to AWS here: https://github.com/pepperize/cdk-organizations/issues/1718"""
_SUFFIX = re.compile(r"\.amazonaws\.com(\.cn)?$")
_MASTER = "You cannot register master account/yourself as delegated administrator for your organization."


def _checked_service(name: str) -> str:
    if _SUFFIX.search(name) is None or _SUFFIX.sub("", name) not in _SERVICES:
        raise InvalidInputException(
            "You specified an unrecognized service principal.", Reason="UNRECOGNIZED_SERVICE_PRINCIPAL",
            hint="Kumoniwa knows the commonest services that AWS integrates with Organizations only.",
        )  # fmt: skip
    return name


# Trusted services --------------------------------------------------------------------------------------


def EnableAWSServiceAccess(call: Call, *, ServicePrincipal: str) -> None:
    call, held = managed(call)
    name = _checked_service(ServicePrincipal)
    activated = held.activated if call.principal.through != name else tuple(dict.fromkeys((*held.activated, name)))
    held = call.shelf(Organization)[held.id] = changed(held, trusted={name: call.now(), **held.trusted}, activated=activated)
    publish(call, held)


def DisableAWSServiceAccess(call: Call, *, ServicePrincipal: str) -> None:
    call, held = managed(call)
    name = _checked_service(ServicePrincipal)
    if any(name in account.delegated for account in call.shelf(Account).values()):
        text = "You can't disable service access while there is a delegated administrator for the service."
        raise ConstraintViolationException(text, Reason="DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE")
    trusted = {each: since for each, since in held.trusted.items() if each != name}
    activated = tuple(each for each in held.activated if each != name)
    held = call.shelf(Organization)[held.id] = changed(held, trusted=trusted, activated=activated)
    publish(call, held)


def ListAWSServiceAccessForOrganization(call: Call) -> dict:
    _, held = managed(call)
    return {"EnabledServicePrincipals": [{"ServicePrincipal": name, "DateEnabled": since} for name, since in held.trusted.items()]}


# Delegated administrators ------------------------------------------------------------------------------


def RegisterDelegatedAdministrator(call: Call, *, AccountId: str, ServicePrincipal: str) -> None:
    call, held = managed(call)
    account, name = accounts.found(call, AccountId), _checked_service(ServicePrincipal)
    if account.id == held.management:
        raise ConstraintViolationException(_MASTER, Reason="CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR")
    if account.state != "ACTIVE":
        text = "You can't register a suspended account as a delegated administrator."
        raise ConstraintViolationException(text, Reason="CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR")
    if name in account.delegated:
        raise AccountAlreadyRegisteredException
    if name not in held.trusted:
        # In AWS's words, as those quote them who met it.
        text = "You must enable service access before you delegate an administrator for this service. Call the AWS API EnableAWSServiceAccess first."
        raise ConstraintViolationException(text, Reason="SERVICE_ACCESS_NOT_ENABLED")
    call.shelf(Account)[account.id] = changed(account, delegated={**account.delegated, name: call.now()})
    publish(call, held)


def DeregisterDelegatedAdministrator(call: Call, *, AccountId: str, ServicePrincipal: str) -> None:
    call, held = managed(call)
    account, name = accounts.found(call, AccountId), _checked_service(ServicePrincipal)
    if account.id == held.management:
        raise ConstraintViolationException(_MASTER, Reason="CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR")
    if name not in account.delegated:
        raise AccountNotRegisteredException
    kept = {each: since for each, since in account.delegated.items() if each != name}
    call.shelf(Account)[account.id] = changed(account, delegated=kept)
    publish(call, held)


def ListDelegatedAdministrators(call: Call, *, ServicePrincipal: str | None = None) -> dict:
    call, held = managed(call)
    wanted = _checked_service(ServicePrincipal) if ServicePrincipal is not None else None
    listed = []
    for account in call.shelf(Account).values():
        since = min(account.delegated.values(), default=None) if wanted is None else account.delegated.get(wanted)
        if since is not None:
            view = shown_account(call.home, held, account, path_of(call, held, account.parent))
            del view["Paths"]
            listed.append({**view, "DelegationEnabledDate": since})
    return {"DelegatedAdministrators": listed}


def ListDelegatedServicesForAccount(call: Call, *, AccountId: str) -> dict:
    call, _ = managed(call)
    account = accounts.found(call, AccountId)
    if not account.delegated:
        raise AccountNotRegisteredException
    services = [{"ServicePrincipal": name, "DelegationEnabledDate": since} for name, since in account.delegated.items()]
    return {"DelegatedServices": services}


# The policy that delegates -----------------------------------------------------------------------------


def _shown(call: Call, held: Organization, policy: ResourcePolicy) -> dict[str, Any]:
    summary = {"Id": policy.id, "Arn": arn(call.home, held, f"resourcepolicy/{held.id}/{policy.id}")}
    return {"ResourcePolicySummary": summary, "Content": policy.content}


DELEGABLE = frozenset(
    f"organizations:{name}".lower()
    for name in (
        "AttachPolicy", "CreatePolicy", "DeletePolicy", "DescribeAccount", "DescribeCreateAccountStatus", "DescribeEffectivePolicy",
        "DescribeHandshake", "DescribeOrganization", "DescribeOrganizationalUnit", "DescribePolicy", "DescribeResourcePolicy", "DetachPolicy",
        "DisablePolicyType", "EnablePolicyType", "ListAccounts", "ListAccountsForParent", "ListAWSServiceAccessForOrganization",
        "ListChildren", "ListCreateAccountStatus", "ListDelegatedAdministrators", "ListDelegatedServicesForAccount",
        "ListHandshakesForAccount", "ListHandshakesForOrganization", "ListOrganizationalUnitsForParent", "ListParents", "ListPolicies",
        "ListPoliciesForTarget", "ListRoots", "ListTagsForResource", "ListTargetsForPolicy", "TagResource", "UntagResource",
        "UpdatePolicy",
    )
)  # fmt: skip
"""What can be delegated, in lower case; the rest is for the management account alone, whatever a pattern covers.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html"""


def _checked(content: str) -> str:
    try:
        policy = parse(content, "resource")
    except MalformedPolicyDocument as error:
        text = "You specified a resource policy that is not valid JSON or not a policy."
        raise InvalidInputException(text, Reason="INVALID_RESOURCE_POLICY_JSON", hint=error.text) from None
    for statement in policy.statements:
        actions = statement.source.get("Action", ["*"])
        listed = [actions] if isinstance(actions, str) else actions
        if not all(any(map(pattern.glob(action.lower()), DELEGABLE)) for action in listed):
            text = "You specified an action that isn't supported in a resource-based policy."
            raise InvalidInputException(text, Reason="UNSUPPORTED_ACTION_IN_RESOURCE_POLICY")
    return content


def standing(call: Call) -> ResourcePolicy | None:
    """The one there is; ``call`` is in the management account."""
    return next(iter(call.shelf(ResourcePolicy).values()), None)


def PutResourcePolicy(call: Call, *, Content: str, Tags: list[dict] | None = None) -> dict:
    call, held = managed(call)
    content, policy = _checked(Content), standing(call)
    tags = tag.merged(policy.tags if policy is not None else {}, Tags)
    policy = ResourcePolicy(id=policy.id if policy is not None else f"rp-{call.ids.lower(8)}", content=content, tags=tags)
    call.shelf(ResourcePolicy)[policy.id] = policy
    return {"ResourcePolicy": _shown(call, held, policy)}


def DescribeResourcePolicy(call: Call) -> dict:
    call, held = managed(call)
    if (policy := standing(call)) is None:
        raise ResourcePolicyNotFoundException
    return {"ResourcePolicy": _shown(call, held, policy)}


def DeleteResourcePolicy(call: Call) -> None:
    call, _ = managed(call)
    if (policy := standing(call)) is None:
        raise ResourcePolicyNotFoundException
    del call.shelf(ResourcePolicy)[policy.id]
