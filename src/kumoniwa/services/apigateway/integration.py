"""Integrations: what stands behind a method, and how its answer becomes the method's.

What cannot be carried out is refused by name when it is put, not when somebody calls it.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call, account_of
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.languages import backtracking
from kumoniwa.services.apigateway import mapping, restapi
from kumoniwa.services.apigateway import method as methods
from kumoniwa.services.apigateway import resource as resources
from kumoniwa.services.apigateway.cache import key_places
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules, flag
from kumoniwa.services.apigateway.proxy import PASSED_ON
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.target import function_of, is_function, is_streamed, target_of


class AccessDeniedException(AwsError):
    status = 403


TIMEOUT_MS_MAX = 29_000
STREAM_MS_MAX = 900_000
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html: a response may be streamed for 15 minutes."""
TIMEOUT_MS_MIN = 50
TRANSFER_MODES = ("BUFFERED", "STREAM")
PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")


def checked(call: Call, method: dict[str, Any], integration: dict[str, Any]) -> dict[str, Any]:
    """The integration of a method, if it is one we can carry out."""
    kind = integration["type"]
    if integration.get("connectionType") == "VPC_LINK":
        raise NotImplementedHere("the connectionType VPC_LINK of apigateway integrations")
    if integration["passthroughBehavior"] not in PASSTHROUGH:
        raise BadRequestException(
            f"Invalid passthrough behavior specified. Valid options are {','.join(PASSTHROUGH)}"
        )
    longest_ms = STREAM_MS_MAX if integration.get("responseTransferMode") == "STREAM" else TIMEOUT_MS_MAX
    if not TIMEOUT_MS_MIN <= integration["timeoutInMillis"] <= longest_ms:
        raise BadRequestException(f"Timeout should be between {TIMEOUT_MS_MIN} ms and {longest_ms} ms")
    if kind != "MOCK" and not integration.get("httpMethod"):
        raise BadRequestException("Enumeration value for HttpMethod must be non-empty")
    mapping.check_content_types(integration.get("requestTemplates"))
    role = integration.get("credentials")
    if role is not None and arns.parse(role) is None:
        raise BadRequestException("Invalid ARN specified in the request")
    _check_cache_key(method, integration)
    _check_places(integration.get("requestParameters"))
    _check_transfer(call, kind, integration)
    if kind in ("HTTP", "HTTP_PROXY"):
        _check_address(integration.get("uri") or "")
    elif kind in ("AWS", "AWS_PROXY"):
        _check_target(call, kind, integration)
    if kind.endswith("_PROXY") and integration.get("contentHandling") == "CONVERT_TO_BINARY":
        raise NotImplementedHere("the contentHandling CONVERT_TO_BINARY of proxy integrations")
    return integration


def _check_cache_key(method: dict[str, Any], integration: dict[str, Any]) -> None:
    """As cdk-preflight saw it of AWS (pf-apigw-integration-cache-key-parameters): a key is made of what was declared."""
    declared = {**(method.get("requestParameters") or {}), **(integration.get("requestParameters") or {})}
    if not all(place in declared for place in integration.get("cacheKeyParameters") or ()):
        raise BadRequestException("Invalid cache key parameter specified")
    for place in key_places(integration):
        mapping.compiled(place)


def _check_transfer(call: Call, kind: str, integration: dict[str, Any]) -> None:
    """Proxies alone stream, and a function is invoked in the way that its answer is transferred in: AWS supports no other combination
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html). The words for a function that would
    stream and is buffered are AWS's as go-to-k/cdkd quotes them; the other two are made alike."""
    mode, uri = integration.get("responseTransferMode", "BUFFERED"), integration.get("uri") or ""
    if mode not in TRANSFER_MODES:
        raise BadRequestException(f"Invalid ResponseTransferMode. Valid options are {','.join(TRANSFER_MODES)}")
    wrong = f"Invalid ResponseTransferMode. Cannot use ResponseTransferMode {mode} for"
    if mode == "STREAM" and kind not in ("HTTP_PROXY", "AWS_PROXY"):
        raise BadRequestException(f"{wrong} {kind} integrations.")
    if kind.startswith("AWS") and is_function(uri) and is_streamed(uri) != (mode == "STREAM"):
        how = "InvokeWithResponseStream" if is_streamed(uri) else "Invoke"
        raise BadRequestException(f"{wrong} Lambda functions invoked by {how} for {kind} integrations.")
    if mode == "STREAM" and kind == "AWS_PROXY" and _region_of(function_of(uri), call) != call.region:
        raise NotImplementedHere("apigateway response streaming of functions of another region")


