"""Keys for an identity: which role it gets, and STS's keys of that role, by a token as anybody could show it.

https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cognito_identity import identity as identities
from kumoniwa.services.cognito_identity import login, pool
from kumoniwa.services.cognito_identity.errors import (
    InvalidIdentityPoolConfigurationException,
    NotAuthorizedException,
)
from kumoniwa.services.cognito_identity.login import Login
from kumoniwa.services.cognito_identity.pool import IdentityPool

SESSION_NAME = "CognitoIdentityCredentials"
_MATCHES = {
    "Equals": lambda value, wanted: value == wanted,
    "NotEqual": lambda value, wanted: value != wanted,
    "StartsWith": lambda value, wanted: value.startswith(wanted),
    "Contains": lambda value, wanted: wanted in value,
}


def _by_token(claims: dict[str, Any]) -> str | None:
    roles = claims.get("cognito:roles") or []
    return claims.get("cognito:preferred_role") or (roles[0] if len(roles) == 1 else None)


def _by_rules(mapping: dict[str, Any], claims: dict[str, Any]) -> str | None:
    for rule in mapping["RulesConfiguration"]["Rules"]:
        value = claims.get(rule["Claim"])
        texts = value if isinstance(value, list) else [value]
        fits = _MATCHES[rule["MatchType"]]
        if value is not None and any(fits(str(text), rule["Value"]) for text in texts):
            return rule["RoleARN"]
    return None


def _role(held: IdentityPool, logins: list[Login], wanted: str | None) -> str:
    """The role for somebody who has come with these logins. Raises what AWS answers where there is none."""
    if wanted is not None:
        if not any(wanted in (each.claims.get("cognito:roles") or ()) for each in logins):
            raise NotAuthorizedException("Invalid role: the token does not name it.")
        return wanted
    for each in logins:
        mapping = held.mappings.get(f"{each.provider}:{each.claims.get('aud')}")
        if mapping is None:
            continue
        role = _by_token(each.claims) if mapping["Type"] == "Token" else _by_rules(mapping, each.claims)
        if role is not None:
            return role
        if mapping["AmbiguousRoleResolution"] == "Deny":
            raise NotAuthorizedException("Access denied: no role of the mapping fits the token.")
    role = held.roles.get("authenticated" if logins else "unauthenticated")
    if role is None:
        raise InvalidIdentityPoolConfigurationException
    return role


async def GetCredentialsForIdentity(
    call: Call, *, IdentityId: str, Logins: dict[str, str] | None = None, CustomRoleArn: str | None = None
) -> dict:
    held = pool.found(call, identities.found(call, IdentityId).pool)
    identities.check_anybody(held, Logins)
    logins = await login.proven(call, held, Logins)
    identity = identities.settled(call, held, identities.found(call, IdentityId), logins)
    role = _role(held, logins, CustomRoleArn)
    token = login.token_for(call, held, identity.id, identities.methods(logins), identities.TOKEN_S)
    try:
        reply = await call.ask("sts:AssumeRoleWithWebIdentity", RoleArn=role, RoleSessionName=SESSION_NAME, WebIdentityToken=token)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise InvalidIdentityPoolConfigurationException(hint=f"{role}: {error.text}") from None
    keys = reply["Credentials"]
    told = {
        "AccessKeyId": keys["AccessKeyId"],
        "SecretKey": keys["SecretAccessKey"],
        "SessionToken": keys["SessionToken"],
        "Expiration": keys["Expiration"],
    }
    return {"IdentityId": identity.id, "Credentials": told}
