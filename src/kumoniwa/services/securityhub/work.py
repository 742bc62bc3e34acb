"""What Security Hub does by itself: rules of Config come and go with standards, what they say becomes findings, and old findings go.

What is to be looked at is not written down: in a new life of a region everything is.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.securityhub import checking, finding, hub, product
from kumoniwa.services.securityhub.checking import Check, Seen
from kumoniwa.services.securityhub.hub import SERVICE, WORK, Woken

DAY_S = 86_400.0
REFRESHED_S = 18 * 3_600.0
AGAIN_S = 60.0
"""How soon is looked again at what did not answer."""
TOGETHER_S = 0.2
"""Verdicts that come soon after one another are looked at together."""
AT_ONCE = 1_000
_ONE = "one"
_EVALUATED, _THREAT = "Config Rules Re-evaluation Status", "GuardDuty Finding"


class Refreshed(Record):
    """When the findings of controls were told again last; shelved by ``one``."""

    at: float


class Ear:
    """Hears what Config says, and which accounts changed something of Config's."""

    def __init__(self, region: Any) -> None:
        self.region = region
        self.rules: dict[str, set[str]] = {}
        """The rules that are to be asked for all that they say, by account."""
        self.news: dict[str, dict[str, dict[tuple[str, str], Seen | None]]] = {}
        """The verdicts that rules have told, by account, rule and resource; None where there is none any more."""
        self.woken: dict[str, int] = {}
        """How often the work of each account had been woken when it was done last."""
        self.times = 0

    def heard(self, fact: tuple[str, str, str, Any]) -> None:
        kind, what, account, detail = fact
        if kind == "config" and what in (product.CHANGE, product.DROPPED):
            product.heard(self.region, fact)
            if not detail["configRuleName"].startswith(checking.PREFIX):
                return
            news = self.news.setdefault(account, {}).setdefault(detail["configRuleName"], {})
            news[detail["resourceType"], detail["resourceId"]] = checking.said(detail) if what == product.CHANGE else None
        elif kind == "guardduty" and what == _THREAT:
            product.heard_threat(self.region, account, detail)
            return
        elif kind == "config" and what == _EVALUATED:
            self.rules.setdefault(account, set()).update(detail["configRuleNames"])
        elif kind == CHANGED and detail == "config":
            self.rules.setdefault(account, set()).add("")  # What is judged without a rule is about the recorder.
        elif kind != "faults":
            return
        self.times += 1
        self.region.wake(WORK)


def _calls(region: Any) -> list[Call]:
    return region.calls("securityhub", SERVICE)


def _times(region: Any, ear: Ear) -> int:
    return ear.times + sum(call.memory(Woken).times for call in _calls(region))


async def run(region: Any) -> None:
    ear = Ear(region)
    region.listen(ear.heard)
    try:
        while True:
            before, until = _times(region, ear), region.clock.now() + DAY_S
            for call in _calls(region):
                until = min(until, await _turn(call, ear))
            if _times(region, ear) == before:
                await region.wait(WORK, until)
            await region.wait((*WORK, "together"), region.clock.now() + TOGETHER_S)
    finally:
        region.unlisten(ear.heard)


async def _turn(call: Call, ear: Ear) -> float:
    """Do whatever is to be done now for an account; answers when something is next."""
    said, news = ear.rules.pop(call.account, set()), ear.news.pop(call.account, {})
    until, woken = call.now() + DAY_S, call.memory(Woken).times
    if hub.held(call) is None and not call.shelf(Refreshed):
        return until  # There never was a hub.
    while call.atomically(partial(finding.forget_old, call, AT_ONCE)):
        await asyncio.sleep(0)
    if await checking.reconcile(call):
        until = call.now() + AGAIN_S
    is_new, ear.woken[call.account] = ear.woken.get(call.account) != woken, woken
    for check in list(call.shelf(Check).values()):
        is_whole = is_new or check.rule in said
        if not is_whole and check.rule in news:
            is_whole = not await checking.hear(call, check, news[check.rule])
        if is_whole and not await checking.look(call, check):
            ear.rules.setdefault(call.account, set()).add(check.rule)
            until = min(until, call.now() + AGAIN_S)
    return min(until, call.atomically(partial(_refresh, call)))


def _refresh(call: Call) -> float:
    held = call.shelf(Refreshed).get(_ONE)
    if held is None or held.at + REFRESHED_S <= call.now():
        if held is not None:
            checking.refresh(call)
        call.shelf(Refreshed)[_ONE] = held = Refreshed(at=call.now())
    return held.at + REFRESHED_S
