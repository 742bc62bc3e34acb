"""Quantities as people write them: ``60s``, ``500ms``, ``20/s``, ``99.9``, and AWS's ``PT5M``.

Each reader answers a plain number in base units and raises ``ValueError`` with a sentence that says what would be accepted.
"""

from __future__ import annotations

import re
from typing import Any

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def duration_s(value: Any) -> float:
    """``60s``, ``1500ms``, ``2m``, ``24h``; 0 needs no unit."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        return float(found[1]) * _SECONDS[found[2]]
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise ValueError(f"{value!r} is not a duration: write a number with its unit, such as 500ms, 20s, 2m or 24h")


def duration_text(seconds: float) -> str:
    """The shortest writing that reads back as the same number."""
    if seconds and seconds == int(seconds):
        for unit in ("d", "h", "m"):
            if seconds >= 2 * _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
                return f"{seconds / _SECONDS[unit]:g}{unit}"
    return f"{seconds * 1000:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"


def iso_duration_s(value: Any) -> float:
    """ISO 8601 as AWS FIS writes it: ``PT5M``, ``PT1H30M``, ``P1D``."""
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if not found or not any(found.groups()):
        raise ValueError(f"{value!r} is not an ISO 8601 duration: write PT30S, PT5M or PT1H")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def rate_per_s(value: Any) -> float:
    """``20/s``, ``90/m``."""
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{value!r} is not a rate: write requests per time, such as 20/s or 90/m")
    return float(found[1]) / _SECONDS[found[2]]


def share(value: Any) -> float:
    """A part of one: 0 to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a share: write a number from 0 to 1, such as 0.99")
    return float(value)


def percentage(value: Any) -> float:
    """0 to 100."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
        raise ValueError(f"{value!r} is not a percentage: write a number from 0 to 100, such as 99.9")
    return float(value)


def count(value: Any) -> int:
    """A whole number, at least one."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a count: write a whole number, at least 1")
    return value


def whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def positive(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{value!r} is not a number above 0")
    return float(value)


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value


def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts, or one."""
    if isinstance(value, str):
        return (text(value),)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of texts")
    return tuple(text(one) for one in value)


def one_of(*names: str):
    """A reader of one word out of a few."""

    def read(value: Any) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is not one of {', '.join(names)}")
        return value

    return read
