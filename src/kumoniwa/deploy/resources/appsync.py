"""AWS::AppSync."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Setting,
    Value,
    Work,
    at,
    carries,
    each,
    fields,
    gone_tags,
    made,
    p,
    seen,
    tag_map,
    text,
    use,
)
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.wire.message import whole

GONE = "NotFoundException"
PAUSE_S = 0.2


def _last(value: Any) -> Value:
    return use(lambda found: found.rpartition("/")[2], value)


# GraphQLApi --------------------------------------------------------------------------------------

_openid = fields("Issuer=issuer ClientId=clientId AuthTTL=authTTL IatTTL=iatTTL")
_authorizer = fields(
    "AuthorizerUri=authorizerUri AuthorizerResultTtlInSeconds=authorizerResultTtlInSeconds"
    " IdentityValidationExpression=identityValidationExpression"
)
_pool = fields(
    "UserPoolId=userPoolId AwsRegion=awsRegion AppIdClientRegex=appIdClientRegex DefaultAction=defaultAction"
)
_log = fields(
    "FieldLogLevel=fieldLogLevel CloudWatchLogsRoleArn=cloudWatchLogsRoleArn ExcludeVerboseContent=excludeVerboseContent"
)
_more = fields(
    "AuthenticationType=authenticationType OpenIDConnectConfig=openIDConnectConfig UserPoolConfig=userPoolConfig"
    " LambdaAuthorizerConfig=lambdaAuthorizerConfig",
    OpenIDConnectConfig=_openid,
    UserPoolConfig=_pool,
    LambdaAuthorizerConfig=_authorizer,
)
_settings = {
    "name": p.Name,
    "authenticationType": p.AuthenticationType,
    "logConfig": use(_log, p.LogConfig),
    "userPoolConfig": use(_pool, p.UserPoolConfig),
    "openIDConnectConfig": use(_openid, p.OpenIDConnectConfig),
    "lambdaAuthorizerConfig": use(_authorizer, p.LambdaAuthorizerConfig),
    "additionalAuthenticationProviders": use(each(_more), p.AdditionalAuthenticationProviders),
    "xrayEnabled": p.XrayEnabled,
    "ownerContact": p.OwnerContact,
    "introspectionConfig": p.IntrospectionConfig,
    "queryDepthLimit": p.QueryDepthLimit,
    "resolverCountLimit": p.ResolverCountLimit,
}
_api_id = {"apiId": _last(ID)}
_variables = "appsync:PutGraphqlApiEnvironmentVariables"
_seen_api = seen.graphqlApi
_endpoints = text("arn:${AWS::Partition}:appsync:${AWS::Region}:${AWS::AccountId}:endpoints/graphql-api/")

GraphQLApi = ResourceType(
    create=Call(
        "appsync:CreateGraphqlApi",
        apiType=p.ApiType,
        visibility=p.Visibility,
        tags=tag_map(p.Tags),
        **_settings,
    ),
    id=made.graphqlApi.arn,
    read=Call("appsync:GetGraphqlApi", **_api_id),
    settings=(
        Setting(
            Call(_variables, environmentVariables=p.EnvironmentVariables, **_api_id),
            Call(_variables, environmentVariables={}, **_api_id),
        ),
    ),
    update=(
        Call("appsync:UpdateGraphqlApi", **_api_id, **_settings).writes_all(),
        Call("appsync:UntagResource", resourceArn=ID, tagKeys=gone_tags).when(gone_tags),
        Call("appsync:TagResource", resourceArn=ID, tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("appsync:DeleteGraphqlApi", **_api_id),
    absent=GONE,
    attributes={
        "ApiId": _last(ID),
        "Arn": ID,
        "GraphQLDns": _seen_api.dns.GRAPHQL,
        "GraphQLEndpointArn": use(lambda place, arn: place + arn.rpartition("/")[2], _endpoints, ID),
        "GraphQLUrl": _seen_api.uris.GRAPHQL,
        "RealtimeDns": _seen_api.dns.REALTIME,
        "RealtimeUrl": _seen_api.uris.REALTIME,
    },
    fixed="ApiType Visibility",
    drift=(
        Reading(
            {
                "Name": _seen_api.name,
                "AuthenticationType": _seen_api.authenticationType,
                "IntrospectionConfig": _seen_api.introspectionConfig,
                "QueryDepthLimit": _seen_api.queryDepthLimit,
                "ResolverCountLimit": _seen_api.resolverCountLimit,
            }
        ),
    ),
)


# What may stand in a bucket ----------------------------------------------------------------------


async def _stored(work: Work, location: str) -> str:
    """The text at ``s3://bucket/key``."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return (await whole((await work.look("s3:GetObject", Bucket=bucket, Key=key))["Body"])).decode()


