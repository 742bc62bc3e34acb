"""Invalidations: paths whose copies edge locations throw away."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudfront import errors, held

KEPT_BATCHES = 64
"""How many an edge location may have missed and still know which paths they named."""


class Invalidation(Record):
    """Shelved by id, with the account's other things in aws-global."""

    id: str
    distribution: str
    created: float
    batch: dict[str, Any]


def publish(call: Call, distribution: str, paths: list[str]) -> None:
    """Tell edge locations which paths are no good any more: the batches are numbered, and the last ones said again."""
    struck = held.shelf(call.home).get(key_of("invalidated", distribution))
    if struck is None:
        held.make(call, "invalidated", distribution, {"last": 1, "batches": [paths]})
        return
    config = {"last": struck.config["last"] + 1, "batches": [*struck.config["batches"], paths][-KEPT_BATCHES:]}
    held.shelf(call.home)[key_of("invalidated", distribution)] = changed(struck, config=config)


def missed(struck: EdgeResource | None, seen: int) -> list[str] | None:
    """The paths invalidated since batch number ``seen``; None if nobody knows them any more."""
    if struck is None:
        return []
    count = struck.config["last"] - seen
    batches = struck.config["batches"]
    if count > len(batches):
        return None
    return [path for batch in batches[len(batches) - count :] for path in batch]


def checked(batch: dict[str, Any]) -> list[str]:
    paths = batch["Paths"]
    items = paths.get("Items") or []
    if paths["Quantity"] != len(items):
        raise errors.InconsistentQuantities
    if not items or any("*" in path[:-1] for path in items):
        raise errors.InvalidArgument("Your request contains one or more invalid invalidation paths.")
    return [path if path.startswith("/") else f"/{path}" for path in items]
