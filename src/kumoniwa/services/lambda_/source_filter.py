"""Filters of event source mappings: patterns of which a record must match one, or it never reaches the function.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere


def check_patterns(criteria: dict[str, Any]) -> tuple[str, ...]:
    patterns = tuple([entry["Pattern"] for entry in criteria.get("Filters") or () if "Pattern" in entry])
    if patterns:
        raise NotImplementedHere("lambda FilterCriteria")
    return patterns


def passes(patterns: tuple[str, ...], record: dict[str, Any], content: str) -> bool:
    """Whether one of the patterns matches a record, of which ``content`` is the member that holds the sender's own JSON."""
    raise NotImplementedHere("lambda FilterCriteria")
