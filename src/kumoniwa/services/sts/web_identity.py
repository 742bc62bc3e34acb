"""Tokens of OpenID Connect providers: read, and proved with the keys that their provider publishes.

A provider's keys are fetched from its own address (``/.well-known/openid-configuration``) when a token first names one,
and remembered for an hour. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from kumoniwa.gate import issuer as issuers
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages import json_web_token

if TYPE_CHECKING:
    from kumoniwa.gate.federation import WebProvider
    from kumoniwa.kernel.call import Call

ANSWERED_WITHIN_S = 5.0
ANSWER_BYTES_MAX = 256 << 10
KEYS_KEPT_S, KEYS_ASKED_AGAIN_AFTER_S = 3_600, 10


class InvalidIdentityToken(AwsError):
    status = 400


class ExpiredTokenException(AwsError):
    status = 400


class Token(json_web_token.Token):
    """A token as an identity."""

    __slots__ = ()

    @property
    def audience(self) -> str:
        """Whom it was made out to; where it names the one who asked for it, that one counts, as AWS counts."""
        party, audience = self.claims.get("azp"), self.claims.get("aud")
        first = audience[0] if isinstance(audience, list) and audience else audience
        return next((one for one in (party, first) if isinstance(one, str)), "")

    def keys(self, provider: str) -> dict[str, Any]:
        """The condition keys of a token, by its provider's name."""
        claims = self.claims
        texts = {name: claims.get(name) for name in ("sub", "email", "amr")} | {"aud": self.audience, "oaud": claims.get("aud")}
        return {f"{provider}:{key}": value for key, value in texts.items() if isinstance(value, (str, list))}

    def session_tags(self) -> tuple[list[dict[str, str]], list[str], str]:
        """Tags, keys of those that are handed on, and the source identity that the token brings.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp"""
        said = self.claims.get("https://aws.amazon.com/tags")
        source = self.claims.get("https://aws.amazon.com/source_identity", "")
        said = {} if said is None else said
        held = said.get("principal_tags", {}) if isinstance(said, dict) else None
        keys = said.get("transitive_tag_keys", []) if isinstance(said, dict) else None
        is_whole = isinstance(held, dict) and isinstance(source, str) and isinstance(keys, list)
        if not is_whole or not all(isinstance(values, list) and len(values) == 1 for values in held.values()):
            raise InvalidIdentityToken("The session tags of the ID Token could not be read.")
        tags = [{"Key": key, "Value": str(values[0])} for key, values in held.items()]
        return tags, [str(key) for key in keys], source


def read(text: str) -> Token:
    """Raises InvalidIdentityToken for what is no JWT with issuer and subject."""
    refusal = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    try:
        token = Token(*json_web_token.read(text))
    except json_web_token.InvalidToken:
        raise InvalidIdentityToken(refusal) from None
    if not all(isinstance(token.claims.get(name), str) for name in ("iss", "sub")):
        raise InvalidIdentityToken(refusal)
    return token


async def prove(call: Call, provider: WebProvider, token: Token) -> None:
    """Raises InvalidIdentityToken unless the provider's own key signed the token."""
    keys = await call.memory(Keys).named(provider, token.header.get("kid"), call.now())
    if not any(json_web_token.is_signed_by(key, token) for key in keys):
        raise InvalidIdentityToken(
            "The signature of the ID Token could not be verified with the keys of its provider."
        )


COGNITO = "https://cognito-identity.amazonaws.com"
"""The issuer that needs no provider in IAM: identity pools. A trust policy names its host as the federated principal."""


async def prove_identity(call: Call, token: Token) -> None:
    """Raises InvalidIdentityToken unless the identity pool that the token names as its audience has signed it."""
    region, _, _ = token.audience.partition(":")
    try:
        keys = await issuers.of_cloud(call.home, region, "cognito-identity", token.audience)
    except issuers.Unavailable as error:
        raise InvalidIdentityToken("Incorrect token audience", hint=str(error)) from None
    if not any(json_web_token.is_signed_by(key, token) for key in keys):
        raise InvalidIdentityToken("The signature of the ID Token could not be verified with the keys of its provider.")


# The provider's keys -------------------------------------------------------------------------------


class Keys:
    """What providers published, by their ARN and thumbprints."""

    def __init__(self) -> None:
        self.fetched: dict[tuple, tuple[float, list[dict]]] = {}

    async def named(self, provider: WebProvider, name: Any, now: float) -> list[dict]:
        """The provider's keys of that name; all of them where the token names none."""
        subject = (provider.arn, provider.thumbprints)
        at, keys = self.fetched.get(subject, (0.0, []))
        is_there = any(key.get("kid") == name for key in keys)
        if now - at > (KEYS_KEPT_S if is_there else KEYS_ASKED_AGAIN_AFTER_S):
            keys = await asyncio.to_thread(_fetched, provider)
            self.fetched[subject] = (now, keys)
        return [key for key in keys if name is None or key.get("kid") == name]


def _fetched(provider: WebProvider) -> list[dict]:
    try:
        said = _got(provider, provider.url.rstrip("/") + "/.well-known/openid-configuration")
        listed = _got(provider, str(said.get("jwks_uri"))).get("keys")
    except (OSError, HTTPException, ValueError, AttributeError) as error:
        raise InvalidIdentityToken(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
            "documentation for requirements",
            hint=f"{provider.url}: {error}",
        ) from None
    return [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An address that was registered answers for itself."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _got(provider: WebProvider, url: str) -> Any:
    if urlsplit(url).scheme not in ("https", urlsplit(provider.url).scheme):
        raise ValueError(f"{url} is no address to fetch keys from")
    secure = urllib.request.HTTPSHandler(context=_trusting(provider, url))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), secure, _NoRedirects)
    with opener.open(url, timeout=ANSWERED_WITHIN_S) as reply:
        body = reply.read(ANSWER_BYTES_MAX + 1)
    if len(body) > ANSWER_BYTES_MAX:
        raise ValueError("the answer is too long")
    return orjson.loads(body)


def _trusting(provider: WebProvider, url: str) -> ssl.SSLContext:
    """The trust for one connection: this machine's, and the certificate itself that a thumbprint names."""
    context = ssl.create_default_context()
    parts = urlsplit(url)
    if parts.scheme == "https" and provider.thumbprints:
        shown = ssl.get_server_certificate(
            (parts.hostname or "", parts.port or 443), timeout=ANSWERED_WITHIN_S
        )
        der = ssl.PEM_cert_to_DER_cert(shown)
        if hashlib.sha1(der, usedforsecurity=False).hexdigest() in provider.thumbprints:
            context.load_verify_locations(cadata=der)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
