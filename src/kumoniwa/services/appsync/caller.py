"""Who asks: an API key, a signature, a token or what the customer's own function says of one.

https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from kumoniwa.gate import identity, signature
from kumoniwa.gate import issuer as issuers
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages import json_web_token
from kumoniwa.languages.json_web_token import Token
from kumoniwa.services.appsync.apikey import ApiKey
from kumoniwa.services.appsync.errors import UnauthorizedException
from kumoniwa.services.appsync.eventapi import Admitting
from kumoniwa.services.appsync.graphqlapi import Api, arn_of
from kumoniwa.wire.message import Request

SERVICE = "appsync.amazonaws.com"
NOT_PROVIDED = "Valid authorization header not provided."
NOT_AUTHORIZED = "You are not authorized to make this call."
VERDICTS_MAX = 4_096


class Caller(NamedTuple):
    """One who may ask something."""

    mode: str
    identity: dict[str, Any] | None = None
    """``ctx.identity``."""
    groups: tuple[str, ...] = ()
    principal: Principal = principals.ANONYMOUS
    """Of AWS_IAM."""
    denied: frozenset[str] = frozenset()
    """``Type.field`` and ARNs that a Lambda authorizer denies."""


class Asked(NamedTuple):
    """What a caller shows, over HTTP or in a WebSocket's messages."""

    request: Request
    """As it was signed, if it was."""
    query: str = ""
    operation: str | None = None
    variables: dict[str, Any] | None = None
    context: dict[str, str] | None = None
    """Of an Event API: what shall be done with which channel, as an authorizer is told it."""


class Verdicts:
    """What Lambda authorizers said of tokens, by API, token and channel, and until when it holds."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = {}


def _refused(text: str = NOT_AUTHORIZED, hint: str = "") -> UnauthorizedException:
    return UnauthorizedException(text, hint=hint)


def _provider(api: Api | Admitting, *kinds: str) -> dict[str, Any] | None:
    return next((each for each in api.providers if each.get("authenticationType") in kinds), None)


async def identified(call: Call, api: Api | Admitting, asked: Asked) -> Caller:
    """Raises UnauthorizedException and what AWS says of signatures."""
    headers = asked.request.headers
    if asked.request.speaker is not None:
        # A service of this region asks, in a role of the customer's.
        if _provider(api, "AWS_IAM") is None:
            raise _refused()
        return _signed_by(asked.request.speaker)
    authorization = headers.get("authorization", "")
    if "x-api-key" in headers and _provider(api, "API_KEY") is not None:
        return _by_key(call, api, headers["x-api-key"])
    if not authorization:
        raise _refused(NOT_PROVIDED)
    if authorization.startswith("AWS4-"):
        if _provider(api, "AWS_IAM") is None:
            raise _refused()
        return _by_signature(call, asked.request)
    token = re.sub(r"^[Bb]earer +", "", authorization)
    takes_tokens = _provider(api, "OPENID_CONNECT", "AMAZON_COGNITO_USER_POOLS") is not None
    authorizer = _provider(api, "AWS_LAMBDA")
    if takes_tokens:
        try:
            return await _by_token(call, api, json_web_token.read(token))
        except json_web_token.InvalidToken:
            # What is no JWT is for the customer's function, if there is one.
            if authorizer is None:
                raise _refused("Unable to parse JWT token.") from None
    if authorizer is None:
        raise _refused(NOT_PROVIDED)
    return await _by_function(call, api, authorizer["lambdaAuthorizerConfig"], authorization, asked)


def _by_key(call: Call, api: Api | Admitting, key: str) -> Caller:
    held = call.shelf(ApiKey).get(f"{api.id}/{key}")
    if held is None or held.expires <= call.now():
        raise _refused(hint="The API key is unknown or has expired.")
    return Caller("API_KEY")


def _by_signature(call: Call, request: Request) -> Caller:
    claim = signature.claim(request, "rest-json")
    principal, secret = identity.identify(call.home, claim.access_key, claim.session_token, "rest-json")
    if secret is not None:
        signature.verify(request, claim, secret, call.now(), "rest-json")
    return _signed_by(principal)


def _signed_by(principal: Principal) -> Caller:
    told = {
        "accountId": principal.account,
        "cognitoIdentityAuthProvider": None,
        "cognitoIdentityAuthType": None,
        "cognitoIdentityId": None,
        "cognitoIdentityPoolId": None,
        "sourceIp": ["127.0.0.1"],
        "userArn": principal.arn,
        "username": principal.user_id,
    }
    return Caller("AWS_IAM", told, principal=principal)


# Tokens ------------------------------------------------------------------------------------------


async def _by_token(call: Call, api: Api | Admitting, token: Token) -> Caller:
    issuer = str(token.claims.get("iss", "")).rstrip("/")
    for provider in api.providers:
        said = provider.get("openIDConnectConfig")
        if provider.get("authenticationType") == "OPENID_CONNECT" and said["issuer"].rstrip("/") == issuer:
            await _prove(call, issuer, token)
            _check_openid(call, said, token)
            told = {"sub": token.claims.get("sub"), "issuer": issuer, "claims": token.claims}
            return Caller("OPENID_CONNECT", told)
        said = provider.get("userPoolConfig")
        if provider.get("authenticationType") == "AMAZON_COGNITO_USER_POOLS" and issuer.endswith(
            f"/{said['userPoolId']}"
        ):
            return await _of_pool(call, said, issuer, token)
    raise _refused(hint=f"No provider of this API has the issuer {issuer}.")


async def _of_pool(call: Call, said: dict[str, Any], issuer: str, token: Token) -> Caller:
    await _prove(call, f"https://cognito-idp.{said['awsRegion']}.amazonaws.com/{said['userPoolId']}", token)
    client = str(token.claims.get("client_id") or token.claims.get("aud") or "")
    if said.get("appIdClientRegex") and not re.fullmatch(said["appIdClientRegex"], client):
        raise _refused()
    groups = tuple(token.claims.get("cognito:groups") or ())
    told = {
        "sub": token.claims.get("sub"), "issuer": issuer, "username": token.claims.get("cognito:username", token.claims.get("username")),
        "claims": token.claims, "sourceIp": ["127.0.0.1"], "defaultAuthStrategy": said.get("defaultAction", "ALLOW"),
        "groups": list(groups) or None,
    }  # fmt: skip
    return Caller("AMAZON_COGNITO_USER_POOLS", told, groups)


def _check_openid(call: Call, said: dict[str, Any], token: Token) -> None:
    claims, now_ms = token.claims, call.now() * 1000
    for limit, claim in (("iatTTL", "iat"), ("authTTL", "auth_time")):
        begun = claims.get(claim)
        if said.get(limit) and (not isinstance(begun, (int, float)) or begun * 1000 + said[limit] < now_ms):
            raise _refused("Token has expired.")
    if said.get("clientId"):
        audience = claims.get("aud")
        names = [*(audience if isinstance(audience, list) else [audience]), claims.get("azp")]
        if not any(isinstance(name, str) and re.fullmatch(said["clientId"], name) for name in names):
            raise _refused(hint="Neither aud nor azp of the token is a client of this API.")


async def _prove(call: Call, issuer: str, token: Token) -> None:
    """Raises UnauthorizedException unless the issuer's key made the token and it is good now."""
    now = call.now()
    try:
        keys = await issuers.keys(call.home).named(issuer, token.header.get("kid"), now)
    except issuers.Unavailable as error:
        raise _refused("Unable to verify token signature.", hint=str(error)) from None
    if not any(json_web_token.is_signed_by(key, token) for key in keys):
        raise _refused("Unable to verify token signature.")
    ends, begins = token.claims.get("exp"), token.claims.get("nbf", 0)
    if not isinstance(ends, (int, float)) or ends <= now:
        raise _refused("Token has expired.")
    if not isinstance(begins, (int, float)) or begins > now:
        raise _refused("Token is not valid yet.")


