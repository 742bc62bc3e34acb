"""Trino's aggregate and window functions, as DuckDB says them.

What Trino estimates is exact here (approx_distinct, approx_percentile): no estimate is further from the truth than its promise.
https://trino.io/docs/current/functions/aggregate.html, …/window.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.cast import cast
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.signature import Typed, form
from kumoniwa.languages.athena.types import BIGINT, DOUBLE, Type

Full = Callable[[str], str]
"""Adds to a call what stands around it: DISTINCT, ORDER BY, FILTER and OVER."""
Build = Callable[[list[Typed], Full], Typed]


def _call(template: str, result: str = "") -> Build:
    """``result`` is what it is cast to."""

    def build(args: list[Typed], full: Full) -> Typed:
        sql = full(template.format(*(each.sql for each in args)))
        return Typed(f"CAST({sql} AS {types.duck(types.read(result))})", types.read(result)) if result else Typed(sql, args[0].type)

    return build


def _sum(args: list[Typed], full: Full) -> Typed:
    type_, sql = args[0].type, full(f"sum({args[0].sql})")
    if type_.kind in types.INTEGERS:
        return Typed(f"CAST({sql} AS BIGINT)", BIGINT)
    if type_.kind == "decimal":
        to = types.decimal(38, type_.args[1])
        return Typed(f"CAST({sql} AS {types.duck(to)})", to)
    return Typed(f"CAST({sql} AS {types.duck(type_)})", type_)


def _avg(args: list[Typed], full: Full) -> Typed:
    type_ = args[0].type
    if type_.kind != "decimal":
        to = type_ if type_.kind == "real" else DOUBLE
        return Typed(f"CAST({full(f'avg({args[0].sql})')} AS {types.duck(to)})", to)
    total, count, scale = full(f"sum({args[0].sql})"), full(f"count({args[0].sql})"), type_.args[1]
    return Typed(divided(total, scale, count, 0, type_), type_)


def divided(a: str, a_scale: int, b: str, b_scale: int, to: Type) -> str:
    """A quotient of decimals, rounded half up: DuckDB's is a double."""
    shift = to.args[1] - a_scale + b_scale
    upper = f"(CAST(replace(CAST({a} AS VARCHAR), '.', '') AS HUGEINT) * {10 ** max(shift, 0)}::HUGEINT)"
    lower = f"(CAST(replace(CAST({b} AS VARCHAR), '.', '') AS HUGEINT) * {10 ** max(-shift, 0)}::HUGEINT)"
    whole = f"(({upper} // {lower}) + CASE WHEN 2 * abs({upper} % {lower}) >= abs({lower}) THEN CASE WHEN ({upper} < 0) = ({lower} < 0) THEN 1 ELSE -1 END ELSE 0 END)"
    if not to.args[1]:
        return f"CAST({whole} AS {types.duck(to)})"
    text = f"CAST(abs({whole}) AS VARCHAR)"
    digits = f"lpad({text}, greatest(length({text}), {to.args[1] + 1})::INTEGER, '0')"
    signed = f"CASE WHEN {whole} < 0 THEN '-' ELSE '' END || {digits}[:-{to.args[1] + 1}] || '.' || right({digits}, {to.args[1]})"
    return f"CAST({signed} AS {types.duck(to)})"


def _extreme(name: str) -> Build:
    def build(args: list[Typed], full: Full) -> Typed:
        if not types.orders(args[0].type):
            raise QueryFailure("TYPE_MISMATCH", f"Type {args[0].type} is not orderable")
        if len(args) == 2:
            return Typed(full(f"{name}({args[0].sql}, {args[1].sql}::INTEGER)"), types.array(args[0].type))
        return Typed(full(f"{name}({args[0].sql})"), args[0].type)

    return build


def _by(name: str) -> Build:
    def build(args: list[Typed], full: Full) -> Typed:
        if len(args) == 3:
            return Typed(full(f"{name}({args[0].sql}, {args[1].sql}, {args[2].sql}::INTEGER)"), types.array(args[0].type))
        return Typed(full(f"{name}_null({args[0].sql}, {args[1].sql})"), args[0].type)

    return build


