"""Routes: what a request or a message must look like to reach an integration, who may send it, and what is sent back.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-routes.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigatewayv2.definition import (
    Api,
    BadRequestException,
    ConflictException,
    NotFoundException,
    find,
    part,
    put,
    said,
    without,
)

METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"
_PATH = re.compile(r"/(?:[^/{}\s]*|\{[A-Za-z0-9_.:-]+\+?\})(?:/(?:[^/{}\s]*|\{[A-Za-z0-9_.:-]+\+?\}))*")
_REQUIRED = re.compile(r"route\.request\.(?:querystring|header)\.[A-Za-z0-9._-]+")
ONLY_WEBSOCKET = {
    "ModelSelectionExpression": "Model selection expression",
    "RequestModels": "Request models",
    "RequestParameters": "Request parameters",
    "RouteResponseSelectionExpression": "Route response selection expression",
}


def check_key(api: Api, key: str) -> None:
    if not key:
        raise BadRequestException("Route key is required")
    if not api.is_http or key == DEFAULT:
        return
    method, _, path = key.partition(" ")
    if method not in METHODS or not _PATH.fullmatch(path):
        raise BadRequestException(
            'The provided route key is not formatted properly for HTTP protocol. Format should be "[HTTP METHOD] /[RESOURCE PATH]" '
            'or "$default"'
        )
    parts = path.split("/")
    if any(one.endswith("+}") for one in parts[:-1]):
        raise BadRequestException("Invalid route key specified. A greedy path variable must be the last part of the path")
    names = [one.strip("{+}") for one in parts if one.startswith("{")]
    if len(set(names)) < len(names):
        raise BadRequestException("Invalid route key specified. Path variables must have different names")


def _check_authorizer(api: Api, route: dict[str, Any]) -> None:
    kind, authorizer = route["AuthorizationType"], api.authorizers.get(route.get("AuthorizerId", ""))
    if not api.is_http and kind != "NONE" and route["RouteKey"] != CONNECT:
        raise BadRequestException("Currently, authorization is restricted to the $connect route only")
    if kind == "JWT" and (authorizer is None or authorizer["AuthorizerType"] != "JWT"):
        raise BadRequestException(
            "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer."
        )
    if kind == "CUSTOM" and (authorizer is None or authorizer["AuthorizerType"] != "REQUEST"):
        raise BadRequestException(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM requires a valid authorizer."
        )
    if route.get("AuthorizationScopes") and kind != "JWT":
        raise BadRequestException(
            "Invalid Route authorization type specified. Authorization Scopes are only valid for COGNITO_USER_POOLS and JWT "
            "authorization types"
        )


def _named(api: Api, route: dict[str, Any]) -> str:
    """A route as refusals call it: one that is not there yet has no name; how AWS calls one that is was not seen."""
    return route["RouteId"] if route["RouteId"] in api.routes else "null"


def checked(api: Api, route: dict[str, Any]) -> dict[str, Any]:
    """The route, if the API can have it."""
    check_key(api, route["RouteKey"])
    for known in api.routes.values():
        if known["RouteKey"] == route["RouteKey"] and known["RouteId"] != route["RouteId"]:
            raise ConflictException(f"Route with key {route['RouteKey']} already exists for this API")
    _check_authorizer(api, route)
    target = route.get("Target")
    if target is not None:
        kind, _, id_ = target.partition("/")
        if kind != "integrations":
            raise BadRequestException(
                f"Unexpected or malformed target in route {_named(api, route)}. Correct format should be integrations/<integration_id>."
            )
        if id_ not in api.integrations:
            raise NotFoundException(f"Unable to find Integration by ID {id_} within the provided API")
    if api.is_http:
        for member, name in ONLY_WEBSOCKET.items():
            if route.get(member):
                raise BadRequestException(f"{name} is not currently supported for HTTP APIs")
        if route["ApiKeyRequired"]:
            raise BadRequestException(
                f"ApiKeyRequired is not currently supported for HTTP APIs. Please set ApiKeyRequired to false for route {_named(api, route)}"
            )
    elif route["ApiKeyRequired"]:
        raise NotImplementedHere("API keys of WebSocket routes of apigatewayv2")
    if not all(_REQUIRED.fullmatch(name) for name in route.get("RequestParameters", {})):
        raise BadRequestException("Invalid request parameter specified")
    if route.get("RouteResponseSelectionExpression", DEFAULT) != DEFAULT:
        raise BadRequestException("Invalid route response selection expression specified. Must be $default")
    return route


def defaults(api: Api, document: dict[str, Any]) -> dict[str, Any]:
    return {"ApiKeyRequired": False, "AuthorizationType": "NONE", **document}


def CreateRoute(
    call: Call,
    *,
    ApiId: str,
    RouteKey: str,
    ApiKeyRequired: bool | None = None,
    AuthorizationScopes: list[str] | None = None,
    AuthorizationType: str | None = None,
    AuthorizerId: str | None = None,
    ModelSelectionExpression: str | None = None,
    OperationName: str | None = None,
    RequestModels: dict[str, str] | None = None,
    RequestParameters: dict[str, dict] | None = None,
    RouteResponseSelectionExpression: str | None = None,
    Target: str | None = None,
) -> dict:
    document = said(
        RouteKey=RouteKey, ApiKeyRequired=ApiKeyRequired, AuthorizationScopes=AuthorizationScopes, AuthorizationType=AuthorizationType,
        AuthorizerId=AuthorizerId, ModelSelectionExpression=ModelSelectionExpression, OperationName=OperationName,
        RequestModels=RequestModels, RequestParameters=RequestParameters,
        RouteResponseSelectionExpression=RouteResponseSelectionExpression, Target=Target,
    )  # fmt: skip
    api = find(call, ApiId)
    route = checked(api, defaults(api, document) | {"RouteId": call.ids.lower(7)})
    put(call, changed(api, routes={**api.routes, route["RouteId"]: route}))
    return route


def GetRoute(call: Call, *, ApiId: str, RouteId: str) -> dict:
    return part(find(call, ApiId).routes, "Route", RouteId)


def GetRoutes(call: Call, *, ApiId: str) -> dict:
    return {"Items": list(find(call, ApiId).routes.values())}


def UpdateRoute(
    call: Call,
    *,
    ApiId: str,
    RouteId: str,
    ApiKeyRequired: bool | None = None,
    AuthorizationScopes: list[str] | None = None,
    AuthorizationType: str | None = None,
    AuthorizerId: str | None = None,
    ModelSelectionExpression: str | None = None,
    OperationName: str | None = None,
    RequestModels: dict[str, str] | None = None,
    RequestParameters: dict[str, dict] | None = None,
    RouteKey: str | None = None,
    RouteResponseSelectionExpression: str | None = None,
    Target: str | None = None,
) -> dict:
    document = said(
        RouteKey=RouteKey, ApiKeyRequired=ApiKeyRequired, AuthorizationScopes=AuthorizationScopes, AuthorizationType=AuthorizationType,
        AuthorizerId=AuthorizerId, ModelSelectionExpression=ModelSelectionExpression, OperationName=OperationName,
        RequestModels=RequestModels, RequestParameters=RequestParameters,
        RouteResponseSelectionExpression=RouteResponseSelectionExpression, Target=Target,
    )  # fmt: skip
    api = find(call, ApiId)
    route = checked(api, {**part(api.routes, "Route", RouteId), **document})
    put(call, changed(api, routes={**api.routes, RouteId: route}))
    return route


def DeleteRoute(call: Call, *, ApiId: str, RouteId: str) -> None:
    api = find(call, ApiId)
    part(api.routes, "Route", RouteId)
    put(call, changed(api, routes=without(api.routes, RouteId), route_responses=without(api.route_responses, RouteId)))


def DeleteRouteRequestParameter(call: Call, *, ApiId: str, RouteId: str, RequestParameterKey: str) -> None:
    api = find(call, ApiId)
    route = part(api.routes, "Route", RouteId)
    if RequestParameterKey not in route.get("RequestParameters", {}):
        raise NotFoundException("Invalid Request Parameter identifier specified")
    route = {**route, "RequestParameters": without(route["RequestParameters"], RequestParameterKey)}
    put(call, changed(api, routes={**api.routes, RouteId: route}))


# Responses --------------------------------------------------------------------------------------------


def _checked_response(api: Api, route_id: str, response: dict[str, Any]) -> dict[str, Any]:
    if api.is_http:
        raise BadRequestException(
            "RouteResponses are currently not supported for this API protocol type. This is because the API may only be configured with proxy "
            "integration at this time."
        )
    if response["RouteResponseKey"] != DEFAULT:
        raise BadRequestException(
            "Currently, only $default is supported as a RouteResponseKey. The creation of the RouteResponse with a key of $default will indicate "
            "to API Gateway that this Route is intended to handle two-way communication."
        )
    if response.get("ResponseParameters"):
        raise NotImplementedHere("parameters of route responses of apigatewayv2")
    for known in api.route_responses.get(route_id, {}).values():
        if known["RouteResponseKey"] == response["RouteResponseKey"] and known["RouteResponseId"] != response["RouteResponseId"]:
            raise ConflictException(f"Route response with key {response['RouteResponseKey']} already exists for this route")
    return response


def _kept_response(call: Call, api: Api, route_id: str, response: dict[str, Any]) -> dict[str, Any]:
    response = _checked_response(api, route_id, response)
    of_route = {**api.route_responses.get(route_id, {}), response["RouteResponseId"]: response}
    put(call, changed(api, route_responses={**api.route_responses, route_id: of_route}))
    return response


def _response(call: Call, api_id: str, route_id: str, response_id: str) -> tuple[Api, dict[str, Any]]:
    api = find(call, api_id)
    part(api.routes, "Route", route_id)
    return api, part(api.route_responses.get(route_id, {}), "RouteResponse", response_id)


def CreateRouteResponse(
    call: Call,
    *,
    ApiId: str,
    RouteId: str,
    RouteResponseKey: str,
    ModelSelectionExpression: str | None = None,
    ResponseModels: dict[str, str] | None = None,
    ResponseParameters: dict[str, dict] | None = None,
) -> dict:
    api = find(call, ApiId)
    part(api.routes, "Route", RouteId)
    document = said(
        RouteResponseKey=RouteResponseKey,
        ModelSelectionExpression=ModelSelectionExpression,
        ResponseModels=ResponseModels,
        ResponseParameters=ResponseParameters,
    )
    return _kept_response(call, api, RouteId, document | {"RouteResponseId": call.ids.lower(7)})


def GetRouteResponse(call: Call, *, ApiId: str, RouteId: str, RouteResponseId: str) -> dict:
    return _response(call, ApiId, RouteId, RouteResponseId)[1]


def GetRouteResponses(call: Call, *, ApiId: str, RouteId: str) -> dict:
    api = find(call, ApiId)
    part(api.routes, "Route", RouteId)
    return {"Items": list(api.route_responses.get(RouteId, {}).values())}


def UpdateRouteResponse(
    call: Call,
    *,
    ApiId: str,
    RouteId: str,
    RouteResponseId: str,
    ModelSelectionExpression: str | None = None,
    ResponseModels: dict[str, str] | None = None,
    ResponseParameters: dict[str, dict] | None = None,
    RouteResponseKey: str | None = None,
) -> dict:
    api, known = _response(call, ApiId, RouteId, RouteResponseId)
    document = said(
        RouteResponseKey=RouteResponseKey,
        ModelSelectionExpression=ModelSelectionExpression,
        ResponseModels=ResponseModels,
        ResponseParameters=ResponseParameters,
    )
    return _kept_response(call, api, RouteId, {**known, **document})


def DeleteRouteResponse(call: Call, *, ApiId: str, RouteId: str, RouteResponseId: str) -> None:
    api, _ = _response(call, ApiId, RouteId, RouteResponseId)
    kept = without(api.route_responses[RouteId], RouteResponseId)
    put(call, changed(api, route_responses={**api.route_responses, RouteId: kept}))
