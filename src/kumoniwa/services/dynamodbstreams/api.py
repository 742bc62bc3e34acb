"""The operations of DynamoDB Streams."""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any

import orjson

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.services.dynamodb.stream import (
    KEPT_S,
    RECORDS,
    SEQUENCE_START,
    Stream,
    newest,
    sequence,
    shown,
    unsealed,
)
from kumoniwa.services.dynamodbstreams.bill import uses_of  # noqa: F401 (a hook of the gate's)

ITERATOR_KEPT_S = 900
RECORDS_MAX = 1_000
REPLY_BYTES_MAX = 1 << 20
LIST_MAX = 100
_STREAM = re.compile(r"table/[^/]+/stream/[^/]+")
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html


class ResourceNotFoundException(AwsError): ...


class ExpiredIteratorException(AwsError):
    message = "The provided iterator exceeds the maximum age allowed."


class TrimmedDataAccessException(AwsError):
    message = "The operation attempted to read past the oldest stream record in a shard."


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    if "StreamArn" in params:
        return str(params["StreamArn"])
    if "ShardIterator" in params:
        try:
            return _opened(params["ShardIterator"])[0]
        except ValidationException:
            return call.arn("table/*/stream/*", "dynamodb")
    return call.arn(f"table/{params.get('TableName', '*')}/stream/*", "dynamodb")


def _arn(call: Call, name: str) -> str:
    return call.arn(f"table/{name}", "dynamodb")


def _refuse_malformed(arn: str) -> None:
    """That AWS refuses what is no stream's ARN before it looks for it: scylladb/scylladb, test_describe_nonexistent_stream. The words
    are those that DynamoDB has for tables' ARNs."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "dynamodb" or not _STREAM.fullmatch(parsed.resource):
        raise ValidationException(f"Invalid StreamArn: Invalid ResourceArn provided as input {arn}")


def _refuse_above(limit: int | None, most: int) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html names the limits, the
    model does not; that more is refused: scylladb/scylladb, test_get_records_too_high_limit."""
    if limit is not None and limit > most:
        raise ValidationException(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )


def _stream(call: Call, arn: str) -> Stream:
    _refuse_malformed(arn)
    name = arn.partition(":table/")[2]
    stream = call.shelf(Stream).get(name)
    if stream is None or arn != _arn(call, name) or _is_gone(call, stream):
        raise ResourceNotFoundException(f"Requested resource not found: Stream: {arn} not found")
    return stream


def _is_gone(call: Call, stream: Stream) -> bool:
    return bool(stream.ended) and stream.ended + KEPT_S <= call.now()


def ListStreams(
    call: Call,
    *,
    TableName: str | None = None,
    Limit: int | None = None,
    ExclusiveStartStreamArn: str | None = None,
) -> dict:
    _refuse_above(Limit, LIST_MAX)
    if ExclusiveStartStreamArn is not None:
        _refuse_malformed(ExclusiveStartStreamArn)
    after = (ExclusiveStartStreamArn or "").partition(":table/")[2]
    streams = sorted(
        (
            s
            for s in call.shelf(Stream).values()
            if TableName in (None, s.table) and s.name > after and not _is_gone(call, s)
        ),
        key=lambda stream: stream.name,
    )
    found = streams[: Limit or LIST_MAX]
    reply: dict[str, Any] = {
        "Streams": [
            {"StreamArn": _arn(call, s.name), "TableName": s.table, "StreamLabel": s.label} for s in found
        ]
    }
    if len(found) < len(streams):
        reply["LastEvaluatedStreamArn"] = _arn(call, found[-1].name)
    return reply


def DescribeStream(
    call: Call, *, StreamArn: str, Limit: int | None = None, ExclusiveStartShardId: str | None = None, ShardFilter: dict | None = None
) -> dict:
    """A stream has one shard here, which is nobody's child; AWS's shards split and end by themselves every few hours."""
    stream = _stream(call, StreamArn)
    _refuse_above(Limit, LIST_MAX)
    asks_for_children = ShardFilter is not None
    for member in ("Type", "ShardId"):
        # That both are needed: scylladb/scylladb, test_stream_shard_filtering_missing_type; the words are the model's for such.
        if ShardFilter is not None and ShardFilter.get(member) is None:
            where = f"shardFilter.{member[0].lower()}{member[1:]}"
            raise ValidationException(f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: Member must not be null")
    numbers = {"StartingSequenceNumber": sequence(stream.first)}
    if stream.ended:
        numbers["EndingSequenceNumber"] = sequence(stream.last)
    description = {
        "StreamArn": StreamArn,
        "StreamLabel": stream.label,
        "StreamStatus": "DISABLED" if stream.ended else "ENABLED",
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created,
        "TableName": stream.table,
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in stream.key_schema],
        "Shards": []
        if ExclusiveStartShardId or asks_for_children
        else [{"ShardId": stream.shard, "SequenceNumberRange": numbers}],
    }
    return {"StreamDescription": description}


