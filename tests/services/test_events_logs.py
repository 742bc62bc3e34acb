"""EventBridge: what is logged of a bus, and where that is delivered.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html and …/eb-event-logs-schema.html
"""

from __future__ import annotations

import gzip
import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, allow, on_disk

BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/b"
DEFAULT = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/b/r"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
LOGS = ("ERROR_LOGS", "INFO_LOGS", "TRACE_LOGS")
LEVELS = {
    "EVENT_RECEIPT": "TRACE", "EVENT_INGEST_FAILURE": "ERROR", "EVENT_INGEST_SUCCESS": "INFO", "RULE_MATCH_START": "TRACE", "RULE_MATCH": "INFO", "NO_STANDARD_RULES_MATCHED": "INFO",
    "INVOCATION_START": "INFO", "INVOCATION_ATTEMPT_START": "TRACE", "INVOCATION_ATTEMPT_SUCCESS": "TRACE", "INVOCATION_SUCCESS": "INFO",
    "INVOCATION_ATTEMPT_RETRYABLE_FAILURE": "ERROR", "INVOCATION_ATTEMPT_PERMANENT_FAILURE": "ERROR", "INVOCATION_FAILURE": "ERROR", "INVOCATION_DLQ": "ERROR",
}  # fmt: skip
TAKEN = ["EVENT_RECEIPT", "EVENT_INGEST_SUCCESS", "RULE_MATCH_START"]
SENT = ["RULE_MATCH", "INVOCATION_START", "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_SUCCESS", "INVOCATION_SUCCESS"]


@pytest.fixture
def events(cloud):
    cloud.region()
    return cloud.client("events", key=ACCOUNT)


@pytest.fixture
def logs(cloud):
    return cloud.client("logs", key=ACCOUNT)


@pytest.fixture
def bus(events):
    events.create_event_bus(Name="b", LogConfig={"Level": "TRACE", "IncludeDetail": "FULL"})
    return BUS


def queue(cloud, name: str = "q", *, is_open: bool = True) -> str:
    sqs = cloud.client("sqs", key=ACCOUNT)
    leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": leave})} if is_open else {})
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def rule(events, *targets: dict, name: str = "r", bus: str = "b", source: str = "app") -> None:
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": str(number), **target} for number, target in enumerate(targets)])


def deliver(logs, target: str, bus: str = BUS, types: tuple[str, ...] = LOGS, name: str = "d", **more) -> list[dict]:
    arn = logs.put_delivery_destination(name=name, deliveryDestinationConfiguration={"destinationResourceArn": target}, **more)["deliveryDestination"]["arn"]
    return [logs.create_delivery(deliverySourceName=source(logs, bus, each), deliveryDestinationArn=arn)["delivery"] for each in types]


def source(logs, bus: str, kind: str) -> str:
    return logs.put_delivery_source(name=f"{bus.rpartition('/')[2]}-{kind}", resourceArn=bus, logType=kind)["deliverySource"]["name"]


def group(logs, bus: str = BUS, types: tuple[str, ...] = LOGS) -> list[dict]:
    logs.create_log_group(logGroupName="g")
    return deliver(logs, f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g", bus, types)


def put(events, bus: str = "b", **more) -> dict:
    entry = {"EventBusName": bus, "Source": "app", "DetailType": "order", "Detail": json.dumps({"msg": "hello"}), "Time": 1_893_456_000, **more}
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    return {"event": answer["Entries"][0]["EventId"], "request": answer["ResponseMetadata"]["RequestId"]}


def told(cloud, logs, wait_s: float = 20) -> list[dict]:
    """All records. Each log comes for itself, so those of one moment are put in the order of their steps."""
    cloud.sleep(wait_s)
    found = [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName="g")["events"]]
    return sorted(found, key=lambda each: (each["message_timestamp_ms"], list(LEVELS).index(each["message_type"])))


def steps(records: list[dict]) -> list[str]:
    return [each["message_type"] for each in records]


# Configuration ------------------------------------------------------------------------------------------


