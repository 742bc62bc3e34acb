"""Kinesis as an event source of functions: the shape of its records, resharding, and places that survive a kill."""

from __future__ import annotations

import base64
import json

import pytest
from lambda_workshop import ACCOUNT, ROLE, settle
from refusals import refused
from source_workshop import Workshop
from test_cloudwatch_services import figures

DECODED = """
    import base64, json, os
    def handler(event, context):
        with open(os.environ["LOG"], "a") as log:
            log.write(json.dumps(event) + "\\n")
        for record in event["Records"]:
            if base64.b64decode(record["kinesis"]["data"]).startswith(b"fail"):
                raise ValueError("fail")
"""
ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"


@pytest.fixture
def shop(cloud, tmp_path) -> Workshop:
    shop = Workshop(cloud, tmp_path)
    shop.function(DECODED)
    cloud.client("kinesis").create_stream(StreamName="s", ShardCount=1)
    return shop


def put(shop: Workshop, data: str, key: str = "k") -> str:
    return shop.cloud.client("kinesis").put_record(StreamName="s", Data=data.encode(), PartitionKey=key)["SequenceNumber"]


def data(shop: Workshop) -> list[list[str]]:
    return [[base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]] for event in shop.events()]


def rest(shop: Workshop, seconds: float = 0.3, times: int = 1) -> None:
    for _ in range(times):
        shop.cloud.sleep(seconds)
        settle(shop.cloud)


def test_a_record_reaches_the_function(shop):
    # Recorded: test_create_kinesis_event_source_mapping.
    made = shop.map(ARN, StartingPosition="LATEST")
    assert (made["BatchSize"], made["StartingPosition"], made["StateTransitionReason"]) == (100, "LATEST", "User action")
    sequence = put(shop, "hello")
    rest(shop)
    (event,) = shop.events()
    (record,) = event["Records"]
    assert abs(record["kinesis"].pop("approximateArrivalTimestamp") - shop.cloud.now()) < 60
    assert record == {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "k", "sequenceNumber": sequence, "data": "aGVsbG8="},
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE,
        "awsRegion": "us-east-1",
        "eventSourceARN": ARN,
    }


