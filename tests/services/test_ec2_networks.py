"""VPCs, subnets, route tables and gateways: what an account is given, makes, changes and deletes, and what it is refused.

Texts are those of the AWS CLI's and Terraform's users' reports, and of getmoto/moto's tests, which follow AWS's answers.
"""

import pytest
from network_workshop import Workshop
from refusals import refused, refused_code


@pytest.fixture
def shop(cloud):
    return Workshop(cloud)


@pytest.fixture
def ec2(shop):
    return shop.ec2


def only(listed):
    (found,) = (value for name, value in listed.items() if name != "ResponseMetadata")
    (one,) = found
    return one


def test_each_account_is_given_a_network_on_the_internet(cloud, ec2):
    """https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html"""
    vpc = only(ec2.describe_vpcs())
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["State"], "Tags" in vpc) == ("172.31.0.0/16", True, "available", False)
    subnets = ec2.describe_subnets()["Subnets"]
    assert [each["CidrBlock"] for each in subnets] == [f"172.31.{n}.0/20" for n in range(0, 96, 16)]
    assert {(each["DefaultForAz"], each["MapPublicIpOnLaunch"], each["AvailableIpAddressCount"]) for each in subnets} == {(True, True, 4091)}
    gateway = only(ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]))["InternetGatewayId"]
    table = only(ec2.describe_route_tables())
    assert [(each["DestinationCidrBlock"], each["GatewayId"], each["State"]) for each in table["Routes"]] == [
        ("172.31.0.0/16", "local", "active"), ("0.0.0.0/0", gateway, "active"),
    ]  # fmt: skip
    assert only(ec2.describe_security_groups())["GroupName"] == "default"
    assert len(only(ec2.describe_network_acls())["Associations"]) == 6
    assert only(ec2.describe_dhcp_options())["DhcpOptionsId"] == vpc["DhcpOptionsId"]
    theirs = cloud.client("ec2", key="111111111111")
    assert only(theirs.describe_vpcs())["VpcId"] != vpc["VpcId"]
    cloud.restart(kill=True)
    assert only(ec2.describe_vpcs()) == vpc
    attribute = next(each for each in ec2.describe_account_attributes()["AccountAttributes"] if each["AttributeName"] == "default-vpc")
    assert attribute["AttributeValues"] == [{"AttributeValue": vpc["VpcId"]}]


