"""Stages: the names under which deployments are called, with variables, limits and logs of their own; and the deployments.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import logstream
from kumoniwa.services.apigateway.domain import mapping_names
from kumoniwa.services.apigateway.stage import check_format
from kumoniwa.services.apigatewayv2 import definition, model
from kumoniwa.services.apigatewayv2.connection import connections
from kumoniwa.services.apigatewayv2.definition import (
    AUTOMATIC,
    Api,
    BadRequestException,
    ConflictException,
    Deployment,
    NotFoundException,
    Stage,
    find,
    of,
    said,
    without,
)
from kumoniwa.services.apigatewayv2.door import forget

DEFAULT = "$default"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Hyphens, too, which the refusal does not name: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html"""
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")
_LOG_GROUP = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[^:*]+(?::\*)?")


def found(call: Call, api_id: str, name: str) -> Stage:
    find(call, api_id)
    stage = call.shelf(Stage).get(f"{api_id}/{name}")
    if stage is None:
        raise NotFoundException("Invalid stage identifier specified")
    return stage


def shown(stage: Stage) -> dict[str, Any]:
    return stage.document | {"Tags": stage.tags}


def _check_settings(api: Api, settings: dict[str, Any]) -> None:
    """What is said of routes: their rates, and which logs and measures they leave."""
    if api.is_http and (settings.get("LoggingLevel", "OFF") != "OFF" or settings.get("DataTraceEnabled")):
        raise BadRequestException("Execution logs are not supported on protocolType HTTP")
    if settings.get("LoggingLevel", "OFF") != "OFF" or settings.get("DataTraceEnabled"):
        raise NotImplementedHere("execution logs of apigatewayv2 stages")
    if settings.get("DetailedMetricsEnabled") and not api.is_http:
        raise NotImplementedHere("detailed metrics of WebSocket APIs of apigatewayv2")
    if settings.get("ThrottlingBurstLimit", 0) < 0 or settings.get("ThrottlingRateLimit", 0) < 0:
        raise BadRequestException("Invalid throttling limit specified. Limits must not be negative")


def _check_log(call: Call, api: Api, log: dict[str, Any]) -> None:
    named = arns.parse(log.get("DestinationArn", ""))
    is_stream = not api.is_http and logstream.is_stream(log.get("DestinationArn", ""))
    if named is not None and named.service != "logs" and not is_stream:
        raise BadRequestException(
            f"Access log destination must only contain characters a-z, A-Z, 0-9, '_', '-', '/', '.': '{named.resource}'"
        )
    if not (is_stream or _LOG_GROUP.fullmatch(log.get("DestinationArn", ""))) or not log.get("Format"):
        raise BadRequestException("Invalid ARN specified in the request. AccessLogSettings need a log group's ARN and a format")
    # No source tells how AWS refuses these.
    if named.region != call.region:
        raise BadRequestException(f"Invalid ARN specified in the request. The log group must be in the region {call.region}")
    if named.account != call.account:
        raise BadRequestException(f"Invalid ARN specified in the request. The log group must be in the account {call.account}")
    try:
        check_format(log["Format"])
    except AwsError as error:
        raise BadRequestException(f"The following errors are found in Access Log Format: {error.text}") from None


def _checked(call: Call, api: Api, document: dict[str, Any]) -> dict[str, Any]:
    """The stage, if the API can have it."""
    if document.get("ClientCertificateId"):
        raise NotImplementedHere("client certificates of apigatewayv2 stages")
    _check_settings(api, document["DefaultRouteSettings"])
    keys = {route["RouteKey"] for route in api.routes.values()}
    for key, settings in document["RouteSettings"].items():
        if key not in keys:
            raise NotFoundException(f"Unable to find Route by key {key} within the provided RouteSettings")
        _check_settings(api, settings)
    for name, value in document["StageVariables"].items():
        if not re.fullmatch(r"[A-Za-z0-9_]+", name) or not _VARIABLE_VALUE.fullmatch(value):
            raise BadRequestException(
                "Stage variable name/value is invalid. Names may hold letters, digits and _; values letters, digits and -._~:/?#&=,"
            )
    log = document.get("AccessLogSettings")
    if log:
        _check_log(call, api, log)
    if log and api.is_http:
        call.require("logs:CreateLogDelivery", "*")
    deployment = document.get("DeploymentId")
    if deployment is not None and f"{api.id}/{deployment}" not in call.shelf(Deployment):
        raise NotFoundException(f"Unable to find Deployment by ID {deployment} within the provided API")
    return document


