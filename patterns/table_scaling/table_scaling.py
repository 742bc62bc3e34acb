"""UserProfiles in three regions, whose read capacity follows its load in each of them.

    kumoniwa up --port 4566 &
    python patterns/table_scaling/table_scaling.py --endpoint http://127.0.0.1:4566

Against AWS itself leave ``--endpoint`` out.
"""

import argparse
import time

import boto3

TABLE = "UserProfiles"
REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
KINDS = ("Read", "Write")
LEAST, MOST, TARGET_PERCENT = 5, 100, 70.0
WITHIN_S = 60.0


def scaled(kind):
    return {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{TABLE}", "ScalableDimension": f"dynamodb:table:{kind}CapacityUnits"}


def make_table(client):
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": LEAST, "WriteCapacityUnits": LEAST},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})


def add_replicas(client):
    """One after the other, once the table's writes are scaled: those of each replica are then scaled alike."""
    for region in REGIONS[1:]:
        client.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        ends = time.monotonic() + WITHIN_S
        while not is_settled(client):
            if time.monotonic() > ends:
                raise TimeoutError(f"a replica in {region}")
            time.sleep(0.2)


def is_settled(client):
    table = client.describe_table(TableName=TABLE)["Table"]
    return table["TableStatus"] == "ACTIVE" and all(each["ReplicaStatus"] == "ACTIVE" for each in table.get("Replicas", []))


def scale(scaling, region, kinds=KINDS):
    """What the handbook's ``configure_table_settings`` asks of the wrong client: first a target, then its policy."""
    for kind in kinds:
        scaling.register_scalable_target(**scaled(kind), MinCapacity=LEAST, MaxCapacity=MOST)
        metric = {"PredefinedMetricType": f"DynamoDB{kind}CapacityUtilization"}
        scaling.put_scaling_policy(
            PolicyName=f"{TABLE}-{kind}Capacity-{region}",
            **scaled(kind),
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": TARGET_PERCENT, "PredefinedMetricSpecification": metric},
        )


def policies(scaling):
    return scaling.describe_scaling_policies(ServiceNamespace="dynamodb", ResourceId=f"table/{TABLE}")["ScalingPolicies"]


def provisioned(client):
    return client.describe_table(TableName=TABLE)["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint")
    where = {"endpoint_url": parser.parse_args().endpoint}
    scaling = {region: boto3.client("application-autoscaling", region_name=region, **where) for region in REGIONS}
    first = boto3.client("dynamodb", region_name=REGIONS[0], **where)
    make_table(first)
    scale(scaling[REGIONS[0]], REGIONS[0])
    add_replicas(first)
    for region in REGIONS[1:]:
        scale(scaling[region], region, ["Read"])
    for region in REGIONS:
        for policy in policies(scaling[region]):
            print(f"{region}: {policy['PolicyARN']}, {len(policy['Alarms'])} alarms")


if __name__ == "__main__":
    main()
