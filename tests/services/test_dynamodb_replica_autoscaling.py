"""Auto scaling of a global table's replicas, which DynamoDB passes on to Application Auto Scaling in the region of each.

Shapes and refusals: recorded from AWS by ack-api-quirks in October 2026.
"""

from __future__ import annotations

import pytest
from refusals import refused

US, EU = "us-east-1", "eu-west-1"
TABLE = "orders"
ROLE = "role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
NONE = {"AutoScalingDisabled": True, "ScalingPolicies": []}
SETTINGS = f"Failed to update settings for global table with name: ‘{TABLE}’"


def place(kind="Write", index=None):
    resource, of = (f"table/{TABLE}/index/{index}", "index") if index else (f"table/{TABLE}", "table")
    return {"ServiceNamespace": "dynamodb", "ResourceId": resource, "ScalableDimension": f"dynamodb:{of}:{kind}CapacityUnits"}


def wanted(least=1, most=10, target=70.0, name=None, **more):
    policy = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": target, **more}} | ({"PolicyName": name} if name else {})
    return {"MinimumUnits": least, "MaximumUnits": most, "ScalingPolicyUpdate": policy}


def make(cloud, index="by_k", **more):
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    indexes = [{"IndexName": index, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}]
    if "BillingMode" not in more:
        more["ProvisionedThroughput"] = indexes[0]["ProvisionedThroughput"] = UNITS
    cloud.client("dynamodb", US).create_table(
        TableName=TABLE, KeySchema=keys, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], GlobalSecondaryIndexes=indexes, **more
    )


def replicate(cloud):
    us = cloud.client("dynamodb", US)
    us.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    for _ in range(100):
        cloud.sleep(0.5)
        if us.describe_table(TableName=TABLE)["Table"]["TableStatus"] == "ACTIVE":
            return
    raise AssertionError("no replica")


def scale(cloud, of, region=US, name="mine"):
    scaling, kind = cloud.client("application-autoscaling", region), "Read" if "Read" in of["ScalableDimension"] else "Write"
    scaling.register_scalable_target(**of, MinCapacity=1, MaxCapacity=10)
    metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": f"DynamoDB{kind}CapacityUtilization"}, "TargetValue": 55.0, "ScaleInCooldown": 120}
    scaling.put_scaling_policy(PolicyName=name, **of, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=metric)


@pytest.fixture
def world(make_cloud):
    """A provisioned table of two regions with an index; its writes are scaled by what was put before the replica."""
    cloud = make_cloud(US, EU, "aws-global")
    make(cloud)
    scale(cloud, place())
    add = {"TableName": TABLE, "ReplicaUpdates": [{"Create": {"RegionName": EU}}]}
    text = "GSI write capacity should either be Pay-Per-Request or AutoScaled."
    assert refused(cloud.client("dynamodb", US).update_table, **add) == ("ValidationException", text)
    scale(cloud, place(index="by_k"))
    replicate(cloud)
    return cloud


def told(answer):
    found = answer["TableAutoScalingDescription"]
    assert (found["TableName"], found["TableStatus"]) == (TABLE, "ACTIVE")
    return {each["RegionName"]: each for each in found["Replicas"]}


def described(cloud, region=US, name=TABLE):
    return told(cloud.client("dynamodb", region).describe_table_replica_auto_scaling(TableName=name))


def update(cloud, region=US, **asked):
    return told(cloud.client("dynamodb", region).update_table_replica_auto_scaling(TableName=TABLE, **asked))


def reads(region, change):
    return {"ReplicaUpdates": [{"RegionName": region, "ReplicaProvisionedReadCapacityAutoScalingUpdate": change}]}


def policies(cloud, region, of):
    found = cloud.client("application-autoscaling", region).describe_scaling_policies(**of)["ScalingPolicies"]
    return {policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for policy in found}


def bounds(cloud, region, of):
    found = cloud.client("application-autoscaling", region).describe_scalable_targets(
        ServiceNamespace="dynamodb", ResourceIds=[of["ResourceId"]], ScalableDimension=of["ScalableDimension"]
    )["ScalableTargets"]
    return [(target["MinCapacity"], target["MaxCapacity"]) for target in found]


