"""App clients: through which programs people sign in, and what these may ask for.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
"""

from __future__ import annotations

import base64
import hmac
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.gate.address import region_mark, region_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import guard
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import provider as providers
from kumoniwa.services.cognito_idp.errors import (
    InvalidOAuthFlowException,
    InvalidParameterException,
    NotAuthorizedException,
    ResourceNotFoundException,
    ScopeDoesNotExistException,
)
from kumoniwa.services.cognito_idp.place import Place, opened, places, shut
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.resourceserver import scopes_of
from kumoniwa.wire.outbound import LOOPBACK

ID_LENGTH, SECRET_LENGTH = 26, 51
UNIT_S = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
VALIDITY = {"AccessTokenValidity": ("AccessToken", "hours", 3_600), "IdTokenValidity": ("IdToken", "hours", 3_600),
            "RefreshTokenValidity": ("RefreshToken", "days", 30 * 86_400)}  # fmt: skip
"""By member: its name among the units, the unit where none is said, and what holds where nothing is said, in seconds."""
LIMITS_S = {"AccessToken": (300, 86_400), "IdToken": (300, 86_400), "RefreshToken": (3_600, 315_360_000)}
OWN_SCOPES = ("openid", "email", "phone", "profile", "aws.cognito.signin.user.admin")
FLOWS_DEFAULT = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"]
USER_AUTH = "ALLOW_USER_AUTH"
SESSION_MINUTES = 3
NOBODYS = {"sub", "email_verified", "phone_number_verified"}
"""Attributes that no client writes: pf-cognito-write-attributes-immutable of badmintoncryer/cdk-preflight."""


class UserPoolClient(Record):
    """Shelved by id."""

    id: str
    pool: str
    name: str
    created: float
    modified: float
    settings: dict[str, Any]
    """As told and shown."""
    secret: bytes = b""
    """Sealed."""

    def lasts_s(self, member: str) -> int:
        """``AccessTokenValidity`` and its like, in seconds."""
        name, unit, default = VALIDITY[member]
        said = self.settings.get(member)
        return said * UNIT_S[self.settings.get("TokenValidityUnits", {}).get(name, unit)] if said else default

    @property
    def session_s(self) -> int:
        return self.settings["AuthSessionValidity"] * 60

    @property
    def hides_users(self) -> bool:
        return self.settings.get("PreventUserExistenceErrors") == "ENABLED"

    @property
    def flows(self) -> list[str]:
        return self.settings.get("ExplicitAuthFlows") or FLOWS_DEFAULT


def secret_of(call: Call, client: UserPoolClient) -> str:
    return (opened(call.home, client.secret, "client secret") or b"").decode()


def named(call: Call, id_: str, pool_id: str | None = None) -> UserPoolClient:
    client = call.shelf(UserPoolClient).get(id_)
    if client is None or pool_id not in (None, client.pool):
        there = region_of(id_)
        elsewhere = (
            f"Its id is of {there}, and an unsigned call names no region: ask cognito-idp.{there}.localhost."
            if there and there != call.region
            else ""
        )
        raise ResourceNotFoundException(f"User pool client {id_} does not exist.", hint=elsewhere)
    return client


def found(call: Call, id_: str, pool_id: str | None = None) -> tuple[UserPool, UserPoolClient]:
    """A client and its pool. Who names the client alone is a program that speaks for people: the pool's web ACL is asked."""
    if pool_id is not None:
        pools.found(call, pool_id)
    client = named(call, id_, pool_id)
    pool = pools.found(call, client.pool)
    if pool_id is None:
        guard.check(call, pools.arn_of(call, pool.id))
    return pool, client


