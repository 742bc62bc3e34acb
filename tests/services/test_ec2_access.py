"""Who may do what to networks: tags, networks and what is made, as AWS's policies for EC2 know them.

https://docs.aws.amazon.com/vpc/latest/userguide/vpc-policy-examples.html
"""

import json

import pytest
from network_workshop import Workshop
from refusals import refused, refused_code

DENIED = "UnauthorizedOperation"


@pytest.fixture
def shop(cloud):
    return Workshop(cloud)


@pytest.fixture
def alice(cloud):
    """What may be said of her rights, and her client."""
    iam = cloud.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]

    class Alice:
        ec2 = cloud.client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

        def may(self, *statements):
            document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **each} for each in statements]}
            iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=json.dumps(document))

    return Alice()


def arn(rest):
    return f"arn:aws:ec2:us-east-1:000000000000:{rest}"


def tagged(kind, value="a"):
    return [{"ResourceType": kind, "Tags": [{"Key": "team", "Value": value}]}]


def test_a_denial_tells_why_to_whom_may_decode_it(cloud, shop, alice):
    code, text = refused(alice.ec2.create_vpc, CidrBlock="10.0.0.0/16")
    assert code == DENIED and "is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:000000000000:vpc/*" in text
    encoded = text.partition("Encoded authorization failure message: ")[2]
    decoded = json.loads(cloud.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["context"]["action"] == "ec2:CreateVpc"
    assert refused_code(alice.ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True) == DENIED


def test_who_makes_something_with_tags_needs_the_right_to_tag_it(alice):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html"""
    alice.may({"Action": "ec2:CreateVpc"})
    assert refused_code(alice.ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc")) == DENIED
    tags = {"Action": "ec2:CreateTags", "Resource": arn("vpc/*"), "Condition": {"StringEquals": {"ec2:CreateAction": "CreateVpc", "aws:RequestTag/team": "a"}}}
    alice.may({"Action": "ec2:CreateVpc"}, tags)
    vpc = alice.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    assert refused_code(alice.ec2.create_vpc, CidrBlock="10.1.0.0/16", TagSpecifications=tagged("vpc", "b")) == DENIED
    assert refused_code(alice.ec2.create_tags, Resources=[vpc], Tags=[{"Key": "team", "Value": "a"}]) == DENIED


def test_what_is_made_inside_a_network_is_asked_of_both(shop, alice):
    ours, theirs = shop.vpc(), shop.vpc("10.1.0.0/16")
    alice.may({"Action": "ec2:CreateSubnet", "Resource": [arn(f"vpc/{ours}"), arn("subnet/*")]})
    alice.ec2.create_subnet(VpcId=ours, CidrBlock="10.0.0.0/24")
    assert refused_code(alice.ec2.create_subnet, VpcId=theirs, CidrBlock="10.1.0.0/24") == DENIED


def test_rules_may_be_changed_in_one_network_alone(shop, alice):
    ours, theirs = shop.vpc(), shop.vpc("10.1.0.0/16")
    groups = [shop.group(vpc) for vpc in (ours, theirs)]
    condition = {"ArnEquals": {"ec2:Vpc": arn(f"vpc/{ours}")}}
    alice.may({"Action": "ec2:AuthorizeSecurityGroupIngress", "Resource": arn("security-group/*"), "Condition": condition})
    said = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"}
    alice.ec2.authorize_security_group_ingress(GroupId=groups[0], **said)
    assert refused_code(alice.ec2.authorize_security_group_ingress, GroupId=groups[1], **said) == DENIED


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "ec2:ResourceTag/team"])
def test_what_is_tagged_so_may_be_deleted(shop, alice, key):
    ours, theirs = shop.vpc(), shop.vpc("10.1.0.0/16")
    shop.ec2.create_tags(Resources=[ours], Tags=[{"Key": "team", "Value": "a"}])
    alice.may({"Action": "ec2:DeleteVpc", "Condition": {"StringEquals": {key: "a"}}})
    assert refused_code(alice.ec2.delete_vpc, VpcId=theirs) == DENIED
    alice.ec2.delete_vpc(VpcId=ours)


def test_lists_are_seen_whole_or_not_at_all(shop, alice):
    """Describe operations know no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html"""
    alice.may({"Action": "ec2:DescribeVpcs", "Resource": arn("vpc/*")})
    assert refused_code(alice.ec2.describe_vpcs) == DENIED
    alice.may({"Action": "ec2:DescribeVpcs"})
    assert len(alice.ec2.describe_vpcs()["Vpcs"]) == 1