def _percentile(args: list[Typed], full: Full) -> Typed:
    if len(args) == 3:
        raise Unbuilt("approx_percentile with weights")
    if args[1].type.kind == "array":
        return Typed(full(f"quantile_disc({args[0].sql}, {args[1].sql})"), types.array(args[0].type))
    return Typed(full(f"quantile_disc({args[0].sql}, {args[1].sql})"), args[0].type)


def _entry(args: list[Typed]) -> str:
    return f"struct_pack(k := {args[0].sql}, v := {args[1].sql})"


def _map_agg(args: list[Typed], full: Full) -> Typed:
    entries = f"list_filter({full(f'list({_entry(args)})')}, lambda e: e.k IS NOT NULL)"
    first = f"list_filter({entries}, lambda e, i: i = list_position(list_transform({entries}, lambda f: f.k), e.k))"
    return Typed(f"map_from_entries({first})", types.map_of(args[0].type, args[1].type))


def _multimap_agg(args: list[Typed], full: Full) -> Typed:
    entries = f"list_filter({full(f'list({_entry(args)})')}, lambda e: e.k IS NOT NULL)"
    keys = f"list_distinct(list_transform({entries}, lambda e: e.k))"
    values = f"list_transform(list_filter({entries}, lambda e: e.k = key), lambda e: e.v)"
    made = f"map_from_entries(list_transform({keys}, lambda key: struct_pack(k := key, v := {values})))"
    return Typed(made, types.map_of(args[0].type, types.array(args[1].type)))


def _histogram(args: list[Typed], full: Full) -> Typed:
    to = types.map_of(args[0].type, BIGINT)
    return Typed(f"CAST({full(f'histogram({args[0].sql})')} AS {types.duck(to)})", to)


def _array_agg(args: list[Typed], full: Full) -> Typed:
    return Typed(full(f"list({args[0].sql})"), types.array(args[0].type))


def _listagg(args: list[Typed], full: Full) -> Typed:
    by = args[1].sql if len(args) > 1 else "''"
    return Typed(full(f"string_agg({cast(args[0].sql, args[0].type, types.VARCHAR)}, {by})"), types.VARCHAR)


class Aggregate(NamedTuple):
    forms: tuple
    build: Build


def _of(build: Build, *params: str) -> Aggregate:
    return Aggregate(tuple(form(f"({each}) -> T", "") for each in params), build)


_DOUBLE = {"stddev": "stddev_samp", "stddev_samp": "stddev_samp", "stddev_pop": "stddev_pop", "variance": "var_samp", "var_samp": "var_samp",
           "var_pop": "var_pop", "kurtosis": "kurtosis", "geometric_mean": "geomean"}  # fmt: skip
_DOUBLES = ("corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept")
AGGREGATES: dict[str, Aggregate] = {
    "count": _of(_call("count({0})", "bigint"), "T"), "sum": _of(_sum, "bigint", "number"), "avg": _of(_avg, "number"),
    "min": _of(_extreme("min"), "T", "T, bigint"), "max": _of(_extreme("max"), "T", "T, bigint"),
    "count_if": _of(_call("count_if({0})", "bigint"), "boolean"), "bool_and": _of(_call("bool_and({0})", "boolean"), "boolean"),
    "every": _of(_call("bool_and({0})", "boolean"), "boolean"), "bool_or": _of(_call("bool_or({0})", "boolean"), "boolean"),
    "arbitrary": _of(_call("any_value({0})"), "T"), "any_value": _of(_call("any_value({0})"), "T"), "array_agg": _of(_array_agg, "T"),
    "max_by": _of(_by("arg_max"), "T, U", "T, U, bigint"), "min_by": _of(_by("arg_min"), "T, U", "T, U, bigint"),
    "approx_distinct": _of(lambda args, full: Typed(full(f"count(DISTINCT {args[0].sql})"), BIGINT), "T", "T, double"),
    "approx_percentile": _of(_percentile, "bigint, double", "double, double", "real, double", "bigint, array(double)", "double, array(double)",
                             "bigint, bigint, double", "double, double, double"),
    "map_agg": _of(_map_agg, "K, V"), "multimap_agg": _of(_multimap_agg, "K, V"), "histogram": _of(_histogram, "T"),
    "listagg": _of(_listagg, "varchar", "varchar, varchar"),
    "bitwise_and_agg": _of(_call("bit_and({0})", "bigint"), "bigint"), "bitwise_or_agg": _of(_call("bit_or({0})", "bigint"), "bigint"),
    **{name: _of(_call(f"{duck}({{0}})", "double"), "double") for name, duck in _DOUBLE.items()},
    **{name: _of(_call(f"{name}({{0}}, {{1}})", "double"), "double, double") for name in _DOUBLES},
}  # fmt: skip

