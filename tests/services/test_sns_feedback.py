"""What became of deliveries, in the logs of who wants to know it.

https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
"""

from __future__ import annotations

import hashlib
import json

import pytest
from endpoint_workshop import Endpoint
from lambda_workshop import make, put_role, put_user
from notice_workshop import queue, received, subscribed, told
from refusals import refused

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/feedback"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"}})
GROUP = f"sns/us-east-1/{ACCOUNT}/news"


@pytest.fixture
def sns(cloud):
    put_role(cloud, "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", trust=TRUST, arn=ROLE)
    return cloud.client("sns")


def logged(sns, kind: str, rate: str = "100") -> str:
    said = {f"{kind}SuccessFeedbackRoleArn": ROLE, f"{kind}FailureFeedbackRoleArn": ROLE, f"{kind}SuccessFeedbackSampleRate": rate}
    return sns.create_topic(Name="news", Attributes=said)["TopicArn"]


def entries(cloud, group: str = GROUP) -> list[dict]:
    logs = cloud.client("logs")
    cloud.sleep(2)
    try:
        return [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName=group)["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def test_what_a_queue_took_is_logged(cloud, sns):
    topic = logged(sns, "SQS")
    url, _ = subscribed(cloud, topic, "q")
    published = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
    (entry,) = entries(cloud)
    (message,) = received(cloud, url)
    assert entry["status"] == "SUCCESS" and entry["notification"].pop("timestamp").startswith("2030-01-01 00:00:0")
    assert entry["notification"] == {"messageMD5Sum": hashlib.md5(b"hello").hexdigest(), "messageId": published, "topicArn": topic}
    delivery = entry["delivery"]
    assert delivery.pop("deliveryId") and json.loads(delivery.pop("providerResponse")) == {"sqsMessageId": message["MessageId"]}
    assert delivery.pop("dwellTimeMs") >= 0
    assert delivery == {"destination": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "attempts": 1, "statusCode": 200}
    assert entries(cloud, f"{GROUP}/Failure") == []


def test_what_a_queue_refused_is_logged_as_a_failure_whatever_the_rate(cloud, sns):
    topic = logged(sns, "SQS", rate="0")
    subscribed(cloud, topic, "good")
    _, arn = queue(cloud, "shut")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    (entry,) = entries(cloud, f"{GROUP}/Failure")
    assert (entry["status"], entry["delivery"]["destination"]) == ("FAILURE", arn)
    assert json.loads(entry["delivery"]["providerResponse"])["ErrorCode"].startswith("AccessDenied")
    assert entries(cloud) == []


def test_a_share_of_what_succeeds_is_logged(cloud, sns):
    topic = logged(sns, "SQS", rate="30")
    url, _ = subscribed(cloud, topic, "q")
    for number in range(100):
        sns.publish(TopicArn=topic, Message=str(number))
    cloud.sleep(5)
    assert len(told(cloud, url)) == 100 and 10 <= len(entries(cloud)) <= 55


def test_endpoints_and_functions_are_logged_with_what_they_answered(cloud, sns, tmp_path):
    topic, endpoint = logged(sns, "HTTP"), Endpoint()
    try:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        cloud.sleep(1)
        sns.confirm_subscription(TopicArn=topic, Token=endpoint.asked[0].json["Token"])
        endpoint.will(200, {"thanks": True})
        sns.publish(TopicArn=topic, Message="one")
        cloud.sleep(1)
        endpoint.will(404, "gone")
        sns.publish(TopicArn=topic, Message="two")
        (entry,) = entries(cloud)
        assert (entry["delivery"]["statusCode"], entry["delivery"]["providerResponse"]) == (200, '{"thanks": true}')
        (entry,) = entries(cloud, f"{GROUP}/Failure")
        assert (entry["delivery"]["statusCode"], entry["delivery"]["providerResponse"]) == (404, '"gone"')
    finally:
        endpoint.close()
    make(cloud, "def handler(event, context): pass")
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
    other = sns.create_topic(Name="calls", Attributes={"LambdaSuccessFeedbackRoleArn": ROLE})["TopicArn"]
    sns.subscribe(TopicArn=other, Protocol="lambda", Endpoint=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f")
    sns.publish(TopicArn=other, Message="three")
    (entry,) = entries(cloud, f"sns/us-east-1/{ACCOUNT}/calls")
    assert entry["delivery"]["statusCode"] == 202


def test_entries_survive_a_kill(cloud, sns):
    topic = logged(sns, "SQS")
    subscribed(cloud, topic, "q")
    ids = set()
    for number in range(5):
        ids.add(sns.publish(TopicArn=topic, Message=str(number))["MessageId"])
        cloud.restart(kill=True)
    cloud.sleep(5)
    assert {each["notification"]["messageId"] for each in entries(cloud)} == ids


def test_a_role_that_may_not_write_hinders_no_delivery(cloud, sns):
    topic = logged(sns, "SQS")
    url, _ = subscribed(cloud, topic, "q")
    put_role(cloud, "sqs:ListQueues", trust=TRUST, arn=ROLE)
    sns.publish(TopicArn=topic, Message="hello")
    cloud.sleep(60)
    assert told(cloud, url) == ["hello"] and entries(cloud) == []


def test_who_names_a_role_must_be_let_to_pass_it(cloud, sns):
    put_user(cloud, "clerk", "AKIACLERK", "sns:*")
    clerk = cloud.client("sns", key="AKIACLERK", secret="secret")
    topic = clerk.create_topic(Name="news")["TopicArn"]
    said = {"TopicArn": topic, "AttributeName": "SQSFailureFeedbackRoleArn"}
    code, text = refused(clerk.set_topic_attributes, **said, AttributeValue=ROLE)
    assert code == "AccessDenied" and "iam:PassRole" in text
    assert refused(sns.set_topic_attributes, **said, AttributeValue="feedback")[0] == "InvalidParameter"


def test_a_stack_says_what_is_to_be_logged(cloud, sns):
    stacks = cloud.client("cloudformation")

    def template(*said: dict) -> str:
        return json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "news", "DeliveryStatusLogging": list(said)}}}})

    def attributes() -> dict[str, str]:
        cloud.sleep(10)
        found = sns.get_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:news")["Attributes"]
        return {name: value for name, value in found.items() if "Feedback" in name}

    stacks.create_stack(StackName="s", TemplateBody=template(
        {"Protocol": "sqs", "SuccessFeedbackRoleArn": ROLE, "SuccessFeedbackSampleRate": "10"}, {"Protocol": "http/s", "FailureFeedbackRoleArn": ROLE}
    ))  # fmt: skip
    assert attributes() == {"SQSSuccessFeedbackRoleArn": ROLE, "SQSSuccessFeedbackSampleRate": "10", "HTTPFailureFeedbackRoleArn": ROLE}
    stacks.update_stack(StackName="s", TemplateBody=template({"Protocol": "sqs", "FailureFeedbackRoleArn": ROLE}))
    assert attributes() == {"SQSFailureFeedbackRoleArn": ROLE}
