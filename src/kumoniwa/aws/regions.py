"""The regions AWS has: code, name and partition, from botocore's list of partitions."""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

from kumoniwa.aws.models import data_folder


class Region(NamedTuple):
    code: str
    name: str
    """As AWS's console calls it: ``Asia Pacific (Tokyo)``."""
    partition: str


@cache
def regions() -> tuple[Region, ...]:
    """Every region, the commercial partition's first, then in AWS's order. Pseudo-regions (``aws-global``) are none."""
    partitions = json.loads((data_folder() / "partitions.json").read_bytes())["partitions"]
    return tuple(
        Region(code, said.get("description", code), partition["id"])
        for partition in partitions
        for code, said in partition["regions"].items()
        if not code.endswith("-global")
    )


@cache
def _by_code() -> dict[str, Region]:
    return {region.code: region for region in regions()}


def region(code: str) -> Region:
    """The region of that code, or ``KeyError``."""
    return _by_code()[code]


def is_region(code: str) -> bool:
    return code in _by_code()


LOOPBACK = "127.0.0.1"


@cache
def _addresses() -> dict[str, str]:
    return {code: f"127.1.{number}.1" for number, code in enumerate(sorted(_by_code()), 1)}


@cache
def _by_address() -> dict[str, str]:
    return {address: code for code, address in _addresses().items()}


def loopback(code: str) -> str:
    """The loopback address at which a region of this machine is reached, so that names resolve to regions as on AWS.

    What is no region (``aws-global``, ``aws-edge``) is reached at 127.0.0.1.
    """
    return _addresses().get(code, LOOPBACK)


def region_at(address: str) -> str | None:
    """The region whose loopback address this is, or that of a load balancer of which; None of any other."""
    return _by_address().get(address) or balanced_at(address)


BALANCERS = 64
"""What is added to the number of a region to have the second part of its balancers' addresses: 127.65.x.y of the first."""


def balancer_address(code: str, number: int) -> str:
    """The loopback address that a load balancer of a region has to itself."""
    region, place = int(loopback(code).split(".")[2]), number % 65_000 + 256
    return f"127.{BALANCERS + region}.{place >> 8}.{place & 255}"


def balanced_at(address: str) -> str | None:
    """The region of the load balancers that have addresses like this, or None."""
    first, _, rest = address.partition(".")
    second = rest.partition(".")[0]
    if first != "127" or not second.isdigit() or int(second) <= BALANCERS:
        return None
    return _by_address().get(f"127.1.{int(second) - BALANCERS}.1")
