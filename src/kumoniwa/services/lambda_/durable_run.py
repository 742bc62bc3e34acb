"""What drives durable executions: their functions are invoked when there is something to tell them, timers fire, what has ended is dropped.

One invocation of an execution runs at a time. It is lost with its region, and then made again: the function replays, by what it had said.
https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-sdk-retries.html#durable-backend-retries
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.lambda_ import destination, durable_chain, durable_control, figures, sandbox
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_.destination import Result
from kumoniwa.services.lambda_.durable_begin import failure
from kumoniwa.services.lambda_.durable_checkpoint import close, state
from kumoniwa.services.lambda_.durable_execution import FAILED, TABLES, WAITING, Error, Execution
from kumoniwa.services.lambda_.durable_progress import Progress, told_error
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.services.lambda_.function import found
from kumoniwa.services.lambda_.name import arn

IDLE_S = 3_600.0
AT_ONCE = 500
RETRY_S_MAX = 300.0
"""Invocations that fail are made again, after ever longer times, "until the function succeeds or the execution timeout is reached". How
long AWS waits is not told; these are the times of asynchronous events that are throttled."""
IDLE_ANSWERS_MAX = 3
"""AWS's own runner: aws-durable-execution-sdk-python-testing 1.4.0, executor."""
INVALID = "InvalidParameterValueException"

class Running:
    """Executions whose function this life of the region has invoked, and those whose failure it is telling a dead-letter queue."""

    def __init__(self) -> None:
        self.invoked: set[str] = set()
        self.buried: set[str] = set()


async def run(region: Any) -> None:
    """Until the region ends."""
    for call in region.calls("lambda", sandbox.SERVICE):
        call.atomically(partial(_recover, call))
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("lambda", sandbox.SERVICE):
            rows = call.rows(*TABLES)
            for (id_,) in rows.all("select id from lambda_durable where due <= ? order by due limit ?", call.now(), AT_ONCE):
                call.atomically(partial(_move, call, id_))
            until = min(until, rows.one("select min(due) from lambda_durable where due is not null")[0] or until)
        await region.wait(WAITING, until)


def _recover(call: Call) -> None:
    """Take up what an earlier life of the region left in the middle."""
    running = call.memory(Running)
    rows = call.rows(*TABLES).all("select id from lambda_durable where status in ('RUNNING', 'PAUSING', 'PAUSED')")
    for (id_,) in rows:
        if id_ in running.invoked:
            continue
        progress = Progress(call, executions.load(call, id_))
        if progress.execution.invocation:
            progress.become(invocation="", is_owed=True)
            if progress.execution.shown == "PAUSING":
                durable_control.paused(progress)
            progress.save()
        durable_chain.recover(call, progress.execution)
    call.rows(*TABLES).run("update lambda_durable set due = ? where due is null", call.now())


def _move(call: Call, id_: str) -> None:
    """Let happen what is due, and invoke the function if it is to hear of it."""
    execution = executions.load(call, id_)
    running = call.memory(Running)
    if execution.is_closed:
        if not execution.is_buried:
            call.rows(*TABLES).run("update lambda_durable set due = null where id = ?", id_)
            if id_ not in running.buried:
                running.buried.add(id_)
                call.after_commit(lambda: call.home.spawn(_bury(call, execution, running)))
        else:
            executions.drop(call, id_)
            call.keeps_otherwise(is_managed=False)
        return
    progress = Progress(call, execution)
    if execution.ends <= progress.now:
        progress.time_out()
    else:
        if progress.fire():
            progress.owe()
        execution = progress.execution
        if execution.is_owed and not execution.invocation and not execution.is_paused and execution.next_try <= progress.now:
            _begin(progress, running)
    progress.save()


# Invocations ---------------------------------------------------------------------------------------


def _begin(progress: Progress, running: Running) -> None:
    call, execution = progress.call, progress.execution
    is_first = execution.invoked == 0.0
    request = execution.request if is_first else call.new_id()
    updated = [execution.id] if is_first else [each.id for each in progress.unseen()]
    progress.become(invocation=request, invoked=progress.now, is_owed=False, next_try=0.0, seen=execution.changes)
    operations, following = state(call, progress.execution, 0, executions.PAGE_MAX, as_number=True)
    payload = {
        "DurableExecutionArn": executions.arn_of(call, execution),
        "CheckpointToken": executions.token_of(progress.execution).spelled(),
        "InitialExecutionState": {"Operations": operations, "NextMarker": following},
        "UpdatedOperationIds": updated,
    }
    running.invoked.add(execution.id)
    ours = Call(call.home, call.account, principals.service(sandbox.SERVICE, call.account), "lambda", "Invoke", request)
    call.after_commit(lambda: call.home.spawn(_invoke(ours, progress.execution, orjson.dumps(payload), running)))


async def _invoke(call: Call, execution: Execution, payload: bytes, running: Running) -> None:
    """One invocation on its own, so that one defect does not stop the others."""
    outcome: Outcome | None = None
    refusal: AwsError | None = None
    try:
        version = found(call, execution.function, execution.version)
        outcome = await sandbox.of(call.home).invoke(
            call, version, execution.invocation, payload, arn=arn(call, execution.function, execution.qualifier), trace_id=execution.trace
        )
    except AwsError as error:
        refusal = error
    except Exception:
        traceback.print_exc()
    finally:
        running.invoked.discard(execution.id)
    call.atomically(lambda: _ended(call, execution, outcome, refusal))


