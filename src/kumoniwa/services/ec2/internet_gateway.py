"""Internet gateways, and those for IPv6 that let nobody in."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import DependencyViolation, InvalidParameterValue, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import EGRESS_GATEWAY, INTERNET_GATEWAY, VPC, Address, EgressGateway, Interface, InternetGateway


def show(call: Call, gateway: InternetGateway) -> dict[str, Any]:
    attachments = [{"State": "available", "VpcId": gateway.vpc}] if gateway.vpc else []
    return {"InternetGatewayId": gateway.id, "OwnerId": call.account, "Attachments": attachments, "Tags": tag.shown(gateway.tags)}


@may_be_dry
def CreateInternetGateway(call: Call, *, TagSpecifications: list[dict] | None = None) -> dict:
    id_ = fresh(call, "igw")
    return {"InternetGateway": show(call, keep(call, InternetGateway(id=id_, tags=tag.of_new(call, TagSpecifications, INTERNET_GATEWAY, id_))))}


@may_be_dry
def DeleteInternetGateway(call: Call, *, InternetGatewayId: str) -> None:
    if existing(call, INTERNET_GATEWAY, InternetGatewayId).vpc:
        raise DependencyViolation(f"The internetGateway '{InternetGatewayId}' has dependencies and cannot be deleted.")
    del call.shelf(InternetGateway)[InternetGatewayId]


@may_be_dry
def AttachInternetGateway(call: Call, *, InternetGatewayId: str, VpcId: str) -> None:
    gateway = existing(call, INTERNET_GATEWAY, InternetGatewayId)
    existing(call, VPC, VpcId)
    if gateway.vpc:
        raise Refused("Resource.AlreadyAssociated", f"resource {InternetGatewayId} is already attached to network {gateway.vpc}")
    if any(each.vpc == VpcId for each in call.shelf(InternetGateway).values()):
        raise InvalidParameterValue(f"Network {VpcId} already has an internet gateway attached")
    keep(call, gateway, vpc=VpcId)


@may_be_dry
def DetachInternetGateway(call: Call, *, InternetGatewayId: str, VpcId: str) -> None:
    """Not while something in the VPC has a public address."""
    gateway = existing(call, INTERNET_GATEWAY, InternetGatewayId)
    existing(call, VPC, VpcId)
    if gateway.vpc != VpcId:
        raise Refused("Gateway.NotAttached", f"resource {InternetGatewayId} is not attached to network {VpcId}")
    mapped = {each.interface for each in call.shelf(Address).values()}
    if any(each.vpc == VpcId and (each.public_ip or each.id in mapped) for each in call.shelf(Interface).values()):
        raise DependencyViolation(
            f"Network {VpcId} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        )
    keep(call, gateway, vpc="")


_NAMES: filters.Names = {
    "attachment.state": "Attachments.State", "attachment.vpc-id": "Attachments.VpcId", "internet-gateway-id": "InternetGatewayId", "owner-id": "OwnerId",
}  # fmt: skip


@may_be_dry
def DescribeInternetGateways(call: Call, *, InternetGatewayIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"InternetGateways": described(call, INTERNET_GATEWAY, InternetGatewayIds, Filters, _NAMES, show)}


# For egress alone ----------------------------------------------------------------------------------


def _show_egress(call: Call, gateway: EgressGateway) -> dict[str, Any]:
    attachments = [{"State": "attached", "VpcId": gateway.vpc}]
    return {"EgressOnlyInternetGatewayId": gateway.id, "Attachments": attachments, "Tags": tag.shown(gateway.tags)}


@may_be_dry
def CreateEgressOnlyInternetGateway(
    call: Call, *, VpcId: str, TagSpecifications: list[dict] | None = None, ClientToken: str | None = None
) -> dict:
    existing(call, VPC, VpcId)
    id_ = fresh(call, "eigw")
    made = keep(call, EgressGateway(id=id_, vpc=VpcId, tags=tag.of_new(call, TagSpecifications, EGRESS_GATEWAY, id_)))
    return {"EgressOnlyInternetGateway": _show_egress(call, made)} | ({"ClientToken": ClientToken} if ClientToken else {})


@may_be_dry
def DeleteEgressOnlyInternetGateway(call: Call, *, EgressOnlyInternetGatewayId: str) -> dict:
    existing(call, EGRESS_GATEWAY, EgressOnlyInternetGatewayId)
    del call.shelf(EgressGateway)[EgressOnlyInternetGatewayId]
    return {"ReturnCode": True}


@may_be_dry
def DescribeEgressOnlyInternetGateways(
    call: Call, *, EgressOnlyInternetGatewayIds: list[str] | None = None, Filters: list[dict] | None = None
) -> dict:
    return {"EgressOnlyInternetGateways": described(call, EGRESS_GATEWAY, EgressOnlyInternetGatewayIds, Filters, {}, _show_egress)}
