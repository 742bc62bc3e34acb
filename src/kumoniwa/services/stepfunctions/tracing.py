"""What a state machine that traces tells X-Ray of an execution: a segment, its states, and in them the calls they made.

All of it is read from the execution's history when it has ended, and sent as its role, which must be allowed to. What a task calls is told
the id of that call, which follows from the execution and the number of the event that began it.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
"""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from kumoniwa.gate import tracing
from kumoniwa.gate.key_chain import Lock
from kumoniwa.gate.sampling import Asked
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.stepfunctions.encryption import SERVICE
from kumoniwa.services.stepfunctions.execution import Event, Execution, history
from kumoniwa.services.stepfunctions.machine import StateMachine

ORIGIN = "AWS::StepFunctions::StateMachine"
DOCUMENTS_AT_ONCE = 50
_SERVICES = {
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "kinesis": "Kinesis",
    "lambda": "Lambda",
    "s3": "S3",
    "sns": "SNS",
    "sqs": "SQS",
    "states": "StepFunctions",
}
_FACTS = {
    "TableName": "table_name",
    "QueueUrl": "queue_url",
    "TopicArn": "topic_arn",
    "FunctionName": "function_name",
    "StreamName": "stream_name",
    "Bucket": "bucket_name",
}
_SCHEDULED = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")
_WENT_WRONG = (
    "TaskFailed",
    "TaskSubmitFailed",
    "TaskTimedOut",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "ActivityFailed",
    "ActivityTimedOut",
)
_WENT_WELL = ("TaskSucceeded", "LambdaFunctionSucceeded", "ActivitySucceeded")


def begun(call: Call, machine: StateMachine, said: str) -> tuple[str, str]:
    """The header under which an execution asks others, whose parent is its own segment, and who called; empty if it is not sampled."""
    if not machine.is_traced:
        return "", ""
    part = tracing.begun(call, said, Asked(machine.name, ORIGIN, machine.arn))
    return (part.handed_on(), part.header.parent) if part is not None else ("", "")


def _id(execution: Execution, event: int) -> str:
    return f"{zlib.crc32(execution.arn.encode()):08x}{event:08x}"


def handed_on(execution: Execution, scheduled: int) -> str:
    """The header for whom a task asks."""
    return tracing.read(execution.traced)._replace(parent=_id(execution, scheduled)).spelled() if execution.traced else ""


def tell(call: Call, execution: Execution, last: list[Event], first: int, lock: Lock) -> None:
    """Send what an execution was, once its end is safe. ``last`` are events that its history does not have yet, from number ``first`` on."""
    events = dict([*history(call, execution.arn, lock), *enumerate(last, first)])
    call.after_commit(lambda: call.home.spawn(_sent(call, execution, events)))


async def _sent(call: Call, execution: Execution, events: dict[int, Event]) -> None:
    documents = [orjson.dumps(each).decode() for each in _documents(execution, events)]
    try:
        role = call.assuming(execution.role, SERVICE, "stepfunctions", **{"aws:SourceArn": execution.machine})
        for at in range(0, len(documents), DOCUMENTS_AT_ONCE):
            await role.ask("xray:PutTraceSegments", TraceSegmentDocuments=documents[at : at + DOCUMENTS_AT_ONCE])
    except AwsError:
        return  # as on AWS the trace is lost, and nothing else


def _documents(execution: Execution, events: dict[int, Event]) -> list[dict[str, Any]]:
    header = tracing.read(execution.traced)
    failed = {"fault": True} if execution.status in ("FAILED", "TIMED_OUT") else {}
    segment = {
        "id": header.parent, "trace_id": header.root, "name": execution.machine_name, "start_time": execution.started, "end_time": execution.stopped,
        "origin": ORIGIN, "resource_arn": execution.machine, "aws": {"execution_arn": execution.arn},
    }  # fmt: skip
    if execution.caller:
        segment["parent_id"] = execution.caller
    states = _spans(execution, events)
    return [segment | failed, *({"type": "subsegment", "trace_id": header.root, "parent_id": header.parent} | state for state in states.values())]


def _spans(execution: Execution, events: dict[int, Event]) -> dict[int, dict[str, Any]]:
    """Every visit of a state, with the calls it made, by the event that entered it."""
    states: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[str, Any]] = {}
    for number, event in sorted(events.items()):
        if event.type.endswith("StateEntered"):
            states[number] = {"id": _id(execution, number), "name": event.details["name"], "start_time": event.at, "in_progress": True}
        elif event.type.endswith("StateExited"):
            entered = _before(events, number, lambda at, name=event.details["name"]: at in states and states[at]["name"] == name)
            _end(states.get(entered), event.at)
        elif event.type in _SCHEDULED:
            calls[number] = {"id": _id(execution, number), "start_time": event.at, "in_progress": True, **_called(event)}
            inside = states.get(_before(events, number, lambda at: at in states))
            if inside is not None:
                inside.setdefault("subsegments", []).append(calls[number])
        elif event.type in _WENT_WELL or event.type in _WENT_WRONG:
            _end(calls.get(_before(events, number, lambda at: at in calls)), event.at, is_failed=event.type in _WENT_WRONG)
    for left in (*states.values(), *calls.values()):
        # What the end of the execution ended.
        _end(left, execution.stopped, is_failed=execution.status in ("FAILED", "TIMED_OUT")) if "in_progress" in left else None
    return states


def _before(events: dict[int, Event], number: int, is_wanted: Any) -> int:
    """The nearest event before this one, along what led to it; 0 if there is none."""
    while number in events:
        number = events[number].previous
        if is_wanted(number):
            return number
    return 0


def _end(span: dict[str, Any] | None, at: float | None, *, is_failed: bool = False) -> None:
    if span is not None and span.pop("in_progress", False):
        span["end_time"] = at
        if is_failed:
            span["fault"] = True


def _called(event: Event) -> dict[str, Any]:
    """Whom a task calls, as X-Ray knows calls of AWS's services."""
    said = event.details or {}
    if event.type == "ActivityScheduled":
        return {"name": said["resource"].rpartition(":")[2]}
    if event.type == "LambdaFunctionScheduled":
        function = said["resource"].partition(":function:")[2]
        return {"name": "Lambda", "namespace": "aws", "aws": {"operation": "Invoke", "function_name": function}}
    action, parameters = said["resource"].partition(".")[0], orjson.loads(said["parameters"])
    facts = {"operation": action[:1].upper() + action[1:], "region": said.get("region")}
    if isinstance(parameters, dict):
        facts |= {fact: parameters[name].rpartition(":function:")[2] for name, fact in _FACTS.items() if isinstance(parameters.get(name), str)}
    service = said["resourceType"].removeprefix("aws-sdk:")
    return {"name": _SERVICES.get(service, service), "namespace": "remote" if service in ("http", "apigateway") else "aws", "aws": facts}
