"""Stacks whose region is killed while they are built, whose owner may not, and who are told to stop."""

from __future__ import annotations

import asyncio
import json

import pytest
from refusals import refused
from test_cloudformation_stack import QUEUES, create, outputs, settled

CHAIN = """
Resources:
  One: {Type: AWS::SQS::Queue}
  Two: {Type: AWS::SQS::Queue, DependsOn: One}
  Three: {Type: AWS::SQS::Queue, DependsOn: Two, Properties: {VisibilityTimeout: %s}}
  Role:
    Type: AWS::IAM::Role
    DependsOn: Two
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
Outputs: {Url: {Value: !Ref Three}}
"""


async def _ticks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("ticks", range(0, 60, 6))
def test_a_creation_killed_anywhere_goes_on_and_makes_nothing_twice(cloud, ticks):
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="shop", TemplateBody=CHAIN % 60, Capabilities=["CAPABILITY_IAM"])
    cloud.run(_ticks(ticks))
    cloud.restart(kill=True)
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 3
    assert len(cloud.client("iam").list_roles()["Roles"]) == 1
    cloudformation.delete_stack(StackName="shop")
    cloud.sleep(1)
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    assert cloud.client("iam").list_roles()["Roles"] == []


@pytest.mark.parametrize("ticks", range(0, 40, 5))
def test_an_update_killed_anywhere_goes_on(cloud, ticks):
    create(cloud, "shop", CHAIN % 60, Capabilities=["CAPABILITY_IAM"])
    cloudformation = cloud.client("cloudformation")
    changed = (CHAIN % 90).replace("  Two:", "  Four: {Type: AWS::SQS::Queue}\n  Two:")
    cloudformation.update_stack(StackName="shop", TemplateBody=changed, Capabilities=["CAPABILITY_IAM"])
    cloud.run(_ticks(ticks))
    cloud.restart(kill=True)
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 4
    found = cloud.client("sqs").get_queue_attributes(
        QueueUrl=outputs(stack)["Url"], AttributeNames=["VisibilityTimeout"]
    )
    assert found["Attributes"] == {"VisibilityTimeout": "90"}


