"""Blocks of addresses, as EC2 takes them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from kumoniwa.services.ec2.errors import InvalidParameterValue, Refused
from kumoniwa.services.ec2.network import net

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}")


def canonical(said: str, parameter: str) -> str:
    """An IPv4 block without bits beyond its length: 100.68.0.18/18 becomes 100.68.0.0/18, as the reference of CreateVpc says."""
    try:
        if _IPV4.fullmatch(said):
            return str(ipaddress.IPv4Network(said, strict=False))
    except ValueError:
        pass
    raise InvalidParameterValue(f"Value ({said}) for parameter {parameter} is invalid. This is not a valid CIDR block.")


def canonical_6(said: str, parameter: str) -> str:
    try:
        if "/" in said:
            return str(ipaddress.IPv6Network(said, strict=False))
    except ValueError:
        pass
    raise InvalidParameterValue(f"Value ({said}) for parameter {parameter} is invalid. This is not a valid CIDR block.")


def checked(said: str, parameter: str, code: str) -> str:
    """A block for a VPC or a subnet, which has 16 to 65,536 addresses."""
    found = canonical(said, parameter)
    if not 16 <= net(found).prefixlen <= 28:
        raise Refused(code, f"The CIDR '{said}' is invalid.")
    return found


def overlapping(cidr: str, others: Iterable[str]) -> bool:
    return any(net(cidr).overlaps(net(each)) for each in others)  # type: ignore[arg-type]
