"""Projects: what is built, with what, as whom, and where it goes."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.codebuild.errors import (
    AccountLimitExceededException,
    InvalidInputException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)

SERVICE = "codebuild.amazonaws.com"
PROJECTS_MAX = 5_000
SOURCES = ("S3", "CODEPIPELINE", "NO_SOURCE")
ENVIRONMENTS = ("LINUX_CONTAINER", "ARM_CONTAINER")
_ENVIRONMENT = {"type", "image", "computeType", "environmentVariables", "privilegedMode", "imagePullCredentialsType"}
_SOURCE = {"type", "location", "buildspec", "sourceIdentifier", "insecureSsl", "gitCloneDepth"}
_ARTIFACTS = {
    "type", "location", "path", "namespaceType", "name", "packaging", "overrideArtifactName", "encryptionDisabled", "artifactIdentifier",
}  # fmt: skip


class Project(Record):
    """Shelved by its name."""

    name: str
    created: float
    modified: float
    said: dict[str, Any]
    """By the model's names: source, artifacts, environment, serviceRole, …"""
    builds: int = 0
    """How many were ever begun; the next one's number."""


def existing(call: Call, name: str) -> Project:
    found = call.shelf(Project).get(name.rpartition(":project/")[2])
    if found is None:
        raise ResourceNotFoundException(f"Project cannot be found: {call.arn(f'project/{name}')}")
    return found


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in existing(call, arn).said.get("tags") or ()}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    shelf = call.shelf(Project)
    return [(call.arn(f"project/{name}"), {tag["key"]: tag["value"] for tag in each.said.get("tags") or ()}) for name, each in shelf.items()]


# What may be said ----------------------------------------------------------------------------------


def check(call: Call, said: dict[str, Any]) -> None:
    check_source(said["source"])
    for each in said.get("secondarySources") or ():
        check_source(each)
    for each in (said["artifacts"], *(said.get("secondaryArtifacts") or ())):
        check_artifacts(each)
    if (said["source"]["type"] == "CODEPIPELINE") != (said["artifacts"]["type"] == "CODEPIPELINE"):
        raise InvalidInputException("Invalid artifacts: artifact type CODEPIPELINE goes with source type CODEPIPELINE, and with no other")
    _check_environment(said["environment"])
    check_logs(said.get("logsConfig") or {})
    if (said.get("cache") or {}).get("type", "NO_CACHE") != "NO_CACHE":
        raise NotImplementedHere("caches of CodeBuild")
    _check_role(call, said["serviceRole"])


def _refuse(said: dict[str, Any], known: set[str], what: str) -> None:
    if unknown := sorted(key for key, value in said.items() if key not in known and value not in (None, False, [], {})):
        raise NotImplementedHere(f"{unknown[0]} of {what} of CodeBuild")


def check_source(source: dict[str, Any]) -> None:
    if source["type"] not in SOURCES:
        raise NotImplementedHere(f"the source type {source['type']} of CodeBuild")
    _refuse(source, _SOURCE, "a source")
    if source["type"] == "S3" and "/" not in source.get("location", ""):
        raise InvalidInputException("Invalid project source: location must be a valid S3 source")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise InvalidInputException("Invalid project source: buildspec is required when source type is NO_SOURCE")


def check_artifacts(artifacts: dict[str, Any]) -> None:
    _refuse(artifacts, _ARTIFACTS, "artifacts")
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise InvalidInputException("Invalid artifacts: location must be specified when artifact type is S3")


def _check_environment(environment: dict[str, Any]) -> None:
    _refuse(environment, _ENVIRONMENT, "the environment")
    if environment["type"] not in ENVIRONMENTS:
        raise NotImplementedHere(f"the environment type {environment['type']} of CodeBuild")
    if environment.get("privilegedMode"):
        raise NotImplementedHere("privilegedMode of CodeBuild (no image is run: the host stands for all of them)")


def check_logs(logs: dict[str, Any]) -> None:
    if (logs.get("s3Logs") or {}).get("status") == "ENABLED":
        raise NotImplementedHere("s3Logs of CodeBuild")


def _check_role(call: Call, role: str) -> None:
    parsed = arns.parse(role)
    if parsed is None or parsed.service != "iam":
        raise InvalidInputException("Invalid service role: Service role account ID does not match caller's account")
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    try:
        call.assuming(role, SERVICE, "CodeBuild")
    except AwsError as error:
        raise InvalidInputException(f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}", hint=error.hint) from None


# Operations ----------------------------------------------------------------------------------------


def _whole(call: Call, name: str, said: dict[str, Any]) -> dict[str, Any]:
    """With AWS's defaults."""
    artifacts = said["artifacts"]
    if artifacts["type"] == "S3":
        artifacts = {"namespaceType": "NONE", "name": name, "packaging": "NONE", "encryptionDisabled": False, **artifacts}
    environment = {"environmentVariables": [], "privilegedMode": False, "imagePullCredentialsType": "CODEBUILD", **said["environment"]}
    variables = [{"type": "PLAINTEXT", **each} for each in environment["environmentVariables"]]
    key = f"arn:{call.home.partition}:kms:{call.region}:{call.account}:alias/aws/s3"
    return {
        "timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "encryptionKey": key, "cache": {"type": "NO_CACHE"}, **said, "artifacts": artifacts,
        "environment": {**environment, "environmentVariables": variables},
    }  # fmt: skip


