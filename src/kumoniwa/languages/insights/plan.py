"""A query compiled into steps over rows: those that look at one row after the other, and those that must have seen all.

Rows are fed in portions. Up to the first step that must see all, each portion passes by and is forgotten.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kumoniwa.languages.insights import clusters, discovery, enrich, period, regex, unusual
from kumoniwa.languages.insights.aggregate import Slot
from kumoniwa.languages.insights.aside import Aside
from kumoniwa.languages.insights.barriers import (
    Barrier,
    Clustering,
    Group,
    Grouping,
    Order,
    Ordering,
    slot_name,
    with_slots,
)
from kumoniwa.languages.insights.expression import (
    MADE,
    STREAM,
    Compiled,
    Read,
    Row,
    Scope,
    binned,
    compiled,
    condition,
    pointer,
)
from kumoniwa.languages.insights.further import Ending, Further, Step
from kumoniwa.languages.insights.setting import Setting
from kumoniwa.languages.insights.syntax import (
    Accumulate,
    AddTotals,
    Anomaly,
    AppendColumns,
    Autoregress,
    Call,
    Cluster,
    Compare,
    Constant,
    Dedup,
    Display,
    Field,
    Fields,
    FillDown,
    FillMissing,
    Filter,
    FilterIndex,
    Join,
    JsonField,
    Like,
    Limit,
    Lookup,
    Malformed,
    Named,
    Operation,
    Outlier,
    Parse,
    ParseParts,
    Pattern,
    Period,
    Query,
    RelevantFields,
    Sessionize,
    Sort,
    Source,
    Stats,
    Unmask,
    Unnest,
)
from kumoniwa.languages.insights.value import ANY, number, spelled, text

ROWS_DEFAULT = 10_000
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Limit.html"""
STATS_MAX = 10



class Needle(NamedTuple):
    """A text without which no message can pass the query. JSON may spell it with escapes."""

    text: str
    may_be_escaped: bool


# The plan -----------------------------------------------------------------------------------------------------


