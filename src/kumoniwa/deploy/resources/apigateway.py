"""AWS::ApiGateway (REST APIs)."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy import template
from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    at,
    carries,
    each,
    either,
    fields,
    made,
    p,
    patch,
    seen,
    tag_list,
    tag_map,
    text,
    use,
)
from kumoniwa.deploy.resources.apigateway_call import GONE, OF_API, changes, tags_at
from kumoniwa.deploy.resources.apigateway_method import Method  # noqa: F401 (a type)
from kumoniwa.deploy.resources.apigateway_stage import Deployment, Stage  # noqa: F401 (types)
from kumoniwa.deploy.step import delete_calls
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.wire.message import whole

# --- the API itself -----------------------------------------------------------------------------------------------

_endpoint = fields("Types=types VpcEndpointIds=vpcEndpointIds IpAddressType=ipAddressType")


@carries("EndpointConfiguration")
async def _move_endpoint(work: Work) -> None:
    """An API has one endpoint type, and the patch that changes it names the old one in its path."""
    old, new = (properties.get("EndpointConfiguration", {}) for properties in (work.old, work.properties))
    if {name for name in {*old, *new} if old.get(name) != new.get(name)} != {"Types"}:
        raise NotImplementedHere(
            "changing the EndpointConfiguration of AWS::ApiGateway::RestApi beyond its type"
        )
    was, wanted = (found.get("Types", ["EDGE"])[0] for found in (old, new))
    move = {"op": "replace", "path": f"/endpointConfiguration/types/{was}", "value": wanted}
    await work.ask("apigateway:UpdateRestApi", restApiId=work.id, patchOperations=[move])


_move_endpoint.handles_absence = True


@carries("Body Mode FailOnWarnings Parameters")
async def _import_body(work: Work) -> None:
    if body := work.properties.get("Body"):
        await _import(work, json.dumps(body).encode())


@carries("BodyS3Location Mode FailOnWarnings Parameters")
async def _import_from_s3(work: Work) -> None:
    if location := work.properties.get("BodyS3Location"):
        await _import(work, await from_s3(work, location))


async def _import(work: Work, body: bytes) -> None:
    """A name that the template gives stands before the document's title: localstack's validated test_cfn_apigateway_swagger_import."""
    params = {name: value._read(work) for name, value in _importing.items()}
    params = {name: value for name, value in params.items() if value is not OMIT}
    await work.ask("apigateway:PutRestApi", restApiId=work.id, body=body, **params)
    if name := work.properties.get("Name"):
        naming = {"op": "replace", "path": "/name", "value": name}
        await work.ask("apigateway:UpdateRestApi", restApiId=work.id, patchOperations=[naming])


async def _create_api(work: Work) -> dict[str, Any]:
    """An API that lies in S3 and is not named here has its document's title for a name."""
    location = work.properties.get("BodyS3Location")
    if location and "Name" not in work.properties:
        text = (await from_s3(work, location)).decode()
        document = json.loads(text) if text.lstrip().startswith("{") else template.read(text).body
        title = document.get("info", {}).get("title") if isinstance(document, dict) else None
        return await work.ask(_create.operation, **_create.params(work) | {"name": str(title or "")})
    return await _create(work)


async def from_s3(work: Work, location: dict[str, str]) -> bytes:
    """An OpenAPI document that lies in a bucket."""
    names = {"Bucket": "Bucket", "Key": "Key", "Version": "VersionId", "ETag": "IfMatch", "Etag": "IfMatch"}
    found = await work.look("s3:GetObject", **{names[name]: value for name, value in location.items()})
    return await whole(found["Body"])


_importing = {
    "mode": either(p.Mode, "overwrite"),
    "failOnWarnings": p.FailOnWarnings,
    "parameters": p.Parameters,
}

