"""The network that each account has in each region without asking: a default VPC with a subnet in every zone, all of them on the internet.

It is made when somebody first looks. https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html
"""

from __future__ import annotations

from kumoniwa.aws.zones import Zone, zones
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.ec2.kinds import fresh, keep
from kumoniwa.services.ec2.network import (
    LAST_RULE,
    AclEntry,
    Association,
    Block,
    DhcpOptions,
    InternetGateway,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
    Vpc,
    net,
)

CIDR = "172.31.0.0/16"
ANYWHERE = "0.0.0.0/0"


class Given(Record):
    """That an account was given its default network in this region, even if it has deleted it since."""

    at: float
    dhcp: str
    """Its default DHCP options, which every VPC goes by."""


def given(call: Call) -> Given:
    ensure(call)
    return call.shelf(Given)["network"]


def ensure(call: Call) -> None:
    shelf = call.shelf(Given)
    if "network" in shelf:
        return
    domain = "ec2.internal" if call.region == "us-east-1" else f"{call.region}.compute.internal"
    options = DhcpOptions(id=fresh(call, "dopt"), values={"domain-name": (domain,), "domain-name-servers": ("AmazonProvidedDNS",)})
    keep(call, options)
    shelf["network"] = Given(at=call.now(), dhcp=options.id)
    make(call)


def make(call: Call) -> Vpc:
    """A default VPC."""
    vpc = furnished(call, CIDR, is_default=True, names_hosts=True)
    gateway = keep(call, InternetGateway(id=fresh(call, "igw"), vpc=vpc.id))
    table = next(each for each in call.shelf(RouteTable).values() if each.vpc == vpc.id)
    keep(call, table, routes=(*table.routes, Route(to=ANYWHERE, by=gateway.id)))
    for zone in zones(call.region):
        subnet(call, vpc, zone)
    return vpc


def subnet(call: Call, vpc: Vpc, zone: Zone) -> Subnet:
    """The default subnet of a zone: the first /20 that is free. Raises StopIteration if there is none."""
    taken = [net(each.cidr) for each in call.shelf(Subnet).values() if each.vpc == vpc.id]
    free = next(each for each in net(vpc.cidrs[0]).subnets(new_prefix=20) if not any(each.overlaps(one) for one in taken))
    made = Subnet(id=fresh(call, "subnet"), vpc=vpc.id, cidr=str(free), zone=zone.name, is_default=True, is_public=True)
    return placed(call, made)


def placed(call: Call, made: Subnet) -> Subnet:
    """A new subnet, which goes by its VPC's default network ACL."""
    acl = next(each for each in call.shelf(NetworkAcl).values() if each.vpc == made.vpc and each.is_default)
    keep(call, acl, associations=(*acl.associations, Association(id=fresh(call, "aclassoc"), subnet=made.id)))
    return keep(call, made)


def furnished(
    call: Call, cidr: str, *, is_default: bool = False, names_hosts: bool = False, tenancy: str = "default", id_: str = "",
    tags: dict[str, str] | None = None,
) -> Vpc:  # fmt: skip
    """A VPC with all that it begins with: its main route table, its default network ACL and its default security group."""
    vpc = Vpc(
        id=id_ or fresh(call, "vpc"), blocks=(Block(id=fresh(call, "vpc-cidr-assoc"), cidr=cidr),), dhcp=given(call).dhcp, tenancy=tenancy,
        is_default=is_default, names_hosts=names_hosts, tags=tags or {},
    )  # fmt: skip
    keep(call, vpc)
    local = Route(to=cidr, by="local", origin="CreateRouteTable")
    keep(call, RouteTable(id=fresh(call, "rtb"), vpc=vpc.id, routes=(local,), associations=(Association(id=fresh(call, "rtbassoc")),)))
    entries = tuple(
        AclEntry(number=number, is_egress=is_egress, allows=number != LAST_RULE, protocol="-1", cidr=ANYWHERE)
        for is_egress in (True, False)
        for number in (100, LAST_RULE)
    )
    keep(call, NetworkAcl(id=fresh(call, "acl"), vpc=vpc.id, entries=entries, is_default=True))
    group = keep(call, SecurityGroup(id=fresh(call, "sg"), name="default", description="default VPC security group", vpc=vpc.id))
    for is_egress, peer in ((False, group.id), (True, ANYWHERE)):
        keep(call, anything(call, group.id, is_egress, peer))
    return vpc


def anything(call: Call, group: str, is_egress: bool, peer: str) -> SecurityRule:
    """A rule for all protocols and ports."""
    return SecurityRule(
        id=fresh(call, "sgr"), group=group, is_egress=is_egress, protocol="-1", from_port=-1, to_port=-1, peer=peer,
        owner=call.account if peer.startswith("sg-") else "",
    )  # fmt: skip
