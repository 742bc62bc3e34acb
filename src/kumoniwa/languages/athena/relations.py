"""What stands behind FROM: tables, views, names in WITH, subqueries, joins and UNNEST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlglot import exp

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.scope import Field, Scope, known_only
from kumoniwa.languages.athena.signature import Typed, coerced
from kumoniwa.languages.athena.syntax import parsed
from kumoniwa.languages.athena.types import Type, quoted


class Column(NamedTuple):
    name: str
    type: Type
    is_partition: bool = False


class Known(NamedTuple):
    """What the catalogue says of a name: a table's columns, or the text of a view with the database it is read in."""

    columns: tuple[Column, ...]
    view: str = ""
    database: str = ""


class Scan(NamedTuple):
    number: int
    """DuckDB's name of it is ``scan_NUMBER``."""
    database: str
    table: str
    needed: set[str]
    filters: list[str]
    """Conditions over the partition keys, in DuckDB's SQL."""


class Output(NamedTuple):
    """A query in DuckDB's SQL, whose columns are c0, c1, …"""

    sql: str
    fields: tuple[Field, ...]
    uses: frozenset
    """What is read whichever columns are wanted."""

    def all_uses(self) -> frozenset:
        return self.uses.union(*(each.uses for each in self.fields))


class Relation(NamedTuple):
    sql: str
    fields: list[Field]
    uses: frozenset
    nullable: bool = False


Catalogue = Callable[[str, str], "Known | None"]
"""By database and table, in lower case."""
DEPTH_MAX = 30
PATH = "$path"
"""The place of the file that a row is of: a column that is there without being told."""


