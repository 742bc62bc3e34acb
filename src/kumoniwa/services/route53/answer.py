"""What the name servers say to one question: a decision, with every reply it may roll and the chance of each.

The rules of the DNS (RFC 1034, 2308, 4592, 8482) around Route 53's routing. Nothing here knows packets: ``packet`` writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kumoniwa.aws import endpoints
from kumoniwa.aws.regions import loopback
from kumoniwa.gate.place import Client
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53.catalog import Catalog, Zone
from kumoniwa.services.route53.routing import (
    ENDPOINT_TTL_S,
    Outcome,
    Step,
    Surroundings,
    depends_on_place,
    outcomes,
    stands,
)

CNAME_CHAIN_MAX = 8
REPLIES_MAX = 256
"""Of one decision; what is beyond is so unlikely that its chance is given to the rest."""
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


class Set(NamedTuple):
    """Records of one owner and type."""

    owner: names.Name
    type: str
    ttl: int
    values: tuple[str, ...]


class Reply(NamedTuple):
    chance: float
    code: int
    is_authoritative: bool
    answer: tuple[Set, ...] = ()
    authority: tuple[Set, ...] = ()
    additional: tuple[Set, ...] = ()
    steps: tuple[Step, ...] = ()
    """The records that were chosen on the way."""


class Decision(NamedTuple):
    replies: tuple[Reply, ...]
    scope: int
    """How many bits of the client's address the decision holds for (RFC 7871)."""


def decide(
    catalog: Catalog, surroundings: Callable[[Zone], Surroundings], name: names.Name, kind: str, client: Client, standing: str,
    zone: Zone | None = None,
) -> Decision:
    """What may be said to a client that asks for a name and type; from ``zone`` if it is given, else from the one it lies in."""
    deciding = _Deciding(catalog, surroundings, kind, client, standing)
    replies = deciding.at(name, zone or catalog.over(name), 0)
    if len(replies) > REPLIES_MAX:
        replies = sorted(replies, key=lambda reply: -reply.chance)[:REPLIES_MAX]
    scope = 0
    if deciding.depends_on_place:
        scope = client.place.prefix if client.place is not None else client.prefix
    return Decision(tuple(replies), scope)


class _Deciding:
    def __init__(self, catalog: Catalog, surroundings: Callable[[Zone], Surroundings], kind: str, client: Client, standing: str) -> None:
        self.catalog, self.surroundings, self.kind, self.client, self.standing = catalog, surroundings, kind, client, standing
        self.depends_on_place = False

    def at(self, name: names.Name, zone: Zone | None, depth: int) -> list[Reply]:
        if zone is None or not names.lies_in(name, zone.apex):
            return self._outside(name, depth)
        cut = zone.cut(name)
        if cut is not None and not (cut == name and self.kind == "DS"):
            return [self._referral(zone, cut)]
        source = zone.source(name)
        if source is None:
            return [Reply(1.0, NXDOMAIN, True, authority=_authority(zone))]
        if self.kind == "ANY":
            # Whoever asks for everything gets as little as the RFC allows, so that nobody is flooded with our help (RFC 8482).
            return [Reply(1.0, NOERROR, True, (Set(name, "HINFO", 3600, ('"RFC8482" ""',)),))]
        kinds = tuple(zone.types(source))
        if "CNAME" in kinds and self.kind != "CNAME":
            return self._along(name, source, zone, depth)
        found = self._route(zone, source, self.kind)
        replies = [Reply(each.chance, NOERROR, True, _sets(name, self.kind, each), steps=each.steps) for each in found]
        replies = [reply if reply.answer else reply._replace(authority=_authority(zone)) for reply in replies]
        return replies or [Reply(1.0, NOERROR, True, authority=_authority(zone))]

    def _route(self, zone: Zone, source: names.Name, kind: str) -> list[Outcome]:
        around = self.surroundings(zone)
        group = zone.group(source, kind)
        self.depends_on_place = self.depends_on_place or depends_on_place(group, around)
        return outcomes(group, self.client, around)

    def _along(self, name: names.Name, source: names.Name, zone: Zone, depth: int) -> list[Reply]:
        """Through a canonical name, wherever it leads."""
        replies = []
        for each in self._route(zone, source, "CNAME"):
            link = Set(name, "CNAME", each.ttl, each.values)
            target = names.parse(each.values[0])
            if depth >= CNAME_CHAIN_MAX:
                replies.append(Reply(each.chance, NOERROR, True, (link,), steps=each.steps))
                continue
            for rest in self.at(target, self.catalog.over(target), depth + 1):
                replies.append(rest._replace(
                    chance=each.chance * rest.chance, is_authoritative=True, answer=(link, *rest.answer), steps=each.steps + rest.steps
                ))  # fmt: skip
        return replies or [Reply(1.0, NOERROR, True, authority=_authority(zone))]

    def _outside(self, name: names.Name, depth: int) -> list[Reply]:
        """No zone of ours: an endpoint of this cloud, or somebody else's name."""
        region = endpoints.region_of(names.shown(name))
        if region == endpoints.EVERYWHERE:
            region, self.depends_on_place = stands(self.client, self.standing), True
        if region is not None:
            values = (endpoints.address_of(names.shown(name)) or loopback(region),) if self.kind == "A" else ()
            return [Reply(1.0, NOERROR, True, (Set(name, "A", ENDPOINT_TTL_S, values),) if values else ())]
        return [Reply(1.0, NOERROR if depth else REFUSED, False)]

    def _referral(self, zone: Zone, cut: names.Name) -> Reply:
        """To the servers that a name is delegated to, with their addresses if they lie in this zone."""
        servers = zone.group(cut, "NS")[0]
        glue = []
        for text in servers.values:
            host = names.parse(text)
            for kind in ("A", "AAAA"):
                glue += [Set(host, kind, each.ttl, each.values) for each in zone.group(host, kind) if each.values]
        return Reply(1.0, NOERROR, False, authority=(Set(cut, "NS", servers.ttl, servers.values),), additional=tuple(glue))


def _sets(name: names.Name, kind: str, outcome: Outcome) -> tuple[Set, ...]:
    if outcome.region is not None:
        return (Set(name, kind, outcome.ttl, (outcome.address or loopback(outcome.region),)),) if kind == "A" else ()
    return (Set(name, kind, outcome.ttl, outcome.values),) if outcome.values else ()


def _authority(zone: Zone) -> tuple[Set, ...]:
    """The zone's SOA record, by whose smaller time an absence is remembered (RFC 2308)."""
    (own,) = zone.group(zone.apex, "SOA")
    return (Set(zone.apex, "SOA", min(own.ttl, int(own.values[0].split()[-1])), own.values),)