def test_what_was_put_before_is_told_and_goes_with_the_replica(world):
    found = described(world)
    assert list(found) == [EU, US]
    for region in (US, EU):
        assert found[region]["ReplicaStatus"] == "ACTIVE"
        assert found[region]["ReplicaProvisionedReadCapacityAutoScalingSettings"] == NONE
        [index] = found[region]["GlobalSecondaryIndexes"]
        writes = index["ProvisionedWriteCapacityAutoScalingSettings"]
        assert writes == found[region]["ReplicaProvisionedWriteCapacityAutoScalingSettings"]
        assert writes["AutoScalingRoleArn"].endswith(ROLE)
        assert {name: value for name, value in writes.items() if name != "AutoScalingRoleArn"} == {
            "MinimumUnits": 1, "MaximumUnits": 10,
            "ScalingPolicies": [
                {"PolicyName": "mine", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 55.0, "ScaleInCooldown": 120}}
            ],
        }  # fmt: skip
        assert (index["IndexName"], index["IndexStatus"], index["ProvisionedReadCapacityAutoScalingSettings"]) == ("by_k", "ACTIVE", NONE)
    assert described(world, EU) == found
    arn = world.client("dynamodb", US).describe_table(TableName=TABLE)["Table"]["TableArn"]
    assert described(world, US, arn) == found


def test_writes_are_scaled_everywhere_and_reads_where_it_is_said(world):
    update(
        world, EU, ProvisionedWriteCapacityAutoScalingUpdate=wanted(2, 20, 80.0), **reads(EU, wanted(3, 30, DisableScaleIn=True)),
        GlobalSecondaryIndexUpdates=[{"IndexName": "by_k", "ProvisionedWriteCapacityAutoScalingUpdate": wanted(4, 40)}],
    )  # fmt: skip
    update(world, ReplicaUpdates=[
        {"RegionName": US, "ReplicaGlobalSecondaryIndexUpdates": [{"IndexName": "by_k", "ProvisionedReadCapacityAutoScalingUpdate": wanted(5, 50)}]}
    ])  # fmt: skip
    for region in (US, EU):
        assert bounds(world, region, place()) == [(2, 20)]
        assert policies(world, region, place()) == {f"DynamoDBWriteCapacityUtilization:table/{TABLE}": 80.0}
        assert bounds(world, region, place(index="by_k")) == [(4, 40)]
        assert policies(world, region, place(index="by_k")) == {f"DynamoDBWriteCapacityUtilization:table/{TABLE}/index/by_k": 70.0}
    assert (bounds(world, US, place("Read")), bounds(world, EU, place("Read"))) == ([], [(3, 30)])
    assert (bounds(world, US, place("Read", "by_k")), bounds(world, EU, place("Read", "by_k"))) == ([(5, 50)], [])
    of_eu = described(world)[EU]["ReplicaProvisionedReadCapacityAutoScalingSettings"]
    assert of_eu["ScalingPolicies"] == [
        {
            "PolicyName": f"DynamoDBReadCapacityUtilization:table/{TABLE}",
            "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0, "DisableScaleIn": True},
        }
    ]
    world.sleep(120)
    assert (units(world, US), units(world, EU)) == ((1, 2), (3, 2))
    assert (units(world, US, is_index=True), units(world, EU, is_index=True)) == ((5, 4), (1, 4))


def units(cloud, region, *, is_index=False):
    table = cloud.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]
    held = (table["GlobalSecondaryIndexes"][0] if is_index else table)["ProvisionedThroughput"]
    return held["ReadCapacityUnits"], held["WriteCapacityUnits"]


def overrides(cloud, region):
    found = cloud.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]["Replicas"]
    return {each["RegionName"]: each.get("ProvisionedThroughputOverride", {}).get("ReadCapacityUnits") for each in found}


def test_reads_that_are_scaled_are_those_of_their_region(world):
    assert overrides(world, US) == {EU: None}
    update(world, **reads(US, wanted(2)))
    world.sleep(30)
    assert (units(world, US), units(world, EU)) == ((2, 1), (1, 1))
    assert overrides(world, US) == {EU: 1}
    update(world, ReplicaUpdates=[*reads(US, wanted(4))["ReplicaUpdates"], *reads(EU, wanted(7))["ReplicaUpdates"]])
    world.sleep(30)
    assert (units(world, US), units(world, EU)) == ((4, 1), (7, 1))
    update(world, ProvisionedWriteCapacityAutoScalingUpdate=wanted(3))
    world.sleep(30)
    assert (units(world, US), units(world, EU)) == ((4, 3), (7, 3))
    world.client("dynamodb", EU).update_table(TableName=TABLE, ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 5})
    world.sleep(30)
    assert (units(world, US), units(world, EU)) == ((4, 5), (9, 5))
    world.client("dynamodb", US).update_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST")
    world.sleep(30)
    told_of_eu = described(world, EU)[EU]["ReplicaProvisionedReadCapacityAutoScalingSettings"]
    assert (told_of_eu["AutoScalingDisabled"], told_of_eu["MinimumUnits"]) == (True, 7)
    assert (overrides(world, US), overrides(world, EU)) == ({EU: None}, {US: None})


