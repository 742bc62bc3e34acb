"""What becomes of a durable execution in one atomic step: operations change, events are written down, it may come to its end.

A ``Progress`` lasts no longer than that. Who makes one ends with ``save``, which keeps everything and has the driver look at the execution
again when something is due.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed, pack
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_ import figures
from kumoniwa.services.lambda_.durable_execution import (
    ASYNCHRONOUS,
    FAILED,
    STOPPED,
    SUCCEEDED,
    TABLES,
    TIMED_OUT,
    Error,
    Execution,
    Operation,
)
from kumoniwa.services.lambda_.function import Version
from kumoniwa.services.lambda_.name import arn
from kumoniwa.wire import timestamps

STATUS_CHANGE = "Durable Execution Status Change"
CLOSING = {SUCCEEDED: "ExecutionSucceeded", FAILED: "ExecutionFailed", TIMED_OUT: "ExecutionTimedOut", STOPPED: "ExecutionStopped"}
TIMEOUTS = {
    "Callback.Timeout": "Callback timed out",
    "Callback.Heartbeat": "Callback timed out on heartbeat",
}
"""As AWS's own runner says it: aws-durable-execution-sdk-python-testing 1.4.0, executor."""


def told(payload: str | None) -> dict[str, Any]:
    """A payload as events tell it."""
    return {"Truncated": False} if payload is None else {"Payload": payload, "Truncated": False}


def told_error(error: Error | None) -> dict[str, Any]:
    return {"Truncated": False} if error is None else {"Payload": error, "Truncated": False}


class Progress:
    def __init__(self, call: Call, execution: Execution) -> None:
        self.call, self.execution, self.now = call, execution, call.now()

    def save(self) -> None:
        executions.save(self.call, self.execution)

    def become(self, **fields: Any) -> None:
        self.execution = changed(self.execution, **fields)

    # Operations -------------------------------------------------------------------------------

    def operation(self, id_: str) -> Operation | None:
        return executions.operation(self.call, self.execution.id, id_)

    def keep(self, operation: Operation, *, is_told: bool = True) -> Operation:
        """Something happened to an operation, which the function is told."""
        if is_told:
            self.become(changes=self.execution.changes + 1)
            operation = changed(operation, changed=self.execution.changes)
        self.call.rows(*TABLES).run(
            "insert into lambda_durable_operation (execution, id, n, changed, due, body) values (?,?,?,?,?,?) "
            "on conflict do update set changed = excluded.changed, due = excluded.due, body = excluded.body",
            self.execution.id, operation.id, operation.n, operation.changed, operation.due, pack(operation),
        )  # fmt: skip
        return operation

    def unseen(self) -> list[Operation]:
        return executions.operations(self.call, self.execution.id, "changed > ?", self.execution.seen)

    def meter(self, operations: int = 0, written: int = 0) -> None:
        """What AWS bills: https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-sdk-retries.html and, counted there, the metrics
        DurableExecutionOperations and DurableExecutionStorageWrittenBytes."""
        function = self.execution.function
        self.become(metered=self.execution.metered + operations, written=self.execution.written + written)
        figures.metered(self.call, function, operations, written)
        if operations:
            self.call.bill("lambda:durable_operations", function, operations)
        if written:
            self.call.bill("lambda:durable_data_written", function, written / 1_000_000_000)

    def owe(self) -> None:
        """The function is to see what happened."""
        self.become(is_owed=True)

    # History ----------------------------------------------------------------------------------

    def event(self, kind: str, operation: Operation | None = None, **details: Any) -> None:
        event = {"EventType": kind, "EventId": self.execution.events + 1, "EventTimestamp": self.now, f"{kind}Details": details}
        if operation is not None:
            said = {"Id": operation.id, "Name": operation.name, "SubType": operation.subtype, "ParentId": operation.parent}
            event |= {name: value for name, value in said.items() if value is not None}
        elif kind != "InvocationCompleted":
            event |= {"Id": self.execution.id, "Name": self.execution.name}
        self.become(events=self.execution.events + 1)
        self.call.rows(*TABLES).run(
            "insert into lambda_durable_event (execution, n, body) values (?,?,?)", self.execution.id, self.execution.events, pack(event)
        )

    # Ends -------------------------------------------------------------------------------------

    def end(self, operation: Operation, status: str, kind: str, *, result: str | None = None, error: Error | None = None, **details: Any) -> None:
        """An operation is over."""
        operation = self.keep(
            changed(operation, status=status, ended=self.now, due=None, timeout_at=None, heartbeat_at=None, result=result, error=error)
        )
        self.event(kind, operation, **details)

    def fire(self) -> bool:
        """Let happen what is due: waits end, steps may be tried again, callbacks give up. Answers whether anything was."""
        due = executions.operations(self.call, self.execution.id, "due <= ?", self.now)
        for each in due:
            if each.type == "WAIT":
                self.end(each, "SUCCEEDED", "WaitSucceeded", Duration=round(each.due - each.started))
            elif each.type == "STEP":
                self.keep(changed(each, status="READY", due=None))
            else:
                heartbeat, timeout = each.heartbeat_at, each.timeout_at
                kind = "Callback.Heartbeat" if heartbeat is not None and (timeout is None or heartbeat < timeout) else "Callback.Timeout"
                error = {"ErrorMessage": TIMEOUTS[kind], "ErrorType": kind}
                # The event names the type alone, as floci-io/floci saw it of AWS (DurableCheckpointApplier).
                self.end(each, "TIMED_OUT", "CallbackTimedOut", error=error, Error=told_error({"ErrorType": kind}))
        return bool(due)

    def close(self, status: str, *, result: str | None = None, error: Error | None = None) -> None:
        """The execution is over. Whoever waits for it hears of it, and the queue for what failed if nobody does."""
        execution = self.execution
        version = self.call.shelf(Version).get(f"{execution.function}:{execution.version}")
        failed = status != SUCCEEDED and execution.kind == ASYNCHRONOUS and version is not None and version.dead_letter
        self.become(status=status, ended=self.now, error=error, is_owed=False, pause=None, is_buried=not failed)
        self.call.rows(*TABLES).run("update lambda_durable set result = ?, answer = null where id = ?", result, execution.id)
        self.call.rows(*TABLES).run("update lambda_durable_operation set due = null where execution = ? and due is not null", execution.id)
        if status == SUCCEEDED:
            self.event(CLOSING[status], Result=told(result))
        elif status == TIMED_OUT:
            # "ExecutionTimedOutDetails" is empty, as floci-io/floci saw it of AWS (DurableHistory); the error is the execution's own.
            self.event(CLOSING[status])
        else:
            self.event(CLOSING[status], Error=told_error(error))
        self.save()
        figures.durable_ended(self.call, execution.function, status, self.now - execution.started, executions.running(self.call))
        tell(self.call, self.execution)
        if execution.parent:
            _report(self.call, self.execution, result)
        self.call.keeps_otherwise(is_managed=False)
        self.call.after_commit(lambda: self.call.wake("durable", execution.id))

    def time_out(self) -> None:
        timeout_s = self.execution.config.timeout_s
        self.close(TIMED_OUT, error={"ErrorMessage": f"Execution timed out after {timeout_s} seconds."})


