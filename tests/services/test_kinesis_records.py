"""Records of streams: where they go, in which order they come back, and what a shard allows."""

from __future__ import annotations

import pytest
from refusals import refused

from kumoniwa.wire import cbor

ACCOUNT = "000000000000"


@pytest.fixture
def kinesis(cloud):
    client = cloud.client("kinesis")
    client.create_stream(StreamName="s", ShardCount=2)
    return client


def put(kinesis, data: str, key: str = "k", **more) -> dict:
    return kinesis.put_record(StreamName="s", Data=data.encode(), PartitionKey=key, **more)


def read(cloud, kinesis, shard: str = "shardId-000000000000", kind: str = "TRIM_HORIZON", **more) -> list[str]:
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
    return [record["Data"].decode() for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def test_a_key_goes_where_its_digest_lies(kinesis):
    halves = [shard["HashKeyRange"] for shard in kinesis.list_shards(StreamName="s")["Shards"]]
    assert halves == [
        {"StartingHashKey": "0", "EndingHashKey": "170141183460469231731687303715884105727"},
        {"StartingHashKey": "170141183460469231731687303715884105728", "EndingHashKey": "340282366920938463463374607431768211455"},
    ]
    # md5("a") begins with 0c, md5("b") with 92.
    assert put(kinesis, "x", "a")["ShardId"] == "shardId-000000000000"
    assert put(kinesis, "x", "b")["ShardId"] == "shardId-000000000001"
    assert put(kinesis, "x", "b", ExplicitHashKey="0")["ShardId"] == "shardId-000000000000"


def test_an_iterator_is_read_with_the_quotes_that_json_puts_around_it(cloud, kinesis):
    put(kinesis, "x", "a")
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert len(kinesis.get_records(ShardIterator=f'"{iterator}"')["Records"]) == 1


def test_java_speaks_cbor_with_times_in_milliseconds(cloud, kinesis):
    """As localstack's test_subscribe_to_shard_with_at_timestamp_cbor and test_cbor_exceptions found AWS to answer."""

    def ask(operation: str, **params) -> tuple[int, dict]:
        headers = {
            "content-type": "application/x-amz-cbor-1.1", "x-amz-target": f"Kinesis_20131202.{operation}", "x-amz-date": "20260101T000000Z",
            "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
        }  # fmt: skip
        status, answered, body = cloud.http("POST", "/", headers=headers, body=cbor.dumps(params))
        assert answered["Content-Type"] == "application/x-amz-cbor-1.1"
        return status, cbor.loads(body)

    assert ask("PutRecord", StreamName="s", Data=b"\x00old", PartitionKey="a")[0] == 200
    cloud.sleep(10)
    moment = cbor.Milliseconds(cloud.now())
    assert ask("PutRecord", StreamName="s", Data=b"\x00new", PartitionKey="a")[0] == 200
    _, told = ask("GetShardIterator", StreamName="s", ShardId="shardId-0", ShardIteratorType="AT_TIMESTAMP", Timestamp=moment)
    _, told = ask("GetRecords", ShardIterator=told["ShardIterator"])
    (record,) = told["Records"]
    assert record["Data"] == b"\x00new"
    assert type(record["ApproximateArrivalTimestamp"]) is int
    assert record["ApproximateArrivalTimestamp"] == pytest.approx(moment.seconds * 1000, abs=1000)
    status, told = ask("DescribeStream", StreamName="nobody")
    assert (status, told["__type"]) == (400, "ResourceNotFoundException")


def test_sequence_numbers_grow_within_a_shard(kinesis):
    numbers = [int(put(kinesis, str(n), "a")["SequenceNumber"]) for n in range(5)]
    assert numbers == sorted(set(numbers)) and len(str(numbers[0])) == 56


def test_every_kind_of_iterator_begins_where_it_says(cloud, kinesis):
    put(kinesis, "0", "a")
    cloud.sleep(1)
    one = put(kinesis, "1", "a")["SequenceNumber"]
    moment = cloud.now()
    cloud.sleep(1)
    put(kinesis, "2", "a")
    latest = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="LATEST")["ShardIterator"]
    put(kinesis, "3", "a")
    assert read(cloud, kinesis) == ["0", "1", "2", "3"]
    assert read(cloud, kinesis, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=one) == ["1", "2", "3"]
    cloud.sleep(1)
    assert read(cloud, kinesis, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=one) == ["2", "3"]
    assert read(cloud, kinesis, kind="AT_TIMESTAMP", Timestamp=moment + 0.5) == ["2", "3"]
    assert [record["Data"] for record in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"3"]


