"""Streams of Kinesis that tables tell of what was written.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, put_user
from refusals import refused

ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
WHERE = {"TableName": "things", "StreamArn": ARN}


@pytest.fixture
def table(cloud):
    cloud.region()
    cloud.client("kinesis").create_stream(StreamName="s", ShardCount=1)
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName="things", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    return dynamodb


def told(cloud) -> list[dict]:
    cloud.sleep(1)
    kinesis = cloud.client("kinesis")
    shard = kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    return [json.loads(record["Data"]) for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def statuses(table) -> list[tuple[str, str]]:
    shown = table.describe_kinesis_streaming_destination(TableName="things")["KinesisDataStreamDestinations"]
    return [(each["DestinationStatus"], each["ApproximateCreationDateTimePrecision"]) for each in shown]


def test_a_stream_is_told_of_every_change_with_both_images(cloud, table):
    made = table.enable_kinesis_streaming_destination(**WHERE)
    assert (made["DestinationStatus"], made["StreamArn"], made["TableName"]) == ("ENABLING", ARN, "things")
    assert statuses(table) == [("ACTIVE", "MILLISECOND")]
    at_ms = int(cloud.now() * 1000)
    table.put_item(TableName="things", Item={"id": {"S": "a"}, "n": {"N": "1"}})
    table.put_item(TableName="things", Item={"id": {"S": "a"}, "n": {"N": "2"}})
    table.put_item(TableName="things", Item={"id": {"S": "a"}, "n": {"N": "2"}})
    table.delete_item(TableName="things", Key={"id": {"S": "a"}})
    records = told(cloud)
    assert [each["eventName"] for each in records] == ["INSERT", "MODIFY", "REMOVE"]
    first = records[0]
    assert first.pop("eventID") and at_ms <= first["dynamodb"].pop("ApproximateCreationDateTime") <= at_ms + 1000
    image = {"id": {"S": "a"}, "n": {"N": "1"}}
    assert first == {
        "awsRegion": "us-east-1", "eventName": "INSERT", "userIdentity": None, "recordFormat": "application/json", "tableName": "things",
        "dynamodb": {"Keys": {"id": {"S": "a"}}, "NewImage": image, "SizeBytes": first["dynamodb"]["SizeBytes"],
                     "ApproximateCreationDateTimePrecision": "MILLISECOND"},
        "eventSource": "aws:dynamodb",
    }  # fmt: skip
    assert (records[1]["dynamodb"]["OldImage"]["n"], records[2]["dynamodb"]["OldImage"]["n"]) == ({"N": "1"}, {"N": "2"})


def test_what_time_to_live_deletes_is_told_as_the_service_s_doing(cloud, table):
    table.update_time_to_live(TableName="things", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    table.put_item(TableName="things", Item={"id": {"S": "a"}, "ends": {"N": str(int(cloud.now()) + 10)}})
    table.enable_kinesis_streaming_destination(**WHERE)
    cloud.sleep(60)
    (record,) = told(cloud)
    assert (record["eventName"], record["userIdentity"]) == ("REMOVE", {"principalId": "dynamodb.amazonaws.com", "type": "Service"})


def test_the_time_may_be_told_to_the_microsecond(cloud, table):
    table.enable_kinesis_streaming_destination(**WHERE, EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"})
    at = cloud.now()
    table.put_item(TableName="things", Item={"id": {"S": "a"}})
    (record,) = told(cloud)
    assert at * 1e6 - 1 <= record["dynamodb"]["ApproximateCreationDateTime"] <= (at + 1) * 1e6
    millisecond = {"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MILLISECOND"}}
    assert table.update_kinesis_streaming_destination(**WHERE, **millisecond)["DestinationStatus"] == "UPDATING"
    assert statuses(table) == [("ACTIVE", "MILLISECOND")]
    assert refused(table.update_kinesis_streaming_destination, **WHERE, **millisecond)[0] == "ValidationException"
    # Recorded: localstack's test_kinesis_streaming_destination_crud.
    text = "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
    assert refused(table.update_kinesis_streaming_destination, **WHERE)[1].endswith(text)
    elsewhere = {**WHERE, "StreamArn": WHERE["StreamArn"] + "-bad"}
    text = f"No streaming destination with streamArn: {elsewhere['StreamArn']} found for table with tableName: things"
    assert refused(table.update_kinesis_streaming_destination, **elsewhere, **millisecond)[1].endswith(text)


def test_a_destination_that_is_disabled_hears_no_more_and_can_be_enabled_again(cloud, table):
    # The texts: aws-cloudformation/cloudformation-coverage-roadmap#707 and aws/aws-cdk#16393.
    table.enable_kinesis_streaming_destination(**WHERE)
    code, text = refused(table.enable_kinesis_streaming_destination, **WHERE)
    assert (code, "EnableKinesisStreamingDestination must be DISABLED" in text) == ("ValidationException", True)
    assert table.disable_kinesis_streaming_destination(**WHERE)["DestinationStatus"] == "DISABLING"
    assert statuses(table) == [("DISABLED", "MILLISECOND")]
    table.put_item(TableName="things", Item={"id": {"S": "a"}})
    assert told(cloud) == []
    code, text = refused(table.disable_kinesis_streaming_destination, **WHERE)
    assert (code, "must be ACTIVE to perform DISABLE operation" in text) == ("ValidationException", True)
    table.enable_kinesis_streaming_destination(**WHERE)
    table.put_item(TableName="things", Item={"id": {"S": "b"}})
    assert [each["dynamodb"]["Keys"]["id"]["S"] for each in told(cloud)] == ["b"]


def test_only_a_stream_that_exists_and_may_be_written_to_is_a_destination(cloud, table):
    gone = {**WHERE, "StreamArn": f"{ARN}x"}
    assert refused(table.enable_kinesis_streaming_destination, **gone)[0] == "ResourceNotFoundException"
    far = {**WHERE, "StreamArn": ARN.replace("us-east-1", "eu-west-1")}
    assert refused(table.enable_kinesis_streaming_destination, **far)[0] == "ValidationException"
    assert refused(table.enable_kinesis_streaming_destination, **WHERE | {"TableName": "none"})[0] == "ResourceNotFoundException"
    put_user(cloud, "u", "AKIAEXAMPLEEXAMPLE01", "dynamodb:*")
    theirs = cloud.client("dynamodb", key="AKIAEXAMPLEEXAMPLE01", secret="secret")
    assert refused(theirs.enable_kinesis_streaming_destination, **WHERE)[0] == "AccessDeniedException"


def test_changes_of_an_item_keep_their_order_and_survive_kills(cloud, table):
    table.enable_kinesis_streaming_destination(**WHERE)
    for number in range(40):
        table.put_item(TableName="things", Item={"id": {"S": f"i{number % 4}"}, "n": {"N": str(number)}})
        if number % 15 == 7:
            cloud.restart(kill=True)
    seen = [(each["dynamodb"]["NewImage"]["id"]["S"], int(each["dynamodb"]["NewImage"]["n"]["N"])) for each in told(cloud)]
    assert {number for _, number in seen} == set(range(40))
    for item in range(4):
        numbers = list(dict.fromkeys(number for name, number in seen if name == f"i{item}"))
        assert numbers == list(range(item, 40, 4))


def test_a_stream_that_is_throttled_hears_later(cloud, table):
    table.enable_kinesis_streaming_destination(**WHERE)
    fault = cloud.fault("service.throttle", {"service": "kinesis"})
    table.put_item(TableName="things", Item={"id": {"S": "a"}})
    cloud.sleep(5)
    cloud.heal(fault)
    cloud.sleep(30)
    assert len(told(cloud)) == 1