def _ended(call: Call, invoked: Execution, outcome: Outcome | None, refusal: AwsError | None) -> None:
    execution = executions.load(call, invoked.id)
    if execution is None or execution.invocation != invoked.invocation:
        return
    progress = Progress(call, execution)
    completed = partial(_completed, progress, execution.invocation)
    progress.become(invocation="")
    if outcome is None:
        # Throttled, or its role cannot be assumed: nothing ran.
        if isinstance(refusal, ResourceNotFoundException):
            progress.close(FAILED, error={"ErrorMessage": refusal.text, "ErrorType": refusal.code})
        elif not execution.is_closed:
            _again(progress)
    elif execution.is_closed:
        completed(None)
    elif outcome.function_error is not None:
        error = durable_chain.error_of(outcome.payload)
        completed(error)
        progress.meter(operations=1, written=executions.error_bytes(error))
        _again(progress)
    else:
        _answered(progress, outcome.payload, completed)
    if not progress.execution.is_closed and progress.execution.shown == "PAUSING":
        durable_control.paused(progress)
    progress.save()


def _completed(progress: Progress, request: str, error: Error | None) -> None:
    said = {"Error": told_error(error)} if error is not None else {}
    progress.event(
        "InvocationCompleted", StartTimestamp=progress.execution.invoked, EndTimestamp=progress.now, RequestId=request, **said
    )


def _again(progress: Progress) -> None:
    failures = progress.execution.failures + 1
    progress.become(failures=failures, is_owed=True, next_try=progress.now + min(RETRY_S_MAX, 2.0 ** (failures - 1)))


def _answered(progress: Progress, payload: bytes, completed: Callable[[Error | None], None]) -> None:
    """The function has come to an end, or waits. An answer that says neither ends the execution; the words are as floci-io/floci saw them of
    AWS (DurableExecutionService)."""
    try:
        said = orjson.loads(payload)
    except orjson.JSONDecodeError:
        said = None
    said = said if isinstance(said, dict) else {}
    status, result, error = said.get("Status"), said.get("Result"), said.get("Error")
    refusal = ""
    if status not in ("SUCCEEDED", "FAILED", "PENDING"):
        refusal = "Invalid Status in invocation output."
    elif status == "SUCCEEDED" and error is not None:
        refusal = "Cannot provide an Error for SUCCEEDED status."
    elif status == "FAILED" and result is not None:
        refusal = "Cannot provide a Result for FAILED status."
    elif not isinstance(result, str | None) or not isinstance(error, dict | None):
        refusal = "Invalid invocation output."  # its words were found nowhere
    elif status == "PENDING" and not _waits(progress):
        idle = progress.execution.idle_answers + 1
        if idle < IDLE_ANSWERS_MAX:
            completed(None)
            progress.become(idle_answers=idle)
            _again(progress)
            return
        refusal = "Cannot return PENDING status with no pending operations."
    if refusal:
        failed = {"ErrorMessage": refusal, "ErrorType": INVALID}
        completed(failed)
        progress.close(FAILED, error=failed)
        return
    completed(error)
    progress.become(failures=0, idle_answers=0)
    if status == "PENDING":
        if progress.execution.changes > progress.execution.seen:
            progress.owe()
        return
    try:
        close(progress, status == "SUCCEEDED", result, error)
    except InvalidParameterValueException as large:
        progress.close(FAILED, error={"ErrorMessage": large.text, "ErrorType": INVALID})


def _waits(progress: Progress) -> bool:
    """Whether something outside the function will move the execution on, or has moved it already."""
    execution = progress.execution
    if execution.pause is not None or execution.is_owed or execution.changes > execution.seen:
        return True
    return any(each.is_waited_for for each in executions.operations(progress.call, execution.id))


# Failures that nobody waits for ----------------------------------------------------------------------


async def _bury(call: Call, execution: Execution, running: Running) -> None:
    """Send what began a failed execution to the function's dead-letter queue, once it is there. AWS drops what is refused, and counts it.
    https://docs.aws.amazon.com/lambda/latest/dg/durable-best-practices.html#durable-error-handling-best-practices"""
    result = Result(
        request_id=execution.request, arn=arn(call, execution.function, execution.qualifier), condition="RetriesExhausted", attempts=1,
        request=(executions.input_of(call, execution.id) or "{}").encode(), executed=execution.version, error="Unhandled",
        response=orjson.dumps(failure(execution.error or {})),
    )  # fmt: skip
    try:
        version = found(call, execution.function, execution.version)
        await destination.bury(sandbox.role_of(call, version), version.dead_letter, result)
    except AwsError as error:
        figures.lost(call, execution.function, "DeadLetterErrors")
        print(f"kumoniwa: {result.arn}: {error.code} from the dead-letter queue of an execution: {error.text}", file=sys.stderr)
    finally:
        running.buried.discard(execution.id)
    call.atomically(lambda: _is_buried(call, execution.id))


def _is_buried(call: Call, id_: str) -> None:
    execution = executions.load(call, id_)
    if execution is not None:
        progress = Progress(call, execution)
        progress.become(is_buried=True)
        progress.save()
