"""The Python runtime: imports a function's handler and answers one request after the other.

Runs in a process forked from the zygote and does what AWS's own runtime does, message for message. The facts
about error shapes come from AWS's public runtime interface client and from recorded answers.
"""

from __future__ import annotations

import decimal
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import logging
import os
import resource
import signal
import site
import sys
import tempfile
import time
import traceback

from kumoniwa.engines.lambda_runtime import console as consoles
from kumoniwa.engines.lambda_runtime import snapshot
from kumoniwa.engines.lambda_runtime.frames import (
    ERROR,
    INIT_ERROR,
    OUT_OF_MEMORY,
    READY,
    REQUEST,
    RESPONSE_BYTES_MAX,
    RESULT,
    TOO_LARGE,
)

_INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, "
    "a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates "
    "can be triggered by a function change, or can be applied automatically. To determine if the runtime has been updated, "
    "check the runtime version in the INIT_START log entry. If this error correlates with a change in the runtime version, "
    "you may be able to mitigate this error by temporarily rolling back to the previous runtime version. For more "
    "information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


_HOOKS_FILE = os.path.join(os.path.dirname(__file__), f"{snapshot.HOOKS}.py")
_OLDER = ("python3.8", "python3.9", "python3.10", "python3.11")
"""Runtimes without SnapStart, and with another JSON writer."""


class Fault(Exception):
    """What the runtime itself has to say about a function: a ``Runtime.*`` error."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind, self.trace = kind, trace or []


class RuntimePackages(importlib.abc.MetaPathFinder):
    """Finds the packages AWS's runtime carries, and no other that happens to be installed beside us, so that a
    function that forgot to package a dependency fails here as it would on AWS."""

    def __init__(self, names: frozenset[str], folders: list[str], *, has_hooks: bool) -> None:
        self.names, self.folders, self.has_hooks = names, folders, has_hooks

    def find_spec(self, fullname, path=None, target=None):
        if path is None and fullname == snapshot.HOOKS and self.has_hooks:
            return importlib.util.spec_from_file_location(fullname, _HOOKS_FILE)
        if path is None and fullname in self.names:
            return importlib.machinery.PathFinder.find_spec(fullname, self.folders, target)
        return None


def load_handler(name: str):
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        text = f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        raise Fault("Runtime.MalformedHandlerName", text)
    if module_name.partition(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        text = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", text)


def _told(filename: str) -> str:
    """Where a file would be on AWS: traces are the same wherever this machine keeps a function's code."""
    root = os.environ.get("LAMBDA_TASK_ROOT", "")
    return "/var/task" + filename[len(root) :] if root and filename.startswith(f"{root}/") else filename


def describe(error: BaseException, request_id: str) -> dict:
    """An exception as AWS's runtime reports it. Our own frames are left out, as AWS leaves out its bootstrap's."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        # As plain tuples the frames print without carets below the line, as AWS's do.
        frames = [at for at in traceback.extract_tb(error.__traceback__) if at.filename != __file__]
        trace = traceback.format_list([(_told(at.filename), at.lineno, at.name, at.line) for at in frames])
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}


class CognitoIdentity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class _Fields:
    """An object whose attributes are these keys of a JSON object, None where absent."""

    def __init__(self, names: tuple[str, ...], values: dict) -> None:
        for name in names:
            setattr(self, name, values.get(name))


_CLIENT_FIELDS = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(_Fields):
    def __init__(self, values: dict) -> None:
        super().__init__(("custom", "env", "client"), values)
        if self.client is not None:
            self.client = _Fields(_CLIENT_FIELDS, self.client)


class LambdaContext:
    """The second argument of every handler."""

    console: consoles.Console

    def __init__(
        self, constants: dict, request_id: str, arn: str, deadline_ms: int, client_context: str, identity: str
    ):
        self.__dict__.update(constants)
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self._epoch_deadline_time_in_ms = deadline_ms
        self.client_context = (
            ClientContext(_parsed(client_context, "Client Context")) if client_context else None
        )
        self.identity = CognitoIdentity()
        if identity:
            known = _parsed(identity, "Cognito Identity")
            self.identity.cognito_identity_id = known.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = known.get("cognitoIdentityPoolId")

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, message) -> None:
        self.console.record(str(message))

    def __repr__(self) -> str:
        return f"LambdaContext([{','.join(f'{name}={value}' for name, value in vars(self).items())}])"


def _parsed(text: str, what: str) -> dict:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {what} JSON: {error}")


class _HasDecimal(Exception):
    pass


def _foreign(value):
    # AWS's runtime accepts bytes as UTF-8 text and Decimal as a number written digit for digit, because its
    # JSON writer is simplejson. The fast writer cannot write digits verbatim, so a Decimal changes writers.
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, decimal.Decimal):
        raise _HasDecimal
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _written(value, leaf) -> str:
    if isinstance(value, decimal.Decimal):
        return "NaN" if value.is_nan() else str(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{leaf(_key(key))}: {_written(kept, leaf)}" for key, kept in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(kept, leaf) for kept in value) + "]"
    return leaf(value)


def _key(key) -> str:
    # The writer's own rule for keys: null, true and numbers become text.
    return next(iter(json.loads(json.dumps({key: 0}))))


def json_writer(runtime: str):
    """The function that turns a handler's result into bytes. Runtimes from 3.12 on keep non-ASCII as it is."""
    is_ascii = runtime in _OLDER
    write = json.JSONEncoder(ensure_ascii=is_ascii, default=_foreign).encode

    def dumps(value) -> bytes:
        try:
            return write(value).encode()
        except _HasDecimal:
            return _written(value, write).encode()

    return dumps


