"""How durable executions begin, and what whoever waits for one hears of its end.

A name makes beginning idempotent: with the same payload the execution of that name is found, whether it goes on or has ended, with another
one it is refused. https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-idempotency.html
"""

from __future__ import annotations

import orjson

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_ import figures
from kumoniwa.services.lambda_.durable_execution import SUCCEEDED, SYNCHRONOUS, Error, Execution
from kumoniwa.services.lambda_.durable_progress import Progress, tell, told
from kumoniwa.services.lambda_.errors import DurableExecutionAlreadyStartedException, InvalidParameterValueException
from kumoniwa.services.lambda_.function import Version

WAITS_S = 900
"""What whoever invokes a function waits for it."""
UNQUALIFIED = "You cannot invoke a durable function using an unqualified ARN."
# https://github.com/serverless/serverless/pull/13589


def check(version: Version, qualifier: str | None, *, is_synchronous: bool) -> None:
    """Which invocations of a durable function are none. Raises InvalidParameterValueException."""
    if qualifier is None:
        raise InvalidParameterValueException(UNQUALIFIED)
    if is_synchronous and version.durable.timeout_s > WAITS_S:
        # Told in aws-samples/serverless-patterns (Step Functions and durable functions).
        raise InvalidParameterValueException(
            "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes."
        )


def begin(
    call: Call,
    version: Version,
    qualifier: str,
    payload: str | None,
    *,
    kind: str,
    trace: str,
    request: str,
    name: str | None = None,
    parent: str = "",
    parent_operation: str = "",
) -> Execution:
    """A new execution, or the one of that name. It is invoked as soon as what the call wrote is kept. Raises
    DurableExecutionAlreadyStartedException."""
    if name is not None and (held := executions.named(call, version.function, name)) is not None:
        if held.version != version.version or executions.input_of(call, held.id) != payload:
            # The words were seen of AWS by floci-io/floci (DurableExecutionService), as was that another version counts as another payload.
            raise DurableExecutionAlreadyStartedException(f"Execution already started: {executions.arn_of(call, held)}")
        return held
    now = milliseconds(call.now()) / 1000  # as it is told, and as lists are filtered by it
    execution = Execution(
        id=call.new_id(), name=name or call.new_id(), function=version.function, version=version.version, qualifier=qualifier, kind=kind,
        started=now, config=version.durable, deadline=now + version.durable.timeout_s, request=request, trace=trace,
        has_input=payload is not None, parent=parent, parent_operation=parent_operation,
    )  # fmt: skip
    executions.add(call, execution, payload)
    progress = Progress(call, execution)
    progress.event("ExecutionStarted", Input=told(payload), ExecutionTimeout=version.durable.timeout_s)
    progress.meter(operations=1, written=executions.text_bytes(payload))
    progress.save()
    figures.durable_began(call, version.function, executions.running(call))
    tell(call, progress.execution)
    return progress.execution


async def ended(call: Call, id_: str) -> Outcome:
    """What an execution comes to, for whoever invoked its function and waits: as functions answer."""
    until = call.now() + WAITS_S + 1
    while True:
        execution = executions.load(call, id_)
        if execution is None or execution.is_closed or call.now() >= until:
            break
        await call.wait("durable", id_, until=until)
    if execution is not None and execution.status == SUCCEEDED:
        return _outcome((executions.result_of(call, id_) or "").encode(), None)
    if execution is None or not execution.is_closed:
        # Paused for longer than anybody waits, or deleted. The words are a function's that takes too long.
        return _outcome(orjson.dumps({"errorMessage": f"Task timed out after {WAITS_S}.00 seconds"}), "Unhandled")
    return _outcome(orjson.dumps(failure(execution.error or {})), "Unhandled")


def failure(error: Error) -> dict:
    """An error as those hear of it who invoked a function."""
    names = {"ErrorMessage": "errorMessage", "ErrorType": "errorType", "ErrorData": "errorData", "StackTrace": "stackTrace"}
    return {names[name]: value for name, value in error.items()}


def _outcome(payload: bytes, error: str | None) -> Outcome:
    return Outcome(payload, error, 0.0, 0, 0, None, None, None)


async def answered(call: Call, version: Version, qualifier: str | None, payload: bytes, trace: str, request: str) -> Outcome:
    """What a service hears that invokes a durable function and waits for it. Raises InvalidParameterValueException."""
    check(version, qualifier, is_synchronous=True)
    execution = call.atomically(
        lambda: begin(call, version, qualifier, payload.decode(), kind=SYNCHRONOUS, trace=trace, request=request)
    )
    return await ended(call, execution.id)
