"""State machines, versions, aliases and activities of a CloudFormation stack."""

from __future__ import annotations

import json

from lambda_workshop import put_role
from states_workshop import ROLE, TRUST, start, told


def resources(result: int) -> dict:
    return {
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": ROLE,
                "StateMachineName": "named",
                "DefinitionString": json.dumps({"StartAt": "${first}", "States": {"A": {"Type": "Pass", "Result": result, "End": True}}}),
                "DefinitionSubstitutions": {"first": "A"},
                "Tags": [{"Key": "team", "Value": "x"}],
            },
        },
        "Version": {
            "Type": "AWS::StepFunctions::StateMachineVersion",
            "Properties": {"StateMachineArn": {"Ref": "Machine"}, "StateMachineRevisionId": {"Fn::GetAtt": ["Machine", "StateMachineRevisionId"]}},
        },
        "Alias": {
            "Type": "AWS::StepFunctions::StateMachineAlias",
            "Properties": {"Name": "live", "RoutingConfiguration": [{"StateMachineVersionArn": {"Ref": "Version"}, "Weight": 100}]},
        },
        "Work": {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "work"}},
    }


def settled(cloud) -> dict[str, str]:
    client = cloud.client("cloudformation")
    for _ in range(200):
        stack = client.describe_stacks(StackName="s")["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        cloud.sleep(1)
    assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), [
        event.get("ResourceStatusReason") for event in client.describe_stack_events(StackName="s")["StackEvents"]
    ]
    found = client.describe_stack_resources(StackName="s")["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Role: %s
      Definition: {StartAt: A, States: {A: {Type: Pass, Result: "${word}", End: true}}}
      DefinitionSubstitutions: {word: sam}
"""


def test_sam_makes_a_state_machine(cloud):
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    client = cloud.client("cloudformation")
    client.create_stack(StackName="s", TemplateBody=SAM % ROLE, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert told(cloud, start(cloud, settled(cloud)["Machine"]))["output"] == '"sam"'


def test_a_stack_makes_a_machine_with_a_version_and_an_alias_and_follows_its_changes(cloud):
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    client = cloud.client("cloudformation")
    client.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources(1)}))
    made = settled(cloud)
    assert told(cloud, start(cloud, made["Alias"]))["output"] == "1"
    states = cloud.client("stepfunctions")
    assert states.list_tags_for_resource(resourceArn=made["Machine"])["tags"][0] == {"key": "team", "value": "x"}
    assert states.describe_activity(activityArn=made["Work"])["name"] == "work"
    client.update_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources(2)}))
    made = settled(cloud)
    assert told(cloud, start(cloud, made["Alias"]))["output"] == "2"
    client.delete_stack(StackName="s")
    cloud.sleep(30)
    assert states.list_state_machines()["stateMachines"] == []


def test_a_key_comes_and_goes_with_its_property(cloud):
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    client, states = cloud.client("cloudformation"), cloud.client("stepfunctions")
    held = {"Type": "CUSTOMER_MANAGED_KMS_KEY", "KmsKeyId": {"Ref": "Key"}, "KmsDataKeyReusePeriodSeconds": 60}
    machine = {"RoleArn": ROLE, "Definition": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}, "EncryptionConfiguration": held}
    made = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
        "Work": {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "work", "EncryptionConfiguration": held}},
    }
    client.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": made}))
    ids = settled(cloud)
    shown = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": ids["Key"], "kmsDataKeyReusePeriodSeconds": 60}
    assert states.describe_activity(activityArn=ids["Work"])["encryptionConfiguration"] == shown
    assert states.describe_state_machine(stateMachineArn=ids["Machine"])["encryptionConfiguration"] == shown
    del machine["EncryptionConfiguration"]
    client.update_stack(StackName="s", TemplateBody=json.dumps({"Resources": made}))
    settled(cloud)
    assert states.describe_state_machine(stateMachineArn=ids["Machine"])["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
