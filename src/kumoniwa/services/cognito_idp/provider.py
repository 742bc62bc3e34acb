"""Identity providers: who else may say who somebody is.

Those that speak OpenID Connect or SAML (``saml``) are served; the four social ones are refused by name. An OpenID provider's four endpoints
are as told, or as its issuer's discovery document says when the provider is made or changed. Its client's secret lies sealed.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-idp.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kumoniwa.gate import issuer as issuers
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.errors import InvalidParameterException, ResourceNotFoundException
from kumoniwa.services.cognito_idp.place import opened, shut
from kumoniwa.wire import outbound

OWN = "COGNITO"
"""The pool itself, among a client's providers."""
SOCIAL = ("Facebook", "Google", "LoginWithAmazon", "SignInWithApple")
ENDPOINTS = {
    "authorize_url": "authorization_endpoint", "token_url": "token_endpoint", "attributes_url": "userinfo_endpoint", "jwks_uri": "jwks_uri",
}  # fmt: skip
"""By detail: its name in a discovery document."""
NEEDED = ("client_id", "authorize_scopes", "oidc_issuer", "attributes_request_method")
ADDS = "attributes_url_add_attributes"


class DuplicateProviderException(AwsError): ...


class IdentityProvider(Record):
    """Shelved by ``pool/name``."""

    pool: str
    name: str
    created: float
    modified: float
    details: dict[str, str]
    """Without the client's secret."""
    secret: bytes
    """Sealed; empty without one."""
    mapping: dict[str, str]
    """By attribute of the pool: the claim that it comes from."""
    identifiers: tuple[str, ...] = ()
    kind: str = "OIDC"
    metadata: dict[str, Any] = {}
    """Of a SAML provider: its ``issuer``, its ``certificates``, where people ``sign_on``, and when that was ``read``."""

    @property
    def begins(self) -> bool:
        """Whether it may send people whom nobody asked about."""
        return self.kind == "SAML" and self.details.get("IDPInit", "false").lower() == "true"

    @property
    def issuer(self) -> str | None:
        """As identities name it, which they do for SAML alone."""
        return self.metadata.get("issuer")


def confided_of(operation: str, params: dict[str, Any]) -> tuple[str, ...]:
    """The model does not say that a provider's client has a secret."""
    details = params.get("ProviderDetails") if operation in ("CreateIdentityProvider", "UpdateIdentityProvider") else None
    secret = details.get("client_secret") if isinstance(details, dict) else None
    return (secret,) if isinstance(secret, str) and secret else ()


def key_of(pool_id: str, name: str) -> str:
    return f"{pool_id}/{name}"


def all_of(call: Call, pool_id: str) -> list[IdentityProvider]:
    return [each for each in call.shelf(IdentityProvider).values() if each.pool == pool_id]


def found(call: Call, pool_id: str, name: str) -> IdentityProvider:
    pools.found(call, pool_id)
    provider = call.shelf(IdentityProvider).get(key_of(pool_id, name))
    if provider is None:
        raise ResourceNotFoundException(f"Identity provider {name} does not exist.")
    return provider


def check_known(call: Call, pool_id: str, names: list[str]) -> None:
    """What a client may sign in with: the pool itself, and providers that are there. The text: https://github.com/lgallard/terraform-aws-cognito-user-pool/issues/71"""
    for name in names:
        if name != OWN and key_of(pool_id, name) not in call.shelf(IdentityProvider):
            raise InvalidParameterException(f"The provider {name} does not exist for User Pool {pool_id}.")


def check_together(call: Call, pool_id: str, names: list[str]) -> None:
    """"You can't add non-SAML IdPs, including the user pool itself, to any app client that uses a SAML provider with IdP-initiated sign-in":
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-SAML-session-initiation.html. The text is ours."""
    held = {name: call.shelf(IdentityProvider).get(key_of(pool_id, name)) for name in names}
    if any(each is not None and each.begins for each in held.values()) and any(each is None or each.kind != "SAML" for each in held.values()):
        raise InvalidParameterException("A SAML provider with IdP-initiated sign-in goes together with other SAML providers only.")


def secret_of(call: Call, provider: IdentityProvider) -> str:
    return (opened(call.home, provider.secret, "provider secret") or b"").decode() if provider.secret else ""


