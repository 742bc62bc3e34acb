"""Who publishes besides people: buckets, rules, schedules, functions' destinations and dead letters, state machines. Each once, whatever is killed."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import make, put_role, settle
from notice_workshop import received, subscribed, told
from source_workshop import Workshop
from states_workshop import TRUST as STATES_TRUST
from states_workshop import make as machine
from states_workshop import run, start
from states_workshop import told as execution

ACCOUNT = "000000000000"


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


@pytest.fixture
def topic(sns) -> str:
    return sns.create_topic(Name="news")["TopicArn"]


@pytest.fixture
def inbox(cloud, topic) -> str:
    return subscribed(cloud, topic, "inbox")[0]


def let_in(sns, topic: str, service: str, **condition: dict) -> None:
    """Let a service publish to a topic."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": topic}
    if condition:
        statement["Condition"] = condition
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def through_a_kill(cloud, act, seconds: float = 0.0) -> None:
    """Do something while SNS is down, kill the region, and let it come back."""
    fault = cloud.fault("service.error", {"service": "sns"}, code="ServiceUnavailable")
    act()
    cloud.sleep(seconds + 2)
    cloud.restart(kill=True)
    cloud.heal(fault)
    cloud.sleep(300)


# Buckets -----------------------------------------------------------------------------------------------


def bucket(cloud, topic: str) -> None:
    s3 = cloud.client("s3")
    wish = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="shelf", NotificationConfiguration=wish)


def test_a_bucket_tells_a_topic_that_lets_it_in(cloud, sns, topic, inbox):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="shelf")
    with pytest.raises(ClientError) as refused:
        bucket(cloud, topic)
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidArgument", "Unable to validate the following destination configurations")
    assert error["ArgumentValue1"] == "Permissions on the destination topic do not allow S3 to publish notifications from this bucket"
    let_in(sns, topic, "s3.amazonaws.com", ArnLike={"aws:SourceArn": "arn:aws:s3:::shelf"}, StringEquals={"aws:SourceAccount": ACCOUNT})
    bucket(cloud, topic)
    (test,) = received(cloud, inbox)
    said = json.loads(test["Body"])
    assert said["Subject"] == "Amazon S3 Notification" and json.loads(said["Message"])["Event"] == "s3:TestEvent"
    s3.put_object(Bucket="shelf", Key="k", Body=b"x")
    cloud.sleep(1)
    (text,) = told(cloud, inbox)
    assert json.loads(text)["Records"][0]["s3"]["object"]["key"] == "k"
    through_a_kill(cloud, lambda: s3.put_object(Bucket="shelf", Key="k2", Body=b"x"))
    assert len(told(cloud, inbox)) == 1


def test_a_bucket_is_told_that_there_is_no_such_topic(cloud, topic):
    cloud.client("s3").create_bucket(Bucket="shelf")
    with pytest.raises(ClientError) as refused:
        bucket(cloud, topic + "x")
    assert refused.value.response["Error"]["ArgumentValue1"] == "The destination topic does not exist"


# Rules and schedules --------------------------------------------------------------------------------------


def put_event(cloud) -> None:
    cloud.client("events").put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": '{"n": 1}'}])


def test_a_rule_tells_a_topic_that_lets_eventbridge_in(cloud, sns, topic, inbox):
    events = cloud.client("events")
    rule = events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')["RuleArn"]
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": topic}])
    put_event(cloud)
    cloud.sleep(1)
    assert told(cloud, inbox) == []
    let_in(sns, topic, "events.amazonaws.com", ArnEquals={"aws:SourceArn": rule})
    put_event(cloud)
    cloud.sleep(1)
    (text,) = told(cloud, inbox)
    assert json.loads(text)["detail"] == {"n": 1}
    through_a_kill(cloud, lambda: put_event(cloud))
    assert len(told(cloud, inbox)) == 1


def test_a_schedule_tells_a_topic_by_its_role(cloud, topic, inbox):
    trust = STATES_TRUST.replace("states.", "scheduler.")
    role = put_role(cloud, "sns:Publish", trust=trust, arn=f"arn:aws:iam::{ACCOUNT}:role/scheduler")
    target = {"Arn": topic, "RoleArn": role, "Input": '{"hello": "there"}'}
    cloud.client("scheduler").create_schedule(
        Name="s", ScheduleExpression="rate(1 hour)", Target=target, FlexibleTimeWindow={"Mode": "OFF"}
    )
    cloud.sleep(1)
    assert told(cloud, inbox) == ['{"hello": "there"}']
    through_a_kill(cloud, lambda: None, 3600)
    assert told(cloud, inbox) == ['{"hello": "there"}']


# Functions ---------------------------------------------------------------------------------------------


