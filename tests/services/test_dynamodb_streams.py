"""DynamoDB Streams."""

from __future__ import annotations

import json

import pytest
from music import table
from refusals import refused

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
BOTH = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def streams(cloud):
    return cloud.client("dynamodbstreams")


def opened(ddb, streams, kind="TRIM_HORIZON", **more):
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    return streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)[
        "ShardIterator"
    ]


def test_a_stream_tells_what_was_written_in_order(ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    ddb.put_item(TableName="music", Item={**KEY, "n": {"N": "1"}})
    ddb.put_item(TableName="music", Item={**KEY, "n": {"N": "1"}})  # changes nothing, so nothing is told
    ddb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "music", "Item": {**KEY, "n": {"N": "2"}}}}]
    )
    ddb.delete_item(TableName="music", Key=KEY)
    reply = streams.get_records(ShardIterator=opened(ddb, streams))
    told = [
        (
            r["eventName"],
            r["dynamodb"].get("OldImage", {}).get("n"),
            r["dynamodb"].get("NewImage", {}).get("n"),
        )
        for r in reply["Records"]
    ]
    assert told == [
        ("INSERT", None, {"N": "1"}),
        ("MODIFY", {"N": "1"}, {"N": "2"}),
        ("REMOVE", {"N": "2"}, None),
    ]
    assert reply["Records"][0]["dynamodb"]["Keys"] == KEY
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in reply["Records"]]
    assert numbers == sorted(set(numbers))
    assert streams.get_records(ShardIterator=reply["NextShardIterator"])["Records"] == []


