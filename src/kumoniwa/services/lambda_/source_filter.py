"""Filters of event source mappings: patterns of which a record must match one, or it never reaches the function.

A pattern looks at the record as the function would get it, but for what the sender wrote (a queue's ``body``, Kinesis' ``data``): that is
read as JSON where the pattern wants an object there, and as text where it lists values.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from kumoniwa.languages.event_pattern import InvalidPattern, Pattern, compile
from kumoniwa.services.lambda_.errors import InvalidParameterValueException

FILTERS_MAX = 5


class Filter(NamedTuple):
    pattern: Pattern
    wants: dict[str, Any]
    """The pattern as it was written."""


def check_patterns(criteria: dict[str, Any]) -> tuple[str, ...]:
    """The patterns of a request. Raises InvalidParameterValueException (recorded: test_dynamodb_invalid_event_filter)."""
    patterns = tuple([entry["Pattern"] for entry in criteria.get("Filters") or () if "Pattern" in entry])
    if len(patterns) > FILTERS_MAX:
        raise InvalidParameterValueException(f"The number of filters exceeds the limit of {FILTERS_MAX}.")
    for pattern in patterns:
        try:
            _filter(pattern)
        except InvalidPattern as error:
            raise InvalidParameterValueException("Invalid filter pattern definition.", hint=str(error))
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
    if "kinesis" not in record:
        return None
    return base64.b64decode(record["kinesis"]["data"]).decode("utf-8", "replace")


def _json(content: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
