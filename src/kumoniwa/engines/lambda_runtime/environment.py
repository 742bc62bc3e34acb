"""One execution environment: a sandbox that answers one request at a time and keeps its state between them.

The sandbox outlives its process. After a crash or a timeout the next request finds the same log stream and
the same temporary folder but a fresh process, whose start then counts as part of that request: as on AWS, where a
failed start is tried once more by the first request (docs: "Failures during the Init phase").
"""

from __future__ import annotations

import asyncio
import json
import math
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kumoniwa.engines.lambda_runtime.frames import (
    CHUNK,
    ERROR,
    INIT_ERROR,
    READY,
    RECORD,
    RESPONSE_BYTES_MAX,
    RESULT,
    STREAM,
    STREAMED_BYTES_MAX,
    TEXT,
    TOO_LARGE,
)
from kumoniwa.engines.lambda_runtime.platform_log import LEVELS, JsonLog, Report, TextLog, is_wanted
from kumoniwa.engines.lambda_runtime.process import EXITED, EXPIRED, OUTPUT, Reply
from kumoniwa.kernel.clock import monotonic, outside

INIT_LIMIT_S = 10.0
"""What AWS allows an on-demand start (docs: runtimes-lifecycle-ib)."""

PROVISIONED_INIT_LIMIT_S = 900.0
SNAPSHOT_INIT_LIMIT_S = 130.0
"""What an initialization may take before its snapshot is taken, or the function's timeout if that is more."""
RESTORE_LIMIT_S = 10.0
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html

PRELUDE = "application/vnd.awslambda.http-integration-response"
"""The content type of a streamed response that begins with its HTTP head: JSON, and ``PRELUDE_END`` behind it."""
PRELUDE_END = bytes(8)

_TAIL_BYTES = 4096
_EVENT_BYTES_MAX = 262_144
"""CloudWatch Logs' largest event: a line longer than that becomes several (docs: PutLogEvents)."""
_FLUSH_AFTER_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """What one environment is made of. ``credentials`` are access key id, secret key and session token."""

    function_name: str
    runtime: str
    handler: str
    task_root: str
    """The folder of the unpacked code; one folder per code, never changed while environments use it."""
    region: str
    log_group: str
    log_stream: str
    credentials: tuple[str, str, str]
    version: str = "$LATEST"
    layers: tuple[str, ...] = ()
    """Folders of unpacked layers, the last in the function's list first."""
    variables: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    storage_mb: int = 512
    """What its temporary folder holds."""
    timeout_s: float = 3.0
    is_provisioned: bool = False
    snap_start: str = ""
    """``snapshot`` for what others are restored from, ``restored`` for those."""
    log_format: str = "Text"
    log_level: str = ""
    """Of the function's own lines, with the format JSON; ``system_log_level`` of the platform's."""
    system_log_level: str = ""
    trace_id: str = ""

    @property
    def initialization(self) -> str:
        """How AWS calls the way it begins."""
        return "snap-start" if self.snap_start else "provisioned-concurrency" if self.is_provisioned else "on-demand"


class RestoreFailed(Exception):
    """No environment came out of the snapshot: a hook of the function's raised, or it took too long."""

    def __init__(self, *, is_timeout: bool) -> None:
        super().__init__(is_timeout)
        self.is_timeout = is_timeout


class Outcome(NamedTuple):
    """What one request came to. ``function_error`` is ``Unhandled`` or None, as in the X-Amz-Function-Error header."""

    payload: bytes
    function_error: str | None
    duration_ms: float
    billed_ms: int
    max_memory_mb: int
    init_ms: float | None
    error_type: str | None
    log_tail: bytes | None


