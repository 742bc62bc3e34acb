"""Partitions that no catalogue keeps: their values and places follow from the properties of the table.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html, …/partition-projection-supported-types.html
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt

MANY = 1_000_000
_LETTERS = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "MMM": "%b", "MMMM": "%B", "DDD": "%j"}
_STEPS = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3_600, "DAYS": 86_400, "WEEKS": 604_800}
_UNITS = {"SECOND": "SECONDS", "MINUTE": "MINUTES", "HOUR": "HOURS", "DAY": "DAYS", "WEEK": "WEEKS", "MONTH": "MONTHS", "YEAR": "YEARS"}


def is_on(parameters: dict[str, str]) -> bool:
    return parameters.get("projection.enabled", "").lower() == "true"


def wrong(text: str) -> QueryFailure:
    return QueryFailure("INVALID_TABLE_PROPERTY", text)  # the code is Trino's; the words are ours


def partitions(table: dict[str, Any], now_s: float, equals: dict[str, list[str]]) -> list[tuple[list[str], str]]:
    """All partitions, with their places. ``equals`` are values that the query gives keys, which injected ones must have."""
    given = table.get("Parameters") or {}
    keys = [each["Name"] for each in table.get("PartitionKeys") or ()]
    values = [_values(given, key, now_s, equals) for key in keys]
    count = 1
    for each in values:
        count *= len(each)
    if count > MANY:
        raise QueryFailure("GENERIC_USER_ERROR", f"the projection has {count} partitions, more than {MANY}")
    template = given.get("storage.location.template") or ""
    root = table["StorageDescriptor"].get("Location", "").rstrip("/") + "/"
    found = []
    for chosen in itertools.product(*values):
        named = dict(zip(keys, chosen))
        if template:
            place = re.sub(r"\$\{(\w+)\}", lambda each, named=named: named[each[1].lower()], template)
        else:
            place = root + "/".join(f"{key}={value}" for key, value in named.items()) + "/"
        found.append((list(chosen), place))
    return found


def _values(given: dict[str, str], key: str, now_s: float, equals: dict[str, list[str]]) -> list[str]:
    kind = given.get(f"projection.{key}.type", "").lower()
    if kind == "enum":
        return given.get(f"projection.{key}.values", "").split(",")
    if kind == "integer":
        low, _, high = given.get(f"projection.{key}.range", "").partition(",")
        digits, step = int(given.get(f"projection.{key}.digits", "0")), int(given.get(f"projection.{key}.interval", "1"))
        if not low.strip().lstrip("-").isdigit() or not high.strip().lstrip("-").isdigit():
            raise wrong(f"projection.{key}.range is no range of whole numbers")
        if (int(high) - int(low)) // step >= MANY:
            raise wrong(f"projection.{key}.range has more than {MANY} values")
        return [f"{each:0{digits}d}" for each in range(int(low), int(high) + 1, step)]
    if kind == "date":
        return _dates(given, key, now_s)
    if kind == "injected":
        if key not in equals:
            # https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html#partition-projection-injected-type
            raise QueryFailure("CONSTRAINT_VIOLATION", f"For the injected projected partition column {key}, the WHERE clause must contain only static "
                               "equality conditions, and at least one such condition must be present.")  # fmt: skip
        return equals[key]
    raise wrong(f"projection.{key}.type is missing or unknown: '{kind}'")


def _dates(given: dict[str, str], key: str, now_s: float) -> list[str]:
    spelled = "".join(
        _LETTERS[each[0]] if each[0] in _LETTERS else each[1] if each[1] is not None else _plain(each[0])
        for each in re.finditer(r"'([^']*)'|([A-Za-z])\2*|[^A-Za-z']+", given.get(f"projection.{key}.format", ""))
    )  # fmt: skip
    low, _, high = given.get(f"projection.{key}.range", "").partition(",")
    # Where a pattern is finer than days the steps must be said; a day or a month alone is a step itself.
    unit = given.get(f"projection.{key}.interval.unit", "").upper() or ("DAYS" if "%d" in spelled or "%j" in spelled else "MONTHS" if "%m" in spelled else "YEARS")
    unit, step = _UNITS.get(unit, unit), int(given.get(f"projection.{key}.interval", "1"))
    at, end = (_moment(each.strip(), spelled, now_s, key) for each in (low, high))
    found: list[str] = []
    while at <= end:
        found.append(at.strftime(spelled))
        at = _later(at, unit, step)
        if len(found) > MANY:
            raise wrong(f"projection.{key}.range has more than {MANY} values")
    return list(dict.fromkeys(found))


def _plain(text: str) -> str:
    if re.search("[A-Za-z]", text):
        raise Unbuilt(f"'{text}' in the format of a projected date")
    return text.replace("%", "%%")


def _later(at: datetime, unit: str, step: int) -> datetime:
    if unit in _STEPS:
        return at + timedelta(seconds=_STEPS[unit] * step)
    months = at.year * 12 + at.month - 1 + step * (12 if unit == "YEARS" else 1)
    return at.replace(year=months // 12, month=months % 12 + 1, day=min(at.day, 28) if at.day > 28 else at.day)


def _moment(text: str, spelled: str, now_s: float, key: str) -> datetime:
    found = re.fullmatch(r"NOW\s*(?:([+-])\s*(\d+)\s*([A-Z]+))?", text.upper())
    if found is None:
        try:
            return datetime.strptime(text, spelled)
        except ValueError:
            raise wrong(f"projection.{key}.range: '{text}' is no date of its format") from None
    now = datetime.fromtimestamp(now_s, UTC).replace(tzinfo=None, microsecond=0)
    if found[1]:
        unit = _UNITS.get(found[3], found[3])
        if unit not in (*_STEPS, "MONTHS", "YEARS"):
            raise wrong(f"projection.{key}.range: unknown unit {found[3]}")
        now = _later(now, unit, int(found[2]) * (-1 if found[1] == "-" else 1))
    return now