async def _texts(work: Work, **names: str) -> dict[str, str]:
    """Parameters whose property holds a text or has a twin that says where it lies."""
    found = {}
    for parameter, name in names.items():
        here, there = work.properties.get(name), work.properties.get(f"{name}S3Location")
        if here is not None and there is not None:
            raise ValidationError(f"Only one of {name} and {name}S3Location may be specified")
        if there is not None:
            here = await _stored(work, there)
        if here is not None:
            found[parameter] = here
    return found


# GraphQLSchema -------------------------------------------------------------------------------------


@carries("ApiId Definition DefinitionS3Location")
async def _put_schema(work: Work) -> dict[str, Any]:
    api_id = work.properties["ApiId"]
    definition = (await _texts(work, definition="Definition")).get("definition")
    if definition is None:
        raise ValidationError("One of Definition and DefinitionS3Location must be specified")
    await work.ask("appsync:StartSchemaCreation", apiId=api_id, definition=definition.encode())
    while (told := await work.look("appsync:GetSchemaCreationStatus", apiId=api_id))[
        "status"
    ] == "PROCESSING":
        await work.pause(PAUSE_S)
    if told["status"] == "FAILED":
        raise ValidationError(f"Schema Creation Status is FAILED with details: {told.get('details')}")
    return {}


_put_schema.handles_absence = True

GraphQLSchema = ResourceType(
    create=_put_schema,
    id=text("${ApiId}GraphQLSchema"),
    update=(_put_schema,),
    attributes={"Id": ID},
)


# ApiKey ----------------------------------------------------------------------------------------------

_key = {"description": p.Description, "expires": use(int, p.Expires)}
_key_prefix = text("arn:${AWS::Partition}:appsync:${AWS::Region}:${AWS::AccountId}:apis/${ApiId}/apikey/")

ApiKey = ResourceType(
    create=Call("appsync:CreateApiKey", apiId=at(p.ApiId), **_key),
    id=use(lambda id_, prefix: f"{prefix}{id_}", made.apiKey.id, _key_prefix),
    update=(Call("appsync:UpdateApiKey", apiId=at(p.ApiId), id=_last(ID), **_key),),
    delete=Call("appsync:DeleteApiKey", apiId=at(p.ApiId), id=_last(ID)),
    absent=GONE,
    attributes={"ApiKey": _last(ID), "ApiKeyId": _last(ID), "Arn": ID},
)


# DataSource ------------------------------------------------------------------------------------------

_source = {
    "type": p.Type,
    "description": p.Description,
    "serviceRoleArn": p.ServiceRoleArn,
    "lambdaConfig": use(fields("LambdaFunctionArn=lambdaFunctionArn"), p.LambdaConfig),
    "dynamodbConfig": use(
        fields(
            "TableName=tableName AwsRegion=awsRegion UseCallerCredentials=useCallerCredentials Versioned=versioned"
        ),
        p.DynamoDBConfig,
    ),
    "httpConfig": use(
        fields(
            "Endpoint=endpoint AuthorizationConfig=authorizationConfig",
            AuthorizationConfig=fields(
                "AuthorizationType=authorizationType AwsIamConfig=awsIamConfig",
                AwsIamConfig=fields("SigningRegion=signingRegion SigningServiceName=signingServiceName"),
            ),
        ),
        p.HttpConfig,
    ),
    "eventBridgeConfig": use(fields("EventBusArn=eventBusArn"), p.EventBridgeConfig),
    "relationalDatabaseConfig": use(
        fields(
            "RelationalDatabaseSourceType=relationalDatabaseSourceType RdsHttpEndpointConfig=rdsHttpEndpointConfig",
            RdsHttpEndpointConfig=fields(
                "AwsRegion=awsRegion DbClusterIdentifier=dbClusterIdentifier DatabaseName=databaseName Schema=schema "
                "AwsSecretStoreArn=awsSecretStoreArn"
            ),
        ),
        p.RelationalDatabaseConfig,
    ),
}
_named = {"apiId": at(p.ApiId), "name": _last(ID)}