def test_a_region_may_override_its_own_settings_and_only_its_own(world):
    # AWS refuses to add or delete the region that is asked, and no more to update it: DDB-TABLE-223 of ack-api-quirks.
    us, eu = world.client("dynamodb", US), world.client("dynamodb", EU)
    rare = "STANDARD_INFREQUENT_ACCESS"
    said = {"RegionName": US, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 6}, "TableClassOverride": rare}
    said["GlobalSecondaryIndexes"] = [{"IndexName": "by_k", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 7}}]
    us.update_table(TableName=TABLE, ReplicaUpdates=[{"Update": said}])
    world.sleep(30)
    assert (units(world, US), units(world, EU), overrides(world, EU)) == ((6, 1), (1, 1), {US: 6})
    assert (units(world, US, is_index=True), units(world, EU, is_index=True)) == ((7, 1), (1, 1))
    assert (table_class(us), table_class(eu)) == (rare, "STANDARD")
    # Whatever else is set there is set everywhere, and these stay its own.
    us.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    world.sleep(30)
    assert eu.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]["AttributeName"] == "ends"
    assert (units(world, US), units(world, EU)) == ((6, 1), (1, 1)) and (table_class(us), table_class(eu)) == (rare, "STANDARD")
    us.update_table(TableName=TABLE, TableClass="STANDARD")
    same = {"RegionName": US, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 1}}
    us.update_table(TableName=TABLE, ReplicaUpdates=[{"Update": same}])
    world.sleep(30)
    assert (units(world, US), overrides(world, EU)) == ((1, 1), {US: None}) and (table_class(us), table_class(eu)) == ("STANDARD", "STANDARD")


def table_class(client):
    return client.describe_table(TableName=TABLE)["Table"].get("TableClassSummary", {}).get("TableClass", "STANDARD")


def test_a_policy_of_another_name_takes_the_place_of_the_one_there_was(world):
    update(world, ProvisionedWriteCapacityAutoScalingUpdate=wanted(name="other", target=40.0))
    assert policies(world, US, place()) == policies(world, EU, place()) == {"other": 40.0}
    code, text = refused(
        world.client("dynamodb", US).update_table_replica_auto_scaling, TableName=TABLE,
        ProvisionedWriteCapacityAutoScalingUpdate=wanted(name="third", target=90.1),
    )  # fmt: skip
    assert code == "ValidationException"
    assert text.startswith(
        "For predefined metric type DynamoDBWriteCapacityUtilization, target value must be between '10.0' and '90.0', but was '90.1'. "
        "(Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException; Request ID: "
    )
    assert policies(world, US, place()) == {"other": 40.0}


def test_scaling_is_disabled_in_all_regions_and_disabling_it_again_is_no_mistake(world):
    for _ in range(2):
        found = update(world, ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True})
        assert all(each["ReplicaProvisionedWriteCapacityAutoScalingSettings"] == NONE for each in found.values())
        assert bounds(world, US, place()) == bounds(world, EU, place()) == []


def test_a_target_without_a_policy_is_told_as_disabled(world):
    world.client("application-autoscaling", EU).delete_scaling_policy(PolicyName="mine", **place())
    found = described(world)
    assert found[EU]["ReplicaProvisionedWriteCapacityAutoScalingSettings"] == NONE
    assert found[US]["ReplicaProvisionedWriteCapacityAutoScalingSettings"] != NONE
    assert bounds(world, EU, place()) == [(1, 10)]


WRITES = "ProvisionedWriteCapacityAutoScalingUpdate"


