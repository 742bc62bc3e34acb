"""AWS::ApiGatewayV2 (HTTP and WebSocket APIs)."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Reading,
    ResourceType,
    Value,
    Work,
    as_json,
    at,
    carries,
    either,
    gone_tags,
    made,
    p,
    same,
    seen,
    text,
    use,
)
from kumoniwa.deploy.resources.apigateway import from_s3
from kumoniwa.deploy.step import delete_calls

GONE = "NotFoundException"
_api = {"ApiId": at(p.ApiId)}


def _tags(resource: str) -> tuple[Call, Call]:
    arn = text("arn:${AWS::Partition}:apigateway:${AWS::Region}::" + resource)
    return (
        Call("apigatewayv2:UntagResource", ResourceArn=arn, TagKeys=gone_tags).when(gone_tags),
        Call("apigatewayv2:TagResource", ResourceArn=arn, Tags=p.Tags).when(p.Tags),
    )


def _merged(name: str) -> Value:
    """A map that an update changes entry by entry: what the template dropped is sent empty."""

    def compute(work: Work) -> Any:
        new, old = work.properties.get(name), work.old.get(name)
        if new is None and old is None:
            return OMIT
        return {key: "" for key in old or {}} | (new or {})

    return Value(compute, frozenset((name,)))


# --- the API itself -----------------------------------------------------------------------------------------------

_SAID = (
    "ApiKeySelectionExpression CorsConfiguration CredentialsArn Description DisableExecuteApiEndpoint DisableSchemaValidation "
    "IpAddressType Name RouteKey RouteSelectionExpression Target Version"
)
_create = Call("apigatewayv2:CreateApi", f"{_SAID} ProtocolType Tags")
_update = Call("apigatewayv2:UpdateApi", _SAID, ApiId=ID)


async def _document(work: Work) -> str | None:
    """The OpenAPI document of an API, if it is made of one."""
    if location := work.properties.get("BodyS3Location"):
        return (await from_s3(work, location)).decode()
    body = work.properties.get("Body")
    return None if body is None else body if isinstance(body, str) else json.dumps(body)


def _importing(work: Work) -> dict[str, Any]:
    names = {"BasePath": "Basepath", "FailOnWarnings": "FailOnWarnings"}
    return {there: work.properties[here] for here, there in names.items() if here in work.properties}


@carries("Body BodyS3Location BasePath FailOnWarnings " + " ".join(_create.names))
async def _create_api(work: Work) -> dict[str, Any]:
    """An API made of a document has what the template says beside it, too."""
    body = await _document(work)
    if body is None:
        return await work.ask(_create.operation, **_create.params(work))
    imported = await work.ask("apigatewayv2:ImportApi", Body=body, **_importing(work))
    more = {name: value for name, value in _update.params(work).items() if name != "ApiId"}
    if more:
        await work.ask("apigatewayv2:UpdateApi", ApiId=imported["ApiId"], **more)
    if tags := work.properties.get("Tags"):
        arn = f"arn:{work.pseudo['AWS::Partition']}:apigateway:{work.pseudo['AWS::Region']}::/apis/{imported['ApiId']}"
        await work.ask("apigatewayv2:TagResource", ResourceArn=arn, Tags=tags)
    return imported


_create_api.places = _create.places


@carries("Body BodyS3Location BasePath FailOnWarnings CorsConfiguration " + " ".join(_update.names))
async def _change_api(work: Work) -> None:
    if work.changed & {"Body", "BodyS3Location", "BasePath", "FailOnWarnings"}:
        body = await _document(work)
        if body is not None:
            await work.ask("apigatewayv2:ReimportApi", ApiId=work.id, Body=body, **_importing(work))
    if "CorsConfiguration" in work.old and "CorsConfiguration" not in work.properties:
        await work.ask("apigatewayv2:DeleteCorsConfiguration", ApiId=work.id)
    changed = _update.params(work)
    if len(changed) > 1:
        await work.ask("apigatewayv2:UpdateApi", **changed)


_change_api.handles_absence = True

Api = ResourceType(
    create=_create_api,
    id=made.ApiId,
    read=Call("apigatewayv2:GetApi", ApiId=ID),
    update=(_change_api, *_tags("/apis/${ID}")),
    delete=Call("apigatewayv2:DeleteApi", ApiId=ID),
    absent=GONE,
    attributes={
        "ApiId": ID,
        "ApiEndpoint": seen.ApiEndpoint,
        "ExecuteApiArn": text("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${ID}"),
    },
    drift=(Reading(same("Name Description CorsConfiguration DisableExecuteApiEndpoint Version", seen)),),
)

# --- routes and what stands behind them ---------------------------------------------------------------------------

_ROUTE = (
    "ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId ModelSelectionExpression OperationName RequestModels "
    "RequestParameters RouteKey RouteResponseSelectionExpression Target"
)
_route = {**_api, "RouteId": ID}

Route = ResourceType(
    create=Call("apigatewayv2:CreateRoute", _ROUTE, **_api),
    id=made.RouteId,
    update=(Call("apigatewayv2:UpdateRoute", _ROUTE, **_route),),
    delete=Call("apigatewayv2:DeleteRoute", **_route),
    absent=GONE,
    attributes={"RouteId": ID},
    defaults={"AuthorizationType": "NONE", "AuthorizationScopes": [], "ApiKeyRequired": False, "RequestModels": {}, "RequestParameters": {}},
    drift=(Reading(same("RouteKey AuthorizationType Target", seen), Call("apigatewayv2:GetRoute", **_route)),),
)

_RESPONSE = "ModelSelectionExpression ResponseModels ResponseParameters RouteResponseKey"
_of_route = {**_api, "RouteId": at(p.RouteId)}

RouteResponse = ResourceType(
    create=Call("apigatewayv2:CreateRouteResponse", _RESPONSE, **_of_route),
    id=made.RouteResponseId,
    update=(Call("apigatewayv2:UpdateRouteResponse", _RESPONSE, **_of_route, RouteResponseId=ID),),
    delete=Call("apigatewayv2:DeleteRouteResponse", **_of_route, RouteResponseId=ID),
    absent=GONE,
    attributes={"RouteResponseId": ID},
)


def _by_destination(found: dict[str, Any]) -> dict[str, dict[str, str]]:
    """``{status: {ResponseParameters: [{Destination, Source}]}}`` as the operation has it."""
    return {
        status: {one["Destination"]: one["Source"] for one in of_status.get("ResponseParameters", [])}
        for status, of_status in found.items()
    }


_INTEGRATION = (
    "ConnectionId ConnectionType ContentHandlingStrategy CredentialsArn Description IntegrationMethod IntegrationSubtype IntegrationType "
    "IntegrationUri PassthroughBehavior PayloadFormatVersion RequestTemplates TemplateSelectionExpression TimeoutInMillis TlsConfig"
)
_integration = {**_api, "IntegrationId": ID}
_returned = {"ResponseParameters": use(_by_destination, p.ResponseParameters)}

Integration = ResourceType(
    create=Call("apigatewayv2:CreateIntegration", _INTEGRATION + " RequestParameters", **_api, **_returned),
    id=made.IntegrationId,
    update=(
        Call("apigatewayv2:UpdateIntegration", _INTEGRATION, **_integration, **_returned, RequestParameters=_merged("RequestParameters")),
    ),
    delete=Call("apigatewayv2:DeleteIntegration", **_integration),
    absent=GONE,
    attributes={"IntegrationId": ID},
    defaults={"RequestTemplates": {}, "ResponseParameters": {}, "RequestParameters": {}},
    drift=(Reading(same("IntegrationType IntegrationUri IntegrationMethod", seen), Call("apigatewayv2:GetIntegration", **_integration)),),
)

_ANSWER = "ContentHandlingStrategy IntegrationResponseKey ResponseParameters ResponseTemplates TemplateSelectionExpression"
_of_integration = {**_api, "IntegrationId": at(p.IntegrationId)}

IntegrationResponse = ResourceType(
    create=Call("apigatewayv2:CreateIntegrationResponse", _ANSWER, **_of_integration),
    id=made.IntegrationResponseId,
    update=(Call("apigatewayv2:UpdateIntegrationResponse", _ANSWER, **_of_integration, IntegrationResponseId=ID),),
    delete=Call("apigatewayv2:DeleteIntegrationResponse", **_of_integration, IntegrationResponseId=ID),
    absent=GONE,
    attributes={"IntegrationResponseId": ID},
)

_AUTHORIZER = (
    "AuthorizerCredentialsArn AuthorizerPayloadFormatVersion AuthorizerResultTtlInSeconds AuthorizerType AuthorizerUri "
    "EnableSimpleResponses IdentityValidationExpression JwtConfiguration Name"
)
_sources = {"IdentitySource": either(p.IdentitySource, [])}

Authorizer = ResourceType(
    create=Call("apigatewayv2:CreateAuthorizer", _AUTHORIZER, **_api, **_sources),
    id=made.AuthorizerId,
    update=(Call("apigatewayv2:UpdateAuthorizer", _AUTHORIZER, **_api, **_sources, AuthorizerId=ID),),
    delete=Call("apigatewayv2:DeleteAuthorizer", **_api, AuthorizerId=ID),
    absent=GONE,
    attributes={"AuthorizerId": ID},
)

_model = {"Schema": as_json(p.Schema), **_api}

Model = ResourceType(
    create=Call("apigatewayv2:CreateModel", "ContentType Description Name", **_model),
    id=made.ModelId,
    update=(Call("apigatewayv2:UpdateModel", "ContentType Description Name", **_model, ModelId=ID),),
    delete=Call("apigatewayv2:DeleteModel", **_api, ModelId=ID),
    absent=GONE,
    attributes={"ModelId": ID},
)

# --- stages and deployments ---------------------------------------------------------------------------------------


async def _delete_deployment(work: Work) -> None:
    """A deployment that was made for a stage is let go by it with the stage's own deletion, which may come later."""
    here = {"ApiId": work.properties["ApiId"]}
    stages = (await work.look("apigatewayv2:GetStages", **here))["Items"]
    if not any(stage.get("DeploymentId") == work.id for stage in stages):
        await delete_calls(work, [("apigatewayv2:DeleteDeployment", {**here, "DeploymentId": work.id})])


