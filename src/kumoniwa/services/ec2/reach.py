"""The judgement of traffic: whether a packet from a network interface comes where it is sent, and its answer back.

``judge(call, interface, address, port)`` says so of an IPv4 address, ``judge_service(call, interface, "s3")`` of a service of AWS by its name, and
``judge_arrival(call, interface, source, port)`` of what comes from the internet. All only look at what is on the shelves. All layers have a word,
in the order in which a packet meets them: the source's security groups, its subnet's network ACL, the route, what the route leads through, the
network ACL and the security groups at the destination; then the way back, which security groups let pass because they remember, and network ACLs do
not.

The rules are those of VPC's user guide (https://docs.aws.amazon.com/vpc/latest/userguide/): subnet-route-tables and RouteTables for the most specific
route, vpc-security-groups, nacl-basics, nat-gateway-basics, vpc-peering-basics, and those of gateway endpoints in the guide of PrivateLink. The words
are ours; the layers are those that Reachability Analyzer tells of.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, NamedTuple

from kumoniwa.aws.regions import loopback
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2.network import (
    Address,
    Endpoint,
    Interface,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    Peering,
    PrefixList,
    Route,
    RouteTable,
    SecurityRule,
    Subnet,
    Vpc,
    acl_of,
    holds,
    interfaces_in,
    net,
    rules_of,
    table_of,
)
from kumoniwa.services.ec2.prefix_names import SERVICES, id_of

EPHEMERAL = (1_024, 65_535)
"""The ports to which answers go, of clients of all kinds: https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports"""
PUBLIC = "198.18.0.0/15"
"""Where public addresses are from here: the block that is set apart for tests of networks (RFC 2544), where nobody on the internet answers."""
_PROTOCOLS = {"tcp": "6", "udp": "17", "icmp": "1"}
_UNFILTERED = ("169.254.169.253", "169.254.169.254", "169.254.169.123")
"""The resolver, the metadata and the time, to which no security group and no network ACL applies:
https://docs.aws.amazon.com/vpc/latest/userguide/infrastructure-security.html"""


class Verdict(NamedTuple):
    is_allowed: bool
    layer: str
    """What stopped it: ``security group egress``, ``network ACL egress``, ``route``, ``gateway``, ``destination``, ``network ACL ingress``,
    ``security group ingress``, ``network ACL egress of the answer``, ``network ACL ingress of the answer``; empty if nothing did."""
    text: str
    """Why, or which way it goes."""
    target: str = ""
    """The network interface that it comes to, if it stays in networks."""
    way: str = ""
    """What leads out of the network: the id of a gateway, a peering connection or an endpoint; ``local`` if it stays inside."""
    code: str = ""
    """What Reachability Analyzer calls the reason: https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html"""
    components: tuple[str, ...] = ()
    """What stopped it, by ids: a network ACL and its subnet, an interface and its groups, a route table, a gateway."""


class _Stopped(Exception):
    def __init__(self, layer: str, text: str, code: str = "NO_ROUTE_TO_DESTINATION", *components: str) -> None:
        self.layer, self.text, self.code, self.components = layer, text, code, components
        super().__init__(text)


class _Packet(NamedTuple):
    address: str
    port: int
    protocol: str
    prefix_list: str = ""
    """The list of AWS's own that the destination is in."""

    @property
    def told(self) -> str:
        return f"{self.address} port {self.port}"


def judge(call: Call, interface: str, address: str, port: int, protocol: str = "tcp") -> Verdict:
    """Whether a packet of an interface of ``call.account`` comes to an address and is answered."""
    return _judged(call, interface, _Packet(address, port, protocol))


