"""What is told of a pipe's executions: one record for each step, as far as the pipe's level asks for it, in a log group.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.gate.data_key import opening
from kumoniwa.gate.key_chain import is_sealed
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.pipes import encryption
from kumoniwa.services.pipes.errors import ValidationException
from kumoniwa.services.pipes.pipe import Pipe

RECORD_BYTES_MAX = 262_144
AGAIN_S = 60.0
TRIED_MAX = 10
DATA = ("payload", "awsRequest", "awsResponse")
"""What is cut, in this order, from a record that is too long."""
LEVELS = ("ERROR", "INFO", "TRACE")
INFO = frozenset(
    {
        "EXECUTION_STARTED", "EXECUTION_SUCCEEDED", "ENRICHMENT_INVOCATION_SKIPPED", "ENRICHMENT_STAGE_ENTERED", "ENRICHMENT_STAGE_SUCCEEDED",
        "TARGET_STAGE_ENTERED", "TARGET_STAGE_SUCCEEDED",
    }
)  # fmt: skip
_ERROR = re.compile(r".*_(?:FAILED|THROTTLED|TIMEOUT)")
_GROUP = re.compile(r"arn:[\w-]+:logs:([\w-]+):\d{12}:log-group:([^:]+)(?::\*)?\Z")


def read(call: Call, said: dict[str, Any] | None) -> dict[str, Any]:
    """A configuration as it is kept and shown."""
    if not said:
        return {}
    for member in ("S3LogDestination", "FirehoseLogDestination"):
        if member in said:
            raise NotImplementedHere(f"pipes:CreatePipe(LogConfiguration.{member})")
    destination = said.get("CloudwatchLogsLogDestination")
    if said["Level"] != "OFF" and not destination:
        # As cdk-preflight saw it of AWS: pf-pipes-log-configuration.
        raise ValidationException("Must provide at least 1 log destination in LogConfiguration")
    if destination:
        group = _GROUP.fullmatch(destination["LogGroupArn"])
        # No source tells AWS's words for these.
        if group is None:
            raise ValidationException("LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn must be the ARN of a log group.")
        if group[1] != call.region:
            raise ValidationException(f"The log group must be in the region {call.region}.")
    return said


def level_of(step: str) -> str:
    if _ERROR.fullmatch(step):
        return "ERROR"
    return "INFO" if step in INFO else "TRACE"


def is_wanted(kept: dict[str, Any], step: str) -> bool:
    level = kept.get("Level", "OFF")
    return level != "OFF" and LEVELS.index(level_of(step)) <= LEVELS.index(level)


async def put(call: Call, pipe: Pipe, role: Call, records: list[dict[str, Any]]) -> None:
    """Promise records, which hold execution data only if the pipe says so, and then lie sealed if it has a key. Without the right to it nothing
    is told. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html#eb-pipes-logs-execution-data"""
    lines, kept = [], pipe.logging
    has_data = "ALL" in kept.get("IncludeExecutionData", ())
    for record in records:
        if not has_data:
            record = {name: value for name, value in record.items() if name not in DATA}
        lines.append({"timestamp": record["timestamp"], "message": _fitted(record)})
    if not lines:
        return
    body = orjson.dumps({"group": kept["CloudwatchLogsLogDestination"]["LogGroupArn"], "stream": pipe.name, "lines": lines})
    if pipe.key and has_data:
        try:
            body = await opening(call, lambda: encryption.log_lock(call, pipe, role).shut(body))
        except AwsError as error:
            call.home.note("unlogged", pipe=pipe.name, code=error.code)
            return
    OUTBOX.put(call, body, lane=pipe.name)


def _fitted(record: dict[str, Any]) -> str:
    text = orjson.dumps(record).decode()
    cut: list[str] = []
    for name in DATA:
        excess = len(text.encode()) - RECORD_BYTES_MAX
        if excess <= 0 or name not in record:
            continue
        cut.append(name)
        # What is escaped is longer than it was, so a field that does not hold the excess goes wholly.
        kept = record[name][: max(0, len(record[name]) - excess - 100)]
        record = {**record, name: kept, "truncatedFields": cut}
        text = orjson.dumps(record).decode()
    return text


async def _opened(call: Call, body: bytes) -> bytes:
    if not is_sealed(body):
        return body
    us = call.home.call("pipes", call.account, principals.service("delivery.logs.amazonaws.com", call.account))
    return await opening(call, lambda: encryption.delivered(us).open(body))


async def deliver(call: Call, delivery: Delivery) -> float | None:
    """Write lines as AWS's own log delivery does. A group that is gone hears nothing."""
    try:
        told = orjson.loads(await _opened(call, delivery.body))
    except AwsError:
        return None if delivery.attempts >= TRIED_MAX else AGAIN_S
    region, group = _GROUP.match(told["group"]).groups()
    place = {"logGroupName": group, "logStreamName": told["stream"]}
    writer = call.home.call("pipes", call.account, principals.root(call.account, partition=call.home.partition))
    try:
        try:
            await writer.ask("logs:CreateLogStream", to_region=region, **place)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise
        await writer.ask("logs:PutLogEvents", to_region=region, once=delivery.token, **place, logEvents=told["lines"])
    except AwsError as error:
        is_gone = error.code == "ResourceNotFoundException" or delivery.attempts >= TRIED_MAX
        return None if is_gone else AGAIN_S
    return None


OUTBOX = Outbox("pipes", deliver)
