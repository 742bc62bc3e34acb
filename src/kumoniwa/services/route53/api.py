"""The operations of Route 53, by what they are about, and what the gate must know of each call."""

# ruff: noqa: F401 (an operation of Route 53 is whatever this module holds under a CapWords name)

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import EDGE
from kumoniwa.kernel.call import Call
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53 import zone as zones
from kumoniwa.services.route53.bill import standing_of
from kumoniwa.services.route53.change import ChangeResourceRecordSets, ListResourceRecordSets
from kumoniwa.services.route53.collection import (
    ChangeCidrCollection,
    CreateCidrCollection,
    DeleteCidrCollection,
    ListCidrBlocks,
    ListCidrCollections,
    ListCidrLocations,
)
from kumoniwa.services.route53.errors import InvalidInput
from kumoniwa.services.route53.healthcheck import (
    CHECKS_MAX,
    CreateHealthCheck,
    DeleteHealthCheck,
    GetCheckerIpRanges,
    GetHealthCheck,
    GetHealthCheckCount,
    GetHealthCheckLastFailureReason,
    GetHealthCheckStatus,
    HealthCheck,
    ListHealthChecks,
    UpdateHealthCheck,
)
from kumoniwa.services.route53.location import GetGeoLocation, ListGeoLocations
from kumoniwa.services.route53.publication import GetChange
from kumoniwa.services.route53.resolver import SUBNET_BITS
from kumoniwa.services.route53.tag import (
    ChangeTagsForResource,
    ListTagsForResource,
    ListTagsForResources,
    all_tags,  # noqa: F401 (the gate's hook)
    reserved_tag,
)
from kumoniwa.services.route53.zone import (
    DELEGATION_SETS_MAX,
    ZONES_MAX,
    CreateHostedZone,
    CreateReusableDelegationSet,
    DelegationSet,
    DeleteHostedZone,
    DeleteReusableDelegationSet,
    GetDNSSEC,
    GetHostedZone,
    GetHostedZoneCount,
    GetHostedZoneLimit,
    GetReusableDelegationSet,
    GetReusableDelegationSetLimit,
    HostedZone,
    ListHostedZones,
    ListHostedZonesByName,
    ListReusableDelegationSets,
    UpdateHostedZoneComment,
)

# What the gate asks --------------------------------------------------------------------------------

_RESOURCES = {
    "HealthCheckId": "healthcheck", "DelegationSetId": "delegationset", "CollectionId": "cidrcollection", "HostedZoneId": "hostedzone",
}  # fmt: skip
_IDS = {
    "GetChange": "change", "GetHostedZone": "hostedzone", "DeleteHostedZone": "hostedzone", "UpdateHostedZoneComment": "hostedzone",
    "GetReusableDelegationSet": "delegationset", "DeleteReusableDelegationSet": "delegationset", "ChangeCidrCollection": "cidrcollection",
    "DeleteCidrCollection": "cidrcollection",
}  # fmt: skip


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """Route 53's ARNs name neither region nor account.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html"""
    kind, resource_id = _IDS.get(operation, ""), params.get("Id", "")
    if "ResourceType" in params:
        kind, resource_id = params["ResourceType"], params.get("ResourceId", "*")
    elif not kind:
        member = next(
            (
                member
                for member in _RESOURCES
                if member in params and operation not in ("CreateHostedZone", "ListHostedZones", "ListHostedZonesByName")
            ),
            "",
        )
        if not member:
            return "*"
        kind, resource_id = _RESOURCES[member], params[member]
    return f"arn:{call.home.partition}:route53:::{kind}/{str(resource_id).rpartition('/')[2]}"


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a change batch is about, in the spelling that policies need. It has not been checked yet.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html"""
    if operation != "ChangeResourceRecordSets":
        return {}
    batch = params.get("ChangeBatch")
    changes = batch.get("Changes") if isinstance(batch, dict) else None
    said = [change for change in changes or () if isinstance(change, dict)]
    records = [change["ResourceRecordSet"] for change in said if isinstance(change.get("ResourceRecordSet"), dict)]
    return {
        "route53:changeresourcerecordsetsnormalizedrecordnames": [_normalized(str(record.get("Name", ""))) for record in records],
        "route53:changeresourcerecordsetsrecordtypes": [str(record.get("Type", "")) for record in records],
        "route53:changeresourcerecordsetsactions": [str(change.get("Action", "")) for change in said],
    }


def _normalized(name: str) -> str:
    try:
        return names.shown(names.parse(name)).removesuffix(".")
    except names.Unnameable:
        return name


# Limits, and a trial of the name servers -----------------------------------------------------------------


def GetAccountLimit(call: Call, *, Type: str) -> dict:
    most, count = {
        "MAX_HOSTED_ZONES_BY_OWNER": (ZONES_MAX, len(call.shelf(HostedZone))),
        "MAX_HEALTH_CHECKS_BY_OWNER": (CHECKS_MAX, len(call.shelf(HealthCheck))),
        "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER": (DELEGATION_SETS_MAX, len(call.shelf(DelegationSet))),
        "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER": (5, 0),
        "MAX_TRAFFIC_POLICIES_BY_OWNER": (50, 0),
    }[Type]
    return {"Limit": {"Type": Type, "Value": most}, "Count": count}


async def TestDNSAnswer(
    call: Call,
    *,
    HostedZoneId: str,
    RecordName: str,
    RecordType: str,
    ResolverIP: str | None = None,
    EDNS0ClientSubnetIP: str | None = None,
    EDNS0ClientSubnetMask: str | None = None,
) -> dict:
    """What the name servers answer, asked of them: the state of health checks counts, and so does what has not arrived there yet."""
    zone = zones.find(call, HostedZoneId)
    try:
        names.parse(RecordName)
    except names.Unnameable as error:
        raise InvalidInput(str(error))
    if EDNS0ClientSubnetMask is not None and EDNS0ClientSubnetIP is None:
        raise InvalidInput("The TestDNSAnswer request must specify EDNS0ClientSubnetIP when it specifies EDNS0ClientSubnetMask.")
    message = {"ask": "answer", "account": call.account, "zone": zone.id, "name": RecordName, "type": RecordType}
    if EDNS0ClientSubnetIP is not None:
        version = 6 if ":" in EDNS0ClientSubnetIP else 4
        message["subnet"] = f"{EDNS0ClientSubnetIP}/{_mask(EDNS0ClientSubnetMask, version)}"
    elif ResolverIP is not None:
        message["resolver"] = ResolverIP
    said = await call.home.exchange(EDGE, "route53", message)
    return {
        "Nameserver": zone.servers[0],
        "RecordName": RecordName,
        "RecordType": RecordType,
        "RecordData": said["data"],
        "ResponseCode": said["code"],
        "Protocol": "UDP",
    }


def _mask(said: str | None, version: int) -> int:
    if said is None:
        return SUBNET_BITS[version]
    if not said.isascii() or not said.isdigit() or int(said) > (32 if version == 4 else 128):
        raise InvalidInput(f"Invalid EDNS0ClientSubnetMask: {said}")
    return int(said)
