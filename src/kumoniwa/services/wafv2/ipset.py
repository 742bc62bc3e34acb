"""IP sets: up to 10,000 blocks of addresses of one version."""

from __future__ import annotations

import ipaddress

from kumoniwa.kernel.call import Call
from kumoniwa.services.wafv2 import errors, part
from kumoniwa.services.wafv2.scope import kept_by_scope

KIND = "ipset"
ADDRESSES_MAX = 10_000
"""https://docs.aws.amazon.com/waf/latest/developerguide/limits.html"""


def _checked(version: str, addresses: list[str]) -> list[str]:
    """Every block with its length, without host bits; ``/0`` is not one."""
    if len(addresses) > ADDRESSES_MAX:
        raise errors.WAFLimitsExceededException
    found = []
    for text in addresses:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            network = None
        if network is None or "/" not in text or network.version != int(version[3:]) or not network.prefixlen:
            raise errors.WAFInvalidParameterException.of(
                "The parameter contains formatting that is not valid.", "IP_ADDRESS", text,
                hint=f"Write blocks of {version} such as {'192.0.2.44/32' if version == 'IPV4' else '2001:db8::/64'}; /0 is not supported.",
            )  # fmt: skip
        found.append(str(network))
    return list(dict.fromkeys(found))


@kept_by_scope
def CreateIPSet(
    call: Call, *, Name: str, Scope: str, IPAddressVersion: str, Addresses: list[str], Description: str | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    addresses = _checked(IPAddressVersion, Addresses)
    document = {"Name": Name, "Description": Description, "IPAddressVersion": IPAddressVersion, "Addresses": addresses}
    return part.make(call, Scope, KIND, document, Tags)


@kept_by_scope
def GetIPSet(call: Call, *, Name: str, Scope: str, Id: str) -> dict:
    found = part.named(call, Scope, KIND, Name, Id)
    return {"IPSet": found.document, "LockToken": found.lock}


@kept_by_scope
def UpdateIPSet(
    call: Call, *, Name: str, Scope: str, Id: str, Addresses: list[str], LockToken: str, Description: str | None = None
) -> dict:
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    return part.keep(call, found, Description=Description, Addresses=_checked(found.document["IPAddressVersion"], Addresses))


@kept_by_scope
def DeleteIPSet(call: Call, *, Name: str, Scope: str, Id: str, LockToken: str) -> dict:
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    part.check_unused(call, found)
    part.drop(call, found)
    return {}


@kept_by_scope
def ListIPSets(call: Call, *, Scope: str, NextMarker: str | None = None, Limit: int | None = None) -> dict:
    return part.listed(call, Scope, KIND, "IPSets", NextMarker, Limit)
