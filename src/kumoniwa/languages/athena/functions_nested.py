"""Trino's functions over arrays, maps and rows, as DuckDB says them.

https://trino.io/docs/current/functions/array.html, …/map.html, …/lambda.html
"""

from __future__ import annotations

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.cast import cast, guarded, packed
from kumoniwa.languages.athena.failure import QueryFailure
from kumoniwa.languages.athena.signature import Table, Typed, table
from kumoniwa.languages.athena.types import VARCHAR


def subscript(of: Typed, index: Typed) -> Typed:
    """``a[1]``, ``m['k']``, ``r[1]``: what is not there is a failure."""
    kind = of.type.kind
    if kind == "array" and index.type.kind in types.INTEGERS:
        at, size = index.sql, f"len({of.sql})"
        value = guarded(f"{at} > {size}", f"{of.sql}[{at}]", "INVALID_FUNCTION_ARGUMENT",
                        f"'Array subscript must be less than or equal to array length: ' || {at} || ' > ' || {size}")  # fmt: skip
        negative = guarded(f"{at} < 0", value, "INVALID_FUNCTION_ARGUMENT", f"'Array subscript is negative: ' || {at}")
        return Typed(guarded(f"{at} = 0", negative, "INVALID_FUNCTION_ARGUMENT", "'SQL array indices start at 1'"), of.type.args[0])
    if kind == "map" and types.becomes(index.type, of.type.args[0]):
        key = cast(index.sql, index.type, of.type.args[0])
        text = cast(key, of.type.args[0], VARCHAR) if of.type.args[0].kind not in ("array", "map", "row") else "'?'"
        bad = f"NOT map_contains({of.sql}, {key})"
        return Typed(guarded(bad, f"map_extract_value({of.sql}, {key})", "INVALID_FUNCTION_ARGUMENT", f"'Key not present in map: ' || {text}"),
                     of.type.args[1])  # fmt: skip
    if kind == "row" and isinstance(index.value, int):
        if not 1 <= index.value <= len(of.type.args):
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"ROW index out of bounds: {index.value}")
        return field(of, index.value - 1)
    raise QueryFailure("TYPE_MISMATCH", f"Cannot use {index.type} for subscript of {of.type}")


def field(of: Typed, place: int) -> Typed:
    return Typed(f"struct_extract_at({of.sql}, {place + 1})", of.type.args[place])


def _element(of: Typed, index: Typed) -> str:
    found = f"(CASE WHEN abs({index.sql}) <= len({of.sql}) THEN {of.sql}[{index.sql}] END)"
    return guarded(f"{index.sql} = 0", found, "INVALID_FUNCTION_ARGUMENT", "'SQL array indices start at 1'")


def _sorted(of: Typed) -> str:
    if not types.orders(of.type.args[0]):
        raise QueryFailure("TYPE_MISMATCH", f"Type {of.type.args[0]} must be orderable")
    return f"list_sort({of.sql}, 'ASC', 'NULLS LAST')"


def _joined(of: Typed, by: Typed, *null: Typed) -> str:
    texts = f"list_transform({of.sql}, lambda x: {cast('x', of.type.args[0], VARCHAR)})"
    if null:
        texts = f"list_transform({texts}, lambda x: coalesce(x, {null[0].sql}))"
    return f"array_to_string({texts}, {by.sql})"


def _slice(of: Typed, start: Typed, size: Typed) -> str:
    first = f"(CASE WHEN {start.sql} < 0 THEN len({of.sql}) + {start.sql} + 1 ELSE {start.sql} END)"
    value = f"(CASE WHEN {first} < 1 THEN [] ELSE {of.sql}[{first}:{first} + {size.sql} - 1] END)"
    return guarded(f"{start.sql} = 0", value, "INVALID_FUNCTION_ARGUMENT", "'SQL array indices start at 1'")


def _sequence(*args: Typed) -> Typed:
    by = args[2].sql if len(args) > 2 else f"(CASE WHEN {args[0].sql} <= {args[1].sql} THEN 1 ELSE -1 END)"
    return Typed(f"generate_series({args[0].sql}, {args[1].sql}, {by})", types.array(types.BIGINT))


def _dates(*args: Typed) -> Typed:
    kind = args[0].type.kind
    if len(args) < 3:
        by = f"to_days(CASE WHEN {args[0].sql} <= {args[1].sql} THEN 1 ELSE -1 END)"
    else:
        by = f"to_months({args[2].sql})" if args[2].type == types.MONTHS else f"to_milliseconds({args[2].sql})"
    made = f"generate_series(CAST({args[0].sql} AS TIMESTAMP), CAST({args[1].sql} AS TIMESTAMP), {by})"
    return Typed(f"list_transform({made}, lambda x: CAST(x AS DATE))" if kind == "date" else made, types.array(args[0].type))


def _zip(*args: Typed) -> Typed:
    type_ = types.row(*((None, each.type.args[0]) for each in args))
    longest = f"greatest({', '.join(f'len({each.sql})' for each in args)})"
    return Typed(f"list_transform(range(1, {longest} + 1), lambda i: {packed(type_, [f'{each.sql}[i]' for each in args])})", types.array(type_))


def _entries(of: Typed) -> Typed:
    type_ = types.row((None, of.type.args[0]), (None, of.type.args[1]))
    return Typed(f"list_transform(map_entries({of.sql}), lambda e: {packed(type_, ['e.key', 'e.value'])})", types.array(type_))


def _from_entries(of: Typed) -> Typed:
    inner = of.type.args[0]
    if inner.kind != "row" or len(inner.args) != 2:
        raise QueryFailure("FUNCTION_NOT_FOUND", f"Unexpected parameters ({of.type}) for function map_from_entries")
    entry = "struct_pack(k := struct_extract_at(e, 1), v := struct_extract_at(e, 2))"
    return Typed(f"map_from_entries(list_transform({of.sql}, lambda e: {entry}))", types.map_of(*inner.args))


