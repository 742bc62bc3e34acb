"""Trino's functions over dates, times and intervals, as DuckDB says them. Milliseconds stand for an interval of days, months for one of years.

A timestamp with time zone knows its zone here only if the query says it: one whose zone comes out of the data is refused where it would
show. https://trino.io/docs/current/functions/datetime.html
"""

from __future__ import annotations

import re

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.cast import cast, guarded, zone_of
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.functions_text import constant
from kumoniwa.languages.athena.signature import Table, Typed, table
from kumoniwa.languages.athena.types import BIGINT, DATE, TIMESTAMP, UTC, Type, text_of

UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_OF_DATES = UNITS[4:]


def local(arg: Typed) -> str:
    """The date and time that clocks show where the value is from."""
    if arg.type.kind == "timestamptz":
        return f"timezone({text_of(zone_of(arg.type))}, {arg.sql})"
    return arg.sql if arg.type.kind == "timestamp" else f"CAST({arg.sql} AS TIMESTAMP)"


def back(sql: str, type_: Type) -> Typed:
    """From what clocks show to a value of the type that it came from."""
    if type_.kind == "timestamptz":
        return Typed(f"timezone({text_of(type_.args[0])}, {sql})", type_)
    return Typed(f"CAST({sql} AS DATE)" if type_.kind == "date" else sql, type_)


def _unit(arg: Typed, of: Typed) -> str:
    unit = constant(arg, "a unit").lower()
    known = _OF_DATES if of.type.kind == "date" else UNITS
    if unit not in known:
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid {of.type.kind.upper()} field")
    return unit


def _instant(arg: Typed) -> Typed:
    """A text is none: Trino turns only literals of the right kind into dates."""
    if arg.type.kind == "unknown":
        return Typed(cast(arg.sql, arg.type, TIMESTAMP), TIMESTAMP)
    return arg


def _trunc(unit: Typed, of: Typed) -> Typed:
    of = _instant(of)
    if unit.value and str(unit.value).lower() == "millisecond" and of.type.kind != "date":
        return back(f"date_trunc('millisecond', {local(of)})", of.type)
    return back(f"date_trunc({text_of(_unit(unit, of))}, {local(of)})", of.type)


def plus(of: Typed, count: str, unit: str) -> Typed:
    """``count`` units later. The day of a month is the last one there is, at most."""
    names = {"quarter": ("months", 3), "week": ("days", 7), "millisecond": ("milliseconds", 1)}
    name, times = names.get(unit, (unit + "s", 1))
    if of.type.kind == "timestamptz" and name not in ("days", "months", "years"):
        return Typed(f"({of.sql} + to_{name}({count}))", of.type)
    number = f"CAST({count} * {times} AS {'INTEGER' if name in ('days', 'months', 'years') else 'BIGINT'})"
    return back(f"({local(of)} + to_{name}({number}))", of.type)


def _diff(unit: Typed, a: Typed, b: Typed) -> str:
    """Whole units between: DuckDB's date_diff counts the boundaries that are crossed."""
    a, b = _instant(a), _instant(b)
    name = _unit(unit, a)
    if "timestamptz" in (a.type.kind, b.type.kind):
        # The days are those of where the first is from.
        to = a.type if a.type.kind == "timestamptz" else UTC
        a, b = (Typed(cast(each.sql, each.type, to), to) for each in (a, b))
    return f"date_sub({text_of(name)}, {local(a)}, {local(b)})"