def test_a_bus_tells_what_of_it_is_logged(events):
    # The answers were seen of AWS on the default bus in October 2026.
    full = {"IncludeDetail": "FULL", "Level": "TRACE"}
    assert events.create_event_bus(Name="b", LogConfig=full)["LogConfig"] == full == events.describe_event_bus(Name="b")["LogConfig"]
    changed = events.update_event_bus(Name="default", LogConfig=full)
    changed.pop("ResponseMetadata")
    assert changed == {"Arn": DEFAULT, "Name": "default", "LogConfig": full}
    events.update_event_bus(Name="default", LogConfig={"Level": "OFF"})
    assert events.describe_event_bus()["LogConfig"] == {"Level": "OFF"}
    assert "LogConfig" not in events.update_event_bus(Name="b", Description="d")
    assert refused(events.update_event_bus, Name="b", LogConfig={"Level": "DEBUG"})[0] == "ValidationException"


def test_each_log_of_a_bus_has_one_source(cloud, logs, bus):
    # Shown as it was seen of AWS in October 2026; the second refusal: hashicorp/terraform-provider-aws#40885.
    made = logs.put_delivery_source(name="default-bus-src-INFO", resourceArn=DEFAULT, logType="INFO_LOGS")["deliverySource"]
    assert made == {
        "name": "default-bus-src-INFO", "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:default-bus-src-INFO",
        "resourceArns": [DEFAULT], "service": "events", "logType": "INFO_LOGS",
    }  # fmt: skip
    said = {"resourceArn": BUS, "logType": "INFO_LOGS"}
    logs.put_delivery_source(name="one", **said)
    logs.put_delivery_source(name="one", **said)
    assert refused(logs.put_delivery_source, name="two", **said) == (
        "ConflictException", "This ResourceId has already been used in another Delivery Source in this account.",
    )  # fmt: skip
    logs.put_delivery_source(name="two", resourceArn=BUS, logType="TRACE_LOGS")
    assert refused(logs.put_delivery_source, name="x", resourceArn=BUS, logType="ACCESS_LOGS")[0] == "ValidationException"
    for arn in (f"{BUS}x", BUS.replace("us-east-1", "eu-west-1"), BUS.replace(ACCOUNT, "222222222222")):
        assert refused(logs.put_delivery_source, name="x", resourceArn=arn, logType="INFO_LOGS")[0] == "ResourceNotFoundException"
    assert refused(logs.put_delivery_source, name="x", resourceArn=RULE, logType="INFO_LOGS")[0] == "ResourceNotFoundException"


def test_whoever_makes_a_source_must_be_let_have_the_logs_of_the_bus(cloud, bus):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html#eb-event-logs-permission
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    statements = [{"Effect": "Allow", "Action": "logs:PutDeliverySource", "Resource": "*"}]
    for is_enough in (False, True):
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
        if not is_enough:
            code, text = refused(theirs.put_delivery_source, name="s", resourceArn=BUS, logType="INFO_LOGS")
            assert code == "AccessDeniedException" and "events:AllowVendedLogDeliveryForResource" in text and BUS in text
        statements.append({"Effect": "Allow", "Action": "events:AllowVendedLogDeliveryForResource", "Resource": f"{BUS}*"})
    assert source(theirs, BUS, "INFO_LOGS") == "b-INFO_LOGS"


