"""Streams, their shards and how these become others, consumers and what they are told."""

from __future__ import annotations

import base64
import json

import pytest
from refusals import refused

from kumoniwa.gate.address import locate
from kumoniwa.wire.eventstream import FrameDecoder
from kumoniwa.wire.message import Request, Response

ACCOUNT = "000000000000"
ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
LAST = str((1 << 128) - 1)


@pytest.fixture
def kinesis(cloud):
    client = cloud.client("kinesis")
    client.create_stream(StreamName="s", ShardCount=1)
    return client


def ranges(kinesis, **more) -> dict[str, tuple[str, str]]:
    shards = kinesis.list_shards(StreamName="s", **more)["Shards"]
    return {s["ShardId"][-1]: (s["HashKeyRange"]["StartingHashKey"], s["HashKeyRange"]["EndingHashKey"]) for s in shards}


def put(kinesis, data: str, hash_key: str = "0") -> str:
    return kinesis.put_record(StreamName="s", Data=data.encode(), PartitionKey="k", ExplicitHashKey=hash_key)["ShardId"][-1]


def test_a_stream_is_described(kinesis):
    shown = kinesis.describe_stream(StreamName="s")["StreamDescription"]
    assert shown.pop("StreamCreationTimestamp")
    (shard,) = shown.pop("Shards")
    assert shard.pop("SequenceNumberRange").keys() == {"StartingSequenceNumber"}
    assert shard == {"ShardId": "shardId-000000000000", "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": LAST}}
    assert shown == {
        "StreamName": "s", "StreamARN": ARN, "StreamStatus": "ACTIVE", "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "HasMoreShards": False, "RetentionPeriodHours": 24, "EnhancedMonitoring": [{"ShardLevelMetrics": []}], "EncryptionType": "NONE",
    }  # fmt: skip
    summary = kinesis.describe_stream_summary(StreamARN=ARN)["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"]) == (1, 0)
    assert kinesis.list_streams()["StreamNames"] == ["s"]


def test_an_on_demand_stream_begins_with_four_shards(kinesis):
    kinesis.create_stream(StreamName="d", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamName="d")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["StreamModeDetails"]["StreamMode"]) == (4, "ON_DEMAND")


def test_a_stream_of_which_only_the_name_is_said_is_on_demand(kinesis):
    kinesis.create_stream(StreamName="d")
    summary = kinesis.describe_stream_summary(StreamName="d")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["StreamModeDetails"]["StreamMode"]) == (4, "ON_DEMAND")


