"""Authorizers: who says whether a caller may, and what of the caller they look at.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway.target import function_of, is_function
from kumoniwa.services.apigatewayv2.definition import (
    Api,
    BadRequestException,
    ConflictException,
    find,
    part,
    put,
    said,
    without,
)

TTL_S, TTL_S_MAX = 300, 3_600
_HTTP_SOURCE = re.compile(r"\$(?:request\.(?:header|querystring)\.[A-Za-z0-9._-]+|context\.[A-Za-z0-9._]+|stageVariables\.[A-Za-z0-9_]+)")
_WEBSOCKET_SOURCE = re.compile(
    r"(?:route\.request\.(?:header|querystring)\.[A-Za-z0-9._-]+|context\.[A-Za-z0-9._]+|stageVariables\.[A-Za-z0-9_]+)"
)
_TOKEN_SOURCE = re.compile(r"\$request\.(?:header|querystring)\.[A-Za-z0-9._-]+")
_ISSUER = re.compile(r"https://[^\s?#]+")


def _check_jwt(api: Api, authorizer: dict[str, Any]) -> None:
    if not api.is_http:
        raise BadRequestException("Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis.")
    sources, said_of = authorizer["IdentitySource"], authorizer.get("JwtConfiguration")
    if said_of is None:
        raise BadRequestException("JwtConfiguration must not be null for JWT Authorizer")
    if len(sources) != 1 or not _TOKEN_SOURCE.fullmatch(sources[0]):
        raise BadRequestException("Invalid identity source specified. JWT authorizers need exactly one header or query string parameter")
    if not said_of.get("Audience"):
        raise BadRequestException("Audience list must have at least 1 item for JWT Authorizer")
    if not _ISSUER.fullmatch(said_of.get("Issuer") or ""):
        raise BadRequestException("Invalid issuer: Issuer is not a valid URL for JWT Authorizer")
    for member in ("AuthorizerUri", "AuthorizerCredentialsArn", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses"):
        if authorizer.get(member):
            raise BadRequestException(f"{member} is not supported for JWT authorizers")


def _check_sources(api: Api, sources: list[str]) -> None:
    form = _HTTP_SOURCE if api.is_http else _WEBSOCKET_SOURCE
    wrong = [source for source in sources if not form.fullmatch(source)]
    if wrong and api.is_http:
        raise BadRequestException(
            f"Invalid identity source expression: {wrong[0]}. The source must be a request header, request querystring, stage variable or context parameter"
        )
    if wrong:
        # Seen up to "or a stage v"; the rest is as REST APIs are refused.
        raise BadRequestException(
            f"Invalid request identity source expression: {','.join(sources)}. The sources must be separated by comma, and each source must be either a "
            "request parameter, matching 'route.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, matching "
            "'stageVariables.[a-zA-Z0-9._-]+', or a context parameter, matching 'context.[a-zA-Z0-9._-]+'"
        )


def _check_request(api: Api, authorizer: dict[str, Any]) -> None:
    version = authorizer.get("AuthorizerPayloadFormatVersion")
    if api.is_http and version is None:
        raise BadRequestException("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer")
    uri = authorizer.get("AuthorizerUri")
    if not uri:
        raise BadRequestException("AuthorizerUri is a required field in an Authorizer")
    if not is_function(uri):
        raise BadRequestException(
            f"Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation."
        )
    function_of(uri)
    if version not in (("1.0", "2.0") if api.is_http else (None,)):
        raise BadRequestException("Invalid authorizer payload format version specified. Must be one of [1.0, 2.0]")
    if authorizer.get("EnableSimpleResponses") and version != "2.0":
        raise BadRequestException('EnableSimpleResponses can only be set for AuthorizerPayloadFormatVersion "2.0".')
    _check_sources(api, authorizer["IdentitySource"])
    ttl_s = authorizer.get("AuthorizerResultTtlInSeconds", 0)
    if not 0 <= ttl_s <= TTL_S_MAX:
        raise BadRequestException(f"Authorizer result TTL outside allowable range. TTL must be between 0 and {TTL_S_MAX} seconds.")
    if ttl_s and not api.is_http:
        raise BadRequestException("AuthorizerResultTtlInSeconds is only supported for HTTP APIs")
    if ttl_s and not authorizer["IdentitySource"]:
        raise BadRequestException("Identity source must be set if authorizer caching is enabled (TTL is greater than 0)")


def checked(call: Call | None, api: Api, authorizer: dict[str, Any]) -> dict[str, Any]:
    """The authorizer, if the API can have it."""
    if not authorizer["Name"]:
        raise BadRequestException("Authorizer name must be non-empty")
    if authorizer["AuthorizerType"] not in ("JWT", "REQUEST"):
        raise BadRequestException("Invalid authorizer type specified. Must be one of [JWT, REQUEST]")
    (_check_jwt if authorizer["AuthorizerType"] == "JWT" else _check_request)(api, authorizer)
    if call is not None and authorizer.get("AuthorizerCredentialsArn"):
        role = authorizer["AuthorizerCredentialsArn"]
        call.require("iam:PassRole", role, **{"iam:PassedToService": "apigateway.amazonaws.com"})
    for known in api.authorizers.values():
        if known["Name"] == authorizer["Name"] and known["AuthorizerId"] != authorizer["AuthorizerId"]:
            raise ConflictException("Authorizer name must be unique. Authorizer " + authorizer["Name"] + " already exists in this API.")
    return authorizer


def CreateAuthorizer(
    call: Call,
    *,
    ApiId: str,
    AuthorizerType: str,
    IdentitySource: list[str],
    Name: str,
    AuthorizerCredentialsArn: str | None = None,
    AuthorizerPayloadFormatVersion: str | None = None,
    AuthorizerResultTtlInSeconds: int | None = None,
    AuthorizerUri: str | None = None,
    EnableSimpleResponses: bool | None = None,
    IdentityValidationExpression: str | None = None,
    JwtConfiguration: dict | None = None,
) -> dict:
    """AWS keeps an ``IdentityValidationExpression`` and makes no use of it, says its reference."""
    api = find(call, ApiId)
    document = said(
        AuthorizerType=AuthorizerType, IdentitySource=IdentitySource, Name=Name, AuthorizerCredentialsArn=AuthorizerCredentialsArn,
        AuthorizerPayloadFormatVersion=AuthorizerPayloadFormatVersion, AuthorizerResultTtlInSeconds=AuthorizerResultTtlInSeconds,
        AuthorizerUri=AuthorizerUri, EnableSimpleResponses=EnableSimpleResponses,
        IdentityValidationExpression=IdentityValidationExpression, JwtConfiguration=JwtConfiguration,
    )  # fmt: skip
    if AuthorizerType == "REQUEST" and api.is_http and IdentitySource:
        document.setdefault("AuthorizerResultTtlInSeconds", TTL_S)
    authorizer = checked(call, api, document | {"AuthorizerId": call.ids.lower(6)})
    put(call, changed(api, authorizers={**api.authorizers, authorizer["AuthorizerId"]: authorizer}))
    return authorizer


def GetAuthorizer(call: Call, *, ApiId: str, AuthorizerId: str) -> dict:
    return part(find(call, ApiId).authorizers, "Authorizer", AuthorizerId)


def GetAuthorizers(call: Call, *, ApiId: str) -> dict:
    return {"Items": list(find(call, ApiId).authorizers.values())}


def UpdateAuthorizer(
    call: Call,
    *,
    ApiId: str,
    AuthorizerId: str,
    AuthorizerCredentialsArn: str | None = None,
    AuthorizerPayloadFormatVersion: str | None = None,
    AuthorizerResultTtlInSeconds: int | None = None,
    AuthorizerType: str | None = None,
    AuthorizerUri: str | None = None,
    EnableSimpleResponses: bool | None = None,
    IdentitySource: list[str] | None = None,
    IdentityValidationExpression: str | None = None,
    JwtConfiguration: dict | None = None,
    Name: str | None = None,
) -> dict:
    api = find(call, ApiId)
    document = said(
        AuthorizerType=AuthorizerType, IdentitySource=IdentitySource, Name=Name, AuthorizerCredentialsArn=AuthorizerCredentialsArn,
        AuthorizerPayloadFormatVersion=AuthorizerPayloadFormatVersion, AuthorizerResultTtlInSeconds=AuthorizerResultTtlInSeconds,
        AuthorizerUri=AuthorizerUri, EnableSimpleResponses=EnableSimpleResponses,
        IdentityValidationExpression=IdentityValidationExpression, JwtConfiguration=JwtConfiguration,
    )  # fmt: skip
    authorizer = checked(call, api, {**part(api.authorizers, "Authorizer", AuthorizerId), **document})
    put(call, changed(api, authorizers={**api.authorizers, AuthorizerId: authorizer}))
    return authorizer


def DeleteAuthorizer(call: Call, *, ApiId: str, AuthorizerId: str) -> None:
    api = find(call, ApiId)
    part(api.authorizers, "Authorizer", AuthorizerId)
    used = [route["RouteId"] for route in api.routes.values() if route.get("AuthorizerId") == AuthorizerId]
    if used:
        raise ConflictException(f"Cannot delete authorizer '{AuthorizerId}', is referenced in routes: {', '.join(used)}")
    put(call, changed(api, authorizers=without(api.authorizers, AuthorizerId)))
