"""Convergence: when all replicas hold the same again after healing, and how far apart they were if they did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Replica = Mapping[str, Any]
"""What one replica holds: key to value or digest."""


def unequal(replicas: Mapping[str, Replica]) -> list[str]:
    """Keys that are not the same everywhere."""
    keys = sorted({key for held in replicas.values() for key in held})
    absent = object()
    return [key for key in keys if len({_comparable(held.get(key, absent)) for held in replicas.values()}) > 1]


def _comparable(value: Any) -> Any:
    return repr(value) if isinstance(value, dict | list) else value


def convergence(looks: list[tuple[float, int]], t_heal: float) -> tuple[float | None, int]:
    """From looks (time, keys that were unequal): seconds from healing until the first look from which on all were equal, and the
    keys unequal at the last look. Without a look after the healing nothing is known: (None, 0)."""
    after = sorted(look for look in looks if look[0] >= t_heal)
    if not after or after[-1][1]:
        return None, after[-1][1] if after else 0
    since = after[-1][0]
    for t, differing in reversed(after):
        if differing:
            break
        since = t
    return since - t_heal, 0
