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
