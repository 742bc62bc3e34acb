"""Stacks in stacks, and resources that somebody outside makes or is waited for."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from test_cloudformation_stack import create, outputs, settled

CHILD = """
Parameters: {Seconds: {Type: Number}, Names: {Type: CommaDelimitedList}}
Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Seconds}}}
Outputs: {Url: {Value: !Ref Queue}, First: {Value: !Select [0, !Ref Names]}}
"""
PARENT = """
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://s3.amazonaws.com/templates/%s
      Parameters: {Seconds: %s, Names: [one, two]}
Outputs: {Url: {Value: !GetAtt Child.Outputs.Url}, First: {Value: !GetAtt Child.Outputs.First}, Id: {Value: !Ref Child}}
"""


def _with_templates(cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="child", Body=CHILD.encode())
    broken = CHILD.replace("VisibilityTimeout: !Ref Seconds", "VisibilityTimeout: 99999999")
    s3.put_object(Bucket="templates", Key="broken", Body=broken.encode())


def _timeout(cloud, stack: dict) -> str:
    found = cloud.client("sqs").get_queue_attributes(
        QueueUrl=outputs(stack)["Url"], AttributeNames=["VisibilityTimeout"]
    )
    return found["Attributes"]["VisibilityTimeout"]


def test_a_nested_stack_is_made_changed_and_deleted_with_its_parent(cloud):
    _with_templates(cloud)
    cloudformation = cloud.client("cloudformation")
    parent = create(cloud, "outer", PARENT % ("child", 60))
    assert parent["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(parent)["First"] == "one" and _timeout(cloud, parent) == "60"
    child = cloudformation.describe_stacks(StackName=outputs(parent)["Id"])["Stacks"][0]
    assert child["ParentId"] == child["RootId"] == parent["StackId"]
    assert child["StackName"].startswith("outer-Child-")
    cloudformation.update_stack(StackName="outer", TemplateBody=PARENT % ("child", 90))
    parent = settled(cloud, "outer")
    assert parent["StackStatus"] == "UPDATE_COMPLETE" and _timeout(cloud, parent) == "90"
    cloudformation.delete_stack(StackName="outer")
    assert settled(cloud, parent["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert cloudformation.describe_stacks()["Stacks"] == []
    assert "QueueUrls" not in cloud.client("sqs").list_queues()


def test_a_nested_stack_that_fails_takes_its_parent_back(cloud):
    _with_templates(cloud)
    cloudformation = cloud.client("cloudformation")
    failed = create(cloud, "outer", PARENT % ("broken", 60))
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        e.get("ResourceStatusReason", "")
        for e in cloudformation.describe_stack_events(StackName="outer")["StackEvents"]
    ]
    assert any(reason.startswith("Embedded stack arn:aws:cloudformation:") for reason in reasons)
    assert [stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]] == ["outer"]
    parent = create(cloud, "second", PARENT % ("child", 60))
    cloudformation.update_stack(StackName="second", TemplateBody=PARENT % ("broken", 60))
    parent = settled(cloud, "second")
    assert parent["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and _timeout(cloud, parent) == "60"


WAITING = """
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Condition: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: "600", Count: 2}}
Outputs: {Data: {Value: !GetAtt Condition.Data}}
"""


def _waiting(cloud) -> str:
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="patient", TemplateBody=WAITING)
    cloud.sleep(1)
    resource = cloudformation.describe_stack_resource(StackName="patient", LogicalResourceId="Handle")
    return urlsplit(resource["StackResourceDetail"]["PhysicalResourceId"]).path


def _put(cloud, path: str, **body) -> int:
    return cloud.http("PUT", path, body=json.dumps(body).encode())[0]


def test_a_wait_condition_waits_for_as_many_as_it_was_told_even_across_a_restart(cloud):
    path = _waiting(cloud)
    assert _put(cloud, path, Status="SUCCESS", UniqueId="a", Data="one") == 200
    assert _put(cloud, path, Status="SUCCESS", UniqueId="a", Data="again") == 200
    cloud.restart(kill=True)
    cloudformation = cloud.client("cloudformation")
    cloud.sleep(1)
    assert (
        cloudformation.describe_stacks(StackName="patient")["Stacks"][0]["StackStatus"]
        == "CREATE_IN_PROGRESS"
    )
    assert _put(cloud, path, Status="SUCCESS", UniqueId="b", Data="two") == 200
    stack = settled(cloud, "patient")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(outputs(stack)["Data"]) == {"a": "again", "b": "two"}


def test_a_wait_condition_fails_when_somebody_says_so_or_nobody_comes(cloud):
    path = _waiting(cloud)
    _put(cloud, path, Status="FAILURE", UniqueId="a", Reason="no disk")
    assert settled(cloud, "patient")["StackStatus"] == "ROLLBACK_COMPLETE"
    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName="patient")
    cloud.sleep(1)
    _waiting(cloud)
    cloud.sleep(700)
    assert settled(cloud, "patient")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="patient")["StackEvents"]
    text = "WaitCondition timed out. Received 0 conditions when expecting 2"
    assert text in [e.get("ResourceStatusReason") for e in events]


def test_an_answer_to_a_url_that_was_never_given_out_is_refused(cloud):
    path = _waiting(cloud)
    assert _put(cloud, path + "x", Status="SUCCESS", UniqueId="a") == 403
    assert cloud.http("GET", path)[0] == 405


FUNCTION = """
import json