def _region_of(function: str, call: Call) -> str:
    named = arns.parse(function)
    return named.region if named is not None else call.region


def _check_address(uri: str) -> None:
    if not uri.startswith(("http://", "https://", "${stageVariables.", "http://${", "https://${")):
        raise BadRequestException("Invalid HTTP endpoint specified for URI")


def _check_target(call: Call, kind: str, integration: dict[str, Any]) -> None:
    uri, role = integration.get("uri") or "", integration.get("credentials")
    if role not in (None, PASSED_ON) and account_of(role, call.account) != call.account:
        raise AccessDeniedException("Cross-account pass role is not allowed.")
    if kind == "AWS_PROXY" or is_function(uri):
        function_of(uri)
    else:
        target = target_of(uri)
        if target.region != call.region:
            raise NotImplementedHere("apigateway integrations with services of another region")
        if not role:
            # Recorded from AWS: a service of its own is never asked without somebody's permissions.
            raise BadRequestException("Role ARN must be specified for AWS integrations")
    if role is not None and role != PASSED_ON:
        call.require("iam:PassRole", role, **{"iam:PassedToService": "apigateway.amazonaws.com"})


_INTEGRATION_PLACE = re.compile(r"integration\.request\.(?:header|querystring|path)\.[^\s:]+")


def _check_places(parameters: dict[str, str] | None) -> None:
    for place, expression in (parameters or {}).items():
        if not _INTEGRATION_PLACE.fullmatch(place):
            raise mapping.refuse(place)
        mapping.compiled(expression)


def found(call: Call, api_id: str, resource_id: str, verb: str) -> tuple[RestApi, dict, dict, dict]:
    """The API, the resource, the method and its integration."""
    api, resource, method = methods.found(call, api_id, resource_id, verb)
    integration = method.get("methodIntegration")
    if integration is None:
        raise NotFoundException("Invalid Integration identifier specified")
    return api, resource, method, integration


def _put(call: Call, api: RestApi, resource: dict, method: dict, integration: dict) -> None:
    restapi.put(call, methods.with_method(api, resource, {**method, "methodIntegration": integration}))


RULES = Rules(
    {
        "/uri": Rule("uri"),
        "/httpMethod": Rule("httpMethod"),
        "/credentials": Rule("credentials"),
        "/passthroughBehavior": Rule("passthroughBehavior"),
        "/contentHandling": Rule("contentHandling"),
        "/connectionType": Rule("connectionType"),
        "/responseTransferMode": Rule("responseTransferMode"),
        "/cacheNamespace": Rule("cacheNamespace"),
        "/tlsConfig/insecureSkipVerification": Rule("tlsConfig.insecureSkipVerification", flag),
        "/timeoutInMillis": Rule("timeoutInMillis", lambda value: _milliseconds(value)),
        "/requestParameters/*": Rule(
            "requestParameters", operations=methods.ENTRY, missing="Invalid parameter name specified"
        ),
        "/requestTemplates/*": Rule(
            "requestTemplates",
            lambda value: value or "",
            methods.ENTRY,
            missing="Content-Type specified was not found",
        ),
        "/cacheKeyParameters/+": Rule("cacheKeyParameters", operations=("add", "remove")),
    }
)


