"""Databases in networks: subnet groups, the interface that each instance has, and the security groups that it is behind."""

import contextlib

import pytest
from botocore.exceptions import ConnectionClosedError
from database_workshop import Databases, code_of, refusal
from vpc_workshop import Network

pytestmark = pytest.mark.database


@pytest.fixture
def databases(cloud):
    return Databases(cloud)


@pytest.fixture
def network(cloud):
    return Network(cloud)


def _group(databases, subnets, name="shop", **more):
    return databases.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="The shop's", SubnetIds=subnets, **more)["DBSubnetGroup"]


def _interfaces(network, vpc):
    return network.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"]


def test_a_subnet_group_is_of_one_vpc_and_covers_two_zones_at_least(databases, network, cloud):
    rds, there = databases.rds, Network(cloud, 1)
    made = _group(databases, network.subnets, "Shop", Tags=[{"Key": "of", "Value": "shop"}])
    assert made["DBSubnetGroupName"] == "shop" and made["VpcId"] == network.vpc and made["SubnetGroupStatus"] == "Complete"
    assert [each["SubnetAvailabilityZone"]["Name"] for each in made["Subnets"]] == ["us-east-1a", "us-east-1b"]
    assert rds.list_tags_for_resource(ResourceName=made["DBSubnetGroupArn"])["TagList"] == [{"Key": "of", "Value": "shop"}]
    assert code_of(rds.create_db_subnet_group, DBSubnetGroupName="shop", DBSubnetGroupDescription="x", SubnetIds=network.subnets) == "DBSubnetGroupAlreadyExists"
    refused = refusal(rds.create_db_subnet_group, DBSubnetGroupName="narrow", DBSubnetGroupDescription="x", SubnetIds=network.subnets[:1])
    assert refused["Code"] == "DBSubnetGroupDoesNotCoverEnoughAZs"
    # As projects of AWS's users quote it.
    assert refused["Message"] == (
        "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: us-east-1a. "
        "Add subnets to cover at least 2 AZs."
    )
    absent = ["subnet-1234567890abcdef0", network.subnets[0]]
    assert refusal(rds.create_db_subnet_group, DBSubnetGroupName="absent", DBSubnetGroupDescription="x", SubnetIds=absent)["Code"] == "InvalidSubnet"
    mixed = [network.subnets[0], there.subnets[1]]
    assert code_of(rds.create_db_subnet_group, DBSubnetGroupName="mixed", DBSubnetGroupDescription="x", SubnetIds=mixed) == "InvalidSubnet"
    assert code_of(rds.modify_db_subnet_group, DBSubnetGroupName="shop", SubnetIds=there.subnets) == "InvalidSubnet"
    third = network.ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.3.0/24", AvailabilityZone="us-east-1c")["Subnet"]["SubnetId"]
    changed = rds.modify_db_subnet_group(DBSubnetGroupName="shop", SubnetIds=[*network.subnets, third], DBSubnetGroupDescription="Ours")["DBSubnetGroup"]
    assert len(changed["Subnets"]) == 3 and changed["DBSubnetGroupDescription"] == "Ours"
    assert rds.describe_db_subnet_groups(DBSubnetGroupName="shop")["DBSubnetGroups"] == [changed]
    rds.delete_db_subnet_group(DBSubnetGroupName="shop")
    assert rds.describe_db_subnet_groups()["DBSubnetGroups"] == []
    assert code_of(rds.describe_db_subnet_groups, DBSubnetGroupName="shop") == "DBSubnetGroupNotFoundFault"


