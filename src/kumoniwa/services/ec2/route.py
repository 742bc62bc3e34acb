"""Routes of route tables."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ec2.cidr import canonical, canonical_6
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import existing, keep
from kumoniwa.services.ec2.network import (
    EGRESS_GATEWAY,
    INTERFACE,
    INTERNET_GATEWAY,
    PEERING,
    PREFIX_LIST,
    ROUTE_TABLE,
    NatGateway,
    Route,
    RouteTable,
    Vpc,
    net,
)
from kumoniwa.services.ec2.prefix_names import managed
from kumoniwa.services.ec2.route_table import destination_member

ROUTES_MAX = 500


def _destination(call: Call, block: str | None, block_6: str | None, prefix_list: str | None) -> str:
    said = [each for each in (block, block_6, prefix_list) if each]
    if len(said) != 1:
        text = "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId"
        raise MissingParameter(text) if not said else InvalidParameterCombination(text)
    if prefix_list:
        if prefix_list not in managed(call.region):
            existing(call, PREFIX_LIST, prefix_list)
        return prefix_list
    return canonical(block, "destinationCidrBlock") if block else canonical_6(block_6 or "", "destinationIpv6CidrBlock")


def _target(call: Call, table: RouteTable, said: dict[str, str | None]) -> str:
    """What a route leads through. Raises what AWS answers where that is not there, or belongs to another network."""
    given = {name: value for name, value in said.items() if value}
    if len(given) != 1:
        text = f"The request must contain exactly one of {', '.join(said)}"
        raise MissingParameter(text) if not given else InvalidParameterCombination(text)
    ((name, id_),) = given.items()
    if name == "gatewayId":
        if id_.startswith("vgw-"):
            raise NotImplementedHere("virtual private gateways")
        if id_ == "local":
            raise InvalidParameterValue("The destination of a local route is a block of the VPC, which has it already.")
        if id_.startswith("vpce-"):
            raise InvalidParameterValue(f"Route table contains unsupported route target: {id_}. VPC Endpoints of this type cannot be used as route targets.")
        if existing(call, INTERNET_GATEWAY, id_).vpc != table.vpc:
            raise InvalidParameterValue(f"route table {table.id} and network gateway {id_} belong to different networks")
    elif name == "natGatewayId":
        nat = call.shelf(NatGateway).get(id_)
        if nat is None or not nat.is_kept:
            raise Refused("InvalidNatGatewayID.NotFound", f"The natGateway ID '{id_}' does not exist")
        _check_network(table, "natGateway", id_, nat.vpc)
    elif name == "networkInterfaceId":
        _check_network(table, "interface", id_, existing(call, INTERFACE, id_).vpc)
    elif name == "egressOnlyInternetGatewayId":
        _check_network(table, "egress-only internet gateway", id_, existing(call, EGRESS_GATEWAY, id_).vpc)
    else:
        peering = existing(call, PEERING, id_)
        if table.vpc not in (peering.requester.vpc, peering.accepter.vpc):
            raise InvalidParameterValue(f"route table {table.id} and vpc peering connection {id_} belong to different networks")
    return id_


def _check_network(table: RouteTable, what: str, id_: str, vpc: str) -> None:
    if vpc != table.vpc:
        raise InvalidParameterValue(f"route table {table.id} and {what} {id_} belong to different networks")


def _check_inside(call: Call, table: RouteTable, to: str, by: str) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html: what is more specific than a local route goes to interfaces alone."""
    if to.startswith("pl-") or ":" in to or by.startswith("eni-"):
        return
    if any(net(to).subnet_of(net(cidr)) for cidr in call.shelf(Vpc)[table.vpc].cidrs):  # type: ignore[arg-type]
        raise InvalidParameterValue(
            f"The destination CIDR block {to} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an "
            "interface or an instance."
        )