def test_a_delivery_of_a_bus_has_one_form(cloud, logs, bus):
    logs.create_log_group(logGroupName="g")
    cloud.client("s3", key=ACCOUNT).create_bucket(Bucket="logs")
    targets = {"g": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g", "s": "arn:aws:s3:::logs"}
    arns = {
        name: logs.put_delivery_destination(name=name, deliveryDestinationConfiguration={"destinationResourceArn": arn})["deliveryDestination"]["arn"]
        for name, arn in targets.items()
    }
    plain = logs.put_delivery_destination(name="p", outputFormat="plain", deliveryDestinationConfiguration={"destinationResourceArn": targets["g"]})
    said = {"deliverySourceName": source(logs, BUS, "INFO_LOGS")}
    made = logs.create_delivery(**said, deliveryDestinationArn=arns["g"])["delivery"]
    assert made == {
        "id": made["id"], "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery:{made['id']}", "deliverySourceName": "b-INFO_LOGS",
        "deliveryDestinationArn": arns["g"], "deliveryDestinationType": "CWL",
    }  # fmt: skip
    for more in (
        {"recordFields": ["timestamp"]}, {"fieldDelimiter": ","}, {"deliveryDestinationArn": plain["deliveryDestination"]["arn"]},
        {"s3DeliveryConfiguration": {"suffixPath": "{yyyy}"}},
    ):  # fmt: skip
        assert refused(logs.create_delivery, **{**said, "deliveryDestinationArn": arns["s"], **more})[0] == "NotImplemented"
    assert refused(logs.update_delivery_configuration, id=made["id"], recordFields=["timestamp"])[0] == "NotImplemented"
    assert refused(logs.update_delivery_configuration, id=made["id"], recordFields=["step"])[0] == "ValidationException"
    filed = logs.create_delivery(**said, deliveryDestinationArn=arns["s"])["delivery"]
    assert filed["s3DeliveryConfiguration"] == {"suffixPath": "AWSLogs/{account-id}/EventBusLogs/", "enableHiveCompatiblePath": False}
    found = logs.describe_configuration_templates(service="events", deliveryDestinationTypes=["FH"])["configurationTemplates"]
    assert [(each["logType"], each["resourceType"], each["allowedOutputFormats"]) for each in found] == [(each, "event-bus", ["json"]) for each in LOGS]


def test_a_record_has_the_fields_that_were_asked_for_and_no_others(cloud, events, logs, bus):
    # Which there are says CfnEventBusInfoLogsRecordFields of AWS's package aws-cdk-mixins-preview, which knows of none that must be.
    (template,) = [each for each in logs.describe_configuration_templates(service="events", deliveryDestinationTypes=["CWL"])["configurationTemplates"] if each["logType"] == "INFO_LOGS"]
    assert [(each["name"], each.get("mandatory", False)) for each in template["allowedFields"]] == [(name, False) for name in (
        "resource_arn", "message_timestamp_ms", "event_bus_name", "request_id", "event_id", "invocation_id", "message_type", "log_level", "details", "error",
    )]  # fmt: skip
    group(logs, types=("INFO_LOGS",))
    (made,) = logs.describe_deliveries()["deliveries"]
    logs.update_delivery_configuration(id=made["id"], recordFields=["message_type", "error", "log_level"])
    assert logs.get_delivery(id=made["id"])["delivery"]["recordFields"] == ["message_type", "error", "log_level"]
    put(events)
    cloud.sleep(20)
    assert [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName="g")["events"]] == [
        {"message_type": "EVENT_INGEST_SUCCESS", "log_level": "INFO"}, {"message_type": "NO_STANDARD_RULES_MATCHED", "log_level": "INFO"},
    ]  # fmt: skip


# What is told -------------------------------------------------------------------------------------------


def test_each_step_of_an_event_is_told_as_the_schema_says(cloud, events, logs, bus):
    rule(events, {"Arn": queue(cloud), "InputPath": "$.detail"})
    group(logs)
    ids = put(events, Resources=["arn:x"])
    found = told(cloud, logs)
    assert steps(found) == [*TAKEN, *SENT]
    for each in found:
        assert each["resource_arn"] == BUS and each["event_bus_name"] == "b" and each["event_id"] == ids["event"]
        assert each["request_id"] == ids["request"] and each["log_level"] == LEVELS[each["message_type"]] and "error" not in each
        assert 1_893_456_000_000 <= each["message_timestamp_ms"] < 1_893_456_100_000
    first = {
        "caller_account_id": ACCOUNT, "source_time_ms": 1_893_456_000_000, "source": "app", "detail_type": "order", "resources": ["arn:x"],
        "event_detail": '{"msg":"hello"}',
    }  # fmt: skip
    assert [each["details"] for each in found[:3]] == [first] * 3
    matched, begun, tried, answered, reached = found[3:]
    id_ = begun["invocation_id"]
    assert matched["details"] == {"rule_arn": RULE, "target_arns": [QUEUE], "invocation_ids": [id_]}
    assert {each.get("invocation_id") for each in found[:4]} == {None} and {each["invocation_id"] for each in found[4:]} == {id_}
    where, given = {"rule_arn": RULE, "target_arn": QUEUE}, {"target_input": '{"msg":"hello"}'}
    assert begun["details"] == where | given and tried["details"] == where | given | {"attempt_count": 1}
    assert answered["details"] == where | {"attempt_type": "FIRST", "attempt_count": 1, "target_duration_ms": answered["details"]["target_duration_ms"]}
    spans = {name: value for name, value in reached["details"].items() if name.endswith("_ms")}
    assert reached["details"] == where | given | {"total_attempts": 1} | spans and all(0 <= value < 1_000 for value in spans.values())
    assert set(spans) == {
        "ingestion_to_start_latency_ms", "ingestion_to_complete_latency_ms", "ingestion_to_success_latency_ms", "target_duration_ms",
    }  # fmt: skip
    (stream,) = logs.describe_log_streams(logGroupName="g")["logStreams"]
    # Seen of AWS in October 2026.
    assert stream["logStreamName"] == "EventBridgeEventBusLogs"


