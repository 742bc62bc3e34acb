"""Every five minutes trails write what happened; what is older than ninety days is forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import Member
from kumoniwa.gate.trail import KEPT_S, TRAIL
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudtrail import delivery, everywhere, trail

EVERY_S = 300.0


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(region))
        if region.name == GLOBAL:
            group.create_task(everywhere.hurry(region))


async def _write(region: Any) -> None:
    while True:
        await region.wait(("cloudtrail", "work"), region.clock.now() + EVERY_S)
        if region.name == GLOBAL:
            await _wake(region)
        for call in _calls(region):
            if region.name != GLOBAL:
                await delivery.deliver_all(call)
            call.rows(TRAIL).run("delete from trail where at < ?", call.now() - KEPT_S)


def _calls(region: Any) -> list[Call]:
    """For each account that has events here. What happened in ``aws-global`` to members of an organization is fetched whether or not they
    were ever here."""
    found = region.calls("cloudtrail", trail.SERVICE)
    if region.name == everywhere.WHERE:
        organizations = {each.organization for each in region.gate.trail.trails if each.organization}
        members = region.store.shelf(SHARED, Member).values()
        absent = {each.account for each in members if each.organization in organizations} - {call.account for call in found}
        found += [region.call("cloudtrail", account, principals.service(trail.SERVICE, account)) for account in sorted(absent)]
    return found


async def _wake(region: Any) -> None:
    """The region that writes what happened here runs whether somebody uses it or not."""
    if any(each.has_global_events and each.covers(everywhere.WHERE) for each in region.gate.trail.trails):
        try:
            await region.exchange(everywhere.WHERE, "cloudtrail", {"what": "wake"})
        except AwsError:
            pass  # It is dark, and catches up when it is back.
