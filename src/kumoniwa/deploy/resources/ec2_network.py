"""AWS::EC2: VPCs with their subnets, routes, gateways and network ACLs."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_text,
    at,
    carries,
    either,
    gone_tags,
    made,
    p,
    same,
    seen,
    text,
    use,
)
from kumoniwa.deploy.step import Failure
from kumoniwa.kernel.errors import AwsError

DEPENDED_TRIES = 20
"""For about a minute."""


class First(Call):
    """Of an operation that answers a list."""

    def __init__(self, operation: str, member: str, /, **parameters: Any) -> None:
        super().__init__(operation, **parameters)
        self.member = member

    async def look(self, work: Work) -> dict[str, Any]:
        return (await super().look(work))[self.member][0]


class Patient(Call):
    """A deletion that waits for those to go who depend on what it deletes, such as interfaces of functions that are deleted besides.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"""

    async def __call__(self, work: Work) -> dict[str, Any]:
        pause_s = 0.05
        for _ in range(DEPENDED_TRIES):
            try:
                return await super().__call__(work)
            except AwsError as error:
                if error.code != "DependencyViolation":
                    raise
            await work.pause(pause_s)
            pause_s = min(pause_s * 1.5, 5.0)
        return await super().__call__(work)


def tagged(kind: str) -> Any:
    """The tags with which something is made."""
    return use(lambda tags: [{"ResourceType": kind, "Tags": tags}] if tags else OMIT, p.Tags)


def tags(id_: Any = ID) -> tuple[Call, Call]:
    """The calls that change them."""
    keys = use(lambda gone: [{"Key": key} for key in gone], gone_tags)
    return (
        Call("ec2:DeleteTags", Resources=[id_], Tags=keys).when(gone_tags),
        Call("ec2:CreateTags", Resources=[id_], Tags=p.Tags).when(p.Tags),
    )


_TOLD_TAGS = Reading({"Tags": seen.Tags})

# VPCs and subnets ----------------------------------------------------------------------------------


class _Vpc(First):
    """With the network ACL and the security group that it begins with."""

    async def look(self, work: Work) -> dict[str, Any]:
        found = await super().look(work)
        of_vpc = {"Name": "vpc-id", "Values": [work.id]}
        acls = await work.look("ec2:DescribeNetworkAcls", Filters=[of_vpc, {"Name": "default", "Values": ["true"]}])
        groups = await work.look("ec2:DescribeSecurityGroups", Filters=[of_vpc, {"Name": "group-name", "Values": ["default"]}])
        return {**found, "Acl": acls["NetworkAcls"][0]["NetworkAclId"], "Group": groups["SecurityGroups"][0]["GroupId"]}


VPC = ResourceType(
    create=Call("ec2:CreateVpc", "CidrBlock InstanceTenancy", TagSpecifications=tagged("vpc")),
    id=made.Vpc.VpcId,
    read=_Vpc("ec2:DescribeVpcs", "Vpcs", VpcIds=[ID]),
    settings=(
        Setting(
            Call("ec2:ModifyVpcAttribute", VpcId=ID, EnableDnsSupport={"Value": p.EnableDnsSupport}),
            Call("ec2:ModifyVpcAttribute", VpcId=ID, EnableDnsSupport={"Value": True}),
        ),
        Setting(
            Call("ec2:ModifyVpcAttribute", VpcId=ID, EnableDnsHostnames={"Value": p.EnableDnsHostnames}),
            Call("ec2:ModifyVpcAttribute", VpcId=ID, EnableDnsHostnames={"Value": False}),
        ),
    ),
    update=(Call("ec2:ModifyVpcTenancy", "InstanceTenancy", VpcId=ID), *tags()),
    delete=Call("ec2:DeleteVpc", VpcId=ID),
    absent="InvalidVpcID.NotFound",
    defaults={"InstanceTenancy": "default"},
    attributes={
        "VpcId": ID, "CidrBlock": seen.CidrBlock, "DefaultNetworkAcl": seen.Acl, "DefaultSecurityGroup": seen.Group,
        "CidrBlockAssociations": use(lambda blocks: [each["AssociationId"] for each in blocks], seen.CidrBlockAssociationSet),
        "Ipv6CidrBlocks": use(lambda _: [], seen.CidrBlock),
    },
    drift=(Reading(same("CidrBlock InstanceTenancy", seen)), _TOLD_TAGS),
)  # fmt: skip

VPCCidrBlock = ResourceType(
    create=Call("ec2:AssociateVpcCidrBlock", "VpcId CidrBlock AmazonProvidedIpv6CidrBlock"),
    id=made.CidrBlockAssociation.AssociationId,
    delete=Call("ec2:DisassociateVpcCidrBlock", AssociationId=ID),
    absent="InvalidVpcCidrBlockAssociationID.NotFound",
    attributes={"Id": ID},
)


class _Subnet(First):
    """With its association with a network ACL."""

    async def look(self, work: Work) -> dict[str, Any]:
        found = await super().look(work)
        acls = (await work.look("ec2:DescribeNetworkAcls", Filters=[{"Name": "association.subnet-id", "Values": [work.id]}]))["NetworkAcls"]
        held = [each["NetworkAclAssociationId"] for each in acls[0]["Associations"] if each["SubnetId"] == work.id] if acls else []
        return {**found, "AclAssociation": (held or [""])[0]}


_NAMING = "PrivateDnsNameOptionsOnLaunch"


@carries(_NAMING)
async def _name_hosts(work: Work) -> None:
    said = work.properties.get(_NAMING) or {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False}
    kind, named = said.get("HostnameType"), said.get("EnableResourceNameDnsARecord")
    if kind is not None:
        await work.ask("ec2:ModifySubnetAttribute", SubnetId=work.id, PrivateDnsHostnameTypeOnLaunch=kind)
    if named is not None:
        await work.ask("ec2:ModifySubnetAttribute", SubnetId=work.id, EnableResourceNameDnsARecordOnLaunch={"Value": named})


Subnet = ResourceType(
    create=Call("ec2:CreateSubnet", "AvailabilityZone AvailabilityZoneId CidrBlock VpcId", TagSpecifications=tagged("subnet")),
    id=made.Subnet.SubnetId,
    read=_Subnet("ec2:DescribeSubnets", "Subnets", SubnetIds=[ID]),
    settings=(
        Setting(
            Call("ec2:ModifySubnetAttribute", SubnetId=ID, MapPublicIpOnLaunch={"Value": p.MapPublicIpOnLaunch}),
            Call("ec2:ModifySubnetAttribute", SubnetId=ID, MapPublicIpOnLaunch={"Value": False}),
        ),
        Setting(_name_hosts, _name_hosts),
    ),
    update=tags(),
    delete=Patient("ec2:DeleteSubnet", SubnetId=ID),
    absent="InvalidSubnetID.NotFound",
    attributes={
        "SubnetId": ID, "VpcId": seen.VpcId, "CidrBlock": seen.CidrBlock, "AvailabilityZone": seen.AvailabilityZone,
        "AvailabilityZoneId": seen.AvailabilityZoneId, "NetworkAclAssociationId": seen.AclAssociation,
        "Ipv6CidrBlocks": use(lambda _: [], seen.CidrBlock),
    },
    drift=(Reading(same("AvailabilityZone CidrBlock MapPublicIpOnLaunch VpcId", seen)), _TOLD_TAGS),
)  # fmt: skip

DHCPOptions = ResourceType(
    create=Call(
        "ec2:CreateDhcpOptions", TagSpecifications=tagged("dhcp-options"),
        DhcpConfigurations=use(
            lambda *said: [{"Key": key, "Values": [str(each) for each in (found if isinstance(found, list) else [found])]} for key, found in zip(
                ("domain-name", "domain-name-servers", "ntp-servers", "netbios-name-servers", "netbios-node-type"), said[1:]) if found is not None],
            "", p.DomainName, p.DomainNameServers, p.NtpServers, p.NetbiosNameServers, p.NetbiosNodeType,
        ),
    ),
    id=made.DhcpOptions.DhcpOptionsId,
    update=tags(),
    delete=Call("ec2:DeleteDhcpOptions", DhcpOptionsId=ID),
    absent="InvalidDhcpOptionID.NotFound",
    attributes={"DhcpOptionsId": ID},
)  # fmt: skip

VPCDHCPOptionsAssociation = ResourceType(
    create=Call("ec2:AssociateDhcpOptions", "DhcpOptionsId VpcId"),
    id=text("${DhcpOptionsId}|${VpcId}"),
    delete=Call("ec2:AssociateDhcpOptions", VpcId=at(p.VpcId), DhcpOptionsId="default"),
    absent="InvalidVpcID.NotFound",
)

# Routes --------------------------------------------------------------------------------------------

RouteTable = ResourceType(
    create=Call("ec2:CreateRouteTable", "VpcId", TagSpecifications=tagged("route-table")),
    id=made.RouteTable.RouteTableId,
    read=First("ec2:DescribeRouteTables", "RouteTables", RouteTableIds=[ID]),
    update=tags(),
    delete=Call("ec2:DeleteRouteTable", RouteTableId=ID),
    absent="InvalidRouteTableID.NotFound",
    attributes={"RouteTableId": ID},
    drift=(Reading(same("VpcId", seen)), _TOLD_TAGS),
)

_DESTINATION = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
_THROUGH = "EgressOnlyInternetGatewayId GatewayId NatGatewayId NetworkInterfaceId VpcPeeringConnectionId"
_to = either(p.DestinationCidrBlock, p.DestinationIpv6CidrBlock, p.DestinationPrefixListId)
_where = {name: at(getattr(p, name)) for name in ("RouteTableId", *_DESTINATION)}

Route = ResourceType(
    create=Call("ec2:CreateRoute", f"RouteTableId {' '.join(_DESTINATION)} {_THROUGH}"),
    id=use(lambda table, to: f"{table}|{to}", p.RouteTableId, _to),
    update=(Call("ec2:ReplaceRoute", _THROUGH, **_where).writes_all(),),
    delete=Call("ec2:DeleteRoute", **_where),
    absent="InvalidRoute.NotFound InvalidRouteTableID.NotFound",
    attributes={"CidrBlock": _to},
)

SubnetRouteTableAssociation = ResourceType(
    create=Call("ec2:AssociateRouteTable", "RouteTableId SubnetId"),
    id=made.AssociationId,
    delete=Call("ec2:DisassociateRouteTable", AssociationId=ID),
    absent="InvalidAssociationID.NotFound",
    attributes={"Id": ID},
)

# Gateways ------------------------------------------------------------------------------------------

InternetGateway = ResourceType(
    create=Call("ec2:CreateInternetGateway", TagSpecifications=tagged("internet-gateway")),
    id=made.InternetGateway.InternetGatewayId,
    read=First("ec2:DescribeInternetGateways", "InternetGateways", InternetGatewayIds=[ID]),
    update=tags(),
    delete=Call("ec2:DeleteInternetGateway", InternetGatewayId=ID),
    absent="InvalidInternetGatewayID.NotFound",
    attributes={"InternetGatewayId": ID},
    drift=(_TOLD_TAGS,),
)

EgressOnlyInternetGateway = ResourceType(
    create=Call("ec2:CreateEgressOnlyInternetGateway", "VpcId", TagSpecifications=tagged("egress-only-internet-gateway")),
    id=made.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId,
    update=tags(),
    delete=Call("ec2:DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=ID),
    absent="InvalidGatewayID.NotFound",
    attributes={"Id": ID},
)


@carries("InternetGatewayId")
async def _other_gateway(work: Work) -> None:
    vpc = work.properties["VpcId"]
    await work.ask("ec2:DetachInternetGateway", InternetGatewayId=work.old["InternetGatewayId"], VpcId=vpc)
    await work.ask("ec2:AttachInternetGateway", InternetGatewayId=work.properties["InternetGatewayId"], VpcId=vpc)


VPCGatewayAttachment = ResourceType(
    create=Call("ec2:AttachInternetGateway", "InternetGatewayId VpcId"),
    id=text("IGW|${VpcId}"),
    update=(_other_gateway,),
    delete=Call("ec2:DetachInternetGateway", "InternetGatewayId VpcId"),
    absent="Gateway.NotAttached InvalidInternetGatewayID.NotFound InvalidVpcID.NotFound",
    attributes={"AttachmentType": text("IGW")},
)


class NatGatewayNotFound(AwsError): ...


class _Nat(First):
    """One that is deleted is told of for a while."""

    async def look(self, work: Work) -> dict[str, Any]:
        found = await super().look(work)
        if found["State"] == "deleted":
            raise NatGatewayNotFound
        if found["State"] == "failed" and work.waits:
            text = found.get("FailureMessage", "")
            raise Failure(f"NatGateway {work.id} is in state failed and hence failed to stabilize. Detailed failure message: {text}")
        return found


NatGateway = ResourceType(
    create=Call("ec2:CreateNatGateway", "AllocationId AvailabilityMode ConnectivityType PrivateIpAddress SubnetId", TagSpecifications=tagged("natgateway")),
    id=made.NatGateway.NatGatewayId,
    read=_Nat("ec2:DescribeNatGateways", "NatGateways", NatGatewayIds=[ID]),
    ready={"State": "available"},
    update=tags(),
    delete=Call("ec2:DeleteNatGateway", NatGatewayId=ID),
    is_gone_slowly=True,
    absent="NatGatewayNotFound",
    attributes={"NatGatewayId": ID, "EniId": use(lambda found: found[0]["NetworkInterfaceId"], seen.NatGatewayAddresses)},
    drift=(Reading(same("ConnectivityType SubnetId", seen)), _TOLD_TAGS),
)

EIP = ResourceType(
    create=Call("ec2:AllocateAddress", "Domain", TagSpecifications=tagged("elastic-ip")),
    id=made.PublicIp,
    read=First("ec2:DescribeAddresses", "Addresses", PublicIps=[ID]),
    update=tags(seen.AllocationId),
    delete=Call("ec2:ReleaseAddress", PublicIp=ID),
    absent="InvalidAddress.NotFound",
    fixed="Domain",
    attributes={"PublicIp": ID, "AllocationId": seen.AllocationId},
    drift=(Reading(same("Domain", seen)), _TOLD_TAGS),
)

EIPAssociation = ResourceType(
    create=Call("ec2:AssociateAddress", "AllocationId NetworkInterfaceId PrivateIpAddress", PublicIp=p.EIP),
    id=made.AssociationId,
    delete=Call("ec2:DisassociateAddress", AssociationId=ID),
    absent="InvalidAssociationID.NotFound",
    attributes={"Id": ID},
)

# Network ACLs --------------------------------------------------------------------------------------

NetworkAcl = ResourceType(
    create=Call("ec2:CreateNetworkAcl", "VpcId", TagSpecifications=tagged("network-acl")),
    id=made.NetworkAcl.NetworkAclId,
    read=First("ec2:DescribeNetworkAcls", "NetworkAcls", NetworkAclIds=[ID]),
    update=tags(),
    delete=Call("ec2:DeleteNetworkAcl", NetworkAclId=ID),
    absent="InvalidNetworkAclID.NotFound",
    attributes={"Id": ID},
    drift=(Reading(same("VpcId", seen)), _TOLD_TAGS),
)

_egress = either(p.Egress, False)
_entry = {
    "CidrBlock": p.CidrBlock, "Ipv6CidrBlock": p.Ipv6CidrBlock, "RuleAction": p.RuleAction, "Protocol": as_text(p.Protocol), "PortRange": p.PortRange,
    "IcmpTypeCode": p.Icmp,
}  # fmt: skip
_numbered = {"NetworkAclId": at(p.NetworkAclId), "RuleNumber": at(p.RuleNumber), "Egress": at(_egress)}

NetworkAclEntry = ResourceType(
    create=Call("ec2:CreateNetworkAclEntry", "NetworkAclId RuleNumber", Egress=_egress, **_entry),
    id=use(lambda acl, egress, number: f"{acl}|{'egress' if egress else 'ingress'}|{number}", p.NetworkAclId, _egress, p.RuleNumber),
    update=(Call("ec2:ReplaceNetworkAclEntry", **_numbered, **_entry).writes_all(),),
    delete=Call("ec2:DeleteNetworkAclEntry", **_numbered),
    absent="InvalidNetworkAclEntry.NotFound InvalidNetworkAclID.NotFound",
    attributes={"Id": ID},
)


@carries("NetworkAclId SubnetId")
async def _go_by(work: Work) -> dict[str, Any]:
    subnet = work.properties["SubnetId"]
    acls = (await work.look("ec2:DescribeNetworkAcls", Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]))["NetworkAcls"]
    held = [each["NetworkAclAssociationId"] for acl in acls for each in acl["Associations"] if each["SubnetId"] == subnet]
    if not held:
        raise Failure(f"The subnet {subnet} has no network ACL.")
    return await work.ask("ec2:ReplaceNetworkAclAssociation", AssociationId=held[0], NetworkAclId=work.properties["NetworkAclId"])


async def _go_by_default(work: Work) -> None:
    """A subnet is never without one: it goes by its VPC's default one again."""
    acls = (await work.look("ec2:DescribeNetworkAcls", Filters=[{"Name": "association.association-id", "Values": [work.id]}]))["NetworkAcls"]
    if acls:
        of_vpc = [{"Name": "vpc-id", "Values": [acls[0]["VpcId"]]}, {"Name": "default", "Values": ["true"]}]
        default = (await work.look("ec2:DescribeNetworkAcls", Filters=of_vpc))["NetworkAcls"][0]["NetworkAclId"]
        await work.ask("ec2:ReplaceNetworkAclAssociation", AssociationId=work.id, NetworkAclId=default)


SubnetNetworkAclAssociation = ResourceType(
    create=_go_by,
    id=made.NewAssociationId,
    delete=_go_by_default,
    absent="InvalidAssociationID.NotFound",
    attributes={"AssociationId": ID},
)
