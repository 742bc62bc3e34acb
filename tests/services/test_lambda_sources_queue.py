"""Queues as event sources of functions: batches, order, failures, and what a kill may not lose."""

from __future__ import annotations

import json
import re

import pytest
from lambda_workshop import ACCOUNT, make, settle
from refusals import refused
from source_workshop import LOGGING, Workshop
from test_cloudwatch_services import figures


@pytest.fixture
def shop(cloud, tmp_path) -> Workshop:
    return Workshop(cloud, tmp_path)


def test_a_message_reaches_the_function_and_leaves_the_queue(shop):
    # Recorded: test_sqs_event_source_mapping, test_event_source_mapping_default_batch_size.
    shop.function()
    url, arn = shop.queue()
    made = shop.map(arn)
    uuid = made["UUID"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    shown = {key: value for key, value in made.items() if key not in ("ResponseMetadata", "LastModified", "UUID")}
    assert shown == {
        "BatchSize": 10,
        "EventSourceArn": arn,
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{uuid}",
        "FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
    }
    assert shop.functions.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    sent = shop.sqs.send_message(
        QueueUrl=url, MessageBody="hello", MessageAttributes={"Author": {"DataType": "String", "StringValue": "John"}}
    )
    settle(shop.cloud)
    (event,) = shop.events()
    (record,) = event["Records"]
    assert record.pop("receiptHandle") and set(record.pop("attributes")) == {
        "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"
    }  # fmt: skip
    # Recorded: test_message_body_and_attributes_passed_correctly.
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "messageAttributes": {
            "Author": {"stringValue": "John", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    assert shop.left(url) == 0


def test_a_failing_message_comes_again_after_its_visibility_timeout_and_goes_to_the_dead_letters(shop):
    # Recorded: test_failing_lambda_retries_after_visibility_timeout, test_redrive_policy_with_failing_lambda.
    shop.function()
    dead, dead_arn = shop.queue("dead")
    url, arn = shop.queue(VisibilityTimeout=10, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}))
    shop.map(arn, BatchSize=1)
    shop.sqs.send_message(QueueUrl=url, MessageBody="fail")
    settle(shop.cloud)
    assert len(shop.events()) == 1 and shop.left(dead) == 0
    shop.cloud.sleep(12)
    settle(shop.cloud)
    counts = [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in shop.events()]
    assert counts == ["1", "2"]
    shop.cloud.sleep(12)
    settle(shop.cloud)
    assert (len(shop.events()), shop.left(url), shop.left(dead)) == (2, 0, 1)


def test_a_window_collects_a_batch(shop):
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=60)
    shop.map(arn, BatchSize=100, MaximumBatchingWindowInSeconds=5)
    for number in range(13):
        shop.sqs.send_message(QueueUrl=url, MessageBody=str(number))
    shop.cloud.sleep(1)
    assert shop.events() == []
    shop.cloud.sleep(5)
    settle(shop.cloud)
    (bodies,) = shop.bodies()
    assert sorted(bodies, key=int) == [str(n) for n in range(13)]
    assert shop.events()[0]["Records"][0]["md5OfMessageAttributes"] is None


def test_a_message_that_is_hidden_for_less_than_the_window_is_in_the_batch_once(shop):
    # No source tells what AWS does; its guide wants messages hidden for longer than the window.
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=5)
    shop.map(arn, BatchSize=100, MaximumBatchingWindowInSeconds=8)
    for number in range(4):
        shop.sqs.send_message(QueueUrl=url, MessageBody=str(number))
    shop.cloud.sleep(9)
    settle(shop.cloud)
    (bodies,) = shop.bodies()
    assert sorted(bodies) == ["0", "1", "2", "3"]
    assert {record["attributes"]["ApproximateReceiveCount"] for record in shop.events()[0]["Records"]} == {"2"}
    assert shop.left(url) == 0


