"""Builds: each with its phases, and what may be asked of it."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.codebuild import project as projects
from kumoniwa.services.codebuild import telling
from kumoniwa.services.codebuild.errors import InvalidInputException, ResourceNotFoundException
from kumoniwa.services.codebuild.project import Project
from kumoniwa.store.rows import Table

QUEUE = Table("codebuild_queue", "create table if not exists codebuild_queue (id text primary key, at real)")
"""Builds that wait for their turn."""
WAITING = ("codebuild", "builds")
_ID = re.compile(r"[A-Za-z0-9][\w-]*:[0-9a-f-]{36}")


class Build(Record):
    """Shelved by its id, ``project:uuid``."""

    id: str
    project: str
    number: int
    initiator: str
    started: float
    said: dict[str, Any]
    """As a project's, with this build's own words over it."""
    source_version: str = ""
    resolved_version: str = ""
    status: str = "IN_PROGRESS"
    phases: tuple[dict[str, Any], ...] = ()
    ended: float | None = None
    artifacts: dict[str, Any] = {}
    secondary: tuple[dict[str, Any], ...] = ()
    exported: dict[str, str] = {}
    asked: dict[str, Any] = {}
    """What StartBuild was told, for a retry."""

    @property
    def phase(self) -> str:
        return self.phases[-1]["phaseType"] if self.phases else "SUBMITTED"


def _key(id_: str) -> str:
    """Under what a build is shelved, of its id or its ARN. The text is moto's (test_codebuild_batch_get_builds_invalid_build_id)."""
    key = id_.rpartition(":build/")[2]
    if _ID.fullmatch(key) is None:
        raise InvalidInputException("Invalid build ID provided")
    return key


def existing(call: Call, id_: str) -> Build:
    found = call.shelf(Build).get(_key(id_))
    if found is None:
        raise ResourceNotFoundException(f"Build with id {id_} cannot be found")
    return found


