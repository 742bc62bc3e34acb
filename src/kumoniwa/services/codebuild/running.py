"""How a build goes through its phases: commands are processes of this machine, in a folder that is gone afterwards.

A build whose region was killed cannot go on: its processes are gone, and what they had done is not known. It ends as FAULT.
https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.engines import build_shell
from kumoniwa.engines.build_shell import Shell
from kumoniwa.gate import identity
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.codebuild import buildspec, place
from kumoniwa.services.codebuild.build import QUEUE, WAITING, Build, closed, end, keep
from kumoniwa.services.codebuild.buildspec import Buildspec, InvalidBuildspec, Phase
from kumoniwa.services.codebuild.log import Log
from kumoniwa.services.codebuild.place import Wrong
from kumoniwa.services.codebuild.project import SERVICE, Project

IDLE_S = 3_600.0
AT_ONCE = 4
"""Builds of an account that run at the same time; the rest wait in the queue."""
KEYS_LIVE_S = 3_600.0 * 8
KEPT_OF_HOST = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")


async def run(region: Any) -> None:
    """Begin what waits, in its order, as far as there is room."""
    busy: dict[str, set[str]] = {}
    for call in region.calls("codebuild", SERVICE):
        queued = {id_ for (id_,) in call.rows(QUEUE).all("select id from codebuild_queue")}
        for build in list(call.shelf(Build).values()):
            if build.status == "IN_PROGRESS" and build.id not in queued:
                _interrupted(call, build)
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("codebuild", SERVICE):
            running = busy.setdefault(call.account, set())
            for id_, at in call.rows(QUEUE).all("select id, at from codebuild_queue order by at, rowid"):
                patience_ends = at + call.shelf(Build)[id_].said["queuedTimeoutInMinutes"] * 60.0
                if patience_ends <= call.now():
                    _waited_too_long(call, id_)
                elif len(running) < AT_ONCE and _has_room(call, id_, running):
                    call.rows(QUEUE).run("delete from codebuild_queue where id = ?", id_)
                    running.add(id_)
                    region.spawn(_build(call, id_, running))
                else:
                    until = min(until, patience_ends)
        await region.wait(WAITING, until)


def _interrupted(call: Call, build: Build) -> None:
    build = closed(call, build, "FAULT", "The region ended while the build was running.", "INTERNAL_ERROR")
    call.atomically(lambda: end(call, build, "FAULT"))


def _waited_too_long(call: Call, id_: str) -> None:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html, queuedTimeoutInMinutes"""
    late = closed(call, call.shelf(Build)[id_], "TIMED_OUT", "Build has timed out. ", "BUILD_TIMED_OUT")
    call.atomically(lambda: end(call, late, "TIMED_OUT"))


def _has_room(call: Call, id_: str, running: set[str]) -> bool:
    name = id_.rpartition(":")[0]
    project = call.shelf(Project).get(name)
    limit = project.said.get("concurrentBuildLimit") if project is not None else None
    return limit is None or sum(each.rpartition(":")[0] == name for each in running) < limit


async def _build(call: Call, id_: str, running: set[str]) -> None:
    """Its phases, until they are over, it is stopped, or its time is up."""
    build = call.shelf(Build)[id_]
    work = asyncio.ensure_future(Builder(call, build).go())
    until = call.now() + build.said["timeoutInMinutes"] * 60.0
    stop = asyncio.ensure_future(call.home.wait(("codebuild", id_), until))
    try:
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        held = call.shelf(Build).get(id_)
        if held is not None and held.status == "IN_PROGRESS" and not work.done():
            late = closed(call, held, "TIMED_OUT", "Build has timed out. ", "BUILD_TIMED_OUT")
            call.atomically(lambda: end(call, late, "TIMED_OUT"))
        if work.done() and work.exception() is not None:
            traceback.print_exception(work.exception())
            if held is not None and held.status == "IN_PROGRESS":
                call.atomically(lambda: end(call, closed(call, held, "FAULT", "An internal error occurred.", "INTERNAL_ERROR"), "FAULT"))
    finally:
        for task in (work, stop):
            task.cancel()
        await asyncio.gather(work, stop, return_exceptions=True)
        running.discard(id_)
        call.home.wake(WAITING)


