"""Streams of tables as event sources of functions: order, retries, what is given up, windows, and places that survive a kill."""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, settle
from refusals import refused
from source_workshop import Workshop

ITEMS = """
    import json, os
    def handler(event, context):
        with open(os.environ["LOG"], "a") as log:
            log.write(json.dumps(event) + "\\n")
        failed = []
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            if "fail" in image:
                raise ValueError("fail")
            if "report" in image:
                failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            if "answer" in image:
                return json.loads(image["answer"]["S"])
        return {"batchItemFailures": failed}
"""
FAIL = {"fail": {"BOOL": True}}


@pytest.fixture
def shop(cloud, tmp_path) -> Workshop:
    shop = Workshop(cloud, tmp_path)
    shop.function(ITEMS)
    return shop


def numbers(shop: Workshop) -> list[list[int]]:
    return [[int(record["dynamodb"]["Keys"]["n"]["N"]) for record in event["Records"]] for event in shop.events()]


def rest(shop: Workshop, seconds: float = 0.0, times: int = 1) -> None:
    for _ in range(times):
        shop.cloud.sleep(seconds)
        settle(shop.cloud)


def told(shop: Workshop, url: str) -> list[dict]:
    found = shop.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_a_write_reaches_the_function(shop):
    # Recorded: test_dynamodb_event_source_mapping.
    stream = shop.table()
    made = shop.map(stream, StartingPosition="TRIM_HORIZON", BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=1)
    uuid = made["UUID"]
    shown = {key: value for key, value in made.items() if key not in ("ResponseMetadata", "LastModified", "UUID", "EventSourceMappingArn")}
    assert shown == {
        "BatchSize": 1, "BisectBatchOnFunctionError": False, "DestinationConfig": {"OnFailure": {}}, "EventSourceArn": stream,
        "FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed", "MaximumBatchingWindowInSeconds": 1, "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": 1, "ParallelizationFactor": 1, "StartingPosition": "TRIM_HORIZON", "State": "Creating",
        "StateTransitionReason": "User action", "TumblingWindowInSeconds": 0,
    }  # fmt: skip
    shop.put("a", 1, binary={"B": b"foobar"})
    rest(shop, 2)
    (event,) = shop.events()
    (record,) = event["Records"]
    data = record.pop("dynamodb")
    assert record.pop("eventID")
    assert record == {
        "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1", "eventSourceARN": stream
    }  # fmt: skip
    assert isinstance(data.pop("ApproximateCreationDateTime"), float) and data.pop("SequenceNumber").isdigit() and data.pop("SizeBytes")
    keys = {"id": {"S": "a"}, "n": {"N": "1"}}
    assert data == {"Keys": keys, "NewImage": {**keys, "binary": {"B": "Zm9vYmFy"}}, "StreamViewType": "NEW_IMAGE"}
    assert shop.functions.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK"


def test_latest_begins_behind_what_is_there(shop):
    stream = shop.table()
    shop.put("a", 1)
    shop.map(stream, StartingPosition="LATEST")
    shop.put("a", 2)
    rest(shop)
    assert numbers(shop) == [[2]]


def test_latest_skips_nothing_when_the_region_is_killed_before_the_first_record(shop):
    stream = shop.table()
    shop.put("a", 1)
    shop.map(stream, StartingPosition="LATEST")
    shop.cloud.sleep(2000)
    shop.put("a", 2)
    shop.cloud.restart(kill=True)
    rest(shop)
    assert numbers(shop)[-1] == [2] and [1] not in numbers(shop)


def test_trim_horizon_begins_with_the_oldest_record(shop):
    stream = shop.table()
    for number in range(5):
        shop.put("a", number)
    shop.map(stream, StartingPosition="TRIM_HORIZON", BatchSize=2)
    rest(shop, times=4)
    assert numbers(shop) == [[0, 1], [2, 3], [4]]


