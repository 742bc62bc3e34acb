"""What CloudFormation has to do with an organization: whether it is let in, who speaks for it there, and the roles by which it gets to work.

Stack sets of an organization lie in its management account, also those that a delegated administrator makes. CloudFormation acts there by
one service-linked role; in a member it makes another, and by that the role ``stacksets-exec-…`` that makes the stacks. So a customer makes
none. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

from kumoniwa.gate import identity, organization
from kumoniwa.gate.authorize import AccessDenied
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.linked_role import KNOWN_WITHIN_S, LOOKED_FOR_S, LinkedRole
from kumoniwa.gate.organization import Member
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import patience
from kumoniwa.services.cloudformation.stackset import InvalidOperationException, StackSet

ADMINISTRATOR = LinkedRole("stacksets.cloudformation.amazonaws.com", "AWSServiceRoleForCloudFormationStackSetsOrgAdmin")
MEMBER = LinkedRole("member.org.stacksets.cloudformation.amazonaws.com", "AWSServiceRoleForCloudFormationStackSetsOrgMember")
ORGANIZATIONS = LinkedRole("organizations.amazonaws.com", "AWSServiceRoleForOrganizations")
SERVICE = MEMBER.service
"""The one of the two that Organizations trusts, and that members administer."""
SESSION = "StackSets"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
MANAGEMENT_NEEDED = (
    "You must be the management account or delegated admin account of an organization before operating a SERVICE_MANAGED stack set"
)
ACCESS_NEEDED = "You must enable organizations access to operate a service managed stack set"
NOT_DELEGATED = "Account used is not a delegated administrator"
"""Recorded, all three, by many who met them: hashicorp/terraform-provider-aws#22867, pepperize/cdk-organizations#1718,
hashicorp/terraform-provider-aws#37069."""


class LacksRole(Exception):
    """There is no way into an account; the text is the reason."""


# Whose it is -----------------------------------------------------------------------------------------


def management(call: Call) -> Member | None:
    """The account at hand, if it manages an organization."""
    found = organization.member(call.home, call.account)
    return found if found is not None and found.management == call.account else None


def is_let_in(call: Call) -> bool:
    """Whether the organization of the account at hand has activated its access. That Organizations trusts the service is not enough."""
    found = organization.member(call.home, call.account)
    head = organization.member(call.home, found.management) if found is not None else None
    return head is not None and SERVICE in head.activated


def check_may_operate(call: Call) -> None:
    """That the account at hand, where a set lies or is to lie, may have sets of its organization."""
    if management(call) is None:
        raise ValidationError(MANAGEMENT_NEEDED)
    if not is_let_in(call):
        raise ValidationError(ACCESS_NEEDED)


def administered(call: Call, call_as: str | None, refusal: type[AwsError] = ValidationError) -> Call:
    """The same call where the sets lie that it is about: a delegated administrator's are in the management account.

    AWS looks him up as the caller, who is told the same if he may not ask for delegated administrators. What IAM decides about him is
    decided in his own account; no source tells which account's ARNs AWS asks about.
    """
    if call_as in (None, "SELF"):
        return call
    found = organization.member(call.home, call.account)
    if found is None or found.management == call.account or SERVICE not in found.administers or not is_let_in(call):
        raise refusal(NOT_DELEGATED)
    try:
        call.require("organizations:ListDelegatedAdministrators", "*")
    except AccessDenied as error:
        raise refusal(NOT_DELEGATED, hint=error.hint) from None
    return changed(call, account=found.management)


# Who is meant ----------------------------------------------------------------------------------------


def members(call: Call) -> dict[str, Member]:
    """The accounts of the organization that is managed here, by number, but for the management account itself: no set deploys to it."""
    head = management(call)
    if head is None:
        return {}
    every = call.home.store.shelf(SHARED, Member)
    return {
        number: every[number]
        for number in sorted(every)
        if every[number].organization == head.organization and number != call.account
    }


async def path(call: Call, unit: str) -> str:
    """The path of a unit or the root. Raises ValidationError if the organization has none such."""
    head = management(call)
    if unit.startswith("r-"):
        root = "/".join(head.path.split("/")[:2]) + "/"
        if root.split("/")[1] == unit:
            return root
    else:
        try:
            # Asked as itself: Organizations knows units in which there is nobody, too.
            asking = ADMINISTRATOR.assumed(call, SESSION)
            return (await asking.ask("organizations:DescribeOrganizationalUnit", OrganizationalUnitId=unit))["OrganizationalUnit"]["Path"]
        except AwsError as error:
            if error.code != "OrganizationalUnitNotFoundException":
                raise
    # No source tells AWS's words.
    raise ValidationError(f"Organizational unit {unit} does not exist in the organization")


# Letting it in ---------------------------------------------------------------------------------------


async def ActivateOrganizationsAccess(call: Call) -> dict:
    """It lets itself in through Organizations and makes its role there, both as the caller. AWS's words for who may not are not recorded.
    https://docs.aws.amazon.com/organizations/latest/userguide/services-that-can-integrate-cloudformation.html"""
    head = management(call)
    if head is None:
        raise InvalidOperationException("Organizations access can be activated by the management account of an organization only")
    if not head.has_all_features:
        raise InvalidOperationException("Your organization must have all features enabled")
    await ADMINISTRATOR.ensure(call, AccessDenied)
    await call.carried_out(SERVICE).ask("organizations:EnableAWSServiceAccess", ServicePrincipal=SERVICE)
    await _heard(call, True)
    return {}