def make(call: Call, api: Api, document: dict[str, Any], tags: dict[str, str] | None = None) -> Stage:
    """A new stage; one that deploys by itself shows the API at once, if it has a route."""
    name = document["StageName"]
    if not _NAME.fullmatch(name) and not (name == DEFAULT and api.is_http):
        raise BadRequestException("Stage name only allows a-zA-Z0-9_")
    if f"{api.id}/{name}" in call.shelf(Stage):
        raise ConflictException("Stage already exists")
    now = call.now()
    settings = {"DetailedMetricsEnabled": False}
    if not api.is_http:
        settings |= {"DataTraceEnabled": False, "LoggingLevel": "OFF"}
    given = {"DefaultRouteSettings": settings, "RouteSettings": {}, "StageVariables": {}, **document}
    given |= {"CreatedDate": now, "LastUpdatedDate": now}
    if given.get("AutoDeploy") and given.get("DeploymentId"):
        raise BadRequestException("Stage with autoDeploy enabled cannot have a deploymentId")
    stage = Stage(api_id=api.id, document=_checked(call, api, given), tags=tags or {})
    call.shelf(Stage)[f"{api.id}/{name}"] = stage
    return _deployed(call, api, stage)


def _deployed(call: Call, api: Api, stage: Stage) -> Stage:
    if not (stage.document.get("AutoDeploy") and api.routes):
        return stage
    return definition.show(call, stage, definition.deploy(call, api, AUTOMATIC, is_automatic=True))


def CreateStage(
    call: Call,
    *,
    ApiId: str,
    StageName: str,
    AccessLogSettings: dict | None = None,
    AutoDeploy: bool | None = None,
    ClientCertificateId: str | None = None,
    DefaultRouteSettings: dict | None = None,
    DeploymentId: str | None = None,
    Description: str | None = None,
    RouteSettings: dict[str, dict] | None = None,
    StageVariables: dict[str, str] | None = None,
    Tags: dict[str, str] | None = None,
) -> Any:
    document = said(
        StageName=StageName, AccessLogSettings=AccessLogSettings, AutoDeploy=AutoDeploy, ClientCertificateId=ClientCertificateId,
        DefaultRouteSettings=DefaultRouteSettings, DeploymentId=DeploymentId, Description=Description, RouteSettings=RouteSettings,
        StageVariables=StageVariables,
    )  # fmt: skip
    api = find(call, ApiId)
    return _logging(call, api, AccessLogSettings, lambda: shown(make(call, find(call, ApiId), document, Tags)))


def _logging(call: Call, api: Api, log: dict[str, Any] | None, act: Callable[[], Any]) -> Any:
    """What ``act`` answers, or a coroutine of it where a stream of Firehose is to take the access log, and is looked for first."""
    arn = (log or {}).get("DestinationArn", "")
    return _once_found(call, arn, act) if not api.is_http and logstream.is_stream(arn) else act()


async def _once_found(call: Call, stream: str, act: Callable[[], Any]) -> Any:
    await logstream.opened(call, stream)
    return call.atomically(act)


def GetStage(call: Call, *, ApiId: str, StageName: str) -> dict:
    return shown(found(call, ApiId, StageName))


def GetStages(call: Call, *, ApiId: str) -> dict:
    find(call, ApiId)
    return {"Items": [shown(stage) for stage in of(call, Stage, ApiId)]}


def UpdateStage(
    call: Call,
    *,
    ApiId: str,
    StageName: str,
    AccessLogSettings: dict | None = None,
    AutoDeploy: bool | None = None,
    ClientCertificateId: str | None = None,
    DefaultRouteSettings: dict | None = None,
    DeploymentId: str | None = None,
    Description: str | None = None,
    RouteSettings: dict[str, dict] | None = None,
    StageVariables: dict[str, str] | None = None,
) -> Any:
    """Settings of routes are changed one by one; a variable with an empty value is taken away."""
    told = said(
        AccessLogSettings=AccessLogSettings, AutoDeploy=AutoDeploy, ClientCertificateId=ClientCertificateId, Description=Description,
        DeploymentId=DeploymentId,
    )  # fmt: skip
    parts = (DefaultRouteSettings, RouteSettings, StageVariables)
    return _logging(call, find(call, ApiId), AccessLogSettings, lambda: _updated(call, ApiId, StageName, told, *parts))


def _updated(
    call: Call, ApiId: str, StageName: str, told: dict[str, Any], default: dict | None, routes: dict[str, dict] | None,
    variables: dict[str, str] | None,
) -> dict:  # fmt: skip
    stage, api = found(call, ApiId, StageName), find(call, ApiId)
    known, DeploymentId = stage.document, told.get("DeploymentId")
    document = known | told
    if default is not None:
        document["DefaultRouteSettings"] = {**known["DefaultRouteSettings"], **default}
    if routes is not None:
        document["RouteSettings"] = {**known["RouteSettings"], **routes}
    if variables is not None:
        document["StageVariables"] = {name: value for name, value in (known["StageVariables"] | variables).items() if value != ""}
    if DeploymentId is not None and document.get("AutoDeploy"):
        raise BadRequestException("Stage with autoDeploy enabled cannot have a deploymentId")
    document["LastUpdatedDate"] = call.now()
    _checked(call, api, document)
    if DeploymentId is not None:
        stage = definition.show(call, stage, DeploymentId)
    stage = call.shelf(Stage)[f"{ApiId}/{StageName}"] = changed(stage, document=document)
    if document.get("AutoDeploy") and not known.get("AutoDeploy"):
        stage = _deployed(call, api, stage)
    return shown(stage)