def test_a_failing_batch_is_given_up_after_its_retries_and_told(shop):
    # Recorded: test_dynamodb_event_source_mapping_with_on_failure_destination_config.
    stream = shop.table()
    url, queue = shop.queue()
    shop.map(
        stream, StartingPosition="TRIM_HORIZON", BatchSize=1, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    shop.put("a", 1, **FAIL)
    shop.put("a", 2)
    rest(shop, 1, times=4)
    assert numbers(shop) == [[1], [1], [2]]
    (said,) = told(shop, url)
    sequence = shop.events()[0]["Records"][0]["dynamodb"]["SequenceNumber"]
    information = said.pop("DDBStreamBatchInfo")
    assert information.pop("shardId").startswith("shardId-")
    assert information.pop("approximateArrivalOfFirstRecord") == information.pop("approximateArrivalOfLastRecord")
    assert information == {"startSequenceNumber": sequence, "endSequenceNumber": sequence, "batchSize": 1, "streamArn": stream}
    assert said.pop("timestamp").endswith("Z") and said["requestContext"].pop("requestId")
    assert said == {
        "requestContext": {
            "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
    }


def test_a_bucket_is_told_with_the_records(shop):
    # Recorded: test_dynamodb_event_source_mapping_with_s3_on_failure_destination.
    stream = shop.table()
    s3 = shop.cloud.client("s3")
    s3.create_bucket(Bucket="failures")
    made = shop.map(
        stream, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )  # fmt: skip
    shop.put("a", 1, **FAIL)
    rest(shop, 1, times=2)
    (found,) = s3.list_objects_v2(Bucket="failures")["Contents"]
    assert found["Key"].startswith(f"aws/lambda/{made['UUID']}/shardId-")
    said = json.loads(s3.get_object(Bucket="failures", Key=found["Key"])["Body"].read())
    assert said["payload"] == shop.events()[0] and said["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_failing_batch_is_bisected_until_only_the_poison_is_given_up(shop):
    stream = shop.table()
    url, queue = shop.queue()
    for number in range(8):
        shop.put("a", number, **(FAIL if number == 5 else {}))
    shop.map(
        stream, StartingPosition="TRIM_HORIZON", BatchSize=8, MaximumRetryAttempts=0, BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    rest(shop, 1, times=6)
    assert numbers(shop) == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7]]
    assert [said["DDBStreamBatchInfo"]["batchSize"] for said in told(shop, url)] == [1]


def test_records_behind_the_first_reported_one_come_again(shop):
    # Recorded: test_dynamodb_report_batch_item_failures.
    stream = shop.table()
    url, queue = shop.queue()
    for number in range(3):
        shop.put("a", number, **({"report": {"BOOL": True}} if number == 2 else {}))
    shop.map(
        stream, StartingPosition="TRIM_HORIZON", BatchSize=3, MaximumRetryAttempts=3, FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    rest(shop, 2, times=6)
    assert numbers(shop) == [[0, 1, 2], [2], [2], [2], [2]]
    (said,) = told(shop, url)
    assert (said["requestContext"]["approximateInvokeCount"], said["responseContext"]["functionError"]) == (4, None)


@pytest.mark.parametrize(
    "answer", ['{"batchItemFailures": [{"itemIdentifier": ""}]}', '{"batchItemFailures": [{"foo": null}]}', '{"batchItemFailures": [{"itemIdentifier": "123"}]}']
)  # fmt: skip
def test_reports_that_make_no_sense_fail_the_batch(shop, answer):
    # Recorded: test_dynamodb_report_batch_item_failure_scenarios.
    stream = shop.table()
    shop.map(stream, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    shop.put("a", 1, answer={"S": answer})
    rest(shop, 1, times=3)
    assert numbers(shop) == [[1], [1]]


def test_records_that_grow_too_old_are_given_up(shop):
    # Recorded for Kinesis: test_kinesis_maximum_record_age_exceeded[expire-while-retrying].
    stream = shop.table()
    url, queue = shop.queue()
    shop.map(
        stream, StartingPosition="TRIM_HORIZON", BatchSize=1, MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    shop.put("a", 1, **FAIL)
    rest(shop, 8, times=10)
    shop.put("a", 2)
    rest(shop, 60)
    (said,) = told(shop, url)
    assert said["requestContext"]["condition"] == "RecordAgeExceeded" and "responseContext" not in said
    assert numbers(shop)[-1] == [2]


def test_items_are_side_by_side_and_each_in_order(shop):
    # https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html: in order at the level of partition and sort key.
    stream = shop.table()
    for number in range(30):
        shop.put("abc"[number % 3], 0, version={"N": str(number)})
    shop.map(stream, StartingPosition="TRIM_HORIZON", BatchSize=2, ParallelizationFactor=4)
    rest(shop, times=12)
    images = [record["dynamodb"]["NewImage"] for event in shop.events() for record in event["Records"]]
    for key in "abc":
        versions = [int(image["version"]["N"]) for image in images if image["id"]["S"] == key]
        assert versions == list(range("abc".index(key), 30, 3))


def test_a_disabled_mapping_goes_on_where_it_stood(shop):
    # Recorded: test_disabled_dynamodb_event_source_mapping.
    stream = shop.table()
    uuid = shop.map(stream, StartingPosition="TRIM_HORIZON")["UUID"]
    shop.put("a", 1)
    rest(shop)
    assert shop.functions.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    shop.put("a", 2)
    rest(shop, 1)
    assert numbers(shop) == [[1]]
    shop.functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    rest(shop)
    assert numbers(shop) == [[1], [2]]


def test_ten_kills_skip_no_record_and_keep_their_order(shop):
    stream = shop.table()
    shop.map(stream, StartingPosition="LATEST", BatchSize=3)
    for number in range(50):
        shop.put("a", number)
        if number % 5 == 4:
            shop.cloud.sleep(0.05)
            shop.cloud.restart(kill=True)
    rest(shop, times=20)
    first = list(dict.fromkeys(n for batch in numbers(shop) for n in batch))
    assert first == list(range(50))


WINDOWED = """
    import json, os
    def handler(event, context):
        with open(os.environ["LOG"], "a") as log:
            log.write(json.dumps(event) + "\\n")
        return {"state": {"count": event["state"].get("count", 0) + len(event["Records"])}}
"""


def test_a_tumbling_window_hands_its_state_on_and_is_ended(cloud, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
    shop = Workshop(cloud, tmp_path)
    shop.function(WINDOWED)
    stream = shop.table()
    shop.map(stream, StartingPosition="TRIM_HORIZON", BatchSize=2, TumblingWindowInSeconds=30)
    shop.cloud.sleep(30 - shop.cloud.now() % 30 + 1)
    for number in range(3):
        shop.put("a", number)
    rest(shop, times=4)
    seen = 0
    for event in shop.events():
        assert event["state"] == ({"count": seen} if seen else {}) and not event["isFinalInvokeForWindow"]
        seen += len(event["Records"])
    assert seen == 3
    cloud.restart(kill=True)
    rest(shop, 31)
    final = shop.events()[-1]
    assert (final["Records"], final["state"], final["isFinalInvokeForWindow"]) == ([], {"count": 3}, True)
    assert set(final["window"]) == {"start", "end"} and final["eventSourceARN"] == stream and final["isWindowTerminatedEarly"] is False
    shop.put("a", 9)
    rest(shop)
    assert shop.events()[-1]["state"] == {}


def test_mappings_of_streams_are_refused_as_aws_refuses_them(shop):
    """Recorded: test_create_event_source_validation, test_esm_with_not_existing_dynamodb_stream, test_duplicate_event_source_mappings."""
    stream = shop.table()
    create = shop.functions.create_event_source_mapping
    code, text = refused(create, FunctionName="f", EventSourceArn=stream)
    assert (code, text) == (
        "InvalidParameterValueException",
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    )
    assert refused(create, FunctionName="f", EventSourceArn=stream, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1) == (
        "InvalidParameterValueException", f"Unsupported starting position for arn type: {stream}"
    )  # fmt: skip
    # As cdk-preflight saw it of AWS: pf-lambda-esm-starting-position-timestamp-requires-at-timestamp, -record-age-effective-min,
    # -on-failure-destination-service, -ddb-destination-standard-only, -ddb-cross-region.
    for said, text in (
        ({"StartingPositionTimestamp": 1}, "Timestamp only valid with StartingPosition AT_TIMESTAMP"),
        ({"MaximumRecordAgeInSeconds": 30}, "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"),
        ({"DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}}},
         "The service specified by the TargetArn isn't supported as a destination."),
        ({"DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"}}},
         "FIFO-type Amazon SQS queues aren't supported as a destination."),
        ({"EventSourceArn": stream.replace("us-east-1", "eu-west-1")}, "Event source region must match Lambda region us-east-1"),
    ):  # fmt: skip
        assert refused(create, **({"FunctionName": "f", "EventSourceArn": stream, "StartingPosition": "LATEST"} | said)) == (
            "InvalidParameterValueException", text
        )  # fmt: skip
    gone = stream[:-23] + "2025-02-22T03:03:25.490"
    assert refused(create, FunctionName="f", EventSourceArn=gone, StartingPosition="LATEST") == (
        "InvalidParameterValueException", f"Stream not found: {gone}"
    )  # fmt: skip
    uuid = shop.map(stream, StartingPosition="LATEST")["UUID"]
    assert refused(create, FunctionName="f", EventSourceArn=stream, StartingPosition="LATEST") == (
        "ResourceConflictException",
        f'The event source arn (" {stream} ") and function (" f ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}",
    )


def test_a_mapping_outlives_its_function(shop):
    # Recorded: test_event_source_mapping_lifecycle_delete_function.
    uuid = shop.map(shop.table(), StartingPosition="LATEST")["UUID"]
    shop.functions.delete_function(FunctionName="f")
    assert shop.functions.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    assert shop.functions.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"


@pytest.mark.parametrize(
    "pattern, seen",
    [
        ({"eventName": ["INSERT"]}, [[1], [2]]),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "us-"}]}}}}, [[2]]),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"exists": False}]}}}}, [[1]]),
    ],
)
def test_only_records_that_match_a_filter_reach_the_function(shop, pattern, seen):
    # Recorded: test_dynamodb_event_filter.
    stream = shop.table()
    shop.map(stream, StartingPosition="TRIM_HORIZON", BatchSize=1, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    shop.put("a", 1)
    shop.put("a", 2, kind={"S": "us-1"})
    shop.cloud.client("dynamodb").delete_item(TableName="things", Key={"id": {"S": "z"}, "n": {"N": "1"}})
    rest(shop, times=3)
    assert numbers(shop) == seen


@pytest.mark.parametrize("pattern", ["single-string", '[{"eventName": ["INSERT"=123}]'])
def test_patterns_that_are_none_are_refused(shop, pattern):
    # Recorded: test_dynamodb_invalid_event_filter.
    create = shop.functions.create_event_source_mapping
    filters = {"Filters": [{"Pattern": pattern}]}
    assert refused(create, FunctionName="f", EventSourceArn=shop.table(), StartingPosition="LATEST", FilterCriteria=filters) == (
        "InvalidParameterValueException", "Invalid filter pattern definition."
    )  # fmt: skip
