"""A query compiled into steps over rows: those that look at one row after the other, and those that must have seen all.

Rows are fed in portions. Up to the first step that must see all, each portion passes by and is forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from kumoniwa.languages.insights import clusters, discovery, regex
from kumoniwa.languages.insights.aggregate import AGGREGATES, Aggregate, Slot, slot
from kumoniwa.languages.insights.expression import (
    AT,
    MADE,
    SEQ,
    STREAM,
    Compiled,
    Place,
    Read,
    Row,
    Scope,
    compiled,
    condition,
    pointer,
)
from kumoniwa.languages.insights.syntax import (
    Call,
    Cluster,
    Constant,
    Dedup,
    Display,
    Field,
    Fields,
    Filter,
    Like,
    Limit,
    Malformed,
    Named,
    Operation,
    Parse,
    Pattern,
    Query,
    Sort,
    Source,
    Stats,
    Unmask,
    Unnest,
)
from kumoniwa.languages.insights.value import ANY, TIME, number, sort_key, spelled, text

ROWS_DEFAULT = 10_000
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Limit.html"""
STATS_MAX = 10
KEPT_SPARE = 8_192

Step = Callable[[list[Row]], list[Row]]


class Needle(NamedTuple):
    """A text without which no message can pass the query. JSON may spell it with escapes."""

    text: str
    may_be_escaped: bool


class Barrier:
    """A step that must see all rows."""

    def take(self, rows: list[Row]) -> None:
        raise NotImplementedError

    def rows(self) -> list[Row]:
        raise NotImplementedError


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
            made |= {_slot_name(place): aggregate.value() for place, aggregate in enumerate(aggregates)}
            at = values[self.group.time] if self.group.time is not None else None
            row: Row = [at, None, None, None, None, None, made]
            for name, read in self.group.items:
                made[name] = read(row)
            made_rows.append(row)
        return made_rows


def _hashable(value: Any) -> Any:
    return None if type(value) is dict or type(value) is list else value


def _slot_name(place: int) -> str:
    return f"\0{place}"


def _with_slots(node: Any, scope: Scope, slots: list[Slot]) -> Any:
    """The expression with its aggregates replaced by where their values will stand."""
    if isinstance(node, Call) and node.name in AGGREGATES:
        slots.append(slot(node, scope))
        return Field((_slot_name(len(slots) - 1),), node.at)
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return type(node)(*(_with_slots(part, scope, slots) for part in node))
    if isinstance(node, tuple):
        return tuple(_with_slots(part, scope, slots) for part in node)
    return node


# By pattern ---------------------------------------------------------------------------------------------------


class Clustering(Barrier):
    def __init__(self, read: Read) -> None:
        self.read, self.tree = read, clusters.Tree()

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            value = text(self.read(row))
            if value is not None:
                self.tree.add(value)

    def rows(self) -> list[Row]:
        return [[None, None, None, None, None, None, found] for found in self.tree.patterns()]


# The plan -----------------------------------------------------------------------------------------------------