@may_be_dry
def CreateRoute(
    call: Call, *, RouteTableId: str, DestinationCidrBlock: str | None = None, DestinationIpv6CidrBlock: str | None = None,
    DestinationPrefixListId: str | None = None, GatewayId: str | None = None, NatGatewayId: str | None = None,
    NetworkInterfaceId: str | None = None, VpcPeeringConnectionId: str | None = None, EgressOnlyInternetGatewayId: str | None = None,
) -> dict:  # fmt: skip
    table = existing(call, ROUTE_TABLE, RouteTableId)
    to = _destination(call, DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId)
    by = _target(call, table, _said(GatewayId, NatGatewayId, NetworkInterfaceId, VpcPeeringConnectionId, EgressOnlyInternetGatewayId))
    held = next((each for each in table.routes if each.to == to), None)
    if held is not None and held.by != "local":
        if held.by == by:
            return {"Return": True}
        raise Refused("RouteAlreadyExists", f"The route identified by {to} already exists.")
    _check_inside(call, table, to, by)
    if held is not None:
        raise Refused("RouteAlreadyExists", f"The route identified by {to} already exists.")
    if len(table.routes) >= ROUTES_MAX:
        raise Refused("RouteLimitExceeded", f"The maximum number of routes has been reached for route table {RouteTableId}.")
    keep(call, table, routes=(*table.routes, Route(to=to, by=by)))
    return {"Return": True}


def _said(gateway: str | None, nat: str | None, interface: str | None, peering: str | None, egress: str | None) -> dict[str, str | None]:
    return {
        "gatewayId": gateway, "natGatewayId": nat, "networkInterfaceId": interface, "vpcPeeringConnectionId": peering,
        "egressOnlyInternetGatewayId": egress,
    }  # fmt: skip


@may_be_dry
def ReplaceRoute(
    call: Call, *, RouteTableId: str, DestinationCidrBlock: str | None = None, DestinationIpv6CidrBlock: str | None = None,
    DestinationPrefixListId: str | None = None, GatewayId: str | None = None, NatGatewayId: str | None = None,
    NetworkInterfaceId: str | None = None, VpcPeeringConnectionId: str | None = None, EgressOnlyInternetGatewayId: str | None = None,
    LocalTarget: bool | None = None,
) -> None:  # fmt: skip
    table = existing(call, ROUTE_TABLE, RouteTableId)
    to = _destination(call, DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId)
    held = next((each for each in table.routes if each.to == to), None)
    if held is None:
        raise InvalidParameterValue(f"There is no route defined for '{to}' in the route table. Use CreateRoute instead.")
    _check_changeable(held)
    if LocalTarget:
        if to not in call.shelf(Vpc)[table.vpc].cidrs:
            raise InvalidParameterValue(f"{to} is no block of {table.vpc}: its route cannot be local.")
        by = "local"
    else:
        by = _target(call, table, _said(GatewayId, NatGatewayId, NetworkInterfaceId, VpcPeeringConnectionId, EgressOnlyInternetGatewayId))
        _check_inside(call, table, to, by)
    origin = "CreateRouteTable" if to in call.shelf(Vpc)[table.vpc].cidrs else "CreateRoute"
    keep(call, table, routes=tuple(Route(to=to, by=by, origin=origin) if each is held else each for each in table.routes))


def _check_changeable(route: Route) -> None:
    if route.by.startswith("vpce-"):
        # The words are ours: the endpoint itself takes its routes away.
        raise InvalidParameterValue(f"cannot change the route to {route.to}, which belongs to the endpoint {route.by}")


@may_be_dry
def DeleteRoute(
    call: Call, *, RouteTableId: str, DestinationCidrBlock: str | None = None, DestinationIpv6CidrBlock: str | None = None,
    DestinationPrefixListId: str | None = None,
) -> None:  # fmt: skip
    table = existing(call, ROUTE_TABLE, RouteTableId)
    to = _destination(call, DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId)
    held = next((each for each in table.routes if each.to == to), None)
    if held is None:
        name = {"DestinationCidrBlock": "cidr-block", "DestinationIpv6CidrBlock": "ipv6-cidr-block", "DestinationPrefixListId": "prefix-list-id"}
        raise Refused("InvalidRoute.NotFound", f"no route with destination-{name[destination_member(to)]} {to} in route table {RouteTableId}")
    if held.origin == "CreateRouteTable":
        raise InvalidParameterValue(f"cannot remove local route {to} in route table {RouteTableId}")
    _check_changeable(held)
    keep(call, table, routes=tuple(each for each in table.routes if each is not held))
