"""Values of a query: numbers, texts, times in milliseconds, lists and maps. None is a field that is not there.

What a log says is text or a JSON number; both compare as numbers where both are numbers, else as texts.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

TIME, FIGURE, ANY = "time", "figure", "any"
"""What an expression gives: a time in milliseconds, a number that was computed, or what a log says."""

_NOT_NUMERIC = re.compile(r"[^0-9eE+\-.]")
_DIGITS = re.compile(r"(\d+)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIGURE_DIGITS = 4


def number(value: Any) -> int | float | None:
    kind = type(value)
    if kind is int or kind is float:
        return value
    if kind is bool:
        return int(value)
    if kind is not str or len(value) > 400 or _NOT_NUMERIC.search(value):
        return None
    try:
        return int(value)
    except ValueError:
        try:
            read = float(value)
        except ValueError:
            return None
    return read if math.isfinite(read) else None


def _figure(written: str) -> float | str:
    read = float(written)
    return read if math.isfinite(read) else written


json_decoder = json.JSONDecoder(parse_float=_figure, parse_constant=str)
"""Numbers that are too large to be some stay as they are written."""


def text(value: Any) -> str | None:
    """A value as a text function sees it: lists and maps are nothing to it."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is dict or kind is list:
        return None
    return spelled(value)


def is_equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return one == other
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return False
    return text(left) == text(right)


def order(left: Any, right: Any) -> int | None:
    """Less, equal or more than zero; None where they do not compare."""
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    if type(left) is str and type(right) is str and one is None and other is None:
        return (left > right) - (left < right)
    return None


def time_text(ms: float) -> str:
    try:
        at = datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return str(int(ms))
    return f"{at:%Y-%m-%d %H:%M:%S}.{int(ms) % 1000:03d}"


def spelled(value: Any, kind: str = ANY) -> str:
    """A value as an answer has it. Booleans of JSON are 1 and 0; computed figures have four decimals at most."""
    if type(value) is str:
        return value
    if kind == TIME:
        return time_text(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        if kind == FIGURE:
            value = round(value, FIGURE_DIGITS)
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return repr(value)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def sort_key(value: Any) -> tuple[int, Any]:
    """Natural order: texts before numbers; of a text, parts without digits by character, numbers by length and then by value.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Sort.html"""
    read = number(value)
    if read is not None:
        return 1, read
    parts = _DIGITS.split(spelled(value))
    return 0, [(len(part), part) if place % 2 else (0, part) for place, part in enumerate(parts)]
