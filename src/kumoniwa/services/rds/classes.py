"""Classes of instances: what memory and how many processors a database has on AWS.

Here a class says what the formulas of parameters count with, and what is billed; the machine gives a server what it has.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from kumoniwa.services.rds.errors import InvalidParameterValue

_BURSTABLE = {"micro": (2, 1), "small": (2, 2), "medium": (2, 4), "large": (2, 8), "xlarge": (4, 16), "2xlarge": (8, 32)}
_SIZES = {"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8, "8xlarge": 16, "12xlarge": 24, "16xlarge": 32, "24xlarge": 48}
_PER_LARGE_GIB = {"m5": 8, "m6g": 8, "m6i": 8, "m7g": 8, "m7i": 8, "r5": 16, "r6g": 16, "r6i": 16, "r7g": 16, "r7i": 16}
_NO_24 = ("m6g", "m7g", "r6g", "r7g")


class Class(NamedTuple):
    processors: int
    memory_gib: int


@cache
def all_classes() -> dict[str, Class]:
    found = {f"db.{family}.{size}": Class(*each) for family in ("t3", "t4g") for size, each in _BURSTABLE.items()}
    for family, gib in _PER_LARGE_GIB.items():
        for size, times in _SIZES.items():
            if size != "24xlarge" or family not in _NO_24:
                found[f"db.{family}.{size}"] = Class(2 * times, gib * times)
    return found


SERVERLESS, UNIT_GIB = "db.serverless", 2.0
"""A class that is as large as its load wants it, in units of so much memory.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html"""


def of_aurora(name: str) -> bool:
    """Whether Aurora for PostgreSQL has a class: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Types.html"""
    family = name.split(".")[1] if name.count(".") == 2 else ""
    return name == SERVERLESS or (name in all_classes() and (family.startswith("r") or name.endswith((".medium", ".large")) and family.startswith("t")))


def of(name: str) -> Class:
    found = Class(2, 4) if name == SERVERLESS else all_classes().get(name)
    if found is None:
        raise InvalidParameterValue(f"Invalid DB Instance class: {name}")
    return found