Deployment = ResourceType(
    create=Call("apigatewayv2:CreateDeployment", "Description StageName", **_api),
    id=made.DeploymentId,
    update=(Call("apigatewayv2:UpdateDeployment", "Description", **_api, DeploymentId=ID),),
    delete=_delete_deployment,
    absent=GONE,
    attributes={"DeploymentId": ID},
    fixed="StageName",
)

_STAGE = "AccessLogSettings AutoDeploy ClientCertificateId DefaultRouteSettings DeploymentId Description RouteSettings"
_stage = {**_api, "StageName": ID}


@carries("AccessLogSettings RouteSettings")
async def _drop_settings(work: Work) -> None:
    """What a template dropped has operations of its own to take it away."""
    here = {"ApiId": work.properties["ApiId"], "StageName": work.id}
    if "AccessLogSettings" in work.old and "AccessLogSettings" not in work.properties:
        await work.ask("apigatewayv2:DeleteAccessLogSettings", **here)
    for key in work.old.get("RouteSettings", {}).keys() - work.properties.get("RouteSettings", {}).keys():
        await work.ask("apigatewayv2:DeleteRouteSettings", **here, RouteKey=key)


_drop_settings.handles_absence = True
_update_stage = Call("apigatewayv2:UpdateStage", _STAGE, **_stage, StageVariables=_merged("StageVariables"))
_update_stage.handles_absence = True

