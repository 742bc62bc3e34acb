"""Dates as texts: read by the letters of Java's DateTimeFormatter, written by those of strftime.

https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/time/format/DateTimeFormatter.html#patterns
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from kumoniwa.languages.insights.value import EPOCH, number

_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_LETTERS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "uu": "%y", "MM": "%m", "M": "%m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%d", "DDD": "%j",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "a": "%p", "EEE": "%a", "E": "%a", "EEEE": "%A",
    "XXX": "%z", "XX": "%z", "X": "%z", "xxx": "%z", "xx": "%z", "Z": "%z", "z": "%Z",
} | {"S" * count: "%f" for count in range(1, 7)}  # fmt: skip
FORMAT_MAX = 200


@lru_cache(maxsize=256)
def _format(pattern: str) -> str | None:
    """As strptime has it; None where a letter has no like there."""
    made, end = [], 0
    for part in _PART.finditer(pattern):
        if part.start() != end:
            return None
        end = part.end()
        if part[2]:
            if part[0] not in _LETTERS:
                return None
            made.append(_LETTERS[part[0]])
        elif part[1] is not None:
            made.append((part[1].replace("''", "'") or "'").replace("%", "%%"))
        else:
            made.append(part[0].replace("%", "%%"))
    return "".join(made) if end == len(pattern) else None


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no name of a zone, or none that is known
        return None


def parsed(value: str, pattern: str, zone: str = "UTC") -> int | None:
    """Epoch milliseconds; None where the text is not of that form."""
    form, where = _format(pattern), _zone(zone)
    if form is None or where is None:
        return None
    try:
        at = datetime.strptime(value, form)
        if at.tzinfo is None:
            at = at.replace(tzinfo=where)
        return round((at - EPOCH).total_seconds() * 1000)
    except (ValueError, OverflowError):
        return None


def formatted(value: Any, form: Any, zone: Any = "UTC") -> str | None:
    at_ms, where = number(value), _zone(zone) if isinstance(zone, str) else None
    if at_ms is None or where is None or not isinstance(form, str) or len(form) > FORMAT_MAX:
        return None
    try:
        return datetime.fromtimestamp(at_ms / 1000, where).strftime(form)
    except (ValueError, OverflowError, OSError):
        return None


def written(at_ms: int, pattern: str, zone: str = "UTC") -> str | None:
    """A time as a pattern of Java's writes it; None where it is none, or there is no such zone."""
    form, where = _format(re.sub(r"S{1,6}", lambda found: f"\x01{len(found[0])}", pattern)), _zone(zone)
    if form is None or where is None:
        return None
    at = datetime.fromtimestamp(at_ms / 1000, where)
    text = at.strftime(form)
    return re.sub("\x01([1-6])", lambda found: f"{at_ms % 1000:03d}000"[: int(found[1])], text)
