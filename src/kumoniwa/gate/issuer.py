"""Who issues tokens: the keys an OpenID Connect issuer publishes, fetched when a token first names one, and remembered for
all who prove tokens in this region.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html: "API Gateway can cache the public
key for two hours."
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import orjson

from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import outbound

KEPT_S, ASKED_AGAIN_AFTER_S = 7_200.0, 10.0
ANSWERED_WITHIN_S = 5.0
_USER_POOL = re.compile(r"https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com/(\1_[A-Za-z0-9]+)")
"""Issuers that live in this cloud: user pools say that they are Amazon's, since that is who they are on AWS."""


class Unavailable(Exception):
    """The issuer does not say which keys it signs with."""


class Keys:
    """What issuers published, by issuer; a region's memory."""

    def __init__(self, home: Any) -> None:
        self.home = home
        self.fetched: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    async def named(self, issuer: str, name: Any, now: float, jwks_uri: str = "") -> list[dict[str, Any]]:
        """The issuer's keys of that name; all of them where the token names none. ``jwks_uri`` is where they are, for who knows that
        without the issuer's discovery document. Raises Unavailable."""
        at, keys = self.fetched.get(jwks_uri or issuer, (float("-inf"), []))
        is_there = any(key.get("kid") == name for key in keys)
        if now - at > (KEPT_S if is_there else ASKED_AGAIN_AFTER_S):
            keys = await _fetched(self.home, issuer, jwks_uri)
            self.fetched[jwks_uri or issuer] = (now, keys)
        return [key for key in keys if name is None or key.get("kid") == name]


def keys(home: Any) -> Keys:
    held = home.memory.get(("gate", Keys))
    if held is None:
        held = home.memory["gate", Keys] = Keys(home)
    return held


async def _got(url: str) -> Any:
    answer = await outbound.fetch("GET", url, [("Accept", "application/json")], b"", ANSWERED_WITHIN_S)
    if answer.status != 200:
        raise Unavailable(f"{url} answered {answer.status}")
    return orjson.loads(answer.body)


async def of_cloud(home: Any, region: str, service: str, what: str) -> list[dict[str, Any]]:
    """The keys with which a service of this cloud signs for one of its pools, in whichever region. Raises Unavailable."""
    message = {"keys": what}
    try:
        listed = await (home.heard("", service, message) if region == home.name else home.exchange(region, service, message))
    except AwsError as error:
        raise Unavailable(f"{region}: {error}") from None
    if listed is None:
        raise Unavailable(f"There is no pool {what} in {region}.")
    return listed


async def configuration(home: Any, issuer: str) -> dict[str, Any]:
    """The issuer's discovery document. Raises Unavailable."""
    issuer = issuer.rstrip("/")
    if (pool := _USER_POOL.fullmatch(issuer)) is not None:
        at = urlsplit(home.settings.endpoint)
        issuer = f"http://cognito-idp.{pool[1]}.localhost:{at.port}/{pool[2]}"
    try:
        said = await _got(issuer + "/.well-known/openid-configuration")
    except (outbound.Unreachable, TimeoutError, ValueError) as error:
        raise Unavailable(f"{issuer}: {error}") from None
    if not isinstance(said, dict):
        raise Unavailable(f"{issuer}: the document is no object")
    return said


async def _fetched(home: Any, issuer: str, jwks_uri: str) -> list[dict[str, Any]]:
    if (pool := _USER_POOL.fullmatch(issuer.rstrip("/"))) is not None:
        return await of_cloud(home, pool[1], "cognito-idp", pool[2])
    try:
        listed = (await _got(jwks_uri or str((await configuration(home, issuer))["jwks_uri"])))["keys"]
    except (outbound.Unreachable, TimeoutError, ValueError, LookupError, TypeError) as error:
        raise Unavailable(f"{issuer}: {error}")
    return [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
