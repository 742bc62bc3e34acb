"""Federation: somebody is sent to his provider, comes back with a code, and what the provider says of him becomes a user of the pool.

The code is exchanged for tokens; the ID token is proved, the rest is asked of the provider's userInfo.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-flow.html. Texts of failures:
https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import orjson

from kumoniwa.gate import issuer as issuers
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages import json_web_token
from kumoniwa.services.cognito_idp import group as groups
from kumoniwa.services.cognito_idp import linking, schema, signup, trigger
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import UserPoolClient
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.provider import IdentityProvider, secret_of
from kumoniwa.services.cognito_idp.user import EXTERNAL, User
from kumoniwa.wire import outbound
from kumoniwa.wire.outbound import Answer

ANSWERED_WITHIN_S = 5.0
LEEWAY_S = 300.0
"""By how much a provider's clock may differ. Not known of AWS."""
_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class Failed(Exception):
    """Nobody was signed in; the text is what the program is told."""


def address(provider: IdentityProvider, back: str, state: str) -> str:
    """Where somebody is sent to sign in. ``back`` is where he shall come back to."""
    details = provider.details
    return outbound.with_query(details["authorize_url"], {
        "client_id": details["client_id"], "redirect_uri": back, "scope": details["authorize_scopes"], "response_type": "code", "state": state,
    })  # fmt: skip


# What the provider says ----------------------------------------------------------------------------


async def claims_of(call: Call, provider: IdentityProvider, code: str, back: str) -> dict[str, Any]:
    """All that the provider says of who brought this code: his ID token's claims, and over them those of userInfo. Raises Failed."""
    details, secret = provider.details, secret_of(call, provider)
    # A client shows its secret in the form: "Amazon Cognito doesn't support client_secret_basic client authentication."
    form = {"grant_type": "authorization_code", "client_id": details["client_id"], "code": code, "redirect_uri": back}
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    body = urlencode(form | ({"client_secret": secret} if secret else {})).encode()
    try:
        answer = await _asked("POST", details["token_url"], headers, body)
    except TimeoutError:
        raise Failed("Timeout occurred in calling IdP token endpoint") from None
    if answer.status != 200:
        raise Failed(f"{provider.name} Error - {answer.status} error getting token")
    tokens = _object(provider, answer)
    claims = await _proved(call, provider, secret, tokens.get("id_token"))
    told = await _user_info(provider, tokens.get("access_token"))
    if told.get("sub", claims["sub"]) != claims["sub"]:
        raise Failed("The subject of userInfo is not that of the ID token")
    return claims | told