class Process(Protocol):
    is_over: bool

    def expect(self) -> asyncio.Future[Reply]: ...
    def ask(
        self, fields: tuple[str, str, str, str, str], payload: bytes, timeout_ms: int
    ) -> asyncio.Future[Reply]: ...
    def expire(self) -> None: ...
    def crash(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...


class Receiver(Protocol):
    """Who gets a response while it is being made. It may call ``pause`` and ``resume`` from then on."""

    def begin(self, content_type: str, pause: Callable[[], None], resume: Callable[[], None]) -> None: ...
    def feed(self, piece: bytes) -> None: ...


class Gathering:
    """The receiver of those who want a response whole."""

    def __init__(self) -> None:
        self.body = bytearray()

    def begin(self, content_type: str, pause: Callable[[], None], resume: Callable[[], None]) -> None: ...

    def feed(self, piece: bytes) -> None:
        # One byte too many is enough to know that it is too large.
        if len(self.body) <= RESPONSE_BYTES_MAX:
            self.body += piece


OnLog = Callable[["Environment", list[tuple[float, str]]], None]
"""Called with an environment and its new log events: epoch seconds and the message, line end included."""


class Environment:
    """Made by ``Runtimes.start``. ``invoke`` one request at a time; ``close`` ends it."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        spawn: Callable[[Environment], Process],
        runtime_version: str,
        now: Callable[[], float],
        on_log: OnLog,
        difference: str = "",
    ) -> None:
        """``difference`` is what is not as on AWS with this runtime; the log says so where it names the runtime's version."""
        self.spec, self.spawn, self.now, self.on_log = spec, spawn, now, on_log
        self.runtime_version, self.difference = runtime_version, difference
        self.loop = asyncio.get_running_loop()
        self.process: Process | None = None
        self.is_busy = self.is_closed = False
        self.generation = 0
        """How many processes this sandbox has had."""
        self.last_used_s = self.loop.time()
        self.init_ms: float | None = None
        self.restore_ms: tuple[float, int] | None = None
        """What the restoration took, and what of it is billed, until a request has reported it."""
        self.failure = ""
        """Why the last start came to nothing, in AWS's name for it."""
        self.events: list[tuple[float, str]] = []
        self.tail: str | None = None
        self.unfinished_lines = {TEXT: b"", OUTPUT: b""}
        self.receiver: Receiver | None = None
        self.streamed_bytes = -1
        """How much of the response in flight was streamed; -1 if it is not streamed at all."""
        self.flush_timer: asyncio.TimerHandle | None = None
        self.platform = (JsonLog if spec.log_format == "JSON" else TextLog)(spec, runtime_version)
        self.least = LEVELS[spec.log_level or "INFO"] if spec.log_format == "JSON" else None
        self.timeout_ms = int(spec.timeout_s * 1000)

    # What is logged

    def say(self, *texts: str) -> None:
        """Put events of the platform's into the log; an empty one is not wanted."""
        now = self.now()
        self.events += [(now, text) for text in texts if text]

    def _say_own(self, text: str) -> None:
        """Put one event of the function's into the log, if it is of the level that is wanted."""
        if self.least is None or is_wanted(text, self.least):
            self.events.append((self.now(), text))

    def hear(self, kind: int, body: bytes) -> None:
        """Put into the log what the process said: RECORD is an event, TEXT and OUTPUT are cut at line ends. What it
        streams goes to the receiver."""
        if kind in (STREAM, CHUNK):
            self._stream(kind, body)
            return
        if kind == RECORD:
            self._say_own(body.decode("utf-8", "replace"))
        else:
            *lines, rest = (self.unfinished_lines[kind] + body).split(b"\n")
            for line in lines:
                self._say_own(line.decode("utf-8", "replace") + "\n")
            if len(rest) > _EVENT_BYTES_MAX:
                self._say_own(rest.decode("utf-8", "replace"))
                rest = b""
            self.unfinished_lines[kind] = rest
        if self.flush_timer is None and not self.is_closed:
            self.flush_timer = self.loop.call_later(_FLUSH_AFTER_S, self.flush)

    def _stream(self, kind: int, body: bytes) -> None:
        if self.receiver is None:
            return
        if kind == STREAM:
            self.streamed_bytes = 0
            process = self.process
            self.receiver.begin(body.decode("latin-1"), process.pause, process.resume)
            return
        self.streamed_bytes += len(body)
        if self.streamed_bytes <= STREAMED_BYTES_MAX:
            self.receiver.feed(body)

    def _finish_lines(self) -> None:
        for kind, rest in self.unfinished_lines.items():
            if rest:
                self.unfinished_lines[kind] = b""
                self._say_own(rest.decode("utf-8", "replace"))

    def flush(self) -> None:
        """Hand over what has been logged."""
        if self.flush_timer is not None:
            self.flush_timer.cancel()
            self.flush_timer = None
        if self.events:
            events, self.events = self.events, []
            if self.tail is not None:
                self.tail = (self.tail + "".join(text for _, text in events))[-_TAIL_BYTES:]
            self.on_log(self, events)

    # How a process begins and ends

    async def initialize(self) -> None:
        """Start the sandbox. A start that fails is logged and tried once more by the first request.
        Raises RestoreFailed where it should have come out of a snapshot."""
        if self.spec.snap_start == "restored":
            await self._restore()
            self.flush()
            return
        self.say(self.platform.init_start(self.now(), self.difference))
        limit_s = PROVISIONED_INIT_LIMIT_S if self.spec.is_provisioned else INIT_LIMIT_S
        if self.spec.snap_start:
            limit_s = max(SNAPSHOT_INIT_LIMIT_S, self.spec.timeout_s)
        began = monotonic()
        reply = await self._start(limit_s)
        if reply.kind == READY:
            self.init_ms = (monotonic() - began) * 1000
            self.say(*self.platform.init_done(self.now(), self.init_ms))
        else:
            self._report_init(reply, "init", monotonic() - began)
        self.flush()

    async def _restore(self) -> None:
        self.say(self.platform.restore_start(self.now()))
        began = monotonic()
        reply = await self._start(RESTORE_LIMIT_S)
        took_ms = (monotonic() - began) * 1000
        is_timeout = reply.kind == EXPIRED
        status = "success" if reply.kind == READY else "timeout" if is_timeout else "error"
        error_type = "" if reply.kind == READY else _platform_type(reply)
        self.say(*self.platform.restore_done(self.now(), took_ms, status, error_type))
        if reply.kind != READY:
            self.flush()
            raise RestoreFailed(is_timeout=is_timeout)
        self.restore_ms = took_ms, math.ceil(reply.duration_us / 1000)

    @property
    def is_ready(self) -> bool:
        """Whether a process waits for a request."""
        return self.process is not None and not self.process.is_over

    async def _start(self, limit_s: float) -> Reply:
        self.generation += 1
        with outside():
            process = self.spawn(self)
            timer = self.loop.call_later(limit_s, process.expire)
            try:
                reply = await process.expect()
            except BaseException:
                process.close()
                raise
            finally:
                timer.cancel()
        if reply.kind == READY:
            self.process = process
        else:
            process.close()
        self._finish_lines()
        return reply

    def _report_init(self, reply: Reply, phase: str, duration_s: float) -> None:
        status = "timeout" if reply.kind == EXPIRED else "error"
        self.failure = _platform_type(reply)
        self.say(*self.platform.init_failed(self.now(), phase, duration_s * 1000, status, self.failure))

    def _drop_process(self) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            process.close()

    def close(self) -> None:
        """End the sandbox. A request in flight ends as if its process had been killed."""
        self.is_closed = True
        self._drop_process()
        self._finish_lines()
        self.flush()

    # What a request is

    async def invoke(
        self,
        request_id: str,
        payload: bytes,
        *,
        arn: str,
        client_context: str = "",
        identity: str = "",
        trace_id: str = "",
        wants_tail: bool = False,
        receiver: Receiver | None = None,
        delay_s: float = 0.0,
        kill_after_s: float | None = None,
    ) -> Outcome:
        """Answer one request. Never raises for what the function does, only RestoreFailed; cancelling kills the process.

        With a ``receiver`` a response that is streamed goes there, and the outcome's payload is empty. ``delay_s`` passes
        before the handler begins and counts like time of its own; ``kill_after_s`` ends the process in mid-handler.
        """
        self.is_busy = True
        self.receiver, self.streamed_bytes = receiver or Gathering(), -1
        began = monotonic()
        if wants_tail:
            self.tail = ""
        try:
            if self.process is None or self.process.is_over:
                self.process = None
                if self.spec.snap_start:
                    await self._restore()
            if self.process is None:
                reply = await self._start(self.spec.timeout_s)
                if reply.kind != READY:
                    self._report_init(reply, "invoke", monotonic() - began)
                    self.say(self.platform.start(self.now(), request_id))
                    return self._conclude(request_id, reply, (monotonic() - began) * 1000)
            process = self.process
            self.say(self.platform.start(self.now(), request_id))
            fields = (request_id, arn, trace_id, client_context, identity)
            if delay_s:
                await asyncio.sleep(min(delay_s, self.spec.timeout_s))
            left_s = self.spec.timeout_s - delay_s
            if left_s <= 0:
                return self._conclude(request_id, Reply(EXPIRED), 0.0)
            with outside():
                timers = [self.loop.call_later(left_s, process.expire)]
                if kill_after_s is not None:
                    timers.append(self.loop.call_later(kill_after_s, process.crash))
                try:
                    reply = await process.ask(fields, payload, int(left_s * 1000) if delay_s else self.timeout_ms)
                except BaseException:
                    self._drop_process()
                    raise
                finally:
                    for timer in timers:
                        timer.cancel()
            self._finish_lines()
            if reply.kind == RESULT or reply.kind == ERROR:
                return self._conclude(request_id, reply, reply.duration_us / 1000 + delay_s * 1000)
            return self._conclude(request_id, reply, (monotonic() - began) * 1000)
        finally:
            self.is_busy, self.receiver = False, None
            self.last_used_s = self.loop.time()

    def _conclude(self, request_id: str, reply: Reply, duration_ms: float) -> Outcome:
        """Say END and REPORT, and put the reply in AWS's words."""
        kind = reply.kind
        payload, function_error, error_type, platform_type, status = reply.body, None, None, "", "success"
        memory_mb = -(-reply.memory_kib // 1024)
        if kind == RESULT and isinstance(self.receiver, Gathering) and self.streamed_bytes >= 0:
            payload = bytes(self.receiver.body)
        if kind == RESULT and (len(payload) > RESPONSE_BYTES_MAX or self.streamed_bytes > STREAMED_BYTES_MAX):
            kind = TOO_LARGE
        if kind != RESULT:
            function_error, status = "Unhandled", "error"
            if kind == EXPIRED:
                duration_ms = self.timeout_ms
                error_type = platform_type = "Sandbox.Timedout"
                status = "timeout"
                text = f"Task timed out after {self.spec.timeout_s:.2f} seconds"
                payload = _error(error_type, f"RequestId: {request_id} Error: {text}")
                self.say(self.platform.timed_out(self.now(), request_id, text))
                self._drop_process()
            elif kind == EXITED:
                error_type, text = "Runtime.ExitError", _exit_text(reply.status)
                payload = _error(error_type, f"RequestId: {request_id} Error: {text}")
                platform_type = _platform_type(reply)
                self.say(self.platform.exited(self.now(), request_id, text, error_type))
                self._drop_process()
            elif kind == TOO_LARGE:
                error_type = "Function.ResponseSizeTooLarge"
                text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
                payload = json.dumps(
                    {"errorMessage": text, "errorType": error_type}, separators=(",", ":")
                ).encode()
            elif kind == INIT_ERROR:
                error_type = platform_type = _platform_type(reply)
        if reply.is_out_of_memory:
            memory_mb = self.spec.memory_mb
        init_ms, self.init_ms = self.init_ms, None
        restore_ms, self.restore_ms = self.restore_ms, None
        # Since August 2025 AWS bills the start of every environment as part of its first request.
        billed_ms = math.ceil(duration_ms + (init_ms or 0)) + (restore_ms[1] if restore_ms is not None else 0)
        report = Report(
            request_id, status, platform_type, duration_ms, billed_ms, memory_mb, init_ms,
            max(self.streamed_bytes, len(payload)), restore_ms,
        )  # fmt: skip
        self.say(*self.platform.finish(self.now(), report))
        self.flush()
        tail = None
        if self.tail is not None:
            tail, self.tail = self.tail.encode()[-_TAIL_BYTES:], None
        return Outcome(payload, function_error, duration_ms, billed_ms, memory_mb, init_ms, error_type, tail)


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}, separators=(",", ":")).encode()


def _exit_text(status: int) -> str:
    # An exit that claims success gives no reason (recorded: test_lambda_handler_exit); signals in Go's words.
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"


def _platform_type(reply: Reply) -> str:
    """The error type in REPORT lines: only types of the runtime's own are named."""
    if reply.is_out_of_memory:
        return "Runtime.OutOfMemory"
    if reply.kind == EXPIRED:
        return "Sandbox.Timedout"
    if reply.kind == EXITED:
        return "Runtime.ExitError"
    try:
        kind = str(json.loads(reply.body)["errorType"])
    except (ValueError, KeyError, TypeError):
        kind = ""
    return kind if kind.startswith("Runtime.") else "Runtime.Unknown"