DataSource = ResourceType(
    create=Call("appsync:CreateDataSource", apiId=at(p.ApiId), name=p.Name, **_source),
    id=made.dataSource.dataSourceArn,
    read=Call("appsync:GetDataSource", **_named),
    update=(Call("appsync:UpdateDataSource", **_named, **_source).writes_all(),),
    delete=Call("appsync:DeleteDataSource", **_named),
    absent=GONE,
    attributes={"DataSourceArn": ID, "Name": _last(ID)},
    drift=(Reading({"Type": seen.dataSource.type, "Description": seen.dataSource.description}),),
)


# FunctionConfiguration, Resolver ---------------------------------------------------------------------

_TEXTS = {
    "requestMappingTemplate": "RequestMappingTemplate",
    "responseMappingTemplate": "ResponseMappingTemplate",
    "code": "Code",
}
_TEXT_NAMES = " ".join(f"{name} {name}S3Location" for name in _TEXTS.values())
_sync = fields("ConflictDetection=conflictDetection ConflictHandler=conflictHandler")
_steps = {
    "dataSourceName": p.DataSourceName,
    "syncConfig": use(_sync, p.SyncConfig),
    "maxBatchSize": p.MaxBatchSize,
    "runtime": use(fields("Name=name RuntimeVersion=runtimeVersion"), p.Runtime),
}


def _with_texts(call: Call) -> Any:
    """The call with what stands in the template or in a bucket."""

    @carries(f"{_TEXT_NAMES} {' '.join(call.names)}")
    async def send(work: Work) -> dict[str, Any]:
        return await work.ask(call.operation, **call.params(work), **await _texts(work, **_TEXTS))

    send.places = call.places
    send.handles_absence = True
    return send


_function = {"name": p.Name, "description": p.Description, "functionVersion": p.FunctionVersion, **_steps}
_function_id = {"apiId": at(p.ApiId), "functionId": _last(ID)}

FunctionConfiguration = ResourceType(
    create=_with_texts(Call("appsync:CreateFunction", apiId=at(p.ApiId), **_function)),
    id=made.functionConfiguration.functionArn,
    read=Call("appsync:GetFunction", **_function_id),
    update=(_with_texts(Call("appsync:UpdateFunction", **_function_id, **_function)),),
    delete=Call("appsync:DeleteFunction", **_function_id),
    absent=GONE,
    attributes={
        "DataSourceName": seen.functionConfiguration.dataSourceName,
        "FunctionArn": ID,
        "FunctionId": _last(ID),
        "Name": seen.functionConfiguration.name,
    },
    drift=(Reading({"Name": seen.functionConfiguration.name, "Code": seen.functionConfiguration.code}),),
)

_place = {"apiId": at(p.ApiId), "typeName": at(p.TypeName), "fieldName": at(p.FieldName)}
_resolver = {
    "kind": p.Kind,
    "cachingConfig": use(fields("Ttl=ttl CachingKeys=cachingKeys"), p.CachingConfig),
    "pipelineConfig": use(fields("Functions=functions"), p.PipelineConfig),
    **_steps,
}

Resolver = ResourceType(
    create=_with_texts(Call("appsync:CreateResolver", **_place, **_resolver)),
    id=made.resolver.resolverArn,
    read=Call("appsync:GetResolver", **_place),
    update=(_with_texts(Call("appsync:UpdateResolver", **_place, **_resolver)),),
    delete=Call("appsync:DeleteResolver", **_place),
    absent=GONE,
    attributes={"FieldName": p.FieldName, "ResolverArn": ID, "TypeName": p.TypeName},
    drift=(Reading({"Kind": seen.resolver.kind, "Code": seen.resolver.code}),),
)


# ApiCache ----------------------------------------------------------------------------------------------

_cache = {"apiId": at(p.ApiId), "ttl": use(int, p.Ttl), "apiCachingBehavior": p.ApiCachingBehavior, "type": p.Type}

ApiCache = ResourceType(
    create=Call(
        "appsync:CreateApiCache",
        transitEncryptionEnabled=p.TransitEncryptionEnabled,
        atRestEncryptionEnabled=p.AtRestEncryptionEnabled,
        **_cache,
    ),
    id=p.ApiId,
    read=Call("appsync:GetApiCache", apiId=ID),
    update=(Call("appsync:UpdateApiCache", **_cache),),
    delete=Call("appsync:DeleteApiCache", apiId=ID),
    absent=GONE,
    attributes={"Id": ID},
    drift=(Reading({"Type": seen.apiCache.type, "ApiCachingBehavior": seen.apiCache.apiCachingBehavior}),),
)