async def _asked(verb: str, url: str, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
    try:
        return await outbound.fetch(verb, url, headers, body, ANSWERED_WITHIN_S)
    except outbound.Unreachable:
        raise Failed("Connection reset") from None


def _object(provider: IdentityProvider, answer: Answer) -> dict[str, Any]:
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise Failed(f"{provider.name} Error - {answer.status} error getting token")
    return said


async def _proved(call: Call, provider: IdentityProvider, secret: str, text: Any) -> dict[str, Any]:
    """The claims of an ID token that this provider made for our client, and that has not ended."""
    details, now = provider.details, call.now()
    try:
        token = json_web_token.read(text if isinstance(text, str) else "")
    except json_web_token.InvalidToken:
        raise Failed("Invalid id_token") from None
    claims = token.claims
    if str(claims.get("iss", "")).rstrip("/") != details["oidc_issuer"].rstrip("/"):
        # https://github.com/TimothyJones/github-cognito-openid-wrapper/issues/100
        raise Failed(f"Bad id_token issuer {claims.get('iss')}")
    hashed = _HASHES.get(str(token.header.get("alg")))
    if hashed is not None:
        is_theirs = bool(secret) and hmac.compare_digest(hmac.digest(secret.encode(), token.signed, hashed), token.signature)
    else:
        try:
            keys = await issuers.keys(call.home).named(details["oidc_issuer"], token.header.get("kid"), now, details["jwks_uri"])
        except issuers.Unavailable:
            raise Failed("Timeout in calling jwks uri") from None
        is_theirs = any(json_web_token.is_signed_by(key, token) for key in keys)
    if not is_theirs:
        raise Failed("Invalid id_token signature")
    audience = claims.get("aud")
    if details["client_id"] not in (audience if isinstance(audience, list) else [audience]):
        raise Failed("Bad id_token audience")
    ends = claims.get("exp")
    if not isinstance(ends, int | float) or ends + LEEWAY_S <= now:
        raise Failed("The id_token has expired")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise Failed("The id_token has no subject")
    return claims


async def _user_info(provider: IdentityProvider, access_token: Any) -> dict[str, Any]:
    if not isinstance(access_token, str):
        return {}
    verb, headers = provider.details["attributes_request_method"], [("Authorization", f"Bearer {access_token}"), ("Accept", "application/json")]
    try:
        answer = await _asked(verb, provider.details["attributes_url"], headers)
    except TimeoutError:
        raise Failed("Read timed out") from None
    if answer.status != 200:
        raise Failed(f"{provider.name} Error - {answer.status} error getting user info")
    return _object(provider, answer)


# Who that is here ----------------------------------------------------------------------------------


async def user_of(
    call: Call, pool: UserPool, client: UserPoolClient, provider: IdentityProvider, claims: dict[str, Any], subject: str = ""
) -> User:
    """The user of the pool, made where he is new, with what the provider says of him now. Raises Failed."""
    subject = subject or str(claims.get(provider.mapping["username"], claims["sub"]))
    attributes = _mapped(pool, client, provider, claims)
    linked = linking.holder(call, pool, provider.name, subject, attributes)
    name = f"{provider.name}_{subject}"
    # Pools that do not tell cases apart know him in small letters: https://github.com/aws-amplify/amplify-flutter/issues/1716 shows both.
    name = name if pool.is_case_sensitive else name.lower()
    user = linked or users.find(call, pool, name)
    try:
        if user is None:
            return await _signed_up(call, pool, client, provider, User(
                pool=pool.id, name=name, sub=call.new_id(), created=call.now(), modified=call.now(), status=EXTERNAL, attributes=attributes,
                provider=provider.name,
            ), subject)  # fmt: skip
        if not user.is_enabled:
            raise Failed("User is disabled.")
        await trigger.asked(
            call, pool, "PreAuthentication", "PreAuthentication_Authentication", user.name, client.id,
            {"userAttributes": trigger.described(user), "validationData": {}},
        )  # fmt: skip
        user = call.atomically(lambda: _again(call, pool, user.name, attributes))
        await trigger.signed_in(call, pool, user, client.id)
    except AwsError as error:
        raise Failed(error.text) from None
    return user


def _mapped(pool: UserPool, client: UserPoolClient, provider: IdentityProvider, claims: dict[str, Any]) -> dict[str, str]:
    """The pool's attributes as the provider's claims have them. "If Amazon Cognito can't update the attribute, it reports an error."
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-specifying-attribute-mapping.html"""
    rules, writable = {rule["Name"]: rule for rule in pool.attributes}, client.settings.get("WriteAttributes")
    read: dict[str, str] = {}
    for name, claim in provider.mapping.items():
        if name == "username" or claims.get(claim) is None:
            continue
        if name not in rules:
            # https://github.com/aws-samples/cloudfront-authorization-at-edge/issues/153
            raise Failed(f"Invalid user attributes: {name}: Attribute does not exist in the schema.\n ")
        if not rules[name]["Mutable"] or writable is not None and name not in writable:
            # https://github.com/amazon-archives/amazon-cognito-auth-js/issues/159
            raise Failed(f"Invalid user attributes: {name}: Attribute cannot be updated.\n ")
        value = claims[claim]
        read[name] = value if isinstance(value, str) else orjson.dumps(value).decode()
    try:
        checked = schema.checked(pool, [{"Name": name, "Value": value} for name, value in read.items()], is_new=True)
    except AwsError as error:
        raise Failed(error.text) from None
    # "By default, mapped email addresses are unverified."
    unproven = {flag: "false" for name, flag in users.VERIFIED.items() if name in checked and flag not in checked}
    return checked | unproven


async def _signed_up(call: Call, pool: UserPool, client: UserPoolClient, provider: IdentityProvider, user: User, subject: str) -> User:
    missing = [
        rule["Name"] for rule in pool.attributes if rule["Required"] and rule["Name"] != "sub" and rule["Name"] not in user.attributes
    ]
    if missing and provider.kind == "SAML":
        # https://repost.aws/knowledge-center/cognito-invalid-saml-response-errors
        raise Failed("".join(f"Invalid user attributes: {name}: The attribute is required" for name in missing[:1]))
    if missing:
        # That he is kept out: https://github.com/amazon-archives/amazon-cognito-auth-js/issues/222. Of the text no record is at hand.
        raise Failed(f"attributes required: [{', '.join(missing)}]")
    await trigger.asked(
        call, pool, "PreSignUp", "PreSignUp_ExternalProvider", user.name, client.id,
        {"userAttributes": {"cognito:email_alias": "", "cognito:phone_number_alias": "", **user.attributes}, "validationData": {}},
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    )  # fmt: skip

    def keep() -> User:
        if users.find(call, pool, user.name) is not None or linking.holder(call, pool, provider.name, subject, user.attributes) is not None:
            # The function has linked him meanwhile, as customers' functions do: https://github.com/aws-amplify/amplify-flutter/issues/1716
            raise Failed(f"Already found an entry for username {user.name}")
        linking.add(call, pool, provider, subject, user.name)
        grouped = groups.of_provider(call, pool, provider.name)
        return users.put(call, linking.told(call, changed(user, groups=(grouped,)), provider, subject, is_primary=True))

    kept = call.atomically(keep)
    await signup.confirmed(call, pool, kept, client.id, None)
    return users.find(call, pool, kept.name) or kept


def _again(call: Call, pool: UserPool, name: str, attributes: dict[str, str]) -> User:
    """Who has been here before. His function may have changed him while it was asked."""
    user = users.find(call, pool, name)
    if user is None:
        raise Failed("User does not exist.")
    if not user.is_enabled:
        raise Failed("User is disabled.")
    return users.put(call, changed(user, attributes=user.attributes | attributes))
