"""Streams, consumers and event sources that stacks make, from CloudFormation's own types and from SAM's events."""

from __future__ import annotations

import json
import textwrap

from lambda_workshop import RUNTIME, settle
from source_workshop import LOGGING


def deploy(cloud, template: dict | str, verb: str = "create") -> dict:
    stacks = cloud.client("cloudformation")
    body = template if isinstance(template, str) else json.dumps({"Resources": template})
    getattr(stacks, f"{verb}_stack")(StackName="s", TemplateBody=body, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    for _ in range(300):
        cloud.sleep(1)
        (shown,) = stacks.describe_stacks(StackName="s")["Stacks"]
        if not shown["StackStatus"].endswith("IN_PROGRESS"):
            break
    reasons = [e.get("ResourceStatusReason") for e in stacks.describe_stack_events(StackName="s")["StackEvents"]]
    assert shown["StackStatus"] == f"{verb.upper()}_COMPLETE", reasons
    return shown


def test_a_stack_makes_a_stream_with_a_consumer_and_changes_it(cloud):
    stream = {"Name": "orders", "ShardCount": 1, "RetentionPeriodHours": 48, "Tags": [{"Key": "a", "Value": "1"}]}
    resources = {
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": stream},
        "Consumer": {"Type": "AWS::Kinesis::StreamConsumer", "Properties": {"ConsumerName": "c", "StreamARN": {"Fn::GetAtt": ["Stream", "Arn"]}}},
    }
    deploy(cloud, resources)
    kinesis = cloud.client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"], summary["ConsumerCount"]) == (1, 48, 1)
    resources["Stream"]["Properties"] = {"Name": "orders", "ShardCount": 5, "Tags": [{"Key": "b", "Value": "2"}]}
    deploy(cloud, resources, "update")
    summary = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"], summary["ConsumerCount"]) == (5, 24, 1)
    assert kinesis.list_tags_for_stream(StreamName="orders")["Tags"][-1] == {"Key": "b", "Value": "2"}


def test_sam_events_feed_a_function_from_a_queue_a_table_and_a_stream(cloud, tmp_path):
    template = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue: {{Type: AWS::SQS::Queue}}
  Stream: {{Type: AWS::Kinesis::Stream, Properties: {{Name: clicks, ShardCount: 1}}}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      StreamSpecification: {{StreamViewType: NEW_IMAGE}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: {RUNTIME}
      Handler: index.handler
      Environment: {{Variables: {{LOG: {tmp_path / "log"}}}}}
      InlineCode: |
{textwrap.indent(textwrap.dedent(LOGGING).replace('record["body"]', 'record.get("body", "")').strip(), " " * 8)}
      Events:
        FromQueue: {{Type: SQS, Properties: {{Queue: !GetAtt Queue.Arn, BatchSize: 1}}}}
        FromTable: {{Type: DynamoDB, Properties: {{Stream: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON}}}}
        FromStream: {{Type: Kinesis, Properties: {{Stream: !GetAtt Stream.Arn, StartingPosition: LATEST}}}}
Outputs:
  Queue: {{Value: !Ref Queue}}
"""
    shown = deploy(cloud, template)
    (output,) = shown["Outputs"]
    cloud.client("sqs").send_message(QueueUrl=output["OutputValue"], MessageBody="hello")
    cloud.client("dynamodb").put_item(TableName="things", Item={"id": {"S": "a"}})
    cloud.client("kinesis").put_record(StreamName="clicks", Data=b"x", PartitionKey="k")
    for _ in range(3):
        settle(cloud)
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {event["Records"][0]["eventSource"] for event in events} == {"aws:sqs", "aws:dynamodb", "aws:kinesis"}
