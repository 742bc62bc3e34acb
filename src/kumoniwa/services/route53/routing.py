"""Which record answers whom: Route 53's routing policies as pure functions.

A group of record sets of one name and type, a client and the state of health checks go in; what may be answered comes out, each with
its chance. There are no dice here: who answers a query rolls them. An alias leads to another group and is followed through.

The rules of health: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html.
A record is healthy unless its check, or the target that it is to evaluate, is not; if no record of a group is healthy, all are taken
to be.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kumoniwa.aws import geography
from kumoniwa.aws.endpoints import EVERYWHERE
from kumoniwa.gate.place import Client
from kumoniwa.services.route53 import name as names

ANSWERS_MAX = 8
"""How many records of a multivalue group one answer holds."""
ALIAS_DEPTH_MAX = 16
ENDPOINT_TTL_S = 60
"""Aliases to AWS's endpoints: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html"""


class Alias(NamedTuple):
    target: names.Name
    region: str | None
    """Of the AWS endpoint it names; None for a record set of the same zone."""
    evaluates: bool
    address: str = ""
    """The one that the endpoint has to itself, where it is not its region's."""


class Routed(NamedTuple):
    """One record set, as far as routing needs it."""

    name: names.Name
    type: str
    set_id: str
    policy: str
    """The member of AWS's structure that routes; empty for simple record sets."""
    ttl: int
    values: tuple[str, ...]
    alias: Alias | None = None
    check: str | None = None
    weight: int = 0
    region: str = ""
    is_primary: bool = False
    location: tuple[str, str, str] = ("", "", "")
    """Continent, country, state; the country is ``*`` for the default."""
    point: geography.Point = (0.0, 0.0)
    bias: int = 0
    collection: str = ""
    block_of: str = ""


class Surroundings(NamedTuple):
    """What routing asks of its surroundings."""

    group: Callable[[names.Name, str], Sequence[Routed]]
    """The record sets of a name and type in the zone."""
    is_healthy: Callable[[str], bool]
    """Of a health check; a check that is gone is healthy."""
    rtt_ms: Callable[[str, str], float]
    blocks: Callable[[str], dict[str, tuple[str, ...]]]
    """The locations of a CIDR collection."""
    standing: str
    """The region where clients of unknown place are taken to be by latency and geoproximity, which must always decide."""
    is_well: Callable[[str], bool] = lambda name: True
    """Of a load balancer."""


class Step(NamedTuple):
    """One record that was chosen on the way to an answer."""

    record: Routed
    is_healthy: bool


class Outcome(NamedTuple):
    chance: float
    values: tuple[str, ...]
    ttl: int
    region: str | None
    """Where the answer is the address of a region of this cloud."""
    steps: tuple[Step, ...]
    address: str = ""
    """Or of an endpoint there that has one to itself."""


BY_PLACE = ("Region", "GeoLocation", "GeoProximityLocation", "CidrRoutingConfig")
"""Policies whose answer depends on where the client is."""


Path = tuple[tuple[names.Name, str], ...]
"""The groups on the way to this one: an alias that leads back into it leads nowhere."""


def outcomes(group: Sequence[Routed], client: Client, around: Surroundings, path: Path = ()) -> list[Outcome]:
    """Everything that a group may answer a client, with chances that sum to one; empty if it answers nothing."""
    further = _further(group, path)
    if further is None:
        return []
    found = []
    for chance, chosen in _choices(group, client, around):
        steps = tuple(Step(record, is_healthy(record, around)) for record in chosen)
        alias = chosen[0].alias
        if alias is None:
            values = tuple(value for record in chosen for value in record.values)
            found.append(Outcome(chance, values, min(record.ttl for record in chosen), None, steps))
        elif alias.region is not None:
            region = stands(client, around.standing) if alias.region == EVERYWHERE else alias.region
            found.append(Outcome(chance, (), ENDPOINT_TTL_S, region, steps, alias.address))
        else:
            for each in outcomes(around.group(alias.target, chosen[0].type), client, around, further):
                found.append(each._replace(chance=chance * each.chance, steps=steps + each.steps))
    return found


def stands(client: Client, standing: str) -> str:
    """The region a client is in or near to."""
    return client.place.region if client.place else standing


def _further(group: Sequence[Routed], path: Path) -> Path | None:
    """The path with this group on it; None if the group is empty, on it already, or too far from its beginning."""
    if not group or len(path) > ALIAS_DEPTH_MAX or (here := (group[0].name, group[0].type)) in path:
        return None
    return (*path, here)


def is_healthy(record: Routed, around: Surroundings, path: Path = ()) -> bool:
    """A record with a check and an evaluated target needs both. A group is healthy if one of its records is."""
    if record.check is not None and not around.is_healthy(record.check):
        return False
    if record.alias is None or not record.alias.evaluates:
        return True
    if record.alias.region is not None:
        # Route 53 takes API Gateway and S3 website endpoints to be healthy.
        return not record.alias.address or around.is_well(names.shown(record.alias.target))
    group = around.group(record.alias.target, record.type)
    further = _further(group, path)
    return further is not None and any(is_healthy(each, around, further) for each in group)


