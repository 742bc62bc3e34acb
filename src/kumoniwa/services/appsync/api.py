"""The operations of AppSync, gathered from the files of what they make."""

# ruff: noqa: F401
from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.appsync.apikey import CreateApiKey, DeleteApiKey, ListApiKeys, UpdateApiKey
from kumoniwa.services.appsync.cache import (
    CreateApiCache,
    DeleteApiCache,
    FlushApiCache,
    GetApiCache,
    UpdateApiCache,
)
from kumoniwa.services.appsync.channel import (
    CreateChannelNamespace,
    DeleteApi,
    DeleteChannelNamespace,
    GetChannelNamespace,
    ListChannelNamespaces,
    UpdateChannelNamespace,
)
from kumoniwa.services.appsync.datasource import (
    CreateDataSource,
    GetDataSource,
    ListDataSources,
    UpdateDataSource,
)
from kumoniwa.services.appsync.evaluation import EvaluateCode, EvaluateMappingTemplate
from kumoniwa.services.appsync.eventapi import CreateApi, GetApi, ListApis, UpdateApi
from kumoniwa.services.appsync.function import CreateFunction, GetFunction, ListFunctions, UpdateFunction
from kumoniwa.services.appsync.graphqlapi import (
    CreateGraphqlApi,
    GetGraphqlApi,
    GetGraphqlApiEnvironmentVariables,
    ListGraphqlApis,
    PutGraphqlApiEnvironmentVariables,
    UpdateGraphqlApi,
)
from kumoniwa.services.appsync.resolver import (
    CreateResolver,
    DeleteDataSource,
    DeleteFunction,
    DeleteGraphqlApi,
    DeleteResolver,
    GetResolver,
    ListResolvers,
    ListResolversByFunction,
    UpdateResolver,
)
from kumoniwa.services.appsync.schema import (
    GetIntrospectionSchema,
    GetSchemaCreationStatus,
    StartSchemaCreation,
)
from kumoniwa.services.appsync.tag import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,  # noqa: F401 (the gate's hook)
    refusal_of,
    reserved_tag,
    tags_of,
)
from kumoniwa.services.appsync.typedef import CreateType, DeleteType, GetType, ListTypes, UpdateType


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsappsync.html: most actions name no resource."""
    if "resourceArn" in params:
        return params["resourceArn"]
    if operation.endswith("ChannelNamespace"):
        return call.arn(f"apis/{params.get('apiId')}/channelNamespace/{params.get('name')}")
    if operation in ("GetGraphqlApi", "UpdateGraphqlApi", "DeleteGraphqlApi", "GetApi", "UpdateApi", "DeleteApi", "ListChannelNamespaces"):
        return call.arn(f"apis/{params.get('apiId')}")
    return "*"
