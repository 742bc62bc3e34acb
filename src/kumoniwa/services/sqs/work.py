"""Tasks that move messages out of a dead-letter queue, back to where they came from or to a queue of one's choice.

A task is a record, so a region that was killed in the middle goes on where it stood. A message moves by one atomic
step: it is in one of the two queues at every instant.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.sqs import message
from kumoniwa.services.sqs.queue import InvalidParameterValue, Queue

STEP_S = 0.1
STEP_MESSAGES = 50
PER_SECOND_MAX = 500
KEPT_PER_SOURCE = 10


class ResourceNotFoundException(AwsError):
    status = 404  # recorded by localstack's test_destination_needs_to_exist; the model does not say


class UnsupportedOperation(AwsError): ...


class Deleted(Record):
    """A queue that was deleted, and when."""

    at: float


class MoveTask(Record):
    handle: str
    source: str
    destination: str
    """Empty: each message goes back to the queue it came from."""
    status: str
    started: float
    to_move: int
    moved: int = 0
    per_second: int = 0
    next_at: float = 0.0
    """When the next messages may move, if their number per second is limited."""
    reason: str = ""


def source_of(handle: str) -> str | None:
    """The source queue's ARN, as a task handle spells it: like AWS's, it is JSON in base 64."""
    try:
        said = json.loads(base64.b64decode(handle, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    arn = said.get("sourceArn") if isinstance(said, dict) else None
    return arn if isinstance(arn, str) else None


def begin(call: Call, source_arn: str, destination_arn: str | None, per_second: int | None) -> str:
    source = _named(call, source_arn, "SourceArn")
    arn = call.arn(source.name)
    if destination_arn is not None:
        _named(call, destination_arn, "DestinationArn")
    if not any(q.dead_letter and q.dead_letter[0] == source.name for q in call.shelf(Queue).values()):
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    if per_second is not None and not 1 <= per_second <= PER_SECOND_MAX:
        raise InvalidParameterValue.of("MaxNumberOfMessagesPerSecond", per_second, "Must be between 1 and 500, if provided.")
    tasks = call.shelf(MoveTask)
    mine = sorted((t for t in tasks.values() if t.source == arn), key=lambda t: -t.started)
    if any(task.status == "RUNNING" for task in mine):
        raise InvalidParameterValue("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
    for old in mine[KEPT_PER_SOURCE - 1 :]:
        del tasks[old.handle]
    handle = base64.b64encode(json.dumps({"taskId": call.new_id(), "sourceArn": arn}).encode()).decode()
    tasks[handle] = MoveTask(
        handle=handle, source=arn, destination=destination_arn or "", status="RUNNING", started=call.now(),
        to_move=message.counts(call, source)[0], per_second=per_second or 0, next_at=call.now(),
    )  # fmt: skip
    call.home.wake(("sqs", "moves"))
    return handle


def _named(call: Call, arn: str, parameter: str) -> Queue:
    parsed = arns.parse(arn)
    is_here = parsed is not None and (parsed.service, parsed.region, parsed.account) == ("sqs", call.region, call.account)
    queue = call.shelf(Queue).get(parsed.resource) if is_here else None
    if queue is None:
        raise ResourceNotFoundException(f"The resource that you specified for the {parameter} parameter doesn't exist.")
    return queue


def cancel(call: Call, handle: str) -> int:
    """Refusals recorded: localstack's test_cancel_with_invalid_…"""
    source_arn = source_of(handle)
    if source_arn is None:
        raise InvalidParameterValue("Value for parameter TaskHandle is invalid.")
    _named(call, source_arn, "SourceArn")
    task = call.shelf(MoveTask).get(handle)
    if task is None:
        raise ResourceNotFoundException("Task does not exist.")
    if task.status != "RUNNING":
        raise UnsupportedOperation("Only active tasks can be cancelled.")
    call.shelf(MoveTask)[handle] = changed(task, status="CANCELLED")
    return task.moved


def listed(call: Call, source_arn: str) -> list[dict]:
    _named(call, source_arn, "SourceArn")
    found = []
    for task in sorted(call.shelf(MoveTask).values(), key=lambda t: -t.started):
        if task.source != source_arn:
            continue
        shown = {
            "Status": task.status,
            "SourceArn": task.source,
            "ApproximateNumberOfMessagesMoved": task.moved,
            "ApproximateNumberOfMessagesToMove": task.to_move,
            "StartedTimestamp": milliseconds(task.started),
        }
        if task.status == "RUNNING":
            shown["TaskHandle"] = task.handle
        if task.destination:
            shown["DestinationArn"] = task.destination
        if task.per_second:
            shown["MaxNumberOfMessagesPerSecond"] = task.per_second
        if task.reason:
            shown["FailureReason"] = task.reason
        found.append(shown)
    return found


async def run(region) -> None:
    """Move messages for every running task, a step at a time, until the region ends."""
    while True:
        is_busy = False
        for call in region.calls("sqs", "sqs.amazonaws.com"):
            for task in list(call.shelf(MoveTask).values()):
                if task.status == "RUNNING":
                    is_busy = True
                    _step(call, task)
        if is_busy:
            await asyncio.sleep(STEP_S)
        else:
            await region.wait(("sqs", "moves"), region.clock.now() + 3600)


def _step(call: Call, task: MoveTask) -> None:
    """Move some messages; atomic, because nothing interleaves and all of it is committed together."""
    source = call.shelf(Queue).get(task.source.rpartition(":")[2])
    if source is None:
        call.shelf(MoveTask)[task.handle] = changed(task, status="FAILED", reason="AWS.SimpleQueueService.NonExistentQueue")
        return
    now = call.now()
    if task.next_at > now:
        return
    count = math.ceil(task.per_second * STEP_S) if task.per_second else STEP_MESSAGES
    rows, moved = call.rows(message.MESSAGES), 0
    found = rows.all(
        "select seq, content from sqs_message where queue = ? and visible_at <= ? and sent > ? order by visible_at, seq limit ?",
        source.id, now, now - source.retention_s, count,
    )  # fmt: skip
    for seq, blob in found:
        arn = task.destination or message.opened(call, source, blob).system.get("DeadLetterQueueSourceArn", "")
        target = call.shelf(Queue).get(arn.rpartition(":")[2])
        if target is None:
            reason = "CouldNotDetermineMessageSource" if not arn else "AWS.SimpleQueueService.NonExistentQueue"
            call.shelf(MoveTask)[task.handle] = changed(task, status="FAILED", moved=task.moved + moved, reason=reason)
            return
        message.redrive(call, source, target, seq)
        moved += 1
    status = "RUNNING" if len(found) == count else "COMPLETED"
    # A step that comes late may catch up by one step, not by the hour in which the region was dead.
    next_at = max(task.next_at, now - STEP_S) + moved / task.per_second if task.per_second else 0.0
    call.shelf(MoveTask)[task.handle] = changed(task, status=status, moved=task.moved + moved, next_at=next_at)
