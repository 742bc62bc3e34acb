"""Turns: things that go on by themselves, each when it is due, one turn at a time.

A turn moves one thing as far as it gets without waiting. When its next turn is due is a row, so that a region which was killed goes on
where it was; while nothing is due nothing runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

IDLE_S = 3_600.0


class Turns:
    """The turns of a service's things, which it knows by their ids. ``table`` names the rows."""

    def __init__(self, service: str, principal: str, table: str) -> None:
        self.service, self.principal, self.name = service, principal, table
        self.table = Table(
            table,
            f"""create table if not exists {table} (id text primary key, at real);
            create index if not exists {table}_at on {table} (at)""",
        )
        self.key = (service, table)

    def put(self, call: Call, id_: str, at: float) -> None:
        """An earlier turn stays as it is."""
        call.rows(self.table).run(f"insert into {self.name} values (?, ?) on conflict do update set at = min(at, excluded.at)", id_, at)
        call.after_commit(lambda: call.home.wake(self.key))

    def drop(self, call: Call, id_: str) -> None:
        call.rows(self.table).run(f"delete from {self.name} where id = ?", id_)

    async def run(self, region: Any, unfinished: Callable[[Call], Iterable[str]], move: Callable[[Call, str], Awaitable[None]]) -> None:
        """Give each thing its turn when it is due; after a restart everything that is not finished is due."""
        busy: set[str] = set()
        for call in region.calls(self.service, self.principal):
            for id_ in unfinished(call):
                self.put(call, id_, 0.0)
        while True:
            until = region.clock.now() + IDLE_S
            for call in region.calls(self.service, self.principal):
                rows, now = call.rows(self.table), call.now()
                for (id_,) in rows.all(f"select id from {self.name} where at <= ? order by at", now):
                    if id_ not in busy:
                        busy.add(id_)
                        region.spawn(self._turn(call, id_, busy, move))
                next_due = rows.one(f"select min(at) from {self.name} where at > ?", now)[0]
                until = min(until, next_due or until)
            await region.wait(self.key, until)

    async def _turn(self, call: Call, id_: str, busy: set[str], move: Callable[[Call, str], Awaitable[None]]) -> None:
        try:
            self.drop(call, id_)
            await move(call, id_)
        finally:
            busy.discard(id_)
            call.home.wake(self.key)
