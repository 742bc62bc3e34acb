"""On what terms a stack is made and unmade: time limits, allowed types, what is kept, what is forced."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from test_cloudformation_stack import QUEUES, create, settled

KEPT = """
Resources:
  Kept: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Failing:
    Type: AWS::SQS::Queue
    DependsOn: Kept
    Properties: {RedrivePolicy: {deadLetterTargetArn: "arn:aws:sqs:us-east-1:123456789012:nowhere", maxReceiveCount: 3}}
"""
WAITING = """
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Wait: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: "3600"}}
  Queue: {Type: AWS::SQS::Queue}
"""
NESTED_LEFT = """
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Queue: {Type: AWS::SQS::Queue}
"""


def test_events_come_in_pages_of_a_hundred(cloud):
    queues = "Resources:\n" + "\n".join(f"  Queue{n}: {{Type: AWS::SQS::Queue}}" for n in range(40))
    create(cloud, "many", queues)
    cloudformation = cloud.client("cloudformation")
    first = cloudformation.describe_stack_events(StackName="many")
    assert len(first["StackEvents"]) == 100
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName="many")
    found = [event["EventId"] for page in pages for event in page["StackEvents"]]
    assert len(found) == len(set(found)) == 40 * 3 + 2
    refusal = refused(cloudformation.describe_stack_events, StackName="many", NextToken="x")
    assert refusal[0] == "ValidationError"


def test_resources_and_exports_come_in_pages_of_a_hundred(cloud):
    names = range(120)
    create(
        cloud,
        "many",
        json.dumps(
            {
                "Resources": {f"Queue{n}": {"Type": "AWS::SQS::Queue"} for n in names},
                "Outputs": {f"Out{n}": {"Value": "x", "Export": {"Name": f"name-{n}"}} for n in names},
            }
        ),
    )
    cloudformation = cloud.client("cloudformation")
    assert len(cloudformation.list_exports()["Exports"]) == 100
    assert len(cloudformation.list_stack_resources(StackName="many")["StackResourceSummaries"]) == 100
    pages = cloudformation.get_paginator("list_exports").paginate()
    assert len({each["Name"] for page in pages for each in page["Exports"]}) == 120


def test_a_previous_value_may_be_asked_for_with_an_empty_one_beside_it(cloud):
    create(cloud, "shop", QUEUES, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "90"}])
    again = [{"ParameterKey": "Seconds", "UsePreviousValue": True, "ParameterValue": ""}]
    call = cloud.client("cloudformation").update_stack
    refusal = refused(call, StackName="shop", UsePreviousTemplate=True, Parameters=again)
    assert refusal == ("ValidationError", "No updates are to be performed.")


@pytest.mark.parametrize(
    ("on_failure", "status"),
    [("ROLLBACK", "ROLLBACK_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")],
)
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_creation_that_takes_too_long_is_given_up(cloud, on_failure, status, is_killed):
    cloudformation = cloud.client("cloudformation")
    arn = cloudformation.create_stack(
        StackName="slow", TemplateBody=WAITING, TimeoutInMinutes=2, OnFailure=on_failure
    )["StackId"]
    cloud.sleep(100)
    if is_killed:
        cloud.restart(kill=True)
    stack = cloudformation.describe_stacks(StackName=arn)["Stacks"][0]
    assert (stack["StackStatus"], stack["TimeoutInMinutes"]) == ("CREATE_IN_PROGRESS", 2)
    cloud.sleep(30)
    assert cloudformation.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == status
    events = cloudformation.describe_stack_events(StackName=arn)["StackEvents"]
    assert any(
        event.get("ResourceStatusReason", "").startswith(
            "Stack creation time exceeded the specified timeout."
        )
        for event in events
    )
    left = cloud.client("sqs").list_queues().get("QueueUrls", [])
    assert len(left) == (1 if on_failure == "DO_NOTHING" else 0)


def test_a_creation_in_time_is_left_alone(cloud):
    stack = create(cloud, "shop", QUEUES, TimeoutInMinutes=1)
    cloud.sleep(120)
    stack = cloud.client("cloudformation").describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_a_sibling_that_waits_is_cancelled_when_another_fails(cloud):
    failing = WAITING + KEPT.partition("Resources:\n")[2]
    assert create(cloud, "shop", failing)["StackStatus"] == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize("allowed", [["AWS::SQS::Queue"], ["AWS::SQS::*"], ["AWS::*"]])
def test_a_request_may_say_which_types_it_is_about(cloud, allowed):
    assert create(cloud, "shop", QUEUES, ResourceTypes=allowed)["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("allowed", [["AWS::S3::*"], ["AWS::SQS::QueuePolicy"], ["AWS::SQS::Q*"]])
def test_a_template_with_other_types_is_refused(cloud, allowed):
    call = cloud.client("cloudformation").create_stack
    refusal = refused(call, StackName="shop", TemplateBody=QUEUES, ResourceTypes=allowed)
    assert refusal[0] == "ValidationError"
    assert "AWS::SQS::Queue" in refusal[1]


@pytest.mark.parametrize(("deletes_new", "left"), [(False, 1), (True, 0)])
def test_a_rollback_keeps_what_is_to_be_retained_unless_it_is_told_that_it_is_new(cloud, deletes_new, left):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    stack = create(cloud, "shop", KEPT, RetainExceptOnCreate=deletes_new)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert len(cloud.client("sqs").list_queues().get("QueueUrls", [])) == left


@pytest.mark.parametrize(("deletes_new", "left"), [(False, 2), (True, 1)])
def test_an_updates_rollback_does_so_too(cloud, deletes_new, left):
    create(cloud, "shop", "Resources: {First: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}}")
    template = KEPT + "  First: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}\n"
    cloud.client("cloudformation").update_stack(
        StackName="shop", TemplateBody=template, RetainExceptOnCreate=deletes_new
    )
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == left


def test_a_stack_that_cannot_be_deleted_may_be_deleted_by_force(cloud):
    stack = create(cloud, "shop", NESTED_LEFT)
    cloudformation, s3 = cloud.client("cloudformation"), cloud.client("s3")
    bucket = cloudformation.describe_stack_resource(StackName="shop", LogicalResourceId="Bucket")
    name = bucket["StackResourceDetail"]["PhysicalResourceId"]
    s3.put_object(Bucket=name, Key="left", Body=b"x")
    refusal = refused(cloudformation.delete_stack, StackName="shop", DeletionMode="FORCE_DELETE_STACK")
    assert refusal[0] == "ValidationError"
    cloudformation.delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_FAILED"
    cloudformation.delete_stack(StackName="shop", DeletionMode="FORCE_DELETE_STACK")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 1
    assert "QueueUrls" not in cloud.client("sqs").list_queues()


def test_zones_of_another_region_carry_its_name(cloud):
    template = """
        Resources: {Queue: {Type: AWS::SQS::Queue}}
        Outputs:
          Here: {Value: !Select [0, !GetAZs ""]}
          There: {Value: !Select [1, !GetAZs eu-west-1]}
    """
    found = {each["OutputKey"]: each["OutputValue"] for each in create(cloud, "shop", template)["Outputs"]}
    assert found == {"Here": "us-east-1a", "There": "eu-west-1b"}
    call = cloud.client("cloudformation").create_stack
    refusal = refused(call, StackName="no", TemplateBody=template.replace("eu-west-1", "mars-1"))
    assert refusal[0] == "ValidationError"


def test_a_stack_under_review_has_no_summary(cloud):
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=QUEUES
    )
    text = "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks."
    assert refused(cloudformation.get_template_summary, StackName="shop") == ("ValidationError", text)


def test_inline_policies_and_members_are_resources_too(cloud):
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
    }
    assume = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    everyone = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}],
    }

    def resource(kind: str, **properties) -> dict:
        return {"Type": f"AWS::{kind}", "Properties": properties}

    def ref(name: str) -> dict:
        return {"Ref": name}

    resources = {
        "Queue": resource("SQS::Queue"),
        "QueuePolicy": resource("SQS::QueueInlinePolicy", Queue=ref("Queue"), PolicyDocument=everyone),
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=assume),
        "RolePolicy": resource("IAM::RolePolicy", RoleName=ref("Role"), PolicyName="one", PolicyDocument=document),
        "User": resource("IAM::User"),
        "UserPolicy": resource("IAM::UserPolicy", UserName=ref("User"), PolicyName="one", PolicyDocument=document),
        "Group": resource("IAM::Group"),
        "GroupPolicy": resource("IAM::GroupPolicy", GroupName=ref("Group"), PolicyName="one", PolicyDocument=document),
        "Members": resource("IAM::UserToGroupAddition", GroupName=ref("Group"), Users=[ref("User")]),
    }  # fmt: skip
    template = json.dumps({"Resources": resources})
    stack = create(cloud, "shop", template, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    cloudformation, iam, sqs = (cloud.client(name) for name in ("cloudformation", "iam", "sqs"))
    found = cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    assert iam.get_role_policy(RoleName=ids["Role"], PolicyName="one")["PolicyDocument"] == document
    assert iam.list_user_policies(UserName=ids["User"])["PolicyNames"] == ["one"]
    assert iam.list_group_policies(GroupName=ids["Group"])["PolicyNames"] == ["one"]
    assert [each["UserName"] for each in iam.get_group(GroupName=ids["Group"])["Users"]] == [ids["User"]]
    attributes = sqs.get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["Policy"])["Attributes"]
    assert json.loads(attributes["Policy"]) == everyone
    assert cloudformation.detect_stack_drift(StackName="shop")["StackDriftDetectionId"]
    drifts = cloudformation.describe_stack_resource_drifts(StackName="shop")["StackResourceDrifts"]
    assert {each["StackResourceDriftStatus"] for each in drifts} == {"IN_SYNC"}
    cloudformation.delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert iam.list_roles()["Roles"] == iam.list_users()["Users"] == iam.list_groups()["Groups"] == []


def test_an_api_that_lies_in_s3_has_its_documents_name(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="apis")
    paths = {f"/p{n}": {"get": {"description": "x" * 20_000, "responses": {}}} for n in range(60)}
    for key, more in (("small", {}), ("large", paths)):
        document = {"openapi": "3.0.1", "info": {"title": f"the {key} one", "version": "1"}, "paths": more}
        s3.put_object(Bucket="apis", Key=key, Body=json.dumps(document).encode())
    api = "{Type: AWS::ApiGateway::RestApi, Properties: {BodyS3Location: {Bucket: apis, Key: %s}}}"
    stack = create(cloud, "shop", f"Resources:\n  Small: {api % 'small'}\n  Large: {api % 'large'}")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    client = cloud.client("apigateway")
    found = {each["name"]: each["id"] for each in client.get_rest_apis()["items"]}
    assert set(found) == {"the small one", "the large one"}
    pages = client.get_paginator("get_resources").paginate(restApiId=found["the large one"])
    assert sum(len(page["items"]) for page in pages) == 61


def test_a_parameter_may_say_that_there_is_no_value(cloud):
    # Recorded: localstack/localstack, test_logs.snapshot.json, test_cfn_handle_log_group_resource.
    template = """
