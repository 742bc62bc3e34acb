"""Hosted zones and the name servers that are told for them.

Only public zones: a private one would answer inside a VPC, where nobody asks name servers here, so a request that names one is refused.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed, pack
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53 import page, publication, recordset
from kumoniwa.services.route53.errors import (
    ConflictingDomainExists,
    DelegationSetAlreadyCreated,
    DelegationSetAlreadyReusable,
    DelegationSetInUse,
    HostedZoneAlreadyExists,
    HostedZoneNotEmpty,
    HostedZoneNotFound,
    InvalidDomainName,
    InvalidInput,
    LimitsExceeded,
    NoSuchDelegationSet,
    NoSuchHostedZone,
    TooManyHostedZones,
)

ZONES_MAX = 500
DELEGATION_SETS_MAX = 100
ZONES_OF_DELEGATION_SET_MAX = 100
RECORDS_MAX = 10_000
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html

ENDPOINT = "https://route53.amazonaws.com/2013-04-01"
SERVER_DOMAINS = ("com", "net", "org", "co.uk")


class HostedZone(Record):
    id: str
    name: str
    """With its trailing dot."""
    caller_reference: str
    created: float
    servers: tuple[str, ...]
    comment: str | None = None
    delegation_set: str = ""
    """The reusable set its name servers come from, if one was named."""
    tags: dict[str, str] = {}


class DelegationSet(Record):
    """A reusable delegation set."""

    id: str
    caller_reference: str
    created: float
    servers: tuple[str, ...]


def find(call: Call, zone_id: str) -> HostedZone:
    zone = call.shelf(HostedZone).get(zone_id)
    if zone is None:
        raise NoSuchHostedZone.of(zone_id)
    return zone


def _servers(call: Call) -> tuple[str, ...]:
    """Four name servers, one under each of AWS's domains, numbered as AWS numbers them."""
    numbers = [512 * at + call.ids.random.randrange(512) for at in range(len(SERVER_DOMAINS))]
    found = [f"ns-{number}.awsdns-{number % 512 // 8:02d}.{domain}" for number, domain in zip(numbers, SERVER_DOMAINS)]
    call.ids.random.shuffle(found)
    return tuple(found)


def _shown(call: Call, zone: HostedZone) -> dict:
    config: dict[str, Any] = {"PrivateZone": False}
    if zone.comment is not None:
        config["Comment"] = zone.comment
    return {
        "Id": f"/hostedzone/{zone.id}",
        "Name": zone.name,
        "CallerReference": zone.caller_reference,
        "Config": config,
        "ResourceRecordSetCount": recordset.count(call, zone.id),
    }


def _delegation(call: Call, zone: HostedZone) -> dict:
    reusable = call.shelf(DelegationSet).get(zone.delegation_set)
    return _delegation_shown(reusable) if reusable is not None else {"NameServers": list(zone.servers)}


def _delegation_shown(each: DelegationSet) -> dict:
    return {"Id": f"/delegationset/{each.id}", "CallerReference": each.caller_reference, "NameServers": list(each.servers)}


def CreateHostedZone(
    call: Call, *, Name: str, CallerReference: str, HostedZoneConfig: dict | None = None, DelegationSetId: str | None = None
) -> dict:
    """Domains that the standards reserve for examples may be hosted here. AWS refuses them, since nobody can own them; which is
    why they serve so well where nobody needs to."""
    zones = call.shelf(HostedZone)
    if any(zone.caller_reference == CallerReference for zone in zones.values()):
        raise HostedZoneAlreadyExists
    said = HostedZoneConfig or {}
    if said.get("PrivateZone"):
        raise InvalidInput(
            "When you're creating a private hosted zone (when you specify true for PrivateZone), you must also specify values for VPCId and VPCRegion.",
            hint="Kumoniwa hosts public zones alone: names are not asked for in its VPCs.",
        )
    try:
        name = names.parse(Name)
    except names.Unnameable as error:
        raise InvalidDomainName(str(error))
    if not name:
        raise InvalidDomainName(f"The domain name is invalid: '{Name}'")
    if len(zones) >= ZONES_MAX:
        raise TooManyHostedZones
    reusable = _reusable(call, DelegationSetId, name) if DelegationSetId else None
    zone = HostedZone(
        id=f"Z{call.ids.upper(20)}",
        name=names.shown(name),
        caller_reference=CallerReference,
        created=call.now(),
        servers=reusable.servers if reusable else _servers(call),
        comment=said.get("Comment"),
        delegation_set=reusable.id if reusable else "",
    )
    zones[zone.id] = zone
    entries: list[publication.Entry] = [("zone", zone.id, pack(zone))]
    for record in _own_records(zone):
        key = recordset.key_of(record)
        entries.append(("record", [zone.id, *key], recordset.put(call, zone.id, key, record)))
    return {
        "HostedZone": _shown(call, zone),
        "ChangeInfo": publication.change(call, *entries),
        "DelegationSet": _delegation(call, zone),
        "Location": f"{ENDPOINT}/hostedzone/{zone.id}",
    }


