"""Where proxies and their endpoints are in the network: each in a subnet of its own choosing, with an interface behind security groups.

On AWS an endpoint has an interface in each of two zones at least; here one, in the first of its subnets. What its database may hear from there is
EC2's judgement. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-network-prereqs.html
"""

from __future__ import annotations

from kumoniwa.gate import private_network
from kumoniwa.gate.private_network import Listening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import placing, subnet_group
from kumoniwa.services.rds.errors import InvalidSubnet
from kumoniwa.services.rds.instance import Cluster, Instance, Place, members
from kumoniwa.services.rds.proxy import Endpoint, Proxy, endpoint_host, family_of, own_host

ZONES_MIN = 2


async def chosen(call: Call, subnets: list[str], groups: list[str] | None, vpc: str = "") -> Place:
    """Where what has these subnets shall be, without its interface. Raises InvalidSubnet, whose words for too few zones are ours."""
    found_vpc, found = await subnet_group.described(call, subnets)
    if len({zone for _, zone in found}) < ZONES_MIN:
        raise InvalidSubnet(f"The requested subnets must be in at least {ZONES_MIN} Availability Zones: {', '.join(subnets)}")
    first = next((subnet, zone) for subnet, zone in found if subnet == subnets[0])
    return Place(
        group="", vpc=found_vpc, subnet=first[0], zone=first[1], groups=await placing.security_groups(call, found_vpc, groups)
    )


def regrouped(call: Call, place: Place, groups: tuple[str, ...]) -> Place:
    """Behind other security groups, in this turn of the loop."""
    if groups != place.groups:
        subnet_group.itself(call).ask_at_once("ec2:ModifyNetworkInterfaceAttribute", NetworkInterfaceId=place.interface, Groups=list(groups))
    return changed(place, groups=groups)


async def barred(call: Call, proxy: Proxy, target: Instance) -> str:
    """Why what a proxy says does not come to its database; empty if it does."""
    place = next((each.place for each in members(call, target)), None) if isinstance(target, Cluster) else target.place
    if place is None or not place.address:
        return ""
    verdict = await private_network.judged(call, proxy.place.interface, address=place.address, port=target.wanted_port)
    return "" if verdict["is_allowed"] else verdict["text"]


def listening_of(call: Call) -> list[Listening]:
    """All endpoints that take clients."""
    proxies = {each.id: each for each in call.shelf(Proxy).values()}
    told = [(own_host(call, each), each.place, each.address, family_of(each).port) for each in proxies.values() if each.state in ("available", "modifying")]
    for each in call.shelf(Endpoint).values():
        if each.state == "available" and each.proxy in proxies:
            told.append((endpoint_host(call, each), each.place, each.address, family_of(proxies[each.proxy]).port))
    return [Listening(host, place.address, port, port, address, port) for host, place, address, port in told]