def judge_service(call: Call, interface: str, service: str, port: int = 443) -> Verdict:
    """The same for a service of AWS in this region (``s3``, ``secretsmanager``): by an interface endpoint whose private names are on, if the VPC has
    one, by a gateway endpoint that the route table knows, or else by the internet."""
    source = call.shelf(Interface).get(interface)
    if source is None:
        return Verdict(False, "source", f"There is no network interface {interface}.")
    ours = [each for each in call.shelf(Endpoint).values() if each.vpc == source.vpc and each.service == f"com.amazonaws.{call.region}.{service}"]
    private = next((each for each in ours if each.type == "Interface" and each.names_privately and each.interfaces), None)
    if private is not None and call.shelf(Vpc)[source.vpc].resolves:
        doors = [call.shelf(Interface)[id_] for id_ in private.interfaces]
        zone = call.shelf(Subnet)[source.subnet].zone
        nearest = next((each for each in doors if call.shelf(Subnet)[each.subnet].zone == zone), doors[0])
        return _judged(call, interface, _Packet(nearest.ips[0], port, "tcp"))._replace(way=private.id)
    own_list = id_of(call.region, service) if service in SERVICES else ""
    return _judged(call, interface, _Packet(loopback(call.region), port, "tcp", own_list))


def heard(home: Any, message: dict[str, Any]) -> dict[str, Any]:
    """The same for another service: ``{"account", "interface", "address" or "service" or "source", "port"}`` is answered by a verdict's members.
    ``{"account", "groups", "source", "port"}`` asks no more than whether security groups let somebody in from an address."""
    account = message["account"]
    call = home.call("ec2", account, principals.service("ec2.amazonaws.com", account))
    if "groups" in message:
        return {"is_allowed": _groups_let_pass(call, message["groups"], False, _Packet(message["source"], message["port"], "tcp"), None, call)}
    if "source" in message:
        verdict = judge_arrival(call, message["interface"], message["source"], message["port"], message.get("protocol", "tcp"))
    elif "service" in message:
        verdict = judge_service(call, message["interface"], message["service"], message.get("port", 443))
    else:
        verdict = judge(call, message["interface"], message["address"], message["port"], message.get("protocol", "tcp"))
    return verdict._asdict()


def _judged(call: Call, interface: str, packet: _Packet) -> Verdict:
    source = call.shelf(Interface).get(interface)
    if source is None:
        return Verdict(False, "source", f"There is no network interface {interface}.")
    try:
        if ipaddress.ip_address(packet.address).version != 4:
            raise _Stopped("destination", f"{packet.address} is no IPv4 address, and networks here have no others.")
        return _sent(call, source, packet)
    except _Stopped as stopped:
        return Verdict(False, stopped.layer, stopped.text, code=stopped.code, components=stopped.components)


def _sent(call: Call, source: Interface, packet: _Packet) -> Verdict:
    vpc, subnet = call.shelf(Vpc)[source.vpc], call.shelf(Subnet)[source.subnet]
    resolver = str(net(vpc.cidrs[0])[2])
    if packet.address in (*_UNFILTERED, resolver):
        return Verdict(True, "", f"{packet.address} answers every network interface.", way="local")
    target, there = _target(call, source, vpc, subnet, packet)
    _check_groups(call, source, True, packet, target, there)
    if target is not None and target.subnet == subnet.id:
        _check_groups(call, target, False, packet._replace(address=source.ips[0]), source, call)
        return Verdict(True, "", f"{target.id} is in the same subnet.", target.id, "local")
    _check_acl(call, subnet, True, packet.address, (packet.port, packet.port), packet.protocol, "network ACL egress")
    route, table = _routed(call, subnet, packet)
    if route.by == "local":
        verdict = _arrived(call, source, packet, target, call, "local")
    elif route.by.startswith("pcx-"):
        verdict = _peered(call, source, packet, target, there, call.shelf(Peering)[route.by])
    else:
        verdict = _outside(call, source, packet, route)
    _check_acl(call, subnet, False, packet.address, EPHEMERAL, packet.protocol, "network ACL ingress of the answer")
    return verdict


def _target(call: Call, source: Interface, vpc: Vpc, subnet: Subnet, packet: _Packet) -> tuple[Interface | None, Call]:
    """The network interface at the other end, in this network or in a peer's, and its account; rules of security groups may be about it."""
    if packet.prefix_list:
        return None, call
    if any(holds(cidr, packet.address) for cidr in vpc.cidrs):
        return interfaces_in(call, vpc.id).get(packet.address), call
    route = route_for(call, table_of(call, subnet), packet.address)
    if route is None or not route.by.startswith("pcx-") or not leads(call, vpc.id, route):
        return None, call
    side = call.shelf(Peering)[route.by].side(call.account, vpc.id)
    there = call if side.account == call.account else call.home.call("ec2", side.account, call.principal)
    return interfaces_in(there, side.vpc).get(packet.address), there


