"""Gateway responses: what the gateway says in its own voice when a request never reaches, or never returns from, its integration.

An owner may put other words, codes and headers in place of the defaults, for one type or for all of 4XX and 5XX.
Their templates know variables and no program: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import mapping, restapi
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.wire.message import Response

TYPES: dict[str, tuple[str, str]] = {
    "ACCESS_DENIED": ("403", "AccessDeniedException"),
    "API_CONFIGURATION_ERROR": ("500", "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": ("500", "AuthorizerConfigurationException"),
    "AUTHORIZER_FAILURE": ("500", "AuthorizerConfigurationException"),
    "BAD_REQUEST_BODY": ("400", "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": ("400", "BadRequestException"),
    "DEFAULT_4XX": ("", "ForbiddenException"),
    "DEFAULT_5XX": ("", "InternalServerErrorException"),
    "EXPIRED_TOKEN": ("403", "ExpiredTokenException"),
    "INTEGRATION_FAILURE": ("504", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": ("504", "InternalServerErrorException"),
    "INVALID_API_KEY": ("403", "ForbiddenException"),
    "INVALID_SIGNATURE": ("403", "InvalidSignatureException"),
    "MISSING_AUTHENTICATION_TOKEN": ("403", "MissingAuthenticationTokenException"),
    "QUOTA_EXCEEDED": ("429", "LimitExceededException"),
    "REQUEST_TOO_LARGE": ("413", "RequestEntityTooLargeException"),
    "RESOURCE_NOT_FOUND": ("404", "NotFoundException"),
    "THROTTLED": ("429", "TooManyRequestsException"),
    "UNAUTHORIZED": ("401", "UnauthorizedException"),
    "UNSUPPORTED_MEDIA_TYPE": ("415", "UnsupportedMediaTypeException"),
    "WAF_FILTERED": ("403", "ForbiddenException"),
}
"""By type: the status and the error type in the header."""

DEFAULT_TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}
_SPACED = '{"message": $context.error.messageString}'
_UNTOLD = {
    "ACCESS_DENIED": '{"Message":$context.error.messageString}', "API_CONFIGURATION_ERROR": _SPACED, "DEFAULT_5XX": _SPACED,
    "INTEGRATION_FAILURE": _SPACED, "INTEGRATION_TIMEOUT": _SPACED,
}  # fmt: skip
"""Where what AWS sends is spelled a little otherwise than the template that it tells: its policy engine's capital, its integrations' space.
(Recorded: test_apigateway_header_remapping_aws, of 36 bytes.)"""


def effective(api: RestApi, kind: str) -> dict[str, Any]:
    """The response of a type: as it was put, as the default of its hundred was put, or AWS's own."""
    put = api.gateway_responses.get(kind)
    if put is not None:
        return put
    status = TYPES[kind][0]
    document = {
        "responseType": kind,
        "responseParameters": {},
        "responseTemplates": DEFAULT_TEMPLATES,
        "defaultResponse": True,
    }
    if status:
        document["statusCode"] = status
        general = api.gateway_responses.get(f"DEFAULT_{status[0]}XX")
        if general is not None:
            document |= {
                member: value
                for member, value in general.items()
                if member not in ("responseType", "defaultResponse")
            }
    return document


# Rendering -------------------------------------------------------------------------------------------

_NAME = (
    r"(?:context|stageVariables|method\.request\.(?:header|querystring|path))\.[A-Za-z0-9_.-]*[A-Za-z0-9_-]"
)
_VARIABLE = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})\}})")


def rendered(template: str, exchange: Exchange) -> str:
    """The template with its variables filled in; there are no others."""

    def value(found: re.Match[str]) -> str:
        return mapping.compiled(found[1] or found[2])(exchange) or ""

    return _VARIABLE.sub(value, template)


