"""What reaches what in networks, layer by layer.

Rules: https://docs.aws.amazon.com/vpc/latest/userguide/, pages vpc-security-groups, nacl-basics, subnet-route-tables, nat-gateway-basics.
"""

import pytest
from network_workshop import Workshop


@pytest.fixture
def shop(cloud):
    return Workshop(cloud)


@pytest.fixture
def pair(shop):
    """A client and a server in two subnets of one VPC, each with a group of its own."""
    vpc = shop.vpc()
    one, two = shop.subnet(vpc, "10.0.0.0/24"), shop.subnet(vpc, "10.0.1.0/24")
    client, server = shop.group(vpc, "client"), shop.group(vpc, "server")
    return {
        "vpc": vpc, "one": one, "two": two, "client": client, "server": server, "from": shop.interface(one, client)[0],
        "to": shop.interface(two, server)[1],
    }  # fmt: skip


def test_a_security_group_lets_in_what_one_of_its_rules_allows(shop, pair):
    assert shop.stopped(pair["from"], pair["to"], 5432) == "security group ingress"
    shop.allow(pair["server"], 5432, pair["client"])
    assert shop.stopped(pair["from"], pair["to"], 5432) == ""
    assert shop.stopped(pair["from"], pair["to"], 5433) == "security group ingress"
    other, _ = shop.interface(pair["one"], pair["server"])
    assert shop.stopped(other, pair["to"], 5432) == "security group ingress"


def test_a_rule_for_a_block_asks_for_the_source_s_private_address(shop, pair):
    shop.allow(pair["server"], 443, "10.0.1.0/24")
    assert shop.stopped(pair["from"], pair["to"]) == "security group ingress"
    shop.allow(pair["server"], 443, "10.0.0.0/24")
    verdict = shop.judged(pair["from"], pair["to"])
    assert (verdict["is_allowed"], verdict["way"]) == (True, "local")


def test_what_no_rule_lets_out_goes_nowhere(shop, pair):
    shop.allow(pair["server"], 443)
    shop.shut_out(pair["client"])
    assert shop.stopped(pair["from"], pair["to"]) == "security group egress"
    shop.allow(pair["client"], 443, pair["server"], egress=True)
    assert shop.stopped(pair["from"], pair["to"]) == ""


def test_a_group_remembers_and_lets_answers_out_without_a_rule(shop, pair):
    shop.allow(pair["server"], 443)
    shop.shut_out(pair["server"])
    assert shop.stopped(pair["from"], pair["to"]) == ""


def test_a_network_acl_decides_by_its_first_rule_that_fits(shop, pair):
    shop.allow(pair["server"], 443)
    everything = (0, 65_535)
    ports = [(100, False, "deny", (443, 443), "10.0.0.0/25"), (200, False, "allow", everything, "0.0.0.0/0"), (100, True, "allow", everything, "0.0.0.0/0")]
    acl = shop.acl(pair["vpc"], pair["two"], *ports)
    near, _ = shop.interface(pair["one"], pair["client"], PrivateIpAddress="10.0.0.20")
    far, _ = shop.interface(pair["one"], pair["client"], PrivateIpAddress="10.0.0.200")
    assert shop.judged(near, pair["to"])["text"] == f"Rule 100 of {acl}, which {pair['two']} goes by, denies tcp port 443 from 10.0.0.20."
    assert shop.stopped(far, pair["to"]) == ""
    shop.ec2.replace_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False, RuleAction="allow", Protocol="-1", CidrBlock="0.0.0.0/0")
    assert shop.stopped(near, pair["to"]) == ""


def test_a_network_acl_does_not_remember_so_that_answers_need_a_rule_of_their_own(shop, pair):
    shop.allow(pair["server"], 443)
    inside = (100, False, "allow", (443, 443), "0.0.0.0/0")
    acl = shop.acl(pair["vpc"], pair["two"], inside)
    assert shop.judged(pair["from"], pair["to"])["layer"] == "network ACL egress of the answer"
    said = {"NetworkAclId": acl, "RuleNumber": 100, "Egress": True, "RuleAction": "allow", "Protocol": "6", "CidrBlock": "10.0.0.0/16"}
    shop.ec2.create_network_acl_entry(**said, PortRange={"From": 32_768, "To": 65_535})
    assert "denies tcp ports 1024 to 32767" in shop.judged(pair["from"], pair["to"])["text"]
    shop.ec2.replace_network_acl_entry(**said, PortRange={"From": 1_024, "To": 65_535})
    assert shop.stopped(pair["from"], pair["to"]) == ""
    shop.acl(pair["vpc"], pair["one"], (100, True, "allow", (443, 443), "0.0.0.0/0"))
    assert shop.stopped(pair["from"], pair["to"]) == "network ACL ingress of the answer"


