"""Tokens: who somebody is, what he may do, and how to get the two anew.

ID and access tokens are JSON Web Tokens signed by the pool's two keys. A refresh token is sealed: nobody but this cloud reads it.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives import serialization

from kumoniwa.engines import key_material
from kumoniwa.kernel.call import Call
from kumoniwa.languages import json_web_token
from kumoniwa.services.cognito_idp import bill, guard, place, ticket, trigger
from kumoniwa.services.cognito_idp import group as groups
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import UserPoolClient
from kumoniwa.services.cognito_idp.errors import InvalidLambdaResponseException, NotAuthorizedException
from kumoniwa.services.cognito_idp.pool import UserPool, issuer_of
from kumoniwa.services.cognito_idp.user import IDENTITIES, User

ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"
ID, ACCESS = 0, 1
ADMIN_SCOPE = "aws.cognito.signin.user.admin"
INVALID = "Invalid Access Token"
SUPPRESSED_NEVER = frozenset(("sub", "iss", "aud", "exp", "iat", "token_use", "auth_time", "jti", "origin_jti", "event_id", "client_id", "username", "cognito:username"))
"""https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html"""
SOURCES = {
    "hosted": "TokenGeneration_HostedAuth", "password": "TokenGeneration_Authentication", "new password": "TokenGeneration_NewPasswordChallenge",
    "refresh": "TokenGeneration_RefreshTokens", "client": "TokenGeneration_ClientCredentials",
    "device": "TokenGeneration_AuthenticateDevice",
}  # fmt: skip


class SignIn(NamedTuple):
    """One time that somebody proved who he is; his tokens tell of it."""

    at: float
    origin: str
    how: str = "password"
    scopes: tuple[str, ...] = (ADMIN_SCOPE,)
    nonce: str = ""


def begun(call: Call, how: str = "password", scopes: tuple[str, ...] = (ADMIN_SCOPE,), nonce: str = "") -> SignIn:
    return SignIn(call.now(), call.new_id(), how, scopes, nonce)


# Keys ----------------------------------------------------------------------------------------------


def _secret(home: Any, pool: UserPool, which: int) -> bytes:
    return place.opened(home, pool.keys[which], "token key") or b""


def _text(number: int) -> str:
    return json_web_token.base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _name(public: bytes) -> str:
    return base64.b64encode(hashlib.sha256(public).digest()).decode()


def published(home: Any, pool: UserPool) -> list[dict[str, str]]:
    """The pool's public keys, as RFC 7517 writes them."""
    keys = []
    for which in (ID, ACCESS):
        public = key_material.public(_secret(home, pool, which))
        numbers = serialization.load_der_public_key(public).public_numbers()
        keys.append({"alg": "RS256", "e": _text(numbers.e), "kid": _name(public), "kty": "RSA", "n": _text(numbers.n), "use": "sig"})
    return keys


def signed(home: Any, secret: bytes, claims: dict[str, Any]) -> str:
    header = {"kid": _name(key_material.public(secret)), "alg": "RS256"}
    body = f"{json_web_token.base64url(orjson.dumps(header))}.{json_web_token.base64url(orjson.dumps(claims))}"
    return f"{body}.{json_web_token.base64url(key_material.sign(secret, ALGORITHM, body.encode(), is_digest=False))}"


# Issued --------------------------------------------------------------------------------------------


def _told(identity: dict[str, Any]) -> dict[str, Any]:
    """An identity as tokens tell it: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html"""
    return identity | {"primary": str(identity["primary"]).lower(), "dateCreated": str(identity["dateCreated"])}


def _identity(call: Call, client: UserPoolClient, user: User) -> dict[str, Any]:
    """What an ID token says of a user: the attributes that the client may read, and his groups with their roles."""
    readable = client.settings.get("ReadAttributes")
    claims: dict[str, Any] = {name: value for name, value in user.attributes.items() if readable is None or name in readable}
    if IDENTITIES in user.attributes:
        claims[IDENTITIES] = [_told(each) for each in orjson.loads(user.attributes[IDENTITIES])]
    for name in ("email_verified", "phone_number_verified"):
        if name in claims:
            claims[name] = claims[name] == "true"
    held = groups.of_user(call, user)
    if held:
        claims["cognito:groups"] = [group.name for group in held]
    roles = [group.role for group in held if group.role]
    if roles:
        claims["cognito:roles"] = roles
    first = [group for group in held if group.role and group.precedence is not None and group.precedence == held[0].precedence]
    if len({group.role for group in first}) == 1:
        # Two groups of the same precedence with different roles leave none preferred.
        claims["cognito:preferred_role"] = first[0].role
    return claims


_OF_SCOPE = {"email": ("email", "email_verified"), "phone": ("phone_number", "phone_number_verified")}


