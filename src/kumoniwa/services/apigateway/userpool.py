"""User pools as authorizers: the token of a request is proved by its pool's keys, and nobody is asked.

A method without scopes wants an ID token, one with scopes an access token that has one of them.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from kumoniwa.gate import issuer as issuers
from kumoniwa.kernel import arn as arns
from kumoniwa.languages import backtracking, json_web_token
from kumoniwa.services.apigateway import mapping
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.patch import BadRequestException

KIND = "COGNITO_USER_POOLS"
SOURCE = "method.request.header.Authorization"
_POOL = re.compile(r"userpool/([a-z0-9-]+_[A-Za-z0-9]+)")


def _pool_of(arn: str) -> str:
    parsed = arns.parse(arn)
    found = _POOL.fullmatch(parsed.resource) if parsed is not None and parsed.service == "cognito-idp" else None
    if found is None:
        raise BadRequestException(f"Invalid Cognito User Pool ARN: {arn}")
    return found[1]


def check(authorizer: dict[str, Any]) -> None:
    """Refuse what names no pool."""
    if not authorizer.get("providerARNs"):
        raise BadRequestException("ProviderARNs cannot be empty")
    for arn in authorizer["providerARNs"]:
        _pool_of(arn)


def _unauthorized(text: str = "Unauthorized") -> Refused:
    return Refused("UNAUTHORIZED", text)


def _spelled(name: str, value: Any) -> str:
    """A claim as functions and templates are told it: a text, moments as Java writes them."""
    if name in ("exp", "iat") and isinstance(value, (int, float)):
        return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(value))
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def prepared(served: Any, authorizer: dict[str, Any], scopes: list[str]) -> Callable[[Exchange], Awaitable[None]]:
    """The check of one method."""
    source = mapping.compiled(authorizer.get("identitySource") or SOURCE)
    trusted = {f"https://cognito-idp.{pool.partition('_')[0]}.amazonaws.com/{pool}" for pool in map(_pool_of, authorizer["providerARNs"])}
    expression = authorizer.get("identityValidationExpression")
    audience = backtracking.compiled(expression) if expression else None
    wanted = "access" if scopes else "id"

    async def check(exchange: Exchange) -> None:
        try:
            token = json_web_token.read(re.sub(r"^[Bb]earer +", "", (source(exchange) or "").strip()))
        except json_web_token.InvalidToken:
            raise _unauthorized() from None
        claims = token.claims
        if claims.get("iss") not in trusted or claims.get("token_use") != wanted:
            raise _unauthorized()
        try:
            keys = await issuers.keys(exchange.home).named(claims["iss"], token.header.get("kid"), exchange.now)
        except issuers.Unavailable:
            raise Refused("AUTHORIZER_FAILURE", None) from None
        if not any(json_web_token.is_signed_by(key, token) for key in keys):
            raise _unauthorized()
        if claims["exp"] <= exchange.now:
            raise _unauthorized("The incoming token has expired")
        if audience is not None and not _fits(audience, str(claims.get("aud", claims.get("client_id")))):
            raise _unauthorized()
        if scopes and not set(str(claims.get("scope", "")).split()) & set(scopes):
            raise _unauthorized()
        exchange.authorizer = {"claims": {name: _spelled(name, value) for name, value in claims.items()}}
        exchange.forget_context()

    return check


def _fits(audience: Any, told: str) -> bool:
    try:
        return audience.is_whole(told)
    except backtracking.TooMuchWork:
        return False
