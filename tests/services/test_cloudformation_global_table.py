"""AWS::DynamoDB::GlobalTable: one template, a table in several regions."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from test_cloudformation_stack import outputs, settled

US, EU, TOKYO = "us-east-1", "eu-west-1", "ap-northeast-1"
OHIO, OREGON = "us-east-2", "us-west-2"


def template(*replicas, **properties):
    resource = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": "orders",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "Replicas": list(replicas),
            **properties,
        },
    }
    values = {"Name": {"Ref": "Orders"}, "Arn": {"Fn::GetAtt": "Orders.Arn"}, "Stream": {"Fn::GetAtt": "Orders.StreamArn"}}
    return json.dumps({"Resources": {"Orders": resource}, "Outputs": {name: {"Value": value} for name, value in values.items()}})


def members(cloud, region=US):
    shown = cloud.client("dynamodb", region).describe_table(TableName="orders")["Table"]
    return {replica["RegionName"] for replica in shown.get("Replicas", ())}


def test_a_stack_makes_changes_and_removes_a_table_in_several_regions(make_cloud):
    cloud = make_cloud(US, EU, TOKYO, "aws-global")
    cfn = cloud.client("cloudformation", US)
    cfn.create_stack(
        StackName="world",
        TemplateBody=template({"Region": US, "Tags": [{"Key": "a", "Value": "b"}]}, {"Region": EU}, TimeToLiveSpecification={"AttributeName": "until", "Enabled": True}),
    )
    assert settled(cloud, "world")["StackStatus"] == "CREATE_COMPLETE"
    found = outputs(settled(cloud, "world"))
    assert found["Name"] == "orders" and found["Arn"].startswith("arn:aws:dynamodb:us-east-1:")
    assert members(cloud) == {EU} and members(cloud, EU) == {US}
    ttl = cloud.client("dynamodb", EU).describe_time_to_live(TableName="orders")["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "until"
    cloud.client("dynamodb", EU).put_item(TableName="orders", Item={"id": {"S": "1"}})
    cloud.sleep(3)
    assert cloud.client("dynamodb", US).scan(TableName="orders")["Count"] == 1
    cfn.update_stack(StackName="world", TemplateBody=template({"Region": US}, {"Region": TOKYO}))
    assert settled(cloud, "world")["StackStatus"] == "UPDATE_COMPLETE"
    assert members(cloud) == {TOKYO}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloud.client("dynamodb", EU).describe_table(TableName="orders")
    assert cloud.client("dynamodb", TOKYO).scan(TableName="orders")["Count"] == 1
    cfn.delete_stack(StackName="world")
    cloud.sleep(10)
    for region in (US, TOKYO):
        assert cloud.client("dynamodb", region).list_tables()["TableNames"] == []


def test_a_strong_table_with_a_witness_is_made_and_removed_by_a_stack(make_cloud):
    cloud = make_cloud(US, OHIO, OREGON, "aws-global")
    cfn = cloud.client("cloudformation", US)
    body = template({"Region": US}, {"Region": OHIO}, MultiRegionConsistency="STRONG", GlobalTableWitnesses=[{"Region": OREGON}])
    cfn.create_stack(StackName="world", TemplateBody=body)
    assert settled(cloud, "world")["StackStatus"] == "CREATE_COMPLETE"
    shown = cloud.client("dynamodb", OHIO).describe_table(TableName="orders")["Table"]
    assert (shown["MultiRegionConsistency"], shown["GlobalTableWitnesses"][0]["RegionName"]) == ("STRONG", OREGON)
    cfn.delete_stack(StackName="world")
    cloud.sleep(10)
    assert cloud.client("dynamodb", OHIO).list_tables()["TableNames"] == []


UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
BY_PLACE = {"IndexName": "by-place", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}


@pytest.mark.parametrize(("said", "text"), [
    ({"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": UNITS},
     "Property ProvisionedThroughput can't be used with PAY_PER_REQUEST BillingMode."),
    ({"BillingMode": "PAY_PER_REQUEST", "GlobalSecondaryIndexes": [{**BY_PLACE, "ProvisionedThroughput": UNITS}]},
     "Property ProvisionedThroughput can't be used with PAY_PER_REQUEST BillingMode."),
    ({}, "Property ProvisionedThroughput cannot be empty"),
    ({"ProvisionedThroughput": UNITS, "GlobalSecondaryIndexes": [BY_PLACE]}, "Property ProvisionedThroughput cannot be empty"),
    ({"ProvisionedThroughput": UNITS, "OnDemandThroughput": {"MaxReadRequestUnits": 9}},
     "Property MaxReadRequestUnits for OnDemandThroughput can't be used with PROVISIONED BillingMode."),
    ({"BillingMode": "PAY_PER_REQUEST", "TimeToLiveSpecification": {"Enabled": True}},
     "AttributeName property of TimeToLiveSpecification is required when TTL status is enabled or when enabling TTL."),
    ({"BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}] * 2},
     "An attribute appears more than once in AttributeDefinitions"),
    ({"BillingMode": "PAY_PER_REQUEST", "LocalSecondaryIndexes": [
        {"IndexName": "lsi1", "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}]},
     "An attribute referenced in a KeySchema element is not defined in AttributeDefinitions"),
    ({"BillingMode": "PAY_PER_REQUEST", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False, "RecoveryPeriodInDays": 7}},
     "Cannot set RecoveryPeriodInDays property when PointInTimeRecoveryEnabled is false"),
])  # fmt: skip
def test_a_tables_template_makes_sense_as_cdk_preflight_saw_it_of_aws(cloud, said, text):
    """Its rules pf-dynamodb-billing-throughput, -gsi-billing-throughput, -ondemand-throughput-billing, -ttl-attribute-required,
    -duplicate-attribute-definitions, -lsi-attribute-definitions and -pitr-recovery-period."""
    cfn = cloud.client("cloudformation")
    key = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    body = {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {**key, **said}}}}
    cfn.create_stack(StackName="one", TemplateBody=json.dumps(body))
    assert settled(cloud, "one")["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [event.get("ResourceStatusReason", "") for event in cfn.describe_stack_events(StackName="one")["StackEvents"]]
    (reason,) = [each for each in reasons if each.startswith("Resource handler")]
    assert f'"Invalid request provided: {text}"' in reason and "HandlerErrorCode: InvalidRequest" in reason


def test_replicas_must_name_the_stacks_own_region(make_cloud):
    cloud = make_cloud(US, EU, "aws-global")
    cfn = cloud.client("cloudformation", US)
    cfn.create_stack(StackName="world", TemplateBody=template({"Region": EU}))
    assert settled(cloud, "world")["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = " ".join(e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName="world")["StackEvents"])
    # As cdk-preflight saw it of AWS: pf-dynamodb-global-table-replica-region.
    assert "The Replicas section must contain an entry for the current region" in reasons


LOCAL = {"IndexName": "lsi1", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
WHOLE = {**LOCAL, "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]}
ALSO = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
}
OTHER_KEY = [{"AttributeName": "other", "KeyType": "HASH"}]
STRONG = {"MultiRegionConsistency": "STRONG"}
OF_STRONG = "for global tables with MultiRegionConsistency set to STRONG"


@pytest.mark.parametrize(("regions", "said", "text"), [
    pytest.param((US,), {"KeySchema": OTHER_KEY}, "An attribute referenced in a KeySchema element is not defined in AttributeDefinitions",
                 id="attribute-definitions"),
    pytest.param((US,), {"GlobalSecondaryIndexes": [BY_PLACE | {"IndexName": f"gsi{n}"} for n in range(21)]},
                 "GlobalSecondaryIndex count exceeds the per-table limit of 20", id="gsi-count"),
    pytest.param((US,), {"BillingMode": "PROVISIONED", "GlobalSecondaryIndexes": [BY_PLACE]},
                 "You must specify write AutoScale settings for the global table and each of its GSIs when BillingMode is Provisioned",
                 id="gsi-provisioned-write-settings"),
    pytest.param((US,), {"LocalSecondaryIndexes": [{**LOCAL, "KeySchema": OTHER_KEY}]},
                 "An attribute referenced in a KeySchema element is not defined in AttributeDefinitions", id="lsi-attribute-definitions"),
    pytest.param((US,), {**ALSO, "LocalSecondaryIndexes": [{**WHOLE, "IndexName": f"lsi{n}"} for n in range(6)]},
                 "Number of LocalSecondaryIndexes exceeds per-table limit of 5", id="lsi-count"),
    pytest.param((US,), {**ALSO, "LocalSecondaryIndexes": [LOCAL]}, "Index KeySchema does not have a range key for index: lsi1", id="lsi-shape"),
    pytest.param((US, OHIO, OREGON), {**STRONG, **ALSO, "LocalSecondaryIndexes": [WHOLE]}, f"Local secondary indexes are not supported {OF_STRONG}",
                 id="mrsc-lsi"),
    pytest.param((US, OHIO, EU), STRONG, f"Unsupported Region(s) specified {OF_STRONG}: [eu-west-1].", id="mrsc-region-set"),
    pytest.param((US, OHIO), STRONG, f"Unsupported replica count {OF_STRONG}", id="mrsc-replica-count"),
    pytest.param((US, OHIO, OREGON), {**STRONG, "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}},
                 f"Time To Live is not supported {OF_STRONG}", id="mrsc-ttl"),
    pytest.param((US,), {"BillingMode": "PROVISIONED"},
                 "You must specify write AutoScale settings for the global table and each of its GSIs when BillingMode is Provisioned",
                 id="provisioned-write-settings"),
    pytest.param((US, OHIO), {"StreamSpecification": {"Ref": "AWS::NoValue"}}, "You must specify StreamSpecification for a global table.",
                 id="stream-required"),
    pytest.param((US, OHIO), {**STRONG, "GlobalTableWitnesses": [{"Region": OHIO}]}, "Cannot target multiple regions with the same action",
                 id="witness-region"),
    pytest.param((US, OHIO), {"GlobalTableWitnesses": [{"Region": OREGON}]},
                 "Witnesses are not supported for global tables with MultiRegionConsistency set to EVENTUAL", id="witness-requires-mrsc"),
])  # fmt: skip
def test_a_global_tables_template_makes_sense_as_cdk_preflight_saw_it_of_aws(make_cloud, regions, said, text):
    """Each case is named after its rule, pf-dynamodb-global-table-…"""
    cloud = make_cloud(*regions, "aws-global")
    cfn = cloud.client("cloudformation", US)
    cfn.create_stack(StackName="world", TemplateBody=template(*({"Region": region} for region in regions), **said))
    assert settled(cloud, "world")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert text in " ".join(e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName="world")["StackEvents"])
