"""Integrations: what stands behind routes, how it is asked, and how its answers are told.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-integrations.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway.target import function_of, is_function, target_of
from kumoniwa.services.apigatewayv2 import awsaction, mapping
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

METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
TIMEOUT_MS = {"HTTP": 30_000, "WEBSOCKET": 29_000}
ADDRESS = re.compile(r"https?://[^\s#]+")
FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:.+|.*\$\{stageVariables\..+")
STATUS = "${integration.response.statuscode}"
PASSTHROUGHS = ("NEVER", "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES")
ONLY_WEBSOCKET = ("ContentHandlingStrategy", "PassthroughBehavior", "RequestTemplates", "TemplateSelectionExpression")


def defaults(api: Api, document: dict[str, Any]) -> dict[str, Any]:
    """What AWS fills in."""
    document = {
        "ConnectionType": "INTERNET",
        "PayloadFormatVersion": "1.0",
        "TimeoutInMillis": TIMEOUT_MS[api.document["ProtocolType"]],
        **document,
    }
    kind = document["IntegrationType"]
    if kind == "AWS_PROXY" and "IntegrationSubtype" not in document:
        document.setdefault("IntegrationMethod", "POST")
    if not api.is_http:
        document.setdefault("PassthroughBehavior", "WHEN_NO_MATCH")
        if kind in ("AWS", "HTTP", "MOCK"):
            document.setdefault("IntegrationResponseSelectionExpression", STATUS)
    return document


def function_named(uri: str) -> str:
    """The function of an integration, by its ARN or by the address API Gateway knows it under. Raises BadRequestException."""
    return uri if FUNCTION.fullmatch(uri) and not uri.startswith("arn:aws:apigateway:") else function_of(uri)


def _check_http(document: dict[str, Any]) -> None:
    """What an integration of an HTTP API may be."""
    kind, version = document["IntegrationType"], document["PayloadFormatVersion"]
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise BadRequestException(
            "Invalid integration type specified. Currently HTTP APIs only support the integration types AWS_PROXY and HTTP_PROXY"
        )
    for member in ONLY_WEBSOCKET:
        if document.get(member):
            raise BadRequestException(f"{member} is not currently supported for HTTP APIs")
    subtype = document.get("IntegrationSubtype")
    if version not in ("1.0", "2.0"):
        raise BadRequestException(f"Unsupported PayloadFormatVersion: {version}")
    if version == "2.0" and kind == "HTTP_PROXY":
        raise BadRequestException("PayloadFormatVersion 2.0 is not supported for integration of type HTTP_PROXY")
    if subtype:
        awsaction.check(document)
    else:
        mapping.check_request(document.get("RequestParameters", {}))
    mapping.check_response(document.get("ResponseParameters", {}))


def _check_websocket(document: dict[str, Any]) -> None:
    if document.get("IntegrationSubtype") or document.get("ResponseParameters"):
        raise BadRequestException("IntegrationSubtype and ResponseParameters are only supported for HTTP APIs")
    if document["PassthroughBehavior"] not in PASSTHROUGHS:
        raise BadRequestException(f"Invalid passthrough behavior specified. Must be one of [{', '.join(PASSTHROUGHS)}]")
    if document["PayloadFormatVersion"] != "1.0":
        raise BadRequestException(f"Unsupported PayloadFormatVersion: {document['PayloadFormatVersion']}")
    # Messages of clients are text frames, so that to convert them to text changes nothing.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
    if document.get("ContentHandlingStrategy") not in (None, "CONVERT_TO_TEXT"):
        raise NotImplementedHere(f"ContentHandlingStrategy {document['ContentHandlingStrategy']} of integrations of apigatewayv2")
    mapping.check_websocket(document.get("RequestParameters", {}))
    if "TemplateSelectionExpression" in document:
        mapping.selection(document["TemplateSelectionExpression"])


def checked(call: Call, api: Api, document: dict[str, Any]) -> dict[str, Any]:
    """The integration, if the API can have it."""
    protocol, kind = api.document["ProtocolType"], document["IntegrationType"]
    if document["ConnectionType"] == "VPC_LINK" and not document.get("ConnectionId"):
        raise BadRequestException("ConnectionId must be set to vpcLinkId for ConnectionType VPC_LINK")
    if document["ConnectionType"] == "VPC_LINK" or document.get("ConnectionId"):
        raise NotImplementedHere("VPC links of apigatewayv2")
    if document["ConnectionType"] != "INTERNET":
        raise BadRequestException("Invalid connection type specified. Must be one of [INTERNET, VPC_LINK]")
    if not 50 <= document["TimeoutInMillis"] <= TIMEOUT_MS[protocol]:
        raise BadRequestException(f"Timeout should be between 50 ms and {TIMEOUT_MS[protocol]} ms")
    if document.get("TlsConfig"):
        raise NotImplementedHere("TlsConfig of integrations of apigatewayv2")
    _check_http(document) if api.is_http else _check_websocket(document)
    uri, method = document.get("IntegrationUri"), document.get("IntegrationMethod")
    if method is not None and method not in METHODS:
        raise BadRequestException(f"Invalid HTTP method specified. Must be one of [{', '.join(METHODS)}]")
    if kind in ("HTTP", "HTTP_PROXY"):
        if not method:
            raise BadRequestException(f"HttpMethod parameter method must be specified for integrationType {kind.replace('_', '')}")
        if not uri or not (ADDRESS.fullmatch(uri) or "${stageVariables." in uri):
            raise BadRequestException("Invalid HTTP endpoint specified for URI")
    elif kind == "AWS_PROXY" and "IntegrationSubtype" not in document:
        function_named(uri or "")
    elif kind == "AWS" and not is_function(uri or ""):
        target_of(uri or "")
    if document.get("CredentialsArn") and call is not None:
        call.require("iam:PassRole", document["CredentialsArn"], **{"iam:PassedToService": "apigateway.amazonaws.com"})
    return document


def CreateIntegration(
    call: Call,
    *,
    ApiId: str,
    IntegrationType: str,
    ConnectionId: str | None = None,
    ConnectionType: str | None = None,
    ContentHandlingStrategy: str | None = None,
    CredentialsArn: str | None = None,
    Description: str | None = None,
    IntegrationMethod: str | None = None,
    IntegrationSubtype: str | None = None,
    IntegrationUri: str | None = None,
    PassthroughBehavior: str | None = None,
    PayloadFormatVersion: str | None = None,
    RequestParameters: dict[str, str] | None = None,
    RequestTemplates: dict[str, str] | None = None,
    ResponseParameters: dict[str, dict] | None = None,
    TemplateSelectionExpression: str | None = None,
    TimeoutInMillis: int | None = None,
    TlsConfig: dict | None = None,
) -> dict:
    api = find(call, ApiId)
    document = said(
        IntegrationType=IntegrationType, ConnectionId=ConnectionId, ConnectionType=ConnectionType,
        ContentHandlingStrategy=ContentHandlingStrategy, CredentialsArn=CredentialsArn, Description=Description,
        IntegrationMethod=IntegrationMethod, IntegrationSubtype=IntegrationSubtype, IntegrationUri=IntegrationUri,
        PassthroughBehavior=PassthroughBehavior, PayloadFormatVersion=PayloadFormatVersion, RequestParameters=RequestParameters,
        RequestTemplates=RequestTemplates, ResponseParameters=ResponseParameters,
        TemplateSelectionExpression=TemplateSelectionExpression, TimeoutInMillis=TimeoutInMillis, TlsConfig=TlsConfig,
    )  # fmt: skip
    made = checked(call, api, defaults(api, document)) | {"IntegrationId": call.ids.lower(7)}
    put(call, changed(api, integrations={**api.integrations, made["IntegrationId"]: made}))
    return made


def GetIntegration(call: Call, *, ApiId: str, IntegrationId: str) -> dict:
    return part(find(call, ApiId).integrations, "Integration", IntegrationId)


def GetIntegrations(call: Call, *, ApiId: str) -> dict:
    return {"Items": list(find(call, ApiId).integrations.values())}


def _merged(known: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """A map of parameters changed in part: an empty value takes its entry away, which is how Terraform's provider does it."""
    return {name: value for name, value in {**known, **given}.items() if value != ""}


