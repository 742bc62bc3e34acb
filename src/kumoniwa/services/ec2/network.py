"""What networks are made of: the records of everything that a VPC has, each with its kind."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.ec2.kinds import Kind

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(4_096)
def net(cidr: str) -> Network:
    """A block that was checked when it was taken."""
    return ipaddress.ip_network(cidr)


@lru_cache(4_096)
def holds(cidr: str, address: str) -> bool:
    block, found = net(cidr), ipaddress.ip_address(address)
    return found.version == block.version and found in block


class Block(Record):
    """A CIDR block of a VPC."""

    id: str
    cidr: str
    state: str = "associated"


class Vpc(Record):
    id: str
    blocks: tuple[Block, ...]
    """The primary one first."""
    dhcp: str
    tenancy: str = "default"
    is_default: bool = False
    resolves: bool = True
    """EnableDnsSupport."""
    names_hosts: bool = False
    """EnableDnsHostnames."""
    measures: bool = False
    """EnableNetworkAddressUsageMetrics."""
    tags: dict[str, str] = {}

    @property
    def cidrs(self) -> list[str]:
        return [each.cidr for each in self.blocks if each.state == "associated"]


VPC = Kind("vpc", "vpc", Vpc, "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist", "InvalidVpcID.Malformed")


class Subnet(Record):
    id: str
    vpc: str
    cidr: str
    zone: str
    is_default: bool = False
    is_public: bool = False
    """MapPublicIpOnLaunch."""
    hostnames: str = "ip-name"
    names_a: bool = False
    """EnableResourceNameDnsARecord."""
    tags: dict[str, str] = {}


SUBNET = Kind("subnet", "subnet", Subnet, "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist", "InvalidSubnetID.Malformed")


class Route(Record):
    to: str
    """A block, or the id of a prefix list."""
    by: str
    """``local``, or the id of what leads there."""
    origin: str = "CreateRoute"


class Association(Record):
    """Of a subnet, a gateway or (with neither) a VPC with a route table; or of a subnet with a network ACL."""

    id: str
    subnet: str = ""
    gateway: str = ""


class RouteTable(Record):
    id: str
    vpc: str
    routes: tuple[Route, ...]
    associations: tuple[Association, ...] = ()
    tags: dict[str, str] = {}

    @property
    def is_main(self) -> bool:
        return any(not each.subnet and not each.gateway for each in self.associations)


ROUTE_TABLE = Kind("route-table", "rtb", RouteTable, "InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist", "InvalidRouteTableId.Malformed")


class InternetGateway(Record):
    id: str
    vpc: str = ""
    tags: dict[str, str] = {}


INTERNET_GATEWAY = Kind(
    "internet-gateway", "igw", InternetGateway, "InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist",
    "InvalidInternetGatewayId.Malformed",
)  # fmt: skip


class EgressGateway(Record):
    """An egress-only internet gateway."""

    id: str
    vpc: str
    tags: dict[str, str] = {}


EGRESS_GATEWAY = Kind("egress-only-internet-gateway", "eigw", EgressGateway, "InvalidGatewayID.NotFound", "The eigw ID '{}' does not exist")


class NatGateway(Record):
    id: str
    vpc: str
    subnet: str
    connectivity: str
    interface: str
    created: float
    available: float
    """From when on it works."""
    deleted: float | None = None
    gone: float | None = None
    """Until when it is being deleted."""
    was: tuple[tuple[str, str], ...] = ()
    """Its allocations and addresses, when it was deleted or could not be made."""
    failure: tuple[str, ...] = ()
    """The code and the text of why it could not be made."""
    tags: dict[str, str] = {}

    @property
    def is_kept(self) -> bool:
        return self.gone is None and not self.failure

    def state(self, now: float) -> str:
        if self.gone is not None:
            return "deleting" if now < self.gone else "deleted"
        if self.failure:
            return "failed"
        return "pending" if now < self.available else "available"


NAT_GATEWAY = Kind("natgateway", "nat", NatGateway, "NatGatewayNotFound", "The Nat Gateway {} was not found", "NatGatewayMalformed")


class Address(Record):
    """An elastic IP address."""

    id: str
    ip: str
    association: str = ""
    interface: str = ""
    private: str = ""
    """The address of that interface which it stands for."""
    tags: dict[str, str] = {}


ADDRESS = Kind("elastic-ip", "eipalloc", Address, "InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist", "InvalidAllocationID.Malformed")


class SecurityGroup(Record):
    id: str
    name: str
    description: str
    vpc: str
    tags: dict[str, str] = {}


SECURITY_GROUP = Kind("security-group", "sg", SecurityGroup, "InvalidGroup.NotFound", "The security group '{}' does not exist", "InvalidGroupId.Malformed")


class SecurityRule(Record):
    """One rule of a security group: a protocol, ports, and one peer."""

    id: str
    group: str
    is_egress: bool
    protocol: str
    from_port: int
    to_port: int
    peer: str
    """A block, a security group's or a prefix list's id."""
    owner: str = ""
    """The account of a peer that is a security group."""
    connection: str = ""
    """The peering connection beyond which that is."""
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def key(self) -> tuple:
        """What no second rule of its group has."""
        return (self.is_egress, self.protocol, self.from_port, self.to_port, self.peer)


SECURITY_RULE = Kind(
    "security-group-rule", "sgr", SecurityRule, "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{}' does not exist",
    "InvalidSecurityGroupRuleId.Malformed",
)  # fmt: skip


class AclEntry(Record):
    number: int
    is_egress: bool
    allows: bool
    protocol: str
    cidr: str
    from_port: int = -1
    to_port: int = -1
    icmp: tuple[int, int] | None = None
    """Type and code."""


LAST_RULE = 32_767
"""The number of the entry that denies what no other entry decides."""


class NetworkAcl(Record):
    id: str
    vpc: str
    entries: tuple[AclEntry, ...]
    associations: tuple[Association, ...] = ()
    is_default: bool = False
    tags: dict[str, str] = {}


NETWORK_ACL = Kind("network-acl", "acl", NetworkAcl, "InvalidNetworkAclID.NotFound", "The networkAcl ID '{}' does not exist", "InvalidNetworkAclId.Malformed")


class Attachment(Record):
    id: str
    owner: str
    """The account of the instance, or ``amazon-aws``."""
    since: float
    index: int = 1
    ends_with: bool = False
    """DeleteOnTermination."""


class Interface(Record):
    """A network interface."""

    id: str
    vpc: str
    subnet: str
    groups: tuple[str, ...]
    ips: tuple[str, ...]
    """The primary one first."""
    mac: str
    description: str = ""
    type: str = "interface"
    is_checked: bool = True
    """SourceDestCheck."""
    managed_by: str = ""
    """The service that made it for itself (``lambda.amazonaws.com``), which alone may change or delete it."""
    requester: str = ""
    public_ip: str = ""
    """One that it was given when it was made, and keeps."""
    attachment: Attachment | None = None
    tags: dict[str, str] = {}


INTERFACE = Kind(
    "network-interface", "eni", Interface, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist",
    "InvalidNetworkInterfaceId.Malformed",
)  # fmt: skip


class Endpoint(Record):
    """A VPC endpoint."""

    id: str
    vpc: str
    service: str
    type: str
    created: float
    policy: str = ""
    tables: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    names_privately: bool = False
    requester: bool = False
    tags: dict[str, str] = {}


ENDPOINT = Kind("vpc-endpoint", "vpce", Endpoint, "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist", "InvalidVpcEndpointId.Malformed")


class PrefixList(Record):
    """A customer's managed prefix list."""

    id: str
    name: str
    family: str
    most: int
    """How many entries it may have; 0 where AWS manages it."""
    versions: tuple[tuple[tuple[str, str], ...], ...]
    """The entries, block and description, of each version."""
    state: str = "create-complete"
    tags: dict[str, str] = {}

    @property
    def cidrs(self) -> list[str]:
        return [cidr for cidr, _ in self.versions[-1]]


