"""Networks that stacks make: the VPC that the CDK's ``ec2.Vpc`` synthesizes, its security groups and endpoints, changed and deleted."""

import json

import pytest
from network_workshop import Workshop


@pytest.fixture
def shop(cloud):
    return Workshop(cloud)


def deploy(shop, resources, verb="create", outputs=None, status=None):
    stacks = shop.cloud.client("cloudformation")
    if verb == "delete":
        name = stacks.describe_stacks(StackName="net")["Stacks"][0]["StackId"]
        stacks.delete_stack(StackName="net")
    else:
        body = json.dumps({"Resources": resources, **({"Outputs": outputs} if outputs else {})})
        name = getattr(stacks, f"{verb}_stack")(StackName="net", TemplateBody=body)["StackId"]
    for _ in range(600):
        found = stacks.describe_stacks(StackName=name)["Stacks"][0]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            break
        shop.cloud.sleep(0.5)
    wanted = status or f"{verb.upper()}_COMPLETE"
    events = stacks.describe_stack_events(StackName=name)["StackEvents"]
    assert found["StackStatus"] == wanted, [each.get("ResourceStatusReason") for each in events]
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())} | {"reasons": [each.get("ResourceStatusReason", "") for each in events]}


def ref(name):
    return {"Ref": name}


def get(name, attribute):
    return {"Fn::GetAtt": [name, attribute]}


def cdk_vpc(zones=2, nats=1):
    """As ``new ec2.Vpc(this, "V", { maxAzs: 2, natGateways: 1 })`` is written by aws-cdk-lib 2."""
    found = {"V": {"Type": "AWS::EC2::VPC", "Properties": {
        "CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True, "InstanceTenancy": "default",
        "Tags": [{"Key": "Name", "Value": "Net/V"}],
    }}}  # fmt: skip
    for offset, kind in ((0, "Public"), (2, "Private")):
        for n in range(1, zones + 1):
            name = f"V{kind}Subnet{n}"
            found |= {
                f"{name}Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {
                    "AvailabilityZone": {"Fn::Select": [n - 1, {"Fn::GetAZs": ""}]}, "CidrBlock": f"10.0.{64 * (offset + n - 1)}.0/18",
                    "MapPublicIpOnLaunch": kind == "Public", "VpcId": ref("V"),
                    "Tags": [{"Key": "aws-cdk:subnet-name", "Value": kind}, {"Key": "aws-cdk:subnet-type", "Value": kind}],
                }},
                f"{name}RouteTable": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("V"), "Tags": [{"Key": "Name", "Value": name}]}},
                f"{name}Association": {"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": {"RouteTableId": ref(f"{name}RouteTable"), "SubnetId": ref(f"{name}Subnet")}},
            }  # fmt: skip
            way = {"GatewayId": ref("VIGW")} if kind == "Public" else {"NatGatewayId": ref(f"VPublicSubnet{min(n, nats)}NATGateway")}
            found[f"{name}DefaultRoute"] = {"Type": "AWS::EC2::Route", "Properties": {"DestinationCidrBlock": "0.0.0.0/0", "RouteTableId": ref(f"{name}RouteTable"), **way}}
            if kind == "Public":
                found[f"{name}DefaultRoute"]["DependsOn"] = ["VVPCGW"]
                if n <= nats:
                    found[f"{name}EIP"] = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": [{"Key": "Name", "Value": name}]}}
                    found[f"{name}NATGateway"] = {"Type": "AWS::EC2::NatGateway", "DependsOn": [f"{name}DefaultRoute", f"{name}Association"], "Properties": {
                        "AllocationId": get(f"{name}EIP", "AllocationId"), "SubnetId": ref(f"{name}Subnet"), "Tags": [{"Key": "Name", "Value": name}],
                    }}  # fmt: skip
    found["VIGW"] = {"Type": "AWS::EC2::InternetGateway", "Properties": {"Tags": [{"Key": "Name", "Value": "Net/V"}]}}
    found["VVPCGW"] = {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": {"InternetGatewayId": ref("VIGW"), "VpcId": ref("V")}}
    return found


def group(*ingress, egress=None, description="d"):
    return {"Type": "AWS::EC2::SecurityGroup", "Properties": {
        "GroupDescription": description, "VpcId": ref("V"), "SecurityGroupIngress": list(ingress), **({"SecurityGroupEgress": egress} if egress else {}),
    }}  # fmt: skip


SHUT = [{"CidrIp": "255.255.255.255/32", "Description": "Disallow all traffic", "FromPort": 252, "IpProtocol": "icmp", "ToPort": 86}]
"""What the CDK says of a group with ``allowAllOutbound: false``."""


def test_a_vpc_of_the_cdk_reaches_the_internet_and_goes_again(shop):
    resources = cdk_vpc() | {"Client": group(), "Endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {
        "ServiceName": {"Fn::Join": ["", ["com.amazonaws.", {"Ref": "AWS::Region"}, ".s3"]]}, "VpcEndpointType": "Gateway", "VpcId": ref("V"),
        "RouteTableIds": [ref("VPrivateSubnet1RouteTable")],
    }}}  # fmt: skip
    outputs = {"Vpc": {"Value": ref("V")}, "Subnet": {"Value": ref("VPrivateSubnet1Subnet")}, "Client": {"Value": get("Client", "GroupId")},
               "Acl": {"Value": get("V", "DefaultNetworkAcl")}, "Blocks": {"Value": {"Fn::Join": [",", get("V", "CidrBlockAssociations")]}},
               "Zone": {"Value": get("VPublicSubnet2Subnet", "AvailabilityZone")}, "Endpoint": {"Value": ref("Endpoint")}}  # fmt: skip
    told = deploy(shop, resources, outputs=outputs)
    assert told["Zone"] == "us-east-1b" and told["Blocks"].startswith("vpc-cidr-assoc-") and told["Acl"].startswith("acl-")
    interface, _ = shop.interface(told["Subnet"], told["Client"])
    assert shop.judged(interface, "198.51.100.7")["way"].startswith("nat-")
    assert shop.judged(interface, service="s3")["way"] == told["Endpoint"]
    tags = {each["Key"]: each["Value"] for each in shop.ec2.describe_vpcs(VpcIds=[told["Vpc"]])["Vpcs"][0]["Tags"]}
    assert tags["Name"] == "Net/V" and tags["aws:cloudformation:logical-id"] == "V"
    shop.ec2.delete_network_interface(NetworkInterfaceId=interface)
    deploy(shop, {}, "delete")
    assert [each["IsDefault"] for each in shop.ec2.describe_vpcs()["Vpcs"]] == [True]
    assert shop.ec2.describe_addresses()["Addresses"] == []


