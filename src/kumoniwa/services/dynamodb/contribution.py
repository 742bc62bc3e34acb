"""Which keys of a table or index are asked for the most, and which are turned away: what Contributor Insights counts.

A write counts three times the units that it consumes, a read those of its own, each for the partition and, if the key has a sort key, for the item
as well. A query is one event, of its partition. PartiQL is not counted, nor are writes that an index turns away.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/contributorinsights_HowItWorks.html. That a scan is told of each of its items by
its share of the bytes is ours: AWS says that each is an event.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kumoniwa.gate import contributors
from kumoniwa.gate.contributors import ServiceRule
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages.dynamodb.value import Item

if TYPE_CHECKING:
    from kumoniwa.services.dynamodb.table import Index, Table

ALL, THROTTLED = "ACCESSED_AND_THROTTLED_KEYS", "THROTTLED_KEYS"
WRITE_WEIGHT = 3
UNCOUNTED = frozenset(("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"))
UNITS, TIMES = "ConsumedThroughputUnits", "ThrottleCount"
LABELS = ("PartitionKey", "SortKey")
"""How AWS labels the keys in its reports was not found: the words are ours."""


class Insights(Record):
    """Of a table or of one of its indexes."""

    mode: str
    is_on: bool
    updated: float
    settled: float
    """Until then it is ENABLING or DISABLING."""
    made_ms: int
    """What its rules are called by."""


class Watch:
    """The rules that count a table's or an index's keys."""

    __slots__ = ("hashes", "ranges", "rules", "accessed", "throttled")

    def __init__(self, table: Table, index: Index | None) -> None:
        part = table if index is None else index
        self.hashes: tuple[str, ...] = (table.hash_name,) if index is None else index.hashes
        self.ranges: tuple[str, ...] = ((table.range_name,) if table.range_name else ()) if index is None else index.ranges
        resource = table.name if index is None else f"{table.name}-{index.name}"
        self.rules: list[ServiceRule] = []
        names: dict[str, str] = {}
        for kind, value in (("C", UNITS), ("T", TIMES)):
            if kind == "C" and part.insights.mode == THROTTLED:
                continue
            for key, labels in (("PK", LABELS[:1]), ("SK", LABELS)):
                if key == "PK" or self.ranges:
                    name = names[key + kind] = f"DynamoDBContributorInsights-{key}{kind}-{resource}-{part.insights.made_ms}"
                    self.rules.append(ServiceRule(name=name, labels=labels, value=value))
        self.accessed = (names.get("PKC"), names.get("SKC"))
        self.throttled = (names["PKT"], names.get("SKT"))

    def add(self, call: Call, rules: tuple[str | None, str | None], key: Item, value: float) -> None:
        """Count an event of a key, or of a partition where the key has no more."""
        if rules[0] is None or call.operation in UNCOUNTED or any(name not in key for name in self.hashes):
            return
        partition = _text(key, self.hashes)
        contributors.count(call, rules[0], (partition,), value)
        if rules[1] is not None and all(name in key for name in self.ranges):
            contributors.count(call, rules[1], (partition, _text(key, self.ranges)), value)


def _text(key: Item, names: Iterable[str]) -> str:
    """Values as they are written, without their types."""
    return ", ".join(next(iter(key[name].values())) for name in names)


Watches = dict[str, Watch]
"""By the name of the index, empty for the table itself."""


def watches(table: Table) -> Watches | None:
    found = {index.name: Watch(table, index) for index in table.indexes if index.insights is not None and index.insights.is_on}
    if table.insights is not None and table.insights.is_on:
        found[""] = Watch(table, None)
    return found or None


def rules(table: Table | None) -> list[ServiceRule]:
    held = watches(table) if table is not None else None
    return [rule for watch in held.values() for rule in watch.rules] if held else []


def follow(call: Call, before: Table, after: Table | None) -> None:
    """See that CloudWatch has the rules of a table as it is now."""
    had, has = rules(before), rules(after)
    if had != has:
        contributors.follow(call, had, has)


# What happens ----------------------------------------------------------------------------------------


def read(call: Call, watch: Watch, units: float, key: Item | None, scanned: list[tuple[Item, int]] | None) -> None:
    """One item or partition was read, or all that a scan met, with their sizes."""
    if key is not None:
        watch.add(call, watch.accessed, key, units)
    elif scanned:
        size = sum(each for _, each in scanned)
        for item, own in scanned:
            watch.add(call, watch.accessed, item, units * own / size)


def written(call: Call, held: Watches, units: float, by_index: dict[str, float], key: Item, images: tuple[Item | None, Item | None]) -> None:
    if "" in held:
        held[""].add(call, held[""].accessed, key, WRITE_WEIGHT * units)
    for name, own in by_index.items():
        watch = held.get(name)
        if watch is not None:
            old, new = images
            image = new if new is not None and all(part in new for part in watch.hashes) else old
            watch.add(call, watch.accessed, image or {}, WRITE_WEIGHT * own)


def turned_away(call: Call, watch: Watch, key: Item) -> None:
    watch.add(call, watch.throttled, key, 1.0)
