"""A change batch: all of its changes or none, checked as Route 53 checks them and refused in its words.

First each change is looked at alone (``_malformed``: InvalidInput), then the batch is played through against the zone as it would
become, and every objection is gathered (InvalidChangeBatch). Nothing is written before the last one has been looked for.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import endpoints
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53 import policy, publication, recordset, value
from kumoniwa.services.route53.errors import (
    InvalidChangeBatch,
    InvalidInput,
    LimitsExceeded,
    NoSuchHealthCheck,
)
from kumoniwa.services.route53.healthcheck import HealthCheck
from kumoniwa.services.route53.recordset import Key, RecordSet
from kumoniwa.services.route53.zone import RECORDS_MAX, HostedZone, find

CHANGES_MAX = 1_000
CHARACTERS_MAX = 32_000
VALUES_MAX = 400
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html; an UPSERT counts twice.

SINGLE = ("CNAME", "SOA")
"""Types of which a name has one value."""


def ListResourceRecordSets(
    call: Call,
    *,
    HostedZoneId: str,
    StartRecordName: str | None = None,
    StartRecordType: str | None = None,
    StartRecordIdentifier: str | None = None,
    MaxItems: str | None = None,
) -> dict:
    zone = find(call, HostedZoneId)
    return recordset.listed(call, zone.id, StartRecordName, StartRecordType, StartRecordIdentifier, MaxItems)


def ChangeResourceRecordSets(call: Call, *, HostedZoneId: str, ChangeBatch: dict) -> dict:
    zone, changes = find(call, HostedZoneId), ChangeBatch["Changes"]
    _limit(changes)
    malformed = [text for change in changes for text in _malformed(change)]
    if malformed:
        raise InvalidInput(f"Invalid request: {', '.join(malformed)}", hint=_hint(malformed))
    for change in changes:
        check_id = change["ResourceRecordSet"].get("HealthCheckId")
        if check_id is not None and check_id not in call.shelf(HealthCheck) and change["Action"] != "DELETE":
            raise NoSuchHealthCheck.of(check_id)
    batch = Batch(call, zone)
    for change in changes:
        batch.play(change["Action"], change["ResourceRecordSet"])
    batch.look_back()
    if batch.objections:
        raise InvalidChangeBatch.of(batch.objections, hint=batch.hint)
    entries: list[publication.Entry] = []
    for key, record in batch.touched.items():
        entries.append(("record", [zone.id, *key], recordset.put(call, zone.id, key, record)))
    if recordset.count(call, zone.id) > RECORDS_MAX:
        raise LimitsExceeded(f"The maximum number of resource record sets for hosted zone {zone.id} has been reached.")
    return {"ChangeInfo": publication.change(call, *entries, comment=ChangeBatch.get("Comment"))}


def _limit(changes: list[dict]) -> None:
    count = characters = 0
    for change in changes:
        times = 2 if change["Action"] == "UPSERT" else 1
        values = change["ResourceRecordSet"].get("ResourceRecords", ())
        count += times * max(1, len(values))
        characters += times * sum(len(each["Value"]) for each in values)
    if count > CHANGES_MAX:
        raise InvalidChangeBatch(f"Number of records limit of {CHANGES_MAX} exceeded.")
    if characters > CHARACTERS_MAX:
        raise InvalidChangeBatch(f"Number of characters limit of {CHARACTERS_MAX} exceeded.")


# Each change alone -----------------------------------------------------------------------------------------


def _malformed(change: dict) -> list[str]:
    """What is wrong with the shape of one change. The texts: https://github.com/aws/aws-sdk-php/issues/475 and their like."""
    said: RecordSet = change["ResourceRecordSet"]
    where = f"in Change with [Action={change['Action']}, Name={said['Name']}, Type={said['Type']}, SetIdentifier={said.get('SetIdentifier', 'null')}]"
    if "TrafficPolicyInstanceId" in said:
        raise NotImplementedHere("record sets of traffic policy instances")
    contents = ("AliasTarget" in said) + ("TTL" in said and "ResourceRecords" in said)
    found = []
    if contents != 1 or ("AliasTarget" in said and ("TTL" in said or "ResourceRecords" in said)):
        how = "more than one" if contents == 2 else "none" if not contents else "more than one"
        found.append(f"Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found {how} {where}")
    routing = [member for member in recordset.ROUTING if member in said]
    if "SetIdentifier" not in said:
        if routing or "HealthCheckId" in said:
            found.append(f"Missing field 'SetIdentifier' {where}")
    elif len(routing) != 1:
        choice = ", ".join(recordset.ROUTING[:-1]) + f", or {recordset.ROUTING[-1]}"
        how = "more than one" if routing else "none"
        found.append(f"Expected exactly one of [{choice}], but found {how} {where}")
    return found