# Api, ChannelNamespace -----------------------------------------------------------------------------------

_modes = each(fields("AuthType=authType"))
_event_config = fields(
    "AuthProviders=authProviders ConnectionAuthModes=connectionAuthModes DefaultPublishAuthModes=defaultPublishAuthModes"
    " DefaultSubscribeAuthModes=defaultSubscribeAuthModes LogConfig=logConfig",
    AuthProviders=each(
        fields(
            "AuthType=authType CognitoConfig=cognitoConfig OpenIDConnectConfig=openIDConnectConfig"
            " LambdaAuthorizerConfig=lambdaAuthorizerConfig",
            CognitoConfig=fields("UserPoolId=userPoolId AwsRegion=awsRegion AppIdClientRegex=appIdClientRegex"),
            OpenIDConnectConfig=_openid,
            LambdaAuthorizerConfig=_authorizer,
        )
    ),
    ConnectionAuthModes=_modes,
    DefaultPublishAuthModes=_modes,
    DefaultSubscribeAuthModes=_modes,
    LogConfig=fields("LogLevel=logLevel CloudWatchLogsRoleArn=cloudWatchLogsRoleArn"),
)
_api = {"name": p.Name, "eventConfig": use(_event_config, p.EventConfig), "ownerContact": p.OwnerContact}

Api = ResourceType(
    create=Call("appsync:CreateApi", tags=tag_map(p.Tags), **_api),
    id=made.api.apiArn,
    read=Call("appsync:GetApi", **_api_id),
    update=(
        Call("appsync:UpdateApi", **_api_id, **_api).writes_all(),
        Call("appsync:UntagResource", resourceArn=ID, tagKeys=gone_tags).when(gone_tags),
        Call("appsync:TagResource", resourceArn=ID, tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("appsync:DeleteApi", **_api_id),
    absent=GONE,
    attributes={"ApiArn": ID, "ApiId": _last(ID), "Dns.Http": seen.api.dns.HTTP, "Dns.Realtime": seen.api.dns.REALTIME},
    drift=(Reading({"Name": seen.api.name, "OwnerContact": seen.api.ownerContact}),),
)

_handler = fields(
    "Behavior=behavior Integration=integration",
    Integration=fields("DataSourceName=dataSourceName LambdaConfig=lambdaConfig", LambdaConfig=fields("InvokeType=invokeType")),
)
_namespace_id = {"apiId": at(p.ApiId), "name": at(p.Name)}
_namespace = {
    "publishAuthModes": use(_modes, p.PublishAuthModes),
    "subscribeAuthModes": use(_modes, p.SubscribeAuthModes),
    "handlerConfigs": use(fields("OnPublish=onPublish OnSubscribe=onSubscribe", OnPublish=_handler, OnSubscribe=_handler), p.HandlerConfigs),
}


def _with_code(call: Call) -> Any:
    """The call with the handlers' code, which stands in the template or in a bucket."""

    @carries(f"CodeHandlers CodeS3Location {' '.join(call.names)}")
    async def send(work: Work) -> dict[str, Any]:
        here, there = work.properties.get("CodeHandlers"), work.properties.get("CodeS3Location")
        if here is not None and there is not None:
            raise ValidationError("Only one of CodeHandlers and CodeS3Location may be specified")
        code = await _stored(work, there) if there is not None else here
        return await work.ask(call.operation, **call.params(work), **({"codeHandlers": code} if code is not None else {}))

    send.places = call.places
    send.handles_absence = True
    return send


ChannelNamespace = ResourceType(
    create=_with_code(Call("appsync:CreateChannelNamespace", tags=tag_map(p.Tags), **_namespace_id, **_namespace)),
    id=made.channelNamespace.channelNamespaceArn,
    read=Call("appsync:GetChannelNamespace", **_namespace_id),
    update=(
        _with_code(Call("appsync:UpdateChannelNamespace", **_namespace_id, **_namespace)),
        Call("appsync:UntagResource", resourceArn=ID, tagKeys=gone_tags).when(gone_tags),
        Call("appsync:TagResource", resourceArn=ID, tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("appsync:DeleteChannelNamespace", **_namespace_id),
    absent=GONE,
    attributes={"ChannelNamespaceArn": ID},
    drift=(Reading({"CodeHandlers": seen.channelNamespace.codeHandlers}),),
)
