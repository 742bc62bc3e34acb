"""Security Hub: what it finds is made right by itself, as AWS's Automated Security Response does: a finding is an event, a rule of EventBridge
starts a state machine, that starts a runbook of Systems Manager. And hubs, standards, insights and rules in stacks.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-all-findings.html
"""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, put_recorder, trust
from lambda_workshop import allowing
from refusals import refused
from securityhub_workshop import US, asff, brought, found, one
from services.test_cloudformation_stack import settled

OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
FAILED = {
    "source": ["aws.securityhub"], "detail-type": ["Security Hub Findings - Imported"],
    "detail": {
        "findings": {
            "Compliance": {"Status": ["FAILED"], "SecurityControlId": ["S3.2"]}, "RecordState": ["ACTIVE"], "Workflow": {"Status": ["NEW"]},
        }
    },
}  # fmt: skip
MENDER = f"arn:aws:iam::{ACCOUNT}:role/mender"
CLOSE = {
    "StartAt": "Close",
    "States": {
        "Close": {
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ssm:startAutomationExecution", "End": True,
            "Parameters": {
                "DocumentName": "AWS-DisableS3BucketPublicReadWrite",
                "Parameters": {
                    # arn:aws:s3:::open
                    "S3BucketName.$": "States.Array(States.ArrayGetItem(States.StringSplit($.detail.findings[0].Resources[0].Id, ':'), 3))",
                    "AutomationAssumeRole": [MENDER],
                },
            },
        }
    },
}  # fmt: skip


def put_role(cloud, name: str, service: str, *actions: str) -> str:
    iam = cloud.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
    iam.put_role_policy(RoleName=name, PolicyName="some", PolicyDocument=allowing(*actions))
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@pytest.fixture
def response(cloud):
    """What answers a failed S3.2: a rule, a state machine, a runbook."""
    put_role(cloud, "mender", "ssm.amazonaws.com", "s3:PutBucketPublicAccessBlock")
    runner = put_role(cloud, "runner", "states.amazonaws.com", "ssm:StartAutomationExecution", "iam:PassRole")
    starter = put_role(cloud, "starter", "events.amazonaws.com", "states:StartExecution")
    machine = cloud.client("stepfunctions").create_state_machine(name="close", definition=json.dumps(CLOSE), roleArn=runner)["stateMachineArn"]
    events = cloud.client("events")
    events.put_rule(Name="public", EventPattern=json.dumps(FAILED))
    events.put_targets(Rule="public", Targets=[{"Id": "close", "Arn": machine, "RoleArn": starter}])
    return cloud


def open_bucket(cloud, name: str = "open") -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))


def block(cloud, name: str = "open") -> set[bool]:
    return set(cloud.client("s3").get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())


def control(hub, id_: str = "S3.2") -> dict:
    (finding,) = found(hub, ComplianceSecurityControlId=id_, ResourceId="arn:aws:s3:::open")
    return finding


def test_a_public_bucket_is_found_closed_and_resolved_within_a_minute(response):
    put_recorder(response, resourceTypes=["AWS::S3::Bucket"])
    hub = response.client("securityhub")
    hub.enable_security_hub()
    response.sleep(10)
    open_bucket(response)
    response.sleep(2)
    finding = control(hub)
    record = {"FindingIdentifier": {"Id": finding["Id"], "ProductArn": finding["ProductArn"]}}
    response.sleep(58)  # a minute since it was opened
    assert block(response) == {True}
    closed = control(hub)
    assert (closed["Id"], closed["Compliance"]["Status"], closed["Workflow"], closed["RecordState"]) == (
        finding["Id"], "PASSED", {"Status": "RESOLVED"}, "ACTIVE",
    )  # fmt: skip
    last, first = hub.get_finding_history(**record)["Records"]
    assert first["FindingCreated"] is True
    told = {each["UpdatedField"]: (each.get("OldValue"), each.get("NewValue")) for each in last["Updates"]}
    assert (told["Compliance.Status"], told["Workflow.Status"]) == (("FAILED", "PASSED"), ("NEW", "RESOLVED"))
    assert (last["UpdateTime"] - first["UpdateTime"]).total_seconds() < 60
    (run,) = response.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    assert (run["DocumentName"], run["AutomationExecutionStatus"]) == ("AWS-DisableS3BucketPublicReadWrite", "Success")


def test_a_region_that_is_killed_on_the_way_closes_the_bucket_when_it_is_back(response):
    put_recorder(response, resourceTypes=["AWS::S3::Bucket"])
    hub = response.client("securityhub")
    hub.enable_security_hub()
    response.sleep(10)
    open_bucket(response)
    response.restart(kill=True)
    response.sleep(30)
    assert block(response) == {True}
    assert (control(hub)["Compliance"]["Status"], control(hub)["Workflow"]["Status"]) == ("PASSED", "RESOLVED")


