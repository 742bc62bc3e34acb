"""Regions and their zones."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.regions import is_region, region, regions
from kumoniwa.aws.zones import zones
from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterValue

_OPT_IN = frozenset((
    "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
))  # fmt: skip
"""Regions that an account must first ask for, which every account here has done.
https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html"""


@may_be_dry
def DescribeRegions(
    call: Call, *, RegionNames: list[str] | None = None, AllRegions: bool | None = None, Filters: list[dict] | None = None
) -> dict:
    own = [each.code for each in regions() if each.partition == call.home.partition]
    if unknown := [name for name in RegionNames or () if name not in own]:
        raise InvalidParameterValue(f"Invalid region name: {unknown[0]}")
    shown = [_shown(code) for code in own if not RegionNames or code in RegionNames]
    return {"Regions": filters.kept(shown, Filters, {"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}, tags="")}


def _shown(code: str) -> dict[str, str]:
    end = "amazonaws.com.cn" if code.startswith("cn-") else "amazonaws.com"
    return {"RegionName": code, "Endpoint": f"ec2.{code}.{end}", "OptInStatus": "opted-in" if code in _OPT_IN else "opt-in-not-required"}


_ZONE_NAMES: filters.Names = {
    "group-name": "GroupName", "message": "Messages.Message", "opt-in-status": "OptInStatus", "region-name": "RegionName", "state": "State",
    "zone-id": "ZoneId", "zone-name": "ZoneName", "zone-type": "ZoneType", "group-long-name": "GroupLongName",
}  # fmt: skip


@may_be_dry
def DescribeAvailabilityZones(
    call: Call, *, ZoneNames: list[str] | None = None, ZoneIds: list[str] | None = None, AllAvailabilityZones: bool | None = None,
    Filters: list[dict] | None = None,
) -> dict:  # fmt: skip
    found = zones(call.region)
    for kind, said, known in (("zone", ZoneNames, {each.name for each in found}), ("zone ID", ZoneIds, {each.id for each in found})):
        if unknown := [name for name in said or () if name not in known]:
            raise InvalidParameterValue(f"Invalid availability {kind}: [{unknown[0]}]")
    name = region(call.region).name if is_region(call.region) else call.region
    shown: list[dict[str, Any]] = [
        {
            "ZoneName": each.name, "ZoneId": each.id, "RegionName": call.region, "State": "available", "OptInStatus": "opt-in-not-required",
            "GroupName": f"{call.region}-zg-1", "GroupLongName": f"{name} 1", "NetworkBorderGroup": call.region, "ZoneType": "availability-zone",
            "Messages": [],
        }
        for each in found
        if (not ZoneNames or each.name in ZoneNames) and (not ZoneIds or each.id in ZoneIds)
    ]  # fmt: skip
    return {"AvailabilityZones": filters.kept(shown, Filters, _ZONE_NAMES, tags="")}