_create = Call(
    "apigateway:CreateRestApi",
    name=either(p.Name, p.Body.info.title),
    description=p.Description,
    version=p.Version,
    cloneFrom=p.CloneFrom,
    binaryMediaTypes=p.BinaryMediaTypes,
    minimumCompressionSize=p.MinimumCompressionSize,
    apiKeySource=p.ApiKeySourceType,
    endpointConfiguration=use(_endpoint, p.EndpointConfiguration),
    policy=as_json(p.Policy),
    tags=tag_map(p.Tags),
    disableExecuteApiEndpoint=p.DisableExecuteApiEndpoint,
)
_create_api.names, _create_api.places = _create.names, _create.places

RestApi = ResourceType(
    create=_create_api,
    id=made.id,
    read=Call("apigateway:GetRestApi", restApiId=ID),
    settings=(
        Setting(_import_body),
        Setting(_import_from_s3),
    ),
    update=(
        changes(
            "UpdateRestApi",
            patch(
                Name="/name",
                Description="/description",
                ApiKeySourceType="/apiKeySource",
                BinaryMediaTypes="/binaryMediaTypes",
                MinimumCompressionSize="/minimumCompressionSize",
                DisableExecuteApiEndpoint="/disableExecuteApiEndpoint",
                Policy=("/policy", lambda policy: policy if isinstance(policy, str) else json.dumps(policy)),
            ),
            restApiId=ID,
        ),
        _move_endpoint,
        *tags_at("/restapis/${ID}"),
    ),
    delete=Call("apigateway:DeleteRestApi", restApiId=ID),
    absent=GONE,
    attributes={"RestApiId": ID, "RootResourceId": seen.rootResourceId},
    fixed="CloneFrom Version",
    drift=(
        Reading(
            {
                "Name": seen.name,
                "Description": seen.description,
                "ApiKeySourceType": seen.apiKeySource,
                "BinaryMediaTypes": seen.binaryMediaTypes,
                "MinimumCompressionSize": seen.minimumCompressionSize,
                "DisableExecuteApiEndpoint": seen.disableExecuteApiEndpoint,
                "Tags": tag_list(seen.tags),
            }
        ),
    ),
)


Resource = ResourceType(
    create=Call("apigateway:CreateResource", **OF_API, parentId=p.ParentId, pathPart=p.PathPart),
    id=made.id,
    delete=Call("apigateway:DeleteResource", **OF_API, resourceId=ID),
    absent=GONE,
    attributes={"ResourceId": ID},
    drift=(
        Reading(
            {"PathPart": seen.pathPart, "ParentId": seen.parentId},
            Call("apigateway:GetResource", **OF_API, resourceId=ID),
        ),
    ),
)

# --- what methods refer to ----------------------------------------------------------------------------------------

Model = ResourceType(
    name=Name("Name", 64, plain=True, within="RestApiId"),
    create=Call(
        "apigateway:CreateModel",
        **OF_API,
        name=p.Name,
        description=p.Description,
        schema=either(as_json(p.Schema), "{}"),
        contentType=either(p.ContentType, "application/json"),
    ),
    id=p.Name,
    update=(
        changes(
            "UpdateModel",
            patch(
                Description="/description",
                Schema=("/schema", lambda schema: schema if isinstance(schema, str) else json.dumps(schema)),
            ),
            **OF_API,
            modelName=ID,
        ),
    ),
    delete=Call("apigateway:DeleteModel", **OF_API, modelName=ID),
    absent=GONE,
)

RequestValidator = ResourceType(
    create=Call(
        "apigateway:CreateRequestValidator",
        **OF_API,
        name=p.Name,
        validateRequestBody=p.ValidateRequestBody,
        validateRequestParameters=p.ValidateRequestParameters,
    ),
    id=made.id,
    update=(
        changes(
            "UpdateRequestValidator",
            patch(
                ValidateRequestBody="/validateRequestBody",
                ValidateRequestParameters="/validateRequestParameters",
            ),
            **OF_API,
            requestValidatorId=ID,
        ),
    ),
    delete=Call("apigateway:DeleteRequestValidator", **OF_API, requestValidatorId=ID),
    absent=GONE,
    attributes={"RequestValidatorId": ID},
)

