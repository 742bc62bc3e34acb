"""Domains: under which host name a pool shows its hosted pages, ``{prefix}.auth.{region}`` before this cloud's or Amazon's own name.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.errors import FeatureUnavailableInTierException, InvalidParameterException
from kumoniwa.services.cognito_idp.place import Place, domain_of, key_of, places

RESERVED = ("aws", "amazon", "cognito")
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html


def CreateUserPoolDomain(call: Call, *, Domain: str, UserPoolId: str, ManagedLoginVersion: int | None = None) -> dict:
    """Domains of the customer's own (``CustomDomainConfig``) are refused by name, and so is the newer managed login."""
    pool = pools.found(call, UserPoolId)
    if ManagedLoginVersion == 2 and pool.settings.get("UserPoolTier") == "LITE":
        # pf-cognito-managed-login-version-tier of badmintoncryer/cdk-preflight.
        raise FeatureUnavailableInTierException(
            "The following feature is not available for the LITE pricing tier configured: Managed Login Version 2"
        )
    if ManagedLoginVersion not in (None, 1):
        raise NotImplementedHere(f"ManagedLoginVersion {ManagedLoginVersion} of cognito-idp")
    # Between hyphens: "awsome" is taken, as cdk-preflight saw it of AWS (pf-cognito-domain-reserved-word).
    if reserved := next((word for word in Domain.split("-") if word in RESERVED), None):
        raise InvalidParameterException(f"Domain cannot contain reserved word: {reserved}")
    if key_of(Domain) in places(call.home):
        raise InvalidParameterException(f"Domain {Domain} already associated with another user pool.")
    if domain_of(call.home, UserPoolId) is not None:
        raise InvalidParameterException("User pool already has a domain configured.")
    places(call.home)[key_of(Domain)] = Place(account=call.account, pool=UserPoolId)
    return {"ManagedLoginVersion": 1}


def DescribeUserPoolDomain(call: Call, *, Domain: str) -> dict:
    """A domain that nobody has is described too, emptily."""
    place = places(call.home).get(key_of(Domain))
    if place is None or place.account != call.account:
        return {"DomainDescription": {}}
    told: dict[str, Any] = {
        "UserPoolId": place.pool, "AWSAccountId": place.account, "Domain": Domain, "Status": "ACTIVE", "CustomDomainConfig": {},
        "ManagedLoginVersion": 1,
    }  # fmt: skip
    return {"DomainDescription": told}


def DeleteUserPoolDomain(call: Call, *, Domain: str, UserPoolId: str) -> dict:
    pools.found(call, UserPoolId)
    place = places(call.home).get(key_of(Domain))
    if place is None or place.pool != UserPoolId:
        raise InvalidParameterException("No such domain or user pool exists.")
    del places(call.home)[key_of(Domain)]
    return {}