def handler(event, context):
    with open("%s", "a") as diary:
        diary.write(json.dumps(event) + "\\n")
"""
CUSTOM = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
  Maker:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.12, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: !Ref Code}}
  Thing:
    Type: Custom::Thing
    Properties: {ServiceToken: !GetAtt Maker.Arn, Size: %s, Flag: true}
Outputs: {Secret: {Value: !GetAtt Thing.Secret}, Id: {Value: !Ref Thing}}
Parameters: {Code: {Type: String}}
"""


def _request(cloud, diary: Path, number: int) -> dict:
    for _ in range(200):
        lines = diary.read_text().splitlines() if diary.exists() else []
        if len(lines) > number:
            return json.loads(lines[number])
        cloud.sleep(0.1)
    raise AssertionError("the function was not asked")


def test_a_custom_resource_is_what_its_function_answers(cloud, tmp_path):
    diary = tmp_path / "diary"
    asked = {
        "StackName": "shop", "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{"ParameterKey": "Code", "ParameterValue": FUNCTION % diary}],
    }  # fmt: skip
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(TemplateBody=CUSTOM % 5, **asked)
    request = _request(cloud, diary, 0)
    assert (request["RequestType"], request["ResourceType"], request["LogicalResourceId"]) == (
        "Create",
        "Custom::Thing",
        "Thing",
    )
    assert (request["ResourceProperties"]["Size"], request["ResourceProperties"]["Flag"]) == ("5", "true")
    first = {"Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": {"Secret": "s1"}}
    _put(cloud, urlsplit(request["ResponseURL"]).path, **first)
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "CREATE_COMPLETE" and outputs(stack) == {"Secret": "s1", "Id": "thing-1"}

    cloudformation.update_stack(TemplateBody=CUSTOM % 6, **asked)
    request = _request(cloud, diary, 1)
    assert (request["RequestType"], request["OldResourceProperties"]["Size"]) == ("Update", "5")
    # Another physical id: the function has replaced the thing, and is asked to delete the old one afterwards.
    second = {"Status": "SUCCESS", "PhysicalResourceId": "thing-2", "Data": {"Secret": "s2"}}
    _put(cloud, urlsplit(request["ResponseURL"]).path, **second)
    request = _request(cloud, diary, 2)
    assert (request["RequestType"], request["PhysicalResourceId"]) == ("Delete", "thing-1")
    _put(cloud, urlsplit(request["ResponseURL"]).path, Status="SUCCESS", PhysicalResourceId="thing-1")
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and outputs(stack) == {"Secret": "s2", "Id": "thing-2"}


def test_a_custom_resource_that_fails_is_deleted_in_the_rollback(cloud, tmp_path):
    diary = tmp_path / "diary"
    cloud.client("cloudformation").create_stack(
        StackName="shop", TemplateBody=CUSTOM % 5, Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "Code", "ParameterValue": FUNCTION % diary}],
    )  # fmt: skip
    request = _request(cloud, diary, 0)
    _put(
        cloud,
        urlsplit(request["ResponseURL"]).path,
        Status="FAILED",
        PhysicalResourceId="half",
        Reason="no luck",
    )
    again = _request(cloud, diary, 1)
    assert (again["RequestType"], again["PhysicalResourceId"]) == ("Delete", "half")
    _put(cloud, urlsplit(again["ResponseURL"]).path, Status="SUCCESS", PhysicalResourceId="half")
    assert settled(cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    said = "Received response status [FAILED] from custom resource. Message returned: no luck"
    assert any(e.get("ResourceStatusReason", "").startswith(said) for e in events)