def check_hash(call: Call, client: UserPoolClient, username: str, told: str | None) -> None:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash"""
    if not client.secret:
        if told:
            raise NotAuthorizedException(f"Client {client.id} is not configured with secret but SECRET_HASH was received")
        return
    if not told:
        raise NotAuthorizedException(f"Client {client.id} is configured with secret but SECRET_HASH was not received")
    digest = hmac.digest(secret_of(call, client).encode(), (username + client.id).encode(), "sha256")
    if not hmac.compare_digest(base64.b64encode(digest), told.encode()):
        raise NotAuthorizedException(f"SecretHash does not match for the client: {client.id}")


def check_secret(call: Call, client: UserPoolClient, told: str | None) -> bool:
    return not client.secret or hmac.compare_digest(secret_of(call, client).encode(), (told or "").encode())


def shown(call: Call, client: UserPoolClient) -> dict[str, Any]:
    secret = {"ClientSecret": secret_of(call, client)} if client.secret else {}
    return {
        "UserPoolId": client.pool, "ClientName": client.name, "ClientId": client.id, **secret, "LastModifiedDate": client.modified,
        "CreationDate": client.created, "RefreshTokenValidity": 30, "TokenValidityUnits": {}, **client.settings,
    }  # fmt: skip


def _settings(call: Call, pool: UserPool, told: dict[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in told.items() if value is not None}
    units = settings.get("TokenValidityUnits") or {}
    for member, (name, unit, _) in VALIDITY.items():
        least, most = LIMITS_S[name]
        said = settings.get(member)
        if said and not least <= said * UNIT_S[units.get(name, unit)] <= most:
            raise InvalidParameterException("Invalid range for token validity.", hint=f"{member} must be between {least} and {most} seconds.")
        if said == 0:
            del settings[member]
    spans = {
        name: settings[member] * UNIT_S[units.get(name, unit)] if member in settings else default
        for member, (name, unit, default) in VALIDITY.items()
    }
    if max(spans["AccessToken"], spans["IdToken"]) > spans["RefreshToken"]:
        raise InvalidParameterException("Access and Id Token expiration times must be less than or equal to refresh token expiration times.")
    said_flows = settings.get("ExplicitAuthFlows") or ()
    if 0 < sum(flow.startswith("ALLOW_") for flow in said_flows) < len(said_flows):
        raise InvalidParameterException("Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names.")
    providers.check_known(call, pool.id, settings.get("SupportedIdentityProviders") or [])
    providers.check_together(call, pool.id, settings.get("SupportedIdentityProviders") or [])
    flows = settings.get("AllowedOAuthFlows") or []
    if "client_credentials" in flows and len(flows) > 1:
        raise InvalidOAuthFlowException("client_credentials flow can not be selected along with code flow or implicit flow.")
    own = next((scope for scope in settings.get("AllowedOAuthScopes") or () if scope in OWN_SCOPES), None)
    if "client_credentials" in flows and own:
        # https://github.com/hashicorp/terraform-provider-aws/issues/4984
        raise InvalidOAuthFlowException(f"{own} is not supported with client_credentials flow")
    known = scopes_of(call, pool.id)
    if any(scope not in OWN_SCOPES and scope not in known for scope in settings.get("AllowedOAuthScopes") or ()):
        strange = next(scope for scope in settings["AllowedOAuthScopes"] if scope not in OWN_SCOPES and scope not in known)
        raise ScopeDoesNotExistException(f"Invalid scope requested: {strange}", hint="Make its resource server first.")
    if settings.get("AllowedOAuthFlowsUserPoolClient"):
        if not flows or not settings.get("AllowedOAuthScopes"):
            raise InvalidOAuthFlowException(
                "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."
            )
        if flows != ["client_credentials"] and not settings.get("CallbackURLs"):
            raise InvalidOAuthFlowException("CallbackUrls can not be empty when code flow or implicit flow is selected")
    if (default := settings.get("DefaultRedirectURI")) and default not in settings.get("CallbackURLs", ()):
        raise InvalidParameterException(f"The default redirect URI {default} is not in the callback URIs list.")
    for url in (*(settings.get("CallbackURLs") or ()), *(settings.get("LogoutURLs") or ())):
        parts = urlsplit(url)
        if parts.fragment and url in settings.get("CallbackURLs", ()):
            raise InvalidParameterException(f"{url} cannot use fragment")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InvalidParameterException(f"{url} cannot use the HTTP protocol.")
    names = {rule["Name"] for rule in pool.attributes}
    for member in ("ReadAttributes", "WriteAttributes"):
        if set(settings.get(member) or ()) - (names if member == "ReadAttributes" else names - NOBODYS):
            raise InvalidParameterException(f"Invalid {'read' if member[0] == 'R' else 'write'} attributes specified while creating a client")
    return {
        "AllowedOAuthFlowsUserPoolClient": False, "EnableTokenRevocation": True, "AuthSessionValidity": SESSION_MINUTES, **settings,
    }  # fmt: skip


def CreateUserPoolClient(
    call: Call, *, UserPoolId: str, ClientName: str, GenerateSecret: bool = False, RefreshTokenValidity: int | None = None,
    AccessTokenValidity: int | None = None, IdTokenValidity: int | None = None, TokenValidityUnits: dict[str, str] | None = None,
    ReadAttributes: list[str] | None = None, WriteAttributes: list[str] | None = None, ExplicitAuthFlows: list[str] | None = None,
    SupportedIdentityProviders: list[str] | None = None, CallbackURLs: list[str] | None = None, LogoutURLs: list[str] | None = None,
    DefaultRedirectURI: str | None = None, AllowedOAuthFlows: list[str] | None = None, AllowedOAuthScopes: list[str] | None = None,
    AllowedOAuthFlowsUserPoolClient: bool | None = None, PreventUserExistenceErrors: str | None = None,
    EnableTokenRevocation: bool | None = None, AuthSessionValidity: int | None = None,
) -> dict:  # fmt: skip
    pool, now = pools.found(call, UserPoolId), call.now()
    if "client_credentials" in (AllowedOAuthFlows or ()) and not GenerateSecret:
        raise InvalidOAuthFlowException("client_credentials flow can not be selected if client does not have a client secret.")
    settings = _settings(call, pool, {
        "RefreshTokenValidity": RefreshTokenValidity, "AccessTokenValidity": AccessTokenValidity, "IdTokenValidity": IdTokenValidity,
        "TokenValidityUnits": TokenValidityUnits, "ReadAttributes": ReadAttributes, "WriteAttributes": WriteAttributes,
        "ExplicitAuthFlows": ExplicitAuthFlows, "SupportedIdentityProviders": SupportedIdentityProviders, "CallbackURLs": CallbackURLs,
        "LogoutURLs": LogoutURLs, "DefaultRedirectURI": DefaultRedirectURI, "AllowedOAuthFlows": AllowedOAuthFlows,
        "AllowedOAuthScopes": AllowedOAuthScopes, "AllowedOAuthFlowsUserPoolClient": AllowedOAuthFlowsUserPoolClient,
        "PreventUserExistenceErrors": PreventUserExistenceErrors, "EnableTokenRevocation": EnableTokenRevocation,
        "AuthSessionValidity": AuthSessionValidity,
    })  # fmt: skip
    secret = shut(call.home, call.ids.lower(SECRET_LENGTH).encode(), "client secret") if GenerateSecret else b""
    client = UserPoolClient(
        id=region_mark(call.region) + call.ids.lower(ID_LENGTH - 2), pool=UserPoolId, name=ClientName, created=now, modified=now,
        settings=settings, secret=secret
    )
    call.shelf(UserPoolClient)[client.id] = client
    places(call.home)[client.id] = Place(account=call.account, pool=UserPoolId)
    return {"UserPoolClient": shown(call, client)}


def DescribeUserPoolClient(call: Call, *, UserPoolId: str, ClientId: str) -> dict:
    return {"UserPoolClient": shown(call, found(call, ClientId, UserPoolId)[1])}


def UpdateUserPoolClient(
    call: Call, *, UserPoolId: str, ClientId: str, ClientName: str | None = None, RefreshTokenValidity: int | None = None,
    AccessTokenValidity: int | None = None, IdTokenValidity: int | None = None, TokenValidityUnits: dict[str, str] | None = None,
    ReadAttributes: list[str] | None = None, WriteAttributes: list[str] | None = None, ExplicitAuthFlows: list[str] | None = None,
    SupportedIdentityProviders: list[str] | None = None, CallbackURLs: list[str] | None = None, LogoutURLs: list[str] | None = None,
    DefaultRedirectURI: str | None = None, AllowedOAuthFlows: list[str] | None = None, AllowedOAuthScopes: list[str] | None = None,
    AllowedOAuthFlowsUserPoolClient: bool | None = None, PreventUserExistenceErrors: str | None = None,
    EnableTokenRevocation: bool | None = None, AuthSessionValidity: int | None = None,
) -> dict:  # fmt: skip
    """What an update does not say becomes AWS's own choice again: so AWS's page warns."""
    pool, client = found(call, ClientId, UserPoolId)
    if "client_credentials" in (AllowedOAuthFlows or ()) and not client.secret:
        raise InvalidOAuthFlowException("client_credentials flow can not be selected if client does not have a client secret.")
    settings = _settings(call, pool, {
        "RefreshTokenValidity": RefreshTokenValidity, "AccessTokenValidity": AccessTokenValidity, "IdTokenValidity": IdTokenValidity,
        "TokenValidityUnits": TokenValidityUnits, "ReadAttributes": ReadAttributes, "WriteAttributes": WriteAttributes,
        "ExplicitAuthFlows": ExplicitAuthFlows, "SupportedIdentityProviders": SupportedIdentityProviders, "CallbackURLs": CallbackURLs,
        "LogoutURLs": LogoutURLs, "DefaultRedirectURI": DefaultRedirectURI, "AllowedOAuthFlows": AllowedOAuthFlows,
        "AllowedOAuthScopes": AllowedOAuthScopes, "AllowedOAuthFlowsUserPoolClient": AllowedOAuthFlowsUserPoolClient,
        "PreventUserExistenceErrors": PreventUserExistenceErrors, "EnableTokenRevocation": EnableTokenRevocation,
        "AuthSessionValidity": AuthSessionValidity,
    })  # fmt: skip
    client = changed(client, name=ClientName or client.name, settings=settings, modified=call.now())
    call.shelf(UserPoolClient)[ClientId] = client
    return {"UserPoolClient": shown(call, client)}


def ListUserPoolClients(call: Call, *, UserPoolId: str) -> dict:
    pools.found(call, UserPoolId)
    clients = sorted((each for each in call.shelf(UserPoolClient).values() if each.pool == UserPoolId), key=lambda each: each.created)
    return {"UserPoolClients": [{"ClientId": each.id, "UserPoolId": UserPoolId, "ClientName": each.name} for each in clients]}


def DeleteUserPoolClient(call: Call, *, UserPoolId: str, ClientId: str) -> None:
    found(call, ClientId, UserPoolId)
    del call.shelf(UserPoolClient)[ClientId]
    del places(call.home)[ClientId]