FAILS = "def handler(event, context): raise ValueError('Test exception (this is intentional)')"


def test_a_function_tells_a_topic_what_came_of_an_event(cloud, topic, inbox):
    arn = make(cloud, "def handler(event, context): return {'seen': event}", Role=put_role(cloud, "logs:*", "sns:Publish"))["FunctionArn"]
    functions = cloud.client("lambda")
    functions.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": topic}})
    functions.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')
    settle(cloud)
    (text,) = told(cloud, inbox)
    said = json.loads(text)
    assert said["requestContext"]["functionArn"] == f"{arn}:$LATEST" and said["responsePayload"] == {"seen": {"n": 1}}


def test_a_topic_is_a_functions_dead_letter_queue(cloud, topic, inbox):
    make(cloud, FAILS, Role=put_role(cloud, "logs:*", "sns:Publish"), DeadLetterConfig={"TargetArn": topic})
    functions = cloud.client("lambda")
    functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    functions.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"raise_error": 1}')
    settle(cloud)
    (message,) = received(cloud, inbox)
    # Recorded: test_sns_topic_as_lambda_dead_letter_queue.
    said = json.loads(message["Body"])
    assert json.loads(said["Message"]) == {"raise_error": 1}
    assert said["MessageAttributes"]["ErrorMessage"] == {"Type": "String", "Value": "Test exception (this is intentional)"}
    assert said["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}


def test_a_batch_that_a_function_gives_up_is_told_to_a_topic(cloud, topic, inbox, tmp_path):
    shop = Workshop(cloud, tmp_path)
    stream = shop.table()
    make(cloud, FAILS, Role=put_role(cloud, "logs:*", "sns:Publish", "dynamodb:*"))
    cloud.client("lambda").create_event_source_mapping(
        FunctionName="f", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )  # fmt: skip
    cloud.sleep(5)
    shop.put("a", 1)
    for _ in range(20):
        settle(cloud)
    (text,) = told(cloud, inbox)
    assert json.loads(text)["requestContext"]["condition"] == "RetryAttemptsExhausted"


# State machines ------------------------------------------------------------------------------------------


def publishing(topic: str, kind: str = "", **parameters: object) -> dict:
    said = {"TopicArn": topic, "Message": "hello", **parameters}
    return {"T": {"Type": "Task", "Resource": f"arn:aws:states:::sns:publish{kind}", "Parameters": said, "End": True}}


def test_a_state_publishes_what_its_input_says(cloud, topic, inbox):
    states = publishing(topic, MessageAttributes={"n": {"DataType": "Number", "StringValue.$": "$.n"}})
    del states["T"]["Parameters"]["Message"]
    states["T"]["Parameters"]["Message.$"] = "$.text"
    found = run(cloud, states, {"text": "from a state", "n": "7"})
    (message,) = received(cloud, inbox)
    said = json.loads(message["Body"])
    assert found["status"] == "SUCCEEDED" and found["output"]["MessageId"] == said["MessageId"]
    assert (said["Message"], said["MessageAttributes"]) == ("from a state", {"n": {"Type": "Number", "Value": "7"}})


def test_a_state_waits_for_whoever_was_told(cloud, topic, inbox):
    states = publishing(topic, ".waitForTaskToken")
    states["T"]["Parameters"]["Message"] = {"token.$": "$$.Task.Token"}
    started = start(cloud, machine(cloud, states))
    cloud.sleep(1)
    cloud.restart(kill=True)
    cloud.sleep(1)
    (text,) = told(cloud, inbox)
    cloud.client("stepfunctions").send_task_success(taskToken=json.loads(text)["token"], output='{"answer": 42}')
    cloud.sleep(1)
    assert json.loads(execution(cloud, started)["output"]) == {"answer": 42}


def test_a_state_without_rights_fails_as_on_aws(cloud, topic):
    found = run(cloud, publishing(topic), actions=("logs:*",))
    assert (found["status"], found["error"]) == ("FAILED", "SNS.AuthorizationErrorException")


def test_an_event_for_a_topic_that_is_gone_is_buried_as_without_a_resource(cloud, sns, topic, inbox):
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    sqs = cloud.client("sqs")
    let_in_ = {"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}}
    dead = sqs.create_queue(QueueName="dead", Attributes={"Policy": json.dumps(let_in_)})["QueueUrl"]
    target = {"Id": "t", "Arn": topic, "DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}}
    events.put_targets(Rule="r", Targets=[target])
    sns.delete_topic(TopicArn=topic)
    put_event(cloud)
    cloud.sleep(2)
    (message,) = received(cloud, dead)
    # Who does not exist lets nobody in, and a service has no other rights: AWS says the same of a topic that is gone.
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] in ("NO_PERMISSIONS", "NO_RESOURCE")
