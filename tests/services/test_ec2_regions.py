"""Regions, zones and the account, and what all operations of EC2 share: filters and dry runs."""

import pytest
from refusals import refused, refused_fully


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


def test_zones_have_the_names_and_ids_that_aws_gives_them(cloud):
    def shown(region):
        cloud.region(region)
        return [(each["ZoneName"], each["ZoneId"]) for each in cloud.client("ec2", region=region).describe_availability_zones()["AvailabilityZones"]]

    assert shown("us-east-1") == [(f"us-east-1{letter}", f"use1-az{n}") for n, letter in enumerate("abcdef", 1)]
    # https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
    assert shown("ap-southeast-2") == [("ap-southeast-2a", "apse2-az1"), ("ap-southeast-2b", "apse2-az2"), ("ap-southeast-2c", "apse2-az3")]


def test_zones_are_asked_for_by_name_id_and_filter(ec2):
    def names(**said):
        return [each["ZoneName"] for each in ec2.describe_availability_zones(**said)["AvailabilityZones"]]

    assert names(ZoneNames=["us-east-1b"]) == names(ZoneIds=["use1-az2"]) == ["us-east-1b"]
    assert names(Filters=[{"Name": "zone-id", "Values": ["use1-az[1]", "use1-az?3", "*-az2"]}]) == ["us-east-1b", "us-east-1c"]
    assert refused(ec2.describe_availability_zones, ZoneNames=["us-east-1z"]) == ("InvalidParameterValue", "Invalid availability zone: [us-east-1z]")


def test_regions_are_those_of_the_partition(ec2):
    found = {each["RegionName"]: each for each in ec2.describe_regions()["Regions"]}
    assert found["eu-west-1"]["Endpoint"] == "ec2.eu-west-1.amazonaws.com" and "cn-north-1" not in found
    assert [each["RegionName"] for each in ec2.describe_regions(Filters=[{"Name": "region-name", "Values": ["us-west-?"]}])["Regions"]] == ["us-west-1", "us-west-2"]
    assert refused(ec2.describe_regions, Filters=[{"Name": "colour", "Values": ["a"]}]) == ("InvalidParameterValue", "The filter 'colour' is invalid")


def test_a_dry_run_says_that_it_would_have_succeeded(ec2):
    text = "Request would have succeeded, but DryRun flag is set."
    assert refused_fully(ec2.describe_regions, DryRun=True) == (412, "DryRunOperation", text)
    assert refused(ec2.describe_regions, DryRun=True, RegionNames=["nowhere"])[0] == "InvalidParameterValue"


def test_an_account_tells_what_it_may_have(ec2):
    (found,) = ec2.describe_account_attributes(AttributeNames=["supported-platforms"])["AccountAttributes"]
    assert found == {"AttributeName": "supported-platforms", "AttributeValues": [{"AttributeValue": "VPC"}]}


def test_what_is_no_id_has_no_tags(ec2):
    assert refused(ec2.create_tags, Resources=["thing"], Tags=[{"Key": "a", "Value": "b"}]) == ("InvalidID", "The ID 'thing' is not valid")
    assert ec2.describe_tags(Filters=[{"Name": "tag:a", "Values": ["*"]}])["Tags"] == []


def test_what_is_not_built_is_refused_by_its_name(ec2):
    assert refused_fully(ec2.describe_instances) == (501, "NotImplemented", "Kumoniwa does not implement ec2:DescribeInstances.")