def _milliseconds(value: str | None) -> int:
    try:
        return int(value or "")
    except ValueError:
        raise BadRequestException(f"Timeout should be between {TIMEOUT_MS_MIN} ms and {TIMEOUT_MS_MAX} ms")


# Operations ------------------------------------------------------------------------------------------


def made(
    resource_id: str,
    *,
    type: str,
    integrationHttpMethod: str | None = None,
    uri: str | None = None,
    connectionType: str | None = None,
    credentials: str | None = None,
    requestParameters: dict[str, str] | None = None,
    requestTemplates: dict[str, str] | None = None,
    passthroughBehavior: str | None = None,
    cacheNamespace: str | None = None,
    cacheKeyParameters: list[str] | None = None,
    contentHandling: str | None = None,
    timeoutInMillis: int | None = None,
    tlsConfig: dict | None = None,
    responseTransferMode: str | None = None,
) -> dict[str, Any]:
    """An integration's document, with what AWS fills in."""
    document = {
        "type": type, "httpMethod": integrationHttpMethod if type != "MOCK" else None, "uri": uri if type != "MOCK" else None,
        "connectionType": connectionType,
        "credentials": credentials, "requestParameters": requestParameters, "requestTemplates": requestTemplates,
        "passthroughBehavior": passthroughBehavior or "WHEN_NO_MATCH", "contentHandling": contentHandling,
        "timeoutInMillis": TIMEOUT_MS_MAX if timeoutInMillis is None else timeoutInMillis,
        "cacheNamespace": cacheNamespace or resource_id, "cacheKeyParameters": cacheKeyParameters or [],
        "tlsConfig": tlsConfig, "responseTransferMode": responseTransferMode,
    }  # fmt: skip
    if type in ("HTTP", "HTTP_PROXY"):
        document["connectionType"] = connectionType or "INTERNET"
    return {member: value for member, value in document.items() if value is not None}


def PutIntegration(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    type: str,
    integrationHttpMethod: str | None = None,
    uri: str | None = None,
    connectionType: str | None = None,
    credentials: str | None = None,
    requestParameters: dict[str, str] | None = None,
    requestTemplates: dict[str, str] | None = None,
    passthroughBehavior: str | None = None,
    cacheNamespace: str | None = None,
    cacheKeyParameters: list[str] | None = None,
    contentHandling: str | None = None,
    timeoutInMillis: int | None = None,
    tlsConfig: dict | None = None,
    responseTransferMode: str | None = None,
) -> dict:
    api, resource, method = methods.found(call, restApiId, resourceId, httpMethod)
    integration = made(
        resourceId, type=type, integrationHttpMethod=integrationHttpMethod, uri=uri, connectionType=connectionType,
        credentials=credentials, requestParameters=requestParameters, requestTemplates=requestTemplates,
        passthroughBehavior=passthroughBehavior, cacheNamespace=cacheNamespace, cacheKeyParameters=cacheKeyParameters,
        contentHandling=contentHandling, timeoutInMillis=timeoutInMillis, tlsConfig=tlsConfig,
        responseTransferMode=responseTransferMode,
    )  # fmt: skip
    _put(call, api, resource, method, checked(call, method, integration))
    return integration


def GetIntegration(call: Call, *, restApiId: str, resourceId: str, httpMethod: str) -> dict:
    return found(call, restApiId, resourceId, httpMethod)[3]


def UpdateIntegration(
    call: Call, *, restApiId: str, resourceId: str, httpMethod: str, patchOperations: list[dict] | None = None
) -> dict:
    api, resource, method, integration = found(call, restApiId, resourceId, httpMethod)
    integration = checked(call, method, RULES.applied(integration, patchOperations))
    _put(call, api, resource, method, integration)
    return integration


def DeleteIntegration(call: Call, *, restApiId: str, resourceId: str, httpMethod: str) -> None:
    api, resource, method, _ = found(call, restApiId, resourceId, httpMethod)
    restapi.put(
        call,
        methods.with_method(
            api, resource, {member: part for member, part in method.items() if member != "methodIntegration"}
        ),
    )