class Runner:
    """One environment's process, from the import of its handler to its last request."""

    def __init__(self, descriptor: int, order: dict) -> None:
        self.console = consoles.Console(descriptor)
        self.order = order
        self.dumps = json_writer(order["runtime"])
        self.is_preloaded_kib = _peak_kib() - order["bare_kib"]
        self.memory_max_kib = order["memory_mb"] * 1024

    def used_kib(self) -> int:
        """Memory used at most, in KiB: the process's peak without what it only shares with the zygote. What is forked of a snapshot
        has a peak of its own, which begins lower than the snapshot's."""
        return max(0, _peak_kib() - self.is_preloaded_kib)

    def initialize(self):
        """The handler, or the end of this process after its error was reported."""
        consoles.connect(self.console, self.order["log_format"], self.order["log_level"])
        LambdaContext.console = self.console
        try:
            handler = load_handler(self.order["handler"])
        except Exception as error:  # noqa: BLE001 - whatever the function's module raised is the answer
            logging.warning(_INIT_WARNING)
            self.fail(error)
        return handler

    def fail(self, error: Exception) -> None:
        """Report what kept this process from getting ready, and end."""
        report = describe(error, "")
        self.console.error(report)
        self.console.send(INIT_ERROR, self.dumps(report), 0, self.used_kib())
        os._exit(1)

    def ready(self, hooks_us: int = 0) -> None:
        self.console.send(READY, b"", hooks_us, self.used_kib())

    def serve(self, handler) -> None:
        environment = os.environ
        console, dumps, clock = self.console, self.dumps, time.perf_counter
        constants = {
            "function_name": environment["AWS_LAMBDA_FUNCTION_NAME"],
            "function_version": environment["AWS_LAMBDA_FUNCTION_VERSION"],
            "memory_limit_in_mb": environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
            # What is restored from a snapshot is not told where its log goes.
            "log_group_name": environment.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream_name": environment.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            "tenant_id": None,
        }
        while True:
            fields, payload, timeout_ms = _next_request(console.descriptor)
            began = clock()
            deadline_ms = int(time.time() * 1000) + timeout_ms
            request_id, arn, trace_id, client_context, identity = fields
            console.request_id = request_id
            if trace_id:
                environment["_X_AMZN_TRACE_ID"] = trace_id
            elif "_X_AMZN_TRACE_ID" in environment:
                del environment["_X_AMZN_TRACE_ID"]
            try:
                context = LambdaContext(constants, request_id, arn, deadline_ms, client_context, identity)
                result = handler(_event(payload), context)
                kind, body = RESULT, _marshalled(result, dumps)
            except Exception as error:  # noqa: BLE001 - whatever the handler raised is the answer
                kind, body = ERROR, self._failed(error, request_id)
            result = context = None
            used_kib = self.used_kib()
            if used_kib > self.memory_max_kib:
                # AWS kills the process in the middle of the allocation. We learn of it here, from the kernel's own
                # high-water mark: the answer is the same, a result is never given.
                console.send(OUT_OF_MEMORY, b"", 0, self.memory_max_kib)
                os.kill(os.getpid(), signal.SIGKILL)
            if len(body) > RESPONSE_BYTES_MAX:
                kind, body = TOO_LARGE, b""
            console.send(kind, body, int((clock() - began) * 1e6), used_kib)

    def _failed(self, error: Exception, request_id: str) -> bytes:
        if isinstance(error, MemoryError):
            self.console.send(OUT_OF_MEMORY, b"", 0, self.memory_max_kib)
            os.kill(os.getpid(), signal.SIGKILL)
        report = describe(error, request_id)
        if self.order["runtime"] == "python3.8":
            del report["requestId"]  # recorded: test_uncaught_exception_invoke
        self.console.error(report)
        return self.dumps(report)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _next_request(descriptor: int):
    data = os.read(descriptor, 65536)
    while len(data) < REQUEST.size:
        data += _more(descriptor, 65536)
    meta_bytes, payload_bytes, timeout_ms = REQUEST.unpack_from(data)
    total = REQUEST.size + meta_bytes + payload_bytes
    if len(data) < total:
        pieces, held = [data], len(data)
        while held < total:
            pieces.append(_more(descriptor, total - held))
            held += len(pieces[-1])
        data = b"".join(pieces)
    end = REQUEST.size + meta_bytes
    return data[REQUEST.size : end].decode().split("\0"), data[end:], timeout_ms