PREFIX_LIST = Kind("prefix-list", "pl", PrefixList, "InvalidPrefixListID.NotFound", "The prefix list ID '{}' does not exist", "InvalidPrefixListId.Malformed")


class PeeringSide(Record):
    account: str
    vpc: str
    cidrs: tuple[str, ...] = ()


class Peering(Record):
    """A VPC peering connection. It lies on the shelves of both accounts, which each tag it for themselves."""

    id: str
    requester: PeeringSide
    accepter: PeeringSide
    state: str
    text: str
    expires: float
    tags: dict[str, str] = {}

    def side(self, account: str, vpc: str) -> PeeringSide:
        """The other one."""
        return self.accepter if (self.requester.account, self.requester.vpc) == (account, vpc) else self.requester


PEERING = Kind(
    "vpc-peering-connection", "pcx", Peering, "InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '{}' does not exist",
    "InvalidVpcPeeringConnectionId.Malformed",
)  # fmt: skip


class InsightsPath(Record):
    """Whose reachability is analyzed: an interface, and an interface, a gateway or an address."""

    id: str
    source: str
    destination: str
    address: str
    protocol: str
    port: int
    created: float
    tags: dict[str, str] = {}


INSIGHTS_PATH = Kind(
    "network-insights-path", "nip", InsightsPath, "InvalidNetworkInsightsPathId.NotFound", "The networkInsightsPath ID '{}' does not exist",
    "InvalidNetworkInsightsPathId.Malformed",
)  # fmt: skip


