"""Identity pools: whose word they take, and which roles they give.

https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_CreateIdentityPool.html
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from kumoniwa.engines import cipher, key_material
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_identity.errors import InvalidParameterException, ResourceNotFoundException

TOKEN_KEY = "RSA_2048"
_PURPOSE = b"cognito identity key"
RULES_MAX = 25
_RULE_MATCHES = ("Equals", "Contains", "StartsWith", "NotEqual")
_PROVIDER = re.compile(r"cognito-idp\.[a-z0-9-]+\.amazonaws\.com/[a-z0-9-]+_[A-Za-z0-9]+")


class IdentityPool(Record):
    """Shelved by id."""

    id: str
    name: str
    takes_anybody: bool
    created: float
    settings: dict[str, Any]
    """As told and shown: ``AllowClassicFlow``, ``DeveloperProviderName``, ``CognitoIdentityProviders``."""
    tags: dict[str, str] = {}
    roles: dict[str, str] = {}
    mappings: dict[str, Any] = {}


class Place(Record):
    """Whose an identity or a pool is; shelved by its id among what belongs to no account, since callers name none."""

    account: str
    pool: str


class TokenKey(Record):
    """What a region signs its identities' tokens with; PKCS #8, sealed."""

    sealed: bytes


def places(home: Any):
    return home.store.shelf(SHARED, Place)


def token_key(home: Any) -> bytes:
    held = home.store.shelf(SHARED, TokenKey).get("cognito-identity")
    return (cipher.unseal(home.settings.seal, held.sealed, _PURPOSE) if held is not None else None) or b""


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"identitypool/{id_}")


def found(call: Call, id_: str) -> IdentityPool:
    pool = call.shelf(IdentityPool).get(id_)
    if pool is None:
        raise ResourceNotFoundException(f"IdentityPool '{id_}' not found.")
    return pool


def _shown(pool: IdentityPool) -> dict[str, Any]:
    return {
        "IdentityPoolId": pool.id, "IdentityPoolName": pool.name, "AllowUnauthenticatedIdentities": pool.takes_anybody, **pool.settings,
        "IdentityPoolTags": pool.tags,
    }  # fmt: skip


def _settings(classic: bool | None, developer: str | None, providers: list[dict[str, Any]] | None) -> dict[str, Any]:
    for each in providers or ():
        if not _PROVIDER.fullmatch(each.get("ProviderName", "")):
            raise InvalidParameterException("Invalid Cognito Identity Provider", hint=f"{each.get('ProviderName')}")
        if each.get("ServerSideTokenCheck"):
            raise NotImplementedHere("ServerSideTokenCheck of cognito-identity")
    told = {"AllowClassicFlow": classic, "DeveloperProviderName": developer, "CognitoIdentityProviders": providers}
    return {name: value for name, value in told.items() if value is not None}