def test_at_timestamp_begins_where_it_says(shop):
    put(shop, "early")
    shop.cloud.sleep(10)
    moment = shop.cloud.now()
    put(shop, "late")
    shop.map(ARN, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
    rest(shop)
    assert data(shop) == [["late"]]


def test_parents_are_read_before_their_children(shop):
    kinesis = shop.cloud.client("kinesis")
    for number in range(5):
        put(shop, f"{number}")
    kinesis.update_shard_count(StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    for number in range(5, 10):
        put(shop, f"{number}")
    shop.map(ARN, StartingPosition="TRIM_HORIZON", BatchSize=2)
    rest(shop, times=4)
    kinesis.update_shard_count(StreamName="s", TargetShardCount=1, ScalingType="UNIFORM_SCALING")
    for number in range(10, 15):
        put(shop, f"{number}")
    rest(shop, 1, times=10)
    assert [each for batch in data(shop) for each in batch] == [str(number) for number in range(15)]


def test_what_is_given_up_is_told(shop):
    # Recorded: test_kinesis_event_source_mapping_with_on_failure_destination_config.
    url, queue = shop.queue()
    made = shop.map(
        ARN, StartingPosition="TRIM_HORIZON", BatchSize=1, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": queue}},
        MetricsConfig={"Metrics": ["EventCount"]},
    )  # fmt: skip
    sequence = put(shop, "fail")
    rest(shop, 1, times=3)
    (message,) = shop.sqs.receive_message(QueueUrl=url)["Messages"]
    said = json.loads(message["Body"])
    information = said["KinesisBatchInfo"]
    assert information.pop("approximateArrivalOfFirstRecord") == information.pop("approximateArrivalOfLastRecord")
    assert information == {
        "shardId": "shardId-000000000000", "startSequenceNumber": sequence, "endSequenceNumber": sequence, "batchSize": 1, "streamArn": ARN
    }  # fmt: skip
    assert said["requestContext"]["approximateInvokeCount"] == 2 and said["responseContext"]["functionError"] == "Unhandled"
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
    shop.cloud.sleep(120)
    counts = {"Polled": 1.0, "Invoked": 2.0, "FailedInvoke": 2.0, "Dropped": 1.0, "OnFailureDestinationDelivered": 1.0}
    seen = {fate: figures(shop.cloud, "AWS/Lambda", f"{fate}EventCount", EventSourceMappingUUID=made["UUID"]) for fate in counts}
    assert seen == counts


def test_records_that_are_too_old_before_they_are_read_are_told_as_tried_once_and_the_others_are_read(shop):
    # Recorded: test_kinesis_maximum_record_age_exceeded[expire-before-ingestion], test_kinesis_maximum_record_age_exceeded_discard_records.
    url, queue = shop.queue()
    put(shop, "old")
    shop.cloud.sleep(70)
    put(shop, "new")
    shop.map(
        ARN, StartingPosition="TRIM_HORIZON", MaximumRecordAgeInSeconds=60, MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    rest(shop, 1)
    assert data(shop) == [["new"]]
    (message,) = shop.sqs.receive_message(QueueUrl=url)["Messages"]
    said = json.loads(message["Body"])
    assert "responseContext" not in said and said["KinesisBatchInfo"]["batchSize"] == 1
    assert (said["requestContext"]["condition"], said["requestContext"]["approximateInvokeCount"]) == ("RecordAgeExceeded", 1)


def test_a_stream_that_is_not_there_is_refused(shop):
    # Recorded: test_esm_with_not_existing_kinesis_stream.
    gone = ARN + "-gone"
    assert refused(shop.functions.create_event_source_mapping, FunctionName="f", EventSourceArn=gone, StartingPosition="LATEST") == (
        "InvalidParameterValueException", f"Stream not found: {gone}"
    )  # fmt: skip


def test_ten_kills_under_resharding_skip_no_record_and_keep_each_key_in_order(shop):
    kinesis = shop.cloud.client("kinesis")
    shop.map(ARN, StartingPosition="LATEST", BatchSize=3)
    for round_ in range(10):
        for number in range(6):
            put(shop, f"{number % 3} {round_ * 2 + number // 3}", key=str(number % 3))
        if round_ in (3, 6):
            count = {3: 2, 6: 1}[round_]
            kinesis.update_shard_count(StreamName="s", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        shop.cloud.sleep(0.05)
        shop.cloud.restart(kill=True)
        kinesis = shop.cloud.client("kinesis")
    rest(shop, 1, times=25)
    seen = list(dict.fromkeys(each for batch in data(shop) for each in batch))
    for key in "012":
        assert [int(each.split()[1]) for each in seen if each.split()[0] == key] == list(range(20))


def test_only_records_whose_data_matches_a_filter_reach_the_function(shop):
    # Recorded: test_kinesis_event_filtering_json_pattern.
    pattern = json.dumps({"data": {"event_type": ["function_1"]}})
    shop.map(ARN, StartingPosition="TRIM_HORIZON", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for each in ('{"event_type": "function_1"}', '{"event_type": "function_2"}', "no json"):
        put(shop, each)
    rest(shop, times=2)
    assert data(shop) == [['{"event_type": "function_1"}']]


def test_a_consumer_is_an_event_source_with_a_throughput_of_its_own(shop):
    kinesis = shop.cloud.client("kinesis")
    consumer = kinesis.register_stream_consumer(StreamARN=ARN, ConsumerName="c")["Consumer"]["ConsumerARN"]
    put(shop, "early")
    shop.map(consumer, StartingPosition="LATEST", BatchSize=2)
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="LATEST")["ShardIterator"]
    for number in range(5):
        put(shop, f"{number}")
        kinesis.get_records(ShardIterator=iterator)
    rest(shop, times=3)
    assert [each for batch in data(shop) for each in batch] == ["0", "1", "2", "3", "4"]
    assert {record["eventSourceARN"] for event in shop.events() for record in event["Records"]} == {consumer}
    shop.cloud.restart(kill=True)
    shop.cloud.client("kinesis").update_shard_count(StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    put(shop, "5")
    rest(shop, 1, times=3)
    assert data(shop)[-1] == ["5"]
    gone = consumer[:-1] + "x"
    assert refused(shop.functions.create_event_source_mapping, FunctionName="f", EventSourceArn=gone, StartingPosition="LATEST")[0] == (
        "InvalidParameterValueException"
    )