def UpdateIntegration(
    call: Call,
    *,
    ApiId: str,
    IntegrationId: str,
    ConnectionId: str | None = None,
    ConnectionType: str | None = None,
    ContentHandlingStrategy: str | None = None,
    CredentialsArn: str | None = None,
    Description: str | None = None,
    IntegrationMethod: str | None = None,
    IntegrationSubtype: str | None = None,
    IntegrationType: str | None = None,
    IntegrationUri: str | None = None,
    PassthroughBehavior: str | None = None,
    PayloadFormatVersion: str | None = None,
    RequestParameters: dict[str, str] | None = None,
    RequestTemplates: dict[str, str] | None = None,
    ResponseParameters: dict[str, dict] | None = None,
    TemplateSelectionExpression: str | None = None,
    TimeoutInMillis: int | None = None,
    TlsConfig: dict | None = None,
) -> dict:
    api = find(call, ApiId)
    known = part(api.integrations, "Integration", IntegrationId)
    document = {**known} | said(
        IntegrationType=IntegrationType, ConnectionId=ConnectionId, ConnectionType=ConnectionType,
        ContentHandlingStrategy=ContentHandlingStrategy, CredentialsArn=CredentialsArn, Description=Description,
        IntegrationMethod=IntegrationMethod, IntegrationSubtype=IntegrationSubtype, IntegrationUri=IntegrationUri,
        PassthroughBehavior=PassthroughBehavior, PayloadFormatVersion=PayloadFormatVersion, RequestTemplates=RequestTemplates,
        ResponseParameters=ResponseParameters, TemplateSelectionExpression=TemplateSelectionExpression,
        TimeoutInMillis=TimeoutInMillis, TlsConfig=TlsConfig,
    )  # fmt: skip
    if RequestParameters is not None:
        document["RequestParameters"] = _merged(known.get("RequestParameters", {}), RequestParameters)
    document = checked(call, api, document)
    put(call, changed(api, integrations={**api.integrations, IntegrationId: document}))
    return document


