"""What can be broken, by name: the catalogue of faults that a drill file may name.

Which of them a running cloud offers, with which parameters, its admin door says; a drill asks it before the load begins.
``load.spike`` and ``wait`` are acts of the client side and never reach the cloud.
"""

from __future__ import annotations

import csv
import difflib
from functools import cache
from importlib import resources
from typing import Any

from kumoniwa.aws.regions import is_region
from kumoniwa.drill.format.page import Page

CLIENT_SIDE = ("load.spike", "wait")
CONTRACT_BREAKING = ("queue.drop", "queue.reorder-fifo")
"""Faults that AWS's contract forbids: nobody may build a finding on them."""


@cache
def fault_kinds() -> dict[str, str]:
    """Kind of fault, and what it strikes in words."""
    text = resources.files(__package__).joinpath("faults.csv").read_text()
    return {row["fault"]: row["target"] for row in csv.DictReader(text.splitlines())}


def check_fault(page: Page, path: tuple, kind: Any, target: Any) -> None:
    """Complain of a fault nobody knows, or of one that strikes nothing that can be struck."""
    if kind in CONTRACT_BREAKING:
        page.complain(path, f": {kind} breaks AWS's contract and is not offered", "a finding on it would say nothing about AWS")
    elif kind not in fault_kinds():
        near = difflib.get_close_matches(str(kind), fault_kinds(), 1)
        page.complain(path, f": there is no fault {kind!r}", f"did you mean {near[0]}?" if near else "`kumoniwa drill faults` lists them")
    if not isinstance(target, dict):
        page.complain((*path[:-1], "target"), f"must be a mapping such as {{region: us-east-1}}, not {target!r}")
        return
    for name in ("region", "from", "to"):
        held = target.get(name)
        for region in held if isinstance(held, list) else [held]:
            if region is not None and region != "*" and not is_region(str(region)) and region not in ("aws-global", "aws-edge"):
                page.complain((*path[:-1], "target", name), f": AWS has no region {region!r}")
    if isinstance(kind, str) and kind.startswith("region.") and "region" not in target:
        page.complain((*path[:-1], "target"), f"names no region, and {kind} strikes one", "write target: {region: us-east-1}")