# Security groups -----------------------------------------------------------------------------------


def _check_groups(call: Call, own: Interface, is_egress: bool, packet: _Packet, other: Interface | None, others: Call) -> None:
    """Whether one rule of one group lets it pass; ``others`` is the account of the interface at the other end."""
    if _groups_let_pass(call, own.groups, is_egress, packet, other, others):
        return
    way, there = ("egress", "to") if is_egress else ("ingress", "from")
    port = packet.port
    text = f"No {way} rule of {', '.join(own.groups)} at {own.id} allows {packet.protocol} port {port} {there} {packet.address}."
    raise _Stopped(f"security group {way}", text, "ENI_SG_RULES_MISMATCH", own.id, *own.groups)


def _groups_let_pass(call: Call, groups: Iterable[str], is_egress: bool, packet: _Packet, other: Interface | None, others: Call) -> bool:
    rules = (rule for group in groups for rule in rules_of(call, group) if rule.is_egress == is_egress)
    return any(_lets_pass(call, rule, packet, other, others) for rule in rules)


def _lets_pass(call: Call, rule: SecurityRule, packet: _Packet, other: Interface | None, others: Call) -> bool:
    if rule.protocol != "-1" and not (rule.protocol == packet.protocol and (rule.from_port <= packet.port <= rule.to_port or rule.from_port == -1)):
        return False
    if rule.peer.startswith("sg-"):
        return other is not None and rule.peer in other.groups and (rule.owner or call.account) == others.account
    if rule.peer.startswith("pl-"):
        return rule.peer == packet.prefix_list or any(holds(cidr, packet.address) for cidr in _listed(call, rule.peer))
    return holds(rule.peer, packet.address)


def _listed(call: Call, prefix_list: str) -> list[str]:
    """The blocks of a customer's prefix list. AWS's own hold of what was asked for by its name alone."""
    found = call.shelf(PrefixList).get(prefix_list)
    return found.cidrs if found is not None else []


# Network ACLs --------------------------------------------------------------------------------------


def _check_acl(call: Call, subnet: Subnet, is_egress: bool, address: str, ports: tuple[int, int], protocol: str, layer: str) -> None:
    acl = acl_of(call, subnet.id)
    denied = first_denied(acl, is_egress, address, ports, protocol)
    if denied is not None:
        rule, (low, high) = denied
        span = f"port {low}" if low == high else f"ports {low} to {high}"
        text = f"Rule {rule} of {acl.id}, which {subnet.id} goes by, denies {protocol} {span} {'to' if is_egress else 'from'} {address}."
        raise _Stopped(layer, text, "SUBNET_ACL_RESTRICTION", acl.id, subnet.id)


def first_denied(acl: NetworkAcl, is_egress: bool, address: str, ports: tuple[int, int], protocol: str = "tcp") -> tuple[str, tuple[int, int]] | None:
    """The rule that first denies some of these ports, and which; None if all are allowed. Rules are looked at in the order of their numbers, and the
    first that speaks of a port decides."""
    left = [ports]
    for entry in sorted((each for each in acl.entries if each.is_egress == is_egress), key=lambda each: each.number):
        if entry.protocol not in ("-1", _PROTOCOLS.get(protocol, protocol)) or not holds(entry.cidr, address):
            continue
        low, high = (0, 65_535) if entry.protocol == "-1" or entry.from_port < 0 else (entry.from_port, entry.to_port)
        undecided = []
        for start, end in left:
            if high < start or end < low:
                undecided.append((start, end))
                continue
            if not entry.allows:
                return str(entry.number), (max(start, low), min(end, high))
            undecided += [each for each in ((start, low - 1), (high + 1, end)) if each[0] <= each[1]]
        left = undecided
    return ("*", left[0]) if left else None


# Routes and where they lead ------------------------------------------------------------------------


