"""Rules of security groups: how they are said, told apart, shown, changed and taken away."""

import pytest
from network_workshop import Workshop
from refusals import refused, refused_code


@pytest.fixture
def shop(cloud):
    return Workshop(cloud)


@pytest.fixture
def ec2(shop):
    return shop.ec2


@pytest.fixture
def group(shop):
    return shop.group(shop.vpc())


def tcp(port, *blocks, **more):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": each} for each in blocks], **more}]


def test_a_rule_is_there_once(ec2, group):
    (rule,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, "10.0.0.9/24"))["SecurityGroupRules"]
    assert (rule["CidrIpv4"], rule["FromPort"], rule["IsEgress"], rule["GroupId"]) == ("10.0.0.0/24", 443, False, group)
    text = 'the specified rule "peer: 10.0.0.0/24, TCP, from port: 443, to port: 443, ALLOW" already exists'
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24")) == ("InvalidPermission.Duplicate", text)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    text = 'the specified rule "peer: 0.0.0.0/0, ALL, ALLOW" already exists'
    assert refused(ec2.authorize_security_group_egress, GroupId=group, IpPermissions=everything) == ("InvalidPermission.Duplicate", text)
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(80, "10.0.0.0/24", "10.0.0.1/24"))[0] == "InvalidParameterValue"


