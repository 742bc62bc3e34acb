"""What actions do: read a source, deploy files, build, call a function, ask a person. Stacks are ``stack``'s.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.gate import identity
from kumoniwa.services.codepipeline import artifact, stack
from kumoniwa.services.codepipeline.acting import ActionFailed, Actor, Done, Outcome, Waits
from kumoniwa.wire import timestamps
from kumoniwa.wire.message import whole

LOOKED_EVERY_S = 0.5
KEYS_LIVE_S = 3_600.0
HOUR_S = 3_600.0
CALLED_AGAIN_AFTER_S = 1.0
"""How soon a function that gave a continuation token is called again."""
TIMEOUTS_S = {
    "Manual": 7 * 24 * HOUR_S, "CloudFormation": 72 * HOUR_S, "CodeBuild": 36 * HOUR_S, "Lambda": 24 * HOUR_S, "S3": 1.5 * HOUR_S,
}  # fmt: skip
"""https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""


async def _source(actor: Actor) -> Outcome:
    """The object as it is now, or the version that the execution was started for."""
    bucket, key = actor.configuration["S3Bucket"], actor.configuration["S3ObjectKey"]
    versioning = await actor.look("s3:GetBucketVersioning", Bucket=bucket)
    if versioning.get("Status") != "Enabled":
        raise ActionFailed(f"The bucket {bucket} must have versioning enabled to be the source of a pipeline.", "ConfigurationError")
    wanted = actor.execution.sources.get(actor.action["name"])
    found = await actor.look("s3:GetObject", Bucket=bucket, Key=key, **({"VersionId": wanted} if wanted else {}))
    content = await whole(found["Body"])
    (output,) = actor.action["outputArtifacts"]
    place = actor.output_place(output["name"])
    await artifact.put(actor.call, actor.declaration, actor.region, place["key"], content)
    version, etag = found["VersionId"], found["ETag"].strip('"')
    revision = {
        "action": actor.action["name"], "name": output["name"], "revisionId": version, "revisionChangeIdentifier": version,
        "revisionSummary": f"Amazon S3 version id: {version}", "created": found["LastModified"],
        "revisionUrl": f"https://console.aws.amazon.com/s3/object/{bucket}?region={actor.region}&prefix={key}&versionId={version}",
    }  # fmt: skip
    variables = {"BucketName": bucket, "ETag": etag, "ObjectKey": key, "VersionId": version}
    return Done(revision["revisionSummary"], version, variables, {output["name"]: {**place, "revision": version}}, revision)


# Files ---------------------------------------------------------------------------------------------


async def _deploy_files(actor: Actor) -> Outcome:
    configuration = actor.configuration
    (taken,) = actor.action["inputArtifacts"]
    content = await actor.input(taken["name"])
    how: dict[str, Any] = {}
    if "CannedACL" in configuration:
        how["ACL"] = configuration["CannedACL"]
    if "CacheControl" in configuration:
        how["CacheControl"] = configuration["CacheControl"]
    if "KMSEncryptionKeyARN" in configuration:
        how |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": configuration["KMSEncryptionKeyARN"]}
    place = configuration.get("ObjectKey", "")
    if configuration["Extract"].lower() != "true":
        if not place:
            raise ActionFailed("ObjectKey is required when Extract is false.", "ConfigurationError")
        await actor.look("s3:PutObject", Bucket=configuration["BucketName"], Key=place, Body=content, **how)
        return Done("Deployment Succeeded", variables={"ObjectKey": place})
    try:
        files = await asyncio.to_thread(artifact.files_in, content)
    except artifact.NoSuchFile as error:
        raise ActionFailed(f"The artifact {taken['name']} cannot be extracted: {error}", "ConfigurationError") from None
    folder = f"{place.rstrip('/')}/" if place else ""
    for name, body in files.items():
        kind = mimetypes.guess_type(name)[0]
        await actor.look(
            "s3:PutObject", Bucket=configuration["BucketName"], Key=folder + name, Body=body, **({"ContentType": kind} if kind else {}), **how
        )
    return Done("Deployment Succeeded")