def _more(descriptor: int, size: int) -> bytes:
    piece = os.read(descriptor, size)
    if not piece:
        os._exit(0)
    return piece


def _event(payload: bytes):
    try:
        return json.loads(payload.decode())
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")


def _marshalled(result, dumps) -> bytes:
    if isinstance(result, bytes):
        return result
    try:
        return dumps(result)
    except Exception as error:  # noqa: BLE001 - any failure to write the result has one name
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}")


_BACKSTOP_BYTES = 1 << 30


def restrict(order: dict) -> None:
    """Limit this process to its function's folder and share of the machine."""
    os.chdir(order["task_root"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    # The memory limit itself is judged by peak use, see Runner.serve. This one only keeps a runaway allocation from
    # taking the machine with it; it counts address space, of which threads and allocators reserve more than they use.
    limit_bytes = order["memory_mb"] * (1 << 20) + _BACKSTOP_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def enter(order: dict, packages: frozenset[str], folders: list[str], is_preload: set[str]) -> None:
    """Turn the forked process into the environment of one function: its variables, folders, limits, imports."""
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    # The zygote has looked for a folder of its own.
    tempfile.tempdir = None
    restrict(order)
    sys.dont_write_bytecode = True
    own = [order["task_root"]]
    for layer in order["layers"]:
        # Layers are made for the Python that the function names, whichever it runs on here.
        own += [f"{layer}/python/lib/{order['runtime']}/site-packages", f"{layer}/python"]
    # Python was started long ago and would not look at it.
    asked = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place and place not in own]
    library = os.path.dirname(os.__file__)
    sys.path[:] = own + asked + [
        path for path in sys.path if path in (library, f"{library}/lib-dynload") or path.endswith(".zip")
    ]
    sys.meta_path.append(RuntimePackages(packages, folders, has_hooks=order["runtime"] not in _OLDER))
    sys.argv[:] = [""]
    # A function that brings its own copy of something preloaded gets its own copy, of everything, so that no two
    # versions mix.
    brought = set()
    for folder in own:
        if os.path.isdir(folder):
            names = os.listdir(folder)
            brought.update(name.partition(".")[0] for name in names)
            if any(name.endswith(".pth") for name in names):
                # AWS's bootstrap makes sites of these folders, "so that we are able to load all customer .pth files".
                site.addsitedir(folder)
    if any(name.partition(".")[0] in brought for name in is_preload):
        for name in is_preload:
            sys.modules.pop(name, None)
    gc.enable()


def main(
    descriptor: int, order: dict, packages: frozenset[str], folders: list[str], is_preload: set[str]
) -> None:
    enter(order, packages, folders, is_preload)
    runner = Runner(descriptor, order)
    for name in [name for name in sys.modules if name.partition(".")[0] == "kumoniwa"]:
        del sys.modules[name]
    handler = runner.initialize()
    runner.ready(snapshot.restored(runner) if order["is_snapshot"] else 0)
    runner.serve(handler)
