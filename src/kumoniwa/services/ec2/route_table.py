"""Route tables and what goes by them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import DependencyViolation, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import INTERNET_GATEWAY, ROUTE_TABLE, SUBNET, VPC, Association, Interface, Route, RouteTable, Vpc
from kumoniwa.services.ec2.reach import leads

_TARGETS = {
    "igw": "GatewayId", "vpce": "GatewayId", "local": "GatewayId", "nat": "NatGatewayId", "eni": "NetworkInterfaceId",
    "pcx": "VpcPeeringConnectionId", "eigw": "EgressOnlyInternetGatewayId",
}  # fmt: skip


def destination_member(to: str) -> str:
    return "DestinationPrefixListId" if to.startswith("pl-") else "DestinationIpv6CidrBlock" if ":" in to else "DestinationCidrBlock"


def _route(call: Call, table: RouteTable, route: Route) -> dict[str, Any]:
    shown = {
        destination_member(route.to): route.to, _TARGETS[route.by.partition("-")[0]]: route.by, "Origin": route.origin,
        "State": "active" if leads(call, table.vpc, route) else "blackhole",
    }  # fmt: skip
    held = call.shelf(Interface).get(route.by)
    return shown | ({"InstanceOwnerId": held.attachment.owner} if held is not None and held.attachment is not None else {})


def _association(table: RouteTable, each: Association) -> dict[str, Any]:
    shown = {
        "Main": not each.subnet and not each.gateway, "RouteTableAssociationId": each.id, "RouteTableId": table.id,
        "AssociationState": {"State": "associated"},
    }  # fmt: skip
    return shown | ({"SubnetId": each.subnet} if each.subnet else {"GatewayId": each.gateway} if each.gateway else {})


def show(call: Call, table: RouteTable) -> dict[str, Any]:
    return {
        "RouteTableId": table.id, "VpcId": table.vpc, "OwnerId": call.account, "PropagatingVgws": [], "Tags": tag.shown(table.tags),
        "Routes": [_route(call, table, each) for each in table.routes], "Associations": [_association(table, each) for each in table.associations],
    }  # fmt: skip


@may_be_dry
def CreateRouteTable(call: Call, *, VpcId: str, TagSpecifications: list[dict] | None = None, ClientToken: str | None = None) -> dict:
    vpc: Vpc = existing(call, VPC, VpcId)
    id_ = fresh(call, "rtb")
    routes = tuple(Route(to=cidr, by="local", origin="CreateRouteTable") for cidr in vpc.cidrs)
    made = keep(call, RouteTable(id=id_, vpc=VpcId, routes=routes, tags=tag.of_new(call, TagSpecifications, ROUTE_TABLE, id_)))
    return {"RouteTable": show(call, made)} | ({"ClientToken": ClientToken} if ClientToken else {})


@may_be_dry
def DeleteRouteTable(call: Call, *, RouteTableId: str) -> None:
    table = existing(call, ROUTE_TABLE, RouteTableId)
    if table.associations or any(each.by.startswith("vpce-") for each in table.routes):
        raise DependencyViolation(f"The routeTable '{RouteTableId}' has dependencies and cannot be deleted.")
    del call.shelf(RouteTable)[RouteTableId]


_NAMES: filters.Names = {
    "association.gateway-id": "Associations.GatewayId", "association.route-table-association-id": "Associations.RouteTableAssociationId",
    "association.route-table-id": "Associations.RouteTableId", "association.subnet-id": "Associations.SubnetId", "association.main": "Associations.Main",
    "owner-id": "OwnerId", "route-table-id": "RouteTableId", "route.destination-cidr-block": "Routes.DestinationCidrBlock",
    "route.destination-ipv6-cidr-block": "Routes.DestinationIpv6CidrBlock", "route.destination-prefix-list-id": "Routes.DestinationPrefixListId",
    "route.egress-only-internet-gateway-id": "Routes.EgressOnlyInternetGatewayId", "route.gateway-id": "Routes.GatewayId",
    "route.instance-id": "Routes.InstanceId", "route.nat-gateway-id": "Routes.NatGatewayId", "route.transit-gateway-id": "Routes.TransitGatewayId",
    "route.origin": "Routes.Origin", "route.state": "Routes.State", "route.vpc-peering-connection-id": "Routes.VpcPeeringConnectionId", "vpc-id": "VpcId",
}  # fmt: skip


@may_be_dry
def DescribeRouteTables(call: Call, *, RouteTableIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"RouteTables": described(call, ROUTE_TABLE, RouteTableIds, Filters, _NAMES, show)}


# Associations --------------------------------------------------------------------------------------

_STATE = {"AssociationState": {"State": "associated"}}


@may_be_dry
def AssociateRouteTable(call: Call, *, RouteTableId: str, SubnetId: str | None = None, GatewayId: str | None = None) -> dict:
    table = existing(call, ROUTE_TABLE, RouteTableId)
    if not SubnetId and not GatewayId:
        raise MissingParameter("The request must contain exactly one of subnetId and gatewayId")
    if SubnetId:
        other, vpc = SubnetId, existing(call, SUBNET, SubnetId).vpc
    else:
        other, vpc = GatewayId, existing(call, INTERNET_GATEWAY, GatewayId).vpc
    if vpc != table.vpc:
        raise InvalidParameterValue(f"Route table {RouteTableId} and {'subnet' if SubnetId else 'gateway'} {other} belong to different networks")
    for each in call.shelf(RouteTable).values():
        for one in each.associations:
            if other in (one.subnet, one.gateway):
                if each.id == RouteTableId:
                    return {"AssociationId": one.id, **_STATE}
                raise Refused("Resource.AlreadyAssociated", f"the specified association for route table {RouteTableId} conflicts with an existing association")
    made = Association(id=fresh(call, "rtbassoc"), subnet=SubnetId or "", gateway=GatewayId or "")
    keep(call, table, associations=(*table.associations, made))
    return {"AssociationId": made.id, **_STATE}


def _associated(call: Call, id_: str) -> tuple[RouteTable, Association]:
    for table in call.shelf(RouteTable).values():
        for each in table.associations:
            if each.id == id_:
                return table, each
    raise Refused("InvalidAssociationID.NotFound", f"The association ID '{id_}' does not exist")


@may_be_dry
def DisassociateRouteTable(call: Call, *, AssociationId: str) -> None:
    table, held = _associated(call, AssociationId)
    if not held.subnet and not held.gateway:
        raise InvalidParameterValue(f"cannot disassociate the main route table association {AssociationId}")
    keep(call, table, associations=tuple(each for each in table.associations if each is not held))


@may_be_dry
def ReplaceRouteTableAssociation(call: Call, *, AssociationId: str, RouteTableId: str) -> dict:
    """Of a subnet, or the main one of a VPC. The association has a new id afterwards."""
    table, held = _associated(call, AssociationId)
    wanted = existing(call, ROUTE_TABLE, RouteTableId)
    if wanted.vpc != table.vpc:
        raise InvalidParameterValue(f"Route table {RouteTableId} and route table {table.id} belong to different networks")
    if wanted.id == table.id:
        return {"NewAssociationId": AssociationId, **_STATE}
    made = Association(id=fresh(call, "rtbassoc"), subnet=held.subnet, gateway=held.gateway)
    keep(call, table, associations=tuple(each for each in table.associations if each is not held))
    keep(call, wanted, associations=(*wanted.associations, made))
    return {"NewAssociationId": made.id, **_STATE}