def test_rules_of_a_group_follow_its_template(shop):
    vpc = {"V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}
    web = {"CidrIp": "0.0.0.0/0", "FromPort": 443, "ToPort": 443, "IpProtocol": "tcp", "Description": "from 0.0.0.0/0:443"}
    apart = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {
        "GroupId": get("Server", "GroupId"), "SourceSecurityGroupId": get("Client", "GroupId"), "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
    }}  # fmt: skip
    outputs = {"Server": {"Value": get("Server", "GroupId")}, "Client": {"Value": ref("Client")}}
    told = deploy(shop, vpc | {"Server": group(web, egress=SHUT), "Client": group(), "Apart": apart}, outputs=outputs)

    def rules(name):
        held = shop.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [told[name]]}])["SecurityGroupRules"]
        return sorted((each["IsEgress"], each["IpProtocol"], each["FromPort"], each.get("CidrIpv4") or each["ReferencedGroupInfo"]["GroupId"], each.get("Description", "")) for each in held)

    out = (True, "icmp", 252, "255.255.255.255/32", "Disallow all traffic")
    assert rules("Server") == [(False, "tcp", 443, "0.0.0.0/0", "from 0.0.0.0/0:443"), (False, "tcp", 5432, told["Client"], ""), out]
    assert rules("Client") == [(True, "-1", -1, "0.0.0.0/0", "")]
    other = {**web, "Description": "anybody"}
    deploy(shop, vpc | {"Server": group(other, {**other, "FromPort": 80, "ToPort": 80}), "Client": group()}, "update", outputs=outputs)
    everything = (True, "-1", -1, "0.0.0.0/0", "")
    assert rules("Server") == [(False, "tcp", 80, "0.0.0.0/0", "anybody"), (False, "tcp", 443, "0.0.0.0/0", "anybody"), everything]
    deploy(shop, {}, "delete")


def test_a_nat_gateway_that_cannot_be_made_says_why(shop):
    resources = {
        "V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "S": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.0.0.0/24", "VpcId": ref("V")}},
        "E": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
        "N": {"Type": "AWS::EC2::NatGateway", "Properties": {"SubnetId": ref("S"), "AllocationId": get("E", "AllocationId")}},
    }
    told = deploy(shop, resources, status="ROLLBACK_COMPLETE")
    assert any("has no Internet gateway attached" in each for each in told["reasons"])


