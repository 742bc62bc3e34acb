"""Trino's functions that are given functions: transform, filter, reduce and their kin.

https://trino.io/docs/current/functions/lambda.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.signature import Typed, coerced
from kumoniwa.languages.athena.types import BOOLEAN, Type

if TYPE_CHECKING:
    from kumoniwa.languages.athena.expression import Translator


def _body(t: Translator, node: exp.Expression, given: list[Typed]) -> Typed:
    """What a lambda answers for these."""
    if not isinstance(node, exp.Lambda) or len(node.expressions) != len(given):
        raise t.failure("TYPE_MISMATCH", f"Expected a lambda that takes {len(given)} argument(s)", node)
    t.lambdas.append({name.name.lower(): value for name, value in zip(node.expressions, given)})
    try:
        return t.of(node.this)
    finally:
        t.lambdas.pop()


def _of(t: Translator, node: exp.Expression, kind: str) -> Typed:
    found = t.of(node)
    if found.type.kind != kind:
        raise t.failure("FUNCTION_NOT_FOUND", f"Unexpected parameters ({found.type}, function) for function. Expected: {kind}", node)
    return found


def _name(t: Translator) -> str:
    """A lambda's variable that no other around it has."""
    return f"v{len(t.lambdas)}"


def _transform(t: Translator, node: exp.Anonymous) -> Typed:
    of, name = _of(t, node.expressions[0], "array"), _name(t)
    body = _body(t, node.expressions[1], [Typed(name, of.type.args[0])])
    return Typed(f"list_transform({of.sql}, lambda {name}: {body.sql})", types.array(body.type))


def _condition(t: Translator, node: exp.Expression, given: list[Typed]) -> str:
    body = _body(t, node, given)
    if body.type.kind not in ("boolean", "unknown"):
        raise t.failure("TYPE_MISMATCH", f"Expected a lambda that answers boolean: {body.type}", node)
    return body.sql


def _filter(t: Translator, node: exp.Anonymous) -> Typed:
    of, name = _of(t, node.expressions[0], "array"), _name(t)
    return Typed(f"list_filter({of.sql}, lambda {name}: {_condition(t, node.expressions[1], [Typed(name, of.type.args[0])])})", of.type)


def _match(kind: str) -> Callable[[Translator, exp.Anonymous], Typed]:
    def match(t: Translator, node: exp.Anonymous) -> Typed:
        of, name = _of(t, node.expressions[0], "array"), _name(t)
        held = f"list_transform({of.sql}, lambda {name}: {_condition(t, node.expressions[1], [Typed(name, of.type.args[0])])})"
        has = {value: f"len(list_filter({held}, lambda m: m IS {value})) > 0" for value in ("true", "false", "NULL")}
        decided, otherwise = {"any": ("true", "false"), "all": ("false", "true"), "none": ("true", "true")}[kind]
        answer = {"any": "true", "all": "false", "none": "false"}[kind]
        null = has["NULL"]
        sql = f"(CASE WHEN {of.sql} IS NULL THEN NULL WHEN {has[decided]} THEN {answer} WHEN {null} THEN NULL ELSE {otherwise} END)"
        return Typed(sql, BOOLEAN)

    return match


def _reduce(t: Translator, node: exp.Anonymous) -> Typed:
    """DuckDB's has no last function, and its state has one type from the beginning."""
    if len(node.expressions) != 4:
        raise t.failure("FUNCTION_NOT_FOUND", "Unexpected parameters for function reduce. Expected: reduce(array(T), S, function(S,T,S), function(S,R))", node)
    of, start = _of(t, node.expressions[0], "array"), t.of(node.expressions[1])
    n = len(t.lambdas)
    x = Typed(f"b{n}.x", of.type.args[0])
    step = _body(t, node.expressions[2], [Typed(f"a{n}.s", start.type), x])
    state = types.common(start.type, step.type)
    if state is None:
        raise t.failure("TYPE_MISMATCH", f"The state {start.type} does not become {step.type}", node)
    if state != start.type:
        start = coerced(start, state)
        step = _body(t, node.expressions[2], [Typed(f"a{n}.s", state), x])
    # State and element walk in one struct, so that their types may differ.
    elements = f"list_transform({of.sql}, lambda e{n}: struct_pack(s := CAST(NULL AS {types.duck(state)}), x := e{n}))"
    first = f"struct_pack(s := CAST({start.sql} AS {types.duck(state)}), x := CAST(NULL AS {types.duck(of.type.args[0])}))"
    made = f"list_reduce({elements}, lambda a{n}, b{n}: struct_pack(s := {coerced(step, state).sql}, x := b{n}.x), {first}).s"
    whole = f"(CASE WHEN {of.sql} IS NOT NULL THEN {made} END)"
    return _body(t, node.expressions[3], [Typed(whole, state)])


def _transform_keys(t: Translator, node: exp.Anonymous) -> Typed:
    of = _of(t, node.expressions[0], "map")
    (key, value), e = of.type.args, _name(t)
    body = _body(t, node.expressions[1], [Typed(f"{e}.key", key), Typed(f"{e}.value", value)])
    return _entries(of, e, body.sql, f"{e}.value", types.map_of(body.type, value))


def _transform_values(t: Translator, node: exp.Anonymous) -> Typed:
    of = _of(t, node.expressions[0], "map")
    (key, value), e = of.type.args, _name(t)
    body = _body(t, node.expressions[1], [Typed(f"{e}.key", key), Typed(f"{e}.value", value)])
    return _entries(of, e, f"{e}.key", body.sql, types.map_of(key, body.type))


def _entries(of: Typed, e: str, key: str, value: str, to: Type) -> Typed:
    return Typed(f"map_from_entries(list_transform(map_entries({of.sql}), lambda {e}: struct_pack(k := {key}, v := {value})))", to)


def _map_filter(t: Translator, node: exp.Anonymous) -> Typed:
    of = _of(t, node.expressions[0], "map")
    (key, value), e = of.type.args, _name(t)
    condition = _condition(t, node.expressions[1], [Typed(f"{e}.key", key), Typed(f"{e}.value", value)])
    return Typed(f"map_from_entries(list_filter(map_entries({of.sql}), lambda {e}: {condition}))", of.type)


def _zip_with(t: Translator, node: exp.Anonymous) -> Typed:
    a, b = _of(t, node.expressions[0], "array"), _of(t, node.expressions[1], "array")
    n = len(t.lambdas)
    pairs = f"list_transform(range(1, greatest(len({a.sql}), len({b.sql})) + 1), lambda i{n}: struct_pack(x := {a.sql}[i{n}], y := {b.sql}[i{n}]))"
    body = _body(t, node.expressions[2], [Typed(f"p{n}.x", a.type.args[0]), Typed(f"p{n}.y", b.type.args[0])])
    return Typed(f"list_transform({pairs}, lambda p{n}: {body.sql})", types.array(body.type))


def _array_sort(t: Translator, node: exp.Anonymous) -> Typed:
    if len(node.expressions) > 1:
        raise Unbuilt("array_sort with a function")
    return t._applied("array_sort", [t.of(node.expressions[0])], node)


LAMBDAS: dict[str, Callable[[Translator, exp.Anonymous], Typed]] = {
    "transform": _transform, "filter": _filter, "any_match": _match("any"), "all_match": _match("all"), "none_match": _match("none"),
    "reduce": _reduce, "transform_keys": _transform_keys, "transform_values": _transform_values, "map_filter": _map_filter,
    "zip_with": _zip_with, "array_sort": _array_sort,
}  # fmt: skip
