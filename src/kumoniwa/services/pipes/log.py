"""What is told of a pipe's executions: one record for each step, as far as the pipe's level asks for it, in a log group, a Firehose and a bucket.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html
"""

from __future__ import annotations

import gzip
import re
import time
from typing import Any

import orjson

from kumoniwa.gate import log_delivery, patience
from kumoniwa.gate.backlog import Backlog, Batch
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.key_chain import OPEN, Lock, is_sealed
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.pipes import encryption
from kumoniwa.services.pipes.errors import ValidationException
from kumoniwa.services.pipes.pipe import Pipe

RECORD_BYTES_MAX = 262_144
"""Where one of the destinations is a log group; else a record is cut to what a Firehose takes."""
FIREHOSE_BYTES_MAX = 1_000_000
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
GROUP, STREAM, BUCKET = "CloudwatchLogsLogDestination", "FirehoseLogDestination", "S3LogDestination"
BACKLOG = Backlog("pipes", 300.0)
FILED_AFTER_S = {"instant": 1.0, "real": 300.0}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-S3.html: every five minutes."""


def read(call: Call, said: dict[str, Any] | None) -> dict[str, Any]:
    """A configuration as it is kept and shown."""
    if not said:
        return {}
    if said["Level"] != "OFF" and not any(said.get(kind) for kind in (GROUP, STREAM, BUCKET)):
        # As cdk-preflight saw it of AWS: pf-pipes-log-configuration. So it did what is said of other formats.
        raise ValidationException("Must provide at least 1 log destination in LogConfiguration")
    if (said.get(BUCKET) or {}).get("OutputFormat", "json") != "json":
        raise ValidationException("w3c and plain output formats are not supported by Pipes")
    # No source tells AWS's words for these.
    if destination := said.get(GROUP):
        if _GROUP.fullmatch(destination["LogGroupArn"]) is None:
            raise ValidationException("LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn must be the ARN of a log group.")
        _check_place(call, "log group", destination["LogGroupArn"])
    if destination := said.get(STREAM):
        _check_place(call, "delivery stream", destination["DeliveryStreamArn"])
    return said


def _check_place(call: Call, what: str, arn: str) -> None:
    named = arns.parse(arn)
    if named.region != call.region:
        raise ValidationException(f"The {what} must be in the region {call.region}.")
    if named.account != call.account:
        raise ValidationException(f"The {what} must be in the account {call.account}.")


def must_let_in(kept: dict[str, Any]) -> bool:
    return bool(kept.get(STREAM) or kept.get(BUCKET))


async def let_in(call: Call, kept: dict[str, Any]) -> None:
    """Let the delivery of logs in, as the caller, where nobody has: AWS does so when logging is set up. A bucket of another account its owner
    must open. No source tells what AWS says to who may not.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-S3.html and …-Firehose.html"""
    try:
        if stream := kept.get(STREAM):
            await log_delivery.let_into_stream(call, stream["DeliveryStreamArn"])
        if (bucket := kept.get(BUCKET)) and bucket["BucketOwner"] == call.account:
            await log_delivery.let_into_bucket(call, bucket["BucketName"], _statements(call, bucket))
    except AwsError as error:
        if patience.is_passing(error):
            raise
        raise ValidationException(f"Logs could not be set up for delivery: {error.text}", hint=error.hint) from None


def _statements(call: Call, bucket: dict[str, str]) -> list[dict[str, Any]]:
    arn = f"arn:{call.home.partition}:s3:::{bucket['BucketName']}"
    condition = {"StringEquals": {"aws:SourceAccount": [call.account]}, "ArnLike": {"aws:SourceArn": [call.arn("*", "logs")]}}
    common = {"Effect": "Allow", "Principal": {"Service": log_delivery.SERVICE}}
    written = {**condition, "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", **condition["StringEquals"]}}
    folder = f"{arn}/{_folder(call, bucket.get('Prefix', ''))}*"
    return [
        {"Sid": "AWSLogDeliveryAclCheck", **common, "Action": "s3:GetBucketAcl", "Resource": arn, "Condition": condition},
        {"Sid": "AWSLogDeliveryWrite", **common, "Action": "s3:PutObject", "Resource": folder, "Condition": written},
    ]


def _folder(call: Call, prefix: str) -> str:
    return f"{prefix}{'/' if prefix and not prefix.endswith('/') else ''}AWSLogs/{call.account}/"


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
    most = RECORD_BYTES_MAX if GROUP in kept else FIREHOSE_BYTES_MAX
    for record in records:
        if not has_data:
            record = {name: value for name, value in record.items() if name not in DATA}
        lines.append({"timestamp": record["timestamp"], "message": _fitted(record, most)})
    if not lines:
        return
    lock = encryption.log_lock(call, pipe, role) if pipe.key and has_data else OPEN
    try:
        await opening(call, lambda: _promise(call, pipe, lines, lock))
    except AwsError as error:
        call.home.note("unlogged", pipe=pipe.name, code=error.code)


def _promise(call: Call, pipe: Pipe, lines: list[dict[str, Any]], lock: Lock) -> None:
    if group := pipe.logging.get(GROUP):
        body = orjson.dumps({"group": group["LogGroupArn"], "stream": pipe.name, "lines": lines})
        OUTBOX.put(call, lock.shut(body), lane=pipe.name)
    if stream := pipe.logging.get(STREAM):
        body = orjson.dumps({"firehose": stream["DeliveryStreamArn"], "lines": [each["message"] for each in lines]})
        OUTBOX.put(call, lock.shut(body), lane=f"{pipe.name} {STREAM}")
    if bucket := pipe.logging.get(BUCKET):
        source = f"{pipe.name} {bucket['BucketName']} {bucket['BucketOwner']} {bucket.get('Prefix', '')}"
        for each in lines:
            BACKLOG.add(call.home, call.account, source, lock.shut(each["message"].encode()))


def _fitted(record: dict[str, Any], most: int) -> str:
    text = orjson.dumps(record).decode()
    cut: list[str] = []
    for name in DATA:
        excess = len(text.encode()) - most
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
    us = call.home.call("pipes", call.account, principals.service(log_delivery.SERVICE, call.account))
    return await opening(call, lambda: encryption.delivered(us).open(body))


async def deliver(call: Call, delivery: Delivery) -> float | None:
    """Write lines as AWS's own log delivery does. A group or a stream that is gone hears nothing."""
    try:
        told = orjson.loads(await _opened(call, delivery.body))
    except AwsError:
        return None if delivery.attempts >= TRIED_MAX else AGAIN_S
    try:
        if "firehose" in told:
            await log_delivery.to_stream(call, told["firehose"], told["lines"], delivery.token)
        else:
            await _to_group(call, told, delivery.token)
    except AwsError as error:
        is_gone = error.code == "ResourceNotFoundException" or delivery.attempts >= TRIED_MAX
        return None if is_gone else AGAIN_S
    return None


