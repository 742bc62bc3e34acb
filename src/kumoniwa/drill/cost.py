"""What a drill used of what AWS bills, by its list prices: estimated, from what the regions counted."""

from __future__ import annotations

from collections import defaultdict
from typing import Any


def _named(bill: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(line["account"], line["region"], line["usage"]): line for line in bill["lines"]}


def spent(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The lines of a bill that were added to an earlier one, and their sums by region. Who could not be asked is named."""
    known, lines = _named(before), []
    for key, line in _named(after).items():
        earlier = known.get(key, {"quantity": 0.0, "usd": 0.0})
        quantity = line["quantity"] - earlier["quantity"]
        if quantity > 0:
            usd = None if line["usd"] is None else line["usd"] - (earlier["usd"] or 0.0)
            lines.append({**line, "quantity": quantity, "usd": usd})
    regions: dict[str, float] = defaultdict(float)
    for line in lines:
        regions[line["region"]] += line["usd"] or 0.0
    return {
        "label": "estimated", "currency": after["currency"], "usd": sum(regions.values()), "regions": dict(sorted(regions.items())), "lines": lines,
        "silent": after["silent"],
    }  # fmt: skip


def sentence(told: dict[str, Any]) -> str:
    """The sum, and the part of each region."""
    parts = ", ".join(f"{region} {usd:.6f}" for region, usd in told["regions"].items())
    missing = f"; {', '.join(told['silent'])} could not be asked" if told["silent"] else ""
    return f"{told['usd']:.6f} {told['currency']} at list prices ({parts}){missing}"