class Plan(Further):
    def __init__(
        self, query: Query, setting: Setting, limit: int | None, draft: Plan | None = None, is_whole: bool = False, ending: Ending | None = None
    ) -> None:
        """What is looked for in messages, and before which command, is known from a first ``draft``.

        A plan within another one is ``whole``: it answers all rows. With an ``ending`` it hands them to a step that all see.
        """
        self.setting, self.places, self.is_whole = setting, setting.places, is_whole
        self.scope = Scope(setting, draft.names if draft is not None else [], partial(planned, setting=setting, is_whole=True))
        self.indexed: list[str] = []
        """Only groups in which these fields are indexed are looked into."""
        self.bins: tuple[str, Period] | None = None
        """The key of the last ``stats`` that is a bin, if no other command came since."""
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
        self.is_watched = any(isinstance(each, Anomaly) for each in query)
        """Whether patterns are to be watched over the time that is asked about."""
        self.has_patterns = False
        """Whether the rows are patterns that were."""
        self.has_fields = False
        self.names: list[str] = []
        self.grouped: set[str] = set()
        self.first_asking: int | None = None
        """The command before which messages must have been looked into."""
        for place, command in enumerate(query):
            if isinstance(command, Source):
                if place:
                    raise Malformed("unexpected symbol found SOURCE")
                continue
            if isinstance(command, Cluster) and _is_compared(query, place):
                continue
            self._ready(draft, place, isinstance(command, Fields | Display | Parse | ParseParts | JsonField))
            if isinstance(command, Compare):
                self._compare(command, query[:place])
            else:
                self._command(command)
            self.scope.settle()
            self._note(place)
        if ending is not None:
            self._flush()
            self._ready(draft, len(query), False)
            make = ending(self)
            self._append(make, True)
            self._note(len(query))
            self.columns: list[tuple[str, Compiled]] = []
        else:
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
            ParseParts: self._parse_parts, JsonField: self._json_field, FilterIndex: self._filter_index, Lookup: self._lookup, Join: self._join,
            AppendColumns: self._append_columns, AddTotals: self._add_totals, Accumulate: self._accumulate, Autoregress: self._autoregress,
            Anomaly: self._anomaly, RelevantFields: self._relevant_fields, FillDown: self._fill_down, FillMissing: self._fill_missing,
            Outlier: self._outlier, Sessionize: self._sessionize,
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

        def parse_all(rows: list[Row]) -> list[Row]:
            made = []
            for row in rows:
                value = text(read(row))
                matches = list(pattern.finditer(value)) if value is not None else []
                made += [[*row[:MADE], (row[MADE] or {}) | {name: found[place] for name, place in zip(names, places)}] for found in matches]
                if not matches:
                    made.append([*row[:MADE], row[MADE] or {}])
            return made

        if command.is_multi:
            self._flush()
            self._append(parse_all, False)
        else:
            self._each(parse)

    def _parse_parts(self, command: ParseParts) -> None:
        read, names, is_map = compiled(command.source, self.scope).read, command.names, command.is_map

        def parts(row: Row) -> dict[str, Any]:
            value = text(read(row))
            if value is None:
                return {}
            if is_map:
                return {names[0]: enrich.logfmt(value)}
            return dict(zip(names, next(csv.reader([value], skipinitialspace=True), [])))

        self._make(names, parts, command.at)

    def _json_field(self, command: JsonField) -> None:
        read, path, name = compiled(command.source, self.scope).read, command.path, command.name
        self._make((name,), lambda row: {name: enrich.within(read(row), path)}, command.at)

    def _make(self, names: tuple[str, ...], act: Callable[[Row], dict[str, Any]], at: int) -> None:
        """Fields that a command takes from another one."""
        for name in names:
            if name in self.scope.made:
                raise Malformed(f"Ephemeral field {name} is already defined", at, at + 5)
            self.scope.made[name] = ANY
            self.parsed.append((name, Field((name,))))

        def make(rows: list[Row]) -> list[Row]:
            for row in rows:
                row[MADE] = (row[MADE] or {}) | act(row)
            return rows

        self._each(make)

    def _unnest(self, command: Unnest) -> None:
        self._flush()
        read, name = compiled(command.source, self.scope).read, command.name
        if command.replaces:
            read = self._structure(command.source)
        elif name in self.scope.made:
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
        """Messages come unmasked where a query has it: see ``engines.log_scan``."""
        for each in command.fields:
            compiled(each, self.scope)

    def _stats(self, command: Stats) -> None:
        self._flush()
        self.stats_count += 1
        if self.stats_count > STATS_MAX:
            raise Malformed(f"A query can have {STATS_MAX} stats commands at most")
        keys, time = [], None
        later_ms = period.span_ms(command.offset) if command.offset is not None else 0
        if later_ms is None:
            raise Malformed("An offset is a time of a fixed length", command.at, command.at + 5)
        after = self.scope.after()
        for place, item in enumerate(command.by):
            made = compiled(item.expression, self.scope)
            if isinstance(item.expression, Call) and item.expression.name == "bin":
                time = place
                if later_ms:
                    made = binned(item.expression.arguments[0], later_ms)
            keys.append((item.name, made.read))
            after.made[item.name] = made.kind
        if command.offset is not None and time is None:
            raise Malformed("offset follows stats by bin()", command.at, command.at + 5)
        slots: list[Slot] = []
        items: list[tuple[str, Read]] = []
        expressions = [with_slots(item.expression, self.scope, slots) for item in command.items]
        after.has_time = time is not None
        after.made |= {slot_name(place): each.gives for place, each in enumerate(slots)}
        for item, expression in zip(command.items, expressions):
            made = compiled(expression, after)
            items.append((item.name, made.read))
            after.made[item.name] = made.kind
        self.scope, self.has_patterns = after, False
        self.bins = (command.by[time].name, command.by[time].expression.arguments[0]) if time is not None else None
        group = Group(tuple(keys), tuple(slots), tuple(items), time)
        self._append(lambda: Grouping(group), True)
        if command.most_first:
            most = command.items[0].name
            self._append(lambda: Ordering(Order(((Compiled(lambda row: row[MADE][most]), True),), (), None, True)), True)
        self.grouped = {name for name, _ in keys}
        names = dict.fromkeys([name for name, _ in keys] + [name for name, _ in items])
        self.shown, self.displayed, self.parsed, self.has_fields = [(name, Field((name,))) for name in names], None, [], True

    def _cluster(self, command: Cluster) -> None:
        self._flush()
        if self.scope.is_aggregated:
            raise Malformed("unexpected symbol found pattern")
        read, setting = compiled(command.source, self.scope).read, self.setting
        make = (lambda: unusual.Watching(read, setting)) if self.is_watched else (lambda: Clustering(read, clusters.Tree()))
        self._clustered(make, clusters.COLUMNS)
        self.has_patterns = self.is_watched
        self._append(lambda: Ordering(Order(((Compiled(lambda row: row[MADE]["@sampleCount"]), True),), (), None, True)), True)

    def _anomaly(self, command: Anomaly) -> None:
        if not self.scope.is_aggregated:
            self._cluster(Cluster(Field(("@message",))))
        if not self.has_patterns:
            raise Malformed("anomaly follows pattern")
        self._flush()
        self._append(unusual.findings, False)
        self.scope.made |= unusual.COLUMNS
        self.shown += [(name, Field((name,))) for name in unusual.COLUMNS]

    def _relevant_fields(self, command: RelevantFields) -> None:
        self._flush()
        if self.scope.is_aggregated:
            raise Malformed("unexpected symbol found relevantfields: only events have fields of their own")
        meets, places = condition(command.condition, self.scope), self.places
        reads = {each.name: compiled(each, self.scope).read for each in command.fields}
        asked = unusual.names_in(command.condition)
        self._clustered(lambda: unusual.Relevance(meets, reads, asked, places), unusual.RELEVANCE)

    def _clustered(self, make: Callable[[], Barrier], columns: dict[str, str]) -> None:
        self.scope = self.scope.after()
        self.scope.made, self.has_patterns = dict(columns), False
        self._append(make, True)
        self.shown = [(name, Field((name,))) for name in columns]
        self.displayed, self.parsed, self.has_fields = None, [], True

    def _sort(self, command: Sort) -> None:
        self._flush()
        keys = tuple((compiled(node, self.scope), is_descending) for node, is_descending in command.keys)
        self.order = Order(keys, (), None, self.scope.is_aggregated)

    def _dedup(self, command: Dedup) -> None:
        reads = tuple(compiled(each, self.scope).read for each in command.fields)
        # What waits until the rows are in order may make the very fields that are compared.
        if self.order is None or self.order.limit is not None or self.later:
            self._flush()
            self.order = self._as_it_stands()
        self.order = self.order._replace(dedup=reads)

    def _as_it_stands(self) -> Order:
        """Rows that an earlier command put into an order keep it."""
        return Order(None, (), None, self.scope.is_aggregated or any(self.is_barrier))

    def _limit(self, command: Limit) -> None:
        if self.order is None or self.order.limit is not None:
            self._flush()
            self.order = self._as_it_stands()
        self.order = self.order._replace(limit=command.count)
        if command.is_any and not any(self.is_barrier):
            self.any_most = command.count

    def _finish(self, limit: int | None, draft: Plan | None, end: int) -> None:
        if self.order is None or self.order.limit is None:
            order = self.order or self._as_it_stands()
            self.order = order._replace(limit=None if self.is_whole else limit or ROWS_DEFAULT)
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

    @property
    def asides(self) -> list[Aside]:
        return self.scope.asides

    def start(self) -> Running:
        return Running(self)

    def answer(self, rows: list[Row]) -> list[list[tuple[str, str]]]:
        """The rows as AWS answers them: fields that are there, and what leads back to the event."""
        made = []
        for row in rows:
            shown = [
                (name, spelled(value, column.kind)) for name, column in self.columns if (value := column.read(row)) is not None
            ]
            if not self.scope.is_aggregated and row[STREAM] is not None:
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


