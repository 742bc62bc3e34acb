"""A command on a managed node: its steps one after the other, as AWS's agent runs them, and what is said of each.

aws/amazon-ssm-agent, agent/framework/runpluginutil and agent/plugins/runscript, is where rules without another source are from. What a step
came to is kept before the next begins, so that a node that was ended goes on where it was: the step that was under way is run again.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kumoniwa.cli import node_script
from kumoniwa.cli.node_client import Client, Refused, Silent
from kumoniwa.languages import command_document
from kumoniwa.languages.command_document import Document, InvalidContent, Step, Unsupported
from kumoniwa.languages.command_document import Refused as NotAllowed
from kumoniwa.wire import timestamps

PLATFORM = "Linux"
EXIT_SUCCESS, EXIT_FAILURE, REBOOT = 168, 169, 194
STDOUT_MAX, STDERR_MAX, BOTH_MAX = 24_000, 8_000, 2_500
READ_BYTES_MAX, LINE_CHARS_MAX = 200_000, 50_000
_CUT, _CUT_OUT, _CUT_ERROR, _ERROR = "--output truncated--", "\n---Output truncated---", "\n---Error truncated----", "\n----------ERROR-------\n"
_PARAMETER = re.compile(r"\{\{\s*ssm:([\w./-]+(?::\d+)?)\s*\}\}", re.ASCII)
_IN_GROUP_NAMES = re.compile(r"[^a-zA-Z0-9_\-/.#]")


class Result(NamedTuple):
    """What a reply says of one step (``PluginRuntimeStatus``)."""

    name: str
    status: str
    code: int
    stdout: str
    stderr: str
    output: str
    started: str
    ended: str
    is_run: bool = True
    """Whether it came to a script at all."""

    def told(self, command: dict[str, Any], step: Step) -> dict[str, Any]:
        bucket = command["OutputS3BucketName"]
        return {
            "status": self.status, "code": self.code, "name": step.plugin, "output": self.output, "startDateTime": self.started,
            "endDateTime": self.ended, "outputS3BucketName": bucket, "outputS3KeyPrefix": prefix(command, step) if bucket else "",
            "stepName": folder_of(step) if bucket and self.is_run else "", "standardOutput": self.stdout, "standardError": self.stderr,
        }  # fmt: skip


def folder_of(step: Step) -> str:
    """What a step's output lies under: its name, or the id that its properties have in a document of schema 1.2."""
    id_ = step.inputs[0].get("id")
    return (id_ if step.name == step.plugin and isinstance(id_, str) else step.name).replace(":", "")


def prefix(command: dict[str, Any], step: Step) -> str:
    parts = (command["OutputS3KeyPrefix"].strip("/"), command["CommandId"], command["InstanceId"], step.plugin.replace(":", ""))
    return "/".join(part for part in parts if part)


def cut(text: str, most: int) -> str:
    return text if len(text) < most else text[: most - len(_CUT)] + _CUT


def _both(stdout: str, stderr: str) -> str:
    title = _ERROR if stderr else ""
    room = BOTH_MAX - len(title)
    if len(stdout) + len(stderr) < room:
        return f"{stdout}{title}{stderr}"
    if len(stdout) > room // 2 and len(stderr) > room // 2:
        half = (room - len(_CUT_ERROR) - len(_CUT_OUT)) // 2
        return f"{stdout[:half]}{_CUT_OUT}{title}{stderr[:half]}{_CUT_ERROR}"
    if len(stdout) <= room // 2:
        return f"{stdout}{title}{stderr[: room - len(_CUT_ERROR) - len(stdout)]}{_CUT_ERROR}"
    return f"{stdout[: room - len(_CUT_OUT) - len(stderr)]}{_CUT_OUT}{title}{stderr}"