Authorizer = ResourceType(
    create=Call(
        "apigateway:CreateAuthorizer",
        **OF_API,
        name=p.Name,
        type=p.Type,
        providerARNs=p.ProviderARNs,
        authType=p.AuthType,
        authorizerUri=p.AuthorizerUri,
        authorizerCredentials=p.AuthorizerCredentials,
        identitySource=p.IdentitySource,
        identityValidationExpression=p.IdentityValidationExpression,
        authorizerResultTtlInSeconds=p.AuthorizerResultTtlInSeconds,
    ),
    id=made.id,
    update=(
        changes(
            "UpdateAuthorizer",
            patch(
                Name="/name",
                Type="/type",
                ProviderARNs="/providerARNs",
                AuthType="/authType",
                AuthorizerUri="/authorizerUri",
                AuthorizerCredentials="/authorizerCredentials",
                IdentitySource="/identitySource",
                IdentityValidationExpression="/identityValidationExpression",
                AuthorizerResultTtlInSeconds="/authorizerResultTtlInSeconds",
            ),
            **OF_API,
            authorizerId=ID,
        ),
    ),
    delete=Call("apigateway:DeleteAuthorizer", **OF_API, authorizerId=ID),
    absent=GONE,
    attributes={"AuthorizerId": ID},
)

_gateway_response = Call(
    "apigateway:PutGatewayResponse",
    **OF_API,
    responseType=at(p.ResponseType),
    statusCode=p.StatusCode,
    responseParameters=p.ResponseParameters,
    responseTemplates=p.ResponseTemplates,
).writes_all()

GatewayResponse = ResourceType(
    name=Name("Id", 64),
    create=_gateway_response,
    id=p.Id,
    update=(_gateway_response,),
    delete=Call("apigateway:DeleteGatewayResponse", **OF_API, responseType=p.ResponseType),
    absent=GONE,
    attributes={"Id": ID},
)

# --- keys and plans -----------------------------------------------------------------------------------------------

ApiKey = ResourceType(
    name=Name("Name", 255),
    create=Call(
        "apigateway:CreateApiKey",
        name=p.Name,
        description=p.Description,
        enabled=p.Enabled,
        generateDistinctId=p.GenerateDistinctId,
        value=p.Value,
        stageKeys=use(each(fields("RestApiId=restApiId StageName=stageName")), p.StageKeys),
        customerId=p.CustomerId,
        tags=tag_map(p.Tags),
    ),
    id=made.id,
    update=(
        changes(
            "UpdateApiKey",
            patch(Description="/description", Enabled="/enabled", CustomerId="/customerId"),
            apiKey=ID,
        ),
        *tags_at("/apikeys/${ID}"),
    ),
    delete=Call("apigateway:DeleteApiKey", apiKey=ID),
    absent=GONE,
    attributes={"APIKeyId": ID},
    fixed="StageKeys",
)

_throttle = fields("BurstLimit=burstLimit RateLimit=rateLimit")
_quota = fields("Limit=limit Offset=offset Period=period")


def _api_stage(found: dict[str, Any]) -> dict[str, Any]:
    rename = fields(
        "ApiId=apiId Stage=stage Throttle=throttle",
        Throttle=lambda paths: {path: _throttle(limits) for path, limits in paths.items()},
    )
    return rename(found)


def _stage_names(found: Any) -> list[str]:
    return [f"{stage['ApiId']}:{stage['Stage']}" for stage in found or ()]


def _named_by_value(operations: list[dict[str, str]]) -> list[dict[str, str]]:
    """A plan's stages are named by the value of a patch, not by its path."""
    head = "/apiStages/"
    return [
        {"op": each["op"], "path": "/apiStages", "value": each["path"].removeprefix(head)}
        if each["path"].startswith(head)
        else each
        for each in operations
    ]


async def _delete_usage_plan(work: Work) -> None:
    """A plan goes only when it has no stages any more."""
    plan = {"usagePlanId": work.id}
    calls: list[tuple[str, dict[str, Any]]] = [
        (
            "apigateway:UpdateUsagePlan",
            {**plan, "patchOperations": [{"op": "remove", "path": "/apiStages", "value": stage}]},
        )
        for stage in _stage_names(work.properties.get("ApiStages"))
    ]
    await delete_calls(work, [*calls, ("apigateway:DeleteUsagePlan", plan)])


