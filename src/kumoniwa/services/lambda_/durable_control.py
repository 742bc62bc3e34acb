"""Stopping, pausing, resuming and deleting durable executions.

https://docs.aws.amazon.com/lambda/latest/dg/durable-managing-executions.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_.durable_execution import STOPPED, Pause
from kumoniwa.services.lambda_.durable_progress import Progress
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceConflictException

ERROR_BYTES_MAX = 1_048_576
REPEATED_S = 900
TOKENS = {
    "PauseDurableExecution": Token("ClientToken", of=("DurableExecutionArn",), kept_s=REPEATED_S),
    "ResumeDurableExecution": Token("ClientToken", of=("DurableExecutionArn",), kept_s=REPEATED_S),
}
"""https://docs.aws.amazon.com/lambda/latest/api/API_PauseDurableExecution.html"""


def StopDurableExecution(call: Call, *, DurableExecutionArn: str, Error: dict[str, Any] | None = None) -> dict:
    """One that has ended stays as it is, and tells when it ended. Without an error an empty one is kept: both as floci-io/floci saw it of
    AWS (DurableExecutionService)."""
    if executions.error_bytes(Error) > ERROR_BYTES_MAX:
        raise InvalidParameterValueException(f"Error object size must be less than or equal to {ERROR_BYTES_MAX} bytes.")
    progress = Progress(call, executions.found(call, DurableExecutionArn))
    if not progress.execution.is_closed:
        progress.close(STOPPED, error=Error or {})
        progress.save()
    return {"StopTimestamp": progress.execution.ended}


def PauseDurableExecution(
    call: Call, *, DurableExecutionArn: str, ClientToken: str | None = None, Reason: str | None = None, ExecutionTimeoutPaused: bool | None = None
) -> None:
    """An invocation in flight is let come to its next checkpoint. The words of the refusals are ours: those of AWS were found nowhere."""
    progress = Progress(call, executions.found(call, DurableExecutionArn))
    execution = progress.execution
    if execution.shown != executions.RUNNING:
        raise ResourceConflictException(f"Durable execution cannot be paused because its status is {execution.shown}.")
    progress.become(pause=Pause(requested=progress.now, reason=Reason, holds_timeout=ExecutionTimeoutPaused is not False))
    if not execution.invocation:
        paused(progress)
    progress.save()


def paused(progress: Progress) -> None:
    """From now on the function is not invoked."""
    pause = changed(progress.execution.pause, began=progress.now)
    progress.become(pause=pause)
    reason = {"Reason": {"Payload": pause.reason, "Truncated": False}} if pause.reason is not None else {}
    progress.event("ExecutionPaused", PauseRequestTimestamp=pause.requested, ExecutionTimeoutPaused=pause.holds_timeout, **reason)


def ResumeDurableExecution(call: Call, *, DurableExecutionArn: str, ClientToken: str | None = None, Reason: str | None = None) -> None:
    """What had not yet paused goes on as if nobody had asked."""
    progress = Progress(call, executions.found(call, DurableExecutionArn))
    execution = progress.execution
    pause = execution.pause
    if execution.is_closed or pause is None:
        raise ResourceConflictException(f"Durable execution cannot be resumed because its status is {execution.shown}.")
    if pause.began is not None:
        if pause.holds_timeout:
            longest = execution.started + executions.LONGEST_S
            progress.become(deadline=min(execution.deadline + progress.now - pause.began, longest))
        reason = {"Reason": {"Payload": Reason, "Truncated": False}} if Reason is not None else {}
        progress.event("ExecutionResumed", ResumeRequestTimestamp=progress.now, **reason)
    progress.become(pause=None)
    progress.save()


def DeleteDurableExecution(call: Call, *, DurableExecutionArn: str) -> dict:
    """It is gone at once, so that nobody sees it DELETING. https://docs.aws.amazon.com/lambda/latest/dg/durable-delete.html

    The words of the refusal are ours: those of AWS were found nowhere."""
    execution = executions.found(call, DurableExecutionArn)
    if not execution.is_closed:
        raise ResourceConflictException(f"Durable execution cannot be deleted because its status is {execution.shown}.")
    executions.drop(call, execution.id)
    return {"DeletionRequestTimestamp": call.now()}
