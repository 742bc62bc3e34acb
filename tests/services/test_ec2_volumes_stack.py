"""Volumes that stacks make, change and leave as snapshots."""

from __future__ import annotations

import json

import pytest
from services.volume_workshop import block, held, written


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


def _deploy(cloud, properties: dict | None, verb: str = "create", **more) -> dict[str, str]:
    stacks = cloud.client("cloudformation")
    if properties is None:
        stack = stacks.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
        stacks.delete_stack(StackName="shop")
    else:
        body = {
            "Resources": {"Disk": {"Type": "AWS::EC2::Volume", "Properties": properties, **more}},
            "Outputs": {"Id": {"Value": {"Ref": "Disk"}}, "Told": {"Value": {"Fn::GetAtt": ["Disk", "VolumeId"]}}},
        }
        stack = getattr(stacks, f"{verb}_stack")(StackName="shop", TemplateBody=json.dumps(body))["StackId"]
    for _ in range(200):
        (shown,) = stacks.describe_stacks(StackName=stack)["Stacks"]
        if not shown["StackStatus"].endswith("IN_PROGRESS"):
            break
        cloud.sleep(1)
    assert shown["StackStatus"] == f"{verb.upper()}_COMPLETE", stacks.describe_stack_events(StackName=stack)["StackEvents"]
    return {each["OutputKey"]: each["OutputValue"] for each in shown.get("Outputs", ())}


def test_a_stack_makes_a_volume_changes_it_and_leaves_a_snapshot(cloud, ec2):
    first = written(cloud, {0: block("a")})
    said = {"AvailabilityZone": "us-east-1a", "SnapshotId": first, "Size": 10, "VolumeType": "gp3", "Tags": [{"Key": "team", "Value": "blue"}]}
    told = _deploy(cloud, said, DeletionPolicy="Snapshot")
    assert told["Id"] == told["Told"]
    (volume,) = ec2.describe_volumes(VolumeIds=[told["Id"]])["Volumes"]
    assert (volume["Size"], volume["VolumeType"]) == (10, "gp3")
    tags = {each["Key"]: each["Value"] for each in volume["Tags"]}
    assert tags["team"] == "blue" and tags["aws:cloudformation:logical-id"] == "Disk"
    assert _deploy(cloud, {**said, "Size": 20, "Throughput": 250, "AutoEnableIO": True}, "update", DeletionPolicy="Snapshot") == told
    (volume,) = ec2.describe_volumes(VolumeIds=[told["Id"]])["Volumes"]
    assert (volume["Size"], volume["Throughput"]) == (20, 250)
    assert ec2.describe_volume_attribute(VolumeId=told["Id"], Attribute="autoEnableIO")["AutoEnableIO"] == {"Value": True}
    _deploy(cloud, None, "delete")
    assert ec2.describe_volumes()["Volumes"] == []
    (left,) = ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [told["Id"]]}])["Snapshots"]
    assert {"Key": "team", "Value": "blue"} in left["Tags"] and held(cloud.client("ebs"), left["SnapshotId"]) == {0: block("a")}


def test_a_stack_that_goes_takes_its_volume_along(cloud, ec2):
    _deploy(cloud, {"AvailabilityZone": {"Fn::Sub": "${AWS::Region}a"}, "Size": 1, "Encrypted": True})
    (volume,) = ec2.describe_volumes()["Volumes"]
    assert volume["Encrypted"]
    _deploy(cloud, None, "delete")
    assert ec2.describe_volumes()["Volumes"] == [] == ec2.describe_snapshots()["Snapshots"]
