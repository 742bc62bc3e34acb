"""From an expression of Trino's to DuckDB's SQL, with its type: what names mean, which operators exist, what is coerced.

Failures are those of Trino's analyzer, with its codes and words:
https://github.com/trinodb/trino/blob/master/core/trino-main/src/main/java/io/trino/sql/analyzer/ExpressionAnalyzer.java
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from kumoniwa.languages.athena import cast as casts
from kumoniwa.languages.athena import functions_nested as nested
from kumoniwa.languages.athena import functions_time as times
from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.aggregates import divided
from kumoniwa.languages.athena.calls import Calls
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt, line_and_column
from kumoniwa.languages.athena.scope import Field, Grouping, Scope, Use, known_only
from kumoniwa.languages.athena.signature import Typed, coerced
from kumoniwa.languages.athena.syntax import offset_of
from kumoniwa.languages.athena.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, UNKNOWN, VARCHAR, Type, text_of

ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_NAMES = {"+": "addition", "-": "subtraction", "*": "multiplication"}
COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


class Translator(Calls):
    """Turns expressions within one SELECT. ``query`` answers subqueries, ``uses`` gathers what is read of scans."""

    def __init__(self, text: str, scope: Scope, query: Callable[..., Any], now: float, values: list[Typed]) -> None:
        self.text, self.scope, self.query, self.now, self.values = text, scope, query, now, values
        self.uses: set[Use] = set()
        self.grouping: Grouping | None = None
        self.aggregates = 0
        """How many were met."""
        self.is_aggregate_allowed = self.is_window_allowed = True
        self.within_aggregate = False
        self.has_window = False
        self.windows: dict[str, exp.Window] = {}
        self.lambdas: list[dict[str, Typed]] = []

    # Places ---------------------------------------------------------------------------------------------------

    def failure(self, code: str, text: str, node: exp.Expression) -> QueryFailure:
        offset = offset_of(node)
        return QueryFailure(code, text, line_and_column(self.text, offset) if offset is not None else None)

    # Expressions ----------------------------------------------------------------------------------------------

    def of(self, node: exp.Expression) -> Typed:
        """Raises QueryFailure, Unbuilt."""
        if self.grouping is not None and not self.within_aggregate and not isinstance(node, exp.Literal):
            kept, self.grouping = self.grouping, None
            state = self.aggregates, self.has_window
            try:
                found = self._of(node)
            finally:
                self.grouping = kept
            if found.sql in kept.keys:
                return found
            self.aggregates, self.has_window = state
        return self._of(node)

    def _of(self, node: exp.Expression) -> Typed:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise Unbuilt(f"{type(node).__name__} in an expression")
        try:
            return method(node)
        except QueryFailure as failure:
            if failure.place is None and failure.code != "GENERIC":
                text = str(failure).partition(": ")[2]
                raise self.failure(failure.code, text, node) from None
            raise

    def boolean(self, node: exp.Expression, what: str) -> str:
        found = self.of(node)
        if found.type.kind not in ("boolean", "unknown"):
            raise self.failure("TYPE_MISMATCH", f"{what} must evaluate to a boolean: actual type {found.type}", node)
        return found.sql

    def _paren(self, node: exp.Paren) -> Typed:
        inner = self.of(node.this)
        return inner if inner.value is not None else inner._replace(sql=f"({inner.sql})")

    def _literal(self, node: exp.Literal) -> Typed:
        text = node.this
        if node.is_string:
            return Typed(text_of(text), Type("varchar", (len(text),)), text, True)
        if text.isdigit():
            number = int(text)
            if number > 2**63 - 1:
                raise self.failure("INVALID_LITERAL", f"Invalid numeric literal: {text}", node)
            type_ = INTEGER if number < 2**31 else BIGINT
            return Typed(f"{number}::{types.duck(type_)}", type_, number, True)
        if "e" in text.lower():
            return Typed(f"{text}::DOUBLE", DOUBLE, float(text), True)
        whole, _, fraction = text.partition(".")
        type_ = types.decimal(len(whole.lstrip("0")) + len(fraction) or 1, len(fraction))
        return Typed(f"CAST('{text}' AS {types.duck(type_)})", type_, float(text), True)

    def _null(self, node: exp.Null) -> Typed:
        return Typed("NULL", UNKNOWN, None, True)

    def _boolean(self, node: exp.Boolean) -> Typed:
        return Typed("true" if node.this else "false", BOOLEAN, bool(node.this), True)

    def _hexstring(self, node: exp.HexString) -> Typed:
        return Typed(f"unhex('{node.this}')", types.VARBINARY, None, True)

    def _placeholder(self, node: exp.Placeholder) -> Typed:
        return self.values[node.meta["parameter"]]

    def _array(self, node: exp.Array) -> Typed:
        parts = [self.of(each) for each in node.expressions]
        of = self._common(parts, node, "All ARRAY elements") if parts else UNKNOWN
        inner = ", ".join(coerced(each, of).sql for each in parts)
        return Typed(f"CAST([{inner}] AS {types.duck(types.array(of))})", types.array(of), is_constant=all(each.is_constant for each in parts))

    def _tuple(self, node: exp.Tuple) -> Typed:
        return self._row([self.of(each) for each in node.expressions])

    def _row(self, parts: list[Typed]) -> Typed:
        type_ = types.row(*((None, each.type) for each in parts))
        return Typed(casts.packed(type_, [each.sql for each in parts]), type_)

    def _common(self, parts: list[Typed], node: exp.Expression, what: str) -> Type:
        found: Type | None = UNKNOWN
        for each in parts:
            before, found = found, types.common(found, each.type)
            if found is None:
                raise self.failure("TYPE_MISMATCH", f"{what} must be the same type or coercible to a common type. Cannot find common type between "
                                   f"{before} and {each.type}, all types (without duplicates): [{', '.join(dict.fromkeys(str(p.type) for p in parts))}]", node)  # fmt: skip
        return found

    # Names ----------------------------------------------------------------------------------------------------

    def _identifier(self, node: exp.Identifier) -> Typed:
        return self._named([node], node)

    def _column(self, node: exp.Column) -> Typed:
        known_only(node, "this", "table", "db", "catalog")
        if isinstance(node.this, exp.Star):
            raise self.failure("SYNTAX_ERROR", "* is no expression", node)
        return self._named(node.parts, node)

    def _named(self, parts: list[exp.Identifier], node: exp.Expression) -> Typed:
        names = [part.name.lower() for part in parts]
        for variables in reversed(self.lambdas):
            if names[0] in variables:
                return self._deref(variables[names[0]], names[1:], node)
        scope: Scope | None = self.scope
        while scope is not None:
            for taken, found in self._candidates(scope, names):
                if len(found) > 1:
                    raise self.failure("AMBIGUOUS_NAME", f"Column '{'.'.join(names[:taken])}' is ambiguous", node)
                if found:
                    return self._deref(self._read(found[0], scope is self.scope, node), names[taken:], node)
            scope = scope.outer
        if names[-1] in ("$bucket", "$file_modified_time", "$file_size", "$partition"):
            raise Unbuilt(f"the hidden column {names[-1]}")
        raise self.failure("COLUMN_NOT_FOUND", f"Column '{'.'.join(names)}' cannot be resolved or requester is not authorized to access requested resources", node)

    @staticmethod
    def _candidates(scope: Scope, names: list[str]):
        if len(names) > 2:
            yield 3, scope.named(names[2], names[1], names[0])
        if len(names) > 1:
            yield 2, scope.named(names[1], names[0])
        yield 1, scope.named(names[0])

    def _read(self, field: Field, is_own: bool, node: exp.Expression) -> Typed:
        if is_own and self.grouping is not None and not self.within_aggregate:
            name = f"{field.relation}.{field.name}" if isinstance(node, exp.Column) and node.table else field.name
            raise self.failure("EXPRESSION_NOT_AGGREGATE", f"'{name}' must be an aggregate expression or appear in GROUP BY clause", node)
        self.uses |= field.uses
        return Typed(field.sql, field.type)

    def _deref(self, base: Typed, names: list[str], node: exp.Expression) -> Typed:
        for name in names:
            lowered = [each.lower() if each else each for each in base.type.names]
            if base.type.kind != "row" or name not in lowered:
                raise self.failure("COLUMN_NOT_FOUND" if base.type.kind == "row" else "TYPE_MISMATCH",
                                   f"Column '{node.sql()}' cannot be resolved" if base.type.kind == "row" else f"Expression {node.sql()} is not of type ROW", node)  # fmt: skip
            base = nested.field(base, lowered.index(name))
        return base

    def _dot(self, node: exp.Dot) -> Typed:
        return self._deref(self.of(node.this), [node.expression.name.lower()], node)

    def _bracket(self, node: exp.Bracket) -> Typed:
        known_only(node, "this", "expressions")
        return nested.subscript(self.of(node.this), self.of(node.expressions[0]))

    # Operators ------------------------------------------------------------------------------------------------

    def _binary(self, node: exp.Binary) -> Typed:
        return self.arithmetic(ARITHMETIC[type(node)], self.of(node.this), self.of(node.expression), node)

    _add = _sub = _mul = _div = _mod = _binary

    def arithmetic(self, sign: str, a: Typed, b: Typed, node: exp.Expression) -> Typed:
        timed = self._time_arithmetic(sign, a, b)
        if timed is not None:
            return timed
        to = types.common(a.type, b.type)
        if to is not None and to.kind == "unknown":
            to = INTEGER
        if to is None or to.kind not in types.NUMBERS:
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {sign} {b.type}", node)
        if to.kind == "decimal":
            return self._decimal(sign, a, b)
        x, y, duck = coerced(a, to).sql, coerced(b, to).sql, types.duck(to)
        is_constant = a.is_constant and b.is_constant
        if to.kind in types.INTEGERS:
            operator = "//" if sign == "/" else sign
            return Typed(f"CAST(({x} {operator} {y}) AS {duck})", to, is_constant=is_constant)
        return Typed(f"fmod({x}, {y})" if sign == "%" else f"({x} {sign} {y})", to, is_constant=is_constant)

    def _decimal(self, sign: str, a: Typed, b: Typed) -> Typed:
        """https://trino.io/docs/current/functions/decimal.html"""
        (p1, s1), (p2, s2) = types.as_decimal(a.type) if a.type != UNKNOWN else (1, 0), types.as_decimal(b.type) if b.type != UNKNOWN else (1, 0)
        x, y = coerced(a, types.decimal(p1, s1)).sql, coerced(b, types.decimal(p2, s2)).sql
        if sign in "+-":
            to = types.decimal(max(s1, s2) + max(p1 - s1, p2 - s2) + 1, max(s1, s2))
        elif sign == "*":
            to = types.decimal(p1 + p2, s1 + s2)
        elif sign == "%":
            to = types.decimal(min(p2 - s2, p1 - s1) + max(s1, s2), max(s1, s2))
        else:
            to = types.decimal(p1 + s2 + max(0, s2 - s1), max(s1, s2))
            return Typed(divided(x, s1, y, s2, to), to)
        return Typed(f"CAST(({x} {sign} {y}) AS {types.duck(to)})", to)

    def _time_arithmetic(self, sign: str, a: Typed, b: Typed) -> Typed | None:
        kinds, instants = (a.type.kind, b.type.kind), ("date", "timestamp", "timestamptz")
        if sign == "+" and kinds[0].startswith("interval") and kinds[1] in instants:
            return self._time_arithmetic(sign, b, a)
        if kinds[0] in instants and kinds[1].startswith("interval") and sign in "+-":
            count = b.sql if sign == "+" else f"(-{b.sql})"
            if b.type == types.MONTHS:
                return times.plus(a, count, "month")
            if kinds[0] == "date":
                bad = f"{b.sql} % 86400000 <> 0"
                days = casts.guarded(bad, f"{count} // 86400000", "INVALID_FUNCTION_ARGUMENT", "'Cannot add hour, minutes or seconds to a date'")
                return times.plus(a, days, "day")
            return times.plus(a, count, "millisecond")
        if sign == "-" and kinds[0] in instants and kinds[1] in instants:
            to = types.common(a.type, b.type)
            x, y = coerced(a, to).sql, coerced(b, to).sql
            at = "CAST({} AS TIMESTAMP)" if to.kind == "date" else "{}"
            return Typed(f"(epoch_ms({at.format(x)}) - epoch_ms({at.format(y)}))", types.MILLISECONDS)
        if kinds[0].startswith("interval") and kinds[0] == kinds[1] and sign in "+-":
            return Typed(f"({a.sql} {sign} {b.sql})", a.type)
        if sign == "*" and kinds[0].startswith("interval") and kinds[1] in (*types.INTEGERS, "double"):
            return Typed(f"CAST(trunc({a.sql} * {b.sql}) AS {types.duck(a.type)})", a.type)
        if sign == "*" and kinds[1].startswith("interval"):
            return self._time_arithmetic(sign, b, a)
        if sign == "/" and kinds[0].startswith("interval") and kinds[1] in (*types.INTEGERS, "double"):
            return Typed(f"CAST(trunc({a.sql} / {b.sql}) AS {types.duck(a.type)})", a.type)
        return None

    def _neg(self, node: exp.Neg) -> Typed:
        if isinstance(node.this, exp.Literal) and node.this.this == "9223372036854775808":
            return Typed("(-9223372036854775808)::BIGINT", BIGINT, is_constant=True)
        a = self.of(node.this)
        if a.type.kind not in types.NUMBERS and not a.type.kind.startswith("interval"):
            raise self.failure("TYPE_MISMATCH", f"Cannot negate {a.type}", node)
        value = -a.value if isinstance(a.value, (int, float)) else None
        return Typed(f"CAST((-({a.sql})) AS {types.duck(a.type)})", a.type, value, a.is_constant)

    def _dpipe(self, node: exp.DPipe) -> Typed:
        known_only(node, "this", "expression", "safe")
        return self._applied("concat", [self.of(node.this), self.of(node.expression)], node)

    def _comparison(self, node: exp.Binary) -> Typed:
        sign = COMPARISONS[type(node)]
        a = self.of(node.this)
        if isinstance(node.expression, (exp.Any, exp.All)):
            return self._quantified(sign, a, node)
        return self.compared(sign, a, self.of(node.expression), node)

    _eq = _neq = _lt = _lte = _gt = _gte = _comparison

    def compared(self, sign: str, a: Typed, b: Typed, node: exp.Expression) -> Typed:
        to = types.common(a.type, b.type)
        able = types.orders if sign not in ("=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM") else types.compares
        if to is None or not able(to):
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {sign} {b.type}", node)
        x, y = coerced(a, to).sql, coerced(b, to).sql
        if to.kind in ("array", "map", "row") and sign in ("=", "<>"):
            return Typed(_alike(x, y, to) if sign == "=" else f"(NOT {_alike(x, y, to)})", BOOLEAN)
        if to.kind in ("double", "real") and sign not in ("IS DISTINCT FROM", "IS NOT DISTINCT FROM"):
            # NaN equals nothing in Trino, and itself in DuckDB.
            odd = [f"isnan({each.sql})" for each in (coerced(a, to), coerced(b, to)) if not each.is_constant]
            if odd:
                return Typed(f"({x} {sign} {y} {'OR' if sign == '<>' else 'AND NOT'} ({' OR '.join(odd)}))", BOOLEAN)
        return Typed(f"({x} {sign} {y})", BOOLEAN, is_constant=a.is_constant and b.is_constant)

    def _nullsafeeq(self, node: exp.NullSafeEQ) -> Typed:
        return self.compared("IS NOT DISTINCT FROM", self.of(node.this), self.of(node.expression), node)

    def _nullsafeneq(self, node: exp.NullSafeNEQ) -> Typed:
        return self.compared("IS DISTINCT FROM", self.of(node.this), self.of(node.expression), node)

    def _quantified(self, sign: str, a: Typed, node: exp.Binary) -> Typed:
        inner = node.expression.this
        if not isinstance(inner, (exp.Subquery, exp.Query)):
            raise Unbuilt("a quantified comparison with no subquery")
        found = self.query(inner, self)
        to = types.common(a.type, found.fields[0].type)
        if to is None:
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {sign} {found.fields[0].type}", node)
        self.uses |= found.all_uses()
        word = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
        column = coerced(Typed("q.c0", found.fields[0].type), to).sql
        return Typed(f"({coerced(a, to).sql} {sign} {word} (SELECT {column} FROM ({found.sql}) AS q))", BOOLEAN)

    def _and(self, node: exp.And) -> Typed:
        return self._logical("AND", node)

    def _or(self, node: exp.Or) -> Typed:
        return self._logical("OR", node)

    def _logical(self, word: str, node: exp.Connector) -> Typed:
        parts = list(node.flatten(unnest=False))
        sides = [self.boolean(part, f"Left side of logical expression {part.sql()}") for part in parts]
        return Typed("(" + f" {word} ".join(sides) + ")", BOOLEAN)

    def _not(self, node: exp.Not) -> Typed:
        return Typed(f"(NOT {self.boolean(node.this, 'Value of logical NOT expression')})", BOOLEAN)

    def _is(self, node: exp.Is) -> Typed:
        if not isinstance(node.expression, exp.Null):
            raise Unbuilt("IS with something else than NULL")
        return Typed(f"({self.of(node.this).sql} IS NULL)", BOOLEAN)

    def _between(self, node: exp.Between) -> Typed:
        known_only(node, "this", "low", "high")
        of = self.of(node.this)
        low, high = (self.compared(sign, of, self.of(node.args[name]), node).sql for sign, name in ((">=", "low"), ("<=", "high")))
        return Typed(f"({low} AND {high})", BOOLEAN)

    def _in(self, node: exp.In) -> Typed:
        known_only(node, "this", "expressions", "query")
        of = self.of(node.this)
        if node.args.get("query") is not None:
            found = self.query(node.args["query"], self)
            inner = Typed("", types.row(*((None, each.type) for each in found.fields))) if len(found.fields) > 1 else Typed("", found.fields[0].type)
            to = types.common(of.type, inner.type)
            if to is None:
                raise self.failure("TYPE_MISMATCH", f"value and result of subquery must be of the same type for IN expression: {of.type} vs {inner.type}", node)
            self.uses |= found.all_uses()
            column = "q.c0" if len(found.fields) == 1 else casts.packed(inner.type, [f"q.c{n}" for n in range(len(found.fields))])
            return Typed(f"({coerced(of, to).sql} IN (SELECT {coerced(Typed(column, inner.type), to).sql} FROM ({found.sql}) AS q))", BOOLEAN)
        parts = [self.of(each) for each in node.expressions]
        to = self._common([of, *parts], node, "IN value and list items")
        return Typed(f"({coerced(of, to).sql} IN ({', '.join(coerced(each, to).sql for each in parts)}))", BOOLEAN)

    def _exists(self, node: exp.Exists) -> Typed:
        found = self.query(node.this, self)
        self.uses |= found.uses
        return Typed(f"EXISTS (SELECT 1 FROM ({found.sql}) AS q)", BOOLEAN)

    def _subquery(self, node: exp.Subquery) -> Typed:
        found = self.query(node, self)
        if len(found.fields) != 1:
            return self._row_subquery(found)
        self.uses |= found.all_uses()
        return Typed(f"({found.sql})", found.fields[0].type)

    _select = _union = _intersect = _except = _subquery

    def _row_subquery(self, found: Any) -> Typed:
        type_ = types.row(*((each.name, each.type) for each in found.fields))
        self.uses |= found.all_uses()
        return Typed(f"(SELECT {casts.packed(type_, [f'q.c{n}' for n in range(len(found.fields))])} FROM ({found.sql}) AS q)", type_)

    def _like(self, node: exp.Like) -> Typed:
        return self._liked(node, "")

    def _escape(self, node: exp.Escape) -> Typed:
        if not isinstance(node.this, exp.Like):
            raise Unbuilt("ESCAPE without LIKE")
        return self._liked(node.this, f" ESCAPE {self.of(node.expression).sql}")

    def _liked(self, node: exp.Like, escape: str) -> Typed:
        a, b = self.of(node.this), self.of(node.expression)
        for side, what in ((a, "Left side of LIKE expression"), (b, "Pattern for LIKE expression")):
            if side.type.kind not in ("varchar", "char", "unknown"):
                raise self.failure("TYPE_MISMATCH", f"{what} must evaluate to a varchar (actual: {side.type})", node)
        return Typed(f"({a.sql} LIKE {b.sql}{escape})", BOOLEAN)

    # Forms of their own ---------------------------------------------------------------------------------------

    def _case(self, node: exp.Case) -> Typed:
        operand = self.of(node.this) if node.this is not None else None
        conditions, results = [], []
        for each in node.args["ifs"]:
            if operand is None:
                conditions.append(self.boolean(each.this, "CASE WHEN clause"))
            else:
                conditions.append(self.compared("=", operand, self.of(each.this), each).sql)
            results.append(self.of(each.args["true"]))
        default = self.of(node.args["default"]) if node.args.get("default") is not None else Typed("NULL", UNKNOWN)
        to = self._common([*results, default], node, "All CASE results")
        whens = " ".join(f"WHEN {condition} THEN {coerced(result, to).sql}" for condition, result in zip(conditions, results))
        return Typed(f"(CASE {whens} ELSE {coerced(default, to).sql} END)", to)

    def _if(self, node: exp.If) -> Typed:
        condition = self.boolean(node.this, "IF condition")
        yes = self.of(node.args["true"])
        no = self.of(node.args["false"]) if node.args.get("false") is not None else Typed("NULL", UNKNOWN)
        to = self._common([yes, no], node, "Result types for IF")
        return Typed(f"(CASE WHEN {condition} THEN {coerced(yes, to).sql} ELSE {coerced(no, to).sql} END)", to)

    def _cast(self, node: exp.Cast) -> Typed:
        known_only(node, "this", "to", "safe", "requires_string")
        to, of = self.type_of(node.args["to"], node), self.of(node.this)
        if to.kind == "timestamptz" and isinstance(of.value, str):
            to = Type("timestamptz", (_zone_in(of.value),))
            if "/" in to.args[0]:
                clock = casts.cast(text_of(of.value.strip().rpartition(" ")[0]), VARCHAR, types.TIMESTAMP)
                return Typed(f"timezone({text_of(to.args[0])}, {clock})", to, is_constant=True)
        if not casts.allowed(of.type, to):
            raise self.failure("TYPE_MISMATCH", f"Cannot cast {of.type} to {to}", node)
        sql = casts.cast(of.sql, of.type, to)
        if isinstance(node, exp.TryCast):
            sql = f"TRY({sql})" if sql != of.sql else sql
        return Typed(sql, to, is_constant=of.is_constant)

    _trycast = _cast

    def type_of(self, node: exp.DataType, at: exp.Expression) -> Type:
        from_name = node.this.name if hasattr(node.this, "name") else str(node.this)
        if from_name == "TIMESTAMPTZ":
            return types.UTC
        if from_name == "STRUCT":
            return types.row(*((each.name.lower(), self.type_of(each.kind, at)) if isinstance(each, exp.ColumnDef) else (None, self.type_of(each, at))
                               for each in node.expressions))  # fmt: skip
        if from_name == "ARRAY" and node.expressions:
            return types.array(self.type_of(node.expressions[0], at))
        if from_name == "MAP":
            if len(node.expressions) != 2:
                raise self.failure("TYPE_NOT_FOUND", "Unknown type: map", at)
            return types.map_of(*(self.type_of(each, at) for each in node.expressions))
        plain = {"TEXT": "varchar", "INT": "integer", "FLOAT": "real", "TINYINT": "tinyint"}.get(from_name, from_name.lower())
        said = [each.this.name for each in node.expressions if isinstance(each, exp.DataTypeParam)]
        if not all(each.isdigit() for each in said):
            raise self.failure("TYPE_NOT_FOUND", f"Unknown type: {plain}({', '.join(said)})", at)
        numbers = list(map(int, said))
        if plain == "timestamp":
            return Type("timestamp", (numbers[0] if numbers else 3,)) if not numbers or numbers[0] in (0, 3, 6) else Type("timestamp", (6,))
        if plain == "char":
            raise Unbuilt("the type char")
        if plain in ("decimal", "varchar") and numbers:
            return types.decimal(numbers[0], numbers[1] if len(numbers) > 1 else 0) if plain == "decimal" else Type("varchar", (numbers[0],))
        if plain == "decimal":
            return types.decimal(38, 0)
        try:
            return types.read(plain)
        except ValueError:
            if plain in ("time", "timetz", "uuid", "ipaddress", "inet", "hllsketch"):
                raise Unbuilt(f"the type {plain}") from None
            raise self.failure("TYPE_NOT_FOUND", f"Unknown type: {plain}", at) from None

    def _interval(self, node: exp.Interval) -> Typed:
        unit, text = node.args["unit"], node.this
        if not (isinstance(text, exp.Literal) and text.is_string):
            raise Unbuilt("an interval that is no literal")
        if unit is None:
            raise self.failure("SYNTAX_ERROR", "an interval needs a unit", node)
        if isinstance(unit, exp.IntervalSpan):
            return times.interval(text.this, unit.this.name.lower(), unit.expression.name.lower())
        return times.interval(text.this, unit.name.lower(), None)

    def _extract(self, node: exp.Extract) -> Typed:
        name = node.this.name.lower()
        if name not in times.EXTRACTED:
            raise self.failure("SYNTAX_ERROR", f"Invalid EXTRACT field: {node.this.name}", node)
        return times.part(name, self.of(node.expression))

    def _attimezone(self, node: exp.AtTimeZone) -> Typed:
        zone = self.of(node.args["zone"])
        if not isinstance(zone.value, str):
            raise Unbuilt("AT TIME ZONE with something else than a name")
        return times.at_zone(self.of(node.this), zone.value)

    def _trim(self, node: exp.Trim) -> Typed:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.args.get("position") or "", "trim")
        text = coerced(self.of(node.this), VARCHAR).sql
        if node.expression is None:
            return Typed(f"{name}({text})", VARCHAR)
        return Typed(f"{name}({text}, {self.of(node.expression).sql})", VARCHAR)

    def _substring(self, node: exp.Substring) -> Typed:
        return self._applied("substring", [self.of(each) for each in (node.this, node.args.get("start"), node.args.get("length")) if each is not None], node)

    def _strposition(self, node: exp.StrPosition) -> Typed:
        known_only(node, "this", "substr")
        return self._applied("strpos", [self.of(node.this), self.of(node.args["substr"])], node)

    def _moment(self) -> str:
        return f"make_timestamptz({round(self.now * 1000) * 1000})"

    def _currenttimestamp(self, node: exp.Expression) -> Typed:
        return Typed(self._moment(), types.UTC, is_constant=True)

    def _currentdate(self, node: exp.Expression) -> Typed:
        return Typed(f"CAST(timezone('UTC', {self._moment()}) AS DATE)", types.DATE, is_constant=True)

    def _localtimestamp(self, node: exp.Expression) -> Typed:
        return Typed(f"timezone('UTC', {self._moment()})", types.TIMESTAMP, is_constant=True)