@pytest.mark.parametrize("answer", ["null", "{}", '{"batchItemFailures": []}', '{"batchItemFailures": null}', '""'])
def test_reports_without_items_are_success(shop, answer):
    # Recorded: test_report_batch_item_failures_empty_json_batch_succeeds.
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=10)
    shop.map(arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    shop.sqs.send_message(QueueUrl=url, MessageBody=f"answer {answer}")
    settle(shop.cloud)
    assert (len(shop.events()), shop.left(url)) == (1, 0)


@pytest.mark.parametrize("items", ['[{"foo": "notvalid"}]', '[{"itemIdentifier": ""}]', '[{"itemIdentifier": null}]', '[{"itemIdentifier": "x"}]'])
def test_reports_that_make_no_sense_fail_the_whole_batch(shop, items):
    # Recorded: test_report_batch_item_failures_invalid_result_json_batch_fails.
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=10)
    shop.map(arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    shop.sqs.send_message(QueueUrl=url, MessageBody=f'answer {{"batchItemFailures": {items}}}')
    settle(shop.cloud)
    assert (len(shop.events()), shop.left(url)) == (1, 1)


def test_only_reported_messages_come_again(shop):
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=10)
    shop.map(arn, MaximumBatchingWindowInSeconds=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    for body in ("good", "report", "fine"):
        shop.sqs.send_message(QueueUrl=url, MessageBody=body)
    shop.cloud.sleep(2)
    settle(shop.cloud)
    assert sorted(shop.bodies()[0]) == ["fine", "good", "report"] and shop.left(url) == 1
    shop.cloud.sleep(12)
    settle(shop.cloud)
    assert shop.bodies()[1] == ["report"]


def test_groups_of_a_fifo_queue_stay_in_order(shop):
    shop.function()
    url, arn = shop.queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout=10)
    shop.map(arn, BatchSize=2)
    for number in range(12):
        shop.sqs.send_message(QueueUrl=url, MessageBody=f"{number}", MessageGroupId="ab"[number % 2])
    for _ in range(8):
        settle(shop.cloud)
    records = [record for event in shop.events() for record in event["Records"]]
    by_group: dict[str, list[int]] = {}
    for record in records:
        by_group.setdefault(record["attributes"]["MessageGroupId"], []).append(int(record["body"]))
    assert by_group == {"a": [0, 2, 4, 6, 8, 10], "b": [1, 3, 5, 7, 9, 11]}


def test_what_fails_in_a_fifo_queue_holds_its_group_and_no_other(shop):
    shop.function()
    url, arn = shop.queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout=30)
    shop.map(arn, BatchSize=1)
    for body, group in (("fail", "a"), ("behind", "a"), ("other", "b")):
        shop.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    for _ in range(4):
        settle(shop.cloud)
    assert sorted(shop.bodies()) == [["fail"], ["other"]]


def test_a_disabled_mapping_reads_nothing_until_it_is_enabled(shop):
    # Recorded: test_fifo_message_group_parallelism.
    shop.function()
    url, arn = shop.queue()
    made = shop.map(arn, Enabled=False)
    assert made["State"] == "Disabled"
    shop.sqs.send_message(QueueUrl=url, MessageBody="waits")
    settle(shop.cloud)
    assert shop.events() == []
    assert shop.functions.update_event_source_mapping(UUID=made["UUID"], Enabled=True)["State"] == "Enabling"
    settle(shop.cloud)
    assert shop.bodies() == [["waits"]]
    assert shop.functions.update_event_source_mapping(UUID=made["UUID"], Enabled=False)["State"] == "Disabling"
    shop.cloud.sleep(1)
    shop.sqs.send_message(QueueUrl=url, MessageBody="waits again")
    settle(shop.cloud)
    assert shop.bodies() == [["waits"]]
    assert shop.functions.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    assert refused(shop.functions.get_event_source_mapping, UUID=made["UUID"]) == (
        "ResourceNotFoundException", "The resource you requested does not exist."
    )  # fmt: skip


WAITING = """
    import os, threading
    def handler(event, context):
        with open(os.environ["LOG"], "a") as log:
            log.write("+")
        while not os.path.exists(os.environ["LOG"] + ".go"):
            threading.Event().wait(0.01)
"""