def _within(scopes: tuple[str, ...], claims: dict[str, Any]) -> dict[str, Any]:
    """What a hosted sign-in's scopes let an ID token say: https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html"""
    if ADMIN_SCOPE in scopes or "profile" in scopes or not {"email", "phone"} & set(scopes):
        return claims
    seen = {name for scope in scopes for name in _OF_SCOPE.get(scope, ())}
    return {name: value for name, value in claims.items() if name in seen or name == IDENTITIES or name.startswith("cognito:")}


async def issue(
    call: Call, pool: UserPool, client: UserPoolClient, user: User, sign_in: SignIn, metadata: dict[str, str] | None = None, *, is_new: bool = True,
    device: str = "",
) -> dict[str, Any]:  # fmt: skip
    """ID, access and, with a new sign-in, refresh token: an ``AuthenticationResult``. Access tokens name the ``device`` on which it is."""
    now, event = int(call.now()), call.new_id()
    shared = {"sub": user.sub, "iss": issuer_of(pool), "origin_jti": sign_in.origin, "event_id": event, "auth_time": int(sign_in.at), "iat": now}
    identity = _within(sign_in.scopes, _identity(call, client, user))
    groups_held = {"cognito:groups": identity["cognito:groups"]} if "cognito:groups" in identity else {}
    id_claims = {
        **identity, **shared, "cognito:username": user.name, "aud": client.id, "token_use": "id", "jti": call.new_id(),
        "exp": now + client.lasts_s("IdTokenValidity"), **({"nonce": sign_in.nonce} if sign_in.nonce else {}),
    }  # fmt: skip
    access_claims = {
        **shared, **groups_held, **({"device_key": device} if device else {}), "client_id": client.id, "token_use": "access", "scope": " ".join(sign_in.scopes), "username": user.name,
        "jti": call.new_id(), "exp": now + client.lasts_s("AccessTokenValidity"), **({"version": 2} if sign_in.how == "hosted" else {}),
    }  # fmt: skip
    id_claims, access_claims = await _generated(call, pool, client, user, sign_in, id_claims, access_claims, metadata)
    users.active(call, pool, user)
    result = {
        "AccessToken": signed(call.home, _secret(call.home, pool, ACCESS), access_claims), "ExpiresIn": client.lasts_s("AccessTokenValidity"),
        "TokenType": "Bearer", "IdToken": signed(call.home, _secret(call.home, pool, ID), id_claims),
    }  # fmt: skip
    if is_new:
        body = {
            "pool": pool.id, "client": client.id, "user": user.name, "at": sign_in.at, "origin": sign_in.origin, "how": sign_in.how,
            "scopes": sign_in.scopes, "exp": now + client.lasts_s("RefreshTokenValidity"), "device": device,
        }  # fmt: skip
        result["RefreshToken"] = json_web_token.base64url(place.shut(call.home, orjson.dumps(body), "refresh token"))
    return result


