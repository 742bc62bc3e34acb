"""The load of one run: each request starts when it is due, whatever became of those before it.

Requests are laid down by ``schedule``; here they meet the clock. What came of each goes into the history when it is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from kumoniwa.drill.format.plan import Journey, Plan
from kumoniwa.drill.history import History, Op
from kumoniwa.drill.journeys import Ask, Client, Cloud, Door, QueueDoor, door
from kumoniwa.drill.resolver import Resolver
from kumoniwa.drill.schedule import Request, schedule
from kumoniwa.drill.web import NotSent, Unknown, Web


class Load:
    """Everybody who comes. ``prefix`` makes this run's keys and values unlike those of any other run."""

    def __init__(self, plan: Plan, cloud: Cloud, history: History, seed: str, prefix: str) -> None:
        self.plan, self.cloud, self.history, self.prefix = plan, cloud, history, prefix
        self.loop = asyncio.get_running_loop()
        self.doors: dict[str, Door] = {one.name: door(one, cloud) for one in plan.workload.journeys}
        self.requests = schedule(plan, seed)
        self._answers: dict[tuple[str, str], list[str]] = {}
        """What DNS last told each client of each name."""
        self.clients = [self._client(number, seed) for number in range(plan.workload.clients)]
        self.under_way: set[asyncio.Task] = set()
        self.zero = 0.0
        """The moment at which the warm-up is over."""
        self.on_op: Callable[[Op], None] = lambda _: None
        self.lateness_s: list[float] = []
        """How late this process itself started each request: the noise of our own clock."""
        self._received = 0

    def _client(self, number: int, seed: str) -> Client:
        name = f"c{number}"

        def answered(host: str, addresses: list[str], ttl_s: float) -> None:
            before = self._answers.get((name, host))
            self._answers[name, host] = sorted(addresses)
            if before != sorted(addresses):
                kind = "resolved" if before is None else "dns"
                self.history.note(kind, self.loop.time(), client=name, name=host, addresses=addresses, ttl=ttl_s)

        dice = Random(f"{seed}/{name}/address")
        return Client(name, Web(), Resolver((self.cloud.host, self.cloud.dns_port), dice, answered))

    async def run(self) -> None:
        """From the first request of the warm-up until the last one is answered."""
        self.zero = self.loop.time() + self.plan.workload.warmup_s + 0.05
        receivers = [self.loop.create_task(self._receiving(one)) for one in self.plan.workload.journeys if one.kind == "receive"]
        try:
            for request in self.requests:
                if request.journey.kind == "receive":
                    continue
                due = self.zero + request.at_s
                wait_s = due - self.loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                task = self.loop.create_task(self._act(request, due))
                self.under_way.add(task)
                task.add_done_callback(self.under_way.discard)
            rest_s = self.zero + self.plan.end_s - self.loop.time()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
            if self.under_way:
                await asyncio.wait(self.under_way)
        finally:
            for task in [*receivers, *self.under_way]:
                task.cancel()
            await asyncio.gather(*receivers, *self.under_way, return_exceptions=True)

    def close(self) -> None:
        for client in self.clients:
            client.web.close()

    def key(self, one: Journey, number: int) -> str:
        """The key of a write; reads ask for the keys of the journey they read."""
        return f"{self.prefix}-{one.reads or one.name}-{number}"

    async def _act(self, request: Request, due: float) -> None:
        one, client = request.journey, self.clients[request.client]
        if one.kind == "read" and request.key < 0:
            return  # nothing has been written that could be asked for
        self.lateness_s.append(self.loop.time() - due)
        key = f"{one.group or one.name}-{client.name}" if one.kind == "send" else self.key(one, request.key)
        value = f"{self.prefix}-{one.name}-{request.number}" if one.kind in ("write", "send") else None
        op = await self.doors[one.name].act(client, Ask(f"{one.name}-{request.number}", key, value, due), self.loop.time)
        self.history.add(op)
        self.on_op(op)

    async def _receiving(self, one: Journey) -> None:
        """A consumer that takes messages as fast as its rate allows, for as long as the run goes on."""
        while True:
            await self.receive_once(one)
            await asyncio.sleep(1 / one.rate)

    async def receive_once(self, one: Journey) -> int:
        """One receive; each message of it is an event of its own, in the order of the answer."""
        queue = self.doors[one.name]
        assert isinstance(queue, QueueDoor)
        began = self.loop.time()
        try:
            messages = await queue.receive(self.clients[0], one.timeout_s)
        except (NotSent, Unknown) as error:
            self._note_receive(one, "info", "", None, began, str(error))
            return 0
        for group, body in messages:
            self._note_receive(one, "ok", group, body, began, "")
        return len(messages)

    def _note_receive(self, one: Journey, out: str, group: str, body: str | None, began: float, code: str) -> None:
        self._received += 1
        op = Op(
            id=f"{one.name}-{self._received}", client="consumer", journey=one.name, f="recv", key=group, value=body, ver=self._received,
            due=began, t0=began, t1=self.loop.time(), out=out, code=code,
        )  # fmt: skip
        self.history.add(op)
        self.on_op(op)
