"""What an organization has of Config in all its accounts: rules and conformance packs that one account puts, made and taken away in each.

They are made in the region where they were put. Accounts that come have them made, too, and those that go lose them. An account that is
without a recorder when something is put fails at once; one that comes later has seven hours.
https://docs.aws.amazon.com/config/latest/developerguide/config-rule-multi-account-deployment.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeVar

from kumoniwa.gate import organization
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import item
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.aggregator import check_administration, whole_organization
from kumoniwa.services.config.errors import (
    NoAvailableConfigurationRecorderException,
    OrganizationAccessDeniedException,
    ResourceInUseException,
)

SERVICE = "config-multiaccountsetup.amazonaws.com"
AWAITED_S = 7 * 3_600.0
IN_PROGRESS, SUCCESSFUL, FAILED = "IN_PROGRESS", "SUCCESSFUL", "FAILED"
CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"


class Wanted(Record):
    """A rule or a pack of an organization; shelved by its name in the account that put it."""

    name: str
    id: str
    """Also what ends its name in each account."""
    put: float
    said: dict[str, Any]
    excluded: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    verb: str = CREATE


W = TypeVar("W", bound=Wanted)


class Made(Record):
    """What became of it in one account; shelved by ``key_of``, where it was put."""

    account: str
    name: str
    """What it is called there."""
    since: float
    """When the account was found to belong to it."""
    put: float = 0.0
    """Which putting it is the outcome of; nothing while there was none."""
    verb: str = CREATE
    outcome: str = IN_PROGRESS
    updated: float = 0.0
    error_code: str = ""
    error: str = ""

    @property
    def status(self) -> str:
        return f"{self.verb}_{self.outcome}"


def key_of(wanted: Wanted, account: str) -> str:
    return f"{type(wanted).__name__}/{wanted.name}/{account}"


def made(call: Call, wanted: Wanted) -> list[Made]:
    """Of each account, in order."""
    prefix = key_of(wanted, "")
    return [call.shelf(Made)[key] for key in sorted(call.shelf(Made)) if key.startswith(prefix)]


# Who may -------------------------------------------------------------------------------------------


async def check_may_put(call: Call) -> None:
    """That the account speaks for its organization here: the one that manages it lets Config in by that."""
    await check_administration(call, whole_organization(call), SERVICE)


def check_may(call: Call) -> None:
    """The first words are recorded (aws-samples/aws2tf, issue 86). No source tells those for members that do not administer Config."""
    found = organization.member(call.home, call.account)
    if found is None:
        raise OrganizationAccessDeniedException("This action can only be made by accounts in an AWS Organization")
    if found.management != call.account and SERVICE not in found.administers:
        raise OrganizationAccessDeniedException(
            "This action can only be made by the management account or a delegated administrator of an AWS Organization."
        )


def put(
    call: Call, kind: type[W], name: str, said: dict[str, Any], excluded: list[str] | None, tags: dict[str, str], *, most: int, too_many: AwsError
) -> W:  # fmt: skip
    """Have it made everywhere, for the first time or otherwise than it was. Raises ``too_many`` where there are ``most`` already."""
    shelf = call.shelf(kind)
    held = shelf.get(name)
    if held is None and len(shelf) >= most:
        raise too_many
    if held is not None and held.verb == DELETE:
        raise ResourceInUseException(f"{name} is being deleted.")
    wanted = shelf[name] = kind(
        name=name, id=held.id if held is not None else f"{name}-{call.ids.lower(8)}", put=call.now(), said=said, excluded=tuple(excluded or ()),
        tags=held.tags if held is not None else tags, verb=CREATE if held is None else UPDATE,
    )  # fmt: skip
    for account in _accounts(call, wanted):
        _hold(call, wanted, account)
    recorders.wake(call)
    return wanted


def end(call: Call, wanted: Wanted) -> None:
    """Have it taken away everywhere. It is not known any more when nobody has it."""
    call.shelf(type(wanted))[wanted.name] = changed(wanted, verb=DELETE, put=call.now())
    recorders.wake(call)


# What is to be done --------------------------------------------------------------------------------


def _accounts(call: Call, wanted: Wanted) -> list[str]:
    """The accounts that should have it."""
    ours = organization.member(call.home, call.account)
    if ours is None or wanted.verb == DELETE:
        return []
    if ours.management != call.account and SERVICE not in ours.administers:
        return []
    members = call.home.store.shelf(SHARED, organization.Member).values()
    return sorted(
        each.account for each in members if each.organization == ours.organization and not each.is_suspended and each.account not in wanted.excluded
    )


def _hold(call: Call, wanted: Wanted, account: str) -> Made:
    key = key_of(wanted, account)
    held = call.shelf(Made).get(key)
    if held is None:
        held = call.shelf(Made)[key] = Made(account=account, name=type(wanted).name_in(wanted), since=call.now())
    return held


def inside(call: Call, account: str) -> Call:
    return call.home.call("config", account, principals.service(SERVICE, account))


async def deploy(call: Call, kinds: tuple[type[Wanted], ...]) -> float:
    """Make and take away what is to be. Answers when something has waited long enough."""
    until = call.now() + AWAITED_S
    for kind in kinds:
        for wanted in list(call.shelf(kind).values()):
            accounts = _accounts(call, wanted)
            for account in accounts:
                until = min(until, await _make(call, wanted, account))
            for held in made(call, wanted):
                if held.account not in accounts:
                    call.atomically(partial(_take, call, wanted, held))
            if wanted.verb == DELETE and not made(call, wanted):
                call.shelf(kind).pop(wanted.name, None)
    return until


async def _make(call: Call, wanted: Wanted, account: str) -> float:
    held, now = call.atomically(partial(_hold, call, wanted, account)), call.now()
    idle = now + AWAITED_S
    if held.put == wanted.put:
        return idle
    verb = UPDATE if held.put and held.outcome == SUCCESSFUL else CREATE
    try:
        await type(wanted).make(inside(call, account), wanted, held.name)
    except AwsError as error:
        is_awaited = isinstance(error, NoAvailableConfigurationRecorderException) and wanted.put < held.since and now < held.since + AWAITED_S
        if is_awaited:
            return held.since + AWAITED_S
        _note(call, wanted, held, put=wanted.put, verb=verb, outcome=FAILED, updated=now, error_code=error.code, error=error.text)
        return idle
    _note(call, wanted, held, put=wanted.put, verb=verb, outcome=SUCCESSFUL, updated=now, error_code="", error="")
    return idle


def _note(call: Call, wanted: Wanted, held: Made, **changes: Any) -> None:
    call.shelf(Made)[key_of(wanted, held.account)] = changed(held, **changes)


def _take(call: Call, wanted: Wanted, held: Made) -> None:
    type(wanted).take(inside(call, held.account), held.name)
    del call.shelf(Made)[key_of(wanted, held.account)]


# As AWS shows it -----------------------------------------------------------------------------------


def overall(call: Call, wanted: Wanted) -> tuple[str, Made | None]:
    """The status of the whole, and an account in which it failed."""
    if wanted.verb == DELETE:
        return f"{DELETE}_{IN_PROGRESS}", None
    accounts = set(_accounts(call, wanted))
    every = [each for each in made(call, wanted) if each.account in accounts]
    failed = next((each for each in every if each.outcome == FAILED), None)
    is_open = any(each.put != wanted.put for each in every)
    return f"{wanted.verb}_{IN_PROGRESS if is_open else FAILED if failed else SUCCESSFUL}", failed


def told(wanted: Wanted, status: str, failed: Made | None, **names: str) -> dict[str, Any]:
    shown = {**names, "ErrorCode": failed.error_code if failed else "", "ErrorMessage": failed.error if failed else "", "LastUpdateTime": wanted.put}
    return {name: value for name, value in shown.items() if value}


def detailed(call: Call, wanted: Wanted, filters: dict[str, Any] | None, status_name: str, name: str, filter_name: str) -> Iterator[dict[str, Any]]:
    filters = filters or {}
    for each in made(call, wanted):
        is_open = each.put != wanted.put
        status = f"{DELETE if wanted.verb == DELETE else UPDATE if each.put else CREATE}_{IN_PROGRESS}" if is_open else each.status
        if filters.get("AccountId") in (None, each.account) and filters.get(filter_name) in (None, status):
            shown = {
                "AccountId": each.account, name: each.name, status_name: status, "ErrorCode": "" if is_open else each.error_code,
                "ErrorMessage": "" if is_open else each.error, "LastUpdateTime": each.updated or each.since,
            }  # fmt: skip
            yield {member: value for member, value in shown.items() if value}


def paged(listed: list[Any], name: str, limit: int | None, token: str | None) -> dict[str, Any]:
    found, more = item.page(listed, limit, token)
    return item.with_token({name: found}, more, "NextToken")