# Responses ---------------------------------------------------------------------------------------------

RESPONSE_RULES = Rules(
    {
        "/selectionPattern": Rule("selectionPattern", lambda value: value or ""),
        "/contentHandling": Rule("contentHandling"),
        "/responseParameters/*": Rule(
            "responseParameters", operations=methods.ENTRY, missing="Invalid parameter name specified"
        ),
        "/responseTemplates/*": Rule(
            "responseTemplates",
            lambda value: value or "",
            methods.ENTRY,
            missing="Content-Type specified was not found",
        ),
    }
)


def checked_response(
    method: dict[str, Any], integration: dict[str, Any], response: dict[str, Any]
) -> dict[str, Any]:
    """The response, if every header it fills is one of the method's response."""
    templates = response.get("responseTemplates")
    mapping.check_content_types(templates)
    if templates:
        # Recorded (test_put_integration_response_templates): a template of nothing is told as null.
        response = {**response, "responseTemplates": {kind: text or None for kind, text in templates.items()}}
    pattern = response.get("selectionPattern")
    if pattern:
        try:
            backtracking.compiled(pattern)
        except backtracking.InvalidPattern:
            raise BadRequestException("Invalid regex pattern specified")
    declared = method.get("methodResponses", {}).get(response["statusCode"], {}).get("responseParameters", {})
    for place, expression in (response.get("responseParameters") or {}).items():
        if place not in declared:
            raise BadRequestException(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression parameter specified: {place}]"
            )
        mapping.compiled(expression)
    return response


def _response(integration: dict[str, Any], status: str) -> dict[str, Any]:
    response = integration.get("integrationResponses", {}).get(status)
    if response is None:
        raise NotFoundException("Invalid Response status code specified")
    return response


def _put_response(call: Call, place: tuple[RestApi, dict, dict, dict], response: dict) -> dict:
    api, resource, method, integration = place
    response = checked_response(method, integration, response)
    responses = {**integration.get("integrationResponses", {}), response["statusCode"]: response}
    _put(call, api, resource, method, {**integration, "integrationResponses": responses})
    return response


def PutIntegrationResponse(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    statusCode: str,
    selectionPattern: str | None = None,
    responseParameters: dict[str, str] | None = None,
    responseTemplates: dict[str, str] | None = None,
    contentHandling: str | None = None,
) -> dict:
    place = found(call, restApiId, resourceId, httpMethod)
    given = {
        "selectionPattern": selectionPattern, "responseParameters": responseParameters,
        "responseTemplates": responseTemplates, "contentHandling": contentHandling,
    }  # fmt: skip
    return _put_response(
        call,
        place,
        {"statusCode": statusCode} | {member: value for member, value in given.items() if value is not None},
    )


def GetIntegrationResponse(
    call: Call, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
) -> dict:
    return _response(found(call, restApiId, resourceId, httpMethod)[3], statusCode)


def UpdateIntegrationResponse(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    statusCode: str,
    patchOperations: list[dict] | None = None,
) -> dict:
    place = found(call, restApiId, resourceId, httpMethod)
    return _put_response(
        call, place, RESPONSE_RULES.applied(_response(place[3], statusCode), patchOperations)
    )


def DeleteIntegrationResponse(
    call: Call, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
) -> None:
    if httpMethod not in resources.found(call, restApiId, resourceId)[1].get("resourceMethods", {}):
        # Without its method an integration is missing first: localstack's test_delete_integration_response_errors.
        raise NotFoundException("Invalid Integration identifier specified")
    api, resource, method, integration = found(call, restApiId, resourceId, httpMethod)
    _response(integration, statusCode)
    kept = {
        status: response
        for status, response in integration["integrationResponses"].items()
        if status != statusCode
    }
    integration = {**integration, "integrationResponses": kept}
    if not kept:
        del integration["integrationResponses"]
    _put(call, api, resource, method, integration)