def test_a_split_closes_a_shard_and_opens_two(cloud, kinesis):
    put(kinesis, "before")
    cloud.sleep(1)
    kinesis.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
    assert ranges(kinesis) == {"0": ("0", LAST), "1": ("0", "999"), "2": ("1000", LAST)}
    assert put(kinesis, "low", "999") == "1" and put(kinesis, "high", "1000") == "2"
    shards = kinesis.list_shards(StreamName="s")["Shards"]
    assert [shard.get("ParentShardId") for shard in shards] == [None, "shardId-000000000000", "shardId-000000000000"]
    end = int(shards[0]["SequenceNumberRange"]["EndingSequenceNumber"])
    assert all(int(shard["SequenceNumberRange"]["StartingSequenceNumber"]) > end for shard in shards[1:])
    assert list(ranges(kinesis, ShardFilter={"Type": "AT_LATEST"})) == ["1", "2"]
    assert list(ranges(kinesis, ShardFilter={"Type": "AT_TRIM_HORIZON"})) == ["0"]
    assert list(ranges(kinesis, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000001"})) == ["2"]
    # Who has read the parent to its end hears of its children.
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = kinesis.get_records(ShardIterator=iterator)
    assert [record["Data"] for record in page["Records"]] == [b"before"] and "NextShardIterator" not in page
    assert [(c["ShardId"][-1], c["ParentShards"]) for c in page["ChildShards"]] == [
        ("1", ["shardId-000000000000"]), ("2", ["shardId-000000000000"])
    ]  # fmt: skip
    assert refused(kinesis.split_shard, StreamName="s", ShardToSplit="shardId-0", NewStartingHashKey="5")[0] == "InvalidArgumentException"
    # A closed shard is gone with its last record.
    cloud.sleep(25 * 3600)
    assert list(ranges(kinesis)) == ["1", "2"]


def test_a_merge_makes_one_shard_of_two_neighbours(kinesis):
    kinesis.update_shard_count(StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    # Checked against AWS by kinesalite's suite: the lower one comes first.
    code, text = refused(kinesis.merge_shards, StreamName="s", ShardToMerge="shardId-2", AdjacentShardToMerge="shardId-1")
    assert code == "InvalidArgumentException" and text.endswith("are not an adjacent pair of shards eligible for merging")
    kinesis.merge_shards(StreamName="s", ShardToMerge="shardId-1", AdjacentShardToMerge="shardId-2")
    merged = kinesis.list_shards(StreamName="s")["Shards"][-1]
    assert (merged["ParentShardId"], merged["AdjacentParentShardId"]) == ("shardId-000000000001", "shardId-000000000002")
    assert merged["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": LAST}


@pytest.mark.parametrize("counts", [(2, 4, 3, 2), (2, 3, 5, 7, 4)])
def test_a_count_makes_equal_shards_that_cover_every_key_once(kinesis, counts):
    for count in counts:
        reply = kinesis.update_shard_count(StreamName="s", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        assert reply["TargetShardCount"] == count
        opened = sorted((int(low), int(high)) for low, high in ranges(kinesis, ShardFilter={"Type": "AT_LATEST"}).values())
        assert len(opened) == count and opened[0][0] == 0 and opened[-1][1] == int(LAST)
        assert all(one[1] + 1 == other[0] for one, other in zip(opened, opened[1:]))
        sizes = [high - low for low, high in opened]
        assert max(sizes) - min(sizes) <= count


def test_at_aws_pace_a_stream_takes_its_time(make_cloud):
    # Checked against AWS by kinesalite's suite.
    cloud = make_cloud(pace="real")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    shown = kinesis.describe_stream(StreamName="s")["StreamDescription"]
    assert (shown["StreamStatus"], shown["Shards"]) == ("CREATING", [])
    assert refused(kinesis.put_record, StreamName="s", Data=b"", PartitionKey="a")[0] == "ResourceNotFoundException"
    cloud.sleep(11)
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=25)
    assert refused(kinesis.split_shard, StreamName="s", ShardToSplit="shardId-0", NewStartingHashKey="9") == (
        "ResourceInUseException", f"Stream s under account {ACCOUNT} not ACTIVE, instead in state UPDATING"
    )  # fmt: skip
    cloud.sleep(11)
    kinesis.delete_stream(StreamName="s")
    assert kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamStatus"] == "DELETING"
    cloud.sleep(11)
    assert refused(kinesis.describe_stream, StreamName="s")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "operation, params, code, text",
    [
        ("create_stream", {"StreamName": "s", "ShardCount": 1}, "ResourceInUseException", f"Stream s under account {ACCOUNT} already exists."),
        ("list_shards", {}, "InvalidArgumentException", "Either NextToken or StreamName should be provided."),
        ("list_shards", {"StreamName": "s", "NextToken": "x"}, "InvalidArgumentException", "NextToken and StreamName cannot be provided together."),
        ("increase_stream_retention_period", {"StreamName": "s", "RetentionPeriodHours": 23}, "InvalidArgumentException",
         "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short."),
        ("decrease_stream_retention_period", {"StreamName": "s", "RetentionPeriodHours": 25}, "InvalidArgumentException",
         "Requested retention period (25 hours) for stream s can not be longer than existing retention period (24 hours). "
         "Use IncreaseRetentionPeriod API."),
        ("split_shard", {"StreamName": "s", "ShardToSplit": "shard-0", "NewStartingHashKey": "1"}, "InvalidArgumentException",
         f"NewStartingHashKey 1 used in SplitShard() on shard shardId-000000000000 in stream s under account {ACCOUNT} is not both greater "
         f"than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey {LAST}."),
        ("split_shard", {"StreamName": "s", "ShardToSplit": "shardId-5", "NewStartingHashKey": "1"}, "ResourceNotFoundException",
         f"Could not find shard shardId-000000000005 in stream s under account {ACCOUNT}."),
        ("add_tags_to_stream", {"StreamName": "s", "Tags": {"abc;def": "1"}}, "InvalidArgumentException",
         "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @."),
    ],
)  # fmt: skip
def test_requests_are_refused_in_aws_words(kinesis, operation, params, code, text):
    """The words: kinesalite's suite, which was checked against AWS."""
    assert refused(getattr(kinesis, operation), **params) == (code, text)


def test_streams_and_consumers_have_tags_and_policies(kinesis):
    kinesis.add_tags_to_stream(StreamName="s", Tags={"a": "1", "b": "2"})
    kinesis.remove_tags_from_stream(StreamName="s", TagKeys=["a"])
    assert kinesis.list_tags_for_stream(StreamName="s") | {"ResponseMetadata": 0} == {
        "Tags": [{"Key": "b", "Value": "2"}], "HasMoreTags": False, "ResponseMetadata": 0
    }  # fmt: skip
    kinesis.tag_resource(ResourceARN=ARN, Tags={"c": "3"})
    kinesis.untag_resource(ResourceARN=ARN, TagKeys=["b"])
    assert kinesis.list_tags_for_resource(ResourceARN=ARN)["Tags"] == [{"Key": "c", "Value": "3"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "kinesis:PutRecord", "Resource": ARN}]})  # fmt: skip
    kinesis.put_resource_policy(ResourceARN=ARN, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=ARN)["Policy"] == policy
    assert refused(kinesis.put_resource_policy, ResourceARN=ARN, Policy="{")[0] == "InvalidArgumentException"
    kinesis.delete_resource_policy(ResourceARN=ARN)
    assert refused(kinesis.delete_resource_policy, ResourceARN=ARN)[0] == "ResourceNotFoundException"


