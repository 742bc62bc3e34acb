"""Network interfaces. One that a service of AWS makes for what it runs is managed by it alone: nobody else changes or deletes it."""

from __future__ import annotations

import ipaddress
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry, without_dry_run
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import (
    INTERFACE,
    SECURITY_GROUP,
    SUBNET,
    Address,
    Attachment,
    Interface,
    SecurityGroup,
    Subnet,
    Vpc,
    interfaces_in,
    net,
)
from kumoniwa.services.ec2.reach import PUBLIC
from kumoniwa.services.ec2.subnet import RESERVED, free

GROUPS_MAX = 5
_TYPES = {"lambda.amazonaws.com": "lambda"}
"""Of interfaces of services; those of most are of the common type."""
_OWNERS = {"rds.amazonaws.com": "amazon-rds", "elasticloadbalancing.amazonaws.com": "amazon-elb"}
"""To whom what it is attached to belongs, and who asked for it, where that is told by a name."""
AWS = "amazon-aws"


# Addresses -----------------------------------------------------------------------------------------


def public_address(call: Call) -> str:
    """One that nobody else has in this region."""
    taken: set[str] = set()
    for account in filter(str.isdigit, call.home.store.accounts()):
        shelf = call.home.store.shelf
        taken |= {each.ip for each in shelf(account, Address).values()} | {each.public_ip for each in shelf(account, Interface).values()}
    while True:
        found = str(net(PUBLIC)[call.ids.random.randrange(1, (1 << 17) - 1)])
        if found not in taken:
            return found


def claimed(call: Call, subnet: Subnet, wanted: str) -> str:
    """An address of a subnet that somebody asks for. Raises what AWS answers if it cannot be had."""
    try:
        address = ipaddress.IPv4Address(wanted)
    except ValueError:
        raise InvalidParameterValue(f"invalid value for parameter address: {wanted}") from None
    block = net(subnet.cidr)
    if address not in block:
        raise InvalidParameterValue("Address does not fall within the subnet's address range")
    offset = int(address) - int(block.network_address)
    if offset < RESERVED - 1 or offset == block.num_addresses - 1:
        raise InvalidParameterValue("Address is in subnet's reserved address range")
    if wanted in interfaces_in(call, subnet.vpc):
        raise Refused("InvalidIPAddress.InUse", "The specified address is already in use.")
    return wanted


