"""The availability zones of a region, by name and by id.

https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html has the ids. Which letter means which id, AWS draws
by lot for accounts of before November 2025 in its oldest regions; here it is the same for everybody, as it is for newer accounts there.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

_DIRECTIONS = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c"}
_PARTS = re.compile("|".join(_DIRECTIONS))
_NUMBERS = {
    "us-east-1": (1, 2, 3, 4, 5, 6), "us-west-1": (1, 3), "us-west-2": (1, 2, 3, 4), "ap-northeast-1": (1, 2, 4), "ap-northeast-2": (1, 2, 3, 4),
    "ca-central-1": (1, 2, 4), "cn-north-1": (1, 2, 4),
}  # fmt: skip
_LETTERS = {"ap-northeast-1": "acd", "ca-central-1": "abd", "cn-north-1": "abd"}
"""Where zones of before are closed to newer accounts."""


class Zone(NamedTuple):
    name: str
    """``us-east-1a``."""
    id: str
    """``use1-az1``: the same place for all accounts."""


@cache
def zones(region: str) -> tuple[Zone, ...]:
    """Those of a region, in the order of their letters; three where AWS has not another number of them."""
    area, *parts, number = region.split("-")
    short = area + "".join("g" if part == "gov" else "".join(_DIRECTIONS[each] for each in _PARTS.findall(part)) or part[:1] for part in parts) + number
    numbers = _NUMBERS.get(region, (1, 2, 3))
    return tuple(Zone(region + letter, f"{short}-az{each}") for letter, each in zip(_LETTERS.get(region, "abcdef"), numbers))