class Subscription:
    """A consumer that reads one event when it is asked to."""

    def __init__(self, cloud, consumer: str, shard: str = "shardId-000000000000", **position) -> None:
        self.cloud, self.decoder, self.frames = cloud, FrameDecoder(), []
        body = json.dumps({"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": position or {"Type": "LATEST"}}).encode()
        headers = {
            "host": "localhost:4566", "content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.SubscribeToShard",
            "content-length": str(len(body)), "x-amz-date": "20260101T000000Z",
            "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
        }  # fmt: skip
        self.response = cloud.run(self.answered(Request("POST", "/", "", headers, body)))

    async def answered(self, request: Request) -> Response:
        request.address = locate(request)
        replied = self.cloud.loop.create_future()
        self.cloud.region().answer(request, replied.set_result)
        return await replied

    def next(self) -> dict | None:
        while not self.frames:
            try:
                self.frames += self.decoder.feed(self.cloud.run(anext(self.response.body)))
            except StopAsyncIteration:
                return None
        frame = self.frames.pop(0)
        return json.loads(frame.payload) if frame.headers.get(":event-type") != "initial-response" else self.next()

    def data(self) -> list[str]:
        return [base64.b64decode(record["Data"]).decode() for record in self.next()["Records"]]


def test_a_consumer_is_told_what_comes(cloud, kinesis):
    made = kinesis.register_stream_consumer(StreamARN=ARN, ConsumerName="c")["Consumer"]
    assert made["ConsumerARN"].startswith(f"{ARN}/consumer/c:") and made["ConsumerStatus"] == "CREATING"
    assert kinesis.describe_stream_consumer(ConsumerARN=made["ConsumerARN"])["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
    assert [c["ConsumerName"] for c in kinesis.list_stream_consumers(StreamARN=ARN)["Consumers"]] == ["c"]
    put(kinesis, "0")
    told = Subscription(cloud, made["ConsumerARN"], Type="TRIM_HORIZON")
    assert told.data() == ["0"]
    assert told.data() == []  # nothing came within five seconds
    put(kinesis, "1")
    event = told.next()
    assert [base64.b64decode(record["Data"]) for record in event["Records"]] == [b"1"] and event["MillisBehindLatest"] == 0
    # A newer subscription takes over, and goes on where the older one stood.
    cloud.sleep(6)
    after = Subscription(
        cloud, made["ConsumerARN"], Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=event["ContinuationSequenceNumber"]
    )
    put(kinesis, "2")
    assert after.data() == ["2"]
    early = Subscription(cloud, made["ConsumerARN"])
    assert early.response.status == 400 and b"ResourceInUseException" in early.response.body
    kinesis.split_shard(StreamName="s", ShardToSplit="shardId-0", NewStartingHashKey="1000")
    assert [child["ShardId"][-1] for child in after.next()["ChildShards"]] == ["1", "2"]
    assert after.next() is None
    assert refused(kinesis.delete_stream, StreamName="s")[0] == "ResourceInUseException"
    kinesis.deregister_stream_consumer(ConsumerARN=made["ConsumerARN"])
    kinesis.delete_stream(StreamName="s")


def test_a_stream_on_demand_grows_with_what_is_written(cloud):
    # https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="d", StreamModeDetails={"StreamMode": "ON_DEMAND"})

    def count() -> int:
        return kinesis.describe_stream_summary(StreamName="d")["StreamDescriptionSummary"]["OpenShardCount"]

    assert count() == 4
    body = b"x" * 700_000
    kinesis.put_record(StreamName="d", Data=body[:1000], ExplicitHashKey="0", PartitionKey="k")
    cloud.sleep(1)
    assert count() == 4
    kinesis.put_record(StreamName="d", Data=body, ExplicitHashKey="0", PartitionKey="k")
    cloud.sleep(1)
    assert count() == 5
    shards = kinesis.list_shards(StreamName="d", ShardFilter={"Type": "AT_LATEST"})["Shards"]
    ranges = sorted((int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"])) for shard in shards)
    assert ranges[0][0] == 0 and ranges[-1][1] == (1 << 128) - 1
    assert all(one[1] + 1 == other[0] for one, other in zip(ranges, ranges[1:]))
    # What is provisioned stays as it was made.
    kinesis.create_stream(StreamName="p", ShardCount=1)
    kinesis.put_record(StreamName="p", Data=body, PartitionKey="k")
    cloud.sleep(1)
    assert kinesis.describe_stream_summary(StreamName="p")["StreamDescriptionSummary"]["OpenShardCount"] == 1


def figure(cloud, name: str, **dimensions: str) -> float | None:
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Kinesis", MetricName=name, Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=cloud.now() - 3600, EndTime=cloud.now() + 60, Period=10_800, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return found[0]["Sum"] if found else None


def test_a_stream_that_asks_for_it_is_measured_by_shard(cloud, kinesis):
    # https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
    kinesis.update_shard_count(StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    asked = kinesis.enable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["OutgoingBytes", "IncomingBytes"])
    assert (asked["CurrentShardLevelMetrics"], asked["DesiredShardLevelMetrics"]) == ([], ["IncomingBytes", "OutgoingBytes"])
    assert (asked["StreamName"], asked["StreamARN"]) == ("s", ARN)
    every = kinesis.enable_enhanced_monitoring(StreamARN=ARN, ShardLevelMetrics=["ALL"])
    assert every["CurrentShardLevelMetrics"] == ["IncomingBytes", "OutgoingBytes"] and len(every["DesiredShardLevelMetrics"]) == 7
    kinesis.disable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["IncomingRecords"])
    (shown,) = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["EnhancedMonitoring"]
    assert len(shown["ShardLevelMetrics"]) == 6 and "IncomingRecords" not in shown["ShardLevelMetrics"]
    low, high = (f"shardId-{put(kinesis, data, key):0>12}" for data, key in (("one", "0"), ("three", LAST)))
    kinesis.put_records(StreamName="s", Records=[{"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": LAST}])
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=high, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    for _ in range(5):
        kinesis.get_records(ShardIterator=iterator)
    assert refused(kinesis.get_records, ShardIterator=iterator)[0] == "ProvisionedThroughputExceededException"
    cloud.sleep(61)
    # A record weighs its data and its key, here one byte.
    assert [figure(cloud, "IncomingBytes", StreamName="s", ShardId=shard) for shard in (low, high)] == [4.0, 8.0]
    assert [figure(cloud, "OutgoingBytes", StreamName="s", ShardId=shard) for shard in (low, high)] == [None, 40.0]
    assert figure(cloud, "OutgoingRecords", StreamName="s", ShardId=high) == 10.0
    assert figure(cloud, "ReadProvisionedThroughputExceeded", StreamName="s", ShardId=high) == 1.0
    assert figure(cloud, "IncomingRecords", StreamName="s", ShardId=high) is None