Stage = ResourceType(
    create=Call("apigatewayv2:CreateStage", f"{_STAGE} StageName StageVariables Tags", **_api),
    id=p.StageName,
    update=(_drop_settings, _update_stage, *_tags("/apis/${ApiId}/stages/${ID}")),
    delete=Call("apigatewayv2:DeleteStage", **_stage),
    absent=GONE,
    drift=(Reading(same("Description AutoDeploy StageVariables", seen), Call("apigatewayv2:GetStage", **_stage)),),
)

# --- names --------------------------------------------------------------------------------------------------------


def _first(name: str) -> Value:
    return use(lambda configurations: configurations[0].get(name, "") if configurations else "", seen.DomainNameConfigurations)


_domain = {"DomainName": ID}

DomainName = ResourceType(
    create=Call("apigatewayv2:CreateDomainName", "DomainName DomainNameConfigurations MutualTlsAuthentication RoutingMode Tags"),
    id=p.DomainName,
    read=Call("apigatewayv2:GetDomainName", **_domain),
    update=(
        Call("apigatewayv2:UpdateDomainName", "DomainNameConfigurations MutualTlsAuthentication RoutingMode", **_domain),
        *_tags("/domainnames/${ID}"),
    ),
    delete=Call("apigatewayv2:DeleteDomainName", **_domain),
    absent=GONE,
    attributes={
        "RegionalDomainName": _first("ApiGatewayDomainName"),
        "RegionalHostedZoneId": _first("HostedZoneId"),
        "DomainNameArn": seen.DomainNameArn,
    },
)

_mapping = {"DomainName": at(p.DomainName), "ApiMappingId": ID}

ApiMapping = ResourceType(
    create=Call("apigatewayv2:CreateApiMapping", "ApiId ApiMappingKey Stage", DomainName=at(p.DomainName)),
    id=made.ApiMappingId,
    update=(Call("apigatewayv2:UpdateApiMapping", "ApiId ApiMappingKey Stage", **_mapping),),
    delete=Call("apigatewayv2:DeleteApiMapping", **_mapping),
    absent=GONE,
    attributes={"ApiMappingId": ID},
    defaults={"ApiMappingKey": ""},
)
