"""AWS::ApiGateway::Deployment and Stage."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    at,
    carries,
    fields,
    made,
    p,
    patch,
    seen,
    tag_list,
    tag_map,
    use,
)
from kumoniwa.deploy.resources.apigateway_call import GONE, OF_API, changes, tags_at
from kumoniwa.deploy.step import delete_calls


async def _delete_deployment(work: Work) -> None:
    """A deployment that made a stage of its own takes it along, if nobody has moved the stage since."""
    calls = []
    stage = {"restApiId": work.properties["RestApiId"], "stageName": work.properties.get("StageName", "")}
    if stage["stageName"]:
        stages = (await work.look("apigateway:GetStages", restApiId=stage["restApiId"]))["item"]
        if any(
            each["stageName"] == stage["stageName"] and each["deploymentId"] == work.id for each in stages
        ):
            calls.append(("apigateway:DeleteStage", stage))
    calls.append(("apigateway:DeleteDeployment", {"restApiId": stage["restApiId"], "deploymentId": work.id}))
    await delete_calls(work, calls)


Deployment = ResourceType(
    create=Call(
        "apigateway:CreateDeployment",
        **OF_API,
        stageName=p.StageName,
        description=p.Description,
        stageDescription=p.StageDescription.Description,
        variables=p.StageDescription.Variables,
        cacheClusterEnabled=p.StageDescription.CacheClusterEnabled,
        cacheClusterSize=p.StageDescription.CacheClusterSize,
        tracingEnabled=p.StageDescription.TracingEnabled,
        canarySettings=use(
            fields("PercentTraffic=percentTraffic StageVariableOverrides=stageVariableOverrides UseStageCache=useStageCache"),
            p.DeploymentCanarySettings,
        ),
    ),
    id=made.id,
    update=(changes("UpdateDeployment", patch(Description="/description"), **OF_API, deploymentId=ID),),
    delete=_delete_deployment,
    absent=GONE,
    attributes={"DeploymentId": ID},
    fixed="StageDescription StageName",
)

_stage = {**OF_API, "stageName": at(p.StageName)}


def _method_settings(found: Any) -> dict[str, str]:
    """``{"/~1users/GET/metrics/enabled": "true"}``: method settings as the paths that patch operations name."""
    names = {
        "MetricsEnabled": "metrics/enabled",
        "LoggingLevel": "logging/loglevel",
        "DataTraceEnabled": "logging/dataTrace",
        "ThrottlingBurstLimit": "throttling/burstLimit",
        "ThrottlingRateLimit": "throttling/rateLimit",
        "CachingEnabled": "caching/enabled",
        "CacheTtlInSeconds": "caching/ttlInSeconds",
        "CacheDataEncrypted": "caching/dataEncrypted",
    }
    known = fields(" ".join(("ResourcePath", "HttpMethod", *names)))
    settings = {}
    for entry in found or ():
        entry = known(entry)
        path = entry.get("ResourcePath", "/*")
        path = "*" if path == "/*" else path.replace("~", "~0").replace("/", "~1")
        for name, place in names.items():
            if name in entry:
                value = entry[name]
                value = str(value).lower() if isinstance(value, bool) else str(value)
                settings[f"/{path}/{entry.get('HttpMethod', '*')}/{place}"] = value
    return settings


def _canary_patches(old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[dict[str, str]]:
    """What makes a stage's canary such as the template has it, or takes it away."""
    known = fields("PercentTraffic DeploymentId StageVariableOverrides UseStageCache")
    if new is None:
        return [{"op": "remove", "path": "/canarySettings"}] if old is not None else []
    old, new = known(old or {}), known(new)
    overrides = [found.get("StageVariableOverrides", {}) for found in (old, new)]
    place = "/canarySettings/stageVariableOverrides/"
    gone = [{"op": "remove", "path": place + name} for name in overrides[0] if name not in overrides[1]]
    values = {"percentTraffic": new.get("PercentTraffic", 0), "useStageCache": new.get("UseStageCache", False)}
    if "DeploymentId" in new:
        values["deploymentId"] = new["DeploymentId"]
    patches = [
        {"op": "replace", "path": f"/canarySettings/{name}", "value": str(value).lower() if isinstance(value, bool) else str(value)}
        for name, value in values.items()
    ]
    return patches + gone + [{"op": "replace", "path": place + name, "value": value} for name, value in overrides[1].items()]


@carries("MethodSettings AccessLogSetting ClientCertificateId CanarySetting")
async def _put_stage_settings(work: Work) -> None:
    """What CreateStage cannot carry."""
    operations: list[dict[str, str]] = []
    new, old = (
        _method_settings(properties.get("MethodSettings")) for properties in (work.properties, work.old)
    )
    operations += [
        {"op": "replace", "path": path, "value": value}
        for path, value in new.items()
        if old.get(path) != value
    ]
    # A method's settings are removed as a whole: two segments name them.
    gone = {"/".join(path.split("/")[:3]) for path in old} - {"/".join(path.split("/")[:3]) for path in new}
    operations += [{"op": "remove", "path": path} for path in sorted(gone)]
    if "AccessLogSetting" in work.changed:
        log = fields("DestinationArn=destinationArn Format=format")(
            work.properties.get("AccessLogSetting", {})
        )
        operations += [
            {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
            for name, value in log.items()
        ]
        if not log:
            operations.append({"op": "remove", "path": "/accessLogSettings"})
    if "CanarySetting" in work.changed:
        operations += _canary_patches(work.old.get("CanarySetting"), work.properties.get("CanarySetting"))
    if "ClientCertificateId" in work.changed:
        value = work.properties.get("ClientCertificateId", "")
        operations.append({"op": "replace", "path": "/clientCertificateId", "value": value})
    if operations:
        stage = {"restApiId": work.properties["RestApiId"], "stageName": work.id}
        await work.ask("apigateway:UpdateStage", **stage, patchOperations=operations)


Stage = ResourceType(
    # That it need not be named is recorded: localstack's test_update_usage_plan.
    name=Name("StageName", 128, within="RestApiId"),
    create=Call(
        "apigateway:CreateStage",
        **_stage,
        deploymentId=p.DeploymentId,
        description=p.Description,
        cacheClusterEnabled=p.CacheClusterEnabled,
        cacheClusterSize=p.CacheClusterSize,
        variables=p.Variables,
        documentationVersion=p.DocumentationVersion,
        tracingEnabled=p.TracingEnabled,
        tags=tag_map(p.Tags),
    ),
    id=p.StageName,
    settings=(Setting(_put_stage_settings, _put_stage_settings),),
    update=(
        changes(
            "UpdateStage",
            patch(
                DeploymentId="/deploymentId",
                Description="/description",
                CacheClusterEnabled="/cacheClusterEnabled",
                CacheClusterSize="/cacheClusterSize",
                Variables="/variables",
                DocumentationVersion="/documentationVersion",
                TracingEnabled="/tracingEnabled",
            ),
            **_stage,
        ),
        *tags_at("/restapis/${RestApiId}/stages/${ID}"),
    ),
    delete=Call("apigateway:DeleteStage", **_stage),
    absent=GONE,
    drift=(
        Reading(
            {
                "DeploymentId": seen.deploymentId,
                "Description": seen.description,
                "Variables": seen.variables,
                "TracingEnabled": seen.tracingEnabled,
                "Tags": tag_list(seen.tags),
            },
            Call("apigateway:GetStage", **_stage),
        ),
    ),
)