def DeleteIntegration(call: Call, *, ApiId: str, IntegrationId: str) -> None:
    api = find(call, ApiId)
    part(api.integrations, "Integration", IntegrationId)
    used = [route["RouteId"] for route in api.routes.values() if route.get("Target") == f"integrations/{IntegrationId}"]
    if used:
        raise ConflictException(f"Cannot delete integration '{IntegrationId}', is referenced in routes: {', '.join(used)}")
    kept = without(api.integrations, IntegrationId)
    put(call, changed(api, integrations=kept, integration_responses=without(api.integration_responses, IntegrationId)))


# Responses --------------------------------------------------------------------------------------------

_RESPONSE_KEY = re.compile(r"\$default|/.+/")


def _kept_response(call: Call, api: Api, integration_id: str, response: dict[str, Any]) -> dict[str, Any]:
    if api.is_http:
        raise BadRequestException(
            "IntegrationResponses are currently not supported for this API protocol type. This is because the API may only be configured with "
            "proxy integration at this time."
        )
    if not _RESPONSE_KEY.fullmatch(response["IntegrationResponseKey"]):
        raise BadRequestException("Invalid integration response key specified. Must be $default or a regular expression between slashes")
    if response.get("ContentHandlingStrategy") or response.get("ResponseParameters"):
        raise NotImplementedHere("ContentHandlingStrategy and ResponseParameters of integration responses of apigatewayv2")
    if "TemplateSelectionExpression" in response:
        mapping.selection(response["TemplateSelectionExpression"])
    of_integration = api.integration_responses.get(integration_id, {})
    for known in of_integration.values():
        is_same = known["IntegrationResponseKey"] == response["IntegrationResponseKey"]
        if is_same and known["IntegrationResponseId"] != response["IntegrationResponseId"]:
            raise ConflictException(
                f"Integration response with key {response['IntegrationResponseKey']} already exists for this integration"
            )
    of_integration = {**of_integration, response["IntegrationResponseId"]: response}
    put(call, changed(api, integration_responses={**api.integration_responses, integration_id: of_integration}))
    return response


def _response(call: Call, api_id: str, integration_id: str, response_id: str) -> tuple[Api, dict[str, Any]]:
    api = find(call, api_id)
    part(api.integrations, "Integration", integration_id)
    return api, part(api.integration_responses.get(integration_id, {}), "IntegrationResponse", response_id)


def CreateIntegrationResponse(
    call: Call,
    *,
    ApiId: str,
    IntegrationId: str,
    IntegrationResponseKey: str,
    ContentHandlingStrategy: str | None = None,
    ResponseParameters: dict[str, str] | None = None,
    ResponseTemplates: dict[str, str] | None = None,
    TemplateSelectionExpression: str | None = None,
) -> dict:
    api = find(call, ApiId)
    part(api.integrations, "Integration", IntegrationId)
    document = said(
        IntegrationResponseKey=IntegrationResponseKey, ContentHandlingStrategy=ContentHandlingStrategy,
        ResponseParameters=ResponseParameters, ResponseTemplates=ResponseTemplates,
        TemplateSelectionExpression=TemplateSelectionExpression,
    )  # fmt: skip
    return _kept_response(call, api, IntegrationId, document | {"IntegrationResponseId": call.ids.lower(7)})


def GetIntegrationResponse(call: Call, *, ApiId: str, IntegrationId: str, IntegrationResponseId: str) -> dict:
    return _response(call, ApiId, IntegrationId, IntegrationResponseId)[1]


def GetIntegrationResponses(call: Call, *, ApiId: str, IntegrationId: str) -> dict:
    api = find(call, ApiId)
    part(api.integrations, "Integration", IntegrationId)
    return {"Items": list(api.integration_responses.get(IntegrationId, {}).values())}


def UpdateIntegrationResponse(
    call: Call,
    *,
    ApiId: str,
    IntegrationId: str,
    IntegrationResponseId: str,
    ContentHandlingStrategy: str | None = None,
    IntegrationResponseKey: str | None = None,
    ResponseParameters: dict[str, str] | None = None,
    ResponseTemplates: dict[str, str] | None = None,
    TemplateSelectionExpression: str | None = None,
) -> dict:
    api, known = _response(call, ApiId, IntegrationId, IntegrationResponseId)
    document = said(
        IntegrationResponseKey=IntegrationResponseKey, ContentHandlingStrategy=ContentHandlingStrategy,
        ResponseParameters=ResponseParameters, ResponseTemplates=ResponseTemplates,
        TemplateSelectionExpression=TemplateSelectionExpression,
    )  # fmt: skip
    return _kept_response(call, api, IntegrationId, {**known, **document})


def DeleteIntegrationResponse(call: Call, *, ApiId: str, IntegrationId: str, IntegrationResponseId: str) -> None:
    api, _ = _response(call, ApiId, IntegrationId, IntegrationResponseId)
    kept = without(api.integration_responses[IntegrationId], IntegrationResponseId)
    put(call, changed(api, integration_responses={**api.integration_responses, IntegrationId: kept}))