def _own_records(zone: HostedZone) -> tuple[dict, dict]:
    """The two record sets that Route 53 makes with a zone.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html"""
    authority = f"{zone.servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
    return (
        {"Name": zone.name, "Type": "NS", "TTL": 172800, "ResourceRecords": [{"Value": f"{each}."} for each in zone.servers]},
        {"Name": zone.name, "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": authority}]},
    )


def GetHostedZone(call: Call, *, Id: str) -> dict:
    zone = find(call, Id)
    return {"HostedZone": _shown(call, zone), "DelegationSet": _delegation(call, zone)}


def DeleteHostedZone(call: Call, *, Id: str) -> dict:
    zone = find(call, Id)
    own = {recordset.key_of(record)[:2] for record in _own_records(zone)}
    keys = [key for key, _ in recordset.each(call, zone.id)]
    if any(key[:2] not in own for key in keys):
        raise HostedZoneNotEmpty
    for key in keys:
        recordset.put(call, zone.id, key, None)
    del call.shelf(HostedZone)[zone.id]
    return {"ChangeInfo": publication.change(call, ("zone", zone.id, None))}


def UpdateHostedZoneComment(call: Call, *, Id: str, Comment: str | None = None) -> dict:
    zone = changed(find(call, Id), comment=Comment or None)
    call.shelf(HostedZone)[zone.id] = zone
    return {"HostedZone": _shown(call, zone)}


def GetHostedZoneCount(call: Call) -> dict:
    return {"HostedZoneCount": len(call.shelf(HostedZone))}


def ListHostedZones(
    call: Call,
    *,
    Marker: str | None = None,
    MaxItems: str | None = None,
    DelegationSetId: str | None = None,
    HostedZoneType: str | None = None,
) -> dict:
    found = sorted(call.shelf(HostedZone).values(), key=lambda zone: (zone.created, zone.id))
    if DelegationSetId:
        wanted = _delegation_set(call, DelegationSetId)
        found = [zone for zone in found if zone.delegation_set == wanted.id]
    if HostedZoneType == "PrivateHostedZone":
        found = []
    return page.page("HostedZones", found, lambda zone: zone.id, lambda zone: _shown(call, zone), Marker, MaxItems)


def ListHostedZonesByName(call: Call, *, DNSName: str | None = None, HostedZoneId: str | None = None, MaxItems: str | None = None) -> dict:
    """Zones in the order of their names with labels reversed, from a name on."""
    if HostedZoneId is not None and DNSName is None:
        raise InvalidInput("The ListHostedZonesByName request must specify a DNS name when it specifies a hosted zone ID.")
    try:
        start = names.order(names.parse(DNSName or ""))
    except names.Unnameable as error:
        raise InvalidDomainName(str(error))
    count, first_id = page.items(MaxItems), (HostedZoneId or "").rpartition("/")[2]
    found = sorted((names.order(names.parse(zone.name)), zone.id, zone) for zone in call.shelf(HostedZone).values())
    found = [each for each in found if each[:2] >= (start, first_id)]
    reply: dict[str, Any] = {
        "HostedZones": [_shown(call, zone) for _, _, zone in found[:count]],
        "IsTruncated": len(found) > count,
        "MaxItems": str(count),
    }
    if DNSName is not None:
        reply["DNSName"] = DNSName
    if HostedZoneId is not None:
        reply["HostedZoneId"] = HostedZoneId
    if len(found) > count:
        reply |= {"NextDNSName": found[count][2].name, "NextHostedZoneId": found[count][1]}
    return reply


