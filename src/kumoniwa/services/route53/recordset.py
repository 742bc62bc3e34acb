"""A record set: AWS's own structure with its name as Route 53 writes it, in rows that lie in the order in which Route 53 lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53 import page
from kumoniwa.services.route53.errors import InvalidInput
from kumoniwa.store.rows import Table

RECORDS = Table(
    "route53_record",
    """create table if not exists route53_record (zone text, place text, type text, set_id text, body blob,
       primary key (zone, place, type, set_id)) without rowid""",
)
RECORDS_LISTED_MAX = 300
ROUTING = ("Weight", "Region", "Failover", "GeoLocation", "MultiValueAnswer", "GeoProximityLocation", "CidrRoutingConfig")
"""The members of which a record set with a SetIdentifier has exactly one: its routing policy."""

RecordSet = dict[str, Any]


class Key(NamedTuple):
    """What tells record sets of one zone apart."""

    place: str
    type: str
    set_id: str


def key_of(record: RecordSet) -> Key:
    return Key(names.order(names.parse(record["Name"])), record["Type"], record.get("SetIdentifier") or "")


def policy_of(record: RecordSet) -> str:
    """The member that routes, or an empty text for simple record sets."""
    return next((member for member in ROUTING if member in record), "")


def each(call: Call, zone_id: str) -> Iterator[tuple[Key, bytes]]:
    found = call.rows(RECORDS).each("select place, type, set_id, body from route53_record where zone = ? order by place, type, set_id", zone_id)
    return ((Key(place, kind, set_id), body) for place, kind, set_id, body in found)


def at(call: Call, zone_id: str, place: str) -> dict[Key, RecordSet]:
    """The record sets of one name."""
    found = call.rows(RECORDS).all("select place, type, set_id, body from route53_record where zone = ? and place = ?", zone_id, place)
    return {Key(place, kind, set_id): orjson.loads(body) for place, kind, set_id, body in found}


def count(call: Call, zone_id: str) -> int:
    return call.rows(RECORDS).one("select count(*) from route53_record where zone = ?", zone_id)[0]


def put(call: Call, zone_id: str, key: Key, record: RecordSet | None) -> bytes | None:
    """Keep a record set, or remove it; answers its body."""
    rows = call.rows(RECORDS)
    if record is None:
        rows.run("delete from route53_record where zone = ? and place = ? and type = ? and set_id = ?", zone_id, *key)
        return None
    body = orjson.dumps(record)
    rows.run("insert or replace into route53_record values (?, ?, ?, ?, ?)", zone_id, *key, body)
    return body


def listed(
    call: Call, zone_id: str, start_name: str | None, start_type: str | None, start_set_id: str | None, max_items: str | None
) -> dict:
    """A page of a zone's record sets. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html"""
    if start_type is not None and start_name is None:
        raise InvalidInput("The ListResourceRecordSets request must specify a name when it specifies a type.")
    if start_set_id is not None and start_type is None:
        raise InvalidInput("The ListResourceRecordSets request must specify a name and a type when it specifies an identifier.")
    many = page.items(max_items, RECORDS_LISTED_MAX)
    try:
        place = names.order(names.parse(start_name or ""))
    except names.Unnameable as error:
        raise InvalidInput(str(error))
    found = call.rows(RECORDS).all(
        """select body from route53_record where zone = ? and (place, type, set_id) >= (?, ?, ?)
           order by place, type, set_id limit ?""",
        zone_id, place, start_type or "", start_set_id or "", many + 1,
    )  # fmt: skip
    records = [orjson.loads(body) for (body,) in found]
    reply: dict[str, Any] = {
        "ResourceRecordSets": records[:many],
        "IsTruncated": len(records) > many,
        "MaxItems": str(many),
    }
    if len(records) > many:
        following = records[many]
        reply |= {"NextRecordName": following["Name"], "NextRecordType": following["Type"]}
        if "SetIdentifier" in following:
            reply["NextRecordIdentifier"] = following["SetIdentifier"]
    return reply
