"""AWS::ApiGateway::Method, whose integration and responses are calls of their own."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    Call,
    Name,
    ResourceType,
    Work,
    at,
    carries,
    each,
    either,
    fields,
    p,
)
from kumoniwa.deploy.resources.apigateway_call import GONE, OF_RESOURCE
from kumoniwa.deploy.step import delete_calls

_response = fields(
    "StatusCode=statusCode ResponseModels=responseModels ResponseParameters=responseParameters"
)
_integration_response = fields(
    "StatusCode=statusCode SelectionPattern=selectionPattern ResponseParameters=responseParameters "
    "ResponseTemplates=responseTemplates ContentHandling=contentHandling"
)
_integration = fields(
    "Type=type IntegrationHttpMethod=integrationHttpMethod Uri=uri ConnectionType=connectionType ConnectionId=connectionId "
    "Credentials=credentials RequestParameters=requestParameters RequestTemplates=requestTemplates TimeoutInMillis=timeoutInMillis "
    "PassthroughBehavior=passthroughBehavior CacheNamespace=cacheNamespace CacheKeyParameters=cacheKeyParameters "
    "ContentHandling=contentHandling ResponseTransferMode=responseTransferMode IntegrationResponses=responses",
    IntegrationResponses=each(_integration_response),
)
_method = Call(
    "apigateway:PutMethod",
    **OF_RESOURCE,
    httpMethod=at(p.HttpMethod),
    authorizationType=either(p.AuthorizationType, "NONE"),
    authorizerId=p.AuthorizerId,
    apiKeyRequired=p.ApiKeyRequired,
    operationName=p.OperationName,
    requestParameters=p.RequestParameters,
    requestModels=p.RequestModels,
    requestValidatorId=p.RequestValidatorId,
    authorizationScopes=p.AuthorizationScopes,
)


@carries("RestApiId ResourceId HttpMethod Integration MethodResponses " + " ".join(_method.names))
async def _make_method(work: Work) -> dict[str, Any]:
    """A method is a small tree: itself, its integration and both kinds of responses."""
    here = {"restApiId": work.properties["RestApiId"], "resourceId": work.properties["ResourceId"]}
    here["httpMethod"] = work.properties["HttpMethod"]
    await work.ask(_method.operation, **_method.params(work))
    for response in work.properties.get("MethodResponses", ()):
        await work.ask("apigateway:PutMethodResponse", **here, **_response(response))
    if "Integration" in work.properties:
        integration = _integration(work.properties["Integration"])
        responses = integration.pop("responses", [])
        await work.ask("apigateway:PutIntegration", **here, **integration)
        for response in responses:
            await work.ask("apigateway:PutIntegrationResponse", **here, **response)
    return {}


@carries(" ".join(_method.names) + " Integration MethodResponses")
async def _remake_method(work: Work) -> None:
    await _delete_method(work)
    await _make_method(work)


_remake_method.handles_absence = True


async def _delete_method(work: Work) -> None:
    here = {"restApiId": work.properties["RestApiId"], "resourceId": work.properties["ResourceId"]}
    method = {**here, "httpMethod": work.properties["HttpMethod"]}
    await delete_calls(work, [("apigateway:DeleteMethod", method)])


Method = ResourceType(
    name=Name("Id", 64),
    create=_make_method,
    id=p.Id,
    update=(_remake_method,),
    delete=_delete_method,
    absent=GONE,
)