class Plan:
    def __init__(
        self, query: Query, places: Mapping[int, Place], now_s: float, limit: int | None, draft: Plan | None = None
    ) -> None:
        """What is looked for in messages, and before which command, is known from a first ``draft``."""
        self.scope, self.places = Scope(places, now_s, draft.names if draft is not None else []), places
        self.steps: list[Step | Callable[[], Barrier]] = []
        self.is_barrier: list[bool] = []
        self.needles: list[Needle] = []
        self.any_most: int | None = None
        """``limit any``: how many are enough."""
        self.order: Order | None = None
        self.later: list[Step] = []
        """Steps that change single rows and need not run before the order is made."""
        self.shown: list[tuple[str, Any]] = []
        self.parsed: list[tuple[str, Any]] = []
        self.displayed: list[tuple[str, Any]] | None = None
        self.stats_count = 0
        self.has_fields = False
        self.names: list[str] = []
        self.first_asking: int | None = None
        """The command before which messages must have been looked into."""
        for place, command in enumerate(query):
            if isinstance(command, Source):
                if place:
                    raise Malformed("unexpected symbol found SOURCE")
                continue
            self._ready(draft, place, isinstance(command, Fields | Display | Parse))
            self._command(command)
            self.scope.settle()
            self._note(place)
        self._finish(limit, draft, len(query))

    # Messages ---------------------------------------------------------------------------------------------------

    def _note(self, place: int) -> None:
        self.names = sorted(self.scope.asked)
        if self.names and self.first_asking is None:
            self.first_asking = place

    def _ready(self, draft: Plan | None, place: int, is_of_single_rows: bool) -> None:
        if draft is None or draft.first_asking != place:
            return
        find = discovery.finder(draft.names, frozenset(number for number, held in self.places.items() if held.is_function))
        if is_of_single_rows:
            self._each(find)
        else:
            self._append(find, False)

    # Commands ---------------------------------------------------------------------------------------------------

    def _command(self, command: Any) -> None:
        if self.order is not None and self.order.dedup and not isinstance(command, Limit):
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Dedup.html
            raise Malformed(f"unexpected symbol found {type(command).__name__.lower()}: only limit may follow dedup")
        {
            Fields: self._fields, Display: self._display, Filter: self._filter, Stats: self._stats, Sort: self._sort, Limit: self._limit,
            Dedup: self._dedup, Parse: self._parse, Unnest: self._unnest, Cluster: self._cluster, Unmask: self._unmask,
        }[type(command)](command)  # fmt: skip

    def _each(self, step: Step) -> None:
        """A step that changes single rows and drops none."""
        if self.order is not None:
            self.later.append(step)
        else:
            self._append(step, False)

    def _append(self, step: Any, is_barrier: bool) -> None:
        self.steps.append(step)
        self.is_barrier.append(is_barrier)

    def _flush(self) -> None:
        if self.order is not None:
            order, self.order = self.order, None
            self._append(lambda: Ordering(order), True)
            for step in self.later:
                self._append(step, False)
            self.later = []

    def _define(self, items: list[tuple[str, Compiled, int]]) -> None:
        for name, made, at in items:
            if name in self.scope.made:
                raise Malformed(f"Ephemeral field {name} is already defined", at, at + len(name))
            self.scope.made[name] = made.kind
        reads = [(name, made.read) for name, made, _ in items]

        def define(rows: list[Row]) -> list[Row]:
            for row in rows:
                made = row[MADE]
                if made is None:
                    made = row[MADE] = {}
                for name, read in reads:
                    made[name] = read(row)
            return rows

        self._each(define)

    def _named(self, items: tuple[Named, ...]) -> list[tuple[str, Any]]:
        """What these are to be shown as; those that are no mere fields are made first."""
        shown: list[tuple[str, Any]] = []
        for item in items:
            if isinstance(item.expression, Field) and not item.is_alias:
                if self.scope.is_aggregated:
                    compiled(item.expression, self.scope)
                shown.append((item.name, item.expression))
            else:
                if item.is_alias or item.name not in self.scope.made:
                    self._define([(item.name, compiled(item.expression, self.scope), item.at)])
                shown.append((item.name, Field((item.name,))))
        return shown

    def _fields(self, command: Fields) -> None:
        self.has_fields = True
        held = {name for name, _ in self.shown}
        self.shown += [each for each in self._named(command.items) if each[0] not in held]

    def _display(self, command: Display) -> None:
        self.displayed = self._named(command.items)

    def _filter(self, command: Filter) -> None:
        self._flush()
        for part in _conjuncts(command.condition):
            test = condition(part, self.scope)
            if not any(self.is_barrier) and (needle := _needle(part, self.scope)) is not None:
                self.needles.append(needle)
            self._append(lambda rows, test=test: list(filter(test, rows)), False)

    def _parse(self, command: Parse) -> None:
        read = compiled(command.source, self.scope).read
        pattern, names = regex.re.compile(command.pattern, regex.re.DOTALL), command.names
        search, places = pattern.search, tuple(pattern.groupindex.values()) or tuple(range(1, pattern.groups + 1))
        for name in names:
            if name in self.scope.made:
                raise Malformed(f"Ephemeral field {name} is already defined", command.at, command.at + 5)
            self.scope.made[name] = ANY
            self.parsed.append((name, Field((name,))))

        def parse(rows: list[Row]) -> list[Row]:
            for row in rows:
                value = read(row)
                if type(value) is not str:
                    value = text(value)
                made = row[MADE]
                if made is None:
                    made = row[MADE] = {}
                if value is not None and (found := search(value)) is not None:
                    for name, place in zip(names, places):
                        made[name] = found[place]
            return rows

        self._each(parse)

    def _unnest(self, command: Unnest) -> None:
        self._flush()
        read, name = compiled(command.source, self.scope).read, command.name
        if name in self.scope.made:
            raise Malformed(f"Ephemeral field {name} is already defined")
        self.scope.made[name] = ANY

        def unnest(rows: list[Row]) -> list[Row]:
            made: list[Row] = []
            for row in rows:
                value = read(row)
                for each in value if isinstance(value, list) else [value]:
                    made.append([*row[:MADE], {**(row[MADE] or {}), name: each}])
            return made

        self._append(unnest, False)

    def _unmask(self, command: Unmask) -> None:
        """Nothing is masked where there is no data protection policy."""
        for each in command.fields:
            compiled(each, self.scope)

    def _stats(self, command: Stats) -> None:
        self._flush()
        self.stats_count += 1
        if self.stats_count > STATS_MAX:
            raise Malformed(f"A query can have {STATS_MAX} stats commands at most")
        keys, time = [], None
        after = Scope(self.places, self.scope.now_s, list(self.scope.indexes))
        for place, item in enumerate(command.by):
            made = compiled(item.expression, self.scope)
            keys.append((item.name, made.read))
            after.made[item.name] = made.kind
            if isinstance(item.expression, Call) and item.expression.name == "bin":
                time = place
        slots: list[Slot] = []
        items: list[tuple[str, Read]] = []
        expressions = [_with_slots(item.expression, self.scope, slots) for item in command.items]
        after.is_aggregated, after.has_time = True, time is not None
        after.made |= {_slot_name(place): each.gives for place, each in enumerate(slots)}
        for item, expression in zip(command.items, expressions):
            made = compiled(expression, after)
            items.append((item.name, made.read))
            after.made[item.name] = made.kind
        after.asked = self.scope.asked
        self.scope = after
        group = Group(tuple(keys), tuple(slots), tuple(items), time)
        self._append(lambda: Grouping(group), True)
        names = dict.fromkeys([name for name, _ in keys] + [name for name, _ in items])
        self.shown, self.displayed, self.parsed, self.has_fields = [(name, Field((name,))) for name in names], None, [], True

    def _cluster(self, command: Cluster) -> None:
        self._flush()
        if self.scope.is_aggregated:
            raise Malformed("unexpected symbol found pattern")
        read = compiled(command.source, self.scope).read
        after = Scope(self.places, self.scope.now_s, list(self.scope.indexes))
        after.made, after.asked = dict(clusters.COLUMNS), self.scope.asked
        after.is_aggregated, after.has_time = True, False
        self.scope = after
        self._append(lambda: Clustering(read), True)
        self._append(lambda: Ordering(Order(((Compiled(lambda row: row[MADE]["@sampleCount"]), True),), (), None, True)), True)
        self.shown = [(name, Field((name,))) for name in clusters.COLUMNS]
        self.displayed, self.parsed, self.has_fields = None, [], True

    def _sort(self, command: Sort) -> None:
        self._flush()
        keys = tuple((compiled(node, self.scope), is_descending) for node, is_descending in command.keys)
        self.order = Order(keys, (), None, self.scope.is_aggregated)

    def _dedup(self, command: Dedup) -> None:
        reads = tuple(compiled(each, self.scope).read for each in command.fields)
        if self.order is None or self.order.limit is not None:
            self._flush()
            self.order = Order(None, (), None, self.scope.is_aggregated)
        self.order = self.order._replace(dedup=reads)

    def _limit(self, command: Limit) -> None:
        if self.order is None or self.order.limit is not None:
            self._flush()
            self.order = Order(None, (), None, self.scope.is_aggregated)
        self.order = self.order._replace(limit=command.count)
        if command.is_any and not any(self.is_barrier):
            self.any_most = command.count

    def _finish(self, limit: int | None, draft: Plan | None, end: int) -> None:
        if self.order is None or self.order.limit is None:
            order = self.order or Order(None, (), None, self.scope.is_aggregated or any(self.is_barrier))
            self.order = order._replace(limit=limit or ROWS_DEFAULT)
        self._flush()
        self._ready(draft, end, False)
        shown = self.displayed
        if shown is None:
            standing = [] if self.has_fields else [("@timestamp", Field(("@timestamp",))), ("@message", Field(("@message",)))]
            names = {name for name, _ in self.shown}
            shown = standing + self.shown + [each for each in self.parsed if each[0] not in names]
        self.columns = [(name, compiled(node, self.scope)) for name, node in shown]
        self._note(end)

    # Running ----------------------------------------------------------------------------------------------------

    def start(self) -> Running:
        return Running(self)

    def answer(self, rows: list[Row]) -> list[list[tuple[str, str]]]:
        """The rows as AWS answers them: fields that are there, and what leads back to the event."""
        made = []
        for row in rows:
            shown = [
                (name, spelled(value, column.kind)) for name, column in self.columns if (value := column.read(row)) is not None
            ]
            if not self.scope.is_aggregated:
                shown = [each for each in shown if each[0] != "@ptr"] + [("@ptr", pointer(row, self.places[row[STREAM]]))]
            made.append(shown)
        return made