def log_place(build: Build) -> tuple[str, str] | None:
    """The log group and stream; None where logs are disabled."""
    said = (build.said.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    if said.get("status") == "DISABLED":
        return None
    name = build.id.rpartition(":")[2]
    stream = f"{said['streamName']}/{name}" if said.get("streamName") else name
    return said.get("groupName") or f"/aws/codebuild/{build.project}", stream


def shown(call: Call, build: Build) -> dict[str, Any]:
    said, logs = build.said, {}
    if (place := log_place(build)) is not None:
        group, stream = place
        arn = call.arn(f"log-group:{group}:log-stream:{stream}", "logs")
        link = f"https://console.aws.amazon.com/cloudwatch/home?region={call.region}#logEvent:group={group};stream={stream}"
        logs = {"groupName": group, "streamName": stream, "cloudWatchLogsArn": arn, "deepLink": link}
    told = {
        "id": build.id, "arn": call.arn(f"build/{build.id}"), "buildNumber": build.number, "startTime": build.started, "endTime": build.ended,
        "currentPhase": build.phase, "buildStatus": build.status, "sourceVersion": build.source_version or None,
        "resolvedSourceVersion": build.resolved_version or None, "projectName": build.project, "phases": list(build.phases),
        "source": said["source"], "secondarySources": said.get("secondarySources", []), "artifacts": build.artifacts or {"location": ""},
        "secondaryArtifacts": list(build.secondary), "environment": said["environment"], "cache": said["cache"], "serviceRole": said["serviceRole"],
        "logs": logs, "timeoutInMinutes": said["timeoutInMinutes"], "queuedTimeoutInMinutes": said["queuedTimeoutInMinutes"],
        "buildComplete": build.status != "IN_PROGRESS", "initiator": build.initiator, "encryptionKey": said["encryptionKey"],
        "exportedEnvironmentVariables": [{"name": name, "value": value} for name, value in build.exported.items()],
    }  # fmt: skip
    return {key: value for key, value in told.items() if value is not None}


def keep(call: Call, build: Build) -> None:
    """Shelve a build as it has become, and tell which of its phases are over since."""
    held = call.shelf(Build).get(build.id)
    call.shelf(Build)[build.id] = build
    over = sum("endTime" in each for each in held.phases) if held is not None else 0
    for phase in build.phases[over:]:
        if "endTime" in phase:
            telling.of_phase(call, build, shown(call, build), phase)


# Operations ----------------------------------------------------------------------------------------


def _laid(said: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A project's words with one build's over them."""
    laid = {
        **said,
        **{
            key: given[key]
            for key in ("artifacts", "secondarySources", "secondaryArtifacts", "logsConfig", "timeoutInMinutes")
            if key in given
        },
    }
    source = {**said["source"], **{key: given[key] for key in ("type", "location", "buildspec") if key in given}}
    if "type" in given and given["type"] != "S3" and "location" not in given:
        source.pop("location", None)
    environment = dict(said["environment"])
    fresh = {each["name"]: {"type": "PLAINTEXT", **each} for each in given.get("variables", ())}
    kept = [each for each in environment["environmentVariables"] if each["name"] not in fresh]
    environment["environmentVariables"] = [*kept, *fresh.values()]
    for member in ("image", "computeType"):
        environment[member] = given.get(member, environment[member])
    return {**laid, "source": source, "environment": environment}


def _initiator(call: Call) -> str:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html"""
    name = call.principal.arn.rpartition("/")[2]
    if call.principal.kind == "role" and name.startswith("codepipeline-"):
        return f"codepipeline/{name.removeprefix('codepipeline-')}"
    return name.rpartition(":")[2] if call.principal.kind != "role" else "/".join(call.principal.arn.rsplit("/", 2)[-2:])


def StartBuild(
    call: Call, *, projectName: str, sourceVersion: str | None = None, artifactsOverride: dict[str, Any] | None = None,
    secondarySourcesOverride: list[dict[str, Any]] | None = None, secondaryArtifactsOverride: list[dict[str, Any]] | None = None,
    environmentVariablesOverride: list[dict[str, str]] | None = None, sourceTypeOverride: str | None = None,
    sourceLocationOverride: str | None = None, buildspecOverride: str | None = None, timeoutInMinutesOverride: int | None = None,
    imageOverride: str | None = None, computeTypeOverride: str | None = None, logsConfigOverride: dict[str, Any] | None = None,
    idempotencyToken: str | None = None,
) -> dict:  # fmt: skip
    given = {
        "artifacts": artifactsOverride, "secondarySources": secondarySourcesOverride, "secondaryArtifacts": secondaryArtifactsOverride,
        "variables": environmentVariablesOverride, "type": sourceTypeOverride, "location": sourceLocationOverride, "buildspec": buildspecOverride,
        "timeoutInMinutes": timeoutInMinutesOverride, "image": imageOverride, "computeType": computeTypeOverride, "logsConfig": logsConfigOverride,
        "version": sourceVersion,
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value is not None}
    project = projects.existing(call, projectName)
    return {"build": shown(call, _begun(call, project, given))}


def _begun(call: Call, project: Project, given: dict[str, Any]) -> Build:
    said = _laid(project.said, given)
    if said["source"]["type"] == "CODEPIPELINE":
        raise InvalidInputException("Cannot start a build with the source type CODEPIPELINE: a pipeline does, and says where the source is")
    projects.check_source(said["source"])
    for each in said.get("secondarySources") or ():
        projects.check_source(each)
    for each in (said["artifacts"], *(said.get("secondaryArtifacts") or ())):
        projects.check_artifacts(each)
    projects.check_logs(said.get("logsConfig") or {})
    call.shelf(Project)[project.name] = changed(project, builds=project.builds + 1)
    version = given.get("version") or said.get("sourceVersion") or ""
    submitted = {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "startTime": call.now(), "endTime": call.now(), "durationInSeconds": 0}
    made = Build(
        id=f"{project.name}:{call.new_id()}", project=project.name, number=project.builds + 1, initiator=_initiator(call), started=call.now(),
        said=said, source_version=version, asked=given, phases=(submitted, {"phaseType": "QUEUED", "startTime": call.now()}),
    )  # fmt: skip
    keep(call, made)
    call.rows(QUEUE).run("insert into codebuild_queue values (?, ?)", made.id, call.now())
    call.after_commit(lambda: call.home.wake(WAITING))
    telling.of_state(call, made, shown(call, made))
    return made


def RetryBuild(call: Call, *, id: str | None = None, idempotencyToken: str | None = None) -> dict:
    """The same again, by what the project says now."""
    if id is None:
        raise InvalidInputException("Build ID is required")
    old = existing(call, id)
    if old.status == "IN_PROGRESS":
        raise InvalidInputException(f"Build {id} is in progress and cannot be retried")
    return {"build": shown(call, _begun(call, projects.existing(call, old.project), old.asked))}


def StopBuild(call: Call, *, id: str) -> dict:
    """Stopping a build that is over changes nothing."""
    build = existing(call, id)
    if build.status == "IN_PROGRESS":
        build = end(call, build, "STOPPED")
    return {"build": shown(call, build)}


def BatchGetBuilds(call: Call, *, ids: list[str]) -> dict:
    found = {id_: call.shelf(Build).get(_key(id_)) for id_ in ids}
    return {
        "builds": [shown(call, build) for build in found.values() if build is not None],
        "buildsNotFound": [id_ for id_, build in found.items() if build is None],
    }


def BatchDeleteBuilds(call: Call, *, ids: list[str]) -> dict:
    deleted, kept = [], []
    for id_ in ids:
        build = call.shelf(Build).get(_key(id_))
        if build is not None and build.status == "IN_PROGRESS":
            kept.append({"id": id_, "statusCode": "BUILD_IN_PROGRESS"})
        elif build is not None:
            del call.shelf(Build)[build.id]
            deleted.append(call.arn(f"build/{build.id}"))
    return {"buildsDeleted": deleted, "buildsNotDeleted": kept}


def _ids(builds: list[Build], order: str | None) -> dict:
    return {"ids": [each.id for each in sorted(builds, key=lambda each: (each.started, each.number), reverse=order != "ASCENDING")]}


def ListBuildsForProject(call: Call, *, projectName: str, sortOrder: str | None = None) -> dict:
    """The newest first, if nothing else is said."""
    project = projects.existing(call, projectName)
    return _ids([each for each in call.shelf(Build).values() if each.project == project.name], sortOrder)


def ListBuilds(call: Call, *, sortOrder: str | None = None) -> dict:
    return _ids(list(call.shelf(Build).values()), sortOrder)


def DeleteProject(call: Call, *, name: str) -> dict:
    """Its builds go with it; what does not exist is deleted, too."""
    held = call.shelf(Project).get(name.rpartition(":project/")[2])
    if held is not None:
        for build in [each for each in call.shelf(Build).values() if each.project == held.name]:
            if build.status == "IN_PROGRESS":
                end(call, build, "STOPPED")
            del call.shelf(Build)[build.id]
        del call.shelf(Project)[held.name]
    return {}


# Changing ------------------------------------------------------------------------------------------


def closed(call: Call, build: Build, status: str, message: str = "", code: str = "") -> Build:
    """Its current phase is over."""
    last = build.phases[-1]
    if "endTime" in last:
        return build
    over = {**last, "phaseStatus": status, "endTime": call.now(), "durationInSeconds": int(call.now() - last["startTime"])}
    if code or last["phaseType"] != "QUEUED":
        over["contexts"] = [{"statusCode": code, "message": message}]
    return changed(build, phases=(*build.phases[:-1], over))


def end(call: Call, build: Build, status: str) -> Build:
    """The build is over; whoever runs its commands is woken to end them."""
    build = closed(call, build, "SUCCEEDED" if status == "SUCCEEDED" else status)
    completed = {"phaseType": "COMPLETED", "startTime": call.now()}
    build = changed(build, status=status, ended=call.now(), phases=(*build.phases, completed))
    keep(call, build)
    call.rows(QUEUE).run("delete from codebuild_queue where id = ?", build.id)
    call.after_commit(lambda: call.home.wake(("codebuild", build.id)))
    telling.of_state(call, build, shown(call, build))
    return build