def _map(keys: Typed, values: Typed) -> str:
    same = guarded(f"len({keys.sql}) <> len({values.sql})", f"map({keys.sql}, {values.sql})", "INVALID_FUNCTION_ARGUMENT",
                   "'Key and value arrays must be the same length'")  # fmt: skip
    return guarded(f"len(list_distinct({keys.sql})) < len({keys.sql})", same, "INVALID_FUNCTION_ARGUMENT", "'Duplicate map keys are not allowed'")


def _map_concat(*args: Typed) -> str:
    return f"map_concat({', '.join(each.sql for each in args)})"


def _extreme(name: str):
    def of(array: Typed) -> str:
        # With a NULL among them Trino says NULL.
        return f"(CASE WHEN len(list_filter({array.sql}, lambda x: x IS NULL)) = 0 THEN list_{name}({array.sql}) END)"

    return of


def _distinct(sql: str) -> str:
    """DuckDB's drops NULL and keeps no order."""
    return f"list_filter({sql}, lambda x, i: i = list_position({sql}, x) OR (x IS NULL AND i = list_position(list_transform({sql}, lambda y: y IS NULL), true)))"


def _intersect(a: Typed, b: Typed) -> str:
    kept = f"list_filter({a.sql}, lambda x: coalesce(list_position({b.sql}, x), 0) > 0)"
    return _distinct(kept)


def _contains(of: Typed, what: Typed) -> str:
    has_null = f"len(list_filter({of.sql}, lambda x: x IS NULL)) > 0"
    return f"(CASE WHEN {of.sql} IS NULL OR {what.sql} IS NULL THEN NULL WHEN list_contains({of.sql}, {what.sql}) THEN true WHEN {has_null} THEN NULL ELSE false END)"


NESTED: Table = table({
    "cardinality": ("(array(T)) -> bigint", "len({0})", "(map(K, V)) -> bigint", "cardinality({0})::BIGINT"),
    "element_at": ("(array(T), bigint) -> T", _element, "(map(K, V), K) -> V", "map_extract_value({0}, {1})"),
    "contains": ("(array(T), T) -> boolean", _contains),
    "array_position": ("(array(T), T) -> bigint", "(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN coalesce(list_position({0}, {1}), 0)::BIGINT END)"),
    "array_remove": ("(array(T), T) -> array(T)", "list_filter({0}, lambda x: x IS DISTINCT FROM {1})"),
    "array_distinct": ("(array(T)) -> array(T)", lambda of: _distinct(of.sql)),
    "array_sort": ("(array(T)) -> array(T)", _sorted), "array_max": ("(array(T)) -> T", _extreme("max")), "array_min": ("(array(T)) -> T", _extreme("min")),
    "array_join": ("(array(T), varchar) -> varchar", _joined, "(array(T), varchar, varchar) -> varchar", _joined),
    "array_union": ("(array(T), array(T)) -> array(T)", lambda a, b: _distinct(f"list_concat({a.sql}, {b.sql})")),
    "array_intersect": ("(array(T), array(T)) -> array(T)", _intersect),
    "array_except": ("(array(T), array(T)) -> array(T)", lambda a, b: _distinct(f"list_filter({a.sql}, lambda x: coalesce(list_position({b.sql}, x), 0) = 0)")),
    "arrays_overlap": ("(array(T), array(T)) -> boolean",
                       "(CASE WHEN list_has_any(list_filter({0}, lambda x: x IS NOT NULL), {1}) THEN true "
                       "WHEN len(list_filter({0}, lambda x: x IS NULL)) + len(list_filter({1}, lambda x: x IS NULL)) > 0 THEN NULL ELSE false END)"),
    "flatten": ("(array(array(T))) -> array(T)", "flatten({0})"), "slice": ("(array(T), bigint, bigint) -> array(T)", _slice),
    "repeat": ("(T, bigint) -> array(T)", "list_transform(range({1}), lambda x: {0})"),
    "sequence": ("(bigint, bigint) -> array(bigint)", _sequence, "(bigint, bigint, bigint) -> array(bigint)", _sequence,
                 "(date, date) -> array(date)", _dates, "(date, date, interval day to second) -> array(date)", _dates,
                 "(date, date, interval year to month) -> array(date)", _dates,
                 "(timestamp, timestamp, interval day to second) -> array(timestamp)", _dates,
                 "(timestamp, timestamp, interval year to month) -> array(timestamp)", _dates),
    "zip": ("(array(T1), array(T2)) -> array(T1)", _zip, "(array(T1), array(T2), array(T3)) -> array(T1)", _zip),
    "trim_array": ("(array(T), bigint) -> array(T)", "{0}[:len({0}) - {1}]"),
    "ngrams": ("(array(T), bigint) -> array(array(T))", "list_transform(range(1, greatest(len({0}) - {1} + 1, 1) + 1), lambda i: {0}[i:i + {1} - 1])"),
    "map": ("(array(K), array(V)) -> map(K, V)", _map, "() -> map(unknown, unknown)", "map([]::INTEGER[], []::INTEGER[])"),
    "map_keys": ("(map(K, V)) -> array(K)", "map_keys({0})"), "map_values": ("(map(K, V)) -> array(V)", "map_values({0})"),
    "map_concat": ("(map(K, V), map(K, V)...) -> map(K, V)", _map_concat), "map_entries": ("(map(K, V)) -> array(K)", _entries),
    "map_from_entries": ("(array(T)) -> T", _from_entries),
})  # fmt: skip