UsagePlan = ResourceType(
    name=Name("UsagePlanName", 255),
    create=Call(
        "apigateway:CreateUsagePlan",
        name=p.UsagePlanName,
        description=p.Description,
        apiStages=use(each(_api_stage), p.ApiStages),
        throttle=use(_throttle, p.Throttle),
        quota=use(_quota, p.Quota),
        tags=tag_map(p.Tags),
    ),
    id=made.id,
    update=(
        changes(
            "UpdateUsagePlan",
            use(
                _named_by_value,
                patch(
                    UsagePlanName="/name",
                    Description="/description",
                    Throttle=("/throttle", _throttle),
                    Quota=("/quota", _quota),
                    ApiStages=("/apiStages", _stage_names),
                ),
            ),
            usagePlanId=ID,
        ),
        *tags_at("/usageplans/${ID}"),
    ),
    delete=_delete_usage_plan,
    absent=GONE,
    attributes={"Id": ID},
)

UsagePlanKey = ResourceType(
    create=Call("apigateway:CreateUsagePlanKey", usagePlanId=p.UsagePlanId, keyId=p.KeyId, keyType=p.KeyType),
    id=text("${KeyId}:${UsagePlanId}"),
    delete=Call("apigateway:DeleteUsagePlanKey", usagePlanId=p.UsagePlanId, keyId=p.KeyId),
    absent=GONE,
    attributes={"Id": ID},
)


@carries("CloudWatchRoleArn")
async def _put_account(work: Work) -> dict[str, Any]:
    role = work.properties.get("CloudWatchRoleArn", "")
    operations = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
    await work.ask("apigateway:UpdateAccount", patchOperations=operations)
    return {}


_put_account.handles_absence = True

# The account's settings outlive the stack, on AWS too: nothing is deleted.
Account = ResourceType(
    name=Name("Id", 64), create=_put_account, id=p.Id, update=(_put_account,), attributes={"Id": ID}
)

# --- custom domain names ------------------------------------------------------------------------------------------

_domain_endpoint = fields("Types=types IpAddressType=ipAddressType")


_domain_mutual = fields("TruststoreUri=truststoreUri TruststoreVersion=truststoreVersion")


