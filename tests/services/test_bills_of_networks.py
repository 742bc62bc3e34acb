"""Bills of networks: NAT gateways, endpoints in each zone and public addresses, by the hour."""

import pytest
from bill_workshop import used
from network_workshop import Workshop


def stood(cloud, hours=1.0):
    """What stands in an hour, as levels."""
    before = used(cloud)
    cloud.sleep_dark(hours * 3_600)
    after = used(cloud)
    return {key: (after[key] - before.get(key, 0.0)) / hours for key in after if after[key] > before.get(key, 0.0)}


def test_gateways_endpoints_and_public_addresses_are_billed_while_they_are_there(cloud):
    shop = Workshop(cloud)
    vpc = shop.vpc()
    shop.gateway(vpc)
    subnets = [shop.subnet(vpc, f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{letter}") for n, letter in enumerate("ab")]
    address = shop.ec2.allocate_address()["AllocationId"]
    nat = shop.ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    said = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.sqs", "VpcEndpointType": "Interface", "PrivateDnsEnabled": False}
    endpoint = shop.ec2.create_vpc_endpoint(**said, SubnetIds=subnets)["VpcEndpoint"]["VpcEndpointId"]
    cloud.sleep(5)
    wanted = {("ec2:nat_gateway", nat): 1, ("ec2:interface_endpoint", endpoint): 2, ("ec2:public_ipv4", address): 1}
    assert stood(cloud) == pytest.approx(wanted, rel=0.01)
    shop.ec2.delete_nat_gateway(NatGatewayId=nat)
    shop.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    cloud.sleep(5)
    assert stood(cloud) == pytest.approx({("ec2:public_ipv4", address): 1}, rel=0.01)