Parameters: {Name: {Type: String, Default: AWS::NoValue}}
Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Name}}}
"""
    assert create(cloud, "shop", template)["StackStatus"] == "CREATE_COMPLETE"
    assert "shop-Queue-" in cloud.client("sqs").list_queues()["QueueUrls"][0]


def test_no_two_events_of_a_stack_share_a_moment_and_a_rollback_says_when_it_began(cloud):
    stack = create(cloud, "shop", "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 99999}}}")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE" and stack["DeletionTime"] >= stack["CreationTime"]
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    times = [event["Timestamp"] for event in events]
    assert times == sorted(set(times), reverse=True)


def test_a_condition_twice_wrapped_is_the_condition(cloud):
    # What the SAM transform makes of a condition beside an Fn::If:
    # aws/serverless-application-model, tests/translator/output/function_with_event_dest_conditional.json.
    template = """
Conditions:
  A: !Equals [a, a]
  Both: {"Fn::And": [{Condition: {Condition: A}}, {Condition: A}]}
Resources: {Queue: {Type: AWS::SQS::Queue, Condition: Both}}
"""
    assert create(cloud, "shop", template)["StackStatus"] == "CREATE_COMPLETE"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1



def test_a_user_is_in_the_groups_its_template_names(cloud):
    template = """
Resources:
  First: {Type: AWS::IAM::Group}
  Second: {Type: AWS::IAM::Group}
  User: {Type: AWS::IAM::User, Properties: {Groups: [%s]}}
Outputs: {Name: {Value: !Ref User}}
"""
    iam, cloudformation = cloud.client("iam"), cloud.client("cloudformation")
    allowed = {"Capabilities": ["CAPABILITY_IAM"]}
    stack = create(cloud, "shop", template % "!Ref First, !Ref Second", **allowed)
    name = stack["Outputs"][0]["OutputValue"]
    assert len(iam.list_groups_for_user(UserName=name)["Groups"]) == 2
    cloudformation.update_stack(StackName="shop", TemplateBody=template % "!Ref Second", **allowed)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    (group,) = iam.list_groups_for_user(UserName=name)["Groups"]
    assert group["GroupName"].startswith("shop-Second-")
    cloudformation.delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE" and iam.list_users()["Users"] == []
