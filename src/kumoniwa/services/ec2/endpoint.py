"""VPC endpoints: gateways to S3 and DynamoDB, which are routes, and interfaces of services, which are addresses in subnets.

https://docs.aws.amazon.com/vpc/latest/privatelink/what-is-privatelink.html
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.ec2 import filters, interface, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.endpoint_service import private_name, types_of
from kumoniwa.services.ec2.errors import InvalidParameter, InvalidParameterCombination, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import (
    ENDPOINT,
    INTERFACE,
    ROUTE_TABLE,
    SUBNET,
    VPC,
    Endpoint,
    Interface,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from kumoniwa.services.ec2.prefix_names import id_of

OPEN = json.dumps({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
"""What an endpoint allows that was given no policy."""


def show(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    groups = call.shelf(SecurityGroup)
    return {
        "VpcEndpointId": endpoint.id, "VpcEndpointType": endpoint.type, "VpcId": endpoint.vpc, "ServiceName": endpoint.service, "State": "available",
        "PolicyDocument": endpoint.policy or OPEN, "RouteTableIds": list(endpoint.tables), "SubnetIds": list(endpoint.subnets),
        "Groups": [{"GroupId": id_, "GroupName": groups[id_].name} for id_ in endpoint.groups], "PrivateDnsEnabled": endpoint.names_privately,
        "RequesterManaged": False, "NetworkInterfaceIds": list(endpoint.interfaces), "DnsEntries": _names(call, endpoint),
        "CreationTimestamp": endpoint.created, "OwnerId": call.account, "Tags": tag.shown(endpoint.tags), "IpAddressType": "ipv4",
        "DnsOptions": {"DnsRecordIpType": "ipv4" if endpoint.type == "Interface" else "service-defined"},
        **({} if endpoint.type == "Gateway" else {"ServiceRegion": call.region}),
    }  # fmt: skip


def _names(call: Call, endpoint: Endpoint) -> list[dict[str, str]]:
    if endpoint.type != "Interface":
        return []
    service = endpoint.service.removeprefix(f"com.amazonaws.{call.region}.")
    mark = hashlib.sha256(endpoint.id.encode()).hexdigest()[:8]
    zones = [call.shelf(Subnet)[each].zone for each in endpoint.subnets]
    heads = [f"{endpoint.id}-{mark}", *(f"{endpoint.id}-{mark}-{zone}" for zone in zones)]
    found = [f"{head}.{service}.{call.region}.vpce.amazonaws.com" for head in heads]
    found += [private_name(call, endpoint.service)] if endpoint.names_privately else []
    return [{"DnsName": name, "HostedZoneId": f"Z{hashlib.sha256(service.encode()).hexdigest()[:13].upper()}"} for name in found]


# Made ----------------------------------------------------------------------------------------------


@may_be_dry
def CreateVpcEndpoint(
    call: Call, *, VpcId: str, ServiceName: str | None = None, VpcEndpointType: str | None = None, PolicyDocument: str | None = None,
    RouteTableIds: list[str] | None = None, SubnetIds: list[str] | None = None, SecurityGroupIds: list[str] | None = None,
    PrivateDnsEnabled: bool | None = None, IpAddressType: str | None = None, TagSpecifications: list[dict] | None = None,
    ClientToken: str | None = None,
) -> dict:  # fmt: skip
    if not ServiceName:
        raise MissingParameter("The request must contain the parameter ServiceName")
    kind = VpcEndpointType or "Gateway"
    if ServiceName.startswith("com.amazonaws.vpce.") or kind in ("GatewayLoadBalancer", "Resource", "ServiceNetwork"):
        raise NotImplementedHere(f"VPC endpoints of {ServiceName} ({kind})")
    if IpAddressType not in (None, "ipv4"):
        raise NotImplementedHere(f"VPC endpoints for {IpAddressType}")
    vpc: Vpc = existing(call, VPC, VpcId)
    if kind not in types_of(call, ServiceName):
        raise InvalidParameter(f"The Vpc Endpoint Service '{ServiceName}' does not support the endpoint type {kind}")
    if kind == "Gateway" and (SubnetIds or SecurityGroupIds or PrivateDnsEnabled):
        raise InvalidParameterCombination("Subnets, security groups and private DNS are for interface endpoints alone")
    if kind == "Interface" and RouteTableIds:
        raise InvalidParameterCombination("Route tables are for gateway endpoints alone")
    id_ = fresh(call, "vpce")
    made = Endpoint(
        id=id_, vpc=VpcId, service=ServiceName, type=kind, created=call.now(), policy=_policy(PolicyDocument),
        tags=tag.of_new(call, TagSpecifications, ENDPOINT, id_),
    )  # fmt: skip
    if kind == "Gateway":
        made = _routed(call, made, RouteTableIds or [])
    else:
        # AWS's own say: its services but S3 and DynamoDB are named privately unless somebody says otherwise.
        wanted = PrivateDnsEnabled if PrivateDnsEnabled is not None else not ServiceName.endswith((".s3", ".dynamodb"))
        groups = interface.checked_groups(call, VpcId, SecurityGroupIds)
        made = keep(call, made, groups=groups)
        made = _placed(call, _named(call, vpc, made, wanted), SubnetIds or [])
    return {"VpcEndpoint": show(call, made) | {"State": "available" if kind == "Gateway" else "pending"}} | (
        {"ClientToken": ClientToken} if ClientToken else {}
    )


def _policy(document: str | None) -> str:
    if not document:
        return ""
    try:
        if isinstance(json.loads(document), dict):
            return document
    except ValueError:
        pass
    raise InvalidParameter("Invalid policy document")


def _named(call: Call, vpc: Vpc, endpoint: Endpoint, wanted: bool) -> Endpoint:
    """With the service's own name leading to it inside its VPC, or not."""
    if wanted and not (vpc.resolves and vpc.names_hosts):
        raise InvalidParameter(
            f"Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc.id}"
        )
    others = [each for each in call.shelf(Endpoint).values() if each.vpc == vpc.id and each.id != endpoint.id and each.names_privately]
    if wanted and any(each.service == endpoint.service for each in others):
        name = private_name(call, endpoint.service)
        raise InvalidParameter(f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {vpc.id}")
    return keep(call, endpoint, names_privately=wanted)


def _routed(call: Call, endpoint: Endpoint, tables: list[str]) -> Endpoint:
    """With a route to its service in more route tables."""
    to = id_of(call.region, endpoint.service.rpartition(".")[2])
    for id_ in dict.fromkeys(tables):
        table: RouteTable = existing(call, ROUTE_TABLE, id_)
        if table.vpc != endpoint.vpc:
            raise Refused("InvalidRouteTableId.NotFound", f"Route table {id_} does not belong to the VPC {endpoint.vpc}")
        if any(each.to == to for each in table.routes):
            raise Refused("RouteAlreadyExists", f"route table {id_} already has a route with destination-prefix-list-id {to}")
        keep(call, table, routes=(*table.routes, Route(to=to, by=endpoint.id)))
    return keep(call, endpoint, tables=(*endpoint.tables, *dict.fromkeys(tables)))


def _placed(call: Call, endpoint: Endpoint, subnets: list[str]) -> Endpoint:
    """With a network interface in more subnets, one in a zone."""
    zones = {call.shelf(Subnet)[each].zone for each in endpoint.subnets}
    interfaces = list(endpoint.interfaces)
    for id_ in dict.fromkeys(subnets):
        subnet: Subnet = existing(call, SUBNET, id_)
        if subnet.vpc != endpoint.vpc:
            raise InvalidParameter(f"The subnet {id_} does not belong to the VPC {endpoint.vpc}")
        if subnet.zone in zones:
            raise Refused(
                "DuplicateSubnetsInSameZone",
                f"Found another VPC endpoint subnet in the availability zone of {id_}. VPC endpoint subnets should be in different availability zones "
                "supported by the VPC endpoint service.",
            )
        zones.add(subnet.zone)
        own = interface.made(
            call, subnet, endpoint.groups, f"VPC Endpoint Interface {endpoint.id}", managed_by="ec2.amazonaws.com", requester=call.account,
            kind="vpc_endpoint",
        )  # fmt: skip
        interfaces.append(own.id)
    return keep(call, endpoint, subnets=(*endpoint.subnets, *dict.fromkeys(subnets)), interfaces=tuple(interfaces))


# Changed and deleted -------------------------------------------------------------------------------


@may_be_dry
def ModifyVpcEndpoint(
    call: Call, *, VpcEndpointId: str, ResetPolicy: bool | None = None, PolicyDocument: str | None = None, AddRouteTableIds: list[str] | None = None,
    RemoveRouteTableIds: list[str] | None = None, AddSubnetIds: list[str] | None = None, RemoveSubnetIds: list[str] | None = None,
    AddSecurityGroupIds: list[str] | None = None, RemoveSecurityGroupIds: list[str] | None = None, PrivateDnsEnabled: bool | None = None,
    IpAddressType: str | None = None,
) -> dict:  # fmt: skip
    held: Endpoint = existing(call, ENDPOINT, VpcEndpointId)
    if IpAddressType not in (None, "ipv4"):
        raise NotImplementedHere(f"VPC endpoints for {IpAddressType}")
    of_interfaces = AddSubnetIds or RemoveSubnetIds or AddSecurityGroupIds or RemoveSecurityGroupIds or PrivateDnsEnabled is not None
    if (held.type == "Gateway" and of_interfaces) or (held.type == "Interface" and (AddRouteTableIds or RemoveRouteTableIds)):
        raise InvalidParameterCombination(f"{VpcEndpointId} is a {held.type} endpoint")
    if ResetPolicy or PolicyDocument is not None:
        held = keep(call, held, policy="" if ResetPolicy else _policy(PolicyDocument))
    if held.type == "Gateway":
        _unrouted(call, held, RemoveRouteTableIds or [])
        held = keep(call, held, tables=tuple(each for each in held.tables if each not in (RemoveRouteTableIds or ())))
        _routed(call, held, AddRouteTableIds or [])
        return {"Return": True}
    groups = [each for each in held.groups if each not in (RemoveSecurityGroupIds or ())]
    groups += [each for each in AddSecurityGroupIds or () if each not in groups]
    if not groups:
        # The words are ours.
        raise InvalidParameter("An interface endpoint has at least one security group")
    held = keep(call, held, groups=interface.checked_groups(call, held.vpc, groups))
    for id_ in held.interfaces:
        own: Interface = existing(call, INTERFACE, id_)
        keep(call, own, groups=held.groups)
    for subnet in RemoveSubnetIds or ():
        held = _left(call, held, subnet)
    held = _placed(call, held, AddSubnetIds or [])
    if PrivateDnsEnabled is not None:
        _named(call, existing(call, VPC, held.vpc), held, PrivateDnsEnabled)
    return {"Return": True}


def _unrouted(call: Call, endpoint: Endpoint, tables: list[str]) -> None:
    for id_ in tables:
        table: RouteTable = existing(call, ROUTE_TABLE, id_)
        keep(call, table, routes=tuple(each for each in table.routes if each.by != endpoint.id))


def _left(call: Call, endpoint: Endpoint, subnet: str) -> Endpoint:
    if subnet not in endpoint.subnets:
        raise InvalidParameter(f"{endpoint.id} is not in the subnet {subnet}")
    own = next(each for each in endpoint.interfaces if call.shelf(Interface)[each].subnet == subnet)
    interface.drop(call, call.shelf(Interface)[own])
    subnets, interfaces = ((each for each in held if each not in (subnet, own)) for held in (endpoint.subnets, endpoint.interfaces))
    return keep(call, endpoint, subnets=tuple(subnets), interfaces=tuple(interfaces))


@may_be_dry
def DeleteVpcEndpoints(call: Call, *, VpcEndpointIds: list[str]) -> dict:
    """Those that cannot be deleted are told beside, and the others are gone."""
    failed = []
    for id_ in dict.fromkeys(VpcEndpointIds):
        try:
            held: Endpoint = existing(call, ENDPOINT, id_)
        except AwsError as error:
            failed.append({"ResourceId": id_, "Error": {"Code": error.code, "Message": error.text}})
            continue
        _unrouted(call, held, list(held.tables))
        for own in held.interfaces:
            interface.drop(call, call.shelf(Interface)[own])
        del call.shelf(Endpoint)[id_]
    return {"Unsuccessful": failed}


_NAMES: filters.Names = {
    "ip-address-type": "IpAddressType", "service-name": "ServiceName", "service-region": "ServiceRegion", "vpc-id": "VpcId",
    "vpc-endpoint-id": "VpcEndpointId", "vpc-endpoint-state": lambda shown: shown["State"].lower(), "vpc-endpoint-type": "VpcEndpointType",
}  # fmt: skip


@may_be_dry
def DescribeVpcEndpoints(call: Call, *, VpcEndpointIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"VpcEndpoints": described(call, ENDPOINT, VpcEndpointIds, Filters, _NAMES, show)}
