"""Tables looked at as a whole: effects that must be there once, counters that must add up, data that must not leave its place."""

from __future__ import annotations

from typing import Any

from kumoniwa.drill.aws_call import Aws, Refusal
from kumoniwa.drill.format.plan import Plan
from kumoniwa.drill.history import History
from kumoniwa.drill.journeys import plain
from kumoniwa.drill.web import NotSent, Unknown

PLACES = {
    "EU": frozenset(["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE"]),
}
"""Words for many country codes (ISO 3166-1): the 27 members of the European Union."""
TOLD_MAX = 50


class Inspection:
    def __init__(self, plan: Plan, aws: Aws, history: History, now: Any) -> None:
        self.plan, self.aws, self.history, self.now = plan, aws, history, now
        self.prefix = ""
        self.counted: dict[tuple[str, str], float] = {}

    async def begin(self, prefix: str, alive: set[str]) -> None:
        """What counters hold before this run's load begins: only what it gains counts."""
        self.prefix = prefix
        for table, attribute, region in self._counters(alive):
            self.counted[table, attribute] = await self._sum(table, attribute, region)

    async def end(self, alive: set[str]) -> None:
        for table, attribute, region in self._counters(alive):
            gained = await self._sum(table, attribute, region) - self.counted.get((table, attribute), 0.0)
            self.history.note("counter", self.now(), table=table, attribute=attribute, gained=gained)
        for invariant in self.plan.invariants:
            params = invariant.params
            if invariant.kind == "no-duplicates" and "table" in params:
                region = params.get("region") or self._holder(alive)
                values = [str(plain(item.get(params.get("value", "value")))) for item in await self._scan(params["table"], region)]
                found = [value for value in values if value.startswith(self.prefix)]
                self.history.note("effects", self.now(), table=params["table"], region=region, found=found)
            elif invariant.kind == "data-residency":
                await self._residency(params, alive)

    def _counters(self, alive: set[str]) -> list[tuple[str, str, str]]:
        return [
            (one.params["table"], one.params.get("attribute", "count"), one.params.get("region") or self._holder(alive))
            for one in self.plan.invariants
            if one.kind == "counter-sum" and "table" in one.params
        ]

    def _holder(self, alive: set[str]) -> str:
        return sorted(region for region in alive if not region.startswith("aws-"))[0]

    async def _sum(self, table: str, attribute: str, region: str) -> float:
        return sum(float(plain(item.get(attribute)) or 0) for item in await self._scan(table, region))

    async def _residency(self, params: dict[str, Any], alive: set[str]) -> None:
        """Every table of every other region must hold no item of those who are to stay."""
        wanted = frozenset().union(*(PLACES.get(word, {word}) for word in params.get("in", ())))
        for region in sorted(region for region in alive if not region.startswith("aws-")):
            try:
                tables = [params["table"]] if "table" in params else (await self.aws.call(region, "dynamodb:ListTables", {}))["TableNames"]
            except (Refusal, NotSent, Unknown):
                continue
            for table in tables:
                items = await self._scan(table, region)
                astray = [
                    {"region": region, "table": table, "item": item}
                    for item in items
                    if region not in params.get("stored-only-in", ()) and plain(item.get(params.get("attribute", ""))) in wanted
                ]
                self.history.note("residency", self.now(), region=region, table=table, items=len(items), astray=astray[:TOLD_MAX])

    async def _scan(self, table: str, region: str) -> list[dict[str, Any]]:
        """Every item by consistent reads; a table that is not there has none."""
        items, start = [], None
        while True:
            params = {"TableName": table, "ConsistentRead": True, **({"ExclusiveStartKey": start} if start else {})}
            try:
                said = await self.aws.call(region, "dynamodb:Scan", params)
            except (Refusal, NotSent, Unknown):
                return items
            items += said.get("Items", ())
            start = said.get("LastEvaluatedKey")
            if not start:
                return items