class Run:
    """One command in its folder. ``say`` takes a reply's payload."""

    def __init__(self, client: Client, folder: Path, command: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
        self.client, self.folder, self.command, self.say = client, folder, command, say
        self.cancelled = threading.Event()
        self.clock = client.clock

    # The whole --------------------------------------------------------------------------------

    def go(self) -> None:
        try:
            document = command_document.read(self.command["DocumentContent"])
        except (InvalidContent, Unsupported) as wrong:
            self.say(self._reply("Failed", {}, str(wrong)))
            return
        values = command_document.values_of(document, self.command["Parameters"])
        results: dict[str, Result] = {}
        for at, step in enumerate(document.steps):
            kept = self.folder / f"step-{at}.json"
            if kept.exists():
                results[step.name] = Result(*json.loads(kept.read_text()))
                continue
            results[step.name] = self._step(document, step, values, results, is_last=at == len(document.steps) - 1)
            keep(kept, list(results[step.name]))
            self.say(self._reply("InProgress", {step.name: results[step.name].told(self.command, step)}))
        only = {step.name: results[step.name].told(self.command, step) for step in document.steps} if len(document.steps) == 1 else {}
        self.say(self._reply(_aggregate(results), only))

    def _reply(self, status: str, told: dict[str, Any], trace: str = "") -> dict[str, Any]:
        return {
            "additionalInfo": {"dateTime": self._now(), "runId": "", "runtimeStatusCounts": {}}, "documentStatus": status,
            "documentTraceOutput": trace, "runtimeStatus": told,
        }  # fmt: skip

    def _now(self) -> str:
        return timestamps.to_millisecond(self.clock.now())

    # One step ---------------------------------------------------------------------------------

    def _step(self, document: Document, step: Step, values: dict[str, Any], before: dict[str, Result], *, is_last: bool) -> Result:
        began = self._now()
        if _is_over(document, before) and not (is_last and _says(step, "finallyStep") == "true"):
            why = f"Plugin with name {step.plugin} and id {step.name} skipped due to prior step with an exit condition"
            return Result(step.name, "Skipped", 0, "", "", why, began, self._now(), is_run=False)
        held = command_document.held_back(document, step, values, PLATFORM)
        if held is not None:
            status, code = ("Failed", 1) if isinstance(held, NotAllowed) else ("Skipped", 0)
            return Result(step.name, status, code, "", "", held.why, began, self._now(), is_run=False)
        stdout, stderr, code, status = "", "", 0, ""
        for inputs in step.inputs:
            out, err, ended, became = self._script(step, command_document.filled(inputs, values))
            stdout, stderr = "\n".join(filter(None, (stdout, out))), "\n".join(filter(None, (stderr, err)))
            code, status = code or ended, _worse(status, became)
        output = _both(stdout, stderr if code != EXIT_SUCCESS else "")
        stdout, stderr, code, status = _with_exits(step, stdout, stderr, code, status)
        return Result(step.name, status, code, cut(stdout, STDOUT_MAX), cut(stderr, STDERR_MAX), output, began, self._now())

    def _script(self, step: Step, inputs: dict[str, Any]) -> tuple[str, str, int, str]:
        """What one script wrote, its exit code and its status."""
        if self.cancelled.is_set():
            return "", "", 1, "Cancelled"
        try:
            lines, variables, place = self._read(inputs)
        except ValueError as wrong:
            return "", str(wrong), 1, "Failed"
        folder = self.folder / step.name.replace(":", "")
        folder.mkdir(parents=True, exist_ok=True)
        script, out, err = folder / "_script.sh", folder / "stdout", folder / "stderr"
        script.write_text("\n".join(lines) + "\n")
        script.chmod(0o700)
        try:
            ended = node_script.run(script, place, variables, command_document.script_s(inputs), self.cancelled, out, err)
        except OSError as error:
            return "", f"failed to run commands: {error}", 1, "Failed"
        code, status = ended.code, "Success"
        if code == node_script.STOPPED:
            # Whoever stopped it: the agent takes this exit code of a script's own for a sign that it took too long.
            status = "Cancelled" if ended.is_cancelled else "TimedOut"
        elif code:
            status = "Failed"
            why = "the node does not reboot its machine" if code == REBOOT else f"exit status {code}"
            with open(err, "ab") as file:
                file.write(f"failed to run commands: {why}".encode())
        self._carry(step, out, err)
        return _beginning(out), _beginning(err), code, status

    def _read(self, inputs: dict[str, Any]) -> tuple[list[str], dict[str, str], str | None]:
        """Lines, variables and folder of a script. Raises ValueError."""
        resolved = self._resolved(inputs)
        lines, variables, place = resolved.get("runCommand"), resolved.get("environment") or {}, resolved.get("workingDirectory") or None
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise ValueError("Invalid format in plugin properties: runCommand is no list of texts.")
        if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
            raise ValueError("Invalid format in plugin properties: environment is no map of texts.")
        if place is not None and not isinstance(place, str):
            raise ValueError("Invalid format in plugin properties: workingDirectory is no text.")
        own = {
            "SSM_COMMAND_ID": self.command["CommandId"], "AWS_SSM_INSTANCE_ID": self.command["InstanceId"],
            "AWS_SSM_REGION_NAME": self.client.region,
        }  # fmt: skip
        return lines, variables | own, place if place is not None and os.path.isabs(place) else None

    def _resolved(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """With the values of parameters of the Parameter Store, asked for as the node's role. Raises ValueError."""
        spelled = json.dumps(inputs)
        names = sorted(set(_PARAMETER.findall(spelled)))
        if not names:
            return inputs
        try:
            answer = self.client.ask("ssm", "GetParameters", Names=names)
        except (Refused, Silent) as error:
            raise ValueError(f"Parameters {names} cannot be read: {error}") from None
        if answer.get("InvalidParameters"):
            raise ValueError(f"Input contains invalid ssm parameters {answer['InvalidParameters']}")
        held = {each["Name"] + each.get("Selector", ""): each for each in answer["Parameters"]}
        if secure := [name for name, each in held.items() if each["Type"] == "SecureString"]:
            raise ValueError(f"Parameters {secure} of type SecureString are not supported")
        return json.loads(_PARAMETER.sub(lambda found: json.dumps(held[found[1]]["Value"])[1:-1], spelled))

    # What it wrote ----------------------------------------------------------------------------

    def _carry(self, step: Step, *files: Path) -> None:
        """Into the bucket and the log that the command names, in the name of the node's role. What is refused is told here alone, as
        the agent does."""
        for file in files:
            body = file.read_bytes()
            if not body:
                continue
            try:
                if self.command["OutputS3BucketName"]:
                    key = f"{prefix(self.command, step)}/{folder_of(step)}/{file.name}"
                    self.client.put_object(self.command["OutputS3BucketName"], key, body)
                if self.command["CloudWatchOutputEnabled"] == "true":
                    self._log(step, file.name, body.decode("utf-8", "replace"))
            except (Refused, Silent) as error:
                print(f"kumoniwa node: the output of {self.command['CommandId']} is not where it should be: {error}", flush=True)

    def _log(self, step: Step, kind: str, text: str) -> None:
        command = self.command
        group = command["CloudWatchLogGroupName"] or _IN_GROUP_NAMES.sub(".", f"/aws/ssm/{command['DocumentName']}")
        stream = f"{command['CommandId']}/{command['InstanceId']}/{step.name}/{kind}".replace(":", "-").replace("*", "-")
        for operation, said in (("CreateLogGroup", {}), ("CreateLogStream", {"logStreamName": stream})):
            try:
                self.client.ask("logs", operation, logGroupName=group, **said)
            except Refused as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise
        at = int(self.clock.now() * 1000)
        for lines in _parts(text):
            events = [{"timestamp": at, "message": line} for line in lines]
            self.client.ask("logs", "PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=events)


def keep(file: Path, body: Any, mode: int = 0o644) -> None:
    """Wholly or not at all."""
    draft = file.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as drafted:
        json.dump(body, drafted)
    draft.replace(file)


def _beginning(file: Path) -> str:
    """As much of an output as is ever told of it."""
    with open(file, "rb") as held:
        return held.read(READ_BYTES_MAX).decode("utf-8", "replace")


def _parts(text: str) -> Iterator[list[str]]:
    """Lines of a log, as many at once as CloudWatch Logs takes: PutLogEvents, 10,000 events and 1 MiB, each with 26 bytes besides."""
    part: list[str] = []
    size = 0
    for line in text.splitlines():
        for at in range(0, len(line), LINE_CHARS_MAX):
            piece = line[at : at + LINE_CHARS_MAX]
            part.append(piece)
            size += len(piece.encode()) + 26
            if len(part) >= 5_000 or size > 500_000:
                yield part
                part, size = [], 0
    if part:
        yield part


# What results amount to ------------------------------------------------------------------------------

_ORDER = ("", "Skipped", "Success", "Failed", "Cancelled", "TimedOut")


def _worse(one: str, other: str) -> str:
    return max(one, other, key=_ORDER.index)


def _aggregate(results: dict[str, Result]) -> str:
    """Failed before TimedOut before Cancelled; a step that was left out is a success."""
    statuses = {each.status for each in results.values()}
    return next((status for status in ("Failed", "TimedOut", "Cancelled") if status in statuses), "Success")


def _says(step: Step, modifier: str) -> str:
    said = step.inputs[0].get(modifier)
    return str(said).lower() if isinstance(said, bool) else said if isinstance(said, str) else ""


def _with_exits(step: Step, stdout: str, stderr: str, code: int, status: str) -> tuple[str, str, int, str]:
    if code == EXIT_SUCCESS:
        added = "\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped."
        return stdout + added, "", code, "Success"
    if code == EXIT_FAILURE:
        added = "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped."
        return stdout + added, stderr + added, code, status
    on_failure = _says(step, "onFailure")
    if status == "Failed" and on_failure in ("exit", "successAndExit"):
        added = "\nStep was found to have onFailure property. Further document steps will be skipped."
        is_forgiven = on_failure == "successAndExit"
        return stdout + added, stderr + added, EXIT_SUCCESS if is_forgiven else code, "Success" if is_forgiven else status
    return stdout, stderr, code, status


def _is_over(document: Document, before: dict[str, Result]) -> bool:
    """Whether a step before has said that the rest is to be left out."""
    for step in document.steps:
        result = before.get(step.name)
        if result is None:
            continue
        has_exit = (result.status == "Failed" and _says(step, "onFailure") == "exit") or (
            result.status == "Success" and _says(step, "onSuccess") == "exit"
        )
        if result.code in (EXIT_SUCCESS, EXIT_FAILURE) or has_exit:
            return True
    return False
