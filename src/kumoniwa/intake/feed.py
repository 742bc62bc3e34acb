"""What differs between the streams that are read: how they are asked, what wakes their readers, and the shape of their records."""

from __future__ import annotations

import base64
import json
from typing import Any

from kumoniwa.intake.customer import Wishes
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import timestamps


class Shard:
    def __init__(self, described: dict[str, Any]) -> None:
        self.id: str = described["ShardId"]
        self.parents = [described[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in described]
        self.is_open = "EndingSequenceNumber" not in described["SequenceNumberRange"]


class TableFeed:
    """A stream of DynamoDB."""

    actions = ("GetRecords", "GetShardIterator")
    information = "DDBStreamBatchInfo"
    read_max = 1_000
    pause_s = 0.0

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.named = {"StreamArn": wishes.source}
        self.reader = ""

    async def shards(self, role: Call) -> list[Shard]:
        found = (await role.ask("dynamodbstreams:DescribeStream", **self.named))["StreamDescription"]["Shards"]
        return [Shard(shard) for shard in found]

    def wakes(self) -> tuple:
        stream = arns.parse(self.wishes.source)
        return ("dynamodb", "stream", stream.account, stream.resource.removeprefix("table/"))

    async def iterator(self, role: Call, shard: str, kind: str, sequence: str = "") -> str:
        more = {"SequenceNumber": sequence} if sequence else {}
        reply = await role.ask("dynamodbstreams:GetShardIterator", **self.named, ShardId=shard, ShardIteratorType=kind, **more)
        return reply["ShardIterator"]

    async def start(self, role: Call, shard: str) -> str:
        return await self.iterator(role, shard, "TRIM_HORIZON")

    async def read(self, role: Call, iterator: str, most: int) -> tuple[list[dict[str, Any]], str | None]:
        reply = await role.ask("dynamodbstreams:GetRecords", ShardIterator=iterator, Limit=min(most, self.read_max))
        return reply["Records"], reply.get("NextShardIterator")

    def record(self, shard: str, record: dict[str, Any]) -> dict[str, Any]:
        """Recorded: test_dynamodb_event_source_mapping. The time is written with a point (recorded: test_dynamodb_event_filter)."""
        shown = record | {"eventSourceARN": self.wishes.source}
        if by := shown.pop("userIdentity", None):
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
            shown["userIdentity"] = {"type": by["Type"], "principalId": by["PrincipalId"]}
        return shown

    def sequence(self, record: dict[str, Any]) -> str:
        return record["dynamodb"]["SequenceNumber"]

    def arrived(self, record: dict[str, Any]) -> float:
        return float(record["dynamodb"]["ApproximateCreationDateTime"])

    def key(self, record: dict[str, Any]) -> str:
        return str(sorted(record["dynamodb"]["Keys"].items()))

    def moment(self, epoch_s: float) -> str:
        return timestamps.to_second(epoch_s)


class KinesisFeed:
    """A stream of Kinesis, with the throughput that all its readers share."""

    actions = ("GetRecords", "GetShardIterator")
    information = "KinesisBatchInfo"
    read_max = 10_000
    pause_s = 0.25
    """Between reads of a shard, which allows five a second."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.named = {"StreamARN": wishes.source.partition("/consumer/")[0]}
        self.reader = ""
        """The role that reads, which records name."""

    async def shards(self, role: Call) -> list[Shard]:
        found, more = [], {}
        while True:
            reply = await role.ask("kinesis:ListShards", **(more or self.named))
            found += [Shard(shard) for shard in reply["Shards"]]
            if "NextToken" not in reply:
                return found
            more = {"NextToken": reply["NextToken"]}

    def wakes(self) -> tuple:
        stream = arns.parse(self.named["StreamARN"])
        return ("kinesis", "stream", stream.account, stream.resource.removeprefix("stream/"))

    async def iterator(self, role: Call, shard: str, kind: str, sequence: str = "", at: float | None = None) -> str:
        more: dict[str, Any] = {"StartingSequenceNumber": sequence} if sequence else {}
        if at is not None:
            more["Timestamp"] = at
        reply = await role.ask("kinesis:GetShardIterator", **self.named, ShardId=shard, ShardIteratorType=kind, **more)
        return reply["ShardIterator"]

    async def start(self, role: Call, shard: str) -> str:
        if self.wishes.position_at is not None:
            return await self.iterator(role, shard, "AT_TIMESTAMP", at=self.wishes.position_at)
        return await self.iterator(role, shard, "TRIM_HORIZON")

    async def read(self, role: Call, iterator: str, most: int) -> tuple[list[dict[str, Any]], str | None]:
        reply = await role.ask("kinesis:GetRecords", ShardIterator=iterator, Limit=min(most, self.read_max), **self.named)
        return reply["Records"], reply.get("NextShardIterator")

    def record(self, shard: str, record: dict[str, Any]) -> dict[str, Any]:
        """Recorded: test_create_kinesis_event_source_mapping."""
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self.reader,
            "awsRegion": arns.parse(self.wishes.source).region,
            "eventSourceARN": self.wishes.source,
        }

    def sequence(self, record: dict[str, Any]) -> str:
        return record["kinesis"]["sequenceNumber"]

    def arrived(self, record: dict[str, Any]) -> float:
        return record["kinesis"]["approximateArrivalTimestamp"]

    def key(self, record: dict[str, Any]) -> str:
        return record["kinesis"]["partitionKey"]

    def moment(self, epoch_s: float) -> str:
        return timestamps.to_millisecond(epoch_s)


class FanOutFeed(KinesisFeed):
    """A consumer of a stream, with a throughput of its own: each read is a subscription that ends with its first event."""

    actions = ("SubscribeToShard",)
    pause_s = 0.0

    async def iterator(self, role: Call, shard: str, kind: str, sequence: str = "", at: float | None = None) -> str:
        """A starting position. What ``LATEST`` means is settled now."""
        position: dict[str, Any] = {"Type": kind} | ({"SequenceNumber": sequence} if sequence else {})
        begun = json.dumps([shard, position | ({"Timestamp": at} if at is not None else {})])
        if kind == "LATEST":
            return (await self.read(role, begun, 1))[1] or begun
        return begun

    async def read(self, role: Call, iterator: str, most: int) -> tuple[list[dict[str, Any]], str | None]:
        shard, position = json.loads(iterator)
        reply = await role.ask(
            "kinesis:SubscribeToShard", ConsumerARN=self.wishes.source, ShardId=shard, StartingPosition=position
        )
        event = (await anext(reply["EventStream"]))["SubscribeToShardEvent"]
        await reply["EventStream"].aclose()
        records, sequence = event["Records"][:most], event["ContinuationSequenceNumber"]
        if len(records) < len(event["Records"]):
            sequence = records[-1]["SequenceNumber"]
        elif "ChildShards" in event:
            return records, None
        return records, json.dumps([shard, {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": sequence}])


Feed = TableFeed | KinesisFeed


STREAMS = ("dynamodb", "kinesis")


def is_stream(source: str) -> bool:
    return arns.parse(source).service in STREAMS


def feed_of(wishes: Wishes) -> Feed:
    if arns.parse(wishes.source).service == "dynamodb":
        return TableFeed(wishes)
    return FanOutFeed(wishes) if "/consumer/" in wishes.source else KinesisFeed(wishes)


GONE = ("ExpiredIteratorException", "TrimmedDataAccessException", "InvalidArgumentException", "ValidationException")
"""What a stream answers to a place that it does not hold any more."""


def is_gone(error: AwsError) -> bool:
    return error.code in GONE
