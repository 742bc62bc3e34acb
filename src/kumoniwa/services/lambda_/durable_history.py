"""What is told of durable executions: one, all of a function, and what happened in one.

https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecutionHistory.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import unpack
from kumoniwa.services.lambda_ import durable_execution as executions
from kumoniwa.services.lambda_.durable_execution import SUCCEEDED, TABLES, Execution
from kumoniwa.services.lambda_.errors import InvalidParameterValueException
from kumoniwa.services.lambda_.function import existing, found
from kumoniwa.services.lambda_.name import arn, function_named

DATA = ("Input", "Result", "Error", "Reason")
"""What of an event a customer said."""


def _listed(call: Call, execution: Execution) -> dict[str, Any]:
    shown = {
        "DurableExecutionArn": executions.arn_of(call, execution),
        "DurableExecutionName": execution.name,
        "FunctionArn": arn(call, execution.function, execution.version),
        "Status": execution.shown,
        "StartTimestamp": execution.started,
    }
    return shown | ({"EndTimestamp": execution.ended} if execution.ended is not None else {})


def GetDurableExecution(call: Call, *, DurableExecutionArn: str, IncludeExecutionData: bool | None = None) -> dict:
    execution = executions.found(call, DurableExecutionArn)
    is_included = IncludeExecutionData is not False
    shown = _listed(call, execution) | {
        "Version": execution.version,
        "DurableConfig": {"ExecutionTimeout": execution.config.timeout_s, "RetentionPeriodInDays": execution.config.retention_days},
        "ExecutionDataIncluded": is_included,
    }
    if execution.trace:
        shown["TraceHeader"] = {"XAmznTraceId": execution.trace}
    if is_included:
        data = {"InputPayload": executions.input_of(call, execution.id), "Error": execution.error}
        if execution.status == SUCCEEDED:
            data["Result"] = executions.result_of(call, execution.id)
        shown |= {name: value for name, value in data.items() if value is not None}
    pause = execution.pause
    if not execution.is_closed:
        shown["ExpectedExecutionTimeoutTimestamp"] = execution.ends
        if pause is not None:
            shown["PauseDetails"] = {"PauseRequestTimestamp": pause.requested, "ExecutionTimeoutPaused": pause.holds_timeout}
            if is_included and pause.reason is not None:
                shown["PauseDetails"]["Reason"] = pause.reason
    return shown


def GetDurableExecutionHistory(
    call: Call,
    *,
    DurableExecutionArn: str,
    IncludeExecutionData: bool | None = None,
    MaxItems: int | None = None,
    Marker: str | None = None,
    ReverseOrder: bool | None = None,
) -> dict:
    execution = executions.found(call, DurableExecutionArn)
    most, at = executions.page_length(MaxItems), executions.read_marker(Marker)
    where, order = ("n <= ?", "desc") if ReverseOrder else ("n >= ?", "asc")
    if not at:
        at = execution.events if ReverseOrder else 1
    rows = call.rows(*TABLES).all(
        f"select n, body from lambda_durable_event where execution = ? and {where} order by n {order} limit ?", execution.id, at, most + 1
    )
    events = [unpack(body, dict) for _, body in rows[:most]]
    if IncludeExecutionData is False:
        events = [_bare(event) for event in events]
    return {"Events": events} | ({"NextMarker": executions.marker(rows[most][0])} if len(rows) > most else {})


def _bare(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what a customer said."""
    name = f"{event['EventType']}Details"
    return event | {name: {key: {"Truncated": True} if key in DATA else value for key, value in event[name].items()}}


def ListDurableExecutionsByFunction(
    call: Call,
    *,
    FunctionName: str,
    Qualifier: str | None = None,
    DurableExecutionName: str | None = None,
    Statuses: list[str] | None = None,
    StartedAfter: float | None = None,
    StartedBefore: float | None = None,
    ReverseOrder: bool | None = None,
    Marker: str | None = None,
    MaxItems: int | None = None,
) -> dict:
    """The newest first, unless ``ReverseOrder``."""
    if Statuses is not None and len(Statuses) > 1:
        # As floci-io/floci saw it of AWS (LambdaDurableExecutionApiIntegrationTest).
        raise InvalidParameterValueException("Cannot filter by more than one status")
    name, qualifier = function_named(call, FunctionName, Qualifier)
    version = found(call, name, qualifier).version if qualifier is not None else None
    existing(call, name)
    most, offset = executions.page_length(MaxItems), executions.read_marker(Marker)
    wanted = {
        "function = ?": name, "version = ?": version, "name = ?": DurableExecutionName, "status = ?": Statuses[0] if Statuses else None,
        "started > ?": StartedAfter, "started < ?": StartedBefore,
    }  # fmt: skip
    wanted = {clause: value for clause, value in wanted.items() if value is not None}
    order = "started, id" if ReverseOrder else "started desc, id desc"
    rows = call.rows(*TABLES).all(
        f"select body from lambda_durable where {' and '.join(wanted)} order by {order} limit ? offset ?", *wanted.values(), most + 1, offset
    )
    shown = [_listed(call, unpack(body, Execution)) for (body,) in rows[:most]]
    return {"DurableExecutions": shown} | ({"NextMarker": executions.marker(offset + most)} if len(rows) > most else {})
