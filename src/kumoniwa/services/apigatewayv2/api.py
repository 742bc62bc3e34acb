"""The operations of API Gateway's HTTP and WebSocket APIs, gathered from the files of what they make."""

# ruff: noqa: F401
from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.apigateway.api import touched
from kumoniwa.services.apigatewayv2.apis import (
    CreateApi,
    DeleteApi,
    DeleteCorsConfiguration,
    GetApi,
    GetApis,
    UpdateApi,
)
from kumoniwa.services.apigatewayv2.authorizer import (
    CreateAuthorizer,
    DeleteAuthorizer,
    GetAuthorizer,
    GetAuthorizers,
    UpdateAuthorizer,
)
from kumoniwa.services.apigatewayv2.definition import BadRequestException
from kumoniwa.services.apigatewayv2.domain import (
    CreateApiMapping,
    CreateDomainName,
    DeleteApiMapping,
    DeleteDomainName,
    GetApiMapping,
    GetApiMappings,
    GetDomainName,
    GetDomainNames,
    UpdateApiMapping,
    UpdateDomainName,
)
from kumoniwa.services.apigatewayv2.export import ExportApi
from kumoniwa.services.apigatewayv2.integration import (
    CreateIntegration,
    CreateIntegrationResponse,
    DeleteIntegration,
    DeleteIntegrationResponse,
    GetIntegration,
    GetIntegrationResponse,
    GetIntegrationResponses,
    GetIntegrations,
    UpdateIntegration,
    UpdateIntegrationResponse,
)
from kumoniwa.services.apigatewayv2.model import CreateModel, DeleteModel, GetModel, GetModels, UpdateModel
from kumoniwa.services.apigatewayv2.openapi import ImportApi, ReimportApi
from kumoniwa.services.apigatewayv2.route import (
    CreateRoute,
    CreateRouteResponse,
    DeleteRoute,
    DeleteRouteRequestParameter,
    DeleteRouteResponse,
    GetRoute,
    GetRouteResponse,
    GetRouteResponses,
    GetRoutes,
    UpdateRoute,
    UpdateRouteResponse,
)
from kumoniwa.services.apigatewayv2.stage import (
    CreateDeployment,
    CreateStage,
    DeleteAccessLogSettings,
    DeleteDeployment,
    DeleteRouteSettings,
    DeleteStage,
    GetDeployment,
    GetDeployments,
    GetStage,
    GetStages,
    ResetAuthorizersCache,
    UpdateDeployment,
    UpdateStage,
)
from kumoniwa.services.apigatewayv2.tag import (
    GetTags,
    TagResource,
    UntagResource,
    all_tags,
    reserved_tag,
    tags_of,
)


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    return touched(call, "apigatewayv2", operation, params)


_WHOLE_NUMBERS = re.compile(r"\.(?:timeoutInMillis|authorizerResultTtlInSeconds)' failed to satisfy constraint")
"""What the operations themselves hold against limits, which differ by protocol, in words of their own."""


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError | None:
    """This service's front end says a broken constraint as a bad request."""
    if error.text.count(" failed to satisfy constraint") == len(_WHOLE_NUMBERS.findall(error.text)) > 0:
        return None
    if operation == "CreateApi" and "Name" not in params:
        return BadRequestException("Invalid API name specified")
    if operation == "CreateApi" and params.get("ProtocolType") not in (None, "HTTP", "WEBSOCKET"):
        return BadRequestException("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")
    return BadRequestException(error.text)