def DeleteStage(call: Call, *, ApiId: str, StageName: str) -> None:
    stage = found(call, ApiId, StageName)
    if shown_at := mapping_names(call, ApiId, StageName):
        raise BadRequestException(
            f"Deleting stage {StageName} failed. Please remove all API mappings of it in your domains: {', '.join(shown_at)}."
        )
    held = call.shelf(Deployment).get(f"{ApiId}/{stage.document.get('DeploymentId')}")
    del call.shelf(Stage)[f"{ApiId}/{StageName}"]
    if held is not None and held.document["AutoDeployed"]:
        id_ = held.document["DeploymentId"]
        if not any(other.document.get("DeploymentId") == id_ for other in of(call, Stage, ApiId)):
            del call.shelf(Deployment)[f"{ApiId}/{id_}"]
    call.after_commit(lambda: connections(call.home).cut(ApiId, StageName))


def DeleteAccessLogSettings(call: Call, *, ApiId: str, StageName: str) -> None:
    stage = found(call, ApiId, StageName)
    _put(call, stage, without(stage.document, "AccessLogSettings"))


def _put(call: Call, stage: Stage, document: dict[str, Any]) -> None:
    call.shelf(Stage)[f"{stage.api_id}/{stage.name}"] = changed(stage, document=document | {"LastUpdatedDate": call.now()})


def DeleteRouteSettings(call: Call, *, ApiId: str, StageName: str, RouteKey: str) -> None:
    stage = found(call, ApiId, StageName)
    if RouteKey not in stage.document["RouteSettings"]:
        raise NotFoundException("Invalid route settings identifier specified")
    _put(call, stage, stage.document | {"RouteSettings": without(stage.document["RouteSettings"], RouteKey)})


def ResetAuthorizersCache(call: Call, *, ApiId: str, StageName: str) -> None:
    """What authorizers said is remembered with the compiled stage, and forgotten with it."""
    if not find(call, ApiId).is_http:
        raise BadRequestException("Resetting the authorizers cache is only supported for HTTP APIs")
    found(call, ApiId, StageName)
    forget(call.home, ApiId, StageName)


# Deployments ------------------------------------------------------------------------------------------


def _deployment(call: Call, api_id: str, deployment_id: str) -> Deployment:
    find(call, api_id)
    deployment = call.shelf(Deployment).get(f"{api_id}/{deployment_id}")
    if deployment is None:
        raise NotFoundException("Invalid deployment identifier specified")
    return deployment


def _check_models(api: Api) -> None:
    for route in api.routes.values():
        for name in route.get("RequestModels", {}).values():
            if model.named(api, name) is None:
                raise BadRequestException(f"Invalid model specified in route {route['RouteKey']}: {name}")


def CreateDeployment(call: Call, *, ApiId: str, Description: str | None = None, StageName: str | None = None) -> dict:
    api = find(call, ApiId)
    if not api.routes:
        raise BadRequestException("At least one route is required before deploying the Api.")
    if not api.document.get("DisableSchemaValidation"):
        _check_models(api)
    stage = found(call, ApiId, StageName) if StageName else None
    if stage is not None and stage.document.get("AutoDeploy"):
        raise BadRequestException("Deployments cannot be created manually for stages with autoDeploy enabled")
    id_ = definition.deploy(call, api, Description)
    if stage is not None:
        definition.show(call, stage, id_)
    return GetDeployment(call, ApiId=ApiId, DeploymentId=id_)


def GetDeployment(call: Call, *, ApiId: str, DeploymentId: str) -> dict:
    return _deployment(call, ApiId, DeploymentId).document


def GetDeployments(call: Call, *, ApiId: str) -> dict:
    find(call, ApiId)
    made = sorted(of(call, Deployment, ApiId), key=lambda one: one.document["CreatedDate"], reverse=True)
    return {"Items": [one.document for one in made]}


def UpdateDeployment(call: Call, *, ApiId: str, DeploymentId: str, Description: str | None = None) -> dict:
    deployment = _deployment(call, ApiId, DeploymentId)
    deployment = changed(deployment, document=deployment.document | said(Description=Description))
    call.shelf(Deployment)[f"{ApiId}/{DeploymentId}"] = deployment
    return deployment.document


def DeleteDeployment(call: Call, *, ApiId: str, DeploymentId: str) -> None:
    _deployment(call, ApiId, DeploymentId)
    if any(stage.document.get("DeploymentId") == DeploymentId for stage in of(call, Stage, ApiId)):
        raise BadRequestException("Active stages pointing to this deployment must be moved or deleted")
    del call.shelf(Deployment)[f"{ApiId}/{DeploymentId}"]
