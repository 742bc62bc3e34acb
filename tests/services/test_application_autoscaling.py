"""Application Auto Scaling: capacity follows load, on the clock of the region."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest
from refusals import refused
from services import lambda_workshop

ACCOUNT = lambda_workshop.ACCOUNT
READ = {"ServiceNamespace": "dynamodb", "ResourceId": "table/load", "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}
WRITE = {**READ, "ScalableDimension": "dynamodb:table:WriteCapacityUnits"}
INDEX = {**READ, "ResourceId": "table/load/index/by_k", "ScalableDimension": "dynamodb:index:WriteCapacityUnits"}
FUNCTION = {"ServiceNamespace": "lambda", "ResourceId": "function:f:1", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
ROLE = "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
LOAD = {"MetricName": "load", "Namespace": "app", "Statistic": "Average"}
"""A metric of the customer's own, in percent of what there is."""


@pytest.fixture
def scaling(cloud):
    keys = [{"AttributeName": "k", "KeyType": "HASH"}]
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    cloud.client("dynamodb").create_table(
        TableName="load", KeySchema=keys, AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], ProvisionedThroughput=units,
        GlobalSecondaryIndexes=[{"IndexName": "by_k", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units}],
    )  # fmt: skip
    return cloud.client("application-autoscaling")


def register(scaling, of=READ, least=1, most=100, **more):
    return scaling.register_scalable_target(**of, MinCapacity=least, MaxCapacity=most, **more)["ScalableTargetARN"]


def follow(scaling, metric=None, name="p", of=READ, target=70.0, **more):
    kind = "DynamoDBReadCapacityUtilization" if "Read" in of["ScalableDimension"] else "DynamoDBWriteCapacityUtilization"
    said = {"CustomizedMetricSpecification": metric} if metric else {"PredefinedMetricSpecification": {"PredefinedMetricType": kind}}
    settings = {"TargetValue": target, **said, **more}
    return scaling.put_scaling_policy(PolicyName=name, **of, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=settings)


def capacity(cloud, of=READ) -> int:
    table = cloud.client("dynamodb").describe_table(TableName="load")["Table"]
    held = table["GlobalSecondaryIndexes"][0] if "index" in of["ResourceId"] else table
    return held["ProvisionedThroughput"]["ReadCapacityUnits" if "Read" in of["ScalableDimension"] else "WriteCapacityUnits"]


def load(cloud, *values, name="load"):
    """A value in each minute; afterwards the last has been looked at."""
    cloud.sleep(60 - cloud.now() % 60)
    for value in values:
        cloud.client("cloudwatch").put_metric_data(Namespace="app", MetricData=[{"MetricName": name, "Value": float(value)}])
        cloud.sleep(60)
    cloud.sleep(10)


def activities(scaling, of=READ, **more):
    return scaling.describe_scaling_activities(ServiceNamespace=of["ServiceNamespace"], **more)["ScalingActivities"]


# Targets ------------------------------------------------------------------------------------------


def test_a_target_is_shown_as_registered_with_the_role_that_was_made_for_it(cloud, scaling):
    arn = register(scaling, Tags={"a": "b"})
    (shown,) = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert shown.pop("CreationTime").timestamp() == pytest.approx(cloud.now(), abs=10)
    role = cloud.client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
    assert shown == {
        **READ, "MinCapacity": 1, "MaxCapacity": 100, "RoleARN": role, "ScalableTargetARN": arn,
        "SuspendedState": {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False},
    }  # fmt: skip
    assert role == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/{ROLE}"
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "b"}
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "d"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"c": "d"}