def _report(call: Call, child: Execution, result: str | None) -> None:
    """How an execution ended that another began: it is what its operation comes to.
    As AWS's own runner does it: aws-durable-execution-sdk-python-testing 1.4.0, executor."""
    error = child.error
    if child.status == TIMED_OUT:
        error = {"ErrorMessage": f"CHAINED_INVOKE timed out after {child.config.timeout_s} seconds.", "ErrorType": "ChainedInvoke.Timeout"}
    chained(call, child.parent, child.parent_operation, child.status, result, error)


CHAINED = {SUCCEEDED: "ChainedInvokeSucceeded", FAILED: "ChainedInvokeFailed", TIMED_OUT: "ChainedInvokeTimedOut", STOPPED: "ChainedInvokeStopped"}


def chained(call: Call, id_: str, operation_id: str, status: str, result: str | None, error: Error | None) -> None:
    """What a function came to that an execution invoked; nobody hears of it where the execution has ended before."""
    parent = executions.load(call, id_)
    if parent is None or parent.is_closed:
        return
    progress = Progress(call, parent)
    operation = progress.operation(operation_id)
    if operation is None or operation.status != "STARTED":
        return
    said = {"Result": told(result)} if status == SUCCEEDED else {"Error": told_error(error)}
    progress.end(operation, status, CHAINED[status], result=result, error=error, **said)
    progress.meter(written=executions.text_bytes(result) + executions.error_bytes(error))
    progress.owe()
    progress.save()


def tell(call: Call, execution: Execution) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html#durable-monitoring-eventbridge"""
    detail = {
        "durableExecutionArn": executions.arn_of(call, execution),
        "durableExecutionName": execution.name,
        "functionArn": arn(call, execution.function, execution.version),
        "status": execution.status,
        "startTimestamp": timestamps.to_millisecond(execution.started),
    }
    if execution.ended is not None:
        detail["endTimestamp"] = timestamps.to_millisecond(execution.ended)
    call.tell(STATUS_CHANGE, detail)
