"""Chained invocations: a durable execution invokes another function in the name of its own function's role and waits for its end.

A durable function begins an execution, which reports to its parent when it ends. Any other is invoked once; a region that was killed
meanwhile invokes it again, except where it had answered already.
https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html#durable-invoking-chained
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_ import sandbox
from kumoniwa.services.lambda_.durable_begin import UNQUALIFIED, begin
from kumoniwa.services.lambda_.durable_execution import CHILD, FAILED, SUCCEEDED, Error, Execution, Operation
from kumoniwa.services.lambda_.durable_progress import Progress, chained, told, told_error
from kumoniwa.services.lambda_.errors import InvalidParameterValueException
from kumoniwa.services.lambda_.function import Version, chosen, found
from kumoniwa.services.lambda_.name import arn, parsed

OUTPUT_BYTES_MAX = 1_048_576
"""What a function may answer: https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html. The words of what is larger are of
AWS's own runner: aws-durable-execution-sdk-python-testing 1.4.0, child_dispatcher."""


class Running:
    """Invocations that this life of the region waits for, by execution and operation."""

    def __init__(self) -> None:
        self.keys: set[tuple[str, str]] = set()


def check(call: Call, options: dict[str, Any]) -> None:
    """Raises InvalidParameterValueException; the words are of AWS's own runner, child_dispatcher."""
    if options.get("TenantId") is not None:
        raise NotImplementedHere("tenants of Lambda functions (ChainedInvokeOptions TenantId)")
    named = parsed(options["FunctionName"])
    if named is None:
        raise InvalidParameterValueException(f"Invalid function ARN '{options['FunctionName']}'")
    if named.account not in (None, call.account):
        raise InvalidParameterValueException("Cannot start a CHAINED_INVOKE on a function in another account.")
    if named.region not in (None, call.region):
        raise InvalidParameterValueException("Cannot start a CHAINED_INVOKE on a function in another region.")


def start(progress: Progress, operation: Operation, trace: str | None) -> None:
    """What cannot be invoked fails at once, and the function hears of it in the answer to its checkpoint."""
    call, execution = progress.call, progress.execution
    try:
        target, qualifier = chosen(call, operation.function, None)
        if target.durable is not None:
            if qualifier is None:
                raise InvalidParameterValueException(UNQUALIFIED)
            role = sandbox.role_of(call, found(call, execution.function, execution.version))
            role.require("lambda:InvokeFunction", arn(call, target.function, qualifier))
    except AwsError as error:
        failure = {"ErrorMessage": error.text, "ErrorType": error.code}
        progress.event("ChainedInvokeStarted", operation, FunctionName=operation.function)
        progress.end(operation, FAILED, "ChainedInvokeFailed", error=failure, Error=told_error(failure))
        return
    details = {"FunctionName": operation.function, "Input": told(operation.payload), "ExecutedVersion": target.version}
    if target.durable is None:
        progress.event("ChainedInvokeStarted", operation, **details)
        call.after_commit(lambda: invoke(_ours(call.home, call.account), execution, operation))
        return
    child = begin(
        call, target, qualifier, operation.payload, kind=CHILD, trace=trace or execution.trace, request=call.new_id(), parent=execution.id,
        parent_operation=operation.id,
    )  # fmt: skip
    operation = progress.keep(changed(operation, child=child.id), is_told=False)
    progress.event("ChainedInvokeStarted", operation, DurableExecutionArn=executions.arn_of(call, child), **details)


def _ours(home: Any, account: str) -> Call:
    return home.call("lambda", account, principals.service(sandbox.SERVICE, account))


def recover(call: Call, execution: Execution) -> None:
    """Invoke again what an earlier life of the region was waiting for."""
    for operation in executions.operations(call, execution.id):
        if operation.type == "CHAINED_INVOKE" and operation.status == "STARTED" and not operation.child:
            invoke(call, execution, operation)


def invoke(call: Call, execution: Execution, operation: Operation) -> None:
    running = call.memory(Running)
    key = (execution.id, operation.id)
    if key not in running.keys:
        running.keys.add(key)
        call.home.spawn(_invoke(call, execution, operation, running))


async def _invoke(call: Call, execution: Execution, operation: Operation, running: Running) -> None:
    try:
        status, result, error = await _outcome(call, execution, operation)
        call.atomically(lambda: chained(call, execution.id, operation.id, status, result, error))
    finally:
        running.keys.discard((execution.id, operation.id))


async def _outcome(call: Call, execution: Execution, operation: Operation) -> tuple[str, str | None, Error | None]:
    """What a function that is not durable answers."""
    try:
        version: Version = found(call, execution.function, execution.version)
        role = sandbox.role_of(call, version).traced(execution.trace)
        payload = operation.payload if operation.payload is not None else "{}"
        answer = await role.ask(
            "lambda:Invoke", once=f"{execution.id}-{operation.id}", FunctionName=operation.function, Payload=payload.encode()
        )
    except AwsError as error:
        return FAILED, None, {"ErrorMessage": error.text, "ErrorType": error.code}
    body = bytes(answer.get("Payload") or b"")
    if "FunctionError" in answer:
        return FAILED, None, error_of(body)
    if len(body) > OUTPUT_BYTES_MAX:
        return FAILED, None, {"ErrorMessage": f"CHAINED_INVOKE output payload size must be less than or equal to {OUTPUT_BYTES_MAX} bytes."}
    try:
        return SUCCEEDED, body.decode() or None, None
    except UnicodeDecodeError:
        return FAILED, None, {"ErrorMessage": "CHAINED_INVOKE response could not be decoded as UTF-8."}


def error_of(body: bytes) -> Error:
    """What a function failed with, as an ErrorObject of AWS's model."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return {"ErrorMessage": body.decode("utf-8", "replace")}
    names = {"errorMessage": "ErrorMessage", "errorType": "ErrorType", "errorData": "ErrorData"}
    error: Error = {names[name]: str(said[name]) for name in names if said.get(name) is not None}
    trace = said.get("stackTrace")
    return error | ({"StackTrace": [str(line) for line in trace]} if isinstance(trace, list) else {})
