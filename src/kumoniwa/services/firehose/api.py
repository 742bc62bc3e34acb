"""The operations of Data Firehose. Destinations other than S3 and sources other than Kinesis are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.firehose import buffer
from kumoniwa.services.firehose.delivery import MIB
from kumoniwa.services.firehose.errors import InvalidArgumentException, InvalidSourceException
from kumoniwa.services.firehose.stream import (
    WORK,
    CreateDeliveryStream,
    DeleteDeliveryStream,
    DescribeDeliveryStream,
    ListDeliveryStreams,
    StartDeliveryStreamEncryption,
    StopDeliveryStreamEncryption,
    Stream,
    UpdateDestination,
    active,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.firehose.tag import (
    ListTagsForDeliveryStream,
    TagDeliveryStream,
    UntagDeliveryStream,
    reserved_tag,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "CreateDeliveryStream", "DeleteDeliveryStream", "DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream", "PutRecord",
    "PutRecordBatch", "StartDeliveryStreamEncryption", "StopDeliveryStreamEncryption", "TagDeliveryStream", "UntagDeliveryStream",
    "UpdateDestination", "all_tags",
]  # fmt: skip

RECORD_BYTES_MAX = 1_024_000
BATCH_RECORDS_MAX = 500
BATCH_BYTES_MAX = 4 * MIB
# https://docs.aws.amazon.com/firehose/latest/dev/limits.html


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    name = params.get("DeliveryStreamName")
    return call.arn(f"deliverystream/{name if isinstance(name, str) else '*'}") if operation != "ListDeliveryStreams" else "*"


def PutRecord(call: Call, *, DeliveryStreamName: str, Record: dict[str, bytes]) -> dict:
    stream = _direct(call, DeliveryStreamName)
    (id_,) = _put(call, stream, [Record["Data"]])
    return {"RecordId": id_, "Encrypted": stream.encryption is not None}


def PutRecordBatch(call: Call, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict:
    stream = _direct(call, DeliveryStreamName)
    if len(Records) > BATCH_RECORDS_MAX:
        raise InvalidArgumentException(f"Records size exceeds {BATCH_RECORDS_MAX} records limit")
    if sum(len(record["Data"]) for record in Records) > BATCH_BYTES_MAX:
        raise InvalidArgumentException("Records size exceeds 4 MB limit")
    ids = _put(call, stream, [record["Data"] for record in Records])
    return {"FailedPutCount": 0, "Encrypted": stream.encryption is not None, "RequestResponses": [{"RecordId": id_} for id_ in ids]}


def _direct(call: Call, name: str) -> Stream:
    stream = active(call, name)
    if stream.kind != "DirectPut":
        raise InvalidSourceException(f"This operation is not permitted on {stream.kind} delivery stream type.")
    return stream


def _put(call: Call, stream: Stream, data: list[bytes]) -> list[str]:
    for record in data:
        if len(record) > RECORD_BYTES_MAX:
            raise InvalidArgumentException("Record size exceeds 1,000 KiB limit")
    full_at = stream.destination["BufferingHints"]["SizeInMBs"] * MIB
    numbers = buffer.add(call, stream.id, data, full_at=full_at, wakes=WORK, encryption=stream.encryption)
    return [f"{stream.id}{number:020d}" for number in numbers]
