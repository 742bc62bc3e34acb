"""AWS::Route53."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Action,
    Call,
    Reading,
    ResourceType,
    Work,
    at,
    carries,
    gone_from,
    made,
    p,
    seen,
    use,
)
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError

INSYNC_TRIES_MAX = 600
INSYNC_PAUSE_S_MAX = 2.0
ROUTING = "Failover GeoLocation GeoProximityLocation HealthCheckId MultiValueAnswer Region SetIdentifier Weight CidrRoutingConfig"
FIXED_OF_CHECKS = ("Type", "RequestInterval", "MeasureLatency")


async def _insync(work: Work, reply: dict[str, Any]) -> None:
    """CloudFormation goes on when the name servers answer from the new state."""
    change_id = reply["ChangeInfo"]["Id"].rpartition("/")[2]
    pause_s = 0.02
    for _ in range(INSYNC_TRIES_MAX):
        if (await work.look("route53:GetChange", Id=change_id))["ChangeInfo"]["Status"] == "INSYNC":
            return
        await work.pause(pause_s)
        pause_s = min(pause_s * 1.5, INSYNC_PAUSE_S_MAX)
    raise ValidationError("Exceeded attempts to wait")


# Zones ----------------------------------------------------------------------------------------------------


@carries("Name DelegationSetId HostedZoneConfig HostedZoneTags")
async def _make_zone(work: Work) -> dict[str, Any]:
    properties = work.properties
    more = {name: properties[name] for name in ("HostedZoneConfig", "DelegationSetId") if name in properties}
    reply = await work.ask(
        "route53:CreateHostedZone", Name=properties["Name"], CallerReference=work.fresh_name(100), **more
    )
    zone_id = reply["HostedZone"]["Id"].rpartition("/")[2]
    if properties.get("HostedZoneTags"):
        await work.ask(
            "route53:ChangeTagsForResource",
            ResourceType="hostedzone",
            ResourceId=zone_id,
            AddTags=properties["HostedZoneTags"],
        )
    await _insync(work, reply)
    return {"Id": zone_id}


def _tags(kind: str, name: str) -> tuple[Action, Action]:
    """Tags are taken away and given by two calls, because Route 53 takes no empty lists."""
    where, tags, gone = {"ResourceType": kind, "ResourceId": ID}, getattr(p, name), gone_from(name)
    return (
        Call("route53:ChangeTagsForResource", **where, RemoveTagKeys=gone).when(gone),
        Call("route53:ChangeTagsForResource", **where, AddTags=tags).when(tags),
    )


def _spelled(found: str, wanted: str | None) -> str:
    """A name as the template spells it, if it is the same."""
    return wanted if wanted and wanted.lower().rstrip(".") == found.rstrip(".") else found


HostedZone = ResourceType(
    create=_make_zone,
    id=made.Id,
    read=Call("route53:GetHostedZone", Id=ID),
    update=(
        Call("route53:UpdateHostedZoneComment", Id=ID, Comment=p.HostedZoneConfig.Comment),
        *_tags("hostedzone", "HostedZoneTags"),
    ),
    delete=Call("route53:DeleteHostedZone", Id=ID),
    absent="NoSuchHostedZone",
    attributes={"Id": ID, "NameServers": seen.DelegationSet.NameServers},
    defaults={"HostedZoneConfig": {}},
    tags="HostedZoneTags",
    drift=(
        Reading(
            {
                "Name": use(_spelled, seen.HostedZone.Name, at(p.Name)),
                "HostedZoneConfig": {"Comment": seen.HostedZone.Config.Comment},
            }
        ),
        Reading(
            {"HostedZoneTags": seen.ResourceTagSet.Tags},
            Call("route53:ListTagsForResource", ResourceType="hostedzone", ResourceId=ID),
        ),
    ),
)


# Record sets ----------------------------------------------------------------------------------------------


class NoSuchZone(ValidationError):
    code = "ValidationError"


def _bare(zone: str) -> str:
    """A zone's id without what the API writes before it, as SDKs send it: localstack's test_create_record_set_via_id."""
    return zone.rpartition("/")[2]


async def _zone(work: Work, properties: dict[str, Any]) -> str:
    """The zone that record sets name, by its id or by its name."""
    by_id, by_name = properties.get("HostedZoneId"), properties.get("HostedZoneName")
    if (by_id is None) == (by_name is None):
        raise ValidationError("Exactly one of HostedZoneId and HostedZoneName must be specified")
    if by_id is not None:
        return _bare(by_id)
    name = by_name if by_name.endswith(".") else by_name + "."
    found = (await work.look("route53:ListHostedZonesByName", DNSName=name)).get("HostedZones", ())
    same = [zone["Id"].rpartition("/")[2] for zone in found if zone["Name"] == name.lower()]
    if not same:
        raise NoSuchZone(f"No hosted zones named {by_name} found")
    if len(same) > 1:
        raise ValidationError(f"Found multiple hosted zones named {by_name}")
    return same[0]


def _record(said: dict[str, Any]) -> dict[str, Any]:
    """A template's record set as the API takes it."""
    record = {
        name: said[name] for name in ("Name", "Type", "AliasTarget", *ROUTING.split()) if name in said
    }
    if "TTL" in said:
        record["TTL"] = int(said["TTL"])
    if "ResourceRecords" in said:
        record["ResourceRecords"] = [{"Value": value} for value in said["ResourceRecords"]]
    if "AliasTarget" in record:
        record["AliasTarget"] = {"EvaluateTargetHealth": False, **record["AliasTarget"], "HostedZoneId": _bare(record["AliasTarget"]["HostedZoneId"])}
    return record


