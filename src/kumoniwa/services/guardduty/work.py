"""What GuardDuty does by itself: it judges calls as they are made, tells again what was found again, and forgets what is old.

A call of a region is judged in the commit in which it is recorded. Where no account has a detector nothing is heard: the gate tells the calls of
watched accounts alone.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.trail import CLOUDTRAIL, SEEN
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.guardduty import address_list, bucket, destination, everywhere, finding, finding_rows, hearing
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.detector import SERVICE, WORK, Detector

DAY_S = 86_400.0


def _calls(region: Any) -> list[Call]:
    return region.calls("guardduty", SERVICE)


class Ear:
    """Hears of the calls of watched accounts."""

    def __init__(self, region: Any) -> None:
        self.region = region
        self.accounts: set[str] = set()
        """Those in which something happened in ``aws-global``."""

    def heard(self, fact: tuple[str, str, str, Any]) -> None:
        service, kind, account, event = fact
        if kind != SEEN or service != CLOUDTRAIL:
            return
        if self.region.name == GLOBAL:
            self.accounts.add(account)
            self.region.wake(WORK)
        else:
            hearing.judge(self.region.call("guardduty", account, principals.service(SERVICE, account)), event)


async def run(region: Any) -> None:
    ear = Ear(region)
    region.listen(ear.heard)
    try:
        if region.name == GLOBAL:
            await _tell(region, ear)
        else:
            for call in _calls(region):
                detectors.watch(call)
            async with asyncio.TaskGroup() as group:
                group.create_task(bucket.QUESTIONS.run(region))
                group.create_task(destination.EXPORTS.run(region))
                group.create_task(address_list.ACTIVATIONS.run(region, address_list.activating, address_list.activate))
                group.create_task(_work(region))
    finally:
        region.unlisten(ear.heard)


async def _tell(region: Any, ear: Ear) -> None:
    """In ``aws-global``."""
    for call in _calls(region):
        everywhere.watch(call)
    while True:
        if not ear.accounts:
            await region.wait(WORK, region.clock.now() + DAY_S)
        accounts, ear.accounts = ear.accounts, set()
        if accounts:
            await everywhere.tell(region, accounts)


async def _work(region: Any) -> None:
    # Whoever hears of findings in this life of the region has begun to before any is told.
    await asyncio.sleep(0)
    while True:
        until = region.clock.now() + DAY_S
        for call in _calls(region):
            if call.shelf(Detector) or call.shelf(everywhere.Pulled):
                until = min(until, await _turn(call))
        await region.wait(WORK, until)


async def _turn(call: Call) -> float:
    """Do whatever is due for an account; answers when something is next."""
    if await everywhere.pull(call, hearing.judge):
        return call.now()
    detector = detectors.held(call)
    if detector is None:
        return call.now() + DAY_S
    return min(call.atomically(partial(_publish, call)), call.now() + (everywhere.AGAIN_S if detector.is_enabled else DAY_S))


def _publish(call: Call) -> float:
    """Tell what was found again, if it is time, and forget what is old. A suspended detector tells nothing."""
    detector = detectors.held(call)
    if detector is None:
        return call.now() + DAY_S
    if detector.next_publication <= call.now():
        if detector.is_enabled:
            finding.publish(call, detector)
        finding_rows.forget(call, call.now() - finding.KEPT_S)
        detector = call.shelf(Detector)[detector.id] = changed(detector, published=call.now())
    return detector.next_publication