def test_iterators_begin_where_they_were_told(ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    for i in range(3):
        ddb.put_item(TableName="music", Item={"pk": {"S": "a"}, "sk": {"S": str(i)}})
    latest = opened(ddb, streams, "LATEST")
    first, second, _ = streams.get_records(ShardIterator=opened(ddb, streams))["Records"]
    number = first["dynamodb"]["SequenceNumber"]
    at = streams.get_records(
        ShardIterator=opened(ddb, streams, "AT_SEQUENCE_NUMBER", SequenceNumber=number), Limit=1
    )
    after = streams.get_records(
        ShardIterator=opened(ddb, streams, "AFTER_SEQUENCE_NUMBER", SequenceNumber=number), Limit=1
    )
    assert (at["Records"], after["Records"]) == ([first], [second])
    ddb.delete_item(TableName="music", Key={"pk": {"S": "a"}, "sk": {"S": "0"}})
    assert [r["eventName"] for r in streams.get_records(ShardIterator=latest)["Records"]] == ["REMOVE"]


def test_an_iterator_begins_at_a_moment(cloud, ddb, streams):
    # What the model says of Timestamp and ShardFilter; the texts of the refusals are our own, of which no record is known.
    table(ddb, StreamSpecification=BOTH)
    for i in range(3):
        ddb.put_item(TableName="music", Item={"pk": {"S": "a"}, "sk": {"S": str(i)}})
        cloud.sleep(10)
    records = streams.get_records(ShardIterator=opened(ddb, streams))["Records"]
    times = [record["dynamodb"]["ApproximateCreationDateTime"].timestamp() for record in records]

    def told(moment):
        answer = streams.get_records(ShardIterator=opened(ddb, streams, "AT_TIMESTAMP", Timestamp=moment))
        return [record["dynamodb"]["Keys"]["sk"]["S"] for record in answer["Records"]]

    assert told(times[1]) == ["1", "2"]
    assert told(times[1] + 0.001) == ["2"]
    assert told(times[0] - 100_000) == ["0", "1", "2"]
    assert told(times[2] + 5) == []
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    here = {"StreamArn": arn, "ShardId": shard}
    for wrong in (
        {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": times[2] + 3600},
        {"ShardIteratorType": "AT_TIMESTAMP"},
        {"ShardIteratorType": "LATEST", "Timestamp": times[0]},
    ):
        assert refused(streams.get_shard_iterator, **here, **wrong)[0] == "ValidationException"
    children = {"Type": "CHILD_SHARDS", "ShardId": shard}
    assert streams.describe_stream(StreamArn=arn, ShardFilter=children)["StreamDescription"]["Shards"] == []


def test_what_ended_by_itself_is_told_as_the_services_doing(cloud, ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    ddb.update_time_to_live(
        TableName="music", TimeToLiveSpecification={"Enabled": True, "AttributeName": "end"}
    )
    ddb.put_item(TableName="music", Item={**KEY, "end": {"N": str(int(cloud.now()) + 1)}})
    cloud.sleep(30)
    record = streams.get_records(ShardIterator=opened(ddb, streams))["Records"][1]
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    assert record["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_a_stream_that_ended_can_be_read_for_a_day(cloud, ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    ddb.put_item(TableName="music", Item=KEY)
    iterator = opened(ddb, streams)
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    ddb.delete_table(TableName="music")
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in described["Shards"][0]["SequenceNumberRange"]
    reply = streams.get_records(ShardIterator=iterator)
    assert [record["eventName"] for record in reply["Records"]] == ["INSERT"]
    assert "NextShardIterator" not in reply
    cloud.sleep(1_000)
    assert refused(streams.get_records, ShardIterator=iterator)[0] == "ExpiredIteratorException"
    cloud.sleep(86_400)
    assert refused(streams.describe_stream, StreamArn=arn)[0] == "ResourceNotFoundException"
    assert streams.list_streams()["Streams"] == []


def test_a_stream_can_be_turned_on_and_off(ddb, streams):
    table(ddb)
    ddb.update_table(
        TableName="music", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    )
    ddb.put_item(TableName="music", Item={**KEY, "n": {"N": "1"}})
    [record] = streams.get_records(ShardIterator=opened(ddb, streams))["Records"]
    assert record["dynamodb"].keys().isdisjoint({"NewImage", "OldImage"})
    assert (
        "already has an enabled stream"
        in refused(ddb.update_table, TableName="music", StreamSpecification=BOTH)[1]
    )
    ddb.update_table(TableName="music", StreamSpecification={"StreamEnabled": False})
    shown = ddb.describe_table(TableName="music")["Table"]
    assert "StreamSpecification" not in shown
    assert shown["LatestStreamArn"] == streams.list_streams(TableName="music")["Streams"][0]["StreamArn"]
    ddb.delete_item(TableName="music", Key=KEY)
    assert len(streams.get_records(ShardIterator=opened(ddb, streams))["Records"]) == 1


def test_a_write_that_is_undone_tells_nothing(ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    failing = [
        {"Put": {"TableName": "music", "Item": KEY}},
        {"ConditionCheck": {"TableName": "music", "Key": {"pk": {"S": "b"}, "sk": {"S": "1"}}, "ConditionExpression": "attribute_exists(pk)"}},
    ]  # fmt: skip
    assert refused(ddb.transact_write_items, TransactItems=failing)[0] == "TransactionCanceledException"
    assert streams.get_records(ShardIterator=opened(ddb, streams))["Records"] == []


def test_iterators_nobody_gave_are_refused(ddb, streams):
    for iterator in ("x", "eyJh", "W10=", "WyJhIiwxLDEsMV0=", "é" * 4):
        assert refused(streams.get_records, ShardIterator=iterator)[0] in (
            "ValidationException",
            "ResourceNotFoundException",
        )


def test_an_iterator_begins_with_its_stream_and_an_empty_shard_can_be_read_from_its_beginning(ddb, streams):
    # Recorded: test_dynamodb_streams_shard_iterator_format.
    table(ddb, StreamSpecification=BOTH)
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]
    iterator = opened(ddb, streams, "AT_SEQUENCE_NUMBER", SequenceNumber=shard["SequenceNumberRange"]["StartingSequenceNumber"])
    assert iterator.startswith(f"{arn}|1|")
    ddb.put_item(TableName="music", Item=KEY)
    reply = streams.get_records(ShardIterator=iterator)
    assert len(reply["Records"]) == 1 and reply["NextShardIterator"].startswith(f"{arn}|1|")


def test_whoever_may_read_one_stream_reads_it_and_no_other(cloud, ddb, streams):
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html: GetRecords is a right of a stream.
    table(ddb, StreamSpecification=BOTH)
    table(ddb, "other", StreamSpecification=BOTH)
    ddb.put_item(TableName="music", Item=KEY)
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    iam = cloud.client("iam")
    iam.create_user(UserName="reader")
    allow = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = cloud.client("dynamodbstreams", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert len(reader.get_records(ShardIterator=opened(ddb, reader))["Records"]) == 1
    theirs = ddb.describe_table(TableName="other")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=theirs)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=theirs, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    assert refused(reader.get_records, ShardIterator=iterator)[0] == "AccessDeniedException"


# That AWS refuses the following, scylladb/scylladb's test/alternator/test_streams.py saw of it.


def test_what_is_no_arn_of_a_stream_is_malformed_and_not_missing(ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    told = ("ValidationException", "Invalid StreamArn: Invalid ResourceArn provided as input " + "x" * 40)
    assert refused(streams.describe_stream, StreamArn="x" * 40) == told
    assert refused(streams.list_streams, ExclusiveStartStreamArn="x" * 40) == told
    assert refused(streams.get_shard_iterator, StreamArn="x" * 40, ShardId="s" * 28, ShardIteratorType="LATEST") == told
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    assert refused(streams.describe_stream, StreamArn=arn.replace("music", "other"))[0] == "ResourceNotFoundException"


def test_limits_have_a_most(ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    at = opened(ddb, streams)
    streams.get_records(ShardIterator=at, Limit=1000)
    for method, params, most in ((streams.get_records, {"ShardIterator": at}, 1000), (streams.list_streams, {}, 100)):
        code, text = refused(method, Limit=most + 1, **params)
        assert (code, text.endswith(f"Member must have value less than or equal to {most}")) == ("ValidationException", True)


def test_a_filter_of_shards_says_of_which_kind_and_whose(ddb, streams):
    table(ddb, StreamSpecification=BOTH)
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    assert refused(streams.describe_stream, StreamArn=arn, ShardFilter={"ShardId": shard})[0] == "ValidationException"
    assert refused(streams.describe_stream, StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS"})[0] == "ValidationException"
    told = streams.describe_stream(StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": shard})
    assert told["StreamDescription"]["Shards"] == []


def test_a_shard_may_be_read_from_the_number_that_it_says_it_starts_with(ddb, streams):
    """The numbers of records are an account's, so that a shard's first record need not have its first number."""
    table(ddb, "earlier", StreamSpecification=BOTH)
    table(ddb, StreamSpecification=BOTH)
    ddb.put_item(TableName="earlier", Item=KEY)
    ddb.put_item(TableName="music", Item=KEY)
    arn = ddb.describe_table(TableName="music")["Table"]["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    at = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=shard["SequenceNumberRange"]["StartingSequenceNumber"],
    )["ShardIterator"]  # fmt: skip
    assert len(streams.get_records(ShardIterator=at)["Records"]) == 1