def planned(query: Query, setting: Setting, limit: int | None = None, is_whole: bool = False, ending: Ending | None = None) -> Plan:
    """Compile a query. Raises Malformed or Unbuilt."""
    draft = Plan(query, setting, limit, None, is_whole, ending)
    return Plan(query, setting, limit, draft, is_whole, ending) if draft.names else draft


def prepared(plan: Plan, feed: Callable[[Plan, Aside], Any]) -> Plan:
    """Run what a plan needs first. ``feed`` gives the portions of rows that one is to see."""
    for aside in plan.asides:
        running = prepared(aside.plan, feed).start()
        for rows in feed(aside.plan, aside):
            running.take(rows)
            if running.is_enough:
                break
        aside.rows = running.rows()
    return plan


def sources_in(query: Query) -> list[Source]:
    """The log groups that queries within a query name, in order."""
    found: list[Source] = []

    def walk(node: Any) -> None:
        if isinstance(node, Source):
            found.append(node)
        elif isinstance(node, tuple):
            for part in node:
                walk(part)

    for command in query:
        if not isinstance(command, Source):
            walk(command)
    return found


def _is_compared(query: Query, place: int) -> bool:
    """Whether a pattern is the business of the comparison that follows."""
    return place + 1 < len(query) and isinstance(query[place + 1], Compare)


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
