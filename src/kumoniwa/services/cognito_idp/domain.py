"""Domains: under which host name a pool shows its hosted pages, ``{prefix}.auth.{region}`` before this cloud's or Amazon's own name.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.errors import InvalidParameterException
from kumoniwa.services.cognito_idp.place import Place, places

RESERVED = ("aws", "amazon", "cognito")
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html


def _key(domain: str) -> str:
    return f"domain/{domain}"


def of_pool(call: Call, pool_id: str) -> str | None:
    return next((name.removeprefix("domain/") for name, place in places(call.home).items() if place.pool == pool_id and name.startswith("domain/")), None)


def CreateUserPoolDomain(call: Call, *, Domain: str, UserPoolId: str, ManagedLoginVersion: int | None = None) -> dict:
    """Domains of the customer's own (``CustomDomainConfig``) are refused by name, and so is the newer managed login."""
    pools.found(call, UserPoolId)
    if ManagedLoginVersion not in (None, 1):
        raise NotImplementedHere(f"ManagedLoginVersion {ManagedLoginVersion} of cognito-idp")
    if any(word in Domain for word in RESERVED):
        raise InvalidParameterException(f"Domain cannot contain reserved word: {next(word for word in RESERVED if word in Domain)}")
    if _key(Domain) in places(call.home):
        raise InvalidParameterException(f"Domain {Domain} already associated with another user pool.")
    if of_pool(call, UserPoolId) is not None:
        raise InvalidParameterException("User pool already has a domain configured.")
    places(call.home)[_key(Domain)] = Place(account=call.account, pool=UserPoolId)
    return {"ManagedLoginVersion": 1}


def DescribeUserPoolDomain(call: Call, *, Domain: str) -> dict:
    """A domain that nobody has is described too, emptily."""
    place = places(call.home).get(_key(Domain))
    if place is None or place.account != call.account:
        return {"DomainDescription": {}}
    told: dict[str, Any] = {
        "UserPoolId": place.pool, "AWSAccountId": place.account, "Domain": Domain, "Status": "ACTIVE", "CustomDomainConfig": {},
        "ManagedLoginVersion": 1,
    }  # fmt: skip
    return {"DomainDescription": told}


def DeleteUserPoolDomain(call: Call, *, Domain: str, UserPoolId: str) -> dict:
    pools.found(call, UserPoolId)
    place = places(call.home).get(_key(Domain))
    if place is None or place.pool != UserPoolId:
        raise InvalidParameterException("No such domain or user pool exists.")
    del places(call.home)[_key(Domain)]
    return {}
