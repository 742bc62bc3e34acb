"""A value as the text that Athena writes into its results: NULL is None, which the CSV leaves empty.

Doubles are those of Java, nested values as Trino's CLI shows them: ``[1, 2]``, ``{k=v}``. Recorded: the examples of
https://github.com/pyathena-dev/PyAthena (tests of its converter) and of https://trino.io/docs/current/functions/
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kumoniwa.languages.athena.types import Type

Text = Callable[[Any], str]


def double(value: float) -> str:
    """https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Double.html#toString(double)"""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7:
        text = repr(value)
        return text if "." in text else f"{text}.0"
    mantissa, _, exponent = f"{value:.17e}".partition("e")
    for digits in range(1, 18):
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    mantissa = mantissa.rstrip("0")
    return f"{mantissa}{'0' if mantissa.endswith('.') else ''}E{int(exponent)}"


def real(value: float) -> str:
    """The fewest digits that are this 32-bit number."""
    if value != value or value in (float("inf"), float("-inf")):
        return double(value)
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == value:
            return double(short)
    return double(value)


def _moment(value: datetime, digits: int) -> str:
    text = f"{value:%Y-%m-%d %H:%M:%S}" if value.year >= 1000 else f"{value.year:04d}-{value:%m-%d %H:%M:%S}"
    return f"{text}.{value.microsecond:06d}"[: -(6 - digits) or None] if digits else text


def _days(value: int) -> str:
    sign, ms = ("-", -value) if value < 0 else ("", value)
    seconds, ms = divmod(ms, 1000)
    return f"{sign}{seconds // 86400} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"


def _months(value: int) -> str:
    return f"{'-' if value < 0 else ''}{abs(value) // 12}-{abs(value) % 12}"


def text_of(type_: Type) -> Text:
    """How values of a type are written; what it is given is never None."""
    kind, args = type_.kind, type_.args
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "double":
        return double
    if kind == "real":
        return real
    if kind == "timestamp":
        return lambda value: _moment(_as_moment(value), args[0])
    if kind == "timestamptz":
        zone = ZoneInfo(args[0]) if args[0] else None
        return lambda value: f"{_moment(value.astimezone(zone), 3)} {args[0]}"
    if kind == "varbinary":
        return lambda value: value.hex(" ")
    if kind == "interval day to second":
        return _days
    if kind == "interval year to month":
        return _months
    if kind == "decimal":
        return lambda value: f"{value:.{args[1]}f}"
    if kind == "array":
        of = within(args[0])
        return lambda value: "[" + ", ".join(map(of, value)) + "]"
    if kind == "map":
        key, of = within(args[0]), within(args[1])
        return lambda value: "{" + ", ".join(f"{key(k)}={of(v)}" for k, v in value.items()) + "}"
    if kind == "row":
        fields = [(name or f"field{n}", within(each)) for n, (name, each) in enumerate(zip(type_.names, args))]
        return lambda value: "{" + ", ".join(f"{name}={of(part)}" for (name, of), part in zip(fields, value.values())) + "}"
    return str


def _as_moment(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)


def within(type_: Type) -> Text:
    """The same within an array, a map or a row."""
    of = text_of(type_)
    return lambda value: "null" if value is None else of(value)