def test_at_most_so_many_batches_at_once(shop, tmp_path):
    shop.function(WAITING, Timeout=30)
    url, arn = shop.queue(VisibilityTimeout=300)
    for number in range(6):
        shop.sqs.send_message(QueueUrl=url, MessageBody=str(number))
    shop.map(arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    for _ in range(100):
        shop.cloud.sleep(0.1)
    assert shop.log.read_text() == "++"
    (tmp_path / "log.go").touch()
    for _ in range(6):
        settle(shop.cloud)
    assert (shop.log.read_text(), shop.left(url)) == ("++++++", 0)


def test_each_provisioned_poller_has_ten_batches_under_way_from_the_first_moment(shop, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: five without them.
    shop.function(WAITING, Timeout=300)
    url, arn = shop.queue(VisibilityTimeout=300)
    for number in range(25):
        shop.sqs.send_message(QueueUrl=url, MessageBody=str(number))
    pollers = {"MinimumPollers": 2, "MaximumPollers": 2}
    made = shop.map(arn, BatchSize=1, ProvisionedPollerConfig=pollers)
    assert made["ProvisionedPollerConfig"] == pollers
    for _ in range(100):
        shop.cloud.sleep(0.1)
    assert shop.log.read_text() == "+" * 20
    shop.cloud.sleep(90)
    assert shop.log.read_text() == "+" * 20
    (tmp_path / "log.go").touch()
    for _ in range(6):
        settle(shop.cloud)
    assert (shop.log.read_text(), shop.left(url)) == ("+" * 25, 0)


def test_pollers_are_provisioned_and_given_back(shop):
    shop.function()
    _, arn = shop.queue()
    uuid = shop.map(arn, ProvisionedPollerConfig={"MinimumPollers": 5})["UUID"]
    update, get = shop.functions.update_event_source_mapping, shop.functions.get_event_source_mapping
    assert get(UUID=uuid)["ProvisionedPollerConfig"] == {"MinimumPollers": 5, "MaximumPollers": 200}
    assert update(UUID=uuid, ProvisionedPollerConfig={"MaximumPollers": 10})["ProvisionedPollerConfig"] == {"MinimumPollers": 5, "MaximumPollers": 10}
    shop.cloud.sleep(1)
    assert refused(update, UUID=uuid, ProvisionedPollerConfig={"MinimumPollers": 20}) == (
        "InvalidParameterValueException", "MinimumPollers must be less than or equal to MaximumPollers."
    )  # fmt: skip
    code, text = refused(update, UUID=uuid, ScalingConfig={"MaximumConcurrency": 2})
    assert code == "InvalidParameterValueException" and text.startswith("Provisioned mode for SQS ESM does not support maximum concurrency")
    assert "ProvisionedPollerConfig" not in update(UUID=uuid, ProvisionedPollerConfig={})
    shop.cloud.sleep(1)
    assert update(UUID=uuid, ScalingConfig={"MaximumConcurrency": 2})["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_a_throttled_batch_is_tried_again_while_its_messages_are_hidden(shop):
    shop.function()
    shop.functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    url, arn = shop.queue(VisibilityTimeout=60)
    shop.map(arn)
    shop.sqs.send_message(QueueUrl=url, MessageBody="hello")
    shop.cloud.sleep(5)
    assert shop.events() == []
    shop.functions.delete_function_concurrency(FunctionName="f")
    shop.cloud.sleep(20)
    settle(shop.cloud)
    (event,) = shop.events()
    assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1" and shop.left(url) == 0


def test_mappings_are_refused_as_aws_refuses_them(shop):
    """Recorded: test_event_source_mapping_exceptions, test_duplicate_event_source_mappings, test_esm_with_not_existing_sqs_queue."""
    shop.function()
    _, arn = shop.queue()
    create = shop.functions.create_event_source_mapping
    uuid = "00000000-0000-0000-0000-000000000000"
    assert refused(shop.functions.get_event_source_mapping, UUID=uuid)[1] == "The resource you requested does not exist."
    assert refused(create, FunctionName="f") == ("InvalidParameterValueException", "Unrecognized event source.")
    assert refused(create, FunctionName="f", EventSourceArn=arn.replace("sqs", "kafka"))[0] == "NotImplemented"
    assert refused(create, FunctionName="unknown", EventSourceArn=arn) == ("InvalidParameterValueException", "Function does not exist")
    assert refused(create, FunctionName="f", EventSourceArn=arn, DestinationConfig={"OnFailure": {}}) == (
        "InvalidParameterValueException", "Unsupported DestinationConfig parameter for given event source mapping type."
    )  # fmt: skip
    assert refused(create, FunctionName="f", EventSourceArn=arn + "x") == (
        "InvalidParameterValueException",
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist.",
    )
    window = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    assert refused(create, FunctionName="f", EventSourceArn=arn, BatchSize=11)[1] == window
    made = shop.map(arn)["UUID"]
    assert refused(create, FunctionName="f", EventSourceArn=arn) == (
        "ResourceConflictException",
        f'An event source mapping with SQS arn (" {arn} ") and function (" f ") already exists. '
        f"Please update or delete the existing mapping with UUID {made}",
    )
    assert refused(shop.functions.update_event_source_mapping, UUID=made, BatchSize=11)[1] == window


def test_what_a_queue_cannot_be_read_by_is_refused_in_awss_words(shop):
    """As cdk-preflight saw it of AWS: pf-lambda-esm-event-source-arn-service, -sqs-same-region, -starting-position-timestamp-sqs-unsupported,
    -fifo-batch-size-max, -fifo-batching-window, -filters-hard-limit-ten, -metrics-error-count-kafka-only, -logging-config-kafka-only,
    -max-concurrency-vs-reserved."""
    shop.function()
    _, arn = shop.queue()
    _, fifo = shop.queue("q.fifo", FifoQueue="true")
    shop.functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)
    filters = [{"Pattern": '{"body": ["x"]}'}] * 11
    for source, said, text in (
        ("arn:aws:s3:::bucket", {}, "Unrecognized event source. Unsupported source arn : arn:aws:s3:::bucket"),
        (arn.replace("us-east-1", "eu-west-1"), {}, "Event source region must match Lambda region us-east-1"),
        (arn, {"StartingPositionTimestamp": 1}, "Timestamp is not valid for SQS event sources."),
        (fifo, {"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
        (fifo, {"BatchSize": 11, "MaximumBatchingWindowInSeconds": 1}, "Batching window is not supported for FIFO queues"),
        (arn, {"FilterCriteria": {"Filters": filters}}, "Too many filter patterns, maximum allowed 5 patterns, provided 11 patterns."),
        (arn, {"MetricsConfig": {"Metrics": ["ErrorCount"]}}, "Invalid EventSourceMapping metrics. Expected values: [EventCount]"),
        (arn, {"LoggingConfig": {}}, "Unsupported LoggingConfig parameter for given event source mapping type."),
        (arn, {"ScalingConfig": {"MaximumConcurrency": 100}}, "MaximumConcurrency: 100 is greater than Function Reserved Concurrency: 5"),
    ):
        create = shop.functions.create_event_source_mapping
        assert refused(create, FunctionName="f", EventSourceArn=source, **said) == ("InvalidParameterValueException", text)


def test_a_role_that_may_not_read_the_queue_is_refused(make_cloud, tmp_path):
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    shop = Workshop(cloud, tmp_path)
    make(cloud, LOGGING)
    _, arn = shop.queue()
    code, text = refused(shop.functions.create_event_source_mapping, FunctionName="f", EventSourceArn=arn)
    assert (code, text) == (
        "InvalidParameterValueException", "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    )  # fmt: skip


def test_a_queue_must_hide_messages_as_long_as_the_function_may_take(shop):
    shop.function(Timeout=60)
    _, arn = shop.queue()
    _, text = refused(shop.functions.create_event_source_mapping, FunctionName="f", EventSourceArn=arn)
    assert text == "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"


def test_mappings_are_listed_by_function_and_by_source(shop):
    shop.function()
    shop.function(name="g")
    arns = [shop.queue(name)[1] for name in ("q", "r")]
    uuids = {(name, arn): shop.map(arn, name)["UUID"] for name in "fg" for arn in arns}
    listed = shop.functions.list_event_source_mappings
    assert {each["UUID"] for each in listed()["EventSourceMappings"]} == set(uuids.values())
    assert {each["UUID"] for each in listed(FunctionName="f")["EventSourceMappings"]} == {uuids["f", arn] for arn in arns}
    assert [each["UUID"] for each in listed(FunctionName="g", EventSourceArn=arns[0])["EventSourceMappings"]] == [uuids["g", arns[0]]]


def test_mappings_have_tags(shop):
    # Recorded: test_tag_lifecycle[event_source_mapping], test_tag_exceptions[event_source_mapping].
    shop.function()
    arn = shop.map(shop.queue()[1], Tags={"a": "1"})["EventSourceMappingArn"]
    shop.functions.tag_resource(Resource=arn, Tags={"b": "2"})
    assert shop.functions.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2"}
    shop.functions.untag_resource(Resource=arn, TagKeys=["a", "z"])
    assert shop.functions.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    gone = re.sub("[0-9a-f]{4}$", "ffff", arn)
    assert refused(shop.functions.list_tags, Resource=gone) == ("ResourceNotFoundException", f"Event source mapping not found: {gone}")


def test_at_aws_pace_a_mapping_takes_its_time(make_cloud, tmp_path):
    cloud = make_cloud(pace="real")
    shop = Workshop(cloud, tmp_path)
    shop.function()
    cloud.sleep(10)
    made = shop.map(shop.queue()[1])["UUID"]
    assert shop.functions.get_event_source_mapping(UUID=made)["State"] == "Creating"
    code, text = refused(shop.functions.delete_event_source_mapping, UUID=made)
    assert (code, text) == ("ResourceInUseException", "Cannot delete the event source mapping because it is in use.")
    cloud.sleep(10)
    assert shop.functions.get_event_source_mapping(UUID=made)["State"] == "Enabled"
    shop.functions.delete_event_source_mapping(UUID=made)
    assert shop.functions.get_event_source_mapping(UUID=made)["State"] == "Deleting"
    cloud.sleep(10)
    assert refused(shop.functions.get_event_source_mapping, UUID=made)[0] == "ResourceNotFoundException"


def test_ten_kills_while_batches_are_answered_lose_no_message(shop):
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=5)
    shop.map(arn)
    for round_ in range(10):
        for number in range(5):
            shop.sqs.send_message(QueueUrl=url, MessageBody=f"{round_}-{number}")
        shop.cloud.sleep(0.01)
        shop.cloud.restart(kill=True)
    for _ in range(3):
        shop.cloud.sleep(6)
        settle(shop.cloud)
    seen = {body for bodies in shop.bodies() for body in bodies}
    assert seen == {f"{round_}-{number}" for round_ in range(10) for number in range(5)}
    assert shop.left(url) == 0


@pytest.mark.parametrize(
    "pattern, wanted, unwanted",
    [
        ({"body": {"my-key": ["my-value"]}}, '{"my-key": "my-value"}', '{"my-key": "other"}'),
        ({"body": {"my-key": ["one", "two"]}}, '{"my-key": "two"}', '{"my-key": "three"}'),
        ({"body": {"my-key": [{"exists": True}]}}, '{"my-key": "any"}', '{"other": "any"}'),
        ({"body": {"my-number": [{"numeric": [">=", 100, "<", 200]}]}}, '{"my-number": 100}', '{"my-number": 200}'),
        ({"body": {"my-number": [{"numeric": [">", 100]}]}}, '{"my-number": 105}', "this is a test string"),
        ({"body": [{"prefix": "plain"}]}, "plain text", "other text"),
        ({"messageAttributes": {"kind": {"stringValue": ["k"]}}}, "k", "l"),
    ],
)
def test_only_messages_that_match_a_filter_reach_the_function_and_the_others_are_gone(shop, pattern, wanted, unwanted):
    # Recorded: test_sqs_event_filter.
    shop.function()
    url, arn = shop.queue()
    made = shop.map(arn, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    assert made["FilterCriteria"] == {"Filters": [{"Pattern": json.dumps(pattern)}]}
    for body in (unwanted, wanted):
        kind = {"kind": {"DataType": "String", "StringValue": body[:1]}}
        shop.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=kind)
    settle(shop.cloud)
    assert (shop.bodies(), shop.left(url)) == ([[wanted]], 0)


def test_a_policy_may_allow_mappings_of_one_function_alone(make_cloud, tmp_path):
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html#awslambda-policy-keys
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    shop = Workshop(cloud, tmp_path)
    shop.function()
    shop.function(name="g")
    _, arn = shop.queue()
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    allowed = {"ArnEquals": {"lambda:FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}}
    statement = {"Effect": "Allow", "Action": "lambda:*EventSourceMapping", "Resource": "*", "Condition": allowed}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    users = cloud.client("lambda", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    uuid = users.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)["UUID"]
    assert refused(users.create_event_source_mapping, FunctionName="g", EventSourceArn=arn)[0] == "AccessDeniedException"
    assert refused(users.update_event_source_mapping, UUID=uuid, FunctionName="g")[0] == "AccessDeniedException"
    users.delete_event_source_mapping(UUID=uuid)


def test_what_becomes_of_messages_is_measured_if_it_is_asked_for(shop):
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
    shop.function()
    url, arn = shop.queue(VisibilityTimeout=600)
    wanted, filters = {"Metrics": ["EventCount"]}, {"Filters": [{"Pattern": '{"body": [{"anything-but": "unwanted"}]}'}]}
    made = shop.map(arn, BatchSize=1, MetricsConfig=wanted, FilterCriteria=filters)
    assert made["MetricsConfig"] == wanted
    for body in ("good", "fail", "unwanted"):
        shop.sqs.send_message(QueueUrl=url, MessageBody=body)
    settle(shop.cloud)
    shop.cloud.sleep(120)
    names = ("PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "FailedInvokeEventCount", "DeletedEventCount")
    seen = {name: figures(shop.cloud, "AWS/Lambda", name, EventSourceMappingUUID=made["UUID"]) for name in names}
    assert seen == dict(zip(names, (3.0, 1.0, 2.0, 1.0, 1.0), strict=True))
    assert "MetricsConfig" not in shop.functions.update_event_source_mapping(UUID=made["UUID"], MetricsConfig={})
    assert refused(shop.functions.update_event_source_mapping, UUID=made["UUID"], MetricsConfig={"Metrics": ["KafkaMetrics"]}) == (
        "InvalidParameterValueException", "Invalid EventSourceMapping metrics. Expected values: [EventCount]"
    )  # fmt: skip