def test_the_rest_of_a_network_by_a_template(shop):
    resources = {
        "V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "W": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}},
        "More": {"Type": "AWS::EC2::VPCCidrBlock", "Properties": {"CidrBlock": "10.2.0.0/16", "VpcId": ref("V")}},
        "S": {"Type": "AWS::EC2::Subnet", "DependsOn": "More", "Properties": {"CidrBlock": "10.2.0.0/24", "VpcId": ref("V")}},
        "Acl": {"Type": "AWS::EC2::NetworkAcl", "Properties": {"VpcId": ref("V")}},
        "Entry": {"Type": "AWS::EC2::NetworkAclEntry", "Properties": {
            "NetworkAclId": ref("Acl"), "RuleNumber": 100, "Protocol": 6, "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 443, "To": 443},
        }},
        "GoesBy": {"Type": "AWS::EC2::SubnetNetworkAclAssociation", "Properties": {"SubnetId": ref("S"), "NetworkAclId": ref("Acl")}},
        "List": {"Type": "AWS::EC2::PrefixList", "Properties": {"PrefixListName": "l", "AddressFamily": "IPv4", "MaxEntries": 3, "Entries": [{"Cidr": "10.9.0.0/16"}]}},
        "Group": group({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "SourcePrefixListId": get("List", "PrefixListId")}),
        "I": {"Type": "AWS::EC2::NetworkInterface", "Properties": {"SubnetId": ref("S"), "GroupSet": [ref("Group")], "SourceDestCheck": False, "Description": "x"}},
        "Peer": {"Type": "AWS::EC2::VPCPeeringConnection", "Properties": {"VpcId": ref("V"), "PeerVpcId": ref("W")}},
        "Options": {"Type": "AWS::EC2::DHCPOptions", "Properties": {"DomainName": "x.example", "DomainNameServers": ["AmazonProvidedDNS"]}},
        "Told": {"Type": "AWS::EC2::VPCDHCPOptionsAssociation", "Properties": {"VpcId": ref("V"), "DhcpOptionsId": ref("Options")}},
    }  # fmt: skip
    told = deploy(shop, resources, outputs={"I": {"Value": ref("I")}, "Ip": {"Value": get("I", "PrimaryPrivateIpAddress")}, "List": {"Value": ref("List")}})
    (shown,) = shop.ec2.describe_network_interfaces(NetworkInterfaceIds=[told["I"]])["NetworkInterfaces"]
    assert (shown["PrivateIpAddress"], shown["SourceDestCheck"], told["Ip"][:7]) == (told["Ip"], False, "10.2.0.")
    assert shop.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"][0]["Status"]["Code"] == "active"
    acl = shop.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [shown["SubnetId"]]}])["NetworkAcls"][0]
    assert not acl["IsDefault"] and [each["PortRange"] for each in acl["Entries"] if each["RuleNumber"] == 100] == [{"From": 443, "To": 443}]
    resources["Entry"]["Properties"] |= {"PortRange": {"From": 80, "To": 80}}
    resources["List"]["Properties"]["Entries"] = [{"Cidr": "10.8.0.0/16"}]
    deploy(shop, resources, "update", outputs={"List": {"Value": ref("List")}})
    assert shop.ec2.get_managed_prefix_list_entries(PrefixListId=told["List"])["Entries"] == [{"Cidr": "10.8.0.0/16"}]
    deploy(shop, {}, "delete")
    assert len(shop.ec2.describe_vpcs()["Vpcs"]) == 1 and shop.ec2.describe_managed_prefix_lists()["PrefixLists"][2:] == []


def test_a_template_names_the_zones_that_ec2_has(cloud):
    """In Tokyo there is no zone b for newer accounts."""
    cloud.region("ap-northeast-1")
    stacks, ec2 = (cloud.client(name, region="ap-northeast-1") for name in ("cloudformation", "ec2"))
    body = {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::Join": [",", {"Fn::GetAZs": ""}]}, "Name": "zones"}}}}
    stacks.create_stack(StackName="zones", TemplateBody=json.dumps(body))
    cloud.sleep(5)
    told = cloud.client("ssm", region="ap-northeast-1").get_parameter(Name="zones")["Parameter"]["Value"].split(",")
    assert told == [each["ZoneName"] for each in ec2.describe_availability_zones()["AvailabilityZones"]] == [f"ap-northeast-1{letter}" for letter in "acd"]
