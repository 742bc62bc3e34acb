"""Streams of Kinesis to which a table tells what was written: beside its own stream, and with both images always.

What is told leaves after the write and as a promise that survives a kill. It may come twice, and changes of different items may come
in another order; those of one item do not. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import Item, item_bytes
from kumoniwa.services.dynamodb import sealing, table_key
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.sealing import Encryption
from kumoniwa.services.dynamodb.table import Destination, Table

if TYPE_CHECKING:
    from kumoniwa.services.dynamodb.table import Layout

DESTINATIONS_MAX = 2
SHOWN_S = 86_400.0
"""For so long a destination that was disabled is told of."""
SETTLING_S = 5.0
PRECISIONS = {"MILLISECOND": 1_000, "MICROSECOND": 1_000_000}
GIVEN_UP_S = 86_400.0
RETRY_S = 1.0


# Operations ----------------------------------------------------------------------------------------


def status_of(call: Call, destination: Destination) -> str:
    if destination.changing and destination.settled > call.now():
        return destination.changing
    return "ACTIVE" if destination.is_on else "DISABLED"


def _put(call: Call, table: Table, destination: Destination) -> None:
    others = tuple(each for each in table.destinations if each.stream != destination.stream)
    call.shelf(Table)[table.name] = changed(table, destinations=(*others, destination))


def _settles(call: Call) -> float:
    return call.now() + (SETTLING_S if call.home.settings.pace == "real" else 0.0)


def _held(table: Table, stream: str) -> Destination | None:
    return next((each for each in table.destinations if each.stream == stream), None)


def _answer(table: Table, destination: Destination, status: str, member: str) -> dict[str, Any]:
    precision = {"ApproximateCreationDateTimePrecision": destination.precision}
    return {"TableName": table.name, "StreamArn": destination.stream, "DestinationStatus": status, member: precision}


async def EnableKinesisStreamingDestination(
    call: Call, *, TableName: str, StreamArn: str, EnableKinesisStreamingConfiguration: dict[str, str] | None = None
) -> dict:
    """Whoever asks must be allowed to write to the stream."""
    tables.described(call, TableName)
    stream = arns.parse(StreamArn)
    if stream is None or stream.service != "kinesis" or (stream.region, stream.account) != (call.region, call.account):
        raise ValidationException("Invalid StreamArn: the Kinesis data stream must be in the table's account and region")
    for action in ("kinesis:PutRecord", "kinesis:PutRecords"):
        call.require(action, StreamArn)
    try:
        await call.ask("kinesis:DescribeStreamSummary", StreamARN=StreamArn)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise tables.ResourceNotFoundException(f"Requested resource not found: Kinesis Stream {StreamArn} not found") from None
        raise
    return call.atomically(lambda: _enable(call, TableName, StreamArn, EnableKinesisStreamingConfiguration))


def _enable(call: Call, name: str, stream: str, said: dict[str, str] | None) -> dict:
    table = tables.described(call, name)
    held = _held(table, stream)
    if held is not None and held.is_on:
        raise ValidationException(
            "Table is not in a valid state to enable Kinesis Streaming Destination: EnableKinesisStreamingDestination must be DISABLED "
            "or ENABLE_FAILED to perform ENABLE operation."
        )
    if sum(each.is_on for each in table.destinations) >= DESTINATIONS_MAX:
        raise tables.LimitExceededException(f"A table has at most {DESTINATIONS_MAX} Kinesis streaming destinations")
    precision = (said or {}).get("ApproximateCreationDateTimePrecision", "MILLISECOND")
    made = Destination(stream=stream, precision=precision, is_on=True, changing="ENABLING", settled=_settles(call))
    _put(call, table, made)
    return _answer(table, made, "ENABLING", "EnableKinesisStreamingConfiguration")


def _active(call: Call, name: str, stream: str, verb: str) -> tuple[Table, Destination]:
    table = tables.described(call, name)
    held = _held(table, stream)
    if held is None and verb == "UPDATE":
        # Recorded: localstack's test_kinesis_streaming_destination_crud.
        raise ValidationException(
            f"Table is not in a valid state to enable Kinesis Streaming Destination: No streaming destination with streamArn: {stream} "
            f"found for table with tableName: {table.name}"
        )
    if held is None or status_of(call, held) != "ACTIVE":
        raise ValidationException(
            "Table is not in a valid state to enable Kinesis Streaming Destination: KinesisStreamingDestination must be ACTIVE to perform "
            f"{verb} operation."
        )
    return table, held


def DisableKinesisStreamingDestination(
    call: Call, *, TableName: str, StreamArn: str, EnableKinesisStreamingConfiguration: dict[str, str] | None = None
) -> dict:
    """What was written before is still told."""
    table, held = _active(call, TableName, StreamArn, "DISABLE")
    made = changed(held, is_on=False, changing="DISABLING", settled=_settles(call), ended=call.now())
    _put(call, table, made)
    return _answer(table, made, "DISABLING", "EnableKinesisStreamingConfiguration")


def UpdateKinesisStreamingDestination(
    call: Call, *, TableName: str, StreamArn: str, UpdateKinesisStreamingConfiguration: dict[str, str] | None = None
) -> dict:
    table, held = _active(call, TableName, StreamArn, "UPDATE")
    precision = (UpdateKinesisStreamingConfiguration or {}).get("ApproximateCreationDateTimePrecision")
    if precision is None:
        raise ValidationException(
            "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration cannot be null or contain "
            "only null values"
        )
    if precision == held.precision:
        raise ValidationException(
            f"Invalid Request: Precision is already set to the desired value of {precision} for tableId: {table.uuid}, kdsArn: {StreamArn}"
        )
    made = changed(held, precision=precision, changing="UPDATING", settled=_settles(call))
    _put(call, table, made)
    return _answer(table, made, "UPDATING", "UpdateKinesisStreamingConfiguration")


def DescribeKinesisStreamingDestination(call: Call, *, TableName: str) -> dict:
    table = tables.described(call, TableName)
    told = [
        {"StreamArn": each.stream, "DestinationStatus": status_of(call, each), "ApproximateCreationDateTimePrecision": each.precision}
        for each in table.destinations
        if each.is_on or each.ended + SHOWN_S > call.now()
    ]
    return {"TableName": table.name, "KinesisDataStreamDestinations": told}


# Telling -------------------------------------------------------------------------------------------


def promise(call: Call, layout: Layout, old: Item | None, new: Item | None, *, by_service: bool) -> None:
    """Tell each destination of a change."""
    some = new if new is not None else old
    keys = {name: some[name] for name in layout.key.names}
    images = {name: image for name, image in (("NewImage", new), ("OldImage", old)) if image is not None}
    for destination in layout.destinations:
        record = {
            "awsRegion": call.region,
            "eventID": call.new_id(),
            "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
            "userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"} if by_service else None,
            "recordFormat": "application/json",
            "tableName": layout.name,
            "dynamodb": {
                "ApproximateCreationDateTime": int(call.now() * PRECISIONS[destination.precision]),
                "Keys": keys,
                **images,
                "SizeBytes": item_bytes(keys) + sum(map(item_bytes, images.values())),
                "ApproximateCreationDateTimePrecision": destination.precision,
            },
            "eventSource": "aws:dynamodb",
        }
        # What partition keys AWS takes it does not say; those of one item are the same.
        lane = orjson.dumps(keys) if layout.encryption is None else b"".join(sealing.of(call, layout.encryption).place(orjson.dumps(keys), b""))
        key = hashlib.md5(lane, usedforsecurity=False).hexdigest().upper()
        body = orjson.dumps({"stream": destination.stream, "key": key} | _kept(call, layout, destination.stream, orjson.dumps(record)))
        OUTBOX.put(call, body, lane=f"{destination.stream} {layout.id} {key}")


def _kept(call: Call, layout: Layout, stream: str, record: bytes) -> dict[str, Any]:
    """A promise waits on the disk."""
    if layout.encryption is None:
        return {"record": orjson.Fragment(record)}
    sealed = sealing.of(call, layout.encryption).body((b"kinesis", stream.encode()), record)
    return {"sealed": base64.b64encode(sealed).decode(), "encryption": msgspec.to_builtins(layout.encryption)}


async def _record(call: Call, told: dict[str, Any]) -> bytes | None:
    if "record" in told:
        return orjson.dumps(told["record"])
    seal = await table_key.opened_for_service(call, msgspec.convert(told["encryption"], Encryption))
    return seal.plain_body((b"kinesis", told["stream"].encode()), base64.b64decode(told["sealed"])) if seal is not None else None


async def deliver(call: Call, delivery: Delivery) -> float | None:
    """Write to the stream as DynamoDB's service-linked role does. A stream that is gone hears nothing."""
    told = orjson.loads(delivery.body)
    writer = call.by_owner()
    data = await _record(call, told)
    if data is None:
        return None if delivery.born + GIVEN_UP_S < call.now() else RETRY_S * min(60, 2**delivery.attempts)
    try:
        await writer.ask("kinesis:PutRecord", StreamARN=told["stream"], PartitionKey=told["key"], Data=data, once=delivery.token)
    except AwsError as error:
        is_over = not patience.is_passing(error) or delivery.born + GIVEN_UP_S < call.now()
        return None if is_over else RETRY_S * min(60, 2**delivery.attempts)
    return None


OUTBOX = Outbox("dynamodb", deliver)
