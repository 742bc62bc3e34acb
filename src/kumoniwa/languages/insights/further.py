"""The commands that look beyond one event: at another time, another source, a table, or at all rows in their order.

They are a part of ``plan.Plan``, which has what they stand on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.languages.insights import clusters, discovery, enrich, period, series
from kumoniwa.languages.insights.aside import Aside
from kumoniwa.languages.insights.barriers import Barrier, Compared, Order, Whole
from kumoniwa.languages.insights.expression import INGESTED, MADE, MESSAGE, STREAM, Read, Row, Scope, compiled
from kumoniwa.languages.insights.setting import Setting
from kumoniwa.languages.insights.syntax import (
    Accumulate,
    AddTotals,
    AppendColumns,
    Autoregress,
    Cluster,
    Compare,
    Field,
    FillDown,
    FillMissing,
    Filter,
    FilterIndex,
    Join,
    Lookup,
    Malformed,
    Outlier,
    Period,
    Query,
    Sessionize,
    Unbuilt,
)
from kumoniwa.languages.insights.value import ANY, FIGURE, TIME

Step = Callable[[list[Row]], list[Row]]
Ending = Callable[[Any], Callable[[], Barrier]]
OTHER_DEFAULTS = ("@aws.region", "@aws.account", "@source.log", "@data_source_name", "@data_source_type", "@data_format")
"""What AWS indexes in every group besides what events here have."""


class Further:
    setting: Setting
    scope: Scope
    places: Any
    order: Order | None
    is_barrier: list[bool]
    indexed: list[str]
    bins: tuple[str, Period] | None
    grouped: set[str]
    shown: list[tuple[str, Any]]
    parsed: list[tuple[str, Any]]
    displayed: list[tuple[str, Any]] | None
    _as_it_stands: Callable[[], Order]
    _flush: Callable[[], None]
    _append: Callable[[Any, bool], None]
    _each: Callable[[Step], None]
    _filter: Callable[[Filter], None]
    _clustered: Callable[[Callable[[], Barrier], dict[str, str]], None]

    # Of two times, of two sources -------------------------------------------------------------------------------

    def _compare(self, command: Compare, before: Query) -> None:
        """What came before runs at both times. Patterns are of both, so that one of them is one on both sides."""
        self._flush()
        source: Any = Field(("@message",))
        if before and isinstance(before[-1], Cluster):
            before, source = before[:-1], before[-1].source
        if self.scope.is_aggregated:
            raise Malformed("unexpected symbol found diff: only events are compared")
        read, tree = compiled(source, self.scope).read, clusters.Tree()

        def ending(plan: Any) -> Callable[[], Barrier]:
            other = compiled(source, plan.scope).read
            return lambda: Compared(other, tree, False)

        back = period.earlier(command.back, self.setting.end_ms + 1 - self.setting.start_ms)
        self.scope.asides.append(Aside(self.scope.plan_of(before, ending=ending), None, back))
        self._clustered(lambda: Compared(read, tree), clusters.DIFFERENCES)

    def _filter_index(self, command: FilterIndex) -> None:
        """What came in before a field was indexed is not indexed."""
        name, places = command.field.name, self.places
        if name in OTHER_DEFAULTS:
            raise Unbuilt(f"the default index of {name} in Logs Insights")
        self.indexed.append(name)
        self._filter(Filter(command.condition))

        def is_indexed(row: Row) -> bool:
            return any(name == field and since <= row[INGESTED] < until for field, since, until in places[row[STREAM]].indexed)

        if not any(self.is_barrier):
            self._append(lambda rows: list(filter(is_indexed, rows)), False)

    def _lookup(self, command: Lookup) -> None:
        columns = tuple(column for column, _ in command.keys if column) + tuple(column for column, _ in command.outputs)
        table = self.setting.table(command.table, columns, command.at)
        reads = [compiled(field, self.scope) for _, field in command.keys]
        find = (
            enrich.by_range(table, command.keys[0][0], reads[0])
            if command.is_range
            else enrich.by_key(table, [column for column, _ in command.keys], reads)
        )
        self._override([name for _, name in command.outputs], enrich.outputs(find, command.outputs, command.fills_only))

    def _override(self, names: list[str], act: Callable[[Row, list[Any]], list[Any]]) -> None:
        """Give fields that may be there already other values: ``act`` gets those they have."""
        reads = [self._read_or_nothing(name) for name in names]

        def override(rows: list[Row]) -> list[Row]:
            for row in rows:
                values = act(row, [read(row) for read in reads])
                row[MADE] = (row[MADE] or {}) | dict(zip(names, values))
            return rows

        self._each(override)
        self._hold(names)

    def _hold(self, names: list[str], kind: str = ANY) -> None:
        """From here on these fields are made; they are shown if nothing else is said."""
        self.scope.made |= dict.fromkeys(names, kind)
        held = {name for name, _ in self.shown + self.parsed}
        self.parsed += [(name, Field((name,))) for name in names if name not in held]

    def _read_or_nothing(self, name: str) -> Read:
        """A field, which after ``stats`` need not be there."""
        if self.scope.is_aggregated and name not in self.scope.made:
            return lambda row: None
        return compiled(Field((name,)), self.scope).read

    def _structure(self, node: Field) -> Read:
        """A list where a message has one, which as a field it is not."""
        read = self._read_or_nothing(node.name)
        if node.name in self.scope.made or self.scope.is_aggregated:
            return lambda row: enrich.listed(read(row))
        path = tuple(map(str, node.path))
        return lambda row: enrich.listed(enrich.within(discovery.with_fields(row[MESSAGE]), path))

    def _join(self, command: Join) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Join.html"""
        self._flush()
        if self.scope.joined is not None or self.scope.is_aggregated:
            raise Malformed("Only one join, and of events, is supported in a query", command.at, command.at)
        left, key, places = compiled(command.left_key, self.scope), command.right_key, self.places
        aside = Aside(self.scope.plan_of((), ending=lambda plan: lambda: enrich.Keyed(key, places)), command.source)
        self.scope.asides.append(aside)
        self._append(enrich.joining(left, aside, command.keeps_left), False)
        self.scope.joined = command.left, command.right

    # Over rows in their order -----------------------------------------------------------------------------------

    def _in_order(self, act: Callable[[list[Row]], list[Row]]) -> None:
        """A step that sees all rows as an answer would have them: without ``sort`` the newest event first."""
        if self.order is None and not any(self.is_barrier):
            self.order = self._as_it_stands()
        self._flush()
        self._append(lambda: Whole(act), True)

    def _columns_now(self) -> list[str]:
        names = [name for name, _ in self.displayed or self.shown + self.parsed]
        return list(dict.fromkeys(names))

    def _add_totals(self, command: AddTotals) -> None:
        names = [each.name for each in command.fields] or self._columns_now()
        kinds = [compiled(Field((name,)), self.scope) for name in names]
        summed = [(name, made.read) for name, made in zip(names, kinds) if made.kind != TIME]
        if command.is_row:
            self._override([command.name], lambda row, _: [series.total([read(row) for _, read in summed])])
            self.scope.made[command.name] = FIGURE
        if command.is_column:
            columns = [*summed, *([(command.name, compiled(Field((command.name,)), self.scope).read)] if command.is_row else [])]
            self._in_order(series.with_totals(columns, len(self.scope.indexes)))
            self._hold([name for name, _ in columns])
            self.scope.has_time = False

    def _accumulate(self, command: Accumulate) -> None:
        self._in_order(series.accumulated(compiled(command.field, self.scope).read, command.name))
        self._hold([command.name], FIGURE)

    def _autoregress(self, command: Autoregress) -> None:
        made = compiled(command.field, self.scope)
        self._in_order(series.lagged(made.read, command.names))
        self._hold([name for name, _ in command.names], made.kind)

    def _fill_down(self, command: FillDown) -> None:
        names: list[str] = []
        for pattern in command.patterns or ("*",):
            names += series.matching(pattern, self._columns_now()) if "*" in pattern else [pattern]
        made = {name: compiled(Field((name,)), self.scope) for name in dict.fromkeys(names)}
        self._in_order(series.filled_down({name: each.read for name, each in made.items()}))
        self.scope.made |= {name: each.kind for name, each in made.items()}

    def _fill_missing(self, command: FillMissing) -> None:
        if self.bins is None or not self.scope.has_time:
            raise Malformed("fillmissing follows stats by bin()", command.at, command.at)
        name, span = self.bins
        keys = [each for each, _ in self.shown if each in self.grouped and each != name]
        self._in_order(series.filled_bins(name, keys, period.floored(span), dict(command.values)))

    def _outlier(self, command: Outlier) -> None:
        reads = {each.name: compiled(each, self.scope).read for each in command.fields}
        self._in_order(series.without_outliers(reads, command))
        self._hold([*reads, *(f"{name}_outlier" for name in reads if command.marks)])

    def _sessionize(self, command: Sessionize) -> None:
        if self.scope.is_aggregated:
            raise Malformed("unexpected symbol found sessionize: only events have sessions", command.at, command.at)
        gap_ms = period.span_ms(command.gap)
        if gap_ms is None:
            raise Malformed("Sessions end after a time of a fixed length", command.at, command.at)
        self._in_order(series.in_sessions([compiled(each, self.scope).read for each in command.fields], gap_ms, command.name))
        self._hold([command.name])

    def _append_columns(self, command: AppendColumns) -> None:
        aside = self.scope.aside(command.query)
        names = [name for name, _ in aside.plan.columns]
        reads = {name: self._read_or_nothing(name) for name in names}
        self._in_order(series.beside(aside, reads, command.overrides, command.most, len(self.scope.indexes)))
        self._hold(names)
        self.scope.made |= {name: column.kind for name, column in aside.plan.columns}
        self.scope.has_time = False
