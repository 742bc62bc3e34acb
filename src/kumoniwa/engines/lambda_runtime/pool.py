"""The environments of one function version: who is idle, who starts, who is let go.

The limit on concurrency is the caller's: it admits a request or throttles it before it asks here. Time is the
event loop's, so that idleness in tests is virtual.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kumoniwa.engines.lambda_runtime.environment import Environment, Outcome

IDLE_LIMIT_S = 600.0
"""How long an environment may wait for work. AWS promises nothing; minutes is what it does."""

LIFE_LIMIT_S = 7200.0
"""How long an environment may live at all, so that the keys it was given stay valid."""


class Pool:
    """``start`` makes one more environment, on demand or provisioned; ``end`` lets one go."""

    def __init__(
        self, start: Callable[[bool], Awaitable[Environment]], end: Callable[[Environment], None]
    ) -> None:
        self.start, self.end = start, end
        self.loop = asyncio.get_running_loop()
        # The last to finish is the first to work again: the others grow idle and can be let go.
        self.idle: list[Environment] = []
        self.busy: set[Environment] = set()
        self.starting = 0
        self.provisioned_wanted = 0
        self.born_s: dict[Environment, float] = {}
        self.is_closed = False

    @property
    def size(self) -> int:
        """Environments that exist or are being made."""
        return len(self.idle) + len(self.busy) + self.starting

    async def invoke(self, request_id: str, payload: bytes, **more) -> Outcome:
        """Answer one request with an idle environment, or with a new one. ``more`` as for ``Environment.invoke``."""
        environment = self._idle_one()
        if environment is None:
            environment = await self._start(is_provisioned=False)
        self.busy.add(environment)
        try:
            return await environment.invoke(request_id, payload, **more)
        finally:
            self.busy.discard(environment)
            self._release(environment)

    def _idle_one(self) -> Environment | None:
        # Provisioned ones first: they are paid for.
        for at in range(len(self.idle) - 1, -1, -1):
            if self.idle[at].spec.is_provisioned:
                return self.idle.pop(at)
            if not self.provisioned_wanted:
                break
        return self.idle.pop() if self.idle else None

    async def _start(self, *, is_provisioned: bool) -> Environment:
        self.starting += 1
        try:
            environment = await self.start(is_provisioned)
        finally:
            self.starting -= 1
        self.born_s[environment] = self.loop.time()
        return environment

    def _release(self, environment: Environment) -> None:
        if self.is_closed or environment.is_closed or self._is_old(environment):
            self._let_go(environment)
        else:
            self.idle.append(environment)

    def _is_old(self, environment: Environment) -> bool:
        return self.loop.time() - self.born_s[environment] > LIFE_LIMIT_S

    def _let_go(self, environment: Environment) -> None:
        self.born_s.pop(environment, None)
        self.end(environment)

    async def provision(self, count: int) -> int:
        """Keep ``count`` environments ready; answers how many became ready. Fewer than before lets the surplus go."""
        self.provisioned_wanted = count
        have = [environment for environment in self.born_s if environment.spec.is_provisioned]
        for environment in have[count:]:
            if environment in self.idle:
                self.idle.remove(environment)
                self._let_go(environment)
        made = await asyncio.gather(
            *(self._start(is_provisioned=True) for _ in range(count - len(have))), return_exceptions=True
        )
        ready = sum(1 for environment in have[:count] if environment.is_ready)
        failures = []
        for environment in made:
            if isinstance(environment, BaseException):
                failures.append(environment)
            elif environment.is_ready:
                ready += 1
                self._release(environment)
            else:
                self._let_go(environment)
        if failures:
            raise failures[0]
        return ready

    def reap(self) -> float | None:
        """Let go of who has been idle or alive too long; answers when to come again (loop time), None if never."""
        now, kept = self.loop.time(), []
        for environment in self.idle:
            is_idle = now - environment.last_used_s >= IDLE_LIMIT_S and not environment.spec.is_provisioned
            if is_idle or self._is_old(environment):
                self._let_go(environment)
            else:
                kept.append(environment)
        self.idle = kept
        return (
            min((environment.last_used_s for environment in kept), default=now) + IDLE_LIMIT_S
            if kept
            else None
        )

    def retire(self) -> None:
        """Let go of everybody there is, the busy ones when they have answered: the next request starts cold."""
        for environment in self.busy:
            self.born_s[environment] = -math.inf
        for environment in self.idle:
            self._let_go(environment)
        self.idle.clear()

    def close(self) -> None:
        """Let go of all: the idle ones now, the busy ones when they have answered. After an update of the function."""
        self.is_closed = True
        for environment in self.idle:
            self._let_go(environment)
        self.idle.clear()