class Relations:
    """The part of a query that knows relations; the rest of it is ``query.Query``."""

    # FROM -----------------------------------------------------------------------------------------------------

    def _from(self, node: exp.Select, outer: Scope | None, known: dict[str, Any]) -> Relation:
        first = node.args.get("from_")
        if first is None:
            return Relation("", [], frozenset())
        relation = self._relation(first.this, outer, known, [])
        for join in node.args.get("joins") or ():
            relation = self._joined(relation, join, outer, known)
        return relation

    def _joined(self, left: Relation, join: exp.Join, outer: Scope | None, known: dict[str, Any]) -> Relation:
        known_only(join, "this", "kind", "side", "on", "using", "method")
        if join.args.get("method"):
            raise self.failure("NOT_SUPPORTED", "Natural join not supported", join.this)
        side, kind = join.side.upper(), join.kind.upper()
        right = self._relation(join.this, outer, known, left.fields)
        uses, whole_left, whole_right = left.uses | right.uses, left.fields, right.fields
        if side in ("LEFT", "FULL"):
            right = right._replace(fields=[each._replace(direct=None) for each in right.fields])
        if side in ("RIGHT", "FULL"):
            left = left._replace(fields=[each._replace(direct=None) for each in left.fields])
        fields = [*left.fields, *right.fields]
        word = f"{side} JOIN" if side else "CROSS JOIN" if kind == "CROSS" or (not join.args.get("on") and not join.args.get("using")) else "JOIN"
        condition = ""
        if join.args.get("on") is not None:
            t = self._translator(Scope(fields, outer), known)
            t.is_aggregate_allowed = t.is_window_allowed = False
            t.clause = "JOIN clause"
            condition = f" ON {t.boolean(join.args['on'], 'JOIN ON clause')}"
            uses |= t.uses
            if side in ("", "LEFT", "RIGHT"):
                # What an outer join keeps whole its condition does not choose.
                chosen = {"": fields, "LEFT": whole_right, "RIGHT": whole_left}[side]
                on = join.args["on"]
                for part in on.flatten(unnest=False) if isinstance(on, exp.And) else [on]:
                    self._prune(part, Relation("", chosen, frozenset()), known)
        elif join.args.get("using"):
            condition, fields, more = self._using(join, left, right, side)
            uses |= more
        elif side:
            raise self.failure("SYNTAX_ERROR", "an outer join needs a condition", join.this)
        return Relation(f"{left.sql} {word} {right.sql}{condition}", fields, uses)

    def _using(self, join: exp.Join, left: Relation, right: Relation, side: str) -> tuple[str, list[Field], frozenset]:
        conditions, shared, names, uses = [], [], set(), frozenset()
        for each in join.args["using"]:
            name = each.name.lower()
            a, b = Scope(left.fields).named(name), Scope(right.fields).named(name)
            for found, what in ((a, "left"), (b, "right")):
                if len(found) != 1:
                    raise self.failure("COLUMN_NOT_FOUND", f"Column '{name}' is missing from {what} side of join", each)
            to = types.common(a[0].type, b[0].type)
            if to is None:
                raise self.failure("TYPE_MISMATCH", f"Column '{name}' has incompatible types: {a[0].type}, {b[0].type}", each)
            x, y = (coerced(Typed(found[0].sql, found[0].type), to).sql for found in (a, b))
            conditions.append(f"{x} = {y}")
            both = a[0].uses | b[0].uses
            uses |= both
            sql = f"coalesce({x}, {y})" if side == "FULL" else y if side == "RIGHT" else x
            shared.append(Field(name, None, sql, to, both, a[0].direct if not side else None))
            names.add(name)
        rest = [each for each in (*left.fields, *right.fields) if each.name not in names]
        return f" ON {' AND '.join(conditions)}", [*shared, *rest], uses

    def _relation(self, node: exp.Expression, outer: Scope | None, known: dict[str, Any], before: list[Field]) -> Relation:
        """``before`` are the fields of what stands to its left, which UNNEST sees."""
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            raise Unbuilt("table functions")
        if isinstance(node, exp.Table):
            found = self._table(node, outer, known)
            return self._with_joins(node, found, outer, known)
        if isinstance(node, exp.Unnest):
            return self._unnest(node, outer, known, before)
        if isinstance(node, exp.Lateral):
            inner = self.of(node.this, Scope(before, outer), known)
            return self._aliased(node, inner, "LATERAL ")
        if isinstance(node, exp.Values):
            return self._aliased(node, self.of(node, outer, known))
        if isinstance(node, exp.Subquery) and isinstance(node.this, (exp.Table, exp.Subquery)) and not node.alias and node.this.args.get("joins"):
            return self._relation(node.this, outer, known, before)
        if isinstance(node, exp.Subquery):
            known_only(node, "this", "alias", "with_", "joins", "order", "limit", "offset")
            return self._with_joins(node, self._aliased(node, self.of(node, outer, known)), outer, known)
        raise Unbuilt(f"{type(node).__name__} as a table")

    def _with_joins(self, node: exp.Expression, relation: Relation, outer: Scope | None, known: dict[str, Any]) -> Relation:
        for join in node.args.get("joins") or ():
            relation = self._joined(relation, join, outer, known)
        return relation._replace(sql=f"({relation.sql})") if node.args.get("joins") else relation

    def _aliased(self, node: exp.Expression, inner: Output, prefix: str = "") -> Relation:
        name, alias = self._name(), node.args.get("alias")
        called = alias.name.lower() if alias is not None and alias.this is not None else None
        names = [each.name.lower() for each in alias.columns] if alias is not None else []
        return self._wrapped(name, called, names, inner, node, prefix)

    def _wrapped(self, name: str, called: str | None, names: list[str], inner: Output, node: exp.Expression, prefix: str = "") -> Relation:
        if names and len(names) != len(inner.fields):
            raise self.failure("MISMATCHED_COLUMN_ALIASES", f"Column alias list has {len(names)} entries but '{called}' has {len(inner.fields)} columns available", node)
        fields = [
            Field(names[n] if names else each.name, called, f"{name}.c{n}", each.type, each.uses, each.direct)
            for n, each in enumerate(inner.fields)
        ]
        return Relation(f"{prefix}({inner.sql}) AS {name}", fields, inner.uses)

    def _unnest(self, node: exp.Unnest, outer: Scope | None, known: dict[str, Any], before: list[Field]) -> Relation:
        known_only(node, "expressions", "alias", "offset")
        t = self._translator(Scope(before, outer), known)
        columns: list[tuple[str, Type]] = []
        sizes = []
        for each in node.expressions:
            of = t.of(each)
            sizes.append(f"coalesce(len({of.sql}), 0)" if of.type.kind == "array" else f"coalesce(cardinality({of.sql}), 0)")
            if of.type.kind == "map":
                columns += [(f"unnest(map_keys({of.sql}))", of.type.args[0]), (f"unnest(map_values({of.sql}))", of.type.args[1])]
            elif of.type.kind == "array" and of.type.args[0].kind == "row":
                columns += [
                    (f"unnest(list_transform({of.sql}, lambda u: struct_extract_at(u, {n + 1})))", part)
                    for n, part in enumerate(of.type.args[0].args)
                ]
            elif of.type.kind == "array":
                columns.append((f"unnest({of.sql})", of.type.args[0]))
            else:
                raise self.failure("TYPE_MISMATCH", f"Cannot unnest type: {of.type}", each)
        alias, offset = node.args.get("alias"), node.args.get("offset")
        names = [each.name.lower() for each in alias.columns] if alias is not None else []
        if offset:
            columns.append((f"unnest(range(1, greatest({', '.join(sizes)}) + 1))", types.BIGINT))
            if isinstance(offset, exp.Identifier):
                names.append(offset.name.lower())
        name = self._name()
        listed = ", ".join(f"{sql} AS c{n}" for n, (sql, _) in enumerate(columns))
        uses = frozenset(t.uses)
        inner = Output(f"SELECT {listed}", tuple(Field(None, None, f"c{n}", type_) for n, (_, type_) in enumerate(columns)), uses)
        return self._wrapped(name, alias.name.lower() if alias is not None else None, names, inner, node, "LATERAL " if before else "")

    def _table(self, node: exp.Table, outer: Scope | None, known: dict[str, Any]) -> Relation:
        known_only(node, "this", "db", "catalog", "alias", "joins")
        table, database = node.name.lower(), node.db.lower()
        alias = node.args.get("alias")
        called = alias.name.lower() if alias is not None and alias.this is not None else table
        names = [each.name.lower() for each in alias.columns] if alias is not None else []
        if not database and table in known:
            body, columns, inner_known = known[table]
            inner = self.of(body, None, inner_known)
            if columns and len(columns) != len(inner.fields):
                raise self.failure("MISMATCHED_COLUMN_ALIASES", f"Column alias list has {len(columns)} entries but relation has {len(inner.fields)} columns", node)
            if columns:
                inner = inner._replace(fields=tuple(each._replace(name=name) for each, name in zip(inner.fields, columns)))
            return self._wrapped(self._name(), called, names, inner, node)
        catalog = node.catalog.lower() or self.catalog
        if database == "information_schema":
            raise Unbuilt("tables of information_schema")
        if catalog != "awsdatacatalog":
            raise self.failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' does not exist", node)
        if not database and not self.database:
            raise self.failure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", node)
        database = database or self.database
        try:
            found = self.catalogue(database, table)
        except QueryFailure as failure:
            raise self.failure(failure.code, str(failure).partition(": ")[2], node) from None
        if found is None:
            raise self.failure("TABLE_NOT_FOUND", f"Table '{catalog}.{database}.{table}' does not exist", node)
        if found.view:
            return self._view(found, database, called, names, node)
        scan = Scan(len(self.scans), database, table, set(), [])
        self.scans.append(scan)
        name = self._name()
        if names and len(names) != len(found.columns):
            raise self.failure("MISMATCHED_COLUMN_ALIASES", f"Column alias list has {len(names)} entries but '{table}' has {len(found.columns)} columns available", node)
        fields = [
            Field(names[n] if names else each.name, called, f"{name}.{quoted(each.name)}", each.type, frozenset({(scan.number, each.name)}),
                  (scan.number, each.name), database if alias is None else None)
            for n, each in enumerate(found.columns)
        ]  # fmt: skip
        path = Field(PATH, called, f"{name}.{quoted(PATH)}", types.VARCHAR, frozenset({(scan.number, PATH)}), None, database if alias is None else None)
        return Relation(f"scan_{scan.number} AS {name}", [*fields, path], frozenset())

    def _view(self, found: Known, database: str, called: str, names: list[str], node: exp.Table) -> Relation:
        view = type(self)(found.view, self.catalogue, found.database or database, self.now)
        view.scans, view.names, view.depth = self.scans, self.names, self.depth + 1
        if view.depth > DEPTH_MAX:
            raise self.failure("VIEW_IS_RECURSIVE", "View is recursive", node)
        try:
            inner = view.of(parsed(found.view), None, {})
        except QueryFailure as failure:
            raise self.failure("INVALID_VIEW", f"Failed analyzing stored view 'awsdatacatalog.{database}.{node.name.lower()}': {failure}", node) from None
        self.names = view.names
        types_ = [each.type for each in found.columns]
        if found.columns and len(types_) == len(inner.fields):
            inner = inner._replace(fields=tuple(each._replace(name=column.name) for each, column in zip(inner.fields, found.columns)))
        elif found.columns:
            raise self.failure("VIEW_IS_STALE", f"View 'awsdatacatalog.{database}.{node.name.lower()}' is stale or in invalid state", node)
        return self._wrapped(self._name(), called, names, inner, node)
