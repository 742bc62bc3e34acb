"""Stacks made, changed, replaced, refused and deleted, through real services and a real child that draws."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

QUEUES = """
Parameters:
  Seconds: {Type: Number, Default: 60}
Conditions:
  IsLong: !Equals [!Ref Seconds, 600]
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
  Extra: {Type: AWS::SQS::Queue, Condition: IsLong}
Outputs:
  Url: {Value: !Ref Orders, Description: where the orders are}
  Name: {Value: !Sub "${Orders.QueueName}@${AWS::Region}", Export: {Name: !Sub "${AWS::StackName}-orders"}}
"""


def settled(cloud, name: str, region: str = "us-east-1") -> dict:
    """The stack, once it is at rest."""
    cloudformation = cloud.client("cloudformation", region)
    for _ in range(2000):
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        cloud.sleep(0.05)
    raise AssertionError(f"{name} stays {stack['StackStatus']}")


def create(cloud, name: str, template: str, **more) -> dict:
    arn = cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=template, **more)["StackId"]
    return settled(cloud, arn)


def outputs(stack: dict) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def refused(call, **params) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_template_becomes_queues_that_know_each_other(cloud):
    stack = create(cloud, "shop", QUEUES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    sqs = cloud.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=outputs(stack)["Url"], AttributeNames=["All"])["Attributes"]
    dead = cloud.client("cloudformation").describe_stack_resource(StackName="shop", LogicalResourceId="Dead")
    name = dead["StackResourceDetail"]["PhysicalResourceId"].rpartition("/")[2]
    assert name.startswith("shop-Dead-")
    assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(name)
    assert outputs(stack)["Name"].endswith("@us-east-1")


def test_events_come_newest_first_and_tell_each_step(cloud):
    create(cloud, "shop", QUEUES, ClientRequestToken="once")
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    assert [e["ResourceStatus"] for e in events if e["LogicalResourceId"] == "shop"] == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
    assert [e["ResourceStatus"] for e in events if e["LogicalResourceId"] == "Dead"] == [
        "CREATE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS",
    ]  # fmt: skip
    assert events[-1]["ResourceStatusReason"] == "User Initiated"
    assert {e["ClientRequestToken"] for e in events} == {"once"}


def test_a_deleted_stack_leaves_nothing_and_is_remembered_by_its_id(cloud):
    arn = create(cloud, "shop", QUEUES)["StackId"]
    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName="shop")
    gone = settled(cloud, arn)
    assert gone["StackStatus"] == "DELETE_COMPLETE" and "DeletionTime" in gone
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    assert refused(cloudformation.describe_stacks, StackName="shop") == ("ValidationError", "Stack with id shop does not exist")
    assert {r["ResourceStatus"] for r in cloudformation.describe_stack_resources(StackName=arn)["StackResources"]} == {"DELETE_COMPLETE"}
    assert cloudformation.list_exports()["Exports"] == []


def test_an_update_changes_in_place_and_one_without_changes_is_refused(cloud):
    before = create(cloud, "shop", QUEUES)
    cloudformation = cloud.client("cloudformation")
    long = [{"ParameterKey": "Seconds", "ParameterValue": "600"}]
    cloudformation.update_stack(StackName="shop", UsePreviousTemplate=True, Parameters=long)
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_COMPLETE"
    assert after["Parameters"] == [{"ParameterKey": "Seconds", "ParameterValue": "600"}]
    assert outputs(after) == outputs(before)
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 3
    again = {"StackName": "shop", "UsePreviousTemplate": True, "Parameters": long}
    assert refused(cloudformation.update_stack, **again) == ("ValidationError", "No updates are to be performed.")
