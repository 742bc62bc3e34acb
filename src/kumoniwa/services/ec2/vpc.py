"""VPCs."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ec2 import default_network, filters, tag
from kumoniwa.services.ec2.cidr import checked, overlapping
from kumoniwa.services.ec2.dry_run import may_be_dry, without_dry_run
from kumoniwa.services.ec2.errors import (
    DependencyViolation,
    InvalidParameterCombination,
    InvalidParameterValue,
    MissingParameter,
    OperationNotPermitted,
    Refused,
)
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import (
    DHCP_OPTIONS,
    SECURITY_GROUP,
    VPC,
    Block,
    Endpoint,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    Peering,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    net,
    rules_of,
)

VPCS_MAX = 5
"""What a region's quota of VPCs is unless raised: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"""
BLOCKS_MAX = 5


def show(call: Call, vpc: Vpc) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "VpcId": vpc.id, "CidrBlock": vpc.blocks[0].cidr, "DhcpOptionsId": vpc.dhcp, "InstanceTenancy": vpc.tenancy, "IsDefault": vpc.is_default,
        "OwnerId": call.account, "State": "available", "CidrBlockAssociationSet": [_block(each) for each in vpc.blocks],
        "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
    }  # fmt: skip
    return shown | ({"Tags": tag.shown(vpc.tags)} if vpc.tags else {})


def _block(block: Block) -> dict[str, Any]:
    return {"AssociationId": block.id, "CidrBlock": block.cidr, "CidrBlockState": {"State": block.state}}