def response(exchange: Exchange, refused: Refused) -> Response:
    """What the caller gets who is refused."""
    exchange.error = refused
    put = effective(exchange.served.api, refused.kind)
    headers: dict[str, Any] = {"x-amzn-ErrorType": refused.error_type or TYPES[refused.kind][1]}
    for place, expression in put["responseParameters"].items():
        value = mapping.compiled(expression)(exchange)
        if value is not None:
            headers[place.removeprefix("gatewayresponse.header.")] = value
    status = int(put.get("statusCode") or refused.status or 500)
    if refused.status and put.get("defaultResponse"):
        status = refused.status
    templates = put["responseTemplates"]
    if put.get("defaultResponse") and refused.kind in _UNTOLD and templates is DEFAULT_TEMPLATES:
        body = rendered(_UNTOLD[refused.kind], exchange)
        content_type = "application/json"
    else:
        accepted = exchange.media_type("accept")
        content_type = accepted if accepted in templates else next(iter(templates), "application/json")
        body = rendered(templates.get(content_type, ""), exchange)
    return Response(status, body.encode("utf-8", "replace"), {"Content-Type": content_type, **headers})


# Operations ------------------------------------------------------------------------------------------


def _wanted(message: str):
    def read(value: str | None) -> str:
        if not value:
            raise BadRequestException(message)
        return value

    return read


RULES = Rules(
    {
        "/statusCode": Rule("statusCode"),
        "/responseParameters/*": Rule(
            "responseParameters", _wanted("Invalid null or empty value in responseParameters"), ("add", "replace", "remove"),
            missing="Invalid parameter name specified",
        ),
        "/responseTemplates/*": Rule(
            "responseTemplates", _wanted("Invalid null or empty value in responseTemplates"), ("add", "replace", "remove"),
            missing="Content-Type specified was not found",
        ),
    }
)  # fmt: skip


def checked(document: dict[str, Any]) -> dict[str, Any]:
    for place, expression in document["responseParameters"].items():
        if not place.startswith("gatewayresponse.header.") or place == "gatewayresponse.header.":
            raise BadRequestException(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression parameter specified: {place}]"
            )
        mapping.compiled(expression)
    if "statusCode" in document and not re.fullmatch(r"[1-5]\d\d", document["statusCode"]):
        raise BadRequestException("Invalid status code specified")
    return document


def made(
    kind: str, status: str | None, parameters: dict[str, str] | None, templates: dict[str, str] | None
) -> dict[str, Any]:
    document = {
        "responseType": kind, "responseParameters": parameters or {}, "responseTemplates": templates or DEFAULT_TEMPLATES,
        "defaultResponse": False,
    }  # fmt: skip
    status = status or TYPES[kind][0]
    return checked(document | ({"statusCode": status} if status else {}))


def PutGatewayResponse(
    call: Call,
    *,
    restApiId: str,
    responseType: str,
    statusCode: str | None = None,
    responseParameters: dict[str, str] | None = None,
    responseTemplates: dict[str, str] | None = None,
) -> dict:
    api = restapi.find(call, restApiId)
    document = made(responseType, statusCode, responseParameters, responseTemplates)
    restapi.put(call, changed(api, gateway_responses={**api.gateway_responses, responseType: document}))
    return document


def GetGatewayResponse(call: Call, *, restApiId: str, responseType: str) -> dict:
    return effective(restapi.find(call, restApiId), responseType)


def GetGatewayResponses(call: Call, *, restApiId: str) -> dict:
    api = restapi.find(call, restApiId)
    return {"items": [effective(api, kind) for kind in TYPES]}


def UpdateGatewayResponse(
    call: Call, *, restApiId: str, responseType: str, patchOperations: list[dict] | None = None
) -> dict:
    api = restapi.find(call, restApiId)
    for operation in patchOperations or ():
        if operation.get("path") == "/statusCode" and operation.get("op") != "replace":
            raise BadRequestException("Invalid patch path /statusCode")
    document = RULES.applied({**effective(api, responseType), "defaultResponse": False}, patchOperations)
    for member in ("responseParameters", "responseTemplates"):
        document.setdefault(member, {})
    restapi.put(
        call, changed(api, gateway_responses={**api.gateway_responses, responseType: checked(document)})
    )
    return document


def DeleteGatewayResponse(call: Call, *, restApiId: str, responseType: str) -> None:
    api = restapi.find(call, restApiId)
    if responseType not in api.gateway_responses:
        raise NotFoundException("Gateway response type not defined on api")
    kept = {kind: put for kind, put in api.gateway_responses.items() if kind != responseType}
    restapi.put(call, changed(api, gateway_responses=kept))
