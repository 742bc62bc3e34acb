"""Streams as sources of pipes: order, what is tried again and given up, and places that survive a kill."""

from __future__ import annotations

import base64
import json

import pytest
from lambda_workshop import ACCOUNT
from pipes_workshop import LATE, ROLE, Plumber

STREAM = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
NOWHERE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:nowhere"
DATA = {"InputTemplate": "<$.data>"}
REPORTING = """
    import base64, json, os
    def handler(events, context):
        texts = [base64.b64decode(each["data"]).decode() for each in events]
        with open(os.environ["LOG"], "a") as log:
            log.write(json.dumps(texts) + "\\n")
        return {"batchItemFailures": [{"itemIdentifier": each["eventID"]} for each, text in zip(events, texts) if "bad" in text]}
"""


@pytest.fixture
def shop(cloud, tmp_path) -> Plumber:
    return Plumber(cloud, tmp_path)


def own(**more) -> dict:
    return {"KinesisStreamParameters": {**LATE, **more}}


def table(shop: Plumber) -> str:
    return shop.cloud.client("dynamodb").create_table(
        TableName="things", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]  # fmt: skip


def test_records_of_kinesis_lie_flat(shop):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-kinesis.html
    shop.pipe(shop.stream(), shop.queue("out"), SourceParameters=own())
    shop.record(b"Hello, this is a test.", "1")
    shop.rest()
    event = json.loads(shop.arrived()[0])
    assert base64.b64decode(event["data"]) == b"Hello, this is a test."
    assert event["eventID"] == f"shardId-000000000000:{event['sequenceNumber']}"
    assert {name: event[name] for name in ("kinesisSchemaVersion", "partitionKey", "eventName", "invokeIdentityArn", "eventSourceARN")} == {
        "kinesisSchemaVersion": "1.0", "partitionKey": "1", "eventName": "aws:kinesis:record", "invokeIdentityArn": ROLE, "eventSourceARN": STREAM,
    }  # fmt: skip


def test_data_is_read_as_json_by_filters_and_templates(shop):
    filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"data": {"City": ["Seattle"]}}'}]}}
    shop.pipe(shop.stream(), shop.queue("out"), SourceParameters=own() | filters, TargetParameters={"InputTemplate": "<$.data.n>"})
    for number, city in enumerate(("Seattle", "Kyoto", "Seattle")):
        shop.record(json.dumps({"City": city, "n": number}).encode())
    shop.rest()
    assert shop.arrived() == ["0", "2"]


def test_items_of_a_table_arrive_in_order(shop):
    template = {"InputTemplate": "<$.dynamodb.NewImage.id.S>"}
    shop.pipe(table(shop), shop.queue("out"), SourceParameters={"DynamoDBStreamParameters": LATE}, TargetParameters=template)
    for number in range(20):
        shop.cloud.client("dynamodb").put_item(TableName="things", Item={"id": {"S": str(number)}})
    shop.rest()
    assert shop.arrived() == [str(number) for number in range(20)]


def test_latest_begins_when_the_pipe_was_made_even_if_it_was_killed_then(shop):
    source, out = shop.stream(), shop.queue("out")
    shop.record(b'"before"')
    shop.pipe(source, out, SourceParameters={"KinesisStreamParameters": {"StartingPosition": "LATEST"}}, TargetParameters=DATA, DesiredState="STOPPED")
    shop.record(b'"after"')
    shop.cloud.restart(kill=True)
    shop.pipes.start_pipe(Name="p")
    shop.rest()
    assert shop.arrived() == ["after"]


