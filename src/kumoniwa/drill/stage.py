"""What a drill needs before its first request: a cloud, its stacks, and the names they were given.

Stacks are deployed by ``kumoniwa deploy`` and a cloud is started by ``kumoniwa up``, as a person would: through the public doors.
"""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kumoniwa.drill.format.plan import Plan, Stack

KUMONIWA = (sys.executable, "-m", "kumoniwa.cli.main")
STARTED_WITHIN_S = 30.0
STOPPED_WITHIN_S = 15.0
_OUTPUT = re.compile(r"^\[(\S+)\] (\w+) = (.*)$", re.M)
_TOLD = re.compile(r"^(\w+) = (.*)$", re.M)
_NAME = re.compile(r"\$\{([A-Za-z0-9_.-]+)\}")


class StageFailed(Exception):
    """The drill cannot begin; the text says what to do."""


PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """A drill that is killed cannot end what it started: the kernel does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class OwnCloud:
    """A cloud of the drill's own, gone with it unless it is kept."""

    def __init__(self, arguments: list[str], log: Path, *, is_kept: bool) -> None:
        command = [*KUMONIWA, "up", "--port", "0", *arguments]
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
                preexec_fn=None if is_kept else die_with_parent,
            )  # fmt: skip
        line = self.process.stdout.readline() if self.process.stdout else ""
        found = re.search(r"http://[\d.]+:\d+", line)
        if not found:
            self.process.wait(STARTED_WITHIN_S)
            raise StageFailed(f"no cloud could be started: {line.strip()} {log.read_text()[-2000:].strip()}")
        self.endpoint = found[0]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


Outputs = dict[str, str]
"""By ``stack.region.Key``, ``setup.NAME`` for what the setup script said, and ``cloud.port``."""


async def deployed(plan: Plan, endpoint: str, say: Callable[[str], None]) -> Outputs:
    """The outputs of the plan's stacks, which are created or brought up to date where they are not. Raises StageFailed.

    A stack's parameters may name outputs of the stacks before it.
    """
    outputs: Outputs = {"cloud.port": endpoint.rpartition(":")[2]}
    for stack in (settled(stack, outputs) for stack in plan.stacks):
        say(f"deploying {stack.name} to {', '.join(stack.regions)} …")
        said = await _run([*KUMONIWA, "deploy", *_arguments(plan, stack), "--endpoint", endpoint], plan.folder, endpoint)
        outputs |= {f"{stack.name}.{region}.{key}": value for region, key, value in _OUTPUT.findall(said)}
    if plan.setup:
        say(f"running {plan.setup} …")
        said = await _run([sys.executable, plan.setup], plan.folder, endpoint)
        outputs |= {f"setup.{key}": value for key, value in _TOLD.findall(said)}
    return outputs


def _arguments(plan: Plan, stack: Stack) -> list[str]:
    parameters = [f"{name}={value}" for name, value in stack.parameters.items()]
    more = ["--parameter", *parameters] if parameters else []
    return [str(Path(plan.folder, stack.template)), "--stack", stack.name, "--region", *stack.regions, *more]


def environment(endpoint: str) -> dict[str, str]:
    """What a script of the drill finds: the cloud, a key, and the packages that we have ourselves."""
    keys = {name: os.environ.get(name, "test") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    packages = os.pathsep.join(os.path.abspath(part) for part in sys.path if part)
    return {**os.environ, **keys, "AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": region, "PYTHONPATH": packages}


async def _run(command: list[str], folder: str, endpoint: str) -> str:
    """What a child printed. Raises StageFailed with it if it fails."""
    # The command names files relative to the caller's folder, a setup script relative to the drill's.
    place = folder if command[1:2] != ["-m"] else None
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment(endpoint), cwd=place
    )
    said, _ = await child.communicate()
    text = said.decode("utf-8", "replace")
    if child.returncode:
        raise StageFailed(f"`{' '.join(command[-6:])}` failed:\n{text[-4000:]}")
    return text


Part = TypeVar("Part", Plan, Stack)


def settled(part: Part, outputs: Outputs) -> Part:
    """A plan or stack with every ``${stack.region.Key}`` replaced by what the stack says. Raises StageFailed naming what nobody says."""

    def put(value: Any) -> Any:
        if isinstance(value, str):
            return _NAME.sub(named, value)
        if isinstance(value, dict):
            return {put(key): put(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(put(one) for one in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.replace(value, **{one.name: put(getattr(value, one.name)) for one in dataclasses.fields(value)})
        return value

    def named(found: re.Match) -> str:
        if found[1] not in outputs:
            raise StageFailed(f"no stack says {found[0]}; they say {', '.join(sorted(outputs)) or 'nothing'}")
        return outputs[found[1]]

    return put(part)
