"""Domains: under which host name a pool shows its hosted pages, ``{prefix}.auth.{region}`` before this cloud's or Amazon's own name.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.errors import FeatureUnavailableInTierException, InvalidParameterException
from kumoniwa.services.cognito_idp.place import Place, places

_PREFIX_ERROR = re.compile(r"1 validation error detected: .* at 'domain' .*regular expression", re.DOTALL)
_SMS = r"pattern: .*\{####\}.*"
RESERVED = ("aws", "amazon", "cognito")
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError | None:
    """A prefix of strange letters has a text of its own; one that is too long has not (cdk-preflight's pf-cognito-domain-prefix-format and -length).
    Of an SMS AWS minds only that it has a place for the code, however many lines it has (pf-cognito-sms-verification-message-placeholder)."""
    if _SMS in error.text:
        template = params.get("VerificationMessageTemplate")
        texts = [params.get(name) for name in ("SmsVerificationMessage", "SmsAuthenticationMessage")]
        texts.append(template.get("SmsMessage") if isinstance(template, dict) else None)
        is_of_sms_alone = error.text.count(_SMS) == error.text.count(" failed to satisfy constraint")
        if is_of_sms_alone and all(isinstance(text, str) and "{####}" in text for text in texts if text is not None):
            return None
        return InvalidParameterException(error.text.replace(_SMS, r"pattern: (?s).*\{####\}(?s).*"))
    if operation != "CreateUserPoolDomain" or "CustomDomainConfig" in params or not _PREFIX_ERROR.match(error.text):
        return error
    return InvalidParameterException(
        "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens. "
        r"Please enter a different name that follows this format: ^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$"
    )


def _key(domain: str) -> str:
    return f"domain/{domain}"


def of_pool(call: Call, pool_id: str) -> str | None:
    return next(
        (name.removeprefix("domain/") for name, place in places(call.home).items() if place.pool == pool_id and name.startswith("domain/")),
        None,
    )


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