async def DeactivateOrganizationsAccess(call: Call) -> dict:
    """Delegated administrators must be deregistered before. The role is left, and can be deleted then."""
    if management(call) is None:
        raise InvalidOperationException("Organizations access can be deactivated by the management account of an organization only")
    if is_let_in(call):
        try:
            await call.ask("organizations:DisableAWSServiceAccess", ServicePrincipal=SERVICE)
        except AwsError as error:
            if error.code != "ConstraintViolationException":
                raise
            raise InvalidOperationException(error.text) from None
        await _heard(call, False)
        for found in [each for each in call.shelf(StackSet).values() if each.auto.get("DependsOn")]:
            # "Dependencies are removed when StackSets are deleted or Organizations are deactivated": stacksets-orgs-manage-auto-deployment.
            call.shelf(StackSet)[found.key] = changed(found, auto={name: said for name, said in found.auto.items() if name != "DependsOn"})
    return {}


async def _heard(call: Call, is_let: bool) -> None:
    """Wait until this region has heard of what was done."""
    until = call.now() + KNOWN_WITHIN_S
    while is_let_in(call) != is_let and call.now() < until:
        await call.wait("access", until=call.now() + LOOKED_FOR_S)


def DescribeOrganizationsAccess(call: Call, *, CallAs: str | None = None) -> dict:
    """The code with which others than administrators are refused is recorded, too."""
    call = administered(call, CallAs, InvalidOperationException)
    if management(call) is None:
        raise InvalidOperationException("Organizations access is told to the management account of an organization and to delegated administrators only")
    return {"Status": "ENABLED" if is_let_in(call) else "DISABLED"}


# The way into an account -----------------------------------------------------------------------------


class Entrances:
    """Accounts that are being furnished with their roles, and when one was in this process."""

    def __init__(self) -> None:
        self.locks: dict[str, asyncio.Lock] = {}
        self.made: dict[str, float] = {}


def execution_role(call: Call, account: str) -> str:
    """Its name. What AWS makes the 32 digits of is not told; here of the two accounts, so that each process finds it again."""
    return f"stacksets-exec-{hashlib.sha256(f'{call.account}/{account}'.encode()).hexdigest()[:32]}"


async def entered(call: Call, account: str, session: str) -> Call:
    """A member account, as its execution role, which is made if it is missing. Raises LacksRole."""
    role, admin = execution_role(call, account), ADMINISTRATOR.arn(call)
    arn = f"arn:{call.home.partition}:iam::{account}:role/{role}"
    refusal = LacksRole(f"Account {account} should have '{role}' role with trust relationship to Role '{admin.partition(':role/')[2]}'.")
    entrances = call.memory(Entrances)
    async with entrances.locks.setdefault(account, asyncio.Lock()):
        if account in members(call) and not _is_known(call, arn):
            try:
                await patience.asked(call, lambda: _furnish(call, account, role, admin))
            except AwsError as error:
                raise LacksRole(f"{refusal} {error.text}") from None
            await _known(call, arn)
            entrances.made[account] = call.now()
    try:
        asking = ADMINISTRATOR.assumed(call, SESSION)
        given = (await asking.ask("sts:AssumeRole", RoleArn=arn, RoleSessionName=session))["Credentials"]
    except AwsError:
        raise refusal from None
    principal, _ = identity.identify(call.home, given["AccessKeyId"], given["SessionToken"], "query")
    return call.home.call("cloudformation", account, principal)


def was_just_made(call: Call, account: str) -> bool:
    """Whether other regions may not have heard of an account's role yet."""
    return call.now() < call.memory(Entrances).made.get(account, 0.0) + KNOWN_WITHIN_S


def _is_known(call: Call, arn: str) -> bool:
    """Whether this region knows a role, with what it may: a kill may have come between the two."""
    found = call.home.gate.authorizer.identity(arn)
    return found is not None and bool(found.grants)


async def _known(call: Call, arn: str) -> None:
    until = call.now() + KNOWN_WITHIN_S
    while not _is_known(call, arn) and call.now() < until:
        await call.wait("role", until=call.now() + LOOKED_FOR_S)


async def _furnish(call: Call, account: str, role: str, admin: str) -> None:
    """Organizations' role makes CloudFormation's in the account, and that makes the execution role. Service control policies bind neither.

    Its name, trust policy, description and policy are those of real accounts' roles, as terraformer writes them down for who has some."""
    there = call.home.call("organizations", account, call.principal)
    linked = MEMBER.arn(there)
    if not _is_known(call, linked):
        await _made(ORGANIZATIONS.assumed(there, SESSION), "iam:CreateServiceLinkedRole", "InvalidInput", AWSServiceName=MEMBER.service)
        await _known(call, linked)
    making = MEMBER.assumed(call.home.call("cloudformation", account, call.principal), SESSION)
    statement = {"Sid": "1", "Effect": "Allow", "Principal": {"AWS": admin}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Id": f"{role}-assume-role-policy", "Statement": [statement]})
    said = {"RoleName": role, "AssumeRolePolicyDocument": trust, "Description": "Role created by AWSCloudFormation StackSets"}
    await _made(making, "iam:CreateRole", "EntityAlreadyExists", **said)
    await making.ask("iam:AttachRolePolicy", RoleName=role, PolicyArn=ADMINISTRATOR_ACCESS)


async def _made(asking: Call, operation: str, code_if_there: str, **said: Any) -> None:
    """Make something that somebody else may have made meanwhile."""
    try:
        await asking.ask(operation, **said)
    except AwsError as error:
        if error.code != code_if_there:
            raise
