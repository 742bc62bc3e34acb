"""The zones that the name servers answer from, compiled out of published rows; one zone when it is first asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from kumoniwa.aws import endpoints, geography
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53.recordset import RecordSet, policy_of
from kumoniwa.services.route53.routing import Alias, Routed
from kumoniwa.services.route53.zone import HostedZone


def routed(record: RecordSet, zone_id: str) -> Routed:
    """A record set of AWS's structure in routing's terms."""
    policy = policy_of(record)
    said: Any = record.get(policy) if policy else None
    more: dict[str, Any] = {}
    if policy == "Weight":
        more["weight"] = said
    elif policy == "Region":
        more["region"] = said
    elif policy == "Failover":
        more["is_primary"] = said == "PRIMARY"
    elif policy == "GeoLocation":
        more["location"] = tuple(said.get(member, "") for member in ("ContinentCode", "CountryCode", "SubdivisionCode"))
    elif policy == "GeoProximityLocation":
        more["bias"], more["point"] = said.get("Bias", 0), _point(said)
    elif policy == "CidrRoutingConfig":
        more["collection"], more["block_of"] = said["CollectionId"], said["LocationName"]
    if "AliasTarget" in record:
        target = record["AliasTarget"]
        region = None if target["HostedZoneId"] == zone_id else endpoints.region_of(target["DNSName"])
        own = endpoints.address_of(target["DNSName"]) if region is not None else None
        more["alias"] = Alias(names.parse(target["DNSName"]), region, target["EvaluateTargetHealth"], own or "")
    return Routed(
        name=names.parse(record["Name"]),
        type=record["Type"],
        set_id=record.get("SetIdentifier", ""),
        policy=policy,
        ttl=record.get("TTL", 0),
        values=tuple(each["Value"] for each in record.get("ResourceRecords", ())),
        check=record.get("HealthCheckId"),
        **more,
    )


def _point(said: dict) -> geography.Point:
    if "Coordinates" in said:
        return float(said["Coordinates"]["Latitude"]), float(said["Coordinates"]["Longitude"])
    return geography.site_of(said["AWSRegion"].removeprefix("aws:route53:")).point


class Zone:
    """One zone, ready to answer."""

    def __init__(self, account: str, held: HostedZone, bodies: Iterable[bytes]) -> None:
        self.account, self.id, self.apex = account, held.id, names.parse(held.name)
        self._groups: dict[names.Name, dict[str, list[Routed]]] = {}
        self.names: set[names.Name] = set()
        """Every name that exists, those between a record and the apex included."""
        for body in bodies:
            record = routed(orjson.loads(body), held.id)
            self._groups.setdefault(record.name, {}).setdefault(record.type, []).append(record)
            for at in range(len(record.name) - len(self.apex) + 1):
                self.names.add(record.name[at:])

    def group(self, name: names.Name, kind: str) -> Sequence[Routed]:
        return self._groups.get(name, {}).get(kind, ())

    def types(self, name: names.Name) -> Iterable[str]:
        return self._groups.get(name, {}).keys()

    def source(self, name: names.Name) -> names.Name | None:
        """Whose records answer for a name: its own, or a wildcard's where it does not exist (RFC 4592); None if nobody's."""
        if name in self.names:
            return name
        for at in range(1, len(name) - len(self.apex) + 1):
            if name[at:] in self.names:
                wildcard = (names.WILDCARD, *name[at:])
                return wildcard if wildcard in self.names else None
        return None

    def cut(self, name: names.Name) -> names.Name | None:
        """The highest name above this one, or this one, that is delegated to other servers."""
        for at in range(len(name) - len(self.apex) - 1, -1, -1):
            if "NS" in self._groups.get(name[at:], ()):
                return name[at:]
        return None


class Shelved(NamedTuple):
    account: str
    zone: HostedZone


class Catalog:
    """All zones by their names. Where several have one name the oldest answers, as the registrar's delegation would not have moved."""

    def __init__(self, records: Callable[[str, str], Iterable[bytes]]) -> None:
        """``records(account, zone id)`` reads a zone's record sets."""
        self._records = records
        self._by_id: dict[str, Shelved] = {}
        self._by_name: dict[names.Name, list[Shelved]] = {}
        self._ready: dict[str, Zone] = {}

    def put(self, account: str, zone: HostedZone) -> None:
        self.drop(zone.id)
        shelved = self._by_id[zone.id] = Shelved(account, zone)
        same = self._by_name.setdefault(names.parse(zone.name), [])
        same.append(shelved)
        same.sort(key=lambda each: (each.zone.created, each.zone.id))

    def drop(self, zone_id: str) -> None:
        self.stale(zone_id)
        shelved = self._by_id.pop(zone_id, None)
        if shelved is not None:
            name = names.parse(shelved.zone.name)
            self._by_name[name].remove(shelved)
            if not self._by_name[name]:
                del self._by_name[name]

    def stale(self, zone_id: str) -> None:
        """A zone's record sets changed."""
        self._ready.pop(zone_id, None)

    def ids(self) -> list[tuple[str, str]]:
        return [(shelved.account, zone_id) for zone_id, shelved in self._by_id.items()]

    def zone(self, zone_id: str) -> Zone | None:
        zone, shelved = self._ready.get(zone_id), self._by_id.get(zone_id)
        if zone is None and shelved is not None:
            zone = self._ready[zone_id] = Zone(shelved.account, shelved.zone, self._records(shelved.account, zone_id))
        return zone

    def over(self, name: names.Name) -> Zone | None:
        """The zone that answers for a name: the one that lies closest above it."""
        for at in range(len(name)):
            same = self._by_name.get(name[at:])
            if same:
                return self.zone(same[0].zone.id)
        return None
