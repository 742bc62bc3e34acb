"""NAT gateways. One that could not be made stays for a while to say why, and so does one that was deleted."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import address, filters, interface, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter
from kumoniwa.services.ec2.kinds import existing, fresh, keep, missing
from kumoniwa.services.ec2.network import ADDRESS, NAT_GATEWAY, SUBNET, Address, Interface, InternetGateway, NatGateway, Subnet

MADE_WITHIN_S, DELETED_WITHIN_S, TOLD_FOR_S = 90.0, 45.0, 3_600.0
"""At AWS's pace, about; and for how long a deleted one is told of: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html"""


def _addresses(call: Call, nat: NatGateway) -> list[dict[str, Any]]:
    if not nat.is_kept:
        return [{"AllocationId": id_, "PublicIp": ip} for id_, ip in nat.was]
    held, state = call.shelf(Interface)[nat.interface], nat.state(call.now())
    shown: dict[str, Any] = {"NetworkInterfaceId": held.id, "PrivateIp": held.ips[0], "IsPrimary": True}
    found = next((each for each in call.shelf(Address).values() if each.interface == held.id), None)
    if found is not None:
        shown |= {"AllocationId": found.id, "PublicIp": found.ip, "AssociationId": found.association}
    return [shown | {"Status": "succeeded" if state == "available" else "associating"}]


def show(call: Call, nat: NatGateway) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NatGatewayId": nat.id, "VpcId": nat.vpc, "SubnetId": nat.subnet, "State": nat.state(call.now()), "CreateTime": nat.created,
        "ConnectivityType": nat.connectivity, "NatGatewayAddresses": _addresses(call, nat), "Tags": tag.shown(nat.tags), "AvailabilityMode": "zonal",
    }  # fmt: skip
    if nat.failure:
        shown |= {"FailureCode": nat.failure[0], "FailureMessage": nat.failure[1]}
    return shown | ({"DeleteTime": nat.deleted} if nat.deleted is not None else {})


def _is_told(call: Call, nat: NatGateway) -> bool:
    over = nat.created if nat.failure and nat.gone is None else nat.gone
    return over is None or call.now() < over + TOLD_FOR_S


@may_be_dry
def CreateNatGateway(
    call: Call, *, SubnetId: str | None = None, AllocationId: str | None = None, ConnectivityType: str | None = None,
    PrivateIpAddress: str | None = None, AvailabilityMode: str | None = None, TagSpecifications: list[dict] | None = None,
    ClientToken: str | None = None,
) -> dict:  # fmt: skip
    if AvailabilityMode not in (None, "zonal"):
        raise InvalidParameterValue("NAT gateways of a whole region are not built: availabilityMode is zonal")
    if not SubnetId:
        raise MissingParameter("The request must contain the parameter SubnetId")
    subnet: Subnet = existing(call, SUBNET, SubnetId)
    kind = ConnectivityType or "public"
    if kind not in ("public", "private"):
        raise InvalidParameterValue(f"Value ({kind}) for parameter connectivityType is invalid.")
    if kind == "public" and not AllocationId:
        raise MissingParameter("The request must contain the parameter AllocationId")
    if kind == "private" and AllocationId:
        raise InvalidParameterCombination("AllocationId cannot be specified for private NAT gateways")
    found = existing(call, ADDRESS, AllocationId) if AllocationId else None
    for each in call.shelf(NatGateway).values():
        if not _is_told(call, each):
            del call.shelf(NatGateway)[each.id]
    id_, now, real = fresh(call, "nat"), call.now(), call.home.settings.pace == "real"
    tags = tag.of_new(call, TagSpecifications, NAT_GATEWAY, id_)
    gateway = NatGateway(
        id=id_, vpc=subnet.vpc, subnet=subnet.id, connectivity=kind, interface="", created=now, available=now + (MADE_WITHIN_S if real else 0.0), tags=tags
    )
    failure = _failure(call, subnet, found) if kind == "public" else ()
    if failure:
        nat = keep(call, gateway, failure=failure, was=((found.id, found.ip),) if found is not None else ())
    else:
        own = interface.made(
            call, subnet, (), f"Interface for NAT Gateway {id_}", ips=(interface.claimed(call, subnet, PrivateIpAddress),) if PrivateIpAddress else (),
            managed_by="ec2.amazonaws.com", requester=call.account, kind="nat_gateway", is_checked=False,
        )  # fmt: skip
        if found is not None:
            address.associated(call, found, own, own.ips[0])
        nat = keep(call, gateway, interface=own.id)
    return {"NatGateway": show(call, nat) | {"State": "pending"}} | ({"ClientToken": ClientToken} if ClientToken else {})


def _failure(call: Call, subnet: Subnet, found: Address | None) -> tuple[str, ...]:
    """Code and text: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-failed"""
    if not any(each.vpc == subnet.vpc for each in call.shelf(InternetGateway).values()):
        return "Gateway.NotAttached", f"Network {subnet.vpc} has no Internet gateway attached"
    if found is not None and found.association:
        return "Resource.AlreadyAssociated", f"Elastic IP address {found.id} is already associated"
    return ()


@may_be_dry
def DeleteNatGateway(call: Call, *, NatGatewayId: str) -> dict:
    """Its network interface goes and its address is free at once, where AWS takes its time; routes to it lead nowhere."""
    nat: NatGateway = existing(call, NAT_GATEWAY, NatGatewayId)
    if nat.failure:
        keep(call, nat, deleted=call.now(), gone=call.now())
    elif nat.is_kept:
        shown = _addresses(call, nat)
        was = tuple((each["AllocationId"], each["PublicIp"]) for each in shown if "AllocationId" in each)
        interface.drop(call, call.shelf(Interface)[nat.interface])
        now = call.now()
        keep(call, nat, deleted=now, gone=now + (DELETED_WITHIN_S if call.home.settings.pace == "real" else 0.0), was=was, interface="")
    return {"NatGatewayId": NatGatewayId}


_NAMES: filters.Names = {"nat-gateway-id": "NatGatewayId", "state": "State", "subnet-id": "SubnetId", "vpc-id": "VpcId"}


@may_be_dry
def DescribeNatGateways(call: Call, *, NatGatewayIds: list[str] | None = None, Filter: list[dict] | None = None) -> dict:
    told = {each.id: each for each in call.shelf(NatGateway).values() if _is_told(call, each)}
    for id_ in NatGatewayIds or ():
        if id_ not in told:
            existing(call, NAT_GATEWAY, id_)
            raise missing(NAT_GATEWAY, id_)
    shown = [show(call, each) for id_, each in told.items() if not NatGatewayIds or id_ in NatGatewayIds]
    return {"NatGateways": filters.kept(shown, Filter, _NAMES)}
