"""What a Python function's prints and log records become on their way to the region.

Prints are text cut at line ends, log records are one event each: the same difference AWS makes
(recorded: test_multi_line_prints). Runs inside the environment's process.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import time
import traceback
from datetime import UTC, datetime

from kumoniwa.engines.lambda_runtime.frames import RECORD, REPLY, TEXT


class Console:
    """The process's end of the socket pair. Whole frames only, whichever thread sends them."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lock = threading.Lock()
        self.request_id = ""
        self.is_json = False
        # A function that forks must not let its child speak in frames on our socket; the child's prints go to
        # descriptor 1, a plain pipe that the region reads as text.
        os.register_at_fork(after_in_child=self._retire)

    def _retire(self) -> None:
        self.lock = threading.Lock()
        self.descriptor = -1

    def send(self, kind: int, body: bytes, duration_us: int = 0, memory_kib: int = 0) -> None:
        frame = REPLY.pack(kind, len(body), duration_us, memory_kib) + body
        with self.lock:
            if self.descriptor < 0:
                if kind in (TEXT, RECORD):
                    os.write(1, body)
                return
            sent = os.write(self.descriptor, frame)
            while sent < len(frame):
                sent += os.write(self.descriptor, memoryview(frame)[sent:])

    def record(self, text: str) -> None:
        """One log event, newlines included."""
        self.send(RECORD, text.encode("utf-8", "backslashreplace"))

    def error(self, error: dict) -> None:
        """An error as AWS's Python runtime logs it: the traceback's indentation is made of no-break spaces, so
        that log viewers keep it."""
        if self.is_json:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.record(json.dumps({"timestamp": now, "level": "ERROR", **error}, ensure_ascii=False))
            return
        lines = [
            f"[ERROR] {error['errorType']}" + (f": {error['errorMessage']}" if error["errorMessage"] else "")
        ]
        lines.append("Traceback (most recent call last):")
        for entry in error["stackTrace"]:
            for line in entry.splitlines():
                text = line.lstrip(" ")
                lines.append("\u00a0" * (len(line) - len(text)) + text)
        self.record("\n".join(lines))


class _Prints(io.RawIOBase):
    """The raw stream below ``sys.stdout`` and ``sys.stderr``: unbuffered, so nothing printed is lost in a crash."""

    def __init__(self, console: Console, descriptor: int, name: str) -> None:
        self.console, self.descriptor, self.name = console, descriptor, name

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def write(self, piece) -> int:
        body = bytes(piece)
        self.console.send(TEXT, body)
        return len(body)


class _Records(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.console.record(self.format(record))
        except Exception:  # noqa: BLE001 - logging's own contract: a record that cannot be written is reported, not raised
            self.handleError(record)

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.console.request_id
        return super().filter(record)


_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "aws_request_id",
    "taskName",
}


class _JsonFormatter(logging.Formatter):
    """AWS's JSON log records: level, message, logger, the request's id, whatever the caller passed as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "timestamp": f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            kind, value, trace = record.exc_info
            fields["stackTrace"] = traceback.format_tb(trace)
            fields["errorType"], fields["errorMessage"] = kind.__name__, str(value)
            fields["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        fields["requestId"] = record.aws_request_id
        fields |= {
            name: value
            for name, value in vars(record).items()
            if name not in _OWN_FIELDS and name not in fields
        }
        return json.dumps(fields, ensure_ascii=False, default=str) + "\n"


def connect(console: Console, log_format: str, log_level: str) -> None:
    """Point ``print`` and ``logging`` at the console, as AWS's runtime does before it imports the function."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = _Prints(console, descriptor, f"<{name}>")
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True))
        setattr(sys, f"__{name}__", getattr(sys, name))
    console.is_json = log_format == "JSON"
    handler = _Records(console)
    if console.is_json:
        handler.setFormatter(_JsonFormatter())
    else:
        layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S"))
    logging.Formatter.converter = time.gmtime
    root = logging.getLogger()
    root.addHandler(handler)
    if log_level:
        root.setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(log_level, log_level))
