"""What carries a table's writes to one other replica: each after a while, those of one item in their order.

AWS promises no time and usually takes a second at most. Here a change is due a lognormal while after its write, and travels
the link with whatever else is due. It leaves the log when every other replica has answered for it, so what a kill or a cut
interrupts is said again; who has it already does not mind.
"""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.dynamodb import replication, table_key, unlocking
from kumoniwa.services.dynamodb.group import DELETING
from kumoniwa.services.dynamodb.replication import AT, BODY
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
        self.read_to = replication.cursor(self.call, self.id, region)
        self.waiting: dict[int, list[tuple]] = {}
        """What was read and is not heard, by the tick at which it is due, each in the order of the log."""
        self.logged: dict[int, int] = {}
        """In which row of the log the first change of a tick lies."""
        self.count = self.untrimmed = self.trimmed = 0
        self.due_last: dict[bytes, int] = {}
        """When the last change of an item is due that waits here: a later one does not overtake it."""

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
        written, self.read_to = replication.written_after(self.call, self.id, self.read_to, room)
        if not written:
            return
        slow, reorder = self._hit("replication.slow"), self._hit("replication.reorder")
        lag_s = float(slow.params["lag"]) if slow is not None else 0.0
        window_s = float(reorder.params["window"]) if reorder is not None else 0.0
        random, now = self.home.ids.random, self.home.clock.now()
        waiting, due_last = self.waiting, self.due_last
        for seq, changes in written:
            self.count += len(changes)
            for change in changes:
                # A write over one that came from a region whose clock is ahead is stamped ahead of its time.
                at = change[AT] / 1_000_000
                due_s = (at if at < now else now) + delay(random) + lag_s
                if window_s:
                    due_s += random.uniform(0.0, window_s)
                item, tick = change[0] + change[1], int(due_s / TICK_S)
                if (last := due_last.get(item, 0)) > tick:
                    tick = last
                due_last[item] = tick
                if tick in waiting:
                    waiting[tick].append(change)
                else:
                    waiting[tick], self.logged[tick] = [change], seq
        if len(due_last) > 2 * self.count + 1_000:
            past = int(now / TICK_S)
            self.due_last = {item: tick for item, tick in due_last.items() if tick >= past}

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
            size += sum([len(change[BODY] or b"") + 64 for change in self.waiting[tick]])
            due.append(tick)
        return due

    async def _carry(self, table: Table, due: list[int]) -> bool:
        """Say what is due, and answer whether it was heard."""
        changes = [change for tick in due for change in self.waiting[tick]]
        if table.encryption is not None and not await unlocking.is_ready(self.call, table):
            return False
        told = changes if table.encryption is None else table_key.plain_changes(self.call, table.encryption, changes)
        message = {"what": "changes", "account": self.call.account, "table": self.name, "is_news": True, "changes": told}
        try:
            reply = await self.home.exchange(self.region, "dynamodb", message)
        except AwsError:
            # The region is dead or cut off; the log keeps what it has not heard.
            return False
        if not reply["is_known"]:
            return False
        for tick in due:
            del self.waiting[tick], self.logged[tick]
        self.count -= len(changes)
        # What is due later may be older in the log: the cursor waits for it.
        unheard = min(self.logged.values(), default=self.read_to + 1)
        replication.advance(self.call, self.id, self.region, unheard - 1)
        replication.arrived(self.call, self.name, self.region, reply["at"], changes)
        self.untrimmed += len(changes)
        if self.untrimmed >= TRIM_CHANGES or not self.waiting:
            self.trimmed = replication.trim(self.call, table, self.trimmed)
            self.untrimmed = 0
        return True