async def _generated(
    call: Call, pool: UserPool, client: UserPoolClient, user: User, sign_in: SignIn, id_claims: dict, access_claims: dict,
    metadata: dict[str, str] | None,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """The claims, as the customer's function changes them."""
    version = (pool.triggers.get("PreTokenGenerationConfig") or {}).get("LambdaVersion", "V1_0")
    configuration = {
        "groupsToOverride": list(user.groups), "iamRolesToOverride": id_claims.get("cognito:roles", []),
        "preferredRole": id_claims.get("cognito:preferred_role"),
    }  # fmt: skip
    request: dict[str, Any] = {"userAttributes": trigger.described(user), "groupConfiguration": configuration}
    member = "claimsOverrideDetails" if version == "V1_0" else "claimsAndScopeOverrideDetails"
    if version != "V1_0":
        request["scopes"] = list(sign_in.scopes)
    answer = await trigger.asked(
        call, pool, "PreTokenGeneration", SOURCES[sign_in.how], user.name, client.id, request, {member: None}, metadata,
        version=version[1],
    )  # fmt: skip
    said = answer.get(member) or {}
    if not isinstance(said, dict):
        raise InvalidLambdaResponseException
    grouped = said.get("groupOverrideDetails") or {}
    if version == "V1_0":
        id_claims = _overridden(id_claims, said, plain=True)
    else:
        id_claims = _overridden(id_claims, said.get("idTokenGeneration") or {}, plain=False)
        access_claims = _access_overridden(access_claims, said)
    if grouped.get("groupsToOverride") is not None:
        id_claims["cognito:groups"] = access_claims["cognito:groups"] = grouped["groupsToOverride"]
    for name, claim in (("iamRolesToOverride", "cognito:roles"), ("preferredRole", "cognito:preferred_role")):
        if grouped.get(name):
            id_claims[claim] = grouped[name]
    return id_claims, access_claims


def _access_overridden(claims: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """The claims and scopes of an access token."""
    access = said.get("accessTokenGeneration") or {}
    claims = _overridden(claims, access, plain=False)
    scopes = [scope for scope in claims["scope"].split() if scope not in (access.get("scopesToSuppress") or ())]
    return claims | {"scope": " ".join([*scopes, *(access.get("scopesToAdd") or ())])}


def _overridden(claims: dict[str, Any], said: dict[str, Any], *, plain: bool) -> dict[str, Any]:
    added = said.get("claimsToAddOrOverride") or {}
    gone = said.get("claimsToSuppress") or ()
    if plain and not all(isinstance(value, str) for value in added.values()):
        raise InvalidLambdaResponseException
    kept = {name: value for name, value in claims.items() if name not in gone or name in SUPPRESSED_NEVER}
    return kept | {name: value for name, value in added.items() if name not in SUPPRESSED_NEVER}


async def for_client(
    call: Call, pool: UserPool, client: UserPoolClient, scopes: list[str], metadata: dict[str, str] | None = None
) -> dict[str, Any]:
    """The access token of a program that asks for itself. By which name functions of version 3 are told of it is not published: ours is its id.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
    """
    bill.of_program(call, pool)
    now = int(call.now())
    claims = {
        "sub": client.id, "token_use": "access", "scope": " ".join(scopes), "auth_time": now, "iss": issuer_of(pool),
        "exp": now + client.lasts_s("AccessTokenValidity"), "iat": now, "version": 2, "jti": call.new_id(), "client_id": client.id,
    }  # fmt: skip
    if (pool.triggers.get("PreTokenGenerationConfig") or {}).get("LambdaVersion") == "V3_0":
        request = {"userAttributes": {}, "groupConfiguration": {}, "scopes": scopes}
        answer = await trigger.asked(
            call, pool, "PreTokenGeneration", SOURCES["client"], client.id, client.id, request, {"claimsAndScopeOverrideDetails": None}, metadata,
            version="3",
        )  # fmt: skip
        said = answer.get("claimsAndScopeOverrideDetails") or {}
        if not isinstance(said, dict):
            raise InvalidLambdaResponseException
        claims = _access_overridden(claims, said)
    return {
        "AccessToken": signed(call.home, _secret(call.home, pool, ACCESS), claims),
        "ExpiresIn": client.lasts_s("AccessTokenValidity"),
        "TokenType": "Bearer",
    }


# Shown again ---------------------------------------------------------------------------------------


def pool_of(text: str) -> str:
    """The id of the pool that a token says it is from; empty for what is no token."""
    try:
        return str(json_web_token.read(text).claims.get("iss", "")).rpartition("/")[2]
    except json_web_token.InvalidToken:
        return ""


def bearer(call: Call, text: str, scope: str = ADMIN_SCOPE) -> tuple[UserPool, User, dict[str, Any]]:
    """Whose access token this is. Raises NotAuthorizedException unless it is good, and made for ``scope``."""
    try:
        read = json_web_token.read(text)
    except json_web_token.InvalidToken:
        raise NotAuthorizedException(INVALID) from None
    claims, now = read.claims, call.now()
    pool = call.shelf(UserPool).get(str(claims.get("iss", "")).rpartition("/")[2])
    if pool is None or claims.get("token_use") != "access" or claims.get("iss") != pools.issuer_of(pool):
        raise NotAuthorizedException(INVALID)
    guard.check(call, pools.arn_of(call, pool.id))
    if not any(json_web_token.is_signed_by(key, read) for key in published(call.home, pool) if key["kid"] == read.header.get("kid")):
        raise NotAuthorizedException(INVALID)
    if claims["exp"] <= now:
        raise NotAuthorizedException("Access Token has expired")
    user = users.find(call, pool, str(claims.get("username", "")))
    if user is None or user.sub != claims["sub"]:
        raise users.UserNotFoundException
    if claims["auth_time"] < int(user.signed_out) or ticket.is_revoked(call, str(claims.get("origin_jti"))):
        raise NotAuthorizedException("Access Token has been revoked")
    if not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    if scope not in str(claims.get("scope", "")).split():
        raise NotAuthorizedException("Access Token does not have required scopes")
    return pool, user, claims


class Refresh(NamedTuple):
    sign_in: SignIn
    user: User
    until: float
    device: str = ""


def opened(call: Call, client: UserPoolClient, text: str) -> Refresh:
    """What a refresh token stands for. Raises NotAuthorizedException unless it is good."""
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise NotAuthorizedException("Invalid Refresh Token") from None
    body = place.opened(call.home, sealed, "refresh token")
    said = orjson.loads(body) if body else {}
    if said.get("client") != client.id:
        raise NotAuthorizedException("Invalid Refresh Token")
    user = users.find(call, pools.found(call, client.pool), said["user"])
    if said["exp"] <= call.now():
        raise NotAuthorizedException("Refresh Token has expired")
    if user is None or said["at"] <= user.signed_out or ticket.is_revoked(call, said["origin"]):
        raise NotAuthorizedException("Refresh Token has been revoked")
    if not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    return Refresh(SignIn(said["at"], said["origin"], said["how"], tuple(said["scopes"])), user, said["exp"], said.get("device", ""))