def test_a_reader_goes_on_and_hears_how_far_it_is_behind(cloud, kinesis):
    for number in range(3):
        put(kinesis, str(number), "a")
        cloud.sleep(1)
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = kinesis.get_records(ShardIterator=iterator, Limit=2)
    assert ([r["Data"] for r in page["Records"]], page["MillisBehindLatest"] // 100) == ([b"0", b"1"], 20)
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert ([r["Data"] for r in page["Records"]], page["MillisBehindLatest"]) == ([b"2"], 0)
    assert kinesis.get_records(ShardIterator=page["NextShardIterator"])["Records"] == []
    cloud.sleep(301)
    assert refused(kinesis.get_records, ShardIterator=iterator)[0] == "ExpiredIteratorException"


def test_records_are_gone_when_their_retention_is_over(cloud, kinesis):
    put(kinesis, "old", "a")
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    cloud.sleep(47 * 3600)
    assert read(cloud, kinesis) == ["old"]
    put(kinesis, "new", "a")
    cloud.sleep(2 * 3600)
    assert read(cloud, kinesis) == ["new"]


def test_records_survive_a_kill(cloud, kinesis):
    number = put(kinesis, "kept", "a")["SequenceNumber"]
    cloud.restart(kill=True)
    assert read(cloud, kinesis) == ["kept"]
    assert int(put(kinesis, "next", "a")["SequenceNumber"]) > int(number)


def test_a_shard_takes_a_thousand_records_a_second(cloud, kinesis):
    # https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
    cloud.sleep(1 - cloud.now() % 1)
    entries = [{"Data": b"x", "PartitionKey": "a"}] * 500
    replies = [kinesis.put_records(StreamName="s", Records=entries) for _ in range(2)]
    assert [reply["FailedRecordCount"] for reply in replies] == [0, 0]
    full = kinesis.put_records(StreamName="s", Records=[{"Data": b"x", "PartitionKey": "a"}, {"Data": b"x", "PartitionKey": "b"}])
    assert full["FailedRecordCount"] == 1 and full["Records"][1]["ShardId"] == "shardId-000000000001"
    # The words: https://github.com/mhart/kinesalite/pull/87
    text = f"Rate exceeded for shard shardId-000000000000 in stream s under account {ACCOUNT}."
    assert full["Records"][0] == {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": text}
    assert refused(put, kinesis=kinesis, data="x", key="a") == ("ProvisionedThroughputExceededException", text)
    cloud.sleep(1)
    assert put(kinesis, "x", "a")["ShardId"] == "shardId-000000000000"


def test_a_shard_takes_a_megabyte_a_second_and_is_read_five_times(cloud, kinesis):
    cloud.sleep(1 - cloud.now() % 1)
    put(kinesis, "x" * 700_000, "a")
    assert refused(put, kinesis=kinesis, data="x" * 700_000, key="a")[0] == "ProvisionedThroughputExceededException"
    cloud.sleep(1)
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="LATEST")["ShardIterator"]
    for _ in range(5):
        kinesis.get_records(ShardIterator=iterator)
    assert refused(kinesis.get_records, ShardIterator=iterator)[0] == "ProvisionedThroughputExceededException"


@pytest.mark.parametrize(
    "operation, params, code, text",
    [
        ("put_record", {"StreamName": "no", "Data": b"", "PartitionKey": "a"}, "ResourceNotFoundException",
         f"Stream no under account {ACCOUNT} not found."),
        ("put_record", {"StreamName": "s", "Data": b"", "PartitionKey": "a", "ExplicitHashKey": str(1 << 128)}, "InvalidArgumentException",
         f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {1 << 128}"),
        ("put_record", {"StreamName": "s", "Data": b"", "PartitionKey": "a", "SequenceNumberForOrdering": "5"}, "InvalidArgumentException",
         f"ExclusiveMinimumSequenceNumber 5 used in PutRecord on stream s under account {ACCOUNT} is invalid."),
        ("get_shard_iterator", {"StreamName": "s", "ShardId": "shardId-5", "ShardIteratorType": "LATEST"}, "ResourceNotFoundException",
         f"Shard shardId-000000000005 in stream s under account {ACCOUNT} does not exist"),
        ("get_shard_iterator", {"StreamName": "s", "ShardId": "ABKLFD8", "ShardIteratorType": "LATEST"}, "ResourceNotFoundException",
         f"Could not find shard ABKLFD8 in stream s under account {ACCOUNT}."),
        ("get_shard_iterator", {"StreamName": "s", "ShardId": "shardId-0", "ShardIteratorType": "AT_SEQUENCE_NUMBER"},
         "InvalidArgumentException",
         "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and "
         "no StartingSequenceNumber. Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
        ("get_shard_iterator", {"StreamName": "no", "ShardId": "shardId-5", "ShardIteratorType": "LATEST"}, "ResourceNotFoundException",
         f"Shard shardId-000000000005 in stream no under account {ACCOUNT} does not exist"),
        ("get_shard_iterator", {"StreamName": "s", "ShardId": "shardId-0", "ShardIteratorType": "LATEST", "StartingSequenceNumber": "5"},
         "InvalidArgumentException",
         "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and "
         "no StartingSequenceNumber. Request specified LATEST and also a StartingSequenceNumber."),
        ("get_shard_iterator", {"StreamName": "s", "ShardId": "shardId-0", "ShardIteratorType": "AT_TIMESTAMP"}, "InvalidArgumentException",
         "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter."),
        ("get_records", {"ShardIterator": "x"}, "InvalidArgumentException", "Invalid ShardIterator."),
    ],
)  # fmt: skip
def test_requests_are_refused_in_aws_words(kinesis, operation, params, code, text):
    """The words: kinesalite's suite, which was checked against AWS."""
    assert refused(getattr(kinesis, operation), **params) == (code, text)


def test_a_number_of_another_shard_is_refused(kinesis):
    # Checked against AWS by kinesalite's suite.
    number = put(kinesis, "x", "b")["SequenceNumber"]
    params = {"StreamName": "s", "ShardId": "shardId-0", "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number}
    assert refused(kinesis.get_shard_iterator, **params) == (
        "InvalidArgumentException",
        "Invalid StartingSequenceNumber. It encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000000",
    )