def GetHostedZoneLimit(call: Call, *, Type: str, HostedZoneId: str) -> dict:
    zone = find(call, HostedZoneId)
    if Type == "MAX_VPCS_ASSOCIATED_BY_ZONE":
        raise InvalidInput("A limit of VPCs can only be asked for a private hosted zone.")
    return {"Limit": {"Type": Type, "Value": RECORDS_MAX}, "Count": recordset.count(call, zone.id)}


def GetDNSSEC(call: Call, *, HostedZoneId: str) -> dict:
    """No zone here is signed."""
    find(call, HostedZoneId)
    return {"Status": {"ServeSignature": "NOT_SIGNING"}, "KeySigningKeys": []}


# Reusable delegation sets -------------------------------------------------------------------------------


def _delegation_set(call: Call, set_id: str) -> DelegationSet:
    set_id = set_id.rpartition("/")[2]
    found = call.shelf(DelegationSet).get(set_id)
    if found is None:
        raise NoSuchDelegationSet.of(set_id)
    return found


def _reusable(call: Call, set_id: str, name: names.Name) -> DelegationSet:
    """The delegation set for a new zone. Its servers could not tell two zones apart of which one holds the other's names."""
    found = _delegation_set(call, set_id)
    served = [names.parse(zone.name) for zone in call.shelf(HostedZone).values() if zone.delegation_set == found.id]
    if any(names.lies_in(name, other) or names.lies_in(other, name) for other in served):
        raise ConflictingDomainExists(
            f"Cannot create hosted zone with DelegationSetId {found.id} as the DelegationSet contains a conflicting domain name."
        )
    if len(served) >= ZONES_OF_DELEGATION_SET_MAX:
        raise LimitsExceeded(f"The maximum number of hosted zones for delegation set {found.id} has been reached.")
    return found


def CreateReusableDelegationSet(call: Call, *, CallerReference: str, HostedZoneId: str | None = None) -> dict:
    sets = call.shelf(DelegationSet)
    if any(each.caller_reference == CallerReference for each in sets.values()):
        raise DelegationSetAlreadyCreated
    if len(sets) >= DELEGATION_SETS_MAX:
        raise LimitsExceeded("The maximum number of reusable delegation sets has been reached for this account.")
    zone = None
    if HostedZoneId:
        zone = call.shelf(HostedZone).get(HostedZoneId.rpartition("/")[2])
        if zone is None:
            raise HostedZoneNotFound(f"The specified HostedZone cannot be found: {HostedZoneId}")
        if zone.delegation_set:
            raise DelegationSetAlreadyReusable
    made = DelegationSet(
        id=f"N{call.ids.upper(20)}",
        caller_reference=CallerReference,
        created=call.now(),
        servers=zone.servers if zone else _servers(call),
    )
    sets[made.id] = made
    if zone is not None:
        call.shelf(HostedZone)[zone.id] = changed(zone, delegation_set=made.id)
    return {"DelegationSet": _delegation_shown(made), "Location": f"{ENDPOINT}/delegationset/{made.id}"}


def GetReusableDelegationSet(call: Call, *, Id: str) -> dict:
    return {"DelegationSet": _delegation_shown(_delegation_set(call, Id))}


def DeleteReusableDelegationSet(call: Call, *, Id: str) -> None:
    found = _delegation_set(call, Id)
    if any(zone.delegation_set == found.id for zone in call.shelf(HostedZone).values()):
        raise DelegationSetInUse
    del call.shelf(DelegationSet)[found.id]


def ListReusableDelegationSets(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    found = sorted(call.shelf(DelegationSet).values(), key=lambda each: (each.created, each.id))
    return page.page("DelegationSets", found, lambda each: each.id, _delegation_shown, Marker, MaxItems)


def GetReusableDelegationSetLimit(call: Call, *, Type: str, DelegationSetId: str) -> dict:
    found = _delegation_set(call, DelegationSetId)
    served = sum(zone.delegation_set == found.id for zone in call.shelf(HostedZone).values())
    return {"Limit": {"Type": Type, "Value": ZONES_OF_DELEGATION_SET_MAX}, "Count": served}
