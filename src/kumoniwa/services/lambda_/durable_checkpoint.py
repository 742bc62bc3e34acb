"""Checkpoints: what a function says that its operations have come to, and what it is told of them.

A checkpoint is applied wholly or not at all, and only to the invocation in flight: its token is of that invocation, and each checkpoint
gives the next. The rules and words are those of AWS's own runner (aws-durable-execution-sdk-python-testing 1.4.0, checkpoint/validators);
where that differs from what floci-io/floci saw of AWS (DurableCheckpointApplier), the latter counts.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import changed, pack, unpack
from kumoniwa.services.lambda_ import durable_chain, durable_control
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_.durable_callback import callback_id
from kumoniwa.services.lambda_.durable_execution import TABLES, Execution, Operation, error_bytes, text_bytes
from kumoniwa.services.lambda_.durable_progress import Progress, told, told_error
from kumoniwa.services.lambda_.errors import InvalidParameterValueException

PAYLOAD_BYTES_MAX = 1_048_576
"""https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html"""
STATE_BYTES_MAX = 5 << 20
"""Of the operations that one answer or one invocation tells."""
OPERATIONS_MAX, WRITTEN_MAX = 3_000, 100_000_000
"""https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html. How AWS says that they are used up was found nowhere."""
REPEATED_S = 900.0
"""A request with a client token is the same one for so long."""
ACTIONS = {
    "EXECUTION": ("SUCCEED", "FAIL"),
    "CONTEXT": ("START", "SUCCEED", "FAIL"),
    "STEP": ("START", "SUCCEED", "FAIL", "RETRY"),
    "WAIT": ("START", "CANCEL"),
    "CALLBACK": ("START",),
    "CHAINED_INVOKE": ("START",),
}
Update = dict[str, Any]


# What the function is told -------------------------------------------------------------------------


def shown(operation: Operation, *, as_number: bool = False) -> dict[str, Any]:
    """An operation in AWS's shape. Invocations are told times ``as_number``, in milliseconds, as AWS's SDKs read them."""

    def at(moment: float) -> float:
        return milliseconds(moment) if as_number else moment

    told: dict[str, Any] = {"Id": operation.id, "Type": operation.type, "StartTimestamp": at(operation.started), "Status": operation.status}
    said = {"ParentId": operation.parent, "Name": operation.name, "SubType": operation.subtype}
    told |= {name: value for name, value in said.items() if value is not None}
    if operation.ended is not None:
        told["EndTimestamp"] = at(operation.ended)
    details: dict[str, Any] = {"Result": operation.result, "Error": operation.error}
    match operation.type:
        case "CONTEXT":
            kind = "ContextDetails"
            details["ReplayChildren"] = operation.replays_children
        case "STEP":
            kind = "StepDetails"
            details["Attempt"] = operation.attempt
            details["NextAttemptTimestamp"] = at(operation.due) if operation.due is not None else None
        case "WAIT":
            kind, details = "WaitDetails", {"ScheduledEndTimestamp": at(operation.scheduled)}
        case "CALLBACK":
            kind = "CallbackDetails"
            details["CallbackId"] = operation.callback
        case _:
            kind = "ChainedInvokeDetails"
    return told | {kind: {name: value for name, value in details.items() if value is not None}}


def root(call: Call, execution: Execution, *, as_number: bool = False) -> dict[str, Any]:
    """The operation that is the execution itself."""
    started = milliseconds(execution.started) if as_number else execution.started
    payload = executions.input_of(call, execution.id)
    return {
        "Id": execution.id, "Name": execution.name, "Type": "EXECUTION", "Status": "STARTED", "StartTimestamp": started,
        "ExecutionDetails": {} if payload is None else {"InputPayload": payload},
    }  # fmt: skip


def state(call: Call, execution: Execution, after: int, most: int, *, as_number: bool = False) -> tuple[list[dict[str, Any]], str]:
    """A page of what a function needs to replay, and the marker of the next one; nothing where it is the last. What is in a context
    that is over is left out, unless the context asked for it: https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecutionState.html"""
    closed: set[str] = set()
    page: list[dict[str, Any]] = [] if after else [root(call, execution, as_number=as_number)]
    size = 0
    for each in executions.operations(call, execution.id):
        if each.parent in closed:
            closed.add(each.id)
            continue
        if each.type == "CONTEXT" and each.ended is not None and not each.replays_children:
            closed.add(each.id)
        if each.n < after:
            continue
        size += text_bytes(each.result) + error_bytes(each.error)
        if page and (len(page) >= most or size > STATE_BYTES_MAX):
            return page, executions.marker(each.n)
        page.append(shown(each, as_number=as_number))
    return page, ""


def GetDurableExecutionState(
    call: Call, *, DurableExecutionArn: str, CheckpointToken: str, Marker: str | None = None, MaxItems: int | None = None
) -> dict:
    execution = _invoked(call, DurableExecutionArn, CheckpointToken)
    page, following = state(call, execution, executions.read_marker(Marker), executions.page_length(MaxItems))
    return {"Operations": page} | ({"NextMarker": following} if following else {})


def _invoked(call: Call, arn: str, token: str) -> Execution:
    """The execution whose invocation in flight the token is of. Of one that there is none of, AWS says no more than of an old token."""
    said = executions.read_token(token)
    if said is not None and said.execution != arn.rpartition("/")[2]:
        raise InvalidParameterValueException("Checkpoint token is not valid for the durable execution ARN")
    execution = executions.load(call, said.execution) if said is not None else None
    if execution is None or execution.is_closed or not execution.invocation or executions.token_of(execution) != said:
        raise InvalidParameterValueException("Invalid checkpoint token")
    if executions.arn_of(call, execution) != arn or execution.is_paused:
        raise InvalidParameterValueException("Invalid checkpoint token")
    return execution


def CheckpointDurableExecution(
    call: Call, *, DurableExecutionArn: str, CheckpointToken: str, Updates: list[Update] | None = None, ClientToken: str | None = None
) -> dict:
    """A pause is heard of here: what the function said is kept, but it gets no token to go on with."""
    if ClientToken and (answer := _repeated(call, CheckpointToken, ClientToken)) is not None:
        return answer
    progress = Progress(call, _invoked(call, DurableExecutionArn, CheckpointToken))
    _check_batch(Updates or [])
    for update in Updates or []:
        _apply(progress, update)
    execution = progress.execution
    if execution.is_closed:
        progress.save()
        return {"NewExecutionState": {"Operations": []}}
    if execution.metered > OPERATIONS_MAX:
        raise InvalidParameterValueException(f"Durable execution operations must be less than or equal to {OPERATIONS_MAX}.")
    if execution.written > WRITTEN_MAX:
        raise InvalidParameterValueException(f"Durable execution storage written must be less than or equal to {WRITTEN_MAX} bytes.")
    if execution.pause is not None:
        durable_control.paused(progress)
        progress.owe()
        progress.save()
        return {"NewExecutionState": {"Operations": []}}
    progress.fire()
    told = [shown(each) for each in progress.unseen()]
    execution = progress.execution
    progress.become(
        token=execution.token + 1, seen=execution.changes, is_owed=False,
        client_token=ClientToken or "", asked_token=CheckpointToken, answered_at=progress.now,
    )  # fmt: skip
    answer = {"CheckpointToken": executions.token_of(progress.execution).spelled(), "NewExecutionState": {"Operations": told}}
    progress.save()
    if ClientToken:
        call.rows(*TABLES).run("update lambda_durable set answer = ? where id = ?", pack(answer), execution.id)
    return answer


def _repeated(call: Call, token: str, client_token: str) -> dict | None:
    """The answer that the last checkpoint was given, to whoever asks the same again while it may still go on with it."""
    said = executions.read_token(token)
    execution = executions.load(call, said.execution) if said is not None else None
    if execution is None or execution.is_closed or (execution.client_token, execution.asked_token) != (client_token, token):
        return None
    if said.invocation != execution.invocation or call.now() - execution.answered_at > REPEATED_S:
        return None
    return unpack(call.rows(*TABLES).one("select answer from lambda_durable where id = ?", execution.id)[0], dict)


# What the function says ----------------------------------------------------------------------------


def _check_batch(updates: list[Update]) -> None:
    if sum(update["Type"] == "EXECUTION" for update in updates) > 1:
        raise InvalidParameterValueException("Cannot checkpoint multiple EXECUTION updates.")
    seen: dict[str, Update] = {}
    for update in updates:
        if update["Type"] == "EXECUTION" and update is not updates[-1]:
            raise InvalidParameterValueException("EXECUTION checkpoint must be the last update.")
        before = seen.get(update["Id"])
        if before is not None:
            is_closing = update["Type"] == before["Type"] and update["Type"] in ("STEP", "CONTEXT") and update["Action"] != "START"
            if before["Action"] != "START" or not is_closing:
                raise InvalidParameterValueException("Cannot update the same operation twice in a single request.")
        seen[update["Id"]] = update


def _apply(progress: Progress, update: Update) -> None:
    kind, action, payload, error = update["Type"], update["Action"], update.get("Payload"), update.get("Error")
    if action not in ACTIONS[kind]:
        raise InvalidParameterValueException("Invalid action for the given operation type.")
    if action == "SUCCEED" and error is not None:
        raise InvalidParameterValueException("Cannot provide an Error for SUCCEED action.")
    if action == "FAIL" and payload is not None:
        raise InvalidParameterValueException("Cannot provide a Payload for FAIL action.")
    if error_bytes(error) > PAYLOAD_BYTES_MAX:
        raise InvalidParameterValueException(f"Error object size must be less than or equal to {PAYLOAD_BYTES_MAX} bytes.")
    if kind == "EXECUTION":
        close(progress, action == "SUCCEED", payload, error)
        return
    if text_bytes(payload) > PAYLOAD_BYTES_MAX:
        what = "CHAINED_INVOKE input" if kind == "CHAINED_INVOKE" else kind
        raise InvalidParameterValueException(f"{what} payload size must be less than or equal to {PAYLOAD_BYTES_MAX} bytes.")
    held = progress.operation(update["Id"])
    _check_like(progress, held, update)
    progress.meter(written=text_bytes(payload) + error_bytes(error))
    _APPLIED[kind](progress, held, update)


def close(progress: Progress, is_success: bool, payload: str | None, error: dict | None) -> None:
    """The function says that it has come to its end. Raises InvalidParameterValueException."""
    most = progress.execution.result_bytes_max
    if text_bytes(payload) > most:
        raise InvalidParameterValueException(f"Execution output payload size must be less than or equal to {most} bytes.")
    progress.close("SUCCEEDED" if is_success else "FAILED", result=payload, error=error)


def _check_like(progress: Progress, held: Operation | None, update: Update) -> None:
    parent = update.get("ParentId")
    if held is not None:
        if held.type != update["Type"]:
            raise InvalidParameterValueException("Inconsistent operation type.")
        if update.get("SubType") not in (None, held.subtype):
            raise InvalidParameterValueException("Inconsistent operation subtype.")
        if update.get("Name") not in (None, held.name):
            raise InvalidParameterValueException("Inconsistent operation name.")
        if parent not in (None, held.parent):
            raise InvalidParameterValueException("Inconsistent parent operation id.")
    elif parent is not None:
        context = progress.operation(parent)
        if context is None or context.type != "CONTEXT":
            raise InvalidParameterValueException("Invalid parent operation id.")


def _new(progress: Progress, update: Update, **more: Any) -> Operation:
    number = progress.execution.operations + 1
    progress.become(operations=number)
    return progress.keep(
        Operation(
            id=update["Id"], n=number, type=update["Type"], status="STARTED", started=progress.now, changed=0, parent=update.get("ParentId"),
            name=update.get("Name"), subtype=update.get("SubType"), **more,
        )
    )  # fmt: skip


def _context(progress: Progress, held: Operation | None, update: Update) -> None:
    if update["Action"] == "START":
        if held is not None:
            raise InvalidParameterValueException("Cannot start a CONTEXT that already exist.")
        progress.meter(operations=1)
        progress.event("ContextStarted", _new(progress, update))
        return
    if held is None or held.status != "STARTED":
        raise InvalidParameterValueException("Invalid current CONTEXT state to close.")
    replays = (update.get("ContextOptions") or {}).get("ReplayChildren")
    held = changed(held, replays_children=replays)
    if update["Action"] == "SUCCEED":
        payload = update.get("Payload")
        progress.end(held, "SUCCEEDED", "ContextSucceeded", result=payload, Result=told(payload))
    else:
        error = update.get("Error")
        progress.end(held, "FAILED", "ContextFailed", error=error, Error=told_error(error))


def _step(progress: Progress, held: Operation | None, update: Update) -> None:
    action, delay_s = update["Action"], (update.get("StepOptions") or {}).get("NextAttemptDelaySeconds")
    if (action == "RETRY") != (delay_s is not None):
        raise InvalidParameterValueException("Invalid StepOptions for the given action.")
    if action == "START":
        if held is None:
            progress.event("StepStarted", _new(progress, update))
        elif held.status == "READY":
            progress.event("StepStarted", progress.keep(changed(held, status="STARTED")))
        else:
            raise InvalidParameterValueException("Invalid current STEP state to start.")
        return
    payload, error = update.get("Payload"), update.get("Error")
    if action == "RETRY" and payload is not None and error is not None:
        raise InvalidParameterValueException("Cannot provide both error and payload to RETRY a STEP.")
    if held is None:
        held = _new(progress, update)
    elif held.status not in ("STARTED", "READY"):
        what = "re-attempt" if action == "RETRY" else "close"
        raise InvalidParameterValueException(f"Invalid current STEP state to {what}.")
    progress.meter(operations=1)
    attempt = (held.attempt or 0) + 1
    held, retry = changed(held, attempt=attempt), {"CurrentAttempt": attempt}
    if action == "SUCCEED":
        progress.end(held, "SUCCEEDED", "StepSucceeded", result=payload, Result=told(payload), RetryDetails=retry)
    elif action == "FAIL":
        progress.end(held, "FAILED", "StepFailed", error=error, Error=told_error(error), RetryDetails=retry)
    else:
        held = progress.keep(changed(held, status="PENDING", due=progress.now + delay_s, result=payload, error=error))
        retry["NextAttemptDelaySeconds"] = delay_s
        if error is not None:
            progress.event("StepFailed", held, Error=told_error(error), RetryDetails=retry)
        else:
            progress.event("StepSucceeded", held, Result=told(payload), RetryDetails=retry)


def _wait(progress: Progress, held: Operation | None, update: Update) -> None:
    if update["Action"] == "CANCEL":
        if held is None or held.status != "STARTED":
            raise InvalidParameterValueException("Cannot cancel a WAIT that does not exist or has already completed.")
        error = update.get("Error")
        progress.end(held, "CANCELLED", "WaitCancelled", error=error, **({"Error": told_error(error)} if error is not None else {}))
        return
    if held is not None:
        raise InvalidParameterValueException("Cannot start a WAIT that already exist.")
    wait_s = (update.get("WaitOptions") or {}).get("WaitSeconds")
    if wait_s is None:
        raise InvalidParameterValueException("Update for WAIT operation requires WaitOptions.")
    progress.meter(operations=1)
    due = progress.now + wait_s
    progress.event("WaitStarted", _new(progress, update, due=due, scheduled=due), Duration=wait_s, ScheduledEndTimestamp=due)


def _callback(progress: Progress, held: Operation | None, update: Update) -> None:
    if held is not None:
        raise InvalidParameterValueException("Cannot start a CALLBACK that already exist.")
    options = update.get("CallbackOptions") or {}
    # "If not specified or set to 0, the callback has no timeout."
    timeout_s, heartbeat_s = options.get("TimeoutSeconds") or 0, options.get("HeartbeatTimeoutSeconds") or 0
    progress.meter(operations=1)
    timeout_at = progress.now + timeout_s if timeout_s else None
    heartbeat_at = progress.now + heartbeat_s if heartbeat_s else None
    due = min((at for at in (timeout_at, heartbeat_at) if at is not None), default=None)
    callback = callback_id(progress.call, progress.execution, update["Id"])
    operation = _new(
        progress, update, callback=callback, timeout_at=timeout_at, heartbeat_at=heartbeat_at, heartbeat_s=heartbeat_s, due=due
    )
    said = {"CallbackId": callback, "Timeout": timeout_s, "HeartbeatTimeout": heartbeat_s}
    progress.event("CallbackStarted", operation, **{name: value for name, value in said.items() if value})


def _chained_invoke(progress: Progress, held: Operation | None, update: Update) -> None:
    if held is not None:
        raise InvalidParameterValueException("Cannot start a CHAINED_INVOKE that already exist.")
    options = update.get("ChainedInvokeOptions")
    if options is None:
        raise InvalidParameterValueException("Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.")
    durable_chain.check(progress.call, options)
    progress.meter(operations=1)
    operation = _new(progress, update, function=options["FunctionName"], payload=update.get("Payload"))
    durable_chain.start(progress, operation, options.get("XAmznTraceId"))


_APPLIED = {"CONTEXT": _context, "STEP": _step, "WAIT": _wait, "CALLBACK": _callback, "CHAINED_INVOKE": _chained_invoke}