def test_one_permission_shows_all_peers_of_a_port(shop, ec2, group):
    peers = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}], "UserIdGroupPairs": [{"GroupId": group, "Description": "itself"}]}
    rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24", **peers))["SecurityGroupRules"]
    assert len(rules) == len({each["SecurityGroupRuleId"] for each in rules}) == 3
    (shown,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert shown["IpRanges"] == [{"CidrIp": "10.0.0.0/24"}] and shown["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]
    assert shown["UserIdGroupPairs"] == [{"GroupId": group, "UserId": shop.account, "Description": "itself"}]
    found = ec2.describe_security_groups(Filters=[{"Name": "ip-permission.group-id", "Values": [group]}, {"Name": "ip-permission.to-port", "Values": ["443"]}])
    assert [each["GroupId"] for each in found["SecurityGroups"] if each["GroupName"] != "default"] == [group]


@pytest.mark.parametrize(
    ("permission", "code", "text"),
    [
        ({"IpProtocol": "carrier-pigeon"}, "InvalidParameterValue", "Invalid value 'carrier-pigeon' for IP protocol. Unknown protocol."),
        ({"IpProtocol": "tcp"}, "InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 80}, "InvalidParameterValue", "Invalid TCP port range (443:80)"),
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.1"}]}, "InvalidParameterValue", "CIDR block 10.0.0.1 is malformed"),
        ({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-01234567"}]}, "InvalidGroup.NotFound", "The security group 'sg-01234567' does not exist"),
        ({"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-01234567"}]}, "InvalidPrefixListID.NotFound", "The prefix list ID 'pl-01234567' does not exist"),
    ],
)
def test_a_permission_is_refused(ec2, group, permission, code, text):
    said = {"IpRanges": [{"CidrIp": "10.0.0.0/24"}]} if len(permission) < 2 or "FromPort" in permission else {}
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[{**said, **permission}]) == (code, text)


def test_groups_of_two_networks_do_not_refer_to_each_other(shop, ec2, group):
    other = shop.group(shop.vpc("10.1.0.0/16"))
    assert refused_code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(1, UserIdGroupPairs=[{"GroupId": other}])) == "InvalidGroup.NotFound"


def test_rules_are_taken_away_by_what_they_say_or_by_their_ids(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24", "10.0.1.0/24"))
    revoked = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24"))["RevokedSecurityGroupRules"]
    assert [(each["CidrIpv4"], each["FromPort"]) for each in revoked] == [("10.0.0.0/24", 443)]
    text = "The specified rule does not exist in this security group."
    assert refused(ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24")) == ("InvalidPermission.NotFound", text)
    (rule,) = [each for each in ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"] if not each["IsEgress"]]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    assert refused_code(ec2.describe_security_group_rules, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]) == "InvalidSecurityGroupRuleId.NotFound"


def test_in_a_default_vpc_what_is_not_there_is_told_and_not_refused(ec2):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html"""
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    unknown = ec2.revoke_security_group_ingress(GroupName="g", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8")["UnknownIpPermissions"]
    assert unknown[0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]
    assert refused(ec2.delete_security_group, GroupName="none")[0] == "InvalidGroup.NotFound"
    ec2.delete_security_group(GroupId=group)


def test_a_rule_is_changed_by_its_id(ec2, group):
    """getmoto/moto, test_modify_security_group_rules, verified against AWS."""
    (rule,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24"))["SecurityGroupRules"]
    id_ = rule["SecurityGroupRuleId"]

    def change(**said):
        return {"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": id_, "SecurityGroupRule": said}]}

    ec2.modify_security_group_rules(**change(IpProtocol="udp", FromPort=53, ToPort=54, CidrIpv6="::/0", Description="names"))
    (shown,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[id_])["SecurityGroupRules"]
    assert (shown["IpProtocol"], shown["ToPort"], shown["CidrIpv6"], shown["Description"], "CidrIpv4" in shown) == ("udp", 54, "::/0", "names", False)
    text = "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."
    assert refused(ec2.modify_security_group_rules, **change(FromPort=1, ToPort=1, CidrIpv4="10.0.0.0/8")) == ("InvalidParameterValue", text)
    text = "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
    assert refused(ec2.modify_security_group_rules, **change(IpProtocol="-1")) == ("MissingParameter", text)
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": id_, "Description": "more"}])
    assert ec2.describe_security_group_rules(SecurityGroupRuleIds=[id_])["SecurityGroupRules"][0]["Description"] == "more"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sg-mine", "Value (sg-mine) for parameter GroupName is invalid. Group names may not be in the format sg-*."),
        ("default", "Cannot use reserved security group name: default"),
        ("gärten", "Value (gärten) for parameter GroupName is invalid. Character sets beyond ASCII are not supported."),
    ],
)
def test_a_name_of_a_group_is_refused(ec2, name, text):
    assert refused(ec2.create_security_group, GroupName=name, Description="d") == ("InvalidParameterValue", text)


def test_a_name_is_free_once_in_each_network(shop, ec2):
    vpc = shop.vpc()
    shop.group(vpc, "web")
    assert refused(ec2.create_security_group, GroupName="web", Description="d", VpcId=vpc) == (
        "InvalidGroup.Duplicate", f"The security group 'web' already exists for VPC '{vpc}'",
    )  # fmt: skip
    shop.group(shop.vpc("10.1.0.0/16"), "web")


def test_a_group_that_a_rule_refers_to_stays(shop, ec2):
    vpc = shop.vpc()
    one, two = shop.group(vpc, "one"), shop.group(vpc, "two")
    shop.allow(two, 443, one)
    assert refused(ec2.delete_security_group, GroupId=one) == ("DependencyViolation", f"resource {one} has a dependent object")
    said = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.sqs", "VpcEndpointType": "Interface", "PrivateDnsEnabled": False}
    endpoint = ec2.create_vpc_endpoint(**said, SecurityGroupIds=[two])["VpcEndpoint"]["VpcEndpointId"]
    assert refused_code(ec2.delete_security_group, GroupId=two) == "DependencyViolation"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert ec2.delete_security_group(GroupId=two)["GroupId"] == two
    ec2.delete_security_group(GroupId=one)


def test_a_group_has_as_many_rules_as_its_quota(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, *(f"10.{n}.0.0/16" for n in range(60))))
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(443, "10.99.0.0/16")) == (
        "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.",
    )  # fmt: skip


def test_rules_are_tagged_one_by_one(ec2, group):
    specifications = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "team", "Value": "a"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, "10.0.0.0/24"), TagSpecifications=specifications)
    (found,) = ec2.describe_security_group_rules(Filters=[{"Name": "tag:team", "Values": ["a"]}])["SecurityGroupRules"]
    assert found["Tags"] == [{"Key": "team", "Value": "a"}]
