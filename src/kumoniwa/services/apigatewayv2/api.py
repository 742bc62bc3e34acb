"""The operations of API Gateway's HTTP and WebSocket APIs, gathered from the files of what they make."""

# ruff: noqa: F401
from __future__ import annotations

import re
from functools import cache
from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
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
from kumoniwa.services.apigatewayv2.tag import GetTags, TagResource, UntagResource

_LABEL = re.compile(r"\{([^}]+)\}")


@cache
def _pattern(operation: str) -> tuple[str, dict[str, str]]:
    """The path of an operation, and which parameter fills which label."""
    model = models.service("apigatewayv2").operation(operation)
    members = model.input.members.values() if model.input else ()
    return model.uri.partition("?")[0].removeprefix("/v2"), {
        member.location_name: member.name for member in members if member.location == "uri"
    }


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """API Gateway's resources are called as their paths are, without the version:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html"""
    path, names = _pattern(operation)
    filled = _LABEL.sub(lambda label: str(params.get(names.get(label[1], ""), "*")), path)
    return f"arn:{call.home.partition}:apigateway:{call.region}::{filled}"


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """This service's front end says a broken constraint as a bad request."""
    if operation == "CreateApi" and params.get("ProtocolType") not in (None, "HTTP", "WEBSOCKET"):
        return BadRequestException("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")
    return BadRequestException(error.text)