def _alike(x: str, y: str, type_: Type, depth: int = 0) -> str:
    """Whether two nested values are equal: NULL where that turns on a NULL within, which to DuckDB equals itself."""
    if type_.kind == "row":
        parts = [_alike(f"struct_extract_at({x}, {n + 1})", f"struct_extract_at({y}, {n + 1})", each, depth) for n, each in enumerate(type_.args)]
        return f"({' AND '.join(parts)})"
    if type_.kind == "map":
        raise Unbuilt("maps that are compared")
    if type_.kind != "array":
        return f"({x} = {y})"
    each = _alike(f"{x}[i{depth}]", f"{y}[i{depth}]", type_.args[0], depth + 1)
    pairs = f"list_transform(range(1, len({x}) + 1), lambda i{depth}: {each})"
    return (
        f"(CASE WHEN {x} IS NULL OR {y} IS NULL THEN NULL WHEN len({x}) <> len({y}) OR list_contains({pairs}, false) THEN false "
        f"WHEN len(list_filter({pairs}, lambda e{depth}: e{depth} IS NULL)) > 0 THEN NULL ELSE true END)"
    )


def _zone_in(text: str) -> str:
    tail = text.strip().rpartition(" ")[2]
    if "/" in tail or tail in ("UTC", "GMT", "Z"):
        return "UTC" if tail in ("Z", "GMT") else tail
    if tail[-6:-5] in ("+", "-") and tail[-3:-2] == ":":
        return "UTC" if tail.endswith("00:00") else tail[-6:]
    return "UTC"
