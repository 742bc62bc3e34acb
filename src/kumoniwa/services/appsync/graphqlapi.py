"""GraphQL APIs: their authentication, addresses, environment variables and tags."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.gate.address import region_mark
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.appsync.errors import ApiLimitExceededException, BadRequestException, NotFoundException

ID_LENGTH = 26
APIS_MAX = 50
"""https://docs.aws.amazon.com/general/latest/gr/appsync.html"""
CONFIGURATIONS = {
    "AWS_LAMBDA": "lambdaAuthorizerConfig",
    "OPENID_CONNECT": "openIDConnectConfig",
    "AMAZON_COGNITO_USER_POOLS": "userPoolConfig",
}
"""What a way of authentication must say of itself."""
_FUNCTION = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?")


class Api(Record):
    """Shelved by its id."""

    id: str
    name: str
    authentication: str
    settings: dict[str, Any] = {}
    """Members of AWS's GraphqlApi as they were given."""
    variables: dict[str, str] = {}
    tags: dict[str, str] = {}

    @property
    def providers(self) -> list[dict[str, Any]]:
        """All ways to authenticate, each with its ``authenticationType`` and configuration; the default first."""
        first = {"authenticationType": self.authentication}
        first |= {name: self.settings[name] for name in CONFIGURATIONS.values() if name in self.settings}
        return [first, *self.settings.get("additionalAuthenticationProviders", ())]


class Address(Record):
    """Whose an API is, shelved by its id among what belongs to no account: a caller names no account."""

    account: str


def existing(call: Call, api_id: str) -> Api:
    api = call.shelf(Api).get(api_id)
    if api is None:
        raise NotFoundException(f"GraphQL API {api_id} not found.")
    return api


def arn_of(call: Call, api_id: str) -> str:
    return call.arn(f"apis/{api_id}")


def hosts(home: Any, api_id: str) -> dict[str, str]:
    kinds = {"GRAPHQL": "appsync-api", "REALTIME": "appsync-realtime-api"}
    return {name: f"{api_id}.{kind}.{home.name}.localhost" for name, kind in kinds.items()}


def shown(call: Call, api: Api) -> dict[str, Any]:
    web_acl = firewall.guarding(call, arn_of(call, api.id))
    names = hosts(call.home, api.id)
    port = re.search(r":(\d+)$", call.home.settings.endpoint)
    schemes = {"GRAPHQL": "http", "REALTIME": "ws"}
    return {
        "name": api.name,
        "apiId": api.id,
        "authenticationType": api.authentication,
        "arn": arn_of(call, api.id),
        "uris": {
            kind: f"{schemes[kind]}://{host}{port[0] if port else ''}/graphql" for kind, host in names.items()
        },
        "dns": names,
        "tags": api.tags,
        "xrayEnabled": False,
        "visibility": "GLOBAL",
        "apiType": "GRAPHQL",
        "owner": call.account,
        "introspectionConfig": "ENABLED",
        "queryDepthLimit": 0,
        "resolverCountLimit": 0,
        **api.settings,
        **({"wafWebAclArn": web_acl} if web_acl is not None else {}),
    }


def check_provider(call: Call, provider: dict[str, Any]) -> None:
    kind = provider.get("authenticationType", "")
    wanted = CONFIGURATIONS.get(kind)
    if wanted is None:
        return
    said = provider.get(wanted)
    if said is None:
        raise BadRequestException(
            f"Invalid request: {wanted} is required for the authentication type {kind}."
        )
    if kind == "AWS_LAMBDA":
        if not _FUNCTION.fullmatch(said["authorizerUri"]):
            raise BadRequestException("Invalid Lambda authorizer URI: it must be the ARN of a function.")
    if kind == "OPENID_CONNECT" and not re.match(r"https?://", said["issuer"]):
        raise BadRequestException("Invalid issuer: it must be an HTTP(S) address.")
    for name in ("identityValidationExpression", "appIdClientRegex", "clientId"):
        if said.get(name):
            try:
                re.compile(said[name])
            except re.error:
                raise BadRequestException(f"Invalid {name}: it is no regular expression.") from None