# Builds --------------------------------------------------------------------------------------------


def _sources(actor: Actor, places: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The first artifact is the source, or the one that the configuration calls primary; others have folders of their own."""
    primary = actor.configuration.get("PrimarySource") or next(iter(places))
    if primary not in places:
        raise ActionFailed(f"PrimarySource {primary} is no input artifact.", "ConfigurationError")
    where = {name: f"{place['bucket']}/{place['key']}" for name, place in places.items()}
    asked: dict[str, Any] = {"sourceTypeOverride": "S3", "sourceLocationOverride": where[primary]}
    if others := [{"type": "S3", "location": where[name], "sourceIdentifier": name} for name in where if name != primary]:
        asked["secondarySourcesOverride"] = others
    return asked


def _targets(actor: Actor) -> dict[str, Any]:
    outputs = [(each["name"], actor.output_place(each["name"])) for each in actor.action["outputArtifacts"]]
    given = [
        {"type": "S3", "packaging": "ZIP", "location": place["bucket"], "path": "", "namespaceType": "NONE", "name": place["key"]}
        for _, place in outputs
    ]
    if not given:
        return {"artifactsOverride": {"type": "NO_ARTIFACTS"}, "secondaryArtifactsOverride": []}
    if len(given) == 1:
        return {"artifactsOverride": given[0], "secondaryArtifactsOverride": []}
    named = [{**each, "artifactIdentifier": name} for each, (name, _) in zip(given, outputs)]
    return {"artifactsOverride": {"type": "NO_ARTIFACTS"}, "secondaryArtifactsOverride": named}


async def _build(actor: Actor) -> Outcome:
    id_ = actor.state.get("build")
    if id_ is None:
        places = {each["name"]: await actor.input_here(each["name"]) for each in actor.action["inputArtifacts"]}
        variables = json.loads(actor.configuration.get("EnvironmentVariables") or "[]")
        started = await actor.ask(
            "codebuild:StartBuild", word="build", projectName=actor.configuration["ProjectName"], environmentVariablesOverride=[
                {"name": "CODEPIPELINE_EXECUTION_ID", "value": actor.execution.id, "type": "PLAINTEXT"}, *variables
            ], **_sources(actor, places), **_targets(actor),
        )  # fmt: skip
        return Waits(actor.call.now(), {"build": started["build"]["id"]}, started["build"]["id"])
    (build,) = (await actor.look("codebuild:BatchGetBuilds", ids=[id_]))["builds"]
    if build["buildStatus"] == "IN_PROGRESS":
        return Waits(actor.call.now() + LOOKED_EVERY_S, {}, id_)
    if build["buildStatus"] != "SUCCEEDED":
        failed = [each for each in build["phases"] if each.get("phaseStatus") not in (None, "SUCCEEDED")]
        reason = failed[0]["contexts"][0]["message"] if failed and failed[0].get("contexts") else ""
        raise ActionFailed(f"Build terminated with state: {build['buildStatus']}. {reason}".strip(), external_id=id_)
    exported = {each["name"]: each["value"] for each in build.get("exportedEnvironmentVariables") or ()}
    outputs = {each["name"]: actor.output_place(each["name"]) for each in actor.action["outputArtifacts"]}
    return Done("Build Succeeded", id_, exported, outputs)


# Functions -----------------------------------------------------------------------------------------


async def _job(actor: Actor, id_: str, continuation: str) -> dict[str, Any]:
    """What the function is told: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html"""

    def placed(name: str, place: dict[str, str]) -> dict[str, Any]:
        located = {"type": "S3", "s3Location": {"bucketName": place["bucket"], "objectKey": place["key"]}}
        return {"name": name, "revision": place.get("revision"), "location": located}

    session, token = identity.issue(actor.call.home, actor.call.principal, KEYS_LIVE_S, is_inside=True)
    data: dict[str, Any] = {
        "actionConfiguration": {"configuration": actor.configuration},
        "inputArtifacts": [placed(each["name"], await actor.input_here(each["name"])) for each in actor.action["inputArtifacts"]],
        "outputArtifacts": [placed(each["name"], actor.output_place(each["name"])) for each in actor.action["outputArtifacts"]],
        "artifactCredentials": {"accessKeyId": session.key_id, "secretAccessKey": session.secret, "sessionToken": token},
    }
    if continuation:
        data["continuationToken"] = continuation
    return {"CodePipeline.job": {"id": id_, "accountId": actor.call.account, "data": data}}


async def _call_function(actor: Actor) -> Outcome:
    """The function says itself that it is done, by the job's id; without a word it is waited for until it is too late."""
    state, now = actor.state, actor.call.now()
    result = state.get("result")
    if "job" not in state:
        # The job is kept before the function hears of it, who may answer at once.
        return Waits(now, {"job": actor.run.token, "turn": 1, "called": 0}, actor.run.token)
    if result is not None and result.get("continuation"):
        return Waits(now + CALLED_AGAIN_AFTER_S, {"result": None, "turn": state["turn"] + 1, "continuation": result["continuation"]})
    if result is None:
        if state["called"] < state["turn"]:
            body = json.dumps(await _job(actor, state["job"], state.get("continuation", ""))).encode()
            await actor.ask(
                "lambda:Invoke", word=f"turn {state['turn']}", FunctionName=actor.configuration["FunctionName"], InvocationType="Event", Payload=body
            )
        return Waits(actor.run.deadline, {"called": state["turn"]})
    if "failure" in result:
        failure = result["failure"]
        raise ActionFailed(failure["message"], failure["type"], failure.get("externalExecutionId", ""))
    details = result["details"]
    outputs = {each["name"]: actor.output_place(each["name"]) for each in actor.action["outputArtifacts"]}
    return Done(details.get("summary", ""), details.get("externalExecutionId") or actor.state["job"], result["variables"], outputs)


# People --------------------------------------------------------------------------------------------


def _question(actor: Actor) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html"""
    execution, configuration = actor.execution, actor.configuration
    console = f"https://console.aws.amazon.com/codepipeline/home?region={actor.region}#/view/{execution.pipeline}"
    approval = {
        "pipelineName": execution.pipeline, "stageName": actor.run.stage, "actionName": actor.run.action, "token": actor.run.token,
        "expires": timestamps.to_second(actor.run.deadline), "externalEntityLink": configuration.get("ExternalEntityLink"),
        "approvalReviewLink": f"{console}/{actor.run.stage}/{actor.run.action}/approve/{actor.run.token}",
        "customData": configuration.get("CustomData"),
    }  # fmt: skip
    return {"region": actor.region, "consoleLink": console, "approval": approval}


async def _approve(actor: Actor) -> Outcome:
    decision = actor.state.get("decision")
    if decision is None:
        if "NotificationArn" in actor.configuration and not actor.state.get("is_asked"):
            subject = f"APPROVAL NEEDED: AWS CodePipeline {actor.execution.pipeline} for action {actor.run.action}"[:100]
            message = json.dumps(_question(actor))
            await actor.ask("sns:Publish", word="question", TopicArn=actor.configuration["NotificationArn"], Subject=subject, Message=message)
        return Waits(actor.run.deadline, {"is_asked": True})
    if decision["status"] != "Approved":
        raise ActionFailed(decision["summary"] or "Rejected")
    return Done(decision["summary"])


ACTIONS: dict[tuple[str, str], Callable[[Actor], Awaitable[Outcome]]] = {
    ("Source", "S3"): _source,
    ("Deploy", "CloudFormation"): stack.act,
    ("Deploy", "S3"): _deploy_files,
    ("Build", "CodeBuild"): _build,
    ("Test", "CodeBuild"): _build,
    ("Invoke", "Lambda"): _call_function,
    ("Approval", "Manual"): _approve,
}