def _routed(call: Call, subnet: Subnet, packet: _Packet) -> tuple[Route, RouteTable]:
    table = table_of(call, subnet)
    found = route_for(call, table, packet.address, packet.prefix_list)
    if found is None:
        raise _Stopped("route", f"{table.id}, which {subnet.id} goes by, has no route to {packet.address}.", "NO_ROUTE_TO_DESTINATION", table.id)
    if not leads(call, table.vpc, found):
        raise _Stopped("route", f"The route to {found.to} in {table.id} leads nowhere: {found.by} is gone or does not work.", "BAD_STATE_ROUTE", table.id)
    return found, table


def route_for(call: Call, table: RouteTable, address: str, prefix_list: str = "") -> Route | None:
    """The most specific route; a block stands before a prefix list that is as specific."""
    best: tuple[int, bool] = (-1, False)
    found = None
    for route in table.routes:
        is_list = route.to.startswith("pl-")
        if is_list and route.to == prefix_list:
            lengths = [32]
        elif prefix_list and route.by == "local":
            continue
        else:
            cidrs = _listed(call, route.to) if is_list else [route.to]
            lengths = [net(cidr).prefixlen for cidr in cidrs if holds(cidr, address)]
        for length in lengths:
            if (length, not is_list) > best:
                best, found = (length, not is_list), route
    return found


def leads(call: Call, vpc: str, route: Route) -> bool:
    """Whether a route is active and no blackhole."""
    by, now = route.by, call.now()
    if by == "local":
        return True
    kind = by.partition("-")[0]
    if kind == "igw":
        gateway = call.shelf(InternetGateway).get(by)
        return gateway is not None and gateway.vpc == vpc
    if kind == "nat":
        nat = call.shelf(NatGateway).get(by)
        return nat is not None and nat.state(now) == "available"
    if kind == "pcx":
        peering = call.shelf(Peering).get(by)
        return peering is not None and peering.state == "active"
    if kind == "vpce":
        return by in call.shelf(Endpoint)
    if kind == "eni":
        found = call.shelf(Interface).get(by)
        return found is not None and found.attachment is not None
    return kind == "eigw"


def _arrived(call: Call, source: Interface, packet: _Packet, target: Interface | None, there: Call, way: str) -> Verdict:
    """At the subnet of its destination, and out of it again with the answer."""
    if target is None:
        raise _Stopped("destination", f"No network interface has the address {packet.address}.")
    subnet, back = there.shelf(Subnet)[target.subnet], source.ips[0]
    _check_acl(there, subnet, False, back, (packet.port, packet.port), packet.protocol, "network ACL ingress")
    _check_groups(there, target, False, packet._replace(address=back), source, call)
    _check_acl(there, subnet, True, back, EPHEMERAL, packet.protocol, "network ACL egress of the answer")
    return Verdict(True, "", f"It comes to {target.id} by {way}.", target.id, way)


def _peered(call: Call, source: Interface, packet: _Packet, target: Interface | None, there: Call, peering: Peering) -> Verdict:
    side = peering.side(call.account, source.vpc)
    if not any(holds(cidr, packet.address) for cidr in there.shelf(Vpc)[side.vpc].cidrs):
        # What lies behind a peer is not reached through it: https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
        raise _Stopped("gateway", f"{packet.address} is not in {side.vpc}, where {peering.id} leads.")
    verdict = _arrived(call, source, packet, target, there, peering.id)
    back, table = _routed(there, there.shelf(Subnet)[there.shelf(Interface)[verdict.target].subnet], _Packet(source.ips[0], packet.port, packet.protocol))
    if back.by != peering.id:
        raise _Stopped("route", f"The answer does not come back: in {table.id} {source.ips[0]} is routed to {back.by}.", "NO_ROUTE_TO_DESTINATION", table.id)
    return verdict


def _outside(call: Call, source: Interface, packet: _Packet, route: Route) -> Verdict:
    kind = route.by.partition("-")[0]
    if kind == "vpce":
        return Verdict(True, "", f"It leaves by the endpoint {route.by}.", way=route.by)
    if kind == "igw":
        public = public_of(call, source)
        if not public:
            text = f"{source.id} has no public address, without which {route.by} passes nothing on."
            raise _Stopped("gateway", text, "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", route.by, source.id)
        return _published(call, public, packet, Verdict(True, "", f"It leaves by the internet gateway {route.by}.", way=route.by))
    if kind == "nat":
        return _translated(call, source, packet, call.shelf(NatGateway)[route.by])
    raise _Stopped("route", f"What is routed to {route.by} is not followed here.")