@may_be_dry
def CreateVpc(
    call: Call, *, CidrBlock: str | None = None, InstanceTenancy: str | None = None, AmazonProvidedIpv6CidrBlock: bool | None = None,
    TagSpecifications: list[dict] | None = None,
) -> dict:  # fmt: skip
    if AmazonProvidedIpv6CidrBlock:
        raise NotImplementedHere("IPv6 blocks of VPCs")
    if not CidrBlock:
        raise MissingParameter("Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    block = checked(CidrBlock, "cidrBlock", "InvalidVpc.Range")
    if InstanceTenancy not in (None, "default", "dedicated"):
        raise Refused("UnsupportedTenancy", f"The tenancy value {InstanceTenancy} is not supported.")
    if len(call.shelf(Vpc)) >= VPCS_MAX:
        raise Refused("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
    id_ = fresh(call, "vpc")
    tags = tag.of_new(call, TagSpecifications, VPC, id_)
    vpc = default_network.furnished(call, block, tenancy=InstanceTenancy or "default", id_=id_, tags=tags)
    return {"Vpc": show(call, vpc) | {"State": "pending", "Ipv6CidrBlockAssociationSet": []}}


@may_be_dry
def CreateDefaultVpc(call: Call) -> dict:
    if any(each.is_default for each in call.shelf(Vpc).values()):
        raise Refused("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
    return {"Vpc": show(call, default_network.make(call))}


@may_be_dry
def DeleteVpc(call: Call, *, VpcId: str) -> None:
    """Its main route table, default network ACL and default security group go with it; all else must be gone."""
    vpc = existing(call, VPC, VpcId)
    kinds: tuple[type[Any], ...] = (Subnet, InternetGateway, Endpoint)
    depends = any(each.vpc == VpcId for kind in kinds for each in call.shelf(kind).values())
    depends = depends or any(each.vpc == VpcId and each.is_kept for each in call.shelf(NatGateway).values())
    tables, acls, groups = ([each for each in call.shelf(kind).values() if each.vpc == VpcId] for kind in (RouteTable, NetworkAcl, SecurityGroup))
    depends = depends or not (len(tables) == len(acls) == len(groups) == 1)
    sides = [side for each in call.shelf(Peering).values() if each.state == "active" for side in (each.requester, each.accepter)]
    if depends or any((side.account, side.vpc) == (call.account, VpcId) for side in sides):
        raise DependencyViolation(f"The vpc '{VpcId}' has dependencies and cannot be deleted.")
    for rule in rules_of(call, groups[0].id):
        del call.shelf(type(rule))[rule.id]
    for each in (*tables, *acls, *groups, vpc):
        del call.shelf(type(each))[each.id]


_NAMES: filters.Names = {
    "cidr": "CidrBlock", "cidr-block": "CidrBlock", "cidrBlock": "CidrBlock", "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
    "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
    "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State", "dhcp-options-id": "DhcpOptionsId", "dhcpOptionsId": "DhcpOptionsId",
    "ipv6-cidr-block-association.ipv6-cidr-block": lambda shown: None, "ipv6-cidr-block-association.association-id": lambda shown: None,
    "ipv6-cidr-block-association.state": lambda shown: None,
    "ipv6-cidr-block-association.ipv6-pool": lambda shown: None,
    "is-default": "IsDefault", "isDefault": "IsDefault", "owner-id": "OwnerId", "state": "State", "vpc-id": "VpcId",
}  # fmt: skip


@may_be_dry
def DescribeVpcs(call: Call, *, VpcIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"Vpcs": described(call, VPC, VpcIds, Filters, _NAMES, show)}


# Attributes ----------------------------------------------------------------------------------------

_ATTRIBUTES = {"enableDnsSupport": "resolves", "enableDnsHostnames": "names_hosts", "enableNetworkAddressUsageMetrics": "measures"}


@may_be_dry
def DescribeVpcAttribute(call: Call, *, VpcId: str, Attribute: str) -> dict:
    if Attribute not in _ATTRIBUTES:
        raise InvalidParameterValue(f"Value ({Attribute}) for parameter attribute is invalid. Unknown attribute.")
    vpc = existing(call, VPC, VpcId)
    return {"VpcId": VpcId, Attribute[:1].upper() + Attribute[1:]: {"Value": getattr(vpc, _ATTRIBUTES[Attribute])}}


@without_dry_run
def ModifyVpcAttribute(
    call: Call, *, VpcId: str, EnableDnsHostnames: dict | None = None, EnableDnsSupport: dict | None = None,
    EnableNetworkAddressUsageMetrics: dict | None = None,
) -> None:  # fmt: skip
    said = {"resolves": EnableDnsSupport, "names_hosts": EnableDnsHostnames, "measures": EnableNetworkAddressUsageMetrics}
    given = {name: bool(value.get("Value")) for name, value in said.items() if value is not None}
    if len(given) != 1:
        if not given:
            raise MissingParameter("The request must contain exactly one attribute to modify")
        raise InvalidParameterCombination("Fields for multiple attribute types specified")
    keep(call, existing(call, VPC, VpcId), **given)


@may_be_dry
def ModifyVpcTenancy(call: Call, *, VpcId: str, InstanceTenancy: str) -> dict:
    if InstanceTenancy != "default":
        raise Refused("UnsupportedTenancy", f"The tenancy value {InstanceTenancy} is not supported.")
    keep(call, existing(call, VPC, VpcId), tenancy=InstanceTenancy)
    return {"ReturnValue": True}


@may_be_dry
def AssociateDhcpOptions(call: Call, *, DhcpOptionsId: str, VpcId: str) -> None:
    """``default`` means none: a VPC then has no options at all."""
    if DhcpOptionsId != "default":
        existing(call, DHCP_OPTIONS, DhcpOptionsId)
    keep(call, existing(call, VPC, VpcId), dhcp=DhcpOptionsId)


# Further blocks ------------------------------------------------------------------------------------


@without_dry_run
def AssociateVpcCidrBlock(
    call: Call, *, VpcId: str, CidrBlock: str | None = None, AmazonProvidedIpv6CidrBlock: bool | None = None
) -> dict:
    """All its route tables get a local route to the new block."""
    if AmazonProvidedIpv6CidrBlock:
        raise NotImplementedHere("IPv6 blocks of VPCs")
    vpc = existing(call, VPC, VpcId)
    if not CidrBlock:
        raise MissingParameter("The request must contain the parameter cidrBlock")
    cidr = checked(CidrBlock, "cidrBlock", "InvalidVpc.Range")
    if len(vpc.blocks) >= BLOCKS_MAX:
        raise Refused("CidrLimitExceeded", f"This network '{VpcId}' has met its maximum number of allowed CIDRs: {BLOCKS_MAX}")
    if overlapping(cidr, vpc.cidrs):
        raise Refused("InvalidVpc.Range", f"The CIDR '{cidr}' is invalid.")
    block = Block(id=fresh(call, "vpc-cidr-assoc"), cidr=cidr)
    keep(call, vpc, blocks=(*vpc.blocks, block))
    for table in call.shelf(RouteTable).values():
        if table.vpc == VpcId:
            if any(each.to == cidr for each in table.routes):
                raise Refused("InvalidVpc.Range", f"The CIDR '{cidr}' is invalid.")
            keep(call, table, routes=(Route(to=cidr, by="local", origin="CreateRouteTable"), *table.routes))
    return {"VpcId": VpcId, "CidrBlockAssociation": _block(block) | {"CidrBlockState": {"State": "associating"}}}


@without_dry_run
def DisassociateVpcCidrBlock(call: Call, *, AssociationId: str) -> dict:
    vpc = next((each for each in call.shelf(Vpc).values() if any(one.id == AssociationId for one in each.blocks)), None)
    if vpc is None:
        raise Refused("InvalidVpcCidrBlockAssociationID.NotFound", f"The vpc CIDR block association ID '{AssociationId}' does not exist")
    block = next(each for each in vpc.blocks if each.id == AssociationId)
    if block is vpc.blocks[0]:
        raise OperationNotPermitted(
            f"The vpc CIDR block with association ID {AssociationId} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
        )
    if any(each.vpc == vpc.id and net(each.cidr).subnet_of(net(block.cidr)) for each in call.shelf(Subnet).values()):  # type: ignore[arg-type]
        # The words are ours.
        raise Refused("InvalidCidrInUse", f"The vpc CIDR block with association ID {AssociationId} has subnets and cannot be disassociated.")
    keep(call, vpc, blocks=tuple(each for each in vpc.blocks if each is not block))
    for table in call.shelf(RouteTable).values():
        if table.vpc == vpc.id:
            keep(call, table, routes=tuple(each for each in table.routes if not (each.by == "local" and each.to == block.cidr)))
    return {"VpcId": vpc.id, "CidrBlockAssociation": _block(block) | {"CidrBlockState": {"State": "disassociating"}}}


@may_be_dry
def GetSecurityGroupsForVpc(call: Call, *, VpcId: str, Filters: list[dict] | None = None) -> dict:
    existing(call, VPC, VpcId)

    def shown(call: Call, group: SecurityGroup) -> dict[str, Any]:
        return {
            "GroupId": group.id, "GroupName": group.name, "Description": group.description, "OwnerId": call.account, "PrimaryVpcId": group.vpc,
            "Tags": tag.shown(group.tags),
        }  # fmt: skip

    names: filters.Names = {
        "group-id": "GroupId", "group-name": "GroupName", "description": "Description", "owner-id": "OwnerId", "primary-vpc-id": "PrimaryVpcId",
    }  # fmt: skip
    groups = [each.id for each in call.shelf(SecurityGroup).values() if each.vpc == VpcId]
    return {"SecurityGroupForVpcs": described(call, SECURITY_GROUP, groups, Filters, names, shown)}
