"""What is still there: every acknowledged write read again, by strong reads, where users are served and on every replica.

Reading through the replica that lost a write proves nothing. So the drill asks twice: after the failover, at the side that serves
then; and at the end, after the failed region has returned, everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.drill.aws_call import Aws, Refusal
from kumoniwa.drill.format.plan import Journey, Plan
from kumoniwa.drill.history import History, Op
from kumoniwa.drill.journeys import Ask, Client, Cloud, door, plain, strong
from kumoniwa.drill.resolver import Resolver
from kumoniwa.drill.web import NotSent, Unknown, Web

AT_ONCE = 16
BATCH = 100
"""Keys of one BatchGetItem, AWS's limit."""
TRIES = 3
READ_WITHIN_S = 5.0
GONE = "ResourceNotFoundException"


class Table:
    """A table as the drill reads it: the names of its key and value, and the regions that hold it."""

    def __init__(self, name: str, key: str, value: str, replicas: tuple[str, ...]) -> None:
        self.name, self.key, self.value, self.replicas = name, key, value, replicas


class ReadBack:
    def __init__(self, plan: Plan, cloud: Cloud, history: History, now: Any) -> None:
        self.plan, self.cloud, self.history, self.now = plan, cloud, history, now
        self.web = Web()
        self.aws = Aws(self.web, cloud.port)
        # A resolver of its own, as a user who comes now.
        self.client = Client("reader", self.web, Resolver((cloud.host, cloud.dns_port), Random(0), lambda *_: None))
        self.tables: dict[str, Table] = {}

    def table_of(self, journey: Journey) -> str:
        """The table where a journey's writes are, as the drill declares it; empty if it does not."""
        for invariant in self.plan.invariants:
            if invariant.kind == "no-lost-acked-writes" and invariant.params.get("journey", journey.name) == journey.name:
                if "table" in invariant.params:
                    return invariant.params["table"]
        parts = urlsplit(journey.entry)
        return parts.path.strip("/") if parts.scheme == "table" else ""

    async def learn(self, name: str, value: str, regions: Iterable[str]) -> Table | None:
        """Ask the regions for a table; None if none has it. Known tables are not asked for again."""
        if name in self.tables:
            return self.tables[name]
        found, key, replicas = [], "", set()
        for region in regions:
            try:
                said = (await self.aws.call(region, "dynamodb:DescribeTable", {"TableName": name}, READ_WITHIN_S))["Table"]
            except (Refusal, NotSent, Unknown):
                continue
            found.append(region)
            key = next(one["AttributeName"] for one in said["KeySchema"] if one["KeyType"] == "HASH")
            replicas |= {one["RegionName"] for one in said.get("Replicas", ())}
        if not found:
            return None
        # Tables of one name in two regions are copies of each other only if they say so.
        self.tables[name] = Table(name, key, value, tuple(sorted({*found, *replicas})) if replicas else tuple(found[:1]))
        return self.tables[name]

    async def read(self, phase: str, writes: list[Op], alive: set[str]) -> int:
        """Read every acknowledged or refused write of the journeys again; answers how many answers there were.

        ``alive`` are the regions that may be asked. ``phase`` is ``failover`` or ``final``.
        """
        count = 0
        for journey in self.plan.workload.journeys:
            own = [op for op in writes if op.journey == journey.name and op.f == "write"]
            if not own:
                continue
            table = self.table_of(journey)
            if table:
                count += await self._from_table(phase, journey, self.tables.get(table), table, own, alive)
            else:
                count += await self._from_door(phase, journey, own)
        return count

    async def _from_table(self, phase: str, journey: Journey, table: Table | None, name: str, own: list[Op], alive: set[str]) -> int:
        if table is None:
            return 0
        count = 0
        if len(table.replicas) > 1:
            asked = {region: sorted({op.key for op in own}) for region in table.replicas if region in alive}
        else:
            home = {op.key: op.served_by or op.entry_region or table.replicas[0] for op in own}
            asked = {region: sorted(key for key, at in home.items() if at == region) for region in {*home.values()} & alive}
        for region, keys in asked.items():
            found = await self.items(table, region, keys)
            for key in keys if found is not None else ():
                value = plain(found.get(key, {}).get(journey.value))
                self._note(phase, journey, region, key, value)
                count += 1
        return count

    async def items(self, table: Table, region: str, keys: list[str]) -> dict[str, dict[str, Any]] | None:
        """Items by key, by consistent reads in one region. A table that is gone holds nothing; None if the region does not answer."""
        found: dict[str, dict[str, Any]] = {}
        for at in range(0, len(keys), BATCH):
            left: Any = {table.name: {"Keys": [{table.key: {"S": key}} for key in keys[at : at + BATCH]], "ConsistentRead": True}}
            while left:
                said = await self._patiently(region, "dynamodb:BatchGetItem", {"RequestItems": left})
                if said is None:
                    return None
                for item in said.get("Responses", {}).get(table.name, ()):
                    found[item[table.key]["S"]] = item
                left = said.get("UnprocessedKeys")
        return found

    async def _patiently(self, region: str, operation: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Reading back is no load: it may try again."""
        for attempt in range(TRIES):
            try:
                return await self.aws.call(region, operation, params, READ_WITHIN_S)
            except Refusal as error:
                if error.code == GONE:
                    return {}
            except (NotSent, Unknown):
                pass
            await asyncio.sleep(0.1 * 2**attempt)
        return None

    async def _from_door(self, phase: str, journey: Journey, own: list[Op]) -> int:
        """Through the journey that reads these keys, as a user would."""
        reader = next((one for one in self.plan.workload.journeys if one.reads == journey.name), None)
        if reader is None:
            return 0
        way = door(strong(reader), self.cloud)
        gate, answers = asyncio.Semaphore(AT_ONCE), []

        async def one(key: str) -> None:
            async with gate:
                for attempt in range(TRIES):
                    op = await way.act(self.client, Ask(f"{phase}-{key}", key, None, self.now(), phase), self.now)
                    if op.is_ok:
                        break
                    await asyncio.sleep(0.1 * 2**attempt)
                answers.append(op)
                self.history.add(op)

        keys = list(dict.fromkeys(op.key for op in own))
        # Where the first keys get no answer at all nobody serves, and asking for the rest would only take time.
        await asyncio.gather(*(one(key) for key in keys[:AT_ONCE]))
        if any(op.is_ok for op in answers):
            await asyncio.gather(*(one(key) for key in keys[AT_ONCE:]))
        return sum(op.is_ok for op in answers)

    def _note(self, phase: str, journey: Journey, region: str, key: str, value: Any) -> None:
        at = self.now()
        self.history.add(
            Op(id=f"{phase}-{region}-{key}", client="reader", journey=journey.name, f="read", key=key, value=value, due=at, t0=at, t1=at,
               out="ok", entry_region=region, served_by=region, phase=phase)  # fmt: skip
        )

    async def look(self, table: Table, keys: list[str], regions: Iterable[str]) -> dict[str, dict[str, Any]] | None:
        """What each replica holds under these keys, for comparing; None if one does not answer."""
        found = {}
        for region in regions:
            items = await self.items(table, region, keys)
            if items is None:
                return None
            found[region] = {key: {n: v for n, v in item.items() if not n.startswith("aws:rep:")} for key, item in items.items()}
        return found

    def close(self) -> None:
        self.web.close()
