"""EventBridge from templates: a bus, its policy and a rule, and SAM's events of functions."""

from __future__ import annotations

import json

from services.lambda_workshop import settle
from services.test_events_rules import DETAIL, put, received
from test_cloudformation_stack import create, settled

TEMPLATE = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: orders}}
  Policy:
    Type: AWS::Events::EventBusPolicy
    Properties: {EventBusName: !Ref Bus, StatementId: other, Action: events:PutEvents, Principal: "111111111111"}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  MaySend:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: sqs:SendMessage, Resource: "*"}]
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [shop], detail: {command: [update]}}
      Targets: [{Id: t, Arn: !GetAtt Queue.Arn, InputPath: $.detail}]
"""
FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        def handler(event, context): print("got", event["detail-type"])
      Events:
        Order: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}}}
        Daily: {Type: ScheduleV2, Properties: {ScheduleExpression: "rate(1 day)"}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
"""


def test_a_stack_makes_changes_and_deletes_a_bus_with_its_rule(cloud):
    stack = create(cloud, "s", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    put(cloud, EventBusName="orders")
    cloud.sleep(1)
    assert [json.loads(each["Body"]) for each in received(cloud)] == [DETAIL]
    events, formation = cloud.client("events"), cloud.client("cloudformation")
    assert json.loads(events.describe_event_bus(Name="orders")["Policy"])["Statement"][0]["Sid"] == "other"
    formation.update_stack(StackName="s", TemplateBody=TEMPLATE.replace("[update]", "[else]").replace(", InputPath: $.detail", ""))
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    put(cloud, EventBusName="orders")
    cloud.sleep(1)
    assert not received(cloud)
    formation.delete_stack(StackName="s")
    cloud.sleep(30)
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]


def test_sam_s_events_reach_a_function(cloud):
    stack = create(cloud, "s", FUNCTION, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    put(cloud)
    cloud.sleep(61)
    settle(cloud)
    logs = cloud.client("logs")
    group = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"][0]["logGroupName"]
    said = [each["message"].strip() for each in logs.filter_log_events(logGroupName=group, filterPattern="got")["events"]]
    assert sorted(said) == ["got Scheduled Event"] * 2 + ["got order"]
