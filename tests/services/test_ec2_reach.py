"""What reaches what in networks, layer by layer.

Rules: https://docs.aws.amazon.com/vpc/latest/userguide/, pages vpc-security-groups, nacl-basics, subnet-route-tables, nat-gateway-basics.
"""

import pytest
from network_workshop import Workshop
from refusals import refused, refused_code

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.record import changed


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


# Endpoints, prefix lists and peers -----------------------------------------------------------------


def test_a_gateway_endpoint_leads_to_s3_without_the_internet(shop, pair):
    assert shop.stopped(pair["from"], service="s3") == "route"
    table = shop.table(pair["vpc"], pair["one"])
    made = shop.ec2.create_vpc_endpoint(VpcId=pair["vpc"], ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])["VpcEndpoint"]
    assert shop.judged(pair["from"], service="s3")["way"] == made["VpcEndpointId"]
    assert shop.stopped(pair["from"], service="dynamodb") == shop.stopped(pair["from"], service="sqs") == "route"
    prefix_list = shop.ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["*.s3"]}])["PrefixLists"][0]["PrefixListId"]
    shop.shut_out(pair["client"])
    assert shop.stopped(pair["from"], service="s3") == "security group egress"
    shop.allow(pair["client"], 443, prefix_list, egress=True)
    assert shop.stopped(pair["from"], service="s3") == ""
    (route,) = [each for each in shop.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"] if "DestinationPrefixListId" in each]
    assert (route["DestinationPrefixListId"], route["GatewayId"]) == (prefix_list, made["VpcEndpointId"])
    shop.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    assert shop.stopped(pair["from"], service="s3") == "route"


def test_an_interface_endpoint_is_behind_its_own_security_group(shop, pair):
    name = "com.amazonaws.us-east-1.secretsmanager"
    said = {"VpcId": pair["vpc"], "ServiceName": name, "VpcEndpointType": "Interface", "SubnetIds": [pair["two"]], "SecurityGroupIds": [pair["server"]]}
    text = f"Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {pair['vpc']}"
    assert refused(shop.ec2.create_vpc_endpoint, **said) == ("InvalidParameter", text)
    shop.ec2.modify_vpc_attribute(VpcId=pair["vpc"], EnableDnsHostnames={"Value": True})
    made = shop.ec2.create_vpc_endpoint(**said)["VpcEndpoint"]
    assert "secretsmanager.us-east-1.amazonaws.com" in [each["DnsName"] for each in made["DnsEntries"]]
    assert shop.stopped(pair["from"], service="secretsmanager") == "security group ingress"
    shop.allow(pair["server"], 443, pair["client"])
    verdict = shop.judged(pair["from"], service="secretsmanager")
    assert (verdict["way"], verdict["target"]) == (made["VpcEndpointId"], made["NetworkInterfaceIds"][0])
    assert refused_code(shop.ec2.delete_subnet, SubnetId=pair["two"]) == "DependencyViolation"
    shop.ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], PrivateDnsEnabled=False)
    assert shop.stopped(pair["from"], service="secretsmanager") == "route"
    shop.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    assert shop.ec2.describe_network_interfaces(NetworkInterfaceIds=[pair["from"]])["NetworkInterfaces"]
    assert refused_code(shop.ec2.describe_network_interfaces, NetworkInterfaceIds=made["NetworkInterfaceIds"]) == "InvalidNetworkInterfaceID.NotFound"


def test_endpoints_are_of_services_that_there_are_one_in_a_zone(shop, pair):
    make = shop.ec2.create_vpc_endpoint
    said = {"VpcId": pair["vpc"], "VpcEndpointType": "Interface"}
    assert refused(make, **said, ServiceName="com.amazonaws.us-east-1.none") == (
        "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.us-east-1.none' does not exist",
    )  # fmt: skip
    code = refused_code(make, **said, ServiceName="com.amazonaws.us-east-1.sqs", SubnetIds=[pair["one"], pair["two"]], PrivateDnsEnabled=False)
    assert code == "DuplicateSubnetsInSameZone"
    table = shop.table(pair["vpc"])
    make(VpcId=pair["vpc"], ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])
    assert refused_code(make, VpcId=pair["vpc"], ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table]) == "RouteAlreadyExists"


