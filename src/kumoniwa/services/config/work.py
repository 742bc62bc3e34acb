"""Items are taken, rules evaluated, files written, remediations brought to an end."""

from __future__ import annotations

import asyncio
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
    item,
    recorder,
    remediation,
)
from kumoniwa.services.config.recorder import SERVICE, WORKING

GATHERED_S = 0.5
"""For so long what is called gathers before it is looked at: one look is enough for calls that come together."""
FORGOTTEN_EVERY_S = 86_400.0


class Ear:
    """Hears of calls that changed something, and lets the work know."""

    def __init__(self, region: Any) -> None:
        self.region = region
        self.accounts: set[str] = set()

    def heard(self, fact: tuple[str, str, str, Any]) -> None:
        kind, _, account, service = fact
        if kind == CHANGED and (self.region.name != GLOBAL or service == "iam"):
            self.accounts.add(account)
            self.region.wake(WORKING)


async def run(region: Any) -> None:
    ear = Ear(region)
    region.listen(ear.heard)
    try:
        async with asyncio.TaskGroup() as group:
            for outbox in (delivery.NOTICES, delivery.FILES, evaluation.QUESTIONS):
                group.create_task(outbox.run(region))
            group.create_task(_tell(region, ear) if region.name == GLOBAL else _work(region, ear))
            group.create_task(_forget(region))
    finally:
        region.unlisten(ear.heard)


def _calls(region: Any) -> list[Call]:
    return [region.call("config", account, principals.service(SERVICE, account)) for account in region.store.accounts() if account.isdigit()]


async def _work(region: Any, ear: Ear) -> None:
    while True:
        ear.accounts.clear()
        until = region.clock.now() + FORGOTTEN_EVERY_S
        for call in _calls(region):
            until = min(until, await _turn(call))
        if not ear.accounts:
            await region.wait(WORKING, until)
        await region.wait(("config", "gathering"), region.clock.now() + GATHERED_S)


async def _turn(call: Call) -> float:
    """One account's: what is to be done now. Answers until when nothing is."""
    before = recorder.running(call)
    until = await capture.follow(call)
    now = recorder.running(call)
    if now is not None and (before is None or now.swept != before.swept):
        await everywhere.ask_to_be_told(call)
    dues = [until, await evaluation.evaluate_due(call), call.atomically(lambda: delivery.promise_due(call))]
    return min(*dues, await remediation.go_on(call))


async def _tell(region: Any, ear: Ear) -> None:
    """In ``aws-global``."""
    while True:
        accounts = set(ear.accounts)
        ear.accounts.clear()
        for account in accounts:
            await everywhere.tell(region.call("config", account, principals.service(SERVICE, account)))
        if not ear.accounts:
            await region.wait(WORKING, region.clock.now() + FORGOTTEN_EVERY_S)
        await region.wait(("config", "gathering"), region.clock.now() + GATHERED_S)


async def _forget(region: Any) -> None:
    while True:
        for call in _calls(region):
            until = call.now() - channel.kept_days(call) * FORGOTTEN_EVERY_S
            call.atomically(lambda call=call, until=until: item.forget_old(call, until))
            call.atomically(lambda call=call: evaluation.forget_tokens(call))
        await region.wait(("config", "forgetting"), region.clock.now() + FORGOTTEN_EVERY_S)
