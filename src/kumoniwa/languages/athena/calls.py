"""What is called in an expression: functions, aggregates and windows.

Which a function exists in which forms, the modules ``functions_*`` and ``aggregates`` say.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.aggregates import AGGREGATES, UNBUILT, WINDOWS
from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.functions_lambda import LAMBDAS
from kumoniwa.languages.athena.functions_nested import NESTED
from kumoniwa.languages.athena.functions_text import DECIMAL, NUMBER, TEXT
from kumoniwa.languages.athena.functions_time import TIME
from kumoniwa.languages.athena.scope import known_only
from kumoniwa.languages.athena.signature import Typed, applied, chosen, coerced
from kumoniwa.languages.athena.types import BIGINT, UNKNOWN, VARCHAR, text_of

SCALARS = TEXT | NUMBER | TIME | NESTED

_ARGUMENTS = {"coalesce": (2, 255), "nullif": (2, 2), "greatest": (1, 127), "least": (1, 127), "if": (2, 3), "try": (1, 1), "row": (1, 255),
              "typeof": (1, 1), "now": (0, 0), "mod": (2, 2)}  # fmt: skip
"""Of functions that are none of a table's: how many arguments they take, at least and at most."""


class Calls:
    """The part of the translator that knows calls; the rest of it is ``expression.Translator``."""

    clause = "WHERE clause"
    """Where the expression stands, as failures call it."""

    # Functions ------------------------------------------------------------------------------------------------

    def _anonymous(self, node: exp.Anonymous) -> Typed:
        name = str(node.this).lower()
        if name in AGGREGATES:
            return self._aggregate(name, node, node.expressions)
        if name in WINDOWS:
            raise self.failure("MISSING_OVER", f"Window function {name} requires an OVER clause", node)
        if name in LAMBDAS:
            return LAMBDAS[name](self, node)
        if name == "grouping":
            keys = [self.of(each).sql for each in node.expressions]
            self.aggregates += 1
            return Typed(f"CAST(grouping({', '.join(keys)}) AS BIGINT)", BIGINT)
        if name in _ARGUMENTS:
            least, most = _ARGUMENTS[name]
            if not least <= len(node.expressions) <= most:
                raise self.failure("FUNCTION_NOT_FOUND", f"Unexpected number of arguments for function {name}: {len(node.expressions)}", node)
            return getattr(self, "_function_" + name)(node, [self.of(each) for each in node.expressions])
        return self._applied(name, [self.of(each) for each in node.expressions], node)

    def _applied(self, name: str, args: list[Typed], node: exp.Expression) -> Typed:
        name = {"char_length": "length", "character_length": "length", "ceiling": "ceil"}.get(name, name)
        if name in DECIMAL and args and args[0].type.kind == "decimal":
            return DECIMAL[name](*args)
        forms = SCALARS.get(name)
        if forms is None:
            if name in UNBUILT:
                raise Unbuilt(f"the function {name}")
            raise self.failure("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", node)
        found = chosen(forms, args)
        if found is None:
            given = ", ".join(str(each.type) for each in args)
            expected = ", ".join(name + each.text for each in forms)
            raise self.failure("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {name}. Expected: {expected}", node)
        answer = applied(found, args)
        return answer._replace(is_constant=bool(args) and all(each.is_constant for each in args))

    def _function_coalesce(self, node: exp.Expression, args: list[Typed]) -> Typed:
        to = self._common(args, node, "All COALESCE operands")
        return Typed(f"coalesce({', '.join(coerced(each, to).sql for each in args)})", to)

    def _function_nullif(self, node: exp.Expression, args: list[Typed]) -> Typed:
        same = self.compared("=", *args, node).sql
        return Typed(f"(CASE WHEN {same} THEN NULL ELSE {args[0].sql} END)", args[0].type)

    def _function_greatest(self, node: exp.Expression, args: list[Typed]) -> Typed:
        to, name = self._common(args, node, "All arguments"), str(node.this).lower()
        given = [coerced(each, to).sql for each in args]
        # NULL among them is the answer in Trino.
        return Typed(f"(CASE WHEN {' OR '.join(f'{each} IS NULL' for each in given)} THEN NULL ELSE {name}({', '.join(given)}) END)", to)

    _function_least = _function_greatest

    def _function_if(self, node: exp.Expression, args: list[Typed]) -> Typed:
        no = args[2] if len(args) > 2 else Typed("NULL", UNKNOWN)
        to = self._common([args[1], no], node, "Result types for IF")
        return Typed(f"(CASE WHEN {args[0].sql} THEN {coerced(args[1], to).sql} ELSE {coerced(no, to).sql} END)", to)

    def _function_try(self, node: exp.Expression, args: list[Typed]) -> Typed:
        if node.find(exp.Query):
            raise Unbuilt("try of a subquery")
        return Typed(f"TRY({args[0].sql})", args[0].type)

    def _function_row(self, node: exp.Expression, args: list[Typed]) -> Typed:
        return self._row(args)

    def _function_typeof(self, node: exp.Expression, args: list[Typed]) -> Typed:
        return Typed(text_of(str(args[0].type)), VARCHAR, is_constant=True)

    def _function_now(self, node: exp.Expression, args: list[Typed]) -> Typed:
        return self._currenttimestamp(node)

    def _function_mod(self, node: exp.Expression, args: list[Typed]) -> Typed:
        return self.arithmetic("%", *args, node)

    # Aggregates and windows -----------------------------------------------------------------------------------

    def _aggregate(self, name: str, node: exp.Expression, given: list[exp.Expression], *, condition: exp.Expression | None = None, over: str = "",
                   order: list[exp.Expression] | None = None, nulls: str = "") -> Typed:  # fmt: skip
        if not over:
            if not self.is_aggregate_allowed:
                raise self.failure("EXPRESSION_NOT_SCALAR", f"{self.clause} cannot contain aggregations, window functions or grouping operations: [{node.sql()}]", node)
            if self.within_aggregate:
                raise self.failure("NESTED_AGGREGATION", f"Cannot nest aggregations inside aggregation '{name}'", node)
            self.aggregates += 1
        before, self.within_aggregate = self.within_aggregate, self.within_aggregate or not over
        try:
            return self._called(name, node, given, condition, over, order, nulls)
        finally:
            self.within_aggregate = before

    def _called(self, name: str, node: exp.Expression, given: list[exp.Expression], condition: exp.Expression | None, over: str,
                order: list[exp.Expression] | None, nulls: str) -> Typed:  # fmt: skip
        distinct, order = "", list(order or ())
        if given and isinstance(given[0], exp.Distinct):
            distinct, given = "DISTINCT ", given[0].expressions
        if given and isinstance(given[-1], exp.Order):
            order, given = given[-1].expressions, [*given[:-1], given[-1].this]
        sorts = self.ordered(order)
        where = f" FILTER (WHERE {self.boolean(condition, 'Filter expression')})" if condition is not None else ""

        def full(call: str) -> str:
            head, _, rest = call.partition("(")
            inner = rest[:-1].removeprefix("DISTINCT ") if distinct else rest[:-1]
            return f"{head}({distinct}{inner}{' ORDER BY ' + sorts if sorts else ''}{nulls}){where}{over}"

        if name == "count" and len(given) <= 1 and (not given or isinstance(given[0], exp.Star)):
            return Typed(full("count(*)"), BIGINT)
        if distinct and len(given) > 1 and name == "count":
            raise self.failure("SYNTAX_ERROR", "DISTINCT is not supported for count with several arguments", node)
        table = WINDOWS if name in WINDOWS else AGGREGATES
        args = [self.of(each) for each in given]
        found = chosen(table[name].forms, args)
        if found is None:
            types_ = ", ".join(str(each.type) for each in args)
            expected = ", ".join(name + each.text for each in table[name].forms)
            raise self.failure("FUNCTION_NOT_FOUND", f"Unexpected parameters ({types_}) for function {name}. Expected: {expected}", node)
        return table[name].build([coerced(arg, to) for arg, to in zip(args, found[1])], full)

    def _filter(self, node: exp.Filter) -> Typed:
        inner, order = node.this, None
        if isinstance(inner, exp.WithinGroup):
            inner, order = inner.this, inner.expression.expressions
        name = str(inner.this).lower()
        if name not in AGGREGATES:
            raise self.failure("FUNCTION_NOT_AGGREGATE", f"Filter is only valid for aggregation functions: {name}", node)
        return self._aggregate(name, inner, inner.expressions, condition=node.expression.this, order=order)

    def _withingroup(self, node: exp.WithinGroup) -> Typed:
        return self._aggregate(str(node.this.this).lower(), node.this, node.this.expressions, order=node.expression.expressions)

    def ordered(self, items: list[exp.Expression]) -> str:
        """Trino puts NULL last, however it is sorted."""
        parts = []
        for each in items:
            of, down = (each.this, each.args.get("desc")) if isinstance(each, exp.Ordered) else (each, False)
            parts.append(f"{self.of(of).sql}{' DESC' if down else ''}{nulls_of(each, self.text)}")
        return ", ".join(parts)

    def _window(self, node: exp.Window) -> Typed:
        known_only(node, "this", "partition_by", "order", "spec", "alias", "over", "first")
        if not self.is_window_allowed:
            raise self.failure("EXPRESSION_NOT_SCALAR", f"{self.clause} cannot contain aggregations, window functions or grouping operations", node)
        call, condition, nulls = node.this, None, ""
        if isinstance(call, (exp.IgnoreNulls, exp.RespectNulls)):
            nulls, call = " IGNORE NULLS" if isinstance(call, exp.IgnoreNulls) else "", call.this
        if isinstance(call, exp.Filter):
            call, condition = call.this, call.expression.this
        name = str(call.this).lower()
        if not isinstance(call, exp.Anonymous) or (name not in WINDOWS and name not in AGGREGATES):
            raise Unbuilt(f"the window function {name}") if name in UNBUILT else self.failure("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", node)
        self.has_window = True
        return self._aggregate(name, call, call.expressions, condition=condition, over=f" OVER ({self._framed(node)})", nulls=nulls)

    def _framed(self, node: exp.Window) -> str:
        parts = []
        alias = node.args.get("alias")
        if alias is not None:
            named = self.windows.get(alias.name.lower())
            if named is None:
                raise self.failure("INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {alias.name}", node)
            parts.append(self._framed(named))
        if node.args.get("partition_by"):
            parts.append("PARTITION BY " + ", ".join(self.of(each).sql for each in node.args["partition_by"]))
        if node.args.get("order") is not None:
            parts.append("ORDER BY " + self.ordered(node.args["order"].expressions))
        spec = node.args.get("spec")
        if spec is not None:
            kind = spec.args["kind"].upper()
            ends = [self._bound(spec.args.get(side), spec.args.get(f"{side}_side")) for side in ("start", "end")]
            parts.append(f"{kind} BETWEEN {ends[0]} AND {ends[1] or 'CURRENT ROW'}")
        return " ".join(part for part in parts if part)

    def _bound(self, value: Any, side: str | None) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return value.upper() if value.upper() == "CURRENT ROW" else f"{value} {side}".upper()
        found = self.of(value)
        if found.type.kind not in types.INTEGERS:
            raise Unbuilt("window frames with something else than whole numbers")
        return f"{found.sql} {side}".replace("preceding", "PRECEDING").replace("following", "FOLLOWING")


def nulls_of(item: exp.Expression, text: str) -> str:
    """sqlglot tells whether NULL comes first, be it said or not; Trino's default is last."""
    return " NULLS FIRST" if isinstance(item, exp.Ordered) and item.args.get("nulls_first") else " NULLS LAST"