class InsightsAnalysis(Record):
    """What came of an analysis, as things were when it was made."""

    id: str
    path: str
    started: float
    is_found: bool
    text: str
    code: str = ""
    layer: str = ""
    components: tuple[str, ...] = ()
    """What stopped the packet, or what it went through."""
    tags: dict[str, str] = {}


INSIGHTS_ANALYSIS = Kind(
    "network-insights-analysis", "nia", InsightsAnalysis, "InvalidNetworkInsightsAnalysisId.NotFound",
    "The networkInsightsAnalysis ID '{}' does not exist", "InvalidNetworkInsightsAnalysisId.Malformed",
)  # fmt: skip


class DhcpOptions(Record):
    id: str
    values: dict[str, tuple[str, ...]]
    tags: dict[str, str] = {}


DHCP_OPTIONS = Kind("dhcp-options", "dopt", DhcpOptions, "InvalidDhcpOptionID.NotFound", "The dhcpOption ID '{}' does not exist", "InvalidDhcpOptionsId.Malformed")


def main_table(call: Call, vpc: str) -> RouteTable:
    return next(each for each in call.shelf(RouteTable).values() if each.vpc == vpc and each.is_main)


def table_of(call: Call, subnet: Subnet) -> RouteTable:
    """The route table that a subnet goes by."""
    own = (each for each in call.shelf(RouteTable).values() if any(one.subnet == subnet.id for one in each.associations))
    return next(own, None) or main_table(call, subnet.vpc)


def acl_of(call: Call, subnet: str) -> NetworkAcl:
    return next(each for each in call.shelf(NetworkAcl).values() if any(one.subnet == subnet for one in each.associations))


def rules_of(call: Call, group: str) -> list[SecurityRule]:
    return call.shelf(SecurityRule).derived(_rules_by_group, call).get(group, [])


def _rules_by_group(call: Call) -> dict[str, list[SecurityRule]]:
    found: dict[str, list[SecurityRule]] = {}
    for each in call.shelf(SecurityRule).values():
        found.setdefault(each.group, []).append(each)
    return found


def interfaces_in(call: Call, vpc: str) -> dict[str, Interface]:
    """The network interfaces of a VPC, by each of their addresses."""
    return call.shelf(Interface).derived(_by_address, call).get(vpc, {})


def _by_address(call: Call) -> dict[str, dict[str, Interface]]:
    found: dict[str, dict[str, Interface]] = {}
    for each in call.shelf(Interface).values():
        found.setdefault(each.vpc, {}).update((ip, each) for ip in each.ips)
    return found