async def CreateIdentityPool(
    call: Call, *, IdentityPoolName: str, AllowUnauthenticatedIdentities: bool, AllowClassicFlow: bool | None = None,
    DeveloperProviderName: str | None = None, CognitoIdentityProviders: list[dict[str, Any]] | None = None,
    IdentityPoolTags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    """Providers of OpenID Connect, SAML and social networks are refused by name."""
    settings = _settings(AllowClassicFlow, DeveloperProviderName, CognitoIdentityProviders)
    if "cognito-identity" not in call.home.store.shelf(SHARED, TokenKey):
        secret = await asyncio.to_thread(key_material.make, TOKEN_KEY)
        if "cognito-identity" not in call.home.store.shelf(SHARED, TokenKey):
            sealed = cipher.seal(call.home.settings.seal, secret, _PURPOSE)
            call.home.store.shelf(SHARED, TokenKey)["cognito-identity"] = TokenKey(sealed=sealed)
    pool = IdentityPool(
        id=f"{call.region}:{call.new_id()}", name=IdentityPoolName, takes_anybody=AllowUnauthenticatedIdentities, created=call.now(),
        settings=settings, tags=IdentityPoolTags or {},
    )  # fmt: skip
    call.shelf(IdentityPool)[pool.id] = pool
    places(call.home)[pool.id] = Place(account=call.account, pool=pool.id)
    return _shown(pool)


def DescribeIdentityPool(call: Call, *, IdentityPoolId: str) -> dict:
    return _shown(found(call, IdentityPoolId))


def UpdateIdentityPool(
    call: Call, *, IdentityPoolId: str, IdentityPoolName: str, AllowUnauthenticatedIdentities: bool, AllowClassicFlow: bool | None = None,
    DeveloperProviderName: str | None = None, CognitoIdentityProviders: list[dict[str, Any]] | None = None,
    IdentityPoolTags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    pool = found(call, IdentityPoolId)
    standing = pool.settings.get("DeveloperProviderName")
    if standing is not None and DeveloperProviderName not in (None, standing):
        raise InvalidParameterException("Developer provider name cannot be changed.")
    settings = _settings(AllowClassicFlow, DeveloperProviderName or standing, CognitoIdentityProviders)
    tags = pool.tags if IdentityPoolTags is None else IdentityPoolTags
    pool = changed(pool, name=IdentityPoolName, takes_anybody=AllowUnauthenticatedIdentities, settings=settings, tags=tags)
    call.shelf(IdentityPool)[pool.id] = pool
    return _shown(pool)


def ListIdentityPools(call: Call) -> dict:
    pools = sorted(call.shelf(IdentityPool).values(), key=lambda pool: pool.created)
    return {"IdentityPools": [{"IdentityPoolId": pool.id, "IdentityPoolName": pool.name} for pool in pools]}


def DeleteIdentityPool(call: Call, *, IdentityPoolId: str) -> None:
    from kumoniwa.services.cognito_identity.identity import forget_all  # noqa: PLC0415 - identities know their pool

    found(call, IdentityPoolId)
    forget_all(call, IdentityPoolId)
    del call.shelf(IdentityPool)[IdentityPoolId]
    del places(call.home)[IdentityPoolId]


# Roles ---------------------------------------------------------------------------------------------


def _check_mapping(name: str, mapping: dict[str, Any]) -> None:
    if mapping.get("AmbiguousRoleResolution") not in ("AuthenticatedRole", "Deny"):
        raise InvalidParameterException(f"Invalid AmbiguousRoleResolution for {name}: AuthenticatedRole or Deny is required.")
    if mapping["Type"] == "Rules":
        rules = (mapping.get("RulesConfiguration") or {}).get("Rules")
        if not rules or any(rule["MatchType"] not in _RULE_MATCHES for rule in rules):
            raise InvalidParameterException(f"Rules are required for {name}.")


def SetIdentityPoolRoles(
    call: Call, *, IdentityPoolId: str, Roles: dict[str, str], RoleMappings: dict[str, dict[str, Any]] | None = None
) -> None:
    pool = found(call, IdentityPoolId)
    for kind, role in Roles.items():
        if kind not in ("authenticated", "unauthenticated"):
            raise InvalidParameterException(f"Invalid role type: {kind}")
        call.require("iam:PassRole", role, **{"iam:PassedToService": "cognito-identity.amazonaws.com"})
    known = {f"{each['ProviderName']}:{each.get('ClientId')}" for each in pool.settings.get("CognitoIdentityProviders") or ()}
    if any(len((each.get("RulesConfiguration") or {}).get("Rules") or ()) > RULES_MAX for each in (RoleMappings or {}).values()):
        # pf-cognito-role-mapping-rules-max of badmintoncryer/cdk-preflight.
        raise InvalidParameterException(f"The number of rules in the request exceeded {RULES_MAX}.")
    for name, mapping in (RoleMappings or {}).items():
        # As cdk-preflight saw it of AWS (pf-cognito-role-mappings-…), before what the mapping says.
        if name not in known:
            raise InvalidParameterException(f"({name}) is not a valid RoleMapping ProviderName or is not a configured provider.")
        _check_mapping(name, mapping)
        for rule in (mapping.get("RulesConfiguration") or {}).get("Rules") or ():
            call.require("iam:PassRole", rule["RoleARN"], **{"iam:PassedToService": "cognito-identity.amazonaws.com"})
    call.shelf(IdentityPool)[pool.id] = changed(pool, roles=Roles, mappings=RoleMappings or {})


def GetIdentityPoolRoles(call: Call, *, IdentityPoolId: str) -> dict:
    pool = found(call, IdentityPoolId)
    return {"IdentityPoolId": pool.id, "Roles": pool.roles, **({"RoleMappings": pool.mappings} if pool.mappings else {})}


# Tags ----------------------------------------------------------------------------------------------


def _named(call: Call, arn: str) -> IdentityPool:
    parsed = arns.parse(arn)
    if parsed is None or not parsed.resource.startswith("identitypool/"):
        raise InvalidParameterException("Invalid resource ARN.")
    return found(call, parsed.resource.removeprefix("identitypool/"))


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _named(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, key), each.tags) for key, each in call.shelf(IdentityPool).items()]


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterException("Tag keys that begin with aws: are reserved.")


def TagResource(call: Call, *, ResourceArn: str, Tags: dict[str, str]) -> dict:
    pool = _named(call, ResourceArn)
    call.shelf(IdentityPool)[pool.id] = changed(pool, tags=pool.tags | Tags)
    return {}


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> dict:
    pool = _named(call, ResourceArn)
    call.shelf(IdentityPool)[pool.id] = changed(pool, tags={key: value for key, value in pool.tags.items() if key not in TagKeys})
    return {}


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": _named(call, ResourceArn).tags}
