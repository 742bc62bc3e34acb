"""Every five minutes trails write what happened; what is older than ninety days is forgotten."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.trail import KEPT_S, TRAIL
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudtrail import delivery, everywhere, trail

EVERY_S = 300.0


async def run(region: Any) -> None:
    while True:
        await region.wait(("cloudtrail", "work"), region.clock.now() + EVERY_S)
        if region.name == GLOBAL:
            await _wake(region)
        for call in region.calls("cloudtrail", trail.SERVICE):
            if region.name != GLOBAL:
                await delivery.deliver_all(call)
            call.rows(TRAIL).run("delete from trail where at < ?", call.now() - KEPT_S)


async def _wake(region: Any) -> None:
    """The region that writes what happened here runs whether somebody uses it or not."""
    if any(each.has_global_events and each.covers(everywhere.WHERE) for each in region.gate.trail.trails):
        try:
            await region.exchange(everywhere.WHERE, "cloudtrail", {"what": "wake"})
        except AwsError:
            pass  # It is dark, and catches up when it is back.
