"""What AWS asks for what is used: list prices in USD by region, with their tiers, and what is always free.

``prices.csv`` names for each price who republished it of AWS's price list; the few without a source are recalled and said to be so. In a
region that it does not hold, what us-east-1 asks stands in, and that is said, too.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

CURRENCY = "USD"
MONTH_HOURS = 730
"""What AWS counts as a month of hours in its estimates."""
GIB = 1 << 30
STAND_IN = "us-east-1"


class Price(NamedTuple):
    unit: str
    """What is counted: ``request``, ``GB-second``, ``key-month``."""
    per: int
    """How many of them the price is for."""
    tiers: tuple[tuple[int, Decimal], ...]
    """From how many in a month, and what so many then cost."""
    is_proven: bool
    """Whether it has a source."""
    is_of_region: bool
    """Whether it is the region's own, and not what us-east-1 asks."""

    @property
    def is_of_time(self) -> bool:
        """Whether it is for what stands, however often it is used: a key for a month, a unit of capacity for an hour."""
        return self.unit.endswith("month") or (self.unit.endswith("-hour") and self.unit != "GB-hour")

    @property
    def hours(self) -> int:
        """As how many hours of standing one unit counts, for what is billed by the month."""
        return MONTH_HOURS if self.unit.endswith("month") else 1

    def of(self, quantity: Decimal) -> Decimal:
        """What so much costs in one month."""
        cost, ends = Decimal(0), [start for start, _ in self.tiers[1:]]
        for (start, usd), end in zip(self.tiers, [*ends, None], strict=True):
            within = (quantity if end is None else min(quantity, Decimal(end))) - start
            if within > 0:
                cost += within * usd / self.per
        return cost


FREE: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("lambda:requests",), 1_000_000, "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html"),
    (("lambda:duration_x86", "lambda:duration_arm"), 400_000, "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html"),
    (("sqs:standard_requests", "sqs:fifo_requests"), 1_000_000, "https://aws.amazon.com/sqs/pricing/"),
    (("sns:publish_requests",), 1_000_000, "https://aws.amazon.com/sns/pricing/"),
    (("sns:http_delivery",), 100_000, "https://aws.amazon.com/sns/pricing/"),
    (("kms:requests",), 20_000, "https://aws.amazon.com/kms/pricing/"),
    (("stepfunctions:standard_transitions",), 4_000, "https://aws.amazon.com/step-functions/pricing/"),
    (("dynamodb:storage",), 25, "https://aws.amazon.com/dynamodb/pricing/"),
    (("glue:catalog_requests",), 1_000_000, "https://aws.amazon.com/glue/pricing/"),
    (("glue:catalog_objects",), 1_000_000, "https://aws.amazon.com/glue/pricing/"),
    (("xray:traces_recorded",), 100_000, "https://aws.amazon.com/xray/pricing/"),
    (("cognito:essentials_mau",), 10_000, "https://aws.amazon.com/cognito/pricing/"),
)
"""What no account pays for: usages that share it, how much a month in all regions together, and who says so."""


@cache
def _table() -> dict[tuple[str, str], Price]:
    found: dict[tuple[str, str], Price] = {}
    with Path(__file__).with_name("prices.csv").open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            key = (row["usage"], row["region"])
            tier = (int(row["from"]), Decimal(row["usd"]))
            held = found.get(key) or Price(row["unit"], int(row["per"]), (), is_proven=True, is_of_region=True)
            found[key] = held._replace(tiers=(*held.tiers, tier), is_proven=held.is_proven and bool(row["source"]))
    return found


def price(usage: str, region: str) -> Price | None:
    """What a usage costs in a region; None if no price of it is known. AWS's global services are billed as those of us-east-1 are."""
    table = _table()
    if region.startswith("aws-"):
        region = STAND_IN
    found = table.get((usage, region))
    if found is not None:
        return found
    stand_in = table.get((usage, STAND_IN))
    return stand_in._replace(is_of_region=False) if stand_in is not None else None
