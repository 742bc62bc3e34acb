"""What a filter pattern of CloudWatch Logs can pick out of the messages it matches: ``$.latency`` of JSON, ``$size`` of a row of fields.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringPolicyExamples.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from kumoniwa.languages.log_pattern import InvalidPattern, columns_of, parts_of, selected, tokens_of

Reader = Callable[[str], Any]
"""Of a message: the value, or None if there is none."""


def _kind(pattern: str) -> str:
    text = pattern.strip()
    return "json" if text.startswith("{") and text.endswith("}") else "row" if text.startswith("[") and text.endswith("]") else "terms"


@lru_cache(maxsize=1024)
def reader(pattern: str, selector: str) -> Reader:
    """What reads a selector in the messages of a pattern. Raises InvalidPattern if the pattern has no such field."""
    kind = _kind(pattern)
    if kind == "json":
        values = selected(selector)

        def of_json(message: str) -> Any:
            try:
                found = list(values(json.loads(message)))
            except (ValueError, RecursionError):
                return None
            return found[0] if found and not isinstance(found[0], dict | list) else None

        return of_json
    if kind == "row":
        names, gap = _names(pattern)
        if selector.removeprefix("$") not in names:
            raise InvalidPattern(f"'{selector}' is no field of the pattern")
        place = names.index(selector.removeprefix("$"))

        def of_row(message: str) -> Any:
            fields = parts_of(message)
            at = place if gap is None or place < gap else place - len(names)
            return fields[at] if -len(fields) <= at < len(fields) else None

        return of_row
    raise InvalidPattern(f"'{selector}' is no field: the pattern has none")


def _names(pattern: str) -> tuple[list[str], int | None]:
    """The names of a row's fields, and where the ellipsis stands in for any number of them."""
    names = [next((token.text for token in column if token.kind == "word"), "") for column in columns_of(pattern.strip()[1:-1])]
    return names, names.index("...") if "..." in names else None


@lru_cache(maxsize=256)
def selectors(pattern: str) -> tuple[str, ...]:
    """Everything that a pattern names, by which TestMetricFilter tells what it saw."""
    kind = _kind(pattern)
    if kind == "json":
        return tuple(dict.fromkeys(token.text for token in tokens_of(pattern.strip()[1:-1]) if token.kind == "selector"))
    if kind == "row":
        return tuple(f"${name}" for name in _names(pattern)[0] if name not in ("", "..."))
    return ()
