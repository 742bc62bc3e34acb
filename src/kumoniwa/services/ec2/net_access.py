"""What operations on networks touch, and the condition keys that tell policies of it.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2.kinds import Kind
from kumoniwa.services.ec2.network import (
    ADDRESS,
    DHCP_OPTIONS,
    EGRESS_GATEWAY,
    ENDPOINT,
    INSIGHTS_ANALYSIS,
    INSIGHTS_PATH,
    INTERFACE,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    NETWORK_ACL,
    PEERING,
    PREFIX_LIST,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SECURITY_RULE,
    SUBNET,
    VPC,
    Address,
    Subnet,
)

KINDS: tuple[Kind, ...] = (
    VPC, SUBNET, ROUTE_TABLE, INTERNET_GATEWAY, EGRESS_GATEWAY, NAT_GATEWAY, ADDRESS, SECURITY_GROUP, SECURITY_RULE, NETWORK_ACL, INTERFACE, ENDPOINT,
    PREFIX_LIST, PEERING, DHCP_OPTIONS, INSIGHTS_PATH, INSIGHTS_ANALYSIS,
)  # fmt: skip
"""All that networks are made of."""
_RECORDS = {kind.name: kind.record for kind in KINDS}

_ROWS = """
AcceptVpcPeeringConnection: vpc-peering-connection
AllocateAddress: elastic-ip+
AssignPrivateIpAddresses: network-interface
AssociateAddress: elastic-ip network-interface
AssociateDhcpOptions: dhcp-options vpc
AssociateRouteTable: route-table subnet internet-gateway
AssociateVpcCidrBlock: vpc
AttachInternetGateway: internet-gateway vpc
AuthorizeSecurityGroupEgress: security-group
AuthorizeSecurityGroupIngress: security-group
CreateDhcpOptions: dhcp-options+
CreateEgressOnlyInternetGateway: egress-only-internet-gateway+ vpc
CreateInternetGateway: internet-gateway+
CreateManagedPrefixList: prefix-list+
CreateNatGateway: natgateway+ elastic-ip subnet
CreateNetworkAcl: network-acl+ vpc
CreateNetworkAclEntry: network-acl
CreateNetworkInterface: network-interface+ subnet security-group
CreateNetworkInsightsPath: network-insights-path+ network-interface internet-gateway
CreateRoute: route-table
CreateRouteTable: route-table+ vpc
CreateSecurityGroup: security-group+ vpc
CreateSubnet: subnet+ vpc
CreateVpc: vpc+
CreateVpcEndpoint: vpc-endpoint+ vpc route-table security-group subnet
CreateVpcPeeringConnection: vpc-peering-connection+ vpc
DeleteDhcpOptions: dhcp-options
DeleteEgressOnlyInternetGateway: egress-only-internet-gateway
DeleteInternetGateway: internet-gateway
DeleteManagedPrefixList: prefix-list
DeleteNatGateway: natgateway
DeleteNetworkAcl: network-acl
DeleteNetworkAclEntry: network-acl
DeleteNetworkInsightsAnalysis: network-insights-analysis
DeleteNetworkInsightsPath: network-insights-path
DeleteNetworkInterface: network-interface
DeleteRoute: route-table
DeleteRouteTable: route-table
DeleteSecurityGroup: security-group
DeleteSubnet: subnet
DeleteVpc: vpc
DeleteVpcEndpoints: vpc-endpoint
DeleteVpcPeeringConnection: vpc-peering-connection
DescribeVpcAttribute: vpc
DetachInternetGateway: internet-gateway vpc
DisassociateAddress: elastic-ip
DisassociateRouteTable: route-table subnet
DisassociateVpcCidrBlock: vpc
GetManagedPrefixListAssociations: prefix-list
GetManagedPrefixListEntries: prefix-list
GetSecurityGroupsForVpc: vpc
ModifyManagedPrefixList: prefix-list
ModifyNetworkInterfaceAttribute: network-interface security-group
ModifySecurityGroupRules: security-group
ModifySubnetAttribute: subnet
ModifyVpcAttribute: vpc
ModifyVpcEndpoint: vpc-endpoint route-table security-group subnet
ModifyVpcPeeringConnectionOptions: vpc-peering-connection
ModifyVpcTenancy: vpc
RejectVpcPeeringConnection: vpc-peering-connection
ReleaseAddress: elastic-ip
ReplaceNetworkAclAssociation: network-acl subnet
ReplaceNetworkAclEntry: network-acl
ReplaceRoute: route-table
ReplaceRouteTableAssociation: route-table subnet
ResetNetworkInterfaceAttribute: network-interface
RestoreManagedPrefixListVersion: prefix-list
RevokeSecurityGroupEgress: security-group
RevokeSecurityGroupIngress: security-group
StartNetworkInsightsAnalysis: network-insights-analysis+ network-insights-path
UnassignPrivateIpAddresses: network-interface
UpdateSecurityGroupRuleDescriptionsEgress: security-group
UpdateSecurityGroupRuleDescriptionsIngress: security-group
"""
TOUCHED: dict[str, str] = {name: kinds.strip() for name, _, kinds in (line.partition(":") for line in _ROWS.strip().splitlines())}

MEMBERS: dict[str, str] = {
    "VpcId": "vpc", "SubnetId": "subnet", "SubnetIds": "subnet", "RouteTableId": "route-table", "RouteTableIds": "route-table",
    "InternetGatewayId": "internet-gateway", "GatewayId": "internet-gateway", "EgressOnlyInternetGatewayId": "egress-only-internet-gateway",
    "NatGatewayId": "natgateway", "AllocationId": "elastic-ip", "GroupId": "security-group", "Groups": "security-group",
    "SecurityGroupIds": "security-group", "NetworkAclId": "network-acl", "NetworkInterfaceId": "network-interface", "VpcEndpointId": "vpc-endpoint",
    "VpcEndpointIds": "vpc-endpoint", "PrefixListId": "prefix-list", "VpcPeeringConnectionId": "vpc-peering-connection",
    "NetworkInsightsPathId": "network-insights-path", "NetworkInsightsAnalysisId": "network-insights-analysis", "Source": "network-interface",
    "DhcpOptionsId": "dhcp-options", "AddRouteTableIds": "route-table", "RemoveRouteTableIds": "route-table", "AddSubnetIds": "subnet",
    "RemoveSubnetIds": "subnet", "AddSecurityGroupIds": "security-group", "RemoveSecurityGroupIds": "security-group",
}  # fmt: skip


def further(call: Call, operation: str, params: dict[str, Any]) -> list[tuple[str, str]]:
    """Kinds and ids of what an operation touches without naming it by its id."""
    if operation in ("DisassociateAddress", "ReleaseAddress"):
        said = (params.get("AssociationId"), params.get("PublicIp"))
        return [("elastic-ip", each.id) for each in call.shelf(Address).values() if each.association and each.association == said[0] or each.ip == said[1]]
    if operation == "CreateNetworkInsightsPath":
        kinds = {"eni": "network-interface", "igw": "internet-gateway"}
        id_ = str(params.get("Destination") or "").rpartition("/")[2]
        return [(kinds[id_.partition("-")[0]], id_)] if id_.partition("-")[0] in kinds else []
    if operation == "AcceptVpcPeeringConnection":
        found = call.shelf(PEERING.record).get(params.get("VpcPeeringConnectionId") or "")
        return [("vpc", found.accepter.vpc)] if found is not None else []
    found_by = {"DisassociateVpcCidrBlock": _vpc_of_block, "ReplaceNetworkAclAssociation": _of_acl, "ReplaceRouteTableAssociation": _of_table,
                "DisassociateRouteTable": _of_table}.get(operation)  # fmt: skip
    return found_by(call, str(params.get("AssociationId"))) if found_by is not None else []


def _vpc_of_block(call: Call, association: str) -> list[tuple[str, str]]:
    return [("vpc", each.id) for each in call.shelf(VPC.record).values() if any(one.id == association for one in each.blocks)]


def _associated(call: Call, kind: Kind, association: str) -> list[tuple[str, str]]:
    held = [(each, one) for each in call.shelf(kind.record).values() for one in each.associations if one.id == association]
    return [pair for each, one in held for pair in ((kind.name, each.id), ("subnet", one.subnet)) if pair[1]]


def _of_acl(call: Call, association: str) -> list[tuple[str, str]]:
    return _associated(call, NETWORK_ACL, association)[1:]


def _of_table(call: Call, association: str) -> list[tuple[str, str]]:
    return _associated(call, ROUTE_TABLE, association)


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """ec2:Vpc and its kin, of the one network that an operation is about."""
    found: dict[str, Any] = {}
    vpc = params.get("VpcId")
    for member, kind in MEMBERS.items():
        ids = params.get(member)
        for id_ in ids if isinstance(ids, list) else [ids]:
            record = call.shelf(_RECORDS[kind]).get(id_) if isinstance(id_, str) and kind in _RECORDS else None
            vpc = vpc or getattr(record, "vpc", None)
            if isinstance(record, Subnet):
                found |= {"ec2:subnetid": record.id, "ec2:subnet": call.arn(f"subnet/{record.id}", "ec2"), "ec2:availabilityzone": record.zone}
    if isinstance(vpc, str) and vpc:
        found |= {"ec2:vpc": call.arn(f"vpc/{vpc}", "ec2"), "ec2:vpcid": vpc}
    named = {
        "ec2:securitygroupid": "GroupId", "ec2:networkaclid": "NetworkAclId", "ec2:networkinterfaceid": "NetworkInterfaceId",
        "ec2:routetableid": "RouteTableId", "ec2:internetgatewayid": "InternetGatewayId", "ec2:allocationid": "AllocationId",
        "ec2:vpcpeeringconnectionid": "VpcPeeringConnectionId", "ec2:vpceservicename": "ServiceName", "ec2:attribute": "Attribute",
        "ec2:dhcpoptionsid": "DhcpOptionsId",
    }  # fmt: skip
    return found | {key: params[member] for key, member in named.items() if isinstance(params.get(member), str)}
