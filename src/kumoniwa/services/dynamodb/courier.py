"""What carries a table's writes to one other replica: each after a while, those of one item in their order.

AWS promises no time and usually takes a second at most. Here a change is due a lognormal while after its write, and travels
the link with whatever else is due. It leaves the log when every other replica has answered for it, so what a kill or a cut
interrupts is said again; who has it already does not mind.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from random import Random
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.dynamodb import replication
from kumoniwa.services.dynamodb.group import DELETING
from kumoniwa.services.dynamodb.replication import Change
from kumoniwa.services.dynamodb.table import Table

MEDIAN_S = 0.3
P99_S = 1.0
_SIGMA = math.log(P99_S / MEDIAN_S) / 2.3263
# "typically within one second": https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
MESSAGE_BYTES = 1 << 20
READ_AHEAD = 20_000
TICK_S = 0.02
"""Changes of so long travel together."""
RETRY_S = 1.0
IDLE_S = 10.0


def delay(random: Random) -> float:
    """How long AWS's pipeline takes before the link, in seconds."""
    return random.lognormvariate(math.log(MEDIAN_S), _SIGMA)


class Courier:
    """One table's way to one region."""

    def __init__(self, home: Any, account: str, table: Table, region: str) -> None:
        self.home, self.region, self.name, self.id = home, region, table.name, table.id
        self.call: Call = home.call("dynamodb", account, principals.service("dynamodb.amazonaws.com", account))
        self.read_to = replication.cursor(self.call, self.id, region)
        self.waiting: list[tuple[float, int, Change]] = []
        """What was read and is not due, as a heap of (due, sequence, change)."""
        self.unheard: deque[int] = deque()
        """The sequences of what was read, in order, from the first that the region has not answered for."""
        self.heard: set[int] = set()
        self.due_last: dict[tuple[bytes, bytes], float] = {}
        """When the last change of an item is due that waits here: a later one does not overtake it."""

    async def run(self) -> None:
        while (table := self._table()) is not None:
            self._read_ahead()
            if not self.waiting:
                await self.home.wait(("dynamodb", "courier", self.id), self.home.clock.now() + IDLE_S)
                continue
            if self._is_paused():
                await asyncio.sleep(RETRY_S)
                continue
            batch = self._due()
            if not batch:
                await asyncio.sleep(max(TICK_S, self.waiting[0][0] - self.home.clock.now()))
                continue
            if not await self._carry(table, batch):
                for due, seq, change in batch:
                    heapq.heappush(self.waiting, (due, seq, change))
                await asyncio.sleep(RETRY_S)
            elif not self._is_behind():
                await asyncio.sleep(TICK_S)

    def _is_behind(self) -> bool:
        """Whether a full message more could leave at once."""
        return len(self.waiting) >= READ_AHEAD // 2 and self.waiting[0][0] <= self.home.clock.now()

    def _table(self) -> Table | None:
        """The table, as long as the region is to hear of it."""
        table = self.call.shelf(Table).get(self.name)
        if table is None or table.id != self.id or table.group is None:
            return None
        member = table.group.member(self.region)
        return table if member is not None and member.status != DELETING else None

    def _read_ahead(self) -> None:
        if len(self.waiting) >= READ_AHEAD:
            return
        slow = self._hit("replication.slow")
        lag_s = float(slow.params.get("lag", 0.0)) if slow is not None else 0.0
        reorder = self._hit("replication.reorder")
        window_s = float(reorder.params.get("window", 0.0)) if reorder is not None else 0.0
        random, now = self.home.ids.random, self.home.clock.now()
        for seq, change in replication.changes_after(self.call, self.id, self.read_to, READ_AHEAD - len(self.waiting)):
            # A write over one that came from a region whose clock is ahead is stamped ahead of its time.
            due = min(change.version.at / 1_000_000, now) + max(delay(random), lag_s) + random.uniform(0.0, window_s)
            place = (change.pk, change.sk)
            due = self.due_last[place] = max(due, self.due_last.get(place, 0.0))
            heapq.heappush(self.waiting, (due, seq, change))
            self.unheard.append(seq)
            self.read_to = seq

    def _hit(self, kind: str) -> Any:
        if not self.home.faults:
            return None
        return self.home.faults.hit(kind, table=self.name, region=self.home.name, to=self.region)

    def _is_paused(self) -> bool:
        return self._hit("replication.pause") is not None

    def _due(self) -> list[tuple[float, int, Change]]:
        now, size, batch = self.home.clock.now(), 0, []
        while self.waiting and self.waiting[0][0] <= now and size < MESSAGE_BYTES:
            entry = heapq.heappop(self.waiting)
            size += len(entry[2].body or b"") + 64
            batch.append(entry)
        return batch

    async def _carry(self, table: Table, batch: list[tuple[float, int, Change]]) -> bool:
        """Say a batch, and answer whether it was heard."""
        message = {
            "what": "changes", "account": self.call.account, "table": self.name, "is_news": True, "changes": [tuple(c) for _, _, c in batch],
        }  # fmt: skip
        try:
            reply = await self.home.exchange(self.region, "dynamodb", message)
        except AwsError:
            # The region is dead or cut off; the log keeps what it has not heard.
            return False
        if not reply["is_known"]:
            return False
        for due, seq, change in batch:
            self.heard.add(seq)
            if self.due_last.get((change.pk, change.sk)) == due:
                del self.due_last[change.pk, change.sk]
        while self.unheard and self.unheard[0] in self.heard:
            self.heard.remove(self.unheard.popleft())
        replication.advance(self.call, self.id, self.region, self.unheard[0] - 1 if self.unheard else self.read_to)
        replication.arrived(self.call, self.name, self.region, reply["at"], [c.version.at / 1_000_000 for _, _, c in batch])
        replication.trim(self.call, table)
        return True
