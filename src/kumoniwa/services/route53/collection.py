"""CIDR collections: named locations, each a set of address blocks, by which IP-based records route.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-ipbased.html
"""

from __future__ import annotations

import ipaddress

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed, pack
from kumoniwa.services.route53 import publication, recordset
from kumoniwa.services.route53.errors import (
    CidrBlockInUseException,
    CidrCollectionAlreadyExistsException,
    CidrCollectionInUseException,
    CidrCollectionVersionMismatchException,
    InvalidInput,
    LimitsExceeded,
    NoSuchCidrCollectionException,
    NoSuchCidrLocationException,
)

COLLECTIONS_MAX = 5
BLOCKS_MAX = 1_000
PREFIX_MAX = {4: 24, 6: 48}
"""Route 53 takes blocks from /1 to /24 for IPv4 and to /48 for IPv6, as resolvers send no more of a client's address."""


class CidrCollection(Record):
    id: str
    name: str
    caller_reference: str
    version: int = 1
    locations: dict[str, tuple[str, ...]] = {}


def _find(call: Call, collection_id: str) -> CidrCollection:
    found = call.shelf(CidrCollection).get(collection_id)
    if found is None:
        raise NoSuchCidrCollectionException(f"The CIDR collection {collection_id} does not exist.")
    return found


def _summary(call: Call, each: CidrCollection) -> dict:
    return {"Arn": f"arn:{call.home.partition}:route53:::cidrcollection/{each.id}", "Id": each.id, "Name": each.name, "Version": each.version}


def _keep(call: Call, each: CidrCollection) -> None:
    call.shelf(CidrCollection)[each.id] = each
    publication.publish(call, ("cidr", each.id, pack(each)))


def CreateCidrCollection(call: Call, *, Name: str, CallerReference: str) -> dict:
    held = call.shelf(CidrCollection)
    same = next((each for each in held.values() if each.caller_reference == CallerReference), None)
    if any(each.name == Name for each in held.values() if each is not same) or same is not None and same.name != Name:
        raise CidrCollectionAlreadyExistsException(
            "A CIDR collection with this name and a different caller reference already exists in this account."
        )
    if same is None:
        if len(held) >= COLLECTIONS_MAX:
            raise LimitsExceeded("The maximum number of CIDR collections has been reached for this account.")
        same = CidrCollection(id=call.new_id(), name=Name, caller_reference=CallerReference)
        _keep(call, same)
    return {"Collection": _summary(call, same), "Location": f"https://route53.amazonaws.com/2013-04-01/cidrcollection/{same.id}"}


def ChangeCidrCollection(call: Call, *, Id: str, Changes: list[dict], CollectionVersion: int | None = None) -> dict:
    found = _find(call, Id)
    if CollectionVersion is not None and CollectionVersion != found.version:
        raise CidrCollectionVersionMismatchException(
            f"The CIDR collection version you provided, {CollectionVersion}, does not match the one in the collection, {found.version}."
        )
    locations = {name: set(blocks) for name, blocks in found.locations.items()}
    for change in Changes:
        name, blocks = change["LocationName"], {_block(text) for text in change["CidrList"]}
        if change["Action"] == "PUT":
            for other, held in locations.items():
                if other != name and (taken := blocks & held):
                    raise CidrBlockInUseException(f"The CIDR block {min(taken)} is in use by location {other}.")
            locations[name] = locations.get(name, set()) | blocks
        else:
            if name not in locations:
                raise NoSuchCidrLocationException(f"The CIDR location {name} does not exist in collection {Id}.")
            if missing := blocks - locations[name]:
                raise InvalidInput(f"The CIDR block {min(missing)} does not exist in location {name}.")
            locations[name] -= blocks
            if not locations[name]:
                del locations[name]
    if sum(map(len, locations.values())) > BLOCKS_MAX:
        raise LimitsExceeded(f"A CIDR collection may have at most {BLOCKS_MAX} blocks.")
    gone = found.locations.keys() - locations.keys()
    if used := gone & _used(call, Id):
        raise CidrBlockInUseException(f"The CIDR location {min(used)} is in use.")
    kept = {name: tuple(sorted(blocks)) for name, blocks in sorted(locations.items())}
    _keep(call, changed(found, version=found.version + 1, locations=kept))
    return {"Id": found.id}


def _block(text: str) -> str:
    try:
        block = ipaddress.ip_network(text)
    except ValueError:
        raise InvalidInput(f"The CIDR block {text} is not valid.")
    if not 1 <= block.prefixlen <= PREFIX_MAX[block.version]:
        raise InvalidInput(f"The CIDR block {text} is not valid: its prefix must be from /1 to /{PREFIX_MAX[block.version]}.")
    return str(block)


def _used(call: Call, collection_id: str) -> set[str]:
    """The locations of a collection by which records route."""
    rows = call.rows(recordset.RECORDS)
    found = rows.all(
        "select json_extract(cast(body as text), '$.CidrRoutingConfig.LocationName') from route53_record where json_extract(cast(body as text), '$.CidrRoutingConfig.CollectionId') = ?",
        collection_id,
    )
    return {name for (name,) in found}


def DeleteCidrCollection(call: Call, *, Id: str) -> dict:
    found = _find(call, Id)
    if found.locations or _used(call, Id):
        raise CidrCollectionInUseException("This CIDR collection is in use, and isn't empty.")
    del call.shelf(CidrCollection)[found.id]
    publication.publish(call, ("cidr", found.id, None))
    return {}


def ListCidrCollections(call: Call) -> dict:
    found = sorted(call.shelf(CidrCollection).values(), key=lambda each: each.name)
    return {"CidrCollections": [_summary(call, each) for each in found]}


def ListCidrLocations(call: Call, *, CollectionId: str) -> dict:
    return {"CidrLocations": [{"LocationName": name} for name in sorted(_find(call, CollectionId).locations)]}


def ListCidrBlocks(call: Call, *, CollectionId: str, LocationName: str | None = None) -> dict:
    found = _find(call, CollectionId)
    if LocationName is not None and LocationName not in found.locations:
        raise NoSuchCidrLocationException(f"The CIDR location {LocationName} does not exist in collection {CollectionId}.")
    blocks = [
        {"CidrBlock": block, "LocationName": name}
        for name, held in found.locations.items() for block in held if LocationName in (None, name)
    ]  # fmt: skip
    return {"CidrBlocks": blocks}
