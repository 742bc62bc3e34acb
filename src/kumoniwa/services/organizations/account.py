"""The accounts of an organization: told, taken out, closed. How they are made stands in ``creating``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.kernel.record import changed
from kumoniwa.services.organizations import creating
from kumoniwa.services.organizations.errors import (
    AccountAlreadyClosedException,
    AccountNotFoundException,
    ConstraintViolationException,
    MasterCannotLeaveOrganizationException,
)
from kumoniwa.services.organizations.membership import path_of, publish
from kumoniwa.services.organizations.record import Account, Attached, Organization, managed, shown_account

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

STAY_S_MIN = 7 * 86_400
"""https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html: so long a created account must have existed."""


def found(call: Call, number: str) -> Account:
    account = call.shelf(Account).get(number)
    if account is None:
        raise AccountNotFoundException
    return account


def ListAccounts(call: Call) -> dict:
    call, held = managed(call)
    accounts = call.shelf(Account).values()
    return {"Accounts": [shown_account(call.home, held, account, path_of(call, held, account.parent)) for account in accounts]}


def DescribeAccount(call: Call, *, AccountId: str) -> dict:
    call, held = managed(call)
    account = found(call, AccountId)
    return {"Account": shown_account(call.home, held, account, path_of(call, held, account.parent))}


def RemoveAccountFromOrganization(call: Call, *, AccountId: str) -> None:
    call, held = managed(call)
    _remove(call, held, found(call, AccountId))


def LeaveOrganization(call: Call) -> None:
    number = call.account
    call, held = managed(call)
    _remove(call, held, found(call, number))


def _remove(call: Call, held: Organization, account: Account) -> None:
    """On AWS a created account needs a payment method as well; here nobody pays."""
    if account.id == held.management:
        raise MasterCannotLeaveOrganizationException
    if account.delegated:
        text = "You attempted to remove an account that is a delegated administrator for an AWS service. Deregister it first."
        raise ConstraintViolationException(text, Reason="CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG")
    if account.state != "ACTIVE":
        text = "The account is closed, and stays in the organization until it is closed for good."
        raise ConstraintViolationException(text, Reason="ACCOUNT_CANNOT_LEAVE_ORGANIZATION")
    if account.method == "CREATED" and call.now() < account.joined + STAY_S_MIN:
        text = "You must wait at least seven days after the account was created before you can remove it."
        raise ConstraintViolationException(text, Reason="WAIT_PERIOD_ACTIVE")
    del call.shelf(Account)[account.id]
    if account.id in call.shelf(Attached):
        del call.shelf(Attached)[account.id]
    publish(call, held)


def CloseAccount(call: Call, *, AccountId: str) -> None:
    """Nobody who belongs to a closed account is let in any more. It stays in the organization, as on AWS for ninety days."""
    call, held = managed(call)
    account = found(call, AccountId)
    if account.id == held.management:
        text = "You can't close the management account."
        raise ConstraintViolationException(text, Reason="CANNOT_CLOSE_MANAGEMENT_ACCOUNT")
    if account.state != "ACTIVE":
        raise AccountAlreadyClosedException
    call.shelf(Account)[account.id] = changed(account, state="PENDING_CLOSURE")
    publish(call, held)
    call.home.wake(creating.WORK)


def suspend_closing(call: Call) -> bool:
    """Bring those that are being closed to rest; answers whether there was one."""
    closing = [account for account in call.shelf(Account).values() if account.state == "PENDING_CLOSURE"]
    for account in closing:
        call.shelf(Account)[account.id] = changed(account, state="SUSPENDED")
    return bool(closing)