def test_a_customer_s_prefix_list_stands_for_its_blocks_as_they_are_now(shop, pair):
    entries = [{"Cidr": "10.0.1.0/24"}]
    made = shop.ec2.create_managed_prefix_list(PrefixListName="servers", MaxEntries=2, AddressFamily="IPv4", Entries=entries)["PrefixList"]
    id_ = made["PrefixListId"]
    shop.allow(pair["server"], 443)
    shop.shut_out(pair["client"])
    shop.allow(pair["client"], 443, id_, egress=True)
    assert shop.stopped(pair["from"], pair["to"]) == ""
    change = {"PrefixListId": id_, "RemoveEntries": [{"Cidr": "10.0.1.0/24"}]}
    assert refused_code(shop.ec2.modify_managed_prefix_list, **change, CurrentVersion=7) == "PrefixListVersionMismatch"
    shop.ec2.modify_managed_prefix_list(**change, CurrentVersion=1)
    assert shop.stopped(pair["from"], pair["to"]) == "security group egress"
    shop.ec2.restore_managed_prefix_list_version(PrefixListId=id_, PreviousVersion=1, CurrentVersion=2)
    assert shop.stopped(pair["from"], pair["to"]) == ""
    assert shop.ec2.get_managed_prefix_list_entries(PrefixListId=id_)["Entries"] == entries
    associated = shop.ec2.get_managed_prefix_list_associations(PrefixListId=id_)["PrefixListAssociations"]
    assert [each["ResourceId"] for each in associated] == [pair["client"]]


@pytest.mark.parametrize("other_account", ["000000000000", "111111111111"])
def test_peers_reach_each_other_if_both_route_to_the_other(cloud, shop, pair, other_account):
    theirs = Workshop(cloud, key=other_account)
    vpc = theirs.vpc("10.1.0.0/16")
    subnet, group = theirs.subnet(vpc, "10.1.0.0/24"), theirs.group(vpc)
    interface, address = theirs.interface(subnet, group)
    made = shop.ec2.create_vpc_peering_connection(VpcId=pair["vpc"], PeerVpcId=vpc, PeerOwnerId=other_account)["VpcPeeringConnection"]
    id_ = made["VpcPeeringConnectionId"]
    assert made["Status"]["Code"] == "initiating-request"
    table, back = shop.table(pair["vpc"], pair["one"]), theirs.table(vpc, subnet)
    shop.ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=id_)
    assert shop.stopped(pair["from"], address) == "route"
    if other_account != shop.account:
        assert refused_code(shop.ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=id_) == "OperationNotPermitted"
    theirs.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id_)
    pairs = [{"GroupId": pair["client"], "UserId": shop.account}]
    theirs.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": pairs}])
    verdict = shop.judged(pair["from"], address)
    assert verdict["layer"] == "route" and "The answer does not come back" in verdict["text"] or "no route" in verdict["text"]
    theirs.ec2.create_route(RouteTableId=back, DestinationCidrBlock="10.0.0.0/16", VpcPeeringConnectionId=id_)
    verdict = shop.judged(pair["from"], address)
    assert (verdict["is_allowed"], verdict["way"], verdict["target"]) == (True, id_, interface)
    theirs.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=id_)
    assert shop.stopped(pair["from"], address) == "route"
    assert shop.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"][0]["Status"]["Code"] == "deleted"


def test_peers_whose_blocks_overlap_fail(shop, pair):
    made = shop.ec2.create_vpc_peering_connection(VpcId=pair["vpc"], PeerVpcId=shop.vpc("10.0.128.0/17"))["VpcPeeringConnection"]
    assert made["Status"]["Code"] == "failed" and "Overlapping CIDR range" in made["Status"]["Message"]


def test_a_service_manages_the_interfaces_that_it_makes_alone(cloud, shop, pair):
    owner = changed(principals.root(shop.account), via=("lambda.amazonaws.com",))
    call = cloud.region().call("lambda", shop.account, owner)
    made = cloud.run(call.ask("ec2:CreateNetworkInterface", SubnetId=pair["one"], Groups=[pair["client"]]))["NetworkInterface"]
    assert (made["InterfaceType"], made["RequesterManaged"], made["Status"], made["Attachment"]["InstanceOwnerId"]) == ("lambda", True, "in-use", "amazon-aws")
    id_ = made["NetworkInterfaceId"]
    code, text = refused(shop.ec2.delete_network_interface, NetworkInterfaceId=id_)
    assert (code, text) == ("AuthFailure", "You do not have permission to access the specified resource.")
    cloud.run(call.ask("ec2:DeleteNetworkInterface", NetworkInterfaceId=id_))
    assert shop.stopped(id_, pair["to"]) == "source"


# Reachability Analyzer -----------------------------------------------------------------------------


def analyzed(shop, path):
    """What AWS's own analyzer of networks says of a path."""
    started = shop.ec2.start_network_insights_analysis(NetworkInsightsPathId=path)["NetworkInsightsAnalysis"]
    assert started["Status"] == "running"
    (found,) = shop.ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[started["NetworkInsightsAnalysisId"]])["NetworkInsightsAnalyses"]
    assert found["Status"] == "succeeded"
    return found


