"""DHCP options: what machines in a VPC are told of their network."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import DependencyViolation, InvalidParameterValue, MissingParameter
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import DHCP_OPTIONS, DhcpOptions, Vpc

_NAMES = frozenset((
    "domain-name", "domain-name-servers", "ntp-servers", "netbios-name-servers", "netbios-node-type", "ipv6-address-preferred-lease-time",
))  # fmt: skip
_SERVERS_MAX = 4
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html"""


def show(call: Call, options: DhcpOptions) -> dict[str, Any]:
    said = [{"Key": key, "Values": [{"Value": value} for value in values]} for key, values in options.values.items()]
    return {"DhcpOptionsId": options.id, "DhcpConfigurations": said, "OwnerId": call.account, "Tags": tag.shown(options.tags)}


@may_be_dry
def CreateDhcpOptions(call: Call, *, DhcpConfigurations: list[dict], TagSpecifications: list[dict] | None = None) -> dict:
    values: dict[str, tuple[str, ...]] = {}
    for each in DhcpConfigurations:
        key, said = each.get("Key") or "", tuple(each.get("Values") or ())
        if key not in _NAMES:
            raise InvalidParameterValue(f"Value ({key}) for parameter DHCP option name is invalid. Unknown DHCP option")
        if not said:
            raise MissingParameter(f"The request must contain a value for the DHCP option {key}")
        if key == "netbios-node-type" and (len(said) != 1 or said[0] not in ("1", "2", "4", "8")):
            raise InvalidParameterValue(f"Value ({', '.join(said)}) for parameter value is invalid. Invalid DHCP option value.")
        if key in ("ntp-servers", "netbios-name-servers") and len(said) > _SERVERS_MAX:
            raise InvalidParameterValue(f"Value ({', '.join(said)}) for parameter value is invalid. Invalid number of DHCP option values.")
        values[key] = said
    if not values:
        raise MissingParameter("The request must contain the parameter dhcpConfigurationSet")
    id_ = fresh(call, "dopt")
    return {"DhcpOptions": show(call, keep(call, DhcpOptions(id=id_, values=values, tags=tag.of_new(call, TagSpecifications, DHCP_OPTIONS, id_))))}


@may_be_dry
def DeleteDhcpOptions(call: Call, *, DhcpOptionsId: str) -> None:
    existing(call, DHCP_OPTIONS, DhcpOptionsId)
    if any(each.dhcp == DhcpOptionsId for each in call.shelf(Vpc).values()):
        raise DependencyViolation(f"The dhcpOptions '{DhcpOptionsId}' has dependencies and cannot be deleted.")
    del call.shelf(DhcpOptions)[DhcpOptionsId]


@may_be_dry
def DescribeDhcpOptions(call: Call, *, DhcpOptionsIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    names: filters.Names = {
        "dhcp-options-id": "DhcpOptionsId", "key": "DhcpConfigurations.Key", "value": "DhcpConfigurations.Values.Value", "owner-id": "OwnerId",
    }  # fmt: skip
    return {"DhcpOptions": described(call, DHCP_OPTIONS, DhcpOptionsIds, Filters, names, show)}