def shown(call: Call, project: Project) -> dict[str, Any]:
    return {
        "name": project.name, "arn": call.arn(f"project/{project.name}"), "created": project.created, "lastModified": project.modified,
        "badge": {"badgeEnabled": False}, "projectVisibility": "PRIVATE", **project.said,
    }  # fmt: skip


def CreateProject(
    call: Call, *, name: str, source: dict[str, Any], artifacts: dict[str, Any], environment: dict[str, Any], serviceRole: str,
    description: str | None = None, secondarySources: list[dict[str, Any]] | None = None, sourceVersion: str | None = None,
    secondaryArtifacts: list[dict[str, Any]] | None = None, cache: dict[str, Any] | None = None, timeoutInMinutes: int | None = None,
    queuedTimeoutInMinutes: int | None = None, encryptionKey: str | None = None, tags: list[dict[str, str]] | None = None,
    logsConfig: dict[str, Any] | None = None, concurrentBuildLimit: int | None = None,
) -> dict:  # fmt: skip
    if name in call.shelf(Project):
        raise ResourceAlreadyExistsException(f"Project already exists: {call.arn(f'project/{name}')}")
    if len(call.shelf(Project)) >= PROJECTS_MAX:
        raise AccountLimitExceededException(f"The account has {PROJECTS_MAX} projects already.")
    said = {
        "source": source, "artifacts": artifacts, "environment": environment, "serviceRole": serviceRole, "description": description,
        "secondarySources": secondarySources, "sourceVersion": sourceVersion, "secondaryArtifacts": secondaryArtifacts, "cache": cache,
        "timeoutInMinutes": timeoutInMinutes, "queuedTimeoutInMinutes": queuedTimeoutInMinutes, "encryptionKey": encryptionKey, "tags": tags,
        "logsConfig": logsConfig, "concurrentBuildLimit": concurrentBuildLimit,
    }  # fmt: skip
    said = {key: value for key, value in said.items() if value is not None}
    check(call, said)
    made = call.shelf(Project)[name] = Project(name=name, created=call.now(), modified=call.now(), said=_whole(call, name, said))
    return {"project": shown(call, made)}


def UpdateProject(
    call: Call, *, name: str, source: dict[str, Any] | None = None, artifacts: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None, serviceRole: str | None = None, description: str | None = None,
    secondarySources: list[dict[str, Any]] | None = None, sourceVersion: str | None = None,
    secondaryArtifacts: list[dict[str, Any]] | None = None, cache: dict[str, Any] | None = None, timeoutInMinutes: int | None = None,
    queuedTimeoutInMinutes: int | None = None, encryptionKey: str | None = None, tags: list[dict[str, str]] | None = None,
    logsConfig: dict[str, Any] | None = None, concurrentBuildLimit: int | None = None,
) -> dict:  # fmt: skip
    """What is not said stays; a limit of -1 takes the limit away."""
    held = existing(call, name)
    given = {
        "source": source, "artifacts": artifacts, "environment": environment, "serviceRole": serviceRole, "description": description,
        "secondarySources": secondarySources, "sourceVersion": sourceVersion, "secondaryArtifacts": secondaryArtifacts, "cache": cache,
        "timeoutInMinutes": timeoutInMinutes, "queuedTimeoutInMinutes": queuedTimeoutInMinutes, "encryptionKey": encryptionKey, "tags": tags,
        "logsConfig": logsConfig, "concurrentBuildLimit": concurrentBuildLimit,
    }  # fmt: skip
    said = {**held.said, **{key: value for key, value in given.items() if value is not None}}
    if said.get("concurrentBuildLimit") == -1:
        del said["concurrentBuildLimit"]
    check(call, said)
    call.shelf(Project)[held.name] = made = changed(held, modified=call.now(), said=_whole(call, held.name, said))
    return {"project": shown(call, made)}


def BatchGetProjects(call: Call, *, names: list[str]) -> dict:
    shelf = call.shelf(Project)
    found = {name: shelf.get(name.rpartition(":project/")[2]) for name in names}
    return {
        "projects": [shown(call, project) for project in found.values() if project is not None],
        "projectsNotFound": [name for name, project in found.items() if project is None],
    }


def ListProjects(call: Call, *, sortBy: str | None = None, sortOrder: str | None = None) -> dict:
    orders = {"NAME": lambda each: each.name, "CREATED_TIME": lambda each: each.created, "LAST_MODIFIED_TIME": lambda each: each.modified}
    listed = sorted(call.shelf(Project).values(), key=orders[sortBy or "NAME"], reverse=sortOrder == "DESCENDING")
    return {"projects": [project.name for project in listed]}