def part(name: str, of: Typed) -> Typed:
    """A field of a date or time, as extract() and the functions of its name tell it."""
    kind = of.type.kind
    if kind == "interval day to second":
        by = {"day": (86_400_000, 0), "hour": (3_600_000, 24), "minute": (60_000, 60), "second": (1_000, 60), "millisecond": (1, 1000)}
        if name in by:
            size, most = by[name]
            whole = f"({of.sql} // {size})"
            return Typed(f"({whole} % {most})" if most else whole, BIGINT)
    if kind == "interval year to month" and name in ("year", "month"):
        return Typed(f"CAST({of.sql} {'// 12' if name == 'year' else '% 12'} AS BIGINT)", BIGINT)
    fields = {
        "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day", "day_of_month": "day",
        "day_of_week": "isodow", "dow": "isodow", "day_of_year": "doy", "doy": "doy", "year_of_week": "isoyear", "yow": "isoyear",
    }  # fmt: skip
    times = {"hour": "hour", "minute": "minute", "second": "second"}
    if kind not in ("date", "timestamp", "timestamptz", "unknown") or (kind == "date" and name not in fields):
        raise QueryFailure("TYPE_MISMATCH", f"Cannot extract {name} from {of.type}")
    of = _instant(of)
    if name == "millisecond":
        return Typed(f"(CAST(extract(millisecond FROM {local(of)}) AS BIGINT) % 1000)", BIGINT)
    if name in ("timezone_hour", "timezone_minute") and kind == "timestamptz":
        raise Unbuilt(f"extract({name})")
    return Typed(f"CAST(extract({(fields | times)[name]} FROM {local(of)}) AS BIGINT)", BIGINT)


EXTRACTED = {
    "year", "quarter", "month", "week", "day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy", "year_of_week", "yow", "hour", "minute",
    "second", "timezone_hour", "timezone_minute",
}  # fmt: skip
"""https://trino.io/docs/current/functions/datetime.html#extraction-function"""

# Formats -----------------------------------------------------------------------------------------------------

_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M", "j": "%j", "k": "%-H", "l": "%-I",
    "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S", "v": "%V", "W": "%A", "x": "%G", "Y": "%Y", "y": "%y",
    "%": "%%",
}  # fmt: skip


def mysql_format(arg: Typed, reading: bool = False) -> str:
    text, spelled, place = constant(arg, "a format"), "", 0
    while place < len(text):
        if text[place] == "%" and place + 1 < len(text):
            letter = text[place + 1]
            if letter in "DUuVwX":
                raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"%{letter} not supported in date format string")
            spelled += _MYSQL.get(letter, letter)
            place += 2
        else:
            spelled += text[place]
            place += 1
    if reading and re.search(r"%[jVGaA]", spelled):
        raise Unbuilt(f"date_parse with the format '{text}'")
    # What DuckDB reads, it reads with fewer digits too; without the hyphen it is one specifier.
    return text_of(spelled.replace("%-", "%") if reading else spelled)


_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "y": "%Y", "yy": "%y", "xxxx": "%G", "MM": "%m", "M": "%-m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%-d",
    "D": "%-j", "DDD": "%j", "e": "%u", "E": "%a", "EEE": "%a", "EEEE": "%A", "a": "%p", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I",
    "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "SSSSSS": "%f", "ww": "%V", "Z": "%z", "ZZ": "%z",
}  # fmt: skip


