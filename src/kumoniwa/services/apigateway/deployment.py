"""Deployments: an API as it stood on the day it was deployed.

The draft is one frozen record, so a deployment keeps that record; callers of a stage see the draft's changes only with
the next deployment.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway import domain, logstream, plan, restapi, stage
from kumoniwa.services.apigateway.account import cloudwatch_role
from kumoniwa.services.apigateway.cache import caches
from kumoniwa.services.apigateway.certificate import ClientCertificate
from kumoniwa.services.apigateway.documentation import DocumentationVersion, Part
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.stage import Stage


class Deployment(Record):
    id: str
    created: float
    api: RestApi
    description: str = ""


RULES = Rules({"/description": Rule("description")})


def key(api_id: str, deployment_id: str) -> str:
    return f"{api_id}/{deployment_id}"


def _found(call: Call, api_id: str, deployment_id: str) -> Deployment:
    restapi.find(call, api_id)
    deployment = call.shelf(Deployment).get(key(api_id, deployment_id))
    if deployment is None:
        raise NotFoundException("Invalid Deployment identifier specified")
    return deployment


def _of(call: Call, api_id: str) -> list[Deployment]:
    return [
        deployment for name, deployment in call.shelf(Deployment).items() if name.startswith(f"{api_id}/")
    ]


def _shown(deployment: Deployment) -> dict[str, Any]:
    document = {"id": deployment.id, "createdDate": deployment.created}
    return document | ({"description": deployment.description} if deployment.description else {})


def _check_complete(api: RestApi) -> None:
    methods = [
        method
        for resource in api.resources.values()
        for method in resource.get("resourceMethods", {}).values()
    ]
    if not methods:
        raise BadRequestException("The REST API doesn't contain any methods")
    if any("methodIntegration" not in method for method in methods):
        raise BadRequestException("No integration defined for method")


def _refuse_canary(stage_name: str | None) -> None:
    """Recorded from AWS: a canary is put beside what a stage already shows."""
    invalid = "Invalid deployment content specified."
    if not stage_name:
        shown = "null" if stage_name is None else stage_name
        raise BadRequestException(
            f"{invalid}Non null and non empty stageName must be provided for canary deployment. Provided value is {shown}"
        )
    raise BadRequestException(
        f"{invalid}Stage {stage_name} must already be created before making a canary release deployment"
    )


def CreateDeployment(
    call: Call,
    *,
    restApiId: str,
    stageName: str | None = None,
    stageDescription: str | None = None,
    description: str | None = None,
    cacheClusterEnabled: bool | None = None,
    cacheClusterSize: str | None = None,
    variables: dict[str, str] | None = None,
    canarySettings: dict | None = None,
    tracingEnabled: bool | None = None,
) -> dict:
    api = restapi.find(call, restApiId)
    _check_complete(api)
    known = call.shelf(Stage).get(stage.key(restApiId, stageName)) if stageName else None
    if canarySettings is not None and known is None:
        _refuse_canary(stageName)
    deployment = Deployment(
        id=restapi.short_id(call), created=float(int(call.now())), api=api, description=description or ""
    )
    call.shelf(Deployment)[key(restApiId, deployment.id)] = deployment
    if stageName:
        if known is None:
            stage.make(
                call, restApiId, stageName, deployment.id, description=stageDescription, variables=variables,
                is_cached=bool(cacheClusterEnabled), cache_size=cacheClusterSize, is_traced=bool(tracingEnabled),
            )  # fmt: skip
        else:
            stage.move(
                call, restApiId, known, deployment.id, stageDescription, variables, is_cached=cacheClusterEnabled,
                cache_size=cacheClusterSize, is_traced=tracingEnabled, canary_settings=canarySettings,
            )  # fmt: skip
    return _shown(deployment)


def GetDeployment(call: Call, *, restApiId: str, deploymentId: str, embed: list[str] | None = None) -> dict:
    deployment = _found(call, restApiId, deploymentId)
    if "apisummary" not in (embed or ()):
        return _shown(deployment)
    summary = {
        resource["path"]: {
            verb: {
                "authorizationType": method["authorizationType"],
                "apiKeyRequired": method["apiKeyRequired"],
            }
            for verb, method in resource["resourceMethods"].items()
        }
        for resource in deployment.api.resources.values()
        if resource.get("resourceMethods")
    }
    return _shown(deployment) | {"apiSummary": summary}


def GetDeployments(call: Call, *, restApiId: str) -> dict:
    restapi.find(call, restApiId)
    return {
        "items": [_shown(one) for one in sorted(_of(call, restApiId), key=lambda one: (-one.created, one.id))]
    }


def UpdateDeployment(
    call: Call, *, restApiId: str, deploymentId: str, patchOperations: list[dict] | None = None
) -> dict:
    deployment = _found(call, restApiId, deploymentId)
    document = RULES.applied({"description": deployment.description}, patchOperations)
    deployment = changed(deployment, description=document.get("description") or "")
    call.shelf(Deployment)[key(restApiId, deploymentId)] = deployment
    return _shown(deployment)


def DeleteDeployment(call: Call, *, restApiId: str, deploymentId: str) -> None:
    _found(call, restApiId, deploymentId)
    if any(
        deploymentId in (one.document["deploymentId"], one.document.get("canarySettings", {}).get("deploymentId"))
        for one in stage.of(call, restApiId)
    ):
        raise BadRequestException("Active stages pointing to this deployment must be moved or deleted")
    del call.shelf(Deployment)[key(restApiId, deploymentId)]


def DeleteRestApi(call: Call, *, restApiId: str) -> None:
    """With an API go its stages and deployments."""
    restapi.find(call, restApiId)
    if shown_at := domain.mapping_names(call, restApiId):
        raise BadRequestException(
            f"Deleting RestApi {restApiId} failed. Please remove all base path mappings related to the RestApi in your "
            f"domains: {', '.join(shown_at)}."
        )
    for one in stage.of(call, restApiId):
        firewall.release(call, stage.stage_arn(call.home, restApiId, one.document["stageName"]))
    for kind in (Stage, Deployment, Part, DocumentationVersion):
        shelf = call.shelf(kind)
        for name in [name for name in shelf if name.startswith(f"{restApiId}/")]:
            del shelf[name]
    plan.forget_stages(call, restApiId)
    del call.shelf(RestApi)[restApiId]


# Stages ------------------------------------------------------------------------------------------------


def _check_named(call: Call, api_id: str, document: dict[str, Any]) -> None:
    """What a stage names beside its deployment must be there."""
    version = document.get("documentationVersion")
    if version and f"{api_id}/{version}" not in call.shelf(DocumentationVersion):
        raise BadRequestException("Documentation version does not exist")
    certificate = document.get("clientCertificateId")
    if certificate and certificate not in call.shelf(ClientCertificate):
        raise BadRequestException("Invalid client certificate ID specified")


def CreateStage(
    call: Call,
    *,
    restApiId: str,
    stageName: str,
    deploymentId: str,
    description: str | None = None,
    cacheClusterEnabled: bool = False,
    cacheClusterSize: str | None = None,
    variables: dict[str, str] | None = None,
    documentationVersion: str | None = None,
    canarySettings: dict | None = None,
    tracingEnabled: bool = False,
    tags: dict[str, str] | None = None,
) -> dict:
    restapi.find(call, restApiId)
    shown = [deploymentId, (canarySettings or {}).get("deploymentId", deploymentId)]
    if any(key(restApiId, one) not in call.shelf(Deployment) for one in shown):
        raise BadRequestException("Deployment id does not exist")
    _check_named(call, restApiId, {"documentationVersion": documentationVersion})
    made = stage.make(
        call, restApiId, stageName, deploymentId, description=description, variables=variables,
        is_cached=cacheClusterEnabled, cache_size=cacheClusterSize, is_traced=tracingEnabled, tags=tags,
        canary_settings=canarySettings, documentation_version=documentationVersion,
    )  # fmt: skip
    return stage.shown(call, restApiId, made)


def GetStage(call: Call, *, restApiId: str, stageName: str) -> dict:
    return stage.shown(call, restApiId, stage.found(call, restApiId, stageName))


def GetStages(call: Call, *, restApiId: str, deploymentId: str | None = None) -> dict:
    restapi.find(call, restApiId)
    stages = stage.of(call, restApiId)
    return {
        "item": [stage.shown(call, restApiId, one) for one in stages if deploymentId in (None, one.document["deploymentId"])]
    }


def UpdateStage(
    call: Call, *, restApiId: str, stageName: str, patchOperations: list[dict] | None = None
) -> Any:
    """Where a stage's access log goes to a stream of Firehose, the stream and API Gateway's role are looked for first."""
    known = stage.found(call, restApiId, stageName)
    document = stage.patched(known.document, patchOperations)
    log = (document.get("accessLogSettings") or {}).get("destinationArn", "")
    if logstream.is_stream(log) and log != (known.document.get("accessLogSettings") or {}).get("destinationArn"):
        return _with_stream(call, restApiId, stageName, patchOperations, log)
    return _updated(call, restApiId, known, document)


async def _with_stream(call: Call, restApiId: str, stageName: str, operations: list[dict] | None, stream: str) -> dict:
    await logstream.opened(call, stream)

    def update() -> dict:
        known = stage.found(call, restApiId, stageName)
        return _updated(call, restApiId, known, stage.patched(known.document, operations))

    return call.atomically(update)


def _updated(call: Call, restApiId: str, known: Stage, document: dict[str, Any]) -> dict:
    stageName = document["stageName"]
    shown = [document["deploymentId"], document.get("canarySettings", document)["deploymentId"]]
    if any(key(restApiId, one) not in call.shelf(Deployment) for one in shown):
        raise BadRequestException("Deployment id does not exist")
    _check_named(call, restApiId, document)
    stage.check_place_of_log(call, document)
    is_logged = any(each.get("loggingLevel", "OFF") != "OFF" for each in document["methodSettings"].values())
    log = document.get("accessLogSettings")
    if (log and not logstream.is_stream(log.get("destinationArn", "")) or is_logged) and not cloudwatch_role(call):
        raise BadRequestException(
            "CloudWatch Logs role ARN must be set in account settings to enable logging"
        )
    if not document["cacheClusterEnabled"]:
        caches(call.home).flush(restApiId, stageName)
    document["lastUpdatedDate"] = float(int(call.now()))
    known = call.shelf(Stage)[stage.key(restApiId, stageName)] = changed(known, document=document)
    return stage.shown(call, restApiId, known)


def DeleteStage(call: Call, *, restApiId: str, stageName: str) -> None:
    stage.found(call, restApiId, stageName)
    if shown_at := domain.mapping_names(call, restApiId, stageName):
        raise BadRequestException(
            f"Deleting stage {stageName} failed. Please remove all base path mappings related to the stage in your "
            f"domains: {', '.join(shown_at)}"
        )
    caches(call.home).flush(restApiId, stageName)
    firewall.release(call, stage.stage_arn(call.home, restApiId, stageName))
    plan.forget_stages(call, restApiId, stageName)
    del call.shelf(Stage)[stage.key(restApiId, stageName)]
