"""Load balancers to which aliases lead that evaluate the health of their target: the data plane asks for it, in the region where each lives.

One that cannot be asked is not healthy, nor is one of which a target group has no target that is well; until it has been asked for the first time
it is taken to be. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-alias.html#rrsets-values-alias-evaluate-target-health
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kumoniwa.aws import endpoints
from kumoniwa.kernel.errors import AwsError

ASKED_EVERY_S, ASKED_WITHIN_S = 10.0, 5.0
KEY = ("route53", "balancers")


class Balancers:
    """Those that somebody's answer depends on, by their names, and whether they are healthy."""

    def __init__(self, home: Any, forget: Callable[[], None]) -> None:
        self.home, self.forget = home, forget
        self.known: dict[str, bool] = {}

    def is_healthy(self, name: str) -> bool:
        if name not in self.known:
            self.known[name] = True
            self.home.wake(KEY)
        return self.known[name]

    async def ask_all(self) -> None:
        names = list(self.known)
        found = dict(zip(names, await asyncio.gather(*(self._ask(name) for name in names))))
        if any(self.known[name] != is_well for name, is_well in found.items()):
            self.known |= found
            self.forget()

    async def _ask(self, name: str) -> bool:
        host = name.rstrip(".").lower().removeprefix("dualstack.").replace(".elb.amazonaws.com", ".elb.localhost")
        try:
            return bool(await self.home.exchange(endpoints.region_of(name), "elbv2", {"healthy": host}, ASKED_WITHIN_S))
        except AwsError:
            return False