def given(call: Call, subnet: Subnet, count: int, but: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Free addresses of a subnet."""
    if free(call, subnet) - len(but) < count:
        raise Refused("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
    block, taken = net(subnet.cidr), {*interfaces_in(call, subnet.vpc), *but}
    found: list[str] = []
    at = call.ids.random.randrange(block.num_addresses)
    while len(found) < count:
        offset, at = RESERVED - 1 + at % (block.num_addresses - RESERVED), at + 1
        address = str(block[offset])
        if address not in taken:
            found.append(address)
    return tuple(found)


def checked_groups(call: Call, vpc: str, groups: list[str] | None) -> tuple[str, ...]:
    """Security groups of a VPC; its default one if none are named."""
    if not groups:
        return (next(each.id for each in call.shelf(SecurityGroup).values() if each.vpc == vpc and each.name == "default"),)
    for id_ in groups:
        if existing(call, SECURITY_GROUP, id_).vpc != vpc:
            raise Refused("InvalidParameter", "You have specified two resources that belong to different networks.")
    if len(set(groups)) > GROUPS_MAX:
        raise Refused("SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.")
    return tuple(dict.fromkeys(groups))


# As they are shown ---------------------------------------------------------------------------------


def _names(call: Call, vpc: str, ip: str) -> dict[str, str]:
    domain = "ec2.internal" if call.region == "us-east-1" else f"{call.region}.compute.internal"
    held = call.shelf(Vpc).get(vpc)
    return {"PrivateDnsName": f"ip-{ip.replace('.', '-')}.{domain}"} if held is not None and held.names_hosts else {}


def _association(call: Call, interface: Interface, ip: str) -> dict[str, Any] | None:
    """The public address that an address stands behind."""
    for each in call.shelf(Address).values():
        if each.interface == interface.id and each.private == ip:
            own = {"AllocationId": each.id, "AssociationId": each.association}
            return {"IpOwnerId": call.account, "PublicIp": each.ip, "PublicDnsName": public_name(call, each.ip), **own}
    if interface.public_ip and ip == interface.ips[0]:
        return {"IpOwnerId": "amazon", "PublicIp": interface.public_ip, "PublicDnsName": public_name(call, interface.public_ip)}
    return None


def public_name(call: Call, ip: str) -> str:
    domain = "compute-1" if call.region == "us-east-1" else f"{call.region}.compute"
    return f"ec2-{ip.replace('.', '-')}.{domain}.amazonaws.com"


def _address(call: Call, interface: Interface, ip: str) -> dict[str, Any]:
    association = _association(call, interface, ip)
    shown = {"PrivateIpAddress": ip, "Primary": ip == interface.ips[0], **_names(call, interface.vpc, ip)}
    return shown | ({"Association": association} if association else {})


def _attachment(call: Call, held: Attachment) -> dict[str, Any]:
    return {
        "AttachmentId": held.id, "AttachTime": held.since, "DeleteOnTermination": held.ends_with, "DeviceIndex": held.index,
        "InstanceOwnerId": held.owner, "Status": "attached",
    }  # fmt: skip


def show(call: Call, interface: Interface) -> dict[str, Any]:
    groups = call.shelf(SecurityGroup)
    first = _address(call, interface, interface.ips[0])
    shown: dict[str, Any] = {
        "NetworkInterfaceId": interface.id, "VpcId": interface.vpc, "SubnetId": interface.subnet, "OwnerId": call.account,
        "AvailabilityZone": call.shelf(Subnet)[interface.subnet].zone, "Description": interface.description, "InterfaceType": interface.type,
        "Groups": [{"GroupId": id_, "GroupName": groups[id_].name} for id_ in interface.groups], "Ipv6Addresses": [], "MacAddress": interface.mac,
        "PrivateIpAddress": interface.ips[0], "PrivateIpAddresses": [_address(call, interface, ip) for ip in interface.ips],
        "RequesterManaged": bool(interface.managed_by), "SourceDestCheck": interface.is_checked,
        "Status": "available" if interface.attachment is None else "in-use", "TagSet": tag.shown(interface.tags),
        **{name: value for name, value in first.items() if name in ("PrivateDnsName", "Association")},
    }  # fmt: skip
    if interface.requester:
        shown["RequesterId"] = interface.requester
    if interface.attachment is not None:
        shown["Attachment"] = _attachment(call, interface.attachment)
    return shown


# Made and deleted ----------------------------------------------------------------------------------


def made(
    call: Call, subnet: Subnet, groups: tuple[str, ...], description: str, *, ips: tuple[str, ...] = (), managed_by: str = "", requester: str = "",
    kind: str = "interface", id_: str = "", tags: dict[str, str] | None = None, is_checked: bool = True,
) -> Interface:  # fmt: skip
    """A new interface; that of a service is attached to what it serves from the start."""
    attachment = None
    if managed_by:
        attachment = Attachment(id=f"ela-attach-0{call.ids.hex(16)}", owner=_OWNERS.get(managed_by, AWS), since=call.now())
    mac = ":".join(("0a", *(call.ids.hex(2) for _ in range(5))))
    return keep(call, Interface(
        id=id_ or fresh(call, "eni"), vpc=subnet.vpc, subnet=subnet.id, groups=groups, ips=ips or given(call, subnet, 1), mac=mac, description=description,
        type=kind, managed_by=managed_by, requester=requester, attachment=attachment, tags=tags or {}, is_checked=is_checked,
    ))  # fmt: skip


_MAKE_THEIR_OWN = frozenset((
    "ec2.amazonaws.com", "ecs.amazonaws.com", "elasticfilesystem.amazonaws.com", "elasticloadbalancing.amazonaws.com", "lambda.amazonaws.com",
    "rds.amazonaws.com",
))  # fmt: skip
"""Services whose interfaces nobody else manages, whoever they make them for."""


def asking(call: Call) -> str:
    """The service of AWS that asks for an interface of its own, in the name of whoever it serves; empty for everybody else."""
    service = call.principal.via[-1] if call.principal.via else ""
    return service if service in _MAKE_THEIR_OWN else ""


def _addresses(
    call: Call, subnet: Subnet, first: str | None, said: list[dict] | None, secondary: int | None
) -> tuple[str, ...]:
    wanted = [each for each in said or () if each.get("PrivateIpAddress")]
    primary = [each["PrivateIpAddress"] for each in wanted if each.get("Primary")]
    if first and primary and primary != [first] or len(primary) > 1:
        raise InvalidParameterCombination("Only one primary private IP address can be specified")
    primary = [claimed(call, subnet, each) for each in ([first] if first else primary)]
    others = [claimed(call, subnet, each["PrivateIpAddress"]) for each in wanted if each["PrivateIpAddress"] not in primary]
    if not primary:
        primary = [*given(call, subnet, 1, tuple(others))]
    if secondary and others:
        raise InvalidParameterCombination("You cannot specify secondary private IP addresses both by their number and by themselves")
    if len({*primary, *others}) < len(primary) + len(others):
        raise InvalidParameterValue("Duplicate private IP addresses")
    return (*primary, *others, *(given(call, subnet, secondary, tuple(primary)) if secondary else ()))


@may_be_dry
def CreateNetworkInterface(
    call: Call, *, SubnetId: str, Description: str | None = None, PrivateIpAddress: str | None = None, Groups: list[str] | None = None,
    PrivateIpAddresses: list[dict] | None = None, SecondaryPrivateIpAddressCount: int | None = None, InterfaceType: str | None = None,
    TagSpecifications: list[dict] | None = None, ClientToken: str | None = None,
) -> dict:  # fmt: skip
    if InterfaceType not in (None, "interface"):
        raise InvalidParameterValue(f"Value ({InterfaceType}) for parameter interfaceType is invalid.")
    subnet: Subnet = existing(call, SUBNET, SubnetId)
    groups = checked_groups(call, subnet.vpc, Groups)
    ips = _addresses(call, subnet, PrivateIpAddress, PrivateIpAddresses, SecondaryPrivateIpAddressCount)
    id_, service = fresh(call, "eni"), asking(call)
    requester = (_OWNERS.get(service) or call.principal.user_id) if service else ""
    interface = made(
        call, subnet, groups, Description or "", ips=ips, managed_by=service, requester=requester, kind=_TYPES.get(service, "interface"), id_=id_,
        tags=tag.of_new(call, TagSpecifications, INTERFACE, id_),
    )  # fmt: skip
    return {"NetworkInterface": show(call, interface)} | ({"ClientToken": ClientToken} if ClientToken else {})


def changeable(call: Call, id_: str) -> Interface:
    """One that whoever asks may change."""
    found = existing(call, INTERFACE, id_)
    if found.managed_by and found.managed_by != asking(call):
        raise Refused("AuthFailure", "You do not have permission to access the specified resource.")
    return found


@may_be_dry
def DeleteNetworkInterface(call: Call, *, NetworkInterfaceId: str) -> None:
    interface = changeable(call, NetworkInterfaceId)
    if interface.attachment is not None and not interface.managed_by:
        raise InvalidParameterValue(f"Network interface '{NetworkInterfaceId}' is currently in use.")
    drop(call, interface)


def drop(call: Call, interface: Interface) -> None:
    """It is gone, and elastic IP addresses that led to it are free."""
    for each in call.shelf(Address).values():
        if each.interface == interface.id:
            keep(call, each, association="", interface="", private="")
    del call.shelf(Interface)[interface.id]


_NAMES: filters.Names = {
    "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress", "addresses.primary": "PrivateIpAddresses.Primary",
    "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
    "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId", "association.association-id": "Association.AssociationId",
    "association.allocation-id": "Association.AllocationId", "association.ip-owner-id": "Association.IpOwnerId",
    "association.public-ip": "Association.PublicIp", "association.public-dns-name": "Association.PublicDnsName",
    "attachment.attach-time": "Attachment.AttachTime", "attachment.attachment-id": "Attachment.AttachmentId",
    "attachment.delete-on-termination": "Attachment.DeleteOnTermination", "attachment.device-index": "Attachment.DeviceIndex",
    "attachment.instance-id": "Attachment.InstanceId", "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
    "attachment.status": "Attachment.Status", "availability-zone": "AvailabilityZone", "description": "Description", "group-id": "Groups.GroupId",
    "group-name": "Groups.GroupName", "interface-type": "InterfaceType", "mac-address": "MacAddress", "network-interface-id": "NetworkInterfaceId",
    "owner-id": "OwnerId", "private-dns-name": "PrivateDnsName", "private-ip-address": "PrivateIpAddress", "requester-id": "RequesterId",
    "requester-managed": "RequesterManaged", "source-dest-check": "SourceDestCheck", "status": "Status", "subnet-id": "SubnetId", "vpc-id": "VpcId",
    "tag-key": lambda shown: [each["Key"] for each in shown["TagSet"]], "ipv6-addresses.ipv6-address": lambda shown: None,
}  # fmt: skip


@may_be_dry
def DescribeNetworkInterfaces(
    call: Call, *, NetworkInterfaceIds: list[str] | None = None, Filters: list[dict] | None = None, IncludeManagedResources: bool | None = None
) -> dict:
    return {"NetworkInterfaces": described(call, INTERFACE, NetworkInterfaceIds, Filters, _NAMES, show, tags="TagSet")}


# Attributes ----------------------------------------------------------------------------------------


@may_be_dry
def DescribeNetworkInterfaceAttribute(call: Call, *, NetworkInterfaceId: str, Attribute: str | None = None) -> dict:
    shown = show(call, existing(call, INTERFACE, NetworkInterfaceId))
    parts: dict[str, dict[str, Any]] = {
        "description": {"Description": {"Value": shown["Description"]}}, "groupSet": {"Groups": shown["Groups"]},
        "sourceDestCheck": {"SourceDestCheck": {"Value": shown["SourceDestCheck"]}},
        "attachment": {"Attachment": shown["Attachment"]} if "Attachment" in shown else {},
    }  # fmt: skip
    if Attribute not in parts:
        raise InvalidParameterValue(f"Value ({Attribute}) for parameter attribute is invalid. Unknown attribute.")
    return {"NetworkInterfaceId": NetworkInterfaceId, **parts[Attribute]}


@may_be_dry
def ModifyNetworkInterfaceAttribute(
    call: Call, *, NetworkInterfaceId: str, Description: dict | None = None, Groups: list[str] | None = None, SourceDestCheck: dict | None = None,
    AssociatePublicIpAddress: bool | None = None,
) -> None:  # fmt: skip
    interface = changeable(call, NetworkInterfaceId)
    said: dict[str, Any] = {}
    if Description is not None:
        said["description"] = Description.get("Value", "")
    if Groups:
        said["groups"] = checked_groups(call, interface.vpc, Groups)
    if SourceDestCheck is not None:
        said["is_checked"] = bool(SourceDestCheck.get("Value"))
    if AssociatePublicIpAddress is not None:
        said["public_ip"] = (interface.public_ip or public_address(call)) if AssociatePublicIpAddress else ""
    if len(said) > 1:
        raise InvalidParameterCombination("Fields for multiple attribute types specified")
    if not said:
        raise MissingParameter("The request must contain exactly one attribute to modify")
    keep(call, interface, **said)


@may_be_dry
def ResetNetworkInterfaceAttribute(call: Call, *, NetworkInterfaceId: str, SourceDestCheck: str | None = None) -> None:
    keep(call, changeable(call, NetworkInterfaceId), is_checked=True)


@without_dry_run
def AssignPrivateIpAddresses(
    call: Call, *, NetworkInterfaceId: str, PrivateIpAddresses: list[str] | None = None, SecondaryPrivateIpAddressCount: int | None = None,
    AllowReassignment: bool | None = None,
) -> dict:  # fmt: skip
    interface = changeable(call, NetworkInterfaceId)
    subnet = call.shelf(Subnet)[interface.subnet]
    if bool(PrivateIpAddresses) == bool(SecondaryPrivateIpAddressCount):
        raise MissingParameter("The request must contain exactly one of privateIpAddresses and secondaryPrivateIpAddressCount")
    held = interfaces_in(call, interface.vpc)
    for ip in PrivateIpAddresses or ():
        other = held.get(ip)
        if AllowReassignment and other is not None and other.id != interface.id and ip in other.ips[1:]:
            keep(call, other, ips=tuple(each for each in other.ips if each != ip))
    new = tuple(claimed(call, subnet, ip) for ip in PrivateIpAddresses or ()) or given(call, subnet, SecondaryPrivateIpAddressCount or 0)
    keep(call, interface, ips=(*interface.ips, *dict.fromkeys(new)))
    return {"NetworkInterfaceId": interface.id, "AssignedPrivateIpAddresses": [{"PrivateIpAddress": ip} for ip in new]}


@without_dry_run
def UnassignPrivateIpAddresses(call: Call, *, NetworkInterfaceId: str, PrivateIpAddresses: list[str] | None = None) -> None:
    interface = changeable(call, NetworkInterfaceId)
    for ip in PrivateIpAddresses or ():
        if ip not in interface.ips[1:]:
            raise InvalidParameterValue(f"Some of the specified addresses are not assigned to interface {NetworkInterfaceId}")
    gone = set(PrivateIpAddresses or ())
    for each in call.shelf(Address).values():
        if each.interface == interface.id and each.private in gone:
            keep(call, each, association="", interface="", private="")
    keep(call, interface, ips=tuple(ip for ip in interface.ips if ip not in gone))
