"""Identities: whoever has come to a pool, nameless or with logins that are theirs alone.

https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_identity import login, pool
from kumoniwa.services.cognito_identity.errors import (
    NotAuthorizedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.cognito_identity.login import SELF, Login
from kumoniwa.services.cognito_identity.pool import IdentityPool, Place, places

TOKEN_S = 600
LISTED_MAX = 60


class Identity(Record):
    """Shelved by id."""

    id: str
    pool: str
    created: float
    modified: float
    logins: dict[str, str] = {}
    """Who it is, by provider."""


class Owner(Record):
    """Whose a login is; shelved by ``pool provider subject``."""

    pool: str
    identity: str


def owner_key(pool_id: str, provider: str, subject: str) -> str:
    return f"{pool_id} {provider} {subject}"


def found(call: Call, id_: str) -> Identity:
    held = call.shelf(Identity).get(id_)
    if held is None:
        raise ResourceNotFoundException(f"Identity '{id_}' not found.")
    return held


def put(call: Call, identity: Identity) -> Identity:
    call.shelf(Identity)[identity.id] = identity
    places(call.home)[identity.id] = Place(account=call.account, pool=identity.pool)
    for provider, subject in identity.logins.items():
        call.shelf(Owner)[owner_key(identity.pool, provider, subject)] = Owner(pool=identity.pool, identity=identity.id)
    return identity


def made(call: Call, pool_id: str, logins: dict[str, str]) -> Identity:
    now = call.now()
    return put(call, Identity(id=f"{call.region}:{call.new_id()}", pool=pool_id, created=now, modified=now, logins=logins))


def forget(call: Call, identity: Identity) -> None:
    for provider, subject in identity.logins.items():
        call.shelf(Owner).pop(owner_key(identity.pool, provider, subject), None)
    del call.shelf(Identity)[identity.id]
    places(call.home).pop(identity.id, None)


def forget_all(call: Call, pool_id: str) -> None:
    for identity in [each for each in call.shelf(Identity).values() if each.pool == pool_id]:
        forget(call, identity)


def settled(call: Call, held: IdentityPool, identity: Identity | None, logins: list[Login]) -> Identity:
    """The identity that these logins are of: the one that is named, after they are linked to it, or one of their own."""
    if not logins:
        if identity is None:
            return made(call, held.id, {})
        if identity.logins:
            raise NotAuthorizedException(f"Access to Identity '{identity.id}' is forbidden.")
        return identity
    if any(each.provider == SELF and (identity is None or each.subject != identity.id) for each in logins):
        raise NotAuthorizedException("Logins don't match. Please include at least one valid login for this identity or identity pool.")
    others = {each.provider: each.subject for each in logins if each.provider != SELF}
    owners = [call.shelf(Owner).get(owner_key(held.id, provider, subject)) for provider, subject in others.items()]
    known = {owner.identity for owner in owners if owner is not None}
    if len(known) > 1:
        raise ResourceConflictException
    if known and (identity is None or identity.id not in known):
        if identity is not None and identity.logins:
            raise ResourceConflictException
        # Somebody who was nameless turns out to be known.
        identity = found(call, next(iter(known)))
    if identity is None:
        return made(call, held.id, others)
    if identity.logins and not known and not any(each.provider == SELF for each in logins):
        raise NotAuthorizedException("Logins don't match. Please include at least one valid login for this identity or identity pool.")
    if not others.items() <= identity.logins.items():
        identity = put(call, changed(identity, logins=identity.logins | others, modified=call.now()))
    return identity


def check_anybody(held: IdentityPool, logins: Any) -> None:
    if not logins and not held.takes_anybody:
        raise NotAuthorizedException("Unauthenticated access is not supported for this identity pool.")


async def GetId(call: Call, *, IdentityPoolId: str, AccountId: str | None = None, Logins: dict[str, str] | None = None) -> dict:
    """A pool's id says whose it is; an ``AccountId`` that is another's is refused."""
    held = pool.found(call, IdentityPoolId)
    if AccountId not in (None, call.account):
        raise NotAuthorizedException("Access to the identity pool is forbidden for this account.")
    check_anybody(held, Logins)
    logins = await login.proven(call, held, Logins)
    return {"IdentityId": settled(call, held, None, logins).id}


async def GetOpenIdToken(call: Call, *, IdentityId: str, Logins: dict[str, str] | None = None) -> dict:
    identity = found(call, IdentityId)
    held = pool.found(call, identity.pool)
    if not held.settings.get("AllowClassicFlow"):
        raise NotAuthorizedException("Basic (classic) flow is not enabled, please use enhanced flow.")
    check_anybody(held, Logins)
    logins = await login.proven(call, held, Logins)
    identity = settled(call, held, found(call, IdentityId), logins)
    return {"IdentityId": identity.id, "Token": login.token_for(call, held, identity.id, methods(logins), TOKEN_S)}


def methods(logins: list[Login]) -> list[str]:
    """How somebody has come, in the words of a token."""
    if not logins:
        return ["unauthenticated"]
    return ["authenticated", *(method for each in logins for method in (each.methods or each.claims.get("amr", [])[1:]))]


def _shown(identity: Identity) -> dict[str, Any]:
    logins = {"Logins": list(identity.logins)} if identity.logins else {}
    return {"IdentityId": identity.id, **logins, "CreationDate": identity.created, "LastModifiedDate": identity.modified}


def DescribeIdentity(call: Call, *, IdentityId: str) -> dict:
    return _shown(found(call, IdentityId))


def ListIdentities(call: Call, *, IdentityPoolId: str, MaxResults: int, NextToken: str | None = None) -> dict:
    """By their ids, of which the last of a page is its token."""
    pool.found(call, IdentityPoolId)
    held = sorted((each for each in call.shelf(Identity).values() if each.pool == IdentityPoolId), key=lambda each: each.id)
    rest = [each for each in held if NextToken is None or each.id > NextToken]
    page = rest[:MaxResults]
    more = {"NextToken": page[-1].id} if page and len(rest) > len(page) else {}
    return {"IdentityPoolId": IdentityPoolId, "Identities": [_shown(each) for each in page], **more}


def DeleteIdentities(call: Call, *, IdentityIdsToDelete: list[str]) -> dict:
    missing = []
    for id_ in IdentityIdsToDelete:
        identity = call.shelf(Identity).get(id_)
        if identity is not None:
            forget(call, identity)
        else:
            missing.append({"IdentityId": id_, "ErrorCode": "AccessDenied"})
    return {"UnprocessedIdentityIds": missing}


async def UnlinkIdentity(call: Call, *, IdentityId: str, Logins: dict[str, str], LoginsToRemove: list[str]) -> None:
    identity = found(call, IdentityId)
    logins = await login.proven(call, pool.found(call, identity.pool), Logins)
    if not any(identity.logins.get(each.provider) == each.subject for each in logins):
        raise NotAuthorizedException("Logins don't match. Please include at least one valid login for this identity or identity pool.")
    identity = found(call, IdentityId)
    for provider in LoginsToRemove:
        if provider in identity.logins:
            call.shelf(Owner).pop(owner_key(identity.pool, provider, identity.logins[provider]), None)
    call.shelf(Identity)[IdentityId] = changed(
        identity, logins={name: subject for name, subject in identity.logins.items() if name not in LoginsToRemove}, modified=call.now()
    )
