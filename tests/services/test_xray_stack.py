"""X-Ray's resources in templates."""

from __future__ import annotations

import json

TEMPLATE = """
Resources:
  Slow:
    Type: AWS::XRay::Group
    Properties: {GroupName: slow, FilterExpression: responsetime > %s, Tags: [{Key: team, Value: "%s"}]}
  Rule:
    Type: AWS::XRay::SamplingRule
    Properties:
      SamplingRule: {RuleName: all, ResourceARN: '*', Priority: 5, FixedRate: %s, ReservoirSize: 1, ServiceName: '*', ServiceType: '*', Host: '*',
        HTTPMethod: '*', URLPath: '*', Version: 1}
  Policy:
    Type: AWS::XRay::ResourcePolicy
    Properties: {PolicyName: sns, PolicyDocument: '%s'}
Outputs:
  Group: {Value: !GetAtt Slow.GroupARN}
  Rule: {Value: !Ref Rule}
"""
POLICY = json.dumps({"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "xray:PutTraceSegments", "Resource": "*"}})  # fmt: skip


def test_a_stack_makes_changes_and_removes_groups_rules_and_policies(cloud):
    stacks, xray = cloud.client("cloudformation"), cloud.client("xray")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE % (5, "a", 0.5, POLICY))
    cloud.sleep(5)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert xray.get_group(GroupARN=outputs["Group"])["Group"]["FilterExpression"] == "responsetime > 5"
    assert outputs["Rule"].endswith(":sampling-rule/all")
    stacks.update_stack(StackName="s", TemplateBody=TEMPLATE % (9, "b", 0.25, POLICY))
    cloud.sleep(5)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"
    assert xray.get_group(GroupARN=outputs["Group"])["Group"]["FilterExpression"] == "responsetime > 9"
    assert xray.list_tags_for_resource(ResourceARN=outputs["Group"])["Tags"][-1] == {"Key": "team", "Value": "b"}
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["FixedRate"] == 0.25
    assert len(xray.list_resource_policies()["ResourcePolicies"]) == 1
    stacks.delete_stack(StackName="s")
    cloud.sleep(5)
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default"]
    assert (len(xray.get_sampling_rules()["SamplingRuleRecords"]), xray.list_resource_policies()["ResourcePolicies"]) == (1, [])


SEARCH = """
Resources:
  Policy:
    Type: AWS::Logs::ResourcePolicy
    Properties: {PolicyName: spans, PolicyDocument: '%s'}
  Search:
    Type: AWS::XRay::TransactionSearchConfig
    DependsOn: Policy
    Properties: {IndexingPercentage: %s}
"""


def test_a_stack_switches_transaction_search_on_and_off(cloud):
    stacks, xray, logs = cloud.client("cloudformation"), cloud.client("xray"), cloud.client("logs")
    document = POLICY.replace("sns.amazonaws.com", "xray.amazonaws.com").replace("xray:PutTraceSegments", "logs:PutLogEvents")
    for percentage, do, status in ((5, stacks.create_stack, "CREATE_COMPLETE"), (6, stacks.update_stack, "UPDATE_COMPLETE")):
        do(StackName="t", TemplateBody=SEARCH % (document, percentage))
        cloud.sleep(5)
        assert stacks.describe_stacks(StackName="t")["Stacks"][0]["StackStatus"] == status
        assert xray.get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
        assert xray.get_indexing_rules()["IndexingRules"][0]["Rule"]["Probabilistic"]["DesiredSamplingPercentage"] == percentage
    stacks.delete_stack(StackName="t")
    cloud.sleep(5)
    assert (xray.get_trace_segment_destination()["Destination"], logs.describe_resource_policies()["resourcePolicies"]) == ("XRay", [])
