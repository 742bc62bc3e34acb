"""APIs themselves: their names and settings, what browsers of other origins may do, and the quick way to have one.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate.address import region_mark
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway.domain import mapping_names
from kumoniwa.services.apigatewayv2 import integration, route, stage
from kumoniwa.services.apigatewayv2.connection import connections
from kumoniwa.services.apigatewayv2.definition import (
    Api,
    BadRequestException,
    Deployment,
    Stage,
    claim,
    find,
    put,
    said,
)

HTTP_SELECTION = "$request.method $request.path"
HTTP_SELECTIONS = (HTTP_SELECTION, "${request.method} ${request.path}")
KEY_SELECTION = "$request.header.x-api-key"
KEY_SELECTIONS = (KEY_SELECTION, "$context.authorizer.usageIdentifierKey")


def endpoint(call: Call, api_id: str, protocol: str) -> str:
    """Where the API is called. AWS says a name of its own; this one leads here."""
    port = re.search(r":(\d+)$", call.home.settings.endpoint)
    scheme = "http" if protocol == "HTTP" else "ws"
    return f"{scheme}://{api_id}.execute-api.{call.region}.localhost{port[0] if port else ''}"


def shown(api: Api) -> dict[str, Any]:
    return api.document | {"Tags": api.tags}


def checked_cors(api_type: str, cors: dict[str, Any]) -> dict[str, Any]:
    """A CORS configuration, in small letters where browsers compare so."""
    if api_type != "HTTP":
        raise BadRequestException(f"Cors is not supported for {api_type} protocolType")
    if cors.get("AllowCredentials") and "*" in cors.get("AllowOrigins", ()):
        raise BadRequestException("allow-credentials is not supported if 'allow-origin' is *")
    if not -1 <= cors.get("MaxAge", 0) <= 86_400:
        raise BadRequestException("MaxAge must be between -1 and 86400 seconds")
    for origin in cors.get("AllowOrigins", ()):
        if not re.fullmatch(r"\*|[a-z][a-z0-9+.-]*://[^/\s]*", origin, re.IGNORECASE):
            raise BadRequestException(f"Invalid format for origin {origin}. Origins must begin with http://, https:// or be *")
    return cors


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    protocol = document["ProtocolType"]
    if not document["Name"]:
        raise BadRequestException("Invalid API name specified")
    if protocol == "HTTP":
        if document["RouteSelectionExpression"] not in HTTP_SELECTIONS:
            raise BadRequestException('Route selection expression is currently limited to "${request.method} ${request.path}"')
        document["RouteSelectionExpression"] = HTTP_SELECTION
    elif not document.get("RouteSelectionExpression"):
        raise BadRequestException("Invalid routeSelectionExpression")
    if document["ApiKeySelectionExpression"] not in KEY_SELECTIONS:
        raise BadRequestException("Invalid api key selection expression specified")
    if document["IpAddressType"] not in ("ipv4", "dualstack"):
        raise BadRequestException("Invalid ip address type specified. Must be one of [ipv4, dualstack]")
    if "CorsConfiguration" in document:
        checked_cors(protocol, document["CorsConfiguration"])
    return document


def make(call: Call, document: dict[str, Any], tags: dict[str, str] | None = None) -> Api:
    """A new API, without routes."""
    api_id = region_mark(call.region) + call.ids.lower(8)
    protocol = document["ProtocolType"]
    if protocol not in ("HTTP", "WEBSOCKET"):
        raise BadRequestException("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")
    expression = {"RouteSelectionExpression": HTTP_SELECTION} if protocol == "HTTP" else {}
    document = {
        "ApiEndpoint": endpoint(call, api_id, protocol),
        "ApiId": api_id,
        "ApiKeySelectionExpression": KEY_SELECTION,
        "CreatedDate": call.now(),
        "DisableExecuteApiEndpoint": False,
        "IpAddressType": "ipv4",
        **expression,
        **document,
    }
    api = Api(document=_checked(document), made=call.now(), tags=tags or {})
    claim(call, api)
    return put(call, api)


def CreateApi(
    call: Call,
    *,
    Name: str,
    ProtocolType: str,
    ApiKeySelectionExpression: str | None = None,
    CorsConfiguration: dict | None = None,
    CredentialsArn: str | None = None,
    Description: str | None = None,
    DisableSchemaValidation: bool | None = None,
    DisableExecuteApiEndpoint: bool | None = None,
    IpAddressType: str | None = None,
    RouteKey: str | None = None,
    RouteSelectionExpression: str | None = None,
    Tags: dict[str, str] | None = None,
    Target: str | None = None,
    Version: str | None = None,
) -> dict:
    """With a ``Target`` the API is callable at once: a route to it, and the stage ``$default`` that deploys by itself."""
    document = said(
        Name=Name, ProtocolType=ProtocolType, ApiKeySelectionExpression=ApiKeySelectionExpression, CorsConfiguration=CorsConfiguration,
        Description=Description, DisableSchemaValidation=DisableSchemaValidation, DisableExecuteApiEndpoint=DisableExecuteApiEndpoint,
        IpAddressType=IpAddressType, RouteSelectionExpression=RouteSelectionExpression, Version=Version,
    )  # fmt: skip
    if Target is None and (RouteKey or CredentialsArn):
        raise BadRequestException("Target is required when route key or credentials arn is specified")
    if Target is not None and ProtocolType != "HTTP":
        raise BadRequestException("Quick create is only supported for HTTP APIs.")
    api = make(call, document, Tags)
    if Target is not None:
        api = _quick(call, api, Target, RouteKey or "$default", CredentialsArn)
        stage.make(call, api, {"StageName": stage.DEFAULT, "AutoDeploy": True, "ApiGatewayManaged": True})
    return shown(api)


def _quick(call: Call, api: Api, target: str, route_key: str, role: str | None) -> Api:
    """Lead the route that came with the API to another target."""
    managed = {"ApiGatewayManaged": True}
    is_function = target.startswith("arn:")
    given = {
        "IntegrationType": "AWS_PROXY" if is_function else "HTTP_PROXY",
        "IntegrationUri": target,
        "PayloadFormatVersion": "2.0" if is_function else "1.0",
        **({} if is_function else {"IntegrationMethod": "ANY"}),
        **said(CredentialsArn=role),
    }
    old = next((key for key, one in api.integrations.items() if one.get("ApiGatewayManaged")), call.ids.lower(7))
    kept = integration.checked(call, api, integration.defaults(api, given) | {"IntegrationId": old} | managed)
    api = changed(api, integrations={**api.integrations, old: kept})
    found = next((key for key, one in api.routes.items() if one.get("ApiGatewayManaged")), call.ids.lower(7))
    wanted = route.defaults(api, {"RouteKey": route_key, "Target": f"integrations/{old}"}) | {"RouteId": found} | managed
    return put(call, changed(api, routes={**api.routes, found: route.checked(api, wanted)}))


def GetApi(call: Call, *, ApiId: str) -> dict:
    return shown(find(call, ApiId))


def GetApis(call: Call) -> dict:
    apis = sorted(call.shelf(Api).values(), key=lambda api: (api.made, api.id))
    return {"Items": [shown(api) for api in apis]}


def UpdateApi(
    call: Call,
    *,
    ApiId: str,
    ApiKeySelectionExpression: str | None = None,
    CorsConfiguration: dict | None = None,
    CredentialsArn: str | None = None,
    Description: str | None = None,
    DisableSchemaValidation: bool | None = None,
    DisableExecuteApiEndpoint: bool | None = None,
    IpAddressType: str | None = None,
    Name: str | None = None,
    RouteKey: str | None = None,
    RouteSelectionExpression: str | None = None,
    Target: str | None = None,
    Version: str | None = None,
) -> dict:
    """``Target``, ``RouteKey`` and ``CredentialsArn`` change what a quickly created API came with."""
    api = find(call, ApiId)
    document = said(
        ApiKeySelectionExpression=ApiKeySelectionExpression, CorsConfiguration=CorsConfiguration, Description=Description,
        DisableSchemaValidation=DisableSchemaValidation, DisableExecuteApiEndpoint=DisableExecuteApiEndpoint, IpAddressType=IpAddressType,
        Name=Name, RouteSelectionExpression=RouteSelectionExpression, Version=Version,
    )  # fmt: skip
    api = put(call, changed(api, document=_checked({**api.document, **document})))
    if Target is not None or RouteKey is not None or CredentialsArn is not None:
        own = next((one for one in api.integrations.values() if one.get("ApiGatewayManaged")), None)
        led = next((one for one in api.routes.values() if one.get("ApiGatewayManaged")), None)
        if own is None or led is None:
            raise BadRequestException("Only APIs made by quick create can be updated with a target, a route key or credentials")
        api = _quick(
            call, api, Target or own["IntegrationUri"], RouteKey or led["RouteKey"], CredentialsArn or own.get("CredentialsArn")
        )
    return shown(api)


def DeleteApi(call: Call, *, ApiId: str) -> None:
    """With an API goes everything of it; whoever is connected is cut off."""
    find(call, ApiId)
    if shown_at := mapping_names(call, ApiId):
        raise BadRequestException(f"Deleting API {ApiId} failed. Please remove all API mappings of it in your domains: {', '.join(shown_at)}.")
    for kind in (Stage, Deployment):
        for key in [key for key in call.shelf(kind) if key.startswith(f"{ApiId}/")]:
            del call.shelf(kind)[key]
    del call.shelf(Api)[ApiId]
    call.home.store.shelf(SHARED, HostName).pop(ApiId, None)
    call.after_commit(lambda: connections(call.home).cut(ApiId))


def DeleteCorsConfiguration(call: Call, *, ApiId: str) -> None:
    api = find(call, ApiId)
    put(call, changed(api, document={name: value for name, value in api.document.items() if name != "CorsConfiguration"}))