def test_a_batch_that_fails_is_tried_as_often_as_allowed_and_then_told_of(shop):
    dead = shop.queue("dead")
    shop.pipe(shop.stream(), NOWHERE, SourceParameters=own(MaximumRetryAttempts=1, DeadLetterConfig={"Arn": dead}))
    shop.record(b"poison")
    shop.rest(5)
    (said,) = map(json.loads, shop.arrived("dead"))
    assert said.pop("timestamp")
    info = said.pop("KinesisBatchInfo")
    # As reports of real pipes look that people have shown.
    assert said == {"context": {"partnerResourceArn": f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p", "condition": "RetryAttemptsExhausted"}, "version": "1.0"}
    assert (info["shardId"], info["batchSize"], info["streamArn"]) == ("shardId-000000000000", 1, STREAM)
    shop.pipes.update_pipe(Name="p", RoleArn=ROLE, Target=shop.queue("out"), TargetParameters=DATA)
    shop.record(b'"fine"')
    shop.rest()
    assert shop.arrived() == ["fine"]


def test_records_that_are_too_old_are_given_up(shop):
    dead = shop.queue("dead")
    shop.pipe(shop.stream(), NOWHERE, SourceParameters=own(MaximumRecordAgeInSeconds=60, DeadLetterConfig={"Arn": dead}))
    shop.record(b"old")
    shop.rest(40)
    assert json.loads(shop.arrived("dead")[0])["context"]["condition"] == "RecordAgeExceeded"


def test_what_is_aws_s_doing_is_tried_without_end(shop):
    shop.pipe(shop.stream(), shop.queue("out"), SourceParameters=own(MaximumRetryAttempts=0), TargetParameters=DATA)
    fault = shop.cloud.fault("service.error", {"service": "sqs"}, code="ServiceUnavailable")
    shop.record(b'"a"')
    shop.rest(30)
    shop.cloud.heal(fault)
    shop.rest(60)
    assert shop.arrived() == ["a"]


def test_a_function_may_take_a_batch_in_part(shop):
    shop.pipe(shop.stream(), shop.function(REPORTING), SourceParameters=own(MaximumRetryAttempts=1, BatchSize=10))
    for text in (b"a", b"bad", b"c"):
        shop.record(text)
    shop.rest(3)
    tried = shop.events()
    assert sum(tried, []).count("a") == 1 and tried[-1][0] == "bad" and [text for text in sum(tried, []) if text == "c"]


def test_a_batch_that_fails_is_halved_until_one_record_is_left(shop):
    dead = shop.queue("dead")
    more = own(MaximumRetryAttempts=0, OnPartialBatchItemFailure="AUTOMATIC_BISECT", DeadLetterConfig={"Arn": dead})
    source, function = shop.stream(), shop.function(REPORTING)
    for text in (b"bad", b"b", b"c", b"d"):
        shop.record(text)
    shop.pipe(source, function, SourceParameters=more)
    shop.rest(3)
    assert shop.events()[:3] == [["bad", "b", "c", "d"], ["bad", "b"], ["bad"]]
    assert [json.loads(body)["KinesisBatchInfo"]["batchSize"] for body in shop.arrived("dead")] == [1]
    assert {"b", "c", "d"} <= set(sum(shop.events()[3:], []))


def test_batches_of_one_shard_go_side_by_side_and_each_key_in_order(shop):
    more = {"SqsQueueParameters": {"MessageGroupId": "$.partitionKey"}, **DATA}
    target = shop.queue("out.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    shop.pipe(shop.stream(), target, SourceParameters=own(ParallelizationFactor=5), TargetParameters=more)
    for number in range(40):
        shop.record(json.dumps(number).encode(), key=f"k{number % 4}")
    shop.rest(2)
    numbers = [int(body) for body in shop.arrived("out.fifo")]
    assert sorted(numbers) == list(range(40))
    assert all([n for n in numbers if n % 4 == key] == list(range(key, 40, 4)) for key in range(4))


def test_nothing_of_a_stream_is_lost_or_repeated_without_end_when_the_region_is_killed(shop):
    shop.pipe(shop.stream(), shop.queue("out"), SourceParameters=own(BatchSize=5), TargetParameters=DATA)
    seen: list[int] = []
    for number in range(60):
        shop.record(json.dumps(number).encode())
        if number % 20 == 10:
            shop.cloud.restart(kill=True)
            shop.cloud.sleep(0.3)
    shop.rest(3)
    seen += map(int, shop.arrived())
    assert set(seen) == set(range(60)) and len(seen) < 90
    shop.cloud.restart(kill=True)
    shop.rest()
    assert shop.arrived() == []


def test_a_consumer_with_a_throughput_of_its_own_is_a_source(shop):
    stream = shop.stream()
    consumer = shop.kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="c")["Consumer"]["ConsumerARN"]
    shop.pipe(consumer, shop.queue("out"), SourceParameters=own(), TargetParameters=DATA)
    shop.record(b'"a"')
    shop.rest()
    assert shop.arrived() == ["a"]
