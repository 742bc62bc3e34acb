"""Calls that schedules make of their targets, tried again for a day, and buried in a dead-letter queue if all was in vain.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from kumoniwa.aws import endpoints
from kumoniwa.gate import patience
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.scheduler import bill, universal
from kumoniwa.services.scheduler.encryption import lock
from kumoniwa.services.scheduler.schedule import OPERATIONS, SERVICE, Schedule, arn_of
from kumoniwa.wire import timestamps


class Promise(msgspec.Struct, array_like=True):
    """One call of one target, as the schedule was when it fired."""

    arn: str
    target: dict[str, Any]
    planned: float
    id: str
    fired: float
    kms_key: str = ""
    sealed: bytes = b""


NOTHING = "{}"
"""What is buried of a call whose input could not be seen."""
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode


def promise(call: Call, schedule: Schedule, planned: float) -> None:
    bill.fired(call, schedule)
    OUTBOX.put(call, _encode(Promise(arn_of(call, schedule), schedule.target, planned, call.new_id(), call.now(), schedule.kms_key, schedule.sealed)))


async def deliver(call: Call, delivery: Delivery) -> float | None:
    promised, body = _decode(delivery.body), NOTHING
    try:
        role = call.assuming(promised.target["RoleArn"], SERVICE, "scheduler", **{"aws:SourceArn": promised.arn})
        promised = await _opened(role, promised)
        body = _input(call, promised, delivery.attempts + 1)
        operation, params = _asked(promised, body)
        arn = arns.parse(promised.target["Arn"])
        await role.ask(operation, to_region=arn.region or None, once=delivery.token, **params)
    except AwsError as error:
        wait_s, exhausted = 0.0, ""
        if patience.is_passing(error):
            policy = promised.target.get("RetryPolicy") or {}
            wait_s, exhausted = patience.pause(policy, delivery, call.now(), promised.fired, call.ids.random)
        return wait_s or await _bury(call, promised, delivery, body, error, exhausted)
    return None


async def _opened(role: Call, promised: Promise) -> Promise:
    """With the target's input as the role may see it."""
    text = promised.sealed
    if text:
        text = await opening(role, lambda: lock(role, promised.arn, promised.kms_key, is_role=True).open(promised.sealed))
    return msgspec.structs.replace(promised, target={**promised.target, "Input": text.decode()}) if text else promised


def _input(call: Call, promised: Promise, attempt: int) -> str:
    """The target's input with what is known of this call in place; without one AWS tells that the schedule fired.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
    text = promised.target.get("Input")
    if text is None:
        told = {
            "version": "0",
            "id": promised.id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": call.account,
            "time": timestamps.to_second(promised.planned),
            "region": call.region,
            "resources": [promised.arn],
            "detail": "{}",
        }
        return orjson.dumps(told).decode()
    for name, value in (
        ("schedule-arn", promised.arn), ("scheduled-time", timestamps.to_second(promised.planned)), ("execution-id", promised.id),
        ("attempt-number", str(attempt)),
    ):  # fmt: skip
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _asked(promised: Promise, body: str) -> tuple[str, dict[str, Any]]:
    """Which operation with which parameters."""
    target = promised.target
    if universal.is_universal(target["Arn"]):
        operation = universal.operation_of(target["Arn"])
        return operation, universal.params_of(operation, orjson.loads(body) if target.get("Input") else {})
    arn = arns.parse(target["Arn"])
    return OPERATIONS[arn.service], _PARAMS[arn.service](target, arn, body, promised.id)


def _queue(target: dict[str, Any], arn: arns.Arn, body: str, id_: str) -> dict[str, Any]:
    more = {name: value for name, value in (target.get("SqsParameters") or {}).items() if value}
    return {"QueueUrl": endpoints.queue_url(arn.region, arn.account, arn.resource), "MessageBody": body, **more}


def _bus(target: dict[str, Any], arn: arns.Arn, body: str, id_: str) -> dict[str, Any]:
    said = target["EventBridgeParameters"]
    return {"Entries": [{"EventBusName": str(arn), "Detail": body, "DetailType": said["DetailType"], "Source": said["Source"]}]}


_PARAMS = {
    "sqs": _queue,
    "events": _bus,
    "lambda": lambda target, arn, body, id_: {"FunctionName": str(arn), "InvocationType": "Event", "Payload": body.encode()},
    "sns": lambda target, arn, body, id_: {"TopicArn": str(arn), "Message": body},
    "kinesis": lambda target, arn, body, id_: {
        "StreamARN": str(arn), "Data": body.encode(), "PartitionKey": target["KinesisParameters"]["PartitionKey"],
    },
    "states": lambda target, arn, body, id_: {"stateMachineArn": str(arn), "input": body, "name": id_},
}  # fmt: skip


async def _bury(call: Call, promised: Promise, delivery: Delivery, body: str, error: AwsError, exhausted: str) -> float | None:
    """Send the input to the dead-letter queue, if there is one, as the role. A queue that is out of order is tried again."""
    dead = (promised.target.get("DeadLetterConfig") or {}).get("Arn")
    call.home.note("undelivered", rule=promised.arn, target=promised.target["Arn"], code=error.code, is_buried=dead is not None)
    if not dead:
        return None
    facts = {
        "SCHEDULE_ARN": promised.arn,
        "TARGET_ARN": promised.target["Arn"],
        "SCHEDULED_TIME": timestamps.to_second(promised.planned),
        "EXECUTION_ID": promised.id,
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": error.text,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "RETRY_ATTEMPTS": str(delivery.attempts),
        "IS_PAYLOAD_TRUNCATED": "false",
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in facts.items() if value}
    queue = arns.parse(dead)
    try:
        role = call.assuming(promised.target["RoleArn"], SERVICE, "scheduler", **{"aws:SourceArn": promised.arn})
        await role.ask(
            "sqs:SendMessage", to_region=queue.region, once=f"{delivery.token}-dead", MessageAttributes=attributes, **_queue({}, queue, body, ""),
        )  # fmt: skip
    except AwsError as refusal:
        return patience.BACKOFF_S_MAX if patience.is_passing(refusal) else None
    return None


OUTBOX = Outbox("scheduler", deliver)