REFUSALS = [
    ({}, "ValidationException", f"{SETTINGS} because at least one update parameter must be specified."),
    ({"ReplicaUpdates": [{"RegionName": US}]}, "ValidationException",
     f"{SETTINGS} because at least one update parameter must be specified for region: ‘{US}’."),
    ({"ReplicaUpdates": reads(US, wanted())["ReplicaUpdates"] * 2}, "ValidationException",
     f"{SETTINGS} because the regions: ‘[{US}]’ were specified more than once."),
    (reads("ap-northeast-1", wanted()), "ResourceNotFoundException", f"{SETTINGS} because a replica does not exist in regions: ‘[ap-northeast-1]’."),
    ({"GlobalSecondaryIndexUpdates": [{"IndexName": "ghost", WRITES: wanted()}]}, "ResourceNotFoundException",
     f"{SETTINGS} because the global secondary indexes with names: ‘[ghost]’ do not exist."),
    ({"ReplicaUpdates": [{"RegionName": US, "ReplicaGlobalSecondaryIndexUpdates": [{"IndexName": "ghost"}]}]}, "ResourceNotFoundException",
     f"{SETTINGS} because a global secondary index with name: ‘ghost’ does not exist in region: ‘{US}’."),
    ({WRITES: {}}, "ValidationException",
     f"{SETTINGS}: Parameters 'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits' are required unless auto scaling is being disabled."),
    ({WRITES: {"AutoScalingDisabled": False, "MinimumUnits": 1, "MaximumUnits": 2}}, "ValidationException",
     f"{SETTINGS}: Parameters 'ScalingPolicyUpdate' are required unless auto scaling is being disabled."),
    ({WRITES: {"AutoScalingDisabled": True, "MinimumUnits": 1, "MaximumUnits": 2}}, "ValidationException",
     f"Failed to update settings for global table with name ‘{TABLE}’: Parameters 'MaximumUnits', 'MinimumUnits' must be left blank when "
     "disabling auto scaling."),
]  # fmt: skip


def test_what_makes_no_sense_is_refused(world):
    for asked, code, text in REFUSALS:
        assert refused(world.client("dynamodb", US).update_table_replica_auto_scaling, TableName=TABLE, **asked) == (code, text)
    assert described(world)[US]["ReplicaProvisionedReadCapacityAutoScalingSettings"] == NONE


def test_bounds_and_roles_are_refused_in_the_words_of_application_auto_scaling(world):
    call = world.client("dynamodb", US).update_table_replica_auto_scaling
    assert refused(call, TableName=TABLE, **{WRITES: wanted(5, 4)})[1].startswith("Maximum capacity cannot be less than minimum capacity (Service: ")
    other = "arn:aws:iam::123456789012:role/other"
    code, text = refused(call, TableName=TABLE, **{WRITES: wanted() | {"AutoScalingRoleArn": other}})
    assert code == "ValidationException" and f"is not authorized to perform: iam:PassRole on resource: {other} because" in text


def test_only_global_tables_have_it(make_cloud):
    cloud = make_cloud(US, EU, "aws-global")
    us = cloud.client("dynamodb", US)
    make(cloud, BillingMode="PAY_PER_REQUEST")
    for name in (TABLE, "nope"):
        for call in (us.describe_table_replica_auto_scaling, us.update_table_replica_auto_scaling):
            assert refused(call, TableName=name) == ("ResourceNotFoundException", f"Global table with name: '{name}' does not exist.")
    replicate(cloud)
    assert described(cloud)[EU]["ReplicaProvisionedWriteCapacityAutoScalingSettings"] == NONE
    start = f"Failed to update global table with name ‘{TABLE}‘. Replicas 'EU-WEST-1', 'US-EAST-1' BillingMode is PayPerRequest. "
    for asked, what in (
        ({WRITES: wanted()}, "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate"),
        (reads(US, wanted()), "ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate"),
    ):
        assert refused(us.update_table_replica_auto_scaling, TableName=TABLE, **asked) == (
            "ValidationException", f"{start}You must convert table's BillingMode to PROVISIONED to set parameters: '{what}'."
        )  # fmt: skip
    update(cloud, **{WRITES: {"AutoScalingDisabled": True}})


def test_writes_of_other_regions_are_consumed_here_too(world):
    start = world.now()
    for n in range(5):
        world.client("dynamodb", US).put_item(TableName=TABLE, Item={"id": {"S": str(n)}})
    world.sleep(120)
    for region in (US, EU):
        for more in ([], [{"Name": "GlobalSecondaryIndexName", "Value": "by_k"}]):
            found = world.client("cloudwatch", region).get_metric_statistics(
                Namespace="AWS/DynamoDB", MetricName="ConsumedWriteCapacityUnits", Dimensions=[{"Name": "TableName", "Value": TABLE}, *more],
                StartTime=start - 60, EndTime=world.now(), Period=3600, Statistics=["Sum"],
            )["Datapoints"]  # fmt: skip
            assert sum(each["Sum"] for each in found) == 5.0
