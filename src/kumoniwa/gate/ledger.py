"""What each account used of what AWS bills, hour by hour.

A use (a request, a gigabyte-second) is counted in memory and written once a second, so that it costs two look-ups; a killed region has
forgotten no more than its last second. What stands (a key, a stored gigabyte, a unit of capacity) costs as long as it stands: its level is
kept with the moment since which it holds, and used up when it changes or when somebody asks, also for the time in which the region was dark.

Services say both: ``uses_of(call, operation, params, result)`` what a call is billed for, ``standing_of(call)`` what an account keeps. What
is used at another time than a call's, such as a function's duration, they count by ``call.bill``. What it costs, ``cloud.bill`` says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.operation import Service, load
from kumoniwa.store.rows import Rows, Table

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

WRITTEN_EVERY_S = 1.0
LOOKED_EVERY_S = 3_600.0
"""So often an account's stored gigabytes are measured while they change, as AWS bills them by the hour."""
HOUR_S = 3_600
CHUNK_BYTES = 64 << 10
"""What most services that carry messages bill as one request."""
USED = Table(
    "used",
    """create table if not exists used (hour integer, usage text, resource text, quantity real, primary key (hour, usage, resource))
       without rowid""",
)
STANDING = Table(
    "standing",
    """create table if not exists standing (service text, usage text, resource text, level real, since real,
       primary key (service, usage, resource)) without rowid""",
)

Use = tuple[str, str, float]
"""What was used, as ``aws.prices`` calls it (``sqs:standard_requests``); of what, by name or ARN; how much. Of what stands: the level."""


class Ledger:
    def __init__(self, home: Any) -> None:
        self.home = home
        self._counted: dict[tuple[str, str, str], float] = {}
        self._changed: dict[tuple[str, str], bool] = {}
        """Of which accounts a service's standing is to be looked at, and whether now or once an hour."""
        self._looked: dict[tuple[str, str], float] = {}
        self._waiting: set[tuple[str, str]] = set()
        """Which changed so soon after they were looked at that they are looked at later."""
        self._is_due = False

    def use(self, account: str, usage: str, resource: str, quantity: float = 1.0) -> None:
        key = (account, usage, resource)
        self._counted[key] = self._counted.get(key, 0.0) + quantity
        if not self._is_due:
            self._expect()

    def charge(self, call: Call, service: Service, name: str, params: dict[str, Any], result: dict | None) -> None:
        """What a call that was answered is billed for."""
        payer = call.principal.account if service.caller_pays else ""
        for usage, resource, quantity in service.uses_of(call, name, params, result or {}):
            self.use(payer or call.account, usage, resource, quantity)

    def touch(self, account: str, service: str, *, is_managed: bool = True) -> None:
        """What an account keeps in a service may have changed: by somebody who manages it, or by its use alone."""
        key = (account, service)
        if is_managed or key not in self._changed:
            self._changed[key] = is_managed
            if not self._is_due:
                self._expect()

    def _expect(self) -> None:
        self._is_due = True
        self.home.spawn(self._write_soon())

    async def _write_soon(self) -> None:
        try:
            await asyncio.sleep(WRITTEN_EVERY_S)
        finally:
            self._is_due = False
        self.write()

    def write(self) -> None:
        """Write down what was counted, and look at what stands where it changed."""
        now = self._write_uses()
        changed, self._changed = self._changed, {}
        for (account, service), is_managed in changed.items():
            looked = self._looked.get((account, service))
            # The clock may have been moved.
            if is_managed or looked is None or not 0.0 <= now - looked < LOOKED_EVERY_S:
                self._looked[account, service] = now
                self._look(account, load(service), now)
            elif (account, service) not in self._waiting:
                self._waiting.add((account, service))
                self.home.spawn(self._look_later(account, service, looked + LOOKED_EVERY_S - now))

    def _write_uses(self) -> float:
        now = self.home.clock.now()
        counted, self._counted = self._counted, {}
        for (account, usage, resource), quantity in counted.items():
            self._add(account, int(now // HOUR_S), usage, resource, quantity)
        return now

    def end(self) -> None:
        """Write down what was counted, and what is to be looked at in another life: to look may take longer than this one lasts."""
        now = self._write_uses()
        for account, service in {*self._changed, *self._waiting}:
            self._rows(account).run("insert or ignore into standing values (?,?,?,?,?)", service, "", "", 0.0, now)

    async def _look_later(self, account: str, service: str, after_s: float) -> None:
        """Changed within the hour, it is looked at when the hour is over, whether or not it is used again."""
        await asyncio.sleep(after_s)
        self._waiting.discard((account, service))
        self.touch(account, service)

    def told(self) -> dict[str, list[list[Any]]]:
        """All that was ``used`` here until now: account, hour since 1970, usage, resource, quantity, of what stood in hours of one; and what
        is ``standing`` now: account, usage, resource, level."""
        self.write()
        now, used, standing = self.home.clock.now(), [], []
        for account in filter(str.isdigit, self.home.store.accounts()):
            rows = self._rows(account)
            for (service,) in rows.all("select distinct service from standing"):
                self._look(account, load(service), now)
            used += [[account, *row] for row in rows.all("select hour, usage, resource, quantity from used")]
            standing += [[account, *row] for row in rows.all("select usage, resource, level from standing where level > 0")]
        return {"used": used, "standing": standing}

    # What stands ----------------------------------------------------------------------------------

    def _look(self, account: str, service: Service, now: float) -> None:
        """Use up what stood until now, and keep what stands from now on."""
        rows = self._rows(account)
        call = self.home.call(service.name, account, principals.root(account, partition=self.home.partition))
        levels = {(usage, resource): level for usage, resource, level in service.standing_of(call) if level}
        for usage, resource, level, since in rows.all("select usage, resource, level, since from standing where service = ?", service.name):
            self._use_up(account, usage, resource, level, since, now)
            if (usage, resource) not in levels:
                rows.run("delete from standing where service = ? and usage = ? and resource = ?", service.name, usage, resource)
        for (usage, resource), level in levels.items():
            rows.run("insert or replace into standing values (?,?,?,?,?)", service.name, usage, resource, level, now)

    def _use_up(self, account: str, usage: str, resource: str, level: float, since: float, now: float) -> None:
        while level and since < now:
            hour = int(since // HOUR_S)
            until = min(now, (hour + 1) * HOUR_S)
            self._add(account, hour, usage, resource, level * (until - since) / HOUR_S)
            since = until

    # Rows -----------------------------------------------------------------------------------------

    def _rows(self, account: str) -> Rows:
        rows = self.home.store.rows(account)
        for table in (USED, STANDING):
            if table.name not in rows.tables:
                rows.use(table)
        return rows

    def _add(self, account: str, hour: int, usage: str, resource: str, quantity: float) -> None:
        self._rows(account).run(
            "insert into used values (?,?,?,?) on conflict do update set quantity = quantity + excluded.quantity", hour, usage, resource, quantity
        )


def chunks(size_bytes: int, chunk_bytes: int = CHUNK_BYTES) -> int:
    """As how many requests AWS bills a payload of this size: at least one."""
    return max(1, -(-size_bytes // chunk_bytes))