def _hint(malformed: list[str]) -> str:
    if any("SetIdentifier" in text for text in malformed):
        return "Record sets that route need a SetIdentifier and exactly one of Weight, Region, Failover, GeoLocation and their like."
    return "A record set has either TTL and ResourceRecords, or an AliasTarget and no TTL."


class Batch:
    """A zone as it becomes while changes are played through, and the objections they meet."""

    def __init__(self, call: Call, zone: HostedZone) -> None:
        self.call, self.zone = call, zone
        self.apex = names.parse(zone.name)
        self.touched: dict[Key, RecordSet | None] = {}
        self.actions: dict[Key, str] = {}
        self.objections: list[str] = []
        self.hint = ""
        self._read: dict[str, dict[Key, RecordSet]] = {}

    def at(self, place: str) -> dict[Key, RecordSet]:
        """The record sets of a name as they are by now."""
        if place not in self._read:
            self._read[place] = recordset.at(self.call, self.zone.id, place)
        return self._read[place]

    def object(self, text: str, hint: str = "") -> None:
        self.objections.append(text)
        self.hint = self.hint or hint

    # One change -----------------------------------------------------------------------------------

    def play(self, action: str, said: RecordSet) -> None:
        try:
            name = names.parse(said["Name"])
        except names.Unnameable as error:
            self.object(str(error))
            return
        shown = names.shown(name)
        if not names.lies_in(name, self.apex):
            self.object(f"RRSet with DNS name {shown} is not permitted in zone {self.zone.name}")
            return
        record = _normal(said, shown)
        key = recordset.key_of(record)
        # The only two changes of one record set that a batch may hold are its deletion and, after it, its creation.
        before = self.actions.setdefault(key, action)
        if key in self.touched and (before, action) != ("DELETE", "CREATE"):
            self.object(f"The request contains an invalid set of changes for a resource record set '{key.type} {shown}'")
            return
        there = self.at(key.place).get(key)
        if action == "DELETE":
            self._delete(record, key, there)
            return
        if action == "CREATE" and there is not None:
            self.object(f"Tried to create resource record set {_described(record)} but it already exists")
            return
        before = len(self.objections)
        self._check_type(record, name)
        self._check_values(record)
        if len(self.objections) == before:
            self._check_beside(record, key)
        if len(self.objections) == before:
            self._keep(key, record)

    def _keep(self, key: Key, record: RecordSet | None) -> None:
        self.touched[key] = record
        if record is None:
            self.at(key.place).pop(key, None)
        else:
            self.at(key.place)[key] = record

    def _delete(self, record: RecordSet, key: Key, there: RecordSet | None) -> None:
        if there is None:
            self.object(f"Tried to delete resource record set {_described(record)} but it was not found")
        elif _comparable(record) != _comparable(there):
            self.object(f"Tried to delete resource record set {_described(record)} but the values provided do not match the current values")
        elif record["Type"] == "SOA":
            self.object("A HostedZone must contain exactly one SOA record.")
        elif record["Type"] == "NS" and record["Name"] == self.zone.name:
            self.object("A HostedZone must contain at least one NS record for the zone itself.")
        else:
            self._keep(key, None)

    def _check_type(self, record: RecordSet, name: names.Name) -> None:
        kind, shown = record["Type"], record["Name"]
        if kind == "CNAME" and name == self.apex:
            self.object(f"RRSet of type CNAME with DNS name {shown} is not permitted at apex in zone {self.zone.name}",
                        "At the apex, use an alias record: it answers with the target's own addresses.")  # fmt: skip
        if kind == "SOA" and name != self.apex:
            self.object(f"RRSet of type SOA with DNS name {shown} is not permitted in zone {self.zone.name}")
        if kind == "NS" and name[:1] == (names.WILDCARD,):
            self.object(f"RRSet of type NS with DNS name {shown} is not permitted in zone {self.zone.name}")
        if kind in ("NS", "SOA") and ("AliasTarget" in record or "SetIdentifier" in record):
            self.object(f"RRSet of type {kind} with DNS name {shown} must be simple: it can neither be an alias nor have a routing policy.")

    def _check_values(self, record: RecordSet) -> None:
        values = [each["Value"] for each in record.get("ResourceRecords", ())]
        for at, text in enumerate(values):
            try:
                value.wire(record["Type"], text)
            except value.Unusable as error:
                self.object(str(error))
            if text in values[:at]:
                self.object(f"Duplicate Resource Record: '{text}'")
        if len(values) > 1 and (record["Type"] in SINGLE or record.get("MultiValueAnswer")):
            self.object(f"RRSet of type {record['Type']} with DNS name {record['Name']} must contain exactly one resource record.")
        if len(values) > VALUES_MAX:
            self.object(f"RRSet with DNS name {record['Name']}, type {record['Type']} contains more than {VALUES_MAX} resource records.")

    def _check_beside(self, record: RecordSet, key: Key) -> None:
        """What else has this name, and this type."""
        others = [other for other_key, other in self.at(key.place).items() if other_key != key]
        kinds = {other["Type"] for other in others} - {key.type}
        if key.type == "CNAME" and kinds:
            self.object(
                f"RRSet of type CNAME with DNS name {record['Name']} is not permitted as it conflicts with other records with the same DNS name in zone {self.zone.name}"
            )
        elif "CNAME" in kinds:
            # The two spaces are Route 53's: https://github.com/kubernetes-sigs/external-dns/issues/1517
            self.object(
                f"RRSet of type {key.type} with DNS name {record['Name']} is not permitted because a conflicting RRSet of type  CNAME with the same DNS name already exists in zone {self.zone.name}"
            )
        group = [other for other in others if other["Type"] == key.type]
        self.objections += policy.objections(self.call, record, group)

    # The whole ------------------------------------------------------------------------------------

    def look_back(self) -> None:
        """Aliases may name what another change of the batch makes, so they are looked at in the end."""
        for record in list(self.touched.values()):
            if record is not None and "AliasTarget" in record:
                self._check_alias(record)

    def _check_alias(self, record: RecordSet) -> None:
        target, kind = record["AliasTarget"], record["Type"]
        said, zone_id = target["DNSName"], target["HostedZoneId"]
        tried = f"Tried to create an alias that targets {said}, type {kind} in zone {zone_id}"
        try:
            name = names.parse(said)
        except names.Unnameable as error:
            self.object(str(error))
            return
        outside = f"{tried}, but the alias target name does not lie within the target zone"
        if zone_id != self.zone.id:
            own = endpoints.zone_of(said)
            if own is None and endpoints.is_amazons(said):
                raise NotImplementedHere(f"route53 aliases to {said}")
            if own != zone_id:
                self.object(
                    outside,
                    f"The HostedZoneId of {said} is {own}."
                    if own
                    else "An alias names a record set of its own hosted zone, or an AWS endpoint in AWS's zone.",
                )
            return
        if not names.lies_in(name, self.apex):
            self.object(outside)
        if not any(key.type == kind for key in self.at(names.order(name))):
            self.object(f"{tried}, but that target was not found", "An alias names a record set of its own type that exists in its own zone.")


def _described(record: RecordSet) -> str:
    identifier = f", set identifier='{record['SetIdentifier']}'" if "SetIdentifier" in record else ""
    return f"[name='{record['Name']}', type='{record['Type']}'{identifier}]"


def _normal(said: RecordSet, shown: str) -> RecordSet:
    """As Route 53 keeps it: names in its own spelling."""
    record = {**said, "Name": shown}
    if "AliasTarget" in said:
        target = said["AliasTarget"]
        try:
            name = names.shown(names.parse(target["DNSName"]))
        except names.Unnameable:
            name = target["DNSName"]  # refused when the batch is looked back at
        record["AliasTarget"] = {**target, "DNSName": name}
    return record


def _comparable(record: RecordSet) -> dict[str, Any]:
    """Whoever deletes must say what is there; the order of values does not matter."""
    return {**record, "ResourceRecords": sorted(each["Value"] for each in record.get("ResourceRecords", ()))}
