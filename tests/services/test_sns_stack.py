"""Topics from templates: with subscriptions and policies, in SAM's events, and as makers of custom resources."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import settle
from notice_workshop import received, subscribed, told
from test_cloudformation_stack import create, settled

ACCOUNT = "000000000000"
TEMPLATE = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: inbox}}
  Other: {Type: AWS::SQS::Queue, Properties: {QueueName: other}}
  MaySend:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue, !Ref Other]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage, Resource: "*",
                     Condition: {ArnEquals: {aws:SourceArn: !Ref Topic}}}]
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: news, DisplayName: News, Subscription: [{Protocol: sqs, Endpoint: !GetAtt Queue.Arn}], Tags: [{Key: a, Value: b}]}
  Filtered:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Other.Arn, RawMessageDelivery: true, FilterPolicy: {kind: [wanted]}}
  Policy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Sid: theirs, Effect: Allow, Principal: {AWS: "111111111111"}, Action: sns:Publish, Resource: !Ref Topic}]
Outputs:
  Name: {Value: !GetAtt Topic.TopicName}
  Subscription: {Value: !Ref Filtered}
"""


def publish(cloud, topic: str, kind: str, key: str = "test") -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": kind}}
    cloud.client("sns", key=key).publish(TopicArn=topic, Message=kind, MessageAttributes=attributes)


def test_a_stack_makes_changes_and_deletes_a_topic(cloud):
    stack = create(cloud, "s", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    sns, sqs, topic = cloud.client("sns"), cloud.client("sqs"), f"arn:aws:sns:us-east-1:{ACCOUNT}:news"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["Name"] == "news" and outputs["Subscription"].startswith(f"{topic}:")
    inbox, other = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("inbox", "other"))
    publish(cloud, topic, "unwanted", key="111111111111")
    publish(cloud, topic, "wanted")
    assert told(cloud, inbox) == ["unwanted", "wanted"] and [each["Body"] for each in received(cloud, other)] == ["wanted"]
    changed = (
        TEMPLATE.replace("DisplayName: News", "DisplayName: Olds")
        .replace("Subscription: [{Protocol: sqs, Endpoint: !GetAtt Queue.Arn}], ", "")
        .replace(", RawMessageDelivery: true, FilterPolicy: {kind: [wanted]}", "")
    )
    cloud.client("cloudformation").update_stack(StackName="s", TemplateBody=changed)
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Olds"
    publish(cloud, topic, "unwanted")
    assert told(cloud, inbox) == [] and told(cloud, other) == ["unwanted"]
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(5)
    assert sns.list_topics()["Topics"] == [] and sns.list_subscriptions()["Subscriptions"] == []


FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        def handler(event, context): print("heard", event["Records"][0]["Sns"]["Message"])
      Events:
        News: {Type: SNS, Properties: {Topic: !Ref Topic, FilterPolicy: {kind: [wanted]}}}
"""


def test_a_topic_is_an_event_of_sam(cloud):
    assert create(cloud, "s", FUNCTION, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])["StackStatus"] == "CREATE_COMPLETE"
    publish(cloud, f"arn:aws:sns:us-east-1:{ACCOUNT}:news", "unwanted")
    publish(cloud, f"arn:aws:sns:us-east-1:{ACCOUNT}:news", "wanted")
    settle(cloud)
    logs = cloud.client("logs")
    group = logs.describe_log_groups()["logGroups"][0]["logGroupName"]
    heard = [event["message"].strip() for event in logs.filter_log_events(logGroupName=group)["events"] if event["message"].startswith("heard")]
    assert heard == ["heard wanted"]


CUSTOM = """
Resources:
  Thing: {Type: Custom::Thing, Properties: {ServiceToken: "%s", Size: 5}}
