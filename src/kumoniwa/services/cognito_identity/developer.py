"""Identities that an application vouches for itself, under the name of the pool's developer provider.

https://docs.aws.amazon.com/cognito/latest/developerguide/developer-authenticated-identities.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_identity import identity as identities
from kumoniwa.services.cognito_identity import login, pool
from kumoniwa.services.cognito_identity.errors import (
    DeveloperUserAlreadyRegisteredException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from kumoniwa.services.cognito_identity.identity import Owner

TOKEN_S = 900


def GetOpenIdTokenForDeveloperIdentity(
    call: Call, *, IdentityPoolId: str, Logins: dict[str, str], IdentityId: str | None = None, TokenDuration: int | None = None
) -> dict:
    held = pool.found(call, IdentityPoolId)
    provider = held.settings.get("DeveloperProviderName")
    if provider is None or set(Logins) != {provider}:
        raise InvalidParameterException("Please provide a valid login of the identity pool's developer provider.")
    owner = call.shelf(Owner).get(identities.owner_key(held.id, provider, Logins[provider]))
    if owner is not None:
        if IdentityId not in (None, owner.identity):
            raise DeveloperUserAlreadyRegisteredException
        identity = identities.found(call, owner.identity)
    elif IdentityId is not None:
        identity = identities.found(call, IdentityId)
        identity = identities.put(call, changed(identity, logins=identity.logins | Logins, modified=call.now()))
    else:
        identity = identities.made(call, held.id, Logins)
    methods = ["authenticated", provider, f"{provider}:{call.region}:{held.id}:{Logins[provider]}"]
    return {"IdentityId": identity.id, "Token": login.token_for(call, held, identity.id, methods, TokenDuration or TOKEN_S)}


def LookupDeveloperIdentity(
    call: Call, *, IdentityPoolId: str, IdentityId: str | None = None, DeveloperUserIdentifier: str | None = None
) -> dict:
    provider = pool.found(call, IdentityPoolId).settings.get("DeveloperProviderName", "")
    if IdentityId is None and DeveloperUserIdentifier is None:
        raise InvalidParameterException("Either IdentityId or DeveloperUserIdentifier is required.")
    if DeveloperUserIdentifier is not None:
        owner = call.shelf(Owner).get(identities.owner_key(IdentityPoolId, provider, DeveloperUserIdentifier))
        if owner is None or IdentityId not in (None, owner.identity):
            raise ResourceNotFoundException(f"Developer user identifier {DeveloperUserIdentifier} not found.")
        IdentityId = owner.identity
    named = identities.found(call, IdentityId).logins.get(provider)
    return {"IdentityId": IdentityId, "DeveloperUserIdentifierList": [named] if named is not None else []}