class Running:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.matched = plan, 0
        first = plan.is_barrier.index(True)
        self.early, self.late = plan.steps[:first], list(zip(plan.steps, plan.is_barrier))[first + 1 :]
        self.barrier: Barrier = plan.steps[first]()  # type: ignore[call-arg, assignment]

    def take(self, rows: list[Row]) -> None:
        for step in self.early:
            rows = step(rows)  # type: ignore[call-arg, assignment]
        most = self.plan.any_most
        if most is not None:
            rows = rows[: most - self.matched]
        self.matched += len(rows)
        self.barrier.take(rows)

    @property
    def is_enough(self) -> bool:
        return self.plan.any_most is not None and self.matched >= self.plan.any_most

    def rows(self) -> list[Row]:
        rows = self.barrier.rows()
        for step, is_barrier in self.late:
            if is_barrier:
                barrier: Barrier = step()  # type: ignore[call-arg, assignment]
                barrier.take(rows)
                rows = barrier.rows()
            else:
                rows = step(rows)  # type: ignore[call-arg, assignment]
        return rows


def planned(query: Query, places: Mapping[int, Place], now_s: float, limit: int | None = None) -> Plan:
    """Compile a query. Raises Malformed or Unbuilt."""
    draft = Plan(query, places, now_s, limit)
    return Plan(query, places, now_s, limit, draft) if draft.names else draft


# What must be in a message ------------------------------------------------------------------------------------


def _conjuncts(node: Any) -> list[Any]:
    if isinstance(node, Operation) and node.sign == "and":
        return _conjuncts(node.left) + _conjuncts(node.right)
    return [node]


def _needle(node: Any, scope: Scope) -> Needle | None:
    if not isinstance(node, Like | Operation) or not isinstance(node.left, Field):
        return None
    name = node.left.name
    if name in scope.made or (name.startswith("@") and name not in (*discovery.LAMBDA, "@message")):
        return None
    wanted: str | None = None
    if isinstance(node, Like):
        right = node.right
        wanted = regex.literal(right.text) if isinstance(right, Pattern) else right.value if isinstance(right, Constant) else None
    elif node.sign == "=" and isinstance(node.right, Constant) and number(node.right.value) is None:
        wanted = str(node.right.value)
    if not isinstance(wanted, str) or not wanted or "\0" in wanted:
        return None
    if name != "@message" and (number(wanted) is not None or not wanted.isascii() or not wanted.isprintable()):
        return None
    return Needle(wanted, name != "@message")
