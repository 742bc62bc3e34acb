"""What carries a table's writes to one other replica: each after a while, those of one item in their order.

AWS promises no time and usually takes a second at most. Here what a turn of the loop wrote is due a lognormal while after it, and
travels the link with whatever else is due. It leaves the log when every other replica has answered for it, so what a kill or a cut
interrupts is said again; who has it already does not mind.
"""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

import msgspec

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.dynamodb import bill, replication, table_key, unlocking
from kumoniwa.services.dynamodb import log as logs
from kumoniwa.services.dynamodb.group import DELETING
from kumoniwa.services.dynamodb.log import Page
from kumoniwa.services.dynamodb.replication import Place
from kumoniwa.services.dynamodb.table import Table

MEDIAN_S = 0.3
P99_S = 1.0
_MU = math.log(MEDIAN_S)
_SIGMA = math.log(P99_S / MEDIAN_S) / 2.3263
# "typically within one second": https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
MESSAGE_BYTES = 1 << 20
READ_AHEAD = 20_000
TICK_S = 0.05
"""Changes of so long travel together."""
TRIM_CHANGES = 1_000
"""The log is trimmed by so many, or when all of it was heard."""
DUE_LAST_MIN = 5_000
RETRY_S = 1.0
IDLE_S = 10.0


def delay(random: Random) -> float:
    """How long AWS's pipeline takes before the link, in seconds."""
    return math.exp(random.gauss(_MU, _SIGMA))


class Courier:
    """One table's way to one region."""

    def __init__(self, home: Any, account: str, table: Table, region: str) -> None:
        self.home, self.region, self.name, self.id = home, region, table.name, table.id
        self.call: Call = home.call("dynamodb", account, principals.service("dynamodb.amazonaws.com", account))
        self.log = logs.of(self.call, table.id)
        self.read_to = logs.cursor(self.call, self.id, region)
        self.waiting: dict[int, list[Page]] = {}
        """What was read and is not heard, by the tick at which it is due, each in the order of the log."""
        self.count = self.untrimmed = 0
        self.due_last: dict[Place, int] = {}
        """When the last change of an item is due that waits here: no page with a later one overtakes it."""
        self.due_last_max = 0
        """Of more entries those are forgotten whose time has come."""

    async def run(self) -> None:
        while (table := self._table()) is not None:
            self._read_ahead()
            if not self.waiting:
                await self.home.wait(("dynamodb", "courier", self.id), self.home.clock.now() + IDLE_S)
                continue
            if self._hit("replication.pause") is not None:
                await asyncio.sleep(RETRY_S)
                continue
            due = self._due()
            if due and not await self._carry(table, due):
                await asyncio.sleep(RETRY_S)
            elif not due or self.count < READ_AHEAD // 2:
                await asyncio.sleep(TICK_S)

    def _table(self) -> Table | None:
        """The table, as long as the region is to hear of it."""
        table = self.call.shelf(Table).get(self.name)
        if table is None or table.id != self.id or table.group is None:
            return None
        member = table.group.member(self.region)
        return table if member is not None and member.status != DELETING else None

    def _read_ahead(self) -> None:
        room = READ_AHEAD - self.count
        if room <= 0:
            return
        pages, self.read_to = self.log.after(self.read_to, room)
        if not pages:
            return
        slow, reorder = self._hit("replication.slow"), self._hit("replication.reorder")
        lag_s = float(slow.params["lag"]) if slow is not None else 0.0
        window_s = float(reorder.params["window"]) if reorder is not None else 0.0
        random, now, due_last = self.home.ids.random, self.home.clock.now(), self.due_last
        for page in pages:
            # A write over one that came from a region whose clock is ahead is stamped ahead of its time.
            due_s = min(page.at / 1_000_000, now) + delay(random) + lag_s
            if window_s:
                due_s += random.uniform(0.0, window_s)
            tick, places = int(due_s / TICK_S), replication.places_in(page.body)
            if waiting := due_last.keys() & places:
                tick = max(tick, *map(due_last.__getitem__, waiting))
            due_last.update(dict.fromkeys(places, tick))
            self.waiting.setdefault(tick, []).append(page)
            self.count += page.changes
        if len(due_last) > self.due_last_max:
            past = int(now / TICK_S)
            self.due_last = {place: tick for place, tick in due_last.items() if tick >= past}
            self.due_last_max = 2 * len(self.due_last) + DUE_LAST_MIN

    def _hit(self, kind: str) -> Any:
        if not self.home.faults:
            return None
        return self.home.faults.hit(kind, table=self.name, region=self.home.name, to=self.region)

    def _due(self) -> list[int]:
        """The ticks whose time has come, as many as fit a message."""
        now, size, due = int(self.home.clock.now() / TICK_S), 0, []
        for tick in sorted(self.waiting):
            if tick > now or size > MESSAGE_BYTES:
                break
            size += sum([len(page.body) for page in self.waiting[tick]])
            due.append(tick)
        return due

    async def _carry(self, table: Table, due: list[int]) -> bool:
        """Say what is due, and answer whether it was heard."""
        pages = [page for tick in due for page in self.waiting[tick]]
        if table.encryption is not None and not await unlocking.is_ready(self.call, table):
            return False
        if table.encryption is None:
            told: list[Any] = [msgspec.Raw(page.body) for page in pages]
        else:
            told = [table_key.plain_changes(self.call, table.encryption, replication.changes_in(page.body)) for page in pages]
        message = {"what": "changes", "account": self.call.account, "table": self.name, "is_news": True, "pages": told}
        try:
            reply = await self.home.exchange(self.region, "dynamodb", message)
        except AwsError:
            # The region is dead or cut off; the log keeps what it has not heard.
            return False
        if not reply["is_known"]:
            return False
        bill.carried(self.call, self.name, sum([len(page.body) for page in pages]))
        for tick in due:
            del self.waiting[tick]
        changes = sum([page.changes for page in pages])
        self.count -= changes
        # What is due later may be older in the log: the cursor waits for it.
        unheard = min([waiting[0].number for waiting in self.waiting.values()], default=self.read_to + 1)
        logs.advance(self.call, self.id, self.region, unheard - 1)
        replication.arrived(self.call, self.name, self.region, reply["at"], pages)
        self.untrimmed += changes
        if self.untrimmed >= TRIM_CHANGES or not self.waiting:
            self.log.trim(replication.heard(self.call, table))
            self.untrimmed = 0
        return True
