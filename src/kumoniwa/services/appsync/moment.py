"""Moments as AppSync's utilities write and read them: milliseconds since the epoch, ISO 8601, and Java's patterns of letters.

https://docs.aws.amazon.com/appsync/latest/devguide/time-helpers-in-util-time.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.vtl_value import TemplateError, text

_LETTERS = re.compile(r"'([^']*)'|yyyy|MM|dd|HH|mm|ss|SSS|XXX|Z|[A-Za-z]+")
_FORMS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "XXX": "%z", "Z": "%z"}


def _zone(name: Any) -> Any:
    if name in (None, "UTC", "Z", "GMT"):
        return UTC
    if found := re.fullmatch(r"([+-])(\d\d):?(\d\d)", text(name)):
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return ZoneInfo(text(name))
    except (ZoneInfoNotFoundError, ValueError):
        raise TemplateError(f"Unknown time zone {text(name)}") from None


def _form(letters: str) -> str:
    if letters not in _FORMS and letters != "SSS":
        raise NotImplementedHere(f"the letters {letters} of a date's pattern in util.time")
    return _FORMS.get(letters, "%f")


def iso(milliseconds: Any) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{int(milliseconds) % 1000:03d}Z"


def formatted(milliseconds: Any, pattern: Any, zone: Any = None) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, _zone(zone))

    def one(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1] or "'"
        if found[0] == "SSS":
            return f"{int(milliseconds) % 1000:03d}"
        made = at.strftime(_form(found[0]))
        if found[0] == "XXX":
            return "Z" if made == "+0000" else f"{made[:3]}:{made[3:]}"
        return made

    return _LETTERS.sub(one, text(pattern))


def read(value: Any, pattern: Any, zone: Any = None) -> int:
    form = _LETTERS.sub(
        lambda found: (found[1] or "'") if found[1] is not None else _form(found[0]), text(pattern)
    )
    try:
        at = datetime.strptime(text(value), form)
    except ValueError:
        raise TemplateError(f"Text '{text(value)}' could not be parsed") from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=_zone(zone))
    return milliseconds(at.timestamp())


def read_iso(value: Any) -> int:
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError:
        raise TemplateError(f"Text '{text(value)}' could not be parsed") from None
    return milliseconds((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp())
