"""How a value of one of Trino's types becomes one of another, in DuckDB's SQL.

What cannot be cast fails in Trino's words: ``guarded`` lets DuckDB convert a text that is no boolean, because TRY catches that, as it does
not catch ``error()``. https://trino.io/docs/current/functions/conversion.html
"""

from __future__ import annotations

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.types import INTEGERS, Type, duck, text_of

FAILED = "\u2063"
"""Begins the texts of ``guarded``, by which the runner knows its own failures."""
MACROS = (
    """create macro kw_sci(x, t) as case
         when x < 0 then '-' else '' end || case
         when contains(t, 'e') then split_part(t, 'e', 1) || case when contains(split_part(t, 'e', 1), '.') then '' else '.0' end
           || 'E' || split_part(t, 'e', 2)::int
         when abs(x) >= 1 then t[1] || '.' || coalesce(nullif(rtrim(replace(t, '.', '')[2:], '0'), ''), '0') || 'E' || (strpos(t, '.') - 2)
         else ltrim(replace(t, '.', ''), '0')[1] || '.' || coalesce(nullif(ltrim(replace(t, '.', ''), '0')[2:], ''), '0')
           || 'E-' || (length(t) - 1 - length(ltrim(replace(t, '.', ''), '0'))) end""",
    """create macro kw_double_text(x) as case
         when isnan(x) then 'NaN' when isinf(x) then case when x > 0 then 'Infinity' else '-Infinity' end
         when x = 0 or (abs(x) >= 0.001 and abs(x) < 10000000) then x::varchar else kw_sci(x, abs(x)::varchar) end""",
)
_SAID = {"integer": "INT", "bigint": "BIGINT", "smallint": "SMALLINT", "tinyint": "TINYINT", "double": "DOUBLE", "real": "REAL",
         "boolean": "BOOLEAN"}  # fmt: skip
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|[+-]?Infinity"
_DATE = r"\s*[+-]?[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}\s*"
_TIME = r"( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,12})?)?)?"


def guarded(is_bad: str, value: str, code: str, text: str) -> str:
    """A value, or a failure where ``is_bad`` holds; ``text`` is an expression, too."""
    return f"(CASE WHEN {is_bad} THEN CASE WHEN CAST({text_of(FAILED + code + ': ')} || {text} AS BOOLEAN) THEN NULL END ELSE {value} END)"


def allowed(a: Type, b: Type) -> bool:
    """Whether a CAST from ``a`` to ``b`` exists."""
    if a.kind == "unknown" or a == b or types.becomes(a, b):
        return True
    if a.kind in ("array", "map", "row") and a.kind == b.kind:
        return len(a.args) == len(b.args) and all(allowed(x, y) for x, y in zip(a.args, b.args))
    scalars = {*types.NUMBERS, "boolean", "varchar", "json"}
    if a.kind == "json":
        return b.kind in scalars or (b.kind in ("array", "row", "map") and (b.kind != "map" or b.args[0].kind == "varchar"))
    if b.kind == "json":
        return a.kind in {*scalars, "date", "timestamp"} or a.kind in ("array", "row") or (a.kind == "map" and a.args[0].kind == "varchar")
    if a.kind == "varchar":
        return b.kind in {*scalars, "date", "timestamp", "timestamptz"}
    if b.kind == "varchar":
        return a.kind in {*scalars, "date", "timestamp", "timestamptz"}
    if a.kind in ("date", "timestamp", "timestamptz"):
        return b.kind in ("date", "timestamp", "timestamptz")
    return a.kind in {*types.NUMBERS, "boolean"} and b.kind in {*types.NUMBERS, "boolean"}


def cast(sql: str, a: Type, b: Type) -> str:
    """``allowed`` says whether it is one."""
    if a == b or (a.kind == b.kind and a.kind in ("timestamptz", "interval day to second", "interval year to month")):
        return sql
    if a.kind == "unknown":
        return f"CAST({sql} AS {duck(b)})"
    if b.kind == "json":
        return _to_json(sql, a)
    if a.kind == "json":
        return _of_json(sql, b)
    if b.kind == "varchar":
        return _to_text(sql, a, b)
    if a.kind in ("varchar", "char"):
        return _of_text(sql, b)
    if a.kind == "array":
        return f"list_transform({sql}, lambda x: {cast('x', a.args[0], b.args[0])})" if a.args != b.args else sql
    if a.kind == "map":
        (k, v), (to_k, to_v) = a.args, b.args
        entry = f"struct_pack(k := {cast('e.key', k, to_k)}, v := {cast('e.value', v, to_v)})"
        return f"(CASE WHEN {sql} IS NOT NULL THEN map_from_entries(list_transform(map_entries({sql}), lambda e: {entry})) END)"
    if a.kind == "row":
        parts = [cast(f"struct_extract_at({sql}, {n + 1})", x, y) for n, (x, y) in enumerate(zip(a.args, b.args))]
        return f"(CASE WHEN {sql} IS NOT NULL THEN {packed(b, parts)} END)"
    return _scalar(sql, a, b)