# The customer's function ----------------------------------------------------------------------------


async def _by_function(call: Call, api: Api | Admitting, said: dict[str, Any], token: str, asked: Asked) -> Caller:
    pattern = said.get("identityValidationExpression")
    if pattern and not re.fullmatch(pattern, token):
        raise _refused(hint="The token does not match the API's identityValidationExpression.")
    known, key = call.memory(Verdicts).known, (api.id, token, *(asked.context or {}).values())
    until, verdict = known.get(key, (0.0, {}))
    if until <= call.now():
        verdict = await _verdict(call, api, said["authorizerUri"], token, asked)
        ttl_s = verdict.get("ttlOverride", said.get("authorizerResultTtlInSeconds", 300 if asked.context is None else 0))
        if isinstance(ttl_s, (int, float)) and ttl_s > 0:
            if len(known) >= VERDICTS_MAX:
                known.clear()
            known[key] = (call.now() + min(ttl_s, 3_600), verdict)
    if verdict.get("isAuthorized") is not True:
        raise _refused()
    name = "resolverContext" if asked.context is None else "handlerContext"
    return Caller(
        "AWS_LAMBDA", {name: verdict.get(name) or {}}, denied=frozenset(verdict.get("deniedFields") or ())
    )


async def _verdict(call: Call, api: Api | Admitting, function: str, token: str, asked: Asked) -> dict[str, Any]:
    question = {
        "authorizationToken": token,
        "requestContext": {
            "apiId": api.id,
            "accountId": call.account,
            "requestId": call.request_id,
            **(asked.context or {"queryString": asked.query, "operationName": asked.operation, "variables": asked.variables or {}}),
        },
        "requestHeaders": {
            name: value for name, value in asked.request.headers.items() if name != "authorization"
        },
    }
    context = {"aws:SourceArn": arn_of(call, api.id), "aws:SourceAccount": call.account}
    asking = call.acting(SERVICE, **context)
    try:
        reply = await asking.ask(
            "lambda:Invoke",
            to_region=function.split(":")[3],
            FunctionName=function,
            Payload=orjson.dumps(question),
        )
        verdict = orjson.loads(bytes(reply["Payload"]))
    except NotImplementedHere:
        raise
    except (AwsError, orjson.JSONDecodeError) as error:
        raise _refused(hint=f"The authorizer could not be asked: {error}") from None
    if reply.get("FunctionError") or not isinstance(verdict, dict):
        raise _refused(hint="The authorizer failed.")
    return verdict
