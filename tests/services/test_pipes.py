"""EventBridge Pipes: their life, what they refuse, and queues as their sources.

Behaviour: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes.html
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, put_role
from pipes_workshop import LATE, ROLE, TRUST, Plumber
from refusals import refused


@pytest.fixture
def shop(cloud, tmp_path) -> Plumber:
    return Plumber(cloud, tmp_path)


def test_a_pipe_is_creating_and_then_runs(shop):
    made = shop.pipe(shop.queue("in"), shop.queue("out"), Description="d", Tags={"a": "b"})
    arn = f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p"
    assert (made["Arn"], made["Name"], made["DesiredState"], made["CurrentState"]) == (arn, "p", "RUNNING", "CREATING")
    shown = shop.pipes.describe_pipe(Name="p")
    assert (shown["CurrentState"], shown["Description"], shown["RoleArn"], shown["Tags"]) == ("RUNNING", "d", ROLE, {"a": "b"})
    assert shown["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 10}}
    (listed,) = shop.pipes.list_pipes(NamePrefix="p", CurrentState="RUNNING")["Pipes"]
    assert (listed["Source"], listed["Target"], listed["Arn"]) == (shown["Source"], shown["Target"], arn)
    assert shop.pipes.list_pipes(SourcePrefix="arn:aws:kinesis")["Pipes"] == []


def test_messages_go_through_a_pipe_whole(shop):
    shop.pipe(shop.queue("in"), shop.queue("out"))
    shop.send("in", "hello")
    shop.rest()
    (body,) = shop.arrived()
    event = json.loads(body)
    assert (event["body"], event["eventSource"], event["eventSourceARN"]) == ("hello", "aws:sqs", f"arn:aws:sqs:us-east-1:{ACCOUNT}:in")
    assert set(event) == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource", "eventSourceARN", "awsRegion"
    }  # fmt: skip
    assert shop.left("in") == 0


def test_a_stopped_pipe_reads_nothing_until_it_is_started(shop):
    shop.pipe(shop.queue("in"), shop.queue("out"), DesiredState="STOPPED")
    assert shop.state() == ("STOPPED", "")
    shop.send("in", "a")
    shop.rest()
    assert shop.arrived() == []
    assert shop.pipes.start_pipe(Name="p")["CurrentState"] == "STARTING"
    shop.rest()
    assert len(shop.arrived()) == 1
    assert shop.pipes.stop_pipe(Name="p")["CurrentState"] == "STOPPING"
    shop.rest()
    shop.send("in", "b")
    shop.rest()
    assert (shop.state()[0], shop.arrived(), shop.left("in")) == ("STOPPED", [], 1)


def test_a_deleted_pipe_is_gone(shop):
    shop.pipe(shop.queue("in"), shop.queue("out"))
    deleted = shop.pipes.delete_pipe(Name="p")
    assert (deleted["CurrentState"], deleted["DesiredState"]) == ("DELETING", "DELETED")
    shop.rest()
    assert refused(shop.pipes.describe_pipe, Name="p") == ("NotFoundException", "Pipe p does not exist.")
    shop.send("in", "a")
    shop.rest()
    assert shop.left("in") == 1


def test_at_aws_pace_a_pipe_that_changes_cannot_be_changed(make_cloud, tmp_path):
    shop = Plumber(make_cloud("us-east-1", pace="real"), tmp_path)
    shop.pipe(shop.queue("in"), shop.queue("out"))
    assert shop.state()[0] == "CREATING"
    assert refused(shop.pipes.stop_pipe, Name="p")[0] == "ConflictException"
    shop.cloud.restart(kill=True)
    shop.cloud.sleep(60)
    assert shop.state()[0] == "RUNNING"


def test_a_role_that_may_not_read_the_source_fails_the_creation(shop):
    shop.pipe(shop.queue("in"), shop.queue("out"), actions=("sqs:SendMessage", "sqs:GetQueueAttributes"))
    state, reason = shop.state()
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-error-troubleshooting.html
    assert state == "CREATE_FAILED" and reason.startswith("Pipes does not have required permissions to perform Queue operations")
    put_role(shop.cloud, "*", trust=TRUST, arn=ROLE)
    shop.pipes.start_pipe(Name="p")
    shop.rest()
    assert shop.state() == ("RUNNING", "")


def test_a_source_that_does_not_exist_fails_the_creation(shop):
    shop.pipe(f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s", shop.queue("out"), SourceParameters={"KinesisStreamParameters": LATE})
    assert shop.state() == ("CREATE_FAILED", "Stream not found. To resume processing please delete the pipe and create a new one.")


def test_the_role_needs_to_be_passed(cloud, shop):
    source, out = shop.queue("in"), shop.queue("out")
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Statement": {"Effect": "Allow", "Action": "pipes:*", "Resource": "*"}}))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("pipes", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    assert "iam:PassRole" in refused(theirs.create_pipe, Name="p", Source=source, Target=out, RoleArn=ROLE)[1]


QUEUE, STREAM = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"


@pytest.mark.parametrize(
    ("source", "target", "more", "code"),
    [
        ("arn:aws:mq:us-east-1:000000000000:broker:b:1", QUEUE, {}, "NotImplemented"),
        ("smk://broker.example:9092", QUEUE, {}, "NotImplemented"),
        (f"arn:aws:s3:us-east-1:{ACCOUNT}:b", QUEUE, {}, "ValidationException"),
        (QUEUE, f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c", {}, "NotImplemented"),
        (QUEUE.replace("us-east-1", "eu-west-1"), QUEUE, {}, "ValidationException"),
        (QUEUE, QUEUE, {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11, "MaximumBatchingWindowInSeconds": 1}}}, "ValidationException"),
        (QUEUE, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11}}}, "ValidationException"),
        (STREAM, QUEUE, {}, "ValidationException"),
        (STREAM, QUEUE, {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 1}}}, "ValidationException"),
        (STREAM, QUEUE, {"SourceParameters": {"KinesisStreamParameters": {"StartingPosition": "AT_TIMESTAMP"}}}, "ValidationException"),
        (QUEUE, STREAM, {}, "ValidationException"),
        (QUEUE, f"{QUEUE}.fifo", {}, "ValidationException"),
        (QUEUE, QUEUE, {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "no json"}]}}}, "ValidationException"),
        (QUEUE, QUEUE, {"TargetParameters": {"InputTemplate": "<aws.pipes.moon>"}}, "ValidationException"),
        (QUEUE, QUEUE, {"TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "a"}}}, "ValidationException"),
        (QUEUE, QUEUE, {"Enrichment": QUEUE}, "ValidationException"),
        (QUEUE, QUEUE, {"LogConfiguration": {"Level": "INFO"}}, "ValidationException"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(shop, source, target, more, code):
    assert refused(shop.pipes.create_pipe, Name="p", Source=source, Target=target, RoleArn=ROLE, **more)[0] == code


def test_a_moment_beyond_the_calendar_is_no_moment(shop):
    # Found by a hundred thousand malformed requests: whoever wrote the trail of it knew no year 10126.
    parameters = {"KinesisStreamParameters": {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 257_390_000_000}}
    body = {"Source": STREAM, "Target": QUEUE, "RoleArn": ROLE, "SourceParameters": parameters}
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/pipes/aws4_request, SignedHeaders=host, Signature=0"}
    headers["X-Amz-Date"] = "20300101T000000Z"
    status, told, _ = shop.cloud.http("POST", "/v1/pipes/p", headers=headers, body=json.dumps(body).encode())
    assert (status, told["x-amzn-errortype"]) == (400, "SerializationException")
    parameters["KinesisStreamParameters"]["StartingPositionTimestamp"] = 253_402_300_799
    assert shop.cloud.http("POST", "/v1/pipes/p", headers=headers, body=json.dumps(body).encode())[0] == 200


def test_a_pipe_is_made_once(shop):
    source, out = shop.queue("in"), shop.queue("out")
    shop.pipe(source, out)
    assert refused(shop.pipes.create_pipe, Name="p", Source=source, Target=out, RoleArn=ROLE) == ("ConflictException", "Pipe p already exists.")


def test_tags(shop):
    arn = shop.pipe(shop.queue("in"), shop.queue("out"), Tags={"a": "1"})["Arn"]
    shop.pipes.tag_resource(resourceArn=arn, tags={"b": "2"})
    shop.pipes.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert shop.pipes.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert refused(shop.pipes.list_tags_for_resource, resourceArn=f"{arn}x")[0] == "NotFoundException"


def test_an_update_replaces_what_it_says_and_keeps_the_rest(shop):
    # https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_UpdatePipe.html
    shop.pipe(shop.queue("in"), shop.queue("out"), Description="d", SourceParameters={"SqsQueueParameters": {"BatchSize": 3}})
    other = shop.queue("other")
    updated = shop.pipes.update_pipe(Name="p", RoleArn=ROLE, Target=other, TargetParameters={"InputTemplate": "<$.body>"})
    assert updated["CurrentState"] == "UPDATING"
    shop.rest()
    shown = shop.pipes.describe_pipe(Name="p")
    assert (shown["CurrentState"], shown["Description"], shown["SourceParameters"]["SqsQueueParameters"]["BatchSize"]) == ("RUNNING", "d", 3)
    shop.send("in", "x")
    shop.rest()
    assert (shop.arrived("other"), shop.arrived("out")) == (["x"], [])


def test_only_what_a_filter_wants_goes_through_and_the_rest_is_gone(shop):
    pattern = json.dumps({"body": {"kind": ["apple"]}})
    shop.pipe(
        shop.queue("in"), shop.queue("out"), SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": pattern}]}},
        TargetParameters={"InputTemplate": "<$.body.n>"},
    )  # fmt: skip
    shop.send("in", '{"kind": "apple", "n": 1}', '{"kind": "pear", "n": 2}', "apple", '{"kind": "apple", "n": 3}')
    shop.rest()
    assert sorted(shop.arrived()) == ["1", "3"] and shop.left("in") == 0


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("Hello, <$.body.name>", "Hello, Ann"),
        ('"Hello, <$.body.name>"', "Hello, Ann"),
        ("<$.body.name>", "Ann"),
        ("<$.body>", {"name": "Ann", "list": [1, {"a": 2}]}),
        ('{"n": <$.body.name>, "second": <$.body.list[1]>, "all": <$.body.list[*]>}', {"n": "Ann", "second": {"a": 2}, "all": [1, {"a": 2}]}),
        ('{"x": "<$.body.name>-<aws.pipes.pipe-name>"}', {"x": "Ann-p"}),
        ('{"pipe": <aws.pipes.pipe-arn>, "e": "<aws.pipes.enrichment-arn>"}', {"pipe": f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p", "e": ""}),
        ('{"none": <$.body.nothing>}', {"none": ""}),
    ],
)
def test_input_templates(shop, template, made):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
    shop.pipe(shop.queue("in"), shop.queue("out"), TargetParameters={"InputTemplate": template})
    shop.send("in", '{"name": "Ann", "list": [1, {"a": 2}]}')
    shop.rest()
    (body,) = shop.arrived()
    assert (json.loads(body) if not isinstance(made, str) else body) == made


def test_the_event_in_a_template_has_its_body_read_or_as_it_came(shop):
    template = '{"read": <aws.pipes.event.json>, "came": <aws.pipes.event>, "at": <aws.pipes.event.ingestion-time>}'
    shop.pipe(shop.queue("in"), shop.queue("out"), TargetParameters={"InputTemplate": template})
    shop.send("in", '{"a": 1}')
    shop.rest()
    made = json.loads(shop.arrived()[0])
    assert (made["read"]["body"], made["came"]["body"]) == ({"a": 1}, '{"a": 1}')
    assert made["at"].endswith("Z") and "T" in made["at"]


def test_what_the_target_refuses_stays_until_the_queue_gives_it_up(shop):
    dead = shop.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})
    source = shop.queue("in", VisibilityTimeout="5", RedrivePolicy=redrive)
    shop.pipe(source, f"arn:aws:sqs:us-east-1:{ACCOUNT}:nowhere")
    shop.send("in", "poison")
    shop.rest(6)
    assert shop.arrived("dead") == ["poison"] and shop.state()[0] == "RUNNING"


def test_a_fifo_queue_keeps_its_order(shop):
    source = shop.queue("in.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    target = shop.queue("out.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    more = {"SqsQueueParameters": {"MessageGroupId": "$.attributes.MessageGroupId"}, "InputTemplate": "<$.body>"}
    shop.pipe(source, target, TargetParameters=more)
    for number in range(25):
        shop.send("in.fifo", str(number), MessageGroupId="g")
    shop.rest(1, 10)
    assert shop.arrived("out.fifo") == [str(number) for number in range(25)]


def test_a_batch_that_is_taken_in_part_is_tried_in_part(shop):
    # The entry without a group is refused, the others are not: SendMessageBatch tells of each.
    source, target = shop.queue("in", VisibilityTimeout="5"), shop.queue("out")
    more = {"SqsQueueParameters": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 1}}
    shop.pipe(source, target, SourceParameters=more, TargetParameters={"InputTemplate": "<$.body.text>"})
    shop.send("in", json.dumps({"text": "fine"}), json.dumps({"text": "\u0001"}))
    shop.rest()
    assert (shop.arrived(), shop.left("in")) == (["fine"], 1)


def test_no_message_is_lost_when_the_region_is_killed(shop):
    shop.pipe(shop.queue("in", VisibilityTimeout="2"), shop.queue("out"), TargetParameters={"InputTemplate": "<$.body>"})
    shop.send("in", *[str(n) for n in range(30)])
    for _ in range(3):
        shop.cloud.restart(kill=True)
        shop.cloud.sleep(0.01)
    shop.rest(3)
    assert set(shop.arrived()) == {str(n) for n in range(30)} and shop.left("in") == 0


def test_a_role_without_rights_at_the_target_sends_nothing(shop):
    reads = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    shop.pipe(shop.queue("in"), shop.queue("out"), actions=reads)
    shop.send("in", "a")
    shop.rest()
    assert (shop.arrived(), shop.left("in")) == ([], 1)


def test_steps_are_logged_as_far_as_the_level_asks(shop):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html
    logs = shop.cloud.client("logs")
    logs.create_log_group(logGroupName="/pipes")
    destination = {"LogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/pipes:*"}

    def said(level: str, **more) -> list[dict]:
        shop.pipes.update_pipe(Name="p", RoleArn=ROLE, LogConfiguration={"Level": level, "CloudwatchLogsLogDestination": destination, **more})
        shop.rest()
        before = len(logs.filter_log_events(logGroupName="/pipes")["events"])
        shop.send("in", "a")
        shop.rest()
        return [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName="/pipes")["events"]][before:]

    shop.pipe(shop.queue("in"), shop.queue("out"), TargetParameters={"InputTemplate": "<$.body>"})
    info = said("INFO")
    assert [(each["messageType"], each["logLevel"]) for each in info] == [
        ("EXECUTION_STARTED", "INFO"), ("TARGET_STAGE_ENTERED", "INFO"), ("TARGET_STAGE_SUCCEEDED", "INFO"), ("EXECUTION_SUCCEEDED", "INFO")
    ]  # fmt: skip
    assert {each["resourceArn"] for each in info} == {f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p"} and "payload" not in info[0]
    trace = said("TRACE", IncludeExecutionData=["ALL"])
    assert [each["messageType"] for each in trace] == [
        "EXECUTION_STARTED", "TARGET_STAGE_ENTERED", "TARGET_TRANSFORMATION_STARTED", "TARGET_TRANSFORMATION_SUCCEEDED",
        "TARGET_INVOCATION_STARTED", "TARGET_INVOCATION_SUCCEEDED", "TARGET_STAGE_SUCCEEDED", "EXECUTION_SUCCEEDED",
    ]  # fmt: skip
    assert json.loads(trace[0]["payload"])[0]["body"] == "a"
    assert json.loads(trace[5]["awsRequest"])["Entries"][0]["MessageBody"] == "a" and "Successful" in trace[5]["awsResponse"]
    assert said("ERROR") == []
    shop.sqs.delete_queue(QueueUrl=shop.url("out"))
    failed = said("ERROR")
    assert [each["messageType"] for each in failed] == ["TARGET_INVOCATION_FAILED", "TARGET_STAGE_FAILED", "EXECUTION_FAILED"]
    assert failed[0]["error"]["message"]