def zone_of(type_: Type) -> str:
    if type_.args[0] is None:
        raise Unbuilt("a timestamp with time zone whose zone comes out of the data: say AT TIME ZONE")
    return type_.args[0]


def is_plain(type_: Type) -> bool:
    """Whether the text that a CAST gives is the one that results show."""
    return type_.kind in ("varchar", "char", "boolean", *INTEGERS, "double", "decimal", "date", "timestamp", "timestamptz", "json")


def packed(type_: Type, parts: list[str]) -> str:
    """A row of these parts."""
    fields = ", ".join(f"{types.quoted(types.field_name(type_, n))} := {part}" for n, part in enumerate(parts))
    return f"struct_pack({fields})"


def _scalar(sql: str, a: Type, b: Type) -> str:
    to = duck(b)
    if a.kind in ("double", "real", "decimal") and b.kind in INTEGERS:
        bound = 2 ** types.BOUNDS[b.kind]
        bad = f"isnan({sql}) OR {sql} >= {bound}::DOUBLE OR {sql} < -{bound}::DOUBLE" if a.kind != "decimal" else "false"
        value = f"CAST(round({sql}) AS {to})"
        return guarded(bad, value, "INVALID_CAST_ARGUMENT", f"'Cannot cast ' || {_text(sql, a)} || ' to {b.kind}'") if a.kind != "decimal" else value
    if a.kind == "timestamptz":
        zone = f"timezone({text_of(zone_of(a))}, {sql})"
        return f"CAST({zone} AS DATE)" if b.kind == "date" else zone
    if b.kind == "timestamptz":
        return f"timezone({text_of(zone_of(b))}, CAST({sql} AS TIMESTAMP))"
    if a.kind == "timestamp" and b.kind == "timestamp":
        return sql if b.args[0] >= a.args[0] else f"date_trunc('{'second' if b.args[0] == 0 else 'millisecond'}', {sql})"
    return f"CAST({sql} AS {to})"


def _of_text(sql: str, b: Type) -> str:
    to, kind = duck(b), b.kind
    if kind in INTEGERS:
        ok, text = r"[+-]?[0-9]+", f"'Cannot cast ''' || {sql} || ''' to {_SAID[kind]}'"
        return guarded(f"NOT regexp_full_match({sql}, '{ok}')", f"CAST({sql} AS {to})", "INVALID_CAST_ARGUMENT", text)
    if kind in ("double", "real"):
        text = f"'Cannot cast ''' || {sql} || ''' to {_SAID[kind]}'"
        return guarded(f"NOT regexp_full_match(trim({sql}), '{_NUMBER}')", f"CAST(trim({sql}) AS {to})", "INVALID_CAST_ARGUMENT", text)
    if kind == "decimal":
        text = f"'Cannot cast VARCHAR ''' || {sql} || ''' to DECIMAL({b.args[0]}, {b.args[1]}). Value is not a number.'"
        return guarded(f"NOT regexp_full_match(trim({sql}), '{_NUMBER}')", f"CAST(trim({sql}) AS {to})", "INVALID_CAST_ARGUMENT", text)
    if kind == "boolean":
        bad = f"lower({sql}) NOT IN ('t', 'true', '1', 'f', 'false', '0')"
        return guarded(bad, f"(lower({sql}) IN ('t', 'true', '1'))", "INVALID_CAST_ARGUMENT", f"'Cannot cast ''' || {sql} || ''' to BOOLEAN'")
    if kind == "date":
        return guarded(f"NOT regexp_full_match({sql}, '{_DATE}')", f"CAST(trim({sql}) AS DATE)", "INVALID_CAST_ARGUMENT",
                       f"'Value cannot be cast to date: ' || {sql}")  # fmt: skip
    said = "timestamp with time zone" if kind == "timestamptz" else "timestamp"
    pattern = r"\s*[+-]?[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}" + _TIME + r"\s*"
    # DuckDB wants the seconds that Trino lets be left out.
    whole = f"regexp_replace(trim({sql}), ' ([0-9]+:[0-9]+)$', ' \\1:00')"
    value = f"CAST({whole} AS TIMESTAMP)"
    if kind == "timestamptz":
        pattern = pattern.removesuffix(r"\s*") + r"( ?[+-][0-9]{2}:[0-9]{2}| UTC| Z)?\s*"
        value = f"CAST(regexp_replace({sql}, ' (UTC|Z)\\s*$', '') AS TIMESTAMPTZ)"
    elif b.args[0] < 6:
        value = f"date_trunc('{'second' if b.args[0] == 0 else 'millisecond'}', {value} + INTERVAL {500 if b.args[0] else 500000} MICROSECONDS)"
    return guarded(f"NOT regexp_full_match({sql}, '{pattern}')", value, "INVALID_CAST_ARGUMENT", f"'Value cannot be cast to {said}: ' || {sql}")


def _text(sql: str, a: Type) -> str:
    kind = a.kind
    if kind in ("double", "real"):
        return f"kw_double_text({sql})"
    if kind == "timestamp":
        fraction = {0: "", 3: ".%g"}.get(a.args[0], ".%f")
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S{fraction}')"
    if kind == "timestamptz":
        return f"(strftime(timezone({text_of(zone_of(a))}, {sql}), '%Y-%m-%d %H:%M:%S.%g') || {text_of(' ' + zone_of(a))})"
    return f"CAST({sql} AS VARCHAR)"