@pytest.mark.parametrize("level, wanted", [("OFF", ()), ("ERROR", ("ERROR",)), ("INFO", ("ERROR", "INFO")), ("TRACE", ("ERROR", "INFO", "TRACE"))])
def test_the_level_says_which_steps_are_told_and_details_are_told_if_they_are_asked_for(cloud, events, logs, bus, level, wanted):
    rule(events, {"Arn": queue(cloud)}, {"Arn": queue(cloud, "shut", is_open=False), "DeadLetterConfig": {"Arn": queue(cloud, "dead")}})
    group(logs)
    events.update_event_bus(Name="b", LogConfig={"Level": level})
    put(events)
    found = told(cloud, logs)
    every = [*TAKEN, "RULE_MATCH", *SENT[1:], "INVOCATION_START", "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_PERMANENT_FAILURE", "INVOCATION_FAILURE", "INVOCATION_DLQ"]
    assert sorted(steps(found)) == sorted(each for each in every if LEVELS[each] in wanted)
    assert not any({"event_detail", "target_input"} & each["details"].keys() for each in found)


def test_a_log_has_the_records_of_its_own_level(cloud, events, logs, bus):
    rule(events, {"Arn": queue(cloud)})
    (info,) = group(logs, types=("INFO_LOGS",))
    put(events)
    assert {each["log_level"] for each in told(cloud, logs)} == {"INFO"}
    logs.delete_delivery(id=info["id"])
    put(events)
    assert len(told(cloud, logs)) == 4


def test_an_event_that_no_rule_wants_is_told_if_a_customer_put_it(cloud, events, logs, bus):
    # Seen of AWS in October 2026: EVENT_INGEST_SUCCESS, and right after it NO_STANDARD_RULES_MATCHED.
    rule(events, {"Arn": queue(cloud)}, source="other")
    group(logs)
    ids = put(events)
    found = told(cloud, logs)
    assert steps(found) == [*TAKEN, "NO_STANDARD_RULES_MATCHED"] and found[-1]["details"] == {} and found[-1]["event_id"] == ids["event"]


def test_an_event_that_only_a_rule_of_aws_wants_is_not_told_and_a_replayed_one_is(cloud, events, logs, bus):
    archive = events.create_archive(ArchiveName="a", EventSourceArn=BUS, EventPattern=json.dumps({"detail-type": ["order"]}))["ArchiveArn"]
    group(logs)
    put(events)
    put(events, DetailType="other")
    assert [each["details"].get("detail_type") for each in told(cloud, logs)] == ["other"] * 3 + [None]
    rule(events, {"Arn": queue(cloud)})
    destination = {"Arn": BUS}
    events.start_replay(ReplayName="r", EventSourceArn=archive, EventStartTime=1_893_455_000, EventEndTime=1_893_457_000, Destination=destination)
    assert steps(told(cloud, logs, 60))[4:] == [*TAKEN, *SENT]