Outputs: {Colour: {Value: !GetAtt Thing.Colour}}
"""


def test_whoever_hears_a_topic_makes_a_custom_resource(cloud):
    topic = cloud.client("sns").create_topic(Name="orders")["TopicArn"]
    url, _ = subscribed(cloud, topic, "inbox")
    cloud.client("cloudformation").create_stack(StackName="s", TemplateBody=CUSTOM % topic)
    cloud.sleep(5)
    (message,) = received(cloud, url)
    envelope = json.loads(message["Body"])
    asked = json.loads(envelope["Message"])
    assert envelope["Subject"] == "AWS CloudFormation custom resource request" and asked["RequestType"] == "Create"
    assert asked["ResourceProperties"] == {"ServiceToken": topic, "Size": "5"}
    answer = {name: asked[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": {"Colour": "blue"}}
    path = "/" + asked["ResponseURL"].split("/", 3)[3]
    assert cloud.http("PUT", path, body=json.dumps(answer).encode())[0] == 200
    stack = settled(cloud, "s")
    assert stack["StackStatus"] == "CREATE_COMPLETE" and stack["Outputs"][0]["OutputValue"] == "blue"


NOTIFYING = """
Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: made}}}
Outputs: {Told: {Value: !Join [",", !Ref "AWS::NotificationARNs"]}}
"""


def notices(cloud, url: str) -> list[dict[str, str]]:
    """The events that a topic was told, each with its fields."""
    return [dict(line.split("=", 1) for line in text.rstrip("\n").split("\n")) for text in told(cloud, url)]


def test_a_stack_tells_its_topics_each_of_its_events_in_order_and_through_a_kill(cloud):
    topic = cloud.client("sns").create_topic(Name="stacks")["TopicArn"]
    url, _ = subscribed(cloud, topic, "inbox")
    stack = create(cloud, "s", NOTIFYING, NotificationARNs=[topic])
    assert stack["NotificationARNs"] == [topic] and stack["Outputs"][0]["OutputValue"] == topic
    cloud.sleep(2)
    formation = cloud.client("cloudformation")

    def history() -> list[tuple[str, str]]:
        found = formation.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
        return [(f"'{each['LogicalResourceId']}'", f"'{each['ResourceStatus']}'") for each in reversed(found)]

    heard = notices(cloud, url)
    assert [(each["LogicalResourceId"], each["ResourceStatus"]) for each in heard] == history()
    assert list(heard[0]) == [
        "StackId", "Timestamp", "EventId", "LogicalResourceId", "Namespace", "PhysicalResourceId", "PrincipalId", "ResourceProperties",
        "ResourceStatus", "ResourceStatusReason", "ResourceType", "StackName", "ClientRequestToken",
    ]  # fmt: skip
    before = len(history())
    fault = cloud.fault("service.error", {"service": "sns"}, code="ServiceUnavailable")
    formation.delete_stack(StackName="s")
    cloud.sleep(3)
    cloud.restart(kill=True)
    cloud.heal(fault)
    cloud.sleep(300)
    assert [(each["LogicalResourceId"], each["ResourceStatus"]) for each in notices(cloud, url)] == history()[before:]


def test_a_change_set_names_topics_for_the_stack(cloud):
    topic = cloud.client("sns").create_topic(Name="stacks")["TopicArn"]
    url, _ = subscribed(cloud, topic, "inbox")
    formation = cloud.client("cloudformation")
    formation.create_change_set(StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=NOTIFYING, NotificationARNs=[topic])
    assert formation.describe_change_set(StackName="s", ChangeSetName="c")["NotificationARNs"] == [topic]
    formation.execute_change_set(StackName="s", ChangeSetName="c")
    assert settled(cloud, "s")["NotificationARNs"] == [topic]
    cloud.sleep(2)
    assert notices(cloud, url)[-1]["ResourceStatus"] == "'CREATE_COMPLETE'"


def test_what_is_no_topic_is_not_told(cloud):
    formation = cloud.client("cloudformation")
    for topics in (["arn:aws:sqs:us-east-1:000000000000:q"], ["news"], [f"arn:aws:sns:us-east-1:{ACCOUNT}:t{n}" for n in range(6)]):
        with pytest.raises(ClientError, match="ValidationError"):
            formation.create_stack(StackName="s", TemplateBody=NOTIFYING, NotificationARNs=topics)