def _to_text(sql: str, a: Type, b: Type) -> str:
    text = sql if a.kind in ("varchar", "char") else _text(sql, a)
    if not b.args or (a.kind == "varchar" and a.args and a.args[0] <= b.args[0]):
        return text
    if a.kind in ("varchar", "char"):
        return f"left({text}, {b.args[0]})"
    said = f"'Value ' || {text} || ' cannot be represented as varchar({b.args[0]})'"
    return guarded(f"length({text}) > {b.args[0]}", text, "INVALID_CAST_ARGUMENT", said)


# JSON --------------------------------------------------------------------------------------------------------


def _of_json(sql: str, b: Type) -> str:
    kind = b.kind
    scalar, is_null = f"json_extract_string({sql}, '$')", f"({sql} IS NULL OR json_type({sql}) = 'NULL')"
    if kind in ("array", "map", "row"):
        wanted = {"array": ("ARRAY",), "map": ("OBJECT",), "row": ("ARRAY", "OBJECT")}[kind]
        if kind == "array":
            value = f"list_transform(json_extract({sql}, '$[*]'), lambda j: {_of_json('j', b.args[0])})"
        elif kind == "map":
            entry = f"struct_pack(k := e.key, v := {_of_json('e.value', b.args[1])})"
            value = f"map_from_entries(list_transform(map_entries(CAST(CAST({sql} AS JSON) AS MAP(VARCHAR, JSON))), lambda e: {entry}))"
        else:
            def part(n: int) -> str:
                name = (b.names[n] or "").replace('"', '\\"')
                path = text_of('$."' + name + '"')
                return f"(CASE WHEN json_type({sql}) = 'ARRAY' THEN json_extract({sql}, '$[{n}]') ELSE json_extract({sql}, {path}) END)"

            value = packed(b, [_of_json(part(n), each) for n, each in enumerate(b.args)])
        bad = f"json_type({sql}) NOT IN ({', '.join(map(text_of, wanted))})"
        value = guarded(bad, value, "INVALID_CAST_ARGUMENT", f"'Cannot cast to {types.shown(b)}.'")
    elif kind == "json":
        return f"CAST({sql} AS VARCHAR)"
    elif kind == "varchar":
        bad = f"json_type({sql}) IN ('ARRAY', 'OBJECT')"
        value = guarded(bad, scalar, "INVALID_CAST_ARGUMENT", "'Cannot cast to varchar. Unexpected token'")
    elif kind == "boolean":
        numbers = f"(CASE WHEN json_type({sql}) = 'BOOLEAN' OR json_type({sql}) = 'VARCHAR' THEN {_of_text(scalar, b)} ELSE CAST({scalar} AS DOUBLE) <> 0 END)"
        value = numbers
    else:
        text = f"(CASE {scalar} WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE {scalar} END)"
        value = _of_text(text, b) if kind not in INTEGERS else (
            f"(CASE WHEN json_type({sql}) = 'DOUBLE' THEN CAST(round(CAST({scalar} AS DOUBLE)) AS {duck(b)}) ELSE {_of_text(text, b)} END)"
        )  # fmt: skip
    return f"(CASE WHEN {is_null} THEN NULL ELSE {value} END)"


def _to_json(sql: str, a: Type) -> str:
    """Rows become arrays, because "positions are more important than names for rows in SQL" (functions/json.html)."""
    kind = a.kind
    if kind == "unknown":
        return "CAST(NULL AS VARCHAR)"
    if kind in ("varchar", "char"):
        return f"CAST(to_json({sql}) AS VARCHAR)"
    if kind in ("date", "timestamp", "timestamptz"):
        return f"CAST(to_json({_text(sql, a)}) AS VARCHAR)"
    if kind in ("double", "real"):
        return f"(CASE WHEN isfinite({sql}) THEN kw_double_text({sql}) ELSE '\"' || kw_double_text({sql}) || '\"' END)"
    if kind == "array":
        return f"('[' || array_to_string(list_transform({sql}, lambda x: {_within_json('x', a.args[0])}), ',') || ']')"
    if kind == "map":
        pair = f"CAST(to_json(e.key) AS VARCHAR) || ':' || {_within_json('e.value', a.args[1])}"
        entries = f"list_sort(list_transform(map_entries({sql}), lambda e: {pair}))"
        return f"(CASE WHEN {sql} IS NOT NULL THEN '{{' || array_to_string({entries}, ',') || '}}' END)"
    if kind == "row":
        parts = " || ',' || ".join(_within_json(f"struct_extract_at({sql}, {n + 1})", each) for n, each in enumerate(a.args))
        return f"(CASE WHEN {sql} IS NOT NULL THEN '[' || {parts} || ']' END)"
    return sql if kind == "json" else f"CAST({sql} AS VARCHAR)"


def _within_json(sql: str, a: Type) -> str:
    return f"coalesce({_to_json(sql, a)}, 'null')"
