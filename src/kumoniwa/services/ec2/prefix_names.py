"""The prefix lists that AWS manages itself: the addresses of a service in a region, under a name."""

from __future__ import annotations

import hashlib
from functools import cache

from kumoniwa.aws.regions import loopback
from kumoniwa.services.ec2.network import PrefixList

SERVICES = ("s3", "dynamodb")
"""Those that gateway endpoints lead to."""
_IDS = {("us-east-1", "s3"): "pl-63a5400a", ("us-east-1", "dynamodb"): "pl-02cd2c6b", ("us-west-2", "s3"): "pl-68a54001", ("us-west-2", "dynamodb"): "pl-00a54069"}
"""Ids that AWS's users quote; those of other regions are made up, the same for everybody as on AWS."""


@cache
def managed(region: str) -> dict[str, PrefixList]:
    """Those of a region, by their ids. What they hold is where this cloud is reached in that region, and so the same for all services."""
    found = {}
    for service in SERVICES:
        id_ = _IDS.get((region, service)) or "pl-" + hashlib.sha256(f"{region} {service}".encode()).hexdigest()[:8]
        entries = ((f"{loopback(region)}/32", ""),)
        found[id_] = PrefixList(id=id_, name=f"com.amazonaws.{region}.{service}", family="IPv4", most=0, versions=(entries,))
    return found


def id_of(region: str, service: str) -> str:
    """The id of the list of ``s3`` or ``dynamodb``."""
    return next(id_ for id_, each in managed(region).items() if each.name.rpartition(".")[2] == service)
