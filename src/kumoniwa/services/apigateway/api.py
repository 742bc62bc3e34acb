"""The operations of API Gateway's REST APIs, gathered from the files of what they make."""

# ruff: noqa: F401
from __future__ import annotations

import re
from functools import cache
from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.services.apigateway.account import (
    GetAccount,
    GetTags,
    TagResource,
    UntagResource,
    UpdateAccount,
    all_tags,  # noqa: F401 (the gate's hook)
    reserved_tag,
    tags_of,
)
from kumoniwa.services.apigateway.authorizer import (
    CreateAuthorizer,
    DeleteAuthorizer,
    GetAuthorizer,
    GetAuthorizers,
    UpdateAuthorizer,
)
from kumoniwa.services.apigateway.bill import standing_of
from kumoniwa.services.apigateway.certificate import (
    DeleteClientCertificate,
    GenerateClientCertificate,
    GetClientCertificate,
    GetClientCertificates,
    UpdateClientCertificate,
)
from kumoniwa.services.apigateway.deployment import (
    CreateDeployment,
    CreateStage,
    DeleteDeployment,
    DeleteRestApi,
    DeleteStage,
    GetDeployment,
    GetDeployments,
    GetStage,
    GetStages,
    UpdateDeployment,
    UpdateStage,
)
from kumoniwa.services.apigateway.documentation import (
    CreateDocumentationPart,
    CreateDocumentationVersion,
    DeleteDocumentationPart,
    DeleteDocumentationVersion,
    GetDocumentationPart,
    GetDocumentationParts,
    GetDocumentationVersion,
    GetDocumentationVersions,
    UpdateDocumentationPart,
    UpdateDocumentationVersion,
)
from kumoniwa.services.apigateway.domain import (
    CreateBasePathMapping,
    CreateDomainName,
    DeleteBasePathMapping,
    DeleteDomainName,
    GetBasePathMapping,
    GetBasePathMappings,
    GetDomainName,
    GetDomainNames,
    UpdateBasePathMapping,
    UpdateDomainName,
)
from kumoniwa.services.apigateway.door import FlushStageAuthorizersCache, FlushStageCache
from kumoniwa.services.apigateway.export import GetExport
from kumoniwa.services.apigateway.gatewayresponse import (
    DeleteGatewayResponse,
    GetGatewayResponse,
    GetGatewayResponses,
    PutGatewayResponse,
    UpdateGatewayResponse,
)
from kumoniwa.services.apigateway.integration import (
    DeleteIntegration,
    DeleteIntegrationResponse,
    GetIntegration,
    GetIntegrationResponse,
    PutIntegration,
    PutIntegrationResponse,
    UpdateIntegration,
    UpdateIntegrationResponse,
)
from kumoniwa.services.apigateway.invocation import TestInvokeAuthorizer, TestInvokeMethod
from kumoniwa.services.apigateway.method import (
    DeleteMethod,
    DeleteMethodResponse,
    GetMethod,
    GetMethodResponse,
    PutMethod,
    PutMethodResponse,
    UpdateMethod,
    UpdateMethodResponse,
)
from kumoniwa.services.apigateway.model import (
    CreateModel,
    CreateRequestValidator,
    DeleteModel,
    DeleteRequestValidator,
    GetModel,
    GetModels,
    GetModelTemplate,
    GetRequestValidator,
    GetRequestValidators,
    UpdateModel,
    UpdateRequestValidator,
)
from kumoniwa.services.apigateway.openapi import ImportDocumentationParts, ImportRestApi, PutRestApi
from kumoniwa.services.apigateway.plan import (
    CreateApiKey,
    CreateUsagePlan,
    CreateUsagePlanKey,
    DeleteApiKey,
    DeleteUsagePlan,
    DeleteUsagePlanKey,
    GetApiKey,
    GetApiKeys,
    GetUsagePlan,
    GetUsagePlanKey,
    GetUsagePlanKeys,
    GetUsagePlans,
    ImportApiKeys,
    UpdateApiKey,
    UpdateUsagePlan,
)
from kumoniwa.services.apigateway.resource import (
    CreateResource,
    DeleteResource,
    GetResource,
    GetResources,
    UpdateResource,
)
from kumoniwa.services.apigateway.restapi import CreateRestApi, GetRestApi, GetRestApis, UpdateRestApi
from kumoniwa.services.apigateway.usage import GetUsage, UpdateUsage

_LABEL = re.compile(r"\{([^}]+)\}")


@cache
def _pattern(service: str, operation: str) -> tuple[str, dict[str, str]]:
    """The path of an operation, and which parameter fills which label."""
    model = models.service(service).operation(operation)
    members = model.input.members.values() if model.input else ()
    return model.uri.partition("?")[0], {
        member.location_name: member.name for member in members if member.location == "uri"
    }


def touched(call: Call, service: str, operation: str, params: dict[str, Any]) -> str:
    """API Gateway's resources are called as their paths are, without the version:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html"""
    path, names = _pattern(service, operation)
    filled = _LABEL.sub(lambda label: str(params.get(names.get(label[1], ""), "*")), path)
    return f"arn:{call.home.partition}:apigateway:{call.region}::{filled.removeprefix('/v2')}"


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    return touched(call, "apigateway", operation, params)