# Windows -----------------------------------------------------------------------------------------------------


def _valued(name: str) -> Build:
    """lag, lead, first_value, last_value and nth_value."""

    def build(args: list[Typed], full: Full) -> Typed:
        more = [f", {args[1].sql}::INTEGER"] if len(args) > 1 else []
        if len(args) > 2:
            more.append(", " + cast(args[2].sql, args[2].type, args[0].type))
        return Typed(full(f"{name}({args[0].sql}{''.join(more)})"), args[0].type)

    return build


WINDOWS: dict[str, Aggregate] = {
    **{name: Aggregate((form("() -> bigint", ""),), lambda args, full, name=name: Typed(full(f"{name}()"), BIGINT))
       for name in ("row_number", "rank", "dense_rank")},
    **{name: Aggregate((form("() -> double", ""),), lambda args, full, name=name: Typed(full(f"{name}()"), DOUBLE))
       for name in ("percent_rank", "cume_dist")},
    "ntile": Aggregate((form("(bigint) -> bigint", ""),), lambda args, full: Typed(full(f"ntile({args[0].sql})"), BIGINT)),
    **{name: _of(_valued(name), "T", "T, bigint", "T, bigint, T") for name in ("lag", "lead")},
    **{name: _of(_valued(name), "T") for name in ("first_value", "last_value")}, "nth_value": _of(_valued("nth_value"), "T, bigint"),
}  # fmt: skip

UNBUILT = frozenset(
    ["approx_most_frequent", "approx_set", "array_first", "array_histogram", "bar", "beta_cdf", "bing_tile", "bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic", "bit_count", "bitwise_xor_agg", "cauchy_cdf", "char2hexint", "checksum", "classify", "color", "combinations", "cosine_distance", "cosine_similarity", "crc32", "current_groups", "date_add_months", "dot_product", "empty_approx_set", "entropy", "evaluate_classifier_predictions", "exclude_columns", "features", "find_first_index", "fnv1_32", "format_number", "from_base", "from_base32", "from_base64url", "from_big_endian_32", "from_ieee754_32", "from_iso8601_timestamp_nanos", "from_unixtime_nanos", "geometry_union", "great_circle_distance", "hmac_md5", "hmac_sha1", "hmac_sha256", "hmac_sha512", "human_readable_seconds", "inverse_beta_cdf", "inverse_normal_cdf", "ip_prefix", "index", "is_json_valid", "jaccard_index", "json_array", "json_array_contains", "json_exists", "json_object", "json_query", "json_value", "kdb_tree_equi_count", "learn_classifier", "learn_regressor", "line_interpolate_point", "lower_utf8", "luhn_check", "make_set_digest", "map_union", "max_bitwise", "merge", "merge_set_digest", "multimap_from_entries", "murmur3", "normal_cdf", "numeric_histogram", "pattern_match", "qdigest_agg", "quantile_at_value", "quantiles_at_values", "rank_over", "reduce_agg", "regr_count", "render", "rgb", "set_agg", "set_union", "sha512", "shuffle", "simplify_geometry", "skewness", "soundex", "spooky_hash_v2_32", "st_point", "st_contains", "st_distance", "st_geometryfromtext", "strrpos", "t_pdf", "tdigest_agg", "timestamp_objectid", "timezone", "timezone_hour", "timezone_minute", "to_base32", "to_base64url", "to_big_endian_32", "to_big_endian_64", "to_char", "to_date", "to_geometry", "to_ieee754_32", "to_ieee754_64", "to_timestamp", "value_at_quantile", "values_at_quantiles", "version", "width_bucket", "wilson_interval_lower", "wilson_interval_upper", "word_stem", "xxhash64", "xxhash64_combine", "current_timezone", "localtime", "current_time", "contains_sequence", "all_match_approx", "parse_presto_data_size", "parse_data_size"]
)
"""Functions that Athena has and that are not here: https://trino.io/docs/current/functions/list.html"""