def test_of_aws_own_events_those_are_told_that_a_rule_wants(cloud, events, logs):
    events.update_event_bus(Name="default", LogConfig={"Level": "TRACE", "IncludeDetail": "FULL"})
    rule(events, {"Arn": queue(cloud)}, bus="default", source="aws.s3")
    events.put_rule(Name="clock", ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule="clock", Targets=[{"Id": "1", "Arn": QUEUE}])
    group(logs, DEFAULT)
    s3, ssm = cloud.client("s3", key=ACCOUNT), cloud.client("ssm", key=ACCOUNT)
    s3.create_bucket(Bucket="loud")
    s3.put_bucket_notification_configuration(Bucket="loud", NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket="loud", Key="k", Body=b"")
    ssm.put_parameter(Name="p", Value="v", Type="String")
    found = told(cloud, logs)
    assert steps(found) == [*TAKEN, *SENT] and found[0]["details"]["detail_type"] == "Object Created"
    assert len({each["request_id"] for each in found}) == 1
    fired = told(cloud, logs, 3_600)[8:]
    assert steps(fired) == [*TAKEN, *SENT] and fired[0]["details"]["detail_type"] == "Scheduled Event"
    assert fired[3]["details"]["rule_arn"] == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/clock"


def test_attempts_are_told_with_their_failures_until_the_event_is_dead(cloud, events, logs, bus):
    rule(events, {"Arn": queue(cloud), "RetryPolicy": {"MaximumRetryAttempts": 2}})
    group(logs)
    cloud.fault("service.error", {"service": "sqs"}, code="InternalFailure")
    put(events)
    found = told(cloud, logs, 30)
    failed = [each for each in found if each["log_level"] == "ERROR"]
    assert steps(failed) == ["INVOCATION_ATTEMPT_RETRYABLE_FAILURE"] * 3 + ["INVOCATION_FAILURE"], steps(found)
    assert [each["details"].get("attempt_type") for each in failed] == ["FIRST", "RETRY", "RETRY", None]
    assert [each["details"].get("attempt_count") for each in failed] == [1, 2, 3, None]
    assert failed[-1]["details"]["total_attempts"] == 3 and "ingestion_to_start_latency_ms" not in failed[-1]["details"]
    assert {each["error"]["aws_service"] for each in failed} == {"sqs"} and failed[0]["error"]["http_status_code"] == 500


def test_a_failure_for_good_is_told_with_the_words_of_the_target(cloud, events, logs, bus):
    shut = queue(cloud, "shut", is_open=False)
    rule(events, {"Arn": shut, "DeadLetterConfig": {"Arn": queue(cloud, "dead")}})
    group(logs, types=("ERROR_LOGS",))
    ids = put(events)
    found = told(cloud, logs)
    assert steps(found) == ["INVOCATION_ATTEMPT_PERMANENT_FAILURE", "INVOCATION_FAILURE", "INVOCATION_DLQ"]
    assert {each["event_id"] for each in found} == {ids["event"]}
    for each in found:
        assert each["error"]["aws_service"] == "sqs" and "sqs:sendmessage" in each["error"]["error_message"].lower()
    assert found[2]["details"]["total_attempts"] == 1 and "ingestion_to_success_latency_ms" not in found[2]["details"]


def test_a_record_that_is_too_long_loses_its_details(cloud, events, logs, bus):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html#eb-event-logs-data-truncation
    template = json.dumps({str(number): "<all>" for number in range(8)}).replace('"<all>"', "<all>")
    rule(events, {"Arn": queue(cloud), "InputTransformer": {"InputPathsMap": {"all": "$.detail"}, "InputTemplate": template}})
    group(logs, types=("INFO_LOGS",))
    put(events, Detail=json.dumps({"long": "x" * 200_000}))
    found = {each["message_type"]: each for each in told(cloud, logs)}
    assert found["INVOCATION_START"]["dropped_fields"] == ["target_input"] and "target_input" not in found["INVOCATION_START"]["details"]
    assert "dropped_fields" not in found["EVENT_INGEST_SUCCESS"] and len(found["EVENT_INGEST_SUCCESS"]["details"]["event_detail"]) > 200_000


# Where it goes ------------------------------------------------------------------------------------------