def joda_format(arg: Typed, reading: bool = False) -> str:
    """https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html"""
    text, spelled = constant(arg, "a format"), ""
    for found in re.finditer(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+", text):
        if found[2]:
            known = _JODA.get(found[0])
            if known is None or (known == "%z" and not reading):
                raise Unbuilt(f"the format '{found[0]}' of dates")
            spelled += known.replace("%-", "%") if reading else known
        else:
            spelled += (found[1].replace("''", "'") or "'" if found[0].startswith("'") else found[0]).replace("%", "%%")
    return text_of(spelled)


def _parse_datetime(text: Typed, format_: Typed) -> str:
    spelled = joda_format(format_, reading=True)
    read = f"strptime({text.sql}, {spelled})"
    return f"CAST({read} AS TIMESTAMPTZ)" if "%z" in spelled else f"timezone('UTC', {read})"


_ISO_TIME = r"^([0-9]{4})(-[0-9]{2})?(-[0-9]{2})?(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,12})?)?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$"


def _iso_timestamp(text: Typed) -> Typed:
    """What is from another zone than UTC would have to show its own."""
    sql = text.sql
    filled = (
        f"(regexp_extract({sql}, '{_ISO_TIME}', 1) || coalesce(nullif(regexp_extract({sql}, '{_ISO_TIME}', 2), ''), '-01') || "
        f"coalesce(nullif(regexp_extract({sql}, '{_ISO_TIME}', 3), ''), '-01') || ' ' || "
        f"CASE length(regexp_extract({sql}, '{_ISO_TIME}', 4)) WHEN 0 THEN '00:00:00' WHEN 3 THEN substr(regexp_extract({sql}, '{_ISO_TIME}', 4), 2) || ':00:00' "
        f"WHEN 6 THEN substr(regexp_extract({sql}, '{_ISO_TIME}', 4), 2) || ':00' ELSE replace(substr(regexp_extract({sql}, '{_ISO_TIME}', 4), 2), ',', '.') END)"
    )
    value = f"timezone('UTC', date_trunc('millisecond', CAST({filled} AS TIMESTAMP)))"
    zone = f"regexp_extract({sql}, '{_ISO_TIME}', 8)"
    value = guarded(f"{zone} NOT IN ('', 'Z', '+00:00', '+0000')", value, "NOT_SUPPORTED", f"'from_iso8601_timestamp of a zone other than UTC: ' || {sql}")
    bad = guarded(f"NOT regexp_matches({sql}, '{_ISO_TIME}')", value, "INVALID_FUNCTION_ARGUMENT", f"'Invalid format: \"' || {sql} || '\"'")
    return Typed(bad, UTC)


def _iso_text(of: Typed) -> str:
    if of.type.kind == "date":
        return f"strftime({of.sql}, '%Y-%m-%d')"
    text = f"strftime({local(of)}, '%Y-%m-%dT%H:%M:%S.%g')"
    if of.type.kind == "timestamptz":
        if of.type.args[0] != "UTC":
            raise Unbuilt("to_iso8601 of another zone than UTC")
        return f"({text} || 'Z')"
    return text


def at_zone(of: Typed, zone: str) -> Typed:
    try_cast = of if of.type.kind == "timestamptz" else Typed(cast(of.sql, of.type, UTC), UTC)
    return Typed(try_cast.sql, Type("timestamptz", (zone,)))


def _with_zone(of: Typed, zone: Typed) -> Typed:
    name = constant(zone, "a zone")
    return Typed(f"timezone({text_of(name)}, {of.sql})", Type("timestamptz", (name,)))


def _parsed_duration(text: Typed) -> str:
    unit = f"regexp_extract({text.sql}, '^\\s*([0-9]+(?:\\.[0-9]+)?)\\s*([a-z]+)\\s*$', 2)"
    number = f"CAST(regexp_extract({text.sql}, '^\\s*([0-9]+(?:\\.[0-9]+)?)\\s*([a-z]+)\\s*$', 1) AS DOUBLE)"
    sizes = " ".join(f"WHEN '{name}' THEN {ms}" for name, ms in (("ns", 1e-6), ("us", 1e-3), ("ms", 1), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("d", 8.64e7)))
    bad = f"{unit} NOT IN ('ns', 'us', 'ms', 's', 'm', 'h', 'd')"
    return guarded(bad, f"CAST(round({number} * CASE {unit} {sizes} END) AS BIGINT)", "INVALID_FUNCTION_ARGUMENT",
                   f"'duration is not a valid data duration string: ' || {text.sql}")  # fmt: skip


def _field(name: str):
    return lambda of: part(name, of)


_INTERVALS = ("(interval day to second) -> bigint",)
TIME: Table = table({
    "date": ("(instant) -> date", lambda of: cast(of.sql, of.type, DATE), "(varchar) -> date", lambda of: cast(of.sql, of.type, DATE)),
    "date_trunc": ("(varchar, instant) -> instant", _trunc),
    "date_add": ("(varchar, bigint, instant) -> instant", lambda unit, count, of: plus(_instant(of), count.sql, _unit(unit, of))),
    "date_diff": ("(varchar, instant, instant) -> bigint", _diff),
    "date_format": ("(instant, varchar) -> varchar", lambda of, how: f"strftime({local(of)}, {mysql_format(how)})"),
    "date_parse": ("(varchar, varchar) -> timestamp",
                   lambda text, how: f"date_trunc('millisecond', CAST(strptime({text.sql}, {mysql_format(how, reading=True)}) AS TIMESTAMP))"),
    "format_datetime": ("(instant, varchar) -> varchar", lambda of, how: f"strftime({local(of)}, {joda_format(how)})"),
    "parse_datetime": ("(varchar, varchar) -> timestamptz", _parse_datetime),
    "from_iso8601_timestamp": ("(varchar) -> timestamptz", _iso_timestamp),
    "from_iso8601_date": ("(varchar) -> date", lambda of: cast(of.sql, of.type, DATE)),
    "to_iso8601": ("(instant) -> varchar", _iso_text),
    "from_unixtime": ("(double) -> timestamptz", "to_timestamp(round({0} * 1000) / 1000)",
                      "(double, varchar) -> timestamptz", lambda of, zone: at_zone(Typed(f"to_timestamp(round({of.sql} * 1000) / 1000)", UTC), constant(zone, "a zone"))),
    "to_unixtime": ("(instant) -> double", lambda of: f"epoch({cast(of.sql, of.type, UTC)})"),
    "to_milliseconds": ("(interval day to second) -> bigint", "{0}"), "parse_duration": ("(varchar) -> interval day to second", _parsed_duration),
    "last_day_of_month": ("(instant) -> date", lambda of: f"last_day({local(of)})"),
    "at_timezone": ("(instant, varchar) -> timestamptz", lambda of, zone: at_zone(of, constant(zone, "a zone"))),
    "with_timezone": ("(timestamp, varchar) -> timestamptz", _with_zone),
    **{name: ("(instant) -> bigint", _field(name), "(interval day to second) -> bigint", _field(name), "(interval year to month) -> bigint", _field(name))
       for name in ("year", "quarter", "month", "week", "week_of_year", "day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy",
                    "year_of_week", "yow", "hour", "minute", "second", "millisecond")},
})  # fmt: skip


# Intervals ---------------------------------------------------------------------------------------------------

_SIZES = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000}
_SPANS = {
    ("day", "hour"): r"(\d+) (\d+)", ("day", "minute"): r"(\d+) (\d+):(\d+)", ("day", "second"): r"(\d+) (\d+):(\d+):(\d+(?:\.\d+)?)",
    ("hour", "minute"): r"(\d+):(\d+)", ("hour", "second"): r"(\d+):(\d+):(\d+(?:\.\d+)?)", ("minute", "second"): r"(\d+):(\d+(?:\.\d+)?)",
    ("year", "month"): r"(\d+)-(\d+)",
}  # fmt: skip


def interval(text: str, first: str, last: str | None) -> Typed:
    """An interval literal. Raises QueryFailure."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    wrong = QueryFailure("INVALID_LITERAL", f"'{text}' is not a valid interval literal")
    if last is None:
        if first in ("year", "month") and digits.isdigit():
            return Typed(str(sign * int(digits) * (12 if first == "year" else 1)), types.MONTHS, is_constant=True)
        if first in _SIZES and re.fullmatch(r"\d+(\.\d+)?" if first == "second" else r"\d+", digits):
            return Typed(f"{sign * round(float(digits) * _SIZES[first])}::BIGINT", types.MILLISECONDS, is_constant=True)
        raise wrong
    found = re.fullmatch(_SPANS.get((first, last), r"(?!)"), digits)
    if found is None:
        raise wrong
    if first == "year":
        return Typed(str(sign * (int(found[1]) * 12 + int(found[2]))), types.MONTHS, is_constant=True)
    units = ("day", "hour", "minute", "second")
    total = sum(float(value) * _SIZES[unit] for value, unit in zip(found.groups(), units[units.index(first) :]))
    return Typed(f"{sign * round(total)}::BIGINT", types.MILLISECONDS, is_constant=True)