def _shown(call: Call, provider: IdentityProvider) -> dict[str, Any]:
    secret = {"client_secret": secret_of(call, provider)} if provider.secret else {}
    call.confided = (*call.confided, *secret.values())
    return {
        "UserPoolId": provider.pool, "ProviderName": provider.name, "ProviderType": provider.kind,
        "ProviderDetails": {**provider.details, **secret}, "AttributeMapping": provider.mapping, "IdpIdentifiers": list(provider.identifiers),
        "LastModifiedDate": provider.modified, "CreationDate": provider.created,
    }  # fmt: skip


# What is told --------------------------------------------------------------------------------------


def is_safe(url: str) -> bool:
    """Providers are asked with TLS, unless they are on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or parts.scheme == "http" and outbound.is_local(host))


async def _details(call: Call, told: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """A provider's details with its endpoints, and its client's secret, sealed. Words of what is missing or wrong: pf-cognito-idp-… of
    badmintoncryer/cdk-preflight."""
    strange = set(told) - {*NEEDED, *ENDPOINTS, "client_secret", ADDS}
    if strange:
        raise InvalidParameterException(f"Unknown provider detail: {min(strange)}")
    if not all(told.get(name) for name in NEEDED):
        raise InvalidParameterException("clientId, authorizeScopes, oidcIssuer and attributesRequestMethod are all required idp details.")
    if (method := told["attributes_request_method"]) not in ("GET", "POST"):
        raise InvalidParameterException(
            f"1 validation error detected: Value '{method}' at 'providerConfiguration.oidcConfig.attributesRequestMethod' failed to satisfy "
            "constraint: Member must satisfy enum value set: [POST, GET]"
        )
    if "openid" not in told["authorize_scopes"].split():
        raise InvalidParameterException("authorize_scopes must contain openid.")
    if told.get(ADDS, "false") != "false":
        raise NotImplementedHere(f"{ADDS} of cognito-idp's identity providers")
    details = {name: value for name, value in told.items() if name != "client_secret"} | {ADDS: "false"}
    if any(not details.get(name) for name in ENDPOINTS):
        details = await _discovered(call, details["oidc_issuer"]) | {name: value for name, value in details.items() if value}
    unsafe = next((name for name in ("oidc_issuer", *ENDPOINTS) if not is_safe(details.get(name, ""))), None)
    if unsafe is not None:
        raise InvalidParameterException("OIDC endpoint must start with https://", hint=unsafe)
    secret = told.get("client_secret", "")
    return details, shut(call.home, secret.encode(), "provider secret") if secret else b""


async def _discovered(call: Call, issuer: str) -> dict[str, str]:
    """What an issuer says of its endpoints."""
    if not is_safe(issuer):
        raise InvalidParameterException("OIDC endpoint must start with https://", hint=issuer)
    try:
        said = await issuers.configuration(call.home, issuer)
    except issuers.Unavailable as error:
        raise InvalidParameterException("Unable to contact well-known endpoint of the identity provider.", hint=str(error)) from None
    return {name: said[spelled] for name, spelled in ENDPOINTS.items() if isinstance(said.get(spelled), str)}


def _check_others(kind: str, told: dict[str, str]) -> None:
    """What AWS misses in the details of providers that are not served here."""
    if kind == "SignInWithApple":
        if not all(told.get(name) for name in ("client_id", "private_key", "team_id", "key_id")):
            raise InvalidParameterException("clientId, privateKey, teamId, and keyId are all required idp details.")
    elif not all(told.get(name) for name in ("client_id", "client_secret", "authorize_scopes")):
        raise InvalidParameterException("clientId, clientSecret and authorizeScopes are all required idp details.")


async def _read(call: Call, kind: str, told: dict[str, str]) -> dict[str, Any]:
    """What is kept of a provider's details."""
    from kumoniwa.services.cognito_idp import saml  # noqa: PLC0415 - it knows what a provider is

    if kind == "SAML":
        details, metadata = await saml.details(call, told)
        return {"details": details, "secret": b"", "metadata": metadata}
    details, secret = await _details(call, told)
    return {"details": details, "secret": secret}


def _mapping(kind: str, told: dict[str, str] | None) -> dict[str, str]:
    """A SAML provider's users are called by their NameID, whatever is mapped."""
    return ({"username": "sub"} if kind == "OIDC" else {}) | (told or {})


def _check_identifiers(call: Call, pool_id: str, name: str, identifiers: list[str]) -> None:
    for other in all_of(call, pool_id):
        if other.name != name and (shared := set(identifiers) & {*other.identifiers, other.name}):
            raise DuplicateProviderException(f"The identifier {min(shared)} is that of the provider {other.name} already.")


