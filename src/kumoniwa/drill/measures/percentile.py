"""Percentiles by nearest rank: the value at place ceil(q·n). It is always one of the values that were measured."""

from __future__ import annotations

import math
from collections.abc import Iterable


def percentile(values: Iterable[float], q: float) -> float | None:
    """The ``q`` (0..1) percentile, None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    # A product such as 0.07 * 100 is a hair above 7; the hair is not a rank.
    return ordered[max(1, math.ceil(round(q * len(ordered), 9))) - 1]