def test_no_network_acl_stands_between_two_of_the_same_subnet(shop, pair):
    shop.acl(pair["vpc"], pair["one"])
    _, address = shop.interface(pair["one"], pair["server"])
    shop.allow(pair["server"], 443)
    assert shop.stopped(pair["from"], address) == ""
    assert shop.stopped(pair["from"], pair["to"]) == "network ACL egress"


def test_nobody_answers_where_no_interface_is(shop, pair):
    assert shop.stopped(pair["from"], "10.0.1.250") == "destination"
    assert shop.stopped(pair["from"], "fd00::1") == "destination"
    assert shop.stopped("eni-00000000000000000", pair["to"]) == "source"


def test_the_resolver_of_a_vpc_is_behind_no_group(shop, pair):
    shop.shut_out(pair["client"])
    assert shop.stopped(pair["from"], "10.0.0.2", 53) == shop.stopped(pair["from"], "169.254.169.253", 53) == ""


def test_the_internet_is_reached_by_a_gateway_with_a_public_address(shop, pair):
    assert shop.stopped(pair["from"], "198.51.100.7") == "route"
    gateway = shop.gateway(pair["vpc"])
    table = shop.table(pair["vpc"], pair["one"])
    shop.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert shop.stopped(pair["from"], "198.51.100.7") == "gateway"
    address = shop.ec2.allocate_address()["AllocationId"]
    shop.ec2.associate_address(AllocationId=address, NetworkInterfaceId=pair["from"])
    verdict = shop.judged(pair["from"], "198.51.100.7")
    assert (verdict["is_allowed"], verdict["way"]) == (True, gateway)


@pytest.fixture
def private(shop, pair):
    """The same with a NAT gateway in the second subnet, for the first."""
    gateway = shop.gateway(pair["vpc"])
    public = shop.table(pair["vpc"], pair["two"])
    address = shop.ec2.allocate_address()["AllocationId"]
    nat = shop.ec2.create_nat_gateway(SubnetId=pair["two"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    table = shop.table(pair["vpc"], pair["one"])
    shop.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    return {**pair, "nat": nat, "gateway": gateway, "public": public, "private": table}


def test_a_nat_gateway_leads_out_if_its_own_subnet_does(shop, private):
    assert shop.stopped(private["from"], "198.51.100.7") == "route"
    shop.ec2.create_route(RouteTableId=private["public"], DestinationCidrBlock="0.0.0.0/0", GatewayId=private["gateway"])
    assert shop.judged(private["from"], "198.51.100.7")["way"] == private["nat"]
    shop.ec2.delete_nat_gateway(NatGatewayId=private["nat"])
    verdict = shop.judged(private["from"], "198.51.100.7")
    assert verdict["layer"] == "route" and "leads nowhere" in verdict["text"]


def test_a_nat_gateway_s_subnet_filters_both_ways(shop, private):
    shop.ec2.create_route(RouteTableId=private["public"], DestinationCidrBlock="0.0.0.0/0", GatewayId=private["gateway"])
    out, back = (100, True, "allow", (443, 443), "0.0.0.0/0"), (110, True, "allow", (1_024, 65_535), "10.0.0.0/16")
    shop.acl(private["vpc"], private["two"], out, back, (100, False, "allow", (443, 443), "10.0.0.0/16"))
    assert shop.stopped(private["from"], "198.51.100.7") == "network ACL ingress of the answer"
    shop.acl(private["vpc"], private["two"], out, back, (100, False, "allow", (443, 443), "10.0.0.0/16"), (110, False, "allow", (1_024, 65_535), "0.0.0.0/0"))
    assert shop.stopped(private["from"], "198.51.100.7") == ""
    assert shop.stopped(private["from"], "198.51.100.7", 80) == "network ACL ingress"


def test_the_most_specific_route_is_taken(shop, private):
    shop.ec2.create_route(RouteTableId=private["public"], DestinationCidrBlock="0.0.0.0/0", GatewayId=private["gateway"])
    shop.ec2.create_route(RouteTableId=private["private"], DestinationCidrBlock="198.51.100.0/24", GatewayId=private["gateway"])
    assert shop.stopped(private["from"], "198.51.100.7") == "gateway"
    assert shop.stopped(private["from"], "198.51.101.7") == ""


def test_a_verdict_is_the_same_after_a_kill(shop, pair):
    shop.allow(pair["server"], 5432, pair["client"])
    shop.cloud.restart(kill=True)
    assert shop.stopped(pair["from"], pair["to"], 5432) == ""
    assert shop.stopped(pair["from"], pair["to"], 5433) == "security group ingress"
