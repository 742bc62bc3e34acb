"""Methods: what may be done at a path, by whom, with which parameters, and what is answered.

A method stands in its resource under its verb, as one document in AWS's spelling with its integration and responses.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.apigateway import resource as resources
from kumoniwa.services.apigateway import restapi, userpool
from kumoniwa.services.apigateway.patch import (
    BadRequestException,
    NotFoundException,
    Rule,
    Rules,
    flag,
    listed,
)
from kumoniwa.services.apigateway.restapi import ConflictException, RestApi

VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
ENTRY = ("add", "replace", "remove")


def found(
    call: Call, api_id: str, resource_id: str, verb: str, *, or_any: bool = False
) -> tuple[RestApi, dict[str, Any], dict[str, Any]]:
    """The API, the resource and the method; ``or_any``: or the method of all verbs."""
    api, resource = resources.found(call, api_id, resource_id)
    known = resource.get("resourceMethods", {})
    method = known.get(verb) or (known.get("ANY") if or_any else None)
    if method is None:
        raise NotFoundException("Invalid Method identifier specified")
    return api, resource, method


def with_method(api: RestApi, resource: dict[str, Any], method: dict[str, Any]) -> RestApi:
    methods = {**resource.get("resourceMethods", {}), method["httpMethod"]: method}
    return resources.with_resource(api, {**resource, "resourceMethods": methods})


def checked(api: RestApi, method: dict[str, Any]) -> dict[str, Any]:
    """The method, if everything it names exists."""
    if method["httpMethod"] not in VERBS:
        raise BadRequestException(f"Invalid HttpMethod specified. Valid options are {','.join(VERBS)}")
    # Recorded from AWS: the name in small letters is taken as well (test_put_integration_responses).
    kind = method["authorizationType"] = method["authorizationType"].upper()
    if kind not in ("NONE", "AWS_IAM", "CUSTOM", userpool.KIND):
        raise BadRequestException(
            "Invalid authorization type specified. Valid options are NONE,AWS_IAM,CUSTOM,COGNITO_USER_POOLS"
        )
    if kind in ("CUSTOM", userpool.KIND):
        held = api.authorizers.get(method.get("authorizerId"))
        if held is None or (held["type"] == userpool.KIND) != (kind == userpool.KIND):
            raise BadRequestException(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."
            )
    else:
        method.pop("authorizerId", None)
    if kind != userpool.KIND and method.get("authorizationScopes"):
        raise BadRequestException(
            "Invalid Method authorization type specified. Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type"
        )
    if method.get("requestValidatorId") and method["requestValidatorId"] not in api.validators:
        raise BadRequestException("Invalid Request Validator identifier specified")
    _check_models(api, method.get("requestModels"))
    _check_parameters(method.get("requestParameters"))
    return method


def _check_models(api: RestApi, models: dict[str, str] | None) -> None:
    for name in (models or {}).values():
        if name not in api.models:
            raise BadRequestException(f"Invalid model identifier specified: {name}")


def _check_parameters(parameters: dict[str, bool] | None) -> None:
    names = []
    for place in parameters or ():
        parts = place.split(".", 3)
        if (
            len(parts) != 4
            or parts[:2] != ["method", "request"]
            or parts[2] not in ("header", "querystring", "path")
            or not parts[3]
        ):
            raise BadRequestException(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression specified: {place}]"
            )
        names.append(parts[3])
    if len(set(names)) < len(names):
        raise BadRequestException("Parameter names must be unique across querystring, header and path")


RULES = Rules(
    {
        "/authorizationType": Rule("authorizationType"),
        "/authorizerId": Rule("authorizerId"),
        "/apiKeyRequired": Rule("apiKeyRequired", flag),
        "/operationName": Rule("operationName"),
        "/requestValidatorId": Rule("requestValidatorId"),
        "/authorizationScopes": Rule("authorizationScopes", listed),
        "/requestParameters/*": Rule(
            "requestParameters", flag, ENTRY, missing="Invalid parameter name specified"
        ),
        "/requestModels/*": Rule(
            "requestModels", operations=ENTRY, missing="Content-Type specified was not found"
        ),
    }
)


# Operations ------------------------------------------------------------------------------------------


def PutMethod(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    authorizationType: str,
    authorizerId: str | None = None,
    apiKeyRequired: bool = False,
    operationName: str | None = None,
    requestParameters: dict[str, bool] | None = None,
    requestModels: dict[str, str] | None = None,
    requestValidatorId: str | None = None,
    authorizationScopes: list[str] | None = None,
) -> dict:
    api, resource = resources.found(call, restApiId, resourceId)
    given = {
        "authorizerId": authorizerId, "operationName": operationName, "requestParameters": requestParameters,
        "requestModels": requestModels, "requestValidatorId": requestValidatorId,
        "authorizationScopes": authorizationScopes,
    }  # fmt: skip
    method = {
        "httpMethod": httpMethod,
        "authorizationType": authorizationType,
        "apiKeyRequired": apiKeyRequired,
    }
    method = checked(api, method | {member: value for member, value in given.items() if value is not None})
    if httpMethod in resource.get("resourceMethods", {}):
        raise ConflictException("Method already exists for this resource")
    restapi.put(call, with_method(api, resource, method))
    return method


def GetMethod(call: Call, *, restApiId: str, resourceId: str, httpMethod: str) -> dict:
    return found(call, restApiId, resourceId, httpMethod)[2]


def UpdateMethod(
    call: Call, *, restApiId: str, resourceId: str, httpMethod: str, patchOperations: list[dict] | None = None
) -> dict:
    api, resource, method = found(call, restApiId, resourceId, httpMethod)
    method = checked(api, RULES.applied(method, patchOperations))
    restapi.put(call, with_method(api, resource, method))
    return method


def DeleteMethod(call: Call, *, restApiId: str, resourceId: str, httpMethod: str) -> None:
    api, resource, _ = found(call, restApiId, resourceId, httpMethod)
    kept = {verb: method for verb, method in resource["resourceMethods"].items() if verb != httpMethod}
    resource = {**resource, "resourceMethods": kept}
    if not kept:
        del resource["resourceMethods"]
    restapi.put(call, resources.with_resource(api, resource))


# Responses ---------------------------------------------------------------------------------------------

RESPONSE_RULES = Rules(
    {
        "/responseParameters/*": Rule(
            "responseParameters", flag, ENTRY, missing="Invalid parameter name specified"
        ),
        "/responseModels/*": Rule(
            "responseModels", operations=ENTRY, missing="Content-Type specified was not found"
        ),
    }
)


def _response(method: dict[str, Any], status: str) -> dict[str, Any]:
    response = method.get("methodResponses", {}).get(status)
    if response is None:
        raise NotFoundException("Invalid Response status code specified")
    return response


def checked_response(api: RestApi, response: dict[str, Any]) -> dict[str, Any]:
    for place in response.get("responseParameters") or ():
        if not place.startswith("method.response.header.") or place == "method.response.header.":
            raise BadRequestException(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression parameter specified: {place}]"
            )
    _check_models(api, response.get("responseModels"))
    return response


def _put_response(call: Call, api: RestApi, resource: dict, method: dict, response: dict) -> dict:
    responses = {**method.get("methodResponses", {}), response["statusCode"]: response}
    restapi.put(call, with_method(api, resource, {**method, "methodResponses": responses}))
    return response


def PutMethodResponse(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    statusCode: str,
    responseParameters: dict[str, bool] | None = None,
    responseModels: dict[str, str] | None = None,
) -> dict:
    api, resource, method = found(call, restApiId, resourceId, httpMethod)
    if statusCode in method.get("methodResponses", {}):
        raise ConflictException("Response already exists for this resource")
    given = {"responseParameters": responseParameters, "responseModels": responseModels}
    response = {"statusCode": statusCode} | {
        member: value for member, value in given.items() if value is not None
    }
    return _put_response(call, api, resource, method, checked_response(api, response))


def GetMethodResponse(
    call: Call, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
) -> dict:
    return _response(found(call, restApiId, resourceId, httpMethod)[2], statusCode)


def UpdateMethodResponse(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    statusCode: str,
    patchOperations: list[dict] | None = None,
) -> dict:
    api, resource, method = found(call, restApiId, resourceId, httpMethod)
    response = RESPONSE_RULES.applied(_response(method, statusCode), patchOperations)
    return _put_response(call, api, resource, method, checked_response(api, response))


def DeleteMethodResponse(
    call: Call, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
) -> None:
    api, resource, method = found(call, restApiId, resourceId, httpMethod)
    _response(method, statusCode)
    kept = {
        status: response for status, response in method["methodResponses"].items() if status != statusCode
    }
    method = {**method, "methodResponses": kept}
    if not kept:
        del method["methodResponses"]
    restapi.put(call, with_method(api, resource, method))
