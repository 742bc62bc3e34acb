"""Logins: tokens of a user pool, or of this service itself, that prove who has come.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-integrating-user-pools-with-identity-pools.html
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives import serialization

from kumoniwa.engines import key_material
from kumoniwa.gate import issuer as issuers
from kumoniwa.kernel.call import Call
from kumoniwa.languages import json_web_token
from kumoniwa.services.cognito_identity.errors import NotAuthorizedException
from kumoniwa.services.cognito_identity.pool import IdentityPool, token_key

SELF = "cognito-identity.amazonaws.com"
ISSUER = f"https://{SELF}"
ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"


class Login(NamedTuple):
    """One proven login. ``subject`` is who it is there."""

    provider: str
    subject: str
    claims: dict[str, Any]

    @property
    def methods(self) -> list[str]:
        return [self.provider, f"{self.provider}:CognitoSignIn:{self.subject}"] if self.provider != SELF else []


def _invalid(text: str) -> NotAuthorizedException:
    return NotAuthorizedException(f"Invalid login token. {text}")


async def proven(call: Call, pool: IdentityPool, logins: dict[str, str] | None) -> list[Login]:
    """Raises NotAuthorizedException for the first login that is not good."""
    return [await _proven(call, pool, name, text) for name, text in (logins or {}).items()]


async def _proven(call: Call, pool: IdentityPool, name: str, text: str) -> Login:
    trusted = {each["ProviderName"]: [] for each in pool.settings.get("CognitoIdentityProviders", ())}
    for each in pool.settings.get("CognitoIdentityProviders", ()):
        trusted[each["ProviderName"]].append(each.get("ClientId"))
    if name not in trusted and name != SELF:
        raise NotAuthorizedException("Token is not from a supported provider of this identity pool.")
    try:
        token = json_web_token.read(text)
    except json_web_token.InvalidToken:
        raise _invalid("Not a valid OpenId Connect identity token.") from None
    claims = token.claims
    if claims.get("iss") != f"https://{name}":
        raise _invalid("Issuer doesn't match providerName")
    if name == SELF:
        keys, audience = published(call.home), [pool.id]
    else:
        audience = trusted[name]
        if claims.get("token_use") != "id":
            raise _invalid("Not a valid OpenId Connect identity token.")
        try:
            keys = await issuers.keys(call.home).named(claims["iss"], token.header.get("kid"), call.now())
        except issuers.Unavailable as error:
            raise NotAuthorizedException("Invalid login token. Can't get the keys of the provider.", hint=str(error)) from None
    if not any(json_web_token.is_signed_by(key, token) for key in keys):
        raise _invalid("Couldn't verify signed token.")
    if claims.get("aud") not in audience:
        raise _invalid("Incorrect token audience.")
    if claims["exp"] <= call.now():
        raise _invalid(f"Token expired: {int(claims['exp'])} >= {int(call.now())}")
    return Login(name, claims["sub"], claims)


# Tokens of our own ---------------------------------------------------------------------------------


def _name(public: bytes) -> str:
    return f"{hashlib.sha256(public).hexdigest()[:40]}"


def published(home: Any) -> list[dict[str, str]]:
    """The region's public key, as RFC 7517 writes it; none before there was a pool."""
    secret = token_key(home)
    if not secret:
        return []
    public = key_material.public(secret)
    numbers = serialization.load_der_public_key(public).public_numbers()
    n, e = (json_web_token.base64url(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
    return [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": _name(public), "n": n, "e": e}]


def token_for(call: Call, pool: IdentityPool, identity: str, methods: list[str], lasts_s: int) -> str:
    """What tells STS, or anybody who knows the key, which identity of which pool has come and how."""
    now, secret = int(call.now()), token_key(call.home)
    claims = {"sub": identity, "aud": pool.id, "amr": methods, "iss": ISSUER, "exp": now + lasts_s, "iat": now}
    body = f"{json_web_token.base64url(orjson.dumps({'kid': _name(key_material.public(secret)), 'typ': 'JWS', 'alg': 'RS256'}))}.{json_web_token.base64url(orjson.dumps(claims))}"
    return f"{body}.{json_web_token.base64url(key_material.sign(secret, ALGORITHM, body.encode(), is_digest=False))}"
