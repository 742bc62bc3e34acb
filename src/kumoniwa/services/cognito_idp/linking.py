"""Links: which user somebody is who signs in with a provider.

Whoever came through a provider is linked to the user that was made for him; an administrator may link others before they come. A user's
``identities`` tell of it. https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation-consolidate-users.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import provider as providers
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import InvalidParameterException, LimitExceededException, ResourceNotFoundException
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.provider import IdentityProvider
from kumoniwa.services.cognito_idp.user import IDENTITIES, Link, User

SUBJECT = "Cognito_Subject"
LINKED_MAX = 5


def _key(pool_id: str, provider: str, attribute: str, value: str) -> str:
    return f"{pool_id}/{provider}/{attribute}/{value}"


def holder(call: Call, pool: UserPool, provider: str, subject: str, attributes: dict[str, str]) -> User | None:
    """Whom a provider's user is linked to: by his subject, or by what the provider says of him."""
    for attribute, value in ((SUBJECT, subject), *attributes.items()):
        link = call.shelf(Link).get(_key(pool.id, provider, attribute, value))
        if link is not None and (user := users.find(call, pool, link.user)) is not None:
            return user
    return None


def add(call: Call, pool: UserPool, provider: IdentityProvider, subject: str, name: str) -> None:
    call.shelf(Link)[_key(pool.id, provider.name, SUBJECT, subject)] = Link(pool=pool.id, user=name)


def identities(user: User) -> list[dict[str, Any]]:
    return orjson.loads(user.attributes[IDENTITIES]) if IDENTITIES in user.attributes else []


def told(call: Call, user: User, provider: IdentityProvider, subject: str, *, is_primary: bool) -> User:
    """The user with this identity among his ``identities``."""
    held = identities(user)
    if any((each["providerName"], each["userId"]) == (provider.name, subject) for each in held):
        return user
    fresh = {
        "userId": subject, "providerName": provider.name, "providerType": provider.kind, "issuer": provider.issuer, "primary": is_primary,
        "dateCreated": int(call.now() * 1000),
    }  # fmt: skip
    return changed(user, attributes=user.attributes | {IDENTITIES: orjson.dumps([*held, fresh]).decode()})


def _destination(call: Call, pool_id: str, told: dict[str, str]) -> User:
    provider, value = told.get("ProviderName"), told.get("ProviderAttributeValue")
    if not provider or not value:
        raise InvalidParameterException("The destination user needs ProviderName and ProviderAttributeValue.")
    if provider == "Cognito":
        return users.named(call, pool_id, value)
    return users.named(call, pool_id, f"{providers.found(call, pool_id, provider).name}_{value}")


def AdminLinkProviderForUser(call: Call, *, UserPoolId: str, DestinationUser: dict[str, str], SourceUser: dict[str, str]) -> dict:
    """Texts that users met on AWS carry their source; of the others none is at hand."""
    pool = pools.found(call, UserPoolId)
    if SourceUser.get("ProviderName") == "Cognito":
        # https://github.com/aws-amplify/amplify-js/issues/13334
        raise InvalidParameterException(
            "Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, only as a DestinationUser"
        )
    provider = providers.found(call, UserPoolId, SourceUser.get("ProviderName") or "")
    attribute, value = SourceUser.get("ProviderAttributeName") or "", SourceUser.get("ProviderAttributeValue") or ""
    if not attribute or not value:
        raise InvalidParameterException("The source user needs ProviderAttributeName and ProviderAttributeValue.")
    if attribute != SUBJECT and attribute not in provider.mapping:
        raise InvalidParameterException(f"{attribute} is not mapped from {provider.name}.")
    user = _destination(call, UserPoolId, DestinationUser)
    if attribute == SUBJECT and (other := users.find(call, pool, f"{provider.name}_{value}")) is not None and other.provider:
        # https://github.com/aws/aws-sdk-net/issues/1000
        raise InvalidParameterException(
            "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link"
        )
    held = call.shelf(Link).get(_key(UserPoolId, provider.name, attribute, value))
    if held is not None:
        raise InvalidParameterException("SourceUser is already linked to DestinationUser")
    if sum(not each["primary"] for each in identities(user)) >= LINKED_MAX:
        raise LimitExceededException(f"A user may have {LINKED_MAX} linked identities.")
    call.shelf(Link)[_key(UserPoolId, provider.name, attribute, value)] = Link(pool=UserPoolId, user=user.name)
    users.put(call, told(call, user, provider, value, is_primary=False))
    return {}


def AdminDisableProviderForUser(call: Call, *, UserPoolId: str, User: dict[str, str]) -> dict:
    """A link is taken away, and with it what it told of the user. Whom ``Cognito`` names may not sign in with a password any more."""
    pool = pools.found(call, UserPoolId)
    provider, attribute, value = (User.get(name) or "" for name in ("ProviderName", "ProviderAttributeName", "ProviderAttributeValue"))
    if provider == "Cognito":
        user = users.named(call, UserPoolId, value)
        users.put(call, changed(user, verifier=b"", password_until=0.0))
        return {}
    providers.found(call, UserPoolId, provider)
    key = _key(UserPoolId, provider, attribute, value)
    link = call.shelf(Link).get(key)
    if link is None:
        raise ResourceNotFoundException(f"No user is linked to {value} of {provider}.")
    del call.shelf(Link)[key]
    user = users.find(call, pool, link.user)
    if user is not None:
        left = [each for each in identities(user) if (each["providerName"], each["userId"]) != (provider, value)]
        rest = {name: said for name, said in user.attributes.items() if name != IDENTITIES}
        users.put(call, changed(user, attributes=rest | ({IDENTITIES: orjson.dumps(left).decode()} if left else {})))
    return {}
