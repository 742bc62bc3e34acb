"""Items are taken, rules evaluated, files written, remediations brought to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.config import (
    capture,
    channel,
    delivery,
    evaluation,
    everywhere,
    feed,
    gathering,
    item,
    organization,
    remediation,
)
from kumoniwa.services.config.organization_pack import OrganizationPack
from kumoniwa.services.config.organization_rule import OrganizationRule
from kumoniwa.services.config.recorder import HEARD, SERVICE, WORKING, Woken

GATHERED_S = 0.5
"""For so long what is called gathers before it is looked at: one look is enough for calls that come together."""
FORGOTTEN_EVERY_S = 86_400.0


class Ear:
    """Hears of calls that changed something, and lets the work know."""

    def __init__(self, region: Any) -> None:
        self.region = region
        self.accounts: set[str] = set()
        self.times = 0

    def heard(self, fact: tuple[str, str, str, Any]) -> None:
        kind, _, account, service = fact
        if kind == CHANGED and (self.region.name != GLOBAL or service in ("iam", "cloudfront")):
            self.accounts.add(account)
            self.times += 1
            self.region.wake(HEARD)
            if service == "organizations":
                self.region.wake(WORKING)


async def run(region: Any) -> None:
    ear = Ear(region)
    region.listen(ear.heard)
    try:
        async with asyncio.TaskGroup() as group:
            for outbox in (delivery.NOTICES, delivery.FILES, evaluation.QUESTIONS):
                group.create_task(outbox.run(region))
            group.create_task(_forget(region))
            if region.name == GLOBAL:
                group.create_task(_tell(region, ear))
            else:
                for turn in (
                    capture.follow,
                    everywhere.follow,
                    everywhere.announce,
                    _evaluate,
                    remediation.go_on,
                    feed.tell,
                    gathering.gather,
                    _deploy,
                ):
                    group.create_task(_work(region, ear, turn))
    finally:
        region.unlisten(ear.heard)


def _calls(region: Any) -> list[Call]:
    return region.calls("config", SERVICE)


async def _work(region: Any, ear: Ear, turn: Callable[[Call], Awaitable[float]]) -> None:
    """Each turn does what is to be done now for an account, and answers until when nothing is."""
    gathered_s = 0.0 if turn in (remediation.go_on, gathering.gather, _deploy) else GATHERED_S
    while True:
        before, until = _times(region, ear), region.clock.now() + FORGOTTEN_EVERY_S
        for call in _calls(region):
            until = min(until, await turn(call))
        if _times(region, ear) == before:
            await region.wait(HEARD if turn is capture.follow else WORKING, until)
        await region.wait(("config", "gathering"), region.clock.now() + gathered_s)


def _times(region: Any, ear: Ear) -> int:
    return ear.times + sum(call.memory(Woken).times for call in _calls(region))


async def _deploy(call: Call) -> float:
    return await organization.deploy(call, (OrganizationRule, OrganizationPack))


async def _evaluate(call: Call) -> float:
    return min(await evaluation.evaluate_due(call), call.atomically(partial(delivery.promise_due, call)))


async def _tell(region: Any, ear: Ear) -> None:
    """In ``aws-global``."""
    while True:
        accounts = set(ear.accounts)
        ear.accounts.clear()
        for account in accounts:
            await everywhere.tell(region.call("config", account, principals.service(SERVICE, account)))
        if not ear.accounts:
            await region.wait(HEARD, region.clock.now() + FORGOTTEN_EVERY_S)
        await region.wait(("config", "gathering"), region.clock.now() + GATHERED_S)


async def _forget(region: Any) -> None:
    while True:
        for call in _calls(region):
            until = call.now() - channel.kept_days(call) * FORGOTTEN_EVERY_S
            call.atomically(lambda call=call, until=until: item.forget_old(call, until))
            call.atomically(lambda call=call: evaluation.forget_tokens(call))
        await region.wait(("config", "forgetting"), region.clock.now() + FORGOTTEN_EVERY_S)