def _identity(said: dict[str, Any]) -> tuple[str, str, str]:
    return said["Name"].lower().rstrip("."), said["Type"], said.get("SetIdentifier", "")


async def _change(work: Work, zone: str, old: list[dict], new: list[dict], comment: str | None) -> None:
    """One batch that leads from the old record sets to the new."""
    kept = {_identity(each) for each in new}
    known = {_identity(each): each for each in old}
    changes = [
        {"Action": "DELETE", "ResourceRecordSet": _record(each)} for each in old if _identity(each) not in kept
    ]
    changes += [
        {"Action": "UPSERT" if _identity(each) in known else "CREATE", "ResourceRecordSet": _record(each)}
        for each in new
        if _record(each) != (_record(known[_identity(each)]) if _identity(each) in known else None)
    ]
    if not changes:
        return
    batch: dict[str, Any] = {"Changes": changes} | ({"Comment": comment} if comment else {})
    reply = await work.ask("route53:ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=batch)
    await _insync(work, reply)


async def _delete_records(work: Work, records: list[dict]) -> None:
    """One by one, since what is gone already is as good; and with a zone all of its record sets are gone."""
    try:
        zone = await _zone(work, work.properties)
    except NoSuchZone:
        return
    for each in records:
        changes = [{"Action": "DELETE", "ResourceRecordSet": _record(each)}]
        try:
            await work.ask(
                "route53:ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch={"Changes": changes}
            )
        except AwsError as error:
            if error.code != "NoSuchHostedZone" and "but it was not found" not in error.text:
                raise


_RECORD = f"AliasTarget Comment Name ResourceRecords TTL Type {ROUTING}"


@carries(f"{_RECORD} HostedZoneId HostedZoneName")
async def _make_record(work: Work) -> dict[str, Any]:
    zone = await _zone(work, work.properties)
    await _change(work, zone, [], [work.properties], work.properties.get("Comment"))
    return {}


@carries(_RECORD)
async def _change_record(work: Work) -> None:
    zone = await _zone(work, work.properties)
    await _change(work, zone, [work.old], [work.properties], work.properties.get("Comment"))


_change_record.handles_absence = True


async def _delete_record(work: Work) -> None:
    await _delete_records(work, [work.properties])


RecordSet = ResourceType(
    create=_make_record,
    id=p.Name,
    ref=p.Name,
    update=(_change_record,),
    delete=_delete_record,
    absent="NoSuchHostedZone",
)


@carries("Comment HostedZoneId HostedZoneName RecordSets")
async def _make_records(work: Work) -> dict[str, Any]:
    zone = await _zone(work, work.properties)
    await _change(work, zone, [], work.properties.get("RecordSets", []), work.properties.get("Comment"))
    return {"Id": work.fresh_name(64)}


@carries("Comment RecordSets")
async def _change_records(work: Work) -> None:
    zone = await _zone(work, work.properties)
    old, new = work.old.get("RecordSets", []), work.properties.get("RecordSets", [])
    await _change(work, zone, old, new, work.properties.get("Comment"))


_change_records.handles_absence = True


async def _delete_group(work: Work) -> None:
    await _delete_records(work, work.properties.get("RecordSets", []))


RecordSetGroup = ResourceType(
    create=_make_records,
    id=made.Id,
    update=(_change_records,),
    delete=_delete_group,
    absent="NoSuchHostedZone",
    attributes={"Id": ID},
)


# Health checks --------------------------------------------------------------------------------------------


@carries("HealthCheckConfig HealthCheckTags")
async def _make_check(work: Work) -> dict[str, Any]:
    reply = await work.ask(
        "route53:CreateHealthCheck",
        CallerReference=work.fresh_name(64),
        HealthCheckConfig=work.properties["HealthCheckConfig"],
    )
    check_id = reply["HealthCheck"]["Id"]
    if work.properties.get("HealthCheckTags"):
        await work.ask(
            "route53:ChangeTagsForResource",
            ResourceType="healthcheck",
            ResourceId=check_id,
            AddTags=work.properties["HealthCheckTags"],
        )
    return {"Id": check_id}


@carries("HealthCheckConfig")
async def _change_check(work: Work) -> None:
    """AWS makes a new check where one of these three changes; a part of a property cannot lead to that here yet."""
    old, new = work.old["HealthCheckConfig"], work.properties["HealthCheckConfig"]
    for name in FIXED_OF_CHECKS:
        if old.get(name) != new.get(name):
            raise NotImplementedHere(f"changing HealthCheckConfig.{name} of {work.type} in a stack")
    resettable = ("FullyQualifiedDomainName", "Regions", "ResourcePath", "ChildHealthChecks")
    for name in old.keys() - new.keys():
        if name not in resettable:
            raise NotImplementedHere(f"removing HealthCheckConfig.{name} of {work.type} from a stack")
    gone = [name for name in resettable if name in old and name not in new]
    params = {name: value for name, value in new.items() if name not in FIXED_OF_CHECKS}
    await work.ask(
        "route53:UpdateHealthCheck",
        HealthCheckId=work.id,
        **params,
        **({"ResetElements": gone} if gone else {}),
    )


def _said(found: dict[str, Any], wanted: dict[str, Any] | None) -> dict[str, Any]:
    """Only what the template says: the rest was filled in."""
    return {name: value for name, value in found.items() if name in (wanted or {})}


HealthCheck = ResourceType(
    create=_make_check,
    id=made.Id,
    read=Call("route53:GetHealthCheck", HealthCheckId=ID),
    update=(_change_check, *_tags("healthcheck", "HealthCheckTags")),
    delete=Call("route53:DeleteHealthCheck", HealthCheckId=ID),
    absent="NoSuchHealthCheck",
    attributes={"HealthCheckId": ID},
    tags="HealthCheckTags",
    drift=(
        Reading(
            {"HealthCheckConfig": use(_said, seen.HealthCheck.HealthCheckConfig, at(p.HealthCheckConfig))}
        ),
        Reading(
            {"HealthCheckTags": seen.ResourceTagSet.Tags},
            Call("route53:ListTagsForResource", ResourceType="healthcheck", ResourceId=ID),
        ),
    ),
)