def GetShardIterator(
    call: Call, *, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str | None = None, Timestamp: float | None = None
) -> dict:
    stream = _stream(call, StreamArn)
    if ShardId != stream.shard:
        raise ResourceNotFoundException(
            f"Requested resource not found: Shard: {ShardId} in Stream: {StreamArn} not found"
        )
    if Timestamp is not None and ShardIteratorType != "AT_TIMESTAMP":
        raise ValidationException(f"Timestamp must not be specified for ShardIteratorType {ShardIteratorType}")
    if ShardIteratorType in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
        if SequenceNumber is not None:
            raise ValidationException(
                f"SequenceNumber must not be specified for ShardIteratorType {ShardIteratorType}"
            )
        seq = (
            _since(call, stream, Timestamp)
            if ShardIteratorType == "AT_TIMESTAMP"
            else stream.first
            if ShardIteratorType == "TRIM_HORIZON"
            else newest(call) + 1
        )
    else:
        seq = _known(call, stream, SequenceNumber, ShardIteratorType) + (
            ShardIteratorType == "AFTER_SEQUENCE_NUMBER"
        )
    return {"ShardIterator": _iterator(call, stream, seq)}


def _since(call: Call, stream: Stream, moment: float | None) -> int:
    """The first record that says it was made then or later, in whole seconds as records say it; what the model tells of Timestamp."""
    if moment is None:
        raise ValidationException("Timestamp is required for ShardIteratorType AT_TIMESTAMP")
    if moment > call.now():
        raise ValidationException("Timestamp must not be in the future")
    first = call.rows(RECORDS).one("select min(seq) from dynamodb_record where stream = ? and at >= ?", stream.name, math.ceil(moment))[0]
    return first if first is not None else newest(call) + 1


def _known(call: Call, stream: Stream, number: str | None, kind: str) -> int:
    if number is None:
        raise ValidationException(f"SequenceNumber is required for ShardIteratorType {kind}")
    seq = int(number) - SEQUENCE_START if number.isascii() and number.isdigit() else -1
    if seq == stream.first == newest(call) + 1:
        return seq  # The shard's own beginning, before anything is in it.
    if not stream.first <= seq <= newest(call):
        raise ValidationException(f"Invalid SequenceNumber: {number}")
    if stream.created + KEPT_S > call.now():
        return seq  # Nothing is trimmed yet.
    oldest = call.rows(RECORDS).one("select min(seq) from dynamodb_record where stream = ?", stream.name)[0]
    if oldest is None or seq < oldest:
        raise TrimmedDataAccessException
    return seq


def _iterator(call: Call, stream: Stream, seq: int) -> str:
    """It begins with the stream's ARN (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html)."""
    token = base64.b64encode(orjson.dumps([seq, call.now()])).decode()
    return f"{_arn(call, stream.name)}|1|{token}"


def _opened(iterator: str) -> tuple[str, int, float]:
    try:
        arn, _, token = iterator.rpartition("|1|")
        seq, issued = orjson.loads(base64.b64decode(token, validate=True))
        if isinstance(seq, int) and isinstance(issued, int | float):
            return arn, min(max(seq, 0), 1 << 62), issued
    except (binascii.Error, ValueError, TypeError):
        pass
    raise ValidationException("Invalid ShardIterator")


def GetRecords(call: Call, *, ShardIterator: str, Limit: int | None = None) -> dict:
    """Up to 1,000 records or 1 MB. Without NextShardIterator the shard has ended and all of it was read."""
    _refuse_above(Limit, RECORDS_MAX)
    arn, seq, issued = _opened(ShardIterator)
    if issued + ITERATOR_KEPT_S < call.now():
        raise ExpiredIteratorException
    stream = _stream(call, arn)
    rows = call.rows(RECORDS).each(
        """select seq, at, event, by_service, keys, new, old, size from dynamodb_record
           where stream = ? and seq >= ? and at > ? order by seq limit ?""",
        stream.name, seq, call.now() - KEPT_S, min(Limit or RECORDS_MAX, RECORDS_MAX),
    )  # fmt: skip
    records, total, is_more = [], 0, False
    for row in rows if stream.encryption is None else unsealed(call, stream, rows):
        total += len(row[4]) + len(row[5] or b"") + len(row[6] or b"")
        if total > REPLY_BYTES_MAX and records:
            is_more = True
            break
        records.append(shown(call, stream, row))
        seq = row[0] + 1
    reply: dict[str, Any] = {"Records": records}
    if is_more or not stream.ended or seq <= stream.last and records:
        reply["NextShardIterator"] = _iterator(call, stream, seq)
    return reply