def test_records_are_filed_in_a_bucket(cloud, events, logs, bus):
    # The policy of the bucket: the example of Terraform's aws_cloudwatch_event_bus.
    s3 = cloud.client("s3", key=ACCOUNT)
    s3.create_bucket(Bucket="logs")
    (made,) = deliver(logs, "arn:aws:s3:::logs", types=("INFO_LOGS",))
    condition = {
        "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:b-INFO_LOGS"},
    }
    let_in = {
        "Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}, "Action": "s3:PutObject", "Condition": condition,
        "Resource": f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/EventBusLogs/*",
    }  # fmt: skip
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": let_in}))
    ids = [put(events)["event"] for _ in range(2)]
    cloud.sleep(20)
    (filed,) = s3.list_objects_v2(Bucket="logs")["Contents"]
    assert filed["Key"].startswith(f"AWSLogs/{ACCOUNT}/EventBusLogs/b.2030-01-01-00.") and filed["Key"].endswith(".gz")
    lines = gzip.decompress(s3.get_object(Bucket="logs", Key=filed["Key"])["Body"].read()).decode().splitlines()
    assert [(each["event_id"], each["message_type"]) for each in map(json.loads, lines)] == [
        (id_, step) for id_ in ids for step in ("EVENT_INGEST_SUCCESS", "NO_STANDARD_RULES_MATCHED")
    ]
    assert made["deliveryDestinationType"] == "S3"


def test_records_stream_into_a_firehose(cloud, events, logs, bus):
    iam, firehose, s3 = (cloud.client(name, key=ACCOUNT) for name in ("iam", "firehose", "s3"))
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    let = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(let))
    s3.create_bucket(Bucket="logs")
    hints = {"BucketARN": "arn:aws:s3:::logs", "BufferingHints": {"IntervalInSeconds": 60}}
    target = firehose.create_delivery_stream(DeliveryStreamName="f", ExtendedS3DestinationConfiguration={"RoleARN": role, **hints})["DeliveryStreamARN"]
    cloud.sleep(2)
    deliver(logs, target, types=("INFO_LOGS",))
    ids = [put(events)["event"] for _ in range(300)]
    cloud.sleep(120)
    bodies = [s3.get_object(Bucket="logs", Key=each["Key"])["Body"].read().decode() for each in s3.list_objects_v2(Bucket="logs")["Contents"]]
    found = [json.loads(line)["event_id"] for line in "".join(bodies).splitlines()]
    assert sorted(found) == sorted(2 * ids)


def test_large_records_go_in_as_many_requests_as_they_need(cloud, events, logs, bus):
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html: 1,048,576 bytes at once.
    group(logs, types=("INFO_LOGS",))
    for number in range(8):
        put(events, Detail=json.dumps({"number": number, "long": "x" * 200_000}))
    cloud.sleep(20)
    found, token = [], {}
    while True:
        page = logs.filter_log_events(logGroupName="g", filterPattern="EVENT_INGEST_SUCCESS", **token)
        found += [json.loads(json.loads(each["message"])["details"]["event_detail"])["number"] for each in page["events"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sorted(found) == list(range(8))


def test_a_kill_loses_and_doubles_nothing(cloud, events, logs, bus):
    group(logs, types=("INFO_LOGS",))
    ids = []
    for _ in range(3):
        ids.append(put(events)["event"])
        cloud.restart(kill=True)
    assert [each["event_id"] for each in told(cloud, cloud.client("logs", key=ACCOUNT)) if each["message_type"] == "EVENT_INGEST_SUCCESS"] == ids


def test_a_bus_is_logged_while_the_control_planes_of_the_world_are_dead(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    events, logs = cloud.client("events", key=ACCOUNT), cloud.client("logs", key=ACCOUNT)
    events.create_event_bus(Name="b", LogConfig={"Level": "INFO"})
    cloud.kill("aws-global")
    group(logs, types=("INFO_LOGS",))
    put(events)
    assert steps(told(cloud, logs)) == ["EVENT_INGEST_SUCCESS", "NO_STANDARD_RULES_MATCHED"]


# Under a key --------------------------------------------------------------------------------------------


@pytest.fixture
def key(kms) -> str:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    allow(kms, key, "events.amazonaws.com", "kms:DescribeKey")
    of_bus = {"kms:EncryptionContext:aws:events:event-bus:arn": BUS}
    allow(kms, key, "events.amazonaws.com", "kms:GenerateDataKey", "kms:Decrypt", StringEquals=of_bus)
    return key


def test_what_is_told_of_a_bus_with_a_key_lies_under_it_until_it_is_delivered(cloud, events, logs, kms, key):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-bus-logs.html
    events.create_event_bus(Name="b", KmsKeyIdentifier=key, LogConfig={"Level": "TRACE", "IncludeDetail": "FULL"})
    rule(events, {"Arn": queue(cloud)})
    group(logs)
    said = {"Detail": json.dumps({"said": SECRET})}
    put(events, **said)
    assert told(cloud, logs) == []
    of_logs = {"kms:EncryptionContext:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:*"}
    allow(kms, key, "events.amazonaws.com", "kms:GenerateDataKey", StringEquals=of_logs)
    put(events, **said)
    assert told(cloud, logs) == [] and on_disk(cloud) == []
    allow(kms, key, "delivery.logs.amazonaws.com", "kms:Decrypt", "kms:GenerateDataKey", StringLike=of_logs)
    found = told(cloud, logs, 120)
    assert steps(found) == [*TAKEN, *SENT] and found[0]["details"]["event_detail"] == f'{{"said":"{SECRET}"}}'
    url = cloud.client("sqs", key=ACCOUNT).get_queue_url(QueueName="q")["QueueUrl"]
    assert cloud.client("sqs", key=ACCOUNT).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "2"


def test_what_a_lost_key_keeps_from_a_bus_is_told_if_the_log_may_be_sealed(cloud, events, logs, kms, key):
    of_logs = {"kms:EncryptionContext:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:*"}
    events.create_event_bus(Name="b", KmsKeyIdentifier=key, LogConfig={"Level": "ERROR", "IncludeDetail": "FULL"})
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    kms.put_key_policy(KeyId=key, Policy=json.dumps({**document, "Statement": document["Statement"][:1]}))
    allow(kms, key, "events.amazonaws.com", "kms:GenerateDataKey", StringEquals=of_logs)
    allow(kms, key, "delivery.logs.amazonaws.com", "kms:Decrypt", StringEquals=of_logs)
    group(logs)
    cloud.sleep(400)
    ids = put(events)
    (found,) = told(cloud, logs)
    assert (found["message_type"], found["log_level"], found["event_id"]) == ("EVENT_INGEST_FAILURE", "ERROR", ids["event"])
    assert found["request_id"] == ids["request"] and found["details"]["event_detail"] == '{"msg":"hello"}'
    assert found["error"]["aws_service"] == "kms" and "not authorized" in found["error"]["error_message"]


def test_a_stack_makes_a_bus_that_is_logged(cloud, events, logs):
    group_arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"
    resources = {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b", "LogConfig": {"Level": "INFO", "IncludeDetail": "NONE"}}},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g"}},
        "Source": {"Type": "AWS::Logs::DeliverySource", "Properties": {"Name": "s", "ResourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "LogType": "INFO_LOGS"}},
        "Destination": {"Type": "AWS::Logs::DeliveryDestination", "DependsOn": "Group", "Properties": {"Name": "d", "DestinationResourceArn": group_arn}},
        "Delivery": {"Type": "AWS::Logs::Delivery", "Properties": {
            "DeliverySourceName": {"Ref": "Source"}, "DeliveryDestinationArn": {"Fn::GetAtt": ["Destination", "Arn"]}}},
    }  # fmt: skip
    stacks = cloud.client("cloudformation", key=ACCOUNT)
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    cloud.sleep(30)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    put(events)
    assert steps(told(cloud, logs)) == ["EVENT_INGEST_SUCCESS", "NO_STANDARD_RULES_MATCHED"]
    resources["Bus"]["Properties"]["LogConfig"]["Level"] = "OFF"
    stacks.update_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    cloud.sleep(30)
    assert events.describe_event_bus(Name="b")["LogConfig"] == {"Level": "OFF", "IncludeDetail": "NONE"}
    put(events)
    assert len(told(cloud, logs)) == 2
    stacks.delete_stack(StackName="s")
    cloud.sleep(30)
    assert logs.describe_deliveries()["deliveries"] == []
