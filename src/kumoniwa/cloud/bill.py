"""What the architecture in this cloud would cost on AWS: what its regions counted, by AWS's list prices.

Tiers are those of a month, account and region; what is always free is shared by all regions of an account and told apart, because the uses of
one laptop seldom exceed it. Everything here is an estimate: prices change, and what has none is told without one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from kumoniwa.aws import prices
from kumoniwa.gate.ledger import HOUR_S

BY_HOUR_OF_USE = frozenset(("cloudwatch:custom_metric",))
"""What AWS bills for each hour in which it is used, however often."""


class Used(NamedTuple):
    """What a region counted: of the account, in an hour since 1970, in the units of its ledger (what stands in hours of one)."""

    region: str
    account: str
    hour: int
    usage: str
    resource: str
    quantity: float


class Standing(NamedTuple):
    region: str
    account: str
    usage: str
    resource: str
    level: float


def bill(used: Iterable[Used], since_hour: int = 0, *, by_resource: bool = False) -> dict[str, Any]:
    """What was used since an hour, line by line, with what it costs: each in its unit, rounded nowhere."""
    months: dict[tuple[str, str, str], dict[str, list[Decimal]]] = defaultdict(dict)
    """By month what was used before that hour, and since."""
    shares: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for each in used:
        key, month = (each.account, each.region, each.usage), datetime.fromtimestamp(each.hour * HOUR_S, UTC).strftime("%Y-%m")
        is_since, quantity = each.hour >= since_hour, Decimal(str(each.quantity))
        months[key].setdefault(month, [Decimal(0), Decimal(0)])[is_since] += quantity
        if is_since:
            shares[key][each.resource] += quantity
    lines = []
    for (account, region, usage), by_month in sorted(months.items()):
        costs = [_cost(usage, region, *quantities) for quantities in by_month.values()]
        total = sum((since for _, since in by_month.values()), Decimal(0))
        if not total:
            continue
        usd = None if None in costs else sum(costs, Decimal(0))
        lines += _lines(account, region, usage, total, usd, shares[account, region, usage] if by_resource else {"": total})
    return _summed(lines, _free(months))


def monthly(used: Iterable[Used], standing: Iterable[Standing], times: int, *, by_resource: bool = False) -> dict[str, Any]:
    """What a month costs in which all that was used is used so many times, and all that stands now stands from its first hour to its last.
    A metric is put in each of its hours."""
    standing = list(standing)
    # What has no price does not say by itself that it is for what stands.
    timed = {each.usage for each in standing}
    used = list(used)
    scaled = [each._replace(hour=0, quantity=each.quantity * times) for each in used if each.usage not in timed and not _is_of_time(each)]
    scaled += [each._replace(hour=0, quantity=each.quantity * prices.MONTH_HOURS) for each in _busiest(used)]
    scaled += [Used(s.region, s.account, 0, s.usage, s.resource, s.level * prices.MONTH_HOURS) for s in standing]
    return bill(scaled, by_resource=by_resource)


def _busiest(used: list[Used]) -> list[Used]:
    """What is billed by the hours in which it is used, as in the busiest of them."""
    found: dict[tuple[str, str, str, str], Used] = {}
    for each in used:
        key = (each.region, each.account, each.usage, each.resource)
        if each.usage in BY_HOUR_OF_USE and (key not in found or found[key].quantity < each.quantity):
            found[key] = each
    return list(found.values())


def _is_of_time(each: Used) -> bool:
    price = prices.price(each.usage, each.region)
    return price is not None and price.is_of_time


def _cost(usage: str, region: str, before: Decimal, since: Decimal) -> Decimal | None:
    price = prices.price(usage, region)
    if price is None:
        return None
    return price.of((before + since) / price.hours) - price.of(before / price.hours)


def _lines(account: str, region: str, usage: str, total: Decimal, usd: Decimal | None, shares: dict[str, Decimal]) -> list[dict[str, Any]]:
    price = prices.price(usage, region)
    return [
        {
            "account": account, "region": region, "usage": usage, "resource": resource,
            "quantity": quantity / (price.hours if price else 1), "unit": price.unit if price else "",
            "usd": None if usd is None else usd * quantity / total,
            "note": _note(price),
        }
        for resource, quantity in sorted(shares.items())
    ]  # fmt: skip


def _note(price: prices.Price | None) -> str:
    if price is None:
        return "no price is known"
    if not price.is_of_region:
        return f"approximated: the price of {prices.STAND_IN}"
    return "" if price.is_proven else "unverified price"


def _free(months: dict[tuple[str, str, str], dict[str, list[Decimal]]]) -> Decimal:
    """What of it AWS would not ask for. Where an allowance is exceeded, it pays for the same part of everything that shares it."""
    saved = Decimal(0)
    for usages, allowed, _ in prices.FREE:
        shared: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
        for (account, region, usage), by_month in months.items():
            price = prices.price(usage, region)
            if usage not in usages or price is None:
                continue
            for month, (before, since) in by_month.items():
                held = shared[account, month]
                held[0] += before / price.hours
                held[1] += since / price.hours
                held[2] += _cost(usage, region, before, since) or Decimal(0)
        for before, since, cost in shared.values():
            left = max(Decimal(0), allowed - before)
            saved += cost * min(Decimal(1), left / since) if since else Decimal(0)
    return saved


def _summed(lines: list[dict[str, Any]], free: Decimal) -> dict[str, Any]:
    return {
        "currency": prices.CURRENCY,
        "lines": lines,
        "usd": sum((line["usd"] for line in lines if line["usd"] is not None), Decimal(0)),
        "free_usd": free,
    }
