"""Lines of logs on their way: rows, committed with what they tell of, until they have arrived where they belong.

Lines of one source (a web ACL, a distribution) are carried together, those of one stretch of time by one. A token made of their numbers
makes it harmless to carry them again after a kill; what cannot be carried rests, and is given up after a day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.operation import load
from kumoniwa.store.rows import Table

LOOK_S = 86_400.0
REST_S = 30.0
KEPT_S = 86_400.0
AT_ONCE = 500


class Line(NamedTuple):
    number: int
    at: float
    text: bytes


class Batch(NamedTuple):
    """What is carried at once."""

    source: str
    lines: list[Line]
    once: str


class Backlog:
    """The lines of one service that wait in this region, of all its accounts. Made once, as a constant of whoever writes them."""

    def __init__(self, service: str, slot_s: float) -> None:
        self.service, self.slot_s, self.waiting = service, slot_s, (service, "backlog")
        name = f"{service.replace('-', '_')}_backlog"
        self.table = Table(
            name,
            # Numbers are never used twice, for tokens are made of them.
            f"create table if not exists {name}(number integer primary key autoincrement, source text, at real, text blob); "
            f"create index if not exists {name}_by_source on {name}(source, number)",
        )

    def _rows(self, home: Any, account: str) -> Any:
        rows = home.store.rows(account)
        if self.table.name not in rows.tables:
            rows.use(self.table)
        return rows

    def add(self, home: Any, account: str, source: str, text: bytes) -> None:
        """One more line, which leaves with the commit of what it tells of."""
        home.service_used(load(self.service))
        self._rows(home, account).run(
            f"insert into {self.table.name}(source, at, text) values(?, ?, ?)", source, home.clock.now(), text
        )
        home.wake(self.waiting)

    async def run(self, region: Any, wait_s: Callable[[Call, str], float], carry: Callable[[Call, Batch], Awaitable[None]]) -> None:
        """Carry what is due, for ever: each source's first line waits ``wait_s``, and is then carried with those behind it."""
        resting: dict[str, float] = {}
        while True:
            now, until, has_carried = region.clock.now(), region.clock.now() + LOOK_S, False
            for account in region.store.accounts():
                if account.isdigit():
                    call = region.call(self.service, account, principals.root(account, partition=region.partition))
                    rows = self._rows(region, account)
                    for source, first in rows.all(f"select source, min(at) from {self.table.name} group by source"):
                        due = max(first + wait_s(call, source), resting.get(source, 0.0))
                        if due > now:
                            until = min(until, due)
                        else:
                            await self._carried(call, rows, source, resting, carry)
                            has_carried = True
            if not has_carried:
                # Nothing was waited for since the rows were looked at, so no line has come unseen.
                await region.wait(self.waiting, until)

    async def _carried(
        self, call: Call, rows: Any, source: str, resting: dict[str, float], carry: Callable[[Call, Batch], Awaitable[None]]
    ) -> None:
        found = rows.all(f"select number, at, text from {self.table.name} where source = ? order by number limit ?", source, AT_ONCE)
        lines = [Line(*each) for each in found if each[1] // self.slot_s == found[0][1] // self.slot_s]
        once = f"{self.service} {call.region} {source} {lines[0].number}-{lines[-1].number}"
        try:
            await carry(call, Batch(source, lines, once))
        except AwsError as error:
            call.home.note("unlogged", service=self.service, source=source, code=error.code)
            rows.run(f"delete from {self.table.name} where source = ? and at < ?", source, call.now() - KEPT_S)
            resting[source] = call.now() + REST_S
        else:
            rows.run(f"delete from {self.table.name} where source = ? and number <= ?", source, lines[-1].number)