def test_a_default_network_that_was_deleted_stays_away_until_it_is_wanted(ec2):
    vpc = only(ec2.describe_vpcs())["VpcId"]
    assert refused(ec2.create_default_vpc) == ("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
    assert refused(ec2.delete_vpc, VpcId=vpc) == ("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    gateway = only(ec2.describe_internet_gateways())["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    for each in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=each["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_vpcs()["Vpcs"] == ec2.describe_route_tables()["RouteTables"] == ec2.describe_security_groups()["SecurityGroups"] == []
    assert refused_code(ec2.create_security_group, GroupName="g", Description="d") == "VPCIdNotSpecified"
    assert ec2.create_default_vpc()["Vpc"]["IsDefault"] is True
    subnet = ec2.describe_subnets()["Subnets"][0]
    text = f"'{subnet['SubnetId']}' is already the default subnet in us-east-1a."
    assert refused(ec2.create_default_subnet, AvailabilityZone="us-east-1a") == ("DefaultSubnetAlreadyExistsInAvailabilityZone", text)
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    assert ec2.create_default_subnet(AvailabilityZone="us-east-1a")["Subnet"]["CidrBlock"] == "172.31.0.0/20"


def test_a_vpc_begins_with_a_table_an_acl_and_a_group_and_they_go_with_it(shop, ec2):
    vpc = shop.vpc("10.1.2.3/16")
    assert only(ec2.describe_vpcs(VpcIds=[vpc]))["CidrBlock"] == "10.1.0.0/16"
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    table = only(ec2.describe_route_tables(Filters=of_vpc))
    assert table["Associations"][0]["Main"] and [each["GatewayId"] for each in table["Routes"]] == ["local"]
    acl = only(ec2.describe_network_acls(Filters=of_vpc))
    assert [(each["RuleNumber"], each["Egress"], each["RuleAction"]) for each in acl["Entries"]] == [
        (100, True, "allow"), (32767, True, "deny"), (100, False, "allow"), (32767, False, "deny"),
    ]  # fmt: skip
    group = only(ec2.describe_security_groups(Filters=of_vpc))
    assert group["IpPermissions"][0]["UserIdGroupPairs"] == [{"GroupId": group["GroupId"], "UserId": shop.account}]
    text = f'the specified group: "{group["GroupId"]}" name: "default" cannot be deleted by a user'
    assert refused(ec2.delete_security_group, GroupId=group["GroupId"]) == ("CannotDelete", text)
    assert refused(ec2.delete_network_acl, NetworkAclId=acl["NetworkAclId"])[0] == "InvalidParameterValue"
    ec2.delete_vpc(VpcId=vpc)
    assert refused(ec2.describe_vpcs, VpcIds=[vpc]) == ("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist")
    assert ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}])["SecurityGroupRules"] == []


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue", "Value (10.0.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block."),
        ({"CidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
        ({"CidrBlock": "10.0.0.0/29"}, "InvalidVpc.Range", "The CIDR '10.0.0.0/29' is invalid."),
        ({}, "MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."),
        ({"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "shared"}, "UnsupportedTenancy", "The tenancy value shared is not supported."),
        ({"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}, "NotImplemented", "Kumoniwa does not implement IPv6 blocks of VPCs."),
    ],
)
def test_a_vpc_is_refused(ec2, said, code, text):
    assert refused(ec2.create_vpc, **said) == (code, text)


def test_an_account_has_as_many_vpcs_as_its_quota(shop, ec2):
    for n in range(4):
        shop.vpc(f"10.{n}.0.0/16")
    assert refused(ec2.create_vpc, CidrBlock="10.9.0.0/16") == ("VpcLimitExceeded", "The maximum number of VPCs has been reached.")


def test_subnets_lie_in_their_vpc_beside_each_other(shop, ec2):
    vpc = shop.vpc("10.0.0.0/16")
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28", AvailabilityZone="us-east-1b")["Subnet"]
    assert (made["AvailabilityZoneId"], made["AvailableIpAddressCount"], made["MapPublicIpOnLaunch"]) == ("use1-az2", 11, False)
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.0.0/24") == ("InvalidSubnet.Conflict", "The CIDR '10.0.0.0/24' conflicts with another subnet")
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.1.0.0/24") == ("InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid.")
    code, text = refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1z")
    assert code == "InvalidParameterValue" and text.startswith("Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only be")
    ec2.modify_subnet_attribute(SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    assert only(ec2.describe_subnets(Filters=[{"Name": "map-public-ip-on-launch", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]))["SubnetId"] == made["SubnetId"]


def test_a_subnet_gives_all_its_addresses_but_five(shop, ec2):
    subnet = shop.subnet(shop.vpc(), "10.0.0.0/28")
    addresses = {shop.interface(subnet)[1] for _ in range(11)}
    assert addresses == {f"10.0.0.{n}" for n in range(4, 15)}
    text = "The specified subnet does not have enough free addresses to satisfy the request."
    assert refused(ec2.create_network_interface, SubnetId=subnet) == ("InsufficientFreeAddressesInSubnet", text)
    assert only(ec2.describe_subnets(SubnetIds=[subnet]))["AvailableIpAddressCount"] == 0
    assert refused(ec2.delete_subnet, SubnetId=subnet) == ("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")


def test_further_blocks_of_a_vpc_are_routed_and_can_have_subnets(shop, ec2):
    vpc = shop.vpc("10.0.0.0/16")
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    table = only(ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}]))
    assert {each["DestinationCidrBlock"] for each in table["Routes"]} == {"10.0.0.0/16", "10.1.0.0/16"}
    subnet = shop.subnet(vpc, "10.1.0.0/24")
    assert refused_code(ec2.disassociate_vpc_cidr_block, AssociationId=made["AssociationId"]) == "InvalidCidrInUse"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
    first = only(ec2.describe_vpcs(VpcIds=[vpc]))["CidrBlockAssociationSet"][0]["AssociationId"]
    text = f"The vpc CIDR block with association ID {first} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=first) == ("OperationNotPermitted", text)
    assert refused_code(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="10.0.128.0/17") == "InvalidVpc.Range"


def test_attributes_of_a_vpc_change_one_at_a_time(shop, ec2):
    vpc = shop.vpc()
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    shown = [ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[name[0].upper() + name[1:]]["Value"] for name in ("enableDnsHostnames", "enableDnsSupport")]
    assert shown == [True, True]
    both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": False}}
    assert refused_code(ec2.modify_vpc_attribute, VpcId=vpc, **both) == "InvalidParameterCombination"


# Routes --------------------------------------------------------------------------------------------


def test_a_route_leads_through_a_gateway_of_its_own_network(shop, ec2):
    vpc = shop.vpc()
    table, loose = shop.table(vpc), ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    said = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refused(ec2.create_route, **said, GatewayId=loose) == ("InvalidParameterValue", f"route table {table} and network gateway {loose} belong to different networks")
    gateway = shop.gateway(vpc)
    assert ec2.create_route(**said, GatewayId=gateway)["Return"] is True
    nat = f"nat-0{'1' * 16}"
    assert refused(ec2.replace_route, **said, NatGatewayId=nat) == ("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
    assert refused(ec2.create_route, RouteTableId=table, DestinationCidrBlock="10.0.1.0/24", GatewayId=gateway)[0] == "InvalidParameterValue"
    assert refused(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")[1] == f"cannot remove local route 10.0.0.0/16 in route table {table}"
    assert refused(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.9.0.0/16") == (
        "InvalidRoute.NotFound", f"no route with destination-cidr-block 10.9.0.0/16 in route table {table}",
    )  # fmt: skip
    other = shop.vpc("10.1.0.0/16")
    assert refused(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=other) == (
        "Resource.AlreadyAssociated", f"resource {gateway} is already attached to network {vpc}",
    )  # fmt: skip
    assert refused(ec2.attach_internet_gateway, InternetGatewayId=loose, VpcId=vpc) == (
        "InvalidParameterValue", f"Network {vpc} already has an internet gateway attached",
    )  # fmt: skip
    assert refused(ec2.delete_internet_gateway, InternetGatewayId=gateway)[0] == "DependencyViolation"
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (route,) = [each for each in only(ec2.describe_route_tables(RouteTableIds=[table]))["Routes"] if each["DestinationCidrBlock"] == "0.0.0.0/0"]
    assert route["State"] == "blackhole"
    again = {**said, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": shop.gateway(vpc)}
    assert refused(ec2.create_route, **again) == ("RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.")


def test_a_subnet_goes_by_the_main_table_or_by_one_of_its_own(shop, ec2):
    vpc = shop.vpc()
    subnet, table, other = shop.subnet(vpc), shop.table(vpc), shop.table(vpc)
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"] == association
    text = f"the specified association for route table {other} conflicts with an existing association"
    assert refused(ec2.associate_route_table, RouteTableId=other, SubnetId=subnet) == ("Resource.AlreadyAssociated", text)
    assert refused(ec2.delete_route_table, RouteTableId=table) == ("DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted.")
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)["NewAssociationId"]
    ec2.delete_route_table(RouteTableId=table)
    ec2.disassociate_route_table(AssociationId=moved)
    main = next(each for each in ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"] if each["Associations"])
    held = main["Associations"][0]["RouteTableAssociationId"]
    assert refused(ec2.disassociate_route_table, AssociationId=held)[0] == "InvalidParameterValue"
    ec2.replace_route_table_association(AssociationId=held, RouteTableId=other)
    assert only(ec2.describe_route_tables(RouteTableIds=[other]))["Associations"][0]["Main"] is True
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])


# Gateways and addresses ----------------------------------------------------------------------------


def test_a_nat_gateway_holds_its_address_until_it_is_deleted(shop, ec2):
    vpc = shop.vpc()
    subnet, address = shop.subnet(vpc), ec2.allocate_address()
    failed = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
    shown = only(ec2.describe_nat_gateways(NatGatewayIds=[failed]))
    assert (shown["State"], shown["FailureCode"]) == ("failed", "Gateway.NotAttached")
    shop.gateway(vpc)
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]
    assert made["State"] == "pending"
    nat = made["NatGatewayId"]
    shown = only(ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}]))
    assert shown["NatGatewayAddresses"][0]["PublicIp"] == address["PublicIp"]
    own = only(ec2.describe_network_interfaces(NetworkInterfaceIds=[shown["NatGatewayAddresses"][0]["NetworkInterfaceId"]]))
    assert (own["InterfaceType"], own["RequesterManaged"], own["Association"]["PublicIp"]) == ("nat_gateway", True, address["PublicIp"])
    assert refused_code(ec2.delete_network_interface, NetworkInterfaceId=own["NetworkInterfaceId"]) == "AuthFailure"
    assert refused_code(ec2.release_address, AllocationId=address["AllocationId"]) == "InvalidIPAddress.InUse"
    assert refused_code(ec2.delete_vpc, VpcId=vpc) == refused_code(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert only(ec2.describe_nat_gateways(NatGatewayIds=[nat]))["State"] == "deleted"
    ec2.release_address(AllocationId=address["AllocationId"])
    ec2.delete_subnet(SubnetId=subnet)
    shop.cloud.sleep(3_700)
    assert ec2.describe_nat_gateways()["NatGateways"] == []
    assert refused(ec2.delete_nat_gateway, NatGatewayId=f"nat-0{'1' * 16}") == ("NatGatewayNotFound", f"The Nat Gateway nat-0{'1' * 16} was not found")


def test_a_nat_gateway_takes_its_time_at_the_real_pace(make_cloud):
    shop = Workshop(make_cloud(pace="real"))
    vpc = shop.vpc()
    subnet = shop.subnet(vpc)
    shop.gateway(vpc)
    shop.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=shop.ec2.allocate_address()["AllocationId"])
    states = []
    for seconds in (0, 120):
        shop.cloud.sleep(seconds)
        states.append(only(shop.ec2.describe_nat_gateways())["State"])
    assert states == ["pending", "available"]


def test_an_elastic_address_stands_for_one_of_an_interface(shop, ec2):
    vpc = shop.vpc()
    interface, private = shop.interface(shop.subnet(vpc))
    address = ec2.allocate_address()
    said = {"AllocationId": address["AllocationId"], "NetworkInterfaceId": interface}
    assert refused(ec2.associate_address, **said) == ("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway")
    gateway = shop.gateway(vpc)
    association = ec2.associate_address(**said)["AssociationId"]
    assert only(ec2.describe_addresses(Filters=[{"Name": "private-ip-address", "Values": [private]}]))["AssociationId"] == association
    text = f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
    assert refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == ("DependencyViolation", text)
    assert only(ec2.describe_addresses_attribute(AllocationIds=[address["AllocationId"]], Attribute="domain-name")) == {
        "PublicIp": address["PublicIp"], "AllocationId": address["AllocationId"],
    }  # fmt: skip
    ec2.disassociate_address(AssociationId=association)
    assert refused(ec2.disassociate_address, AssociationId=association) == ("InvalidAssociationID.NotFound", f"The association ID '{association}' does not exist")
    ec2.release_address(AllocationId=address["AllocationId"])
    assert refused(ec2.release_address, AllocationId=address["AllocationId"])[0] == "InvalidAllocationID.NotFound"
    for _ in range(5):
        ec2.allocate_address()
    assert refused(ec2.allocate_address) == ("AddressLimitExceeded", "The maximum number of addresses has been reached.")


def test_interfaces_have_the_addresses_and_groups_they_ask_for(shop, ec2):
    vpc = shop.vpc()
    subnet, group = shop.subnet(vpc), shop.group(vpc)
    interface, address = shop.interface(subnet, group, PrivateIpAddress="10.0.0.10", SecondaryPrivateIpAddressCount=2, Description="x")
    assert address == "10.0.0.10"
    shown = only(ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}]))
    assert [each["Primary"] for each in shown["PrivateIpAddresses"]] == [True, False, False]
    assert (shown["Status"], shown["RequesterManaged"], shown["AvailabilityZone"]) == ("available", False, "us-east-1a")
    said = {"SubnetId": subnet}
    assert refused(ec2.create_network_interface, **said, PrivateIpAddress="10.0.0.10") == ("InvalidIPAddress.InUse", "The specified address is already in use.")
    assert refused(ec2.create_network_interface, **said, PrivateIpAddress="10.0.9.9")[1] == "Address does not fall within the subnet's address range"
    assert refused(ec2.create_network_interface, **said, PrivateIpAddress="10.0.0.3")[1] == "Address is in subnet's reserved address range"
    assert refused(ec2.delete_security_group, GroupId=group) == ("DependencyViolation", f"resource {group} has a dependent object")
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    assert ec2.describe_network_interface_attribute(NetworkInterfaceId=interface, Attribute="sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=["10.0.0.77"])
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=["10.0.0.77"])
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    text = f"The networkInterface ID '{interface}' does not exist"
    assert refused(ec2.delete_network_interface, NetworkInterfaceId=interface) == ("InvalidNetworkInterfaceID.NotFound", text)