def _check(call: Call, api: Api) -> None:
    providers = api.providers
    for provider in providers:
        check_provider(call, provider)
    kinds = [provider.get("authenticationType") for provider in providers]
    for kind in ("API_KEY", "AWS_IAM", "AWS_LAMBDA"):
        if kinds.count(kind) > 1:
            raise BadRequestException(f"Only one authentication provider of type {kind} is allowed.")
    log = api.settings.get("logConfig")
    if log is not None:
        call.require(
            "iam:PassRole", log["cloudWatchLogsRoleArn"], **{"iam:PassedToService": "appsync.amazonaws.com"}
        )


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def CreateGraphqlApi(
    call: Call,
    *,
    name: str,
    authenticationType: str,
    logConfig: dict[str, Any] | None = None,
    userPoolConfig: dict[str, Any] | None = None,
    openIDConnectConfig: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    additionalAuthenticationProviders: list[dict[str, Any]] | None = None,
    xrayEnabled: bool | None = None,
    lambdaAuthorizerConfig: dict[str, Any] | None = None,
    apiType: str | None = None,
    visibility: str | None = None,
    ownerContact: str | None = None,
    introspectionConfig: str | None = None,
    queryDepthLimit: int | None = None,
    resolverCountLimit: int | None = None,
) -> dict:
    if apiType == "MERGED":
        raise NotImplementedHere("merged APIs of appsync")
    if visibility == "PRIVATE":
        raise NotImplementedHere("private APIs of appsync")
    if len(call.shelf(Api)) >= APIS_MAX:
        raise ApiLimitExceededException(f"The limit of {APIS_MAX} GraphQL APIs is reached.")
    mark = region_mark(call.region)
    settings = _given(
        logConfig=logConfig, userPoolConfig=userPoolConfig, openIDConnectConfig=openIDConnectConfig, xrayEnabled=xrayEnabled,
        additionalAuthenticationProviders=additionalAuthenticationProviders, lambdaAuthorizerConfig=lambdaAuthorizerConfig,
        ownerContact=ownerContact, introspectionConfig=introspectionConfig, queryDepthLimit=queryDepthLimit,
        resolverCountLimit=resolverCountLimit,
    )  # fmt: skip
    id_ = mark + call.ids.lower(ID_LENGTH - len(mark))
    api = Api(id=id_, name=name, authentication=authenticationType, settings=settings, tags=tags or {})
    _check(call, api)
    call.shelf(Api)[id_] = api
    call.home.store.shelf(SHARED, Address)[id_] = Address(account=call.account)
    return {"graphqlApi": shown(call, api)}


def GetGraphqlApi(call: Call, *, apiId: str) -> dict:
    return {"graphqlApi": shown(call, existing(call, apiId))}


def ListGraphqlApis(call: Call, *, apiType: str | None = None, owner: str | None = None) -> dict:
    """Those of other accounts could only be merged APIs, of which there are none."""
    if apiType == "MERGED" or owner == "OTHER_ACCOUNTS":
        return {"graphqlApis": []}
    return {"graphqlApis": [shown(call, api) for _, api in sorted(call.shelf(Api).items())]}


def UpdateGraphqlApi(
    call: Call,
    *,
    apiId: str,
    name: str,
    authenticationType: str,
    logConfig: dict[str, Any] | None = None,
    userPoolConfig: dict[str, Any] | None = None,
    openIDConnectConfig: dict[str, Any] | None = None,
    additionalAuthenticationProviders: list[dict[str, Any]] | None = None,
    xrayEnabled: bool | None = None,
    lambdaAuthorizerConfig: dict[str, Any] | None = None,
    ownerContact: str | None = None,
    introspectionConfig: str | None = None,
    queryDepthLimit: int | None = None,
    resolverCountLimit: int | None = None,
) -> dict:
    """What is not said is not any more: an update says everything."""
    settings = _given(
        logConfig=logConfig, userPoolConfig=userPoolConfig, openIDConnectConfig=openIDConnectConfig, xrayEnabled=xrayEnabled,
        additionalAuthenticationProviders=additionalAuthenticationProviders, lambdaAuthorizerConfig=lambdaAuthorizerConfig,
        ownerContact=ownerContact, introspectionConfig=introspectionConfig, queryDepthLimit=queryDepthLimit,
        resolverCountLimit=resolverCountLimit,
    )  # fmt: skip
    api = changed(existing(call, apiId), name=name, authentication=authenticationType, settings=settings)
    _check(call, api)
    call.shelf(Api)[apiId] = api
    return {"graphqlApi": shown(call, api)}


def forget(call: Call, api: Api) -> None:
    del call.shelf(Api)[api.id]
    del call.home.store.shelf(SHARED, Address)[api.id]


# Environment variables -----------------------------------------------------------------------------


def PutGraphqlApiEnvironmentVariables(
    call: Call, *, apiId: str, environmentVariables: dict[str, str]
) -> dict:
    api = existing(call, apiId)
    call.shelf(Api)[apiId] = changed(api, variables=environmentVariables)
    return {"environmentVariables": environmentVariables}


def GetGraphqlApiEnvironmentVariables(call: Call, *, apiId: str) -> dict:
    return {"environmentVariables": existing(call, apiId).variables}
