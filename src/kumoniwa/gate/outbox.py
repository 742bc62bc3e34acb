"""What a service promised to deliver: rows that wait for their turn, are tried again as long as the service says, and survive a kill.

A delivery that was under way when its region was killed is made again: at least once, as on AWS. Its token is the same each time, so
that ``call.ask(…, once=delivery.token)`` reaches a service of this cloud exactly once.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

IDLE_S = 3600.0
AFTER_DEFECT_S = 60.0


class Delivery(NamedTuple):
    id: int
    token: str
    lane: str
    """Deliveries of one lane leave in their order, each after the one before it is done. Those without a lane do not wait."""
    body: bytes
    born: float
    attempts: int
    """How often it was tried before, in vain."""


Deliver = Callable[[Call, Delivery], Awaitable[float | None]]
"""Tries once. Answers None when the delivery is done, be it delivered, buried or dropped; else after how many seconds to try again."""


class Outbox:
    """The deliveries of one service, which has ``run`` in its background work."""

    def __init__(self, service: str, deliver: Deliver, *, at_once: int = 64) -> None:
        self.service, self.deliver, self.at_once = service, deliver, at_once
        name = f"{service}_delivery"
        self.name = name
        self.table = Table(
            name,
            f"""create table if not exists {name} (id integer primary key autoincrement, token text, lane text, body blob, born real,
                  due real, attempts integer);
                create index if not exists {name}_due on {name} (due);
                create index if not exists {name}_lane on {name} (lane, id) where lane != ''""",
        )
        self.waiting = (service, "outbox")

    def put(self, call: Call, body: bytes, *, lane: str = "", after_s: float = 0.0) -> None:
        """Promise a delivery. It is kept with what else the call writes, or not at all."""
        now = call.now()
        call.rows(self.table).run(
            f"insert into {self.name} (token, lane, body, born, due, attempts) values (?,?,?,?,?,0)", call.new_id(), lane, body, now, now + after_s
        )
        call.after_commit(lambda: call.home.wake(self.waiting))

    def count(self, call: Call) -> int:
        """How many deliveries of the account are not done."""
        return call.rows(self.table).one(f"select count(*) from {self.name}")[0]

    async def run(self, region: Any) -> None:
        """Deliver what is due, until the region ends."""
        busy: set[tuple[str, int]] = set()
        while True:
            until = region.clock.now() + IDLE_S
            for account in region.store.accounts():
                if account.isdigit():
                    call = region.call(self.service, account, principals.service(f"{self.service}.amazonaws.com", account))
                    for delivery in self._due(call, busy):
                        busy.add((account, delivery.id))
                        region.spawn(self._try(call, delivery, busy))
                    until = min(until, self._next_due(call) or until)
            await region.wait(self.waiting, until)

    def _due(self, call: Call, busy: set[tuple[str, int]]) -> list[Delivery]:
        room = self.at_once - len(busy)
        if room <= 0:
            return []
        rows = call.rows(self.table).all(
            f"select id, token, lane, body, born, attempts from {self.name} as each where due <= ? and (lane = '' or not exists "
            f"(select 1 from {self.name} as earlier where earlier.lane != '' and earlier.lane = each.lane and earlier.id < each.id)) "
            "order by due, id limit ?",
            call.now(), room + len(busy),
        )  # fmt: skip
        return [Delivery(*row) for row in rows if (call.account, row[0]) not in busy][:room]

    def _next_due(self, call: Call) -> float | None:
        return call.rows(self.table).one(f"select min(due) from {self.name} where due > ?", call.now())[0]

    async def _try(self, call: Call, delivery: Delivery, busy: set[tuple[str, int]]) -> None:
        """One delivery on its own, so that one defect does not stop the others."""
        try:
            again_in_s = await self.deliver(call, delivery)
        except Exception:
            traceback.print_exc()
            again_in_s = AFTER_DEFECT_S
        finally:
            busy.discard((call.account, delivery.id))
        if again_in_s is None:
            call.rows(self.table).run(f"delete from {self.name} where id = ?", delivery.id)
        else:
            call.rows(self.table).run(
                f"update {self.name} set due = ?, attempts = attempts + 1 where id = ?", call.now() + again_in_s, delivery.id
            )
        call.home.wake(self.waiting)
