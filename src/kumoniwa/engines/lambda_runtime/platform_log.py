"""What the platform itself writes into a function's log: lines of text, or JSON records of the wanted level.

Both speak of the same moments. Text says nothing of a start that went well; JSON says it at DEBUG.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html has the level of each record.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from kumoniwa.kernel.clock import milliseconds

if TYPE_CHECKING:
    from kumoniwa.engines.lambda_runtime.environment import EnvironmentSpec

LEVELS = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "WARNING": 3, "ERROR": 4, "FATAL": 5, "CRITICAL": 5}


class Report(NamedTuple):
    """One request, measured. ``status`` is success, error or timeout; ``error_type`` is empty for a function's own errors."""

    request_id: str
    status: str
    error_type: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    init_ms: float | None
    produced_bytes: int
    restore_ms: tuple[float, int] | None = None
    """What the restoration from a snapshot took, and what of it is billed."""


class TextLog:
    """One event per line, as Lambda has always written them."""

    def __init__(self, spec: EnvironmentSpec, runtime_version: str) -> None:
        self.runtime_version = runtime_version
        self.is_snapshot = bool(spec.snap_start)
        self.report_head = f"Memory Size: {spec.memory_mb} MB\tMax Memory Used: "
        self.start_tail = f" Version: {spec.version}\n"

    def init_start(self, now: float, difference: str) -> str:
        tail = f"\tKumoniwa: {difference}" if difference else ""
        return f"INIT_START Runtime Version: {self.runtime_version}{tail}\n"

    def init_done(self, now: float, duration_ms: float) -> tuple[str, ...]:
        # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html names the record and its duration; how it
        # goes on where all is well was found nowhere.
        return (f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\n",) if self.is_snapshot else ()

    def restore_start(self, now: float) -> str:
        return f"RESTORE_START Runtime Version: {self.runtime_version}\n"

    def restore_done(self, now: float, duration_ms: float, status: str, error_type: str) -> tuple[str, ...]:
        tail = "" if status == "success" else f"\tStatus: {status}" + (f"\tError Type: {error_type}" if status == "error" else "")
        return (f"RESTORE_REPORT Restore Duration: {duration_ms:.2f} ms{tail}\n",)

    def init_failed(self, now: float, phase: str, duration_ms: float, status: str, error_type: str) -> tuple[str, ...]:
        text = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\tStatus: {status}"
        return (f"{text}\n" if status == "timeout" else f"{text}\tError Type: {error_type}\n",)

    def start(self, now: float, request_id: str) -> str:
        return f"START RequestId: {request_id}{self.start_tail}"

    def timed_out(self, now: float, request_id: str, text: str) -> str:
        return f"{timestamp(now)} {request_id} {text}\n\n"

    def exited(self, now: float, request_id: str, text: str, error_type: str) -> str:
        return f"RequestId: {request_id} Error: {text}\n{error_type}\n"

    def finish(self, now: float, report: Report) -> tuple[str, ...]:
        # A function's own error is no error of the platform's: its report has no status.
        status = ""
        if report.status == "timeout":
            status = "Status: timeout"
        elif report.error_type:
            status = f"Status: error\tError Type: {report.error_type}"
        init = f"Init Duration: {report.init_ms:.2f} ms\t" if report.init_ms is not None else ""
        if report.restore_ms is not None:
            init = f"Restore Duration: {report.restore_ms[0]:.2f} ms\tBilled Restore Duration: {report.restore_ms[1]} ms\t"
        return (
            f"END RequestId: {report.request_id}\n",
            f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
            f"Billed Duration: {report.billed_ms} ms\t{self.report_head}{report.memory_mb} MB\t{init}{status}\n",
        )


class JsonLog:
    """Records as extensions get them too: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html"""

    def __init__(self, spec: EnvironmentSpec, runtime_version: str) -> None:
        self.spec = spec
        self.least = LEVELS[spec.system_log_level or "INFO"]
        self.kind = spec.initialization
        self.runtime_version, _, self.runtime_arn = runtime_version.partition("\tRuntime Version ARN: ")

    def _said(self, now: float, level: str, kind: str, record: dict) -> str:
        if LEVELS[level] < self.least:
            return ""
        return json.dumps({"time": timestamp(now), "type": f"platform.{kind}", "record": record}, separators=(",", ":")) + "\n"

    def init_start(self, now: float, difference: str) -> str:
        record = {
            "initializationType": self.kind,
            "phase": "init",
            "runtimeVersion": self.runtime_version,
            "runtimeVersionArn": self.runtime_arn,
            "functionName": self.spec.function_name,
            "functionVersion": self.spec.version,
        } | ({"kumoniwa": difference} if difference else {})
        return self._said(now, "INFO", "initStart", record)

    def init_done(self, now: float, duration_ms: float) -> tuple[str, ...]:
        record = {"initializationType": self.kind, "phase": "init", "status": "success"}
        level = "DEBUG" if self.kind == "on-demand" else "INFO"
        report = record | {"metrics": {"durationMs": round(duration_ms, 3)}}
        return self._said(now, "DEBUG", "initRuntimeDone", record), self._said(now, level, "initReport", report)

    def init_failed(self, now: float, phase: str, duration_ms: float, status: str, error_type: str) -> tuple[str, ...]:
        record = {"initializationType": self.kind, "phase": phase, "status": status, "errorType": error_type}
        report = record | {"metrics": {"durationMs": round(duration_ms, 3)}}
        return self._said(now, "WARN", "initRuntimeDone", record), self._said(now, "WARN", "initReport", report)

    def restore_start(self, now: float) -> str:
        record = {
            "functionName": self.spec.function_name,
            "functionVersion": self.spec.version,
            "runtimeVersion": self.runtime_version,
            "runtimeVersionArn": self.runtime_arn,
        }
        return self._said(now, "INFO", "restoreStart", record)

    def restore_done(self, now: float, duration_ms: float, status: str, error_type: str) -> tuple[str, ...]:
        is_success = status == "success"
        record = {"status": status} | ({} if is_success else {"errorType": error_type})
        report = record | {"metrics": {"durationMs": round(duration_ms, 3)}}
        return (
            self._said(now, "DEBUG" if is_success else "WARN", "restoreRuntimeDone", record),
            self._said(now, "INFO" if is_success else "WARN", "restoreReport", report),
        )

    def start(self, now: float, request_id: str) -> str:
        return self._said(now, "INFO", "start", {"requestId": request_id, "version": self.spec.version})

    def timed_out(self, now: float, request_id: str, text: str) -> str:
        return ""

    def exited(self, now: float, request_id: str, text: str, error_type: str) -> str:
        return ""

    def finish(self, now: float, report: Report) -> tuple[str, ...]:
        ended = {"requestId": report.request_id, "status": report.status}
        if report.error_type:
            ended["errorType"] = report.error_type
        metrics = {
            "durationMs": round(report.duration_ms, 3),
            "billedDurationMs": report.billed_ms,
            "memorySizeMB": self.spec.memory_mb,
            "maxMemoryUsedMB": report.memory_mb,
        }
        if report.init_ms is not None:
            metrics["initDurationMs"] = round(report.init_ms, 3)
        if report.restore_ms is not None:
            metrics |= {"restoreDurationMs": round(report.restore_ms[0], 3), "billedRestoreDurationMs": report.restore_ms[1]}
        done = ended | {"metrics": {"durationMs": round(report.duration_ms, 3), "producedBytes": report.produced_bytes}}
        is_success = report.status == "success"
        return (
            self._said(now, "DEBUG" if is_success else "WARN", "runtimeDone", done),
            self._said(now, "INFO" if is_success else "WARN", "report", ended | {"metrics": metrics}),
        )


def is_wanted(line: str, least: int) -> bool:
    """Whether a line of a function's own is of the wanted level: it says so itself, in JSON, or it counts as INFO."""
    level = LEVELS["INFO"]
    if line.startswith("{"):
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict):
            level = LEVELS.get(str(said.get("level")).upper(), level)
    return level >= least


def timestamp(epoch_s: float) -> str:
    whole, rest = divmod(milliseconds(epoch_s), 1000)
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{rest:03d}Z"