# What all of them share ----------------------------------------------------------------------------


def test_an_id_of_another_kind_is_malformed(ec2):
    assert refused(ec2.describe_subnets, SubnetIds=["vpc-12345678"]) == ("InvalidSubnetID.Malformed", 'Invalid id: "vpc-12345678" (expecting "subnet-...")')


def test_tags_are_set_with_what_is_made_found_by_filters_and_told(shop, ec2):
    specifications = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "blue green"}]}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specifications)["Vpc"]["VpcId"]
    assert only(ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["blue*"]}]))["VpcId"] == vpc
    ec2.create_tags(Resources=[vpc, shop.subnet(vpc)], Tags=[{"Key": "team", "Value": "a"}])
    rows = ec2.describe_tags(Filters=[{"Name": "tag:team", "Values": ["a"]}])["Tags"]
    assert sorted(each["ResourceType"] for each in rows) == ["subnet", "vpc"]
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "team", "Value": "other"}, {"Key": "Name"}])
    assert only(ec2.describe_vpcs(VpcIds=[vpc]))["Tags"] == [{"Key": "team", "Value": "a"}]
    assert refused(ec2.delete_tags, Resources=[vpc], Tags=[{"Value": "a"}]) == ("MissingParameter", "Tag key must not be empty or null")
    wrong = [{"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}]
    assert refused(ec2.create_vpc, CidrBlock="10.1.0.0/16", TagSpecifications=wrong) == (
        "InvalidParameter", "'subnet' is not a valid taggable resource type for this operation.",
    )  # fmt: skip
    text = "Tag keys starting with 'aws:' are reserved for internal use"
    assert refused(ec2.create_tags, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": ""}]) == ("InvalidParameterValue", text)


def test_a_dry_run_leaves_nothing_behind(ec2):
    before = len(ec2.describe_vpcs()["Vpcs"])
    assert refused_code(ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True) == "DryRunOperation"
    assert refused_code(ec2.create_vpc, CidrBlock="10.0.0.0/8", DryRun=True) == "InvalidVpc.Range"
    assert len(ec2.describe_vpcs()["Vpcs"]) == before


def test_a_client_token_makes_one_thing_once(shop, ec2):
    vpc = shop.vpc()
    first = ec2.create_route_table(VpcId=vpc, ClientToken="t")["RouteTable"]["RouteTableId"]
    assert ec2.create_route_table(VpcId=vpc, ClientToken="t")["RouteTable"]["RouteTableId"] == first
    assert refused_code(ec2.create_route_table, VpcId=shop.vpc("10.1.0.0/16"), ClientToken="t") == "IdempotentParameterMismatch"


def test_pages_are_cut_and_follow_each_other(ec2):
    first = ec2.describe_subnets(MaxResults=5)
    rest = ec2.describe_subnets(MaxResults=5, NextToken=first["NextToken"])
    assert (len(first["Subnets"]), len(rest["Subnets"]), "NextToken" in rest) == (5, 1, False)
    assert refused(ec2.describe_subnets, MaxResults=1001)[1] == "Value ( 1001 ) for parameter maxResults is invalid. Expecting a value less than 1000."
    assert refused_code(ec2.describe_subnets, NextToken="other") == "InvalidNextToken"


def test_options_of_dhcp_stay_while_a_vpc_goes_by_them(shop, ec2):
    options = ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["x.example"]}])["DhcpOptions"]["DhcpOptionsId"]
    vpc = shop.vpc()
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    text = f"The dhcpOptions '{options}' has dependencies and cannot be deleted."
    assert refused(ec2.delete_dhcp_options, DhcpOptionsId=options) == ("DependencyViolation", text)
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=options)
    assert refused_code(ec2.create_dhcp_options, DhcpConfigurations=[{"Key": "colour", "Values": ["x"]}]) == "InvalidParameterValue"


