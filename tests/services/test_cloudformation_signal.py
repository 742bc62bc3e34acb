"""Resources that wait for signals, and the registry that says which types there are."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from test_cloudformation_stack import create, settled

WAITING = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Ready:
    Type: AWS::CloudFormation::WaitCondition
    CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT10M}}
  After: {Type: AWS::SQS::Queue, DependsOn: Ready}
"""


def _status(cloud) -> str:
    return cloud.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"]


def _begin(cloud, template: str = WAITING):
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="shop", TemplateBody=template)
    cloud.sleep(2)
    return cloudformation


def _signal(cloud, id: str, status: str = "SUCCESS") -> None:
    cloud.client("cloudformation").signal_resource(
        StackName="shop", LogicalResourceId="Ready", UniqueId=id, Status=status
    )


def test_a_resource_is_made_when_it_has_its_signals(cloud):
    cloudformation = _begin(cloud)
    _signal(cloud, "one")
    _signal(cloud, "one")
    cloud.sleep(60)
    assert _status(cloud) == "CREATE_IN_PROGRESS"
    _signal(cloud, "two")
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    assert "Received SUCCESS signal with UniqueId two" in [e.get("ResourceStatusReason") for e in events]


def test_signals_outlive_a_kill(cloud):
    _begin(cloud)
    _signal(cloud, "one")
    cloud.restart(kill=True)
    cloud.sleep(2)
    _signal(cloud, "two")
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"


def test_a_signal_of_failure_or_none_at_all_takes_the_stack_back(cloud):
    cloudformation = _begin(cloud)
    _signal(cloud, "one", "FAILURE")
    assert settled(cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE"

    def why() -> list[str]:
        events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
        return [e["ResourceStatusReason"] for e in events if e["ResourceStatus"] == "CREATE_FAILED"]

    assert "Received 1 FAILURE signal(s) out of 2" in why()[-1]
    arn = cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="shop")
    settled(cloud, arn)
    _begin(cloud)
    _signal(cloud, "one")
    cloud.sleep(601)
    assert settled(cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert why()[-1] == "Failed to receive 1 resource signal(s) within the specified duration"


def test_only_what_waits_can_be_signalled(cloud):
    cloudformation = _begin(cloud)
    one = {"UniqueId": "one", "Status": "SUCCESS"}
    for name in ("Queue", "None"):
        code, _ = refused(cloudformation.signal_resource, StackName="shop", LogicalResourceId=name, **one)
        assert code == "ValidationError"
    code, text = refused(cloudformation.signal_resource, StackName="none", LogicalResourceId="Ready", **one)
    assert (code, text) == ("ValidationError", "Stack [none] does not exist")


@pytest.mark.parametrize(
    "policy", ["{ResourceSignal: {Timeout: soon}}", "{ResourceSignal: {Count: many}}", "{ResourceSignal: {Count: 0}}"]
)
def test_a_policy_that_cannot_be_followed_fails_its_resource(cloud, policy):
    template = WAITING.replace("{ResourceSignal: {Count: 2, Timeout: PT10M}}", policy)
    assert create(cloud, "shop", template)["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_creation_policy_stands_only_with_what_may_wait(cloud):
    template = "Resources: {Queue: {Type: AWS::SQS::Queue, CreationPolicy: {ResourceSignal: {Count: 1}}}}"
    code, text = refused(cloud.client("cloudformation").create_stack, StackName="shop", TemplateBody=template)
    assert code == "ValidationError" and "AWS::SQS::Queue" in text


def test_the_registry_lists_the_types_a_template_may_use(cloud):
    cloudformation = cloud.client("cloudformation")
    pages = cloudformation.get_paginator("list_types").paginate(Visibility="PUBLIC", MaxResults=7)
    names = [each["TypeName"] for page in pages for each in page["TypeSummaries"]]
    assert "AWS::SQS::Queue" in names and "AWS::EC2::Instance" not in names and len(names) == len(set(names))
    sqs = cloudformation.list_types(Visibility="PUBLIC", Filters={"TypeNamePrefix": "AWS::SQS::"})["TypeSummaries"]
    assert {each["TypeName"].split("::")[1] for each in sqs} == {"SQS"}
    assert cloudformation.list_types()["TypeSummaries"] == []


def test_a_type_is_described_by_its_schema(cloud):
    cloudformation = cloud.client("cloudformation")
    found = cloudformation.describe_type(Type="RESOURCE", TypeName="AWS::SQS::Queue")
    assert found["ProvisioningType"] == "FULLY_MUTABLE" and "QueueName" in json.loads(found["Schema"])["properties"]
    assert found["Arn"] == "arn:aws:cloudformation:us-east-1::type/resource/AWS-SQS-Queue"
    assert cloudformation.describe_type(Arn=found["Arn"])["TypeName"] == "AWS::SQS::Queue"
    code, text = refused(cloudformation.describe_type, Type="RESOURCE", TypeName="AWS::EC2::Instance")
    assert (code, text) == ("TypeNotFoundException", "The type 'AWS::EC2::Instance' cannot be found.")