# Stacks --------------------------------------------------------------------------------------------

STACK = f"""
Resources:
  Hub:
    Type: AWS::SecurityHub::Hub
    Properties: {{EnableDefaultStandards: false, ControlFindingGenerator: SECURITY_CONTROL, Tags: {{team: TEAM}}}}
  Best:
    Type: AWS::SecurityHub::Standard
    DependsOn: Hub
    Properties:
      StandardsArn: !Sub "arn:${{AWS::Partition}}:securityhub:${{AWS::Region}}::standards/aws-foundational-security-best-practices/v/1.0.0"
      DisabledStandardsControls:
        - StandardsControlArn: !Sub "arn:aws:securityhub:${{AWS::Region}}:{ACCOUNT}:control/aws-foundational-security-best-practices/v/1.0.0/WHICH"
          Reason: not ours
  Severe:
    Type: AWS::SecurityHub::Insight
    DependsOn: Hub
    Properties:
      Name: Severe
      GroupByAttribute: GROUP
      Filters: {{SeverityLabel: [{{Value: CRITICAL, Comparison: EQUALS}}, {{Value: HIGH, Comparison: EQUALS}}]}}
  Quiet:
    Type: AWS::SecurityHub::AutomationRule
    DependsOn: Hub
    Properties:
      RuleName: quiet
      Description: Tests are quiet
      RuleOrder: 1
      RuleStatus: ENABLED
      Criteria: {{Title: [{{Value: test, Comparison: CONTAINS}}]}}
      Actions: [{{Type: FINDING_FIELDS_UPDATE, FindingFieldsUpdate: {{Workflow: {{Status: SUPPRESSED}}}}}}]
Outputs:
  Hub: {{Value: !GetAtt Hub.ARN}}
  Standard: {{Value: !Ref Best}}
  Insight: {{Value: !Ref Severe}}
"""
FIRST = {"TEAM": "red", "WHICH": "S3.9", "GROUP": "ResourceId"}


def template(**other: str) -> str:
    body = STACK
    for name, value in {**FIRST, **other}.items():
        body = body.replace(name, value)
    return body


def test_a_stack_has_a_hub_a_standard_an_insight_and_a_rule(cloud):
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket"])
    stacks, hub = cloud.client("cloudformation"), cloud.client("securityhub")
    stacks.create_stack(StackName="s", TemplateBody=template())
    assert settled(cloud, "s")["StackStatus"] == "CREATE_COMPLETE", [each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName="s")["StackEvents"]]
    cloud.sleep(10)
    told = {each["OutputKey"]: each["OutputValue"] for each in settled(cloud, "s")["Outputs"]}
    assert told["Hub"] == hub.describe_hub()["HubArn"] == f"arn:aws:securityhub:{US}:{ACCOUNT}:hub/default"
    assert told["Standard"] == f"arn:aws:securityhub:{US}:{ACCOUNT}:subscription/aws-foundational-security-best-practices/v/1.0.0"
    tags = hub.list_tags_for_resource(ResourceArn=told["Hub"])["Tags"]
    assert (tags["team"], tags["aws:cloudformation:logical-id"]) == ("red", "Hub")
    (held,) = hub.get_enabled_standards()["StandardsSubscriptions"]
    assert held["StandardsStatus"] == "READY"

    def disabled() -> list[str]:
        pages = hub.get_paginator("describe_standards_controls").paginate(StandardsSubscriptionArn=told["Standard"])
        return [each["ControlId"] for page in pages for each in page["Controls"] if each["ControlStatus"] == "DISABLED"]

    assert disabled() == ["S3.9"]
    brought(hub, asff("t", Title="a test"))
    assert one(hub, "t")["Workflow"]["Status"] == "SUPPRESSED"
    stacks.update_stack(StackName="s", TemplateBody=template(TEAM="blue", WHICH="S3.13", GROUP="ResourceType"))
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    assert disabled() == ["S3.13"]
    assert hub.list_tags_for_resource(ResourceArn=told["Hub"])["Tags"]["team"] == "blue"
    (insight,) = hub.get_insights()["Insights"]
    assert (insight["InsightArn"], insight["GroupByAttribute"]) == (told["Insight"], "ResourceType")
    stacks.delete_stack(StackName="s")
    cloud.sleep(30)
    assert refused(hub.describe_hub)[0] == "InvalidAccessException"
    assert cloud.client("config").describe_config_rules()["ConfigRules"] == []
