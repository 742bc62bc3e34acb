"""JSON that knows where each of its values stands in the text, for findings that point there."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

DEPTH_MAX = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALARS = json.JSONDecoder()


class Place(NamedTuple):
    """Where a value stands, and the places of what it holds."""

    start: int
    end: int
    held: dict[Any, Place]
    """By name or index; of a name that comes twice the last."""


class TooDeep(ValueError): ...


def placed(text: str) -> tuple[Any, Place]:
    """A value and its place. Raises ``json.JSONDecodeError`` or ``TooDeep``."""
    value, place = _value(text, _skip(text, 0), 0)
    if _skip(text, place.end) != len(text):
        raise json.JSONDecodeError("Extra data", text, _skip(text, place.end))
    return value, place


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr] - it matches anything


def _value(text: str, at: int, depth: int) -> tuple[Any, Place]:
    if depth > DEPTH_MAX:
        raise TooDeep
    opening = text[at : at + 1]
    if opening == "{":
        return _object(text, at, depth)
    if opening == "[":
        return _array(text, at, depth)
    value, end = _SCALARS.raw_decode(text, at)
    return value, Place(at, end, {})


def _object(text: str, start: int, depth: int) -> tuple[dict[str, Any], Place]:
    value: dict[str, Any] = {}
    places: dict[Any, Place] = {}
    at = _skip(text, start + 1)
    if text[at : at + 1] == "}":
        return value, Place(start, at + 1, places)
    while True:
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        name, at = _SCALARS.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
        value[name], place = _value(text, _skip(text, at + 1), depth + 1)
        places[name] = place
        at = _skip(text, place.end)
        if text[at : at + 1] == "}":
            return value, Place(start, at + 1, places)
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        at = _skip(text, at + 1)


def _array(text: str, start: int, depth: int) -> tuple[list[Any], Place]:
    value: list[Any] = []
    places: dict[Any, Place] = {}
    at = _skip(text, start + 1)
    if text[at : at + 1] == "]":
        return value, Place(start, at + 1, places)
    while True:
        item, place = _value(text, at, depth + 1)
        places[len(value)] = place
        value.append(item)
        at = _skip(text, place.end)
        if text[at : at + 1] == "]":
            return value, Place(start, at + 1, places)
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        at = _skip(text, at + 1)