@carries(
    "EndpointConfiguration CertificateArn RegionalCertificateArn SecurityPolicy RoutingMode MutualTlsAuthentication "
    "OwnershipVerificationCertificateArn"
)
async def _update_domain(work: Work) -> None:
    """One update with everything that changed: an endpoint type goes together with its certificate."""
    places = {
        "CertificateArn": "/certificateArn",
        "RegionalCertificateArn": "/regionalCertificateArn",
        "SecurityPolicy": "/securityPolicy",
        "RoutingMode": "/routingMode",
        "OwnershipVerificationCertificateArn": "/ownershipVerificationCertificateArn",
    }
    old, new = (_domain_endpoint(found.get("EndpointConfiguration", {})) for found in (work.old, work.properties))
    was, wanted = (found.get("types", ["EDGE"])[0] for found in (old, new))
    operations = [
        {"op": "replace", "path": path, "value": work.properties[name]}
        for name, path in places.items()
        if name in work.changed and name in work.properties
    ]
    if was != wanted:
        operations.append({"op": "replace", "path": f"/endpointConfiguration/types/{was}", "value": wanted})
    if old.get("ipAddressType") != new.get("ipAddressType"):
        value = new.get("ipAddressType", "ipv4")
        operations.append({"op": "replace", "path": "/endpointConfiguration/ipAddressType", "value": value})
    if "MutualTlsAuthentication" in work.changed:
        mutual = {"truststoreUri": "", "truststoreVersion": ""} | _domain_mutual(work.properties.get("MutualTlsAuthentication", {}))
        operations += [{"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value} for name, value in mutual.items()]
    if operations:
        await work.ask("apigateway:UpdateDomainName", domainName=work.id, patchOperations=operations)


_update_domain.handles_absence = True

DomainName = ResourceType(
    create=Call(
        "apigateway:CreateDomainName",
        domainName=p.DomainName,
        certificateArn=p.CertificateArn,
        regionalCertificateArn=p.RegionalCertificateArn,
        endpointConfiguration=use(_domain_endpoint, p.EndpointConfiguration),
        securityPolicy=p.SecurityPolicy,
        endpointAccessMode=p.EndpointAccessMode,
        mutualTlsAuthentication=use(_domain_mutual, p.MutualTlsAuthentication),
        ownershipVerificationCertificateArn=p.OwnershipVerificationCertificateArn,
        routingMode=p.RoutingMode,
        tags=tag_map(p.Tags),
    ),
    id=p.DomainName,
    read=Call("apigateway:GetDomainName", domainName=ID),
    update=(_update_domain, *tags_at("/domainnames/${ID}")),
    delete=Call("apigateway:DeleteDomainName", domainName=ID),
    absent=GONE,
    attributes={
        "DistributionDomainName": seen.distributionDomainName,
        "DistributionHostedZoneId": seen.distributionHostedZoneId,
        "DomainNameArn": seen.domainNameArn,
        "RegionalDomainName": seen.regionalDomainName,
        "RegionalHostedZoneId": seen.regionalHostedZoneId,
    },
    fixed="EndpointAccessMode",
    drift=(
        Reading(
            {
                "CertificateArn": seen.certificateArn,
                "RegionalCertificateArn": seen.regionalCertificateArn,
                "SecurityPolicy": seen.securityPolicy,
                "Tags": tag_list(seen.tags),
            }
        ),
    ),
)

_mapping = {"domainName": at(p.DomainName), "basePath": either(at(p.BasePath), "(none)")}

BasePathMapping = ResourceType(
    create=Call(
        "apigateway:CreateBasePathMapping",
        domainName=p.DomainName,
        basePath=p.BasePath,
        restApiId=p.RestApiId,
        stage=p.Stage,
    ),
    id=use(lambda domain, path: f"{domain}|{path or '(none)'}", p.DomainName, p.BasePath),
    update=(
        changes("UpdateBasePathMapping", patch(RestApiId="/restapiId", Stage="/stage"), **_mapping),
    ),
    delete=Call("apigateway:DeleteBasePathMapping", **_mapping),
    absent=GONE,
)

# --- documentation and client certificates ------------------------------------------------------------------------

_location = fields("Type=type Path=path Method=method StatusCode=statusCode Name=name")

DocumentationPart = ResourceType(
    create=Call(
        "apigateway:CreateDocumentationPart",
        **OF_API,
        location=use(_location, p.Location),
        properties=p.Properties,
    ),
    id=made.id,
    update=(
        changes("UpdateDocumentationPart", patch(Properties="/properties"), **OF_API, documentationPartId=ID),
    ),
    delete=Call("apigateway:DeleteDocumentationPart", **OF_API, documentationPartId=ID),
    absent=GONE,
    attributes={"DocumentationPartId": ID},
)

_version = {**OF_API, "documentationVersion": at(p.DocumentationVersion)}

DocumentationVersion = ResourceType(
    create=Call(
        "apigateway:CreateDocumentationVersion",
        **OF_API,
        documentationVersion=p.DocumentationVersion,
        description=p.Description,
    ),
    id=p.DocumentationVersion,
    update=(changes("UpdateDocumentationVersion", patch(Description="/description"), **_version),),
    delete=Call("apigateway:DeleteDocumentationVersion", **_version),
    absent=GONE,
)

ClientCertificate = ResourceType(
    create=Call("apigateway:GenerateClientCertificate", description=p.Description, tags=tag_map(p.Tags)),
    id=made.clientCertificateId,
    update=(
        changes("UpdateClientCertificate", patch(Description="/description"), clientCertificateId=ID),
        *tags_at("/clientcertificates/${ID}"),
    ),
    delete=Call("apigateway:DeleteClientCertificate", clientCertificateId=ID),
    absent=GONE,
    attributes={"ClientCertificateId": ID},
)
