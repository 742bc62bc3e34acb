"""What keeps findings up to date: analyzers look again where a call changed something, and at everything once a day.

What is due is not written down: after a restart every analyzer looks at everything, and what it finds does not depend on what it missed.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer import external, generation, keeping, unused
from kumoniwa.services.accessanalyzer.analyzer import EXTERNAL, SERVICE, UNUSED, WORK, Analyzer

DAY_S = 86_400.0
AGAIN_S = 5.0
"""How soon is looked again at what could not be read."""
TOGETHER_S = 0.2
"""Changes that come soon after one another are looked at together."""


class Due:
    """What changed since it was looked at, by account and analyzer."""

    def __init__(self, region: Any) -> None:
        self.region = region
        self.changed: dict[str, set[str]] = {}
        self.looked: dict[str, float] = {}
        """When an analyzer, as it is configured, looked at everything in this life of the region."""

    def heard(self, fact: tuple[str, str, str, Any]) -> None:
        kind, _, account, service = fact
        if kind == "faults":
            self.region.wake(WORK)  # The clock may have been moved.
        elif kind == CHANGED and (service in external.READERS or service == "organizations") and account.isdigit():
            self.changed.setdefault(account, set()).add(service)
            self.region.wake(WORK)


async def run(region: Any) -> None:
    due = Due(region)
    region.listen(due.heard)
    try:
        while True:
            until = await _look(region, due)
            await region.wait(WORK, until)
            if due.changed:
                await region.wait((*WORK, "together"), region.clock.now() + TOGETHER_S)
    finally:
        region.unlisten(due.heard)


async def _look(region: Any, due: Due) -> float:
    """Look at whatever is due; answers when something is due next."""
    until = region.clock.now() + DAY_S
    changes, due.changed = due.changed, {}
    if any("organizations" in services for services in changes.values()):
        due.looked.clear()
    for call in region.calls("accessanalyzer", SERVICE):
        await generation.make_due(call)
        for analyzer in list(call.shelf(Analyzer).values()):
            accounts = analyzers.watched(call, analyzer)
            now, itself = call.now(), repr((analyzer.arn, analyzer.created, analyzer.configuration, accounts))
            is_whole = due.looked.get(itself, 0.0) + DAY_S <= now
            changed = {service for each in accounts for service in changes.get(each, ())} - {"organizations"}
            services = external.all_services() if is_whole else changed
            if not services or (analyzer.type in UNUSED and not is_whole):
                continue
            if analyzer.last_analyzed > now:
                # The clock was put back, or is about to be put forward again: what has rested cannot be told from what is new.
                until = min(until, now + AGAIN_S)
                continue
            try:
                await _scan(call, analyzer, services)
            except AwsError:
                # Its role is not known here yet or any more, or another region is dark.
                due.changed.setdefault(call.account, set()).update(services)
                until = min(until, call.now() + AGAIN_S)
            else:
                if is_whole:
                    due.looked[itself] = now
    return until


async def _scan(call: Call, analyzer: Analyzer, services: set[str]) -> None:
    if analyzer.type in EXTERNAL:
        await external.scan(call, analyzer, services)
    else:
        await unused.scan(call, analyzer)
    held = call.shelf(Analyzer).get(analyzer.name)
    if held is not None:
        call.atomically(lambda: keeping.purge(call, analyzers.found(call, held.name)))
