"""Pipes, connections and API destinations from templates."""

from __future__ import annotations

import pytest
from endpoint_workshop import Endpoint
from pipes_workshop import Plumber
from test_cloudformation_stack import create

TEMPLATE = """
Parameters: {Url: {Type: String}}
Resources:
  In: {Type: AWS::SQS::Queue, Properties: {QueueName: in}}
  Out: {Type: AWS::SQS::Queue, Properties: {QueueName: out}}
  Connection:
    Type: AWS::Events::Connection
    Properties:
      AuthorizationType: API_KEY
      AuthParameters: {ApiKeyAuthParameters: {ApiKeyName: X-Key, ApiKeyValue: secret}}
  Destination:
    Type: AWS::Events::ApiDestination
    Properties: {ConnectionArn: !GetAtt Connection.Arn, InvocationEndpoint: !Ref Url, HttpMethod: POST}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: pipes.amazonaws.com}, Action: sts:AssumeRole}]}
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource: !GetAtt In.Arn}
              - {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Out.Arn}
              - {Effect: Allow, Action: "events:InvokeApiDestination", Resource: !Sub "${Destination.ArnForPolicy}/*"}
  Pipe:
    Type: AWS::Pipes::Pipe
    Properties:
      Source: !GetAtt In.Arn
      Enrichment: !GetAtt Destination.Arn
      Target: !GetAtt Out.Arn
      RoleArn: !GetAtt Role.Arn
      TargetParameters: {InputTemplate: "<$.name>"}
Outputs: {Pipe: {Value: !GetAtt Pipe.Arn}, State: {Value: !GetAtt Pipe.CurrentState}}
"""


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def test_a_pipe_with_its_destination_comes_from_a_template_and_goes_with_its_stack(make_cloud, tmp_path, endpoint):
    cloud = make_cloud("us-east-1", "aws-global")
    shop = Plumber(cloud, tmp_path)
    capable = {"Capabilities": ["CAPABILITY_IAM"]}
    stack = create(cloud, "plumbing", TEMPLATE, Parameters=[{"ParameterKey": "Url", "ParameterValue": endpoint.url}], **capable)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert ":pipe/" in outputs["Pipe"] and outputs["State"] == "RUNNING"
    endpoint.will(200, {"name": "Ann"})
    shop.send("in", "7")
    shop.rest()
    assert shop.arrived() == ["Ann"] and endpoint.asked[0].headers["x-key"] == "secret"
    cloud.client("cloudformation").delete_stack(StackName=stack["StackName"])
    cloud.sleep(60)
    assert (shop.pipes.list_pipes()["Pipes"], cloud.client("events").list_connections()["Connections"]) == ([], [])
