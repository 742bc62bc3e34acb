"""Application Auto Scaling from templates: a table with a target and its policy, made, changed and deleted."""

from __future__ import annotations

from test_cloudformation_stack import create, settled

TEMPLATE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: load
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 5}
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: dynamodb
      ResourceId: !Sub "table/${Table}"
      ScalableDimension: dynamodb:table:ReadCapacityUnits
      MinCapacity: 5
      MaxCapacity: 50
      Tags: [{Key: a, Value: b}]
      ScheduledActions: [{ScheduledActionName: morning, Schedule: rate(1 day), ScalableTargetAction: {MinCapacity: 9}}]
  Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyName: reads
      PolicyType: TargetTrackingScaling
      ScalingTargetId: !Ref Target
      TargetTrackingScalingPolicyConfiguration:
        TargetValue: 70
        PredefinedMetricSpecification: {PredefinedMetricType: DynamoDBReadCapacityUtilization}
Outputs:
  Target: {Value: !Ref Target}
  Policy: {Value: !Ref Policy}
"""


def test_a_target_and_its_policy_come_and_go_with_their_stack(cloud):
    client, scaling, watch = cloud.client("cloudformation"), cloud.client("application-autoscaling"), cloud.client("cloudwatch")
    stack = create(cloud, "scaled", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["Target"] == "table/load|dynamodb:table:ReadCapacityUnits|dynamodb"
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert (policy["PolicyARN"], len(policy["Alarms"])) == (outputs["Policy"], 4)
    assert scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"][0]["ScheduledActionName"] == "morning"
    changed = TEMPLATE.replace("MinCapacity: 5", "MinCapacity: 12").replace("{Key: a, Value: b}", "{Key: c, Value: d}").replace("morning", "evening")
    client.update_stack(StackName=stack["StackName"], TemplateBody=changed.replace("TargetValue: 70", "TargetValue: 60"))
    assert settled(cloud, "scaled")["StackStatus"] == "UPDATE_COMPLETE"
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"] == {"c": "d"}
    (action,) = scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"]
    assert (target["MinCapacity"], action["ScheduledActionName"]) == (12, "evening")
    cloud.sleep(1)
    assert cloud.client("dynamodb").describe_table(TableName="load")["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"] == 12
    (alarm,) = watch.describe_alarms(AlarmNamePrefix="TargetTracking-table/load-AlarmHigh")["MetricAlarms"]
    assert alarm["Threshold"] == 432.0
    client.delete_stack(StackName=stack["StackName"])
    cloud.sleep(30)
    assert scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"] == []
    assert watch.describe_alarms()["MetricAlarms"] == []