def test_the_role_may_do_what_scaling_needs_and_no_more(cloud, scaling):
    register(scaling)
    (held,) = cloud.client("iam").list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    version = cloud.client("iam").get_policy_version(PolicyArn=held["PolicyArn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == [
        "dynamodb:DescribeTable", "dynamodb:UpdateTable", "cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms",
    ]  # fmt: skip
    assert "PolicyId" not in cloud.client("iam").get_policy(PolicyArn=held["PolicyArn"])["Policy"]


def test_a_registration_keeps_what_it_does_not_say(cloud, scaling):
    arn = register(scaling, SuspendedState={"DynamicScalingInSuspended": True})
    again = scaling.register_scalable_target(**READ, MaxCapacity=50, SuspendedState={"ScheduledScalingSuspended": True})
    assert again["ScalableTargetARN"] == arn
    (shown,) = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"], list(shown["SuspendedState"].values())) == (1, 50, [True, False, True])


@pytest.mark.parametrize(
    "change, code, text",
    [
        # https://github.com/terraform-aws-modules/terraform-aws-dynamodb-table/issues/15
        ({"ResourceId": "table/none"}, "ValidationException", "DynamoDB table does not exist: table/none"),
        # https://github.com/pulumi/pulumi-policy-aws/issues/11
        ({"ResourceId": "dynamo/t"}, "ValidationException", "Unsupported service namespace, resource type or scalable dimension"),
        ({"ServiceNamespace": "lambda"}, "ValidationException", "Unsupported service namespace, resource type or scalable dimension"),
        ({"MaxCapacity": 0}, "ValidationException", "Maximum capacity cannot be less than 1"),
        ({"MinCapacity": 101}, "ValidationException", "Maximum capacity cannot be less than minimum capacity"),
        (
            {"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"},
            "NotImplemented", "Kumoniwa does not implement scaling of ecs:service:DesiredCount.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_registered(scaling, change, code, text):
    assert refused(scaling.register_scalable_target, **{**READ, "MinCapacity": 1, "MaxCapacity": 100, **change}) == (code, text)


def test_a_new_target_needs_both_bounds_and_a_target_to_deregister_must_be_there(scaling):
    assert refused(scaling.register_scalable_target, **READ, MaxCapacity=5)[0] == "ValidationException"
    named = "service namespace: dynamodb, resource ID: table/load, scalable dimension: dynamodb:table:ReadCapacityUnits"
    assert refused(scaling.deregister_scalable_target, **READ) == ("ObjectNotFoundException", f"No scalable target found for {named}")
    # https://github.com/ansible/ansible/issues/40237
    assert refused(follow, scaling=scaling) == ("ObjectNotFoundException", f"No scalable target registered for {named}")


def test_capacity_outside_the_bounds_moves_into_them(cloud, scaling):
    register(scaling, least=10)
    register(scaling, WRITE, most=3)
    register(scaling, INDEX, least=7)
    cloud.sleep(1)
    assert (capacity(cloud), capacity(cloud, WRITE), capacity(cloud, INDEX)) == (10, 3, 7)
    told = {each["Description"]: (each["Cause"], each["StatusMessage"], each["StatusCode"]) for each in activities(scaling)}
    # https://docs.aws.amazon.com/cli/latest/reference/application-autoscaling/describe-scaling-activities.html
    done = "Change successfully fulfilled by dynamodb."
    assert told == {
        "Setting read capacity units to 10.": ("minimum capacity was set to 10", f"Successfully set read capacity units to 10. {done}", "Successful"),
        "Setting write capacity units to 3.": ("maximum capacity was set to 3", f"Successfully set write capacity units to 3. {done}", "Successful"),
        "Setting write capacity units to 7.": ("minimum capacity was set to 7", f"Successfully set write capacity units to 7. {done}", "Successful"),
    }  # fmt: skip


# Policies -----------------------------------------------------------------------------------------


def test_a_policy_of_a_table_has_four_alarms_whose_thresholds_follow_what_is_provisioned(cloud, scaling):
    # getmoto/moto's test_describe_scaling_policy_alarms, verified against AWS.
    register(scaling)
    made = follow(scaling)
    assert made["PolicyARN"].startswith(f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:scalingPolicy:")
    assert made["PolicyARN"].endswith(":resource/dynamodb/table/load:policyName/p")
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="dynamodb", PolicyNames=["p"])["ScalingPolicies"]
    assert (policy["Alarms"], policy["PolicyARN"], policy["PolicyType"]) == (made["Alarms"], made["PolicyARN"], "TargetTrackingScaling")

    def thresholds():
        alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-table/load-")["MetricAlarms"]
        assert all(alarm["AlarmActions"] == [made["PolicyARN"]] for alarm in alarms)
        assert {alarm["AlarmArn"] for alarm in alarms} == {alarm["AlarmARN"] for alarm in made["Alarms"]}
        return {alarm["AlarmName"].split("-")[2]: (alarm["MetricName"], alarm["EvaluationPeriods"], alarm["Threshold"]) for alarm in alarms}

    consumed, provisioned = "ConsumedReadCapacityUnits", "ProvisionedReadCapacityUnits"
    assert thresholds() == {
        "AlarmHigh": (consumed, 2, 210.0), "AlarmLow": (consumed, 15, 150.0),
        "ProvisionedCapacityHigh": (provisioned, 3, 5.0), "ProvisionedCapacityLow": (provisioned, 3, 5.0),
    }  # fmt: skip
    units = {"ReadCapacityUnits": 10, "WriteCapacityUnits": 5}
    cloud.client("dynamodb").update_table(TableName="load", ProvisionedThroughput=units)
    cloud.sleep(70)
    assert thresholds()["AlarmHigh"] == (consumed, 2, 420.0)
    scaling.delete_scaling_policy(PolicyName="p", **READ)
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_what_is_no_policy(cloud, scaling):
    register(scaling)
    step = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": 1}]}
    # PutScalingPolicy, PolicyType: "StepScaling—Not supported for DynamoDB, Amazon Comprehend, Lambda, …".
    said = refused(scaling.put_scaling_policy, PolicyName="p", **READ, PolicyType="StepScaling", StepScalingPolicyConfiguration=step)
    assert said[0] == "ValidationException"
    predictive = {"MetricSpecifications": [{"TargetValue": 1.0}]}
    more = {"PolicyType": "PredictiveScaling", "PredictiveScalingPolicyConfiguration": predictive}
    assert refused(scaling.put_scaling_policy, PolicyName="p", **READ, **more)[0] == "NotImplemented"
    # getmoto/moto's test_put_scaling_policy_with_unknown_policytype, verified against AWS.
    assert refused(scaling.put_scaling_policy, PolicyName="p", **READ, PolicyType="ABCDEFG") == (
        "ValidationException",
        "1 validation error detected: Value 'ABCDEFG' at 'policyType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [PredictiveScaling, StepScaling, TargetTrackingScaling]",
    )
    assert refused(follow, scaling=scaling, metric={"MetricName": "m"})[0] == "ValidationException"
    # Recorded from AWS by ack-api-quirks (DDB-TABLE-253).
    assert refused(follow, scaling=scaling, target=90.1) == (
        "ValidationException",
        "For predefined metric type DynamoDBReadCapacityUtilization, target value must be between '10.0' and '90.0', but was '90.1'.",
    )
    assert refused(follow, scaling=scaling, target=0.0) == (
        "ValidationException", "For target tracking scaling, target value must be between '8.51592E-109' and '1.174271E108', but was '0.0'."
    )  # fmt: skip
    follow(scaling, target=19.9, ScaleInCooldown=-1)
    follow(scaling)
    # https://github.com/hashicorp/terraform-provider-aws/issues/41179
    text = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
    assert refused(follow, scaling=scaling, name="q") == ("ValidationException", text)
    assert refused(scaling.delete_scaling_policy, PolicyName="q", **READ)[0] == "ObjectNotFoundException"


def test_load_above_the_target_raises_capacity_and_load_below_lowers_it(cloud, scaling):
    register(scaling)
    made = follow(scaling, LOAD)
    load(cloud, 140, 140, 140)
    assert capacity(cloud) == 10
    (told,) = activities(scaling)
    high = next(alarm["AlarmName"] for alarm in made["Alarms"] if "AlarmHigh" in alarm["AlarmName"])
    assert told["Cause"] == f"monitor alarm {high} in state ALARM triggered policy p"
    assert cloud.client("dynamodb").describe_table(TableName="load")["Table"]["ProvisionedThroughput"]["WriteCapacityUnits"] == 5
    load(cloud, *[35] * 15, 70)
    assert capacity(cloud) == 5
    items = cloud.client("cloudwatch").describe_alarm_history(AlarmName=high, HistoryItemType="Action")["AlarmHistoryItems"]
    assert items[-1]["HistorySummary"] == f"Successfully executed action {made['PolicyARN']}"


def test_capacity_stays_within_the_bounds_and_what_was_asked_in_vain_is_told_if_asked_for(cloud, scaling):
    register(scaling, most=8)
    follow(scaling, LOAD)
    load(cloud, *[700] * 6)
    assert capacity(cloud) == 8
    assert len(activities(scaling)) == 1
    (vain,) = [each for each in activities(scaling, IncludeNotScaledActivities=True) if "NotScaledReasons" in each]
    assert vain["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 8}]


def test_what_is_suspended_does_not_scale(cloud, scaling):
    register(scaling, SuspendedState={"DynamicScalingOutSuspended": True})
    follow(scaling, LOAD)
    load(cloud, 140, 140, 140)
    assert capacity(cloud) == 5
    scaling.register_scalable_target(**READ, SuspendedState={"DynamicScalingOutSuspended": False})
    load(cloud, 140)
    assert capacity(cloud) == 10


def test_a_cooldown_holds_back_what_is_not_more_than_was_added_before(cloud, scaling):
    register(scaling, most=1000)
    follow(scaling, LOAD, ScaleOutCooldown=600)
    load(cloud, 140, 140, 140)
    assert capacity(cloud) == 10
    load(cloud, 98, 98, 98)
    assert capacity(cloud) == 10
    load(cloud, 210)
    assert capacity(cloud) == 30
    load(cloud, *[98] * 12)
    assert capacity(cloud) > 30


def test_without_scale_in_nothing_is_taken_away_and_no_alarm_asks_for_it(cloud, scaling):
    register(scaling)
    made = follow(scaling, LOAD, DisableScaleIn=True)
    assert ["AlarmHigh" in alarm["AlarmName"] for alarm in made["Alarms"]] == [True]
    load(cloud, *[10] * 17)
    assert capacity(cloud) == 5


def test_all_policies_must_agree_to_take_away_and_the_largest_wins(cloud, scaling):
    register(scaling)
    follow(scaling, LOAD)
    follow(scaling, {**LOAD, "MetricName": "other"}, name="q")
    cloud.sleep(60 - cloud.now() % 60)
    for minute in range(34):
        load_of = {"load": 14.0, "other": 70.0 if minute < 17 else 28.0}
        data = [{"MetricName": name, "Value": value} for name, value in load_of.items()]
        cloud.client("cloudwatch").put_metric_data(Namespace="app", MetricData=data)
        cloud.sleep(60)
        if minute == 16:
            assert capacity(cloud) == 5
    cloud.sleep(10)
    assert capacity(cloud) <= 2
    assert [each["Cause"].endswith("policy q") for each in activities(scaling)][-1]


def test_a_promised_change_survives_a_kill_and_waits_for_a_table_that_is_busy(cloud, scaling):
    register(scaling)
    follow(scaling, LOAD)
    cloud.sleep(60 - cloud.now() % 60)
    for _ in range(3):
        cloud.client("cloudwatch").put_metric_data(Namespace="app", MetricData=[{"MetricName": "load", "Value": 140.0}])
        cloud.sleep(59.9)
    cloud.restart(kill=True)
    cloud.sleep(130)
    assert capacity(cloud) == 10


def test_a_table_that_is_gone_does_not_keep_others_from_scaling(cloud, scaling):
    cloud.client("dynamodb").create_table(
        TableName="another", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )  # fmt: skip
    gone = {**READ, "ResourceId": "table/another"}
    register(scaling, gone)
    follow(scaling, LOAD, of=gone)
    register(scaling)
    follow(scaling, LOAD)
    cloud.client("dynamodb").delete_table(TableName="another")
    load(cloud, 140, 140, 140)
    assert capacity(cloud) == 10
    scaling.deregister_scalable_target(**gone)
    assert len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 2


def test_a_table_that_is_throttled_grows_until_it_is_not(cloud, scaling):
    register(scaling, WRITE)
    follow(scaling, of=WRITE)
    tables, throttled = cloud.client("dynamodb"), []
    tables.update_table(TableName="load", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_k"}}])
    cloud.sleep(60 - cloud.now() % 60)
    for _ in range(20):
        refused = 0
        for n in range(3):
            try:
                tables.put_item(TableName="load", Item={"k": {"S": str(n)}, "v": {"S": "x" * 300_000}})
            except tables.exceptions.ProvisionedThroughputExceededException:
                refused += 1
        throttled.append(refused)
        cloud.sleep(60)
    # 880 units a minute use up the five minutes of 5 units a second, and are 70 % of 21.
    assert capacity(cloud, WRITE) >= 20
    assert any(throttled) and not any(throttled[-10:])


@pytest.mark.parametrize("of", [READ, WRITE, INDEX])
def test_what_a_table_consumes_raises_what_is_provisioned_and_lowers_it_later(cloud, scaling, of):
    """By the figures and the alarms of the cloud itself, nothing put by hand."""
    register(scaling, of)
    follow(scaling, of=of)
    tables, numbers = cloud.client("dynamodb"), itertools.count()

    def work(minutes, units):
        for _ in range(minutes):
            for _ in range(units // 25):
                if of is READ:
                    tables.query(TableName="load", KeyConditionExpression="k = :k", ExpressionAttributeValues={":k": {"S": "a"}}, ConsistentRead=True)
                    tables.batch_get_item(RequestItems={"load": {"Keys": [{"k": {"S": str(n)}} for n in range(24)], "ConsistentRead": True}})
                else:
                    items = [{"k": {"S": str(n)}, "v": {"N": str(next(numbers))}} for n in range(25)]
                    tables.batch_write_item(RequestItems={"load": [{"PutRequest": {"Item": each}} for each in items]})
            cloud.sleep(60)

    cloud.sleep(60 - cloud.now() % 60)
    work(3, 600)
    assert capacity(cloud, of) == 15  # 600 in a minute are 10 a second, which are 70 % of 15
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"TargetTracking-{of['ResourceId']}-AlarmHigh")["MetricAlarms"]
    assert alarms[0]["Threshold"] == 0.7 * 15 * 60
    work(17, 75)
    assert capacity(cloud, of) == 2
    assert len(activities(scaling)) == 2


# Schedules ----------------------------------------------------------------------------------------


def at(cloud, after_s) -> str:
    return datetime.fromtimestamp(cloud.now() + after_s, UTC).strftime("at(%Y-%m-%dT%H:%M:%S)")


def test_a_scheduled_action_moves_the_bounds_and_capacity_into_them(cloud, scaling):
    register(scaling)
    bounds = {"MinCapacity": 15, "MaxCapacity": 20}
    scaling.put_scheduled_action(**READ, ScheduledActionName="a", Schedule=at(cloud, 120), ScalableTargetAction=bounds)
    (shown,) = scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"]
    assert shown["ScheduledActionARN"].endswith(":resource/dynamodb/table/load:scheduledActionName/a")
    cloud.sleep(100)
    assert capacity(cloud) == 5
    cloud.sleep(30)
    assert capacity(cloud) == 15
    told = {each["Description"]: (each["Cause"], each["StatusMessage"]) for each in activities(scaling)}
    # https://docs.aws.amazon.com/cli/latest/reference/application-autoscaling/describe-scaling-activities.html
    assert told["Setting min capacity to 15 and max capacity to 20"] == (
        "scheduled action name a was triggered", "Successfully set min capacity to 15 and max capacity to 20",
    )  # fmt: skip
    assert told["Setting read capacity units to 15."][0] == "minimum capacity was set to 15"


def test_a_rate_comes_again_until_its_end_unless_it_is_suspended(cloud, scaling):
    register(scaling)
    ends = cloud.now() + 150
    scaling.put_scheduled_action(
        **READ, ScheduledActionName="a", Schedule="rate(1 minute)", EndTime=ends, ScalableTargetAction={"MinCapacity": 6}
    )
    cloud.sleep(400)
    assert sum(each["Cause"].startswith("scheduled action") for each in activities(scaling)) == 2
    scaling.register_scalable_target(**READ, SuspendedState={"ScheduledScalingSuspended": True})
    scaling.put_scheduled_action(**READ, ScheduledActionName="a", ScalableTargetAction={"MinCapacity": 9})
    cloud.sleep(200)
    assert capacity(cloud) == 6


def test_cron_is_read_in_the_time_zone_that_is_said(cloud, scaling):
    register(scaling)
    when = datetime.fromtimestamp(cloud.now() + 7200, UTC).replace(minute=0, second=0)
    text = f"cron(0 {(when.hour + 9) % 24} * * ? *)"
    scaling.put_scheduled_action(**READ, ScheduledActionName="a", Schedule=text, Timezone="Asia/Tokyo", ScalableTargetAction={"MinCapacity": 9})
    cloud.sleep(when.timestamp() - cloud.now() - 5)
    assert capacity(cloud) == 5
    cloud.sleep(10)
    assert capacity(cloud) == 9


def test_what_is_no_scheduled_action(cloud, scaling):
    register(scaling)
    good = {**READ, "ScheduledActionName": "a", "Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 2}}
    for change in ({"Schedule": "rate(1 eon)"}, {"Timezone": "Mars/North"}, {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}}):
        assert refused(scaling.put_scheduled_action, **good | change)[0] == "ValidationException"
    # https://github.com/aws-cloudformation/community-registry-extensions/issues/255
    assert refused(scaling.put_scheduled_action, **good | {"ScalableTargetAction": {}}) == (
        "ValidationException", "At least one of minimum capacity and maximum capacity should be provided",
    )  # fmt: skip
    assert refused(scaling.put_scheduled_action, **good | WRITE)[0] == "ObjectNotFoundException"
    assert refused(scaling.delete_scheduled_action, **READ, ScheduledActionName="b")[0] == "ObjectNotFoundException"
    scaling.put_scheduled_action(**good)
    scaling.deregister_scalable_target(**READ)
    assert scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"] == []


# Others -------------------------------------------------------------------------------------------


def test_provisioned_concurrency_follows_its_bounds(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    lambda_workshop.put_role(cloud)
    lambda_workshop.make(cloud)
    functions, scaling = cloud.client("lambda"), cloud.client("application-autoscaling")
    functions.publish_version(FunctionName="f")
    register(scaling, FUNCTION, 2, 4)
    cloud.sleep(1)
    told = functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert told["RequestedProvisionedConcurrentExecutions"] == 2
    assert activities(scaling, FUNCTION)[0]["Description"] == "Setting provisioned concurrency to 2."
    settings = {"TargetValue": 0.7, "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}}
    more = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": settings}
    assert len(scaling.put_scaling_policy(PolicyName="p", **FUNCTION, **more)["Alarms"]) == 2
    # https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert sorted((alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms) == [(pytest.approx(0.63), 15), (0.7, 3)]
    assert alarms[0]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:1"}]


def test_busy_provisioned_concurrency_becomes_more(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    lambda_workshop.put_role(cloud)
    lambda_workshop.make(cloud)
    functions, scaling = cloud.client("lambda"), cloud.client("application-autoscaling")
    functions.publish_version(FunctionName="f")
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    alias = {**FUNCTION, "ResourceId": "function:f:live"}
    register(scaling, alias, 1, 4)
    settings = {"TargetValue": 0.7, "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}}
    more = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": settings}
    scaling.put_scaling_policy(PolicyName="p", **alias, **more)
    lambda_workshop.settle(cloud)
    for _ in range(4):
        functions.invoke(FunctionName="f", Qualifier="live")
        cloud.sleep(60)
    cloud.sleep(5)
    told = functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    assert told["RequestedProvisionedConcurrentExecutions"] == 2  # one of one is busy, which are 70 % of 1.4


def test_scaling_acts_by_its_role_where_rights_are_enforced(make_cloud):
    """A caller with the rights of scaling alone needs none of the table's or the alarms'."""
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    keys = [{"AttributeName": "k", "KeyType": "HASH"}]
    cloud.client("dynamodb").create_table(
        TableName="load", KeySchema=keys, AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )  # fmt: skip
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]

    def allow(*actions):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))

    scaling = cloud.client("application-autoscaling", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    allow("application-autoscaling:*")
    assert refused(register, scaling=scaling)[0] == "AccessDeniedException"
    allow("application-autoscaling:*", "iam:CreateServiceLinkedRole")
    register(scaling, least=10)
    allow("application-autoscaling:*")
    assert len(follow(scaling)["Alarms"]) == 4
    cloud.sleep(1)
    assert capacity(cloud) == 10
