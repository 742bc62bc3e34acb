"""Filters of what is read: patterns of which a record must match one, or it never reaches who reads.

A pattern looks at the record as it would be given, but for what the sender wrote (a queue's ``body``, Kinesis' ``data``): that is
read as JSON where the pattern wants an object there, and as text where it lists values.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from kumoniwa.languages.event_pattern import Pattern, compile


class Filter(NamedTuple):
    pattern: Pattern
    wants: dict[str, Any]
    """The pattern as it was written."""


def patterns_of(criteria: dict[str, Any]) -> tuple[str, ...]:
    """The patterns of a request. Raises InvalidPattern."""
    patterns = tuple([entry["Pattern"] for entry in criteria.get("Filters") or () if "Pattern" in entry])
    for pattern in patterns:
        _filter(pattern)
    return patterns


@lru_cache(maxsize=1024)
def _filter(pattern: str) -> Filter:
    compiled = compile(pattern)
    return Filter(compiled, orjson.loads(pattern))


def passes(patterns: tuple[str, ...], record: dict[str, Any]) -> bool:
    return any(_matches(_filter(pattern), record) for pattern in patterns)


def _matches(wanted: Filter, record: dict[str, Any]) -> bool:
    for name, content in (("body", record.get("body")), ("data", _data(record))):
        if content is not None and name in wanted.wants:
            if not isinstance(wanted.wants[name], dict):
                value: Any = content
            elif (value := _json(content)) is None:
                return False
            record = record | {name: value}
    return wanted.pattern.matches(record)


def _data(record: dict[str, Any]) -> str | None:
    """What a producer wrote into Kinesis, which patterns find at the top of the record."""
    data = record.get("kinesis", record).get("data")
    return None if data is None else base64.b64decode(data).decode("utf-8", "replace")


def _json(content: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
