"""Patterns of dates as Joda-Time's DateTimeFormat spells them, for reading: Firehose's Hive JSON SerDe is told its timestamps so.

https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html. Eras, centuries, week years and names of zones other than UTC
are not read. A text without a zone is in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_PIECE = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']", re.DOTALL)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMES = {"y": "year", "Y": "year", "M": "month", "d": "day", "D": "yearday", "H": "hour", "h": "half", "K": "half", "k": "hour", "m": "minute", "s": "second"}
_PIVOT, _NANOS = 50, 1_000_000_000


class InvalidPattern(ValueError):
    """No pattern, or one of what is not read."""


def _expression(pattern: str) -> str:
    pieces = [match for match in _PIECE.finditer(pattern)]
    if "".join(match[0] for match in pieces) != pattern:
        raise InvalidPattern(f"Illegal pattern component: {pattern}")
    found, seen = [], set()
    for place, match in enumerate(pieces):
        quoted, letter = match[1], match[2]
        if letter is None:
            found.append(re.escape("'" if match[0] == "''" else quoted.replace("''", "'") if quoted is not None else match[0]))
            continue
        count = len(match[0])
        is_followed = place + 1 < len(pieces) and (pieces[place + 1][2] or "") in "yYMdDHhKkmsS" and pieces[place + 1][2] is not None
        digits = rf"\d{{{count}}}" if is_followed or (letter in "yY" and count in (2, 4)) else r"\d{1,9}" if letter in "yY" else r"\d{1,3}" if letter == "D" else r"\d{1,2}"
        if letter == "M" and count >= 3:
            name, text = "monthname", r"[A-Za-z]{3,9}"
        elif letter in _NAMES:
            name, text = _NAMES[letter], digits
        elif letter == "S":
            name, text = "fraction", rf"\d{{1,{count}}}"
        elif letter == "a":
            name, text = "noon", "[AaPp][Mm]"
        elif letter == "E" or letter == "e":
            name, text = "", r"[A-Za-z]{3,9}|\d"
        elif letter == "Z":
            name, text = "zone", r"Z|[+-]\d{2}:?\d{2}"
        elif letter == "z":
            name, text = "", "UTC|GMT"
        else:
            raise InvalidPattern(f"Illegal pattern component: {match[0]}")
        if name in seen:
            raise InvalidPattern(f"Illegal pattern component: {match[0]}")
        seen.add(name or match[0])
        found.append(f"(?P<{name}>{text})" if name else f"(?:{text})")
    return "".join(found)


@lru_cache(maxsize=64)
def reader(pattern: str) -> Callable[[str], int]:
    """Reads a text as nanoseconds since 1970, or raises ValueError in Joda-Time's words. Raises InvalidPattern."""
    expression = re.compile(_expression(pattern))
    is_short_year = re.search(r"(?<![yY])[yY]{2}(?![yY])", re.sub(r"'[^']*'", "", pattern)) is not None

    def read(text: str) -> int:
        found = expression.fullmatch(text)
        if found is None:
            raise ValueError(f'Invalid format: "{text}"')
        try:
            return _instant(found.groupdict(), is_short_year=is_short_year)
        except (ValueError, OverflowError):
            raise ValueError(f'Cannot parse "{text}"') from None

    return read


def _instant(parts: dict[str, str | None], *, is_short_year: bool) -> int:
    def number(name: str, unsaid: int) -> int:
        said = parts.get(name)
        return int(said) if said is not None else unsaid

    year = number("year", 1970)
    if is_short_year:
        year += 2000 if year < _PIVOT else 1900
    name = parts.get("monthname")
    month = _MONTHS.index(name[:3].lower()) + 1 if name is not None else number("month", 1)
    hour = number("hour", 0) % 24
    if parts.get("half") is not None:
        hour = number("half", 0) % 12 + (12 if (parts.get("noon") or "").lower() == "pm" else 0)
    at = datetime(year, month, number("day", 1), hour, number("minute", 0), number("second", 0), tzinfo=UTC)
    if parts.get("yearday") is not None:
        at = at.replace(month=1, day=1) + timedelta(days=number("yearday", 1) - 1)
    zone = parts.get("zone") or "Z"
    shift = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[-2:])) * (-60 if zone[0] == "+" else 60)
    nanos = int((parts.get("fraction") or "0").ljust(9, "0"))
    return (int(at.timestamp()) + shift) * _NANOS + nanos
