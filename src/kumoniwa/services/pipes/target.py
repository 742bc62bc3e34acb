"""Targets: how each is given a batch, and which events of it it did not take.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.intake.customer import reported
from kumoniwa.intake.queue import queue_url
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.pipes import endpoint, transform
from kumoniwa.services.pipes.failure import StageFailed, TargetBusy
from kumoniwa.services.pipes.pipe import TARGET_MEMBERS, TARGETS, id_of, kind_of
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.pipes.execution import Execution

Sender = Callable[["Execution", arns.Arn, dict[str, Any], list[Any], list[Any]], Awaitable[frozenset[int]]]
"""From an execution, the target, its parameters, the events that came to the target stage and what was made of them, to the places of
those that were not taken."""


async def send(execution: Execution, events: list[Any], given: list[Any]) -> frozenset[int]:
    """Raises AwsError, StageFailed or InvalidTransformation if nothing of the batch was taken."""
    arn = arns.parse(execution.pipe.target)
    kind = kind_of(arn)
    if len(given) > TARGETS[kind]:
        raise StageFailed(f"The enrichment answered {len(given)} events, and {execution.pipe.target} takes {TARGETS[kind]} at once.")
    own = execution.pipe.target_parameters.get(TARGET_MEMBERS.get(kind, "")) or {}
    return await _SENDERS[kind](execution, arn, own, events, given)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _reported(answer: bytes, events: list[Any]) -> frozenset[int]:
    """The places of the events that an answer reports as failed. Who answers something else than a report has taken them all."""
    try:
        said = orjson.loads(answer or b"null")
    except orjson.JSONDecodeError:
        return frozenset()
    if not isinstance(said, dict) or "batchItemFailures" not in said:
        return frozenset()
    return reported(answer, [id_of(event) or "" for event in events])


def _refused(entries: list[dict[str, Any]]) -> frozenset[int]:
    """The places of the entries of an answer that tell of an error. Raises if all of them do."""
    failed = frozenset(place for place, entry in enumerate(entries) if entry.get("ErrorCode"))
    if entries and len(failed) == len(entries):
        first = entries[0]
        _raise(first["ErrorCode"], first.get("ErrorMessage") or "")
    return failed


def _raise(code: str, text: str) -> None:
    if code.startswith(("Throttl", "ProvisionedThroughputExceeded", "Internal")):
        raise TargetBusy(f"{code}: {text}")
    raise StageFailed(f"{code}: {text}")


# Who answers ---------------------------------------------------------------------------------------


async def _function(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    if own.get("InvocationType") == "FIRE_AND_FORGET":
        await execution.ask("lambda:Invoke", FunctionName=str(arn), InvocationType="Event", Payload=orjson.dumps(given))
        return frozenset()
    return _reported(await endpoint.function(execution, str(arn), given), events)


async def _machine(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    if own.get("InvocationType") == "FIRE_AND_FORGET":
        await execution.ask("stepfunctions:StartExecution", stateMachineArn=str(arn), input=orjson.dumps(given).decode())
        return frozenset()
    return _reported(await endpoint.machine(execution, str(arn), given), events)


async def _endpoint(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    return _reported(await endpoint.http(execution, arn, given[0], own, events[0]), events)


# Who takes batches ---------------------------------------------------------------------------------


async def _queue(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    entries = [
        {"Id": str(place), "MessageBody": _text(value), **transform.dynamic(own, events[place])} for place, value in enumerate(given)
    ]
    answer = await execution.ask("sqs:SendMessageBatch", QueueUrl=queue_url(str(arn)), Entries=entries)
    return _failed_entries(answer, entries)


async def _topic(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    entries = [{"Id": str(place), "Message": _text(value)} for place, value in enumerate(given)]
    answer = await execution.ask("sns:PublishBatch", TopicArn=str(arn), PublishBatchRequestEntries=entries)
    return _failed_entries(answer, entries)


def _failed_entries(answer: dict[str, Any], entries: list[dict[str, Any]]) -> frozenset[int]:
    failed = answer.get("Failed") or []
    if failed and len(failed) == len(entries):
        _raise(failed[0]["Code"], failed[0].get("Message") or "")
    return frozenset(int(each["Id"]) for each in failed)


async def _bus(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    """Who says neither source nor detail type sends as the pipe."""
    pipe = execution.pipe
    entries = []
    for event, value in zip(events, given):
        said = transform.dynamic({name: each for name, each in own.items() if name != "Time"}, event)
        entry = {
            "EventBusName": str(arn), "Detail": _text(value), "Source": f"Pipe {pipe.name}",
            "DetailType": f"Event from aws:{arns.parse(pipe.source).service}", **said,
        }  # fmt: skip
        if "Time" in own:
            entry["Time"] = timestamps.parsed(transform.dynamic(own["Time"], event))
        entries.append(entry)
    return _refused((await execution.ask("events:PutEvents", Entries=entries))["Entries"])


async def _stream(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    records = [
        {"Data": _text(value).encode(), "PartitionKey": transform.dynamic(own["PartitionKey"], event)} for event, value in zip(events, given)
    ]
    return _refused((await execution.ask("kinesis:PutRecords", StreamARN=str(arn), Records=records))["Records"])


async def _log_group(execution: Execution, arn: arns.Arn, own: dict[str, Any], events: list[Any], given: list[Any]) -> frozenset[int]:
    """A batch goes to one stream: that of its first event, or the pipe's own."""
    group = arn.resource.removeprefix("log-group:").removesuffix(":*")
    stream = transform.dynamic(own.get("LogStreamName"), events[0]) or execution.pipe.name
    lines = []
    for event, value in zip(events, given):
        at_ms = milliseconds(execution.call.now())
        if "Timestamp" in own:
            at_ms = int(float(transform.dynamic(own["Timestamp"], event)))
        lines.append({"timestamp": at_ms, "message": _text(value)})
    place = {"logGroupName": group, "logStreamName": stream}
    lines.sort(key=lambda line: line["timestamp"])
    try:
        await execution.ask("logs:PutLogEvents", **place, logEvents=lines)
    except AwsError as error:
        if error.code != "ResourceNotFoundException" or "stream" not in error.text:
            raise
        await execution.ask("logs:CreateLogStream", **place)
        await execution.ask("logs:PutLogEvents", **place, logEvents=lines)
    return frozenset()


_SENDERS: dict[str, Sender] = {
    "lambda": _function, "states": _machine, "execute-api": _endpoint, "api-destination": _endpoint, "sqs": _queue, "sns": _topic,
    "event-bus": _bus, "kinesis": _stream, "logs": _log_group,
}  # fmt: skip
