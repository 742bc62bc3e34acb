"""The environments of one function version: who is idle, who starts, who is let go.

The limit on concurrency is the caller's: it admits a request or throttles it before it asks here. Time is the
event loop's, so that idleness in tests is virtual.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kumoniwa.engines.lambda_runtime.environment import Environment, Outcome

IDLE_LIMIT_S = 600.0
"""How long an environment may wait for work. AWS promises nothing; minutes is what it does."""

STARTS_MAX = max(2, os.cpu_count() or 1)
"""Environments of one pool that are made at a time. On AWS each is made on a machine of its own; here more would only take the
processors from each other, and a moment's delay would grow into a storm of cold starts that nobody gets through."""

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
        self.waiting: deque[asyncio.Future[Environment]] = deque()
        """Requests that found nobody idle, first come first."""
        self.making: set[asyncio.Task] = set()
        self.starting = 0
        self.provisioned_wanted = 0
        self.born_s: dict[Environment, float] = {}
        self.is_closed = False

    @property
    def size(self) -> int:
        """Environments that exist or are being made."""
        return len(self.idle) + len(self.busy) + self.starting

    async def invoke(self, request_id: str, payload: bytes, **more) -> Outcome:
        """Answer one request with an idle environment, or with the first that is made or comes back. ``more`` as for ``Environment.invoke``."""
        environment = self._idle_one()
        if environment is None:
            environment = await self._next_one()
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

    async def _next_one(self) -> Environment:
        """One more is made for us; whichever is free first takes our request, and the other waits for the next."""
        place: asyncio.Future[Environment] = self.loop.create_future()
        self.waiting.append(place)
        self._make_more()
        try:
            return await place
        except asyncio.CancelledError:
            if place in self.waiting:
                self.waiting.remove(place)
            elif place.done() and not place.cancelled() and place.exception() is None:
                self.busy.discard(place.result())
                self._release(place.result())
            raise

    def _make_more(self) -> None:
        while len(self.waiting) > len(self.making) < STARTS_MAX:
            task = self.loop.create_task(self._start(is_provisioned=False))
            self.making.add(task)
            task.add_done_callback(self._made)

    def _made(self, task: asyncio.Task[Environment]) -> None:
        self.making.discard(task)
        if task.cancelled():
            return
        if (error := task.exception()) is None:
            self._release(task.result())
        elif (place := self._first_waiting()) is not None:
            place.set_exception(error)
        self._make_more()

    def _first_waiting(self) -> asyncio.Future[Environment] | None:
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                return place
        return None

    async def _start(self, *, is_provisioned: bool) -> Environment:
        self.starting += 1
        try:
            environment = await self.start(is_provisioned)
        finally:
            self.starting -= 1
        self.born_s[environment] = self.loop.time()
        return environment

    def _release(self, environment: Environment) -> None:
        if environment.is_closed or self._is_old(environment):
            self._let_go(environment)
            self._make_more()
        elif (place := self._first_waiting()) is not None:
            self.busy.add(environment)
            place.set_result(environment)
        elif self.is_closed:
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
