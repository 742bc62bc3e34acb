"""Elastic IP addresses."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters, interface, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import existing, fresh, keep
from kumoniwa.services.ec2.network import ADDRESS, INTERFACE, Address, Interface, InternetGateway

ADDRESSES_MAX = 5
"""In a region, unless raised: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-eips"""


def show(call: Call, address: Address) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AllocationId": address.id, "PublicIp": address.ip, "Domain": "vpc", "PublicIpv4Pool": "amazon", "NetworkBorderGroup": call.region,
    }  # fmt: skip
    if address.association:
        shown |= {
            "AssociationId": address.association, "NetworkInterfaceId": address.interface, "NetworkInterfaceOwnerId": call.account,
            "PrivateIpAddress": address.private,
        }  # fmt: skip
    return shown | ({"Tags": tag.shown(address.tags)} if address.tags else {})


@may_be_dry
def AllocateAddress(call: Call, *, Domain: str | None = None, TagSpecifications: list[dict] | None = None) -> dict:
    if Domain not in (None, "vpc", "standard"):
        raise InvalidParameterValue(f"Invalid value '{Domain}' for domain.")
    if len(call.shelf(Address)) >= ADDRESSES_MAX:
        raise Refused("AddressLimitExceeded", "The maximum number of addresses has been reached.")
    id_ = fresh(call, "eipalloc")
    made = keep(call, Address(id=id_, ip=interface.public_address(call), tags=tag.of_new(call, TagSpecifications, ADDRESS, id_)))
    return {name: value for name, value in show(call, made).items() if name != "Tags"}


def named(call: Call, id_: str | None, ip: str | None) -> Address:
    if id_ and ip:
        raise InvalidParameterCombination("You may specify public IP or allocation id, but not both in the same call")
    if id_:
        return existing(call, ADDRESS, id_)
    if not ip:
        raise MissingParameter("Either public IP or allocation id must be specified")
    for each in call.shelf(Address).values():
        if each.ip == ip:
            return each
    raise Refused("InvalidAddress.NotFound", f"Address '{ip}' not found.")


@may_be_dry
def ReleaseAddress(call: Call, *, AllocationId: str | None = None, PublicIp: str | None = None, NetworkBorderGroup: str | None = None) -> None:
    address = named(call, AllocationId, PublicIp)
    if address.association:
        raise Refused("InvalidIPAddress.InUse", f"Address {address.ip} is in use.")
    del call.shelf(Address)[address.id]


@may_be_dry
def AssociateAddress(
    call: Call, *, AllocationId: str | None = None, PublicIp: str | None = None, NetworkInterfaceId: str | None = None,
    PrivateIpAddress: str | None = None, AllowReassociation: bool | None = None,
) -> dict:  # fmt: skip
    if not AllocationId and not PublicIp:
        raise MissingParameter("Invalid request, expect PublicIp/AllocationId parameter.")
    address = named(call, AllocationId, PublicIp)
    if not NetworkInterfaceId:
        raise MissingParameter("Either instance ID or network interface id must be specified")
    target = existing(call, INTERFACE, NetworkInterfaceId)
    if not any(each.vpc == target.vpc for each in call.shelf(InternetGateway).values()):
        raise Refused("Gateway.NotAttached", f"Network {target.vpc} is not attached to any internet gateway")
    private = PrivateIpAddress or target.ips[0]
    if private not in target.ips:
        raise InvalidParameterValue(f"The private IP address {private} is not assigned to the interface {target.id}")
    if address.association and not AllowReassociation:
        raise Refused("Resource.AlreadyAssociated", f"resource {address.id} is already associated with associate-id {address.association}")
    for each in call.shelf(Address).values():
        if each.interface == target.id and each.private == private and each.id != address.id:
            if not AllowReassociation:
                raise Refused("Resource.AlreadyAssociated", f"resource {target.id} is already associated with associate-id {each.association}")
            keep(call, each, association="", interface="", private="")
    return {"AssociationId": associated(call, address, target, private).association}


def associated(call: Call, address: Address, target: Interface, private: str) -> Address:
    return keep(call, address, association=fresh(call, "eipassoc"), interface=target.id, private=private)


@may_be_dry
def DisassociateAddress(call: Call, *, AssociationId: str | None = None, PublicIp: str | None = None) -> None:
    if AssociationId:
        address = next((each for each in call.shelf(Address).values() if each.association == AssociationId), None)
        if address is None:
            raise Refused("InvalidAssociationID.NotFound", f"The association ID '{AssociationId}' does not exist")
    else:
        address = named(call, None, PublicIp)
    held = call.shelf(Interface).get(address.interface)
    if held is not None:
        # A NAT gateway's own is not its customer's to take away.
        interface.changeable(call, held.id)
    keep(call, address, association="", interface="", private="")


_NAMES: filters.Names = {
    "allocation-id": "AllocationId", "association-id": "AssociationId", "instance-id": "InstanceId", "network-border-group": "NetworkBorderGroup",
    "network-interface-id": "NetworkInterfaceId", "network-interface-owner-id": "NetworkInterfaceOwnerId", "private-ip-address": "PrivateIpAddress",
    "public-ip": "PublicIp", "domain": "Domain",
}  # fmt: skip


@may_be_dry
def DescribeAddresses(
    call: Call, *, PublicIps: list[str] | None = None, AllocationIds: list[str] | None = None, Filters: list[dict] | None = None
) -> dict:
    if PublicIps or AllocationIds:
        found = [named(call, None, ip) for ip in PublicIps or ()] + [named(call, id_, None) for id_ in AllocationIds or ()]
    else:
        found = call.shelf(Address).values()
    return {"Addresses": filters.kept([show(call, each) for each in found], Filters, _NAMES)}


@may_be_dry
def DescribeAddressesAttribute(call: Call, *, AllocationIds: list[str] | None = None, Attribute: str | None = None) -> dict:
    """Names that lead back to addresses: none does here, since the addresses are nobody's on the internet."""
    if Attribute not in (None, "domain-name"):
        raise InvalidParameterValue(f"Value ({Attribute}) for parameter attribute is invalid.")
    found = [existing(call, ADDRESS, id_) for id_ in AllocationIds] if AllocationIds else call.shelf(Address).values()
    return {"Addresses": [{"PublicIp": each.ip, "AllocationId": each.id} for each in found]}