async def _to_group(call: Call, told: dict[str, Any], once: str) -> None:
    region, group = _GROUP.match(told["group"]).groups()
    writer = call.by_owner()
    await log_delivery.to_group(writer, region, group, told["stream"], told["lines"], once)


def wait_s(call: Call, source: str) -> float:
    return FILED_AFTER_S[call.home.settings.pace]


async def file(call: Call, batch: Batch) -> None:
    """Put lines into a bucket, if it still is whose it was said to be. How AWS calls the file was not found."""
    pipe, bucket, owner, prefix = batch.source.split(" ", 3)
    lines = [await _opened(call, line.text) for line in batch.lines]
    hour = time.strftime("%Y-%m-%d-%H", time.gmtime(batch.lines[0].at))
    us = call.acting(log_delivery.SERVICE, **{"aws:SourceArn": call.arn("*", "logs"), "aws:SourceAccount": call.account})
    await us.ask(
        "s3:PutObject", to_region=region_of_bucket(call.home, bucket), once=batch.once, Bucket=bucket, ExpectedBucketOwner=owner,
        Key=f"{_folder(call, prefix)}{pipe}.{hour}.{call.ids.hex(8)}.gz", Body=gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0),
        ContentType="application/x-gzip", ACL="bucket-owner-full-control",
    )  # fmt: skip


OUTBOX = Outbox("pipes", deliver)