def test_an_instance_has_an_interface_in_its_network_as_long_as_it_is_there(databases, network, cloud):
    rds, ec2 = databases.rds, network.ec2
    _group(databases, network.subnets)
    one, other = network.group("one"), network.group("other")
    made = databases.create(DBSubnetGroupName="shop", VpcSecurityGroupIds=[one], AvailabilityZone="us-east-1b")
    assert made["DBSubnetGroup"]["VpcId"] == network.vpc and made["DBSubnetGroup"]["DBSubnetGroupName"] == "shop"
    assert made["VpcSecurityGroups"] == [{"VpcSecurityGroupId": one, "Status": "active"}]
    assert made["AvailabilityZone"] == "us-east-1b" and made["PubliclyAccessible"] is False  # nothing leads into that network
    (interface,) = _interfaces(network, network.vpc)
    assert interface["SubnetId"] == network.subnets[1] and interface["RequesterManaged"] and interface["Description"] == "RDSNetworkInterface"
    assert [each["GroupId"] for each in interface["Groups"]] == [one]
    shown = rds.modify_db_instance(DBInstanceIdentifier="orders", VpcSecurityGroupIds=[other])["DBInstance"]
    assert [each["VpcSecurityGroupId"] for each in shown["VpcSecurityGroups"]] == [other]
    assert [each["GroupId"] for each in _interfaces(network, network.vpc)[0]["Groups"]] == [other]
    assert code_of(ec2.delete_security_group, GroupId=other) == "DependencyViolation"
    assert refusal(rds.delete_db_subnet_group, DBSubnetGroupName="shop") == {
        "Type": "Sender", "Code": "InvalidDBSubnetGroupStateFault",
        "Message": "Cannot delete the subnet group 'shop' because at least one database instance: orders is still using it.",
    }  # fmt: skip
    third = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.3.0/24", AvailabilityZone="us-east-1c")["Subnet"]["SubnetId"]
    assert code_of(rds.modify_db_subnet_group, DBSubnetGroupName="shop", SubnetIds=[network.subnets[0], third]) == "SubnetAlreadyInUse"
    cloud.restart(kill=True)
    databases.until("available")
    assert len(_interfaces(network, network.vpc)) == 1
    rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    assert _interfaces(network, network.vpc) == []
    rds.delete_db_subnet_group(DBSubnetGroupName="shop")


def test_who_says_nothing_of_a_network_is_in_the_default_one_and_public(databases, network):
    (default,) = network.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    made = databases.rds.create_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="keeper", MasterUserPassword="secret99",
        AllocatedStorage=20,
    )["DBInstance"]  # fmt: skip
    assert made["DBSubnetGroup"]["DBSubnetGroupName"] == "default" and made["DBSubnetGroup"]["VpcId"] == default["VpcId"]
    assert made["PubliclyAccessible"] is True
    (interface,) = _interfaces(network, default["VpcId"])
    assert [each["GroupName"] for each in interface["Groups"]] == ["default"]
    assert [each["VpcSecurityGroupId"] for each in made["VpcSecurityGroups"]] == [interface["Groups"][0]["GroupId"]]


def test_what_is_refused_of_an_instances_place(databases, network, cloud):
    there = Network(cloud, 1)
    _group(databases, network.subnets)
    foreign = there.group("foreign")

    def refused(**said):
        values = {
            "DBInstanceIdentifier": "orders", "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "MasterUsername": "keeper",
            "MasterUserPassword": "secret99", "AllocatedStorage": 20,
        }  # fmt: skip
        error = refusal(databases.rds.create_db_instance, **values, **said)
        return error["Code"], error["Message"]

    assert refused(DBSubnetGroupName="absent") == ("DBSubnetGroupNotFoundFault", "DB subnet group 'absent' does not exist.")
    absent = "sg-1234567890abcdef0"
    assert refused(VpcSecurityGroupIds=[absent]) == ("InvalidParameterValue", f"Invalid security group , groupId= {absent}, groupName=.")
    assert refused(DBSubnetGroupName="shop", VpcSecurityGroupIds=[foreign]) == (
        "InvalidParameterCombination", f"The DB instance and EC2 security group are in different VPCs. The DB instance is in {network.vpc} and the EC2 "
        f"security group is in {there.vpc}",
    )  # fmt: skip
    assert refused(DBSubnetGroupName="shop", AvailabilityZone="us-east-1f")[0] == "InvalidVPCNetworkStateFault"
    assert refused(DBSecurityGroups=["classic"])[0] == "NotImplemented"
    assert databases.rds.describe_db_instances()["DBInstances"] == [] and _interfaces(network, network.vpc) == []


@pytest.mark.parametrize("turns", [1, 3, 9])
def test_a_kill_in_the_midst_leaves_no_interface_that_no_instance_has(databases, network, cloud, turns):
    _group(databases, network.subnets)
    values = {
        "DBInstanceIdentifier": "orders", "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "MasterUsername": "keeper",
        "MasterUserPassword": "secret99", "AllocatedStorage": 20, "DBSubnetGroupName": "shop",
    }  # fmt: skip
    cloud.kill_in_midst(turns)
    with contextlib.suppress(ConnectionClosedError):
        databases.rds.create_db_instance(**values)
    assert len(_interfaces(network, network.vpc)) == len(databases.rds.describe_db_instances()["DBInstances"])
