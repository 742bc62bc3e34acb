"""The door of the Lambda engine: one ``Runtimes`` per region starts environments and ends them with it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Coroutine
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from kumoniwa.engines.lambda_runtime import enclosure
from kumoniwa.engines.lambda_runtime.environment import Environment, EnvironmentSpec, OnLog, Process
from kumoniwa.engines.lambda_runtime.nursery import Nursery
from kumoniwa.engines.lambda_runtime.process import ForkedProcess, FramedProcess, SnapshotProcess
from kumoniwa.engines.lambda_runtime.runtime_api import RuntimeApiProcess
from kumoniwa.engines.vpc_network.network import Network, Switch, SwitchGone

PYTHON = tuple(f"python3.{minor}" for minor in range(8, 16))
NODE = tuple(f"nodejs{major}.x" for major in (16, 18, 20, 22, 24, 26))
CUSTOM = ("provided.al2", "provided.al2023")

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_NODE_RUNNER = str(Path(__file__).with_name("runner.mjs"))


class RuntimeNotHere(Exception):
    """This machine cannot run functions of that runtime."""


def refusal_of(runtime: str) -> str | None:
    """Why this machine cannot run ``runtime``, or None if it can."""
    if runtime in PYTHON or runtime in CUSTOM:
        return None
    if runtime in NODE:
        return (
            None
            if shutil.which("node")
            else f"the Lambda runtime {runtime} without node on this machine's PATH"
        )
    return f"the Lambda runtime {runtime}; it runs Python, Node.js and provided.*"


def difference_of(runtime: str) -> str | None:
    """What a user should know about how ``runtime`` runs here, or None."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if runtime in PYTHON and runtime != here:
        return f"{runtime} functions run on this machine's {here}."
    if runtime in NODE:
        missing = "" if packages_of(runtime) else (
            " AWS's SDK for JavaScript is not here: npm install -g @aws-sdk/client-s3 and what else they import, or name a folder in NODE_PATH."
        )
        return f"{runtime} functions run on this machine's node, whose version may differ.{missing}"
    if runtime in CUSTOM:
        return f"{runtime} functions run on this machine's system, not on Amazon Linux."
    return None


def packages_of(runtime: str) -> str:
    """The folder of this machine that holds AWS's SDK for JavaScript, as AWS's runtime carries it; nothing if there is none."""
    node = shutil.which("node")
    if runtime not in NODE or node is None:
        return ""
    folders = [*os.environ.get("NODE_PATH", "").split(os.pathsep), str(Path(node).resolve().parents[1] / "lib" / "node_modules")]
    return next((folder for folder in folders if folder and os.path.isdir(f"{folder}/@aws-sdk")), "")


def has_snap_start(runtime: str) -> bool:
    """Whether AWS offers SnapStart for it: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes."""
    return runtime in PYTHON and runtime not in ("python3.8", "python3.9", "python3.10", "python3.11")


class Places(NamedTuple):
    """Where a function finds what it is made of and what it runs on."""

    task: str
    layers: tuple[str, ...]
    runtime: str
    packages: str
    """What AWS's runtime carries: a folder of node_modules, or of Python's packages."""
    bins: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


_AS_ON_AWS = Places(
    enclosure.TASK, (enclosure.LAYERS,), enclosure.RUNTIME, enclosure.PACKAGES, (enclosure.TOOLS,),
    ("/var/lang/lib", "/lib64", "/usr/lib64", enclosure.RUNTIME, f"{enclosure.RUNTIME}/lib"),
)  # fmt: skip


