"""From a query of Trino's to DuckDB's: what its names mean, and what is read of which table.

Every relation becomes a subquery whose columns are called c0, c1, …, so that no name of a user's meets another. A name in WITH and a view
are read anew wherever they are used, as Trino inlines them. Of each table that is scanned, ``Scan`` tells the columns that are needed and the
conditions on its partition keys, which choose what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.calls import nulls_of
from kumoniwa.languages.athena.cast import zone_of
from kumoniwa.languages.athena.expression import Translator
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt, line_and_column
from kumoniwa.languages.athena.relations import DEPTH_MAX, PATH, Catalogue, Output, Relation, Relations, Scan
from kumoniwa.languages.athena.scope import Field, Grouping, Scope, known_only
from kumoniwa.languages.athena.signature import Typed, coerced
from kumoniwa.languages.athena.syntax import offset_of, parsed
from kumoniwa.languages.athena.types import Type, quoted


def _show(type_: Type) -> None:
    """Raises Unbuilt where a value could not be told."""
    if type_.kind == "timestamptz":
        zone_of(type_)
    for each in type_.args:
        if isinstance(each, Type):
            _show(each)


class Query(Relations):
    """One query in the making. ``scans`` are all it reads."""

    def __init__(self, text: str, catalogue: Catalogue, database: str, now: float, catalog: str = "awsdatacatalog") -> None:
        self.text, self.catalogue, self.database, self.now, self.catalog = text, catalogue, database, now, catalog
        self.scans: list[Scan] = []
        self.names = 0
        self.values: list[Typed] = []
        self.depth = 0

    # Doors ----------------------------------------------------------------------------------------------------

    def read(self, values: tuple[str, ...] = ()) -> Output:
        """Translate the text. ``values`` stand for its parameters, as literals. Raises QueryFailure, Unbuilt, Malformed."""
        node = parsed(self.text)
        marks = sorted(node.find_all(exp.Placeholder), key=lambda each: offset_of(each) or 0)
        in_order = [each for each in node.walk(bfs=False) if isinstance(each, exp.Placeholder)]
        if len(marks) != len(values):
            raise QueryFailure("INVALID_PARAMETER_USAGE", f"Incorrect number of parameters: expected {len(marks)} but found {len(values)}", (1, 1))
        for place, mark in enumerate(in_order):
            mark.meta["parameter"] = place
        self.values = [self._value(each) for each in values]
        answer = self.of(node, None, {})
        for field in answer.fields:
            _show(field.type)
        for number, column in answer.all_uses():
            self.scans[number].needed.add(column)
        return answer

    def _value(self, text: str) -> Typed:
        select = parsed(f"SELECT {text}")
        return Translator(text, Scope([]), self._within({}), self.now, []).of(select.expressions[0])

    def failure(self, code: str, text: str, node: exp.Expression) -> QueryFailure:
        offset = offset_of(node)
        return QueryFailure(code, text, line_and_column(self.text, offset) if offset is not None else None)

    def _name(self) -> str:
        self.names += 1
        return f"r{self.names}"

    def _within(self, known: dict[str, Any]) -> Callable[..., Output]:
        """How expressions have their subqueries translated."""
        return lambda node, translator: self.of(node, translator.scope, known)

    # Queries --------------------------------------------------------------------------------------------------

    def of(self, node: exp.Expression, outer: Scope | None, known: dict[str, Any]) -> Output:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise Unbuilt(f"queries nested deeper than {DEPTH_MAX}")
        try:
            with_ = node.args.get("with_")
            if with_ is not None:
                known = self._named(with_, known, outer)
            if isinstance(node, exp.Subquery):
                known_only(node, "this", "with_", "alias", "order", "limit", "offset")
                inner = self.of(node.this, outer, known)
                return self._modified(node, inner, outer, known)
            if isinstance(node, exp.Select):
                return self._select(node, outer, known)
            if isinstance(node, exp.SetOperation):
                return self._set(node, outer, known)
            if isinstance(node, exp.Values):
                return self._values(node, outer, known)
            if isinstance(node, exp.Table):
                relation = self._table(node, outer, known)
                return Output(f"SELECT {', '.join(f'{each.sql} AS c{n}' for n, each in enumerate(relation.fields))} FROM {relation.sql}",
                              tuple(relation.fields), relation.uses)  # fmt: skip
            raise Unbuilt(f"{type(node).__name__} as a query")
        finally:
            self.depth -= 1

    def _named(self, with_: exp.With, known: dict[str, Any], outer: Scope | None) -> dict[str, Any]:
        if with_.args.get("recursive"):
            raise Unbuilt("WITH RECURSIVE")
        known = dict(known)
        for each in with_.expressions:
            known_only(each, "this", "alias")
            known[each.alias.lower()] = (each.this, [name.name.lower() for name in each.args["alias"].columns], dict(known))
            # What nobody uses is checked all the same.
            before = list(self.scans)
            self.of(each.this, outer, known[each.alias.lower()][2])
            self.scans = before
        return known

    def _set(self, node: exp.SetOperation, outer: Scope | None, known: dict[str, Any]) -> Output:
        known_only(node, "this", "expression", "distinct", "with_", "order", "limit", "offset")
        left, right = self.of(node.this, outer, known), self.of(node.expression, outer, known)
        word = type(node).__name__.upper()
        if len(left.fields) != len(right.fields):
            raise self.failure("TYPE_MISMATCH", f"{word} query has different number of fields: {len(left.fields)}, {len(right.fields)}", node)
        is_all = not node.args.get("distinct")
        to = []
        for n, (a, b) in enumerate(zip(left.fields, right.fields)):
            both = types.common(a.type, b.type)
            if both is None:
                raise self.failure("TYPE_MISMATCH", f"column {n + 1} in {word} query has incompatible types: {a.type}, {b.type}", node)
            to.append(both)

        def side(of: Output) -> str:
            columns = ", ".join(f"{coerced(Typed(f's.c{n}', each.type), both).sql} AS c{n}" for n, (each, both) in enumerate(zip(of.fields, to)))
            return f"SELECT {columns} FROM ({of.sql}) AS s"

        sql = f"({side(left)}) {word}{' ALL' if is_all else ''} ({side(right)})"
        fields = tuple(
            Field(a.name, None, f"c{n}", both, a.uses | b.uses) for n, (a, b, both) in enumerate(zip(left.fields, right.fields, to))
        )  # fmt: skip
        uses = left.uses | right.uses
        if not is_all or word != "UNION":
            uses = uses.union(*(each.uses for each in fields))
        return self._modified(node, Output(sql, fields, uses), outer, known)

    def _modified(self, node: exp.Expression, inner: Output, outer: Scope | None, known: dict[str, Any]) -> Output:
        """ORDER BY, OFFSET and LIMIT over the columns of a query."""
        order, tail = node.args.get("order"), self._tail(node)
        if order is None and not tail:
            return inner
        name = self._name()
        scope = Scope([each._replace(sql=f"{name}.c{n}", relation=None, direct=None) for n, each in enumerate(inner.fields)], outer)
        translator = self._translator(scope, known)
        sorts = self._sorted(order, translator, scope.fields, {}) if order is not None else ""
        columns = ", ".join(f"{name}.c{n} AS c{n}" for n in range(len(inner.fields)))
        sql = f"SELECT {columns} FROM ({inner.sql}) AS {name}{sorts}{tail}"
        fields = tuple(each._replace(sql=f"c{n}", direct=None) for n, each in enumerate(inner.fields))
        return Output(sql, fields, inner.uses | translator.uses)

    def _tail(self, node: exp.Expression) -> str:
        limit, offset = node.args.get("limit"), node.args.get("offset")
        sql = ""
        if limit is not None:
            count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
            if isinstance(limit, exp.Fetch) and limit.args.get("limit_options") is not None and limit.args["limit_options"].args.get("with_ties"):
                raise Unbuilt("FETCH FIRST … WITH TIES")
            sql += f" LIMIT {self._count(count)}" if not isinstance(count, exp.Var) else ""
        return sql + (f" OFFSET {self._count(offset.expression)}" if offset is not None else "")

    def _count(self, node: exp.Expression) -> int:
        if isinstance(node, exp.Placeholder):
            value = self.values[node.meta["parameter"]].value
        else:
            value = int(node.this) if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() else None
        if not isinstance(value, int):
            raise Unbuilt("a limit that is no number")
        return value

    def _translator(self, scope: Scope, known: dict[str, Any]) -> Translator:
        return Translator(self.text, scope, self._within(known), self.now, self.values)

    def _values(self, node: exp.Values, outer: Scope | None, known: dict[str, Any]) -> Output:
        translator = self._translator(Scope([], outer), known)
        rows = []
        for each in node.expressions:
            parts = each.expressions if isinstance(each, exp.Tuple) else [each.this if isinstance(each, exp.Paren) else each]
            rows.append([translator.of(part) for part in parts])
        if len({len(row) for row in rows}) != 1:
            raise self.failure("TYPE_MISMATCH", "Values rows have mismatched sizes", node)
        to = []
        for n in range(len(rows[0])):
            both: Type | None = types.UNKNOWN
            for row in rows:
                both = types.common(both, row[n].type)
                if both is None:
                    raise self.failure("TYPE_MISMATCH", "Values rows have mismatched types", node)
            to.append(both)
        listed = ", ".join("(" + ", ".join(coerced(part, both).sql for part, both in zip(row, to)) + ")" for row in rows)
        names = ", ".join(f"c{n}" for n in range(len(to)))
        fields = tuple(Field(f"_col{n}", None, f"c{n}", each) for n, each in enumerate(to))
        output = Output(f"SELECT {names} FROM (VALUES {listed}) AS v({names})", fields, frozenset(translator.uses))
        return self._modified(node, output, outer, known)

    # SELECT ---------------------------------------------------------------------------------------------------

    def _select(self, node: exp.Select, outer: Scope | None, known: dict[str, Any]) -> Output:
        known_only(node, "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_", "windows",
                   "laterals", "kind")  # fmt: skip
        if node.args.get("kind") or node.args.get("laterals"):
            raise Unbuilt("a form of SELECT")
        relation = self._from(node, outer, known)
        scope = Scope(relation.fields, outer)
        t = self._translator(scope, known)
        t.windows = {each.this.name.lower(): each for each in node.args.get("windows") or ()}
        where = self._where(node, t, relation, known)
        items = self._items(node, scope)
        keys, group = self._grouped(node, t, items)
        t.is_aggregate_allowed = t.is_window_allowed = True
        if keys is None and not node.args.get("having"):
            outputs, listed = self._listed(items, t)
            if t.aggregates:
                t.aggregates, t.grouping = 0, Grouping(frozenset())
                outputs, listed = self._listed(items, t)
        else:
            t.grouping = Grouping(frozenset(keys or ()))
            outputs, listed = self._listed(items, t)
        having = ""
        if node.args.get("having") is not None:
            t.is_window_allowed, t.clause = False, "HAVING clause"
            having = f" HAVING {t.boolean(node.args['having'].this, 'HAVING clause')}"
            t.is_window_allowed = True
        distinct = self._distinct(node)
        always, order = frozenset(), ""
        mine = set(t.uses)
        if node.args.get("order") is not None:
            t.uses = set()
            by_alias = {each.name: n for n, each in enumerate(outputs) if each.name is not None}
            order = self._sorted(node.args["order"], t, outputs, by_alias, is_distinct=bool(distinct), expressions=listed)
            mine |= t.uses
        if distinct or t.grouping is not None:
            always = always.union(*(each.uses for each in outputs)) if distinct else always
        tail = self._tail(node)
        columns = ", ".join(f"{sql} AS c{n}" for n, sql in enumerate(listed))
        source = f" FROM {relation.sql}" if relation.sql else ""
        sql = f"SELECT {distinct}{columns}{source}{where}{group}{having}{order}{tail}"
        is_plain = not tail and not t.has_window and t.grouping is None
        fields = tuple(
            each._replace(sql=f"c{n}", direct=each.direct if is_plain or (keys is not None and listed[n] in keys and not tail) else None)
            for n, each in enumerate(outputs)
        )
        return Output(sql, fields, frozenset(mine) | relation.uses | always)

    def _distinct(self, node: exp.Select) -> str:
        distinct = node.args.get("distinct")
        if distinct is None:
            return ""
        if distinct.args.get("on") is not None:
            raise Unbuilt("DISTINCT ON")
        return "DISTINCT "

    def _where(self, node: exp.Select, t: Translator, relation: Relation, known: dict[str, Any]) -> str:
        where = node.args.get("where")
        if where is None:
            return ""
        t.is_aggregate_allowed = t.is_window_allowed = False
        sql = t.boolean(where.this, "WHERE clause")
        t.aggregates = 0
        parts = list(where.this.flatten(unnest=False)) if isinstance(where.this, exp.And) else [where.this]
        for part in parts:
            self._prune(part, relation, known)
        return f" WHERE {sql}"

    def _prune(self, part: exp.Expression, relation: Relation, known: dict[str, Any]) -> None:
        """Keep a condition that is about the partition keys of one scan alone, for the choice of partitions."""
        if part.find(exp.Query, exp.Placeholder) and part.find(exp.Query):
            return
        fields = [each for each in relation.fields if each.direct is not None and self._is_key(each.direct)]
        number: int | None = None
        own = Scope([each._replace(sql=f"p.{quoted(each.direct[1])}", uses=frozenset({each.direct})) for each in fields])
        t = self._translator(own, known)
        try:
            sql = t.boolean(part, "WHERE clause")
        except (QueryFailure, Unbuilt):
            return
        numbers = {use[0] for use in t.uses}
        if len(numbers) == 1:
            number = numbers.pop()
            self.scans[number].filters.append(sql)

    def _is_key(self, use: tuple[int, str]) -> bool:
        scan = self.scans[use[0]]
        found = self.catalogue(scan.database, scan.table)
        return any(each.name == use[1] and each.is_partition for each in found.columns)

    def _items(self, node: exp.Select, scope: Scope) -> list[tuple[str | None, Any]]:
        """What is selected: names and expressions, or fields where a star stands for them."""
        items: list[tuple[str | None, Any]] = []
        for each in node.expressions:
            star = each if isinstance(each, exp.Star) else each.this if isinstance(each, exp.Column) and isinstance(each.this, exp.Star) else None
            if star is not None:
                known_only(star)
                of = each.table.lower() if isinstance(each, exp.Column) else None
                found = [field for field in scope.fields if (of is None or field.relation == of) and field.name != PATH]
                if not found:
                    raise self.failure("TABLE_NOT_FOUND" if of else "COLUMN_NOT_FOUND", f"Unable to resolve reference {of}" if of else "SELECT * not allowed in queries without FROM clause", each)  # fmt: skip
                items += [(field.name, field) for field in found]
            elif isinstance(each, exp.Alias):
                items.append((each.alias.lower(), each.this))
            elif isinstance(each, exp.Column):
                items.append((each.name.lower(), each))
            elif isinstance(each, exp.Dot):
                items.append((each.expression.name.lower(), each))
            else:
                items.append((None, each))
        return items

    def _listed(self, items: list[tuple[str | None, Any]], t: Translator) -> tuple[list[Field], list[str]]:
        outputs, listed = [], []
        total = set(t.uses)
        for name, item in items:
            t.uses = set()
            if isinstance(item, Field):
                if t.grouping is not None and item.sql not in t.grouping.keys:
                    raise QueryFailure("EXPRESSION_NOT_AGGREGATE", f"'{item.name}' must be an aggregate expression or appear in GROUP BY clause")
                found, uses, direct = Typed(item.sql, item.type), item.uses, item.direct
            else:
                found = t.of(item)
                uses, direct = frozenset(t.uses), None
                match = [each for each in t.scope.fields if each.sql == found.sql]
                direct = match[0].direct if match else None
            outputs.append(Field(name, None, found.sql, found.type, uses, direct))
            listed.append(found.sql)
        t.uses = total
        return outputs, listed

    def _grouped(self, node: exp.Select, t: Translator, items: list[tuple[str | None, Any]]) -> tuple[list[str] | None, str]:
        group = node.args.get("group")
        if group is None:
            return None, ""
        known_only(group, "expressions")
        t.is_aggregate_allowed = t.is_window_allowed = False
        t.clause = "GROUP BY clause"
        keys: list[str] = []

        def key(each: exp.Expression) -> str:
            if isinstance(each, exp.Literal) and not each.is_string:
                place = int(each.this)
                if not 1 <= place <= len(items):
                    raise self.failure("INVALID_COLUMN_REFERENCE", f"GROUP BY position {place} is not in select list", each)
                item = items[place - 1][1]
                found = Typed(item.sql, item.type) if isinstance(item, Field) else t.of(item)
                if isinstance(item, Field):
                    t.uses |= item.uses
            else:
                found = t.of(each.this if isinstance(each, exp.Paren) else each)
            if not types.compares(found.type):
                raise self.failure("TYPE_MISMATCH", f"{found.type} is not comparable, and therefore cannot be used in GROUP BY", each)
            keys.append(found.sql)
            return found.sql

        def listed(each: exp.Expression) -> str:
            inner = each.expressions if isinstance(each, exp.Tuple) else [each]
            return "(" + ", ".join(key(part) for part in inner) + ")"

        words = {exp.GroupingSets: "GROUPING SETS", exp.Rollup: "ROLLUP", exp.Cube: "CUBE"}
        parts = [
            f"{words[type(each)]} ({', '.join(map(listed, each.expressions))})" if type(each) in words else key(each) for each in group.expressions
        ]  # fmt: skip
        return keys, " GROUP BY " + ", ".join(parts)

    def _sorted(
        self, order: exp.Order, t: Translator, outputs: list[Field], by_alias: dict[str, int], *, is_distinct: bool = False, expressions: list[str] | None = None,
    ) -> str:  # fmt: skip
        parts = []
        for each in order.expressions:
            of, sql = each.this, ""
            if isinstance(of, exp.Literal) and not of.is_string:
                place = int(of.this)
                if not 1 <= place <= len(outputs):
                    raise self.failure("INVALID_COLUMN_REFERENCE", f"ORDER BY position {place} is not in select list", of)
                field = outputs[place - 1]
            elif isinstance(of, exp.Column) and not of.table and of.name.lower() in by_alias:
                field = outputs[by_alias[of.name.lower()]]
            else:
                field = None
            if field is not None:
                sql, type_ = (str(outputs.index(field) + 1) if expressions is not None else field.sql), field.type
                t.uses |= field.uses
            else:
                found = self._over_aliases(of, t, outputs, by_alias)
                if found.is_constant:
                    continue
                sql, type_ = found.sql, found.type
                if is_distinct and sql not in (expressions or ()):
                    raise self.failure("EXPRESSION_NOT_IN_DISTINCT", "For SELECT DISTINCT, ORDER BY expressions must appear in select list", of)
            if not types.orders(type_):
                raise self.failure("TYPE_MISMATCH", f"Type {type_} is not orderable, and therefore cannot be used in ORDER BY", of)
            parts.append(f"{sql}{' DESC' if each.args.get('desc') else ''}{nulls_of(each, self.text)}")
        return " ORDER BY " + ", ".join(parts) if parts else ""

    @staticmethod
    def _over_aliases(node: exp.Expression, t: Translator, outputs: list[Field], by_alias: dict[str, int]) -> Typed:
        """Names of the columns that come out hide those that went in."""
        aliases = [outputs[place] for place in by_alias.values()]
        hidden = {each.name for each in aliases}
        scope, t.scope = t.scope, Scope([*aliases, *(each for each in t.scope.fields if each.name not in hidden)], t.scope.outer)
        grouping = t.grouping
        if grouping is not None:
            t.grouping = Grouping(grouping.keys | {each.sql for each in aliases})
        try:
            # A qualified name means what went in.
            if any(each.table for each in node.find_all(exp.Column)):
                t.scope = scope
            return t.of(node)
        finally:
            t.scope, t.grouping = scope, grouping
