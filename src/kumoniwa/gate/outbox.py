"""What a service promised to deliver: rows that wait for their turn, are tried again as long as the service says, and survive a kill.

A delivery that was under way when its region was killed is made again: at least once, as on AWS. Its token is the same each time, so
that ``call.ask(…, once=delivery.token)`` reaches a service of this cloud exactly once.

The row of a delivery is for the next life. In this one a delivery that may leave at once goes from hand to hand, and rows are read
only for what had to wait: for its time, for its lane, for room, or for the region to come back.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.store.rows import Table

IDLE_S = 3600.0
AFTER_DEFECT_S = 60.0
FORGOTTEN_AFTER_S = 0.02
"""How long the rows of what is done may stay, so that one commit forgets many. Who is killed meanwhile repeats them, by their tokens."""


class Delivery(NamedTuple):
    id: int
    token: str
    lane: str
    """Deliveries of one lane leave in their order, each after the one before it is done. Those without a lane do not wait."""
    body: bytes
    born: float
    attempts: int
    """How often it was tried before, in vain."""


class Postponed(float):
    """After so many seconds the delivery has its turn. It was not tried yet."""


Deliver = Callable[[Call, Delivery], Awaitable[float | None]]
"""Tries once. Answers None when the delivery is done, be it delivered, buried or dropped; else after how many seconds to try again."""


class Desk:
    """What one account's outbox has in hand in this life of the region."""

    def __init__(self) -> None:
        self.busy: set[int] = set()
        """Being tried, or done and not yet forgotten."""
        self.done: list[int] = []
        self.is_behind = True
        """Rows may be due that are not in hand."""
        self.due: float | None = None
        """When the next row is due that has to wait for its time."""


class Outbox:
    """The deliveries of one service, which has ``run`` in its background work. A service that delivers things of several kinds has
    an outbox for each."""

    def __init__(self, service: str, deliver: Deliver, *, kind: str = "delivery", at_once: int = 64) -> None:
        self.service, self.deliver, self.at_once = service, deliver, at_once
        name = f"{service}_{kind}".replace("-", "_")
        self.name = name
        self.table = Table(
            name,
            f"""create table if not exists {name} (id integer primary key autoincrement, token text, lane text, body blob, born real,
                  due real, attempts integer);
                create index if not exists {name}_due on {name} (due);
                create index if not exists {name}_lane on {name} (lane, id) where lane != ''""",
        )
        self.waiting = (service, "outbox", kind)
        self.desk_kind = type(f"Desk of {name}", (Desk,), {})

    def put(self, call: Call, body: bytes, *, lane: str = "", after_s: float = 0.0) -> None:
        """Promise a delivery. It is kept with what else the call writes, or not at all."""
        now = call.now()
        # Tokens of one time stand together where their answers are kept (see ``once``), and touch few pages there.
        token = f"{milliseconds(now):011x}-{call.new_id()}"
        ((id_,),) = call.rows(self.table).take(
            f"insert into {self.name} (token, lane, body, born, due, attempts) values (?,?,?,?,?,0) returning id",
            token, lane, body, now, now + after_s,
        )  # fmt: skip
        if lane or after_s > 0:
            call.after_commit(lambda: self._has_to_wait(call))
        else:
            call.after_commit(lambda: self._may_leave(call, Delivery(id_, token, lane, body, now, 0)))

    def _may_leave(self, call: Call, delivery: Delivery) -> None:
        desk = call.memory(self.desk_kind)
        if desk.is_behind or self._room(desk) <= 0:
            self._has_to_wait(call)
        else:
            self._begin(self._ours(call.home, call.account), desk, delivery)

    def _has_to_wait(self, call: Call) -> None:
        call.memory(self.desk_kind).is_behind = True
        call.home.wake(self.waiting)

    def _ours(self, home: Any, account: str) -> Call:
        return home.call(self.service, account, principals.service(f"{self.service}.amazonaws.com", account))

    def _room(self, desk: Desk) -> int:
        return self.at_once - (len(desk.busy) - len(desk.done))

    def _begin(self, call: Call, desk: Desk, delivery: Delivery) -> None:
        desk.busy.add(delivery.id)
        call.home.spawn(self._try(call, desk, delivery))

    def done(self, call: Call, delivery: Delivery) -> None:
        """Forget a delivery in the very commit of what it does here, so that it is not made again after a kill."""
        call.rows(self.table).run(f"delete from {self.name} where id = ?", delivery.id)

    def count(self, call: Call) -> int:
        """How many deliveries of the account are not done."""
        return call.rows(self.table).one(f"select count(*) from {self.name}")[0] - len(call.memory(self.desk_kind).done)

    async def run(self, region: Any) -> None:
        """Deliver what is due, until the region ends."""
        while True:
            until = region.clock.now() + IDLE_S
            for account in region.store.accounts():
                if account.isdigit():
                    until = min(until, self._catch_up(self._ours(region, account)) or until)
            await region.wait(self.waiting, until)

    def _catch_up(self, call: Call) -> float | None:
        """Begin as many of the deliveries that wait as there is room for; answers when the next is due."""
        desk = call.memory(self.desk_kind)
        room = self._room(desk)
        if room > 0 and (desk.is_behind or (desk.due is not None and desk.due <= call.now())):
            due = self._due(call, desk, room)
            desk.is_behind = len(due) == room
            for delivery in due:
                self._begin(call, desk, delivery)
            desk.due = call.rows(self.table).one(f"select min(due) from {self.name} where due > ?", call.now())[0]
        return desk.due

    def _due(self, call: Call, desk: Desk, room: int) -> list[Delivery]:
        """The longest due that are not in hand."""
        rows = call.rows(self.table).all(
            f"select id, token, lane, body, born, attempts from {self.name} as each where due <= ? and (lane = '' or not exists "
            f"(select 1 from {self.name} as earlier where earlier.lane != '' and earlier.lane = each.lane and earlier.id < each.id)) "
            "order by due, id limit ?",
            call.now(), room + len(desk.busy),
        )  # fmt: skip
        return [Delivery(*row) for row in rows if row[0] not in desk.busy][:room]

    async def _try(self, call: Call, desk: Desk, delivery: Delivery) -> None:
        """One delivery on its own, so that one defect does not stop the others."""
        try:
            again_in_s = await self.deliver(call, delivery)
        except Exception:
            traceback.print_exc()
            again_in_s = AFTER_DEFECT_S
        if again_in_s is not None:
            desk.busy.discard(delivery.id)
            tried = 0 if isinstance(again_in_s, Postponed) else 1
            call.rows(self.table).run(
                f"update {self.name} set due = ?, attempts = attempts + ? where id = ?", call.now() + again_in_s, tried, delivery.id
            )
            desk.is_behind = True
        else:
            desk.done.append(delivery.id)
            if delivery.lane:
                self._forget(call, desk)
                desk.is_behind = True
            elif len(desk.done) == 1:
                asyncio.get_running_loop().call_later(FORGOTTEN_AFTER_S, self._forget, call, desk)
        if desk.is_behind:
            call.home.wake(self.waiting)

    def _forget(self, call: Call, desk: Desk) -> None:
        done, desk.done = desk.done, []
        if done and call.memory(self.desk_kind) is desk:
            call.rows(self.table).run(f"delete from {self.name} where id in (select value from json_each(?))", orjson.dumps(done).decode())
            desk.busy.difference_update(done)