# The operations ------------------------------------------------------------------------------------


async def CreateIdentityProvider(
    call: Call, *, UserPoolId: str, ProviderName: str, ProviderType: str, ProviderDetails: dict[str, str],
    AttributeMapping: dict[str, str] | None = None, IdpIdentifiers: list[str] | None = None,
) -> dict:  # fmt: skip
    pools.found(call, UserPoolId)
    if ProviderType in SOCIAL and ProviderName != ProviderType:
        # https://github.com/aws/aws-cli/issues/3179
        raise InvalidParameterException(f"Provider {ProviderName} cannot be of type {ProviderType}.")
    if ProviderType not in ("OIDC", "SAML"):
        _check_others(ProviderType, ProviderDetails)
        raise NotImplementedHere(f"federation of cognito-idp with {ProviderType}")
    if ProviderName in (OWN, *SOCIAL):
        raise InvalidParameterException(f"Provider {ProviderName} cannot be of type {ProviderType}.")
    read = await _read(call, ProviderType, ProviderDetails)

    def keep() -> IdentityProvider:
        if key_of(UserPoolId, ProviderName) in call.shelf(IdentityProvider):
            raise DuplicateProviderException(f"A provider {ProviderName} already exists in User Pool {UserPoolId}.")
        _check_identifiers(call, UserPoolId, ProviderName, IdpIdentifiers or [])
        provider = IdentityProvider(
            pool=UserPoolId, name=ProviderName, created=call.now(), modified=call.now(), kind=ProviderType, **read,
            mapping=_mapping(ProviderType, AttributeMapping), identifiers=tuple(IdpIdentifiers or ()),
        )  # fmt: skip
        call.shelf(IdentityProvider)[key_of(UserPoolId, ProviderName)] = provider
        return provider

    return {"IdentityProvider": _shown(call, call.atomically(keep))}


def DescribeIdentityProvider(call: Call, *, UserPoolId: str, ProviderName: str) -> dict:
    return {"IdentityProvider": _shown(call, found(call, UserPoolId, ProviderName))}


def GetIdentityProviderByIdentifier(call: Call, *, UserPoolId: str, IdpIdentifier: str) -> dict:
    pools.found(call, UserPoolId)
    provider = by_identifier(call, UserPoolId, IdpIdentifier)
    if provider is None:
        raise ResourceNotFoundException(f"Identity provider with identifier {IdpIdentifier} does not exist.")
    return {"IdentityProvider": _shown(call, provider)}


def by_identifier(call: Call, pool_id: str, identifier: str) -> IdentityProvider | None:
    return next((each for each in all_of(call, pool_id) if identifier in each.identifiers), None)


async def UpdateIdentityProvider(
    call: Call, *, UserPoolId: str, ProviderName: str, ProviderDetails: dict[str, str] | None = None,
    AttributeMapping: dict[str, str] | None = None, IdpIdentifiers: list[str] | None = None,
) -> dict:  # fmt: skip
    """Each member that is told replaces what was."""
    kind = found(call, UserPoolId, ProviderName).kind
    told: dict[str, Any] = {} if ProviderDetails is None else await _read(call, kind, ProviderDetails)
    if AttributeMapping is not None:
        told["mapping"] = _mapping(kind, AttributeMapping)
    if IdpIdentifiers is not None:
        told["identifiers"] = tuple(IdpIdentifiers)

    def keep() -> IdentityProvider:
        provider = changed(found(call, UserPoolId, ProviderName), modified=call.now(), **told)
        _check_identifiers(call, UserPoolId, ProviderName, list(provider.identifiers))
        call.shelf(IdentityProvider)[key_of(UserPoolId, ProviderName)] = provider
        return provider

    return {"IdentityProvider": _shown(call, call.atomically(keep))}


def DeleteIdentityProvider(call: Call, *, UserPoolId: str, ProviderName: str) -> None:
    """Those who came through it remain, and nobody comes through it any more."""
    found(call, UserPoolId, ProviderName)
    del call.shelf(IdentityProvider)[key_of(UserPoolId, ProviderName)]


def ListIdentityProviders(call: Call, *, UserPoolId: str) -> dict:
    pools.found(call, UserPoolId)
    return {
        "Providers": [
            {"ProviderName": each.name, "ProviderType": each.kind, "LastModifiedDate": each.modified, "CreationDate": each.created}
            for each in sorted(all_of(call, UserPoolId), key=lambda each: each.created)
        ]
    }
