"""AWS::EC2."""
# ruff: noqa: F401 (types)

from __future__ import annotations

from kumoniwa.deploy.resources.ec2_network import (
    EIP,
    VPC,
    DHCPOptions,
    EgressOnlyInternetGateway,
    EIPAssociation,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    NetworkAclEntry,
    Route,
    RouteTable,
    Subnet,
    SubnetNetworkAclAssociation,
    SubnetRouteTableAssociation,
    VPCCidrBlock,
    VPCDHCPOptionsAssociation,
    VPCGatewayAttachment,
)
from kumoniwa.deploy.resources.ec2_reaching import (
    NetworkInterface,
    PrefixList,
    SecurityGroup,
    SecurityGroupEgress,
    SecurityGroupIngress,
    VPCEndpoint,
    VPCPeeringConnection,
)
from kumoniwa.deploy.resources.ec2_volume import SnapshotBlockPublicAccess, Volume