def test_what_the_cdk_asks_when_it_looks_a_vpc_up_is_answered(shop, ec2):
    """aws-cdk, packages/aws-cdk/lib/context-providers/vpcs.ts: the VPC, its subnets, their route tables, and a gateway to elsewhere."""
    vpc = only(ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}]))["VpcId"]
    said = [{"Name": "vpc-id", "Values": [vpc]}]
    assert len(ec2.describe_subnets(Filters=said)["Subnets"]) == 6 and len(ec2.describe_route_tables(Filters=said)["RouteTables"]) == 1
    gateways = [{"Name": "attachment.vpc-id", "Values": [vpc]}, {"Name": "attachment.state", "Values": ["attached"]}, {"Name": "state", "Values": ["available"]}]
    assert ec2.describe_vpn_gateways(Filters=gateways)["VpnGateways"] == []
    assert refused(ec2.create_vpn_gateway, Type="ipsec.1")[0] == "NotImplemented"


def test_a_kill_leaves_networks_whole_or_not_made_at_all(cloud, ec2):
    """Whatever was answered is there afterwards, and nothing is there in part."""
    begun = [cloud.start(ec2.create_vpc, CidrBlock=f"10.{n}.0.0/16") for n in range(3)]
    done = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    interface = ec2.create_network_interface(SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    cloud.restart(kill=True)
    assert all(task.done() for task in begun)
    vpcs = {each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]}
    assert done in vpcs and ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    for operation, member in (("describe_route_tables", "RouteTables"), ("describe_network_acls", "NetworkAcls"), ("describe_security_groups", "SecurityGroups")):
        held = getattr(ec2, operation)()[member]
        assert sorted(each["VpcId"] for each in held) == sorted(vpcs)