def public_of(call: Call, interface: Interface) -> str:
    """The public address of an interface's primary one; empty if it has none."""
    held = (each.ip for each in call.shelf(Address).values() if each.interface == interface.id and each.private == interface.ips[0])
    return next(held, interface.public_ip)


def _translated(call: Call, source: Interface, packet: _Packet, nat: NatGateway) -> Verdict:
    """In at a NAT gateway's subnet, out of it under the gateway's address, and the same back."""
    subnet, own, port = call.shelf(Subnet)[nat.subnet], source.ips[0], (packet.port, packet.port)
    is_elsewhere = nat.subnet != source.subnet
    if is_elsewhere:
        _check_acl(call, subnet, False, own, port, packet.protocol, "network ACL ingress")
    onward, table = _routed(call, subnet, packet)
    _check_acl(call, subnet, True, packet.address, port, packet.protocol, "network ACL egress")
    if nat.connectivity != "public" or not onward.by.startswith("igw-"):
        raise _Stopped("gateway", f"{nat.id} does not lead to the internet: in {table.id} {packet.address} is routed to {onward.by}.", "NO_ROUTE_TO_DESTINATION", table.id)
    _check_acl(call, subnet, False, packet.address, EPHEMERAL, packet.protocol, "network ACL ingress of the answer")
    if is_elsewhere:
        _check_acl(call, subnet, True, own, EPHEMERAL, packet.protocol, "network ACL egress of the answer")
    public = public_of(call, call.shelf(Interface)[nat.interface])
    leaving = Verdict(True, "", f"It leaves by the NAT gateway {nat.id} and the internet gateway {onward.by}.", way=nat.id)
    return _published(call, public, packet, leaving)


# From the internet ---------------------------------------------------------------------------------


def _published(call: Call, source: str, packet: _Packet, leaving: Verdict) -> Verdict:
    """What has left for the internet may be for a public address of this region, of whichever account: there it comes in again."""
    if not holds(PUBLIC, packet.address):
        return leaving
    for account in filter(str.isdigit, call.home.store.accounts()):
        there = call if account == call.account else call.home.call("ec2", account, call.principal)
        target = next((each for each in there.shelf(Interface).values() if packet.address == public_of(there, each)), None)
        if target is not None:
            return _entered(there, target, source, packet)._replace(way=leaving.way)
    raise _Stopped("destination", f"No network interface has the public address {packet.address}.")


def _entered(call: Call, target: Interface, source: str, packet: _Packet) -> Verdict:
    """From the internet in at a public address, and the answer back."""
    subnet, inside = call.shelf(Subnet)[target.subnet], packet._replace(address=source)
    _check_acl(call, subnet, False, source, (packet.port, packet.port), packet.protocol, "network ACL ingress")
    _check_groups(call, target, False, inside, None, call)
    _check_acl(call, subnet, True, source, EPHEMERAL, packet.protocol, "network ACL egress of the answer")
    back, table = _routed(call, subnet, inside)
    if not back.by.startswith("igw-"):
        raise _Stopped("route", f"The answer does not come back: in {table.id} {source} is routed to {back.by}.", "NO_ROUTE_TO_DESTINATION", table.id)
    return Verdict(True, "", f"It comes to {target.id} by {back.by}.", target.id, back.by)


def judge_arrival(call: Call, interface: str, source: str, port: int, protocol: str = "tcp") -> Verdict:
    """Whether somebody on the internet, at an IPv4 address, comes to the public address of an interface and is answered."""
    target = call.shelf(Interface).get(interface)
    public = public_of(call, target) if target is not None else ""
    if target is None or not public:
        return Verdict(False, "destination", f"{interface} has no public address.", code="IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS")
    try:
        return _entered(call, target, source, _Packet(public, port, protocol))
    except _Stopped as stopped:
        return Verdict(False, stopped.layer, stopped.text, code=stopped.code, components=stopped.components)
