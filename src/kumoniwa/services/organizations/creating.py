"""How an account is made: asked for at once, made a moment later, whatever becomes of the process in between.

A request is a record; the work that finishes it asks IAM for the role by which the management account gets in, and only then
lets the account join. Each step may be taken twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import CREDENTIALS, RootPassword, member, root_features
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.organizations import tag
from kumoniwa.services.organizations.errors import (
    ConstraintViolationException,
    CreateAccountStatusNotFoundException,
)
from kumoniwa.services.organizations.membership import furnish, publish
from kumoniwa.services.organizations.record import (
    INVITE,
    Account,
    Handshake,
    Holder,
    Organization,
    holder,
    managed,
    standing,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

WORK = ("organizations", "work")
ROLE = "OrganizationAccountAccessRole"
ADMINISTRATOR = "policy/AdministratorAccess"
ACCOUNTS_MAX = 10
"""https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html: the default, which invitations count against."""
TOO_MANY = "You have exceeded the allowed number of AWS accounts."


class Request(Record):
    """Shelved by its id, in the management account."""

    id: str
    account: str
    name: str
    email: str
    role: str
    requested: float
    tags: dict[str, str] = {}
    state: str = "IN_PROGRESS"
    completed: float = 0.0
    failure: str = ""


class Welcome(Record):
    """A service-linked role that is still to be made; shelved by the account's number."""

    at: float


def welcome(call: Call, account: str) -> None:
    """Every account of an organization has a role for it; the management account, which no policy binds, gets it afterwards. https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services-using_slrs.html"""
    call.shelf(Welcome)[account] = Welcome(at=call.now())
    call.home.wake(WORK)


def has_room(call: Call) -> bool:
    """Whether one more account may join; ``call`` is in the management account."""
    invited = sum(each.action == INVITE and standing(call, each).state == "OPEN" for each in call.shelf(Handshake).values())
    return len(call.shelf(Account)) + pending(call) + invited < ACCOUNTS_MAX


def pending(call: Call) -> int:
    """How many accounts are being made."""
    return sum(request.state == "IN_PROGRESS" for request in call.shelf(Request).values())


def shown(request: Request) -> dict[str, Any]:
    view: dict[str, Any] = {
        "Id": request.id, "AccountName": request.name, "State": request.state, "RequestedTimestamp": request.requested,
    }  # fmt: skip
    if request.completed:
        view["CompletedTimestamp"] = request.completed
    if request.state == "SUCCEEDED":
        view["AccountId"] = request.account
    if request.failure:
        view["FailureReason"] = request.failure
    return view


def CreateAccount(
    call: Call, *, Email: str, AccountName: str, RoleName: str | None = None, IamUserAccessToBilling: str | None = None,
    Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    call, _ = managed(call)
    if IamUserAccessToBilling == "DENY":
        raise NotImplementedHere("organizations:CreateAccount(IamUserAccessToBilling=DENY), as nobody sees bills here")
    if not has_room(call):
        raise ConstraintViolationException(TOO_MANY, Reason="ACCOUNT_NUMBER_LIMIT_EXCEEDED")
    request = Request(
        id=f"car-{call.ids.hex(32)}", account=_fresh_number(call), name=AccountName, email=Email, role=RoleName or ROLE,
        requested=call.now(), tags=tag.merged({}, Tags),
    )  # fmt: skip
    call.shelf(Request)[request.id] = request
    call.home.wake(WORK)
    return {"CreateAccountStatus": shown(request)}


def _fresh_number(call: Call) -> str:
    taken = {*call.home.store.accounts(), *(request.account for request in call.shelf(Request).values())}
    while True:
        number = f"{call.ids.random.randrange(10**11, 10**12)}"
        if number not in taken:
            return number


def DescribeCreateAccountStatus(call: Call, *, CreateAccountRequestId: str) -> dict:
    call, _ = managed(call)
    request = call.shelf(Request).get(CreateAccountRequestId)
    if request is None:
        raise CreateAccountStatusNotFoundException
    return {"CreateAccountStatus": shown(request)}


def ListCreateAccountStatus(call: Call, *, States: list[str] | None = None) -> dict:
    call, _ = managed(call)
    found = [shown(request) for request in call.shelf(Request).values() if not States or request.state in States]
    return {"CreateAccountStatuses": found}


# Work ----------------------------------------------------------------------------------------------


def _is_taken(home: Any, email: str, but: str) -> bool:
    """Whether an address belongs to an account already, and not to ``but``, which a request has begun to make."""
    numbers = (account for account in home.store.accounts() if account.isdigit() and account != but)
    return any(holder(home, number).email.lower() == email.lower() for number in numbers)


async def finish(call: Call, request: Request) -> None:
    """Make what a request asks for; ``call`` is in the management account."""
    if _is_taken(call.home, request.email, request.account):
        _conclude(call, request, failure="EMAIL_ALREADY_EXISTS")
        return
    call.home.store.shelf(request.account, Holder)[request.account] = Holder(name=request.name, email=request.email)
    try:
        await _furnish(call, request)
    except AwsError:
        _conclude(call, request, failure="INTERNAL_FAILURE")
        return
    call.atomically(lambda: _join(call, request))


async def _furnish(call: Call, request: Request) -> None:
    """The role that the management account assumes, as an administrator.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html"""
    partition = call.home.partition
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:{partition}:iam::{call.account}:root"}, "Action": "sts:AssumeRole"}
    trust = orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
    root = principals.root(request.account, partition=partition)
    await call.home.ask(
        root, "iam:CreateRole", {"RoleName": request.role, "AssumeRolePolicyDocument": trust}, region=None, once=f"{request.id} role"
    )
    arn = f"arn:{partition}:iam::aws:{ADMINISTRATOR}"
    await call.home.ask(root, "iam:AttachRolePolicy", {"RoleName": request.role, "PolicyArn": arn}, region=None, once=None)
    await link(call, request.account)


def _join(call: Call, request: Request) -> None:
    held = next(iter(call.shelf(Organization).values()))
    call.shelf(Account)[request.account] = Account(
        id=request.account, name=request.name, email=request.email, method="CREATED", joined=call.now(), parent=held.root, tags=request.tags
    )
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-access-management.html: new accounts have no credentials of a root user.
    if (management := member(call.home, call.account)) is not None and CREDENTIALS in root_features(call.home, management):
        call.home.store.shelf(SHARED, RootPassword)[request.account] = RootPassword(created=call.now(), is_there=False)
    furnish(call, held, request.account)
    _conclude(call, request)
    publish(call, held)


def _conclude(call: Call, request: Request, *, failure: str = "") -> None:
    state = "FAILED" if failure else "SUCCEEDED"
    call.shelf(Request)[request.id] = changed(request, state=state, completed=call.now(), failure=failure)


async def link(call: Call, account: str) -> None:
    """Make the service-linked role of an account, unless it has it. An account that is to join has it before: what binds it afterwards, such as
    a policy against root users, binds no service."""
    root = principals.root(account, partition=call.home.partition)
    try:
        await call.home.ask(root, "iam:CreateServiceLinkedRole", {"AWSServiceName": "organizations.amazonaws.com"}, region=None, once=None)
    except AwsError as error:
        if error.code != "InvalidInput":  # it has it
            raise


async def greet(call: Call, account: str) -> None:
    await link(call, account)
    del call.shelf(Welcome)[account]
