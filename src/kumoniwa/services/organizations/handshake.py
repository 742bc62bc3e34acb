"""Handshakes: an organization invites an account, which accepts or declines; or it asks its members to agree to all features.

An invitation lapses after fifteen days: whoever looks at it then finds it expired.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_invites.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kumoniwa.gate.organization import member
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.organizations import creating, tag
from kumoniwa.services.organizations.errors import (
    AccessDeniedException,
    DuplicateHandshakeException,
    HandshakeAlreadyInStateException,
    HandshakeConstraintViolationException,
    HandshakeNotFoundException,
    InvalidHandshakeTransitionException,
    InvalidInputException,
)
from kumoniwa.services.organizations.membership import furnish, publish
from kumoniwa.services.organizations.record import (
    ALL,
    APPROVE,
    ENABLE,
    INVITE,
    NAME,
    OPEN_S,
    Account,
    Handshake,
    Organization,
    arn,
    holder,
    managed,
    standing,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


def shown(call: Call, handshake: Handshake) -> dict[str, Any]:
    handshake = standing(call, handshake)
    there = call.home.call(NAME, handshake.management, call.principal)
    held = there.shelf(Organization)[handshake.organization]
    master = there.shelf(Account)[handshake.management]
    kind = "EMAIL" if "@" in handshake.party else "ACCOUNT"
    parties = [{"Id": held.id, "Type": "ORGANIZATION"}]
    resources: list[dict[str, Any]] = [{
        "Type": "ORGANIZATION", "Value": held.id,
        "Resources": [
            {"Type": "MASTER_EMAIL", "Value": master.email}, {"Type": "MASTER_NAME", "Value": master.name},
            {"Type": "ORGANIZATION_FEATURE_SET", "Value": held.feature_set},
        ],
    }]  # fmt: skip
    if handshake.party:
        parties.append({"Id": handshake.party, "Type": kind})
        resources.append({"Type": kind, "Value": handshake.party})
    if handshake.notes:
        resources.append({"Type": "NOTES", "Value": handshake.notes})
    if handshake.parent:
        resources.append({"Type": "PARENT_HANDSHAKE", "Value": handshake.parent})
    return {
        "Id": handshake.id,
        "Arn": arn(call.home, held, f"handshake/{held.id}/{handshake.action.lower()}/{handshake.id}"),
        "Parties": parties,
        "State": handshake.state,
        "RequestedTimestamp": handshake.requested,
        "ExpirationTimestamp": handshake.requested + OPEN_S[handshake.action],
        "Action": handshake.action,
        "Resources": resources,
    }


def _made(call: Call, held: Organization, action: str, **more: Any) -> Handshake:
    made = Handshake(
        id=f"h-{call.ids.hex(32)}", organization=held.id, management=held.management, action=action, requested=call.now(), **more
    )
    call.shelf(Handshake)[made.id] = made
    return made


def InviteAccountToOrganization(call: Call, *, Target: dict, Notes: str | None = None, Tags: list[dict] | None = None) -> dict:
    call, held = managed(call)
    kind, party = Target["Type"], Target["Id"]
    if kind == "ORGANIZATION":
        raise InvalidInputException(
            "You specified the wrong type of entity (account, organization, or email) as a party.", Reason="INVALID_PARTY_TYPE_TARGET"
        )
    is_right = "@" in party if kind == "EMAIL" else len(party) == 12 and party.isascii() and party.isdigit()
    if not is_right:
        reason = "INVALID_EMAIL_ADDRESS_TARGET" if kind == "EMAIL" else "INVALID_PATTERN_TARGET_ID"
        raise InvalidInputException("You provided a value that does not match the required pattern.", Reason=reason)
    if any(_is_asked(call, account.id, party) for account in call.shelf(Account).values()):
        raise HandshakeConstraintViolationException(
            "The account is already a member of an organization.", Reason="ALREADY_IN_AN_ORGANIZATION"
        )
    if any(each.action == INVITE and each.party == party and standing(call, each).state == "OPEN" for each in call.shelf(Handshake).values()):
        raise DuplicateHandshakeException
    if not creating.has_room(call):
        raise HandshakeConstraintViolationException(creating.TOO_MANY, Reason="ACCOUNT_NUMBER_LIMIT_EXCEEDED")
    made = _made(call, held, INVITE, party=party, notes=Notes or "", tags=tag.merged({}, Tags))
    return {"Handshake": shown(call, made)}


def EnableAllFeatures(call: Call) -> dict:
    """Whoever was invited is asked to agree; who was made by the organization agrees by that.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html"""
    call, held = managed(call)
    if held.feature_set == ALL:
        text = "The organization already has all features enabled."
        raise HandshakeConstraintViolationException(text, Reason="ORGANIZATION_ALREADY_HAS_ALL_FEATURES")
    if any(each.action == ENABLE and standing(call, each).state in ("REQUESTED", "OPEN") for each in call.shelf(Handshake).values()):
        text = "The organization has already requested to enable all features."
        raise HandshakeConstraintViolationException(text, Reason="ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION")
    asked = [each for each in call.shelf(Account).values() if each.method == "INVITED" and each.id != held.management]
    made = _made(call, held, ENABLE, state="REQUESTED" if asked else "OPEN")
    for account in asked:
        _made(call, held, APPROVE, party=account.id, parent=made.id)
    return {"Handshake": shown(call, made)}


# Whose they are --------------------------------------------------------------------------------------


def _every(call: Call) -> Iterator[Handshake]:
    for account in call.home.store.accounts():
        if account.isdigit():
            yield from list(call.home.store.shelf(account, Handshake).values())


def _is_asked(call: Call, account: str, party: str) -> bool:
    return party == account or ("@" in party and party.lower() == holder(call.home, account).email.lower())


def _concerns(call: Call, handshake: Handshake) -> bool:
    """Whether the account at hand is asked."""
    return _is_asked(call, call.account, handshake.party) if handshake.party else handshake.management == call.account


def _found(call: Call, id_: str) -> Handshake:
    found = next((each for each in _every(call) if each.id == id_), None)
    if found is None:
        raise HandshakeNotFoundException
    if not _concerns(call, found) and found.management != call.account:
        raise AccessDeniedException
    return standing(call, found)


def DescribeHandshake(call: Call, *, HandshakeId: str) -> dict:
    return {"Handshake": shown(call, _found(call, HandshakeId))}


def _filtered(call: Call, found: list[Handshake], wanted: dict | None) -> dict:
    wanted = wanted or {}
    if "ActionType" in wanted:
        found = [each for each in found if each.action == wanted["ActionType"]]
    if "ParentHandshakeId" in wanted:
        found = [each for each in found if each.parent == wanted["ParentHandshakeId"]]
    return {"Handshakes": [shown(call, each) for each in found]}


def ListHandshakesForAccount(call: Call, *, Filter: dict | None = None) -> dict:
    return _filtered(call, [each for each in _every(call) if _concerns(call, each)], Filter)


def ListHandshakesForOrganization(call: Call, *, Filter: dict | None = None) -> dict:
    call, _ = managed(call)
    return _filtered(call, list(call.shelf(Handshake).values()), Filter)


# What becomes of them --------------------------------------------------------------------------------


def _settle(call: Call, handshake: Handshake, state: str) -> Handshake:
    """Bring an open handshake to its end."""
    if handshake.state == state:
        raise HandshakeAlreadyInStateException
    if handshake.state != "OPEN":
        raise InvalidHandshakeTransitionException
    settled = changed(handshake, state=state)
    call.home.store.shelf(handshake.management, Handshake)[handshake.id] = settled
    return settled


def CancelHandshake(call: Call, *, HandshakeId: str) -> dict:
    call, _ = managed(call)
    if HandshakeId not in call.shelf(Handshake):
        raise HandshakeNotFoundException
    handshake = standing(call, call.shelf(Handshake)[HandshakeId])
    return {"Handshake": shown(call, _settle(call, handshake, "CANCELED"))}


def DeclineHandshake(call: Call, *, HandshakeId: str) -> dict:
    handshake = _found(call, HandshakeId)
    if not _concerns(call, handshake):
        raise AccessDeniedException
    return {"Handshake": shown(call, _settle(call, handshake, "DECLINED"))}


async def AcceptHandshake(call: Call, *, HandshakeId: str) -> dict:
    handshake = _found(call, HandshakeId)
    if handshake.action == INVITE and handshake.state == "OPEN" and _concerns(call, handshake) and member(call.home, call.account) is None:
        await creating.link(call, call.account)
    return call.atomically(lambda: _accept(call, HandshakeId))


def _accept(call: Call, id_: str) -> dict[str, Any]:
    handshake = _found(call, id_)
    if not _concerns(call, handshake):
        raise AccessDeniedException
    accepted = _settle(call, handshake, "ACCEPTED")
    there = call.home.call(NAME, handshake.management, call.principal)
    held = there.shelf(Organization)[handshake.organization]
    if handshake.action == INVITE:
        _join(there, held, handshake, call.account)
    elif handshake.action == ENABLE:
        there.shelf(Organization)[held.id] = changed(held, feature_set=ALL)
    elif handshake.action == APPROVE:
        _approve(there, handshake)
    else:
        raise NotImplementedHere(f"organizations' handshakes of the kind {handshake.action}")
    return {"Handshake": shown(call, accepted)}


def _join(call: Call, held: Organization, handshake: Handshake, account: str) -> None:
    if member(call.home, account) is not None:
        text = "The account is already a member of an organization."
        raise HandshakeConstraintViolationException(text, Reason="ALREADY_IN_AN_ORGANIZATION")
    who = holder(call.home, account)
    call.shelf(Account)[account] = Account(
        id=account, name=who.name, email=who.email, method="INVITED", joined=call.now(), parent=held.root, tags=handshake.tags
    )
    furnish(call, held, account)
    publish(call, held)


def _approve(call: Call, handshake: Handshake) -> None:
    """When all have agreed, the organization may bring it to its end."""
    shelf = call.shelf(Handshake)
    parts = [each for each in shelf.values() if each.parent == handshake.parent]
    if all(each.state == "ACCEPTED" for each in parts):
        shelf[handshake.parent] = changed(shelf[handshake.parent], state="OPEN")
