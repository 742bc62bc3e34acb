"""Which record sets may stand side by side: those of one name and type share one routing policy, and no two claim the same clients."""

from __future__ import annotations

from kumoniwa.aws import geography, regions
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.route53.collection import CidrCollection
from kumoniwa.services.route53.errors import (
    InvalidInput,
    NoSuchCidrCollectionException,
    NoSuchCidrLocationException,
)
from kumoniwa.services.route53.recordset import RecordSet, policy_of

GROUP_MAX = 100
# Weighted, latency, geolocation, geoproximity, multivalue and IP-based records of one name and type.
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html

_OTHERS = {
    "Weight": "cannot be created as a non-weighted set exists with the same name and type.",
    "Region": "cannot be created because a non-latency RRSet with the same name and type already exists.",
    "GeoLocation": "cannot be created because a non-GEO RRSet with the same name and type already exists",
    "MultiValueAnswer": "cannot be created because a non multivalue answer rrset exists with the same name and type.",
    "Failover": "cannot be created as a non-failover set exists with the same name and type.",
    "GeoProximityLocation": "cannot be created because a non-geoproximity RRSet with the same name and type already exists.",
    "CidrRoutingConfig": "cannot be created because a non-CIDR RRSet with the same name and type already exists.",
}
# Weight: https://github.com/kubernetes-sigs/external-dns/issues/4345, MultiValueAnswer:
# https://github.com/cert-manager/cert-manager/issues/5388; Region and GeoLocation from public logs; the rest in their manner.


def objections(call: Call, record: RecordSet, group: list[RecordSet]) -> list[str]:
    """What Route 53 says against a record set beside the others of its name and type. Raises for values that no policy takes."""
    policy = policy_of(record)
    _check_place(call, record, policy)
    named = f"RRSet with DNS name {record['Name']}, type {record['Type']}"
    if not policy:
        return [f"{named} cannot be created as other RRSets exist with the same name and type."] if group else []
    named += f", SetIdentifier {record['SetIdentifier']}"
    if any(policy_of(other) != policy for other in group):
        return [f"{named}{_claim(record, policy)} {_OTHERS[policy]}"]
    found = []
    if policy == "Weight" and any(other.get("TTL") != record.get("TTL") for other in group):
        # https://github.com/aws/aws-sdk-go-v2/issues/518
        found.append(
            f"RRSet with DNS name {record['Name']} and type {record['Type']}, SetIdentifier {record['SetIdentifier']} "
            "cannot be created as weighted sets must contain the same TTL."
        )
    if policy not in ("Weight", "MultiValueAnswer") and any(_place(other, policy) == _place(record, policy) for other in group):
        found.append(f"{named}{_claim(record, policy)} cannot be created because another RRSet with the same name, type and {policy} already exists.")
    if len(group) >= GROUP_MAX:
        found.append(f"{named} cannot be created as {GROUP_MAX} RRSets exist with the same name and type.")
    return found


def _claim(record: RecordSet, policy: str) -> str:
    if policy == "Region":
        return f", and Region Name={record['Region']}"
    if policy == "GeoLocation":
        return f", and routing to {geography.described(record['GeoLocation'])}"
    if policy == "Failover":
        return f", and Failover={record['Failover']}"
    return ""


def _place(record: RecordSet, policy: str) -> object:
    """Which clients a record set claims."""
    said = record[policy]
    if policy == "GeoProximityLocation":
        return tuple(sorted((name, str(value)) for name, value in said.items() if name != "Bias"))
    return tuple(sorted(said.items())) if isinstance(said, dict) else said


def _check_place(call: Call, record: RecordSet, policy: str) -> None:
    said = record.get(policy) if policy else None
    if policy == "GeoLocation":
        if not geography.is_known(said):
            raise InvalidInput(f"Invalid geo location: {geography.spelled(said)}", hint="ListGeoLocations tells the codes that Route 53 knows.")
    elif policy == "MultiValueAnswer":
        if not said:
            raise InvalidInput("MultiValueAnswer must be true if it is specified.")
        if "AliasTarget" in record:
            raise InvalidInput("Multivalue answer record sets cannot be aliases.")
        if record["Type"] in ("NS", "CNAME"):
            raise InvalidInput(f"Multivalue answer record sets cannot be of type {record['Type']}.")
    elif policy == "GeoProximityLocation":
        _check_proximity(said)
    elif policy == "CidrRoutingConfig":
        collection = call.shelf(CidrCollection).get(said["CollectionId"])
        if collection is None:
            raise NoSuchCidrCollectionException(f"The CIDR collection {said['CollectionId']} does not exist.")
        if said["LocationName"] != "*" and said["LocationName"] not in collection.locations:
            raise NoSuchCidrLocationException(f"The CIDR location {said['LocationName']} does not exist in collection {collection.id}.")


def _check_proximity(said: dict) -> None:
    if "LocalZoneGroup" in said:
        raise NotImplementedHere("route53:ChangeResourceRecordSets(GeoProximityLocation.LocalZoneGroup)")
    if ("AWSRegion" in said) == ("Coordinates" in said):
        raise InvalidInput("Invalid geoproximity location: expected exactly one of [AWSRegion, LocalZoneGroup, or Coordinates].")
    if "AWSRegion" in said:
        name = said["AWSRegion"].removeprefix("aws:route53:")
        if not regions.is_region(name):
            raise InvalidInput(f"Invalid geoproximity location: there is no AWS Region {said['AWSRegion']}.")
        if geography.site_of(name) is None:
            raise NotImplementedHere(f"geoproximity to {name}, whose place is not in the table of regions")
        return
    for member, most in (("Latitude", 90.0), ("Longitude", 180.0)):
        try:
            is_inside = -most <= float(said["Coordinates"][member]) <= most
        except ValueError:
            is_inside = False
        if not is_inside:
            raise InvalidInput(f"Invalid geoproximity location: {member} must be a number from -{most:g} to {most:g}.")
