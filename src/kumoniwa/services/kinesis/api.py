"""The operations of Kinesis Data Streams."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.meter import rounded
from kumoniwa.kernel.record import changed
from kumoniwa.services.kinesis import bill, encryption, monitoring, rate, record, resharding
from kumoniwa.services.kinesis.bill import standing_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.kinesis.consumer import (
    Consumer,
    DeregisterStreamConsumer,
    DescribeStreamConsumer,
    ListStreamConsumers,
    RegisterStreamConsumer,
    consumers_of,
    read_token,
    token,
)
from kumoniwa.services.kinesis.encryption import StartStreamEncryption, StopStreamEncryption
from kumoniwa.services.kinesis.errors import (
    InvalidArgumentException,
    LimitExceededException,
    ProvisionedThroughputExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from kumoniwa.services.kinesis.monitoring import DisableEnhancedMonitoring, EnableEnhancedMonitoring
from kumoniwa.services.kinesis.policy import DeleteResourcePolicy, GetResourcePolicy, PutResourcePolicy
from kumoniwa.services.kinesis.stream import (
    Shard,
    Stream,
    active,
    arn_of,
    children,
    existing,
    index_in,
    is_gone,
    listed_shards,
    named,
    readable_shard,
    settles,
    shard_named,
    shown_shard,
    state_of,
    updating,
    writable,
)
from kumoniwa.services.kinesis.subscription import SubscribeToShard
from kumoniwa.services.kinesis.tag import (
    AddTagsToStream,
    ListTagsForResource,
    ListTagsForStream,
    RemoveTagsFromStream,
    TagResource,
    UntagResource,
    all_tags,
    checked,
    reserved_tag,  # noqa: F401 (the gate's hook)
    resource,
    tags_of,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "AddTagsToStream", "DeleteResourcePolicy", "DeregisterStreamConsumer", "DescribeStreamConsumer", "DisableEnhancedMonitoring",
    "EnableEnhancedMonitoring", "GetResourcePolicy", "ListStreamConsumers", "ListTagsForResource", "ListTagsForStream", "PutResourcePolicy",
    "RegisterStreamConsumer", "RemoveTagsFromStream", "StartStreamEncryption", "StopStreamEncryption", "SubscribeToShard", "TagResource",
    "UntagResource", "all_tags",
]  # fmt: skip

SHARDS_MAX = 20_000
ON_DEMAND_SHARDS = 4
ON_DEMAND_STREAMS_MAX = 50
RETENTION_H_MIN, RETENTION_H_MAX = 24, 8_760
RECORD_BYTES_MAX = 1 << 20
REQUEST_BYTES_MAX = 10 << 20
DESCRIBED_SHARDS_MAX = 100
LISTED_SHARDS_MAX = 1_000
# https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html


# What the gate asks --------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    for name in ("StreamARN", "ConsumerARN", "ResourceARN"):
        if isinstance(params.get(name), str):
            return params[name]
    if "ShardIterator" in params:
        try:
            return call.arn(f"stream/{record.opened(params['ShardIterator']).stream}")
        except InvalidArgumentException:
            return call.arn("stream/*")
    return call.arn(f"stream/{params['StreamName']}") if isinstance(params.get("StreamName"), str) else "*"


def policy_of(call: Call, arn: str) -> str | None:
    if ":stream/" not in arn:
        return None
    try:
        return resource(call, arn).policy or None
    except (ResourceNotFoundException, InvalidArgumentException):
        return None


# Streams -------------------------------------------------------------------------------------------


def CreateStream(
    call: Call,
    *,
    StreamName: str,
    ShardCount: int | None = None,
    StreamModeDetails: dict[str, str] | None = None,
    Tags: dict[str, str] | None = None,
) -> None:
    """A stream of which neither is said is on demand, with four shards (recorded: localstack's test_create_stream_without_shard_count).

    What mode and count refuse of each other is as cdk-preflight saw it of a stack: pf-kinesis-on-demand-shard-count, -provisioned-shard-count."""
    mode = (StreamModeDetails or {}).get("StreamMode") or ("ON_DEMAND" if ShardCount is None else "PROVISIONED")
    streams, held = call.shelf(Stream), call.shelf(Stream).get(StreamName)
    if held is not None and not is_gone(call, held):
        raise ResourceInUseException(f"Stream {StreamName} under account {call.account} already exists.")
    if mode == "ON_DEMAND" and ShardCount is not None:
        raise ValidationException("ShardCount is not expected when StreamMode=ON_DEMAND")
    if mode == "PROVISIONED" and ShardCount is None:
        raise ValidationException("ShardCount is expected when StreamMode=PROVISIONED")
    _check_limits(call, mode, ShardCount or ON_DEMAND_SHARDS)
    if held is not None:
        record.forget(call, held)
    streams[StreamName] = Stream(
        name=StreamName, id=call.new_id(), created=call.now(), mode=mode, settled=settles(call), tags=checked(call, Tags or {}),
        shards=resharding.fresh(call, ShardCount or ON_DEMAND_SHARDS),
    )  # fmt: skip


def _check_limits(call: Call, mode: str, count: int) -> None:
    if mode == "ON_DEMAND":
        if sum(stream.mode == mode for stream in call.shelf(Stream).values()) >= ON_DEMAND_STREAMS_MAX:
            raise LimitExceededException(f"The account {call.account} has {ON_DEMAND_STREAMS_MAX} on-demand streams already.")
        return
    current = _open_shards(call)
    if current + count > SHARDS_MAX:
        raise LimitExceededException(
            f"This request would exceed the shard limit for the account {call.account} in {call.region}. Current shard count for the "
            f"account: {current}. Limit: {SHARDS_MAX}. Number of additional shards that would have resulted from this request: {count}. "
            "Refer to the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current "
            "limits and how to request higher limits."
        )


def _open_shards(call: Call) -> int:
    return sum(len(stream.open_shards) for stream in call.shelf(Stream).values() if stream.mode == "PROVISIONED")


def DeleteStream(
    call: Call, *, StreamName: str | None = None, EnforceConsumerDeletion: bool | None = None, StreamARN: str | None = None
) -> None:
    stream = existing(call, named(call, StreamName, StreamARN))
    consumers = consumers_of(call, stream)
    if consumers and not EnforceConsumerDeletion:
        raise ResourceInUseException(
            f"Stream {stream.name} under account {call.account} still has {len(consumers)} registered consumers. "
            "Deregister them, or set EnforceConsumerDeletion."
        )
    for consumer in consumers:
        del call.shelf(Consumer)[f"{consumer.stream}/{consumer.name}"]
    stream = changed(stream, state="DELETING", settled=settles(call))
    if stream.settled:
        call.shelf(Stream)[stream.name] = stream
    else:
        del call.shelf(Stream)[stream.name]
        record.forget(call, stream)
    rate.forget(call, stream)
    call.home.wake(record.wakes(call, stream))


def DescribeStream(
    call: Call,
    *,
    StreamName: str | None = None,
    Limit: int | None = None,
    ExclusiveStartShardId: str | None = None,
    StreamARN: str | None = None,
) -> dict:
    stream = existing(call, named(call, StreamName, StreamARN))
    shards = listed_shards(call, stream)
    if ExclusiveStartShardId is not None:
        shards = [shard for shard in shards if shard.id > ExclusiveStartShardId]
    page = shards[: min(Limit or DESCRIBED_SHARDS_MAX, DESCRIBED_SHARDS_MAX)]
    if state_of(call, stream) == "CREATING":
        page = shards = []
    more = {"Shards": [shown_shard(stream, shard) for shard in page], "HasMoreShards": len(page) < len(shards)}
    return {"StreamDescription": _described(call, stream) | more}


def _described(call: Call, stream: Stream) -> dict[str, Any]:
    return {
        "StreamName": stream.name,
        "StreamARN": arn_of(call, stream),
        "StreamStatus": state_of(call, stream),
        "StreamModeDetails": {"StreamMode": stream.mode},
        "RetentionPeriodHours": stream.retention_h,
        "StreamCreationTimestamp": stream.created,
        "EnhancedMonitoring": [{"ShardLevelMetrics": list(stream.shard_metrics)}],
        **encryption.shown(stream),
    }


def DescribeStreamSummary(call: Call, *, StreamName: str | None = None, StreamARN: str | None = None) -> dict:
    stream = existing(call, named(call, StreamName, StreamARN))
    counts = {"OpenShardCount": len(stream.open_shards), "ConsumerCount": len(consumers_of(call, stream))}
    return {"StreamDescriptionSummary": _described(call, stream) | counts}


def ListStreams(
    call: Call, *, Limit: int | None = None, ExclusiveStartStreamName: str | None = None, NextToken: str | None = None
) -> dict:
    after = read_token(NextToken) if NextToken else ExclusiveStartStreamName or ""
    streams = sorted((s for s in call.shelf(Stream).values() if s.name > after and not is_gone(call, s)), key=lambda s: s.name)
    page = streams[: min(Limit or 100, 100)]
    reply: dict[str, Any] = {
        "StreamNames": [stream.name for stream in page],
        "HasMoreStreams": len(page) < len(streams),
        "StreamSummaries": [
            {
                "StreamName": stream.name,
                "StreamARN": arn_of(call, stream),
                "StreamStatus": state_of(call, stream),
                "StreamModeDetails": {"StreamMode": stream.mode},
                "StreamCreationTimestamp": stream.created,
            }
            for stream in page
        ],
    }
    if len(page) < len(streams):
        reply["NextToken"] = token(page[-1].name)
    return reply


def DescribeLimits(call: Call) -> dict:
    return {
        "ShardLimit": SHARDS_MAX,
        "OpenShardCount": _open_shards(call),
        "OnDemandStreamCount": sum(stream.mode == "ON_DEMAND" for stream in call.shelf(Stream).values()),
        "OnDemandStreamCountLimit": ON_DEMAND_STREAMS_MAX,
    }


def UpdateStreamMode(call: Call, *, StreamARN: str, StreamModeDetails: dict[str, str]) -> None:
    stream = active(call, named(call, None, StreamARN))
    updating(call, stream, mode=StreamModeDetails["StreamMode"])


def IncreaseStreamRetentionPeriod(
    call: Call, *, RetentionPeriodHours: int, StreamName: str | None = None, StreamARN: str | None = None
) -> None:
    stream = _to_keep(call, RetentionPeriodHours, StreamName, StreamARN)
    if RetentionPeriodHours < stream.retention_h:
        raise InvalidArgumentException(
            f"Requested retention period ({RetentionPeriodHours} hours) for stream {stream.name} can not be shorter than existing "
            f"retention period ({stream.retention_h} hours). Use DecreaseRetentionPeriod API."
        )
    updating(call, stream, retention_h=RetentionPeriodHours)


def DecreaseStreamRetentionPeriod(
    call: Call, *, RetentionPeriodHours: int, StreamName: str | None = None, StreamARN: str | None = None
) -> None:
    stream = _to_keep(call, RetentionPeriodHours, StreamName, StreamARN)
    if RetentionPeriodHours > stream.retention_h:
        raise InvalidArgumentException(
            f"Requested retention period ({RetentionPeriodHours} hours) for stream {stream.name} can not be longer than existing "
            f"retention period ({stream.retention_h} hours). Use IncreaseRetentionPeriod API."
        )
    updating(call, stream, retention_h=RetentionPeriodHours)


def _to_keep(call: Call, hours: int, name: str | None, arn: str | None) -> Stream:
    stream_name = named(call, name, arn)
    if hours < RETENTION_H_MIN:
        raise InvalidArgumentException(
            f"Minimum allowed retention period is {RETENTION_H_MIN} hours. Requested retention period ({hours} hours) is too short."
        )
    if hours > RETENTION_H_MAX:
        raise InvalidArgumentException(
            f"Maximum allowed retention period is {RETENTION_H_MAX} hours. Requested retention period ({hours} hours) is too long."
        )
    return active(call, stream_name)


# Shards --------------------------------------------------------------------------------------------


def ListShards(
    call: Call,
    *,
    StreamName: str | None = None,
    NextToken: str | None = None,
    ExclusiveStartShardId: str | None = None,
    MaxResults: int | None = None,
    StreamCreationTimestamp: float | None = None,
    ShardFilter: dict[str, Any] | None = None,
    StreamARN: str | None = None,
) -> dict:
    """A token stands for the stream, the filter and the shard it goes on behind."""
    if NextToken is None and StreamName is None and StreamARN is None:
        raise InvalidArgumentException("Either NextToken or StreamName should be provided.")
    if NextToken is not None and (StreamName is not None or StreamARN is not None):
        raise InvalidArgumentException("NextToken and StreamName cannot be provided together.")
    if NextToken is not None:
        StreamName, after, kind, at = _listing(read_token(NextToken))
    else:
        after, at = ExclusiveStartShardId or "", float((ShardFilter or {}).get("Timestamp", 0.0))
        kind = (ShardFilter or {}).get("Type", "")
        if kind == "AFTER_SHARD_ID":
            after = (ShardFilter or {}).get("ShardId", "")
        if kind.endswith("_TIMESTAMP") and "Timestamp" not in (ShardFilter or {}):
            raise InvalidArgumentException(f"Timestamp must be provided with the shard filter type {kind}.")
    stream = existing(call, named(call, StreamName, StreamARN))
    if StreamCreationTimestamp is not None and int(StreamCreationTimestamp) != int(stream.created):
        raise ResourceNotFoundException(f"Stream {stream.name} under account {call.account} not found.")
    shards = [shard for shard in _filtered(call, stream, kind, at) if shard.id > after]
    page = shards[: min(MaxResults or LISTED_SHARDS_MAX, LISTED_SHARDS_MAX)]
    reply: dict[str, Any] = {"Shards": [shown_shard(stream, shard) for shard in page]}
    if len(page) < len(shards):
        reply["NextToken"] = token(f"{stream.name} {page[-1].id} {kind} {at}")
    return reply


def _listing(text: str) -> tuple[str, str, str, float]:
    parts = text.split(" ")
    try:
        name, after, kind, at = parts
        return name, after, kind, float(at)
    except ValueError:
        raise InvalidArgumentException("NextToken is invalid.")


def _filtered(call: Call, stream: Stream, kind: str, at: float) -> list[Shard]:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ShardFilter.html"""
    shards = listed_shards(call, stream)
    # The first shards are a moment younger than their stream.
    horizon = max(call.now() - stream.retention_h * 3600.0, min(shard.created for shard in stream.shards))
    moment = horizon if kind.endswith("TRIM_HORIZON") else at
    if kind == "AT_LATEST":
        return [shard for shard in shards if shard.is_open]
    if kind in ("AT_TRIM_HORIZON", "AT_TIMESTAMP"):
        return [shard for shard in shards if shard.created <= moment and (shard.is_open or shard.ended > moment)]
    if kind == "FROM_TIMESTAMP":
        return [shard for shard in shards if shard.is_open or shard.ended > moment]
    return shards


def SplitShard(
    call: Call, *, ShardToSplit: str, NewStartingHashKey: str, StreamName: str | None = None, StreamARN: str | None = None
) -> None:
    name = named(call, StreamName, StreamARN)
    index_in(call, name, ShardToSplit)
    stream = active(call, name)
    shard = _open(call, stream, ShardToSplit)
    start = int(NewStartingHashKey)
    if not int(shard.start) + 1 < start < int(shard.end):
        raise InvalidArgumentException(
            f"NewStartingHashKey {NewStartingHashKey} used in SplitShard() on shard {shard.id} in stream {name} under account "
            f"{call.account} is not both greater than one plus the shard's StartingHashKey {shard.start} and less than the shard's "
            f"EndingHashKey {shard.end}."
        )
    _check_limits(call, stream.mode, 1)
    _reshard(call, stream, resharding.split(call, stream.shards, shard, start))


def MergeShards(
    call: Call, *, ShardToMerge: str, AdjacentShardToMerge: str, StreamName: str | None = None, StreamARN: str | None = None
) -> None:
    name = named(call, StreamName, StreamARN)
    for text in (ShardToMerge, AdjacentShardToMerge):
        index_in(call, name, text)
    stream = active(call, name)
    shard, adjacent = _open(call, stream, ShardToMerge), _open(call, stream, AdjacentShardToMerge)
    if not resharding.is_behind(shard, adjacent):
        raise InvalidArgumentException(
            f"Shards {shard.id} and {adjacent.id} in stream {name} under account {call.account} are not an adjacent pair of shards "
            "eligible for merging"
        )
    _reshard(call, stream, resharding.merge(call, stream.shards, shard, adjacent))


def _open(call: Call, stream: Stream, text: str) -> Shard:
    shard = shard_named(call, stream, text)
    if not shard.is_open:
        raise InvalidArgumentException(
            f"Shard {shard.id} in stream {stream.name} under account {call.account} has already been merged or split, and thus is not "
            "eligible for merging or splitting."
        )
    return shard


def _reshard(call: Call, stream: Stream, shards: tuple[Shard, ...]) -> None:
    updating(call, stream, shards=shards)
    call.home.wake(record.wakes(call, stream))


def UpdateShardCount(
    call: Call, *, TargetShardCount: int, ScalingType: str, StreamName: str | None = None, StreamARN: str | None = None
) -> dict:
    stream = active(call, named(call, StreamName, StreamARN))
    current = len(stream.open_shards)
    if stream.mode == "ON_DEMAND":
        raise ValidationException(f"Request is invalid. Stream {stream.name} under account {call.account} is in On-Demand mode.")
    if TargetShardCount > 2 * current:
        raise InvalidArgumentException(
            f"UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: {current} "
            f"Target shard count: {TargetShardCount}"
        )
    if 2 * TargetShardCount < current:
        raise InvalidArgumentException(
            f"UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: {current} "
            f"Target shard count: {TargetShardCount}"
        )
    _check_limits(call, stream.mode, TargetShardCount - current)
    _reshard(call, stream, resharding.uniform(call, stream, TargetShardCount))
    return {
        "StreamName": stream.name,
        "CurrentShardCount": current,
        "TargetShardCount": TargetShardCount,
        "StreamARN": arn_of(call, stream),
    }


# Records -------------------------------------------------------------------------------------------


def PutRecord(
    call: Call,
    *,
    Data: bytes,
    PartitionKey: str | None = None,
    StreamName: str | None = None,
    ExplicitHashKey: str | None = None,
    SequenceNumberForOrdering: str | None = None,
    StreamARN: str | None = None,
) -> dict:
    """Records of one region are always in the order of their puts, so the number for ordering is only checked."""
    stream = writable(call, named(call, StreamName, StreamARN))
    _check_key(PartitionKey, "partitionKey")
    shard = record.shard_for(stream, PartitionKey, ExplicitHashKey)
    if SequenceNumberForOrdering is not None:
        _check_ordering(call, stream, SequenceNumberForOrdering)
    size = _size(Data, PartitionKey, "data")
    encryption.prove(call, stream)
    rate.count_write(call, stream, shard, size)
    _measure_writes(call, stream, 1, size)
    monitoring.measure(call, stream, shard, IncomingRecords=1, IncomingBytes=size)
    bill.written(call, stream, (size,))
    number = record.put(call, stream, shard, PartitionKey, Data)
    return {"ShardId": shard.id, "SequenceNumber": number, "EncryptionType": encryption.shown(stream)["EncryptionType"]}


def _check_key(key: str | None, place: str) -> None:
    """Only streams that distribute records by themselves, which are not here, do without a key."""
    if key is None:
        raise ValidationException(
            f"1 validation error detected: Value null at '{place}' failed to satisfy constraint: Member must not be null"
        )


def _check_ordering(call: Call, stream: Stream, number: str) -> None:
    named_place = record.place_of(stream, number)
    if named_place is None or named_place[0] >= len(stream.shards) or named_place[1] > record.newest(call):
        raise InvalidArgumentException(
            f"ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream {stream.name} under account {call.account} is invalid."
        )


def _size(data: bytes, key: str, place: str) -> int:
    size = len(data) + len(key.encode())
    if size > RECORD_BYTES_MAX:
        raise ValidationException(
            f"1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim={len(data)} cap={len(data)}]' at '{place}' failed to "
            f"satisfy constraint: Member must have length less than or equal to {RECORD_BYTES_MAX}"
        )
    return size


def PutRecords(call: Call, *, Records: list[dict[str, Any]], StreamName: str | None = None, StreamARN: str | None = None) -> dict:
    """What a shard cannot take now is reported beside what was taken."""
    stream = writable(call, named(call, StreamName, StreamARN))
    for number, entry in enumerate(Records, 1):
        _check_key(entry.get("PartitionKey"), f"records.{number}.member.partitionKey")
    sizes = [
        _size(entry["Data"], entry["PartitionKey"], f"records.{number}.member.data") for number, entry in enumerate(Records, 1)
    ]
    shards = [record.shard_for(stream, entry["PartitionKey"], entry.get("ExplicitHashKey")) for entry in Records]
    if sum(sizes) > REQUEST_BYTES_MAX:
        raise InvalidArgumentException(f"Records size exceeds {REQUEST_BYTES_MAX >> 20} MB limit")
    encryption.prove(call, stream)
    answers: list[dict[str, str]] = []
    failed = 0
    for entry, shard, size in zip(Records, shards, sizes):
        try:
            rate.count_write(call, stream, shard, size)
            number = record.put(call, stream, shard, entry["PartitionKey"], entry["Data"])
            answers.append({"SequenceNumber": number, "ShardId": shard.id})
            monitoring.measure(call, stream, shard, IncomingRecords=1, IncomingBytes=size)
        except ProvisionedThroughputExceededException as error:
            failed += 1
            answers.append({"ErrorCode": error.code, "ErrorMessage": error.text})
    taken = [size for size, answer in zip(sizes, answers) if "ShardId" in answer]
    _measure_writes(call, stream, len(taken), sum(taken))
    if taken:
        bill.written(call, stream, taken)
    return {"FailedRecordCount": failed, "Records": answers, "EncryptionType": encryption.shown(stream)["EncryptionType"]}


def _measure_writes(call: Call, stream: Stream, records: int, size: int) -> None:
    """https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html"""
    call.measure("AWS/Kinesis", "IncomingRecords", "StreamName", stream.name, value=records)
    call.measure("AWS/Kinesis", "IncomingBytes", "StreamName", stream.name, value=size, unit="Bytes")


def GetShardIterator(
    call: Call,
    *,
    ShardId: str,
    ShardIteratorType: str,
    StreamName: str | None = None,
    StartingSequenceNumber: str | None = None,
    Timestamp: float | None = None,
    StreamARN: str | None = None,
) -> dict:
    stream, shard = readable_shard(call, named(call, StreamName, StreamARN), ShardId)
    place = record.start_of(call, stream, shard, ShardIteratorType, StartingSequenceNumber, Timestamp)
    return {"ShardIterator": record.iterator(call, stream, shard, place)}


def GetRecords(call: Call, *, ShardIterator: str, Limit: int | None = None, StreamARN: str | None = None) -> dict:
    """Up to 10,000 records or 10 MB. Without NextShardIterator the shard is closed and all of it was read."""
    held = record.opened(ShardIterator)
    if StreamARN is not None and named(call, None, StreamARN) != held.stream:
        raise InvalidArgumentException("Invalid ShardIterator.")
    record.check_age(call, held)
    stream, shard = readable_shard(call, held.stream, str(held.shard))
    if stream.id != held.id:
        raise ResourceNotFoundException(f"Stream {held.stream} under account {call.account} not found.")
    if stream.is_sealed:
        record.read(call, stream, shard, held.place, Limit or record.RECORDS_MAX)  # opens what is shut before anything is counted
    rate.count_read(call, stream, shard)
    found = record.read(call, stream, shard, held.place, Limit or record.RECORDS_MAX)
    rate.count_bytes(call, stream, shard, found.size)
    bill.read(call, stream, found.size)
    call.measure("AWS/Kinesis", "GetRecords.Records", "StreamName", stream.name, value=len(found.records))
    age = rounded(found.behind_ms)
    call.measure("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", stream.name, value=age, unit="Milliseconds")
    monitoring.measure(call, stream, shard, OutgoingRecords=len(found.records), OutgoingBytes=found.size, IteratorAgeMilliseconds=age)
    reply: dict[str, Any] = {"Records": found.records, "MillisBehindLatest": found.behind_ms}
    if found.is_over:
        reply["ChildShards"] = children(call, stream, shard)
    else:
        reply["NextShardIterator"] = record.iterator(call, stream, shard, found.place)
    return reply