@pytest.mark.parametrize("ticks", range(0, 40, 5))
def test_a_stack_deleted_while_it_is_made_and_killed_while_it_is_deleted_leaves_nothing(cloud, ticks):
    cloudformation = cloud.client("cloudformation")
    arn = cloudformation.create_stack(
        StackName="shop", TemplateBody=CHAIN % 60, Capabilities=["CAPABILITY_IAM"]
    )["StackId"]
    cloud.run(_ticks(ticks))
    cloudformation.delete_stack(StackName="shop")
    cloud.run(_ticks(ticks // 2))
    cloud.restart(kill=True)
    assert settled(cloud, arn)["StackStatus"] == "DELETE_COMPLETE"
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    assert cloud.client("iam").list_roles()["Roles"] == []


def test_an_update_that_is_cancelled_rolls_back(cloud):
    before = create(cloud, "shop", CHAIN % 60, Capabilities=["CAPABILITY_IAM"])
    cloudformation = cloud.client("cloudformation")
    more = (CHAIN % 90).replace("Outputs", "  Last: {Type: AWS::SQS::Queue, DependsOn: Three}\nOutputs")
    cloudformation.update_stack(StackName="shop", TemplateBody=more, Capabilities=["CAPABILITY_IAM"])
    cloudformation.cancel_update_stack(StackName="shop")
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert outputs(after) == outputs(before)
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 3
    text = "CancelUpdateStack cannot be called from current stack status"
    assert refused(cloudformation.cancel_update_stack, StackName="shop")[1] == text


def test_a_stack_is_refused_while_it_is_busy(cloud):
    cloudformation = cloud.client("cloudformation")
    arn = cloudformation.create_stack(StackName="shop", TemplateBody=QUEUES)["StackId"]
    assert refused(cloudformation.update_stack, StackName="shop", TemplateBody=QUEUES) == (
        "ValidationError", f"Stack:{arn} is in CREATE_IN_PROGRESS state and can not be updated.",
    )  # fmt: skip


def _user(cloud, name: str, *allowed: str) -> dict[str, str]:
    """Keys of a user who may do these things."""
    iam = cloud.client("iam")
    statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def test_a_stack_may_do_what_its_owner_may_even_after_a_restart(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    keys = _user(cloud, "builder", "cloudformation:*", "sqs:CreateQueue", "sqs:GetQueueAttributes")
    cloudformation = cloud.client("cloudformation", **keys)
    cloudformation.create_stack(StackName="shop", TemplateBody=QUEUES)
    cloud.restart(kill=True)
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.delete_stack(StackName="shop")
    assert settled(cloud, "shop")["StackStatus"] == "DELETE_FAILED"
    events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    reasons = [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"] == "DELETE_FAILED"]
    assert any(
        "is not authorized to perform: sqs:deletequeue" in reason and "AccessDenied" in reason
        for reason in reasons
    )
    root = cloud.client("cloudformation")
    root.delete_stack(StackName="shop")
    cloud.sleep(1)
    assert root.describe_stacks()["Stacks"] == []


def test_a_stack_with_a_role_may_do_what_the_role_may(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    iam = cloud.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudformation.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    allowed = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    role = iam.create_role(
        RoleName="maker", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="maker",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
    )
    asked = {"StackName": "shop", "TemplateBody": QUEUES, "RoleARN": role}
    poor = cloud.client("cloudformation", **_user(cloud, "poor", "cloudformation:*"))
    assert "iam:PassRole" in refused(poor.create_stack, **asked)[1]
    rich = cloud.client("cloudformation", **_user(cloud, "rich", "cloudformation:*", "iam:PassRole"))
    rich.create_stack(**asked)
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"


STUCK = """
Resources:
  Orders: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: %s}}
  Later: {Type: AWS::SQS::Queue, DependsOn: Orders, Properties: {QueueName: %s}}
Outputs: {Url: {Value: !Ref Orders}}
"""


def test_a_rollback_that_failed_goes_on_when_the_obstacle_is_gone(cloud):
    before = create(cloud, "shop", STUCK % (60, "one"))
    cloudformation = cloud.client("cloudformation")
    iam = cloud.client("iam")
    keys = _user(cloud, "half", "cloudformation:*", "sqs:*")
    half = cloud.client("cloudformation", **keys)
    deny = {"Effect": "Deny", "Action": "sqs:SetQueueAttributes", "Resource": "*"}
    half.update_stack(StackName="shop", TemplateBody=STUCK % (90, "not allowed"))
    for _ in range(200):
        statuses = {
            r["LogicalResourceId"]: r
            for r in half.describe_stack_resources(StackName="shop")["StackResources"]
        }
        if statuses["Orders"]["ResourceStatus"] == "UPDATE_COMPLETE":
            break
        cloud.run(_ticks(1))
    iam.put_user_policy(
        UserName="half",
        PolicyName="no",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": deny}),
    )
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    text = "is in UPDATE_ROLLBACK_FAILED state and can not be updated."
    assert text in refused(half.update_stack, StackName="shop", TemplateBody=STUCK % (60, "one"))[1]
    cloudformation.continue_update_rollback(StackName="shop")
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and outputs(after) == outputs(before)
    found = cloud.client("sqs").get_queue_attributes(
        QueueUrl=outputs(after)["Url"], AttributeNames=["VisibilityTimeout"]
    )
    assert found["Attributes"] == {"VisibilityTimeout": "60"}


def test_what_a_deletion_cannot_delete_may_be_retained(cloud):
    s3, cloudformation = cloud.client("s3"), cloud.client("cloudformation")
    arn = create(
        cloud, "shop", "Resources: {Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}}"
    )["StackId"]
    s3.put_object(Bucket="files", Key="a", Body=b"a")
    cloudformation.delete_stack(StackName="shop")
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Files]. "
    cloudformation.delete_stack(StackName="shop", RetainResources=["Files"])
    assert settled(cloud, arn)["StackStatus"] == "DELETE_COMPLETE"
    assert s3.get_object(Bucket="files", Key="a")["Body"].read() == b"a"


def test_a_stack_waits_for_iam_to_come_back(cloud):
    cloudformation = cloud.client("cloudformation")
    cloud.kill("aws-global")
    cloudformation.create_stack(StackName="shop", TemplateBody=CHAIN % 60, Capabilities=["CAPABILITY_IAM"])
    cloud.sleep(20)
    assert (
        cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    )
    cloud.region("aws-global")
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"


def test_what_failed_and_was_left_standing_may_be_tried_again(cloud):
    keys = _user(cloud, "newcomer", "cloudformation:*", "sqs:GetQueueAttributes", "sqs:GetQueueUrl")
    cloudformation = cloud.client("cloudformation", **keys)
    cloudformation.create_stack(StackName="shop", TemplateBody=QUEUES, DisableRollback=True)
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_FAILED"
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    cloud.client("iam").put_user_policy(
        UserName="newcomer",
        PolicyName="yes",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
    )
    cloudformation.update_stack(StackName="shop", TemplateBody=QUEUES)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 2