def test_the_analyzer_names_what_stands_in_the_way(shop, pair):
    """Codes: https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html"""
    target = next(each["NetworkInterfaceId"] for each in shop.ec2.describe_network_interfaces()["NetworkInterfaces"] if each["PrivateIpAddress"] == pair["to"])
    said = {"Source": pair["from"], "Destination": target, "Protocol": "tcp", "DestinationPort": 443}
    path = shop.ec2.create_network_insights_path(**said)["NetworkInsightsPath"]["NetworkInsightsPathId"]
    (why,) = analyzed(shop, path)["Explanations"]
    assert (why["ExplanationCode"], why["Direction"], [each["Id"] for each in why["SecurityGroups"]]) == ("ENI_SG_RULES_MISMATCH", "ingress", [pair["server"]])
    shop.allow(pair["server"], 443)
    found = analyzed(shop, path)
    assert found["NetworkPathFound"] and [each["Component"]["Id"] for each in found["ForwardPathComponents"]] == [pair["from"], target]
    acl = shop.acl(pair["vpc"], pair["one"])
    (why,) = analyzed(shop, path)["Explanations"]
    assert (why["ExplanationCode"], why["Acl"]["Id"], why["Subnet"]["Id"]) == ("SUBNET_ACL_RESTRICTION", acl, pair["one"])
    assert refused_code(shop.ec2.delete_network_insights_path, NetworkInsightsPathId=path) == "AnalysisExistsForNetworkInsightsPath"
    found = shop.ec2.describe_network_insights_analyses(NetworkInsightsPathId=path, Filters=[{"Name": "path-found", "Values": ["true"]}])
    assert len(found["NetworkInsightsAnalyses"]) == 1
    for each in shop.ec2.describe_network_insights_analyses()["NetworkInsightsAnalyses"]:
        shop.ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=each["NetworkInsightsAnalysisId"])
    shop.ec2.delete_network_insights_path(NetworkInsightsPathId=path)


def test_the_analyzer_follows_a_way_to_the_internet(shop, pair):
    gateway = shop.gateway(pair["vpc"])
    said = {"Source": pair["from"], "Destination": gateway, "DestinationIp": "198.51.100.7", "Protocol": "tcp", "DestinationPort": 443}
    path = shop.ec2.create_network_insights_path(**said)["NetworkInsightsPath"]["NetworkInsightsPathId"]
    (why,) = analyzed(shop, path)["Explanations"]
    assert why["ExplanationCode"] == "NO_ROUTE_TO_DESTINATION" and why["RouteTable"]["Id"].startswith("rtb-")
    table = shop.table(pair["vpc"], pair["one"])
    shop.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    (why,) = analyzed(shop, path)["Explanations"]
    assert (why["ExplanationCode"], why["InternetGateway"]["Id"]) == ("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", gateway)
    shop.ec2.associate_address(AllocationId=shop.ec2.allocate_address()["AllocationId"], NetworkInterfaceId=pair["from"])
    assert analyzed(shop, path)["NetworkPathFound"] is True
    assert refused_code(shop.ec2.create_network_insights_path, Source=gateway, Destination=pair["from"], Protocol="tcp", DestinationPort=22) == "NotImplemented"


# Over the internet ---------------------------------------------------------------------------------


def test_a_public_address_of_this_region_is_reached_over_the_internet_from_public_addresses(cloud, shop, private):
    """A rule that names a group does not know it any more out there: it sees the NAT gateway's address."""
    theirs = Workshop(cloud, key="111111111111")
    vpc = theirs.vpc("10.1.0.0/16")
    gateway, subnet, group = theirs.gateway(vpc), theirs.subnet(vpc, "10.1.0.0/24"), theirs.group(vpc)
    server, _ = theirs.interface(subnet, group)
    address = theirs.ec2.allocate_address()
    theirs.ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=server)
    shop.ec2.create_route(RouteTableId=private["public"], DestinationCidrBlock="0.0.0.0/0", GatewayId=private["gateway"])
    assert shop.stopped(private["from"], address["PublicIp"]) == "security group ingress"
    nat = shop.ec2.describe_nat_gateways(NatGatewayIds=[private["nat"]])["NatGateways"][0]["NatGatewayAddresses"][0]["PublicIp"]
    theirs.allow(group, 443, f"{nat}/32")
    assert shop.stopped(private["from"], address["PublicIp"]) == "route"
    table = theirs.table(vpc, subnet)
    theirs.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    verdict = shop.judged(private["from"], address["PublicIp"])
    assert (verdict["is_allowed"], verdict["way"], verdict["target"]) == (True, private["nat"], server)
    assert theirs.stopped(server, port=443, source="203.0.113.9") == "security group ingress"
    theirs.allow(group, 443, "203.0.113.0/24")
    assert theirs.stopped(server, port=443, source="203.0.113.9") == ""
    assert shop.stopped(private["from"], port=443, source="203.0.113.9") == "destination"
    assert shop.stopped(private["from"], "198.18.0.0") == "destination"