def depends_on_place(group: Sequence[Routed], around: Surroundings, path: Path = ()) -> bool:
    """Whether other clients may be answered otherwise, along any alias."""
    further = _further(group, path)
    if further is None:
        return False
    if group[0].policy in BY_PLACE or any(record.alias is not None and record.alias.region == EVERYWHERE for record in group):
        return True
    targets = {record.alias.target for record in group if record.alias is not None and record.alias.region is None}
    return any(depends_on_place(around.group(target, group[0].type), around, further) for target in targets)


def _choices(group: Sequence[Routed], client: Client, around: Surroundings) -> list[tuple[float, tuple[Routed, ...]]]:
    """What one group may choose: records that are answered together, and the chance of each choice."""
    policy = group[0].policy
    if policy == "Weight":
        return _by_weight(group, around)
    if policy == "MultiValueAnswer":
        return _several(group, around)
    preferred = _PREFERENCES[policy](group, client, around)
    if not preferred:
        return []
    chosen = next((record for record in preferred if is_healthy(record, around)), preferred[0])
    return [(1.0, (chosen,))]


def _by_weight(group: Sequence[Routed], around: Surroundings) -> list[tuple[float, tuple[Routed, ...]]]:
    """In proportion to the weights of those that are healthy. A weight of 0 is chosen only when nothing else can be.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-weighted.html"""
    healthy = [record for record in group if is_healthy(record, around)]
    weighing = [record for record in healthy if record.weight] or healthy
    if not weighing:
        weighing = [record for record in group if record.weight] or list(group)
    total = sum(record.weight for record in weighing)
    if not total:
        return [(1 / len(weighing), (record,)) for record in weighing]
    return [(record.weight / total, (record,)) for record in weighing]


def _several(group: Sequence[Routed], around: Surroundings) -> list[tuple[float, tuple[Routed, ...]]]:
    """All that are healthy; of more than eight, eight that stand together, each eight as often as the others."""
    healthy = [record for record in group if is_healthy(record, around)] or list(group)
    if len(healthy) <= ANSWERS_MAX:
        return [(1.0, tuple(healthy))]
    count, twice = len(healthy), healthy * 2
    return [(1 / count, tuple(twice[at : at + ANSWERS_MAX])) for at in range(count)]


# Policies that prefer: the records that may answer this client, the best first ---------------------------------


def _only(group: Sequence[Routed], client: Client, around: Surroundings) -> list[Routed]:
    return list(group)


def _by_failover(group: Sequence[Routed], client: Client, around: Surroundings) -> list[Routed]:
    return sorted(group, key=lambda record: not record.is_primary)


def _by_latency(group: Sequence[Routed], client: Client, around: Surroundings) -> list[Routed]:
    """By measured round trips between the client's region and the record's; where none was measured, by distance."""
    here_is = stands(client, around.standing)

    def far(record: Routed) -> tuple[float, float, str]:
        here, there = geography.site_of(here_is), geography.site_of(record.region)
        distance = geography.distance_km(here.point, there.point) if here and there else 0.0
        return around.rtt_ms(here_is, record.region), distance, record.set_id

    return sorted(group, key=far)


def _by_location(group: Sequence[Routed], client: Client, around: Surroundings) -> list[Routed]:
    """State, then country, then continent, then the default; nobody else's record.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-geo.html"""
    wanted = [("", geography.ANYWHERE, "")]
    if client.place is not None:
        continent, country, state = client.place[:3]
        wanted = [("", country, state), ("", country, ""), (continent, "", ""), *wanted]
        if not state:
            del wanted[0]
    by_location = {record.location: record for record in group}
    return [by_location[location] for location in wanted if location in by_location]


def _by_proximity(group: Sequence[Routed], client: Client, around: Surroundings) -> list[Routed]:
    """By distance, which a bias makes shorter or longer.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-geoproximity.html"""
    site = geography.site_of(around.standing)
    point = client.place.point if client.place else site.point if site else (0.0, 0.0)
    return sorted(group, key=lambda record: (biased(geography.distance_km(point, record.point), record.bias), record.set_id))


def biased(distance_km: float, bias: int) -> float:
    """AWS's formula: ``distance * (1 - bias/100)`` for a positive bias, ``distance / (1 + bias/100)`` for a negative one."""
    return distance_km * (1 - bias / 100) if bias >= 0 else distance_km / (1 + bias / 100)


def _by_block(group: Sequence[Routed], client: Client, around: Surroundings) -> list[Routed]:
    """The location whose block holds the client's subnet most closely, then the default."""
    best, length = "", -1
    for name, blocks in around.blocks(group[0].collection).items():
        for text in blocks:
            block = ipaddress.ip_network(text)
            if client.address is not None and length < block.prefixlen <= client.prefix and client.address in block:
                best, length = name, block.prefixlen
    by_location = {record.block_of: record for record in group}
    return [by_location[name] for name in (best, geography.ANYWHERE) if name in by_location]


_PREFERENCES: dict[str, Callable[[Sequence[Routed], Client, Surroundings], list[Routed]]] = {
    "": _only,
    "Failover": _by_failover,
    "Region": _by_latency,
    "GeoLocation": _by_location,
    "GeoProximityLocation": _by_proximity,
    "CidrRoutingConfig": _by_block,
}
