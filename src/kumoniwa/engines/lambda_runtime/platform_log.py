"""What the platform itself writes into a function's log: lines of text, or JSON records of the wanted level.

Both speak of the same moments. Text says nothing of a start that went well; JSON says it at DEBUG.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html has the level of each record.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

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


class TextLog:
    """One event per line, as Lambda has always written them."""

    def __init__(self, spec: EnvironmentSpec, runtime_version: str) -> None:
        self.first = f"INIT_START Runtime Version: {runtime_version}\n"
        self.report_head = f"Memory Size: {spec.memory_mb} MB\tMax Memory Used: "
        self.start_tail = f" Version: {spec.version}\n"

    def init_start(self, now: float) -> str:
        return self.first

    def init_done(self, now: float, duration_ms: float) -> tuple[str, ...]:
        return ()

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
        self.kind = "provisioned-concurrency" if spec.is_provisioned else "on-demand"
        self.runtime_version, _, self.runtime_arn = runtime_version.partition("\tRuntime Version ARN: ")

    def _said(self, now: float, level: str, kind: str, record: dict) -> str:
        if LEVELS[level] < self.least:
            return ""
        return json.dumps({"time": timestamp(now), "type": f"platform.{kind}", "record": record}, separators=(",", ":")) + "\n"

    def init_start(self, now: float) -> str:
        record = {
            "initializationType": self.kind,
            "phase": "init",
            "runtimeVersion": self.runtime_version,
            "runtimeVersionArn": self.runtime_arn,
            "functionName": self.spec.function_name,
            "functionVersion": self.spec.version,
        }
        return self._said(now, "INFO", "initStart", record)

    def init_done(self, now: float, duration_ms: float) -> tuple[str, ...]:
        record = {"initializationType": self.kind, "phase": "init", "status": "success"}
        level = "INFO" if self.spec.is_provisioned else "DEBUG"
        report = record | {"metrics": {"durationMs": round(duration_ms, 3)}}
        return self._said(now, "DEBUG", "initRuntimeDone", record), self._said(now, level, "initReport", report)

    def init_failed(self, now: float, phase: str, duration_ms: float, status: str, error_type: str) -> tuple[str, ...]:
        record = {"initializationType": self.kind, "phase": phase, "status": status, "errorType": error_type}
        report = record | {"metrics": {"durationMs": round(duration_ms, 3)}}
        return self._said(now, "WARN", "initRuntimeDone", record), self._said(now, "WARN", "initReport", report)

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
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(epoch_s * 1000) % 1000:03d}Z"