class Runtimes:
    """``folder`` is the engine's to use; ``endpoint_url`` is where functions find AWS; ``now`` is the region's clock."""

    def __init__(self, folder: Path, endpoint_url: str, on_log: OnLog, now: Callable[[], float]) -> None:
        self.folder, self.endpoint_url, self.on_log, self.now = Path(folder), endpoint_url, on_log, now
        self.loop = asyncio.get_running_loop()
        self.nursery = Nursery(self.loop)
        self.environments: dict[Environment, Path] = {}
        """Every living environment and its temporary folder."""
        self.networks: dict[Environment, Network] = {}
        """Those of environments that are in one."""
        self.switch: Switch | None = None
        self.ending: set[asyncio.Task] = set()
        self.count = itertools.count(1)

    def warm(self, runtime: str) -> None:
        """Prepare for the first environment of ``runtime``; call it when a function is created."""
        if refusal_of(runtime) is None:
            self.nursery.warm()

    async def network(self, own: str, hosts: str) -> Network:
        """A network for an environment that is to be started, which has the address ``own`` there. Raises OSError, SwitchGone."""
        if self.switch is None or self.switch.is_over:
            self.switch = Switch(self.loop)
            self.nursery.bear(self.switch, {"is_switch": True})
        return await self.switch.begin(own, hosts)

    async def start(self, spec: EnvironmentSpec, snapshot: Environment | None = None, network: Network | None = None) -> Environment:
        """A new environment, initialized (or not: see ``Environment.initialize``), or restored from a snapshot, with whose end
        it ends, in a network that ends with it. Raises RestoreFailed."""
        if refusal := refusal_of(spec.runtime):
            raise RuntimeNotHere(refusal)
        scratch = self.folder / f"sandbox-{next(self.count)}"
        scratch.mkdir(parents=True)

        def spawn(environment: Environment) -> Process:
            if snapshot is not None:
                return self._restored(environment, snapshot, str(scratch), network)
            return self._fork(environment, str(scratch), network)

        version, difference = version_of(spec.runtime, spec.region), difference_of(spec.runtime) or ""
        environment = Environment(spec, spawn, version, self.now, self.on_log, difference)
        self.environments[environment] = scratch
        if network is not None:
            self.networks[environment] = network
        try:
            await environment.initialize()
        except BaseException:
            self.end(environment)
            raise
        return environment

    def _restored(self, environment: Environment, snapshot: Environment, scratch: str, network: Network | None) -> Process:
        process = FramedProcess(self.loop, environment.hear)
        if network is not None:
            process.ends.append(os.dup(network.namespace))
        if isinstance(snapshot.process, SnapshotProcess):
            snapshot.process.restore(process, scratch)
        else:
            self.loop.call_soon(process.abandoned)
        return process

    @cached_property
    def _python_packages(self) -> str:
        """A folder of what AWS's Python runtimes carry besides the standard library, for the programs that a function starts."""
        folder = self.folder / "system" / "packages"
        folder.mkdir(parents=True)
        (folder / _BOOTSTRAP.name).symlink_to(_BOOTSTRAP)
        places = [Path(place) for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
        for name in (file for each in enclosure.PYTHON_PACKAGES for file in (each, f"{each}.py")):
            found = next((place / name for place in places if (place / name).exists()), None)
            if found is not None:
                (folder / name).symlink_to(found)
        return str(folder)

    @cached_property
    def _passwd(self) -> str:
        """A file of the users that a function is told of; nothing where this machine has none."""
        if not os.path.exists(enclosure.USERS):
            return ""
        file = self.folder / "system" / "passwd"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(enclosure.users())
        return str(file)

    def _fork(self, environment: Environment, scratch: str, network: Network | None) -> Process:
        spec = environment.spec
        packages = self._python_packages if spec.runtime in PYTHON else packages_of(spec.runtime)
        packages_at = enclosure.RUNTIME if spec.runtime in PYTHON else enclosure.PACKAGES
        variables = self._variables(spec, _AS_ON_AWS._replace(packages=packages_at))
        unmoved = self._variables(spec, Places(spec.task_root, spec.layers, str(Path(__file__).parent), packages))
        process: ForkedProcess
        if spec.runtime in PYTHON:
            kind = SnapshotProcess if spec.snap_start else FramedProcess
            process, command = kind(self.loop, environment.hear), {}
        elif spec.runtime in NODE:
            process = FramedProcess(self.loop, environment.hear)
            command = {"command": [shutil.which("node"), _NODE_RUNNER], "has_control": True}
        else:
            process = RuntimeApiProcess(self.loop, environment.hear, spec.memory_mb)
            variables["AWS_LAMBDA_RUNTIME_API"] = process.address
            command = {"command": None, "has_control": False}
        order = command | {
            "runtime": spec.runtime,
            "handler": spec.handler,
            "task_root": spec.task_root,
            "layers": spec.layers,
            "packages": packages,
            "packages_at": packages_at,
            "passwd": self._passwd,
            "scratch": scratch,
            "storage_mb": spec.storage_mb,
            "memory_mb": spec.memory_mb,
            "log_format": spec.log_format,
            "log_level": spec.log_level,
            "is_snapshot": bool(spec.snap_start),
            "environment": variables,
            "here": {name: value for name, value in unmoved.items() if variables[name] != value},
        }
        if network is None:
            self.nursery.bear(process, order)
            return process
        process.ends.append(os.dup(network.namespace))
        order["hosts"] = network.hosts
        if isinstance(process, RuntimeApiProcess):
            self._spawn(self._bear_when_heard(process, order, network))
        else:
            self.nursery.bear(process, order)
        return process

    async def _bear_when_heard(self, process: RuntimeApiProcess, order: dict, network: Network) -> None:
        """Its first words are for its Runtime API."""
        try:
            await network.show_own(process.port)
        except (SwitchGone, OSError):
            process.abandoned()
        else:
            self.nursery.bear(process, order)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(coroutine)
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)

    def _variables(self, spec: EnvironmentSpec, places: Places) -> dict[str, str]:
        """Every variable of the process but those that name its temporary folder: AWS's, the function's own, and nothing of this machine's.

        What AWS gives and does not reserve, a function's own variables replace. Recorded: test_introspection_invoke.
        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
        """
        key, secret, token = spec.credentials
        task, layers = places.task, places.layers
        given = {
            "PATH": os.pathsep.join([*places.bins, "/usr/local/bin", "/usr/bin/", "/bin", *(f"{layer}/bin" for layer in layers)]),
            "LD_LIBRARY_PATH": os.pathsep.join([*places.libraries, task, f"{task}/lib", *(f"{layer}/lib" for layer in layers)]),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        }
        reserved = {
            "LAMBDA_TASK_ROOT": task,
            "LAMBDA_RUNTIME_DIR": places.runtime,
            "AWS_REGION": spec.region,
            "AWS_DEFAULT_REGION": spec.region,
            "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": spec.log_stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization,
            "_HANDLER": spec.handler,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
        }
        if spec.runtime in NODE:
            major = spec.runtime.removeprefix("nodejs").removesuffix(".x")
            modules = [f"{layer}/nodejs/{name}" for layer in layers for name in (f"node{major}/node_modules", "node_modules")]
            given["NODE_PATH"] = os.pathsep.join([*modules, places.packages, places.runtime, task])
        if spec.runtime in PYTHON:
            given["PYTHONPATH"] = places.packages
            given["LC_CTYPE"] = "C.UTF-8"
        if spec.runtime not in CUSTOM:
            given |= {"PWD": task, "SHLVL": "0"}
            reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{spec.runtime}"
        if spec.snap_start:
            # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
            del reserved["AWS_LAMBDA_LOG_GROUP_NAME"], reserved["AWS_LAMBDA_LOG_STREAM_NAME"]
        if spec.trace_id:
            reserved["_X_AMZN_TRACE_ID"] = spec.trace_id
        if self.endpoint_url:
            given["AWS_ENDPOINT_URL"] = self.endpoint_url
        if spec.log_format == "JSON":
            reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            reserved["AWS_LAMBDA_LOG_LEVEL"] = spec.log_level or "INFO"
        return given | dict(spec.variables) | reserved

    def end(self, environment: Environment) -> None:
        """Close an environment and remove its scratch folder."""
        environment.close()
        if scratch := self.environments.pop(environment, None):
            shutil.rmtree(scratch, ignore_errors=True)
        if network := self.networks.pop(environment, None):
            self._spawn(network.end())

    async def close(self) -> None:
        """End every environment and the zygote."""
        for environment in list(self.environments):
            self.end(environment)
        self.nursery.close()
        while self.ending:
            await asyncio.wait(self.ending)
        shutil.rmtree(self.folder / "system", ignore_errors=True)


def version_of(runtime: str, region: str) -> str:
    """The runtime version of the INIT_START line. Ours names this machine's interpreter, in AWS's shape."""
    if runtime not in PYTHON:
        version = f"{runtime.replace('nodejs', 'nodejs:').replace('provided.', 'provided:')}.v1"
        digest = hashlib.sha256(runtime.encode()).hexdigest()
        return f"{version}\tRuntime Version ARN: arn:aws:lambda:{region}::runtime:{digest}"
    version = f"python:{sys.version_info.major}.{sys.version_info.minor}.v{sys.version_info.micro}"
    digest = hashlib.sha256(f"{runtime} {sys.version}".encode()).hexdigest()
    return f"{version}\tRuntime Version ARN: arn:aws:lambda:{region}::runtime:{digest}"
