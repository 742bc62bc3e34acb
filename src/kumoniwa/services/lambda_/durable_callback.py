"""Callbacks: an execution waits until somebody outside says what it has come to, or that it goes on.

https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_.durable_execution import Execution, Operation
from kumoniwa.services.lambda_.durable_progress import Progress, told, told_error
from kumoniwa.services.lambda_.errors import CallbackTimeoutException, InvalidParameterValueException

ERROR_BYTES_MAX = 1_048_576


def callback_id(call: Call, execution: Execution, operation: str) -> str:
    """It names the execution, whose ARN says who may send it, and cannot be guessed."""
    return base64.b64encode(f"{executions.arn_of(call, execution)} {operation} {call.new_id()}".encode()).decode()


def _read(text: str) -> tuple[str, str] | None:
    """The execution's ARN and the operation."""
    try:
        arn, operation, _ = base64.b64decode(text, validate=True).decode().split(" ")
    except (binascii.Error, ValueError):
        return None
    return (arn, operation) if ":function:" in arn and "/durable-execution/" in arn else None


def execution_of(text: Any) -> str | None:
    """Whose callback this is: what its permission is asked for."""
    read = _read(text) if isinstance(text, str) else None
    return read[0] if read is not None else None


def _open(call: Call, text: str) -> tuple[Progress, Operation]:
    """What waits for it. Raises InvalidParameterValueException, CallbackTimeoutException."""
    read = _read(text)
    if read is None:
        # As floci-io/floci saw it of AWS (DurableExecutionService).
        raise InvalidParameterValueException("Invalid callback id")
    arn, operation_id = read
    execution = executions.load(call, arn.rpartition("/")[2])
    if execution is None or execution.is_closed or executions.arn_of(call, execution) != arn:
        raise CallbackTimeoutException
    progress = Progress(call, execution)
    operation = progress.operation(operation_id)
    if operation is None or operation.callback != text or operation.status != "STARTED":
        raise CallbackTimeoutException
    if operation.due is not None and operation.due <= call.now():
        raise CallbackTimeoutException
    return progress, operation


def SendDurableExecutionCallbackSuccess(call: Call, *, CallbackId: str, Result: bytes | None = None) -> dict:
    progress, operation = _open(call, CallbackId)
    try:
        result = Result.decode() if Result else None
    except UnicodeDecodeError:
        # The words were found nowhere.
        raise InvalidParameterValueException("Callback result could not be decoded as UTF-8.")
    progress.end(operation, "SUCCEEDED", "CallbackSucceeded", result=result, Result=told(result))
    _leave(progress, executions.text_bytes(result))
    return {}


def SendDurableExecutionCallbackFailure(call: Call, *, CallbackId: str, Error: dict[str, Any] | None = None) -> dict:
    progress, operation = _open(call, CallbackId)
    if executions.error_bytes(Error) > ERROR_BYTES_MAX:
        raise InvalidParameterValueException(f"Error object size must be less than or equal to {ERROR_BYTES_MAX} bytes.")
    progress.end(operation, "FAILED", "CallbackFailed", error=Error, Error=told_error(Error))
    _leave(progress, executions.error_bytes(Error))
    return {}


def SendDurableExecutionCallbackHeartbeat(call: Call, *, CallbackId: str) -> dict:
    """The function hears nothing of it."""
    progress, operation = _open(call, CallbackId)
    if operation.heartbeat_s:
        heartbeat_at = progress.now + operation.heartbeat_s
        due = heartbeat_at if operation.timeout_at is None else min(heartbeat_at, operation.timeout_at)
        progress.keep(changed(operation, heartbeat_at=heartbeat_at, due=due), is_told=False)
        progress.save()
    return {}


def _leave(progress: Progress, written: int) -> None:
    progress.meter(written=written)
    progress.owe()
    progress.save()
