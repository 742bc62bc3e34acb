"""The steps of a query that must see all rows before they can hand on any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from kumoniwa.languages.insights import clusters
from kumoniwa.languages.insights.aggregate import AGGREGATES, Aggregate, Slot, slot
from kumoniwa.languages.insights.expression import AT, SEQ, Compiled, Read, Row, Scope
from kumoniwa.languages.insights.syntax import Call, Field
from kumoniwa.languages.insights.value import TIME, sort_key, spelled, text

KEPT_SPARE = 8_192


class Barrier(Protocol):
    """A step that must see all rows."""

    def take(self, rows: list[Row]) -> None: ...
    def rows(self) -> list[Row]: ...


# In order -----------------------------------------------------------------------------------------------------


class Order(NamedTuple):
    """``sort``, ``dedup`` and ``limit``, where they follow each other."""

    keys: tuple[tuple[Compiled, bool], ...] | None
    """None: the newest event first, or as it came where there are no events."""
    dedup: tuple[Read, ...]
    limit: int | None
    is_aggregated: bool


_NEWEST = itemgetter(AT, SEQ)


class Ordering(Barrier):
    def __init__(self, order: Order) -> None:
        self.order, self.held = order, []
        self.most = order.limit if order.limit is not None and not order.dedup else None

    def take(self, rows: list[Row]) -> None:
        self.held += rows
        if self.most is not None and len(self.held) > self.most * 2 + KEPT_SPARE:
            self._sort()
            del self.held[self.most :]

    def _sort(self) -> None:
        if self.order.keys is None:
            if not self.order.is_aggregated:
                self.held.sort(key=_NEWEST, reverse=True)
            return
        for made, is_descending in reversed(self.order.keys):
            self.held.sort(key=_key(made, is_descending), reverse=is_descending)

    def rows(self) -> list[Row]:
        self._sort()
        rows = _first_of_each(self.held, self.order.dedup) if self.order.dedup else self.held
        return rows[: self.order.limit]


def _key(made: Compiled, is_descending: bool) -> Callable[[Row], Any]:
    """What is not there comes last either way."""
    read, missing = made.read, (-1, 0) if is_descending else (2, 0)

    def key(row: Row) -> Any:
        value = read(row)
        return missing if value is None else sort_key(value)

    def time_key(row: Row) -> Any:
        value = read(row)
        return missing if value is None else (1, value)

    return time_key if made.kind == TIME else key


def _first_of_each(rows: list[Row], reads: tuple[Read, ...]) -> list[Row]:
    """An event that lacks one of the fields is no duplicate of any other."""
    seen: set[tuple[str, ...]] = set()
    kept: list[Row] = []
    for row in rows:
        values = [read(row) for read in reads]
        if None not in values:
            key = tuple(map(spelled, values))
            if key in seen:
                continue
            seen.add(key)
        kept.append(row)
    return kept


# In groups ----------------------------------------------------------------------------------------------------


class Group(NamedTuple):
    """``stats``: by what, the aggregates, and what is made of them."""

    keys: tuple[tuple[str, Read], ...]
    slots: tuple[Slot, ...]
    items: tuple[tuple[str, Read], ...]
    time: int | None
    """Which of the keys is the time of the rows it makes."""


class Grouping(Barrier):
    def __init__(self, group: Group) -> None:
        self.group = group
        self.reads = [read for _, read in group.keys]
        self.held: dict[Any, list[Aggregate]] = {}

    def take(self, rows: list[Row]) -> None:
        if not rows:
            return
        for key, portion in self._portions(rows).items():
            aggregates = self.held.get(key)
            if aggregates is None:
                aggregates = self.held[key] = [each.make() for each in self.group.slots]
            for aggregate in aggregates:
                aggregate.take(portion)

    def _portions(self, rows: list[Row]) -> dict[Any, list[Row]]:
        if not self.reads:
            return {(): rows}
        portions: dict[Any, list[Row]] = defaultdict(list)
        if len(self.reads) == 1:
            read = self.reads[0]
            try:
                for row in rows:
                    portions[read(row)].append(row)
                return portions
            except TypeError:  # a list or a map, which are no values here
                portions.clear()
                for row in rows:
                    portions[_hashable(read(row))].append(row)
        else:
            for row in rows:
                portions[tuple([_hashable(read(row)) for read in self.reads])].append(row)
        return portions

    def rows(self) -> list[Row]:
        made_rows = []
        for key, aggregates in self.held.items():
            values = (key,) if len(self.reads) == 1 else key
            made = {name: value for (name, _), value in zip(self.group.keys, values)}
            made |= {slot_name(place): aggregate.value() for place, aggregate in enumerate(aggregates)}
            at = values[self.group.time] if self.group.time is not None else None
            row: Row = [at, None, None, None, None, None, made]
            for name, read in self.group.items:
                made[name] = read(row)
            made_rows.append(row)
        return made_rows


def _hashable(value: Any) -> Any:
    return None if type(value) is dict or type(value) is list else value


def slot_name(place: int) -> str:
    return f"\0{place}"


def with_slots(node: Any, scope: Scope, slots: list[Slot]) -> Any:
    """The expression with its aggregates replaced by where their values will stand."""
    if isinstance(node, Call) and node.name in AGGREGATES:
        slots.append(slot(node, scope))
        return Field((slot_name(len(slots) - 1),), node.at)
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return type(node)(*(with_slots(part, scope, slots) for part in node))
    if isinstance(node, tuple):
        return tuple(with_slots(part, scope, slots) for part in node)
    return node


# Others -------------------------------------------------------------------------------------------------------


class Whole(Barrier):
    """Hands all rows at once to what acts on them."""

    def __init__(self, act: Callable[[list[Row]], list[Row]]) -> None:
        self.act, self.held = act, []

    def take(self, rows: list[Row]) -> None:
        self.held += rows

    def rows(self) -> list[Row]:
        return self.act(self.held)


class Clustering(Barrier):
    def __init__(self, read: Read, tree: clusters.Tree, is_now: bool = True) -> None:
        self.read, self.tree, self.is_now = read, tree, is_now

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            value = text(self.read(row))
            if value is not None:
                self.tree.add(value, self.is_now)

    def rows(self) -> list[Row]:
        return [[None, None, None, None, None, None, found] for found in self.tree.patterns()]


class Compared(Clustering):
    """Of two times; the tree knows what the other one had."""

    def rows(self) -> list[Row]:
        return [[None, None, None, None, None, None, found] for found in self.tree.differences()]