class Over(Exception):
    """The build was ended by somebody else."""


class Builder:
    """One build that runs."""

    def __init__(self, call: Call, build: Build) -> None:
        self.call, self.id, self.said = call, build.id, build.said
        self.is_succeeding = True
        self.shell: Shell | None = None
        self.variables: dict[str, str] = {}
        self.spec: Buildspec | None = None
        self.log: Log | None = None

    @property
    def build(self) -> Build:
        held = self.call.shelf(Build).get(self.id)
        if held is None or held.status != "IN_PROGRESS":
            raise Over
        return held

    def _keep(self, **values: Any) -> None:
        self.call.atomically(lambda: keep(self.call, changed(self.build, **values)))

    async def go(self) -> None:
        with build_shell.scratch() as folder:
            self.folder, self.source = folder, os.path.join(folder, "src")
            os.makedirs(self.source)
            try:
                await self._phases()
            except Over:
                return
            finally:
                if self.shell is not None:
                    await self.shell.close()
                if self.log is not None:
                    await self.log.flush()

    async def _phases(self) -> None:
        if not await self._phase("PROVISIONING", self._provision):
            self._end()
            return
        goes_on = await self._phase("DOWNLOAD_SOURCE", self._download)
        for name in buildspec.PHASES if goes_on else ():
            said = self.spec.phases.get(name, Phase())
            is_well = await self._phase(name.upper(), lambda said=said: self._commands(said))
            # What follows a failure, if the phase does not say: https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
            goes_on = is_well or said.on_failure == "CONTINUE" or said.on_failure == "" and name in ("build", "post_build")
            if not goes_on:
                break
        if goes_on:
            await self._phase("UPLOAD_ARTIFACTS", self._upload)
        await self._phase("FINALIZING", self._finalize)
        self._end()

    def _end(self) -> None:
        self.call.atomically(lambda: end(self.call, self.build, "SUCCEEDED" if self.is_succeeding else "FAILED"))

    async def _phase(self, name: str, act: Callable[[], Awaitable[None]]) -> bool:
        """One phase; answers whether all went well."""
        entered = {"phaseType": name, "startTime": self.call.now()}
        self._keep(phases=(*closed(self.call, self.build, "SUCCEEDED").phases, entered))
        code = text = ""
        if name != "PROVISIONING":
            self.log.tell(f"Entering phase {name}")
        try:
            await act()
        except Wrong as wrong:
            code, text = wrong.code, wrong.text
        except AwsError as error:
            is_denied = error.code in ("AccessDenied", "AccessDeniedException")
            code, text = "ACCESS_DENIED" if is_denied else "CLIENT_ERROR", f"{error.code}: {error.text}"
        is_well = not code
        self.is_succeeding &= is_well
        self._keep(phases=closed(self.call, self.build, "SUCCEEDED" if is_well else "FAILED", text, code).phases)
        if name != "PROVISIONING":
            self.log.tell(f"Phase complete: {name} State: {'SUCCEEDED' if is_well else 'FAILED'}")
            self.log.tell(f"Phase context status code: {code} Message: {text}")
            await self.log.flush()
        return is_well

    # Before the commands --------------------------------------------------------------------------

    async def _provision(self) -> None:
        """As the service role, which must be able to write the log."""
        name = f"AWSCodeBuild-{self.id.rpartition(':')[2]}"
        self.speaker = self.call.assuming(self.said["serviceRole"], SERVICE, name)
        self.log = Log(self.speaker, self.build)
        await self.log.open()
        image = self.said["environment"]["image"]
        self.log.tell(f"Kumoniwa does not run the image {image}: commands run on this machine, with its tools.")

    async def _download(self) -> None:
        source, version = self.said["source"], self.build.source_version
        if source["type"] == "S3":
            resolved = await place.fetch(self.speaker, source["location"], version, self.source)
            self._keep(resolved_version=resolved)
        self.others = {}
        for each in self.said.get("secondarySources") or ():
            folder = os.path.join(self.folder, f"src-{each['sourceIdentifier']}")
            os.makedirs(folder)
            self.others[each["sourceIdentifier"]] = folder
            if each["type"] == "S3":
                await place.fetch(self.speaker, each["location"], "", folder)
        try:
            self.spec = buildspec.read(self._text(source.get("buildspec") or "buildspec.yml"))
        except InvalidBuildspec as wrong:
            code, _, text = str(wrong).partition(": ")
            raise Wrong(*((code, text) if code == "YAML_FILE_ERROR" else ("CLIENT_ERROR", str(wrong)))) from None
        for phase in self.spec.phases.values():
            for runtime, wanted in phase.runtimes.items():
                self.log.tell(f"runtime-versions: {runtime} {wanted} is wanted; this machine's own is used.")
        self.variables = await self._environment()

    def _text(self, said: str) -> str:
        """A buildspec is given whole, or is a file of the source."""
        if "\n" in said or ":" in said:
            return said
        path = os.path.realpath(os.path.join(self.source, said))
        if not path.startswith(os.path.realpath(self.source) + os.sep) or not os.path.isfile(path):
            raise InvalidBuildspec("YAML_FILE_ERROR: YAML file does not exist")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    async def _environment(self) -> dict[str, str]:
        """What commands find: the host's, CodeBuild's own, the buildspec's, then the project's and the build's over them."""
        found = {name: os.environ[name] for name in KEPT_OF_HOST if name in os.environ}
        found["PATH"] = os.pathsep.join([found.get("PATH", os.defpath), os.path.dirname(sys.executable)])
        session, token = identity.issue(self.call.home, self.speaker.principal, KEYS_LIVE_S, is_inside=True)
        found |= {
            "AWS_ACCESS_KEY_ID": session.key_id, "AWS_SECRET_ACCESS_KEY": session.secret, "AWS_SESSION_TOKEN": token,
            "AWS_DEFAULT_REGION": self.call.region, "AWS_REGION": self.call.region, "AWS_ENDPOINT_URL": self.call.home.settings.endpoint,
            "CI": "true",
        }  # fmt: skip
        found |= self._own() | self.spec.variables
        for name, where in self.spec.parameters.items():
            found[name] = await self._parameter(where)
        for name, where in self.spec.secrets.items():
            found[name] = await self._secret(where)
        for each in self.said["environment"]["environmentVariables"]:
            read = {"PARAMETER_STORE": self._parameter, "SECRETS_MANAGER": self._secret}.get(each.get("type", "PLAINTEXT"))
            found[each["name"]] = each["value"] if read is None else await read(each["value"])
        return found

    def _own(self) -> dict[str, str]:
        """https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html"""
        build, source = self.build, self.said["source"]
        own = {
            "CODEBUILD_BUILD_ARN": self.call.arn(f"build/{self.id}"), "CODEBUILD_BUILD_ID": self.id, "CODEBUILD_BUILD_NUMBER": str(build.number),
            "CODEBUILD_BUILD_IMAGE": self.said["environment"]["image"], "CODEBUILD_INITIATOR": build.initiator,
            "CODEBUILD_KMS_KEY_ID": self.said["encryptionKey"], "CODEBUILD_LOG_PATH": self.id.rpartition(":")[2],
            "CODEBUILD_RESOLVED_SOURCE_VERSION": build.resolved_version, "CODEBUILD_SOURCE_VERSION": build.source_version,
            "CODEBUILD_SOURCE_REPO_URL": source.get("location", ""), "CODEBUILD_SRC_DIR": self.source,
            "CODEBUILD_START_TIME": str(milliseconds(build.started)), "CODEBUILD_BUILD_SUCCEEDING": "1",
        }  # fmt: skip
        return own | {f"CODEBUILD_SRC_DIR_{name}": folder for name, folder in self.others.items()}

    async def _parameter(self, name: str) -> str:
        return (await self.speaker.ask("ssm:GetParameter", Name=name, WithDecryption=True))["Parameter"]["Value"]

    async def _secret(self, spelled: str) -> str:
        """``id:json-key:stage:version``; an ARN has colons of its own."""
        at = 7 if spelled.startswith("arn:") else 1
        parts = spelled.split(":")
        id_, (key, stage, version) = ":".join(parts[:at]), (*parts[at : at + 3], "", "", "")[:3]
        which = {name: value for name, value in (("VersionStage", stage), ("VersionId", version)) if value}
        text = (await self.speaker.ask("secretsmanager:GetSecretValue", SecretId=id_, **which)).get("SecretString", "")
        if not key:
            return text
        try:
            return str(json.loads(text)[key])
        except (ValueError, LookupError, TypeError):
            raise Wrong("CLIENT_ERROR", f"Secrets Manager: the secret {id_} has no JSON key {key}") from None

    # The commands ---------------------------------------------------------------------------------

    async def _commands(self, said: Phase) -> None:
        """Those of ``finally`` run even after a failure."""
        failed = await self._all(said.commands)
        failed = await self._all(said.at_last) or failed
        if failed is not None:
            raise Wrong("COMMAND_EXECUTION_ERROR", failed)

    async def _all(self, commands: tuple[str, ...]) -> str | None:
        """What went wrong with the first command that failed; those after it are not run."""
        for command in commands:
            self.log.tell(f"Running command {command}")
            shell = await self._ready()
            status = await shell.run(command, self.log.say)
            await self.log.flush()
            if status:
                self.log.tell(f"Command did not exit successfully {command} exit status {status}")
                return f"Error while executing command: {command}. Reason: exit status {status}"
        return None

    async def _ready(self) -> Shell:
        """One shell for the whole build, but a fresh one for each command of version 0.1, and after one that exited."""
        if self.shell is not None and (self.spec.version == "0.1" or not self.shell.is_open):
            await self.shell.close()
            self.shell = None
        if self.shell is None:
            self.shell = await Shell.open(self.source, self.variables, self.folder)
        succeeding = "1" if self.is_succeeding else "0"
        if self.variables["CODEBUILD_BUILD_SUCCEEDING"] != succeeding:
            self.variables["CODEBUILD_BUILD_SUCCEEDING"] = succeeding
            await self.shell.run(f"export CODEBUILD_BUILD_SUCCEEDING={succeeding}", lambda line: None)
        return self.shell

    # After them -----------------------------------------------------------------------------------

    async def _upload(self) -> None:
        key_id = self.said["encryptionKey"]
        if self.said["artifacts"]["type"] == "S3":
            target = self.said["artifacts"]
            told = await self._laid(target, self.spec.artifacts, key_id)
            self._keep(artifacts=told)
        laid = []
        for target in self.said.get("secondaryArtifacts") or ():
            laid.append(await self._laid(target, self.spec.secondary.get(target["artifactIdentifier"]), key_id))
        self._keep(secondary=tuple(laid))

    async def _laid(self, target: dict[str, Any], said: buildspec.Artifacts | None, key_id: str) -> dict[str, Any]:
        name, _, id_ = self.id.rpartition(":")
        return await place.lay_down(self.speaker, target, said, self.source, id_, name, key_id, self.variables)

    async def _finalize(self) -> None:
        """What the buildspec exports is known when all is done."""
        if self.spec is None or not self.spec.exported:
            return
        shell = await self._ready()
        values = {name: await shell.value(name) for name in self.spec.exported}
        self._keep(exported={name: value for name, value in values.items() if value is not None})
